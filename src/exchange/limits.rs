//! Limits along the walk: what a request is counted in, and when.
//!
//! On arrival, before its credential is looked at: limits by address or by the request. With leave to go on: limits by who is
//! calling. Of the limits of one moment a request is counted in all or, if one stops it, in none. A request that waits and walks
//! again is counted once. Those that are counted elsewhere are asked for after that, of requests that no limit here stops.

mod global;

use std::cell::Cell;

use super::Denial;
use super::request::{Done, Stop, Trace};
use crate::access::risk::Score;
use crate::access::{Circumstances, Connection};
use crate::binding::{Binding, Fault};
use crate::config::{Config, LimitConfig, LimitHeaders};
use crate::engine::{Engine, Host};
use crate::http::RequestHead;
use crate::identity::Identity;
use crate::policy::{Facts, RouteMatch, Rule};
use crate::rate_limit::{Limit, Request, Source, Tally, When, fields};
use crate::time::UnixTime;
use crate::verdict::Verdict;
pub(super) use global::Asked;
use global::Elsewhere;

/// Before it is known who is calling.
///
/// # Errors
///
/// A limit by the address or by the request is exceeded.
pub(super) fn arrive(
    config: &Config,
    rule: &Rule,
    head: &RequestHead,
    engine: &mut Engine,
    host: &mut dyn Host,
    now: UnixTime,
    trace: &mut Trace,
) -> Result<(), Stop> {
    recall(trace);
    let is_first = trace.done.counted.arrives();
    if !applies(config, rule, is_first, |when| when != When::Admitted) {
        return Ok(());
    }
    let source = arrival(config, rule, head, host);
    let (mut requests, mut looks, mut elsewhere) = (Vec::new(), Vec::new(), Vec::new());
    for (limit, weight) in limits(config, rule) {
        let limit = &limit.limit;
        let percent = engine.limiter().percent(host, limit, now);
        let request = Request { limit, tier: None, weight, percent };
        match (limit.when, &limit.global) {
            (When::Arrival, Some(global)) => elsewhere.push(Elsewhere { request, global }),
            (When::Arrival, None) => requests.push(request),
            (When::ArrivalOfFailures, _) => looks.push(request),
            (When::Admitted, _) => {}
        }
    }
    if is_first {
        let limiter = engine.limiter();
        let mut tallies: Vec<Tally> = looks.iter().map(|look| limiter.look(host, look, source, now)).collect();
        if !is_stopped(&tallies) {
            tallies.extend(limiter.count(host, &requests, source, now));
        }
        learn(&requests, trace);
        end(tallies, trace)?;
    }
    count_elsewhere(&elsewhere, source, engine, host, now, trace)
}

/// The credential was not accepted: that counts, where failures do.
#[expect(clippy::too_many_arguments, reason = "what a limit may hang on, each of it once")]
pub(super) fn failed(
    config: &Config,
    rule: &Rule,
    head: &RequestHead,
    denial: &Denial,
    engine: &mut Engine,
    host: &mut dyn Host,
    now: UnixTime,
    trace: &mut Trace,
) {
    let counts = applies(config, rule, true, |when| when == When::ArrivalOfFailures) && is_failure(denial);
    if !counts || !trace.done.counted.fails() {
        return;
    }
    let source = arrival(config, rule, head, host);
    let failing = limits(config, rule).filter(|(limit, _)| limit.limit.when == When::ArrivalOfFailures);
    for (limit, weight) in failing {
        let limit = &limit.limit;
        let request = Request { limit, tier: None, weight, percent: 100 };
        let tallies = engine.limiter().count(host, &[request], source, now);
        trace.done.counted.renew(tallies);
    }
}

/// With leave to go on.
///
/// # Errors
///
/// A limit is exceeded, or the answer of the one who counts is waited for.
#[expect(clippy::too_many_arguments, reason = "what a limit may hang on, each of it once")]
pub(super) fn admit(
    config: &Config,
    route: &RouteMatch<'_, Rule>,
    head: &RequestHead,
    identity: &Identity,
    binding: Binding,
    risk: Score,
    engine: &mut Engine,
    host: &mut dyn Host,
    now: UnixTime,
    trace: &mut Trace,
) -> Result<(), Stop> {
    let rule = route.value();
    let is_first = trace.done.counted.is_admitted();
    if !applies(config, rule, is_first, |when| when == When::Admitted) {
        return Ok(());
    }
    let (mut requests, mut elsewhere) = (Vec::new(), Vec::new());
    for (limit, weight) in limits(config, rule).filter(|(limit, _)| limit.limit.when == When::Admitted) {
        let percent = engine.limiter().percent(host, &limit.limit, now).min(at_risk(&limit.limit, risk));
        let tier = tier(config, limit, route, head, identity, binding, risk, host, now);
        let tier = tier.and_then(|place| limit.limit.tiers.get(place));
        let request = Request { limit: &limit.limit, tier, weight, percent };
        match &limit.limit.global {
            Some(global) => elsewhere.push(Elsewhere { request, global }),
            None => requests.push(request),
        }
    }
    let address = Connection::new(host).addressed_by(config.client_address, head);
    let asked = elsewhere.iter().map(|one| &one.request);
    let needs_address = requests.iter().chain(asked).any(|request| request.limit.key.needs_address());
    let address = if needs_address { address.address() } else { None };
    let source = Source { identity, head, address, rule: &rule.name };
    if is_first {
        let tallies = engine.limiter().count(host, &requests, source, now);
        learn(&requests, trace);
        end(tallies, trace)?;
    }
    count_elsewhere(&elsewhere, source, engine, host, now, trace)
}

fn count_elsewhere(
    limits: &[Elsewhere<'_>],
    source: Source<'_>,
    engine: &mut Engine,
    host: &mut dyn Host,
    now: UnixTime,
    trace: &mut Trace,
) -> Result<(), Stop> {
    let (tallies, stop) = global::settle(limits, source, engine, host, now, trace);
    end(tallies, trace)?;
    stop.map_or(Ok(()), Err)
}

/// The request does not go on: what it holds is free again.
pub(super) fn release(done: &mut Done, engine: &mut Engine, host: &mut dyn Host) {
    done.asked.forget(engine);
    for held in done.counted.take_held() {
        engine.limiter().release(host, held);
    }
}

/// Says what is left, in the response, where that is told.
pub(super) fn tell(config: &Config, trace: &mut Trace, denied: bool) {
    let tallies = trace.done.counted.tallies();
    let stopped = denied && is_stopped(tallies);
    let told = match config.rate_limit_headers {
        LimitHeaders::Always => true,
        LimitHeaders::Denied => stopped,
        LimitHeaders::Never => false,
    };
    if told {
        trace.response.extend(fields(tallies));
    }
}

/// The first limit that stops the request or would, were it enforced.
fn end(tallies: Vec<Tally>, trace: &mut Trace) -> Result<(), Stop> {
    let excess = |enforced: bool| {
        let mut beyond = tallies.iter().filter(|tally| tally.report_only != enforced);
        beyond.find_map(|tally| tally.excess.clone())
    };
    let (stops, reported) = (excess(true), excess(false));
    trace.done.counted.add(tallies);
    if let Some(excess) = stops {
        return Err(Denial::Limited(excess).into());
    }
    if let Some(excess) = reported {
        trace.unenforced.get_or_insert(Denial::Limited(excess));
    }
    Ok(())
}

/// What would have stopped the request in an earlier walk, which is not counted again in this one.
fn recall(trace: &mut Trace) {
    let excess = trace.done.counted.tallies().iter().find_map(|tally| tally.excess.clone());
    let denial = excess.map(Denial::Limited).or_else(|| trace.done.asked.unavailable().map(Denial::LimitUnavailable));
    if let Some(denial) = denial {
        trace.unenforced.get_or_insert(denial);
    }
}

fn is_stopped(tallies: &[Tally]) -> bool {
    tallies.iter().any(|tally| tally.excess.is_some() && !tally.report_only)
}

/// The responses to what was counted will be told to those who learn from them.
fn learn(requests: &[Request<'_>], trace: &mut Trace) {
    for request in requests.iter().filter(|request| request.limit.upstream.is_some()) {
        trace.done.counted.learns(&request.limit.name);
    }
}

/// The limits of a rule, and how much a request counts in each.
fn limits<'c>(config: &'c Config, rule: &'c Rule) -> impl Iterator<Item = (&'c LimitConfig, u32)> {
    rule.limits.iter().filter_map(|applied| Some((config.rate_limits.get(applied.limit)?, applied.weight)))
}

/// Is there a limit of this moment? When the request was counted here before, one that is counted elsewhere.
fn applies(config: &Config, rule: &Rule, is_first: bool, when: impl Fn(When) -> bool) -> bool {
    limits(config, rule).any(|(limit, _)| when(limit.limit.when) && (is_first || limit.limit.global.is_some()))
}

/// What keys are made of before it is known who is calling.
fn arrival<'a>(config: &Config, rule: &'a Rule, head: &'a RequestHead, host: &mut dyn Host) -> Source<'a> {
    let address = Connection::new(host).addressed_by(config.client_address, head).address();
    Source { identity: &Identity::Anonymous, head, address, rule: &rule.name }
}

/// So much is left for a caller at this risk. One that can't be told is too high.
fn at_risk(limit: &Limit, risk: Score) -> u8 {
    let Some(at_risk) = limit.risk else { return 100 };
    let is_fine = risk.is_below(at_risk.above.saturating_add(1)) == Verdict::Met;
    if is_fine { 100 } else { at_risk.percent }
}

/// The place of the first tier that the caller has.
#[expect(clippy::too_many_arguments, reason = "what a requirement may hang on, each of it once")]
fn tier(
    config: &Config,
    limit: &LimitConfig,
    route: &RouteMatch<'_, Rule>,
    head: &RequestHead,
    identity: &Identity,
    binding: Binding,
    risk: Score,
    host: &mut dyn Host,
    now: UnixTime,
) -> Option<usize> {
    if limit.tiers.is_empty() {
        return None;
    }
    let parameters: Vec<_> = route.parameters().collect();
    let connection =
        Connection::new(host).addressed_by(config.client_address, head).certified_by(&config.client_certificates, head);
    let circumstances = Circumstances { head, token: identity.token(), connection: &connection, risk, now };
    let facts = Facts {
        identity,
        parameters: &parameters,
        binding,
        // Who has too many groups for a token is of no tier that asks for one: nobody waits for a plan.
        groups: None,
        groups_missed: Cell::default(),
        circumstances,
    };
    limit.tiers.iter().position(|when| when.evaluate(&facts) == Verdict::Met)
}

/// Was a credential shown that is not accepted? Who shows none has yet to sign in, and what is ours to blame is not theirs.
fn is_failure(denial: &Denial) -> bool {
    match denial {
        Denial::Credential(flaw) => !flaw.is_missing_bearer(),
        Denial::Token(_)
        | Denial::Issuer(_)
        | Denial::Key(_)
        | Denial::AlgorithmNotAccepted
        | Denial::Signature(_)
        | Denial::Rule(_)
        | Denial::Introspection(_)
        | Denial::ApiKey(_)
        | Denial::Certificate(_) => true,
        // A nonce is asked for in this way (RFC 9449 section 8).
        Denial::Binding(flaw) => matches!(flaw.fault(), Fault::Token | Fault::Proof),
        _ => false,
    }
}

//! Limits along the walk: what a request is counted in, and when.
//!
//! On arrival, before its credential is looked at: limits by address or by the request. With leave to go on: limits by who is
//! calling. Of the limits of one moment a request is counted in all or, if one stops it, in none. A request that waits and walks
//! again is counted once. Those that are counted elsewhere are asked for after that, of requests that no limit here stops.

mod global;

use std::rc::Rc;

use super::identified::Identified;
use super::stop::Stop;
use super::trace::{Done, Trace};
use super::walk::Walk;
use super::{Denial, guard};
use crate::access::risk::Score;
use crate::config::{Config, LimitConfig, LimitHeaders};
use crate::engine::{Engine, Host};
use crate::identity::Identity;
use crate::policy::{RouteMatch, Rule};
use crate::rate_limit::{Limit, Request, Source, Tally, When, fields};
use crate::verdict::Verdict;
use global::Elsewhere;

/// Before it is known who is calling.
///
/// # Errors
///
/// A limit by the address or by the request is exceeded.
pub(super) fn arrive(walk: &mut Walk<'_>, rule: &Rule) -> Result<(), Stop> {
    arrive_at(walk, rule, |_| true)
}

/// The same for a preflight. It never has a header that applications set, so all browsers would share an allowance of nobody.
///
/// # Errors
///
/// As above.
pub(super) fn arrive_in_advance(walk: &mut Walk<'_>, rule: &Rule) -> Result<(), Stop> {
    arrive_at(walk, rule, |limit| !limit.key.needs_header())
}

fn arrive_at(walk: &mut Walk<'_>, rule: &Rule, counts: impl Fn(&Limit) -> bool) -> Result<(), Stop> {
    recall(walk.trace);
    let is_first = walk.trace.done.counted.arrives();
    if !applies(walk.config, rule, is_first, |when| when != When::Admitted) {
        return Ok(());
    }
    let source = arrival(walk, rule);
    let (mut requests, mut looks, mut elsewhere) = (Vec::new(), Vec::new(), Vec::new());
    for (limit, weight) in limits(walk.config, rule).filter(|(limit, _)| counts(&limit.limit)) {
        let limit = &limit.limit;
        let percent = walk.engine.limiter().percent(walk.host, limit, walk.now);
        let report_only = is_reported(walk, rule, limit);
        let request = Request { limit, tier: None, weight, percent, report_only };
        match (limit.when, &limit.global) {
            (When::Arrival, Some(global)) => elsewhere.push(Elsewhere { request, global }),
            (When::Arrival, None) => requests.push(request),
            (When::ArrivalOfFailures, _) => looks.push(request),
            (When::Admitted, _) => {}
        }
    }
    if is_first {
        let limiter = walk.engine.limiter();
        let mut tallies: Vec<Tally> =
            looks.iter().map(|look| limiter.look(walk.host, look, source, walk.now)).collect();
        if !is_stopped(&tallies) {
            tallies.extend(limiter.count(walk.host, &requests, source, walk.now));
        }
        learn(&requests, walk.trace);
        end(tallies, walk.trace)?;
    }
    global::count(walk, &elsewhere, source)
}

/// The credential was not accepted: that counts, where failures do.
pub(super) fn failed(walk: &mut Walk<'_>, rule: &Rule, denial: &Denial) {
    let counts = applies(walk.config, rule, true, |when| when == When::ArrivalOfFailures) && is_failure(denial);
    if !counts || !walk.trace.done.counted.fails() {
        return;
    }
    let source = arrival(walk, rule);
    let failing = limits(walk.config, rule).filter(|(limit, _)| limit.limit.when == When::ArrivalOfFailures);
    for (limit, weight) in failing {
        let report_only = is_reported(walk, rule, &limit.limit);
        let request = Request { limit: &limit.limit, tier: None, weight, percent: 100, report_only };
        let tallies = walk.engine.limiter().count(walk.host, &[request], source, walk.now);
        walk.trace.done.counted.renew(tallies);
    }
}

/// With leave to go on.
///
/// # Errors
///
/// A limit is exceeded, or the answer of the one who counts is waited for.
pub(super) fn admit(
    walk: &mut Walk<'_>,
    route: &RouteMatch<'_, Rule>,
    caller: &Identified,
    risk: Score,
) -> Result<(), Stop> {
    let rule = route.value();
    let is_first = walk.trace.done.counted.is_admitted();
    if !applies(walk.config, rule, is_first, |when| when == When::Admitted) {
        return Ok(());
    }
    let (mut requests, mut elsewhere, mut unlimited) = (Vec::new(), Vec::new(), Vec::new());
    for (limit, weight) in limits(walk.config, rule).filter(|(limit, _)| limit.limit.when == When::Admitted) {
        let percent = walk.engine.limiter().percent(walk.host, &limit.limit, walk.now);
        let percent = percent.min(at_risk(&limit.limit, risk));
        let tier = tier(walk, limit, route, caller, risk).and_then(|place| limit.limit.tiers.get(place));
        let report_only = is_reported(walk, rule, &limit.limit);
        let request = Request { limit: &limit.limit, tier, weight, percent, report_only };
        match &limit.limit.global {
            Some(global) => elsewhere.push(Elsewhere { request, global }),
            None if request.allowance().is_unlimited() => unlimited.push(request),
            None => requests.push(request),
        }
    }
    let asked = elsewhere.iter().map(|one| &one.request);
    let needs_address = requests.iter().chain(asked).any(|request| request.limit.key.needs_address());
    let address = if needs_address { walk.address() } else { None };
    let source = Source { identity: &caller.identity, head: walk.head, address, rule: &rule.name };
    if is_first {
        let tallies = walk.engine.limiter().count(walk.host, &requests, source, walk.now);
        learn(&requests, walk.trace);
        learn(&unlimited, walk.trace);
        // Nothing is counted, so nothing is kept of them.
        walk.trace.done.counted.add(unlimited.iter().map(without_amounts).collect());
        end(tallies, walk.trace)?;
    }
    global::count(walk, &elsewhere, source)
}

/// What came of a limit that the caller's tier has nothing of.
fn without_amounts(request: &Request<'_>) -> Tally {
    Tally {
        limit: Rc::clone(&request.limit.name),
        tier: request.tier.map(|tier| Rc::clone(&tier.name)),
        rooms: Vec::new(),
        excess: None,
        report_only: request.report_only,
        uncounted: false,
        quiet: false,
        held: None,
    }
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

/// Does a request of `rule` go on even if it is beyond the limit?
fn is_reported(walk: &Walk<'_>, rule: &Rule, limit: &Limit) -> bool {
    limit.report_only || rule.report_only || walk.config.report_only
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
fn arrival<'a, 'r: 'a>(walk: &mut Walk<'r>, rule: &'a Rule) -> Source<'a> {
    Source { identity: &Identity::Anonymous, head: walk.head, address: walk.address(), rule: &rule.name }
}

/// So much is left for a caller at this risk. One that can't be told is too high.
fn at_risk(limit: &Limit, risk: Score) -> u8 {
    let Some(at_risk) = limit.risk else { return 100 };
    let is_fine = risk.is_below(at_risk.above.saturating_add(1)) == Verdict::Met;
    if is_fine { 100 } else { at_risk.percent }
}

/// The place of the first tier that the caller has. Who has too many groups for a token is of no tier that asks for one: nobody
/// waits for a plan.
fn tier(
    walk: &mut Walk<'_>,
    limit: &LimitConfig,
    route: &RouteMatch<'_, Rule>,
    caller: &Identified,
    risk: Score,
) -> Option<usize> {
    if limit.tiers.is_empty() {
        return None;
    }
    walk.consider(route, caller, risk, |facts, _, _| {
        limit.tiers.iter().position(|when| when.evaluate(&facts) == Verdict::Met)
    })
}

/// Was a credential shown that is made up, forged or somebody else's? Who shows none, or one that is over or of too few rights, has
/// yet to sign in, and what is ours to blame is not theirs.
fn is_failure(denial: &Denial) -> bool {
    match denial {
        Denial::Credential(flaw) => !flaw.is_missing_bearer(),
        Denial::Certificate(_) => true,
        Denial::Binding(flaw) => flaw.is_the_senders(),
        _ => guard::is_unverified(denial),
    }
}

//! The walk: what happens to a request's head, in order. Each step hands its value to the next; the rules are elsewhere.

use std::rc::Rc;

use super::{Denial, Passage, Reply};
use crate::credential::{self, Found};
use crate::engine::{Engine, Host};
use crate::forward;
use crate::http::RequestHead;
use crate::identity::Identity;
use crate::jose::Unverified;
use crate::policy::{self, Access};
use crate::provider::KeyLookup;
use crate::time::UnixTime;
use crate::token::VerifiedToken;

/// Why the walk stops.
#[derive(Debug)]
pub(super) enum Stop {
    /// The request is turned away.
    Denied(Denial),
    /// Keys are on their way.
    Keys,
    /// The filter itself has what it asks for.
    Served(Reply),
}

impl From<Denial> for Stop {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

/// What the walk has learned so far, for the record.
#[derive(Debug, Default)]
pub(super) struct Trace {
    pub(super) rule: Option<(usize, Rc<str>)>,
    pub(super) provider: Option<usize>,
    pub(super) kid: Option<String>,
    pub(super) identity: Option<Identity>,
    pub(super) remembered: bool,
}

/// Walks `head` from route to passage.
pub(super) fn walk(
    head: &RequestHead,
    engine: &mut Engine,
    host: &mut dyn Host,
    now: UnixTime,
    trace: &mut Trace,
) -> Result<Passage, Stop> {
    let config = engine.config_handle();
    if let Some(metadata) = config.resource_metadata(head) {
        return Err(Stop::Served(metadata));
    }
    if let Some(rule) = config.preflight(head) {
        trace.rule = Some((rule.index, Rc::clone(&rule.name)));
        return Ok(forward::passage(&config.forwarding, head, &policy::admit_preflight(rule), None));
    }
    let rule = config.route(head).ok_or(Denial::NoRule)?;
    trace.rule = Some((rule.index, Rc::clone(&rule.name)));
    let found = match rule.access {
        Access::Anonymous => None,
        Access::Token | Access::Optional => credential::find(head, &config.sources).map_err(Denial::Credential)?,
    };
    let identity = match &found {
        Some(found) => Identity::Token(identify(found, engine, host, now, trace)?),
        None => Identity::Anonymous,
    };
    trace.identity = Some(identity.clone());
    let permit = policy::decide(rule, identity).map_err(Denial::from)?;
    Ok(forward::passage(&config.forwarding, head, &permit, found.as_ref()))
}

/// The verified token behind a credential: remembered, or checked from the first byte.
fn identify(
    found: &Found<'_>,
    engine: &mut Engine,
    host: &mut dyn Host,
    now: UnixTime,
    trace: &mut Trace,
) -> Result<Rc<VerifiedToken>, Stop> {
    if let Some(token) = engine.remembered(found.token(), now) {
        trace.remembered = true;
        trace.provider = Some(token.issuer().provider);
        trace.kid = token.signed().header().kid().map(str::to_owned);
        token.check_time(now).map_err(Denial::Rule)?;
        return Ok(token);
    }
    let config = engine.config_handle();
    let unverified = Unverified::parse(found.token(), &config.limits.token).map_err(Denial::Token)?;
    let header = unverified.header();
    trace.kid = header.kid().map(str::to_owned);
    let (issuer, provider) = config.issuer(unverified.issuer_hint()).map_err(Denial::Issuer)?;
    trace.provider = Some(issuer.provider);
    if !provider.rules.algorithms.contains(header.alg()) {
        return Err(Denial::AlgorithmNotAccepted.into());
    }
    let key = match engine.key(issuer, header.kid(), header.alg(), now) {
        KeyLookup::Found(key) => key,
        KeyLookup::Wait => return Err(Stop::Keys),
        KeyLookup::Refused(flaw) => return Err(Denial::Key(flaw).into()),
        KeyLookup::Unavailable { retry_after } => return Err(Denial::KeysUnavailable(retry_after).into()),
    };
    let signed = unverified.verify(&key, host, config.signatures).map_err(Denial::Signature)?;
    let token = Rc::new(provider.accept(issuer, signed, now).map_err(Denial::Rule)?);
    engine.remember(found.token(), &token);
    Ok(token)
}

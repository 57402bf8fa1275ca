//! Risk and lock-out along the walk: what is asked of them, and what they are told.

use std::net::IpAddr;
use std::time::Duration;

use super::Denial;
use super::request::Stop;
use crate::access::Connection;
use crate::access::risk::{Encounter, Score};
use crate::binding::Fault;
use crate::config::Config;
use crate::engine::{Engine, Host};
use crate::entra::EntraFlaw;
use crate::http::RequestHead;
use crate::identity::Identity;
use crate::policy::{Lack, Refusal, Rule};
use crate::time::UnixTime;
use crate::token::TokenRuleFlaw;

/// What is known of a request's risk while it is decided.
#[derive(Debug)]
pub(super) struct Met {
    encounter: Option<Encounter>,
    pub(super) score: Score,
}

/// The risk of a request of `identity`; `None` where none is configured.
///
/// # Errors
///
/// The identity is locked out.
pub(super) fn meet(
    config: &Config,
    rule: &Rule,
    head: &RequestHead,
    identity: &Identity,
    engine: &mut Engine,
    host: &mut dyn Host,
    now: UnixTime,
) -> Result<Option<Met>, Denial> {
    let Some(watch) = engine.watch() else { return Ok(None) };
    let address = client_address(config, head, host);
    let encounter = watch.meet(host, identity, address, &rule.name, now);
    if let Some(left) = encounter.as_ref().and_then(Encounter::locked) {
        return Err(Denial::LockedOut(left));
    }
    let seen = match (&encounter, identity) {
        (Some(encounter), _) => encounter.score(),
        (None, Identity::Anonymous) => watch.of_address(host, address, now),
        (None, Identity::Token(_) | Identity::ApiKey(_) | Identity::Certificate(_)) => 0,
    };
    let connection = Connection::new(host);
    let signals = watch.settings().signals.iter();
    let said = signals.map(|signal| signal.score(head, identity.token(), || connection.peer()));
    let score = watch.settings().score(seen, said);
    Ok(Some(Met { encounter, score }))
}

/// How that ended.
pub(super) fn part<T>(
    met: Option<Met>,
    ended: &Result<T, Stop>,
    engine: &mut Engine,
    host: &mut dyn Host,
    now: UnixTime,
) {
    let failed = match ended {
        // It will walk again.
        Err(Stop::Wait(_)) => return,
        Err(Stop::Denied(denial)) => is_failure(denial),
        Ok(_) | Err(Stop::Served(_)) => false,
    };
    if let (Some(watch), Some(encounter)) = (engine.watch(), met.and_then(|met| met.encounter)) {
        watch.part(host, encounter, failed, now);
    }
}

/// A request without a verified identity was stopped: the answer is another one where its address is locked out.
pub(super) fn unverified(
    config: &Config,
    head: &RequestHead,
    denial: Denial,
    engine: &mut Engine,
    host: &mut dyn Host,
    now: UnixTime,
) -> Denial {
    let Some(watch) = engine.watch().filter(|_| is_unverified(&denial)) else { return denial };
    let address = client_address(config, head, host);
    let locked = watch.unverified(host, address, now).filter(|_| watch.settings().lockout.is_some());
    locked.map_or(denial, Denial::LockedOut)
}

/// How long a request at this risk has to wait, once, where that is enforced.
pub(super) fn delay(config: &Config, rule: &Rule, met: Option<&Met>, slowed: bool) -> Option<Duration> {
    let slow_down = config.slow_down()?;
    let waits = met?.score.at_least() > slow_down.above && !slowed && !rule.report_only && !config.report_only;
    waits.then_some(slow_down.delay)
}

fn client_address(config: &Config, head: &RequestHead, host: &mut dyn Host) -> Option<IpAddr> {
    Connection::new(host).addressed_by(config.client_address, head).address()
}

/// Was it turned away for what it may not do? Circumstances change without anybody's fault, and risk must not feed itself.
fn is_failure(denial: &Denial) -> bool {
    match denial {
        Denial::Refused(Refusal::Lacks(lack)) => !matches!(
            lack,
            Lack::NoToken
                | Lack::GroupsOverage
                | Lack::ConditionFailed
                | Lack::Unclear(_)
                | Lack::Circumstance(_)
                // Of what is excluded most are circumstances: a network, a country, a risk. A condition may be about one.
                | Lack::Excluded
                | Lack::Condition
        ),
        _ => false,
    }
}

/// Did its token or its key not verify? None, and one that is good but for its time, are a client's that has yet to sign in again.
fn is_unverified(denial: &Denial) -> bool {
    match denial {
        Denial::ApiKey(flaw) => flaw.is_unproven(),
        Denial::Binding(flaw) => matches!(flaw.fault(), Fault::Token | Fault::Proof),
        Denial::Token(_) | Denial::Issuer(_) | Denial::Key(_) | Denial::AlgorithmNotAccepted | Denial::Signature(_) => {
            true
        }
        // Expired, revoked or made up: the server does not tell them apart, and whoever goes on with such a token is told so.
        Denial::Introspection(_) => true,
        Denial::Rule(flaw) => !matches!(
            flaw,
            TokenRuleFlaw::Expired
                | TokenRuleFlaw::NotYetValid
                | TokenRuleFlaw::IssuedInFuture
                | TokenRuleFlaw::TooOld
                | TokenRuleFlaw::Entra(EntraFlaw::Permission(_))
        ),
        _ => false,
    }
}

//! Risk and lock-out along the walk: what is asked of them, and what they are told.

use std::time::Duration;

use super::Denial;
use super::stop::Stop;
use super::walk::Walk;
use crate::access::risk::{Encounter, Score};
use crate::entra::EntraFlaw;
use crate::identity::Identity;
use crate::introspection::IntrospectionFlaw;
use crate::policy::{Lack, Refusal, Rule};
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
pub(super) fn meet(walk: &mut Walk<'_>, rule: &Rule, identity: &Identity) -> Result<Option<Met>, Denial> {
    if walk.engine.watch().is_none() {
        return Ok(None);
    }
    let address = walk.address();
    let peer = walk.connection().peer();
    let Some(watch) = walk.engine.watch() else { return Ok(None) };
    let encounter = watch.meet(walk.host, identity, address, &rule.name, walk.now);
    if let Some(left) = encounter.as_ref().and_then(Encounter::locked) {
        return Err(Denial::LockedOut(left));
    }
    let seen = match (&encounter, identity) {
        (Some(encounter), _) => encounter.score(),
        (None, Identity::Anonymous) => watch.of_address(walk.host, address, walk.now),
        (None, Identity::Token(_) | Identity::ApiKey(_) | Identity::Certificate(_)) => 0,
    };
    let signals = watch.settings().signals.iter();
    let said = signals.map(|signal| signal.score(walk.head, identity.token(), || peer));
    let score = watch.settings().score(seen, said);
    Ok(Some(Met { encounter, score }))
}

/// How that ended.
pub(super) fn part<T>(walk: &mut Walk<'_>, met: Option<Met>, ended: &Result<T, Stop>) {
    let failed = match ended {
        // It will walk again.
        Err(Stop::Wait(_)) => return,
        Err(Stop::Denied(denial)) => is_failure(denial),
        Ok(_) | Err(Stop::Served(_)) => false,
    };
    if let (Some(watch), Some(encounter)) = (walk.engine.watch(), met.and_then(|met| met.encounter)) {
        watch.part(walk.host, encounter, failed, walk.now);
    }
}

/// A request without a verified identity was stopped: the answer is another one where its address is locked out.
pub(super) fn unverified(walk: &mut Walk<'_>, denial: Denial) -> Denial {
    if walk.engine.watch().is_none() || !is_unverified(&denial) {
        return denial;
    }
    let address = walk.address();
    let Some(watch) = walk.engine.watch() else { return denial };
    let locked = watch.unverified(walk.host, address, walk.now).filter(|_| watch.settings().lockout.is_some());
    locked.map_or(denial, Denial::LockedOut)
}

/// How long a request at this risk has to wait, once, where that is enforced.
pub(super) fn delay(walk: &Walk<'_>, rule: &Rule, met: Option<&Met>) -> Option<Duration> {
    let slow_down = walk.config.slow_down()?;
    let is_enforced = !rule.report_only && !walk.config.report_only;
    let waits = met?.score.at_least() > slow_down.above && !walk.trace.done.slowed && is_enforced;
    waits.then_some(slow_down.delay)
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
/// Whose proof is wrong has a token that verified, and guesses at none: one client whose clock is wrong must not lock out all who
/// share its address.
pub(super) fn is_unverified(denial: &Denial) -> bool {
    match denial {
        Denial::ApiKey(flaw) => flaw.is_unproven(),
        Denial::Token(_) | Denial::Issuer(_) | Denial::Key(_) | Denial::AlgorithmNotAccepted | Denial::Signature(_) => {
            true
        }
        // Expired, revoked or made up: the server does not tell them apart, and whoever goes on with such a token is told so.
        Denial::Introspection(flaw) => *flaw == IntrospectionFlaw::Inactive,
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

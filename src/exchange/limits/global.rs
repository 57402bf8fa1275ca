//! Limits that are counted elsewhere: asked for once, waited for, and settled.

use std::rc::Rc;
use std::time::Duration;

use super::end;
use crate::exchange::Denial;
use crate::exchange::asked::State;
use crate::exchange::stop::{Stop, Wanted};
use crate::exchange::walk::Walk;
use crate::rate_limit::global::{Answer, Descriptor, Failure, GlobalLimit, Lookup, OnFailure};
use crate::rate_limit::{Excess, ExcessKind, Request, Room, Source, Tally};

/// A limit that is counted elsewhere.
pub(super) struct Elsewhere<'a> {
    pub(super) request: Request<'a>,
    pub(super) global: &'a GlobalLimit,
}

/// Counts a request in each of `limits`: asks for it, or takes what came of that.
///
/// # Errors
///
/// A limit is exceeded, or its answer is waited for, or could not be had and has to be.
pub(super) fn count(walk: &mut Walk<'_>, limits: &[Elsewhere<'_>], source: Source<'_>) -> Result<(), Stop> {
    let (mut tallies, mut waits, mut denial) = (Vec::new(), Vec::new(), None);
    for one in limits {
        let limit = one.request.limit;
        let Some(lookup) = look(walk, one, source) else { continue };
        let state = match lookup {
            Lookup::Wait(ticket) => State::Waits { engine: one.global.engine, ticket },
            Lookup::Failed(_) if one.global.on_failure == OnFailure::Deny => State::Unavailable,
            Lookup::Answered(_) | Lookup::Failed(_) => State::Settled,
        };
        walk.trace.done.asked.set(&limit.name, state);
        match lookup {
            Lookup::Wait(ticket) => waits.push((one.global.engine, ticket)),
            Lookup::Answered(answer) => {
                if let Some(asker) = walk.engine.asker(one.global.engine).filter(|_| answer.is_unlimited()) {
                    asker.notice_unlimited(&limit.name);
                }
                tallies.push(tally(&one.request, &answer));
            }
            Lookup::Failed(_) => match one.global.on_failure {
                OnFailure::Allow => {}
                OnFailure::Local => {
                    tallies.extend(walk.engine.limiter().count(walk.host, &[one.request], source, walk.now));
                }
                OnFailure::Deny if one.request.report_only => {
                    walk.report(Denial::LimitUnavailable(Rc::clone(&limit.name)))
                }
                OnFailure::Deny => denial = Some(Denial::LimitUnavailable(Rc::clone(&limit.name))),
            },
        }
    }
    let over = waits.iter().filter_map(|(place, ticket)| walk.engine.asker(*place)?.until(*ticket)).max();
    let wait = over.map(|until| Stop::Wait(Wanted::Limits(waits, until)));
    end(tallies, walk.trace)?;
    denial.map(Stop::Denied).or(wait).map_or(Ok(()), Err)
}

/// How it stands with a limit; `None` if it is settled.
fn look(walk: &mut Walk<'_>, one: &Elsewhere<'_>, source: Source<'_>) -> Option<Lookup> {
    let limit = one.request.limit;
    let known = walk.trace.done.asked.state(&limit.name);
    let Some(asker) = walk.engine.asker(one.global.engine) else { return Some(Lookup::Failed(Failure::NoAnswer)) };
    let lookup = match known {
        Some(State::Settled | State::Unavailable) => return None,
        Some(State::Waits { ticket, .. }) => asker.take(walk.now, ticket),
        None => asker.ask(walk.now, one.global, descriptor(one, source), one.request.weight),
    };
    // It can't wait any longer.
    match lookup {
        Lookup::Wait(ticket) if walk.trace.out_of_patience.is_some() => {
            asker.forget(ticket);
            Some(Lookup::Failed(Failure::TimedOut))
        }
        lookup => Some(lookup),
    }
}

fn descriptor(one: &Elsewhere<'_>, source: Source<'_>) -> Descriptor {
    let mut key = one.request.limit.key.entries(source);
    if !one.request.limit.tiers.is_empty() {
        let tier = one.request.tier.map_or(NO_TIER, |tier| &*tier.name);
        key.push(("tier".to_owned(), tier.to_owned()));
    }
    Descriptor::new(&one.global.entries, key)
}

/// The engine's answer, as if it had been counted here.
fn tally(request: &Request<'_>, answer: &Answer) -> Tally {
    let limit = request.limit;
    let kind = match answer.allowance {
        Some((_, per)) if per >= SHORTEST_QUOTA => ExcessKind::Quota,
        _ => ExcessKind::Window,
    };
    let reset = answer.reset.unwrap_or(UNKNOWN_RESET);
    let room = answer.allowance.zip(answer.remaining).map(|((of, per), left)| {
        let left = if answer.over { 0 } else { left };
        (kind, Room { of, left, per, resets_in: reset })
    });
    let excess = answer.over.then(|| Excess { limit: Rc::clone(&limit.name), kind, retry_after: reset });
    Tally {
        limit: Rc::clone(&limit.name),
        tier: request.tier.map(|tier| Rc::clone(&tier.name)),
        rooms: room.into_iter().collect(),
        excess,
        report_only: request.report_only,
        uncounted: false,
        quiet: false,
        held: None,
    }
}

/// Of a caller who has none of the limit's tiers.
const NO_TIER: &str = "-";

/// What an engine counts for an hour or longer is a quota that is used up; less is too fast.
const SHORTEST_QUOTA: Duration = Duration::from_secs(60 * 60);

/// When it is worth to come again, if the engine does not say.
const UNKNOWN_RESET: Duration = Duration::from_secs(1);

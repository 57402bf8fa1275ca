//! The keys of one source, in one worker: a state machine without a clock, a network or other workers.
//!
//! Decides which key a token may be verified with, when to fetch, and what to do with an answer. Does not verify, and does
//! not know what a token is. One worker at a time fetches for all of them, by a lease in the host's shared data; the
//! others find its answer there.
//!
//! ```text
//!   empty -> fetching -> fresh -> stale -> expired        a fetch that succeeds leads to fresh, from anywhere;
//!     ^__________|                                        one that fails changes nothing but the schedule
//! ```
//!
//! What holds, whatever the issuer and the requests do:
//!
//! - Keys that were good stay in use until `max_stale` is over. A new set replaces the old one as a whole, so a key that
//!   is not in it any more is refused from the next poll on, in every worker. A set without a usable key is a failure.
//! - While fetches succeed there is one per lifetime, and at most one per cooldown for unknown `kid`s. While they fail the
//!   back-off alone decides. No request makes it more.
//! - A wait ends: with the answer, with the deadline of the callout, or with the lease of the worker that fetches.
//! - A clock that steps back shortens no cooldown and lengthens no key's life beyond the step; one that steps forward
//!   makes everything due.
//!
//! How to drive it: [`KeyCache::poll`] on every tick of the worker, whenever [`KeyCache::handle_response`] was called, and
//! whenever a lookup said [`KeyLookup::Wait`]; send the fetch it returns. After each of these look up again for the
//! requests that wait. A lookup reads no shared data.

use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;

use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::VerificationKey;
use crate::jose::jwks::{KeySet, SelectFlaw};
use crate::time::UnixTime;

use super::fetch::{Fetch, FetchId};

mod flight;
mod health;
mod leader;
mod misses;
mod schedule;
mod shared;
mod source;

pub use health::{KeyHealth, KeyState, Outcome};
pub use shared::{CasMismatch, SharedData};
pub use source::{KeyCacheSettings, KeySource};

use flight::Flight;
use misses::Misses;
use schedule::{LONGEST_WAIT, Schedule};
use shared::Board;

/// The keys of one source. See the module for how it is driven.
#[derive(Debug)]
pub struct KeyCache {
    id: String,
    source: KeySource,
    settings: KeyCacheSettings,
    board: Board,
    random: Rng,
    held: Option<Held>,
    schedule: Schedule,
    misses: Misses,
    /// A request asked for a `kid` that is not known, and a fetch for it is allowed.
    wanted: bool,
    flight: Option<Flight>,
    last_fetch: FetchId,
    /// Until when another worker is known to fetch.
    lease_elsewhere: UnixTime,
    /// The control entry that was read last, by its number, and when that was.
    seen: Option<u32>,
    synced_at: UnixTime,
    last_outcome: Option<Outcome>,
}

/// A set of keys and its age.
#[derive(Debug)]
struct Held {
    set: KeySet,
    version: u64,
    fetched_at: UnixTime,
    fresh_for: Duration,
}

/// The answer to "which key?".
#[derive(Clone, Debug)]
pub enum KeyLookup {
    /// This one.
    Found(Rc<VerificationKey>),
    /// None, and asking again would not help now: the token is at fault.
    Refused(SelectFlaw),
    /// There are no keys at all, and the next attempt to get some is this far away (whole seconds, at least one).
    Unavailable {
        /// For `Retry-After`.
        retry_after: Duration,
    },
    /// Not known yet: poll, and look up again.
    Wait,
}

impl KeyCache {
    /// A cache without keys, unless they are in the configuration.
    ///
    /// `id` names the cache in shared data and must be the same in all workers. `seed` makes the times at which this worker
    /// asks its own; it must differ between workers and protects nothing.
    #[must_use]
    pub fn new(id: String, source: KeySource, settings: KeyCacheSettings, seed: u64) -> Self {
        let board = Board::new(&source.fingerprint(&id));
        Self {
            id,
            source,
            settings,
            board,
            random: Rng::with_seed(seed),
            held: None,
            schedule: Schedule::default(),
            misses: Misses::default(),
            wanted: false,
            flight: None,
            last_fetch: FetchId::FIRST,
            lease_elsewhere: UnixTime::default(),
            seen: None,
            synced_at: UnixTime::default(),
            last_outcome: None,
        }
    }

    /// The name it was given.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key for a token with this header.
    pub fn lookup(&mut self, now: UnixTime, kid: Option<&str>, algorithm: Algorithm) -> KeyLookup {
        self.steady(now);
        let Some(set) = self.usable(now) else {
            return if self.is_fetching(now) || now >= self.schedule.next_attempt {
                KeyLookup::Wait
            } else {
                KeyLookup::Unavailable { retry_after: whole_seconds(self.schedule.next_attempt.since(now)) }
            };
        };
        match set.select(kid, algorithm) {
            Ok(key) => KeyLookup::Found(Rc::clone(key)),
            Err(SelectFlaw::UnknownKid) => self.unknown(now, kid),
            Err(flaw) => KeyLookup::Refused(flaw),
        }
    }

    /// The next callout to send, if one is due. Also notices what other workers did, and callouts that never came back.
    #[must_use = "the fetch is not sent by itself"]
    pub fn poll(&mut self, now: UnixTime, shared: &mut dyn SharedData) -> Option<Fetch> {
        if matches!(self.source, KeySource::Fixed(_)) {
            return None;
        }
        self.steady(now);
        let found = self.sync(now, shared);
        if let Some(flight) = &mut self.flight {
            if now < flight.deadline {
                return flight.unsent.take();
            }
            self.fail(now, shared, Outcome::TimedOut);
            return None;
        }
        if now < self.lease_elsewhere || !(self.wanted || now >= self.schedule.next_attempt) {
            return None;
        }
        self.take_off(now, shared, found)
    }

    /// When to poll at the latest; [`UnixTime::default`] for at once, `None` for never.
    ///
    /// Workers that only wait for another one must poll on their own tick besides: nobody wakes them.
    #[must_use]
    pub fn next_timeout(&self) -> Option<UnixTime> {
        if matches!(self.source, KeySource::Fixed(_)) {
            return None;
        }
        Some(match &self.flight {
            Some(flight) if flight.unsent.is_some() => UnixTime::default(),
            Some(flight) => flight.deadline,
            None if self.wanted => self.lease_elsewhere,
            None => self.schedule.next_attempt.max(self.lease_elsewhere),
        })
    }

    /// Is a key with this thumbprint (RFC 7638) still good? For results that were remembered.
    #[must_use]
    pub fn contains_thumbprint(&self, now: UnixTime, thumbprint: &[u8; 32]) -> bool {
        self.usable(now).is_some_and(|set| set.contains_thumbprint(thumbprint))
    }

    /// For gauges and records.
    #[must_use]
    pub fn health(&self, now: UnixTime) -> KeyHealth {
        let set = match &self.source {
            KeySource::Fixed(set) => Some(set),
            KeySource::Discovery { .. } | KeySource::Jwks { .. } => self.held.as_ref().map(|held| &held.set),
        };
        KeyHealth {
            state: self.state(now),
            age: self.held.as_ref().map(|held| now.since(held.fetched_at)),
            keys: set.map_or(0, |set| set.keys().len()),
            skipped: set.map_or(0, |set| set.skipped().len()),
            failures: self.schedule.failures,
            last_outcome: self.last_outcome.clone(),
        }
    }

    fn state(&self, now: UnixTime) -> KeyState {
        match &self.held {
            _ if matches!(self.source, KeySource::Fixed(_)) => KeyState::Fresh,
            Some(held) if now < held.stale_at() => KeyState::Fresh,
            Some(held) if now < held.stale_at().plus(self.settings.max_stale) => KeyState::Stale,
            Some(_) => KeyState::Expired,
            None if self.is_fetching(now) => KeyState::Fetching,
            None => KeyState::Empty,
        }
    }

    /// Keys are there, but not this one.
    fn unknown(&mut self, now: UnixTime, kid: Option<&str>) -> KeyLookup {
        let Some(kid) = kid.filter(|_| !matches!(self.source, KeySource::Fixed(_))) else {
            return KeyLookup::Refused(SelectFlaw::UnknownKid);
        };
        if now.since(self.synced_at) >= LOOK_AGAIN {
            return KeyLookup::Wait;
        }
        if self.misses.contains(now, kid) {
            return KeyLookup::Refused(SelectFlaw::UnknownKid);
        }
        if !self.is_fetching(now) {
            // The token is refused although its key may exist: the bound on fetches comes first, and there are keys.
            if self.schedule.backs_off(now) || self.schedule.cools_down(now, self.settings.unknown_kid_cooldown) {
                return KeyLookup::Refused(SelectFlaw::UnknownKid);
            }
            self.wanted = true;
        }
        self.misses.ask(kid);
        KeyLookup::Wait
    }

    fn usable(&self, now: UnixTime) -> Option<&KeySet> {
        match &self.source {
            KeySource::Fixed(set) => Some(set),
            KeySource::Discovery { .. } | KeySource::Jwks { .. } => self
                .held
                .as_ref()
                .filter(|held| now < held.stale_at().plus(self.settings.max_stale))
                .map(|held| &held.set),
        }
    }

    /// Is a fetch under way, here or in another worker, that may still be answered?
    fn is_fetching(&self, now: UnixTime) -> bool {
        now < self.lease_elsewhere || self.flight.as_ref().is_some_and(|flight| now < flight.deadline)
    }

    /// Keeps every remembered time within what it could be had it been noted now; see [`Schedule::steady`].
    fn steady(&mut self, now: UnixTime) {
        let settled = self.schedule.failures == 0 && self.usable(now).is_some();
        let longest = if settled { self.settings.fresh_for(Some(Duration::MAX)) } else { LONGEST_WAIT };
        self.schedule.steady(now, longest);
        self.synced_at = self.synced_at.min(now);
        self.lease_elsewhere = self.lease_elsewhere.min(now.plus(self.lease_length()));
        self.misses.steady(now, self.miss_length());
        if let Some(held) = &mut self.held {
            held.fetched_at = held.fetched_at.min(now);
        }
        let patience = self.patience();
        if let Some(flight) = &mut self.flight {
            flight.deadline = flight.deadline.min(now.plus(patience));
        }
    }

    /// How long an id stays a miss: some cooldowns, so that one wrong client costs few fetches, but not for ever, because
    /// a key may be used before its issuer's caches show it.
    fn miss_length(&self) -> Duration {
        self.settings.unknown_kid_cooldown.saturating_mul(3)
    }
}

impl Held {
    fn stale_at(&self) -> UnixTime {
        self.fetched_at.plus(self.fresh_for)
    }
}

fn whole_seconds(span: Duration) -> Duration {
    let more = u64::from(span.subsec_nanos() > 0);
    Duration::from_secs(span.as_secs().saturating_add(more).max(1))
}

/// Before an id is called unknown, what other workers have written must have been read within this time. Workers that poll
/// more often than this never wait for it; under a flood of made-up ids it costs one short read a second.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;

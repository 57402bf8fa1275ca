//! Opaque tokens: what they say is asked of the authorization server that issued them (RFC 7662): a state machine without a
//! clock or a network.
//!
//! A token that is not a JWT tells nobody but its issuer what it is worth. The request waits while the issuer's
//! authorization server is asked with a POST; what it answers is kept for a while.
//!
//! What holds, whatever the server and the callers do:
//!
//! - A token is asked about once at a time in each worker. What was found is kept by the SHA-256 of the token until it
//!   expires, and never longer than configured: a token that was revoked is refused within that time.
//! - That a token is not active is kept for a short time, so that a client with a bad token costs little. Those answers have
//!   room of their own: no flood of bad tokens drives out good ones.
//! - Whatever is not a plain answer of the server (RFC 7662 section 2.2) lets nobody in: no answer, another status than 200, a
//!   redirect, an encoded or too large body, another type than `application/json`, a member twice. The request is answered 503.
//!   `active` has to be the boolean `true`; anything else is a token that is not active.
//! - Only so many questions are out at the same time, and only so many wait; one client's address has a part of those places.
//! - One failure is made good within a second and the requests go on waiting. From the second on they are answered 503, and a
//!   single question at a time tries again after growing pauses, until one succeeds.
//! - Signed answers (RFC 9701) are not asked for and not read: the connection to the server is to be protected by TLS, and its
//!   answer is ours alone.
//!
//! What the claims are worth is decided by the rules of tokens, as for every other token. How to drive it: as
//! [`crate::groups`].

mod answer;
mod flaw;
mod flight;
mod health;
mod held;
mod queue;
mod settings;
#[cfg(test)]
mod tests;
mod which;

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

pub use flaw::IntrospectionFlaw;
pub use health::{IntrospectionHealth, Outcome};
pub use settings::{Client, ClientMethod, IntrospectionSettings, Jwts};
pub use which::{Introspectors, Overlap};

use crate::provider::FetchId;
use crate::provider::backoff::{Backoff, whole_seconds};
use crate::time::UnixTime;
use flight::Flight;
use held::{Held, Kept};
use queue::Queue;

/// Asks one authorization server about tokens, and remembers what it says. See the module for how it is driven.
#[derive(Debug)]
pub struct Introspector {
    settings: IntrospectionSettings,
    random: Rng,
    flights: Vec<Flight>,
    queue: Queue,
    held: Held,
    backoff: Backoff,
    last_fetch: FetchId,
    last_outcome: Option<Outcome>,
}

/// Names a token without being one: its SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// Of this token.
    #[must_use]
    pub fn of(token: &[u8]) -> Self {
        Self(Sha256::digest(token).into())
    }
}

/// It stays out of logs all the same: who guesses at a token could check it.
impl std::fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenDigest")
    }
}

/// What an authorization server says of a token that is active. Only its answer makes one.
pub struct Introspected {
    claims: Map<String, Value>,
    until: UnixTime,
}

impl Introspected {
    /// The members of the answer.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// Until when the answer is kept at most.
    #[must_use]
    pub fn until(&self) -> UnixTime {
        self.until
    }
}

/// Leaves out the claims, which may be about a person.
impl std::fmt::Debug for Introspected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Introspected").field("until", &self.until).finish_non_exhaustive()
    }
}

/// The answer to "what is this token?".
#[derive(Clone, Debug)]
pub enum Introspection {
    /// Active, and this.
    Active(Rc<Introspected>),
    /// Not active.
    Refused(IntrospectionFlaw),
    /// Not to be had now; try again after this long (whole seconds, at least one).
    Unavailable {
        /// For `Retry-After`.
        retry_after: Duration,
    },
    /// Too many questions wait already.
    Full,
    /// Not known yet: poll, and look up again.
    Wait,
}

impl Introspector {
    /// One that knows nothing yet. `seed` spreads the workers' times; it protects nothing.
    #[must_use]
    pub fn new(settings: IntrospectionSettings, seed: u64) -> Self {
        Self {
            held: Held::new(settings.cache_bytes),
            queue: Queue::new(settings.pending),
            settings,
            random: Rng::with_seed(seed),
            flights: Vec::new(),
            backoff: Backoff::new(LONGEST_WAIT),
            last_fetch: FetchId::FIRST,
            last_outcome: None,
        }
    }

    /// How it is configured.
    #[must_use]
    pub fn settings(&self) -> &IntrospectionSettings {
        &self.settings
    }

    /// What `token` is. `from` finds the address of the client that sends it, if it can; it is asked for
    /// where the server has to be.
    pub fn lookup(
        &mut self,
        now: UnixTime,
        digest: TokenDigest,
        token: &[u8],
        from: impl FnOnce() -> Option<IpAddr>,
    ) -> Introspection {
        self.steady(now);
        match self.held.get(now, &digest) {
            Some(Kept::Active(said)) => return Introspection::Active(said),
            Some(Kept::Refused(flaw)) => return Introspection::Refused(flaw),
            Some(Kept::Failed(until)) => {
                return Introspection::Unavailable { retry_after: whole_seconds(until.since(now)) };
            }
            None => {}
        }
        if self.is_pending(&digest) {
            return Introspection::Wait;
        }
        if self.backoff.is_open(now) {
            return Introspection::Unavailable { retry_after: whole_seconds(self.backoff.until().since(now)) };
        }
        if self.queue.push(digest, token, from()) { Introspection::Wait } else { Introspection::Full }
    }

    /// Is the token being asked about?
    #[must_use]
    pub fn is_pending(&self, digest: &TokenDigest) -> bool {
        self.queue.holds(digest)
    }

    /// When to poll at the latest, if time alone can bring anything.
    #[must_use]
    pub fn next_timeout(&self) -> Option<UnixTime> {
        let flights = self.flights.iter().map(|flight| flight.deadline).min();
        let queued = (self.queue.is_waiting() && flights.is_none()).then(|| self.backoff.until());
        flights.into_iter().chain(queued).min()
    }

    /// For gauges and records.
    #[must_use]
    pub fn health(&self) -> IntrospectionHealth {
        IntrospectionHealth {
            tokens: self.held.len(),
            bytes: self.held.bytes(),
            pending: self.queue.len(),
            failures: self.backoff.failures(),
            last_outcome: self.last_outcome,
        }
    }

    /// A clock may have stepped back: no moment may be further off than if it had been set now.
    fn steady(&mut self, now: UnixTime) {
        let latest = now.plus(self.patience());
        for flight in &mut self.flights {
            flight.deadline = flight.deadline.min(latest);
        }
        self.backoff.steady(now);
    }

    /// How long a callout is waited for: the host gives up first, if it gives up at all.
    fn patience(&self) -> Duration {
        self.settings.timeout.saturating_add(GRACE)
    }
}

/// A server that is back is noticed within this: meanwhile whoever has a token that is not remembered is turned away.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// A host's timer may be late by a tick.
const GRACE: Duration = Duration::from_millis(500);

//! The groups of callers who have too many for a token, asked of Microsoft Graph: a state machine without a clock or a
//! network.
//!
//! Entra ID writes at most 200 groups into a token; beyond that it names none, and says so ("overage"). Without this the
//! request is denied with a reason of its own: an overage is never "no groups". With it the request waits while one or two
//! callouts are made: a token for Graph (client credentials, kept until shortly before it expires), then `$batch` with
//! `getMemberObjects` for up to 20 of the callers who wait.
//!
//! What holds, whatever Graph and the callers do:
//!
//! - A caller is asked for once at a time. What was found is kept for at most an hour, in this worker: a member who was put
//!   out of a group is out within that time. Entries and bytes are bounded; who was not seen longest goes first.
//! - What could not be found is never kept as "no groups".
//! - One failure is made good within a second and the requests go on waiting. From the second on they are answered 503, and
//!   a single small batch at a time tries again after growing pauses, until one succeeds.
//! - Only ids of verified tokens of the one tenant are asked for, and only if they are GUIDs.
//!
//! How to drive it: as [`crate::provider::KeyCache`], but [`Resolver::poll`] until it returns nothing.

mod answer;
mod flight;
mod health;
mod held;
mod list;
mod member;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use fastrand::Rng;
use lru::LruCache;

pub use health::{GroupsHealth, Outcome};
pub use list::GroupList;
pub use member::{Kind, Member};
pub use settings::GroupsSettings;

use crate::provider::backoff::{Backoff, whole_seconds};
use crate::provider::{FetchId, Secret};
use crate::time::UnixTime;
use flight::{Batch, TokenFlight};
use held::Held;

/// Asks for groups, and remembers them. See the module for how it is driven.
#[derive(Debug)]
pub struct Resolver {
    settings: GroupsSettings,
    random: Rng,
    token: Option<GraphToken>,
    token_flight: Option<TokenFlight>,
    batches: Vec<Batch>,
    /// Who is to be asked for next, in order.
    queue: VecDeque<Member>,
    /// Those in the queue and in batches.
    pending: HashSet<Member>,
    held: Held,
    refused: LruCache<Member, Refused>,
    backoff: Backoff,
    /// How many callers the next batch may hold.
    batch_size: usize,
    last_fetch: FetchId,
    last_outcome: Option<Outcome>,
}

/// A token for Graph.
#[derive(Debug)]
struct GraphToken {
    text: Secret,
    since: UnixTime,
    until: UnixTime,
}

/// A caller whose groups could not be had.
#[derive(Clone, Copy, Debug)]
struct Refused {
    until: UnixTime,
    /// Graph knows why, and will say so again.
    lasting: bool,
}

/// The answer to "which groups?".
#[derive(Clone, Debug)]
pub enum GroupsLookup {
    /// These.
    Found(GroupList),
    /// Graph does not know the caller, or there are more than it lists (11,000): an overage that stays one.
    Unresolvable,
    /// Not to be had now; try again after this long (whole seconds, at least one).
    Unavailable {
        /// For `Retry-After`.
        retry_after: Duration,
    },
    /// Not known yet: poll, and look up again.
    Wait,
}

impl Resolver {
    /// One that knows nothing yet. `seed` spreads the workers' times; it protects nothing.
    #[must_use]
    pub fn new(settings: GroupsSettings, seed: u64) -> Self {
        Self {
            held: Held::new(settings.cache_bytes),
            settings,
            random: Rng::with_seed(seed),
            token: None,
            token_flight: None,
            batches: Vec::new(),
            queue: VecDeque::new(),
            pending: HashSet::new(),
            refused: LruCache::new(MOST_REFUSED),
            backoff: Backoff::new(LONGEST_WAIT),
            batch_size: LARGEST_BATCH,
            last_fetch: FetchId::FIRST,
            last_outcome: None,
        }
    }

    /// How it is configured.
    #[must_use]
    pub fn settings(&self) -> &GroupsSettings {
        &self.settings
    }

    /// The groups of `member`.
    pub fn lookup(&mut self, now: UnixTime, member: &Member) -> GroupsLookup {
        self.steady(now);
        if let Some(list) = self.held.get(now, self.settings.fresh_for, member) {
            return GroupsLookup::Found(list);
        }
        if let Some(refused) = self.refused.get(member) {
            let until = refused.until.min(now.plus(REFUSED));
            if now < until {
                let retry_after = whole_seconds(until.since(now));
                return if refused.lasting {
                    GroupsLookup::Unresolvable
                } else {
                    GroupsLookup::Unavailable { retry_after }
                };
            }
        }
        if self.pending.contains(member) {
            return GroupsLookup::Wait;
        }
        if self.backoff.is_open(now) {
            return GroupsLookup::Unavailable { retry_after: whole_seconds(self.backoff.until().since(now)) };
        }
        if self.pending.len() >= MOST_PENDING {
            return GroupsLookup::Unavailable { retry_after: Duration::from_secs(1) };
        }
        self.pending.insert(member.clone());
        self.queue.push_back(member.clone());
        GroupsLookup::Wait
    }

    /// When to poll at the latest, if time alone can bring anything.
    #[must_use]
    pub fn next_timeout(&self) -> Option<UnixTime> {
        let deadlines = self.batches.iter().map(|batch| batch.deadline);
        let flights = deadlines.chain(self.token_flight.as_ref().map(|flight| flight.deadline)).min();
        let queued = (!self.queue.is_empty() && flights.is_none()).then(|| self.backoff.until());
        flights.into_iter().chain(queued).min()
    }

    /// For gauges and records.
    #[must_use]
    pub fn health(&self) -> GroupsHealth {
        GroupsHealth {
            callers: self.held.len(),
            bytes: self.held.bytes(),
            pending: self.pending.len(),
            failures: self.backoff.failures(),
            last_outcome: self.last_outcome,
        }
    }

    /// A clock may have stepped back: no moment may be further off than if it had been set now.
    fn steady(&mut self, now: UnixTime) {
        let latest = now.plus(self.patience());
        for deadline in self
            .batches
            .iter_mut()
            .map(|batch| &mut batch.deadline)
            .chain(self.token_flight.as_mut().map(|flight| &mut flight.deadline))
        {
            *deadline = (*deadline).min(latest);
        }
        if let Some(token) = &mut self.token {
            token.since = token.since.min(now);
            token.until = token.until.min(now.plus(LONGEST_TOKEN));
        }
        self.backoff.steady(now);
    }

    /// How long a callout is waited for: the host gives up first, if it gives up at all.
    fn patience(&self) -> Duration {
        self.settings.timeout.saturating_add(GRACE)
    }
}

/// As many as Graph takes in one `$batch`.
const LARGEST_BATCH: usize = 20;

/// As many requests as may wait by default.
const MOST_PENDING: usize = 1000;

/// Those of whom Graph knows nothing; a directory has few, and a tenant's own tokens name them.
const MOST_REFUSED: std::num::NonZeroUsize = std::num::NonZeroUsize::MIN.saturating_add(1023);

/// How long a caller is not asked for again after Graph refused: a mistake in the directory that was put right is noticed
/// within a minute.
const REFUSED: Duration = Duration::from_secs(60);

/// Graph's tokens live an hour, in some tenants a day.
const LONGEST_TOKEN: Duration = Duration::from_secs(24 * 60 * 60);

/// Graph that is back is noticed within a minute.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A host's timer may be late by a tick.
const GRACE: Duration = Duration::from_millis(500);

//! What gauges and records say about the keys of one source.

use std::fmt;
use std::time::Duration;

use crate::jose::jwks::KeySetFlaw;

use super::super::discovery::DiscoveryFlaw;
use super::super::fetch::FetchFlaw;

/// Where a key cache is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// There never were keys, and nobody is fetching them at the moment.
    Empty,
    /// The keys are too old to be used.
    Expired,
    /// There never were keys, and a worker is fetching them.
    Fetching,
    /// The keys are as new as they should be.
    Fresh,
    /// The keys should have been replaced, which did not succeed; they are still used.
    Stale,
}

impl KeyState {
    /// A stable word for records and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Expired => "expired",
            Self::Fetching => "fetching",
            Self::Fresh => "fresh",
            Self::Stale => "stale",
        }
    }
}

/// How the last thing that happened to the keys in this worker ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Keys that another worker had fetched were taken over.
    Adopted,
    /// The discovery document was not followed.
    Discovery(DiscoveryFlaw),
    /// The answer was not taken.
    Fetch(FetchFlaw),
    /// Keys were fetched.
    Fetched,
    /// The key set was not taken.
    Keys(KeySetFlaw),
    /// Another worker had taken over the lease before the answer came; the answer was not used.
    LeaseLost,
    /// What was shared as another worker's keys is not a key set; it was not used.
    SharedUnreadable,
    /// No answer came in time.
    TimedOut,
}

impl Outcome {
    /// A stable code for records and counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Adopted => "keys_adopted",
            Self::Discovery(flaw) => flaw.reason(),
            Self::Fetch(flaw) => flaw.reason(),
            Self::Fetched => "keys_fetched",
            Self::Keys(flaw) => flaw.reason(),
            Self::LeaseLost => "keys_lease_lost",
            Self::SharedUnreadable => "keys_shared_unreadable",
            Self::TimedOut => "fetch_timed_out",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Adopted => f.write_str("keys taken over from another worker"),
            Self::Discovery(flaw) => flaw.fmt(f),
            Self::Fetch(flaw) => flaw.fmt(f),
            Self::Fetched => f.write_str("keys fetched"),
            Self::Keys(flaw) => flaw.fmt(f),
            Self::LeaseLost => f.write_str("the answer came after another worker had taken over"),
            Self::SharedUnreadable => f.write_str("the shared data hold something else than a key set"),
            Self::TimedOut => f.write_str("no answer in time"),
        }
    }
}

/// The keys of one source at one moment, as one worker sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHealth {
    /// Where in its life the cache is.
    pub state: KeyState,
    /// How long ago the keys were fetched; `None` without keys, and for keys of the configuration.
    pub age: Option<Duration>,
    /// Usable keys, expired or not.
    pub keys: usize,
    /// Keys of the set that were left out, each for a flaw of its own.
    pub skipped: usize,
    /// Failed attempts since the last success, over all workers.
    pub failures: u32,
    /// What happened last; `None` if nothing has.
    pub last_outcome: Option<Outcome>,
}

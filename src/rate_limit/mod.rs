//! How often: limits, quotas and concurrency, each by a key of the caller, the address or the request.
//!
//! # Where it is counted
//!
//! In the host's shared data, so that all workers of a process count together: a fixed number of slots of some records each,
//! so it is bounded whatever callers do; `slot` says what is forgotten. Places and names are keyed hashes, so nobody can aim at
//! a slot, and nothing in shared data names anybody. A request costs one read and one write for each limit, by
//! compare-and-swap; `limiter` says what becomes of races.
//!
//! # Clocks
//!
//! A step of the clock must make nobody unlimited and lock nobody for long. Forward: buckets fill and windows pass, once. Back: what
//! was counted stays, a bucket is at most empty, a window as old as it was.

mod bucket;
mod counted;
mod decimal;
mod fields;
mod form;
pub mod global;
mod holder;
pub mod key;
pub mod limit;
mod limiter;
pub mod quota;
mod record;
mod room;
mod shape;
mod slot;
mod store;
mod tally;
#[cfg(test)]
mod tests;
mod upstream;
mod window;

use std::rc::Rc;
use std::time::Duration;

pub use counted::{Admission, Counted};
pub use fields::fields;
pub use key::{Key, Part, Source};
pub use limit::{Allowance, AtRisk, Limit, Rate, Tier, Upstream, When, Window};
pub use limiter::Limiter;
pub use quota::{Period, Quota};
pub use room::Room;
pub use tally::{Held, Request, Tally};

/// A limit that a request would have gone beyond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excess {
    /// The limit's name.
    pub limit: Rc<str>,
    /// What kind of limit it is.
    pub kind: ExcessKind,
    /// When it is worth to come again.
    pub retry_after: Duration,
}

/// What was too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExcessKind {
    /// Too fast for a token bucket.
    Rate,
    /// Too many in a sliding window.
    Window,
    /// The quota of a calendar period is used up.
    Quota,
    /// Too many at the same time.
    Concurrency,
}

impl ExcessKind {
    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Window => "window",
            Self::Quota => "quota",
            Self::Concurrency => "concurrency",
        }
    }
}

impl Excess {
    /// Stable code for the audit record and the counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self.kind {
            ExcessKind::Rate | ExcessKind::Window => "rate_limited",
            ExcessKind::Quota => "quota_exhausted",
            ExcessKind::Concurrency => "too_many_at_once",
        }
    }
}

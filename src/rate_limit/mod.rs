//! How often: limits, quotas and concurrency, each by a key of the caller, the address or the request.

pub mod global;
pub mod key;
pub mod limit;
pub mod quota;

use std::rc::Rc;
use std::time::Duration;

pub use key::{Key, Part, Source};
pub use limit::{Allowance, AtRisk, Limit, Rate, Tier, Upstream, When, Window};
pub use quota::{Period, Quota};

/// Limits that a request was counted in already, so that it is not counted again when it walks again after it waited.
#[derive(Debug, Default)]
pub struct Counted {}

impl Counted {
    /// What is left to do when the request is over, if anything.
    pub(crate) fn take(&mut self) -> Option<Admission> {
        None
    }
}

/// A request that went on, as far as limits have to do with its end: what it holds, and what is learned of the upstream.
#[derive(Debug)]
pub struct Admission {}

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
    /// Too fast.
    Rate,
    /// The quota of a calendar period is used up.
    Quota,
    /// Too many at the same time.
    Concurrency,
}

impl Excess {
    /// Stable code for the audit record and the counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self.kind {
            ExcessKind::Rate => "rate_limited",
            ExcessKind::Quota => "quota_exhausted",
            ExcessKind::Concurrency => "too_many_at_once",
        }
    }
}

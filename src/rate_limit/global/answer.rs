//! What an engine says of a request, and how it may fail to.

use std::fmt;
use std::time::Duration;

/// What the engine says of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// There was no room for it.
    pub over: bool,
    /// So many, in this time; if the engine says it.
    pub allowance: Option<(u32, Unit)>,
    /// What is left; if the engine says it.
    pub remaining: Option<u32>,
    /// How long until there is all of it again; if the engine says it.
    pub reset: Option<Duration>,
}

/// The length of an engine's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// 1 s.
    Second,
    /// 60 s.
    Minute,
    /// 3600 s.
    Hour,
    /// A day, by UTC.
    Day,
    /// Seven days.
    Week,
    /// A month, by UTC.
    Month,
    /// A year, by UTC.
    Year,
}

impl Unit {
    /// Its length; of months and years the longest.
    #[must_use]
    pub fn length(self) -> Duration {
        let days = |days: u64| Duration::from_secs(days.saturating_mul(24 * 60 * 60));
        match self {
            Self::Second => Duration::from_secs(1),
            Self::Minute => Duration::from_secs(60),
            Self::Hour => Duration::from_secs(60 * 60),
            Self::Day => days(1),
            Self::Week => days(7),
            Self::Month => days(31),
            Self::Year => days(366),
        }
    }

    /// An hour or more is a quota that is used up; less is too fast.
    #[must_use]
    pub fn is_quota(self) -> bool {
        self >= Self::Hour
    }
}

/// Why an engine gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The cluster does not exist, or has no endpoint, or the connection broke.
    NoAnswer,
    /// It answered with this gRPC status.
    Status(u32),
    /// No answer came in time.
    TimedOut,
    /// The answer is not what the protocol has, or is too large.
    Unreadable,
    /// The engine does not know: its answer is the code `UNKNOWN`.
    Unknown,
    /// It failed before, and is left alone for a while.
    NotAsked,
    /// As many requests as may wait for it do so already.
    TooMany,
}

impl Failure {
    /// A stable code for records and counters.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NoAnswer => "global_limit_no_answer",
            Self::Status(_) => "global_limit_status",
            Self::TimedOut => "global_limit_timed_out",
            Self::Unreadable => "global_limit_unreadable",
            Self::Unknown => "global_limit_unknown",
            Self::NotAsked => "global_limit_not_asked",
            Self::TooMany => "global_limit_too_many_waiting",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer => f.write_str("no answer; does the cluster exist, speak HTTP/2, and has it an endpoint?"),
            Self::Status(status) => write!(f, "gRPC status {status}"),
            Self::TimedOut => f.write_str("no answer in time"),
            Self::Unreadable => f.write_str("the answer is no `RateLimitResponse`, or is larger than 64 KiB"),
            Self::Unknown => f.write_str("the answer has neither `OK` nor `OVER_LIMIT`"),
            Self::NotAsked => f.write_str("it failed before, and is left alone for a while"),
            Self::TooMany => f.write_str("too many requests wait for it already"),
        }
    }
}

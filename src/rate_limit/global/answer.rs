//! What an engine says of a request, and how it may fail to.

use std::fmt;
use std::time::Duration;

/// What the engine says of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// There was no room for it.
    pub over: bool,
    /// So many, in this time; if the engine says it.
    pub allowance: Option<(u32, Duration)>,
    /// What is left; if the engine says it.
    pub remaining: Option<u32>,
    /// How long until there is all of it again; if the engine says it.
    pub reset: Option<Duration>,
}

impl Answer {
    /// Does it say nothing of a limit? Then the engine has none for the descriptor, or does not say so.
    #[must_use]
    pub const fn is_unlimited(&self) -> bool {
        !self.over && self.allowance.is_none() && self.remaining.is_none()
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

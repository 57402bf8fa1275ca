//! What gauges and records say about the groups.

use std::fmt;

/// How the last callout in this worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The answer is not what Graph answers, or is too large.
    AnswerUnreadable,
    /// Graph does not let the application read groups.
    Forbidden,
    /// No answer, or not all of it.
    NoAnswer,
    /// Groups were found.
    Resolved,
    /// Any other status than 200.
    Status,
    /// Graph wants to be asked later.
    Throttled,
    /// No answer came in time.
    TimedOut,
    /// The client's secret was refused, or Graph refused the token that it was given for it.
    TokenRefused,
    /// What should be a token is none.
    TokenUnreadable,
}

impl Outcome {
    /// A stable code for records and counters.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::AnswerUnreadable => "groups_answer_unreadable",
            Self::Forbidden => "groups_forbidden",
            Self::NoAnswer => "groups_no_answer",
            Self::Resolved => "groups_resolved",
            Self::Status => "groups_status",
            Self::Throttled => "groups_throttled",
            Self::TimedOut => "groups_timed_out",
            Self::TokenRefused => "groups_token_refused",
            Self::TokenUnreadable => "groups_token_unreadable",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AnswerUnreadable => "Graph's answer can't be read, or is larger than 2 MiB",
            Self::Forbidden => {
                "Graph does not let the application read groups; it needs `GroupMember.Read.All`, with an administrator's consent"
            }
            Self::NoAnswer => "no answer; does the cluster exist, and has it an endpoint?",
            Self::Resolved => "groups found",
            Self::Status => "an answer with a status that is neither 200 nor known",
            Self::Throttled => "Graph wants to be asked later",
            Self::TimedOut => "no answer in time",
            Self::TokenRefused => "the client's secret, or the token given for it, was refused",
            Self::TokenUnreadable => "the answer of the token endpoint is no token",
        })
    }
}

/// The groups at one moment, as one worker sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupsHealth {
    /// Callers whose groups are kept.
    pub callers: usize,
    /// About how many bytes those take.
    pub bytes: usize,
    /// Callers who are being asked for.
    pub pending: usize,
    /// Failed callouts since the last success.
    pub failures: u32,
    /// What happened last; `None` if nothing has.
    pub last_outcome: Option<Outcome>,
}

//! What gauges and records say about introspection.

use std::fmt;

/// How the last callout in this worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A plain answer, whatever it says.
    Answered,
    /// Our credential is not accepted, or not allowed to ask.
    ClientRefused,
    /// Another type than `application/json`.
    ContentType,
    /// No answer, or not all of it.
    NoAnswer,
    /// An answer that does not say whether the token is active, as introspection says it.
    NotSaid,
    /// It points elsewhere.
    Redirect,
    /// This question was refused, which says nothing about others.
    RequestRefused,
    /// Any other status than 200.
    Status,
    /// The server wants to be asked later.
    Throttled,
    /// No answer came in time.
    TimedOut,
    /// The answer is larger than configured.
    TooLarge,
    /// The answer is not one strict JSON object, or is encoded.
    Unreadable,
}

impl Outcome {
    /// A stable code for records and counters.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Answered => "introspection_answered",
            Self::ClientRefused => "introspection_client_refused",
            Self::ContentType => "introspection_content_type",
            Self::NoAnswer => "introspection_no_answer",
            Self::NotSaid => "introspection_not_said",
            Self::Redirect => "introspection_redirect",
            Self::RequestRefused => "introspection_request_refused",
            Self::Status => "introspection_status",
            Self::Throttled => "introspection_throttled",
            Self::TimedOut => "introspection_timed_out",
            Self::TooLarge => "introspection_too_large",
            Self::Unreadable => "introspection_unreadable",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answered => "the authorization server answers",
            Self::ClientRefused => "the client's id or secret was refused, or it may not ask",
            Self::ContentType => "the answer is not `application/json`; signed answers (RFC 9701) are not read",
            Self::NoAnswer => "no answer; does the cluster exist, and has it an endpoint?",
            Self::NotSaid => "the answer has no `active` that is a boolean; is this the introspection endpoint?",
            Self::Redirect => "the answer is a redirect, which is not followed; configure the final address",
            Self::RequestRefused => "the question was refused (400, 413 or 414)",
            Self::Status => "an answer with a status that is neither 200 nor known",
            Self::Throttled => "the authorization server wants to be asked later",
            Self::TimedOut => "no answer in time",
            Self::TooLarge => "the answer is larger than `max_bytes`",
            Self::Unreadable => "the answer is not one JSON object with each member once, or it is compressed",
        })
    }
}

/// Introspection at one moment, as one worker sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntrospectionHealth {
    /// Tokens of which an answer is kept.
    pub tokens: usize,
    /// About how many bytes the answers take.
    pub bytes: usize,
    /// Tokens that are being asked about.
    pub pending: usize,
    /// Failed callouts since the last success.
    pub failures: u32,
    /// What happened last; `None` if nothing has.
    pub last_outcome: Option<Outcome>,
}

//! Every reason a request stops, by whose fault it is.
//!
//! The reasons are fine here, for the audit record, the counters and the access log; the caller gets one of the few
//! answers of [`reply`](super::reply).

use std::rc::Rc;
use std::time::Duration;

use crate::api_key::ApiKeyFlaw;
use crate::binding::BindingFlaw;
use crate::certificate::CertificateFlaw;
use crate::credential::CredentialFlaw;
use crate::forward::ForwardFlaw;
use crate::http::RequestFlaw;
use crate::introspection::IntrospectionFlaw;
use crate::jose::{SelectFlaw, SignatureFlaw, TokenFlaw};
use crate::policy::Refusal;
use crate::provider::IssuerFlaw;
use crate::rate_limit::Excess;
use crate::token::TokenRuleFlaw;

/// Why a request stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    // The request.
    /// It can't be read without doubt.
    Request(RequestFlaw),
    /// Its credential can't be read, or there is more than one.
    Credential(CredentialFlaw),
    /// It can't go upstream with the caller's identity attached.
    Forward(ForwardFlaw),

    // The token.
    /// The rule asks for a token and there is none.
    NoCredential,
    /// It is not a JWS that we read.
    Token(TokenFlaw),
    /// No provider answers for its issuer.
    Issuer(IssuerFlaw),
    /// No key of its issuer fits it.
    Key(SelectFlaw),
    /// The provider does not accept its algorithm.
    AlgorithmNotAccepted,
    /// Its signature is not its key's.
    Signature(SignatureFlaw),
    /// A rule of tokens is not met.
    Rule(TokenRuleFlaw),

    /// What an opaque token says is not accepted.
    Introspection(IntrospectionFlaw),
    /// It is not its sender's.
    Binding(BindingFlaw),

    // The other credentials.
    /// The rule takes other kinds of credentials than this one.
    CredentialNotTaken,
    /// The API key is not accepted.
    ApiKey(ApiKeyFlaw),
    /// The client certificate is not accepted.
    Certificate(CertificateFlaw),

    // The permission.
    /// No rule speaks for the request.
    NoRule,
    /// A rule does, and does not let this caller in.
    Refused(Refusal),

    // How often.
    /// A limit is exceeded.
    Limited(Excess),
    /// A limit of this name is counted elsewhere, and there is no answer.
    LimitUnavailable(Rc<str>),

    // Ours.
    /// The issuer's keys are not to be had.
    KeysUnavailable(Duration),
    /// What an opaque token is can't be had.
    IntrospectionUnavailable(Duration),
    /// The caller's groups are not to be had.
    GroupsUnavailable(Duration),
    /// The caller, or the address of a request whose token does not verify, is locked out for so long.
    LockedOut(Duration),
    /// It has to wait for its risk, and too many do already.
    SlowedDown(Duration),
    /// It waited for keys as long as it may.
    WaitedTooLong,
    /// Too many requests wait for keys already.
    TooManyWaiting,
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoToken => Self::NoCredential,
            other => Self::Refused(other),
        }
    }
}

impl Denial {
    /// The limit that is exceeded.
    #[must_use]
    pub fn limit(&self) -> Option<&str> {
        match self {
            Self::Limited(excess) => Some(&excess.limit),
            Self::LimitUnavailable(limit) => Some(limit),
            _ => None,
        }
    }

    /// Stable code for the audit record, the counters and the response code details.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Request(flaw) => flaw.reason(),
            Self::Credential(flaw) => flaw.reason(),
            Self::Forward(flaw) => flaw.reason(),
            Self::NoCredential => "credential_missing",
            Self::Token(flaw) => flaw.reason(),
            Self::Issuer(flaw) => flaw.reason(),
            Self::Key(flaw) => flaw.reason(),
            Self::AlgorithmNotAccepted => "algorithm_not_accepted",
            Self::Signature(flaw) => flaw.reason(),
            Self::Rule(flaw) => flaw.reason(),
            Self::Introspection(flaw) => flaw.reason(),
            Self::Binding(flaw) => flaw.reason(),
            Self::CredentialNotTaken => "credential_not_taken_by_rule",
            Self::ApiKey(flaw) => flaw.reason(),
            Self::Certificate(flaw) => flaw.reason(),
            Self::NoRule => "no_rule",
            Self::Refused(refusal) => refusal.reason(),
            Self::Limited(excess) => excess.reason(),
            Self::LimitUnavailable(_) => "limit_unavailable",
            Self::KeysUnavailable(_) => "keys_unavailable",
            Self::IntrospectionUnavailable(_) => "introspection_unavailable",
            Self::GroupsUnavailable(_) => "groups_unavailable",
            Self::LockedOut(_) => "locked_out",
            Self::SlowedDown(_) => "slowed_down",
            Self::WaitedTooLong => "waited_too_long",
            Self::TooManyWaiting => "too_many_waiting",
        }
    }
}

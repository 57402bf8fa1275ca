//! From a reason to an answer: the only place with status codes and `WWW-Authenticate`.
//!
//! Many reasons, few answers: a caller learns what to do next, not which check failed (RFC 9068 section 4, RFC 6750
//! section 3.1). No byte of the request but a well-formed request id goes into an answer.

mod challenge;

use std::time::Duration;

use serde::Serialize;

use super::denial::Denial;
use crate::access::{self, StepUp};
use crate::binding::Fault;
use crate::credential::Scheme;
use crate::entra::EntraFlaw;
use crate::http::challenge::Challenge;
use crate::policy::{Credentials, Lack, Refusal};
use crate::rate_limit::{Excess, ExcessKind};
use crate::token::TokenRuleFlaw;

/// An answer to the caller, ready for the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Header fields.
    pub headers: Vec<(&'static str, String)>,
    /// Body; the host leaves it out for HEAD.
    pub body: Vec<u8>,
    /// The fine reason, for `%RESPONSE_CODE_DETAILS%`.
    pub details: String,
    /// gRPC status, if the caller speaks gRPC: the host then answers 200 with trailers.
    pub grpc_status: Option<i32>,
}

/// Who asks, as far as it shapes the answer.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// The request's id, if it is one.
    pub request_id: Option<&'a str>,
    /// It speaks gRPC.
    pub grpc: bool,
    /// What the rule takes, as far as one spoke.
    pub accepts: Credentials,
    /// It is known by something else than a token, of which a challenge for tokens would ask nothing.
    pub without_token: bool,
    /// How it sent its token, if it sent one.
    pub scheme: Scheme,
}

/// The answer for `denial`.
#[must_use]
pub(super) fn deny(denial: &Denial, challenge: &Challenge, asker: Asker<'_>) -> Reply {
    let answer = Answer::of(denial, asker);
    let mut headers = vec![("content-type", "application/problem+json".to_owned())];
    // No cache may hand this answer to another caller, or to this one after it signed in.
    headers.push(("cache-control", "no-store".to_owned()));
    let challenges = challenge::challenges_of(answer, challenge, asker.scheme);
    headers.extend(challenges.into_iter().map(|challenge| ("www-authenticate", challenge)));
    let after = match answer {
        Answer::Unavailable(after) | Answer::TooMany(after) => Some(after),
        Answer::Limited(excess) => Some(excess.retry_after),
        _ => None,
    };
    if let Some(after) = after {
        headers.push(("retry-after", seconds(after).to_string()));
    }
    let detail = match denial {
        Denial::Credential(flaw) if flaw.is_missing_bearer() => {
            "the credential is sent in a way that is not known here"
        }
        _ => answer.detail(),
    };
    Reply {
        status: answer.status(),
        headers,
        body: if asker.grpc { detail.as_bytes().to_vec() } else { answer.body(detail, asker.request_id) },
        details: format!("portcullis_denied{{{}}}", denial.reason()),
        grpc_status: asker.grpc.then(|| answer.grpc_status()),
    }
}

/// A JSON document served by the filter itself (RFC 9728 section 3.2).
#[must_use]
pub(super) fn document(body: &[u8]) -> Reply {
    Reply {
        status: 200,
        headers: vec![
            ("content-type", "application/json".to_owned()),
            ("cache-control", "public, max-age=3600".to_owned()),
            // Clients in browsers read it before they have a token (RFC 9728 section 3.1).
            ("access-control-allow-origin", "*".to_owned()),
        ],
        body: body.to_vec(),
        details: "portcullis_resource_metadata".to_owned(),
        grpc_status: None,
    }
}

/// The few answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer<'d> {
    /// Any of these would do.
    CredentialMissing(Credentials),
    RequestInvalid,
    TokenInvalid,
    ApiKeyInvalid,
    ProofInvalid,
    NonceWanted,
    /// Any of these would do, where they are known.
    ScopeInsufficient(&'d [String]),
    NotAllowed,
    CircumstancesNotAllowed,
    StepUp(&'d StepUp),
    TooMany(Duration),
    Limited(&'d Excess),
    Unavailable(Duration),
}

impl<'d> Answer<'d> {
    fn of(denial: &'d Denial, asker: Asker<'_>) -> Self {
        let missing = Self::CredentialMissing(asker.accepts);
        match denial {
            // What is asked is a token's to say, and the caller is known by something else.
            Denial::NoCredential | Denial::Refused(Refusal::NoToken) if asker.without_token => Self::NotAllowed,
            Denial::NoCredential | Denial::CredentialNotTaken | Denial::Refused(Refusal::NoToken) => missing,
            Denial::Credential(flaw) if flaw.is_missing_bearer() => missing,
            Denial::Request(_) | Denial::Credential(_) | Denial::Forward(_) => Self::RequestInvalid,
            Denial::Rule(TokenRuleFlaw::Entra(EntraFlaw::Permission(_))) => Self::ScopeInsufficient(&[]),
            Denial::Token(_)
            | Denial::Issuer(_)
            | Denial::Key(_)
            | Denial::AlgorithmNotAccepted
            | Denial::Signature(_)
            | Denial::Rule(_)
            | Denial::Introspection(_)
            // Another rule would take this token, so for this endpoint it is the wrong one (RFC 6750 section 3.1).
            | Denial::Refused(Refusal::ProviderNotAccepted | Refusal::AudienceNotAccepted) => Self::TokenInvalid,
            Denial::Binding(flaw) => match flaw.fault() {
                Fault::Token => Self::TokenInvalid,
                Fault::Proof => Self::ProofInvalid,
                Fault::Nonce => Self::NonceWanted,
                Fault::Ours => Self::Unavailable(Duration::from_secs(1)),
            },
            Denial::ApiKey(_) => Self::ApiKeyInvalid,
            Denial::Refused(Refusal::Lacks(Lack::NoToken)) if !asker.without_token => missing,
            Denial::Refused(Refusal::Lacks(lack)) => match Self::lacking(lack) {
                Self::ScopeInsufficient(_) | Self::StepUp(_) | Self::TokenInvalid if asker.without_token => Self::NotAllowed,
                answer => answer,
            },
            Denial::NoRule | Denial::Certificate(_) | Denial::Refused(Refusal::Blocked) => Self::NotAllowed,
            Denial::KeysUnavailable(after)
            | Denial::IntrospectionUnavailable(after)
            | Denial::GroupsUnavailable(after) => Self::Unavailable(*after),
            Denial::LockedOut(after) | Denial::SlowedDown(after) => Self::TooMany(*after),
            Denial::Limited(excess) => Self::Limited(excess),
            Denial::LimitUnavailable(_) | Denial::WaitedTooLong | Denial::TooManyWaiting => Self::Unavailable(Duration::from_secs(1)),
        }
    }

    fn lacking(lack: &'d Lack) -> Self {
        match lack {
            Lack::Scope(scopes) => Self::ScopeInsufficient(scopes),
            Lack::AppRole => Self::ScopeInsufficient(&[]),
            // A token that is bound would do.
            Lack::Binding => Self::TokenInvalid,
            Lack::Circumstance(access::Lack::Assurance(shortfall)) => match &shortfall.step_up {
                Some(step_up) => Self::StepUp(step_up),
                None => Self::CircumstancesNotAllowed,
            },
            Lack::Circumstance(_) => Self::CircumstancesNotAllowed,
            _ => Self::NotAllowed,
        }
    }

    fn status(self) -> u16 {
        match self {
            Self::CredentialMissing(_)
            | Self::TokenInvalid
            | Self::ApiKeyInvalid
            | Self::ProofInvalid
            | Self::NonceWanted
            | Self::StepUp(_) => 401,
            Self::RequestInvalid => 400,
            Self::ScopeInsufficient(_) | Self::NotAllowed | Self::CircumstancesNotAllowed => 403,
            Self::TooMany(_) | Self::Limited(_) => 429,
            Self::Unavailable(_) => 503,
        }
    }

    /// <https://grpc.io/docs/guides/status-codes/>
    fn grpc_status(self) -> i32 {
        match self {
            Self::RequestInvalid => 3,
            Self::ScopeInsufficient(_) | Self::NotAllowed | Self::CircumstancesNotAllowed => 7,
            Self::TooMany(_) | Self::Limited(_) => 8,
            Self::Unavailable(_) => 14,
            Self::CredentialMissing(_)
            | Self::TokenInvalid
            | Self::ApiKeyInvalid
            | Self::ProofInvalid
            | Self::NonceWanted
            | Self::StepUp(_) => 16,
        }
    }

    /// Stable code of the problem document.
    fn code(self) -> &'static str {
        match self {
            Self::CredentialMissing(_) => "credential_missing",
            Self::RequestInvalid => "request_invalid",
            Self::TokenInvalid => "token_invalid",
            Self::ApiKeyInvalid => "api_key_invalid",
            Self::ProofInvalid => "proof_invalid",
            Self::NonceWanted => "nonce_required",
            Self::ScopeInsufficient(_) => "scope_insufficient",
            Self::NotAllowed => "not_allowed",
            Self::CircumstancesNotAllowed => "circumstances_not_allowed",
            Self::StepUp(_) => "stepup_required",
            Self::TooMany(_) => "too_many_requests",
            Self::Limited(excess) => excess.reason(),
            Self::Unavailable(_) => "temporarily_unavailable",
        }
    }

    fn detail(self) -> &'static str {
        match self {
            Self::CredentialMissing(Credentials { token: true, api_key: false, .. }) => {
                "this endpoint needs an access token"
            }
            Self::CredentialMissing(Credentials { token: true, api_key: true, .. }) => {
                "this endpoint needs an access token or an API key"
            }
            Self::CredentialMissing(Credentials { token: false, api_key: true, .. }) => {
                "this endpoint needs an API key"
            }
            Self::CredentialMissing(Credentials { token: false, api_key: false, .. }) => {
                "this endpoint needs a client certificate"
            }
            Self::RequestInvalid => "the request or its credential can't be read without doubt",
            Self::TokenInvalid => "the access token is not accepted here; get a new one for this API",
            Self::ApiKeyInvalid => "the API key is not accepted here",
            Self::ProofInvalid => {
                "the proof that the access token is yours is not accepted; make a new one for this request"
            }
            Self::NonceWanted => "the proof needs the nonce in the DPoP-Nonce field; make a new one with it",
            Self::ScopeInsufficient([]) => "the access token carries no permission for this API",
            Self::ScopeInsufficient(_) => "the access token carries no permission for this endpoint",
            Self::NotAllowed => "this request is not allowed",
            Self::CircumstancesNotAllowed => "this request is not allowed from here, now or in this way",
            Self::StepUp(_) => "this endpoint needs a stronger or fresher sign-in",
            Self::TooMany(_) => "too many attempts; try again later",
            Self::Limited(excess) => match excess.kind {
                ExcessKind::Rate | ExcessKind::Window => "too many requests; slow down",
                ExcessKind::Quota => "the quota is used up; it is there again when its period is over",
                ExcessKind::Concurrency => "too many requests at the same time; wait for one to end",
            },
            Self::Unavailable(_) => "the request can't be checked right now; try again",
        }
    }

    fn title(self) -> &'static str {
        match self.status() {
            400 => "Bad Request",
            401 => "Unauthorized",
            403 => "Forbidden",
            429 => "Too Many Requests",
            _ => "Service Unavailable",
        }
    }

    fn body(self, detail: &str, request_id: Option<&str>) -> Vec<u8> {
        let problem = Problem {
            kind: "about:blank",
            title: self.title(),
            status: self.status(),
            detail,
            code: self.code(),
            limit: match self {
                Self::Limited(excess) => Some(&excess.limit),
                _ => None,
            },
            request_id,
        };
        serde_json::to_vec(&problem).unwrap_or_default()
    }
}

/// RFC 9457. `type` is `about:blank`, so `title` is the status' own phrase (section 4.2.1) and `code` tells the cases apart.
#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    /// The limit that is exceeded, by its name in the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

/// `Retry-After` in whole seconds, rounded up; at least one, or a client would come back at once.
fn seconds(span: Duration) -> u64 {
    let whole = span.as_secs();
    let whole = if span.subsec_nanos() > 0 { whole.saturating_add(1) } else { whole };
    whole.max(1)
}

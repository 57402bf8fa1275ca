//! From a reason to an answer: the only file with status codes and `WWW-Authenticate`.
//!
//! Many reasons, few answers: a caller learns what to do next, not which check failed (RFC 9068 section 4, RFC 6750
//! section 3.1). No byte of the request but a well-formed request id goes into an answer.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::denial::Denial;
use crate::access::{self, Authority, StepUp};
use crate::binding::Fault;
use crate::credential::Scheme;
use crate::entra::EntraFlaw;
use crate::http::challenge::{Challenge, is_quotable};
use crate::policy::{Credentials, Lack, Refusal};
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
    /// How it sent its token, if it sent one.
    pub scheme: Scheme,
    /// What the rule takes, as far as one spoke.
    pub accepts: Credentials,
    /// It is known by something else than a token, of which a challenge for tokens would ask nothing.
    pub without_token: bool,
}

/// The challenges of `answer`, if it has any: each kind of credential that would do has one. A certificate is not asked for in
/// this way, but the field has to be there (RFC 9110 section 15.5.2).
fn challenges_of(answer: Answer<'_>, challenge: &Challenge, scheme: Scheme) -> Vec<String> {
    let api_key = || challenge.api_key().map(|parameters| format!("ApiKey {parameters}"));
    match answer {
        Answer::CredentialMissing(Credentials { api_key: true, token, .. }) => {
            let token = if token { token_challenges(answer, challenge, scheme) } else { Vec::new() };
            token.into_iter().chain(api_key()).collect()
        }
        Answer::ApiKeyInvalid => api_key().into_iter().collect(),
        answer => token_challenges(answer, challenge, scheme),
    }
}

/// The challenges for a token: the one for the scheme that the request came with first, and, where another token would do, one for
/// each other way to send one. A challenge without an error code is another thing than none (RFC 6750 section 3.1).
fn token_challenges(answer: Answer<'_>, challenge: &Challenge, scheme: Scheme) -> Vec<String> {
    let error = match answer {
        Answer::CredentialMissing(_) => None,
        Answer::RequestInvalid => Some("invalid_request"),
        Answer::TokenInvalid => Some("invalid_token"),
        // RFC 9449 sections 7.1 and 9; other schemes have no such codes.
        Answer::ProofInvalid if scheme == Scheme::Dpop => Some("invalid_dpop_proof"),
        Answer::NonceWanted => Some("use_dpop_nonce"),
        Answer::ProofInvalid => Some("invalid_token"),
        Answer::ScopeInsufficient(_) => Some("insufficient_scope"),
        Answer::StepUp(StepUp::Context { context, authority }) => {
            return vec![claims_challenge(context, authority)];
        }
        Answer::StepUp(StepUp::Authentication { .. }) => Some("insufficient_user_authentication"),
        Answer::ApiKeyInvalid
        | Answer::NotAllowed
        | Answer::CircumstancesNotAllowed
        | Answer::TooMany(_)
        | Answer::Unavailable(_) => return Vec::new(),
    };
    let mut text = plain_challenge(challenge, scheme);
    if let Some(error) = error {
        parameter(&mut text, "error", error);
    }
    match answer {
        Answer::ScopeInsufficient(scopes) => words(&mut text, "scope", scopes),
        Answer::StepUp(StepUp::Authentication { acr_values, max_age }) => {
            let description = match acr_values {
                Some(_) => "A different authentication level is required",
                None => "More recent authentication is required",
            };
            parameter(&mut text, "error_description", description);
            words(&mut text, "acr_values", acr_values.as_deref().unwrap_or_default());
            if let Some(age) = max_age {
                parameter(&mut text, "max_age", &age.as_secs().max(1).to_string());
            }
        }
        _ => {}
    }
    let mut challenges = vec![text];
    if scheme == Scheme::Bearer && matches!(answer, Answer::CredentialMissing(_) | Answer::TokenInvalid) {
        let proofs = challenge.proofs().map(|_| plain_challenge(challenge, Scheme::Dpop));
        let requests = challenge.signed_requests().then(|| plain_challenge(challenge, Scheme::Pop));
        challenges.extend(proofs.into_iter().chain(requests));
    }
    challenges
}

/// The challenge of one scheme, without an error. A token that is bound to a certificate is a bearer's to all clients but
/// Microsoft's.
fn plain_challenge(challenge: &Challenge, scheme: Scheme) -> String {
    let name = if scheme == Scheme::MtlsPop { Scheme::Bearer.name() } else { scheme.name() };
    let mut text = format!("{name} {}", challenge.parameters());
    if let (Scheme::Dpop, Some(algorithms)) = (scheme, challenge.proofs()) {
        parameter(&mut text, "algs", algorithms);
    }
    text
}

/// Entra's own form ("Claims challenges and claims requests"): `realm` and address name the tenant or nobody, and `claims`
/// is in standard base64 with padding.
fn claims_challenge(context: &str, authority: &Authority) -> String {
    let (realm, tenant) = match &authority.tenant {
        Some(tenant) => (tenant.as_str(), tenant.as_str()),
        None => ("", "common"),
    };
    let mut challenge = format!("Bearer realm=\"{realm}\"");
    let address = format!("https://{}/{tenant}/oauth2/authorize", authority.host);
    parameter(&mut challenge, "authorization_uri", &address);
    if let Some(id) = &authority.client_id {
        parameter(&mut challenge, "client_id", id);
    }
    parameter(&mut challenge, "error", "insufficient_claims");
    let claims = format!("{{\"access_token\":{{\"acrs\":{{\"essential\":true,\"value\":\"{context}\"}}}}}}");
    parameter(&mut challenge, "claims", &STANDARD.encode(claims));
    parameter(&mut challenge, "cc_type", "authcontext");
    challenge
}

/// Adds a parameter. What can't stand between quotes is left out: it is checked at load, and would end the parameter here.
fn parameter(challenge: &mut String, name: &str, value: &str) {
    if is_quotable(value) {
        for part in [", ", name, "=\"", value, "\""] {
            challenge.push_str(part);
        }
    }
}

/// The same with words that have spaces between them, if there are any.
fn words(challenge: &mut String, name: &str, words: &[String]) {
    if !words.is_empty() {
        parameter(challenge, name, &words.join(" "));
    }
}

/// The answer for `denial`.
#[must_use]
pub(super) fn deny(denial: &Denial, challenge: &Challenge, asker: Asker<'_>) -> Reply {
    let answer = Answer::of(denial, asker);
    let mut headers = vec![("content-type", "application/problem+json".to_owned())];
    // No cache may hand this answer to another caller, or to this one after it signed in.
    headers.push(("cache-control", "no-store".to_owned()));
    let challenges = challenges_of(answer, challenge, asker.scheme);
    headers.extend(challenges.into_iter().map(|challenge| ("www-authenticate", challenge)));
    if let Answer::Unavailable(after) | Answer::TooMany(after) = answer {
        headers.push(("retry-after", seconds(after).to_string()));
    }
    Reply {
        status: answer.status(),
        headers,
        body: if asker.grpc { answer.detail().as_bytes().to_vec() } else { answer.body(asker.request_id) },
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
    ProofInvalid,
    NonceWanted,
    ApiKeyInvalid,
    /// Any of these would do, where they are known.
    ScopeInsufficient(&'d [String]),
    NotAllowed,
    CircumstancesNotAllowed,
    StepUp(&'d StepUp),
    TooMany(Duration),
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
                Self::ScopeInsufficient(_) | Self::StepUp(_) if asker.without_token => Self::NotAllowed,
                answer => answer,
            },
            Denial::NoRule | Denial::Certificate(_) | Denial::Refused(Refusal::Blocked) => Self::NotAllowed,
            Denial::KeysUnavailable(after) | Denial::GroupsUnavailable(after) => Self::Unavailable(*after),
            Denial::LockedOut(after) | Denial::SlowedDown(after) => Self::TooMany(*after),
            Denial::Limited(excess) => Self::TooMany(excess.retry_after),
            Denial::WaitedTooLong | Denial::TooManyWaiting => Self::Unavailable(Duration::from_secs(1)),
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
            | Self::ProofInvalid
            | Self::NonceWanted
            | Self::ApiKeyInvalid
            | Self::StepUp(_) => 401,
            Self::RequestInvalid => 400,
            Self::ScopeInsufficient(_) | Self::NotAllowed | Self::CircumstancesNotAllowed => 403,
            Self::TooMany(_) => 429,
            Self::Unavailable(_) => 503,
        }
    }

    /// <https://grpc.io/docs/guides/status-codes/>
    fn grpc_status(self) -> i32 {
        match self {
            Self::RequestInvalid => 3,
            Self::ScopeInsufficient(_) | Self::NotAllowed | Self::CircumstancesNotAllowed => 7,
            Self::TooMany(_) => 8,
            Self::Unavailable(_) => 14,
            Self::CredentialMissing(_)
            | Self::TokenInvalid
            | Self::ProofInvalid
            | Self::NonceWanted
            | Self::ApiKeyInvalid
            | Self::StepUp(_) => 16,
        }
    }

    /// Stable code of the problem document.
    fn code(self) -> &'static str {
        match self {
            Self::CredentialMissing(_) => "credential_missing",
            Self::RequestInvalid => "request_invalid",
            Self::TokenInvalid => "token_invalid",
            Self::ProofInvalid => "proof_invalid",
            Self::NonceWanted => "nonce_required",
            Self::ApiKeyInvalid => "api_key_invalid",
            Self::ScopeInsufficient(_) => "scope_insufficient",
            Self::NotAllowed => "not_allowed",
            Self::CircumstancesNotAllowed => "circumstances_not_allowed",
            Self::StepUp(_) => "stepup_required",
            Self::TooMany(_) => "too_many_requests",
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
            Self::ProofInvalid => {
                "the proof that the access token is yours is not accepted; make a new one for this request"
            }
            Self::NonceWanted => "the proof needs the nonce in the DPoP-Nonce field; make a new one with it",
            Self::ApiKeyInvalid => "the API key is not accepted here",
            Self::ScopeInsufficient([]) => "the access token carries no permission for this API",
            Self::ScopeInsufficient(_) => "the access token carries no permission for this endpoint",
            Self::NotAllowed => "this request is not allowed",
            Self::CircumstancesNotAllowed => "this request is not allowed from here, now or in this way",
            Self::StepUp(_) => "this endpoint needs a stronger or fresher sign-in",
            Self::TooMany(_) => "too many attempts; try again later",
            Self::Unavailable(_) => "the access token can't be checked right now; try again",
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

    fn body(self, request_id: Option<&str>) -> Vec<u8> {
        let problem = Problem {
            kind: "about:blank",
            title: self.title(),
            status: self.status(),
            detail: self.detail(),
            code: self.code(),
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
    detail: &'static str,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

/// `Retry-After` in whole seconds, rounded up; at least one, or a client would come back at once.
fn seconds(span: Duration) -> u64 {
    let whole = span.as_secs();
    let whole = if span.subsec_nanos() > 0 { whole.saturating_add(1) } else { whole };
    whole.max(1)
}

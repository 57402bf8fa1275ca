//! `WWW-Authenticate`: what a caller who is turned away is told to come with.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Answer;
use crate::access::{Authority, StepUp};
use crate::credential::Scheme;
use crate::http::challenge::{Challenge, is_quotable};
use crate::policy::Credentials;

/// The challenges of `answer`: the one for the scheme that the request came with first, and, where another token would do, one
/// for each other way to send one. A challenge without an error code is another thing than none (RFC 6750 section 3.1).
pub(super) fn challenges_of(answer: Answer<'_>, challenge: &Challenge, scheme: Scheme) -> Vec<String> {
    let error = match answer {
        // A certificate is not asked for in this way, but the field has to be there (RFC 9110 section 15.5.2).
        Answer::CredentialMissing(Credentials { api_key: true, token: false, .. }) | Answer::ApiKeyInvalid => {
            return api_key(challenge).into_iter().collect();
        }
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
        Answer::NotAllowed
        | Answer::CircumstancesNotAllowed
        | Answer::TooMany(_)
        | Answer::Limited(_)
        | Answer::Unavailable(_) => {
            return Vec::new();
        }
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
    if let Answer::CredentialMissing(Credentials { api_key: true, .. }) = answer {
        challenges.extend(api_key(challenge));
    }
    challenges
}

/// The challenge for an API key, where there are any.
fn api_key(challenge: &Challenge) -> Option<String> {
    challenge.api_key().map(|parameters| format!("ApiKey {parameters}"))
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

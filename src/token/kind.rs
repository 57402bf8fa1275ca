//! Is it an access token at all (RFC 8725 sections 3.11 and 3.12).
//!
//! One issuer signs ID tokens, logout tokens and more with the same keys. `typ` tells them apart where it is set, but
//! Entra ID and many others write `JWT` on everything, so the marks of the other kinds are looked for as well.

use serde_json::{Map, Value};

use super::TokenRuleFlaw;
use crate::jose::{Claim, Claims, SignedClaims};

/// Refuses what is not an access token; with `profile`, what is not one of RFC 9068.
pub(super) fn check(signed: &SignedClaims, profile: bool) -> Result<(), TokenRuleFlaw> {
    let declared = signed.header().typ.as_deref().map(media_type);
    match declared.as_deref() {
        Some("at+jwt") => {}
        None | Some("jwt") if !profile => {}
        _ => return Err(TokenRuleFlaw::TypeNotAccepted),
    }
    if let Some(kind) = foreign_kind(signed.claims()) {
        return Err(TokenRuleFlaw::NotAnAccessToken(kind));
    }
    if profile { check_profile(signed.typed()) } else { Ok(()) }
}

/// Refuses what the authorization server calls something else than an access token that we can take (RFC 7662 section 2.2,
/// RFC 6749 section 7.1). Many say of a refresh token that it is active too.
pub(super) fn check_introspected(claims: Claims<'_>, members: &Map<String, Value>) -> Result<(), TokenRuleFlaw> {
    match claims.string("token_type") {
        Claim::Absent => {}
        Claim::Value(kind) if kind.eq_ignore_ascii_case("Bearer") => {}
        // RFC 9449 section 6.2: it is bound to a key, so it says to which.
        Claim::Value(kind) if kind.eq_ignore_ascii_case("DPoP") && names_key(members) => {}
        Claim::Value(_) | Claim::Malformed => return Err(TokenRuleFlaw::TypeNotAccepted),
    }
    if let Some(kind) = foreign_kind(members) {
        return Err(TokenRuleFlaw::NotAnAccessToken(kind));
    }
    // Ory Hydra calls refresh tokens `Bearer` too, and tells them apart here alone.
    match claims.string("token_use") {
        Claim::Absent | Claim::Value("access" | "access_token") => Ok(()),
        Claim::Value(_) | Claim::Malformed => Err(TokenRuleFlaw::TypeNotAccepted),
    }
}

/// Is it said to which key the token is bound? What is there has to hold: that is checked where proofs are.
fn names_key(members: &Map<String, Value>) -> bool {
    members.get("cnf").and_then(|confirmation| confirmation.get("jkt")).is_some()
}

/// `application/` may be left out, and case does not count (RFC 7515 section 4.1.9).
fn media_type(typ: &str) -> String {
    let typ = typ.to_ascii_lowercase();
    typ.strip_prefix("application/").map(str::to_owned).unwrap_or(typ)
}

/// The reason code of the other kind, if the claims bear its marks.
fn foreign_kind(claims: &Map<String, Value>) -> Option<&'static str> {
    let has = |name: &str| claims.contains_key(name);
    // OpenID Connect Core sections 3.1.3.6 and 3.3.2.11, CIBA: hashes that bind an ID token to what came with it.
    if ["at_hash", "c_hash", "s_hash", "urn:openid:params:jwt:claim:rt_hash"].into_iter().any(has) {
        return Some("token_is_id_token");
    }
    // `nonce` answers an authentication request. Older Keycloak copies it into access tokens, which then carry a scope.
    if has("nonce") && !has("scope") && !has("scp") {
        return Some("token_is_id_token");
    }
    // RFC 8417 (security events) and OpenID Connect Back-Channel Logout section 2.4.
    if has("events") {
        return Some("token_is_security_event");
    }
    // RFC 9449 section 4.2.
    if has("htm") || has("htu") {
        return Some("token_is_dpop_proof");
    }
    // RFC 7523 section 3: issued by the client itself, for the authorization server.
    if let (Some(iss), Some(sub)) = (claims.get("iss"), claims.get("sub"))
        && iss == sub
    {
        return Some("token_is_client_assertion");
    }
    // Keycloak says it in a claim `typ`, Amazon Cognito and Ory Hydra in `token_use`.
    match (claims.get("typ").and_then(Value::as_str), claims.get("token_use").and_then(Value::as_str)) {
        (Some("ID"), _) | (_, Some("id" | "id_token")) => Some("token_is_id_token"),
        (Some("Refresh" | "Offline"), _) | (_, Some("refresh" | "refresh_token")) => Some("token_is_refresh_token"),
        (Some("Logout"), _) => Some("token_is_security_event"),
        _ => None,
    }
}

/// RFC 9068 section 2.2: each of these must be there, and read as what it is.
fn check_profile(claims: Claims<'_>) -> Result<(), TokenRuleFlaw> {
    for name in ["iss", "sub", "client_id", "jti"] {
        if !matches!(claims.string(name), Claim::Value(text) if !text.is_empty()) {
            return Err(TokenRuleFlaw::ProfileClaimMissing(name));
        }
    }
    if matches!(claims.string_or_list("aud"), Claim::Absent) {
        return Err(TokenRuleFlaw::ProfileClaimMissing("aud"));
    }
    for name in ["exp", "iat"] {
        if matches!(claims.numeric_date(name), Claim::Absent) {
            return Err(TokenRuleFlaw::ProfileClaimMissing(name));
        }
    }
    Ok(())
}

use serde_json::json;

use super::*;
use crate::http::HeaderMap;
use crate::jose::Algorithm;
use crate::jose::testing::{ED25519, NoHost, RSA};

const NOW: u64 = 1_800_000_000;

fn settings() -> SignedRequests {
    let algorithms = [Algorithm::ES256, Algorithm::PS256, Algorithm::RS256];
    SignedRequests {
        algorithms: algorithms.into_iter().collect(),
        max_age: Duration::from_secs(300),
        clock_skew: Duration::from_secs(5),
        hosts: Vec::new(),
        token_bytes: 8192,
        replays: Replays::new(crate::binding::Method::SignedRequest, 1024, Duration::from_secs(300)),
    }
}

fn head(path: &str) -> RequestHead {
    let pairs = [(":method", "GET"), (":scheme", "https"), (":authority", "www.contoso.com"), (":path", path)];
    RequestHead::read(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect::<HeaderMap>())
        .unwrap()
}

fn claims() -> Value {
    json!({
        "at": "the.access.token",
        "ts": NOW,
        "m": "GET",
        "u": "www.contoso.com",
        "p": "/path1",
        "nonce": "81da490f46c3494eba8c6e25a45a4d0f",
        "cnf": { "jwk": RSA.jwk() },
    })
}

fn signed(change: impl FnOnce(&mut Value, &mut Value)) -> String {
    let (mut header, mut claims) = (json!({ "alg": "RS256", "typ": "pop", "kid": "k" }), claims());
    change(&mut header, &mut claims);
    RSA.token(Algorithm::RS256, &header.to_string(), &claims.to_string())
}

fn checked(settings: &SignedRequests, text: &str, head: &RequestHead) -> Result<String, ProofFlaw> {
    let (token, request) = settings.read(text.as_bytes(), head, UnixTime::from_secs(NOW))?;
    let bound = RSA.verification_key().thumbprint();
    request.verify(&bound, &mut NoHost, SignaturePolicy::ForbidNative).map(|_| token)
}

fn changed(change: impl FnOnce(&mut Value, &mut Value)) -> Result<String, ProofFlaw> {
    checked(&settings(), &signed(change), &head("/path1?query=1"))
}

#[test]
fn a_signed_request_is_for_this_request_and_brings_the_token() {
    assert_eq!(changed(|_, _| {}).as_deref(), Ok("the.access.token"));
    assert_eq!(changed(|header, _| header["typ"] = json!("JWT")), Err(ProofFlaw::Type));
    assert_eq!(changed(|header, _| header["alg"] = json!("RS384")), Err(ProofFlaw::Algorithm));
    assert_eq!(changed(|_, claims| claims["m"] = json!("POST")), Err(ProofFlaw::Method));
    assert_eq!(changed(|_, claims| claims["u"] = json!("other.contoso.com")), Err(ProofFlaw::Target));
    assert_eq!(changed(|_, claims| claims["u"] = json!("www.contoso.com:8443")), Err(ProofFlaw::Target));
    assert!(changed(|_, claims| claims["u"] = json!("WWW.contoso.com:443")).is_ok());
    for name in ["at", "ts", "m", "u", "p", "cnf"] {
        let without = |_: &mut Value, claims: &mut Value| _ = claims.as_object_mut().unwrap().remove(name);
        assert_eq!(changed(without), Err(ProofFlaw::Claim(name)), "{name}");
    }
    assert_eq!(changed(|_, claims| claims["ts"] = json!(NOW - 301)), Err(ProofFlaw::TooOld));
    assert_eq!(changed(|_, claims| claims["ts"] = json!(NOW + 6)), Err(ProofFlaw::TooEarly));
    assert_eq!(changed(|_, claims| claims["ts"] = json!(NOW.to_string())), Err(ProofFlaw::Claim("ts")));
}

/// As Microsoft's `SignedHttpRequestHandler` compares paths; MSAL.js writes them in lower case with a slash at the end.
#[test]
fn paths_are_compared_as_microsoft_compares_them() {
    for (path, claimed, same) in [
        ("/path1", "/path1", true),
        ("/path1", "/path1/", true),
        ("/path1", "path1", true),
        ("/pa%20th1", "/pa%20th1", true),
        ("/Path1", "/path1/", true),
        ("/path1", "/path2", false),
        ("/path1/a", "/path1", false),
    ] {
        let text = signed(|_, claims| claims["p"] = json!(claimed));
        assert_eq!(checked(&settings(), &text, &head(path)).is_ok(), same, "{path} {claimed}");
    }
}

#[test]
fn hosts_are_the_named_ones_where_some_are_named() {
    let hosts = ["API.example.", "api.example:8443", "b.example:443"].map(|host| Host::read(host).unwrap());
    let named = SignedRequests { hosts: hosts.into(), ..settings() };
    for (host, good) in [
        ("api.example", true),
        ("Api.Example:443", true),
        ("api.example:8443", true),
        ("b.example", true),
        ("b.example:80", false),
        ("api.example:84430", false),
        ("api.example:99999", false),
        ("www.contoso.com", false),
        ("api.example/x", false),
    ] {
        let text = signed(|_, claims| claims["u"] = json!(host));
        assert_eq!(checked(&named, &text, &head("/path1")).is_ok(), good, "{host}");
    }
}

#[test]
fn the_key_is_the_one_that_the_token_is_bound_to_and_signs() {
    assert_eq!(changed(|_, claims| claims["cnf"]["jwk"] = json!(ED25519.jwk())), Err(ProofFlaw::OtherKey));
    assert_eq!(
        changed(|_, claims| claims["cnf"]["jwk"]["d"] = json!("AQAB")),
        Err(ProofFlaw::Key(crate::jose::KeyFlaw::PrivateKey))
    );
    let (header, claims) = (json!({ "alg": "RS256", "typ": "pop" }), claims());
    let other = crate::jose::testing::Signer::rsa(2, 2048);
    let forged = other.token(Algorithm::RS256, &header.to_string(), &claims.to_string());
    assert_eq!(checked(&settings(), &forged, &head("/path1")), Err(ProofFlaw::Signature));
}

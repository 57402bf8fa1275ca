//! Every kind of token, good and forged, against the real module in a real Envoy.
//!
//! Names begin with the id of the requirement that they prove, where there is one.

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "test helpers may panic, which is the failed test, and tests run on the real clock"
)]

mod algorithms;
mod form;
mod claims;
mod entra;
mod remembered;

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use envoy_test::{Case, Envoy, Gate, Issuer, KeyKind, Protocol, Request, SigningKey, Token};
use serde_json::{Value, json};

/// One gate for all tests that only ask.
struct Cast {
    gate: Gate,
    /// Publishes one key of each kind.
    every: Issuer,
    keys: Vec<(KeyKind, SigningKey)>,
    /// Access tokens of RFC 9068 only, and no clock difference.
    profile: Issuer,
}

static CAST: LazyLock<Cast> = LazyLock::new(|| {
    let kinds = [KeyKind::Rsa2048, KeyKind::P256, KeyKind::P384, KeyKind::P521, KeyKind::Ed25519];
    let keys: Vec<(KeyKind, SigningKey)> =
        kinds.into_iter().map(|kind| (kind, SigningKey::generate(kind, &format!("{kind:?}")))).collect();
    let mut issuers = Vec::new();
    let gate = Gate::start_with(configuration("prefer_host"), |builder, idps| {
        let (every, profile) = (idps.oidc("https://every.example"), idps.oidc("https://profile.example"));
        keys.iter().for_each(|(_, key)| every.publish(key));
        profile.add_key(KeyKind::P256, "profile-1");
        issuers = vec![every, profile];
        builder
    });
    let (profile, every) = (issuers.pop().unwrap(), issuers.pop().unwrap());
    Cast { gate, every, keys, profile }
});

fn configuration(signatures: &str) -> Value {
    let provider = |issuer: &str| json!({"issuer": issuer, "cluster": "idp", "audiences": ["orders"]});
    let mut profile = provider("https://profile.example");
    profile["token_type"] = json!("at+jwt");
    profile["clock_skew"] = json!("0s");
    json!({
        "providers": {
            "entra": {"entra": {"tenants": TENANT}, "cluster": "login", "audiences": [AUDIENCE]},
            "idp": provider("https://idp.example"),
            "every": provider("https://every.example"),
            "profile": profile,
            "secret": {
                "issuer": "https://secret.example",
                "secret": {"value": SECRET_BASE64URL, "algorithm": "HS256"},
                "audiences": ["orders"],
            },
        },
        "rules": [{"name": "all", "match": {"paths": ["/{rest...}"]}}],
        "signatures": signatures,
        "audit": {"log": "all"},
    })
}

/// Another Envoy before the same issuers.
fn envoy(configuration: Value) -> Envoy {
    let gate = &CAST.gate;
    let builder = Envoy::builder().filter_config(configuration).upstream(&gate.upstream);
    builder.cluster("login", gate.login.address()).cluster("idp", gate.idps.address()).start()
}

/// An ordinary token of the issuer with one P-256 key.
fn plain() -> Token {
    CAST.gate.idp.token(CAST.gate.idp.claims("orders"))
}

fn user() -> Token {
    CAST.gate.entra.token(CAST.gate.entra.v2_claims(AUDIENCE))
}

/// A token that the profile of RFC 9068 accepts.
fn profiled() -> Token {
    let token = CAST.profile.token(CAST.profile.claims("orders"));
    token.with_header("typ", "at+jwt").with("jti", "t-1").with("client_id", "c-1")
}

fn secret_claims() -> Value {
    let mut claims = CAST.gate.idp.claims("orders");
    claims["iss"] = json!("https://secret.example");
    claims
}

/// A token of `every`, signed with `algorithm` by the key of this kind.
fn signed(kind: KeyKind, algorithm: &str) -> Token {
    let (_, key) = CAST.keys.iter().find(|(of, _)| *of == kind).unwrap();
    CAST.every.token(CAST.every.claims("orders")).signed_by(key).algorithm(algorithm)
}

fn ask(token: &str) -> Request {
    Request::get("/orders/1").bearer(token)
}

fn allowed(title: impl Into<String>, token: &Token) -> Case {
    Case::allowed(title, ask(&token.build()))
}

fn refused(title: impl Into<String>, token: &Token, reason: &str) -> Case {
    Case::new(title, ask(&token.build()), 401, reason)
}

fn refused_text(title: impl Into<String>, token: &str, reason: &str) -> Case {
    Case::new(title, ask(token), 401, reason)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Half a second later, as issuers with a finer clock write it.
fn half_past(seconds: u64) -> Value {
    serde_json::from_str(&format!("{seconds}.5")).unwrap()
}

const HTTP1: [Protocol; 1] = [Protocol::Http1];
const TENANT: &str = "11111111-2222-4333-8444-555555555555";
const OTHER_TENANT: &str = "99999999-2222-4333-8444-555555555555";
const AUDIENCE: &str = "api://orders";

/// As long as the longest hash, in plain and in base64url.
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const SECRET_BASE64URL: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg";

/// Every algorithm, and the key that signs with it.
const ALGORITHMS: [(&str, KeyKind); 10] = [
    ("RS256", KeyKind::Rsa2048),
    ("RS384", KeyKind::Rsa2048),
    ("RS512", KeyKind::Rsa2048),
    ("PS256", KeyKind::Rsa2048),
    ("PS384", KeyKind::Rsa2048),
    ("PS512", KeyKind::Rsa2048),
    ("ES256", KeyKind::P256),
    ("ES384", KeyKind::P384),
    ("ES512", KeyKind::P521),
    ("EdDSA", KeyKind::Ed25519),
];

/// What Envoy's `verify_signature` cannot do.
const MODULE_ONLY: [&str; 4] = ["PS256", "PS384", "PS512", "EdDSA"];

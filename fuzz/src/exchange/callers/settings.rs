//! One configuration with everything, and who there is.

use std::sync::LazyLock;

use portcullis::api_key::{KeyText, SecretHash, text};
use serde_json::{Value, json};

/// Requests in an hour, by the key.
pub(super) const MOST: usize = 3;

pub(super) static CI: LazyLock<String> = LazyLock::new(|| text::write("ci", &[1; 32]));
pub(super) static NIGHT: LazyLock<String> = LazyLock::new(|| text::write("night", &[2; 32]));
pub(super) static AWAY: LazyLock<String> = LazyLock::new(|| text::write("away", &[3; 32]));
/// Of the certificate that is accepted.
pub(super) const DIGEST: [u8; 32] = [0xab; 32];
pub(super) const TOKENS: [&str; 4] = ["t-0", "t-1", "t-2", "a.b~c"];

pub(super) fn configuration(believed: bool) -> Value {
    let key = |text: &str| {
        let hash = SecretHash::of(&KeyText::parse(text.as_bytes()).expect("a key"), [3; 16]);
        json!({ "hash": hash.to_string(), "owner": "team-x" })
    };
    let (mut ci, mut away) = (key(&CI), key(&AWAY));
    ci["expires"] = json!("2027-01-15T09:00:00Z");
    away["networks"] = json!(["elsewhere"]);
    json!({
        "providers": { "opaque": {
            "issuer": "https://opaque.example", "audiences": ["orders"],
            "introspection": {
                "endpoint": "https://opaque.example/introspect", "cluster": "opaque", "jwts": "refuse",
                "client": { "id": "gate", "secret": "hush" }, "cache": "10s", "negative_cache": "2s", "timeout": "1s"
            }
        } },
        "networks": { "proxies": ["203.0.113.0/24"], "elsewhere": ["198.51.100.0/24"] },
        "api_keys": {
            "sources": { "headers": [{ "name": "x-api-key" }], "cookies": ["key"], "danger_query_parameters": ["key"] },
            "keys": { "ci": ci, "night": key(&NIGHT), "away": away }
        },
        "client_certificates": {
            "from": { "forwarded": { "trusted_proxies": [if believed { "proxies" } else { "elsewhere" }] } },
            "assume_validated": true,
            "accepted": { "shop": { "digests": [hex(&DIGEST)], "validity": false, "identity": { "subject": "digest" } } }
        },
        "bindings": { "mtls": {} },
        "rate_limits": { "plan": { "key": ["api_key"], "window": { "requests": MOST, "per": "1h" }, "concurrency": 2 } },
        "rules": [
            { "name": "key", "match": { "paths": ["/key"] }, "accept": ["api_key"], "limits": ["plan"] },
            { "name": "own", "match": { "paths": ["/own"] }, "accept": ["certificate"] },
            { "name": "opaque", "match": { "paths": ["/opaque"] } },
            { "name": "both", "match": { "paths": ["/both"] }, "require": { "certificates": ["shop"] } },
            { "name": "bound", "match": { "paths": ["/bound"] }, "require": { "binding": ["mtls"] } },
            { "name": "any", "match": { "paths": ["/any"] }, "accept": ["token", "api_key", "certificate"] },
            { "name": "open", "match": { "paths": ["/open"] }, "access": "anonymous" }
        ],
        "forward": { "claims": [{ "claim": "sub", "header": "x-sub" }] },
        "audit": { "log": "all" }
    })
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

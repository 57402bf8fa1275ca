//! The configurations that the script can choose.

use serde_json::{Value, json};

use super::issuer::{AUDIENCE, IDP, PORTAL, TENANT, jwks};
use super::keys::LONGEST_LIFE_MS;
use super::script::Script;

/// What the script has chosen, as far as a verdict needs it.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) document: Value,
    /// Only the host may verify.
    pub(super) host_only: bool,
    /// The keys of `idp` are in the document.
    pub(super) fixed: bool,
    /// The credential goes on.
    pub(super) keeps_credential: bool,
    /// Tokens may also be in `x-token`, in the cookie `session` and in the parameter `at`.
    pub(super) many_places: bool,
    pub(super) preflights_pass: bool,
    pub(super) remembered_bytes: usize,
    pub(super) waiting: u32,
    pub(super) wait_ms: u64,
    /// How long after they came keys may serve, by issuer.
    pub(super) key_life_ms: [u64; 2],
}

/// The header that tells the verdict whose token was believed.
pub(super) const PAYLOAD: &str = "x-jwt-payload";

impl Settings {
    /// A reload may not change `many_places`, since requests wait meanwhile.
    pub(super) fn choose(script: &mut Script<'_>, many_places: bool) -> Self {
        let source = script.byte() % 3;
        let (signatures, host_only) =
            script.one(&[("prefer_host", false), ("forbid_host", false), ("require_host", true)]);
        let keeps_credential = script.is();
        let preflights_pass = script.is();
        let (token_cache, remembered_bytes) = script.one(&[("8MiB", 8 << 20), ("4KiB", 4 << 10), ("0B", 0)]);
        let waiting = script.one(&[1000, 2, 0]);
        let (wait, wait_ms) = script.one(&[("5s", 5000), ("60s", 60_000), ("0s", 0)]);

        let mut idp = json!({ "issuer": IDP, "audiences": [AUDIENCE, PORTAL] });
        match source {
            0 => {
                idp["cluster"] = json!("idp");
                idp["jwks_uri"] = json!(format!("{IDP}/keys"));
            }
            1 => idp["cluster"] = json!("idp"),
            _ => idp["jwks"] = jwks(0b11),
        }
        if script.is() {
            idp["max_age"] = json!("1h");
        }
        let mut key_life_ms = [LONGEST_LIFE_MS; 2];
        if script.is() {
            key_life_ms[0] = 70_000;
            idp["keys"] =
                json!({ "min_fresh": "1s", "max_fresh": "10s", "max_stale": "1m", "unknown_kid_cooldown": "1s" });
        }
        let entra = json!({
            "entra": { "tenants": TENANT, "versions": ["v2"] },
            "cluster": "login",
            "audiences": [AUDIENCE],
        });
        let mut document = json!({
            "providers": { "idp": idp, "entra": entra },
            "rules": [
                { "name": "orders", "match": { "paths": ["/orders/{id}"] } },
                { "name": "portal", "match": { "paths": ["/portal"] }, "providers": ["idp"], "audiences": [PORTAL] },
                { "name": "news", "match": { "paths": ["/news"], "methods": ["GET", "POST"] }, "access": "optional" },
                { "name": "open", "match": { "paths": ["/open/{rest...}"] }, "access": "anonymous" },
            ],
            "forward": {
                "authorization": if keeps_credential { "keep" } else { "remove" },
                "claims": [{ "claim": "sub", "header": "x-user-id" }],
                "payload_header": PAYLOAD,
                "client_principal": script.is(),
            },
            "answers": { "cors_preflight": if preflights_pass { "pass" } else { "check" } },
            "audit": { "log": "all" },
            "signatures": signatures,
            "limits": { "token_cache": token_cache, "waiting_requests": waiting, "wait": wait },
        });
        if many_places {
            document["credentials"] = json!({
                "headers": [{ "name": "x-token", "prefix": "Token " }],
                "cookies": ["session"],
                "danger_query_parameters": ["at"],
            });
        }
        Self {
            document,
            host_only,
            fixed: source == 2,
            keeps_credential,
            many_places,
            preflights_pass,
            remembered_bytes,
            waiting,
            wait_ms,
            key_life_ms,
        }
    }
}

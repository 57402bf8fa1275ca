//! One Envoy with both filters: `/native` asks `jwt_authn`, `/ours` asks the filter. Keys, issuers and audience are the
//! same, given in both configurations, and no cache of `jwt_authn` is on.

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::envoy::Envoy;
use crate::issuer::keys::{KeyKind, SigningKey};

/// The Envoy, and everyone who may sign.
pub(super) struct Arena {
    pub(super) envoy: Envoy,
    signers: Vec<Signer>,
}

/// A key, the issuer that it speaks for, and what it can sign with.
pub(super) struct Signer {
    pub(super) issuer: &'static str,
    pub(super) key: SigningKey,
    pub(super) algorithms: &'static [&'static str],
    /// How many tokens of a hundred it signs: RSA and the longer curves cost the client ten times what the others do.
    share: u32,
}

impl Arena {
    pub(super) fn start(workers: u32) -> Self {
        let public = |kind, kid, algorithms, share| Signer {
            issuer: ISSUER,
            key: SigningKey::generate(kind, kid),
            algorithms,
            share,
        };
        let signers = vec![
            public(KeyKind::P256, "p256", &["ES256"], 25),
            // Its JWK has no `kid`.
            public(KeyKind::P256, NAMELESS, &["ES256"], 6),
            public(KeyKind::P384, "p384", &["ES384"], 4),
            public(KeyKind::P521, "p521", &["ES512"], 1),
            public(KeyKind::Rsa2048, "rsa", &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"], 4),
            // After the others: at an Ed25519 key, jwt_authn gives up on a token without `kid` whose signature has not the
            // length for it, whatever keys may follow.
            public(KeyKind::Ed25519, "ed25519", &["EdDSA"], 32),
            Signer {
                issuer: SECRET_ISSUER,
                key: SigningKey::secret("secret", SECRET),
                algorithms: &["HS256"],
                share: 25,
            },
        ];
        let (native, ours) = (native(&signers), ours(&signers));
        let envoy = Envoy::builder()
            .filter_config(ours)
            .concurrency(workers)
            .log_level("warning")
            .patch_listener(move |listener| {
                let manager = listener.pointer_mut("/filter_chains/0/filters/0/typed_config");
                put_both(manager.unwrap_or_else(|| panic!("the listener has no connection manager")), &native);
            })
            .start();
        Self { envoy, signers }
    }

    /// Any signer, by their shares.
    pub(super) fn signer(&self, rng: &mut StdRng) -> &Signer {
        let mut lot = rng.random_range(0..self.signers.iter().map(|signer| signer.share).sum());
        let chosen = self.signers.iter().find(|signer| {
            let hit = lot < signer.share;
            lot = lot.saturating_sub(signer.share);
            hit
        });
        chosen.unwrap_or_else(|| panic!("there are no signers"))
    }

    /// Every signer.
    pub(super) fn signers(&self) -> &[Signer] {
        &self.signers
    }
}

fn key_set(signers: &[Signer], issuer: &str) -> Value {
    let own = signers.iter().filter(|signer| signer.issuer == issuer);
    let keys = own.map(|signer| {
        let mut jwk = signer.key.jwk();
        if signer.key.kid() == NAMELESS {
            jwk.as_object_mut().map(|members| members.remove("kid"));
        }
        jwk
    });
    json!({ "keys": keys.collect::<Vec<_>>() })
}

fn ours(signers: &[Signer]) -> Value {
    let secret = key_set(signers, SECRET_ISSUER)["keys"][0]["k"].clone();
    json!({
        "providers": {
            "public": {"issuer": ISSUER, "audiences": [AUDIENCE], "jwks": key_set(signers, ISSUER)},
            "secret": {
                "issuer": SECRET_ISSUER, "audiences": [AUDIENCE],
                "secret": {"value": secret, "algorithm": "HS256", "kid": "secret"},
            },
        },
        "rules": [{"name": "ours", "match": {"paths": ["/ours"]}}],
        "audit": {"log": "none"},
    })
}

fn native(signers: &[Signer]) -> Value {
    let provider = |issuer: &str| {
        json!({
            "issuer": issuer,
            "audiences": [AUDIENCE],
            "local_jwks": {"inline_string": key_set(signers, issuer).to_string()},
        })
    };
    json!({
        "name": "jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"public": provider(ISSUER), "secret": provider(SECRET_ISSUER)},
            "rules": [{"match": {"prefix": "/native"}, "requires": {
                "requires_any": {"requirements": [{"provider_name": "public"}, {"provider_name": "secret"}]}
            }}],
        },
    })
}

/// Both filters, each off on the other's route; an upstream would only take time. Why a filter says no is in its answer.
fn put_both(manager: &mut Value, native: &Value) {
    let off = json!({"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": true});
    let route = |path: &str, other: &str| {
        json!({
            "match": {"path": path},
            "direct_response": {"status": 200},
            "typed_per_filter_config": {other: off},
        })
    };
    manager["route_config"]["virtual_hosts"][0]["routes"] =
        json!([route("/native", "portcullis"), route("/ours", "jwt_authn")]);
    manager["local_reply_config"] = json!({"mappers": [{
        "filter": {"status_code_filter": {"comparison": {"op": "GE", "value": {"default_value": 400, "runtime_key": "none"}}}},
        "headers_to_add": [{"header": {"key": "x-why", "value": "%RESPONSE_CODE_DETAILS%"}}],
    }]});
    manager["access_log"] = json!([]);
    if let Some(filters) = manager["http_filters"].as_array_mut() {
        filters.insert(0, native.clone());
    }
}

/// Whose keys are public.
pub(super) const ISSUER: &str = "https://issuer.example";
/// Whose key is a secret.
pub(super) const SECRET_ISSUER: &str = "https://secret.example";
/// The one audience.
pub(super) const AUDIENCE: &str = "orders";
const NAMELESS: &str = "nameless";
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

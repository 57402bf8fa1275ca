//! Two issuers and what they sign.

use std::sync::LazyLock;

use portcullis::jose::base64url;
use serde_json::{Value, json};

use super::script::Script;
use crate::keys::Key;

pub(super) const IDP: &str = "https://idp.example";
pub(super) const TENANT: &str = "11111111-2222-4333-8444-555555555555";
pub(super) const ENTRA: &str = "https://login.microsoftonline.com/11111111-2222-4333-8444-555555555555/v2.0";
pub(super) const AUDIENCE: &str = "orders";
pub(super) const PORTAL: &str = "portal";

/// A key and whose it is.
pub(super) struct IssuerKey {
    pub(super) key: Key,
    pub(super) issuer: &'static str,
    /// As a host is given the key; empty where it is never asked.
    pub(super) spki: Vec<u8>,
}

/// All keys there are. The bit of a key in a mask is its place here. The last one belongs to nobody whom the filter trusts.
pub(super) static KEYS: LazyLock<[IssuerKey; 6]> = LazyLock::new(|| {
    [
        issuer_key(Key::ed25519("a", 1), IDP),
        issuer_key(Key::p256("b", 2), IDP),
        issuer_key(Key::ed25519("c", 3), IDP),
        issuer_key(Key::ed25519("a", 4), ENTRA),
        issuer_key(Key::p256("d", 5), ENTRA),
        issuer_key(Key::ed25519("a", 6), "https://forger.example"),
    ]
});

fn issuer_key(key: Key, issuer: &'static str) -> IssuerKey {
    let spki = key.verification_key().spki().unwrap_or_default().to_vec();
    IssuerKey { key, issuer, spki }
}

/// The places of an issuer's keys.
pub(super) const OF_IDP: u8 = 0b000_111;
pub(super) const OF_ENTRA: u8 = 0b011_000;

/// The key set with the keys in the mask.
pub(super) fn jwks(mask: u8) -> Value {
    let listed = KEYS.iter().enumerate().filter(|(place, _)| mask & (1 << place) != 0);
    let keys: Vec<Value> = listed
        .map(|(_, IssuerKey { key, issuer, .. })| {
            let mut jwk = key.jwk();
            if *issuer == ENTRA {
                jwk.insert("issuer".to_owned(), ENTRA.into());
            }
            jwk.into()
        })
        .collect();
    json!({ "keys": keys })
}

/// A token that was signed, and what is true of it.
#[derive(Clone, Debug)]
pub(super) struct Minted {
    pub(super) text: String,
    pub(super) payload: String,
    /// The place of its key.
    pub(super) key: usize,
    pub(super) issuer: &'static str,
    pub(super) audiences: Vec<&'static str>,
    pub(super) expires: u64,
    pub(super) not_before: Option<u64>,
    pub(super) issued: u64,
    pub(super) subject: Option<String>,
}

/// What a token is made of; `Default` is a good one of the first key.
pub(super) struct Claims {
    pub(super) key: usize,
    pub(super) issuer: &'static str,
    pub(super) audiences: Vec<&'static str>,
    /// Seconds from now.
    pub(super) lifetime: i64,
    pub(super) not_before: Option<i64>,
    pub(super) age: i64,
    pub(super) subject: Option<String>,
    pub(super) header: Value,
}

impl Claims {
    /// A good token of this key.
    pub(super) fn good(key: usize) -> Self {
        let IssuerKey { key: signer, issuer, .. } = &KEYS[key];
        Self {
            key,
            issuer,
            audiences: vec![AUDIENCE],
            lifetime: 600,
            not_before: None,
            age: 0,
            subject: Some("u-1".to_owned()),
            header: json!({ "alg": signer.algorithm(), "kid": signer.kid, "typ": "JWT" }),
        }
    }

    /// A token that may be wrong in one or several ways.
    pub(super) fn choose(script: &mut Script<'_>) -> Self {
        let mut claims = Self::good(script.place(KEYS.len()).unwrap_or_default());
        if script.is_rare() {
            claims.issuer = script.one(&[IDP, ENTRA, "https://idp.example/", "https://forger.example"]);
        }
        claims.audiences = script.one(&[
            vec![AUDIENCE],
            vec![PORTAL],
            vec![],
            vec!["other"],
            vec!["other", PORTAL],
            vec![AUDIENCE, PORTAL],
        ]);
        claims.lifetime = script.one(&[600, 30, 7200, 100_000, 0, -30, -60, -61, -1000]);
        claims.not_before = script.one(&[None, Some(0), Some(60), Some(61), Some(-600)]);
        claims.age = script.one(&[0, 60, 3600, 3660, 3661, -60, -61]);
        claims.subject = script.one(&[Some("u-1"), Some("u 2\u{e9},"), None, Some("")]).map(str::to_owned);
        match script.byte() % 16 {
            13 => claims.header["kid"] = json!(script.one(&["a", "b", "z", ""])),
            14 => claims.header["alg"] = json!(script.one(&["none", "HS256", "ES256", "EdDSA", "RS256"])),
            15 => {
                claims.header =
                    script.one(&[json!({ "alg": "EdDSA" }), json!({ "alg": "EdDSA", "crit": [] }), json!([])])
            }
            _ => {}
        }
        claims
    }

    pub(super) fn sign(self, now: u64) -> Minted {
        let at = |seconds: i64| now.saturating_add_signed(seconds);
        let (expires, issued) = (at(self.lifetime), at(-self.age));
        let not_before = self.not_before.map(at);
        let mut claims = json!({
            "iss": self.issuer, "aud": self.audiences, "exp": expires, "iat": issued,
            "tid": TENANT, "ver": "2.0", "oid": "o-1", "azp": "c-1", "scp": "read",
        });
        if let Some(not_before) = not_before {
            claims["nbf"] = json!(not_before);
        }
        if let Some(subject) = &self.subject {
            claims["sub"] = json!(subject);
        }
        let payload = claims.to_string();
        let text = KEYS[self.key].key.token(self.header.to_string().as_bytes(), payload.as_bytes());
        Minted {
            text,
            payload: base64url::encode(payload.as_bytes()),
            key: self.key,
            issuer: self.issuer,
            audiences: self.audiences,
            expires,
            not_before,
            issued,
            subject: self.subject,
        }
    }
}

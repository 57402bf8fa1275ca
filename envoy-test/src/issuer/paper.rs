//! An issuer without a server, a clock or chance: the same keys, documents and tokens in every run.

use std::time::Duration;

use serde_json::{Value, json};

use super::entra::user_claims;
use super::keys::{KeyKind, SigningKey};
use super::token::Token;

/// An issuer in the shape of one tenant of Microsoft Entra ID, v2.0. Its time stands still until it is set.
#[derive(Clone, Debug)]
pub struct PaperIssuer {
    tenant: String,
    keys: Vec<SigningKey>,
    now: Duration,
}

impl PaperIssuer {
    /// An issuer without keys, at this moment since 1970.
    #[must_use]
    pub fn new(tenant: &str, now: Duration) -> Self {
        Self { tenant: tenant.to_owned(), keys: Vec::new(), now }
    }

    /// Publishes the key of this number as `kid`.
    pub fn publish(&mut self, kind: KeyKind, kid: &str, number: u64) -> SigningKey {
        let key = SigningKey::fixed(kind, kid, number);
        self.publish_key(&key);
        key
    }

    /// Publishes a key.
    pub fn publish_key(&mut self, key: &SigningKey) {
        self.keys.push(key.clone());
    }

    /// Takes every key back.
    pub fn withdraw_all(&mut self) {
        self.keys.clear();
    }

    /// The `iss` of its tokens.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("https://login.microsoftonline.com/{}/v2.0", self.tenant)
    }

    /// The document at an address, given as `host/path?query`.
    #[must_use]
    pub fn document(&self, address: &str) -> Option<Vec<u8>> {
        let path = address.split('?').next()?.strip_prefix("login.microsoftonline.com")?;
        let document = if path.ends_with("/.well-known/openid-configuration") {
            let jwks_uri = format!("https://login.microsoftonline.com/{}/discovery/v2.0/keys", self.tenant);
            json!({"issuer": self.issuer(), "jwks_uri": jwks_uri, "id_token_signing_alg_values_supported": ["RS256"]})
        } else if path.ends_with("/discovery/v2.0/keys") {
            self.jwks()
        } else {
            return None;
        };
        Some(document.to_string().into_bytes())
    }

    /// Its key set, each key with a certificate and its issuer, as Entra has it.
    #[must_use]
    pub fn jwks(&self) -> Value {
        let keys = self.keys.iter().map(|key| {
            let mut jwk = key.jwk();
            jwk["x5t"] = jwk["kid"].clone();
            // Not a certificate, but as long as one.
            jwk["x5c"] = json!([format!("MIIC{}", "WlpaWlpa".repeat(120))]);
            jwk["issuer"] = json!("https://login.microsoftonline.com/{tenantid}/v2.0");
            jwk
        });
        json!({"keys": keys.collect::<Vec<_>>()})
    }

    /// A good token of a user, about 1.4 kB with RS256, that is valid for an hour from now.
    #[must_use]
    pub fn token(&self, key: &SigningKey, audience: &str, subject: &str) -> Token {
        let now = self.now.as_secs();
        let claims = user_claims(audience, &self.issuer(), &self.tenant, now);
        Token::new(claims, key).with("exp", now + 3600).with("sub", subject)
    }
}

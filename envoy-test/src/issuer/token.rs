//! Tokens, good ones and forged ones (RFC 7515, 7519).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::keys::{SigningKey, base64url};

/// A token in the making: claims, header and key can be changed until it is built.
#[derive(Clone, Debug)]
pub struct Token {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    key: SigningKey,
}

impl Token {
    /// A token with these claims (an object), signed by `key` and with a header of `typ`, `alg` and `kid` that says so.
    #[must_use]
    pub fn new(claims: Value, key: &SigningKey) -> Self {
        let Value::Object(claims) = claims else { panic!("claims are an object, not {claims}") };
        let mut header = Map::new();
        header.insert("typ".to_owned(), json!("JWT"));
        Self { header, claims, key: key.clone() }.signed_by(key)
    }

    /// Sets a claim.
    #[must_use]
    pub fn with(mut self, claim: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(claim.to_owned(), value.into());
        self
    }

    /// Leaves a claim out.
    #[must_use]
    pub fn without(mut self, claim: &str) -> Self {
        self.claims.remove(claim);
        self
    }

    /// Sets a member of the header, `alg` and `kid` included; what it is signed with stays.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a member of the header out.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// Signs with another key, and says so in the header.
    #[must_use]
    pub fn signed_by(mut self, key: &SigningKey) -> Self {
        self.header.insert("alg".to_owned(), json!(key.algorithm()));
        self.header.insert("kid".to_owned(), json!(key.kid()));
        self.key = key.clone();
        self
    }

    /// Signs with another key and leaves the header as it is: a forgery.
    #[must_use]
    pub fn forged_by(mut self, key: &SigningKey) -> Self {
        self.key = key.clone();
        self
    }

    /// Signs with another algorithm of the same key, and says so in the header.
    #[must_use]
    pub fn algorithm(self, algorithm: &str) -> Self {
        self.with_header("alg", algorithm)
    }

    /// The token in compact form. Signed with the algorithm of the header where the key can, else with the key's own.
    #[must_use]
    pub fn build(&self) -> String {
        let named = self.header.get("alg").and_then(Value::as_str).unwrap_or_default();
        let own = self.key.algorithm();
        // PS256 and RS384 are also the RSA key's; ES384 is not the P-256 key's.
        let fits = match own {
            "RS256" => {
                matches!(named.get(..2), Some("RS" | "PS")) && matches!(named.get(2..), Some("256" | "384" | "512"))
            }
            "HS256" => matches!(named, "HS256" | "HS384" | "HS512"),
            _ => named == own,
        };
        let algorithm = if fits { named } else { own };
        let header = Value::Object(self.header.clone()).to_string();
        let claims = Value::Object(self.claims.clone()).to_string();
        forge::raw(header.as_bytes(), claims.as_bytes(), |text| self.key.sign(algorithm, text))
    }
}

/// Tokens that no issuer makes.
pub mod forge {
    use super::*;

    /// Any bytes as header and payload, and whatever `sign` makes of the text to be signed.
    #[must_use]
    pub fn raw(header: &[u8], payload: &[u8], sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
        let text = format!("{}.{}", base64url(header), base64url(payload));
        let signature = sign(text.as_bytes());
        format!("{text}.{}", base64url(&signature))
    }

    /// Algorithm `none` and an empty signature (RFC 7519 section 6).
    #[must_use]
    pub fn unsigned(claims: &Value) -> String {
        raw(br#"{"typ":"JWT","alg":"none"}"#, claims.to_string().as_bytes(), |_| Vec::new())
    }

    /// The token with one bit of its signature flipped.
    #[must_use]
    pub fn with_broken_signature(token: &str) -> String {
        let (text, signature) = token.rsplit_once('.').unwrap_or_else(|| panic!("`{token}` is not a token"));
        let mut signature = decode(signature);
        let middle = signature.len() / 2;
        *signature.get_mut(middle).unwrap_or_else(|| panic!("the token has no signature")) ^= 1;
        format!("{text}.{}", base64url(&signature))
    }

    /// The token with its claims changed under the old signature.
    #[must_use]
    pub fn with_changed_claims(token: &str, change: impl FnOnce(&mut Map<String, Value>)) -> String {
        let parts: Vec<&str> = token.split('.').collect();
        let [header, payload, signature] = parts[..] else { panic!("`{token}` is not a token") };
        let mut claims: Map<String, Value> =
            serde_json::from_slice(&decode(payload)).unwrap_or_else(|error| panic!("no claims in `{token}`: {error}"));
        change(&mut claims);
        format!("{header}.{}.{signature}", base64url(Value::Object(claims).to_string().as_bytes()))
    }

    fn decode(part: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(part).unwrap_or_else(|error| panic!("`{part}` is not base64url: {error}"))
    }
}

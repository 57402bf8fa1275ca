//! Proofs of possession of the offline world: right ones (RFC 9449 section 4.2), and everything about them can be changed.

use portcullis::jose::{Algorithm, KeyOrigin, VerificationKey};
use portcullis::time::UnixTime;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::keys::{SigningKey, base64url};
use super::token::{TokenSpec, moment};

/// What a proof is to be, and how its token is sent.
#[derive(Clone, Debug, Default)]
pub struct ProofSpec {
    /// The name of the client's key; each name is a key.
    pub key: String,
    /// The name of the key that the token is bound to; the client's if left out.
    pub bound_to: Option<String>,
    /// The token is not bound.
    pub unbound: bool,
    /// The scheme that the token is sent with.
    pub scheme: String,
    /// How often the proof is sent.
    pub copies: usize,
    /// Claims as they shall be. `{"now": N}` is N seconds from now.
    pub claims: Map<String, Value>,
    /// Claims that shall not be there.
    pub without: Vec<String>,
    /// Members of the header; null leaves one out.
    pub header: Map<String, Value>,
    /// Signed with another key than the one in it.
    pub forged: bool,
}

impl ProofSpec {
    /// The same token, bound to its key unless it says itself what it is bound to.
    ///
    /// # Errors
    /// A key that has no thumbprint.
    pub fn bind(&self, token: &TokenSpec) -> Result<TokenSpec, String> {
        let mut token = token.clone();
        if !self.unbound && !token.claims.contains_key("cnf") {
            let key = SigningKey::named(self.bound_to.as_deref().unwrap_or(&self.key));
            let public = VerificationKey::from_jwk(&public(&key), KeyOrigin::Remote).ok();
            let thumbprint = public.ok_or("dpop.key: has no thumbprint")?.thumbprint();
            token.claims.insert("cnf".to_owned(), json!({ "jkt": base64url(&thumbprint) }));
        }
        Ok(token)
    }

    /// A proof for this token and this request, made at `now`.
    #[must_use]
    pub fn make(&self, method: &str, address: &str, token: &str, now: UnixTime) -> String {
        let key = SigningKey::named(&self.key);
        let id = base64url(&rand::random::<[u8; 16]>());
        let ath = base64url(&Sha256::digest(token));
        let mut claims = json!({ "jti": id, "htm": method, "htu": address, "iat": { "now": 0 }, "ath": ath });
        let mut header = json!({ "typ": "dpop+jwt", "alg": key.algorithm().name(), "jwk": public(&key) });
        if let (Some(claims), Some(header)) = (claims.as_object_mut(), header.as_object_mut()) {
            claims.extend(self.claims.clone());
            claims.retain(|name, _| !self.without.contains(name));
            claims.values_mut().for_each(|value| *value = moment(value, now));
            header.extend(self.header.clone());
            header.retain(|_, value| !value.is_null());
        }
        let signer = if self.forged { SigningKey::generate(Algorithm::ES256, "other") } else { key };
        let signed =
            format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(claims.to_string().as_bytes()));
        let signature = base64url(&signer.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

/// The public key, without a name: it is its own.
fn public(key: &SigningKey) -> Map<String, Value> {
    let mut jwk = key.jwk().as_object().cloned().unwrap_or_default();
    jwk.retain(|name, _| !matches!(name.as_str(), "use" | "kid"));
    jwk
}

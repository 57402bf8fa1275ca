//! Private keys, the same in every run, so that a corpus stays good.

use ed25519_dalek::Signer as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use portcullis::jose::{KeyOrigin, VerificationKey, base64url};
use serde_json::{Map, Value, json};
use sha2::Sha256;

/// A key by the name `kid` and what it signs with.
pub(crate) struct Key {
    pub(crate) kid: &'static str,
    material: Material,
}

enum Material {
    Ed25519(ed25519_dalek::SigningKey),
    P256(p256::ecdsa::SigningKey),
    Secret([u8; 32]),
}

impl Key {
    pub(crate) fn ed25519(kid: &'static str, seed: u8) -> Self {
        Self { kid, material: Material::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[seed; 32])) }
    }

    pub(crate) fn p256(kid: &'static str, seed: u8) -> Self {
        let key = p256::ecdsa::SigningKey::from_slice(&[seed; 32]).expect("smaller than the order");
        Self { kid, material: Material::P256(key) }
    }

    pub(crate) fn secret(kid: &'static str, seed: u8) -> Self {
        Self { kid, material: Material::Secret([seed; 32]) }
    }

    pub(crate) fn algorithm(&self) -> &'static str {
        match self.material {
            Material::Ed25519(_) => "EdDSA",
            Material::P256(_) => "ES256",
            Material::Secret(_) => "HS256",
        }
    }

    /// What verifies it, with its `kid`.
    pub(crate) fn jwk(&self) -> Map<String, Value> {
        let b64 = base64url::encode;
        let jwk = match &self.material {
            Material::Ed25519(key) => json!({"kty": "OKP", "crv": "Ed25519", "x": b64(key.verifying_key().as_bytes())}),
            Material::P256(key) => {
                let point = key.verifying_key().to_sec1_point(false);
                let (x, y) = point.as_bytes()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "x": b64(x), "y": b64(y)})
            }
            Material::Secret(secret) => json!({"kty": "oct", "k": b64(secret)}),
        };
        let Value::Object(mut jwk) = jwk else { panic!("not an object") };
        jwk.insert("kid".to_owned(), self.kid.into());
        jwk
    }

    pub(crate) fn verification_key(&self) -> VerificationKey {
        VerificationKey::from_jwk(&self.jwk(), KeyOrigin::Configured).expect("a good key")
    }

    /// A token with these bytes as header and payload, whatever they are.
    pub(crate) fn token(&self, header: &[u8], payload: &[u8]) -> String {
        let text = [base64url::encode(header), base64url::encode(payload)].join(".");
        let signature = base64url::encode(&self.sign(text.as_bytes()));
        [text, signature].join(".")
    }

    fn sign(&self, text: &[u8]) -> Vec<u8> {
        match &self.material {
            Material::Ed25519(key) => key.sign(text).to_bytes().to_vec(),
            Material::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(text);
                signature.to_bytes().to_vec()
            }
            Material::Secret(secret) => {
                let mac = Hmac::<Sha256>::new_from_slice(secret).expect("any length will do");
                mac.chain_update(text).finalize().into_bytes().to_vec()
            }
        }
    }
}

/// The signature as a host is given it: DER for ECDSA, `None` for what hosts are not asked about.
pub(crate) fn as_a_host_gets_it(key: &Key, token: &str) -> Option<Vec<u8>> {
    let Material::P256(_) = key.material else { return None };
    let (_, signature) = token.rsplit_once('.')?;
    let raw = base64url::decode(signature.as_bytes()).ok()?;
    Some(p256::ecdsa::Signature::from_slice(&raw).ok()?.to_der().as_bytes().to_vec())
}

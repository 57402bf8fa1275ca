//! Keys that exist only while the tool runs, and what is signed with them (RFC 7518, RFC 8037).

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::Signer as _;
use hmac::{Hmac, KeyInit, Mac};
use portcullis::jose::Algorithm;
use rand::Rng;
use rsa::signature::{RandomizedSigner, SignatureEncoding};
use rsa::traits::PublicKeyParts;
use rsa::{RsaPrivateKey, pkcs1v15, pss};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// A private key, the algorithm it signs with and the name it is known by.
#[derive(Clone)]
pub struct SigningKey {
    kid: Option<String>,
    algorithm: Algorithm,
    secret: Arc<Secret>,
}

enum Secret {
    Rsa(Box<RsaPrivateKey>),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    P521(p521::ecdsa::SigningKey),
    Ed25519(Box<ed25519_dalek::SigningKey>),
    Hmac([u8; 64]),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid).field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// A fresh key.
    #[must_use]
    pub fn generate(algorithm: Algorithm, kid: &str) -> Self {
        let secret = match algorithm.name() {
            "ES384" => Secret::P384(until(|| p384::ecdsa::SigningKey::from_slice(&random::<48>()).ok())),
            "ES512" => Secret::P521(until(|| {
                let mut bytes = random::<66>();
                if let Some(first) = bytes.first_mut() {
                    *first &= 1; // 521 bits in 66 bytes
                }
                p521::ecdsa::SigningKey::from_slice(&bytes).ok()
            })),
            "EdDSA" => Secret::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&random::<32>()))),
            "ES256" => Secret::P256(until(|| p256::ecdsa::SigningKey::from_slice(&random::<32>()).ok())),
            "HS256" | "HS384" | "HS512" => Secret::Hmac(random::<64>()),
            _ => Secret::Rsa(Box::new(until(|| RsaPrivateKey::new(&mut rand::rng(), 2048).ok()))),
        };
        Self { kid: Some(kid.to_owned()), algorithm, secret: Arc::new(secret) }
    }

    /// The key of this name, for ES256: the same wherever it is named.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let mut seed: [u8; 32] = Sha256::digest(name).into();
        let secret = until(|| {
            let key = p256::ecdsa::SigningKey::from_slice(&seed).ok();
            seed = Sha256::digest(seed).into();
            key
        });
        Self { kid: None, algorithm: Algorithm::ES256, secret: Arc::new(Secret::P256(secret)) }
    }

    /// A shared secret, long enough for every hash.
    #[must_use]
    pub fn secret(algorithm: Algorithm, kid: Option<String>) -> Self {
        Self { kid, algorithm, secret: Arc::new(Secret::Hmac(random::<64>())) }
    }

    /// Another key that claims to be this one.
    #[must_use]
    pub fn impostor(&self) -> Self {
        Self { kid: self.kid.clone(), ..Self::generate(self.algorithm, "impostor") }
    }

    /// Its name.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// What it signs with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The shared secret as a configuration has it.
    #[must_use]
    pub fn secret_value(&self) -> Option<String> {
        match &*self.secret {
            Secret::Hmac(secret) => Some(base64url(secret)),
            Secret::Rsa(_) | Secret::P256(_) | Secret::P384(_) | Secret::P521(_) | Secret::Ed25519(_) => None,
        }
    }

    /// The public half as a JWK; null for a shared secret, which has none.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let mut jwk = match &*self.secret {
            Secret::Rsa(key) => {
                let (n, e) = (key.n().to_be_bytes_trimmed_vartime(), key.e().to_be_bytes_trimmed_vartime());
                json!({"kty": "RSA", "n": base64url(&n), "e": base64url(&e)})
            }
            Secret::P256(key) => ec("P-256", key.verifying_key().to_sec1_point(false).as_bytes()),
            Secret::P384(key) => ec("P-384", key.verifying_key().to_sec1_point(false).as_bytes()),
            Secret::P521(key) => ec("P-521", key.verifying_key().to_sec1_point(false).as_bytes()),
            Secret::Ed25519(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(key.verifying_key().as_bytes())})
            }
            Secret::Hmac(_) => return Value::Null,
        };
        if let Some(members) = jwk.as_object_mut() {
            members.insert("use".to_owned(), json!("sig"));
            members.insert("kid".to_owned(), json!(self.kid));
        }
        jwk
    }

    /// The signature over `text` in JWS form.
    #[must_use]
    pub fn sign(&self, text: &[u8]) -> Vec<u8> {
        match (&*self.secret, self.algorithm.name()) {
            (Secret::Rsa(key), "PS256") => {
                pss::SigningKey::<Sha256>::new(*key.clone()).sign_with_rng(&mut rand::rng(), text).to_vec()
            }
            (Secret::Rsa(key), "PS384") => {
                pss::SigningKey::<Sha384>::new(*key.clone()).sign_with_rng(&mut rand::rng(), text).to_vec()
            }
            (Secret::Rsa(key), "PS512") => {
                pss::SigningKey::<Sha512>::new(*key.clone()).sign_with_rng(&mut rand::rng(), text).to_vec()
            }
            (Secret::Rsa(key), "RS384") => pkcs1v15::SigningKey::<Sha384>::new(*key.clone()).sign(text).to_vec(),
            (Secret::Rsa(key), "RS512") => pkcs1v15::SigningKey::<Sha512>::new(*key.clone()).sign(text).to_vec(),
            (Secret::Rsa(key), _) => pkcs1v15::SigningKey::<Sha256>::new(*key.clone()).sign(text).to_vec(),
            (Secret::P256(key), _) => {
                let signature: p256::ecdsa::Signature = key.sign(text);
                signature.to_bytes().to_vec()
            }
            (Secret::P384(key), _) => {
                let signature: p384::ecdsa::Signature = key.sign(text);
                signature.to_bytes().to_vec()
            }
            (Secret::P521(key), _) => {
                let signature: p521::ecdsa::Signature = key.sign(text);
                signature.to_bytes().to_vec()
            }
            (Secret::Ed25519(key), _) => key.sign(text).to_bytes().to_vec(),
            (Secret::Hmac(secret), "HS384") => mac::<Hmac<Sha384>>(secret, text),
            (Secret::Hmac(secret), "HS512") => mac::<Hmac<Sha512>>(secret, text),
            (Secret::Hmac(secret), _) => mac::<Hmac<Sha256>>(secret, text),
        }
    }
}

fn mac<M: Mac + KeyInit>(secret: &[u8], text: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length.
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(secret) else { return Vec::new() };
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

fn ec(curve: &str, point: &[u8]) -> Value {
    let coordinates = point.get(1..).unwrap_or_default();
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    json!({"kty": "EC", "crv": curve, "x": base64url(x), "y": base64url(y)})
}

/// The bytes of a text in base64url; `None` if it is none.
#[must_use]
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// base64url without padding (RFC 7515 section 2).
#[must_use]
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

/// A random number is no key once in 2^32 at most.
fn until<T>(mut make: impl FnMut() -> Option<T>) -> T {
    loop {
        if let Some(made) = make() {
            return made;
        }
    }
}

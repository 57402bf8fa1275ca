//! Signing keys of every kind that a token may be signed with, and their public halves as JWK (RFC 7517, 7518, 8037).

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::Signer as _;
use hmac::{Hmac, KeyInit, Mac};
use rand::rngs::StdRng;
use rand::{CryptoRng, SeedableRng};
use rsa::pkcs8::{EncodePublicKey, LineEnding};
use rsa::signature::{RandomizedSigner, SignatureEncoding};
use rsa::traits::PublicKeyParts;
use rsa::{RsaPrivateKey, pkcs1v15, pss};
use serde_json::{Value, json};
use sha2::{Sha256, Sha384, Sha512};

/// What kind of key to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA with 1024 bits: too short to be trusted.
    Rsa1024,
    /// RSA with 2048 bits, what Entra uses.
    Rsa2048,
    /// RSA with 4096 bits; takes seconds to make.
    Rsa4096,
    /// ECDSA on P-256.
    P256,
    /// ECDSA on P-384.
    P384,
    /// ECDSA on P-521.
    P521,
    /// Ed25519.
    Ed25519,
}

/// A private key with its `kid`. Clones are the same key.
#[derive(Clone)]
pub struct SigningKey {
    kid: String,
    secret: Arc<Secret>,
}

enum Secret {
    Rsa(Box<RsaPrivateKey>),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    P521(p521::ecdsa::SigningKey),
    Ed25519(Box<ed25519_dalek::SigningKey>),
    Hmac(Vec<u8>),
}

impl SigningKey {
    /// A fresh key.
    #[must_use]
    pub fn generate(kind: KeyKind, kid: &str) -> Self {
        Self::make(kind, kid, &mut rand::rng())
    }

    /// The key of this number, the same in every run.
    #[must_use]
    pub fn fixed(kind: KeyKind, kid: &str, number: u64) -> Self {
        Self::make(kind, kid, &mut StdRng::seed_from_u64(number))
    }

    fn make<R: CryptoRng>(kind: KeyKind, kid: &str, rng: &mut R) -> Self {
        let rsa = |bits, rng: &mut R| {
            let key = RsaPrivateKey::new(rng, bits);
            Secret::Rsa(Box::new(key.unwrap_or_else(|error| panic!("no RSA key of {bits} bits: {error}"))))
        };
        let secret = match kind {
            KeyKind::Rsa1024 => rsa(1024, rng),
            KeyKind::Rsa2048 => rsa(2048, rng),
            KeyKind::Rsa4096 => rsa(4096, rng),
            KeyKind::P256 => Secret::P256(retry(|| p256::ecdsa::SigningKey::from_slice(&random::<32>(rng)).ok())),
            KeyKind::P384 => Secret::P384(retry(|| p384::ecdsa::SigningKey::from_slice(&random::<48>(rng)).ok())),
            KeyKind::P521 => Secret::P521(retry(|| {
                let mut bytes = random::<66>(rng);
                bytes[0] &= 1; // 521 bits in 66 bytes
                p521::ecdsa::SigningKey::from_slice(&bytes).ok()
            })),
            KeyKind::Ed25519 => Secret::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&random::<32>(rng)))),
        };
        Self::new(kid, secret)
    }

    /// A symmetric key, for HS256, HS384 and HS512.
    #[must_use]
    pub fn secret(kid: &str, secret: &[u8]) -> Self {
        Self::new(kid, Secret::Hmac(secret.to_vec()))
    }

    fn new(kid: &str, secret: Secret) -> Self {
        Self { kid: kid.to_owned(), secret: Arc::new(secret) }
    }

    /// The same key under another name.
    #[must_use]
    pub fn with_kid(&self, kid: &str) -> Self {
        Self { kid: kid.to_owned(), secret: Arc::clone(&self.secret) }
    }

    /// Its name in key sets and token headers.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The algorithm used when a token does not say: RS256, ES256, ES384, ES512, EdDSA or HS256.
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        match *self.secret {
            Secret::Rsa(_) => "RS256",
            Secret::P256(_) => "ES256",
            Secret::P384(_) => "ES384",
            Secret::P521(_) => "ES512",
            Secret::Ed25519(_) => "EdDSA",
            Secret::Hmac(_) => "HS256",
        }
    }

    /// The public half as a JWK with `kty`, `use` and `kid` and without `alg`, as Entra publishes its keys. For a
    /// symmetric key there is no public half: this is the key itself.
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
            Secret::Hmac(secret) => json!({"kty": "oct", "k": base64url(secret)}),
        };
        jwk["kid"] = json!(self.kid);
        jwk["use"] = json!("sig");
        jwk
    }

    /// The public half as PEM (`BEGIN PUBLIC KEY`).
    ///
    /// # Panics
    /// For symmetric keys, which have none.
    #[must_use]
    pub fn public_pem(&self) -> String {
        match &*self.secret {
            Secret::Rsa(key) => {
                let pem = key.to_public_key().to_public_key_pem(LineEnding::LF);
                pem.unwrap_or_else(|error| panic!("no PEM for `{}`: {error}", self.kid))
            }
            Secret::P256(key) => pem(&SPKI_P256, key.verifying_key().to_sec1_point(false).as_bytes()),
            Secret::P384(key) => pem(&SPKI_P384, key.verifying_key().to_sec1_point(false).as_bytes()),
            Secret::P521(key) => pem(&SPKI_P521, key.verifying_key().to_sec1_point(false).as_bytes()),
            Secret::Ed25519(key) => pem(&SPKI_ED25519, key.verifying_key().as_bytes()),
            Secret::Hmac(_) => panic!("the symmetric key `{}` has no public half", self.kid),
        }
    }

    /// The signature over `text` in JWS form (RFC 7518 section 3: ECDSA as `r || s`).
    ///
    /// # Panics
    /// When the key cannot sign with that algorithm.
    #[must_use]
    pub fn sign(&self, algorithm: &str, text: &[u8]) -> Vec<u8> {
        match (&*self.secret, algorithm) {
            (Secret::Rsa(key), "RS256") => pkcs1v15::SigningKey::<Sha256>::new(*key.clone()).sign(text).to_vec(),
            (Secret::Rsa(key), "RS384") => pkcs1v15::SigningKey::<Sha384>::new(*key.clone()).sign(text).to_vec(),
            (Secret::Rsa(key), "RS512") => pkcs1v15::SigningKey::<Sha512>::new(*key.clone()).sign(text).to_vec(),
            (Secret::Rsa(key), "PS256") => {
                pss::SigningKey::<Sha256>::new(*key.clone()).sign_with_rng(&mut rand::rng(), text).to_vec()
            }
            (Secret::Rsa(key), "PS384") => {
                pss::SigningKey::<Sha384>::new(*key.clone()).sign_with_rng(&mut rand::rng(), text).to_vec()
            }
            (Secret::Rsa(key), "PS512") => {
                pss::SigningKey::<Sha512>::new(*key.clone()).sign_with_rng(&mut rand::rng(), text).to_vec()
            }
            (Secret::P256(key), "ES256") => {
                let signature: p256::ecdsa::Signature = key.sign(text);
                signature.to_bytes().to_vec()
            }
            (Secret::P384(key), "ES384") => {
                let signature: p384::ecdsa::Signature = key.sign(text);
                signature.to_bytes().to_vec()
            }
            (Secret::P521(key), "ES512") => {
                let signature: p521::ecdsa::Signature = key.sign(text);
                signature.to_bytes().to_vec()
            }
            (Secret::Ed25519(key), "EdDSA") => key.sign(text).to_bytes().to_vec(),
            (Secret::Hmac(secret), "HS256") => hmac::<Hmac<Sha256>>(secret, text),
            (Secret::Hmac(secret), "HS384") => hmac::<Hmac<Sha384>>(secret, text),
            (Secret::Hmac(secret), "HS512") => hmac::<Hmac<Sha512>>(secret, text),
            _ => panic!("the key `{}` ({}) cannot sign with {algorithm}", self.kid, self.algorithm()),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, {})", self.kid, self.algorithm())
    }
}

pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn hmac<M: Mac + KeyInit>(secret: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(secret).unwrap_or_else(|error| panic!("no HMAC key: {error}"));
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

/// `point` is uncompressed: 0x04, then x and y of equal length.
fn ec(curve: &str, point: &[u8]) -> Value {
    let (x, y) = point[1..].split_at(point.len() / 2);
    json!({"kty": "EC", "crv": curve, "x": base64url(x), "y": base64url(y)})
}

/// SubjectPublicKeyInfo (RFC 5280): everything before the key itself is the same for every key of a kind.
fn pem(prefix: &[u8], key: &[u8]) -> String {
    let base64 = STANDARD.encode([prefix, key].concat());
    let lines: Vec<String> = base64.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into()).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

fn random<const N: usize>(rng: &mut impl CryptoRng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// A random number is a private key unless it is zero or above the order of the curve.
fn retry<T>(mut make: impl FnMut() -> Option<T>) -> T {
    (0..16).find_map(|_| make()).expect("sixteen random numbers are not all out of range")
}

const SPKI_P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const SPKI_P384: [u8; 23] = [
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00,
    0x22, 0x03, 0x62, 0x00,
];
const SPKI_P521: [u8; 25] = [
    0x30, 0x81, 0x9b, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04,
    0x00, 0x23, 0x03, 0x81, 0x86, 0x00,
];
const SPKI_ED25519: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

//! Keys and signatures for tests: the same ones in every run, so that a failure repeats.

use std::rc::Rc;
use std::sync::LazyLock;

use hmac::{Hmac, KeyInit as _, Mac as _};
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use rand::SeedableRng as _;
use rand::rngs::ChaCha20Rng;
use rsa::traits::PublicKeyParts as _;
use rsa::{Pkcs1v15Sign, Pss, RsaPrivateKey};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::{
    Algorithm, Hash, KeyOrigin, NativeVerifier, SignaturePolicy, SignedClaims, TokenLimits, Unverified,
    VerificationKey, base64url,
};

/// A private key and what it makes.
pub(crate) enum Signer {
    Rsa(RsaPrivateKey),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    P521(p521::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
    Secret([u8; 64]),
}

pub(crate) static RSA: LazyLock<Signer> = LazyLock::new(|| Signer::rsa(1, 2048));
pub(crate) static P256: LazyLock<Signer> =
    LazyLock::new(|| Signer::P256(p256::ecdsa::SigningKey::from_slice(&[0x11; 32]).unwrap()));
pub(crate) static P384: LazyLock<Signer> =
    LazyLock::new(|| Signer::P384(p384::ecdsa::SigningKey::from_slice(&[0x22; 48]).unwrap()));
pub(crate) static P521: LazyLock<Signer> = LazyLock::new(|| {
    let mut scalar = [0x33; 66];
    scalar[0] = 0;
    Signer::P521(p521::ecdsa::SigningKey::from_slice(&scalar).unwrap())
});
pub(crate) static ED25519: LazyLock<Signer> =
    LazyLock::new(|| Signer::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[0x44; 32])));
pub(crate) static SECRET: LazyLock<Signer> = LazyLock::new(|| Signer::Secret([0x55; 64]));

/// A key for the algorithm.
pub(crate) fn signer(algorithm: Algorithm) -> &'static Signer {
    use Algorithm::*;
    match algorithm {
        RS256 | RS384 | RS512 | PS256 | PS384 | PS512 => &RSA,
        ES256 => &P256,
        ES384 => &P384,
        ES512 => &P521,
        EdDSA => &ED25519,
        HS256 | HS384 | HS512 => &SECRET,
    }
}

/// Claims as the walk has them after a right signature, for tests of what comes after.
pub(crate) fn signed_claims(header: Value, claims: Value) -> SignedClaims {
    let mut header = header;
    header["alg"] = "HS256".into();
    let token = SECRET.token(Algorithm::HS256, &header.to_string(), &claims.to_string());
    Unverified::parse(token.as_bytes(), &TokenLimits::default())
        .unwrap()
        .verify(&Rc::new(SECRET.verification_key()), &mut NoHost, SignaturePolicy::ForbidNative)
        .unwrap()
}

/// A host without a verifier.
pub(crate) struct NoHost;

impl NativeVerifier for NoHost {
    fn verify(&mut self, _: Hash, _: &[u8], _: &[u8], _: &[u8]) -> Option<bool> {
        None
    }
}

impl Signer {
    pub(crate) fn rsa(seed: u64, bits: usize) -> Self {
        Self::Rsa(RsaPrivateKey::new(&mut ChaCha20Rng::seed_from_u64(seed), bits).unwrap())
    }

    /// The public half, or the secret, with nothing but what `kty` requires.
    pub(crate) fn jwk(&self) -> Map<String, Value> {
        let b64 = base64url::encode;
        let point = |crv: &str, point: &[u8]| {
            let (x, y) = point[1..].split_at(point.len() / 2);
            json!({"kty": "EC", "crv": crv, "x": b64(x), "y": b64(y)})
        };
        let jwk = match self {
            Self::Rsa(key) => json!({"kty": "RSA", "n": b64(&key.n_bytes()), "e": b64(&key.e_bytes())}),
            Self::P256(key) => point("P-256", key.verifying_key().to_sec1_point(false).as_bytes()),
            Self::P384(key) => point("P-384", key.verifying_key().to_sec1_point(false).as_bytes()),
            Self::P521(key) => point("P-521", key.verifying_key().to_sec1_point(false).as_bytes()),
            Self::Ed25519(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": b64(key.verifying_key().as_bytes())})
            }
            Self::Secret(secret) => json!({"kty": "oct", "k": b64(secret)}),
        };
        jwk.as_object().unwrap().clone()
    }

    pub(crate) fn verification_key(&self) -> VerificationKey {
        VerificationKey::from_jwk(&self.jwk(), KeyOrigin::Configured).unwrap()
    }

    /// A token; header and payload are taken as they are, so that they can be wrong.
    pub(crate) fn token(&self, algorithm: Algorithm, header: &str, payload: &str) -> String {
        let text = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(payload.as_bytes()));
        let signature = base64url::encode(&self.sign(algorithm, text.as_bytes()));
        format!("{text}.{signature}")
    }

    /// Signs; ECDSA keys use their own hash whatever the algorithm says.
    pub(crate) fn sign(&self, algorithm: Algorithm, text: &[u8]) -> Vec<u8> {
        use Algorithm::*;
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        match self {
            Self::Rsa(key) => match algorithm {
                RS256 => key.sign(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(text)).unwrap(),
                RS384 => key.sign(Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(text)).unwrap(),
                RS512 => key.sign(Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(text)).unwrap(),
                PS256 => key.sign_with_rng(&mut rng, Pss::<Sha256>::new(), &Sha256::digest(text)).unwrap(),
                PS384 => key.sign_with_rng(&mut rng, Pss::<Sha384>::new(), &Sha384::digest(text)).unwrap(),
                PS512 => key.sign_with_rng(&mut rng, Pss::<Sha512>::new(), &Sha512::digest(text)).unwrap(),
                other => panic!("{other} is not for RSA"),
            },
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign_prehash(&Sha256::digest(text)).unwrap();
                signature.to_bytes().to_vec()
            }
            Self::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign_prehash(&Sha384::digest(text)).unwrap();
                signature.to_bytes().to_vec()
            }
            Self::P521(key) => {
                let signature: p521::ecdsa::Signature = key.sign_prehash(&Sha512::digest(text)).unwrap();
                signature.to_bytes().to_vec()
            }
            Self::Ed25519(key) => ed25519_dalek::Signer::sign(key, text).to_bytes().to_vec(),
            Self::Secret(secret) => mac(algorithm, secret, text),
        }
    }
}

/// The bytes of a text in hexadecimal.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    text.as_bytes().chunks(2).map(digits).collect()
}

/// An HMAC under any secret, of any length.
pub(crate) fn mac(algorithm: Algorithm, secret: &[u8], text: &[u8]) -> Vec<u8> {
    match algorithm {
        Algorithm::HS256 => {
            Hmac::<Sha256>::new_from_slice(secret).unwrap().chain_update(text).finalize().into_bytes().to_vec()
        }
        Algorithm::HS384 => {
            Hmac::<Sha384>::new_from_slice(secret).unwrap().chain_update(text).finalize().into_bytes().to_vec()
        }
        Algorithm::HS512 => {
            Hmac::<Sha512>::new_from_slice(secret).unwrap().chain_update(text).finalize().into_bytes().to_vec()
        }
        other => panic!("{other} is not HMAC"),
    }
}

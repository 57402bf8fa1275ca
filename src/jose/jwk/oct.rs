//! Shared secrets and HMAC (RFC 7518 sections 3.2 and 6.4).

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Sha256, Sha384, Sha512};

use super::KeyFlaw;
use super::members::Members;
use crate::jose::algorithm::{Algorithm, AlgorithmSet, Hash};
use crate::jose::base64url;

/// A secret, already mixed into the hashes that it is long enough for.
pub(in crate::jose) struct HmacKey {
    hs256: Hmac<Sha256>,
    hs384: Option<Hmac<Sha384>>,
    hs512: Option<Hmac<Sha512>>,
    canonical_jwk: String,
}

pub(super) fn from_jwk(jwk: &Members<'_>) -> Result<HmacKey, KeyFlaw> {
    HmacKey::new(&jwk.required_bytes("k")?)
}

impl HmacKey {
    /// A key must be as long as the hash output or longer (RFC 7518 section 3.2).
    pub(super) fn new(secret: &[u8]) -> Result<Self, KeyFlaw> {
        if secret.len() < 32 {
            return Err(KeyFlaw::SecretTooShort);
        }
        Ok(Self {
            hs256: Hmac::new_from_slice(secret).map_err(|_| KeyFlaw::MemberMalformed("k"))?,
            hs384: if secret.len() < 48 { None } else { Hmac::new_from_slice(secret).ok() },
            hs512: if secret.len() < 64 { None } else { Hmac::new_from_slice(secret).ok() },
            canonical_jwk: format!(r#"{{"k":"{}","kty":"oct"}}"#, base64url::encode(secret)),
        })
    }

    pub(super) fn algorithms(&self) -> AlgorithmSet {
        [
            Some(Algorithm::HS256),
            self.hs384.as_ref().map(|_| Algorithm::HS384),
            self.hs512.as_ref().map(|_| Algorithm::HS512),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Compares in constant time, the whole MAC and nothing shorter.
    pub(in crate::jose) fn verify(&self, hash: Hash, text: &[u8], mac: &[u8]) -> bool {
        match hash {
            Hash::Sha256 => self.hs256.clone().chain_update(text).verify_slice(mac).is_ok(),
            Hash::Sha384 => {
                self.hs384.as_ref().is_some_and(|key| key.clone().chain_update(text).verify_slice(mac).is_ok())
            }
            Hash::Sha512 => {
                self.hs512.as_ref().is_some_and(|key| key.clone().chain_update(text).verify_slice(mac).is_ok())
            }
        }
    }

    /// The text whose hash is the thumbprint (RFC 7638 section 3.2). It is the secret.
    pub(super) fn canonical_jwk(&self) -> String {
        self.canonical_jwk.clone()
    }
}

//! One verification key, from a JWK (RFC 7517, RFC 7518 section 6, RFC 8037 section 2), a PEM text or a shared secret.
//!
//! Everything about a key is settled when it is loaded: its kind, the algorithms it may be used with and the parsed form
//! that verification needs. The kind is an enum and no text of a token can change it, so an RSA key is never the secret
//! of an HMAC (RFC 8725 section 2.1). A key with a flaw is refused here, not at its first use.
//!
//! Ignored: certificates in a JWK (`x5c`, `x5t`, `x5u`). Nothing here says whose key it is, or fetches one.

mod ec;
mod flaw;
mod members;
mod oct;
mod okp;
mod pem;
mod roca;
mod rsa;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

pub use self::flaw::KeyFlaw;
pub(super) use self::{ec::EcKey, oct::HmacKey, okp::Ed25519Key, rsa::RsaKey};

use self::members::Members;
use super::algorithm::{Algorithm, AlgorithmSet};
use super::header::KID_BYTES;

/// A key that can verify signatures, ready for use.
pub struct VerificationKey {
    pub(super) material: Material,
    algorithms: AlgorithmSet,
    kid: Option<String>,
    issuer: Option<String>,
    cloud_instance_name: Option<String>,
    thumbprint: [u8; 32],
    spki: Option<Vec<u8>>,
}

/// Where a JWK comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOrigin {
    /// Written by the operator; a shared secret is allowed.
    Configured,
    /// Fetched; anyone could fetch it, so a shared secret in it is none.
    Remote,
}

/// The key itself, by kind.
pub(super) enum Material {
    Ec(EcKey),
    Ed25519(Ed25519Key),
    // Boxed: three keyed hashes are four times the size of any other key.
    Hmac(Box<HmacKey>),
    Rsa(RsaKey),
}

impl VerificationKey {
    /// Reads a JWK.
    ///
    /// # Errors
    /// Any key that is not a sound public key for verifying signatures, or a configured secret, says why not.
    pub fn from_jwk(jwk: &Map<String, Value>, origin: KeyOrigin) -> Result<Self, KeyFlaw> {
        let jwk = Members(jwk);
        let material = match (jwk.required_text("kty")?, origin) {
            ("RSA", _) => Material::Rsa(rsa::from_jwk(&jwk)?),
            ("EC", _) => Material::Ec(ec::from_jwk(&jwk)?),
            ("OKP", _) => Material::Ed25519(okp::from_jwk(&jwk)?),
            ("oct", KeyOrigin::Configured) => Material::Hmac(Box::new(oct::from_jwk(&jwk)?)),
            ("oct", KeyOrigin::Remote) => return Err(KeyFlaw::SecretFromRemote),
            _ => return Err(KeyFlaw::UnsupportedType),
        };
        jwk.require_use_for_signatures()?;
        jwk.require_key_ops_for_verification()?;
        let kid = jwk.text("kid")?.map(str::to_owned);
        let mut key = Self::new(material, kid)?;
        key.algorithms = match jwk.text("alg")? {
            None => key.algorithms,
            Some(name) => {
                let algorithm = Algorithm::from_name(name).ok_or(KeyFlaw::UnsupportedAlgorithm)?;
                key.narrowed_to(algorithm)?
            }
        };
        key.issuer = jwk.text("issuer")?.map(str::to_owned);
        key.cloud_instance_name = jwk.text("cloud_instance_name")?.map(str::to_owned);
        Ok(key)
    }

    /// Reads a PEM text: `PUBLIC KEY` (RFC 5280 section 4.1.2.7) or `RSA PUBLIC KEY` (RFC 8017 appendix A.1.1).
    ///
    /// # Errors
    /// Certificates have a flaw of their own: their dates and issuers would look as if we checked them.
    pub fn from_pem(pem: &str, kid: Option<String>) -> Result<Self, KeyFlaw> {
        Self::new(pem::read(pem)?, kid)
    }

    /// Reads a SubjectPublicKeyInfo in DER, as it is in a certificate.
    ///
    /// # Errors
    /// As for [`from_pem`](Self::from_pem).
    pub fn from_spki(der: &[u8]) -> Result<Self, KeyFlaw> {
        Self::new(pem::spki(der)?, None)
    }

    /// Takes a shared secret for one HMAC algorithm.
    ///
    /// # Errors
    /// A secret shorter than the hash (RFC 7518 section 3.2), or an algorithm that is not HMAC.
    pub fn from_secret(secret: &[u8], algorithm: Algorithm, kid: Option<String>) -> Result<Self, KeyFlaw> {
        if !algorithm.is_symmetric() {
            return Err(KeyFlaw::AlgorithmMismatch);
        }
        let mut key = Self::new(Material::Hmac(Box::new(HmacKey::new(secret)?)), kid)?;
        key.algorithms = key.narrowed_to(algorithm)?;
        Ok(key)
    }

    /// The name the key goes by.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// What the key may verify: its `alg` if it has one, else what its kind and curve can do; HMAC only for secrets.
    #[must_use]
    pub fn algorithms(&self) -> AlgorithmSet {
        self.algorithms
    }

    /// Entra's `issuer` of a key: whose tokens it may sign, perhaps with `{tenantid}` in it.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Entra's `cloud_instance_name` of a key.
    #[must_use]
    pub fn cloud_instance_name(&self) -> Option<&str> {
        self.cloud_instance_name.as_deref()
    }

    /// The SHA-256 thumbprint (RFC 7638). For a shared secret it is derived from the secret and must not be shown.
    #[must_use]
    pub fn thumbprint(&self) -> [u8; 32] {
        self.thumbprint
    }

    /// The SubjectPublicKeyInfo in DER, for kinds of key that a host can be asked about (RSA and ECDSA).
    #[must_use]
    pub fn spki(&self) -> Option<&[u8]> {
        self.spki.as_deref()
    }

    fn new(material: Material, kid: Option<String>) -> Result<Self, KeyFlaw> {
        if kid.as_ref().is_some_and(|kid| kid.len() > KID_BYTES) {
            return Err(KeyFlaw::KidTooLong);
        }
        let (algorithms, spki, canonical) = match &material {
            Material::Ec(key) => (AlgorithmSet::only(key.algorithm()), Some(key.spki()?), key.canonical_jwk()),
            Material::Ed25519(key) => (AlgorithmSet::only(Algorithm::EdDSA), None, key.canonical_jwk()),
            Material::Hmac(key) => (key.algorithms(), None, key.canonical_jwk()),
            Material::Rsa(key) => (AlgorithmSet::RSA, Some(key.spki()?), key.canonical_jwk()),
        };
        Ok(Self {
            material,
            algorithms,
            kid,
            issuer: None,
            cloud_instance_name: None,
            thumbprint: Sha256::digest(canonical).into(),
            spki,
        })
    }

    fn narrowed_to(&self, algorithm: Algorithm) -> Result<AlgorithmSet, KeyFlaw> {
        if self.algorithms.contains(algorithm) {
            return Ok(AlgorithmSet::only(algorithm));
        }
        match &self.material {
            Material::Hmac(_) if algorithm.is_symmetric() => Err(KeyFlaw::SecretTooShort),
            Material::Ec(_) | Material::Ed25519(_) | Material::Hmac(_) | Material::Rsa(_) => {
                Err(KeyFlaw::AlgorithmMismatch)
            }
        }
    }
}

impl std::fmt::Debug for VerificationKey {
    /// Names the key and leaves the key out, which for HMAC is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerificationKey")
            .field("kid", &self.kid)
            .field("algorithms", &self.algorithms)
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

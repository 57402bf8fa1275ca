//! The one step from an unverified token to claims that are signed (RFC 7515 section 5.2, RFC 8725 section 3.1).
//!
//! The algorithm is the key's; the token's header has to agree. Kinds of key and algorithms meet in one exhaustive
//! match: a new one of either does not compile until each pair is decided. This says that the holder of the key signed
//! these claims, and nothing about whose key it is, who it is for or when.

use std::rc::Rc;

use super::algorithm::{Algorithm, Hash};
use super::claims::SignedClaims;
use super::jwk::{EcKey, Material, VerificationKey};
use super::jws::Unverified;

/// A host that can verify signatures faster than the module, or with a library that an operator must use.
pub trait NativeVerifier {
    /// Whether `signature` is right for `text` under the key: RSASSA-PKCS1-v1_5 for an RSA key, ECDSA with a DER
    /// signature for an EC key. `spki` is a SubjectPublicKeyInfo in DER. `None` means the host cannot tell, which is not
    /// the same as a wrong signature.
    fn verify(&mut self, hash: Hash, spki: &[u8], signature: &[u8], text: &[u8]) -> Option<bool>;
}

/// Who verifies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignaturePolicy {
    /// The host where it can, the module elsewhere. The default: the host is six times faster.
    #[default]
    PreferNative,
    /// The host, or nobody: what it cannot verify (PSS, EdDSA, HMAC) is refused.
    RequireNative,
    /// The module.
    ForbidNative,
}

/// Why a signature was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureFlaw {
    /// The header's algorithm is not one of the key's.
    AlgorithmMismatch,
    /// The policy requires the host, and the host cannot verify this.
    NativeUnavailable,
    /// The signature is wrong, in whatever way.
    Wrong,
}

impl Unverified {
    /// Checks the signature with this key.
    ///
    /// # Errors
    /// All wrong signatures look the same, so that no answer helps to make a right one.
    pub fn verify(
        self,
        key: &Rc<VerificationKey>,
        native: &mut dyn NativeVerifier,
        policy: SignaturePolicy,
    ) -> Result<SignedClaims, SignatureFlaw> {
        let scheme = Scheme::of(self.header.alg, key)?;
        let text = self.signing_input.text().as_bytes();
        let by_host = match policy {
            SignaturePolicy::PreferNative | SignaturePolicy::RequireNative => {
                scheme.verify_native(native, key, text, &self.signature)
            }
            SignaturePolicy::ForbidNative => None,
        };
        let right = match (by_host, policy) {
            (Some(right), _) => right,
            (None, SignaturePolicy::RequireNative) => return Err(SignatureFlaw::NativeUnavailable),
            (None, SignaturePolicy::PreferNative | SignaturePolicy::ForbidNative) => {
                scheme.verify_in_module(text, &self.signature)
            }
        };
        match right {
            true => Ok(SignedClaims::new(self, Rc::clone(key), SignatureRight(()))),
            false => Err(SignatureFlaw::Wrong),
        }
    }
}

impl VerificationKey {
    /// Whether `signature` is this key's for `text`, in the form that certificates and their lists have: that of a token, but
    /// for ECDSA in DER (RFC 3279 section 2.2.3). The module checks; it happens when a configuration is loaded.
    #[must_use]
    pub fn verifies_der(&self, algorithm: Algorithm, text: &[u8], signature: &[u8]) -> bool {
        match Scheme::of(algorithm, self) {
            Ok(scheme @ Scheme::Ecdsa(key, _)) => {
                key.plain_signature(signature).is_some_and(|plain| scheme.verify_in_module(text, &plain))
            }
            Ok(scheme) => scheme.verify_in_module(text, signature),
            Err(_) => false,
        }
    }
}

impl SignatureFlaw {
    /// A stable code for records and counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::AlgorithmMismatch => "signature_algorithm_mismatch",
            Self::NativeUnavailable => "signature_host_unavailable",
            Self::Wrong => "signature_wrong",
        }
    }
}

impl std::fmt::Display for SignatureFlaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::AlgorithmMismatch => "the token's algorithm is not one of its key's",
            Self::NativeUnavailable => "the host cannot verify this algorithm and the module may not",
            Self::Wrong => "the signature is wrong",
        })
    }
}

impl std::error::Error for SignatureFlaw {}

/// Proof that a signature was checked: made in this file only, and needed to make [`SignedClaims`].
pub(super) struct SignatureRight(());

/// An algorithm together with a key of its kind.
enum Scheme<'k> {
    RsaPkcs1(&'k super::jwk::RsaKey, Hash),
    RsaPss(&'k super::jwk::RsaKey, Hash),
    Ecdsa(&'k EcKey, Hash),
    Ed25519(&'k super::jwk::Ed25519Key),
    Hmac(&'k super::jwk::HmacKey, Hash),
}

impl<'k> Scheme<'k> {
    fn of(algorithm: Algorithm, key: &'k VerificationKey) -> Result<Self, SignatureFlaw> {
        if !key.algorithms().contains(algorithm) {
            return Err(SignatureFlaw::AlgorithmMismatch);
        }
        use Algorithm::{ES256, ES384, ES512, EdDSA, HS256, HS384, HS512, PS256, PS384, PS512, RS256, RS384, RS512};
        use Material::{Ec, Ed25519, Hmac, Rsa};
        match (algorithm, &key.material) {
            (RS256, Rsa(key)) => Ok(Self::RsaPkcs1(key, Hash::Sha256)),
            (RS384, Rsa(key)) => Ok(Self::RsaPkcs1(key, Hash::Sha384)),
            (RS512, Rsa(key)) => Ok(Self::RsaPkcs1(key, Hash::Sha512)),
            (PS256, Rsa(key)) => Ok(Self::RsaPss(key, Hash::Sha256)),
            (PS384, Rsa(key)) => Ok(Self::RsaPss(key, Hash::Sha384)),
            (PS512, Rsa(key)) => Ok(Self::RsaPss(key, Hash::Sha512)),
            (ES256, Ec(key @ EcKey::P256(_))) => Ok(Self::Ecdsa(key, Hash::Sha256)),
            (ES384, Ec(key @ EcKey::P384(_))) => Ok(Self::Ecdsa(key, Hash::Sha384)),
            (ES512, Ec(key @ EcKey::P521(_))) => Ok(Self::Ecdsa(key, Hash::Sha512)),
            (EdDSA, Ed25519(key)) => Ok(Self::Ed25519(key)),
            (HS256, Hmac(key)) => Ok(Self::Hmac(key, Hash::Sha256)),
            (HS384, Hmac(key)) => Ok(Self::Hmac(key, Hash::Sha384)),
            (HS512, Hmac(key)) => Ok(Self::Hmac(key, Hash::Sha512)),
            (RS256 | RS384 | RS512 | PS256 | PS384 | PS512, Ec(_) | Ed25519(_) | Hmac(_))
            | (ES256, Ec(EcKey::P384(_) | EcKey::P521(_)) | Ed25519(_) | Hmac(_) | Rsa(_))
            | (ES384, Ec(EcKey::P256(_) | EcKey::P521(_)) | Ed25519(_) | Hmac(_) | Rsa(_))
            | (ES512, Ec(EcKey::P256(_) | EcKey::P384(_)) | Ed25519(_) | Hmac(_) | Rsa(_))
            | (EdDSA, Ec(_) | Hmac(_) | Rsa(_))
            | (HS256 | HS384 | HS512, Ec(_) | Ed25519(_) | Rsa(_)) => Err(SignatureFlaw::AlgorithmMismatch),
        }
    }

    /// Asks the host. A signature that cannot be one is settled without it.
    fn verify_native(
        &self,
        native: &mut dyn NativeVerifier,
        key: &VerificationKey,
        text: &[u8],
        signature: &[u8],
    ) -> Option<bool> {
        match self {
            Self::RsaPkcs1(rsa, hash) => match rsa.fits(signature) {
                true => native.verify(*hash, key.spki()?, signature, text),
                false => Some(false),
            },
            Self::Ecdsa(ec, hash) => match ec.der_signature(signature) {
                Some(der) => native.verify(*hash, key.spki()?, &der, text),
                None => Some(false),
            },
            Self::RsaPss(..) | Self::Ed25519(_) | Self::Hmac(..) => None,
        }
    }

    fn verify_in_module(&self, text: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::RsaPkcs1(key, hash) => key.verify_pkcs1(*hash, text, signature),
            Self::RsaPss(key, hash) => key.verify_pss(*hash, text, signature),
            Self::Ecdsa(key, _) => key.verify(text, signature),
            Self::Ed25519(key) => key.verify(text, signature),
            Self::Hmac(key, hash) => key.verify(*hash, text, signature),
        }
    }
}

#[cfg(test)]
mod tests;

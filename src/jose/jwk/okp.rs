//! Ed25519 public keys (RFC 8037 sections 2 and 3.1, RFC 8032 section 5.1).

use ed25519_dalek::{Signature, VerifyingKey};

use super::KeyFlaw;
use super::members::Members;
use crate::jose::base64url;

/// A point in canonical form, not of small order.
pub(in crate::jose) struct Ed25519Key(VerifyingKey);

pub(super) fn from_jwk(jwk: &Members<'_>) -> Result<Ed25519Key, KeyFlaw> {
    jwk.refuse_private()?;
    match jwk.required_text("crv")? {
        "Ed25519" => Ed25519Key::from_bytes(&jwk.required_exactly("x")?),
        // Ed448 has no library we trust; X25519 and X448 do not sign.
        _ => Err(KeyFlaw::UnsupportedCurve),
    }
}

impl Ed25519Key {
    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyFlaw> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyFlaw::NotOnCurve)?;
        if key.to_edwards().compress().as_bytes() != bytes {
            return Err(KeyFlaw::CoordinateNotCanonical);
        }
        if key.is_weak() {
            return Err(KeyFlaw::SmallOrder);
        }
        Ok(Self(key))
    }

    /// Verifies with `S` below the order and no small-order points, so a signature has one spelling.
    pub(in crate::jose) fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|signature| self.0.verify_strict(text, &signature).is_ok())
    }

    /// The text whose hash is the thumbprint (RFC 8037 appendix A.3).
    pub(super) fn canonical_jwk(&self) -> String {
        let x = base64url::encode(self.0.as_bytes());
        format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)
    }
}

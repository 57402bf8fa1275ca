//! Public keys on the NIST curves and ECDSA (RFC 7518 sections 3.4 and 6.2.1).
//!
//! A signature is `r` and `s` side by side, each as long as the curve's order; DER is not accepted from a token. Both
//! `s` and `n - s` verify, as the standard has it, so the signature of a token is not a name for it.

use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use p256::pkcs8::EncodePublicKey as _;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::KeyFlaw;
use super::members::Members;
use crate::jose::algorithm::Algorithm;
use crate::jose::base64url;

/// A point of its curve, checked and not infinity.
pub(in crate::jose) enum EcKey {
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(p521::ecdsa::VerifyingKey),
}

pub(super) fn from_jwk(jwk: &Members<'_>) -> Result<EcKey, KeyFlaw> {
    jwk.refuse_private()?;
    match jwk.required_text("crv")? {
        "P-256" => EcKey::p256(&point(&jwk.required_exactly::<32>("x")?, &jwk.required_exactly::<32>("y")?)),
        "P-384" => EcKey::p384(&point(&jwk.required_exactly::<48>("x")?, &jwk.required_exactly::<48>("y")?)),
        "P-521" => EcKey::p521(&point(&jwk.required_exactly::<66>("x")?, &jwk.required_exactly::<66>("y")?)),
        _ => Err(KeyFlaw::UnsupportedCurve),
    }
}

impl EcKey {
    /// From an uncompressed point (SEC 1 section 2.3.4).
    pub(super) fn p256(point: &[u8]) -> Result<Self, KeyFlaw> {
        p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map(Self::P256).map_err(|_| KeyFlaw::NotOnCurve)
    }

    /// From an uncompressed point.
    pub(super) fn p384(point: &[u8]) -> Result<Self, KeyFlaw> {
        p384::ecdsa::VerifyingKey::from_sec1_bytes(point).map(Self::P384).map_err(|_| KeyFlaw::NotOnCurve)
    }

    /// From an uncompressed point.
    pub(super) fn p521(point: &[u8]) -> Result<Self, KeyFlaw> {
        p521::ecdsa::VerifyingKey::from_sec1_bytes(point).map(Self::P521).map_err(|_| KeyFlaw::NotOnCurve)
    }

    /// The one algorithm of the curve (RFC 7518 section 3.4).
    pub(super) fn algorithm(&self) -> Algorithm {
        match self {
            Self::P256(_) => Algorithm::ES256,
            Self::P384(_) => Algorithm::ES384,
            Self::P521(_) => Algorithm::ES512,
        }
    }

    /// Verifies `r || s` over the hash that goes with the curve.
    pub(in crate::jose) fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::P256(key) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_prehash(&Sha256::digest(text), &signature).is_ok()),
            Self::P384(key) => p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_prehash(&Sha384::digest(text), &signature).is_ok()),
            Self::P521(key) => p521::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_prehash(&Sha512::digest(text), &signature).is_ok()),
        }
    }

    /// The signature as a host wants it; `None` if it is not one: wrong length, or `r` or `s` zero or too large.
    pub(in crate::jose) fn der_signature(&self, signature: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::P256(_) => Some(p256::ecdsa::Signature::from_slice(signature).ok()?.to_der().as_bytes().to_vec()),
            Self::P384(_) => Some(p384::ecdsa::Signature::from_slice(signature).ok()?.to_der().as_bytes().to_vec()),
            Self::P521(_) => Some(p521::ecdsa::Signature::from_slice(signature).ok()?.to_der().as_bytes().to_vec()),
        }
    }

    /// `r || s` out of a signature in DER (RFC 3279 section 2.2.3); `None` if it is not one.
    pub(in crate::jose) fn plain_signature(&self, der: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::P256(_) => Some(p256::ecdsa::Signature::from_der(der).ok()?.to_bytes().to_vec()),
            Self::P384(_) => Some(p384::ecdsa::Signature::from_der(der).ok()?.to_bytes().to_vec()),
            Self::P521(_) => Some(p521::ecdsa::Signature::from_der(der).ok()?.to_bytes().to_vec()),
        }
    }

    pub(super) fn spki(&self) -> Result<Vec<u8>, KeyFlaw> {
        match self {
            Self::P256(key) => key.to_public_key_der(),
            Self::P384(key) => key.to_public_key_der(),
            Self::P521(key) => key.to_public_key_der(),
        }
        .map(|der| der.as_bytes().to_vec())
        .map_err(|_| KeyFlaw::NotOnCurve)
    }

    /// The text whose hash is the thumbprint (RFC 7638 section 3.2).
    pub(super) fn canonical_jwk(&self) -> String {
        let (curve, point) = match self {
            Self::P256(key) => ("P-256", key.to_sec1_point(false).as_bytes().to_vec()),
            Self::P384(key) => ("P-384", key.to_sec1_point(false).as_bytes().to_vec()),
            Self::P521(key) => ("P-521", key.to_sec1_point(false).as_bytes().to_vec()),
        };
        let coordinates = point.get(1..).unwrap_or_default();
        let (x, y) = coordinates.split_at_checked(coordinates.len() / 2).unwrap_or_default();
        let (x, y) = (base64url::encode(x), base64url::encode(y));
        format!(r#"{{"crv":"{curve}","kty":"EC","x":"{x}","y":"{y}"}}"#)
    }
}

fn point(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&[UNCOMPRESSED], x, y].concat()
}

const UNCOMPRESSED: u8 = 4;

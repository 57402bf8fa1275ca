//! RSA public keys and their two signature schemes (RFC 7518 sections 3.3, 3.5 and 6.3.1, RFC 8017 section 8).

use rsa::pkcs8::EncodePublicKey as _;
use rsa::traits::PublicKeyParts as _;
use rsa::traits::SignatureScheme;
use rsa::{BoxedUint, Pkcs1v15Sign, Pss, RsaPublicKey};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::KeyFlaw;
use super::members::Members;
use super::roca;
use crate::jose::algorithm::Hash;
use crate::jose::base64url;

/// An RSA key whose Montgomery constants have been worked out.
pub(in crate::jose) struct RsaKey(RsaPublicKey);

pub(super) fn from_jwk(jwk: &Members<'_>) -> Result<RsaKey, KeyFlaw> {
    jwk.refuse_private()?;
    RsaKey::from_components(&jwk.required_bytes("n")?, &jwk.required_bytes("e")?)
}

impl RsaKey {
    /// From modulus and exponent, big-endian. Leading zeros do not count: some encoders add one, against RFC 7518
    /// section 6.3.1.1, and the number is the same without it.
    pub(super) fn from_components(n: &[u8], e: &[u8]) -> Result<Self, KeyFlaw> {
        let n = without_leading_zeros(n);
        let bits = bit_length(n);
        if bits < MODULUS_BITS_MIN {
            return Err(KeyFlaw::ModulusTooSmall);
        }
        if bits > MODULUS_BITS_MAX {
            return Err(KeyFlaw::ModulusTooLarge);
        }
        if n.last().is_none_or(|last| last.is_multiple_of(2)) {
            return Err(KeyFlaw::ModulusEven);
        }
        if roca::has_pattern(n) {
            return Err(KeyFlaw::ModulusWeak);
        }
        let e = exponent(e)?;
        RsaPublicKey::new_with_size_limits(
            BoxedUint::from_be_slice_vartime(n),
            BoxedUint::from(u64::from(e)),
            MODULUS_BITS_MIN..=MODULUS_BITS_MAX,
        )
        .map(Self)
        .map_err(|_| KeyFlaw::MemberMalformed("n"))
    }

    /// Whether `signature` has the one length that a signature of this key has.
    pub(in crate::jose) fn fits(&self, signature: &[u8]) -> bool {
        signature.len() == self.0.size()
    }

    /// RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2.2).
    pub(in crate::jose) fn verify_pkcs1(&self, hash: Hash, text: &[u8], signature: &[u8]) -> bool {
        match hash {
            Hash::Sha256 => self.verify(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(text), signature),
            Hash::Sha384 => self.verify(Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(text), signature),
            Hash::Sha512 => self.verify(Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(text), signature),
        }
    }

    /// RSASSA-PSS with a salt as long as the hash, and no other (RFC 7518 section 3.5).
    pub(in crate::jose) fn verify_pss(&self, hash: Hash, text: &[u8], signature: &[u8]) -> bool {
        match hash {
            Hash::Sha256 => self.verify(Pss::<Sha256>::new(), &Sha256::digest(text), signature),
            Hash::Sha384 => self.verify(Pss::<Sha384>::new(), &Sha384::digest(text), signature),
            Hash::Sha512 => self.verify(Pss::<Sha512>::new(), &Sha512::digest(text), signature),
        }
    }

    pub(super) fn spki(&self) -> Result<Vec<u8>, KeyFlaw> {
        self.0.to_public_key_der().map(|der| der.as_bytes().to_vec()).map_err(|_| KeyFlaw::MemberMalformed("n"))
    }

    /// The text whose hash is the thumbprint (RFC 7638 section 3.2).
    pub(super) fn canonical_jwk(&self) -> String {
        let e = base64url::encode(&self.0.e_bytes());
        let n = base64url::encode(&self.0.n_bytes());
        format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#)
    }

    fn verify(&self, scheme: impl SignatureScheme, digest: &[u8], signature: &[u8]) -> bool {
        self.0.verify(scheme, digest, signature).is_ok()
    }
}

/// Odd, since an even one has no inverse; at least 3, since 1 signs nothing; 32 bits at most, since each bit costs a
/// multiplication per token and real keys have 65537.
fn exponent(bytes: &[u8]) -> Result<u32, KeyFlaw> {
    let exponent = without_leading_zeros(bytes)
        .iter()
        .try_fold(0_u32, |value, byte| value.checked_mul(256)?.checked_add(u32::from(*byte)))
        .ok_or(KeyFlaw::Exponent)?;
    match exponent >= 3 && !exponent.is_multiple_of(2) {
        true => Ok(exponent),
        false => Err(KeyFlaw::Exponent),
    }
}

fn without_leading_zeros(mut bytes: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

fn bit_length(bytes: &[u8]) -> usize {
    let unused = bytes.first().map_or(0, |first| first.leading_zeros());
    bytes.len().saturating_mul(8).saturating_sub(usize::try_from(unused).unwrap_or(0))
}

/// RFC 7518 section 3.3: 2048 or more.
const MODULUS_BITS_MIN: usize = 2048;

/// Cost grows with the square of the size, and a key set is not ours.
const MODULUS_BITS_MAX: usize = 4096;

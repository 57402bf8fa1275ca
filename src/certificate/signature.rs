//! Signatures of certificates and lists, by the keys of `jose`.

use x509_cert::TbsCertificate;
use x509_cert::der::Encode;
use x509_cert::ext::pkix::{KeyUsage, KeyUsages};
use x509_cert::spki::{AlgorithmIdentifierOwned, ObjectIdentifier, SubjectPublicKeyInfoOwned};

use crate::jose::{Algorithm, VerificationKey};

/// Why a signature is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureFlaw {
    /// Its algorithm, or the key, is not known here.
    Unsupported,
    /// It is not this key's.
    Wrong,
}

/// Checks that `signature` is that of `key` for `signed`.
pub(super) fn check(
    key: &SubjectPublicKeyInfoOwned,
    algorithm: &AlgorithmIdentifierOwned,
    signed: &[u8],
    signature: &[u8],
) -> Result<(), SignatureFlaw> {
    let algorithm = ALGORITHMS.iter().find(|(number, _)| *number == algorithm.oid).map(|(_, algorithm)| *algorithm);
    let algorithm = algorithm.ok_or(SignatureFlaw::Unsupported)?;
    let spki = key.to_der().map_err(|_| SignatureFlaw::Unsupported)?;
    let key = VerificationKey::from_spki(&spki).map_err(|_| SignatureFlaw::Unsupported)?;
    if !key.algorithms().contains(algorithm) {
        return Err(SignatureFlaw::Unsupported);
    }
    if key.verifies_der(algorithm, signed, signature) { Ok(()) } else { Err(SignatureFlaw::Wrong) }
}

/// Whether an issuer's key may sign lists (RFC 5280 section 4.2.1.3). Without key usages it may.
pub(super) fn may_sign_lists(issuer: &TbsCertificate) -> bool {
    match issuer.get_extension::<KeyUsage>() {
        Ok(None) => true,
        Ok(Some((_, usages))) => usages.0.contains(KeyUsages::CRLSign),
        Err(_) => false,
    }
}

/// RFC 4055 section 5, RFC 5758 section 3.2, RFC 8410 section 3.
const ALGORITHMS: [(ObjectIdentifier, Algorithm); 7] = [
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11"), Algorithm::RS256),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12"), Algorithm::RS384),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13"), Algorithm::RS512),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2"), Algorithm::ES256),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3"), Algorithm::ES384),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4"), Algorithm::ES512),
    (ObjectIdentifier::new_unwrap("1.3.101.112"), Algorithm::EdDSA),
];

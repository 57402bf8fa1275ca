//! Tokens that are bound to the certificate of their sender's connection (RFC 8705 section 3).
//!
//! Whether somebody vouches for the certificate does not matter: who has its private key made the connection (section 2.2 lets
//! clients sign their own).

use subtle::ConstantTimeEq as _;

use super::BindingFlaw;

/// Is the certificate with the hash `presented` the one that the token is bound to?
///
/// # Errors
///
/// There is none, or another.
pub fn check(bound: &[u8; 32], presented: Option<&[u8; 32]>) -> Result<(), BindingFlaw> {
    let presented = presented.ok_or(BindingFlaw::CertificateMissing)?;
    if bool::from(bound.ct_eq(presented)) { Ok(()) } else { Err(BindingFlaw::CertificateOther) }
}

/// The SHA-256 of a certificate as Envoy's property `connection.sha256_peer_certificate_digest` writes it: 64 hexadecimal
/// digits. `None` for anything else.
#[must_use]
pub fn digest(text: &[u8]) -> Option<[u8; 32]> {
    let (pairs, rest) = text.as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?)).collect();
    bytes?.try_into().ok().filter(|_| rest.is_empty())
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

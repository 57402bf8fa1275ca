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

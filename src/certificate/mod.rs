//! Client certificates: what is in one, how one is shown, which are accepted, and whom they name.
//!
//! The host checks the chain in the TLS handshake; here nobody builds one. What a certificate says is believed where the host
//! says that it was checked, or where the operator names that very certificate.
//!
//! - [`x509`]: what a certificate says (RFC 5280)
//! - [`distinguished_name`], [`pattern`], [`spiffe`]: names in the configuration
//! - [`presented`]: a certificate as it was shown
//! - [`xfcc`]: the header `x-forwarded-client-cert`
//! - [`accepted`]: which are accepted
//! - [`revocation`]: what issuers have taken back
//! - `signature`: of lists, by their issuers
//! - [`holder`]: whom an accepted one makes known
//! - [`flaw`]: why one is not accepted

pub mod accepted;
pub mod distinguished_name;
pub mod flaw;
pub mod holder;
pub mod pattern;
pub mod presented;
pub mod revocation;
mod signature;
pub mod spiffe;
pub mod x509;
pub mod xfcc;

pub use accepted::{Accepted, Revocation, SubjectFrom};
pub use distinguished_name::{DistinguishedName, DistinguishedNameFlaw};
pub use flaw::CertificateFlaw;
pub use holder::Holder;
pub use pattern::{Pattern, PatternFlaw};
pub use presented::{Presented, PresentedFlaw};
pub use revocation::{RevocationList, RevocationListFlaw, RevocationLists};
pub use signature::SignatureFlaw;
pub use x509::{Certificate, Names};

#[cfg(test)]
mod tests;

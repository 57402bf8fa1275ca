//! Client certificates: what is in one, how one is shown, which are accepted, and whom they name.
//!
//! The host checks the chain in the TLS handshake; here nobody builds one. What a certificate says is believed where the host
//! says that it was checked, or where the operator names that very certificate.
//!
//! - [`x509`]: what a certificate says (RFC 5280)
//! - [`distinguished_name`], [`pattern`]: names in the configuration
//! - [`presented`]: a certificate as it was shown
//! - [`xfcc`]: the header `x-forwarded-client-cert`

pub mod distinguished_name;
pub mod pattern;
pub mod presented;
pub mod x509;
pub mod xfcc;

use serde_json::{Map, Value};

pub use distinguished_name::{DistinguishedName, DistinguishedNameFlaw};
pub use pattern::{Pattern, PatternFlaw};
pub use presented::{Presented, PresentedFlaw};
pub use x509::{Certificate, Names};

/// Who has the key of an accepted certificate.
#[derive(Debug)]
pub struct Holder {
    claims: Map<String, Value>,
}

impl Holder {
    /// What is known of the holder, in the words of a token.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }
}

/// Why a client certificate is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFlaw {
    /// It is none of those that are accepted.
    NotAccepted,
}

impl CertificateFlaw {
    /// Stable code for the audit record and the counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotAccepted => "certificate_not_accepted",
        }
    }
}

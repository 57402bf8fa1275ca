//! Client certificates: of the TLS connection, or told by a trusted proxy; which are accepted, and whom they name.

use serde_json::{Map, Value};

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

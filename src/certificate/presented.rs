//! A client certificate as it was presented: what is known of it without reading it, and what reading it tells.

use std::cell::OnceCell;

use sha2::{Digest as _, Sha256};

use super::x509::{self, Certificate, Names};
use super::xfcc::XfccFlaw;

/// A client certificate as it was presented. That the client has its key was proven in the TLS handshake, also where nobody
/// checked who issued it.
#[derive(Clone, Debug)]
pub struct Presented {
    /// SHA-256 of its DER: `x5t#S256` (RFC 8705 section 3.1) before base64url.
    pub digest_sha256: [u8; 32],
    /// It was checked up to an authority that is trusted. False where it was not, and where nobody said so.
    pub validated: bool,
    /// Nobody said whether it was checked; `validated` is then the operator's word.
    pub unsaid: bool,
    /// PEM with `%` encoding.
    encoded: Option<String>,
    /// What is known of its names without it.
    told: Names,
    read: OnceCell<Option<Certificate>>,
}

/// Why it can't be told what certificate was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresentedFlaw {
    /// The host says that there is one, and not which.
    Unreadable,
    /// The header of a trusted proxy can't be read without doubt.
    Header(XfccFlaw),
    /// The header of a trusted proxy has not one element for each trusted proxy.
    Elements,
}

impl PresentedFlaw {
    /// Stable code for the audit record and the counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreadable => "certificate_unreadable",
            Self::Header(flaw) => flaw.reason(),
            Self::Elements => "forwarded_certificate_elements",
        }
    }
}

impl Presented {
    /// By its digest, its text, or both. `validated` is what who ended TLS says of it; `assumed` stands in where nothing is
    /// said.
    ///
    /// # Errors
    ///
    /// Neither is there, or the text alone and it is none.
    pub fn new(
        digest: Option<[u8; 32]>,
        encoded: Option<String>,
        told: Names,
        validated: Option<bool>,
        assumed: bool,
    ) -> Result<Self, PresentedFlaw> {
        let of_text = || Some(digest_of(&x509::decode(encoded.as_deref()?)?));
        let digest_sha256 = digest.or_else(of_text).ok_or(PresentedFlaw::Unreadable)?;
        Ok(Self {
            digest_sha256,
            validated: validated.unwrap_or(assumed),
            unsaid: validated.is_none(),
            encoded,
            told,
            read: OnceCell::new(),
        })
    }

    /// The whole certificate, if it is there and can be read. A text that is not that of the digest is another certificate.
    #[must_use]
    pub fn certificate(&self) -> Option<&Certificate> {
        let read = || {
            let der = x509::decode(self.encoded.as_deref()?)?;
            if digest_of(&der) != self.digest_sha256 {
                return None;
            }
            Certificate::from_der(&der)
        };
        self.read.get_or_init(read).as_ref()
    }

    /// The certificate itself was handed over, readable or not.
    #[must_use]
    pub fn is_handed_over(&self) -> bool {
        self.encoded.is_some()
    }

    /// Whom it names: by the certificate, or as far as the host or the proxy tells where the certificate is not handed over.
    #[must_use]
    pub fn names(&self) -> Option<&Names> {
        match self.encoded {
            Some(_) => self.certificate().map(|certificate| &certificate.names),
            None => Some(&self.told),
        }
    }
}

/// Reads a SHA-256 in hexadecimal digits of either case, without anything between them.
#[must_use]
pub fn digest_from_hex(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if text.len() != 64 {
        return None;
    }
    let mut digits = text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()));
    for byte in &mut digest {
        *byte = digits.next()??.checked_mul(16)?.checked_add(digits.next()??)?;
    }
    Some(digest)
}

fn digest_of(der: &[u8]) -> [u8; 32] {
    Sha256::digest(der).into()
}

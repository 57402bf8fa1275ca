//! Lists of certificates that their issuers have taken back (RFC 5280 section 5), as the configuration has them.
//!
//! A list is whole: no deltas, no parts, no entries for other issuers. It is read and its signature checked when the
//! configuration is loaded; a request costs a search by number.

use std::fmt;

use x509_cert::crl::CertificateList;
use x509_cert::der::{Decode, Encode, pem};
use x509_cert::ext::Extension;
use x509_cert::spki::ObjectIdentifier;

use super::DistinguishedName;
use super::signature::{self, SignatureFlaw};
use super::x509::{Certificate, distinguished, moment};
use crate::time::UnixTime;

/// What one issuer has taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationList {
    /// Folded.
    issuer: DistinguishedName,
    this_update: UnixTime,
    next_update: UnixTime,
    /// In order.
    serials: Vec<Vec<u8>>,
}

/// Why a list can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationListFlaw {
    /// It is no list of this form.
    Malformed,
    /// It does not say until when it holds.
    NoNextUpdate,
    /// It is a part of one, or has something in it that must be understood and is not.
    NotWhole,
    /// The issuer's certificate can't be read.
    IssuerMalformed,
    /// It is another issuer's.
    OtherIssuer,
    /// The issuer's certificate does not let its key sign lists.
    NotForLists,
    /// Its signature.
    Signature(SignatureFlaw),
}

impl fmt::Display for RevocationListFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "expected a certificate revocation list (`X509 CRL`, RFC 5280 section 5)",
            Self::NoNextUpdate => "has no `nextUpdate`, so nobody could tell when it is too old",
            Self::NotWhole => {
                "is a part of a list, or has a critical extension that is not known here; expected a complete one"
            }
            Self::IssuerMalformed => "expected the issuer's certificate in PEM (`CERTIFICATE`)",
            Self::OtherIssuer => "is not of this issuer: the names differ",
            Self::NotForLists => "this certificate is not for signing lists (`cRLSign`)",
            Self::Signature(SignatureFlaw::Unsupported) => {
                "is signed in a way that is not known here; expected RSA with SHA-2, ECDSA with the hash of its curve, or Ed25519"
            }
            Self::Signature(SignatureFlaw::Wrong) => "is not signed by this issuer",
        })
    }
}

impl std::error::Error for RevocationListFlaw {}

impl RevocationList {
    /// Reads PEM.
    ///
    /// # Errors
    ///
    /// A [`RevocationListFlaw`]; with the issuer's certificate, in PEM, that of its signature too.
    pub fn from_pem(text: &str, issuer: Option<&str>) -> Result<Self, RevocationListFlaw> {
        match pem::decode_vec(text.trim().as_bytes()) {
            Ok(("X509 CRL", der)) => Self::from_der(&der, issuer),
            _ => Err(RevocationListFlaw::Malformed),
        }
    }

    /// The same for DER.
    ///
    /// # Errors
    ///
    /// As [`from_pem`](Self::from_pem).
    pub fn from_der(der: &[u8], issuer: Option<&str>) -> Result<Self, RevocationListFlaw> {
        let list = CertificateList::<x509_cert::certificate::Rfc5280>::from_der(der)
            .map_err(|_| RevocationListFlaw::Malformed)?;
        if let Some(issuer) = issuer {
            check_signature(&list, issuer)?;
        }
        let list = list.tbs_cert_list;
        let revoked = list.revoked_certificates.unwrap_or_default();
        let in_entries = revoked.iter().flat_map(|entry| entry.crl_entry_extensions.iter().flatten());
        let mut extensions = list.crl_extensions.iter().flatten().chain(in_entries);
        if extensions.any(|extension: &Extension| extension.critical || PARTIAL.contains(&extension.extn_id)) {
            return Err(RevocationListFlaw::NotWhole);
        }
        let mut serials: Vec<_> = revoked.iter().map(|entry| entry.serial_number.as_bytes().to_vec()).collect();
        serials.sort();
        Ok(Self {
            issuer: distinguished(&list.issuer).ok_or(RevocationListFlaw::Malformed)?.folded(),
            this_update: moment(list.this_update),
            next_update: moment(list.next_update.ok_or(RevocationListFlaw::NoNextUpdate)?),
            serials,
        })
    }

    /// From when on it holds.
    #[must_use]
    pub fn this_update(&self) -> UnixTime {
        self.this_update
    }

    /// When it is too old.
    #[must_use]
    pub fn next_update(&self) -> UnixTime {
        self.next_update
    }
}

fn check_signature(list: &CertificateList, issuer: &str) -> Result<(), RevocationListFlaw> {
    let (label, der) = pem::decode_vec(issuer.trim().as_bytes()).map_err(|_| RevocationListFlaw::IssuerMalformed)?;
    if label != "CERTIFICATE" {
        return Err(RevocationListFlaw::IssuerMalformed);
    }
    let issuer = x509_cert::Certificate::from_der(&der).map_err(|_| RevocationListFlaw::IssuerMalformed)?;
    let issuer = issuer.tbs_certificate();
    let names = (distinguished(issuer.subject()), distinguished(&list.tbs_cert_list.issuer));
    if !matches!(names, (Some(subject), Some(of_list)) if subject.folded() == of_list.folded()) {
        return Err(RevocationListFlaw::OtherIssuer);
    }
    if !signature::may_sign_lists(issuer) {
        return Err(RevocationListFlaw::NotForLists);
    }
    let signed = list.tbs_cert_list.to_der().map_err(|_| RevocationListFlaw::Malformed)?;
    if list.tbs_cert_list.signature != list.signature_algorithm {
        return Err(RevocationListFlaw::Malformed);
    }
    let by = issuer.subject_public_key_info();
    let bytes = list.signature.as_bytes().ok_or(RevocationListFlaw::Malformed)?;
    signature::check(by, &list.signature_algorithm, &signed, bytes).map_err(RevocationListFlaw::Signature)
}

/// The lists of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RevocationLists(Vec<RevocationList>);

/// What the lists say of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A list of its issuer that holds now does not name it.
    Good,
    /// A list of its issuer names it, however old that list is.
    Revoked,
    /// There is no list of its issuer.
    Unlisted,
    /// There is one, and none that holds now; or its issuer's name can't be read.
    Unknown,
}

impl RevocationLists {
    /// These.
    #[must_use]
    pub fn new(lists: Vec<RevocationList>) -> Self {
        Self(lists)
    }

    /// There is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Is there one of this issuer, of whatever age?
    #[must_use]
    pub fn have_of(&self, issuer: &DistinguishedName) -> bool {
        let issuer = issuer.folded();
        self.0.iter().any(|list| list.issuer == issuer)
    }

    /// What they say of this certificate.
    #[must_use]
    pub fn standing(&self, certificate: &Certificate, now: UnixTime) -> Standing {
        let Some(issuer) = &certificate.issuer else { return Standing::Unknown };
        let issuer = issuer.folded();
        let mut standing = Standing::Unlisted;
        for list in self.0.iter().filter(|list| list.issuer == issuer) {
            // What is taken back does not come back by a list growing old.
            if list.serials.binary_search(&certificate.serial).is_ok() {
                return Standing::Revoked;
            }
            let holds = list.this_update <= now && now < list.next_update;
            standing = match standing {
                Standing::Good => Standing::Good,
                _ if holds => Standing::Good,
                _ => Standing::Unknown,
            };
        }
        standing
    }
}

/// What marks a delta, a part, and an entry of another issuer (RFC 5280 sections 5.2.4, 5.2.5 and 5.3.3). They ought to be critical, and
/// are what they are where an authority forgot it.
const PARTIAL: [ObjectIdentifier; 3] = [
    ObjectIdentifier::new_unwrap("2.5.29.27"),
    ObjectIdentifier::new_unwrap("2.5.29.28"),
    ObjectIdentifier::new_unwrap("2.5.29.29"),
];

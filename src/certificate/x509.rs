//! What a certificate says, as far as a decision may hang on it: who issued it, whom it names, and when it holds (RFC 5280).

use std::borrow::Cow;

use x509_cert::der::asn1::{Ia5StringRef, PrintableStringRef, TeletexStringRef, Utf8StringRef};
use x509_cert::der::{Any, Decode, Tag, Tagged, pem};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;
use x509_cert::time::Time;

use super::distinguished_name::DistinguishedName;
use crate::time::UnixTime;

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Who issued it; nothing if the name is in letters of another age.
    pub issuer: Option<DistinguishedName>,
    /// Its number among those of its issuer, in bytes.
    pub serial: Vec<u8>,
    /// The first moment at which it holds.
    pub not_before: UnixTime,
    /// The last second in which it holds.
    pub not_after: UnixTime,
    /// Whom it names.
    pub names: Names,
}

/// Whom a certificate names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Its subject; nothing if that is empty, or in letters of another age.
    pub subject: Option<DistinguishedName>,
    /// The alternative names that are addresses (RFC 5280 section 4.2.1.6).
    pub uri_sans: Vec<String>,
    /// Those that are hosts, in lower case.
    pub dns_sans: Vec<String>,
    /// Those that are mailboxes, as they are.
    pub email_sans: Vec<String>,
    /// These are all of its names. Otherwise it may have more.
    pub complete: bool,
}

impl Certificate {
    /// Reads DER.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Option<Self> {
        let certificate = x509_cert::Certificate::from_der(der).ok()?;
        let certificate = certificate.tbs_certificate();
        let alternatives =
            certificate.get_extension::<SubjectAltName>().ok()?.map(|(_, names)| names.0).unwrap_or_default();
        let subject = distinguished(certificate.subject()).filter(|name| !name.is_empty());
        let mut names = Names { subject, complete: true, ..Names::default() };
        for name in &alternatives {
            match name {
                GeneralName::UniformResourceIdentifier(uri) => names.uri_sans.push(uri.as_str().to_owned()),
                GeneralName::DnsName(host) => names.dns_sans.push(host.as_str().to_ascii_lowercase()),
                GeneralName::Rfc822Name(mailbox) => names.email_sans.push(mailbox.as_str().to_owned()),
                _ => {}
            }
        }
        Some(Self {
            issuer: distinguished(certificate.issuer()),
            serial: certificate.serial_number().as_bytes().to_vec(),
            not_before: moment(certificate.validity().not_before),
            not_after: moment(certificate.validity().not_after),
            names,
        })
    }
}

/// The DER of the first certificate in a PEM text with `%` encoding, as Envoy writes it: there is one, and nothing else.
#[must_use]
pub fn decode(encoded: &str) -> Option<Vec<u8>> {
    if encoded.len() > LONGEST {
        return None;
    }
    let text = percent_decoded(encoded)?;
    let (label, der) = pem::decode_vec(text.trim_ascii()).ok()?;
    (label == "CERTIFICATE").then_some(der)
}

/// A moment in a certificate or a list.
pub(super) fn moment(time: Time) -> UnixTime {
    UnixTime::from_secs(time.to_unix_duration().as_secs())
}

/// A name, most general part first as it is in the certificate.
pub(super) fn distinguished(name: &Name) -> Option<DistinguishedName> {
    let parts = name.iter_rdn().map(|part| {
        part.iter()
            .map(|attribute| Some((attribute.oid.to_string(), text(&attribute.value)?)))
            .collect::<Option<Vec<_>>>()
    });
    Some(DistinguishedName::of(parts.collect::<Option<Vec<_>>>()?))
}

fn text(value: &Any) -> Option<String> {
    let read = match value.tag() {
        Tag::PrintableString => PrintableStringRef::try_from(value).ok()?.as_str().to_owned(),
        Tag::Utf8String => Utf8StringRef::try_from(value).ok()?.as_str().to_owned(),
        Tag::Ia5String => Ia5StringRef::try_from(value).ok()?.as_str().to_owned(),
        Tag::TeletexString => TeletexStringRef::try_from(value).ok()?.as_str().to_owned(),
        _ => return None,
    };
    Some(read)
}

fn percent_decoded(text: &str) -> Option<Cow<'_, [u8]>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text.as_bytes()));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    let hex = |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex(bytes.next())?.checked_mul(16)?.checked_add(hex(bytes.next())?)?,
            byte => byte,
        });
    }
    Some(Cow::Owned(decoded))
}

/// BoringSSL takes no certificate message beyond 100 KB; one that a client has is a few.
const LONGEST: usize = 64 << 10;

//! The client's certificate as the host hands it over: who issued it, and whom it names.

use std::borrow::Cow;

use x509_cert::Certificate;
use x509_cert::der::asn1::{Ia5StringRef, PrintableStringRef, TeletexStringRef, Utf8StringRef};
use x509_cert::der::{Any, DecodePem, Tag, Tagged};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use super::distinguished_name::DistinguishedName;

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificate {
    /// Who issued it; nothing if the name is in letters of another age.
    pub issuer: Option<DistinguishedName>,
    /// Its subject's alternative names that are addresses (RFC 5280 section 4.2.1.6).
    pub uri_sans: Vec<String>,
    /// Those that are hosts, in lower case.
    pub dns_sans: Vec<String>,
}

impl PeerCertificate {
    /// Reads PEM with `%` encoding, as Envoy writes it.
    #[must_use]
    pub fn read(encoded: &str) -> Option<Self> {
        if encoded.len() > LONGEST {
            return None;
        }
        let pem = percent_decoded(encoded)?;
        let certificate = Certificate::from_pem(&*pem).ok()?;
        let certificate = certificate.tbs_certificate();
        let names = certificate.get_extension::<SubjectAltName>().ok()?.map(|(_, names)| names.0).unwrap_or_default();
        let mut read = Self { issuer: distinguished(certificate.issuer()), uri_sans: Vec::new(), dns_sans: Vec::new() };
        for name in &names {
            match name {
                GeneralName::UniformResourceIdentifier(uri) => read.uri_sans.push(uri.as_str().to_owned()),
                GeneralName::DnsName(host) => read.dns_sans.push(host.as_str().to_ascii_lowercase()),
                _ => {}
            }
        }
        Some(read)
    }
}

/// The issuer's name, most general part first as it is in the certificate.
fn distinguished(name: &Name) -> Option<DistinguishedName> {
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

/// BoringSSL takes no certificate message beyond 100 KB; one that a device has is a few.
const LONGEST: usize = 64 << 10;

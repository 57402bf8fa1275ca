//! Client certificates of the offline world: ordinary ones, and everything about them can be changed.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use portcullis::time::UnixTime;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

/// What a certificate is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateSpec {
    /// Its issuer, `CN=Workloads,O=Contoso,C=DE`.
    pub issuer: Option<String>,
    /// Its subject.
    pub subject: Option<String>,
    /// Its alternative names that are addresses.
    pub uri_sans: Vec<String>,
    /// Those that are hosts.
    pub dns_sans: Vec<String>,
    /// Those that are mailboxes.
    pub email_sans: Vec<String>,
    /// It holds until so many seconds from the time of the request; an hour if left out.
    pub until: Option<i64>,
    /// Issued by a stranger under the issuer's name.
    pub forged: bool,
}

/// A certificate with its key, both in PEM.
#[derive(Clone, Debug)]
pub struct MadeCertificate {
    /// The certificate.
    pub certificate: String,
    /// Its private key (PKCS #8).
    pub key: String,
    /// Its authority's certificate.
    pub authority: String,
    /// An Envoy that trusts the authority would say that it is valid.
    pub valid: bool,
}

impl CertificateSpec {
    /// The certificate, as of `now`.
    ///
    /// # Errors
    /// A name that is none.
    pub fn make(&self, now: UnixTime) -> Result<MadeCertificate, String> {
        let failed = |error: rcgen::Error| error.to_string();
        let until = self.until.unwrap_or(3600);
        let authority_key = if self.forged { &*STRANGER } else { &*AUTHORITY };
        let authority_key = KeyPair::from_pem(authority_key.as_ref().map_err(Clone::clone)?).map_err(failed)?;
        let mut authority = CertificateParams::default();
        authority.distinguished_name = name(self.issuer.as_deref().unwrap_or(ISSUER))?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root = authority.self_signed(&authority_key).map_err(failed)?.pem();
        let mut params = CertificateParams::default();
        params.not_before = moment(now, until.saturating_sub(7200)).into();
        params.not_after = moment(now, until).into();
        params.distinguished_name = name(self.subject.as_deref().unwrap_or("CN=client"))?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        for (texts, kind) in [(&self.uri_sans, Kind::Uri), (&self.dns_sans, Kind::Dns), (&self.email_sans, Kind::Email)]
        {
            for text in texts {
                let text = text.as_str().try_into().map_err(failed)?;
                params.subject_alt_names.push(match kind {
                    Kind::Uri => SanType::URI(text),
                    Kind::Dns => SanType::DnsName(text),
                    Kind::Email => SanType::Rfc822Name(text),
                });
            }
        }
        let key = KeyPair::generate().map_err(failed)?;
        let issuer = Issuer::new(authority, authority_key);
        let certificate = params.signed_by(&key, &issuer).map_err(failed)?.pem();
        Ok(MadeCertificate { certificate, key: key.serialize_pem(), authority: root, valid: until > 0 && !self.forged })
    }
}

/// A certificate in PEM as Envoy has it for `connection.peer_certificate`.
#[must_use]
pub fn encoded(pem: &str) -> String {
    pem.replace('\n', "%0A").replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

enum Kind {
    Uri,
    Dns,
    Email,
}

/// `CN=a,O=b,C=c`, in the certificate the other way round.
fn name(text: &str) -> Result<DistinguishedName, String> {
    let mut name = DistinguishedName::new();
    for part in text.rsplit(',') {
        let (kind, value) = part.split_once('=').ok_or_else(|| format!("`{text}` is not a name as `CN=a,O=b,C=c`"))?;
        let kind = match kind.trim() {
            "CN" => DnType::CommonName,
            "O" => DnType::OrganizationName,
            "OU" => DnType::OrganizationalUnitName,
            "C" => DnType::CountryName,
            other => return Err(format!("`{other}` is none of CN, O, OU and C")),
        };
        name.push(kind, value);
    }
    Ok(name)
}

fn moment(now: UnixTime, seconds: i64) -> SystemTime {
    let span = Duration::from_secs(seconds.unsigned_abs());
    let now = if seconds < 0 { now.minus(span) } else { now.plus(span) };
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(now.as_millis())).unwrap_or(SystemTime::UNIX_EPOCH)
}

fn key() -> Result<String, String> {
    KeyPair::generate().map(|key| key.serialize_pem()).map_err(|error| error.to_string())
}

/// Of every authority that is trusted: their names tell them apart.
static AUTHORITY: LazyLock<Result<String, String>> = LazyLock::new(key);
static STRANGER: LazyLock<Result<String, String>> = LazyLock::new(key);

const ISSUER: &str = "CN=Authority";

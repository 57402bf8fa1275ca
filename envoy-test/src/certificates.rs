//! Certificates of tests: an authority, those that it issues, its revocation list; and the listener's own.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber,
};
use sha2::{Digest, Sha256};

/// Who issues certificates.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A client's certificate with its key, both in PEM.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    /// The certificate.
    pub certificate: String,
    /// Its private key (PKCS #8).
    pub key: String,
}

/// What a certificate is to say. It holds for an hour unless told otherwise.
#[derive(Clone, Debug, Default)]
pub struct Leaf {
    common_name: Option<String>,
    names: Vec<SanType>,
    serial: Option<Vec<u8>>,
    seconds: Option<i64>,
}

impl Authority {
    /// An authority with this common name; each has a key of its own, also one with the name of another.
    ///
    /// # Panics
    /// When no certificate comes of it.
    #[must_use]
    pub fn new(common_name: &str) -> Self {
        let mut params = for_a_day();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = named(common_name);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        Self { issuer: CertifiedIssuer::self_signed(params, key).expect("an authority's certificate") }
    }

    /// Its certificate in PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Issues a certificate.
    ///
    /// # Panics
    /// When no certificate comes of it.
    #[must_use]
    pub fn issue(&self, leaf: &Leaf) -> ClientCertificate {
        let key = KeyPair::generate().expect("a key");
        let certificate = leaf.params().signed_by(&key, &self.issuer).expect("a certificate");
        ClientCertificate { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// A list of what it has taken back, by number, in PEM; it holds for `seconds` from now.
    ///
    /// # Panics
    /// When no list comes of it.
    #[must_use]
    pub fn revocation_list(&self, serials: &[&[u8]], seconds: i64) -> String {
        let revoked = |serial: &&[u8]| RevokedCertParams {
            serial_number: SerialNumber::from_slice(serial),
            revocation_time: from_now(-60).into(),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: from_now(-3600).into(),
            next_update: from_now(seconds).into(),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).expect("a list").pem().expect("a list in PEM")
    }
}

impl Leaf {
    /// With this common name.
    #[must_use]
    pub fn new(common_name: &str) -> Self {
        Self { common_name: Some(common_name.to_owned()), ..Self::default() }
    }

    /// With this address among its names.
    ///
    /// # Panics
    /// When it is not ASCII.
    #[must_use]
    pub fn uri(mut self, uri: &str) -> Self {
        self.names.push(SanType::URI(uri.try_into().expect("an address in ASCII")));
        self
    }

    /// With this host among its names.
    ///
    /// # Panics
    /// When it is not ASCII.
    #[must_use]
    pub fn dns(mut self, host: &str) -> Self {
        self.names.push(SanType::DnsName(host.try_into().expect("a host in ASCII")));
        self
    }

    /// With this number.
    #[must_use]
    pub fn serial(mut self, serial: &[u8]) -> Self {
        self.serial = Some(serial.to_vec());
        self
    }

    /// It holds until so many seconds from now.
    #[must_use]
    pub fn until(mut self, seconds: i64) -> Self {
        self.seconds = Some(seconds);
        self
    }

    fn params(&self) -> CertificateParams {
        let mut params = for_a_day();
        params.not_after = from_now(self.seconds.unwrap_or(3600)).into();
        params.distinguished_name = named(self.common_name.as_deref().unwrap_or("client"));
        params.subject_alt_names.clone_from(&self.names);
        params.serial_number = self.serial.as_deref().map(SerialNumber::from_slice);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params
    }
}

impl ClientCertificate {
    /// SHA-256 of its DER.
    ///
    /// # Panics
    /// When it is not in PEM.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        use rustls::pki_types::pem::PemObject;
        let der = rustls::pki_types::CertificateDer::from_pem_slice(self.certificate.as_bytes());
        Sha256::digest(der.expect("a certificate in PEM")).into()
    }
}

/// The listener's own certificate, and its key; clients of this crate trust it.
pub(crate) static LISTENER: LazyLock<ClientCertificate> = LazyLock::new(|| {
    let made = rcgen::generate_simple_self_signed(vec!["api.example".to_owned()]).expect("a certificate");
    ClientCertificate { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() }
});

/// That holds since an hour, and for a day.
fn for_a_day() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = from_now(-3600).into();
    params.not_after = from_now(86_400).into();
    params
}

fn from_now(seconds: i64) -> SystemTime {
    let span = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { SystemTime::now() - span } else { SystemTime::now() + span }
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CountryName, "DE");
    name.push(DnType::OrganizationName, "Contoso");
    name.push(DnType::CommonName, common_name);
    name
}

//! Client certificates: where they come from, and which are accepted.

use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use schemars::JsonSchema;

use crate::config::named::Named;
use crate::config::problems::Problems;

/// Client certificates: where they come from, and which are accepted.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct ClientCertificateSettings {
    /// `"connection"`: from the TLS connection to Envoy. `{"forwarded": ..}`: a proxy in front ends TLS and tells of them. Default
    /// `connection`: a header is only as good as who wrote it.
    #[deserr(default)]
    pub from: Option<CertificateSourceSettings>,
    /// Who ends TLS takes no certificate that it does not check. It stands for what nobody says: Envoy before 1.39, and a proxy
    /// in front. Default false: with `ACCEPT_UNTRUSTED` Envoy takes any.
    #[deserr(default)]
    pub assume_validated: Option<bool>,
    /// Which are accepted, by name, for rules that ask for `certificates` or take one as an identity of its own.
    #[deserr(default)]
    pub accepted: Option<Named<AcceptedCertificateSettings>>,
    /// Certificates that their issuers have taken back. A list of an issuer counts for all of its certificates, and one that is
    /// too old tells nothing: such certificates are then refused. Default: none.
    #[deserr(default)]
    pub revocation_lists: Option<Vec<RevocationListSettings>>,
}

impl ClientCertificateSettings {
    /// Is somebody known by a certificate alone?
    #[must_use]
    pub fn has_identities(&self) -> bool {
        self.accepted.iter().flat_map(|accepted| &accepted.0).any(|(_, accepted)| accepted.identity.is_some())
    }
}

/// Certificates that are accepted: each part that is given must be so, and of a list one is enough.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct AcceptedCertificateSettings {
    /// The issuer's distinguished name (RFC 4514): `CN=Workloads,O=Contoso,C=DE`.
    #[deserr(default)]
    pub issuers: Option<Vec<String>>,
    /// The subject's distinguished name, whole.
    #[deserr(default)]
    pub subjects: Option<Vec<String>>,
    /// The SPIFFE ID: `spiffe://contoso.example/ns/orders/*`. The certificate has no other address. One `*` after the trust
    /// domain stands for anything.
    #[deserr(default)]
    pub spiffe_ids: Option<Vec<String>>,
    /// An alternative name that is an address: a text, in which one `*` stands for anything.
    #[deserr(default)]
    pub uri_sans: Option<Vec<String>>,
    /// An alternative name that is a host: a text, in which one `*` stands for anything.
    #[deserr(default)]
    pub dns_sans: Option<Vec<String>>,
    /// An alternative name that is a mailbox: a text, in which one `*` stands for anything.
    #[deserr(default)]
    pub email_sans: Option<Vec<String>>,
    /// The certificates themselves: SHA-256 of their DER in 64 hexadecimal digits.
    #[deserr(default)]
    pub digests: Option<Vec<String>>,
    /// Also one that Envoy did not check (`ACCEPT_UNTRUSTED`). Only with `digests`, which name the certificate whoever issued it.
    /// Default false.
    #[deserr(default)]
    pub accept_untrusted: Option<bool>,
    /// It must hold now, by the clock of the filter: a connection may stay open for longer than its certificate holds. Default
    /// true.
    #[deserr(default)]
    pub validity: Option<bool>,
    /// `if_listed`: a revocation list counts if there is one of the certificate's issuer. `required`: there must be one.
    /// `ignored`: none is looked at. Default `if_listed`.
    #[deserr(default)]
    pub revocation: Option<RevocationSettings>,
    /// Who has such a certificate is known by it, in rules that `accept` certificates. Default: it only adds to another
    /// credential.
    #[deserr(default)]
    pub identity: Option<CertificateIdentitySettings>,
}

/// What is asked of revocation lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(error = Problems)]
#[schemars(rename_all = "snake_case")]
pub enum RevocationSettings {
    /// One of its issuer counts, if there is one.
    #[deserr(rename = "if_listed")]
    IfListed,
    /// There must be one of its issuer.
    #[deserr(rename = "required")]
    Required,
    /// None is looked at.
    #[deserr(rename = "ignored")]
    Ignored,
}

/// How the holder of a certificate is known.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct CertificateIdentitySettings {
    /// What becomes `sub`: a name that the certificate has once, among those that this entry asks for.
    pub subject: CertificateSubjectSettings,
}

/// A name of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(error = Problems)]
#[schemars(rename_all = "snake_case")]
pub enum CertificateSubjectSettings {
    /// The SPIFFE ID.
    #[deserr(rename = "spiffe_id")]
    SpiffeId,
    /// The alternative name that is an address.
    #[deserr(rename = "uri_san")]
    UriSan,
    /// The alternative name that is a host.
    #[deserr(rename = "dns_san")]
    DnsSan,
    /// The alternative name that is a mailbox.
    #[deserr(rename = "email_san")]
    EmailSan,
    /// The subject's distinguished name.
    #[deserr(rename = "subject")]
    Subject,
    /// SHA-256 of its DER, in hexadecimal digits.
    #[deserr(rename = "digest")]
    Digest,
}

/// A revocation list: `pem` or `base64`.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct RevocationListSettings {
    /// In PEM (`X509 CRL`).
    #[deserr(default)]
    pub pem: Option<String>,
    /// Its DER in base64.
    #[deserr(default)]
    pub base64: Option<String>,
    /// The issuer's certificate in PEM; the list's signature is then checked when it is loaded. Default: the list is believed as
    /// the rest of the configuration is.
    #[deserr(default)]
    pub issuer_certificate: Option<String>,
}

/// Where client certificates come from.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub enum CertificateSourceSettings {
    /// `"connection"`
    Word(CertificateSourceWord),
    /// A header.
    Header(ForwardedSettings),
}

/// From the TLS connection to Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(rename_all = lowercase, error = Problems)]
#[schemars(rename_all = "lowercase")]
pub enum CertificateSourceWord {
    /// As it says.
    Connection,
}

/// From a header.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct ForwardedSettings {
    /// `x-forwarded-client-cert`.
    pub forwarded: ForwardedCertificateSettings,
}

/// Who writes `x-forwarded-client-cert`.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct ForwardedCertificateSettings {
    /// Networks, by name, of the proxies that set it and remove the client's own. From elsewhere it says nothing. Compared with
    /// `source.address`. Envoy takes that from `x-forwarded-for`, where any client can write a proxy's address, unless
    /// `use_remote_address` is true and `xff_num_trusted_hops` is 0.
    pub trusted_proxies: Vec<String>,
    /// How many trusted proxies write an element, 1 to 32, Envoy itself with `APPEND_FORWARD` among them. The outermost replaces
    /// what the client sent (`SANITIZE_SET`), and its element is the one that counts. A header with more or fewer is refused.
    /// Default 1.
    #[deserr(default)]
    pub trusted_hops: Option<u32>,
}

impl Deserr<Problems> for CertificateSourceSettings {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef) -> Result<Self, Problems> {
        match value {
            value @ Value::Map(_) => ForwardedSettings::deserialize_from_value(value, location).map(Self::Header),
            value => CertificateSourceWord::deserialize_from_value(value, location).map(Self::Word),
        }
    }
}

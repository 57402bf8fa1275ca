//! Client certificates: where they come from.

use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use schemars::JsonSchema;

use crate::config::problems::Problems;

/// Client certificates: where they come from.
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
    /// The place of the element that counts, from the right, over all fields of that name, 1 to 32. It is the number of trusted
    /// proxies that add an element, Envoy itself with `APPEND_FORWARD` among them. Default 1: the last.
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

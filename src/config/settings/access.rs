//! Circumstances that rules can ask for, by name: networks, schedules, assurances, devices.

use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use schemars::JsonSchema;

use super::answer::ClaimPathSettings;
use super::caller::{ClientAuthenticationSettings, ScalarSettings};
use crate::config::named::Named;
use crate::config::problems::Problems;
use crate::config::units::Span;

/// Where the client's address comes from.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct ClientAddressSettings {
    /// From `x-forwarded-for`.
    pub forwarded_for: ForwardedForSettings,
}

/// Which place of `x-forwarded-for` holds the client's address.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct ForwardedForSettings {
    /// The place from the right, over all fields of that name, 1 to 32; 1 is the last. It is the number of proxies that
    /// add an address: Envoy itself with `use_remote_address`, and each trusted one in front of it.
    pub trusted_hops: u32,
}

/// Headers in which Envoy's geoip filter, in front of this one, says where the client is. It must remove the client's own.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct GeoSettings {
    /// Holds the country: ISO 3166-1 alpha-2, upper case.
    #[deserr(default)]
    pub country_header: Option<String>,
    /// Holds the number of the autonomous system.
    #[deserr(default)]
    pub asn_header: Option<String>,
}

/// When something may be done: in any of the spans and windows.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct ScheduleSettings {
    /// Whose clocks: a name of the IANA database, `Europe/Berlin`, `UTC`. Needed for `weekly`.
    #[deserr(default)]
    pub time_zone: Option<String>,
    /// Spans of each week.
    #[deserr(default)]
    pub weekly: Option<Vec<WeeklySettings>>,
    /// Windows that are open once.
    #[deserr(default)]
    pub windows: Option<Vec<WindowSettings>>,
}

/// Hours of some days.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct WeeklySettings {
    /// On which days it starts.
    pub days: Vec<DaySettings>,
    /// `HH:MM`, the first minute.
    pub from: String,
    /// `HH:MM`, when it is over; `24:00` is the end of the day. Before `from`, it is on the day after.
    pub to: String,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(rename_all = lowercase, error = Problems)]
#[schemars(rename_all = "lowercase")]
#[expect(missing_docs, reason = "days are known")]
pub enum DaySettings {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// Between two moments, each with a date, a time and an offset (RFC 3339): `2026-12-01T08:00:00+01:00`.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct WindowSettings {
    /// The first moment. Default: any before `until`.
    #[deserr(default)]
    pub from: Option<String>,
    /// When it is over. Default: never.
    #[deserr(default)]
    pub until: Option<String>,
}

/// How surely the caller signed in; everything that is given is asked for.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct AssuranceSettings {
    /// The authentication context that tokens of Entra ID must carry (`acrs`).
    #[deserr(default)]
    pub context: Option<ContextSettings>,
    /// `acr` of the token: any of these. With a `context`, it is asked of other issuers' tokens only.
    #[deserr(default)]
    pub acr_values: Option<Vec<String>>,
    /// `amr` of the token: any of these. Entra ID writes it into tokens of version 1 only.
    #[deserr(default)]
    pub amr: Option<Vec<String>>,
    /// How long ago the user may have signed in (`auth_time`).
    #[deserr(default)]
    pub max_age: Option<Span>,
    /// How the client application proved itself to Entra ID (`azpacr`, `appidacr`): any of these.
    #[deserr(default)]
    pub client_authentication: Option<Vec<ClientAuthenticationSettings>>,
}

/// `c1` to `c99`; the same for every tenant, or one for each.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub enum ContextSettings {
    /// In every tenant.
    Everywhere(String),
    /// By the tenant's id.
    ByTenant(Named<String>),
}

impl Deserr<Problems> for ContextSettings {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef) -> Result<Self, Problems> {
        match value {
            value @ Value::Map(_) => Named::deserialize_from_value(value, location).map(Self::ByTenant),
            value => String::deserialize_from_value(value, location).map(Self::Everywhere),
        }
    }
}

/// How a device is told: one of these.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct DeviceSettings {
    /// A claim of the token says so.
    #[deserr(default)]
    pub claim: Option<DeviceClaimSettings>,
    /// The client shows a certificate.
    #[deserr(default)]
    pub certificate: Option<DeviceCertificateSettings>,
    /// A trusted proxy says so.
    #[deserr(default)]
    pub header: Option<DeviceHeaderSettings>,
}

/// A claim and what it must be.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct DeviceClaimSettings {
    /// Which claim.
    pub path: ClaimPathSettings,
    /// This.
    #[deserr(default)]
    pub equals: Option<ScalarSettings>,
    /// One of these.
    #[deserr(default)]
    pub one_of: Option<Vec<ScalarSettings>>,
}

/// A certificate and what it must say: each part that is given.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct DeviceCertificateSettings {
    /// The issuer's distinguished name (RFC 4514): `CN=Devices,O=Contoso,C=DE`.
    #[deserr(default)]
    pub issuer: Option<String>,
    /// An alternative name that is an address, like one of these: a text, in which one `*` stands for anything.
    #[deserr(default)]
    pub uri_san: Option<Vec<String>>,
    /// An alternative name that is a host, like one of these: a text, in which one `*` stands for anything.
    #[deserr(default)]
    pub dns_san: Option<Vec<String>>,
    /// Envoy before 1.39 does not say whether it checked the certificate; true says that it takes no other. Default false:
    /// with `ACCEPT_UNTRUSTED` it takes any.
    #[deserr(default)]
    pub assume_validated: Option<bool>,
}

/// A header and what it must be.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct DeviceHeaderSettings {
    /// Which header.
    pub name: String,
    /// This.
    #[deserr(default)]
    pub equals: Option<String>,
    /// One of these.
    #[deserr(default)]
    pub one_of: Option<Vec<String>>,
    /// Networks, by name, of the proxies that set it and remove the client's own. From elsewhere it says nothing. Compared with
    /// `source.address`. Envoy takes that from `x-forwarded-for`, where any client can write a proxy's address, unless
    /// `use_remote_address` is true and `xff_num_trusted_hops` is 0.
    pub trusted_proxies: Vec<String>,
}

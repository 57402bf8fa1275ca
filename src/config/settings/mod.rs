//! The document, typed: what an operator can write. The JSON Schema in `filter-config/` is generated from here.
//!
//! An optional setting that is absent takes the default named in its comment; the reason for each default stands there.

mod access;
mod answer;
mod api_key;
mod binding;
mod caller;
mod certificate;
mod conditional_access;
mod entra;
mod global_limit;
mod groups;
mod introspection;
mod path;
mod provider;
mod rate_limit;
mod requirement;
mod risk;
mod role;
mod rule;
mod rule_limit;

use deserr::Deserr;
use schemars::JsonSchema;

use crate::config::named::Named;
use crate::config::problems::Problems;
use crate::config::units::{Size, Span};

pub use access::{
    AssuranceSettings, ClientAddressSettings, ContextSettings, DaySettings, DeviceCertificateSettings,
    DeviceClaimSettings, DeviceHeaderSettings, DeviceSettings, ForwardedForSettings, GeoSettings, ScheduleSettings,
    WeeklySettings, WindowSettings,
};
pub use answer::{
    AnswerSettings, AuthorizationSettings, ClaimHeaderSettings, ClaimPathSettings, ForwardSettings, ListSettings,
    PreflightSettings, RateLimitHeaderSettings, ResourceMetadataSettings,
};
pub use api_key::{ApiKeySettings, ApiKeySourceSettings, ApiKeysSettings, ClaimValueSettings};
pub use binding::{BindingSettings, DpopSettings, MethodSettings, MtlsSettings, NonceSettings, SignedRequestSettings};
pub use caller::{
    CallerSettings, ClaimSettings, ClientAuthenticationSettings, NumberSettings, OwnerSettings, RangeSettings,
    ScalarSettings, SubjectSettings,
};
pub use certificate::{
    AcceptedCertificateSettings, CertificateIdentitySettings, CertificateSourceSettings, CertificateSourceWord,
    CertificateSubjectSettings, ClientCertificateSettings, ForwardedCertificateSettings, ForwardedSettings,
    RevocationListSettings, RevocationSettings,
};
pub use conditional_access::{BlockSettings, ControlSettings, GrantSettings, HowManySettings, PolicySettings};
pub use entra::{B2cSettings, CloudSettings, EntraSettings, TenantSettings, VersionSettings};
pub use global_limit::{DescriptorEntrySettings, GlobalLimitSettings, OnFailureSettings};
pub use groups::{ClientSecretSettings, GroupsOverageSettings};
pub use introspection::{
    ClientMethodSettings, IntrospectionClientSettings, IntrospectionJwtSettings, IntrospectionSettings,
};
pub use path::{DotSegmentSettings, EmptySegmentSettings, LiteralSettings, PathSettings};
pub use provider::{KeySettings, PemSettings, ProviderSettings, SecretSettings, TokenTypeSettings};
pub use rate_limit::{
    AdaptiveRiskSettings, AdaptiveSettings, AdaptiveUpstreamSettings, CountSettings, LimitKeyDetailSettings,
    LimitKeySettings, LimitKeyWordSettings, NetworkPrefixSettings, PeriodSettings, QuotaSettings, RateLimitSettings,
    RateSettings, RateWindowSettings, TierSettings, WhenSettings,
};
pub use requirement::{AnyOrAllSettings, NamedListSettings, RequirementSettings};
pub use risk::{LockoutSettings, ObserveSettings, RiskSettings, SignalSettings, SlowDownSettings, ThresholdSettings};
pub use role::RoleSettings;
pub use rule::{
    AcceptSettings, AccessSettings, CredentialSettings, ExpectedSettings, HeaderSourceSettings, MatchSettings,
    RuleSettings,
};
pub use rule_limit::{RuleLimitSettings, WeightedLimitSettings};

/// Configuration of the Portcullis filter for Envoy.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields, title = "Portcullis filter configuration")]
pub struct Settings {
    /// Where an editor finds the schema; not read by the filter.
    #[deserr(default, rename = "$schema")]
    #[schemars(rename = "$schema")]
    pub schema: Option<String>,
    /// Whose tokens are trusted, by name (`a-z`, `0-9`, `-`, `_`; at most 64 characters). Needed unless callers are known by
    /// `api_keys` or `client_certificates` alone.
    #[deserr(default)]
    pub providers: Option<Named<ProviderSettings>>,
    /// API keys of your own. Default: none.
    #[deserr(default)]
    pub api_keys: Option<ApiKeysSettings>,
    /// Roles of your own, by name, for rules that ask for `permissions`.
    #[deserr(default)]
    pub roles: Option<Named<RoleSettings>>,
    /// What each endpoint asks for. The most specific match speaks; no match is denied.
    pub rules: Vec<RuleSettings>,
    /// Policies over rules: each asks for more where it applies, or blocks. Default: none.
    #[deserr(default)]
    pub conditional_access: Option<Vec<PolicySettings>>,
    /// Networks by name: addresses with their prefixes, `203.0.113.0/24`, `2001:db8::/32`.
    #[deserr(default)]
    pub networks: Option<Named<Vec<String>>>,
    /// Where the client's address comes from. Default: from Envoy, which knows what is in front of it (`use_remote_address`,
    /// `xff_num_trusted_hops`).
    #[deserr(default)]
    pub client_address: Option<ClientAddressSettings>,
    /// Headers that say where the client is.
    #[deserr(default)]
    pub geo: Option<GeoSettings>,
    /// Schedules by name.
    #[deserr(default)]
    pub schedules: Option<Named<ScheduleSettings>>,
    /// Assurances by name.
    #[deserr(default)]
    pub assurances: Option<Named<AssuranceSettings>>,
    /// Devices by name.
    #[deserr(default)]
    pub devices: Option<Named<DeviceSettings>>,
    /// Client certificates: where they come from, and which are accepted. Default: from the connection, and none.
    #[deserr(default)]
    pub client_certificates: Option<ClientCertificateSettings>,
    /// At what risk a request comes. Default: nothing is watched.
    #[deserr(default)]
    pub risk: Option<RiskSettings>,
    /// Limits and quotas, by name (`a-z`, `0-9`, `-`, `_`; at most 64 characters), at most 64. Default: none.
    #[deserr(default)]
    pub rate_limits: Option<Named<RateLimitSettings>>,
    /// Asks Microsoft Graph for the groups of callers who have too many for a token. Default: rules that ask for groups deny
    /// such callers, with a reason of its own.
    #[deserr(default)]
    pub groups_overage: Option<GroupsOverageSettings>,
    /// Decides and records as configured, and lets every request on that can be read. Default false. For the days before the
    /// filter is trusted; a rule has a `report_only` of its own.
    #[deserr(default)]
    pub report_only: Option<bool>,
    /// Where a request may carry its token. Default: `Authorization: Bearer` only; without `providers` nowhere, and `Authorization`
    /// is the upstream's.
    #[deserr(default)]
    pub credentials: Option<CredentialSettings>,
    /// How tokens may be bound to their senders. Default: not at all, and tokens that are bound are refused.
    #[deserr(default)]
    pub bindings: Option<BindingSettings>,
    /// Paths that two servers may read differently. Default: refused.
    #[deserr(default)]
    pub paths: Option<PathSettings>,
    /// What the upstream is told. Default: nothing is added, and the client's `Authorization` is removed (RFC 9700 section 4.9).
    #[deserr(default)]
    pub forward: Option<ForwardSettings>,
    /// What a caller who is turned away is told.
    #[deserr(default)]
    pub answers: Option<AnswerSettings>,
    /// The record of decisions.
    #[deserr(default)]
    pub audit: Option<AuditSettings>,
    /// Who checks signatures. Default `prefer_host`: several times faster, and the same answer.
    #[deserr(default)]
    pub signatures: Option<SignatureSettings>,
    /// Bounds on the filter's own work.
    #[deserr(default)]
    pub limits: Option<LimitSettings>,
}

/// The record of decisions.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct AuditSettings {
    /// Which decisions are written to Envoy's log. Default `denials`: allows are counted, and in the access log anyway.
    #[deserr(default)]
    pub log: Option<AuditLogSettings>,
    /// Records with each decision what it was made of: the client's address and the claims that rules ask about (`scp`,
    /// `roles`, `groups`, `azp`, `acrs` and the like; never names or mail addresses), so that `portcullis explain --envoy-log`
    /// can tell what another configuration would have decided. Default false: a line is then several times as long, and says
    /// more about a person.
    #[deserr(default)]
    pub inputs: Option<bool>,
    /// More claims for `inputs`, by name, at the top of the token. Default: none.
    #[deserr(default)]
    pub claims: Option<Vec<String>>,
}

/// Which decisions are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(rename_all = lowercase, error = Problems)]
#[schemars(rename_all = "lowercase")]
pub enum AuditLogSettings {
    /// Every one.
    All,
    /// Those that stopped a request.
    Denials,
    /// None.
    None,
}

/// Who checks signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(rename_all = lowercase, error = Problems)]
#[schemars(rename_all = "snake_case")]
pub enum SignatureSettings {
    /// The host where it can (RS*, ES*), the module otherwise.
    #[deserr(rename = "prefer_host")]
    PreferHost,
    /// The host alone, as a FIPS build of Envoy needs it; what it can't check is refused.
    #[deserr(rename = "require_host")]
    RequireHost,
    /// The module alone.
    #[deserr(rename = "forbid_host")]
    ForbidHost,
}

/// Bounds on the filter's own work.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct LimitSettings {
    /// Longest token. Default `8KiB`; at most `64KiB`. Envoy's own limit for all headers together is 60 KiB.
    #[deserr(default)]
    pub token: Option<Size>,
    /// Verified tokens remembered, per worker. Default `8MiB`: about a thousand of Entra's. At most `256MiB`; `0B`
    /// remembers none.
    #[deserr(default)]
    pub token_cache: Option<Size>,
    /// Requests that may wait at the same time, per worker: for keys, for groups, or slowed down. Default 1000.
    #[deserr(default)]
    pub waiting_requests: Option<u32>,
    /// How long a request may wait for keys or groups. Default `5s`.
    #[deserr(default)]
    pub wait: Option<Span>,
    /// Shared memory for what is counted in `rate_limits`, over all workers, from `1MiB` to `256MiB`. Default `16MiB`: about
    /// two hundred thousand keys. Of more, those that have used least are forgotten.
    #[deserr(default)]
    pub rate_limit_memory: Option<Size>,
}

//! Limits: how often, how much in a calendar period, how many at once; by what key, and for whom.

use deserr::{Deserr, ErrorKind, IntoValue, Value, ValueKind, ValuePointerRef, take_cf_content};
use schemars::JsonSchema;

use super::{ClaimPathSettings, GlobalLimitSettings, RequirementSettings};
use crate::config::problems::{Invalid, Problems};
use crate::config::units::Span;

/// One limit. It applies to the rules that name it in `limits`, or to all. Of `rate`, `window`, `quota` and `concurrency` any
/// number, at least one: a request needs room in each. Or `global`, and those for when the engine does not answer.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct RateLimitSettings {
    /// Who has an allowance of their own: each combination of these, at most 4. `[]`: one allowance for all together.
    #[deserr(missing_field_error = key_missing)]
    pub key: Vec<LimitKeySettings>,
    /// When it is looked at. `arrival`: before the credential is, so that a flood of bad ones costs little. `admitted`: for
    /// requests that may go on. Default: `arrival` for keys of `address` or `network_prefix` that ask for nothing of the caller,
    /// else `admitted`: strangers can't use up what belongs to callers.
    #[deserr(default)]
    pub when: Option<WhenSettings>,
    /// What counts, on arrival. `failures`: requests whose credential is not accepted; once there are too many, everything of
    /// that key is refused. Default `all`.
    #[deserr(default)]
    pub count: Option<CountSettings>,
    /// It applies to every rule. Default false: to those that name it.
    #[deserr(default)]
    pub all_rules: Option<bool>,
    /// Counts at an engine that several Envoys share.
    #[deserr(default)]
    pub global: Option<GlobalLimitSettings>,
    /// Token bucket.
    #[deserr(default)]
    pub rate: Option<RateSettings>,
    /// Sliding window.
    #[deserr(default)]
    pub window: Option<RateWindowSettings>,
    /// So many in a period of the calendar.
    #[deserr(default)]
    pub quota: Option<QuotaSettings>,
    /// So many at the same time, 1 to 10000: from the request to the end of its response.
    #[deserr(default)]
    pub concurrency: Option<u32>,
    /// Other amounts for some callers: the first that is met counts, in place of those above. At most 16.
    #[deserr(default)]
    pub tiers: Option<Vec<TierSettings>>,
    /// Less while something is wrong. Not for `quota`.
    #[deserr(default)]
    pub adaptive: Option<AdaptiveSettings>,
    /// Counts and records, and lets requests on even so. Default false.
    #[deserr(default)]
    pub report_only: Option<bool>,
}

fn key_missing(name: &str, _: ValuePointerRef) -> Invalid {
    Invalid(format!(
        "`{name}` is required: who has an allowance of their own, as `[\"client\"]`; `[]` is one for all together"
    ))
}

/// A part of a key.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(untagged)]
pub enum LimitKeySettings {
    /// What is known by a word.
    Word(LimitKeyWordSettings),
    /// More than a word.
    Detail(LimitKeyDetailSettings),
}

/// A part of a key, by a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(rename_all = lowercase, error = Problems)]
#[schemars(rename_all = "snake_case")]
pub enum LimitKeyWordSettings {
    /// The user, or the application for itself (`oid` of Entra ID, else `sub`), of its issuer.
    Subject,
    /// The client application (`azp`, `appid`, `client_id`), of its issuer.
    Client,
    /// The tenant (`tid`): of Entra ID, or as another issuer names it, under that issuer.
    Tenant,
    /// The API key's id.
    #[deserr(rename = "api_key")]
    ApiKey,
    /// The client's address (`client_address`): IPv4 alone, IPv6 by its /64, of which one machine may have every address.
    Address,
    /// The rule.
    Route,
    /// The host that is asked for (`:authority`, `Host`), as rules see it. The client may write any, unless rules name hosts.
    Host,
    /// The request's method.
    Method,
}

/// A part of a key that takes more than a word; one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct LimitKeyDetailSettings {
    /// A claim that is a text, a number, or true or false; of its issuer.
    #[deserr(default)]
    pub claim: Option<ClaimPathSettings>,
    /// A header that comes once, and not one that `forward` sets. The client may write any into it, unless a proxy in front sets
    /// it. Limits by a header are left out for CORS preflights, which never have it.
    #[deserr(default)]
    pub header: Option<String>,
    /// The network of the client's address.
    #[deserr(default)]
    pub network_prefix: Option<NetworkPrefixSettings>,
}

/// How much of an address is the network.
#[derive(Clone, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct NetworkPrefixSettings {
    /// Bits of an IPv4 address, 8 to 32. Default 24.
    #[deserr(default)]
    pub ipv4: Option<u8>,
    /// Bits of an IPv6 address, 16 to 128. Default 56: what a household has.
    #[deserr(default)]
    pub ipv6: Option<u8>,
}

impl Deserr<Problems> for LimitKeySettings {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef) -> Result<Self, Problems> {
        match value {
            value @ Value::Map(_) => LimitKeyDetailSettings::deserialize_from_value(value, location).map(Self::Detail),
            value @ Value::String(_) => LimitKeyWordSettings::deserialize_from_value(value, location).map(Self::Word),
            actual => {
                let kind = ErrorKind::IncorrectValueKind { actual, accepted: &[ValueKind::String, ValueKind::Map] };
                Err(take_cf_content(deserr::DeserializeError::error(None, kind, location)))
            }
        }
    }
}

/// When a limit is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(rename_all = lowercase, error = Problems)]
#[schemars(rename_all = "lowercase")]
pub enum WhenSettings {
    /// Before the credential.
    Arrival,
    /// With leave to go on.
    Admitted,
}

/// What counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(rename_all = lowercase, error = Problems)]
#[schemars(rename_all = "lowercase")]
pub enum CountSettings {
    /// Every request.
    All,
    /// Those whose credential is not accepted.
    Failures,
}

/// A token bucket: it holds `burst`, and fills by `requests` evenly over `per`.
#[derive(Clone, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct RateSettings {
    /// So many, 1 to 1000000000; at most a million a second.
    pub requests: u32,
    /// In this time, from `1s` to `1d`.
    pub per: Span,
    /// So many at once, 1 to 1000000000. Default: `requests`, as Envoy's `max_tokens` usually is its `tokens_per_fill`.
    #[deserr(default)]
    pub burst: Option<u32>,
}

/// A sliding window: in no span of this length more requests than this.
#[derive(Clone, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct RateWindowSettings {
    /// So many, 1 to 1000000000.
    pub requests: u32,
    /// In this time, from `1s` to `7d`.
    pub per: Span,
}

/// A quota: so many in an hour, a day or a month of the calendar.
#[derive(Clone, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct QuotaSettings {
    /// So many, 1 to 1000000000.
    pub requests: u32,
    /// In this period.
    pub per: PeriodSettings,
    /// Time zone whose calendar it is, by its IANA name. Default `UTC`.
    #[deserr(default)]
    pub zone: Option<String>,
}

/// A period of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(rename_all = lowercase, error = Problems)]
#[schemars(rename_all = "lowercase")]
pub enum PeriodSettings {
    /// An hour of the clock.
    Hour,
    /// From midnight.
    Day,
    /// From the first of the month.
    Month,
}

/// Other amounts for some callers: a plan. It replaces all amounts of the limit, so a kind that it leaves out is without a limit.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct TierSettings {
    /// Names it in the record (`a-z`, `0-9`, `-`, `_`; at most 64 characters).
    pub name: String,
    /// Who has it. What can't be told does not count as met.
    pub when: RequirementSettings,
    /// Token bucket.
    #[deserr(default)]
    pub rate: Option<RateSettings>,
    /// Sliding window.
    #[deserr(default)]
    pub window: Option<RateWindowSettings>,
    /// So many in a period of the calendar.
    #[deserr(default)]
    pub quota: Option<QuotaSettings>,
    /// So many at the same time, 1 to 10000.
    #[deserr(default)]
    pub concurrency: Option<u32>,
    /// No limit for these callers, in place of amounts. Default false.
    #[deserr(default)]
    pub unlimited: Option<bool>,
}

/// Less while something is wrong; of several, the least counts.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct AdaptiveSettings {
    /// For callers at risk.
    #[deserr(default)]
    pub risk: Option<AdaptiveRiskSettings>,
    /// For all, while the upstream fails or is slow.
    #[deserr(default)]
    pub upstream: Option<AdaptiveUpstreamSettings>,
}

/// Less for callers at risk.
#[derive(Clone, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct AdaptiveRiskSettings {
    /// Above this score, 0 to 99. A risk that can't be told is above.
    pub above: u8,
    /// So much of the limit is left, in percent, 1 to 99.
    pub percent: u8,
}

/// Less while the upstream fails or is slow. After each span of `every` in which `bad_percent` of at least 10 responses were
/// bad, half of what was left is left, down to `least_percent`; after each other one a tenth of the whole more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct AdaptiveUpstreamSettings {
    /// A response whose head takes longer is bad, as one of 500 to 599 is; from `10ms` to `60s`. Default: as long as it takes.
    #[deserr(default)]
    pub slower_than: Option<Span>,
    /// So many of a hundred are too many, 1 to 100. Default 20: a few errors are everyday.
    #[deserr(default)]
    pub bad_percent: Option<u8>,
    /// Never less than this of the limit, in percent, 1 to 99. Default 10: enough to see that it is well again.
    #[deserr(default)]
    pub least_percent: Option<u8>,
    /// How often it is decided, from `1s` to `10m`. Default `10s`.
    #[deserr(default)]
    pub every: Option<Span>,
}

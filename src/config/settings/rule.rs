//! Rules, and where a request may carry its token.

use deserr::Deserr;
use schemars::JsonSchema;

use super::requirement::RequirementSettings;
use super::rule_limit::RuleLimitSettings;
use crate::config::named::Named;
use crate::config::problems::Problems;

/// What requests it speaks for, and what they must show.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct RuleSettings {
    /// Names the rule in the audit record and the counters (`a-z`, `0-9`, `-`, `_`; at most 64 characters; unique).
    pub name: String,
    /// Which requests. Absent parts match anything.
    #[deserr(rename = "match")]
    #[schemars(rename = "match")]
    pub matches: MatchSettings,
    /// Whether the caller has to be known. `required`: a good credential is needed. `optional`: none is fine, a bad one is not.
    /// `anonymous`: not looked at. Default `required`.
    #[deserr(default)]
    pub access: Option<AccessSettings>,
    /// By what credentials: `token`, `api_key`, `certificate`. Default: `token` alone.
    #[deserr(default)]
    pub accept: Option<Vec<AcceptSettings>>,
    /// Whose tokens. Default: any provider's.
    #[deserr(default)]
    pub providers: Option<Vec<String>>,
    /// Which of the providers' audiences. Default: any of them.
    #[deserr(default)]
    pub audiences: Option<Vec<String>>,
    /// What else is asked of the caller and the circumstances. Default: nothing.
    #[deserr(default)]
    pub require: Option<RequirementSettings>,
    /// Limits (`rate_limits`) that its requests count in, at most 8. Default: those for all rules.
    #[deserr(default)]
    pub limits: Option<Vec<RuleLimitSettings>>,
    /// Decides and records what this rule asks for, and lets the request on even so. Policies over the rule have a
    /// `report_only` of their own. Default false.
    #[deserr(default)]
    pub report_only: Option<bool>,
}

/// Which requests a rule speaks for.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct MatchSettings {
    /// `api.example` or `*.example`; without port. Default: any.
    #[deserr(default)]
    pub hosts: Option<Vec<String>>,
    /// `/orders/{id}`, `/files/{rest...}`. Default: any.
    #[deserr(default)]
    pub paths: Option<Vec<String>>,
    /// `GET`, `POST`. Default: any.
    #[deserr(default)]
    pub methods: Option<Vec<String>>,
    /// Header to the values that it may have, or `true` for any. Of a repeated header, every copy. Default: not looked at.
    /// Among rules that are otherwise alike, the one with more conditions speaks, and of as many the first.
    #[deserr(default)]
    pub headers: Option<Named<ExpectedSettings>>,
    /// Query parameter to the values that it may have, decoded, or `true` for any. As `headers`.
    #[deserr(default)]
    pub query: Option<Named<ExpectedSettings>>,
}

/// Values of which a header or parameter has one, or `true`: it is there.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(untagged)]
pub enum ExpectedSettings {
    /// `true`
    Present(bool),
    /// This.
    One(String),
    /// One of these.
    List(Vec<String>),
}

impl Deserr<Problems> for ExpectedSettings {
    fn deserialize_from_value<V: deserr::IntoValue>(
        value: deserr::Value<V>,
        location: deserr::ValuePointerRef,
    ) -> Result<Self, Problems> {
        match value {
            deserr::Value::Boolean(value) => Ok(Self::Present(value)),
            value @ deserr::Value::Sequence(_) => Vec::deserialize_from_value(value, location).map(Self::List),
            value => String::deserialize_from_value(value, location).map(Self::One),
        }
    }
}

/// What a rule asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(rename_all = lowercase, error = Problems)]
#[schemars(rename_all = "lowercase")]
pub enum AccessSettings {
    /// A good credential.
    Required,
    /// A good credential, or none.
    Optional,
    /// Nothing; a credential is not looked at.
    Anonymous,
}

/// A kind of credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(rename_all = lowercase, error = Problems)]
#[schemars(rename_all = "snake_case")]
pub enum AcceptSettings {
    /// A token of a provider.
    Token,
    /// An API key (`api_keys`).
    #[deserr(rename = "api_key")]
    ApiKey,
    /// A client certificate (`client_certificates`), where the request has no other credential.
    Certificate,
}

/// Where a request may carry its token.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct CredentialSettings {
    /// `Authorization: Bearer`. Default true; false without `providers`.
    #[deserr(default)]
    pub authorization: Option<bool>,
    /// Other headers.
    #[deserr(default)]
    pub headers: Option<Vec<HeaderSourceSettings>>,
    /// Cookies, by name. A browser sends them by itself: guard against cross-site requests.
    #[deserr(default)]
    pub cookies: Option<Vec<String>>,
    /// Query parameters, by name. They end up in histories, logs and `Referer` (RFC 9700 section 4.3.2).
    #[deserr(default)]
    pub danger_query_parameters: Option<Vec<String>>,
}

/// A header that may carry a credential.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct HeaderSourceSettings {
    /// Its name.
    pub name: String,
    /// What stands before the credential. Default: nothing.
    #[deserr(default)]
    pub prefix: Option<String>,
}

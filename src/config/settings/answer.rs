//! What goes on and what comes back.

use deserr::Deserr;
use schemars::JsonSchema;

use crate::config::named::Named;
use crate::config::problems::Problems;

/// What the upstream is told.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct ForwardSettings {
    /// `keep` or `remove` the credential. Default `remove` (RFC 9700 section 4.9): a leaky upstream can't replay it.
    #[deserr(default)]
    pub authorization: Option<AuthorizationSettings>,
    /// Claims as headers.
    #[deserr(default)]
    pub claims: Option<Vec<ClaimHeaderSettings>>,
    /// Header for the whole payload as base64url, as it was signed.
    #[deserr(default)]
    pub payload_header: Option<String>,
    /// `X-MS-CLIENT-PRINCIPAL` and its companions, as App Service sets them. Default false.
    #[deserr(default)]
    pub client_principal: Option<bool>,
    /// Filter state for access logs and later filters: name to claim, read as `%FILTER_STATE(wasm.portcullis.NAME:PLAIN)%`.
    #[deserr(default)]
    pub state: Option<Named<ClaimPathSettings>>,
}

/// Whether the credential goes upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(rename_all = lowercase, error = Problems)]
#[schemars(rename_all = "lowercase")]
pub enum AuthorizationSettings {
    /// As it came.
    Keep,
    /// Taken out.
    Remove,
}

/// One claim as a header.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct ClaimHeaderSettings {
    /// Which claim.
    pub claim: ClaimPathSettings,
    /// Which header. The client's own copies of it are removed on every route.
    pub header: String,
    /// How a list is written. Default `comma`.
    #[deserr(default)]
    pub list: Option<ListSettings>,
}

/// A claim by name, `realm_access.roles` for a nested one, or a list of names where a name holds a dot.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(untagged)]
pub enum ClaimPathSettings {
    /// Names joined by dots.
    Dotted(String),
    /// One name each.
    Names(Vec<String>),
}

impl Deserr<Problems> for ClaimPathSettings {
    fn deserialize_from_value<V: deserr::IntoValue>(
        value: deserr::Value<V>,
        location: deserr::ValuePointerRef,
    ) -> Result<Self, Problems> {
        match value {
            value @ deserr::Value::Sequence(_) => Vec::deserialize_from_value(value, location).map(Self::Names),
            value => String::deserialize_from_value(value, location).map(Self::Dotted),
        }
    }
}

/// How a list claim is written to a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(rename_all = lowercase, error = Problems)]
#[schemars(rename_all = "lowercase")]
pub enum ListSettings {
    /// `a,b`
    Comma,
    /// `["a","b"]`
    Json,
}

/// What a caller who is turned away is told.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct AnswerSettings {
    /// The `realm` of every challenge. Default `api`. Never the request's address: that would leak tokens in queries.
    #[deserr(default)]
    pub realm: Option<String>,
    /// OAuth 2.0 protected resource metadata (RFC 9728), served at its well-known path.
    #[deserr(default)]
    pub resource_metadata: Option<ResourceMetadataSettings>,
    /// When responses say what is left of limits, in `RateLimit` and `RateLimit-Policy`
    /// (draft-ietf-httpapi-ratelimit-headers). Default `always`.
    #[deserr(default)]
    pub rate_limit_headers: Option<RateLimitHeaderSettings>,
    /// `pass`: a CORS preflight goes on without a token. Default `check`: it meets the rules like any request.
    #[deserr(default)]
    pub cors_preflight: Option<PreflightSettings>,
}

/// RFC 9728 metadata.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct ResourceMetadataSettings {
    /// The resource identifier: an https address without fragment.
    pub resource: String,
    /// Issuers that a client can ask. Default: the configured ones that are plain issuers.
    #[deserr(default)]
    pub authorization_servers: Option<Vec<String>>,
    /// Scopes that a client may want.
    #[deserr(default)]
    pub scopes_supported: Option<Vec<String>>,
    /// A name for people.
    #[deserr(default)]
    pub resource_name: Option<String>,
    /// Documentation for developers.
    #[deserr(default)]
    pub resource_documentation: Option<String>,
}

/// Which responses say what is left of limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(rename_all = lowercase, error = Problems)]
#[schemars(rename_all = "lowercase")]
pub enum RateLimitHeaderSettings {
    /// Every one to a request that was counted.
    Always,
    /// Those that a limit is the reason of.
    Denied,
    /// None.
    Never,
}

/// What happens to a CORS preflight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(rename_all = lowercase, error = Problems)]
#[schemars(rename_all = "lowercase")]
pub enum PreflightSettings {
    /// It goes on without a token, if a rule matches its path.
    Pass,
    /// It meets the rules like any request.
    Check,
}

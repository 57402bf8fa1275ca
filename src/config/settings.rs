//! The document, typed: what an operator can write. The JSON Schema in `filter-config/` is generated from here.
//!
//! An optional setting that is absent takes the default named in its comment; the reason for each default stands there.

use deserr::Deserr;
use schemars::JsonSchema;
use serde_json::Value;

use super::named::Named;
use super::problems::Problems;
use super::units::{Size, Span};

/// Configuration of the Portcullis filter for Envoy.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields, title = "Portcullis filter configuration")]
pub struct Settings {
    /// Where an editor finds the schema; not read by the filter.
    #[deserr(default, rename = "$schema")]
    #[schemars(rename = "$schema")]
    pub schema: Option<String>,
    /// Whose tokens are trusted, by name (`a-z`, `0-9`, `-`, `_`; at most 64 characters).
    pub providers: Named<ProviderSettings>,
    /// What each endpoint asks for. The most specific match speaks; no match is denied.
    pub rules: Vec<RuleSettings>,
    /// Where a request may carry its token. Default: `Authorization: Bearer` only.
    #[deserr(default)]
    pub credentials: Option<CredentialSettings>,
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

/// One trusted issuer, or one Entra ID configuration (which expands to several issuers).
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct ProviderSettings {
    /// Microsoft Entra ID. Give this or `issuer`.
    #[deserr(default)]
    pub entra: Option<EntraSettings>,
    /// The issuer, exactly as in the tokens' `iss`. Give this or `entra`.
    #[deserr(default)]
    pub issuer: Option<String>,
    /// Accepted `aud` values; a token must carry one of them, exactly.
    #[deserr(default)]
    pub audiences: Option<Vec<String>>,
    /// Accept any `aud`: a token made for another API then opens this one.
    #[deserr(default)]
    pub danger_any_audience: Option<bool>,
    /// The Envoy cluster that reaches the issuer. Required unless the keys are given here.
    #[deserr(default)]
    pub cluster: Option<String>,
    /// The Envoy cluster that reaches the key set, if its host is not the issuer's. Default: `cluster`.
    #[deserr(default)]
    pub jwks_cluster: Option<String>,
    /// Address of the discovery document. Default: the issuer and `/.well-known/openid-configuration`.
    #[deserr(default)]
    pub discovery: Option<String>,
    /// Address of the key set; no discovery takes place.
    #[deserr(default)]
    pub jwks_uri: Option<String>,
    /// The keys themselves: a JWK set (RFC 7517).
    #[deserr(default)]
    pub jwks: Option<Value>,
    /// The keys themselves: public keys in PEM.
    #[deserr(default)]
    pub pem: Option<Vec<PemSettings>>,
    /// A shared secret for HS256, HS384 or HS512. No other provider accepts those.
    #[deserr(default)]
    pub secret: Option<SecretSettings>,
    /// Accepted algorithms. Default: every asymmetric one that the key allows (RS*, PS*, ES*, EdDSA).
    #[deserr(default)]
    pub algorithms: Option<Vec<String>>,
    /// Accepted `typ` of the token. Default `any`: access tokens of most issuers, Entra ID included, say `JWT` or nothing.
    #[deserr(default)]
    pub token_type: Option<TokenTypeSettings>,
    /// Clock difference allowed for `exp`, `nbf` and `iat`. Default `60s`, at most `300s` (the value of Microsoft's own library).
    #[deserr(default)]
    pub clock_skew: Option<Span>,
    /// Longest accepted lifetime, `exp` less `iat`. Default: not limited; Entra's own tokens live up to 28 hours.
    #[deserr(default)]
    pub max_lifetime: Option<Span>,
    /// Longest accepted age, now less `iat`. Default: not limited.
    #[deserr(default)]
    pub max_age: Option<Span>,
    /// Accept an Entra token that carries neither a scope nor a role: any application of the tenant can get one.
    #[deserr(default)]
    pub danger_accept_without_scope_or_role: Option<bool>,
    /// How keys are kept.
    #[deserr(default)]
    pub keys: Option<KeySettings>,
}

/// A Microsoft Entra ID configuration.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct EntraSettings {
    /// Tenant ids whose users and applications get in, or `any` for every organisation.
    pub tenants: TenantSettings,
    /// The cloud. Default `global`.
    #[deserr(default)]
    pub cloud: Option<CloudSettings>,
    /// Accepted token versions. Default both: the API's registration decides which one it gets, not the client.
    #[deserr(default)]
    pub versions: Option<Vec<VersionSettings>>,
    /// Application id whose custom signing keys are asked for (`?appid=`).
    #[deserr(default)]
    pub app_id: Option<String>,
    /// Name of an External ID tenant (`contoso` of `contoso.ciamlogin.com`).
    #[deserr(default)]
    pub external_id: Option<String>,
    /// An Azure AD B2C policy.
    #[deserr(default)]
    pub b2c: Option<B2cSettings>,
}

/// `any`, one tenant id, or a list of them.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(untagged)]
pub enum TenantSettings {
    /// One id, or `any`.
    One(String),
    /// An allow-list.
    List(Vec<String>),
}

impl Deserr<Problems> for TenantSettings {
    fn deserialize_from_value<V: deserr::IntoValue>(
        value: deserr::Value<V>,
        location: deserr::ValuePointerRef,
    ) -> Result<Self, Problems> {
        match value {
            value @ deserr::Value::Sequence(_) => Vec::deserialize_from_value(value, location).map(Self::List),
            value => String::deserialize_from_value(value, location).map(Self::One),
        }
    }
}

/// A B2C policy.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct B2cSettings {
    /// `contoso` of `contoso.b2clogin.com`.
    pub name: String,
    /// The user flow or custom policy, such as `B2C_1_signin`.
    pub policy: String,
}

/// A Microsoft cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(rename_all = lowercase, error = Problems)]
#[schemars(rename_all = "snake_case")]
pub enum CloudSettings {
    /// login.microsoftonline.com
    #[deserr(rename = "global")]
    Global,
    /// login.microsoftonline.us
    #[deserr(rename = "us_government")]
    UsGovernment,
    /// login.partner.microsoftonline.cn (21Vianet)
    #[deserr(rename = "china")]
    China,
}

/// A version of Entra's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(rename_all = lowercase, error = Problems)]
#[schemars(rename_all = "lowercase")]
pub enum VersionSettings {
    /// `https://sts.windows.net/{tenant}/`
    V1,
    /// `https://login.microsoftonline.com/{tenant}/v2.0`
    V2,
}

/// A public key in PEM.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct PemSettings {
    /// `-----BEGIN PUBLIC KEY-----` and so on.
    pub key: String,
    /// The `kid` that tokens name it by. Default: none.
    #[deserr(default)]
    pub kid: Option<String>,
}

/// A shared secret.
#[derive(Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct SecretSettings {
    /// The secret, base64url without padding; at least as long as the hash. Keep it out of the file: `${NAME}`.
    pub value: String,
    /// HS256, HS384 or HS512.
    pub algorithm: String,
    /// The `kid` that tokens name it by. Default: none.
    #[deserr(default)]
    pub kid: Option<String>,
}

impl std::fmt::Debug for SecretSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretSettings").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// Which `typ` a token must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(rename_all = lowercase, error = Problems)]
pub enum TokenTypeSettings {
    /// Anything that is not known to be something else than an access token.
    #[deserr(rename = "any")]
    #[schemars(rename = "any")]
    Any,
    /// RFC 9068 access tokens only, with every claim that it requires.
    #[deserr(rename = "at+jwt")]
    #[schemars(rename = "at+jwt")]
    AccessToken,
}

/// How keys are kept.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct KeySettings {
    /// Shortest time between two regular fetches, whatever `Cache-Control` says. Default `5m`.
    #[deserr(default)]
    pub min_fresh: Option<Span>,
    /// Longest time between two regular fetches, whatever `Cache-Control` says. Default `1h`: a stolen and
    /// withdrawn key is then refused within the hour.
    #[deserr(default)]
    pub max_fresh: Option<Span>,
    /// How long keys serve after they should have been renewed, while the issuer does not answer. Default `24h`.
    #[deserr(default)]
    pub max_stale: Option<Span>,
    /// Least time between two fetches for a `kid` that is not known, at least `1s`. Default `5m`, as Microsoft advises.
    #[deserr(default)]
    pub unknown_kid_cooldown: Option<Span>,
    /// How long one fetch may take. Default `5s`.
    #[deserr(default)]
    pub timeout: Option<Span>,
    /// Largest answer read. Default `512KiB`: Entra's largest set is about 30 KiB.
    #[deserr(default)]
    pub max_bytes: Option<Size>,
    /// Most keys taken from one set. Default 100.
    #[deserr(default)]
    pub max_keys: Option<u16>,
}

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
    /// `token`: a good one is needed. `optional`: none is fine, a bad one is not. `anonymous`: not looked at. Default `token`.
    #[deserr(default)]
    pub access: Option<AccessSettings>,
    /// Whose tokens. Default: any provider's.
    #[deserr(default)]
    pub providers: Option<Vec<String>>,
    /// Which of the providers' audiences. Default: any of them.
    #[deserr(default)]
    pub audiences: Option<Vec<String>>,
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
}

/// What a rule asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(rename_all = lowercase, error = Problems)]
#[schemars(rename_all = "lowercase")]
pub enum AccessSettings {
    /// A good token.
    Token,
    /// A good token, or none.
    Optional,
    /// Nothing; a token is not looked at.
    Anonymous,
}

/// Where a request may carry its token.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct CredentialSettings {
    /// `Authorization: Bearer`. Default true.
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

/// A header that may carry the token.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct HeaderSourceSettings {
    /// Its name.
    pub name: String,
    /// What stands before the token. Default: nothing.
    #[deserr(default)]
    pub prefix: Option<String>,
}

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

/// The record of decisions.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct AuditSettings {
    /// Which decisions are written to Envoy's log. Default `denials`: allows are counted, and in the access log anyway.
    #[deserr(default)]
    pub log: Option<AuditLogSettings>,
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
    /// Requests that may wait for keys at the same time, per worker. Default 1000.
    #[deserr(default)]
    pub waiting_requests: Option<u32>,
    /// How long a request may wait for keys. Default `5s`.
    #[deserr(default)]
    pub wait: Option<Span>,
}

//! Opaque tokens: the authorization server that is asked about them.

use deserr::Deserr;
use schemars::JsonSchema;

use super::groups::ClientSecretSettings;
use crate::config::problems::Problems;
use crate::config::units::{Size, Span};

/// Opaque tokens, which say nothing themselves: the provider's authorization server is asked about them (RFC 7662). A token is
/// opaque if it does not have the three parts of a JWT, or begins with `token_prefix`.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct IntrospectionSettings {
    /// Address of the introspection endpoint, `introspection_endpoint` of the issuer's discovery document.
    pub endpoint: String,
    /// The Envoy cluster that reaches it. Default: the provider's `cluster`.
    #[deserr(default)]
    pub cluster: Option<String>,
    /// Who asks: a client of the authorization server that may ask about tokens.
    pub client: IntrospectionClientSettings,
    /// How the provider's tokens begin, such as `ory_at_`. Needed to tell providers apart where several have `introspection`:
    /// one of them may do without, and is then asked about all others.
    #[deserr(default)]
    pub token_prefix: Option<String>,
    /// What becomes of the provider's JWTs. Default `verify`.
    #[deserr(default)]
    pub jwts: Option<IntrospectionJwtSettings>,
    /// How long it is believed at most that a token is active, `1s` to `1h`; never beyond its `exp`. Default `1m`: a token that
    /// was revoked is refused by then.
    #[deserr(default)]
    pub cache: Option<Span>,
    /// How long it is believed that a token is not active, `1s` to `5m`. Default `10s`: a client that goes on with a bad token
    /// costs six questions a minute.
    #[deserr(default)]
    pub negative_cache: Option<Span>,
    /// Size of the answers that are kept about active tokens, per worker, `64KiB` to `64MiB`. Default `8MiB`: about eight
    /// thousand tokens.
    #[deserr(default)]
    pub cache_size: Option<Size>,
    /// How long one question may take, `100ms` to `30s`. Default `2s`: a request is waiting.
    #[deserr(default)]
    pub timeout: Option<Span>,
    /// Largest answer read, at most `1MiB`. Default `64KiB`: answers are as large as the claims of a JWT, a few KiB.
    #[deserr(default)]
    pub max_bytes: Option<Size>,
    /// Questions that may be out at the same time, per worker, 1 to 256. Default 16: with answers within 50 ms those are over
    /// three hundred a second, whoever sends made-up tokens.
    #[deserr(default)]
    pub concurrency: Option<u16>,
}

/// A client of the authorization server.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct IntrospectionClientSettings {
    /// Its id.
    pub id: String,
    /// Its secret. Keep it out of the file: `${NAME}`.
    pub secret: ClientSecretSettings,
    /// How it proves to be itself. Default `client_secret_basic`, which every server takes (RFC 6749 section 2.3.1).
    #[deserr(default)]
    pub method: Option<ClientMethodSettings>,
}

/// How a client proves to be itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(rename_all = lowercase, error = Problems)]
pub enum ClientMethodSettings {
    /// Id and secret in the header `Authorization`.
    #[deserr(rename = "client_secret_basic")]
    #[schemars(rename = "client_secret_basic")]
    Basic,
    /// Id and secret in the body.
    #[deserr(rename = "client_secret_post")]
    #[schemars(rename = "client_secret_post")]
    Post,
}

/// What becomes of JWTs of a provider that can be asked about tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(rename_all = lowercase, error = Problems)]
pub enum IntrospectionJwtSettings {
    /// Their signature is checked with the provider's keys.
    #[deserr(rename = "verify")]
    #[schemars(rename = "verify")]
    Verify,
    /// The authorization server is asked about them too: a JWT that was revoked is refused. No keys are needed.
    #[deserr(rename = "introspect")]
    #[schemars(rename = "introspect")]
    Introspect,
    /// They are not taken. No keys are needed.
    #[deserr(rename = "refuse")]
    #[schemars(rename = "refuse")]
    Refuse,
}

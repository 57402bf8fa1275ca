//! Providers: whose tokens are trusted, and how their keys are kept.

use deserr::Deserr;
use schemars::JsonSchema;
use serde_json::Value;

use super::entra::EntraSettings;
use super::introspection::IntrospectionSettings;
use crate::config::problems::Problems;
use crate::config::units::{Size, Span};

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
    /// Opaque tokens: the authorization server is asked about them (RFC 7662).
    #[deserr(default)]
    pub introspection: Option<IntrospectionSettings>,
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

//! API keys.

use std::borrow::Cow;

use deserr::{Deserr, IntoValue, ValuePointerRef};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::HeaderSourceSettings;
use crate::config::named::Named;
use crate::config::problems::Problems;
use crate::config::units::Span;

/// API keys of your own, which rules with `accept: ["api_key"]` take.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct ApiKeysSettings {
    /// Where a request may carry a key. Default: the header `x-api-key`.
    #[deserr(default)]
    pub sources: Option<ApiKeySourceSettings>,
    /// How long before a key expires its responses say so, in `x-api-key-expires`. Default `14d`: two weeks to roll it out.
    #[deserr(default)]
    pub notice: Option<Span>,
    /// The keys, by their ids (`a-z`, `0-9`, `-`; at most 64 characters). `portcullis api-key new` makes a key and its entry.
    pub keys: Named<ApiKeySettings>,
}

/// Where a request may carry an API key.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct ApiKeySourceSettings {
    /// Headers. Default: `x-api-key`; an empty list for none.
    #[deserr(default)]
    pub headers: Option<Vec<HeaderSourceSettings>>,
    /// Cookies, by name. A browser sends them by itself: guard against cross-site requests.
    #[deserr(default)]
    pub cookies: Option<Vec<String>>,
    /// Query parameters, by name. They end up in histories, logs and `Referer` (RFC 9700 section 4.3.2), and a key is good for
    /// longer than a token.
    #[deserr(default)]
    pub danger_query_parameters: Option<Vec<String>>,
}

/// One API key: whose it is, and what its owner may do. An owner may have several, so that a new one can take over from an old one.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct ApiKeySettings {
    /// The salted hash of the key, `sha256$<salt>$<digest>`: of its id and its secret. Never the key itself.
    pub hash: String,
    /// Whose it is: the claim `sub`.
    pub owner: String,
    /// Scopes: the claim `scope`. Default: none.
    #[deserr(default)]
    pub scopes: Option<Vec<String>>,
    /// Names of `roles` that its owner has, whatever their `granted_to` says. Default: none.
    #[deserr(default)]
    pub roles: Option<Vec<String>>,
    /// Not accepted before this moment (RFC 3339). Default: accepted at once.
    #[deserr(default)]
    pub not_before: Option<String>,
    /// Not accepted from this moment on (RFC 3339). Default: it never expires.
    #[deserr(default)]
    pub expires: Option<String>,
    /// Names of `networks` that it may come from. Default: from anywhere.
    #[deserr(default)]
    pub networks: Option<Vec<String>>,
    /// Its plan, which limits may ask for: the claim `plan`. Default: none.
    #[deserr(default)]
    pub plan: Option<String>,
    /// More claims for rules and headers, each a text or a list of texts. Default: none.
    #[deserr(default)]
    pub claims: Option<Named<ClaimValueSettings>>,
}

/// A text, or a list of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimValueSettings {
    /// A text.
    One(String),
    /// A list of them.
    List(Vec<String>),
}

impl Deserr<Problems> for ClaimValueSettings {
    fn deserialize_from_value<V: IntoValue>(
        value: deserr::Value<V>,
        location: ValuePointerRef,
    ) -> Result<Self, Problems> {
        match value {
            value @ deserr::Value::Sequence(_) => Vec::deserialize_from_value(value, location).map(Self::List),
            value => String::deserialize_from_value(value, location).map(Self::One),
        }
    }
}

impl JsonSchema for ClaimValueSettings {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ClaimValueSettings".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] })
    }
}

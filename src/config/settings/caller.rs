//! What requirements say about the caller, where it takes more than a list of texts.

use std::borrow::Cow;

use deserr::{Deserr, ErrorKind, IntoValue, ValueKind, ValuePointerRef, take_cf_content};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Number;

use super::answer::ClaimPathSettings;
use crate::config::problems::Problems;

/// How a client application proved who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(rename_all = lowercase, error = Problems)]
#[schemars(rename_all = "lowercase")]
pub enum ClientAuthenticationSettings {
    /// It did not.
    Public,
    /// With a secret.
    Secret,
    /// With a certificate.
    Certificate,
}

/// A kind of caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(error = Problems)]
#[schemars(rename_all = "snake_case")]
pub enum CallerSettings {
    /// A user of the token's own tenant.
    #[deserr(rename = "user")]
    User,
    /// A user of another organisation, or of none.
    #[deserr(rename = "guest")]
    Guest,
    /// An application for itself.
    #[deserr(rename = "application")]
    Application,
    /// An agent, for itself or for a user.
    #[deserr(rename = "agent")]
    Agent,
    /// A managed identity of Azure.
    #[deserr(rename = "managed_identity")]
    ManagedIdentity,
    /// A device for itself.
    #[deserr(rename = "device")]
    Device,
    /// Who has an API key.
    #[deserr(rename = "api_key")]
    ApiKey,
    /// Who has the key of a client certificate that the rule takes for an identity.
    #[deserr(rename = "certificate")]
    Certificate,
}

/// One subject: `oid` and `tid` of Entra ID, or `sub` and the provider's name.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct SubjectSettings {
    /// Object id.
    #[deserr(default)]
    pub oid: Option<String>,
    /// The tenant whose object it is.
    #[deserr(default)]
    pub tid: Option<String>,
    /// Subject.
    #[deserr(default)]
    pub sub: Option<String>,
    /// The provider that calls it so.
    #[deserr(default)]
    pub provider: Option<String>,
}

/// A claim and one comparison.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct ClaimSettings {
    /// Which claim.
    pub path: ClaimPathSettings,
    /// It is this.
    #[deserr(default)]
    pub equals: Option<ScalarSettings>,
    /// It is one of these.
    #[deserr(default)]
    pub one_of: Option<Vec<ScalarSettings>>,
    /// It is a list with each of these in it.
    #[deserr(default)]
    pub contains_all: Option<Vec<ScalarSettings>>,
    /// It is a list with one of these in it.
    #[deserr(default)]
    pub contains_any: Option<Vec<ScalarSettings>>,
    /// It is a text that starts so.
    #[deserr(default)]
    pub prefix: Option<String>,
    /// It is a number between two.
    #[deserr(default)]
    pub range: Option<RangeSettings>,
    /// It is there, or not.
    #[deserr(default)]
    pub present: Option<bool>,
}

/// Bounds of a number, included; at least one of them.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct RangeSettings {
    /// Not less.
    #[deserr(default)]
    pub min: Option<NumberSettings>,
    /// Not more.
    #[deserr(default)]
    pub max: Option<NumberSettings>,
}

/// Where a request names its owner, and the claim that must say the same.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct OwnerSettings {
    /// A path parameter of the rule.
    #[deserr(default)]
    pub parameter: Option<String>,
    /// A header that comes once.
    #[deserr(default)]
    pub header: Option<String>,
    /// Which claim.
    #[deserr(default)]
    pub claim: Option<ClaimPathSettings>,
    /// The same for claims that users or other tenants can choose.
    #[deserr(default)]
    pub danger_claim: Option<ClaimPathSettings>,
}

/// A text, a number, or true or false.
#[derive(Clone, Debug, PartialEq)]
pub enum ScalarSettings {
    /// True or false.
    Boolean(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(String),
}

/// A number, kept as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberSettings(pub Number);

impl Deserr<Problems> for ScalarSettings {
    fn deserialize_from_value<V: IntoValue>(
        value: deserr::Value<V>,
        location: ValuePointerRef,
    ) -> Result<Self, Problems> {
        match value {
            deserr::Value::Boolean(value) => Ok(Self::Boolean(value)),
            deserr::Value::String(text) => Ok(Self::Text(text)),
            deserr::Value::Null | deserr::Value::Sequence(_) | deserr::Value::Map(_) => {
                let accepted = &[ValueKind::String, ValueKind::Float, ValueKind::Boolean];
                let kind = ErrorKind::IncorrectValueKind { actual: value, accepted };
                Err(take_cf_content(deserr::DeserializeError::error(None, kind, location)))
            }
            number => NumberSettings::deserialize_from_value(number, location).map(|number| Self::Number(number.0)),
        }
    }
}

impl Deserr<Problems> for NumberSettings {
    fn deserialize_from_value<V: IntoValue>(
        value: deserr::Value<V>,
        location: ValuePointerRef,
    ) -> Result<Self, Problems> {
        let number = match &value {
            deserr::Value::Integer(number) => Some(Number::from(*number)),
            deserr::Value::NegativeInteger(number) => Some(Number::from(*number)),
            deserr::Value::Float(number) => Number::from_f64(*number),
            _ => None,
        };
        number.map(Self).ok_or_else(|| {
            let kind = ErrorKind::IncorrectValueKind { actual: value, accepted: &[ValueKind::Float] };
            take_cf_content(deserr::DeserializeError::error(None, kind, location))
        })
    }
}

impl JsonSchema for ScalarSettings {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ScalarSettings".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

impl JsonSchema for NumberSettings {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "NumberSettings".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}

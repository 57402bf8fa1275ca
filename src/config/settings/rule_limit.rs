//! The limits of a rule, and how much a request of it counts.

use deserr::{Deserr, ErrorKind, IntoValue, Value, ValueKind, ValuePointerRef, take_cf_content};
use schemars::JsonSchema;

use crate::config::problems::Problems;

/// A limit of a rule: its name, or its name and how much a request counts.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(untagged)]
pub enum RuleLimitSettings {
    /// Each request counts as one.
    Name(String),
    /// Each request counts as more.
    Weighted(WeightedLimitSettings),
}

/// A limit, and how much a request counts.
#[derive(Clone, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct WeightedLimitSettings {
    /// Its name.
    pub name: String,
    /// A request counts as so many, 1 to 1000000. `concurrency` counts requests. Default 1.
    #[deserr(default)]
    pub weight: Option<u32>,
}

impl Deserr<Problems> for RuleLimitSettings {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef) -> Result<Self, Problems> {
        match value {
            value @ Value::Map(_) => WeightedLimitSettings::deserialize_from_value(value, location).map(Self::Weighted),
            Value::String(name) => Ok(Self::Name(name)),
            actual => {
                let kind = ErrorKind::IncorrectValueKind { actual, accepted: &[ValueKind::String, ValueKind::Map] };
                Err(take_cf_content(deserr::DeserializeError::error(None, kind, location)))
            }
        }
    }
}

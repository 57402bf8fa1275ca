//! What is asked of a caller and the circumstances, as a tree.

use deserr::Deserr;
use schemars::JsonSchema;

use crate::config::problems::Problems;

/// What is asked for. Several members at once must all be met; at least one is given.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct RequirementSettings {
    /// Every one of these.
    #[deserr(default)]
    pub all_of: Option<Vec<Self>>,
    /// At least one of these.
    #[deserr(default)]
    pub any_of: Option<Vec<Self>>,
    /// This is not so. What can't be told is no "not so".
    #[deserr(default)]
    pub not: Option<Box<Self>>,

    // The caller.
    /// Scopes (`scp`, `scope`).
    #[deserr(default)]
    pub scopes: Option<AnyOrAllSettings>,

    // The circumstances.
    /// From one of these networks, by name.
    #[deserr(default)]
    pub networks: Option<Vec<String>>,
    /// From one of these countries (ISO 3166-1 alpha-2, upper case: `DE`), by `geo.country_header`.
    #[deserr(default)]
    pub countries: Option<Vec<String>>,
    /// From one of these autonomous systems, by `geo.asn_header`.
    #[deserr(default)]
    pub asns: Option<Vec<u32>>,
    /// While one of these schedules is open, by name.
    #[deserr(default)]
    pub schedules: Option<Vec<String>>,
    /// With this assurance, by name.
    #[deserr(default)]
    pub assurance: Option<String>,
    /// From one of these devices, by name.
    #[deserr(default)]
    pub devices: Option<Vec<String>>,
}

/// Texts of which one is enough (`"a"`, `["a", "b"]`, `{"any": [..]}`) or all are needed (`{"all": [..]}`).
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(untagged)]
pub enum AnyOrAllSettings {
    /// This one.
    One(String),
    /// Any of these.
    Any(Vec<String>),
    /// As the name says.
    Named(NamedListSettings),
}

/// `any` or `all` of a list.
#[derive(Clone, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct NamedListSettings {
    /// One of these is enough.
    #[deserr(default)]
    pub any: Option<Vec<String>>,
    /// All of these are needed.
    #[deserr(default)]
    pub all: Option<Vec<String>>,
}

impl Deserr<Problems> for AnyOrAllSettings {
    fn deserialize_from_value<V: deserr::IntoValue>(
        value: deserr::Value<V>,
        location: deserr::ValuePointerRef,
    ) -> Result<Self, Problems> {
        match value {
            value @ deserr::Value::Sequence(_) => Vec::deserialize_from_value(value, location).map(Self::Any),
            value @ deserr::Value::Map(_) => {
                NamedListSettings::deserialize_from_value(value, location).map(Self::Named)
            }
            value => String::deserialize_from_value(value, location).map(Self::One),
        }
    }
}

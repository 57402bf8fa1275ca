//! Policies over rules, as Entra's Conditional Access has them.

use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use schemars::JsonSchema;

use super::requirement::RequirementSettings;
use crate::config::problems::Problems;

/// Asks for more than the rules it is about, or blocks. All policies that apply count: block wins, and every grant must be
/// earned.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct PolicySettings {
    /// Names the policy in the audit record (`a-z`, `0-9`, `-`, `_`; at most 64 characters; unique).
    pub name: String,
    /// Rules that it is about, by name. Default: every rule, also those that look at no token.
    #[deserr(default)]
    pub rules: Option<Vec<String>>,
    /// When it applies. Default: always. Where it can't be told, it applies.
    #[deserr(default)]
    pub when: Option<RequirementSettings>,
    /// When it does not apply though `when` says so. Where it can't be told, it applies.
    #[deserr(default)]
    pub except: Option<RequirementSettings>,
    /// `block`, or what must be met for it.
    pub grant: GrantSettings,
    /// Decides and records, and lets the request on even so. Default false.
    #[deserr(default)]
    pub report_only: Option<bool>,
}

/// What comes of a policy that applies.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub enum GrantSettings {
    /// Nothing gets through.
    Block(BlockSettings),
    /// What meets these controls does.
    Controls(ControlSettings),
}

/// `block`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(rename_all = lowercase, error = Problems)]
#[schemars(rename_all = "lowercase")]
pub enum BlockSettings {
    /// Nothing gets through.
    Block,
}

/// Controls, and how many of them are needed.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct ControlSettings {
    /// `all` or `one` of them.
    pub require: HowManySettings,
    /// What is asked for.
    pub controls: Vec<RequirementSettings>,
}

/// How many controls are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(rename_all = lowercase, error = Problems)]
#[schemars(rename_all = "lowercase")]
pub enum HowManySettings {
    /// Every one.
    All,
    /// Any one.
    One,
}

impl Deserr<Problems> for GrantSettings {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef) -> Result<Self, Problems> {
        match value {
            value @ Value::Map(_) => ControlSettings::deserialize_from_value(value, location).map(Self::Controls),
            value => BlockSettings::deserialize_from_value(value, location).map(Self::Block),
        }
    }
}

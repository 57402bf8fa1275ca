//! Roles of one's own.

use deserr::Deserr;
use schemars::JsonSchema;

use super::requirement::RequirementSettings;
use crate::config::problems::Problems;

/// A role: what it permits, and who has it.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct RoleSettings {
    /// What whoever has it may do, in words of your own (`orders:read`).
    #[deserr(default)]
    pub permissions: Option<Vec<String>>,
    /// Roles whose permissions it has too.
    #[deserr(default)]
    pub inherits: Option<Vec<String>>,
    /// Who has it. Default: nobody, but by a role that inherits it.
    #[deserr(default)]
    pub granted_to: Option<RequirementSettings>,
}

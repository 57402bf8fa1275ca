//! What is asked of a caller and the circumstances, as a tree.

use deserr::Deserr;
use schemars::JsonSchema;

use super::binding::MethodSettings;
use super::caller::{CallerSettings, ClaimSettings, ClientAuthenticationSettings, OwnerSettings, SubjectSettings};
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
    /// Tokens of one of these providers, by name.
    #[deserr(default)]
    pub providers: Option<Vec<String>>,
    /// Tokens for these audiences.
    #[deserr(default)]
    pub audiences: Option<AnyOrAllSettings>,
    /// Scopes: `scp` of Entra ID, `scope` or `scp` of others.
    #[deserr(default)]
    pub scopes: Option<AnyOrAllSettings>,
    /// App roles (`roles`).
    #[deserr(default)]
    pub app_roles: Option<AnyOrAllSettings>,
    /// Groups (`groups`). Too many for the token is not the same as none.
    #[deserr(default)]
    pub groups: Option<AnyOrAllSettings>,
    /// Directory roles of Entra ID (`wids`), by template id.
    #[deserr(default)]
    pub directory_roles: Option<AnyOrAllSettings>,
    /// Permissions that `roles` give.
    #[deserr(default)]
    pub permissions: Option<AnyOrAllSettings>,
    /// One of these client applications (`azp`, `appid`, `client_id`).
    #[deserr(default)]
    pub clients: Option<Vec<String>>,
    /// How the client application proved who it is (`azpacr`, `appidacr` of Entra ID).
    #[deserr(default)]
    pub client_authentication: Option<Vec<ClientAuthenticationSettings>>,
    /// One of these tenants of Entra ID (`tid`).
    #[deserr(default)]
    pub tenants: Option<Vec<String>>,
    /// One of these subjects.
    #[deserr(default)]
    pub subjects: Option<Vec<SubjectSettings>>,
    /// One of these kinds of caller. Each caller is of one kind, the most specific.
    #[deserr(default)]
    pub callers: Option<Vec<CallerSettings>>,
    /// The token is bound to its sender, and proven to be theirs in one of these ways (`bindings`).
    #[deserr(default)]
    pub binding: Option<Vec<MethodSettings>>,
    /// What a claim says.
    #[deserr(default)]
    pub claim: Option<ClaimSettings>,
    /// The same for claims that users or other tenants can choose (`email`, `upn`, `preferred_username`, `name`, `unique_name`).
    #[deserr(default)]
    pub danger_claim: Option<ClaimSettings>,
    /// A path parameter or header says the same as a claim.
    #[deserr(default)]
    pub owner: Option<OwnerSettings>,
    /// A condition in CEL (<https://cel.dev>) over `request`, `params`, `claims`, `danger_claims`, `caller` and
    /// `address`.
    #[deserr(default)]
    pub cel: Option<String>,

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
    /// With one of these client certificates (`client_certificates.accepted`), by name.
    #[deserr(default)]
    pub certificates: Option<Vec<String>>,
    /// At a risk (`risk`) below this, 1 to 100. A risk that can't be told is not below.
    #[deserr(default)]
    pub risk_below: Option<u8>,
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

//! Microsoft Entra ID in a few words.

use deserr::Deserr;
use schemars::JsonSchema;

use crate::config::problems::Problems;

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

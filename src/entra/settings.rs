//! From a tenant's id and a few words to issuers, addresses and key rules.
//!
//! Decides everything that follows from "our tenant is this one", so that nobody has to copy addresses from a portal.
//! The forms are those of Microsoft's pages "Access tokens", "National clouds", "External ID" and "Azure AD B2C: overview
//! of tokens". A domain of one's own, and B2C issuers with `tfp` in the path, are configured as plain issuers.

use crate::provider::issuer::TENANT_PLACEHOLDER;
use crate::provider::{
    ExpectedIssuer, Guid, Issuer, IssuerRule, KeyIssuer, KeyRule, KeySource, TenantId, TenantSet, Url,
};

use super::{Checks, Cloud, PERSONAL_ACCOUNTS, Subjects};

mod flaw;

pub use flaw::SettingsFlaw;

/// The short form of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntraSettings {
    /// Whose users and apps.
    pub directory: Directory,
    /// Where the directory lives. External ID and B2C exist in the public cloud only.
    pub cloud: Cloud,
    /// Which tokens: those with `ver` 1.0, 2.0 or both. The manifest of the API decides which it gets.
    pub versions: Versions,
    /// The API's application id, if it signs with a key of its own (custom signing key, mapped claims): its keys are then
    /// listed only when asked for by `?appid=`.
    pub app_id: Option<Guid>,
}

/// A kind of directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Directory {
    /// Azure AD B2C. The keys belong to the user flow or custom policy, so a token of another one does not pass.
    B2c {
        /// First part of `contoso.b2clogin.com` and `contoso.onmicrosoft.com`.
        name: String,
        /// The user flow or custom policy: `B2C_1_signin`.
        policy: String,
        /// The tenant's id.
        tenant: TenantId,
    },
    /// Entra External ID, for customers.
    ExternalId {
        /// First part of `contoso.ciamlogin.com`.
        name: String,
        /// The tenant's id.
        tenant: TenantId,
    },
    /// Entra ID, for employees.
    Workforce(Tenants),
}

/// Which tenants' tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tenants {
    /// Those of any organisation, known or not. Not those of personal accounts.
    Any,
    /// Those of these. The tenant of personal accounts is let in if it is on the list.
    List(Vec<TenantId>),
    /// Those of this one.
    One(TenantId),
}

/// Which versions of tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// Either: applications of one tenant differ, and move from the first to the second.
    #[default]
    Both,
    /// Version 1.0, issued by `sts.windows.net`.
    One,
    /// Version 2.0.
    Two,
}

impl EntraSettings {
    /// The issuers that the settings stand for.
    ///
    /// `cluster` is the Envoy cluster of the sign-in host, `jwks_cluster` that of the keys if it is another.
    ///
    /// # Errors
    ///
    /// What contradicts itself or cannot be part of an address; see [`SettingsFlaw`].
    pub fn issuers(&self, cluster: &str, jwks_cluster: Option<&str>) -> Result<Vec<Issuer>, SettingsFlaw> {
        let plans = match &self.directory {
            Directory::B2c { name, policy, tenant } => vec![self.b2c(name, policy, tenant)?],
            Directory::ExternalId { name, tenant } => vec![self.external_id(name, tenant)?],
            Directory::Workforce(tenants) => self.workforce(&one_if_single(tenants)?)?,
        };
        plans.into_iter().map(|plan| plan.issuer(cluster, jwks_cluster)).collect()
    }

    /// The rules that tokens of these issuers keep besides.
    #[must_use]
    pub fn checks(&self, require_scope_or_role: bool) -> Checks {
        let (subjects, policy) = match &self.directory {
            Directory::B2c { policy, .. } => (Subjects::MayBeObjectIds, Some(policy.clone())),
            Directory::ExternalId { .. } | Directory::Workforce(_) => (Subjects::Pairwise, None),
        };
        Checks { subjects, policy, require_scope_or_role }
    }

    fn workforce(&self, tenants: &Tenants) -> Result<Vec<Plan>, SettingsFlaw> {
        let personal_only = matches!(tenants, Tenants::One(tenant) if tenant.as_str() == PERSONAL_ACCOUNTS);
        Ok(match self.versions {
            Versions::One if personal_only => return Err(SettingsFlaw::PersonalAccountsVersionOne),
            Versions::One => vec![self.version_one(tenants)],
            Versions::Both if !personal_only => vec![self.version_two(tenants), self.version_one(tenants)],
            Versions::Both | Versions::Two => vec![self.version_two(tenants)],
        })
    }

    fn version_one(&self, tenants: &Tenants) -> Plan {
        let (login, sts) = (self.cloud.login_host(), self.cloud.sts_host());
        Plan {
            rule: rule(tenants, &format!("https://{sts}/"), "/"),
            expected: format!("https://{sts}/{}/", named(tenants, TENANT_PLACEHOLDER)),
            address: format!("https://{login}/{}/{WELL_KNOWN}{}", named(tenants, endpoint(tenants)), self.query()),
            // The key set of version 1 names no issuers. Should it begin to, it will name either version's.
            key_rule: KeyRule {
                issuer: KeyIssuer::IfStated { also: vec![format!("https://{login}/{TENANT_PLACEHOLDER}/v2.0")] },
                cloud: Some(self.cloud.instance_name().to_owned()),
            },
        }
    }

    fn version_two(&self, tenants: &Tenants) -> Plan {
        let login = self.cloud.login_host();
        let issuer = match tenants {
            // Without its own issuer a key could sign for any of the tenants.
            Tenants::Any | Tenants::List(_) => KeyIssuer::Required,
            Tenants::One(_) => KeyIssuer::IfStated { also: Vec::new() },
        };
        Plan {
            rule: rule(tenants, &format!("https://{login}/"), "/v2.0"),
            expected: format!("https://{login}/{}/v2.0", named(tenants, TENANT_PLACEHOLDER)),
            address: format!("https://{login}/{}/v2.0/{WELL_KNOWN}{}", named(tenants, endpoint(tenants)), self.query()),
            key_rule: KeyRule { issuer, cloud: Some(self.cloud.instance_name().to_owned()) },
        }
    }

    /// The addresses bear the name, the issuer bears the id. Its keys are a superset of the tenant's in the public cloud
    /// and may name that issuer.
    fn external_id(&self, name: &str, tenant: &TenantId) -> Result<Plan, SettingsFlaw> {
        self.public_version_two()?;
        let name = label(name)?;
        let issuer = format!("https://{tenant}.ciamlogin.com/{tenant}/v2.0");
        let workforce = format!("https://{}/{TENANT_PLACEHOLDER}/v2.0", Cloud::Global.login_host());
        Ok(Plan {
            rule: IssuerRule::Exact { issuer: issuer.clone(), tenant: Some(tenant.clone()) },
            expected: issuer,
            address: format!("https://{name}.ciamlogin.com/{tenant}/v2.0/{WELL_KNOWN}{}", self.query()),
            key_rule: KeyRule { issuer: KeyIssuer::IfStated { also: vec![workforce] }, cloud: None },
        })
    }

    /// The issuer ends in a slash, and tokens name no tenant unless asked to.
    fn b2c(&self, name: &str, policy: &str, tenant: &TenantId) -> Result<Plan, SettingsFlaw> {
        self.public_version_two()?;
        if self.app_id.is_some() {
            return Err(SettingsFlaw::AppIdWithB2c);
        }
        let (name, policy) = (label(name)?, policy_name(policy)?);
        let issuer = format!("https://{name}.b2clogin.com/{tenant}/v2.0/");
        Ok(Plan {
            rule: IssuerRule::exact(issuer.clone()),
            expected: issuer,
            address: format!("https://{name}.b2clogin.com/{name}.onmicrosoft.com/{policy}/v2.0/{WELL_KNOWN}"),
            key_rule: KeyRule::default(),
        })
    }

    fn public_version_two(&self) -> Result<(), SettingsFlaw> {
        match (self.cloud, self.versions) {
            (Cloud::China | Cloud::UsGovernment, _) => Err(SettingsFlaw::CloudWithoutCustomers),
            (Cloud::Global, Versions::One) => Err(SettingsFlaw::CustomersVersionOne),
            (Cloud::Global, Versions::Both | Versions::Two) => Ok(()),
        }
    }

    fn query(&self) -> String {
        self.app_id.as_ref().map(|app_id| format!("?appid={app_id}")).unwrap_or_default()
    }
}

/// One issuer before its addresses are parsed.
struct Plan {
    rule: IssuerRule,
    expected: String,
    address: String,
    key_rule: KeyRule,
}

impl Plan {
    fn issuer(self, cluster: &str, jwks_cluster: Option<&str>) -> Result<Issuer, SettingsFlaw> {
        let source = KeySource::Discovery {
            // Built from checked parts; a failure would still be a refusal and not a wrong address.
            address: Url::parse(&self.address).map_err(|_| SettingsFlaw::Name)?,
            issuer: ExpectedIssuer::new(self.expected),
            cluster: cluster.to_owned(),
            jwks_cluster: jwks_cluster.map(str::to_owned),
        };
        Ok(Issuer { rule: self.rule, key_rule: self.key_rule, source })
    }
}

/// A list of one is that one: its own endpoint lists no keys of others.
fn one_if_single(tenants: &Tenants) -> Result<Tenants, SettingsFlaw> {
    match tenants {
        Tenants::List(list) => match list.as_slice() {
            [] => Err(SettingsFlaw::NoTenant),
            [tenant] => Ok(Tenants::One(tenant.clone())),
            _ => Ok(tenants.clone()),
        },
        Tenants::Any | Tenants::One(_) => Ok(tenants.clone()),
    }
}

fn rule(tenants: &Tenants, prefix: &str, suffix: &str) -> IssuerRule {
    let set = match tenants {
        Tenants::One(tenant) => {
            let issuer = format!("{prefix}{tenant}{suffix}");
            return IssuerRule::Exact { issuer, tenant: Some(tenant.clone()) };
        }
        Tenants::Any => TenantSet::AllBut(PERSONAL_ACCOUNTS.parse().into_iter().collect()),
        Tenants::List(list) => TenantSet::Only(list.clone()),
    };
    IssuerRule::Tenants { prefix: prefix.to_owned(), suffix: suffix.to_owned(), tenants: set }
}

/// The tenant where there is one, and this where there are many.
fn named<'a>(tenants: &'a Tenants, many: &'a str) -> &'a str {
    match tenants {
        Tenants::One(tenant) => tenant.as_str(),
        Tenants::Any | Tenants::List(_) => many,
    }
}

/// `organizations` leaves out the keys of personal accounts.
fn endpoint(tenants: &Tenants) -> &'static str {
    match tenants {
        Tenants::List(list) if list.iter().any(|tenant| tenant.as_str() == PERSONAL_ACCOUNTS) => "common",
        Tenants::Any | Tenants::List(_) | Tenants::One(_) => "organizations",
    }
}

fn label(name: &str) -> Result<&str, SettingsFlaw> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=63).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('-') && !name.ends_with('-') {
        Ok(name)
    } else {
        Err(SettingsFlaw::Name)
    }
}

fn policy_name(policy: &str) -> Result<&str, SettingsFlaw> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if (1..=128).contains(&policy.len()) && policy.bytes().all(plain) { Ok(policy) } else { Err(SettingsFlaw::Policy) }
}

/// OpenID Connect Discovery 1.0 section 4.
const WELL_KNOWN: &str = ".well-known/openid-configuration";

#[cfg(test)]
#[path = "settings/tests.rs"]
mod tests;

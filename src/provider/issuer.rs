//! Which `iss` a provider answers for, and which of its keys may sign it.
//!
//! Decides by text alone, byte for byte (RFC 7519 section 4.1.1, RFC 8725 section 3.8, RFC 9207 section 2.4): no case is
//! folded, no slash added, no port dropped. The rules for templates and for what a key says of itself are Microsoft's for
//! multi-tenant Entra ID ("Access tokens", multi-tenant applications); an ordinary issuer has neither.

use std::fmt;

use super::tenant::{TenantId, TenantSet};

/// The values of `iss` that are accepted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum IssuerRule {
    /// One issuer; where `tenant` is given, the token's `tid` must be it.
    Exact {
        /// The whole `iss`.
        issuer: String,
        /// The tenant that every token of this issuer must name.
        tenant: Option<TenantId>,
    },
    /// One issuer for each tenant: `prefix`, the tenant's id, `suffix`.
    Tenants {
        /// Up to the tenant: `https://login.microsoftonline.com/`.
        prefix: String,
        /// After the tenant: `/v2.0`.
        suffix: String,
        /// Which tenants.
        tenants: TenantSet,
    },
}

impl IssuerRule {
    /// An ordinary issuer.
    #[must_use]
    pub fn exact(issuer: impl Into<String>) -> Self {
        Self::Exact { issuer: issuer.into(), tenant: None }
    }

    /// Could a token of this `iss` be accepted? For picking the provider while `iss` is still a claim nobody has verified.
    #[must_use]
    pub fn speaks_for(&self, iss: &str) -> bool {
        match self {
            Self::Exact { issuer, .. } => iss == issuer,
            Self::Tenants { tenants, .. } => {
                self.tenant_in(iss).and_then(TenantId::from_claim).is_some_and(|tenant| tenants.contains(&tenant))
            }
        }
    }

    /// Is a token of this `iss` and `tid` accepted?
    ///
    /// # Errors
    ///
    /// What does not fit; see [`IssuerFlaw`].
    pub fn accepts(&self, iss: &str, tid: Option<&str>) -> Result<(), IssuerFlaw> {
        match self {
            Self::Exact { issuer, .. } if iss != issuer => Err(IssuerFlaw::Unknown),
            Self::Exact { tenant: None, .. } => Ok(()),
            Self::Exact { tenant: Some(tenant), .. } => match tid {
                None => Err(IssuerFlaw::TenantAbsent),
                Some(tid) if tid == tenant.as_str() => Ok(()),
                Some(_) => Err(IssuerFlaw::TenantMismatch),
            },
            Self::Tenants { tenants, .. } => {
                let named = self.tenant_in(iss).ok_or(IssuerFlaw::Unknown)?;
                let tid = tid.ok_or(IssuerFlaw::TenantAbsent)?;
                let tenant = TenantId::from_claim(tid).ok_or(IssuerFlaw::TenantNotGuid)?;
                if named != tid {
                    return Err(IssuerFlaw::TenantMismatch);
                }
                if tenants.contains(&tenant) { Ok(()) } else { Err(IssuerFlaw::TenantNotAllowed) }
            }
        }
    }

    /// Could one `iss` satisfy both rules? A configuration in which it could is ambiguous.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact { issuer, .. }, rule) | (rule, Self::Exact { issuer, .. }) => rule.speaks_for(issuer),
            (
                Self::Tenants { prefix, suffix, tenants },
                Self::Tenants { prefix: other_prefix, suffix: other_suffix, tenants: other_tenants },
            ) => prefix == other_prefix && suffix == other_suffix && tenants.meets(other_tenants),
        }
    }

    fn tenant_in<'a>(&self, iss: &'a str) -> Option<&'a str> {
        match self {
            Self::Exact { .. } => None,
            Self::Tenants { prefix, suffix, .. } => iss.strip_prefix(prefix.as_str())?.strip_suffix(suffix.as_str()),
        }
    }
}

impl TenantSet {
    fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::AllBut(_), Self::AllBut(_)) => true,
            (Self::Only(some), set) | (set, Self::Only(some)) => some.iter().any(|tenant| set.contains(tenant)),
        }
    }
}

/// Why `iss` and `tid` were not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssuerFlaw {
    /// The token names no issuer.
    Absent,
    /// There is no `tid`, and the issuer is nothing without one.
    TenantAbsent,
    /// `tid` is another tenant than the one in `iss`.
    TenantMismatch,
    /// The tenant is not on the list.
    TenantNotAllowed,
    /// `tid` is not a GUID in lower case.
    TenantNotGuid,
    /// No rule knows this `iss`.
    Unknown,
}

impl IssuerFlaw {
    /// A stable code for records and counters.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Absent => "issuer_absent",
            Self::TenantAbsent => "tenant_absent",
            Self::TenantMismatch => "tenant_mismatch",
            Self::TenantNotAllowed => "tenant_not_allowed",
            Self::TenantNotGuid => "tenant_not_guid",
            Self::Unknown => "issuer_unknown",
        }
    }
}

impl fmt::Display for IssuerFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "the token names no issuer (`iss`)",
            Self::TenantAbsent => "the token names no tenant (`tid`)",
            Self::TenantMismatch => "the token's tenant (`tid`) is not the tenant of its issuer",
            Self::TenantNotAllowed => "the token's tenant is not one of the configured tenants",
            Self::TenantNotGuid => "the token's tenant (`tid`) is not a GUID in lower case",
            Self::Unknown => "no configured provider has this issuer",
        })
    }
}

impl std::error::Error for IssuerFlaw {}

/// What a key must say of itself before it may sign for an issuer.
///
/// Many tenants, and personal accounts, share one key set at Entra ID; each key then names whom it signs for. Without this
/// rule a key for personal accounts could sign as any company.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct KeyRule {
    /// About the key's `issuer`.
    pub issuer: KeyIssuer,
    /// What the key's `cloud_instance_name` must be, if it has one.
    pub cloud: Option<String>,
}

/// The rule about a key's own `issuer`: equal to the token's `iss`, or a template that is equal once the token's tenant
/// stands for `{tenantid}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum KeyIssuer {
    /// It is not looked at: ordinary providers have no such member, and what they may put there is not ours to read.
    #[default]
    Ignored,
    /// A key may leave it out; if it is there it must fit, or be one of `also` (templates allowed).
    IfStated {
        /// Other forms of the same issuer.
        also: Vec<String>,
    },
    /// It must be there and fit.
    Required,
}

impl KeyRule {
    /// May a key that says this of itself have signed a token of this `iss` and `tid`?
    ///
    /// # Errors
    ///
    /// What does not fit; see [`KeyRuleFlaw`].
    pub fn accepts(
        &self,
        key_issuer: Option<&str>,
        key_cloud: Option<&str>,
        iss: &str,
        tid: Option<&str>,
    ) -> Result<(), KeyRuleFlaw> {
        let fits = |stated: &str| fill(stated, tid).is_some_and(|filled| filled == iss);
        match (&self.issuer, key_issuer) {
            (KeyIssuer::Ignored, _) | (KeyIssuer::IfStated { .. }, None) => {}
            (KeyIssuer::Required, None) => return Err(KeyRuleFlaw::IssuerAbsent),
            (KeyIssuer::Required, Some(stated)) if fits(stated) => {}
            (KeyIssuer::IfStated { also }, Some(stated)) if fits(stated) || is_form(stated, also, tid) => {}
            (KeyIssuer::Required | KeyIssuer::IfStated { .. }, Some(_)) => return Err(KeyRuleFlaw::IssuerMismatch),
        }
        match (&self.cloud, key_cloud) {
            (Some(expected), Some(stated)) if stated != expected => Err(KeyRuleFlaw::CloudMismatch),
            _ => Ok(()),
        }
    }
}

/// Why a key may not sign for an issuer, though the signature is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRuleFlaw {
    /// The key belongs to another cloud.
    CloudMismatch,
    /// The key does not say whom it signs for.
    IssuerAbsent,
    /// The key signs for another issuer.
    IssuerMismatch,
}

impl KeyRuleFlaw {
    /// A stable code for records and counters.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::CloudMismatch => "key_cloud_mismatch",
            Self::IssuerAbsent => "key_issuer_absent",
            Self::IssuerMismatch => "key_issuer_mismatch",
        }
    }
}

impl fmt::Display for KeyRuleFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CloudMismatch => "the signing key belongs to another cloud than the issuer",
            Self::IssuerAbsent => "the signing key does not name its issuer",
            Self::IssuerMismatch => "the signing key names another issuer than the token",
        })
    }
}

impl std::error::Error for KeyRuleFlaw {}

/// Is the issuer that a key states one of the other forms? Both sides may be templates.
fn is_form(stated: &str, also: &[String], tid: Option<&str>) -> bool {
    let Some(stated) = fill(stated, tid) else { return false };
    also.iter().any(|form| fill(form, tid).is_some_and(|form| form == stated))
}

/// The template with the tenant in place; `None` for a template without a tenant to fill it.
fn fill(template: &str, tid: Option<&str>) -> Option<String> {
    match tid {
        Some(tid) => Some(template.replace(TENANT_PLACEHOLDER, tid)),
        None if template.contains(TENANT_PLACEHOLDER) => None,
        None => Some(template.to_owned()),
    }
}

/// As Microsoft writes it in metadata and keys.
pub(crate) const TENANT_PLACEHOLDER: &str = "{tenantid}";

#[cfg(test)]
#[path = "issuer/tests.rs"]
mod tests;

//! Which tenant a token is from, and whether issuer, tenant and key agree.
//!
//! The checks are those of Microsoft's own validators for multi-tenant APIs; the codes in the comments are theirs, for
//! comparison. IDX40006, IDX40008 and IDX40010 are about their own set-up; IDX40007, a token without a signature, cannot
//! come this far.

use std::fmt;

use serde_json::{Map, Value};

use crate::provider::issuer::{IssuerFlaw, KeyRuleFlaw};
use crate::provider::{IssuerRule, KeyRule};

/// The token's `tid`, if it has one.
///
/// # Errors
///
/// [`TenancyFlaw::SeveralTenants`] if a second claim differs from `tid` in case only: whoever reads claims without regard
/// to case would see another tenant. [`TenancyFlaw::TenantMalformed`] if `tid` is not a text or empty.
pub fn tenant(claims: &Map<String, Value>) -> Result<Option<&str>, TenancyFlaw> {
    let mut named = claims.iter().filter(|(name, _)| name.eq_ignore_ascii_case("tid"));
    match (named.next(), named.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(TenancyFlaw::SeveralTenants),
        (Some((name, Value::String(tenant))), None) if name == "tid" && !tenant.is_empty() => Ok(Some(tenant)),
        (Some(_), None) => Err(TenancyFlaw::TenantMalformed),
    }
}

/// May a token of this `iss` and `tid` be taken?
///
/// # Errors
///
/// What does not fit.
pub fn check_issuer(rule: &IssuerRule, iss: &str, tid: Option<&str>) -> Result<(), TenancyFlaw> {
    rule.accepts(iss, tid).map_err(|flaw| match flaw {
        IssuerFlaw::Unknown if iss.contains("/tfp/") => TenancyFlaw::PolicyInIssuer,
        flaw => TenancyFlaw::Issuer(flaw),
    })
}

/// May this key have signed a token of this `iss` and `tid`?
///
/// # Errors
///
/// What does not fit.
pub fn check_key(
    rule: &KeyRule,
    key_issuer: Option<&str>,
    key_cloud: Option<&str>,
    iss: &str,
    tid: Option<&str>,
) -> Result<(), TenancyFlaw> {
    rule.accepts(key_issuer, key_cloud, iss, tid).map_err(TenancyFlaw::Key)
}

/// Was a B2C token issued by this user flow or policy? The claim is `tfp`, or `acr` by an old setting. Azure AD B2C writes
/// the name in the case it was created in and takes it in any.
///
/// # Errors
///
/// [`TenancyFlaw::PolicyAbsent`] or [`TenancyFlaw::PolicyMismatch`].
pub fn check_policy(policy: &str, claims: &Map<String, Value>) -> Result<(), TenancyFlaw> {
    match claims.get("tfp").or_else(|| claims.get("acr")) {
        None => Err(TenancyFlaw::PolicyAbsent),
        Some(Value::String(found)) if found.eq_ignore_ascii_case(policy) => Ok(()),
        Some(_) => Err(TenancyFlaw::PolicyMismatch),
    }
}

/// Why issuer, tenant, policy and key do not agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenancyFlaw {
    /// The issuer or the tenant is not one of ours.
    Issuer(IssuerFlaw),
    /// The key may not sign for this issuer.
    Key(KeyRuleFlaw),
    /// A B2C token that does not say which policy issued it.
    PolicyAbsent,
    /// A B2C token whose issuer has the policy in it (`/tfp/`), which is set in the policy's compatibility settings.
    PolicyInIssuer,
    /// A B2C token of another policy.
    PolicyMismatch,
    /// Two claims are called `tid` but for their case.
    SeveralTenants,
    /// `tid` is not a text, is empty, or is spelt in another case.
    TenantMalformed,
}

impl TenancyFlaw {
    /// A stable code for records and counters.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Issuer(flaw) => flaw.reason(),
            Self::Key(flaw) => flaw.reason(),
            Self::PolicyAbsent => "policy_absent",
            Self::PolicyInIssuer => "policy_in_issuer",
            Self::PolicyMismatch => "policy_mismatch",
            Self::SeveralTenants => "several_tenants",
            Self::TenantMalformed => "tenant_malformed",
        }
    }
}

impl fmt::Display for TenancyFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Issuer(flaw) => flaw.fmt(f),
            Self::Key(flaw) => flaw.fmt(f),
            Self::PolicyAbsent => f.write_str("the token does not name its policy (`tfp`)"),
            Self::PolicyInIssuer => {
                f.write_str("the issuer holds the policy (`tfp`); set the issuer claim to the form without")
            }
            Self::PolicyMismatch => f.write_str("the token is from another policy than the configured one"),
            Self::SeveralTenants => f.write_str("the token names several tenants (`tid` in more than one case)"),
            Self::TenantMalformed => f.write_str("the token's tenant (`tid`) is not a text"),
        }
    }
}

impl std::error::Error for TenancyFlaw {}

#[cfg(test)]
#[path = "tenancy/tests.rs"]
mod tests;

//! What is special about Microsoft Entra ID.
//!
//! Decides what the short form of the configuration stands for ([`settings`]): issuers, where their keys are, and what
//! those keys must say of themselves. And decides the rules that a token of Entra ID has to keep and no RFC knows:
//! [`graph`] (tokens that are not ours), [`tenancy`] (issuer, tenant and key agree), [`permission`] (`scp`, `roles`),
//! [`caller`] (user or app, member or guest), [`kind`] (agents and managed identities told apart). Does not decide whether a token is signed, in time or for this audience.
//!
//! Claims that end up in a decision are ones a tenant's administrators cannot map at will ("JWT restricted claim set").

use std::fmt;

use serde_json::{Map, Value};

use crate::provider::Issuer;

pub mod caller;
pub mod client;
pub mod cloud;
pub mod graph;
pub mod kind;
pub mod permission;
pub mod settings;
pub mod tenancy;

pub use caller::{Caller, CallerFlaw, Membership, Subjects, membership};
pub use client::{ClientAuthentication, ClientFlaw};
pub use cloud::Cloud;
pub use graph::GraphFlaw;
pub use kind::CallerKind;
pub use permission::PermissionFlaw;
pub use settings::{Directory, EntraSettings, SettingsFlaw, Tenants, Versions};
pub use tenancy::TenancyFlaw;

/// The tenant of personal Microsoft accounts.
pub const PERSONAL_ACCOUNTS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// The rules for tokens of one provider; made by [`EntraSettings::checks`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checks {
    subjects: Subjects,
    policy: Option<String>,
    require_scope_or_role: bool,
}

impl Checks {
    /// Who is behind a token whose signature is good: `claims` and the two statements of the key that it is good under
    /// (its `issuer` and `cloud_instance_name`). `issuer` is the one that [`crate::provider::Provider::issuer_for`] gave
    /// for the token's `iss`.
    ///
    /// # Errors
    ///
    /// The B2C policy that tokens must name.
    #[must_use]
    pub fn policy(&self) -> Option<&str> {
        self.policy.as_deref()
    }

    /// The first rule that is not kept: tenant, issuer, key, policy, permission, caller, in this order.
    pub fn check(
        &self,
        issuer: &Issuer,
        claims: &Map<String, Value>,
        key_issuer: Option<&str>,
        key_cloud: Option<&str>,
    ) -> Result<Caller, EntraFlaw> {
        let tid = tenancy::tenant(claims).map_err(EntraFlaw::Tenancy)?;
        let iss = claims.get("iss").and_then(Value::as_str).ok_or(EntraFlaw::IssuerMalformed)?;
        tenancy::check_issuer(&issuer.rule, iss, tid).map_err(EntraFlaw::Tenancy)?;
        tenancy::check_key(&issuer.key_rule, key_issuer, key_cloud, iss, tid).map_err(EntraFlaw::Tenancy)?;
        if let Some(policy) = &self.policy {
            tenancy::check_policy(policy, claims).map_err(EntraFlaw::Tenancy)?;
        }
        if self.require_scope_or_role {
            permission::check(claims).map_err(EntraFlaw::Permission)?;
        }
        caller::caller(claims, self.subjects).map_err(EntraFlaw::Caller)
    }
}

/// Which rule of Entra ID a token breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntraFlaw {
    /// It cannot be told who is behind it.
    Caller(CallerFlaw),
    /// It is for Microsoft.
    Graph(GraphFlaw),
    /// `iss` is not there or not a text.
    IssuerMalformed,
    /// It carries no permission, or none that can be read.
    Permission(PermissionFlaw),
    /// Issuer, tenant, policy and key do not agree.
    Tenancy(TenancyFlaw),
}

impl EntraFlaw {
    /// A stable code for records and counters.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Caller(flaw) => flaw.reason(),
            Self::Graph(flaw) => flaw.reason(),
            Self::IssuerMalformed => "issuer_malformed",
            Self::Permission(flaw) => flaw.reason(),
            Self::Tenancy(flaw) => flaw.reason(),
        }
    }
}

impl fmt::Display for EntraFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Caller(flaw) => flaw.fmt(f),
            Self::Graph(flaw) => flaw.fmt(f),
            Self::IssuerMalformed => f.write_str("the token's issuer (`iss`) is not a text"),
            Self::Permission(flaw) => flaw.fmt(f),
            Self::Tenancy(flaw) => flaw.fmt(f),
        }
    }
}

impl std::error::Error for EntraFlaw {}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

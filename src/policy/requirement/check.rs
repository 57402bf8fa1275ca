//! The single checks of a requirement.

use std::rc::Rc;

use super::callers;
use super::cel::CelCheck;
use super::claim::{self, ClaimCheck};
use super::origin::{self, SubjectSpec};
use super::owner::{self, OwnerCheck};
use super::{Wanted, granted};
use crate::access;
use crate::binding::Method;
use crate::entra::{CallerKind, ClientAuthentication};
use crate::identity::Identity;
use crate::policy::facts::Facts;
use crate::policy::lack::Lack;
use crate::policy::roles::PermissionCheck;
use crate::verdict::Verdict;

/// A single check.
#[derive(Clone, Debug)]
pub enum Check {
    /// One of these providers' tokens, by their places in the configuration.
    Providers(Rc<[usize]>),
    /// For these audiences.
    Audiences(Wanted),
    /// Scopes.
    Scopes(Wanted),
    /// App roles.
    AppRoles(Wanted),
    /// Groups.
    Groups(Wanted),
    /// Directory roles.
    DirectoryRoles(Wanted),
    /// Permissions that roles of our own give.
    Permissions(Rc<PermissionCheck>),
    /// One of these client applications.
    Clients(Rc<[String]>),
    /// How the client application proved who it is.
    ClientAuthentication(Rc<[ClientAuthentication]>),
    /// One of these tenants.
    Tenants(Rc<[String]>),
    /// One of these subjects.
    Subjects(Rc<[SubjectSpec]>),
    /// One of these kinds of caller.
    Callers(Rc<[CallerKind]>),
    /// The token was proven to be its sender's in one of these ways.
    Binding(Rc<[Method]>),
    /// What a claim says.
    Claim(Rc<ClaimCheck>),
    /// Whether the caller is whom the request names.
    Owner(Rc<OwnerCheck>),
    /// A condition in CEL.
    Cel(Rc<CelCheck>),
    /// Something about the circumstances.
    Circumstance(access::Check),
}

impl Check {
    /// Is it so?
    #[must_use]
    pub fn evaluate(&self, facts: &Facts<'_>) -> Verdict<Lack> {
        match self {
            Self::Circumstance(check) => check.evaluate(&facts.circumstances).map(Lack::from),
            // It may be about no token.
            Self::Cel(check) => check.evaluate(facts),
            // Who is not known is not known not to be somebody, either.
            _ if facts.identity.is_anonymous() => Verdict::Unknown(Lack::NoToken),
            check => check.of_caller(facts.identity, facts),
        }
    }

    fn of_caller(&self, caller: &Identity, facts: &Facts<'_>) -> Verdict<Lack> {
        match self {
            Self::Providers(wanted) => origin::providers(wanted, caller),
            Self::Audiences(wanted) => origin::audiences(wanted, caller),
            Self::Scopes(wanted) => granted::scopes(wanted, caller),
            Self::AppRoles(wanted) => granted::app_roles(wanted, caller),
            Self::Groups(wanted) => granted::groups(wanted, caller, facts),
            Self::DirectoryRoles(wanted) => granted::directory_roles(wanted, caller),
            Self::Permissions(check) => check.evaluate(facts),
            Self::Clients(wanted) => origin::clients(wanted, caller),
            Self::ClientAuthentication(wanted) => origin::client_authentication(wanted, caller),
            Self::Tenants(wanted) => origin::tenants(wanted, caller),
            Self::Subjects(wanted) => origin::subjects(wanted, caller),
            Self::Callers(wanted) => callers::callers(wanted, caller),
            Self::Binding(wanted) => binding(wanted, facts),
            Self::Claim(check) => claim::check(check, caller),
            Self::Owner(check) => owner::check(check, caller, facts),
            Self::Cel(check) => check.evaluate(facts),
            Self::Circumstance(check) => check.evaluate(&facts.circumstances).map(Lack::from),
        }
    }
}

/// A requirement of its own: a token that is bound is proven in any case, one that is not needs no proof.
fn binding(wanted: &[Method], facts: &Facts<'_>) -> Verdict<Lack> {
    if wanted.iter().any(|method| facts.binding.has(*method)) { Verdict::Met } else { Verdict::Unmet(Lack::Binding) }
}

//! May this identity do this: the rule that speaks for the request, against who is calling.

use std::rc::Rc;

use super::conditional_access::{self, Objection, Policy};
use super::facts::Facts;
use super::lack::Lack;
use super::requirement::Requirement;
use crate::identity::Identity;
use crate::verdict::Verdict;

/// What a rule asks for.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its place in the configuration; names it in counters.
    pub index: usize,
    /// Its name in the configuration.
    pub name: Rc<str>,
    /// Whether somebody has to be known.
    pub access: Access,
    /// By what credentials.
    pub accepts: Credentials,
    /// Whose tokens, by the provider's place in the configuration; `None` is any provider's.
    pub providers: Option<Vec<usize>>,
    /// Which audiences, among the provider's own; `None` is any of them.
    pub audiences: Option<Vec<String>>,
    /// What else is asked for.
    pub require: Option<Requirement>,
    /// What it asks for is reported where it is not met, and not enforced. Policies over it have a say of their own.
    pub report_only: bool,
    /// Limits that its requests count in, those on arrival among them, in the order of the configuration.
    pub limits: Vec<RuleLimit>,
    /// Policies over it.
    pub policies: Vec<Rc<Policy>>,
}

/// A limit of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleLimit {
    /// Its place in the configuration.
    pub limit: usize,
    /// A request counts as so many.
    pub weight: u32,
}

/// Whether a rule looks at credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A good one is needed.
    Required,
    /// A good one, or none; a bad one is still refused (CVE-2021-21378).
    Optional,
    /// Nothing.
    Anonymous,
}

/// Kinds of credentials that a rule takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Tokens.
    pub token: bool,
    /// API keys.
    pub api_key: bool,
    /// Client certificates, as an identity of their own.
    pub certificate: bool,
}

/// Tokens alone.
impl Default for Credentials {
    fn default() -> Self {
        Self { token: true, api_key: false, certificate: false }
    }
}

/// Leave to go on, for this identity. Only [`decide`] and the two `admit_` functions make one, and without one nothing goes
/// upstream.
#[derive(Debug)]
pub struct Permit {
    identity: Identity,
}

impl Permit {
    /// Who has it.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }
}

/// Leave for a CORS preflight: browsers send it without credentials, and its answer reveals nothing but CORS headers
/// (Fetch standard, section 4.8). Only where the configuration says so, and only if `rule` speaks for the request.
#[must_use]
pub fn admit_preflight(_rule: &Rule) -> Permit {
    Permit { identity: Identity::Anonymous }
}

/// Leave for a request that was turned away by something that is only reported, not enforced.
#[must_use]
pub fn admit_unenforced(identity: Identity) -> Permit {
    Permit { identity }
}

/// Why a rule does not let an identity in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// None of the token's audiences is one of the rule's.
    AudienceNotAccepted,
    /// A policy over the rule blocks.
    Blocked,
    /// The rule takes tokens, and there is none.
    NoToken,
    /// The rule does not take this provider's tokens.
    ProviderNotAccepted,
    /// Something that the rule requires.
    Lacks(Lack),
}

impl Refusal {
    /// Stable code for the audit record and the counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::AudienceNotAccepted => "audience_not_accepted_by_rule",
            Self::Blocked => "blocked_by_policy",
            Self::NoToken => "credential_missing",
            Self::ProviderNotAccepted => "provider_not_accepted_by_rule",
            Self::Lacks(lack) => lack.reason(),
        }
    }
}

/// What was decided.
#[derive(Debug)]
pub struct Ruling {
    /// Leave, or why not.
    pub decided: Result<Permit, Refusal>,
    /// What would have stopped the request, were everything enforced that is only reported.
    pub unenforced: Option<Refusal>,
    /// The name of the policy that decided, or would have; `None` where the rule did.
    pub policy: Option<Rc<str>>,
}

/// Decides whether a request may go on by `rule`.
#[must_use]
pub fn decide(rule: &Rule, facts: &Facts<'_>) -> Ruling {
    let permit = || Permit { identity: facts.identity.clone() };
    let unenforced = match required(rule, facts) {
        Ok(()) => None,
        Err(refusal) if rule.report_only => Some(refusal),
        Err(refusal) => return Ruling { decided: Err(refusal), unenforced: None, policy: None },
    };
    if rule.policies.is_empty() {
        return Ruling { decided: Ok(permit()), unenforced, policy: None };
    }
    let objections = conditional_access::object(&rule.policies, facts);
    if let Some(Objection { policy, lack }) = objections.enforced {
        return Ruling { decided: Err(refusal(lack)), unenforced, policy: Some(policy) };
    }
    match (unenforced, objections.reported) {
        (None, Some(Objection { policy, lack })) => {
            Ruling { decided: Ok(permit()), unenforced: Some(refusal(lack)), policy: Some(policy) }
        }
        (unenforced, _) => Ruling { decided: Ok(permit()), unenforced, policy: None },
    }
}

/// What a policy's objection is to the caller; without a lack it is a block.
fn refusal(lack: Option<Lack>) -> Refusal {
    match lack {
        None => Refusal::Blocked,
        Some(Lack::NoToken) => Refusal::NoToken,
        Some(lack) => Refusal::Lacks(lack),
    }
}

/// What the rule itself asks for.
fn required(rule: &Rule, facts: &Facts<'_>) -> Result<(), Refusal> {
    match (rule.access, facts.identity) {
        // The rule says that nobody is asked.
        (Access::Anonymous, _) => {}
        // The rule says that nobody needs to be known.
        (Access::Optional, Identity::Anonymous) => {}
        (Access::Required, Identity::Anonymous) => return Err(Refusal::NoToken),
        // Each was looked for because the rule takes it.
        (Access::Required | Access::Optional, Identity::ApiKey(_) | Identity::Certificate(_)) => {}
        (Access::Required | Access::Optional, Identity::Token(token)) => {
            if rule.providers.as_ref().is_some_and(|providers| !providers.contains(&token.issuer().provider)) {
                return Err(Refusal::ProviderNotAccepted);
            }
            let accepted = |audiences: &Vec<String>| token.audiences().iter().any(|found| audiences.contains(found));
            if rule.audiences.as_ref().is_some_and(|audiences| !accepted(audiences)) {
                return Err(Refusal::AudienceNotAccepted);
            }
        }
    }
    match rule.require.as_ref().map(|require| require.evaluate(facts)) {
        None | Some(Verdict::Met) => Ok(()),
        Some(Verdict::Unmet(Lack::NoToken) | Verdict::Unknown(Lack::NoToken)) => Err(Refusal::NoToken),
        Some(Verdict::Unmet(lack) | Verdict::Unknown(lack)) => Err(Refusal::Lacks(lack)),
    }
}

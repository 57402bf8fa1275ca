//! May this identity do this: the rule that speaks for the request, against who is calling.

use std::rc::Rc;

use crate::identity::Identity;

/// What a rule asks for.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its place in the configuration; names it in counters.
    pub index: usize,
    /// Its name in the configuration.
    pub name: Rc<str>,
    /// Token, token or none, or nothing.
    pub access: Access,
    /// Whose tokens, by the provider's place in the configuration; `None` is any provider's.
    pub providers: Option<Vec<usize>>,
    /// Which audiences, among the provider's own; `None` is any of them.
    pub audiences: Option<Vec<String>>,
}

/// Whether a rule looks at credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A good token.
    Token,
    /// A good token, or none; a bad one is still refused (CVE-2021-21378).
    Optional,
    /// Nothing.
    Anonymous,
}

/// Leave to go on: this identity, by this rule. Only [`decide`] and [`admit_preflight`] make one, and without one nothing goes upstream.
#[derive(Debug)]
pub struct Permit<'a> {
    rule: &'a Rule,
    identity: Identity,
}

impl<'a> Permit<'a> {
    /// The rule that gave leave.
    #[must_use]
    pub fn rule(&self) -> &'a Rule {
        self.rule
    }

    /// Who has it.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }
}

/// Leave for a CORS preflight: browsers send it without credentials, and its answer reveals nothing but CORS headers
/// (Fetch standard, section 4.8). Only where the configuration says so, and only if `rule` speaks for the request.
#[must_use]
pub fn admit_preflight(rule: &Rule) -> Permit<'_> {
    Permit { rule, identity: Identity::Anonymous }
}

/// Why a rule does not let an identity in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// None of the token's audiences is one of the rule's.
    AudienceNotAccepted,
    /// The rule takes tokens, and there is none.
    NoToken,
    /// The rule does not take this provider's tokens.
    ProviderNotAccepted,
}

impl Refusal {
    /// Stable code for the audit record and the counters.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::AudienceNotAccepted => "audience_not_accepted_by_rule",
            Self::NoToken => "credential_missing",
            Self::ProviderNotAccepted => "provider_not_accepted_by_rule",
        }
    }
}

/// Decides whether `identity` may go on by `rule`.
///
/// # Errors
/// What the rule misses.
pub fn decide(rule: &Rule, identity: Identity) -> Result<Permit<'_>, Refusal> {
    match (rule.access, &identity) {
        // The rule says that nobody is asked.
        (Access::Anonymous, _) => {}
        // The rule says that nobody needs to be known.
        (Access::Optional, Identity::Anonymous) => {}
        (Access::Token, Identity::Anonymous) => return Err(Refusal::NoToken),
        (Access::Token | Access::Optional, Identity::Token(token)) => {
            if rule.providers.as_ref().is_some_and(|providers| !providers.contains(&token.issuer().provider)) {
                return Err(Refusal::ProviderNotAccepted);
            }
            let accepted = |audiences: &Vec<String>| token.audiences().iter().any(|found| audiences.contains(found));
            if rule.audiences.as_ref().is_some_and(|audiences| !accepted(audiences)) {
                return Err(Refusal::AudienceNotAccepted);
            }
        }
    }
    Ok(Permit { rule, identity })
}

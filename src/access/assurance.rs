//! How surely the caller signed in, by what the token says of it; and what would make up for what is lacking.
//!
//! An API sees no more of a sign-in than its token tells: Entra's authentication contexts (`acrs`), OpenID Connect's `acr`,
//! `amr` and `auth_time`, and how the client application proved itself (Entra's `azpacr`, `appidacr`). Where signing in
//! anew could help, the lack says how: Entra's claims challenge ("Claims challenges and claims requests"), or RFC 9470.

use std::rc::Rc;
use std::time::Duration;

use crate::entra::{Caller, ClientAuthentication};
use crate::jose::Claim;
use crate::time::UnixTime;
use crate::token::VerifiedToken;
use crate::verdict::Verdict;

/// A level of assurance: everything that is given is asked for.
#[derive(Clone, Debug, Default)]
pub struct Assurance {
    /// The authentication context that Entra's tokens must carry.
    pub context: Option<Context>,
    /// Any of these values of `acr`; where there is a context, of other issuers' tokens only.
    pub acr_values: Option<Rc<[String]>>,
    /// Any of these in `amr`.
    pub amr: Option<Vec<String>>,
    /// How long ago the user may have signed in.
    pub max_age: Option<Duration>,
    /// How the client application proved itself: any of these.
    pub client_authentication: Option<Vec<ClientAuthentication>>,
    /// Where users of each provider sign in, by its place; none for what has no claims challenge.
    pub authorities: Rc<[Option<Rc<Authority>>]>,
}

/// An authentication context of Entra ID, `c1` to `c99`. Each tenant numbers its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Context {
    /// The same in every tenant.
    Everywhere(Rc<str>),
    /// By tenant; tenants that are not named have none.
    ByTenant(Vec<(String, Rc<str>)>),
}

/// Where Entra's users sign in, for a challenge. Its parts are checked at load: hosts and GUIDs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// The host of sign-in.
    pub host: String,
    /// The tenant, where there is one only.
    pub tenant: Option<String>,
    /// This API's own id, where it is known.
    pub client_id: Option<String>,
}

/// What signing in anew would have to bring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepUp {
    /// Entra's claims challenge for this authentication context.
    Context {
        /// The context.
        context: Rc<str>,
        /// Where to sign in.
        authority: Rc<Authority>,
    },
    /// The challenge of RFC 9470.
    Authentication {
        /// Any of these values of `acr`.
        acr_values: Option<Rc<[String]>>,
        /// A sign-in that is not older.
        max_age: Option<Duration>,
    },
}

/// What is lacking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortfall {
    reason: &'static str,
    /// What would make up for it, where the caller can bring it.
    pub step_up: Option<Rc<StepUp>>,
}

impl Shortfall {
    /// Stable code.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    fn final_one(reason: &'static str) -> Self {
        Self { reason, step_up: None }
    }
}

/// One part of an assurance: it is as asked for, or not, or can't be told; with its reason.
type Part = Verdict<&'static str>;

impl Assurance {
    /// Is a token of this assurance at `now`? What no new sign-in can mend is told before what one can: a client that is
    /// sent to sign in anew in vain would go round in circles.
    #[must_use]
    pub fn evaluate(&self, token: &VerifiedToken, now: UnixTime) -> Verdict<Shortfall> {
        let client = self.client_authentication(token);
        if !client.is_met() {
            return client.map(Shortfall::final_one);
        }
        let parts = [self.level(token), self.methods(token), self.age(token, now)];
        if let Some(unknown) = parts.iter().find(|part| matches!(part, Verdict::Unknown(_))) {
            return unknown.clone().map(Shortfall::final_one);
        }
        let Some(reason) = parts.iter().find_map(|part| match part {
            Verdict::Unmet(reason) => Some(*reason),
            Verdict::Met | Verdict::Unknown(_) => None,
        }) else {
            return Verdict::Met;
        };
        let [level, _, age] = &parts;
        Verdict::Unmet(Shortfall { reason, step_up: self.step_up(token, level, age).map(Rc::new) })
    }

    /// `acrs` of Entra's tokens, `acr` of others'.
    fn level(&self, token: &VerifiedToken) -> Part {
        match (&self.context, &self.acr_values) {
            (Some(context), _) if is_entra(token) => {
                let Some(context) = context.of(token) else { return Verdict::Unknown("assurance_context_not_set") };
                match token.typed().string_or_list("acrs") {
                    Claim::Value(contexts) => {
                        Verdict::of(contexts.contains(&&**context), || "assurance_context_missing")
                    }
                    Claim::Absent => Verdict::Unmet("assurance_context_missing"),
                    Claim::Malformed => Verdict::Unknown("assurance_context_malformed"),
                }
            }
            (_, Some(values)) => match token.typed().string("acr") {
                Claim::Value(level) => {
                    Verdict::of(values.iter().any(|value| value == level), || "assurance_level_too_low")
                }
                Claim::Absent => Verdict::Unmet("assurance_level_missing"),
                Claim::Malformed => Verdict::Unknown("assurance_level_malformed"),
            },
            // Contexts are Entra's: no other issuer knows them, and its tokens are of no such assurance.
            (Some(_), None) => Verdict::Unmet("assurance_context_missing"),
            (None, None) => Verdict::Met,
        }
    }

    fn methods(&self, token: &VerifiedToken) -> Part {
        let Some(wanted) = &self.amr else { return Verdict::Met };
        match token.typed().string_or_list("amr") {
            Claim::Value(methods) => Verdict::of(
                methods.iter().any(|method| wanted.iter().any(|wanted| wanted == method)),
                || "assurance_method_missing",
            ),
            Claim::Absent => Verdict::Unmet("assurance_method_missing"),
            Claim::Malformed => Verdict::Unknown("assurance_method_malformed"),
        }
    }

    fn age(&self, token: &VerifiedToken, now: UnixTime) -> Part {
        let Some(oldest) = self.max_age else { return Verdict::Met };
        match token.typed().numeric_date("auth_time") {
            Claim::Value(signed_in) if now.plus(LARGEST_SKEW) < signed_in => {
                Verdict::Unknown("assurance_time_in_future")
            }
            Claim::Value(signed_in) => Verdict::of(now.since(signed_in) <= oldest, || "assurance_too_old"),
            Claim::Absent => Verdict::Unmet("assurance_time_missing"),
            Claim::Malformed => Verdict::Unknown("assurance_time_malformed"),
        }
    }

    fn client_authentication(&self, token: &VerifiedToken) -> Part {
        let Some(accepted) = &self.client_authentication else { return Verdict::Met };
        match token.client_authentication() {
            Ok(stated) => Verdict::of(accepted.contains(&stated), || "client_authentication_too_weak"),
            Err(_) => Verdict::Unknown("client_authentication_unknown"),
        }
    }

    /// What to ask the client for. Nothing where it would not know what to do, or has no user who could sign in.
    fn step_up(&self, token: &VerifiedToken, level: &Part, age: &Part) -> Option<StepUp> {
        if is_entra(token) {
            // Entra ID knows no challenge but for a context; and a client that does not say `cp1` knows no challenge.
            let context = self.context.as_ref().filter(|_| !level.is_met())?.of(token)?;
            let authority = self.authorities.get(token.issuer().provider)?.as_ref()?;
            let able = token.caller() == Some(Caller::User) && says_claims_challenges(token);
            return able.then(|| StepUp::Context { context: Rc::clone(context), authority: Rc::clone(authority) });
        }
        if is_for_itself(token) {
            return None;
        }
        let acr_values = self.acr_values.clone().filter(|_| !level.is_met());
        let max_age = self.max_age.filter(|_| !age.is_met());
        (acr_values.is_some() || max_age.is_some()).then_some(StepUp::Authentication { acr_values, max_age })
    }
}

impl Context {
    fn of(&self, token: &VerifiedToken) -> Option<&Rc<str>> {
        match self {
            Self::Everywhere(context) => Some(context),
            Self::ByTenant(contexts) => {
                let tenant = token.text("tid")?;
                contexts.iter().find(|(named, _)| named == tenant).map(|(_, context)| context)
            }
        }
    }
}

/// What a token says of its sign-in, for people.
pub(super) fn told(token: &VerifiedToken) -> String {
    let said = ["acrs", "acr", "amr", "auth_time", "azpacr", "appidacr", "xms_cc"].into_iter().filter_map(|name| {
        let value = token.claims().get(name)?;
        Some(format!("{name} {value}"))
    });
    let said: Vec<String> = said.collect();
    if said.is_empty() { "nothing of the sign-in".to_owned() } else { said.join(", ") }
}

/// Only Entra's rules tell users from applications.
fn is_entra(token: &VerifiedToken) -> bool {
    token.caller().is_some()
}

/// The client says that it can take a claims challenge: `xms_cc` holds `cp1`, in any case.
fn says_claims_challenges(token: &VerifiedToken) -> bool {
    match token.typed().string_or_list("xms_cc") {
        Claim::Value(capabilities) => capabilities.iter().any(|capability| capability.eq_ignore_ascii_case("cp1")),
        Claim::Absent | Claim::Malformed => false,
    }
}

/// A client's token for itself has the client as its subject (RFC 9068 section 2.2).
fn is_for_itself(token: &VerifiedToken) -> bool {
    let client = token.text("client_id").or_else(|| token.text("azp"));
    client.is_some() && client == token.text("sub")
}

/// As much as a provider's clock may differ by configuration.
const LARGEST_SKEW: Duration = Duration::from_secs(300);

/// Is `text` the name of an authentication context: `c1` to `c99`.
#[must_use]
pub fn is_context(text: &str) -> bool {
    matches!(text.as_bytes(), [b'c', b'1'..=b'9'] | [b'c', b'1'..=b'9', b'0'..=b'9'])
}

#[cfg(test)]
#[path = "assurance/tests.rs"]
mod tests;

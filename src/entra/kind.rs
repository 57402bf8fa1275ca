//! What kind of caller it is, by Microsoft's own marks.
//!
//! A caller is of exactly one kind, the most specific one: an agent that acts for a user is an agent, and a rule for
//! users does not let it in unless it says so.

use serde_json::{Map, Value};

use super::{Caller, Membership, membership};

/// A kind of caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerKind {
    /// A user of the token's own tenant.
    User,
    /// A user of another organisation, or of none.
    Guest,
    /// An application for itself.
    Application,
    /// An agent, for itself or for a user (Microsoft Entra Agent ID).
    Agent,
    /// A managed identity of Azure. Known by a mark that Microsoft does not document; without it, an application.
    ManagedIdentity,
    /// A device for itself.
    Device,
    /// Who has an API key; never the bearer of a token.
    ApiKey,
    /// Who has the key of a client certificate; never the bearer of a token.
    Certificate,
}

impl CallerKind {
    /// Those that the bearer of a token may be of.
    pub const OF_TOKENS: [Self; 6] =
        [Self::User, Self::Guest, Self::Application, Self::Agent, Self::ManagedIdentity, Self::Device];

    /// The word in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Guest => "guest",
            Self::Application => "application",
            Self::Agent => "agent",
            Self::ManagedIdentity => "managed_identity",
            Self::Device => "device",
            Self::ApiKey => "api_key",
            Self::Certificate => "certificate",
        }
    }
}

/// The kinds that this caller may be; one, where it can be told. Of other issuers than Entra ID nothing can.
#[must_use]
pub fn kinds(claims: &Map<String, Value>, caller: Option<Caller>) -> Vec<CallerKind> {
    let Some(caller) = caller else { return CallerKind::OF_TOKENS.to_vec() };
    let mut kinds = match is_agent(claims) {
        Some(true) => return vec![CallerKind::Agent],
        Some(false) => Vec::new(),
        None => vec![CallerKind::Agent],
    };
    match caller {
        Caller::Device => kinds.push(CallerKind::Device),
        Caller::App => match is_managed_identity(claims) {
            Some(true) => kinds.push(CallerKind::ManagedIdentity),
            Some(false) => kinds.push(CallerKind::Application),
            None => kinds.extend([CallerKind::Application, CallerKind::ManagedIdentity]),
        },
        Caller::User => match membership(claims) {
            Membership::Member => kinds.push(CallerKind::User),
            Membership::Guest => kinds.push(CallerKind::Guest),
            Membership::Unknown => kinds.extend([CallerKind::User, CallerKind::Guest]),
        },
    }
    kinds
}

/// By the facets of actor or subject, or by the blueprint that an agent is made from ("Agent ID token claims").
fn is_agent(claims: &Map<String, Value>) -> Option<bool> {
    let facets = ["xms_act_fct", "xms_sub_fct"].map(|name| has_number(claims.get(name), &AGENT_FACETS));
    if claims.contains_key("xms_par_app_azp") || facets.contains(&Some(true)) {
        Some(true)
    } else if facets.contains(&None) {
        None
    } else {
        Some(false)
    }
}

fn is_managed_identity(claims: &Map<String, Value>) -> Option<bool> {
    match (claims.get("xms_mirid"), has_number(claims.get("xms_idrel"), &[FEDERATED_MANAGED_IDENTITY])) {
        (Some(Value::String(id)), _) if !id.is_empty() => Some(true),
        (Some(_), _) => None,
        (None, related) => related,
    }
}

/// Whether one of `wanted` is among numbers in a text, in any order; what is no number is left out ("ignore the rest").
fn has_number(value: Option<&Value>, wanted: &[u64]) -> Option<bool> {
    match value {
        None => Some(false),
        Some(Value::String(text)) => {
            Some(text.split_ascii_whitespace().any(|word| word.parse().is_ok_and(|number| wanted.contains(&number))))
        }
        Some(Value::Number(number)) => Some(number.as_u64().is_some_and(|number| wanted.contains(&number))),
        Some(_) => None,
    }
}

/// `AgentIdentity` and `AgentIDUser`.
const AGENT_FACETS: [u64; 2] = [11, 13];
const FEDERATED_MANAGED_IDENTITY: u64 = 33;

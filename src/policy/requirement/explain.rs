//! What each check of a requirement asked and saw, for people. Nothing in the module calls this.

use std::fmt::Write as _;

use serde::Serialize;

use super::{
    Check, Comparison, Place, Requirement, Scalar, SubjectSpec, Wanted, any_of, granted, negated, origin, owner,
};
use crate::binding::Method;
use crate::identity::Identity;
use crate::policy::facts::Facts;
use crate::policy::lack::Lack;
use crate::verdict::Verdict;

/// What one part of a requirement asked and saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The member of the configuration: `all_of`, `scopes`, ...
    pub what: String,
    /// What it asks for.
    pub asked: String,
    /// What there was.
    pub saw: String,
    /// `met`, `unmet: reason` or `unknown: reason`.
    pub verdict: String,
    /// The same for its parts, every one of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Self>,
}

impl Requirement {
    /// Every part evaluated, also where [`evaluate`](Self::evaluate) would have stopped before it; the verdict of the whole is
    /// the same.
    #[must_use]
    pub fn explain(&self, facts: &Facts<'_>) -> Finding {
        self.explained(facts).0
    }

    fn explained(&self, facts: &Facts<'_>) -> (Finding, Verdict<Lack>) {
        let each = |parts: &[Self]| -> (Vec<Finding>, Vec<Verdict<Lack>>) {
            parts.iter().map(|part| part.explained(facts)).unzip()
        };
        let (what, parts, verdict) = match self {
            Self::AllOf(parts) => {
                let (findings, verdicts) = each(parts);
                let verdict = verdicts.into_iter().find(|verdict| !verdict.is_met()).unwrap_or(Verdict::Met);
                ("all_of", findings, verdict)
            }
            Self::AnyOf(parts) => {
                let (findings, verdicts) = each(parts);
                ("any_of", findings, any_of(verdicts.into_iter()))
            }
            Self::Not(inner) => {
                let (finding, verdict) = inner.explained(facts);
                ("not", vec![finding], negated(verdict))
            }
            Self::Check(check) => return check.explained(facts),
        };
        let finding =
            Finding { what: what.to_owned(), asked: String::new(), saw: String::new(), verdict: said(&verdict), parts };
        (finding, verdict)
    }
}

impl Check {
    fn explained(&self, facts: &Facts<'_>) -> (Finding, Verdict<Lack>) {
        let verdict = self.evaluate(facts);
        let (what, asked) = self.asked();
        let saw = match self {
            Self::Circumstance(check) => check.saw(&facts.circumstances),
            Self::Cel(check) => check.saw(facts),
            _ if facts.identity.is_anonymous() => "no token".to_owned(),
            _ => self.saw(facts.identity, facts),
        };
        let finding = Finding { what: what.to_owned(), asked, saw, verdict: said(&verdict), parts: self.parts(facts) };
        (finding, verdict)
    }

    /// The roles behind permissions, each by who has it.
    fn parts(&self, facts: &Facts<'_>) -> Vec<Finding> {
        let Self::Permissions(check) = self else { return Vec::new() };
        let grants = check.permissions.iter().flat_map(|(_, grants)| grants.iter());
        grants
            .map(|grant| {
                let (finding, verdict) = grant.granted_to.explained(facts);
                let (asked, saw) = (String::new(), String::new());
                let what = format!("role `{}`", grant.role);
                Finding { what, asked, saw, verdict: said(&verdict), parts: vec![finding] }
            })
            .collect()
    }

    /// The member's name, and what it asks for.
    fn asked(&self) -> (&'static str, String) {
        match self {
            Self::Providers(places) => ("providers", format!("one of the providers {places:?}")),
            Self::Audiences(wanted) => ("audiences", asked(wanted)),
            Self::Scopes(wanted) => ("scopes", asked(wanted)),
            Self::AppRoles(wanted) => ("app_roles", asked(wanted)),
            Self::Groups(wanted) => ("groups", asked(wanted)),
            Self::DirectoryRoles(wanted) => ("directory_roles", asked(wanted)),
            Self::Permissions(check) => {
                let names: Vec<&String> = check.permissions.iter().map(|(name, _)| name).collect();
                let asked = if check.every && names.len() > 1 {
                    format!("all of {}", listed(names.iter()))
                } else {
                    one_of(names.iter())
                };
                ("permissions", asked)
            }
            Self::Clients(clients) => ("clients", one_of(clients.iter())),
            Self::ClientAuthentication(kinds) => {
                ("client_authentication", one_of(kinds.iter().map(|kind| kind.name())))
            }
            Self::Tenants(tenants) => ("tenants", one_of(tenants.iter())),
            Self::Subjects(subjects) => ("subjects", one_of(subjects.iter().map(subject))),
            Self::Callers(kinds) => ("callers", one_of(kinds.iter().map(|kind| kind.name()))),
            Self::Binding(methods) => ("binding", one_of(methods.iter().map(|method| method.name()))),
            Self::Claim(check) => ("claim", format!("`{}` {}", check.path, comparison(&check.comparison))),
            Self::Owner(check) => ("owner", format!("{} equals claim `{}`", place(&check.place), check.claim)),
            Self::Cel(check) => ("cel", check.text().to_owned()),
            Self::Circumstance(check) => check.asked(),
        }
    }

    fn saw(&self, caller: &Identity, facts: &Facts<'_>) -> String {
        match self {
            Self::Providers(_) => {
                caller.provider().map_or_else(|| "no provider".to_owned(), |provider| format!("provider {provider}"))
            }
            Self::Audiences(_) => listed(caller.audiences().iter()),
            Self::Scopes(_) => found(granted::scopes_of(caller)),
            Self::AppRoles(_) => found(granted::app_roles_of(caller)),
            Self::Groups(_) => found(granted::groups_of(caller, facts)),
            Self::DirectoryRoles(_) => found(granted::directory_roles_of(caller)),
            Self::Clients(_) => origin::client_of(caller).map_or_else(|lack| lack.reason().to_owned(), str::to_owned),
            Self::ClientAuthentication(_) => caller
                .client_authentication()
                .map_or_else(|lack| lack.reason().to_owned(), |kind| kind.name().to_owned()),
            Self::Tenants(_) => claims(caller, &["tid"]),
            Self::Subjects(_) => claims(caller, &["oid", "tid", "sub"]),
            Self::Callers(_) => listed(caller.kinds().iter().map(|kind| kind.name())),
            Self::Binding(_) => listed(facts.binding.methods().map(Method::name)),
            Self::Claim(check) => json(check.path.reach(caller.claims()).ok().flatten()),
            Self::Owner(check) => {
                let named = owner::named(&check.place, facts);
                let named = named.map_or_else(str::to_owned, |bytes| String::from_utf8_lossy(bytes).into_owned());
                format!("{named}; claim {}", json(check.claim.reach(caller.claims()).ok().flatten()))
            }
            Self::Permissions(_) | Self::Cel(_) | Self::Circumstance(_) => String::new(),
        }
    }
}

/// A verdict in words.
fn said(verdict: &Verdict<Lack>) -> String {
    match verdict {
        Verdict::Met => "met".to_owned(),
        Verdict::Unmet(lack) => format!("unmet: {}", lack.reason()),
        Verdict::Unknown(lack) => format!("unknown: {}", lack.reason()),
    }
}

fn asked(wanted: &Wanted) -> String {
    match (&**wanted.texts(), wanted.is_all()) {
        ([one], _) => format!("`{one}`"),
        (texts, true) => format!("all of {}", listed(texts.iter())),
        (texts, false) => one_of(texts.iter()),
    }
}

fn one_of<T: AsRef<str>>(texts: impl Iterator<Item = T>) -> String {
    let texts: Vec<T> = texts.collect();
    match texts.as_slice() {
        [one] => format!("`{}`", one.as_ref()),
        _ => format!("one of {}", listed(texts.iter())),
    }
}

fn listed<T: AsRef<str>>(texts: impl Iterator<Item = T>) -> String {
    let mut list = String::new();
    for text in texts {
        let comma = if list.is_empty() { "" } else { ", " };
        // Writing to a text does not fail.
        let _ = write!(list, "{comma}`{}`", text.as_ref());
    }
    if list.is_empty() { "none".to_owned() } else { list }
}

fn found(texts: Result<Vec<&str>, Lack>) -> String {
    texts.map_or_else(|lack| lack.reason().to_owned(), |texts| listed(texts.iter()))
}

fn claims(caller: &Identity, names: &[&str]) -> String {
    let said: Vec<String> = names.iter().map(|name| format!("`{name}` {}", json(caller.claims().get(*name)))).collect();
    said.join(", ")
}

fn json(value: Option<&serde_json::Value>) -> String {
    value.map_or_else(|| "absent".to_owned(), ToString::to_string)
}

fn subject(subject: &SubjectSpec) -> String {
    match subject {
        SubjectSpec::Object { oid, tid } => format!("oid {oid} of tenant {tid}"),
        SubjectSpec::Subject { sub, provider } => format!("sub {sub} of provider {provider}"),
    }
}

fn place(place: &Place) -> String {
    match place {
        Place::Parameter(name) => format!("path parameter `{name}`"),
        Place::Header(name) => format!("header `{name}`"),
    }
}

fn comparison(comparison: &Comparison) -> String {
    match comparison {
        Comparison::Equals(scalar) => format!("equals {}", shown(scalar)),
        Comparison::OneOf(scalars) => format!("is {}", one_of(scalars.iter().map(shown))),
        Comparison::ContainsAll(scalars) => format!("contains all of {}", listed(scalars.iter().map(shown))),
        Comparison::ContainsAny(scalars) => format!("contains {}", one_of(scalars.iter().map(shown))),
        Comparison::Prefix(prefix) => format!("starts with `{prefix}`"),
        Comparison::Range { min: Some(min), max: Some(max) } => format!("is from {min} to {max}"),
        Comparison::Range { min: Some(min), max: None } => format!("is at least {min}"),
        Comparison::Range { min: None, max: Some(max) } => format!("is at most {max}"),
        Comparison::Range { min: None, max: None } => "is a number".to_owned(),
        Comparison::Present(true) => "is there".to_owned(),
        Comparison::Present(false) => "is not there".to_owned(),
    }
}

fn shown(scalar: &Scalar) -> String {
    match scalar {
        Scalar::Boolean(value) => value.to_string(),
        Scalar::Number(number) => number.to_string(),
        Scalar::Text(text) => text.clone(),
    }
}

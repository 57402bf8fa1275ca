//! What a decision hangs on that a record does not have.

use portcullis::audit::DECIDING;
use portcullis::http::RequestHead;
use serde_json::{Map, Value};

use crate::command::matching::{could_speak, has_conditions};

/// A record's inputs.
#[derive(Clone, Copy)]
pub(super) struct Recorded<'a> {
    /// The claims of who was accepted.
    pub(super) claims: Option<&'a Map<String, Value>>,
    /// All of it.
    pub(super) inputs: &'a Value,
}

/// What the new decision by `document` hangs on that a record does not have.
pub(super) fn of_decision(
    document: &Value,
    head: Option<&RequestHead>,
    rule: Option<usize>,
    recorded: Recorded<'_>,
) -> Option<String> {
    if recorded.claims.is_some_and(|claims| claims.contains_key("cnf")) {
        return Some("the token is bound to its sender, and a record has no proof".to_owned());
    }
    let rules = document.get("rules").and_then(Value::as_array);
    let conditional = head.is_some_and(|head| {
        rules.into_iter().flatten().any(|rule| has_conditions(rule) && could_speak(rule, head).is_some())
    });
    if conditional {
        return Some("a rule about it looks at headers or the query, which a record does not have".to_owned());
    }
    let policies = document.get("conditional_access").into_iter();
    let asked = rule.and_then(|rule| document.pointer(&format!("/rules/{rule}/require")));
    let mut asked = asked.into_iter().chain(policies);
    let member = asked.find_map(|requirement| of_requirement(document, requirement, recorded))?;
    Some(format!("the decision hangs on `{member}`, of which a record does not have all"))
}

/// The first member of `requirement` that a record does not have all of. Permissions hang on what roles ask for.
pub(super) fn of_requirement(document: &Value, requirement: &Value, recorded: Recorded<'_>) -> Option<String> {
    let mut by_role = false;
    needs(requirement, &mut |member, _| by_role |= member == "permissions");
    let mut found = None;
    for requirement in std::iter::once(requirement).chain(document.get("roles").filter(|_| by_role)) {
        needs(requirement, &mut |member, value| {
            let lacking = match member {
                "countries" | "asns" | "risk_below" | "cel" | "devices" | "certificates" | "binding" => true,
                "owner" => value.get("header").is_some(),
                "claim" | "danger_claim" => !value.get("path").is_some_and(|path| has_claim(path, recorded)),
                _ => false,
            };
            if lacking && found.is_none() {
                found = Some(member.to_owned());
            }
        });
    }
    found
}

/// Is it in the record whether the caller has the claim of this path?
pub(super) fn has_claim(path: &Value, recorded: Recorded<'_>) -> bool {
    let name = match path {
        Value::String(text) => text.split('.').next(),
        Value::Array(names) => names.first().and_then(Value::as_str),
        _ => None,
    };
    let Some(name) = name else { return false };
    let absent = recorded.inputs.get("absent").and_then(Value::as_array);
    DECIDING.contains(&name)
        || recorded.claims.is_some_and(|claims| claims.contains_key(name))
        || absent.is_some_and(|absent| absent.iter().any(|other| other == name))
}

/// Each member of each object in `value`.
fn needs(value: &Value, tell: &mut dyn FnMut(&str, &Value)) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                tell(name, value);
                needs(value, tell);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| needs(value, tell)),
        _ => {}
    }
}

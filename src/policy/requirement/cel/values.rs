//! What an expression's names stand for in one request.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

use cel::Value;
use cel::objects::{Key, Map};
use serde_json::Value as Json;

use super::Needs;
use crate::http::query;
use crate::identity::Identity;
use crate::policy::facts::Facts;
use crate::policy::requirement::{granted, origin};
use crate::policy::template::Captured;

/// The variables that an expression names, with the members that it names. What is not there is not in them: an expression
/// that uses it has no answer. Headers or query parameters of which one is there twice, or can't be read, are not in them at
/// all, so that whether it is there has no answer either: the sender chooses how often it is, and the server behind us sees
/// it.
pub(super) fn variables(needs: &Needs, facts: &Facts<'_>, providers: &[String]) -> Vec<(&'static str, Value)> {
    let mut variables = Vec::new();
    if !needs.request.is_empty() || !needs.headers.is_empty() || !needs.query.is_empty() {
        variables.push(("request", request(needs, facts)));
    }
    if !needs.params.is_empty() {
        variables.push(("params", named(&needs.params, |name| parameter(facts, name).map(text))));
    }
    for (name, claims) in [("claims", &needs.claims), ("danger_claims", &needs.danger_claims)] {
        // Without a token what it says is not known: asking whether a claim is there has no answer either.
        // Nor is it whether somebody with too many groups for a token is in one.
        let unclear = |caller: &Identity| claims.contains("groups") && granted::has_overage(caller.claims());
        let caller = facts.identity;
        if !caller.is_anonymous() && !claims.is_empty() && !unclear(caller) {
            variables.push((name, named(claims, |name| caller.claims().get(name).map(json))));
        }
    }
    if !needs.caller.is_empty() {
        variables.push(("caller", named(&needs.caller, |name| caller(facts, name, providers))));
    }
    if needs.address {
        variables
            .extend(facts.circumstances.connection.address().map(|address| ("address", text(address.to_string()))));
    }
    variables
}

fn request(needs: &Needs, facts: &Facts<'_>) -> Value {
    let head = facts.circumstances.head;
    let mut members: HashMap<Key, Value> = HashMap::new();
    for field in &needs.request {
        let value = match field.as_str() {
            "method" => text(head.method()),
            "host" => text(head.host()),
            "path" => text(path(head.path().segments())),
            "scheme" => text(head.scheme()),
            "time" => i64::try_from(facts.circumstances.now.as_secs()).map_or(Value::Null, Value::Int),
            _ => continue,
        };
        members.insert(key(field), value);
    }
    let header = |name: &str| match head.only(name) {
        Ok(None) => Ok(None),
        Ok(Some(value)) => std::str::from_utf8(value).map(|value| Some(text(value))).map_err(|_| Unreadable),
        Err(_) => Err(Unreadable),
    };
    let raw = head.path().query().unwrap_or_default();
    let parameter = |name: &str| match query::values(raw, name).next() {
        None => Ok(None),
        Some(_) => query::only_text(raw, name).map(|value| Some(text(value))).ok_or(Unreadable),
    };
    if !needs.headers.is_empty() {
        members.extend(readable(&needs.headers, header).map(|headers| (key("headers"), headers)));
    }
    if !needs.query.is_empty() {
        members.extend(readable(&needs.query, parameter).map(|query| (key("query"), query)));
    }
    map(members)
}

/// Decoded, as rules match it: `/%61dmin` is `/admin` to the server behind us.
fn path(segments: &[String]) -> String {
    format!("/{}", segments.join("/"))
}

/// It is there, twice or in bytes that are no text.
struct Unreadable;

/// Those of `names` that are there; nothing if one can't be read.
fn readable(names: &BTreeSet<String>, value: impl Fn(&str) -> Result<Option<Value>, Unreadable>) -> Option<Value> {
    let mut members = HashMap::new();
    for name in names {
        members.extend(value(name).ok()?.map(|value| (key(name), value)));
    }
    Some(map(members))
}

fn parameter(facts: &Facts<'_>, name: &str) -> Option<String> {
    let (_, captured) = facts.parameters.iter().find(|(other, _)| *other == name)?;
    Some(match captured {
        Captured::Segment(segment) => (*segment).to_owned(),
        Captured::Rest(segments) => segments.join("/"),
    })
}

fn caller(facts: &Facts<'_>, name: &str, providers: &[String]) -> Option<Value> {
    let caller = facts.identity;
    if caller.is_anonymous() {
        return (name == "kind").then(|| text("anonymous"));
    }
    match name {
        "kind" => match caller.kinds() {
            [kind] => Some(text(kind.name())),
            _ => None,
        },
        "subject" => caller.subject().map(text),
        "client" => origin::client_of(caller).ok().map(text),
        "tenant" => caller.text("tid").filter(|_| caller.entra().is_some()).map(text),
        "provider" => caller.provider().and_then(|provider| providers.get(provider)).map(String::as_str).map(text),
        "scopes" => granted::scopes_of(caller).ok().map(texts),
        "roles" => granted::app_roles_of(caller).ok().map(texts),
        _ => None,
    }
}

fn named(names: &BTreeSet<String>, value: impl Fn(&str) -> Option<Value>) -> Value {
    map(names.iter().filter_map(|name| Some((key(name), value(name)?))).collect())
}

fn json(value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Value::Int(whole),
            (None, Some(whole)) => Value::UInt(whole),
            (None, None) => number.as_f64().map_or(Value::Null, Value::Float),
        },
        Json::String(value) => text(value.as_str()),
        Json::Array(items) => Value::List(Arc::new(items.iter().map(json).collect())),
        Json::Object(members) => map(members.iter().map(|(name, value)| (key(name), json(value))).collect()),
    }
}

fn text(text: impl Into<String>) -> Value {
    Value::String(Arc::new(text.into()))
}

fn texts(list: Vec<&str>) -> Value {
    Value::List(Arc::new(list.into_iter().map(text).collect()))
}

fn key(name: &str) -> Key {
    Key::String(Arc::new(name.to_owned()))
}

fn map(members: HashMap<Key, Value>) -> Value {
    Value::Map(Map { map: Arc::new(members) })
}

/// A value as JSON has it, near enough for people; members in order.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Int(number) => number.to_string(),
        Value::UInt(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::String(text) => Json::from(text.as_str()).to_string(),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(shown).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(members) => {
            let mut members: Vec<(String, String)> = members
                .map
                .iter()
                .map(|(key, value)| match key {
                    Key::String(name) => (name.to_string(), shown(value)),
                    _ => (String::new(), shown(value)),
                })
                .collect();
            members.sort();
            let mut said = String::new();
            for (name, value) in members {
                let comma = if said.is_empty() { "" } else { ", " };
                // Writing to a text does not fail.
                let _ = write!(said, "{comma}{name}: {value}");
            }
            format!("{{{said}}}")
        }
        _ => "null".to_owned(),
    }
}

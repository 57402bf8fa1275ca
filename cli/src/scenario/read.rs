//! The form of a scenario file. A member that nobody knows is an error: it would be a check that never takes place.

use std::net::IpAddr;
use std::time::Duration;

use portcullis::http::name::is_token;
use serde_json::{Map, Value};

use super::{ELSEWHERE, Expectation, HeaderExpectation, Scenario, ScenarioRequest, TokenChoice};
use crate::moment;
use crate::world::api_key::{KeyPlace, KeySpec};
use crate::world::opaque::Opaque;
use crate::world::proof::ProofSpec;
use crate::world::token::{Kind, TokenSpec, Version};

/// Reads the scenarios in `document`.
///
/// # Errors
/// Every fault, each with the request and the member that it is in.
pub fn scenario(document: &Value) -> Result<Scenario, Vec<String>> {
    let Some(members) = document.as_object() else {
        return Err(vec!["expected an object with `requests`, and `config` if the file brings its own".to_owned()]);
    };
    let mut faults = unknown(members, &["config", "requests"]).map_or(Vec::new(), |fault| vec![fault]);
    let config = members.get("config").cloned();
    if config.as_ref().is_some_and(|config| !config.is_object()) {
        faults.push("config: expected an object, the configuration of the filter".to_owned());
    }
    let mut requests = Vec::new();
    match members.get("requests").and_then(Value::as_array) {
        Some(list) if !list.is_empty() => {
            for (index, value) in list.iter().enumerate() {
                let what = value.get("what").and_then(Value::as_str).unwrap_or("without `what`");
                match request(value) {
                    Ok((request, times)) => requests.extend(std::iter::repeat_n(request, times)),
                    Err(fault) => faults.push(format!("request {} ({what}): {fault}", index.saturating_add(1))),
                }
            }
        }
        _ => faults.push("requests: expected a list of at least one request".to_owned()),
    }
    if faults.is_empty() { Ok(Scenario { config, requests }) } else { Err(faults) }
}

fn request(value: &Value) -> Result<(ScenarioRequest, usize), String> {
    let members = value.as_object().ok_or("expected an object")?;
    let known: Vec<&str> = METHODS.iter().chain(&MEMBERS).copied().collect();
    if let Some(fault) = unknown(members, &known) {
        return Err(fault);
    }
    let (method, path) = method_and_path(members)?;
    let from = match text(members, "from")? {
        None => ELSEWHERE,
        Some(text) => text.parse::<IpAddr>().map_err(|_| format!("from: `{text}` is not an IP address"))?,
    };
    let at = text(members, "at")?.map(moment::parse).transpose().map_err(|error| format!("at: {error}"))?;
    let connection = match members.get("connection") {
        None => Vec::new(),
        Some(value) => object(value, "connection")?
            .iter()
            .map(|(name, value)| Ok((name.clone(), scalar(value, &format!("connection.{name}"))?)))
            .collect::<Result<_, String>>()?,
    };
    let request = ScenarioRequest {
        what: text(members, "what")?.ok_or("what: is required; say what the request shows")?.to_owned(),
        method,
        path,
        host: text(members, "host")?.unwrap_or("api.example").to_owned(),
        headers: members.get("headers").map_or(Ok(Vec::new()), headers)?,
        token: members.get("token").map_or(Ok(TokenChoice::None), token)?,
        api_key: members.get("api_key").map(api_key).transpose()?,
        dpop: members.get("dpop").map(dpop).transpose()?,
        from,
        at,
        after: text(members, "after")?.map_or(Ok(Duration::ZERO), after)?,
        connection,
        expect: expectation(members)?,
    };
    Ok((request, members.get("repeat").map_or(Ok(1), times)?))
}

/// A span of at most ten seconds: `2s`, `500ms`.
fn after(text: &str) -> Result<Duration, String> {
    let number = |unit| text.strip_suffix(unit).and_then(|number| number.parse::<u64>().ok());
    let span = number("ms").map(Duration::from_millis).or_else(|| number("s").map(Duration::from_secs));
    let longest = Duration::from_secs(10);
    span.filter(|span| *span <= longest).ok_or_else(|| format!("after: expected at most `10s`; found `{text}`"))
}

fn times(value: &Value) -> Result<usize, String> {
    let times = value.as_u64().and_then(|times| usize::try_from(times).ok());
    times.filter(|times| (1..=1000).contains(times)).ok_or_else(|| "repeat: expected 1 to 1000".to_owned())
}

fn method_and_path(members: &Map<String, Value>) -> Result<(String, String), String> {
    let mut found = METHODS.iter().filter(|method| members.contains_key(**method));
    let listed = || METHODS.map(|method| format!("`{method}`")).join(", ");
    match (found.next(), found.next()) {
        (Some(method), None) => {
            let path = text(members, method)?.unwrap_or_default();
            Ok((method.to_ascii_uppercase(), path.to_owned()))
        }
        (None, _) => match text(members, "request")? {
            Some(line) => match line.split_once(' ') {
                Some((method, path)) if is_token(method.as_bytes()) => Ok((method.to_owned(), path.to_owned())),
                _ => Err(format!("request: expected a method and a path, as in `PURGE /orders`; found `{line}`")),
            },
            None => Err(format!("is about no path; one of {} names it, or `request: PURGE /orders`", listed())),
        },
        (Some(one), Some(other)) => Err(format!("has both `{one}` and `{other}`")),
    }
}

/// An object, or a list of pairs where a name comes twice.
fn headers(value: &Value) -> Result<Vec<(String, String)>, String> {
    let pair = |name: &str, value: &Value| {
        if name.starts_with(':') || !is_token(name.as_bytes()) {
            return Err(format!("headers: `{name}` is not the name of a header"));
        }
        Ok((name.to_owned(), scalar(value, &format!("headers.{name}"))?))
    };
    match value {
        Value::Object(members) => members.iter().map(|(name, value)| pair(name, value)).collect(),
        Value::Array(pairs) => pairs
            .iter()
            .map(|item| match item.as_array().map(Vec::as_slice) {
                Some([Value::String(name), value]) => pair(name, value),
                _ => Err(format!("headers: expected pairs of name and value, found {item}")),
            })
            .collect(),
        _ => Err("headers: expected an object, or a list of pairs".to_owned()),
    }
}

fn token(value: &Value) -> Result<TokenChoice, String> {
    let members = match value {
        Value::Null => return Ok(TokenChoice::None),
        Value::String(text) => return Ok(TokenChoice::Raw(text.clone())),
        Value::Object(members) => members,
        _ => return Err("token: expected a text, or an object that says what is in it".to_owned()),
    };
    spec(members).map(TokenChoice::Minted).map_err(|fault| format!("token.{fault}"))
}

/// `true`, or an object that says what is in the proof.
fn dpop(value: &Value) -> Result<ProofSpec, String> {
    match value {
        Value::Bool(true) => proof_spec(&Map::new()),
        Value::Object(members) => proof_spec(members),
        _ => Err("expected true, or an object that says what is in the proof".to_owned()),
    }
    .map_err(|fault| format!("dpop: {fault}"))
}

fn proof_spec(members: &Map<String, Value>) -> Result<ProofSpec, String> {
    let known = ["key", "bound_to", "unbound", "scheme", "copies", "claims", "without", "header", "forged"];
    if let Some(fault) = unknown(members, &known) {
        return Err(fault);
    }
    let copies = members.get("copies").map_or(Some(1), Value::as_u64).and_then(|copies| usize::try_from(copies).ok());
    let map = |name: &str| members.get(name).map_or(Ok(Map::new()), |value| object(value, name).cloned());
    Ok(ProofSpec {
        key: text(members, "key")?.unwrap_or("a").to_owned(),
        bound_to: text(members, "bound_to")?.map(str::to_owned),
        unbound: flag(members, "unbound")?,
        scheme: text(members, "scheme")?.unwrap_or("DPoP").to_owned(),
        copies: copies.filter(|copies| *copies <= 8).ok_or("copies: expected a number up to 8")?,
        claims: map("claims")?,
        without: names(members, "without")?,
        header: map("header")?,
        forged: flag(members, "forged")?,
    })
}

/// A name, or a list of names.
fn names(members: &Map<String, Value>, name: &str) -> Result<Vec<String>, String> {
    match members.get(name) {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one.clone()]),
        Some(Value::Array(list)) => {
            let named = list.iter().map(|one| one.as_str().map(str::to_owned));
            named.collect::<Option<_>>().ok_or_else(|| format!("{name}: expected names of claims"))
        }
        Some(_) => Err(format!("{name}: expected a list of names of claims")),
    }
}

/// The id of a key, or an object that says more.
fn api_key(value: &Value) -> Result<KeySpec, String> {
    match value {
        Value::String(id) => Ok(KeySpec { id: id.clone(), ..KeySpec::default() }),
        Value::Object(members) => key_spec(members).map_err(|fault| format!("api_key.{fault}")),
        _ => Err("api_key: expected the id of a key, or an object".to_owned()),
    }
}

fn key_spec(members: &Map<String, Value>) -> Result<KeySpec, String> {
    if let Some(fault) = unknown(members, &["id", "in", "forged"]) {
        return Err(fault);
    }
    let place = match text(members, "in")? {
        None => None,
        Some("header") => Some(KeyPlace::Header),
        Some("cookie") => Some(KeyPlace::Cookie),
        Some(other) => return Err(format!("in: `{other}` is neither `header` nor `cookie`")),
    };
    Ok(KeySpec {
        id: text(members, "id")?.ok_or("id: is required")?.to_owned(),
        place,
        forged: flag(members, "forged")?,
    })
}

/// What a token is to be, from the members of an object.
///
/// # Errors
/// The first fault.
pub fn spec(members: &Map<String, Value>) -> Result<TokenSpec, String> {
    if let Some(fault) =
        unknown(members, &["provider", "kind", "version", "tenant", "claims", "without", "header", "forged", "opaque"])
    {
        return Err(fault);
    }
    let kind = match text(members, "kind")? {
        None | Some("user") => Kind::User,
        Some("app") => Kind::App,
        Some(other) => return Err(format!("kind: `{other}` is neither `user` nor `app`")),
    };
    let version = match text(members, "version")? {
        None => None,
        Some("v1") => Some(Version::V1),
        Some("v2") => Some(Version::V2),
        Some(other) => return Err(format!("version: `{other}` is neither `v1` nor `v2`")),
    };
    let map = |name: &str| members.get(name).map_or(Ok(Map::new()), |value| object(value, name).cloned());
    let without = names(members, "without")?;
    Ok(TokenSpec {
        provider: text(members, "provider")?.map(str::to_owned),
        kind,
        version,
        tenant: text(members, "tenant")?.map(str::to_owned),
        claims: map("claims")?,
        without,
        header: map("header")?,
        forged: flag(members, "forged")?,
        opaque: members.get("opaque").map_or(Ok(None), opaque)?,
    })
}

/// `true`, or what is answered to who asks about the token.
fn opaque(value: &Value) -> Result<Option<Opaque>, String> {
    let members = match value {
        Value::Bool(false) => return Ok(None),
        Value::Bool(true) => return Ok(Some(Opaque::default())),
        value => value.as_object().ok_or("opaque: expected true, or an object with `status` and `body`")?,
    };
    if let Some(fault) = unknown(members, &["status", "body"]) {
        return Err(format!("opaque.{fault}"));
    }
    let status = match members.get("status") {
        None => 200,
        Some(value) => {
            let status = value.as_u64().and_then(|status| u16::try_from(status).ok());
            status.filter(|status| (200..=599).contains(status)).ok_or("opaque.status: expected 200 to 599")?
        }
    };
    Ok(Some(Opaque { status, body: text(members, "body")?.map(str::to_owned) }))
}

fn expectation(members: &Map<String, Value>) -> Result<Expectation, String> {
    let (status, reason) = match members.get("expect") {
        Some(Value::Number(status)) => (status.as_u64(), None),
        Some(Value::String(text)) => match text.split_once(' ') {
            Some((status, reason)) => (status.parse().ok(), Some(reason.trim().to_owned())),
            None => (text.parse().ok(), None),
        },
        Some(_) => (None, None),
        None => return Err("expect: is required: `200`, or status and reason as in `403 scope_missing`".to_owned()),
    };
    let status = status.and_then(|status| u16::try_from(status).ok()).filter(|status| (200..=599).contains(status));
    let status = status.ok_or("expect: expected `200`, or status and reason as in `403 scope_missing`")?;
    if status == 200 && reason.is_some() {
        return Err("expect: `200` has no reason; what would have stopped it goes into `unenforced`".to_owned());
    }
    Ok(Expectation {
        status,
        reason,
        rule: text(members, "rule")?.map(str::to_owned),
        unenforced: text(members, "unenforced")?.map(str::to_owned),
        upstream: header_expectations(members, "upstream")?,
        answer: header_expectations(members, "answer")?,
    })
}

fn header_expectations(members: &Map<String, Value>, name: &str) -> Result<Vec<(String, HeaderExpectation)>, String> {
    let Some(value) = members.get(name) else { return Ok(Vec::new()) };
    let each = object(value, name)?.iter().map(|(header, value)| {
        let at = format!("{name}.{header}");
        let expectation = match value {
            Value::Null => HeaderExpectation::Absent,
            Value::Object(members) => match (members.len(), members.get("contains").and_then(Value::as_str)) {
                (1, Some(part)) => HeaderExpectation::Contains(part.to_owned()),
                _ => return Err(format!("{at}: expected a text, null, or `{{contains: TEXT}}`")),
            },
            value => HeaderExpectation::Is(scalar(value, &at)?),
        };
        Ok((header.to_ascii_lowercase(), expectation))
    });
    each.collect()
}

fn unknown(members: &Map<String, Value>, known: &[&str]) -> Option<String> {
    let name = members.keys().find(|name| !known.contains(&name.as_str()))?;
    let listed: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    Some(format!("{name}: unknown member; known here: {}", listed.join(", ")))
}

fn text<'m>(members: &'m Map<String, Value>, name: &str) -> Result<Option<&'m str>, String> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{name}: expected a text")),
    }
}

fn flag(members: &Map<String, Value>, name: &str) -> Result<bool, String> {
    members
        .get(name)
        .map_or(Ok(false), |value| value.as_bool().ok_or_else(|| format!("{name}: expected true or false")))
}

fn object<'v>(value: &'v Value, name: &str) -> Result<&'v Map<String, Value>, String> {
    value.as_object().ok_or_else(|| format!("{name}: expected an object"))
}

/// YAML reads `1` as a number and `yes` as a text; a header is text whatever it looks like.
fn scalar(value: &Value, at: &str) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        _ => Err(format!("{at}: expected a text")),
    }
}

const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "options", "head"];

const MEMBERS: [&str; 17] = [
    "what",
    "request",
    "host",
    "headers",
    "token",
    "api_key",
    "dpop",
    "from",
    "at",
    "after",
    "repeat",
    "connection",
    "expect",
    "rule",
    "unenforced",
    "upstream",
    "answer",
];

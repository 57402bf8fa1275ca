//! `portcullis explain --envoy-log`: the filter's own records, decided again by another configuration.
//!
//! A record with `audit.inputs` holds the claims that decided, so a token with exactly these claims is made and the real
//! engine decides. What hangs on something that a record does not hold is listed apart, never guessed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use portcullis::audit::DECIDING;
use portcullis::exchange::Step;
use portcullis::http::RequestHead;
use portcullis::policy::Access;
use portcullis::time::UnixTime;
use serde_json::{Map, Value, json};

use super::matching::{could_speak, has_conditions};
use super::{Exit, Format, line, named, progress};
use crate::document;
use crate::scenario::gate::{Gate, head};
use crate::world::api_key::KeySpec;
use crate::world::opaque::Opaque;
use crate::world::token::TokenSpec;
use crate::world::{Environment, World};

/// What became of all records.
#[derive(Default)]
struct Summary {
    records: u64,
    same: u64,
    allows: u64,
    changed: BTreeMap<(String, String), Group>,
    untold: BTreeMap<String, u64>,
}

/// Decisions that change alike.
struct Group {
    count: u64,
    example: Value,
    rules: BTreeSet<String>,
}

/// What another configuration makes of a record.
enum Replayed {
    Told { would_be: String, rule: Option<String> },
    Untold(String),
}

pub(super) fn run(
    config: &Value,
    environment: Environment<'_>,
    logs: &[PathBuf],
    format: Format,
    out: &mut Vec<u8>,
) -> Result<Exit, String> {
    let mut again = Again::open(config, environment)?;
    let mut summary = Summary::default();
    for log in logs {
        for line in document::read(log)?.lines() {
            let Some(record) = record(line) else { continue };
            summary.records = summary.records.saturating_add(1);
            if summary.records.is_multiple_of(500) {
                progress(&format!("{}: {} records", named(log), summary.records));
            }
            summary.add(&record, again.decide(&record));
        }
    }
    progress("");
    match format {
        Format::Json => line!(out, "{:#}", summary.json()),
        Format::Text => summary.print(out),
    }
    if summary.records == 0 {
        return Err("there is no record of the filter in the log; it writes those that `audit.log` asks for".to_owned());
    }
    Ok(if summary.changed.is_empty() { Exit::Fine } else { Exit::Changes })
}

/// The record in a line of Envoy's log, or in a line that is one.
fn record(line: &str) -> Option<Value> {
    let mut rest = line;
    for _ in 0..MOST_BRACES {
        rest = rest.get(rest.find('{')?..)?;
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        if let Some(Ok(value)) = values.next() {
            let is_record = ["decision", "reason", "time_ms", "path"].iter().all(|member| value.get(member).is_some());
            return is_record.then_some(value);
        }
        rest = rest.get(1..)?;
    }
    None
}

/// How a record says it went, in one word or some.
fn went(record: &Value) -> String {
    let text = |member: &str| record.get(member).and_then(Value::as_str);
    let reason = text("reason").unwrap_or_default();
    match (text("decision"), text("unenforced")) {
        (Some("allow"), Some(unenforced)) => format!("allow (reported: {unenforced})"),
        (Some("allow"), None) => "allow".to_owned(),
        _ => format!("deny {} {reason}", record.get("status").and_then(Value::as_u64).unwrap_or_default()),
    }
}

/// The other configuration.
struct Again {
    gate: Gate,
    document: Value,
}

impl Again {
    fn open(config: &Value, environment: Environment<'_>) -> Result<Self, String> {
        let mut document = config.clone();
        if let Some(members) = document.as_object_mut() {
            // A record has the address and the caller as they were understood, not the headers that said so.
            members.remove("client_address");
            members.remove("credentials");
        }
        let (config, world) = World::open(&document, environment).map_err(|problems| problems.to_string())?;
        Ok(Self { gate: Gate::new(config, world), document })
    }

    fn decide(&mut self, record: &Value) -> Replayed {
        let text = |member: &str| record.get(member).and_then(Value::as_str).unwrap_or_default();
        let (method, host, path) = (text("method"), text("host"), text("path"));
        if method.is_empty() || path.is_empty() {
            return Replayed::Untold("the request could not be read, so the record does not have it".to_owned());
        }
        if path.len() >= LONGEST_PATH {
            return Replayed::Untold("the path is cut in the record".to_owned());
        }
        let preflights_pass = self.document.pointer("/answers/cors_preflight").is_some_and(|found| found == "pass");
        if method == "OPTIONS" && preflights_pass {
            return Replayed::Untold("preflights pass, and a record does not say whether it is of one".to_owned());
        }
        let Some(inputs) = record.get("inputs") else {
            return Replayed::Untold("the record has no `inputs` (`audit.inputs`)".to_owned());
        };
        if inputs.get("left_out").is_some() {
            return Replayed::Untold("claims are too long for the record".to_owned());
        }
        if text("credential") == "certificate" {
            return Replayed::Untold("the caller was known by a certificate, which a record does not have".to_owned());
        }
        let now = UnixTime::from_millis(record.get("time_ms").and_then(Value::as_u64).unwrap_or_default());
        let claims = inputs.get("claims").and_then(Value::as_object);
        let mut headers = Vec::new();
        if let Some(claims) = claims {
            let credential = match record.get("credential").and_then(Value::as_str) {
                Some("token") | None => self
                    .token(record, claims, inputs, now)
                    .map(|token| ("authorization".to_owned(), format!("Bearer {token}"))),
                // The key of that id, with what the other configuration has of it.
                Some("api_key") => {
                    self.gate.world().api_key(&KeySpec { id: text("client").to_owned(), ..KeySpec::default() })
                }
                Some(other) => Err(format!("the caller was known by a {other}, which a record does not have")),
            };
            match credential {
                Ok(header) => headers.push(header),
                Err(why) => return Replayed::Untold(why),
            }
        }
        let address = inputs.get("address").and_then(Value::as_str).and_then(|text| text.parse().ok());
        self.gate.host().connect(address);
        let rehearsal = self.gate.walk(head(method, host, path, &headers), now);
        let rule = rehearsal.rule.as_ref();
        if let Some(why) = self.hangs_on_more(rehearsal.head.as_ref(), rule.map(|rule| rule.index), claims, inputs) {
            return Replayed::Untold(why);
        }
        let accepts = rule.and_then(|rule| self.document.pointer(&format!("/rules/{}/accept", rule.index)));
        let by_certificate =
            accepts.and_then(Value::as_array).is_some_and(|kinds| kinds.contains(&json!("certificate")));
        if by_certificate && claims.is_none() {
            return Replayed::Untold("the rule takes certificates, which a record does not have".to_owned());
        }
        // Without claims there was no token, a bad one, or nobody looked.
        let looks = rule.is_some_and(|rule| rule.access != Access::Anonymous);
        if claims.is_none() && looks && text("reason") != "credential_missing" {
            let why = "the token was not accepted, or not looked at, so the record does not have it";
            return Replayed::Untold(why.to_owned());
        }
        let unenforced = rehearsal.unenforced.as_ref().map(portcullis::exchange::Denial::reason);
        let would_be = match (&rehearsal.step, unenforced) {
            (Step::Continue(..), Some(reason)) => format!("allow (reported: {reason})"),
            (Step::Continue(..), None) => "allow".to_owned(),
            (Step::Reply(_, record), _) if record.reason == "groups_unavailable" => {
                return Replayed::Untold("it hangs on groups that only Microsoft Graph knows".to_owned());
            }
            (Step::Reply(reply, _), _) if reply.status < 400 => "allow".to_owned(),
            (Step::Reply(reply, record), _) => format!("deny {} {}", reply.status, record.reason),
            (Step::Wait(..), _) => return Replayed::Untold("it hangs on an answer of another service".to_owned()),
        };
        Replayed::Told { would_be, rule: rule.map(|rule| rule.name.clone()) }
    }

    /// A token with exactly these claims, of whoever answers for its issuer.
    fn token(
        &self,
        record: &Value,
        claims: &Map<String, Value>,
        inputs: &Value,
        now: UnixTime,
    ) -> Result<String, String> {
        let world = self.gate.world();
        let issuer = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
        let signer = world.signers().iter().find(|signer| signer.rule.speaks_for(issuer));
        let typ = inputs.get("typ").cloned().unwrap_or(Value::Null);
        if record.get("introspected").is_some_and(|introspected| introspected == true) {
            return self.opaque_token(record, claims, now);
        }
        // Nobody answers for it: whoever signs, the engine says so.
        let signer = signer.or_else(|| world.signers().first()).ok_or("there is no provider")?;
        let mut claims = claims.clone();
        // The record has the token's id under a name of its own: `uti` of Entra ID, otherwise `jti`.
        if let Some(id) = record.get("token_id") {
            claims.insert(if signer.entra { "uti" } else { "jti" }.to_owned(), id.clone());
        }
        let spec = TokenSpec { claims, header: Map::from_iter([("typ".to_owned(), typ)]), ..TokenSpec::default() };
        Ok(signer.sign(&spec, Map::new(), now))
    }

    /// An opaque token of which its provider's authorization server says exactly this.
    fn opaque_token(&self, record: &Value, claims: &Map<String, Value>, now: UnixTime) -> Result<String, String> {
        let provider = record.get("provider").and_then(Value::as_str).unwrap_or_default();
        let signer = self.gate.world().signers().iter().find(|signer| signer.provider == provider);
        // Without such a provider it is any text that is no JWT.
        let Some(signer) = signer.filter(|signer| signer.endpoint.is_some()) else { return Ok("opaque".to_owned()) };
        let mut claims = claims.clone();
        if let Some(id) = record.get("token_id") {
            claims.insert("jti".to_owned(), id.clone());
        }
        let spec = TokenSpec { claims, ..TokenSpec::default() };
        signer.introspected(&Opaque::default(), &spec, Map::new(), now)
    }

    /// What the new decision hangs on that a record does not have.
    fn hangs_on_more(
        &self,
        head: Option<&RequestHead>,
        rule: Option<usize>,
        claims: Option<&Map<String, Value>>,
        inputs: &Value,
    ) -> Option<String> {
        if claims.is_some_and(|claims| claims.contains_key("cnf")) {
            return Some("the token is bound to its sender, and a record has no proof".to_owned());
        }
        let mut found = None;
        let rules = self.document.get("rules").and_then(Value::as_array);
        let conditional = head.is_some_and(|head| {
            rules.into_iter().flatten().any(|rule| has_conditions(rule) && could_speak(rule, head).is_some())
        });
        if conditional {
            return Some("a rule about it looks at headers or the query, which a record does not have".to_owned());
        }
        let policies = self.document.get("conditional_access").into_iter();
        let asked =
            rule.and_then(|rule| self.document.pointer(&format!("/rules/{rule}/require"))).into_iter().chain(policies);
        let asked: Vec<&Value> = asked.collect();
        let mut by_role = false;
        for requirement in &asked {
            needs(requirement, &mut |member, _| by_role |= member == "permissions");
        }
        for requirement in asked.into_iter().chain(self.document.get("roles").filter(|_| by_role)) {
            needs(requirement, &mut |member, value| {
                let lacking = match member {
                    "countries" | "asns" | "risk_below" | "cel" | "devices" | "certificates" | "binding" => true,
                    "owner" => value.get("header").is_some(),
                    "claim" | "danger_claim" => {
                        let path = value.get("path");
                        let name = path.and_then(|path| match path {
                            Value::String(text) => text.split('.').next().map(str::to_owned),
                            Value::Array(names) => names.first().and_then(Value::as_str).map(str::to_owned),
                            _ => None,
                        });
                        !name.is_some_and(|name| recorded(&name, claims, inputs))
                    }
                    _ => false,
                };
                if lacking && found.is_none() {
                    found = Some(format!("the decision hangs on `{member}`, of which a record does not have all"));
                }
            });
        }
        found
    }
}

/// Is it in the record whether the token has this claim?
fn recorded(name: &str, claims: Option<&Map<String, Value>>, inputs: &Value) -> bool {
    let absent = inputs.get("absent").and_then(Value::as_array);
    DECIDING.contains(&name)
        || claims.is_some_and(|claims| claims.contains_key(name))
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

impl Summary {
    fn add(&mut self, record: &Value, replayed: Replayed) {
        let was = went(record);
        if was.starts_with("allow") {
            self.allows = self.allows.saturating_add(1);
        }
        match replayed {
            Replayed::Untold(why) => {
                let count = self.untold.entry(why).or_default();
                *count = count.saturating_add(1);
            }
            Replayed::Told { would_be, .. } if would_be == was => self.same = self.same.saturating_add(1),
            Replayed::Told { would_be, rule } => {
                let new = || Group { count: 0, example: record.clone(), rules: BTreeSet::new() };
                let group = self.changed.entry((was, would_be)).or_insert_with(new);
                group.count = group.count.saturating_add(1);
                if group.rules.len() < MOST_RULES {
                    group.rules.insert(rule.unwrap_or_else(|| "none".to_owned()));
                }
            }
        }
    }

    fn changes(&self) -> u64 {
        self.changed.values().map(|group| group.count).fold(0, u64::saturating_add)
    }

    fn cannot_be_told(&self) -> u64 {
        self.untold.values().copied().fold(0, u64::saturating_add)
    }

    fn json(&self) -> Value {
        let changed: Vec<Value> = self
            .changed
            .iter()
            .map(|((was, would_be), group)| {
                json!({"was": was, "would_be": would_be, "count": group.count, "rules": group.rules, "example": group.example})
            })
            .collect();
        let untold: Vec<Value> = self.untold.iter().map(|(why, count)| json!({"why": why, "count": count})).collect();
        json!({
            "records": self.records, "same": self.same, "changes": self.changes(), "cannot_be_told": self.cannot_be_told(),
            "changed": changed, "untold": untold,
        })
    }

    fn print(&self, out: &mut Vec<u8>) {
        let mut groups: Vec<_> = self.changed.iter().collect();
        groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.count));
        for ((was, would_be), Group { count, example, rules }) in groups {
            let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
            line!(out, "{count} x {was} -> {would_be}, by rule {}", rules.join(", "));
            let text = |member: &str| example.get(member).and_then(Value::as_str).unwrap_or("-");
            line!(
                out,
                "    such as {} {}{} of {} with {}, request {}",
                text("method"),
                text("host"),
                text("path"),
                text("subject"),
                text("client"),
                text("request_id")
            );
        }
        for (why, count) in &self.untold {
            line!(out, "{count} x can't be told: {why}");
        }
        line!(
            out,
            "{} records: {} would go as they went, {} would not, {} can't be told",
            self.records,
            self.same,
            self.changes(),
            self.cannot_be_told()
        );
        if self.allows == 0 && self.records > 0 {
            line!(
                out,
                "no record of a request that went on: `audit.log` has to be `all` to see what would be turned away"
            );
        }
    }
}

/// A prefix of Envoy's log line may have braces of its own.
const MOST_BRACES: usize = 8;

/// The filter cuts paths here.
const LONGEST_PATH: usize = 1024;

/// More rules than these are not listed.
const MOST_RULES: usize = 5;

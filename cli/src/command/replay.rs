//! `portcullis explain --envoy-log`: the filter's own records, decided again by another configuration.
//!
//! A record with `audit.inputs` holds the claims that decided, so a token with exactly these claims is made and the real
//! engine decides. What hangs on something that a record does not hold is listed apart, never guessed.

mod lacking;
mod limits;
mod summary;

use std::path::PathBuf;

use portcullis::exchange::rehearsal::Rehearsal;
use portcullis::exchange::{Denial, Step};
use portcullis::policy::Access;
use portcullis::time::UnixTime;
use serde_json::{Map, Value, json};

use super::{Exit, Format, line, named, progress};
use crate::document;
use crate::scenario::gate::{Gate, head};
use crate::world::api_key::KeySpec;
use crate::world::opaque::Opaque;
use crate::world::token::TokenSpec;
use crate::world::{Environment, World};
use lacking::Recorded;
use limits::{Limits, is_limit};
use summary::Summary;

/// What another configuration makes of a record.
enum Replayed {
    Told { would_be: String, rule: Option<String> },
    Untold(String),
}

pub(super) fn run(
    config: &Value,
    environment: Environment<'_>,
    logs: &[PathBuf],
    without_limits: bool,
    format: Format,
    out: &mut Vec<u8>,
) -> Result<Exit, String> {
    let mut again = Again::open(config, environment, without_limits)?;
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
    Ok(if summary.changes() == 0 { Exit::Fine } else { Exit::Changes })
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

/// The other configuration.
struct Again {
    gate: Gate,
    document: Value,
    limits: Limits,
    /// From then on each request is counted in limits; absent before the first that went on.
    counted_since: Option<UnixTime>,
}

impl Again {
    fn open(config: &Value, environment: Environment<'_>, without_limits: bool) -> Result<Self, String> {
        let mut document = config.clone();
        if let Some(members) = document.as_object_mut() {
            // A record has the address and the caller as they were understood, not the headers that said so.
            members.remove("client_address");
            members.remove("credentials");
        }
        let limits = Limits::take(&mut document, without_limits);
        let (config, world) = World::open(&document, environment).map_err(|problems| problems.to_string())?;
        Ok(Self { gate: Gate::new(config, world), document, limits, counted_since: None })
    }

    fn decide(&mut self, record: &Value) -> Replayed {
        let now = UnixTime::from_millis(record.get("time_ms").and_then(Value::as_u64).unwrap_or_default());
        match self.headers(record, now) {
            Ok(headers) => self.walk(record, &headers, now),
            // It counts in no limit, though it may have.
            Err(why) => {
                self.counted_since = self.counted_since.map(|_| now);
                Replayed::Untold(why)
            }
        }
    }

    /// The headers of a request that is as its record says.
    fn headers(&self, record: &Value, now: UnixTime) -> Result<Vec<(String, String)>, String> {
        let text = |member: &str| record.get(member).and_then(Value::as_str).unwrap_or_default();
        let (method, path) = (text("method"), text("path"));
        if method.is_empty() || path.is_empty() {
            return Err("the request could not be read, so the record does not have it".to_owned());
        }
        if path.len() >= LONGEST_PATH {
            return Err("the path is cut in the record".to_owned());
        }
        let preflights_pass = self.document.pointer("/answers/cors_preflight").is_some_and(|found| found == "pass");
        if method == "OPTIONS" && preflights_pass {
            return Err("preflights pass, and a record does not say whether it is of one".to_owned());
        }
        let Some(inputs) = record.get("inputs") else {
            return Err(NO_INPUTS.to_owned());
        };
        if inputs.get("left_out").is_some() {
            return Err("claims are too long for the record".to_owned());
        }
        if text("credential") == "certificate" {
            return Err("the caller was known by a certificate, which a record does not have".to_owned());
        }
        let Some(claims) = inputs.get("claims").and_then(Value::as_object) else { return Ok(Vec::new()) };
        let credential = match record.get("credential").and_then(Value::as_str) {
            Some("token") | None => {
                let token = self.token(record, claims, inputs, now)?;
                ("authorization".to_owned(), format!("Bearer {token}"))
            }
            // The key of that id, with what the other configuration has of it.
            Some("api_key") => {
                self.gate.world().api_key(&KeySpec { id: text("client").to_owned(), ..KeySpec::default() })?
            }
            Some(other) => return Err(format!("the caller was known by a {other}, which a record does not have")),
        };
        Ok(vec![credential])
    }

    fn walk(&mut self, record: &Value, headers: &[(String, String)], now: UnixTime) -> Replayed {
        let text = |member: &str| record.get(member).and_then(Value::as_str).unwrap_or_default();
        let Some(inputs) = record.get("inputs") else { return Replayed::Untold(NO_INPUTS.to_owned()) };
        let address = inputs.get("address").and_then(Value::as_str).and_then(|text| text.parse().ok());
        self.gate.host().connect(address);
        let counted = self.counted_since.map(|since| now.since(since));
        if text("decision") == "allow" {
            self.counted_since.get_or_insert(now);
        }
        let rehearsal = self.gate.walk(head(text("method"), text("host"), text("path"), headers), now);
        let recorded = Recorded { claims: inputs.get("claims").and_then(Value::as_object), inputs };
        let index = rehearsal.rule.as_ref().map(|rule| rule.index);
        if let Some(why) = lacking::of_decision(&self.document, rehearsal.head.as_ref(), index, recorded)
            .or_else(|| self.hangs_on_credential(record, &rehearsal, recorded))
        {
            return Replayed::Untold(why);
        }
        let would_be = match would_be(&rehearsal) {
            Ok(would_be) => would_be,
            Err(why) => return Replayed::Untold(why),
        };
        let goes_on = would_be.starts_with("allow");
        if let Some(why) = index.and_then(|rule| self.limits.hang_on(&self.document, rule, recorded, goes_on)) {
            return Replayed::Untold(why);
        }
        let was_limited = is_limit(text("reason")) || is_limit(text("unenforced"));
        if let Some(why) = self
            .limits
            .are_missed(&rehearsal.limits, counted)
            .filter(|_| was_limited && !stopped_by(&rehearsal).is_some_and(is_limit))
        {
            return Replayed::Untold(why.to_owned());
        }
        Replayed::Told { would_be, rule: rehearsal.rule.map(|rule| rule.name) }
    }

    /// What it hangs on that is of a credential and not in the record.
    fn hangs_on_credential(&self, record: &Value, rehearsal: &Rehearsal, recorded: Recorded<'_>) -> Option<String> {
        let rule = rehearsal.rule.as_ref().filter(|_| recorded.claims.is_none())?;
        // Who is refused on arrival is refused with any credential.
        if rule.access == Access::Required && stopped_by(rehearsal).is_some_and(is_limit) {
            return None;
        }
        let accepts = self.document.pointer(&format!("/rules/{}/accept", rule.index));
        if accepts.and_then(Value::as_array).is_some_and(|kinds| kinds.contains(&json!("certificate"))) {
            return Some("the rule takes certificates, which a record does not have".to_owned());
        }
        // Without claims there was no token, a bad one, or nobody looked.
        let missing = record.get("reason").is_some_and(|reason| reason == "credential_missing");
        (rule.access != Access::Anonymous && !missing)
            .then(|| "the token was not accepted, or not looked at, so the record does not have it".to_owned())
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
}

/// How it would go, in one word or some.
fn would_be(rehearsal: &Rehearsal) -> Result<String, String> {
    let unenforced = rehearsal.unenforced.as_ref().map(Denial::reason);
    match (&rehearsal.step, unenforced) {
        (Step::Continue(..), Some(reason)) => Ok(format!("allow (reported: {reason})")),
        (Step::Continue(..), None) => Ok("allow".to_owned()),
        (Step::Reply(_, record), _) if record.reason == "groups_unavailable" => {
            Err("it hangs on groups that only Microsoft Graph knows".to_owned())
        }
        (Step::Reply(reply, _), _) if reply.status < 400 => Ok("allow".to_owned()),
        (Step::Reply(reply, record), _) => Ok(format!("deny {} {}", reply.status, record.reason)),
        (Step::Wait(..), _) => Err("it hangs on an answer of another service".to_owned()),
    }
}

/// The reason that stopped it, or would have.
fn stopped_by(rehearsal: &Rehearsal) -> Option<&'static str> {
    match &rehearsal.step {
        Step::Reply(_, record) => Some(record.reason),
        Step::Continue(..) | Step::Wait(..) => rehearsal.unenforced.as_ref().map(Denial::reason),
    }
}

const NO_INPUTS: &str = "the record has no `inputs` (`audit.inputs`)";

/// A prefix of Envoy's log line may have braces of its own.
const MOST_BRACES: usize = 8;

/// The filter cuts paths here.
const LONGEST_PATH: usize = 1024;

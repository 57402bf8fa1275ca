//! `portcullis explain`: one request walked step by step.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use portcullis::config::Config;
use portcullis::exchange::Step;
use portcullis::exchange::rehearsal::Rehearsal;
use portcullis::http::{HeaderValue, Mutation, RequestHead};
use portcullis::identity::Identity;
use portcullis::policy::requirement::Finding;
use portcullis::policy::{Access, Credentials};
use portcullis::time::UnixTime;
use serde_json::{Map, Value, json};

use super::matching::{could_speak, has_conditions};
use super::{EnvironmentArguments, Exit, Format, line, named, replay};
use crate::scenario::gate::{Gate, head};
use crate::world::api_key::KeySpec;
use crate::world::opaque::Opaque;
use crate::world::token::{Kind, TokenSpec};
use crate::world::{Keys, World};
use crate::{document, moment};

pub(super) const EXAMPLES: &str = "Examples:
  portcullis explain filter.json --request 'GET https://api.example/orders/7' --claims '{\"scp\": \"orders.read\"}'
      what comes of a token with these claims; it is made and signed here, the rest of it is ordinary
  portcullis explain filter.json --request 'GET https://api.example/orders/7' --token token.txt --keys jwks.json
      what comes of a real token; its issuer's keys are in jwks.json
  portcullis explain filter.json --request 'POST https://api.example/payments' --claims claims.yaml \\
      --from 203.0.113.7 --at 2026-03-29T01:30:00+01:00 --header 'x-tier: gold'
      from there, then, with this header
  portcullis explain filter.json --request 'GET https://api.example/orders/7' --api-key ci
      what comes of the API key `ci`; it gets a secret that is known here
  portcullis explain new.json --envoy-log envoy.log
      which decisions in the log would be others with new.json; the log needs `audit: {log: all, inputs: true}`

Exit codes: 0 told, 1 the configuration has faults, 2 something can't be read, 3 decisions change (--envoy-log).";

/// What to explain.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The configuration, JSON or YAML
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The request: `GET https://api.example/orders/7`
    #[arg(long, value_name = "METHOD URL", required_unless_present = "envoy_log")]
    request: Option<String>,
    /// A file with a real token; `-` is the standard input. Needs --keys unless the configuration has the keys
    #[arg(long, value_name = "FILE", conflicts_with = "claims")]
    token: Option<PathBuf>,
    /// Claims of a token that is made here: a file, JSON or YAML, or the JSON itself. null leaves a claim out
    #[arg(long, value_name = "FILE|JSON")]
    claims: Option<String>,
    /// Whose token is made; may be left out where there is one provider
    #[arg(long, value_name = "NAME", requires = "claims")]
    provider: Option<String>,
    /// Who has the token that is made
    #[arg(long, value_enum, default_value_t, requires = "claims")]
    kind: KindArgument,
    /// The id of an API key of the configuration, or of none; its secret is made here
    #[arg(long, value_name = "ID", conflicts_with_all = ["token", "claims"])]
    api_key: Option<String>,
    /// The token that is made is opaque, and the claims are what its authorization server says of it
    #[arg(long, requires = "claims")]
    opaque: bool,
    /// The issuer's keys, a JWK set
    #[arg(long, value_name = "FILE", conflicts_with = "claims")]
    keys: Option<PathBuf>,
    /// The client's address; not known if left out
    #[arg(long, value_name = "IP")]
    from: Option<IpAddr>,
    /// When it is asked (RFC 3339); now if left out
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    at: Option<UnixTime>,
    /// A header, as often as needed
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// A property of the connection, as Envoy names it: `connection.uri_san_peer_certificate=spiffe://a`
    #[arg(long = "connection", value_name = "NAME=VALUE", value_parser = super::assignment)]
    connection: Vec<(String, String)>,
    /// Replays the filter's records in these logs; `-` is the standard input
    #[arg(long, value_name = "LOG", num_args = 1.., conflicts_with_all = ["request", "token", "claims", "api_key", "keys", "from", "at", "headers"])]
    envoy_log: Vec<PathBuf>,
    /// How to tell it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    environment: EnvironmentArguments,
}

/// Who has a token that is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum KindArgument {
    /// A person
    #[default]
    User,
    /// A program that acts for itself
    App,
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("expected NAME: VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

pub(super) fn run(arguments: &Arguments, out: &mut Vec<u8>) -> Result<Exit, String> {
    let text = document::read(&arguments.file).and_then(|text| document::json_text(&text))?;
    let environment = |name: &str| arguments.environment.get(name);
    // The text as it is first: the faults are those of the file.
    let config = match Config::load(text.as_bytes(), &environment) {
        Ok(config) => config,
        Err(problems) => {
            for problem in problems.iter() {
                line!(out, "{}: error: {problem}", named(&arguments.file));
            }
            return Ok(Exit::Faults);
        }
    };
    let value = document::value(&text)?;
    if !arguments.envoy_log.is_empty() {
        return replay::run(&value, &environment, &arguments.envoy_log, arguments.format, out);
    }
    let (method, host, path) = target(arguments.request.as_deref().unwrap_or_default())?;
    let now = arguments.at.unwrap_or_else(moment::now);
    let mut hints = Vec::new();
    let mut headers = arguments.headers.clone();
    let mut gate = match (&arguments.token, &arguments.claims) {
        (None, Some(claims)) => {
            let (config, world) = World::open(&value, &environment).map_err(|problems| problems.to_string())?;
            let token = world.mint(&spec(claims, arguments)?, now).map_err(|error| format!("--claims: {error}"))?;
            headers.push(("authorization".to_owned(), format!("Bearer {token}")));
            Gate::new(config, world)
        }
        (Some(file), _) => {
            let token = document::read(file)?;
            let token = token.trim();
            let token = token.strip_prefix("Bearer ").unwrap_or(token);
            headers.push(("authorization".to_owned(), format!("Bearer {token}")));
            let keys = match &arguments.keys {
                Some(file) => Keys::Given(document::value(&document::read(file)?)?),
                None => {
                    hints.push("without --keys only keys in the configuration can check the token; what an opaque one is, --claims with --opaque can say");
                    Keys::None
                }
            };
            let world = World::with_keys(&config, &keys);
            Gate::new(config, world)
        }
        (None, None) if arguments.api_key.is_some() => {
            let (config, world) = World::open(&value, &environment).map_err(|problems| problems.to_string())?;
            let id = arguments.api_key.as_deref().unwrap_or_default();
            let key = KeySpec { id: id.to_owned(), ..KeySpec::default() };
            headers.push(world.api_key(&key).map_err(|error| format!("--api-key: {error}"))?);
            Gate::new(config, world)
        }
        (None, None) => {
            let world = World::with_keys(&config, &Keys::None);
            Gate::new(config, world)
        }
    };
    gate.host().connect(arguments.from);
    for (name, value) in &arguments.connection {
        gate.host().set(name, value);
    }
    let pairs = head(&method, &host, &path, &headers);
    let rehearsal = gate.walk(pairs.clone(), now);
    let story = Story::of(&rehearsal, &value, now);
    match arguments.format {
        Format::Json => line!(out, "{:#}", story.json),
        Format::Text => {
            for (label, lines) in story.lines {
                for (index, text) in lines.iter().enumerate() {
                    line!(out, "{:<12}{text}", if index == 0 { label } else { "" });
                }
            }
            for hint in hints.iter().filter(|_| story.keys_lacking) {
                line!(out, "{:<12}{hint}", "hint");
            }
        }
    }
    Ok(Exit::Fine)
}

/// `GET https://api.example/orders/7?x=1` as method, host and path.
fn target(text: &str) -> Result<(String, String, String), String> {
    let expected = || {
        format!("--request: expected a method and an address, as in `GET https://api.example/orders/7`; found `{text}`")
    };
    let (method, address) = text.trim().split_once(' ').ok_or_else(expected)?;
    let address = address.trim();
    if address.starts_with('/') {
        return Ok((method.to_owned(), "localhost".to_owned(), address.to_owned()));
    }
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://")).ok_or_else(expected)?;
    let (host, path) = match rest.find(['/', '?']) {
        Some(at) => rest.split_at_checked(at).ok_or_else(expected)?,
        None => (rest, "/"),
    };
    let path = if path.starts_with('?') { format!("/{path}") } else { path.to_owned() };
    Ok((method.to_owned(), host.to_owned(), path))
}

fn spec(claims: &str, arguments: &Arguments) -> Result<TokenSpec, String> {
    let text =
        if claims.trim_start().starts_with('{') { claims.to_owned() } else { document::read(&PathBuf::from(claims))? };
    let Value::Object(members) = document::value(&text).map_err(|error| format!("--claims: {error}"))? else {
        return Err("--claims: expected an object".to_owned());
    };
    let (absent, claims): (Map<String, Value>, Map<String, Value>) =
        members.into_iter().partition(|(_, value)| value.is_null());
    Ok(TokenSpec {
        provider: arguments.provider.clone(),
        kind: if arguments.kind == KindArgument::App { Kind::App } else { Kind::User },
        claims,
        without: absent.into_iter().map(|(name, _)| name).collect(),
        opaque: arguments.opaque.then(Opaque::default),
        ..TokenSpec::default()
    })
}

/// Whom a rule lets in, in words.
fn access(access: Access, accepts: Credentials) -> String {
    let kinds = [(accepts.token, "token"), (accepts.api_key, "API key"), (accepts.certificate, "client certificate")];
    let kinds: Vec<&str> = kinds.into_iter().filter_map(|(taken, name)| taken.then_some(name)).collect();
    let kinds = kinds.join(" or ");
    match access {
        Access::Required => format!("a good {kinds} is needed"),
        Access::Optional => format!("a good {kinds}, or none"),
        Access::Anonymous => "nobody is asked for a credential".to_owned(),
    }
}

/// A rehearsal for people and for programs.
struct Story {
    lines: Vec<(&'static str, Vec<String>)>,
    json: Value,
    keys_lacking: bool,
}

impl Story {
    fn of(rehearsal: &Rehearsal, document: &Value, now: UnixTime) -> Self {
        let mut story = Self { lines: Vec::new(), json: json!({}), keys_lacking: false };
        story.request(rehearsal, now);
        story.rule(rehearsal, document);
        story.caller(rehearsal);
        story.requirement(rehearsal);
        story.policies(rehearsal);
        story.limits(rehearsal);
        story.end(rehearsal);
        story
    }

    fn tell(&mut self, label: &'static str, lines: Vec<String>, value: Value) {
        self.lines.push((label, lines));
        if let Some(members) = self.json.as_object_mut() {
            members.insert(label.to_owned(), value);
        }
    }

    fn request(&mut self, rehearsal: &Rehearsal, now: UnixTime) {
        let address = rehearsal.address.map_or("an address not known".to_owned(), |address| address.to_string());
        let time = moment::format(now);
        let Some(head) = &rehearsal.head else {
            self.tell("request", vec![format!("can't be read; from {address} at {time}")], Value::Null);
            return;
        };
        let mut lines =
            vec![format!("{} {}{} from {address} at {time}", head.method(), head.host(), head.path().path())];
        let normalised = head.path().normalised();
        if normalised != head.path().path() {
            lines.push(format!("rules see {normalised}"));
        }
        let value = json!({
            "method": head.method(), "host": head.host(), "path": normalised, "address": rehearsal.address, "time": time,
        });
        self.tell("request", lines, value);
    }

    fn rule(&mut self, rehearsal: &Rehearsal, document: &Value) {
        let Some(rule) = &rehearsal.rule else {
            if rehearsal.head.is_some() {
                self.tell("rule", vec!["none speaks for it".to_owned()], Value::Null);
            }
            return;
        };
        let written = document.pointer(&format!("/rules/{}/match", rule.index)).cloned().unwrap_or(json!({}));
        let parameters: Vec<String> =
            rule.parameters.iter().map(|(name, value)| format!("{name} = {value:?}")).collect();
        let with = if parameters.is_empty() { String::new() } else { format!(" with {}", parameters.join(", ")) };
        let access = access(rule.access, rule.accepts);
        let why = why(&written);
        let mut lines = vec![
            format!("{} (rules[{}]): {}{with}", rule.name, rule.index, rule.template),
            why.clone(),
            access.clone(),
        ];
        let others = rehearsal.head.as_ref().map(|head| others(document, rule.index, head)).unwrap_or_default();
        lines.extend(others.iter().map(|other| format!("also about it: {other}")));
        if rule.report_only {
            lines.push("it is reported and not enforced (report_only)".to_owned());
        }
        let value = json!({
            "name": rule.name, "index": rule.index, "template": rule.template, "access": access, "why": why,
            "parameters": rule.parameters.iter().map(|(name, value)| (name.clone(), json!(value))).collect::<Map<_, _>>(),
            "report_only": rule.report_only, "others": others,
        });
        self.tell("rule", lines, value);
    }

    fn caller(&mut self, rehearsal: &Rehearsal) {
        if let Some(place) = &rehearsal.credential {
            self.tell("credential", vec![format!("in {place}")], json!(place));
        }
        if let Some(token) = &rehearsal.token {
            let kid = token.kid.as_deref().map_or("no key id".to_owned(), |kid| format!("key id {kid:?}"));
            let provider = match &rehearsal.provider {
                Some(provider) => format!("provider {provider}"),
                None => "no provider answers for its issuer".to_owned(),
            };
            let value = json!({
                "algorithm": token.alg.name(), "kid": token.kid, "typ": token.typ, "provider": rehearsal.provider,
            });
            self.tell("token", vec![format!("{}, {kid}, {provider}", token.alg.name())], value);
        }
        if rehearsal.opaque {
            let provider = rehearsal.provider.as_deref().unwrap_or("-");
            let line = format!("opaque; the authorization server of provider {provider} is asked");
            self.tell("token", vec![line], json!({"opaque": true, "provider": rehearsal.provider}));
        }
        let identity = &rehearsal.identity;
        if let Identity::ApiKey(key) = identity {
            let mut lines = vec![format!("API key {} of {}", key.id(), identity.subject().unwrap_or_default())];
            lines.extend(key.expires().map(|end| format!("expires {}", moment::format(end))));
            let others = key.claims().iter().filter(|(name, _)| !["sub", "client_id"].contains(&name.as_str()));
            lines.extend(others.map(|(name, value)| format!("{name} {value}")));
            let value = json!({
                "kind": "api_key", "subject": identity.subject(), "client": identity.client(), "claims": key.claims(),
                "expires": key.expires().map(moment::format),
            });
            self.tell("caller", lines, value);
        }
        if let Some(token) = identity.token() {
            let kind = token.caller().map_or("caller", portcullis::entra::Caller::name);
            let mut lines = vec![format!("{kind} {}", identity.subject().unwrap_or("without subject"))];
            for (label, value) in [("tenant", identity.tenant()), ("client", identity.client())] {
                lines.extend(value.map(|value| format!("{label} {value}")));
            }
            let claims = ["scp", "scope", "roles", "groups", "wids", "acrs", "amr", "acr"];
            for name in claims {
                lines.extend(token.claims().get(name).map(|value| format!("{name} {value}")));
            }
            let value = json!({
                "kind": token.caller().map(portcullis::entra::Caller::name), "subject": identity.subject(),
                "tenant": identity.tenant(), "client": identity.client(), "claims": token.claims(),
            });
            self.tell("caller", lines, value);
        }
    }

    fn requirement(&mut self, rehearsal: &Rehearsal) {
        let Some(finding) = &rehearsal.requirement else { return };
        let mut lines = Vec::new();
        part(finding, 0, &mut lines);
        self.tell("requires", lines, serde_json::to_value(finding).unwrap_or_default());
    }

    fn limits(&mut self, rehearsal: &Rehearsal) {
        if rehearsal.limits.is_empty() {
            return;
        }
        let mut lines = Vec::new();
        for limit in &rehearsal.limits {
            let key = if limit.key.is_empty() { "all together".to_owned() } else { limit.key.join(", ") };
            let tier = limit.tier.as_ref().map(|tier| format!(", tier {tier}")).unwrap_or_default();
            lines.push(format!("{}: {} (by {key}{tier})", limit.name, limit.outcome));
            for left in &limit.left {
                lines.push(format!("    {}: {} of {} left", left.kind, left.left, left.of));
            }
        }
        self.tell("limits", lines, serde_json::to_value(&rehearsal.limits).unwrap_or_default());
    }

    fn policies(&mut self, rehearsal: &Rehearsal) {
        if rehearsal.policies.is_empty() {
            return;
        }
        let mut lines = Vec::new();
        for policy in &rehearsal.policies {
            let decided = if rehearsal.policy.as_ref() == Some(&policy.name) { ", decided by this" } else { "" };
            let reported = if policy.report_only { ", reported and not enforced" } else { "" };
            let asks = match policy.grant {
                "block" => "blocks",
                "one" => "asks for one of its controls",
                _ => "asks for all of its controls",
            };
            lines.push(format!("{} {asks}{reported}{decided}", policy.name));
            for (label, finding) in [("when", &policy.when), ("except", &policy.except)] {
                if let Some(finding) = finding {
                    lines.push(format!("  {label}"));
                    part(finding, 2, &mut lines);
                }
            }
            for control in &policy.controls {
                lines.push("  control".to_owned());
                part(control, 2, &mut lines);
            }
        }
        self.tell("policies", lines, serde_json::to_value(&rehearsal.policies).unwrap_or_default());
    }

    fn end(&mut self, rehearsal: &Rehearsal) {
        let unenforced = rehearsal.unenforced.as_ref().map(portcullis::exchange::Denial::reason);
        let would = unenforced.map(|reason| format!(" (reported, not enforced: {reason})")).unwrap_or_default();
        match &rehearsal.step {
            Step::Continue(passage, record) => {
                let decision = json!({"decision": "allow", "reason": record.reason, "unenforced": unenforced});
                self.tell("decision", vec![format!("goes on: {}{would}", record.reason)], decision);
                let (lines, changes): (Vec<_>, Vec<_>) = passage.mutations.headers().iter().map(change).unzip();
                let mut lines = lines;
                lines.extend(passage.mutations.path().map(|path| format!("path {}", String::from_utf8_lossy(path))));
                let path = passage.mutations.path().map(|path| String::from_utf8_lossy(path).into_owned());
                if lines.is_empty() {
                    lines.push("as it came".to_owned());
                }
                self.tell("upstream", lines, json!({"headers": changes, "path": path}));
            }
            Step::Reply(reply, record) => {
                self.keys_lacking = matches!(record.reason, "keys_unavailable" | "introspection_unavailable");
                let decision = json!({
                    "decision": if reply.status < 400 { "allow" } else { "deny" }, "reason": record.reason, "unenforced": unenforced,
                });
                self.tell("decision", vec![format!("{}{would}", record.reason)], decision);
                let body = String::from_utf8_lossy(&reply.body).into_owned();
                let mut lines = vec![reply.status.to_string()];
                lines.extend(reply.headers.iter().map(|(name, value)| format!("{name}: {value}")));
                lines.push(body.clone());
                let headers: Vec<Value> = reply.headers.iter().map(|(name, value)| json!([name, value])).collect();
                self.tell("answer", lines, json!({"status": reply.status, "headers": headers, "body": body}));
            }
            Step::Wait(..) => {
                self.keys_lacking = true;
                self.tell("decision", vec!["waits for keys that do not come".to_owned()], json!({"decision": "wait"}));
            }
        }
    }
}

/// A part of a requirement and its parts, each on a line of its own.
fn part(finding: &Finding, depth: usize, lines: &mut Vec<String>) {
    let Finding { what, asked, saw, verdict, parts } = finding;
    let indent = "  ".repeat(depth);
    let asked = if asked.is_empty() { String::new() } else { format!(" {asked}") };
    let saw = if saw.is_empty() { String::new() } else { format!(", saw {saw}") };
    lines.push(format!("{indent}{what}{asked}: {verdict}{saw}"));
    for inner in parts {
        part(inner, depth.saturating_add(1), lines);
    }
}

/// Why a rule is the most specific one, by what it names.
fn why(written: &Value) -> String {
    let names = |member: &str| written.get(member).is_some_and(|value| !value.is_null());
    let host = if names("hosts") { "it names the host" } else { "any host" };
    let method = if names("methods") { "it names the method" } else { "any method" };
    format!(
        "the most specific of those that match, by host, then path from the left, then method: {host}, this path, {method}"
    )
}

/// The other rules that match too.
fn others(document: &Value, index: usize, head: &RequestHead) -> Vec<String> {
    let rules = document.get("rules").and_then(Value::as_array).into_iter().flatten().enumerate();
    let matching = rules.filter(|(other, _)| *other != index).filter_map(|(_, rule)| {
        let template = could_speak(rule, head)?;
        let condition = if has_conditions(rule) { ", for some headers and queries" } else { "" };
        Some(format!("{}: {template}{condition}", rule.get("name")?.as_str()?))
    });
    matching.take(MOST_OTHERS).collect()
}

/// More of them help nobody.
const MOST_OTHERS: usize = 5;

fn change(mutation: &Mutation) -> (String, Value) {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    match mutation {
        Mutation::Remove(name) => (format!("- {name}"), json!({"remove": name})),
        Mutation::Set(name, value) => {
            (format!("+ {name}: {}", text(value)), json!({"set": name, "value": text(value)}))
        }
    }
}

//! A walk told step by step, for people and for programs.

use portcullis::exchange::Step;
use portcullis::exchange::rehearsal::Rehearsal;
use portcullis::http::{HeaderValue, Mutation, RequestHead};
use portcullis::identity::Identity;
use portcullis::policy::requirement::Finding;
use portcullis::policy::{Access, Credentials};
use portcullis::time::UnixTime;
use serde_json::{Map, Value, json};

use super::limits;
use crate::command::matching::{could_speak, has_conditions};
use crate::moment;

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
pub(super) struct Story {
    /// Each step by its name, and what there is to say of it.
    pub(super) lines: Vec<(&'static str, Vec<String>)>,
    /// The same for programs.
    pub(super) json: Value,
    /// The issuer's keys were not to be had.
    pub(super) keys_lacking: bool,
}

impl Story {
    pub(super) fn of(rehearsal: &Rehearsal, document: &Value, now: UnixTime) -> Self {
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
        if let Identity::Certificate(holder) = identity {
            let claims = holder.claims();
            let entry = claims.get("certificate").and_then(Value::as_str).unwrap_or_default();
            let mut lines = vec![format!("certificate {entry} of {}", identity.subject().unwrap_or_default())];
            let others = claims.iter().filter(|(name, _)| !["sub", "certificate"].contains(&name.as_str()));
            lines.extend(others.map(|(name, value)| format!("{name} {value}")));
            let value = json!({
                "kind": "certificate", "subject": identity.subject(), "certificate": entry, "claims": claims,
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
        let lines = rehearsal.limits.iter().flat_map(limits::lines).collect();
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
                let fields = passage.afterwards.fields();
                if !fields.is_empty() {
                    let lines = fields.iter().map(|(name, value)| format!("+ {name}: {value}")).collect();
                    let headers: Vec<Value> = fields.iter().map(|(name, value)| json!([name, value])).collect();
                    self.tell("answer", lines, json!({"headers": headers}));
                }
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

//! The steps that are counted.

use std::time::Duration;

use envoy_test::{KeyKind, PaperIssuer, SigningKey, forge};
use serde_json::{Value, json};
use strict_host::{Filter, Progress, StrictHost, World};

use super::Counts;

/// Counts every step.
pub(super) fn count(filter: &Filter) -> Counts {
    let mut counts = Counts::new();
    let mut gate = Gate::new(filter, &config(1));
    counts.insert("load a small configuration", gate.loaded);
    counts.insert("load 1,000 rules", Gate::new(filter, &config(1_000)).loaded);
    counts.insert("take in 6 keys", gate.fetch());

    let expired: Vec<String> = vec![gate.token(0).with("exp", NOW.as_secs() - 600).build(); TIMES];
    let forged = |number: usize| forge::with_broken_signature(&gate.token(number).build());
    let rs256: Vec<String> = (0..TIMES).map(|number| gate.token(number).build()).collect();
    let es256: Vec<String> = (0..TIMES).map(|number| gate.token(number).signed_by(&gate.ec).build()).collect();
    let forged: Vec<String> = (0..TIMES).map(forged).collect();

    let allowed = Progress::Forwarded;
    let denied = Progress::Answered;
    counts.insert("first seen, RS256 in the module", gate.median(allowed, &rs256, &[]));
    counts.insert("first seen, ES256 in the module", gate.median(allowed, &es256, &[]));
    counts.insert("warm", gate.median(allowed, &vec![rs256[0].clone(); TIMES], &[]));
    counts.insert("denied, forged", gate.median(denied, &forged, &[]));
    counts.insert("denied, expired", gate.median(denied, &expired, &[]));
    counts.insert("denied, no token", gate.median(denied, &vec![String::new(); TIMES], &[]));
    let unreadable = [("x-broken", "a"), (":path", "/twice")];
    counts.insert("denied, unreadable request", gate.median(denied, &rs256, &unreadable));

    let mut gate = Gate::new(filter, &policy());
    gate.fetch();
    counts.insert("warm, 5 conditions", gate.median(allowed, &vec![rs256[0].clone(); TIMES], &[]));
    let mut with_cel = policy();
    with_cel["rules"][0]["require"]["cel"] = json!("request.method == 'GET' && claims.ver == '2.0'");
    let mut gate = Gate::new(filter, &with_cel);
    gate.fetch();
    counts.insert("warm, 5 conditions and CEL", gate.median(allowed, &vec![rs256[0].clone(); TIMES], &[]));

    for (step, headers) in [("warm, one limit", "always"), ("warm, one limit that is not told", "never")] {
        let mut gate = Gate::new(filter, &limited(headers));
        gate.fetch();
        counts.insert(step, gate.median(allowed, &vec![rs256[0].clone(); TIMES], &[]));
    }

    let mut gate = Gate::with_signatures_by_host(filter, &config(1));
    gate.fetch();
    counts.insert("first seen, RS256 by the host", gate.median(allowed, &rs256, &[]));
    counts.insert("denied, expired, signature by the host", gate.median(denied, &expired, &[]));
    counts
}

/// A worker with the filter, and its issuer.
struct Gate {
    host: StrictHost,
    issuer: PaperIssuer,
    rsa: SigningKey,
    ec: SigningKey,
    loaded: u64,
}

impl Gate {
    fn new(filter: &Filter, config: &Value) -> Self {
        Self::in_host(StrictHost::new(filter, &World::at(NOW)), config)
    }

    /// In a host that says of every signature that it is right, but for the one by which the filter finds it out.
    fn with_signatures_by_host(filter: &Filter, config: &Value) -> Self {
        let mut host = StrictHost::new(filter, &World::at(NOW));
        let wrong = b"portculliS";
        host.offer("verify_signature", move |arguments| {
            Ok(if arguments.ends_with(wrong) { Vec::new() } else { vec![0x08, 0x01] })
        });
        Self::in_host(host, config)
    }

    fn in_host(mut host: StrictHost, config: &Value) -> Self {
        assert!(host.add_root(&config.to_string()).is_some(), "{:#?}", host.log());
        let loaded = host.last_fuel();
        let mut issuer = PaperIssuer::new(TENANT, NOW);
        let rsa = issuer.publish(KeyKind::Rsa2048, "rsa-1", 1);
        for kid in ["rsa-2", "rsa-3", "rsa-4", "rsa-5"] {
            issuer.publish_key(&rsa.with_kid(kid));
        }
        let ec = issuer.publish(KeyKind::P256, "ec-1", 2);
        Self { host, issuer, rsa, ec, loaded }
    }

    /// Discovery and keys come in; what the keys cost.
    fn fetch(&mut self) -> u64 {
        self.host.tick();
        let mut last = 0;
        while let Some(callout) = self.host.callouts().first() {
            let document = self.issuer.document(&callout.address()).unwrap();
            self.host.respond(callout.token, &[(":status", "200")], &document);
            last = self.host.last_fuel();
        }
        last
    }

    fn token(&self, number: usize) -> envoy_test::Token {
        self.issuer.token(&self.rsa, "api://orders", &format!("user-{number:06}"))
    }

    /// The middle of what requests with these tokens cost, from the stream's creation to its end. Where a table grows, one
    /// request of many pays for it.
    fn median(&mut self, progress: Progress, tokens: &[String], more: &[(&str, &str)]) -> u64 {
        let mut costs: Vec<u64> = tokens.iter().map(|token| self.cost(progress, token, more)).collect();
        costs.sort_unstable();
        costs[costs.len() / 2]
    }

    fn cost(&mut self, progress: Progress, token: &str, more: &[(&str, &str)]) -> u64 {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![
            (":authority", "api.example"),
            (":path", "/orders/4711?expand=lines"),
            (":method", "GET"),
            (":scheme", "https"),
            ("user-agent", "orders-app/3.2 (linux; x64)"),
            ("accept", "application/json"),
            ("accept-encoding", "gzip, deflate, br"),
            ("x-forwarded-proto", "https"),
            ("x-request-id", "4f1f4a4e-3d1a-4b0f-9a59-1c1b9c5a3f10"),
        ];
        if !token.is_empty() {
            headers.push(("authorization", &bearer));
        }
        headers.extend(more);
        let before = self.host.fuel();
        let stream = self.host.request(&headers);
        assert_eq!(self.host.progress(stream), progress, "{:?}", self.host.answer(stream));
        if progress == Progress::Forwarded {
            self.host.response(stream, &[(":status", "200"), ("content-type", "application/json")]);
        }
        self.host.finish(stream);
        self.host.fuel() - before
    }
}

fn config(rules: usize) -> Value {
    let mut all: Vec<Value> = (1..rules)
        .map(|number| json!({"name": format!("rule-{number}"), "match": {"paths": [format!("/v1/things-{number}/{{id}}")]}}))
        .collect();
    all.push(json!({"name": "orders", "match": {"paths": ["/orders/{rest...}"]}}));
    json!({
        "providers": {"entra": {
            "entra": {"tenants": TENANT, "versions": ["v2"]},
            "cluster": "login",
            "audiences": ["api://orders"],
        }},
        "rules": all,
        "forward": {"claims": [{"claim": "oid", "header": "x-user-id"}, {"claim": "roles", "header": "x-user-roles"}]},
    })
}

/// One limit that nobody reaches, told in the responses as `headers` says.
fn limited(headers: &str) -> Value {
    let mut configuration = config(1);
    configuration["rate_limits"] = json!({
        "user": {"key": ["subject"], "all_rules": true, "rate": {"requests": 1_000_000, "per": "1s"}}
    });
    configuration["answers"] = json!({"rate_limit_headers": headers});
    configuration
}

/// A rule with five conditions, one of them a permission by a role.
fn policy() -> Value {
    let week = json!(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]);
    let mut configuration = config(1);
    configuration["roles"] = json!({
        "reader": {"permissions": ["orders:read"], "granted_to": {"callers": ["user"]}}
    });
    configuration["schedules"] = json!({
        "always": {"time_zone": "Europe/Berlin", "weekly": [{"days": week, "from": "00:00", "to": "24:00"}]}
    });
    configuration["rules"][0]["require"] = json!({
        "providers": ["entra"],
        "tenants": [TENANT],
        "permissions": "orders:read",
        "callers": ["user"],
        "schedules": ["always"],
    });
    configuration
}

const TENANT: &str = "11111111-2222-4333-8444-555555555555";

/// 2026-01-01.
const NOW: Duration = Duration::from_secs(1_767_225_600);

/// How often each request is made.
const TIMES: usize = 11;

//! What is left behind: records, counters, the access log.

use std::time::{SystemTime, UNIX_EPOCH};

use envoy_test::{Answer, Envoy, Request};
use serde_json::json;

use super::{GATE, TENANT, configuration, start, token};

#[test]
fn the_record_says_who_what_which_rule_and_why() {
    let mut configuration = configuration();
    configuration["audit"] = json!({"log": "all"});
    let gate = start(configuration);
    let record_of = |answer: &Answer| {
        let id = answer.header("x-request-id").unwrap();
        gate.envoy.wait_for_audit(|record| record["request_id"] == id.as_str())
    };
    let user = gate.entra.token(gate.entra.v2_claims("api://orders")).build();
    let answer = gate.envoy.send(&Request::get("/orders/1?secret=hidden").bearer(&user));
    let mut record = record_of(&answer);
    let time = record["time_ms"].as_u64().unwrap();
    assert!(time.abs_diff(now_ms()) < 60_000, "{record}");
    for volatile in ["time_ms", "request_id", "waited_ms"] {
        record.as_object_mut().unwrap().remove(volatile);
    }
    let expected = json!({
        "decision": "allow", "reason": "allowed", "rule": "orders", "method": "GET", "host": "api.example", "path": "/orders/1",
        "provider": "entra", "subject": "690222be-ff1a-4d56-abd1-7e4f7d38e474", "caller": "user",
        "client": "6e74172b-be56-4843-9ff4-e66a39bb12e3", "tenant": TENANT, "token_id": "fqiBqXLPj0eQa82S-IYFAA", "kid": "entra-1",
        "credential": "token",
    });
    assert_eq!(record, expected);

    let partner = gate.idp.token(gate.idp.claims("orders"));
    let expired =
        gate.envoy.send(&Request::post("/orders/7", "").bearer(&partner.clone().with("exp", 1_700_000_000).build()));
    let record = record_of(&expired);
    let told =
        ["decision", "reason", "status", "rule", "method", "path", "provider", "kid"].map(|name| record[name].clone());
    let expected = [
        json!("deny"),
        json!("token_expired"),
        json!(401),
        json!("orders"),
        json!("POST"),
        json!("/orders/7"),
        json!("idp"),
        json!("partner-1"),
    ];
    assert_eq!(told, expected, "{record}");
    assert!(record["subject"].is_null(), "nobody is known before a token is accepted: {record}");

    let public = record_of(&gate.envoy.send(&Request::get("/public")));
    assert_eq!(
        (&public["decision"], &public["rule"], &public["subject"]),
        (&json!("allow"), &json!("public"), &json!(null))
    );
    // A request that cannot be read has a record that can be found, too.
    let ambiguous = record_of(&gate.envoy.send(&Request::get("/orders//1")));
    assert_eq!((&ambiguous["reason"], &ambiguous["status"]), (&json!("path_empty_segment"), &json!(400)));
    // Nothing that is sent ends the line.
    let odd = gate.envoy.send(
        &Request::get("/orders/%22%7D%0A?").bearer(&partner.with_header("kid", "\"}\n{\"a\":\"\u{2028}").build()),
    );
    assert_eq!(odd.status, 400, "{odd}");
    let odd = gate.envoy.send(
        &Request::get("/orders/1")
            .bearer(&gate.idp.token(gate.idp.claims("orders")).with_header("kid", "\"}\n{\"a\":\"\u{2028}").build()),
    );
    assert_eq!(record_of(&odd)["kid"], "\"}\n{\"a\":\"\u{2028}");
}

#[test]
fn denials_alone_or_nothing_at_all_is_logged_as_configured() {
    for (level, allows, denials) in [("denials", 0, 1), ("none", 0, 0)] {
        let mut configuration = configuration();
        configuration["audit"] = json!({"log": level});
        let gate = start(configuration);
        let token = gate.idp.token(gate.idp.claims("orders")).build();
        assert_eq!(gate.envoy.send(&Request::get("/orders/1").bearer(&token)).status, 200);
        assert_eq!(gate.envoy.send(&Request::get("/orders/1")).status, 401);
        // Counted all the same, and counted last.
        gate.envoy.wait_for_stat("wasmcustom.portcullis.requests.orders.credential_missing", |count| count == 1);
        let count =
            |decision: &str| gate.envoy.audit_lines().iter().filter(|line| line["decision"] == decision).count();
        assert_eq!((count("allow"), count("deny")), (allows, denials), "{level}:\n{}", gate.envoy.log_tail());
    }
}

#[test]
fn decisions_are_counted_by_rule_and_reason_and_caches_are_measured() {
    let gate = start(configuration());
    let token = gate.idp.token(gate.idp.claims("orders"));
    let good = Request::get("/orders/1").bearer(&token.build());
    let expired = Request::get("/orders/1").bearer(&token.clone().with("exp", 1_700_000_000).build());
    for (times, request) in [
        (3, &good),
        (2, &expired),
        (4, &Request::get("/nowhere")),
        (1, &Request::get("/public")),
        (2, &Request::get("//")),
    ] {
        for _ in 0..times {
            let _ = gate.envoy.send(request);
        }
    }
    let counters = gate.envoy.stats("^wasmcustom\\.portcullis\\.requests\\.");
    let counters: Vec<(&str, u64)> = counters
        .iter()
        .map(|(name, count)| (name.trim_start_matches("wasmcustom.portcullis.requests."), *count))
        .collect();
    let expected = [
        ("none.no_rule", 4),
        ("none.path_empty_segment", 2),
        ("orders.allowed", 3),
        ("orders.token_expired", 2),
        ("public.allowed", 1),
    ];
    assert_eq!(counters, expected);

    let gauge = |name: &str| format!("wasmcustom.portcullis.{name}");
    gate.envoy.wait_for_stat(&gauge("token_cache.entries"), |entries| (1..=2).contains(&entries));
    gate.envoy.wait_for_stat(&gauge("token_cache.bytes"), |bytes| (1000..20_000).contains(&bytes));
    gate.envoy.wait_for_stat(&gauge("keys.idp/0.count"), |count| count == 1);
    gate.envoy.wait_for_stat(&gauge("keys.idp/0.age_seconds"), |age| age >= 1);
    assert_eq!(gate.envoy.stat(&gauge("waiting_requests")).unwrap_or(0), 0);
    assert_eq!(gate.envoy.stat(&gauge("keys.down/0.count")), Some(0), "{:?}", gate.envoy.stats("wasmcustom"));
}

#[test]
fn a_refusal_is_logged_by_envoy_with_the_filters_reason() {
    let answer = GATE.envoy.send(&Request::get("/orders/1").bearer(&token().with("aud", "else").build()));
    let line = GATE.envoy.access_log_of(&answer);
    assert_eq!((&line["status"], &line["details"]), (&json!(401), &json!("portcullis_denied{audience_not_accepted}")));
    let public = GATE.envoy.send(&Request::get("/public"));
    assert_eq!(GATE.envoy.access_log_of(&public)["details"], "via_upstream");
    assert!(Envoy::stat(&GATE.envoy, "wasmcustom.portcullis.requests.public.allowed") >= Some(1));
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

//! Who is let in, who is not, and what the upstream, the client, the metrics and the log are told.

use std::time::Duration;

use envoy_test::{KeyKind, SigningKey, forge};
use strict_host::Progress;

use crate::gate::{FILTER, FORGED, GOOD, Gate, NOW, OID, SPOOFED, head, values};

#[test]
fn the_module_needs_nothing_but_the_abi() {
    // The host has checked each name; here is what they are, so that a new one is a decision.
    let imports: Vec<String> = FILTER.imports().into_iter().collect();
    assert_eq!(
        imports,
        [
            "proxy_add_header_map_value",
            "proxy_call_foreign_function",
            "proxy_continue_stream",
            "proxy_define_metric",
            "proxy_get_buffer_bytes",
            "proxy_get_current_time_nanoseconds",
            "proxy_get_header_map_pairs",
            "proxy_get_header_map_value",
            "proxy_get_property",
            "proxy_get_shared_data",
            "proxy_grpc_call",
            "proxy_http_call",
            "proxy_increment_metric",
            "proxy_log",
            "proxy_record_metric",
            "proxy_remove_header_map_value",
            "proxy_replace_header_map_value",
            "proxy_send_local_response",
            "proxy_set_effective_context",
            "proxy_set_property",
            "proxy_set_shared_data",
            "proxy_set_tick_period_milliseconds",
        ]
    );
    let wasi: Vec<String> = FILTER.wasi_imports().into_iter().collect();
    assert_eq!(wasi, ["environ_get", "environ_sizes_get", "fd_write", "proc_exit", "random_get"]);
}

#[test]
fn a_good_token_is_let_in_with_its_identity_and_without_the_clients() {
    let mut gate = Gate::warm();
    let stream = gate.get_with(&GOOD, &SPOOFED);
    gate.assert_let_on(stream, "a good token");
    let headers = gate.host.headers(stream);
    assert_eq!(values(&headers, ":path"), ["/orders/4711"]);
    assert_eq!(values(&headers, "authorization"), Vec::<String>::new());
    assert_eq!(gate.host.properties(stream)["portcullis.subject"], OID.as_bytes());
    assert!(gate.host.body(stream, 17, true), "the body follows its head");
    gate.host.finish(stream);
}

#[test]
fn trailers_of_a_request_that_was_let_in_are_cleaned() {
    let mut gate = Gate::warm();
    let stream = gate.get(&GOOD);
    assert!(gate.host.trailers(stream, &[("x-user-id", "root"), ("checksum", "1")]));
    assert_eq!(values(&gate.host.left_trailers(stream), "x-user-id"), Vec::<String>::new());
    assert_eq!(values(&gate.host.left_trailers(stream), "checksum"), ["1"]);
    gate.host.finish(stream);
}

#[test]
fn every_other_token_is_answered_with_its_reason() {
    let mut gate = Gate::warm();
    let good = || gate.token("user-1");
    let stranger = SigningKey::fixed(KeyKind::Rsa2048, "key-1", 9);
    let seconds = |delta: i64| i64::try_from(NOW.as_secs()).unwrap() + delta;
    let tokens = [
        ("a broken signature", FORGED.clone()),
        ("another key of the same name", good().forged_by(&stranger).build()),
        ("another audience", good().with("aud", "api://other").build()),
        ("another issuer", good().with("iss", "https://evil.example").build()),
        ("expired", good().with("exp", seconds(-600)).build()),
        ("not yet valid", good().with("nbf", seconds(600)).build()),
        ("no signature", forge::unsigned(&serde_json::json!({"iss": gate.issuer.issuer()}))),
        ("changed claims", forge::with_changed_claims(&GOOD, |claims| drop(claims.remove("roles")))),
        ("no token at all", "a.b".to_owned()),
    ];
    for (what, token) in tokens {
        let stream = gate.get_with(&token, &SPOOFED);
        let answer = gate.answer(stream);
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
        assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer"), "{what}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}");
        assert!(answer.details.starts_with("portcullis"), "{what}: {}", answer.details);
        assert!(!gate.host.body(stream, 1, true), "{what}: no part of the request goes on");
        gate.host.finish(stream);
    }
    gate.assert_decides("after all of them");
}

#[test]
fn a_request_without_a_rule_or_without_a_token_is_answered() {
    let mut gate = Gate::warm();
    let stream = gate.get_bare();
    assert_eq!(gate.answer(stream).status, 401);
    let mut elsewhere = head();
    elsewhere[1].1 = "/nowhere";
    let stream = gate.host.request(&elsewhere);
    assert_eq!(gate.answer(stream).status, 403);
}

#[test]
fn decisions_are_counted_and_logged_and_no_token_is_in_the_log() {
    let mut gate = Gate::warm();
    for token in [GOOD.as_str(), FORGED.as_str(), GOOD.as_str()] {
        let stream = gate.get(token);
        gate.host.finish(stream);
    }
    let world = gate.host.world();
    assert_eq!(world.metric("portcullis.requests.orders.allowed"), Some(2), "{:?}", world.metrics());
    assert_eq!(world.metric("portcullis.requests.orders.signature_wrong"), Some(1), "{:?}", world.metrics());
    assert_eq!(world.metric("portcullis.waiting_requests"), Some(0));
    let log: Vec<&String> = gate.host.log().iter().map(|(_, line)| line).collect();
    assert!(log.iter().filter(|line| line.contains("\"decision\"")).count() >= 3, "{log:#?}");
    for part in GOOD.split('.') {
        assert!(!log.iter().any(|line| line.contains(part)), "a part of the token is in the log");
    }
}

#[test]
fn a_token_that_runs_out_is_turned_away_though_it_was_remembered() {
    let mut gate = Gate::warm();
    let token = gate.token("user-1").with("exp", NOW.as_secs() + 60).build();
    let stream = gate.get(&token);
    gate.assert_let_on(stream, "while it is valid");
    gate.live(Duration::from_secs(60 + 601));
    let stream = gate.get(&token);
    assert_eq!(gate.host.progress(stream), Progress::Answered);
    assert_eq!(gate.answer(stream).status, 401);
}

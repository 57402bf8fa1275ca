//! Heads without bodies, bodies, and clients that leave.

use std::time::Duration;

use envoy_test::{BOTH, Connection, Document, Fault, Gate, KeyKind, Protocol, Request, raw};
use serde_json::json;

use super::{GATE, PATIENCE, SHORT, configuration, orders, status_of, token};

#[test]
fn b05_an_answer_to_head_has_no_body() {
    let request = "HEAD /orders/1 HTTP/1.1\r\nhost: api.example\r\nconnection: close\r\n\r\n";
    let answer = String::from_utf8_lossy(&raw(GATE.envoy.address(), request.as_bytes(), PATIENCE)).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    assert!(head.starts_with("HTTP/1.1 401"), "{head}");
    assert!(head.contains("www-authenticate: Bearer realm=\"api\"\r\n"), "{head}");
    assert_eq!(body, "", "a body after HEAD");
    let answer = GATE.envoy.send_over(Protocol::Http2, &Request::new("HEAD", "/orders/1"));
    assert_eq!((answer.status, answer.text().as_str()), (401, ""));
    let answer = GATE.envoy.send(&Request::new("HEAD", "/orders/1").bearer(&token()));
    assert_eq!(answer.status, 200);
}

#[test]
fn bodies_pass_untouched_and_are_not_sent_for_a_denied_request() {
    let token = token();
    let body = "x".repeat(300_000);
    for protocol in BOTH {
        let answer = GATE.envoy.send_over(protocol, &Request::post("/orders/1", &body).bearer(&token));
        assert_eq!(answer.status, 200, "over {protocol:?}: {answer}");
        assert_eq!(answer.json()["body"].as_str().map(str::len), Some(300_000));
        let answer = GATE.envoy.send_over(protocol, &Request::post("/orders/1", "small").bearer("x.y.z"));
        assert_eq!(answer.status, 401, "over {protocol:?}: {answer}");
    }
    // A smuggled second request never is one.
    let request = "POST /public/a HTTP/1.1\r\nhost: api.example\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /orders/1 HTTP/1.1\r\nhost: a\r\n\r\n";
    let answer = raw(GATE.envoy.address(), request.as_bytes(), SHORT);
    assert!(answer.is_empty() || status_of(&answer) == 400, "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn a_client_that_leaves_while_it_waits_for_keys_gives_its_place_back() {
    let mut configuration = configuration();
    configuration["limits"] = json!({"wait": "60s", "waiting_requests": 3});
    configuration["providers"]["idp"]["issuer"] = json!("https://slow.example");
    configuration["providers"]["idp"]["keys"] = json!({"timeout": "30s"});
    let mut token = String::new();
    let gate = Gate::start_with(configuration, |builder, idps| {
        let slow = idps.oidc("https://slow.example");
        slow.add_key(KeyKind::P256, "slow-1");
        slow.fail(Document::Any, Fault::Hang);
        token = slow.token(slow.claims("orders")).build();
        builder
    });
    let gauge = "wasmcustom.portcullis.waiting_requests";
    for protocol in BOTH {
        for _ in 0..10 {
            let request = orders().bearer(&token).timeout(Duration::from_millis(100));
            let left =
                Connection::open(gate.envoy.address(), protocol).and_then(|mut connection| connection.send(&request));
            assert!(left.is_err(), "over {protocol:?}: {}", left.unwrap());
        }
        gate.envoy.wait_for_stat(gauge, |waiting| waiting == 0);
    }
    let raw_request =
        format!("POST /orders/1 HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\ncontent-length: 9\r\n\r\nhalf");
    assert_eq!(raw(gate.envoy.address(), raw_request.as_bytes(), Duration::from_millis(100)), b"");
    gate.envoy.wait_for_stat(gauge, |waiting| waiting == 0);
    // Every place is free: as many as may wait do wait, and are not told that there are too many.
    let request = orders().bearer(&token).timeout(Duration::from_millis(300));
    for connection in &mut gate.envoy.connection_per_worker(Protocol::Http1) {
        assert!(connection.send(&request).is_err(), "a place is still taken");
    }
    assert_eq!(gate.upstream.requests(), 0, "a request that waited has gone on");
}

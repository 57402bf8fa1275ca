//! Limits that are counted elsewhere: gRPC calls of the root, answered, refused, closed, late, and twice.

use std::time::Duration;

use serde_json::json;
use strict_host::{Progress, StrictHost, World};

use crate::gate::{FILTER, NOW, config};

const OK: &[u8] = &[0x08, 1];
const OVER_LIMIT: &[u8] = &[0x08, 2];

fn host() -> StrictHost {
    let mut config = config();
    config["rate_limits"] = json!({"shared": {"key": ["route"], "global": {"cluster": "limits", "on_failure": "deny"}, "when": "admitted"}});
    let rule =
        json!({"name": "limited", "match": {"paths": ["/limited"]}, "access": "anonymous", "limits": ["shared"]});
    config["rules"].as_array_mut().unwrap().push(rule);
    StrictHost::started(&FILTER, &World::at(NOW), &config.to_string())
}

/// A request that waits for the engine, and the number of its call.
fn send(host: &mut StrictHost) -> (u32, u32) {
    let head = [(":authority", "api.example"), (":path", "/limited"), (":method", "GET"), (":scheme", "https")];
    let stream = host.request(&head);
    assert_eq!(host.progress(stream), Progress::Waiting);
    host.advance(Duration::from_millis(2));
    let call = host.grpc_calls().pop().unwrap();
    assert_eq!(call.path, "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit");
    // `GrpcService { envoy_grpc { cluster_name } }`.
    assert_eq!(call.target, b"\x0a\x08\x0a\x06limits");
    assert_eq!(call.timeout, Duration::from_millis(50));
    assert!(call.message.starts_with(b"\x0a\x0aportcullis\x12"), "{:?}", call.message);
    (stream, call.token)
}

fn status(host: &mut StrictHost, stream: u32) -> u32 {
    host.answer(stream).map_or(200, |answer| answer.status)
}

#[test]
fn what_the_engine_answers_decides() {
    let mut host = host();
    let (stream, call) = send(&mut host);
    host.grpc_respond(call, OK);
    assert_eq!(host.progress(stream), Progress::Forwarded);
    for (message, expected) in [(OVER_LIMIT, 429), (b"".as_slice(), 503), (b"<html>", 503)] {
        let (stream, call) = send(&mut host);
        host.grpc_respond(call, message);
        assert_eq!(status(&mut host, stream), expected, "{message:?}");
    }
    let (stream, call) = send(&mut host);
    host.grpc_close(call, 14);
    assert_eq!(status(&mut host, stream), 503);
}

#[test]
fn calls_that_are_closed_late_twice_or_never_made_change_nothing() {
    let mut host = host();
    let (stream, call) = send(&mut host);
    let root = host.root();
    for token in [0, call + 1, u32::MAX] {
        host.broken_call::<_, ()>(root, "proxy_on_grpc_receive", (root, token, 2)).unwrap();
        host.broken_call::<_, ()>(root, "proxy_on_grpc_close", (root, token, 0)).unwrap();
        // An HTTP call of the same number is another one.
        host.broken_call::<_, ()>(root, "proxy_on_http_call_response", (root, call, 1, 1, 0)).unwrap();
    }
    assert_eq!(host.progress(stream), Progress::Waiting);
    host.grpc_respond(call, OK);
    assert_eq!(host.progress(stream), Progress::Forwarded);
    host.broken_call::<_, ()>(root, "proxy_on_grpc_close", (root, call, 14)).unwrap();
    host.broken_call::<_, ()>(4_711, "proxy_on_grpc_receive", (4_711, call, 2)).unwrap();
    let (stream, call) = send(&mut host);
    host.grpc_respond(call, OK);
    assert_eq!(host.progress(stream), Progress::Forwarded);
}

#[test]
fn an_engine_that_says_nothing_and_a_host_that_cannot_call_keep_nobody() {
    let mut host = host();
    let (stream, _) = send(&mut host);
    host.advance(Duration::from_millis(300));
    assert_eq!(status(&mut host, stream), 503);
    host.inject("proxy_grpc_call", 12);
    let head = [(":authority", "api.example"), (":path", "/limited"), (":method", "GET"), (":scheme", "https")];
    let stream = host.request(&head);
    host.advance(Duration::from_millis(20));
    assert_eq!(status(&mut host, stream), 503);
}

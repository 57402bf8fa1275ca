//! What a flood leaves behind in Envoy's memory.

use std::thread;

use envoy_test::{Connection, Protocol, Request};
use serde_json::json;

use super::{Siege, configuration};

/// Tokens, key ids and headers that are new each time: what is remembered of them is bounded, and the second half of the
/// flood adds nothing to the first.
#[test]
fn a_flood_of_what_was_never_seen_before_leaves_memory_as_it_is() {
    let mut configuration = configuration();
    configuration["limits"] = json!({"token_cache": "1MiB"});
    let mut siege = Siege::start_with(configuration, |_| {});
    siege.stands("the start");
    let before = siege.gate.envoy.memory();
    flood(&siege, 0);
    siege.stands("half of the flood");
    let half = siege.gate.envoy.memory();
    flood(&siege, 1);
    siege.stands("the flood");
    let after = siege.gate.envoy.memory();

    let mib = |bytes: u64| bytes >> 20;
    println!("Envoy's memory: {} MiB before, {} MiB at half, {} MiB after", mib(before), mib(half), mib(after));
    assert!(mib(half.saturating_sub(before)) < 64, "{before} bytes before, {half} at half");
    assert!(mib(after.saturating_sub(half)) < 8, "{half} bytes at half, {after} at the end");
    let held = siege.gate.envoy.stat("wasmcustom.portcullis.token_cache.bytes").unwrap_or(0);
    assert!((512 << 10..=1 << 20).contains(&held), "{held} bytes of tokens are remembered");
    siege.end();
}

fn flood(siege: &Siege, wave: usize) {
    let idp = &siege.gate.idp;
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || {
                let mut connection =
                    Connection::open(siege.gate.envoy.address(), Protocol::Http1).expect("a connection");
                for number in 0..REQUESTS / CLIENTS {
                    let name = format!("{wave}-{client}-{number}");
                    let token = idp.token(idp.claims("orders")).with("jti", name.clone());
                    let orders = || Request::get("/orders/1");
                    let (request, status) = match number % 5 {
                        0 => (orders().bearer(&token.with("fill", "x".repeat(2000)).build()), 200),
                        1 => (orders().bearer(&token.with_header("kid", name).build()), 401),
                        2 => (orders().bearer(&format!("{name}.{}.x", "A".repeat(7000))), 401),
                        3 => (orders().header(&format!("x-{name}"), "x".repeat(20_000)).bearer(&siege.good), 200),
                        _ => (orders().header("cookie", format!("{name}=1; ").repeat(1000)).bearer(&siege.bad), 401),
                    };
                    let answer = connection.send(&request).unwrap_or_else(|error| panic!("{error}"));
                    // More cookies than are looked at are an answer of their own, and of 400.
                    assert!(answer.status == status || (number % 5 == 4 && answer.status == 400), "{answer}");
                    if answer.header("connection").is_some() {
                        connection =
                            Connection::open(siege.gate.envoy.address(), Protocol::Http1).expect("a connection");
                    }
                }
            });
        }
    });
}

const CLIENTS: usize = 4;
/// In each half.
const REQUESTS: usize = 10_000;

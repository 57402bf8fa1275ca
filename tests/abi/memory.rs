//! Memory does not grow, whatever comes.

use std::time::Duration;

use envoy_test::forge;
use serde_json::json;
use strict_host::Progress;

use crate::gate::{Gate, NOW, TENANT};

/// After a warm-up the linear memory is as large as it will ever be: it holds the caches, full, and nothing of a request.
#[test]
fn two_hundred_thousand_hostile_requests_leave_nothing_behind() {
    let mut gate = Gate::warm();
    let mut random = 0x2545_f491_4f6c_dd1d;
    requests(&mut gate, &mut random, WARM_UP);
    let before = gate.host.memory();
    requests(&mut gate, &mut random, REQUESTS);
    let after = gate.host.memory();
    println!("{} requests: {} KiB before, {} KiB after", REQUESTS, before / 1024, after / 1024);
    assert_eq!(after, before, "the memory grows");
    assert!(after <= MOST_BYTES, "{after} bytes");
    gate.live(Duration::from_secs(120));
    gate.assert_decides("after all of them");
}

fn requests(gate: &mut Gate, random: &mut u64, count: u32) {
    for number in 0..count {
        let kid = next(random) % 100_000;
        let token = match number % 4 {
            0 => unsigned(&json!({"alg": "RS256", "kid": format!("kid-{kid}")}), number, 16),
            1 => unsigned(&json!({"alg": "RS256", "kid": format!("kid-{kid}")}), number, next(random) % 3_000),
            2 => "x".repeat(usize::try_from(next(random) % 9_000).unwrap()),
            _ => format!("{}.{}.{}", next(random), next(random), next(random)),
        };
        let noise = format!("{}", next(random));
        let path = format!("/orders/{noise}?access_token={noise}");
        let stream = gate.get_with(&token, &[("x-noise", &noise), ("cookie", &path), ("x-request-id", &noise)]);
        assert_ne!(gate.host.progress(stream), Progress::Forwarded);
        gate.host.finish(stream);
        if number % 1_000 == 0 {
            gate.live(Duration::from_millis(200));
        }
    }
}

/// A token that looks right and is signed by nobody.
fn unsigned(header: &serde_json::Value, number: u32, padding: u64) -> String {
    let claims = json!({
        "iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0"),
        "aud": "api://orders",
        "sub": number,
        "exp": NOW.as_secs() + 3_600,
        "padding": "p".repeat(usize::try_from(padding).unwrap()),
    });
    forge::raw(header.to_string().as_bytes(), claims.to_string().as_bytes(), |_| vec![7; 256])
}

/// Xorshift: the same requests in every run.
fn next(random: &mut u64) -> u64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    *random
}

const WARM_UP: u32 = 20_000;
const REQUESTS: u32 = 200_000;

/// The module's own 2 MiB, the configured caches, and room for the largest request.
const MOST_BYTES: usize = 32 << 20;

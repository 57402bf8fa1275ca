//! Envoy's clock jumps: nobody is unlimited for it, and nobody is locked for long. Envoy's own timers do not jump with it.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use envoy_test::{Connection, Document, EngineReply, Envoy, Fault, Protocol, RateLimitEngine, Request, Upstream};
use serde_json::{Value, json};

use crate::{Client, Gate, ISSUER, open, open_to_all, refusal};

const DAY: i64 = 86_400;

fn start(limit: &Value, upstream: &Upstream) -> Envoy {
    let builder = Envoy::builder().filter_config(open_to_all(limit)).upstream(upstream);
    builder.cluster("idp", upstream.address()).clock_offset(to_the_tenth_minute()).start()
}

/// How far it is to ten minutes past the next hour, so that no period ends during a test.
fn to_the_tenth_minute() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    i64::try_from(3600 - now % 3600 + 600).unwrap_or(0)
}

#[test]
fn a_bucket_fills_once_and_is_at_most_empty() {
    let upstream = Upstream::start();
    // One more in six minutes.
    let envoy = start(&json!({ "rate": { "requests": 10, "per": "1h", "burst": 5 } }), &upstream);
    let mut client = Client::of(&envoy);
    assert_eq!(client.exhaust("a").0, 5);
    envoy.jump(DAY);
    assert_eq!(client.exhaust("a").0, 5, "a day fills it once");
    envoy.jump(-DAY);
    let (admitted, last) = client.exhaust("a");
    let (code, after) = refusal(&last);
    assert_eq!((admitted, code.as_str()), (0, "rate_limited"), "what was used a day ahead is used");
    assert!(after <= 360, "empty and no emptier: {after}");
    envoy.jump(361);
    assert_eq!(client.exhaust("a").0, 1);
    // Nobody asks at the other time, so nothing has changed.
    envoy.jump(DAY);
    envoy.jump(-DAY);
    assert_eq!(client.exhaust("a").0, 0);
    assert_eq!(client.exhaust("b").0, 5, "others have theirs");
}

#[test]
fn a_window_ends_once_and_locks_for_no_longer_than_its_length() {
    let upstream = Upstream::start();
    let envoy = start(&json!({ "window": { "requests": 5, "per": "10m" } }), &upstream);
    let mut client = Client::of(&envoy);
    assert_eq!(client.exhaust("a").0, 5);
    envoy.jump(DAY);
    assert_eq!(client.exhaust("a").0, 5, "a day ends one window");
    envoy.jump(-DAY);
    let (admitted, last) = client.exhaust("a");
    let (code, after) = refusal(&last);
    assert_eq!((admitted, code.as_str()), (0, "rate_limited"));
    assert!(after <= 660, "the length and a tenth: {after}");
    // Half of that later it is half as long, so time does not stand still until the clock is where it was.
    envoy.jump(330);
    let (admitted, last) = client.exhaust("a");
    assert_eq!(admitted, 0);
    assert!(refusal(&last).1 <= 330);
    envoy.jump(331);
    assert_eq!(client.exhaust("a").0, 5);
}

#[test]
fn a_quota_begins_with_its_period_and_not_anew_when_that_comes_again() {
    let upstream = Upstream::start();
    let envoy = start(&json!({ "quota": { "requests": 5, "per": "hour" } }), &upstream);
    let mut client = Client::of(&envoy);
    assert_eq!(client.exhaust("a").0, 5);
    envoy.jump(3600);
    assert_eq!(client.exhaust("a").0, 5, "the next hour");
    // The same hour again, without a request in between.
    envoy.jump(-3600);
    envoy.jump(3600);
    assert_eq!(client.exhaust("a").0, 0);
    envoy.jump(-3600);
    let (admitted, last) = client.exhaust("a");
    let (code, after) = refusal(&last);
    assert_eq!((admitted, code.as_str()), (0, "quota_exhausted"), "the hour that comes again");
    assert!(after <= 3000, "until this hour ends: {after}");
    envoy.jump(-30 * DAY);
    assert_eq!(client.exhaust("a").0, 0, "nor one of last month");
    envoy.jump(3600);
    assert_eq!(client.exhaust("a").0, 5, "it is over with the hour, not with the month");
}

/// Keys that do not come, a risk that is slowed down, an engine that does not answer: each wait has an end, whatever the clock does.
#[test]
fn a_request_that_waits_while_the_clock_jumps_back_does_not_hang() {
    let gate = Gate::new();
    let engine = RateLimitEngine::start();
    engine.answers(|_| EngineReply::Hang);
    gate.issuer.fail(Document::Any, Fault::Hang);
    let configuration = json!({
        "providers": { "idp": { "issuer": ISSUER, "cluster": "idp", "audiences": ["orders"] } },
        "limits": { "wait": "3s" },
        "networks": { "all": ["0.0.0.0/0"] },
        "risk": {
            "signals": [{ "header": "x-risk", "trusted_proxies": ["all"], "scores": { "high": 90 }, "absent": 0 }],
            "slow_down": { "above": 60, "delay": "3s" },
        },
        "rate_limits": {
            "elsewhere": {
                "key": [], "global": { "cluster": "limits", "timeout": "900ms", "on_failure": "deny" },
            },
        },
        "rules": [
            { "name": "keys", "match": { "paths": ["/keys"] } },
            { "name": "delay", "match": { "paths": ["/delay"] }, "access": "anonymous", "require": { "risk_below": 100 } },
            { "name": "engine", "match": { "paths": ["/engine"] }, "access": "anonymous", "limits": ["elsewhere"] },
        ],
        "audit": { "log": "none" }
    });
    let envoy = Envoy::builder().filter_config(configuration).upstream(&gate.upstream).clock_offset(0);
    let envoy = envoy.cluster("idp", gate.issuers.address()).grpc_cluster("limits", engine.address()).start();
    let token = gate.token("u-1");
    for (what, request, status) in [
        ("keys", Request::get("/keys").bearer(&token), 503),
        ("delay", Request::get("/delay").header("x-risk", "high"), 200),
        ("engine", Request::get("/engine"), 503),
    ] {
        let address = envoy.address();
        let began = Instant::now();
        let waits = thread::spawn(move || Connection::open(address, Protocol::Http1)?.send(&request));
        // It is counted among those who wait at the next turn of the timer, or has been answered before.
        while !waits.is_finished() && envoy.stat("wasmcustom.portcullis.waiting_requests").unwrap_or(0) == 0 {
            thread::sleep(Duration::from_millis(5));
        }
        envoy.jump(-DAY);
        let answer = waits.join().unwrap_or_else(|_| panic!("{what}: a panic"));
        let answer = answer.unwrap_or_else(|error| panic!("{what}: {error}\n{}", envoy.log_tail()));
        println!("{what}: {} after {:?}", answer.status, began.elapsed());
        assert_eq!(answer.status, status, "{what}: {answer}");
    }
}

/// A token that was looked at is known, and one that is over is refused even so; until it is no longer over.
#[test]
fn a_remembered_token_ends_when_the_clock_says_so_in_every_worker() {
    let gate = Gate::new();
    let limits =
        json!({ "plan": { "key": ["subject"], "all_rules": true, "window": { "requests": 1000, "per": "10m" } } });
    let envoy = gate.builder(&limits).clock_offset(0).start();
    let request = Request::get("/orders").bearer(&gate.token("u-1"));
    for (seconds, status) in [(0, 200), (DAY, 401), (-DAY, 200), (-DAY, 401), (DAY, 200)] {
        envoy.jump(seconds);
        for (worker, connection) in envoy.connection_per_worker(Protocol::Http1).iter_mut().enumerate() {
            let answer = connection.send(&request).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(answer.status, status, "worker {worker} after {seconds}: {answer}");
        }
    }
}

/// What is asked of Envoy while it is not limited must not come from a limit that is locked for good.
#[test]
fn each_limit_is_itself_again_when_the_clock_is() {
    let upstream = Upstream::start();
    let limit = json!({
        "rate": { "requests": 5, "per": "1m", "burst": 5 }, "window": { "requests": 5, "per": "1m" },
        "quota": { "requests": 100, "per": "day" },
    });
    let envoy = start(&limit, &upstream);
    let mut client = Client::of(&envoy);
    for seconds in [400 * DAY, -800 * DAY, 400 * DAY, -7, 3, -1, 70] {
        envoy.jump(seconds);
        let (_, last) = client.exhaust("a");
        let (code, after) = refusal(&last);
        assert!(code == "rate_limited" && after <= 66, "after {seconds}: {code}, {after}");
    }
    envoy.jump(67);
    assert_eq!(client.exhaust("a").0, 5);
    assert_eq!(client.send(&open("b")).status, 200);
}

//! Less while something is wrong: by the stated rule, over both workers, and back again. Envoy's clock jumps from one span to the
//! next, so that only the order of things counts, and not how fast this machine is.

use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use envoy_test::{Answer, Connection, Envoy, Protocol, Request, Upstream};
use serde_json::{Value, json};

use crate::{Client, Gate, ISSUER, open, open_to_all};

/// A limit of 100 with an upstream that is watched, and Envoy's clock at the start of a span.
fn watched(upstream: &Upstream, adaptive: &Value) -> Envoy {
    let limit = json!({ "window": { "requests": 100, "per": "10m" }, "adaptive": { "upstream": adaptive } });
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let offset = i64::try_from(600 - now % 600).unwrap_or(0);
    let builder = Envoy::builder().filter_config(open_to_all(&limit)).upstream(upstream);
    builder.cluster("idp", upstream.address()).clock_offset(offset).start()
}

/// What is left after a request of somebody who has used nothing: one less than the limit is now.
fn left(answer: &Answer) -> u32 {
    let field = answer.header("ratelimit").unwrap_or_else(|| panic!("no RateLimit: {answer}"));
    let left = field.split(';').find_map(|part| part.strip_prefix("r="));
    left.and_then(|left| left.parse().ok()).unwrap_or_else(|| panic!("{field}"))
}

/// How much each worker lets somebody new do. Each looks at what both have seen, and says what it has seen itself.
fn limits(envoy: &Envoy, who: &str) -> Vec<u32> {
    let ask = |(worker, mut connection): (usize, Connection)| {
        let answer = connection.send(&open(&format!("{who}-{worker}"))).unwrap_or_else(|error| panic!("{error}"));
        left(&answer) + 1
    };
    envoy.connection_per_worker(Protocol::Http1).into_iter().enumerate().map(ask).collect()
}

#[test]
fn an_upstream_that_fails_tightens_limits_by_the_rule_and_they_recover() {
    let upstream = Upstream::start();
    let envoy = watched(&upstream, &json!({ "every": "10m", "bad_percent": 50, "least_percent": 10 }));
    let mut client = Client::of(&envoy);
    assert_eq!(limits(&envoy, "start"), [100, 100]);
    let mut seen = Vec::new();
    for span in 0..16 {
        for request in 0..20 {
            let failing = open(&format!("{span}-{request}"));
            let failing = if span < 5 { failing.header("x-upstream-status", "503") } else { failing };
            let expected = if span < 5 { 503 } else { 200 };
            assert_eq!(client.send(&failing).status, expected);
        }
        // Later in the same span each worker says what it has seen; then the next one begins.
        envoy.jump(300);
        let _ = limits(&envoy, &format!("middle-{span}"));
        envoy.jump(300);
        let found = limits(&envoy, &format!("next-{span}"));
        assert_eq!(found[0], found[1], "both workers know after span {span}");
        seen.push(found[0]);
    }
    assert_eq!(seen, [50, 25, 12, 10, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 100, 100]);
}

#[test]
fn so_does_one_that_is_slow_and_a_few_bad_responses_change_nothing() {
    let upstream = Upstream::start();
    let envoy = watched(&upstream, &json!({ "every": "10m", "slower_than": "2s" }));
    let all_at_once = |count: usize, header: (&'static str, &'static str)| {
        let asked: Vec<_> = (0..count)
            .map(|number| {
                let (address, request) = (envoy.address(), open(&format!("{}-{number}", header.1)));
                let request = request.header(header.0, header.1);
                thread::spawn(move || Connection::open(address, Protocol::Http1)?.send(&request))
            })
            .collect();
        for answer in asked {
            let answer = answer.join().unwrap_or_else(|_| panic!("a panic"));
            answer.unwrap_or_else(|error| panic!("{error}\n{}", envoy.log_tail()));
        }
    };
    let turn = |name: &str| {
        envoy.jump(300);
        let _ = limits(&envoy, &format!("{name}-middle"));
        envoy.jump(300);
        limits(&envoy, name)
    };
    let _ = limits(&envoy, "start");
    all_at_once(5, ("x-upstream-status", "500"));
    assert_eq!(turn("few"), [100, 100], "of nine responses all may be bad");
    all_at_once(20, ("x-upstream-delay-ms", "3000"));
    assert_eq!(turn("slow"), [50, 50]);
    all_at_once(20, ("x-upstream-status", "404"));
    assert_eq!(turn("well"), [60, 60], "what the caller did wrong is not the upstream's failure");
}

#[test]
fn a_caller_whose_failures_grow_is_slowed_alone_and_until_that_is_past() {
    let gate = Gate::new();
    let configuration = json!({
        "providers": { "idp": { "issuer": ISSUER, "cluster": "idp", "audiences": ["orders"] } },
        "risk": { "observe": { "failures": { "more_than": 3, "within": "5m", "score": 80 } }, "half_life": "10m" },
        "rules": [
            { "name": "orders", "match": { "paths": ["/orders"] }, "limits": ["plan"] },
            { "name": "admin", "match": { "paths": ["/admin"] }, "require": { "scopes": "admin" } },
        ],
        "rate_limits": {
            "plan": {
                "key": ["subject"], "window": { "requests": 40, "per": "1m" },
                "adaptive": { "risk": { "above": 50, "percent": 25 } },
            },
        },
        "audit": { "log": "none" }
    });
    let builder = Envoy::builder().filter_config(configuration).upstream(&gate.upstream).clock_offset(0);
    let envoy = builder.cluster("idp", gate.issuers.address()).start();
    let mut client = Client::of(&envoy);
    let (caller, other) = (gate.token("u-1"), gate.token("u-2"));
    let mut ask = |path: &str, token: &str| client.send(&Request::get(path).bearer(token));
    assert_eq!(left(&ask("/orders", &caller)), 39);
    for failure in 0..4 {
        assert_eq!(ask("/admin", &caller).status, 403, "failure {failure}");
    }
    let statuses: Vec<u16> = (0..20).map(|_| ask("/orders", &caller).status).collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        9,
        "ten of forty, and one was used: {statuses:?}"
    );
    assert!(statuses.iter().skip(9).all(|status| *status == 429), "{statuses:?}");
    assert_eq!(left(&ask("/orders", &other)), 39, "nobody else");
    // Half of 80 is not above 50.
    envoy.jump(601);
    assert_eq!(left(&ask("/orders", &caller)), 39);
}

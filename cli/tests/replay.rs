//! What the filter records can be replayed: against the same configuration nothing changes.

#![expect(clippy::expect_used, clippy::panic, reason = "a panic is the failed test")]

use std::process::Command;

use portcullis::exchange::Step;
use portcullis_cli::moment;
use portcullis_cli::scenario::gate::{Gate, head};
use portcullis_cli::world::opaque::Opaque;
use portcullis_cli::world::token::TokenSpec;
use serde_json::{Value, json};

fn config() -> Value {
    json!({
        "providers": {
            "staff": {"entra": {"tenants": "any"}, "cluster": "login", "audiences": ["api://orders"]},
            "partners": {"issuer": "https://idp.example", "cluster": "idp", "audiences": ["orders"], "token_type": "at+jwt"},
            "opaque": {"issuer": "https://opaque.example", "audiences": ["orders"], "introspection": {
                "endpoint": "https://opaque.example/introspect", "cluster": "idp", "jwts": "refuse",
                "client": {"id": "gate", "secret": "${SECRET}"},
            }},
        },
        "networks": {"office": ["203.0.113.0/24"]},
        "rules": [
            {"name": "read", "match": {"paths": ["/orders/{id}"]}, "require": {"any_of": [
                {"scopes": "orders.read"}, {"app_roles": "Reader"}, {"networks": ["office"]},
            ]}},
            {"name": "dept", "match": {"paths": ["/dept"]}, "require": {"claim": {"path": "dept", "equals": 7}}},
            {"name": "watched", "match": {"paths": ["/watched"]}, "require": {"scopes": "none"}, "report_only": true},
            {"name": "news", "match": {"paths": ["/news"]}, "access": "optional"},
        ],
        "audit": {"log": "all", "inputs": true, "claims": ["dept"]},
    })
}

#[test]
fn nothing_changes_with_the_same_configuration() {
    let now = moment::parse("2026-03-02T09:00:00Z").unwrap();
    let mut gate = Gate::open(&config(), &|_| None).unwrap();
    let mut log = String::new();
    let (mut records, mut bad) = (0, 0);
    for path in ["/orders/7", "/dept", "/watched", "/news", "/none"] {
        for provider in ["staff", "partners", "opaque"] {
            for claims in [
                json!({}),
                json!({"scp": "orders.read", "scope": "orders.read"}),
                json!({"roles": ["Reader"], "dept": 7, "email": "a@b.example", "name": "A"}),
                json!({"dept": "7", "scp": ["x"], "roles": 7}),
                json!({"exp": 1}),
            ] {
                for from in [None, Some("203.0.113.7"), Some("2001:db8::1")] {
                    let spec = TokenSpec {
                        provider: Some(provider.to_owned()),
                        opaque: (provider == "opaque").then(Opaque::default),
                        claims: claims.as_object().cloned().unwrap_or_default(),
                        ..TokenSpec::default()
                    };
                    let token = gate.world().mint(&spec, now).unwrap();
                    let headers = [("authorization".to_owned(), format!("Bearer {token}"))];
                    gate.host().connect(from.map(|from| from.parse().unwrap()));
                    let step = gate.walk(head("GET", "api.example", path, &headers), now).step;
                    let (Step::Continue(_, record) | Step::Reply(_, record)) = step else { panic!("it waits") };
                    let line = record.event.expect("everything is logged").line();
                    assert!(!line.contains("b.example") && !line.contains("\"name\""), "{line}");
                    records += 1;
                    // A token that was not accepted is not in the record, unless no rule speaks.
                    let refused = claims.get("exp").is_some() || (provider == "staff" && claims["dept"] == "7");
                    bad += usize::from(refused && path != "/none");
                    log.push_str(&format!("[2026] wasm log portcullis: {line}\n"));
                }
            }
        }
    }
    let (told, code) = replay(&config(), &log, &[]);
    assert_eq!(told["records"], records, "{told:#}");
    assert_eq!(told["changes"], 0, "{told:#}");
    assert_eq!(told["cannot_be_told"], bad, "{told:#}");
    assert_eq!(code, Some(0));
}

/// What the tool makes of this log.
fn replay(config: &Value, log: &str, options: &[&str]) -> (Value, Option<i32>) {
    let folder = tempfile::tempdir().expect("a folder");
    let (config_file, log_file) = (folder.path().join("config.json"), folder.path().join("envoy.log"));
    std::fs::write(&config_file, config.to_string()).expect("a file");
    std::fs::write(&log_file, log).expect("a file");
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["explain", "--format", "json", "--env", "SECRET=hush"])
        .args(options)
        .arg(&config_file)
        .arg("--envoy-log")
        .arg(&log_file)
        .output()
        .expect("the tool runs");
    (serde_json::from_slice(&output.stdout).expect("it writes JSON"), output.status.code())
}

/// One limit, and what else the configuration needs.
fn limited(limit: Value) -> Value {
    json!({
        "providers": {"staff": {"entra": {"tenants": "any"}, "cluster": "login", "audiences": ["api://orders"]}},
        "rate_limits": {"plan": limit},
        "rules": [{"name": "orders", "match": {"paths": ["/orders"]}, "limits": ["plan"]}],
        "audit": {"log": "all", "inputs": true},
    })
}

/// The log of 24 requests of one application, one each ten seconds.
fn traffic(config: &Value) -> Vec<String> {
    let mut now = moment::parse("2026-03-02T09:00:00Z").expect("a moment");
    let mut gate = Gate::open(config, &|_| None).expect("it loads");
    let claims = json!({"azp": "one", "plan": "gold"}).as_object().cloned().expect("an object");
    let spec = TokenSpec { claims, ..TokenSpec::default() };
    let mut lines = Vec::new();
    for _ in 0..24 {
        let token = gate.world().mint(&spec, now).expect("a token");
        let headers = [("authorization".to_owned(), format!("Bearer {token}")), ("x-team".to_owned(), "a".to_owned())];
        let step = gate.walk(head("GET", "api.example", "/orders", &headers), now).step;
        let (Step::Continue(_, record) | Step::Reply(_, record)) = step else { panic!("it waits") };
        lines.push(record.event.expect("everything is logged").line());
        now = now.plus(std::time::Duration::from_secs(10));
    }
    lines
}

#[test]
fn limits_are_counted_again() {
    let window = |requests: u32| limited(json!({"key": ["client"], "window": {"requests": requests, "per": "1m"}}));
    let log = traffic(&window(3));
    assert_eq!(log.iter().filter(|line| line.contains("rate_limited")).count(), 12);
    let (told, _) = replay(&window(3), &log.join("\n"), &[]);
    assert_eq!((&told["same"], &told["cannot_be_told"]), (&json!(24), &json!(0)), "{told:#}");
    let (told, _) = replay(&window(1), &log.join("\n"), &[]);
    assert_eq!(told["changed"][0]["would_be"], "deny 429 rate_limited", "{told:#}");
    assert_eq!((&told["changes"], &told["cannot_be_told"]), (&json!(8), &json!(0)), "{told:#}");
    // Who was refused in the first minute was so for requests that nobody has seen all of.
    let (told, _) = replay(&window(9), &log.join("\n"), &[]);
    assert_eq!(told["changed"][0]["would_be"], "allow", "{told:#}");
    assert_eq!((&told["changes"], &told["cannot_be_told"]), (&json!(9), &json!(3)), "{told:#}");
    // The log begins with a refusal, and the requests that it was refused for are not in it.
    let (told, _) = replay(&window(3), &log[3..7].join("\n"), &[]);
    assert_eq!((&told["changes"], &told["cannot_be_told"]), (&json!(0), &json!(3)), "{told:#}");
    // A log of denials has none of them.
    let denials: Vec<&str> = log.iter().filter(|line| line.contains("rate_limited")).map(String::as_str).collect();
    let (told, _) = replay(&window(3), &denials.join("\n"), &[]);
    assert_eq!((&told["changes"], &told["cannot_be_told"]), (&json!(0), &json!(9)), "{told:#}");
}

#[test]
fn what_no_record_has_is_never_guessed() {
    let rate = json!({"requests": 1, "per": "1d"});
    for (limit, why) in [
        (json!({"key": ["client"], "concurrency": 1}), "how long"),
        (json!({"key": [{"header": "x-team"}], "rate": rate}), "a header"),
        (json!({"key": [{"claim": "plan"}], "rate": rate}), "`claim` of it"),
        (json!({"key": ["address"], "count": "failures", "rate": rate}), "not accepted"),
        (json!({"key": ["client"], "window": {"requests": 99, "per": "1m"}, "adaptive": {"upstream": {}}}), "upstream"),
        (json!({"key": ["client"], "global": {"cluster": "engine", "on_failure": "allow"}}), "an engine"),
        (
            json!({"key": ["client"], "rate": rate, "tiers": [
                {"name": "gold", "when": {"claim": {"path": "plan", "equals": "gold"}}, "rate": {"requests": 9, "per": "1s"}},
            ]}),
            "`claim` of it",
        ),
    ] {
        let config = limited(limit);
        let log = traffic(&limited(json!({"key": [], "rate": {"requests": 99, "per": "1s"}}))).join("\n");
        let (told, _) = replay(&config, &log, &[]);
        assert_eq!((&told["changes"], &told["cannot_be_told"]), (&json!(0), &json!(24)), "{told:#}");
        assert!(told["untold"][0]["why"].as_str().unwrap().contains(why), "{told:#}");
        let (told, _) = replay(&config, &log, &["--without-limits"]);
        assert_eq!(told["same"], 24, "{told:#}");
    }
}

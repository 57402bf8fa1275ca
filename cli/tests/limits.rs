//! What `explain` tells of limits.

#![expect(clippy::expect_used, reason = "a panic is the failed test")]

use std::process::Command;

use serde_json::{Value, json};

fn config() -> Value {
    json!({
        "providers": {"idp": {"issuer": "https://idp.example", "cluster": "idp", "audiences": ["orders"]}},
        "rate_limits": {
            "guesses": {"key": ["address"], "count": "failures", "all_rules": true, "window": {"requests": 5, "per": "1h"}},
            "plan": {
                "key": ["client", {"header": "x-team"}],
                "rate": {"requests": 60, "per": "1m"},
                "concurrency": 4,
                "tiers": [{"name": "monitor", "when": {"scopes": "monitor"}, "unlimited": true}],
            },
            "shared": {"key": ["subject"], "global": {"cluster": "engine", "on_failure": "allow"}},
        },
        "rules": [{
            "name": "orders", "match": {"paths": ["/orders"]}, "require": {"scopes": ["orders", "monitor"]},
            "limits": [{"name": "plan", "weight": 10}, "shared"],
        }],
    })
}

fn explain(claims: &Value, format: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("filter.json");
    std::fs::write(&file, config().to_string()).expect("a file");
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["explain", "--format", format, "--request", "GET https://api.example/orders", "--from", "192.0.2.7"])
        .args(["--header", "x-team: hush", "--claims", &claims.to_string()])
        .arg(&file)
        .output()
        .expect("the tool runs");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it writes text")
}

#[test]
fn explain_tells_what_a_request_counted_in() {
    let told = explain(&json!({"scope": "orders", "client_id": "shop"}), "text");
    for line in [
        "plan: admitted (by client \"token https://idp.example shop\" and header.x-team, weight 10)",
        "    rate: 50 of 60 in 1 m left, all of it again in 10 s",
        "    concurrency: 3 of 4 at once left",
        "guesses: looked at, nothing counted (by address \"192.0.2.7/32\", counts failures)",
        "    window: 5 of 5 in 1 h left",
        "shared: admitted (by subject \"token https://idp.example ",
        ", counted by an engine, which is not asked here)",
        "+ ratelimit: \"plan.concurrency\";r=3, \"plan.rate\";r=50;t=10",
    ] {
        assert!(told.contains(line), "{line}\n{told}");
    }
    assert!(!told.contains("hush"), "a header may be secret: {told}");
}

#[test]
fn a_tier_without_a_limit_and_limits_that_are_not_reached_are_told() {
    let told: Value = serde_json::from_str(&explain(&json!({"scope": "monitor"}), "json")).unwrap();
    let limit = |told: &Value, name: &str| {
        told["limits"].as_array().unwrap().iter().find(|limit| limit["name"] == name).unwrap().clone()
    };
    let plan = limit(&told, "plan");
    assert_eq!((&plan["tier"], &plan["unlimited"]), (&json!("monitor"), &json!(true)), "{plan}");
    assert_eq!((&plan["outcome"], &plan["left"]), (&json!("admitted"), &json!([])), "{plan}");
    let told: Value = serde_json::from_str(&explain(&json!({"scope": "other"}), "json")).unwrap();
    assert_eq!(limit(&told, "plan")["outcome"], "not_reached");
    assert_eq!(
        limit(&told, "plan")["key"],
        json!([{"name": "client", "value": null}, {"name": "header.x-team", "value": null}])
    );
    assert_eq!(limit(&told, "guesses")["outcome"], "looked_at");
}

//! Limits that are counted elsewhere: what loads, and each fault with its path.

use std::time::Duration;

use super::*;
use crate::rate_limit::global::OnFailure;

fn document(limit: Value) -> Value {
    let mut document = good();
    document["rate_limits"] = json!({ "orders": limit });
    document["rules"][0]["limits"] = json!(["orders"]);
    document
}

#[test]
fn a_limit_that_is_counted_elsewhere_loads_with_its_defaults() {
    let global = json!({ "cluster": "limits", "on_failure": "allow" });
    let config = load(&document(json!({ "key": ["subject"], "global": global }))).unwrap();
    let limit = config.rate_limits[0].limit.global.clone().unwrap();
    assert_eq!((&*limit.domain, limit.timeout, limit.remembers), ("portcullis", Duration::from_millis(50), true));
    assert_eq!(limit.entries, [("generic_key".to_owned(), "orders".to_owned())]);
    assert_eq!(limit.on_failure, OnFailure::Allow);
    assert_eq!(config.askers(1).len(), 1);
}

#[test]
fn each_fault_of_it_is_named() {
    let window = json!({ "requests": 1, "per": "1s" });
    let cases = [
        (json!({ "cluster": "" }), json!({}), "rate_limits.orders.global.cluster: expected 1 to 256 bytes"),
        (
            json!({ "timeout": "1ms" }),
            json!({}),
            "rate_limits.orders.global.timeout: expected a span from `5ms` to `1s`",
        ),
        (
            json!({ "cluster": "http://limits:8081" }),
            json!({}),
            "rate_limits.orders.global.cluster: expected the name of a cluster in Envoy's configuration, found an address",
        ),
        (
            json!({ "descriptor": [] }),
            json!({ "key": [] }),
            "rate_limits.orders.global.descriptor: is empty, as is `key`: no engine has a limit for nothing",
        ),
        (
            json!({}),
            json!({ "tiers": [{ "name": "a", "when": { "scopes": "a" }, "unlimited": true }] }),
            "rate_limits.orders.tiers[0].unlimited: is a matter of the engine of `global`, which is told the tier's name",
        ),
        (json!({ "on_failure": "open" }), json!({}), "rate_limits.orders.global.on_failure"),
        (json!({ "on_failure": null }), json!({}), "rate_limits.orders.global.on_failure"),
        (json!({ "on_failure": "local" }), json!({}), "rate_limits.orders: limits nothing"),
        (json!({}), json!({ "window": window }), "rate_limits.orders: has amounts that nobody would count by"),
        (
            json!({ "descriptor": [{ "key": "", "value": "a" }] }),
            json!({}),
            "rate_limits.orders.global.descriptor[0].key",
        ),
        (json!({}), json!({ "adaptive": {} }), "rate_limits.orders.adaptive"),
        (json!({}), json!({ "key": ["address"], "count": "failures" }), "does not go with `global`"),
    ];
    for (global, more, expected) in cases {
        let mut limit = json!({ "key": ["subject"], "global": { "cluster": "limits", "on_failure": "allow" } });
        limit["global"].as_object_mut().unwrap().extend(global.as_object().unwrap().clone());
        limit.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let faults = load(&document(limit.clone())).err().unwrap_or_default();
        assert!(faults.iter().any(|fault| fault.contains(expected)), "{limit}: {faults:?}");
    }
}

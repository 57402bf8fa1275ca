//! New configurations in the middle: what was counted is counted.

use envoy_test::{Envoy, Push, Request, Upstream};
use serde_json::json;

use crate::{Client, Gate, configuration, open, open_to_all, refusal};

#[test]
fn a_new_configuration_in_the_middle_of_a_window_begins_nothing_anew() {
    let gate = Gate::new();
    let limits = |requests: u32| json!({ "plan": { "key": ["subject"], "all_rules": true, "window": { "requests": requests, "per": "10m" } } });
    let mut envoy = gate.builder(&limits(10)).start();
    let token = gate.token("u-1");
    let ask = |envoy: &Envoy| envoy.send(&Request::get("/orders").bearer(&token)).status;
    assert!((0..10).all(|_| ask(&envoy) == 200));
    assert_eq!(ask(&envoy), 429);
    for requests in [12, 13] {
        let push = envoy.push_filter_config(&configuration(&limits(requests)));
        assert!(matches!(push, Push::Accepted), "{push:?}");
        let admitted = (0..10).filter(|_| ask(&envoy) == 200).count();
        assert_eq!(admitted, if requests == 12 { 2 } else { 1 });
    }
}

#[test]
fn nor_in_the_middle_of_a_quota_or_a_bucket() {
    let upstream = Upstream::start();
    for (what, limit, code) in [
        ("quota", json!({ "quota": { "requests": 10, "per": "month" } }), "quota_exhausted"),
        ("bucket", json!({ "rate": { "requests": 1, "per": "1d", "burst": 10 } }), "rate_limited"),
    ] {
        let builder = Envoy::builder().filter_config(open_to_all(&limit)).upstream(&upstream);
        let mut envoy = builder.cluster("idp", upstream.address()).start();
        let mut client = Client::of(&envoy);
        assert!((0..6).all(|_| client.send(&open("a")).status == 200), "{what}");
        for (turn, left) in [4, 0, 0].into_iter().enumerate() {
            // The same limit in another configuration.
            let mut next = open_to_all(&limit);
            next["rules"][0]["name"] = json!(format!("open-{turn}"));
            assert_eq!(envoy.push_filter_config(&next), Push::Accepted);
            let (admitted, last) = Client::of(&envoy).exhaust("a");
            assert_eq!(admitted, left, "{what} after new configuration {turn}");
            assert_eq!(refusal(&last).0, code);
        }
        assert_eq!(Client::of(&envoy).exhaust("b").0, 10, "{what}: others have theirs");
    }
}

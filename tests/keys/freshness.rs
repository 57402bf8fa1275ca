//! How long keys are kept: by the issuer's word, within the bounds of the configuration.
//!
//! No bound makes keys fresh for less than 10 s, and they are asked for again up to a fifth of that early. So this takes
//! some twenty seconds.

use std::thread;
use std::time::{Duration, Instant};

use envoy_test::{Document, Envoy, Fault, IssuerServer, KeyKind, Protocol, Upstream};
use serde_json::json;

use super::{ask_until, assert_unavailable, configuration, get, issuer, provider, reason, token};

/// An issuer, and whether it is asked again after 8 to 10 s.
struct Kept {
    name: &'static str,
    headers: &'static [(&'static str, &'static str)],
    /// `min_fresh` and `max_fresh`; `None` for the defaults.
    bounds: Option<(&'static str, &'static str)>,
    again: bool,
}

#[rustfmt::skip]
const KEPT: [Kept; 9] = [
    Kept { name: "stated", headers: &[("cache-control", "max-age=10")], bounds: Some(("0s", "1h")), again: true },
    Kept { name: "aged", headers: &[("cache-control", "max-age=3600"), ("age", "3590")], bounds: Some(("0s", "1h")), again: true },
    Kept { name: "ceiling", headers: &[("cache-control", "max-age=86400, private")], bounds: Some(("0s", "10s")), again: true },
    Kept { name: "unstored", headers: &[("cache-control", "no-store")], bounds: Some(("0s", "1h")), again: true },
    Kept { name: "shortest", headers: &[("cache-control", "max-age=1")], bounds: Some(("0s", "0s")), again: true },
    Kept { name: "silent-ceiling", headers: &[], bounds: Some(("0s", "10s")), again: true },
    Kept { name: "silent", headers: &[], bounds: Some(("0s", "2h")), again: false },
    Kept { name: "floor", headers: &[("cache-control", "max-age=1")], bounds: Some(("1h", "2h")), again: false },
    Kept { name: "default", headers: &[("cache-control", "max-age=0, must-revalidate")], bounds: None, again: false },
];

#[test]
fn keys_are_kept_as_long_as_stated_within_bounds_and_no_longer_than_max_stale() {
    let (upstream, server) = (Upstream::start(), IssuerServer::start());
    let kept = KEPT.map(|Kept { name, headers, bounds, again }| {
        let issuer = issuer(&server, name);
        headers.iter().for_each(|(header, value)| issuer.set_header(header, value));
        let keys = bounds.map_or(json!({}), |(min, max)| json!({"min_fresh": min, "max_fresh": max}));
        (name, issuer, provider(name, "idp", &keys), again)
    });
    let (failing, rotating) = (issuer(&server, "failing"), issuer(&server, "rotating"));
    let withdrawn = token(&rotating);
    let mut providers: Vec<_> = kept.iter().map(|(name, _, provider, _)| (*name, provider.clone())).collect();
    let brief = json!({"min_fresh": "0s", "max_fresh": "10s", "max_stale": "2s"});
    providers.push(("failing", provider("failing", "idp", &brief)));
    providers.push(("rotating", provider("rotating", "idp", &brief)));

    let before = Instant::now();
    let envoy = Envoy::builder()
        .filter_config(configuration(&providers, &json!({})))
        .cluster("idp", server.address())
        .upstream(&upstream)
        .start();
    for (_, issuer, ..) in &kept {
        issuer.wait_for_fetches(Document::Keys, 1, Duration::from_secs(10));
    }
    let fetched = Instant::now();
    let mut workers = envoy.connection_per_worker(Protocol::Http1);
    let (last, remembered) = (token(&failing), token(&rotating));
    for connection in &mut workers {
        for token in [&last, &remembered] {
            assert_eq!(connection.send(&get(token)).unwrap().status, 200);
        }
    }
    failing.fail(Document::Any, Fault::Status(500));
    rotating.replace_keys(KeyKind::P256, "rotating-2");
    let replaced = get(&withdrawn);

    // Nobody asks early; what was good stays good.
    until(before, 7.0);
    for (name, issuer, ..) in &kept {
        assert_eq!(issuer.fetched(Document::Keys), 1, "{name}: asked for again too early");
    }
    for connection in &mut workers {
        assert_eq!(connection.send(&get(&last)).unwrap().status, 200);
        assert_eq!(connection.send(&replaced).unwrap().status, 200, "its issuer was not asked again yet");
    }

    // A token whose key is gone from the set is refused in every worker, though it was remembered.
    until(fetched, 11.2);
    for connection in &mut workers {
        let answer = connection.send(&replaced).unwrap();
        assert_eq!((answer.status, reason(&envoy, &answer).as_str()), (401, "kid_unknown"), "{answer}");
        assert_eq!(connection.send(&get(&token(&rotating))).unwrap().status, 200);
    }
    for (name, issuer, _, again) in &kept {
        let times = issuer.fetched(Document::Keys);
        assert_eq!(times, 1 + usize::from(*again), "{name}: keys fetched {times} times in 11 s");
    }

    // 10 s fresh and 2 s stale: then there are no keys, whatever was remembered.
    assert!(failing.fetched(Document::Discovery) >= 2, "no attempt to renew the keys of `failing`");
    until(fetched, 12.3);
    for connection in &mut workers {
        assert_unavailable("keys past `max_stale`", &connection.send(&get(&last)).unwrap());
        assert_unavailable("keys past `max_stale`", &connection.send(&get(&token(&failing))).unwrap());
    }
    failing.recover();
    for connection in &mut workers {
        ask_until(connection, &get(&last), Duration::from_secs(15), |answer| answer.status == 200);
    }
}

fn until(start: Instant, seconds: f64) {
    thread::sleep((start + Duration::from_secs_f64(seconds)).saturating_duration_since(Instant::now()));
}

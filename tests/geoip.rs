//! Countries and networks by Envoy's own geoip filter in front, with databases in MaxMind's format.

use envoy_test::{BOTH, Case, Gate, Request};
use serde_json::{Value, json};

#[test]
fn the_geoip_filter_says_where_a_client_is_and_a_client_cannot() {
    let databases = tempfile::tempdir().expect("a directory");
    let places = [("192.0.2.0/24", "DE", 64500), ("198.51.100.0/24", "US", 64501)];
    let provider = json!({ "issuer": "https://idp.example", "cluster": "idp", "audiences": ["orders"] });
    let configuration = json!({
        "providers": { "idp": provider },
        "geo": { "country_header": "x-geo-country", "asn_header": "x-geo-asn" },
        "rules": [
            json!({ "name": "anywhere", "match": { "paths": ["/anywhere"] }, "access": "anonymous" }),
            rule("germany", &json!({ "countries": ["DE", "AT"] })),
            rule("not-there", &json!({ "not": { "asns": [64501] } })),
        ]
    });
    let gate = Gate::start_with(configuration, |builder, _| builder.geoip(databases.path(), &places));
    let from = |path: &str, address: &str| Request::get(path).header("x-forwarded-for", address);
    let forged = |request: Request| request.header("x-geo-country", "DE").header("X-Geo-Asn", "64500");
    let (german, american, nowhere) = ("192.0.2.7", "198.51.100.7", "203.0.113.7");
    let cases = [
        Case::allowed("from anywhere", forged(from("/anywhere", nowhere))),
        Case::allowed("from Germany", from("/germany", german)),
        Case::new("from elsewhere", from("/germany", american), 403, "country_not_allowed"),
        Case::new("a client that says so", forged(from("/germany", american)), 403, "country_not_allowed"),
        Case::new("and is found nowhere", forged(from("/germany", nowhere)), 403, "country_unknown"),
        Case::allowed("not from that network", from("/not-there", german)),
        Case::new("from that network", forged(from("/not-there", american)), 403, "excluded"),
        Case::new("who knows from where", forged(from("/not-there", nowhere)), 403, "asn_unknown"),
    ];
    let answers = gate.envoy.assert_each(&BOTH, cases);
    assert!(answers[0].upstream_headers("x-geo-country").is_empty(), "the client's own goes no further");
    assert_eq!(answers[2].upstream_headers("x-geo-country"), ["DE"]);
}

/// Nobody needs to be known there.
fn rule(name: &str, require: &Value) -> Value {
    json!({ "name": name, "match": { "paths": [format!("/{name}")] }, "access": "anonymous", "require": require })
}

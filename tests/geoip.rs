//! Countries and networks by Envoy's own geoip filter in front, with databases in MaxMind's format.

#![expect(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is the failed test")]

use envoy_test::{Envoy, IssuerServer, Request, Upstream};
use serde_json::json;

#[test]
fn the_geoip_filter_says_where_an_address_is_and_a_client_cannot() {
    let directory = tempfile::tempdir().unwrap();
    let upstream = Upstream::start();
    let issuers = IssuerServer::start();
    let envoy = Envoy::builder()
        .cluster("idp", issuers.address())
        .filter_config(json!({
            "providers": { "idp": { "issuer": "https://idp.example", "cluster": "idp", "audiences": ["orders"] } },
            "rules": [{ "name": "open", "match": {}, "access": "anonymous" }]
        }))
        .geoip(directory.path(), &[("192.0.2.0/24", "DE", 64500), ("198.51.100.0/24", "US", 64501)])
        .upstream(&upstream)
        .start();
    let seen = |from: &str, forged: &[(&str, &str)]| {
        let mut request = Request::get("/").header("x-forwarded-for", from);
        for (name, value) in forged {
            request = request.header(name, value);
        }
        let answer = envoy.send(&request);
        assert_eq!(answer.status, 200, "{answer}");
        let headers: Vec<(String, String)> = serde_json::from_value(answer.json()["headers"].clone()).unwrap();
        let one = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
        (one("x-geo-country"), one("x-geo-asn"))
    };
    let forged = [("x-geo-country", "DE"), ("X-Geo-Asn", "64500")];
    assert_eq!(seen("192.0.2.7", &[]), (Some("DE".to_owned()), Some("64500".to_owned())));
    assert_eq!(seen("198.51.100.7", &forged), (Some("US".to_owned()), Some("64501".to_owned())));
    assert_eq!(seen("203.0.113.7", &forged), (None, None));
}

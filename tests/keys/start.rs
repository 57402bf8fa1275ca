//! Keys come before traffic, once for all workers.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use envoy_test::{Document, Envoy, IssuerServer, KeyKind, Protocol, Upstream};
use serde_json::json;

use super::{configuration, get, issuer, provider};

#[test]
fn each_document_is_fetched_once_over_all_workers_before_any_request() {
    let upstream = Upstream::start();
    for workers in [2, 4] {
        let server = IssuerServer::start();
        let (idp, bare) = (issuer(&server, "idp"), issuer(&server, "bare"));
        let entra = server.entra("11111111-2222-4333-8444-555555555555");
        entra.add_key(KeyKind::Rsa2048, "entra-1");
        let mut jwks_only = provider("bare", "idp", &json!({}));
        jwks_only["jwks_uri"] = json!("https://bare.example/jwks");
        let providers = [
            ("idp", provider("idp", "idp", &json!({}))),
            ("bare", jwks_only),
            ("entra", json!({"entra": {"tenants": entra.tenant()}, "cluster": "idp", "audiences": ["orders"]})),
        ];
        let envoy = Envoy::builder()
            .filter_config(configuration(&providers, &json!({})))
            .cluster("idp", server.address())
            .upstream(&upstream)
            .concurrency(workers)
            .start();

        for issuer in [&idp, &bare] {
            issuer.wait_for_fetches(Document::Keys, 1, Duration::from_secs(10));
        }
        entra.wait_for_fetches(Document::Keys, 2, Duration::from_secs(10));
        // Longer than an idle worker rests: each of them has looked at least once more.
        thread::sleep(Duration::from_millis(1200));

        for (issuer, claims) in [
            (&idp, idp.claims("orders")),
            (&bare, bare.claims("orders")),
            (&entra, entra.v2_claims("orders")),
            (&entra, entra.v1_claims("orders")),
        ] {
            let token = issuer.token(claims).build();
            for connection in &mut envoy.connection_per_worker(Protocol::Http1) {
                let answer = connection.send(&get(&token)).unwrap();
                assert_eq!(answer.status, 200, "{workers} workers: {answer}");
            }
        }
        let waited: Vec<_> = envoy.audit_lines().into_iter().filter(|line| !line["waited_ms"].is_null()).collect();
        assert!(waited.is_empty(), "a request had to wait although the keys were there: {waited:?}");

        let mut fetched = BTreeMap::new();
        for request in server.requests() {
            *fetched.entry(request).or_insert(0) += 1;
        }
        let (login, tenant) = ("login.microsoftonline.com", entra.tenant());
        let expected = [
            "bare.example/jwks".to_owned(),
            "idp.example/.well-known/openid-configuration".to_owned(),
            "idp.example/jwks".to_owned(),
            format!("{login}/{tenant}/.well-known/openid-configuration"),
            format!("{login}/{tenant}/discovery/keys"),
            format!("{login}/{tenant}/discovery/v2.0/keys"),
            format!("{login}/{tenant}/v2.0/.well-known/openid-configuration"),
        ];
        let expected: BTreeMap<_, _> = expected.into_iter().map(|address| (address, 1)).collect();
        assert_eq!(fetched, expected, "{workers} workers");
    }
}

//! Neither a token nor an issuer's answer leads the filter to an address that was not configured.

use std::time::Duration;

use envoy_test::{Document, Envoy, Fault, IssuerServer, KeyKind, Protocol, Upstream, forge};
use serde_json::json;

use super::{assert_unavailable, configuration, get, issuer, provider, token};

/// Advisories 31, 32, 33 and 40. The canary would answer, with keys that verify the attacker's tokens; Envoy could reach
/// it, on a cluster with the name of its host.
#[test]
fn j13_no_token_and_no_answer_leads_anywhere_else() {
    let (upstream, server, canary) = (Upstream::start(), IssuerServer::start(), IssuerServer::start());
    let trap = canary.oidc("https://canary.example");
    let attacker = trap.add_key(KeyKind::P256, "idp-1");
    let (idp, moved, lured, downgraded) =
        (issuer(&server, "idp"), issuer(&server, "moved"), issuer(&server, "lured"), issuer(&server, "downgraded"));
    let there = format!("http://{}/jwks", canary.address());
    let discovery = |issuer: &str, keys: &str| {
        Fault::Body(json!({"issuer": format!("https://{issuer}.example"), "jwks_uri": keys}).to_string())
    };
    moved.fail(Document::Any, Fault::Redirect("https://canary.example/jwks".to_owned()));
    lured.fail(Document::Discovery, discovery("lured", "https://canary.example/jwks"));
    downgraded.fail(Document::Discovery, discovery("downgraded", &there));
    let names = ["idp", "moved", "lured", "downgraded"];
    let providers = names.map(|name| (name, provider(name, "idp", &json!({}))));
    let envoy = Envoy::builder()
        .filter_config(configuration(&providers, &json!({"wait": "2s"})))
        .cluster("idp", server.address())
        .cluster("canary.example", canary.address())
        .cluster(&canary.address().to_string(), canary.address())
        .upstream(&upstream)
        .start();
    let mut workers = envoy.connection_per_worker(Protocol::Http1);
    for connection in &mut workers {
        assert_eq!(connection.send(&get(&token(&idp))).unwrap().status, 200);
    }

    let claims = idp.token(idp.claims("orders")).signed_by(&attacker);
    let stranger = claims.clone().with_header("kid", "https://canary.example/jwks");
    let tokens = [
        ("signed by the canary's key of the same name", claims.build()),
        ("with `jku`", claims.clone().with_header("jku", "https://canary.example/jwks").build()),
        ("with `jku` by plain http", claims.clone().with_header("jku", there.clone()).build()),
        ("with `x5u`", claims.clone().with_header("x5u", "https://canary.example/jwks").build()),
        ("with its own `jwk`", claims.clone().with_header("jwk", attacker.jwk()).build()),
        ("with `x5c`", claims.clone().with_header("x5c", json!(["MIIB"])).build()),
        ("with an address as `kid`", stranger.build()),
        ("with a path as `kid`", claims.clone().with_header("kid", "../../../../jwks").build()),
        ("with an unknown issuer", claims.clone().with("iss", "https://canary.example").build()),
        ("with an issuer that goes on", claims.clone().with("iss", "https://idp.example@canary.example").build()),
        ("without a signature", forge::unsigned(&idp.claims("orders"))),
    ];
    for connection in &mut workers {
        for (what, token) in &tokens {
            let answer = connection.send(&get(token)).unwrap();
            assert_eq!(answer.status, 401, "a token {what}: {answer}");
        }
        for issuer in [&moved, &lured, &downgraded] {
            let by_attacker = issuer.token(issuer.claims("orders")).signed_by(&attacker).build();
            for token in [token(issuer), by_attacker] {
                assert_unavailable(
                    "a token of an issuer whose answer leads elsewhere",
                    &connection.send(&get(&token)).unwrap(),
                );
            }
        }
    }
    for issuer in [&moved, &lured, &downgraded] {
        issuer.wait_for_fetches(Document::Discovery, 2, Duration::from_secs(10));
        assert_eq!(issuer.fetched(Document::Keys), 0, "an answer that leads elsewhere was followed");
    }
    assert_eq!(canary.requests(), Vec::<String>::new(), "the canary was asked");
    let reached: u64 = envoy.stats("^cluster\\..*canary.*\\.upstream_cx_total$").values().sum();
    assert_eq!(reached, 0, "Envoy connected to the canary");
    let strange: Vec<_> = server.requests().into_iter().filter(|request| !is_configured(request)).collect();
    assert!(strange.is_empty(), "asked for, though nobody configured it: {strange:?}");
}

fn is_configured(request: &str) -> bool {
    request.ends_with(".example/.well-known/openid-configuration") || request == "idp.example/jwks"
}

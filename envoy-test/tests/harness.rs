//! The harness itself, without the filter: what it starts behaves, fails on demand and goes away.

use std::path::Path;
use std::time::Duration;

use envoy_test::{
    Connection, Document, Envoy, Fault, IssuerServer, KeyKind, Protocol, Push, Request, Upstream, forge, raw,
};
use serde_json::json;

#[test]
fn what_a_client_sends_reaches_the_upstream_byte_by_byte_over_both_protocols() {
    let upstream = Upstream::start();
    let envoy = Envoy::builder().without_filter().upstream(&upstream).start();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let request = Request::post("/a/b?c=d", "body").header("x-odd", b"\xFF\x80z").header("x-two", "1");
        let answer = envoy.send_over(protocol, &request.header("x-two", "2"));
        assert_eq!(answer.status, 200, "{answer}");
        assert_eq!(answer.json()["path"], "/a/b?c=d");
        assert_eq!(answer.json()["authority"], "api.example");
        assert_eq!(answer.json()["body"], "body");
        assert_eq!(answer.upstream_headers("x-odd"), ["\\xFF\\x80z"]);
        assert_eq!(answer.upstream_headers("x-two"), ["1", "2"]);
        let line = envoy.access_log_of(&answer);
        assert_eq!((&line["status"], &line["details"]), (&json!(200), &json!("via_upstream")));
    }
    assert_eq!(upstream.requests(), 2);

    let answer = raw(envoy.address(), b"GET / HTTP/1.1\r\nhost: a\r\nx: \0\r\n\r\n", Duration::from_millis(500));
    assert!(answer.starts_with(b"HTTP/1.1 400 "), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(upstream.requests(), 2);
}

#[test]
fn every_worker_can_be_asked_and_envoy_goes_away_when_dropped() {
    let upstream = Upstream::start();
    let envoy = Envoy::builder().without_filter().upstream(&upstream).concurrency(3).start();
    for connection in &mut envoy.connection_per_worker(Protocol::Http1) {
        assert_eq!(connection.send(&Request::get("/")).unwrap().status, 200);
    }
    for worker in 0..3 {
        let connections = envoy.stat(&format!("listener.gate.worker_{worker}.downstream_cx_total"));
        assert!(connections >= Some(1), "worker {worker}: {connections:?}");
    }
    if Path::new("/proc/self/schedstat").exists() {
        assert!(envoy.cpu_time() > Duration::from_millis(1));
        assert!(envoy.memory() > 1024 * 1024);
    }
    let address = envoy.address();
    drop(envoy);
    assert!(Connection::open(address, Protocol::Http1).is_err(), "Envoy still takes connections");
}

#[test]
fn a_listener_that_envoy_refuses_is_an_error_and_keeps_the_old_one_in_force() {
    let upstream = Upstream::start();
    let no_listener =
        Envoy::builder().without_filter().patch_listener(|listener| listener["name"] = json!({})).try_start();
    assert!(no_listener.is_err_and(|log| log.contains("gate")), "Envoy has accepted an object for a name");
    let bad_listener =
        Envoy::builder().without_filter().patch_listener(|listener| listener["filter_chains"] = json!([])).try_start();
    assert!(bad_listener.is_err_and(|log| log.contains("rejected")), "Envoy has accepted a listener that does nothing");

    // No filter looks at the configuration here: an equal listener is accepted and changes nothing.
    let mut envoy = Envoy::builder().without_filter().upstream(&upstream).start();
    assert_eq!(envoy.push_filter_config(&json!({})), Push::Accepted);
    assert_eq!(envoy.send(&Request::get("/")).status, 200);
}

#[test]
fn an_issuer_publishes_its_keys_and_fails_on_demand() {
    let server = IssuerServer::start();
    let idp = server.oidc("https://idp.example/tenant");
    for kind in [KeyKind::Rsa2048, KeyKind::P256, KeyKind::P384, KeyKind::P521, KeyKind::Ed25519] {
        idp.add_key(kind, &format!("{kind:?}"));
    }
    idp.withdraw("P384");
    let ask = |path: &str| {
        let mut connection = Connection::open(server.address(), Protocol::Http1)?;
        connection.send(&Request::get(path).host("idp.example").timeout(Duration::from_millis(1500)))
    };
    let keys = || ask("/tenant/jwks");

    let discovery = ask("/tenant/.well-known/openid-configuration").unwrap().json();
    assert_eq!(discovery["issuer"], "https://idp.example/tenant");
    assert_eq!(discovery["jwks_uri"], "https://idp.example/tenant/jwks");
    let published = keys().unwrap().json();
    let kids: Vec<&str> = published["keys"].as_array().unwrap().iter().filter_map(|key| key["kid"].as_str()).collect();
    assert_eq!(kids, ["Rsa2048", "P256", "P521", "Ed25519"]);

    idp.fail(Document::Keys, Fault::Status(503));
    assert_eq!(keys().unwrap().status, 503);
    assert_eq!(ask("/tenant/.well-known/openid-configuration").unwrap().status, 200);
    idp.fail(Document::Keys, Fault::Redirect("https://evil.example/".to_owned()));
    assert_eq!(keys().unwrap().header("location").as_deref(), Some("https://evil.example/"));
    idp.fail(Document::Keys, Fault::ManyKeys(10_000));
    assert_eq!(keys().unwrap().json()["keys"].as_array().unwrap().len(), 10_004);
    idp.fail(Document::Keys, Fault::Huge);
    assert_eq!(keys().unwrap().body.len(), 100 * 1024 * 1024);
    idp.fail(Document::Keys, Fault::Empty);
    assert_eq!(keys().unwrap().body, b"");
    for fault in [Fault::Hang, Fault::Slow, Fault::Cut] {
        idp.fail(Document::Keys, fault.clone());
        assert!(keys().is_err(), "{fault:?} has given an answer");
    }
    idp.recover();
    assert_eq!(keys().unwrap().status, 200);

    server.stop();
    assert!(keys().is_err(), "a stopped server has answered");
    server.resume();
    assert_eq!(keys().unwrap().status, 200);
    assert_eq!(idp.fetched(Document::Discovery), 2);
}

#[test]
fn entra_has_its_documents_at_its_addresses() {
    let tenant = "11111111-2222-4333-8444-555555555555";
    let server = IssuerServer::start();
    let entra = server.entra(tenant);
    entra.add_key(KeyKind::Rsa2048, "one");
    let ask = |path: &str| {
        let mut connection = Connection::open(server.address(), Protocol::Http1).unwrap();
        connection.send(&Request::get(path).host("login.microsoftonline.com")).unwrap()
    };
    let v2 = ask(&format!("/{tenant}/v2.0/.well-known/openid-configuration?appid=a")).json();
    assert_eq!(v2["issuer"], format!("https://login.microsoftonline.com/{tenant}/v2.0"));
    let host = "https://login.microsoftonline.com";
    assert_eq!(v2["jwks_uri"], format!("{host}/{tenant}/discovery/v2.0/keys?appid=a"));
    let v1 = ask(&format!("/{tenant}/.well-known/openid-configuration")).json();
    assert_eq!(v1["issuer"], format!("https://sts.windows.net/{tenant}/"));
    let any = ask("/organizations/v2.0/.well-known/openid-configuration").json();
    assert_eq!(any["issuer"], "https://login.microsoftonline.com/{tenantid}/v2.0");
    assert_eq!(ask("/99999999-2222-4333-8444-555555555555/discovery/v2.0/keys").status, 400);

    let key = &ask(&format!("/{tenant}/discovery/v2.0/keys")).json()["keys"][0];
    assert_eq!(key["issuer"], "https://login.microsoftonline.com/{tenantid}/v2.0");
    assert!(key["alg"].is_null(), "Entra's keys name no algorithm");
    assert!(ask(&format!("/{tenant}/discovery/keys")).json()["keys"][0]["issuer"].is_null());

    let size = entra.token(entra.v2_claims("api://orders")).build().len();
    assert!((1300..1700).contains(&size), "a token of {size} bytes is not like Entra's");
}

#[test]
fn a_token_is_signed_as_its_header_says_and_forgeries_differ_where_they_say() {
    let server = IssuerServer::start();
    let idp = server.oidc("https://idp.example");
    idp.add_key(KeyKind::Rsa2048, "rsa");
    let token = idp.token(idp.claims("orders")).algorithm("PS384");
    let parts: Vec<String> = token.build().split('.').map(ToOwned::to_owned).collect();
    assert_eq!(parts.len(), 3);
    assert_eq!(parts[2].len(), 342, "256 bytes in base64url");
    // PKCS #1 v1.5 gives the same signature again, PSS never does.
    assert_ne!(token.build(), token.build());
    assert_eq!(idp.token(json!({})).build(), idp.token(json!({})).build());

    let good = idp.token(json!({"a": 1})).build();
    let broken = forge::with_broken_signature(&good);
    assert_eq!(good.rsplit_once('.').unwrap().0, broken.rsplit_once('.').unwrap().0);
    assert_ne!(good, broken);
    let changed = forge::with_changed_claims(&good, |claims| {
        claims.insert("a".to_owned(), json!(2));
    });
    assert_eq!(good.rsplit_once('.').unwrap().1, changed.rsplit_once('.').unwrap().1);
    assert_ne!(good, changed);
    assert!(forge::unsigned(&json!({})).ends_with('.'));
}

//! What a caller hears who lacks a circumstance, and what the record says of it.

use super::*;

/// One rule for each path, and what it requires.
fn gate(rules: &[(&str, Value)], more: Value) -> Gate {
    let mut config = fixed();
    config["providers"]["idp"]["danger_any_audience"] = json!(true);
    config["providers"]["idp"].as_object_mut().unwrap().remove("audiences");
    config["rules"] = rules
        .iter()
        .map(|(name, require)| json!({ "name": name, "match": { "paths": [format!("/{name}")] }, "require": require }))
        .collect();
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Gate::new(&config)
}

fn problem(reply: &Reply) -> (u16, String) {
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    (reply.status, body["code"].as_str().unwrap().to_owned())
}

#[test]
fn a_circumstance_that_is_not_so_has_no_challenge_and_no_detail() {
    let mut gate =
        gate(&[("inside", json!({ "networks": ["office"] }))], json!({ "networks": { "office": ["203.0.113.0/24"] } }));
    gate.host.properties.insert("source.address".to_owned(), b"198.51.100.7:80".to_vec());
    let step = gate.get("/inside", &token());
    assert_eq!(outcome(&step), "403 network_not_allowed");
    let reply = reply(step);
    assert_eq!(problem(&reply), (403, "circumstances_not_allowed".to_owned()));
    assert_eq!(header(&reply, "www-authenticate"), None);
    assert!(!String::from_utf8_lossy(&reply.body).contains("198.51"));
    gate.host.properties.insert("source.address".to_owned(), b"203.0.113.7:80".to_vec());
    assert_eq!(outcome(&gate.get("/inside", &token())), "allow");
    gate.host.properties.clear();
    assert_eq!(outcome(&gate.get("/inside", &token())), "403 address_unknown");
    let step = gate.send(
        "GET",
        "/inside",
        &[("authorization", &format!("Bearer {}", token())), ("content-type", "application/grpc")],
    );
    assert_eq!(super::reply(step).grpc_status, Some(7));
}

#[test]
fn a08_a_stronger_or_fresher_sign_in_is_asked_for_as_in_rfc_9470() {
    let mut gate = gate(
        &[("pay", json!({ "assurance": "pay" })), ("fresh", json!({ "assurance": "fresh" }))],
        json!({ "assurances": { "pay": { "acr_values": ["urn:mfa", "urn:key"], "max_age": "10m" }, "fresh": { "max_age": "1h" } } }),
    );
    let step = gate.get("/pay", &token());
    assert_eq!(outcome(&step), "401 assurance_level_missing");
    let reply = reply(step);
    assert_eq!(problem(&reply), (401, "stepup_required".to_owned()));
    assert_eq!(
        header(&reply, "www-authenticate"),
        Some(
            r#"Bearer realm="api", error="insufficient_user_authentication", error_description="A different authentication level is required", acr_values="urn:mfa urn:key", max_age="600""#
        )
    );
    let reply = super::reply(gate.get("/fresh", &token()));
    assert_eq!(
        header(&reply, "www-authenticate"),
        Some(
            r#"Bearer realm="api", error="insufficient_user_authentication", error_description="More recent authentication is required", max_age="3600""#
        )
    );
    let step = gate.send(
        "GET",
        "/pay",
        &[("authorization", &format!("Bearer {}", token())), ("content-type", "application/grpc")],
    );
    assert_eq!(super::reply(step).grpc_status, Some(16));
    let mut claims = claims();
    claims["acr"] = json!("urn:mfa");
    claims["auth_time"] = json!(NOW - 60);
    assert_eq!(outcome(&gate.get("/pay", &TestIssuer::new("idp").token(&claims))), "allow");
    // Without a token it is the token that is missing.
    let step = gate.send("GET", "/pay", &[]);
    assert_eq!(outcome(&step), "401 credential_missing");
    assert_eq!(header(&super::reply(step), "www-authenticate"), Some("Bearer realm=\"api\""));
}

#[test]
fn a_missing_scope_is_named() {
    let mut gate = gate(&[("write", json!({ "scopes": ["orders.write", "orders.all"] }))], json!({}));
    let reply = reply(gate.get("/write", &token()));
    assert_eq!(problem(&reply), (403, "scope_insufficient".to_owned()));
    let challenge = header(&reply, "www-authenticate").unwrap();
    assert_eq!(challenge, r#"Bearer realm="api", error="insufficient_scope", scope="orders.write orders.all""#);
}

#[test]
fn the_record_names_the_policy_that_decided() {
    let policies = json!({ "conditional_access": [
        { "name": "watched", "rules": ["open"], "grant": "block", "report_only": true },
        { "name": "closed", "rules": ["shut"], "grant": "block" }
    ] });
    let mut gate = gate(
        &[
            ("open", json!({ "not": { "tenants": ["11111111-2222-4333-8444-555555555555"] } })),
            ("shut", json!({ "providers": ["idp"] })),
        ],
        policies,
    );
    let Step::Reply(reply, record) = gate.get("/shut", &token()) else { panic!("allowed") };
    assert_eq!(problem(&reply), (403, "not_allowed".to_owned()));
    assert_eq!((record.reason, record.event.unwrap().policy.as_deref()), ("blocked_by_policy", Some("closed")));
    let _ = gate.get("/open", &token());
}

//! What the server says is held to the rules of tokens.

use super::*;

#[test]
fn i04_what_the_server_says_is_held_to_the_rules_of_tokens() {
    assert_eq!(judge(said()), "allow");
    for (claim, value, reason) in [
        ("iss", json!("https://evil.example"), "401 issuer_unknown"),
        ("iss", json!(7), "401 issuer_absent"),
        ("aud", json!("billing"), "401 audience_not_accepted"),
        ("aud", json!({}), "401 audience_malformed"),
        ("exp", json!(NOW - 61), "401 token_expired"),
        ("exp", json!("never"), "401 expiry_malformed"),
        ("nbf", json!(NOW + 120), "401 token_not_yet_valid"),
        ("nbf", json!(null), "401 not_before_malformed"),
        ("iat", json!(NOW + 120), "401 issued_in_future"),
        ("iat", json!("now"), "401 issued_at_malformed"),
        ("sub", json!(1), "401 subject_malformed"),
        ("jti", json!(1), "401 token_id_malformed"),
        ("token_type", json!("N_A"), "401 token_type_not_accepted"),
        ("token_type", json!(["Bearer"]), "401 token_type_not_accepted"),
        // Bound, and it does not say to what.
        ("token_type", json!("DPoP"), "401 token_type_not_accepted"),
        ("typ", json!("Refresh"), "401 token_is_refresh_token"),
        // As Ory Hydra says it, with `token_type: Bearer`.
        ("token_use", json!("refresh_token"), "401 token_is_refresh_token"),
        ("token_use", json!("id"), "401 token_is_id_token"),
        ("token_use", json!("device_code"), "401 token_type_not_accepted"),
        ("token_use", json!(["access_token"]), "401 token_type_not_accepted"),
        ("token_use", json!("access_token"), "allow"),
        ("token_use", json!("access"), "allow"),
    ] {
        assert_eq!(judge(with(claim, value.clone())), reason, "{claim} {value}");
    }
    assert_eq!(judge(without("aud")), "401 audience_missing");
    for optional in ["iss", "exp", "iat", "sub", "token_type"] {
        assert_eq!(judge(without(optional)), "allow", "{optional}");
    }
    assert_eq!(judge(with("token_type", json!("bearer"))), "allow");
    assert_eq!(judge(with("aud", json!(["billing", "orders"]))), "allow");
    let mut server = Server::new(with("scope", json!(7)));
    assert_eq!(server.outcome("/write", "opaque"), "403 scope_malformed");
}

#[test]
fn i04_what_the_server_says_a_token_is_bound_to_has_to_be_proven() {
    let key = json!({ "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" });
    for (kind, confirmation, reason) in [
        ("Bearer", key.clone(), "401 confirmation_not_configured"),
        ("DPoP", key.clone(), "401 confirmation_not_configured"),
        ("DPoP", json!({ "x5t#S256": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" }), "401 token_type_not_accepted"),
        ("Bearer", json!({ "x": 1 }), "401 confirmation_unknown"),
    ] {
        let mut said = with("cnf", confirmation);
        said["token_type"] = json!(kind);
        assert_eq!(judge(said.clone()), reason, "{said}");
    }
    let mut document = config(json!({}));
    document["bindings"] = json!({ "dpop": {} });
    let mut server = Server { gate: Gate::new(&document), ..Server::new(with("cnf", key)) };
    assert_eq!(server.outcome("/orders", "opaque"), "401 bound_token_as_bearer");
}

#[test]
fn i04_a_bound_on_lifetimes_needs_times() {
    let mut document = config(json!({}));
    document["providers"]["idp"]["max_lifetime"] = json!("1h");
    for (said, expected) in [
        (said(), "allow"),
        (with("exp", json!(NOW + 7200)), "401 lifetime_too_long"),
        (without("iat"), "401 issued_at_missing"),
        (without("exp"), "401 expiry_missing"),
    ] {
        let mut server = Server { gate: Gate::new(&document), status: 200, said, asked: vec![] };
        assert_eq!(server.outcome("/orders", "opaque"), expected);
    }
}

#[test]
fn i04_a_jwt_that_says_it_is_bound_is_bound_whatever_the_server_leaves_out() {
    let (mut claims, key) = (claims(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    claims["cnf"] = json!({ "jkt": key });
    let jwt = TestIssuer::new("idp").token(&claims);
    let mut document = config(json!({ "jwts": "introspect" }));
    document["bindings"] = json!({ "dpop": {}, "mtls": {} });
    for (said, expected) in [
        (said(), "401 confirmation_disputed"),
        (with("cnf", json!({ "x5t#S256": key })), "401 confirmation_disputed"),
        (with("cnf", json!({ "jkt": "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0" })), "401 confirmation_disputed"),
        (with("cnf", json!({ "jkt": key })), "401 bound_token_as_bearer"),
    ] {
        let mut server = Server { gate: Gate::new(&document), ..Server::new(said.clone()) };
        assert_eq!(server.outcome("/orders", &jwt), expected, "{said}");
    }
    claims["cnf"] = json!({ "new": 1 });
    let mut server = Server { gate: Gate::new(&document), ..Server::new(said()) };
    assert_eq!(server.outcome("/orders", &TestIssuer::new("idp").token(&claims)), "401 confirmation_unknown");
}

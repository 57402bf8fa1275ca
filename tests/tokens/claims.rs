//! Claims: issuer, audience, lifetime, purpose.

use envoy_test::KeyKind;
use serde_json::json;

use super::{CAST, HTTP1, allowed, half_past, now, plain, profiled, refused, signed};

#[test]
fn j10_the_issuer_is_compared_byte_for_byte_and_brings_only_its_own_keys() {
    let variants = [
        "https://idp.example/",
        "https://IDP.example",
        "http://idp.example",
        "https://idp.example:443",
        "idp.example",
        " https://idp.example",
        "https://idp.example/tenant",
        "",
    ];
    let variants = variants.iter().map(|iss| refused(*iss, &plain().with("iss", *iss), "issuer_unknown"));
    let malformed = [json!(null), json!(1), json!(["https://idp.example"]), json!({})];
    let malformed =
        malformed.iter().map(|iss| refused(iss.to_string(), &plain().with("iss", iss.clone()), "issuer_absent"));
    let missing = refused("no iss", &plain().without("iss"), "issuer_absent");
    // The key of one issuer under the name of another, with the kid of either.
    let mixed = signed(KeyKind::P256, "ES256").with("iss", "https://idp.example");
    let cases = [
        missing,
        refused("the key of `every` for `idp`", &mixed, "kid_unknown"),
        refused("the same with the kid of `idp`", &mixed.clone().with_header("kid", "partner-1"), "signature_wrong"),
    ];
    CAST.gate.envoy.assert_each(&HTTP1, variants.chain(malformed).chain(cases));
}

#[test]
fn j11_j12_j20_every_claim_that_is_missing_or_malformed_has_its_reason() {
    let odd = [
        json!(null),
        json!(true),
        json!("1800000000"),
        json!(-1),
        json!(1e308),
        json!(1_u64 << 53),
        json!([1]),
        json!({}),
    ];
    let times = [("exp", "expiry_malformed"), ("nbf", "not_before_malformed"), ("iat", "issued_at_malformed")];
    let times = times.into_iter().flat_map(|(claim, reason)| {
        odd.iter().map(move |value| refused(format!("{claim}: {value}"), &plain().with(claim, value.clone()), reason))
    });
    let subjects = [json!(null), json!(1), json!(""), json!(["user-1"]), json!({})];
    let subjects = subjects
        .iter()
        .map(|sub| refused(format!("sub: {sub}"), &plain().with("sub", sub.clone()), "subject_malformed"));
    let ids = [json!(null), json!(1), json!(["t-1"]), json!({})];
    let ids =
        ids.iter().map(|jti| refused(format!("jti: {jti}"), &plain().with("jti", jti.clone()), "token_id_malformed"));
    let audiences = [json!(null), json!(1), json!([]), json!({}), json!(["orders", 1]), json!([["orders"]])];
    let audiences = audiences
        .iter()
        .map(|aud| refused(format!("aud: {aud}"), &plain().with("aud", aud.clone()), "audience_malformed"));
    let wrong =
        [json!("order"), json!("orders/"), json!("Orders"), json!("orders other"), json!(""), json!(["a", "b"])];
    let wrong = wrong
        .iter()
        .map(|aud| refused(format!("aud: {aud}"), &plain().with("aud", aud.clone()), "audience_not_accepted"));
    let cases = [
        refused("no exp", &plain().without("exp"), "expiry_missing"),
        refused("no aud", &plain().without("aud"), "audience_missing"),
        allowed("no sub, nbf and iat", &plain().without("sub").without("nbf").without("iat")),
        allowed("one audience of several", &plain().with("aud", json!(["other", "orders"]))),
        allowed(
            "times with a fraction",
            &plain().with("exp", half_past(now() + 100)).with("nbf", half_past(now() - 1)),
        ),
        refused("expired beyond the clock difference", &plain().with("exp", now() - 70), "token_expired"),
        allowed("expired within the clock difference", &plain().with("exp", now() - 30)),
        refused("not yet, beyond the clock difference", &plain().with("nbf", now() + 120), "token_not_yet_valid"),
        refused("issued in the future", &plain().with("iat", now() + 120), "issued_in_future"),
    ];
    CAST.gate.envoy.assert_each(&HTTP1, times.chain(subjects).chain(ids).chain(audiences).chain(wrong).chain(cases));
}

#[test]
fn j14_a01_a02_the_profile_takes_complete_access_tokens_only() {
    let with_typ = |typ: &str| profiled().with_header("typ", typ);
    let good = ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"];
    let good = good.map(|typ| allowed(typ, &with_typ(typ)));
    let bad = ["JWT", "jwt", "application/jwt", "logout+jwt", "dpop+jwt", "at+jwt ", "at", ""];
    let bad = bad.map(|typ| refused(typ, &with_typ(typ), "token_type_not_accepted"));
    let none = refused("no typ", &profiled().without_header("typ"), "token_type_not_accepted");
    let required = ["exp", "aud", "sub", "client_id", "iat", "jti"];
    let required =
        required.map(|claim| refused(format!("no {claim}"), &profiled().without(claim), "profile_claim_missing"));
    let no_issuer = refused("no iss", &profiled().without("iss"), "issuer_absent");
    CAST.gate.envoy.assert_each(&HTTP1, good.into_iter().chain(bad).chain([none, no_issuer]).chain(required));
}

#[test]
fn j15_what_the_same_key_signed_for_another_purpose_is_refused() {
    let logout = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    let cases = [
        refused("an ID token with at_hash", &plain().with("at_hash", "x"), "token_is_id_token"),
        refused("an ID token with a nonce", &plain().without("scope").with("nonce", "n"), "token_is_id_token"),
        refused(
            "a logout token by typ",
            &plain().with_header("typ", "logout+jwt").with("events", logout.clone()),
            "token_type_not_accepted",
        ),
        refused("a logout token", &plain().with("events", logout), "token_is_security_event"),
        refused("a security event by typ", &plain().with_header("typ", "secevent+jwt"), "token_type_not_accepted"),
        refused(
            "a DPoP proof by typ",
            &plain().with_header("typ", "dpop+jwt").with("htm", "GET"),
            "token_type_not_accepted",
        ),
        refused("a DPoP proof", &plain().with("htm", "GET").with("htu", "https://api.example/"), "token_is_dpop_proof"),
        refused("a client assertion", &plain().with("sub", "https://idp.example"), "token_is_client_assertion"),
        refused("a refresh token", &plain().with("typ", "Refresh"), "token_is_refresh_token"),
        refused("typ that is no string", &plain().with_header("typ", json!(["at+jwt"])), "header_typ_not_a_string"),
    ];
    CAST.gate.envoy.assert_each(&HTTP1, cases);
}

//! Each rule met, missed, absent and malformed. Names begin with the id of the requirement that they prove.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::jose::KeySet;
use crate::provider::{IssuerRule, KeyRule, KeySource};
use crate::testing::TestIssuer;

const NOW: u64 = 1_800_000_000;

fn rules() -> TokenRules {
    TokenRules {
        audiences: Some(vec!["api://orders".to_owned(), "orders".to_owned()]),
        algorithms: AlgorithmSet::ASYMMETRIC,
        access_token_profile: false,
        clock_skew: Duration::from_secs(60),
        max_lifetime: None,
        max_age: None,
        entra: None,
    }
}

fn signer() -> Issuer {
    let source = KeySource::Fixed(KeySet::new(vec![]));
    Issuer { rule: IssuerRule::exact("https://idp.example"), key_rule: KeyRule::default(), source }
}

fn claims() -> Value {
    json!({ "iss": "https://idp.example", "aud": "api://orders", "sub": "u-1", "exp": NOW + 600, "nbf": NOW - 10, "iat": NOW - 10 })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn judge_by(rules: &TokenRules, claims: &Value) -> Result<VerifiedToken, &'static str> {
    let signed = TestIssuer::new("idp").signed(claims);
    accept(IssuerRef::default(), &signer(), rules, signed, UnixTime::from_secs(NOW)).map_err(|flaw| flaw.reason())
}

fn judge(claims: &Value) -> Result<(), &'static str> {
    judge_by(&rules(), claims).map(|_| ())
}

fn judge_type(typ: Value, profile: bool, claims: &Value) -> Result<(), &'static str> {
    let header = match typ {
        Value::Null => json!({ "alg": "EdDSA", "kid": "idp-key" }),
        typ => json!({ "alg": "EdDSA", "kid": "idp-key", "typ": typ }),
    };
    let signed = TestIssuer::new("idp").signed_with(&header, claims, json!({}));
    let rules = TokenRules { access_token_profile: profile, ..rules() };
    accept(IssuerRef::default(), &signer(), &rules, signed, UnixTime::from_secs(NOW))
        .map(|_| ())
        .map_err(|flaw| flaw.reason())
}

#[test]
fn j12_one_audience_must_be_ours_exactly() {
    for good in [json!("api://orders"), json!("orders"), json!(["other", "orders"])] {
        assert_eq!(judge(&with("aud", good.clone())), Ok(()), "{good}");
    }
    for wrong in ["api://order", "api://orders/", "API://orders", "xapi://orders", "orders ", ""] {
        assert_eq!(judge(&with("aud", json!(wrong))), Err("audience_not_accepted"), "{wrong}");
    }
    for malformed in [json!({}), json!(1), json!([]), json!(null), json!(["api://orders", 1]), json!([["orders"]])] {
        assert_eq!(judge(&with("aud", malformed.clone())), Err("audience_malformed"), "{malformed}");
    }
    assert_eq!(judge(&without("aud")), Err("audience_missing"));
}

#[test]
fn j12_any_audience_is_a_setting_of_its_own_and_malformed_is_still_malformed() {
    let any = TokenRules { audiences: None, ..rules() };
    assert!(judge_by(&any, &with("aud", json!("else"))).is_ok());
    assert!(judge_by(&any, &without("aud")).is_ok());
    assert_eq!(judge_by(&any, &with("aud", json!(7))).err(), Some("audience_malformed"));
}

#[test]
fn j20_expiry_is_required_and_counts_to_the_second() {
    assert_eq!(judge(&without("exp")), Err("expiry_missing"));
    assert_eq!(judge(&with("exp", json!(NOW - 59))), Ok(()));
    assert_eq!(judge(&with("exp", json!(NOW - 60))), Err("token_expired"));
    assert_eq!(judge(&with("exp", json!(0))), Err("token_expired"));
}

#[test]
fn j20_not_before_and_issued_at_count_to_the_second() {
    assert_eq!(judge(&with("nbf", json!(NOW + 60))), Ok(()));
    assert_eq!(judge(&with("nbf", json!(NOW + 61))), Err("token_not_yet_valid"));
    assert_eq!(judge(&with("iat", json!(NOW + 60))), Ok(()));
    assert_eq!(judge(&with("iat", json!(NOW + 61))), Err("issued_in_future"));
    assert_eq!(judge(&without("nbf")), Ok(()));
    assert_eq!(judge(&without("iat")), Ok(()));
}

/// CVE-2026-25537: a claim of the wrong type is not an absent claim.
#[test]
fn j20_a_malformed_time_is_refused_even_where_none_is_needed() {
    for (name, reason) in [("exp", "expiry_malformed"), ("nbf", "not_before_malformed"), ("iat", "issued_at_malformed")]
    {
        for value in [
            json!(null),
            json!(true),
            json!("1800000600"),
            json!(-1),
            json!(1e308),
            json!([1]),
            json!({}),
            json!(1_u64 << 53),
        ] {
            assert_eq!(judge(&with(name, value.clone())), Err(reason), "{name}: {value}");
        }
    }
    assert_eq!(judge(&with("exp", json!(1_800_000_600.5))), Ok(()));
}

#[test]
fn j21_lifetime_and_age_can_be_bounded() {
    let short = TokenRules { max_lifetime: Some(Duration::from_secs(610)), ..rules() };
    assert!(judge_by(&short, &claims()).is_ok());
    assert_eq!(judge_by(&short, &with("exp", json!(NOW + 601))).err(), Some("lifetime_too_long"));
    assert_eq!(judge_by(&short, &without("iat")).err(), Some("issued_at_missing"));
    let young = TokenRules { max_age: Some(Duration::from_secs(100)), ..rules() };
    assert!(judge_by(&young, &with("iat", json!(NOW - 160))).is_ok());
    assert_eq!(judge_by(&young, &with("iat", json!(NOW - 161))).err(), Some("token_too_old"));
    assert_eq!(judge_by(&young, &without("iat")).err(), Some("issued_at_missing"));
}

#[test]
fn j11_a_subject_is_a_string_or_not_there() {
    assert_eq!(judge(&without("sub")), Ok(()));
    for value in [json!(""), json!(1), json!(null), json!(["u-1"])] {
        assert_eq!(judge(&with("sub", value.clone())), Err("subject_malformed"), "{value}");
    }
}

#[test]
fn a_token_id_is_a_string_or_not_there() {
    for fine in [without("jti"), with("jti", json!("t-1")), with("jti", json!(""))] {
        assert_eq!(judge(&fine), Ok(()));
    }
    for value in [json!(1), json!(null), json!(["t-1"]), json!({})] {
        assert_eq!(judge(&with("jti", value.clone())), Err("token_id_malformed"), "{value}");
    }
}

#[test]
fn j14_typ_is_compared_without_case_and_prefix() {
    for typ in [json!(null), json!("JWT"), json!("jwt"), json!("at+jwt"), json!("application/at+jwt"), json!("AT+JWT")]
    {
        assert_eq!(judge_type(typ.clone(), false, &claims()), Ok(()), "{typ}");
    }
    for typ in [
        "logout+jwt",
        "dpop+jwt",
        "secevent+jwt",
        "JOSE",
        "",
        "jwt ",
        "application/",
        "at+jwt;x",
        "token-introspection+jwt",
    ] {
        assert_eq!(judge_type(json!(typ), false, &claims()), Err("token_type_not_accepted"), "{typ}");
    }
}

#[test]
fn a01_the_profile_takes_only_at_jwt() {
    let mut full = claims();
    full["client_id"] = json!("c-1");
    full["jti"] = json!("t-1");
    assert_eq!(judge_type(json!("at+jwt"), true, &full), Ok(()));
    assert_eq!(judge_type(json!("application/at+jwt"), true, &full), Ok(()));
    for typ in [json!(null), json!("JWT"), json!("application/jwt")] {
        assert_eq!(judge_type(typ.clone(), true, &full), Err("token_type_not_accepted"), "{typ}");
    }
}

#[test]
fn a02_the_profile_requires_each_of_its_claims() {
    let mut full = claims();
    full["client_id"] = json!("c-1");
    full["jti"] = json!("t-1");
    for name in ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"] {
        let mut lacking = full.clone();
        lacking.as_object_mut().unwrap().remove(name);
        assert_eq!(judge_type(json!("at+jwt"), true, &lacking), Err("profile_claim_missing"), "{name}");
    }
}

#[test]
fn j15_what_the_same_key_signed_for_another_purpose_does_not_pass() {
    let mark = |name: &str, value: Value| judge(&with(name, value));
    assert_eq!(mark("at_hash", json!("x")), Err("token_is_id_token"));
    assert_eq!(mark("c_hash", json!("x")), Err("token_is_id_token"));
    assert_eq!(mark("nonce", json!("x")), Err("token_is_id_token"));
    assert_eq!(mark("typ", json!("ID")), Err("token_is_id_token"));
    for kind in ["id", "id_token"] {
        assert_eq!(mark("token_use", json!(kind)), Err("token_is_id_token"));
    }
    for kind in ["refresh", "refresh_token"] {
        assert_eq!(mark("token_use", json!(kind)), Err("token_is_refresh_token"));
    }
    assert_eq!(mark("typ", json!("Refresh")), Err("token_is_refresh_token"));
    assert_eq!(
        mark("events", json!({ "http://schemas.openid.net/event/backchannel-logout": {} })),
        Err("token_is_security_event")
    );
    assert_eq!(mark("htm", json!("GET")), Err("token_is_dpop_proof"));
    assert_eq!(mark("sub", json!("https://idp.example")), Err("token_is_client_assertion"));
    assert_eq!(mark("typ", json!("Bearer")), Ok(()));
}

#[test]
fn j15_a_nonce_beside_a_scope_is_an_access_token_of_older_keycloak() {
    let mut claims = with("nonce", json!("x"));
    claims["scope"] = json!("orders:read");
    assert_eq!(judge(&claims), Ok(()));
}

#[test]
fn a_token_is_asked_for_its_time_again_at_each_use() {
    let token = judge_by(&rules(), &claims()).unwrap();
    assert_eq!(token.check_time(UnixTime::from_secs(NOW + 659)), Ok(()));
    assert_eq!(token.check_time(UnixTime::from_secs(NOW + 660)), Err(TokenRuleFlaw::Expired));
    assert_eq!(token.check_time(UnixTime::from_secs(NOW - 71)), Err(TokenRuleFlaw::NotYetValid));
    assert_eq!(token.expires(), UnixTime::from_secs(NOW + 660));
}

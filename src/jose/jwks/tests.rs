use serde_json::json;

use super::*;
use crate::jose::testing::{ED25519, P256, P384, RSA, SECRET, Signer};

fn jwk(signer: &Signer, members: Value) -> Value {
    let mut jwk = signer.jwk();
    jwk.extend(members.as_object().unwrap().clone());
    Value::Object(jwk)
}

fn read(keys: Value) -> Result<KeySet, KeySetFlaw> {
    KeySet::parse(json!({"keys": keys}).to_string().as_bytes(), &KeySetLimits::default())
}

fn kids(set: &KeySet) -> Vec<&str> {
    set.keys().iter().filter_map(|key| key.kid()).collect()
}

fn skipped(set: &KeySet) -> Vec<(usize, Option<&str>, KeyFlaw)> {
    set.skipped().iter().map(|s| (s.index, s.kid.as_deref(), s.flaw.clone())).collect()
}

#[test]
fn a_key_is_selected_by_its_name_and_the_algorithm() {
    let set = read(json!([jwk(&RSA, json!({"kid": "a"})), jwk(&P256, json!({"kid": "b"}))])).unwrap();
    assert_eq!(set.select(Some("a"), Algorithm::RS256).unwrap().kid(), Some("a"));
    assert_eq!(set.select(Some("b"), Algorithm::ES256).unwrap().kid(), Some("b"));
    assert_eq!(set.select(Some("a"), Algorithm::ES256).unwrap_err(), SelectFlaw::AlgorithmMismatch);
    assert_eq!(set.select(Some("a"), Algorithm::HS256).unwrap_err(), SelectFlaw::AlgorithmMismatch);
    for kid in ["c", "A", "a ", "", "../a", "a\0", ".*", "' OR ''='"] {
        assert_eq!(set.select(Some(kid), Algorithm::RS256).unwrap_err(), SelectFlaw::UnknownKid, "{kid:?}");
    }
}

#[test]
fn without_a_name_only_a_single_fitting_key_is_selected() {
    let one = read(json!([jwk(&RSA, json!({"kid": "a"})), jwk(&P256, json!({}))])).unwrap();
    assert_eq!(one.select(None, Algorithm::RS256).unwrap().kid(), Some("a"));
    assert_eq!(one.select(None, Algorithm::ES256).unwrap().kid(), None);
    assert_eq!(one.select(None, Algorithm::ES384).unwrap_err(), SelectFlaw::AlgorithmMismatch);
    let two = read(json!([jwk(&RSA, json!({"kid": "a"})), jwk(&RSA, json!({"kid": "b"}))])).unwrap();
    assert_eq!(two.select(None, Algorithm::RS256).unwrap_err(), SelectFlaw::NoKid);
    let bound = read(json!([jwk(&RSA, json!({"alg": "RS256"})), jwk(&RSA, json!({"alg": "PS256"}))])).unwrap();
    assert!(bound.select(None, Algorithm::PS256).unwrap().algorithms().contains(Algorithm::PS256));
    assert_eq!(bound.select(None, Algorithm::RS512).unwrap_err(), SelectFlaw::AlgorithmMismatch);
}

#[test]
fn a_name_in_the_token_is_never_served_by_a_key_without_one() {
    let set = read(json!([jwk(&RSA, json!({}))])).unwrap();
    assert_eq!(set.select(Some("a"), Algorithm::RS256).unwrap_err(), SelectFlaw::UnknownKid);
    assert_eq!(set.select(Some(""), Algorithm::RS256).unwrap_err(), SelectFlaw::UnknownKid);
}

#[test]
fn one_bad_key_does_not_spoil_the_set() {
    let set = read(json!([
        {"kty": "RSA", "kid": "small", "n": "AQAB", "e": "AQAB"},
        jwk(&RSA, json!({"kid": "one", "e": "AQ"})),
        jwk(&RSA, json!({"kid": "good"})),
        jwk(&P256, json!({"kid": "private", "d": "AQAB"})),
        jwk(&P256, json!({"kid": "encryption", "use": "enc"})),
        jwk(&SECRET, json!({"kid": "secret"})),
        {"kty": "AKP", "alg": "ML-DSA-65", "kid": "new", "pub": "AQAB"},
        null,
        [jwk(&RSA, json!({}))],
        jwk(&RSA, json!({"kid": 1})),
        jwk(&P384, json!({"kid": "good too"})),
    ]))
    .unwrap();
    assert_eq!(kids(&set), ["good", "good too"]);
    assert_eq!(
        skipped(&set),
        [
            (0, Some("small"), KeyFlaw::ModulusTooSmall),
            (1, Some("one"), KeyFlaw::Exponent),
            (3, Some("private"), KeyFlaw::PrivateKey),
            (4, Some("encryption"), KeyFlaw::NotForSignatures),
            (5, Some("secret"), KeyFlaw::SecretFromRemote),
            (6, Some("new"), KeyFlaw::UnsupportedType),
            (7, None, KeyFlaw::NotAnObject),
            (8, None, KeyFlaw::NotAnObject),
            (9, None, KeyFlaw::MemberMalformed("kid")),
        ]
    );
}

#[test]
fn two_keys_of_one_name_and_algorithm_are_both_left_out() {
    let other = Signer::P256(p256::ecdsa::SigningKey::from_slice(&[0x12; 32]).unwrap());
    let set = read(json!([
        jwk(&P256, json!({"kid": "a"})),
        jwk(&RSA, json!({"kid": "a"})),
        jwk(&other, json!({"kid": "a"})),
        jwk(&P256, json!({"kid": "b"})),
    ]))
    .unwrap();
    assert_eq!(skipped(&set), [(0, Some("a"), KeyFlaw::Ambiguous), (2, Some("a"), KeyFlaw::Ambiguous)]);
    assert_eq!(set.select(Some("a"), Algorithm::ES256).unwrap_err(), SelectFlaw::AlgorithmMismatch);
    assert!(set.select(Some("a"), Algorithm::RS256).is_ok());
    assert!(set.select(Some("b"), Algorithm::ES256).is_ok());
}

#[test]
fn one_key_listed_for_overlapping_algorithms_is_ambiguous() {
    let keys = json!([jwk(&RSA, json!({"kid": "a"})), jwk(&RSA, json!({"kid": "a", "alg": "RS256"}))]);
    assert!(matches!(read(keys), Err(KeySetFlaw::NoUsableKey(skipped)) if skipped.len() == 2));
    let disjoint =
        json!([jwk(&RSA, json!({"kid": "a", "alg": "RS256"})), jwk(&RSA, json!({"kid": "a", "alg": "PS256"})),]);
    let set = read(disjoint).unwrap();
    assert!(set.select(Some("a"), Algorithm::RS256).is_ok() && set.select(Some("a"), Algorithm::PS256).is_ok());
}

#[test]
fn a_key_listed_twice_is_ambiguous_too() {
    let listed = |kid: Value| json!([jwk(&RSA, kid.clone()), jwk(&P256, json!({"kid": "b"})), jwk(&RSA, kid)]);
    let named = read(listed(json!({"kid": "a"}))).unwrap();
    assert_eq!(skipped(&named), [(0, Some("a"), KeyFlaw::Ambiguous), (2, Some("a"), KeyFlaw::Ambiguous)]);
    assert_eq!(named.select(Some("a"), Algorithm::RS256).unwrap_err(), SelectFlaw::UnknownKid);
    let nameless = read(listed(json!({}))).unwrap();
    assert_eq!(nameless.select(None, Algorithm::RS256).unwrap_err(), SelectFlaw::NoKid);
}

#[test]
fn a_set_without_a_usable_key_is_no_set() {
    assert_eq!(read(json!([])).unwrap_err(), KeySetFlaw::NoUsableKey(vec![]));
    let flaw = read(json!([jwk(&SECRET, json!({"kid": "s"}))])).unwrap_err();
    assert!(matches!(&flaw, KeySetFlaw::NoUsableKey(skipped) if skipped[0].flaw == KeyFlaw::SecretFromRemote));
    assert_eq!(flaw.reason(), "jwks_no_usable_key");
    assert_eq!(KeySet::default().select(None, Algorithm::RS256).unwrap_err(), SelectFlaw::AlgorithmMismatch);
    assert_eq!(KeySet::default().select(Some("a"), Algorithm::RS256).unwrap_err(), SelectFlaw::UnknownKid);
}

#[test]
fn what_is_not_a_key_set_is_refused() {
    let limits = KeySetLimits::default();
    for text in [r#"{}"#, r#"{"keys":null}"#, r#"{"keys":{}}"#, r#"{"keys":"x"}"#, r#"{"Keys":[]}"#] {
        assert_eq!(KeySet::parse(text.as_bytes(), &limits).unwrap_err(), KeySetFlaw::KeysMissing, "{text}");
    }
    for (text, flaw) in [
        ("", JsonFlaw::Syntax),
        ("<html>sign in</html>", JsonFlaw::Syntax),
        ("[]", JsonFlaw::NotAnObject),
        (r#"{"keys":[],"keys":[]}"#, JsonFlaw::DuplicateMember),
        (r#"{"keys":[{"kty":"RSA","kty":"EC"}]}"#, JsonFlaw::DuplicateMember),
        (r#"{"keys":[[[[[[[[[[]]]]]]]]]]}"#, JsonFlaw::TooDeep),
    ] {
        assert_eq!(KeySet::parse(text.as_bytes(), &limits).unwrap_err(), KeySetFlaw::Json(flaw), "{text}");
    }
}

#[test]
fn a_document_has_a_largest_size_and_number_of_keys() {
    let limits = KeySetLimits { keys: 2, ..KeySetLimits::default() };
    let document = |count| json!({"keys": vec![json!({}); count]}).to_string();
    assert!(matches!(KeySet::parse(document(2).as_bytes(), &limits), Err(KeySetFlaw::NoUsableKey(_))));
    assert_eq!(KeySet::parse(document(3).as_bytes(), &limits).unwrap_err(), KeySetFlaw::TooManyKeys);
    let limits = KeySetLimits { bytes: 12, ..KeySetLimits::default() };
    assert_eq!(KeySet::parse(br#"{"keys":[]} "#, &limits).unwrap_err(), KeySetFlaw::NoUsableKey(vec![]));
    assert_eq!(KeySet::parse(br#"{"keys":[]}  "#, &limits).unwrap_err(), KeySetFlaw::TooLarge);
    let flood = json!({"keys": vec![json!({"kty": "RSA"}); 10_000]}).to_string();
    assert_eq!(
        KeySet::parse(flood.as_bytes(), &KeySetLimits::default()).unwrap_err(),
        KeySetFlaw::Json(JsonFlaw::TooManyMembers)
    );
}

#[test]
fn a_full_set_of_large_entra_keys_is_within_the_limits() {
    let key = |index: usize| {
        jwk(
            &RSA,
            json!({
                "use": "sig", "kid": format!("k{index}"), "x5t": format!("k{index}"), "x5t#S256": "x", "alg": "RS256",
                "x5c": ["M".repeat(1200), "M".repeat(1200)], "key_ops": ["verify"], "issuer": "https://idp.example/{tenantid}",
                "cloud_instance_name": "microsoftonline.com",
            }),
        )
    };
    let keys: Vec<Value> = (0..100).map(key).collect();
    assert_eq!(read(json!(keys)).unwrap().keys().len(), 100);
}

#[test]
fn secrets_are_read_from_a_configured_set() {
    let document = json!({"keys": [jwk(&SECRET, json!({"kid": "s", "alg": "HS256"}))]});
    let document = document.as_object().unwrap();
    let set = KeySet::from_document(document, KeyOrigin::Configured, &KeySetLimits::default()).unwrap();
    assert!(set.select(Some("s"), Algorithm::HS256).is_ok());
    assert_eq!(set.select(Some("s"), Algorithm::HS512).unwrap_err(), SelectFlaw::AlgorithmMismatch);
}

#[test]
fn a_set_knows_its_keys_by_thumbprint() {
    let set = KeySet::new(vec![RSA.verification_key(), P256.verification_key()]);
    assert!(set.contains_thumbprint(&RSA.verification_key().thumbprint()));
    assert!(!set.contains_thumbprint(&ED25519.verification_key().thumbprint()));
    assert_eq!(set.skipped(), []);
}

#[test]
fn j02_no_key_of_a_fetched_set_is_ever_for_hmac() {
    let set = read(json!([
        jwk(&RSA, json!({"kid": "a"})),
        jwk(&RSA, json!({"kid": "b", "alg": "HS256"})),
        jwk(&P256, json!({"kid": "c"})),
        jwk(&ED25519, json!({"kid": "d"})),
        jwk(&SECRET, json!({"kid": "e"})),
    ]))
    .unwrap();
    for kid in [None, Some("a"), Some("b"), Some("c"), Some("d"), Some("e"), Some("/dev/null")] {
        for alg in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            assert!(set.select(kid, alg).is_err());
        }
    }
}

#[test]
fn flaws_do_not_repeat_the_document() {
    for text in [r#"{"keys":[{"kty":"MARK"}]}"#, r#"{"MARK":1,"MARK":2}"#, "MARK", r#"{"keys":"MARK"}"#] {
        let flaw = KeySet::parse(text.as_bytes(), &KeySetLimits::default()).unwrap_err();
        assert!(!format!("{flaw} {flaw:?}").contains("MARK"));
    }
}

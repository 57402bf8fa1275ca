use serde_json::json;

use super::*;
use crate::jose::testing::signed_claims;

fn with(claim: Value) -> SignedClaims {
    signed_claims(json!({}), json!({"c": claim}))
}

#[test]
fn what_was_signed_is_what_is_read() {
    let claims = signed_claims(json!({"kid": "1", "typ": "at+jwt"}), json!({"iss": "a", "x": [1, {"y": null}]}));
    assert_eq!(Value::Object(claims.claims().clone()), json!({"iss": "a", "x": [1, {"y": null}]}));
    assert_eq!(claims.header().typ.as_deref(), Some("at+jwt"));
    let payload = crate::jose::base64url::decode(claims.payload_base64url().as_bytes()).unwrap();
    assert_eq!(payload, br#"{"iss":"a","x":[1,{"y":null}]}"#);
}

#[test]
fn absent_is_not_malformed() {
    let claims = signed_claims(json!({}), json!({"C": 1}));
    assert_eq!(claims.typed().string("c"), Claim::Absent);
    assert_eq!(claims.typed().boolean("c"), Claim::Absent);
    assert_eq!(claims.typed().numeric_date("c"), Claim::Absent);
    assert_eq!(claims.typed().strings("c"), Claim::Absent);
    assert_eq!(claims.typed().string_or_list("c"), Claim::Absent);
}

#[test]
fn j20_every_wrong_type_of_every_reader_is_malformed() {
    let text = json!("1700000000");
    let list = json!(["a"]);
    let number = json!(1_700_000_000);
    let boolean = json!(true);
    for value in [json!(null), text, list, number, boolean, json!({}), json!({"a": "b"}), json!([1]), json!([null])] {
        let claims = with(value.clone());
        assert_eq!(claims.typed().string("c") == Claim::Malformed, !value.is_string(), "{value}");
        assert_eq!(claims.typed().boolean("c") == Claim::Malformed, !value.is_boolean(), "{value}");
        assert_eq!(claims.typed().numeric_date("c") == Claim::Malformed, !value.is_number(), "{value}");
        assert_eq!(claims.typed().strings("c") == Claim::Malformed, value != json!(["a"]), "{value}");
        let string_or_list = value.is_string() || value == json!(["a"]);
        assert_eq!(claims.typed().string_or_list("c") == Claim::Malformed, !string_or_list, "{value}");
    }
}

#[test]
fn j12_an_audience_is_a_string_or_a_list_of_at_least_one_string() {
    assert_eq!(with(json!("a b")).typed().string_or_list("c"), Claim::Value(vec!["a b"]));
    assert_eq!(with(json!(["a", "b"])).typed().string_or_list("c"), Claim::Value(vec!["a", "b"]));
    for value in [json!([]), json!(["a", 1]), json!(["a", ["b"]]), json!(["a", null]), json!({"a": 1}), json!(1)] {
        assert_eq!(with(value.clone()).typed().string_or_list("c"), Claim::Malformed, "{value}");
    }
}

#[test]
fn a_list_of_strings_may_be_empty() {
    assert_eq!(with(json!([])).typed().strings("c"), Claim::Value(vec![]));
    assert_eq!(with(json!(["a", 1])).typed().strings("c"), Claim::Malformed);
    assert_eq!(with(json!("a")).typed().strings("c"), Claim::Malformed);
}

#[test]
fn j20_a_numeric_date_may_be_whole_or_a_fraction() {
    for (text, millis) in [
        ("0", 0),
        ("1700000000", 1_700_000_000_000),
        ("1700000000.5", 1_700_000_000_500),
        ("1.7e9", 1_700_000_000_000),
        ("0.0", 0),
        ("0.0009", 0),
        ("9007199254740991", 9_007_199_254_740_991_000),
    ] {
        let claims = with(serde_json::from_str(text).unwrap());
        assert_eq!(claims.typed().numeric_date("c"), Claim::Value(UnixTime::from_millis(millis)), "{text}");
    }
}

#[test]
fn j20_a_numeric_date_out_of_range_is_malformed() {
    for text in [
        "-1",
        "-0",
        "-0.0",
        "-0.5",
        "-1e-300",
        "-9223372036854775808",
        "9007199254740992",
        "9007199254740993",
        "18446744073709551615",
        "18446744073709551616",
        "9007199254740992.0",
        "1e16",
        "1e19",
        "1e308",
        "-1e308",
    ] {
        let claims = with(serde_json::from_str(text).unwrap());
        assert_eq!(claims.typed().numeric_date("c"), Claim::Malformed, "{text}");
    }
}

#[test]
fn b06_debug_output_shows_no_claim() {
    let claims = signed_claims(json!({}), json!({"name": "MARK"}));
    let shown = format!("{claims:?}");
    assert!(!shown.contains("MARK") && !shown.contains(claims.payload_base64url()));
}

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn read(text: impl AsRef<[u8]>) -> Result<Value, JsonFlaw> {
    parse(text.as_ref(), &JsonLimits::default())
}

#[test]
fn every_kind_of_value_is_read_as_it_is() {
    let text = r#" {"a":[null,true,-1,18446744073709551615,1.5,"\u00e9\n",{}],"":{"b":[]}} "#;
    let expected = json!({"a": [null, true, -1, u64::MAX, 1.5, "é\n", {}], "": {"b": []}});
    assert_eq!(read(text), Ok(expected));
}

#[test]
fn j17_a_member_twice_is_refused_at_any_level_after_unescaping() {
    for text in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"b":2,"a":3}"#,
        r#"{"x":{"a":1,"a":2}}"#,
        r#"{"x":[{"y":{"a":1,"b":2,"a":2}}]}"#,
        r#"{"role":"user","r\u006fle":"admin"}"#,
        r#"{"\u0072ole":"user","r\u006fle":"admin"}"#,
        r#"{"":1,"":2}"#,
        r#"{"a":{},"a":{}}"#,
        r#"{"\ud83d\ude00":1,"😀":2}"#,
    ] {
        assert_eq!(read(text), Err(JsonFlaw::DuplicateMember), "{text}");
    }
}

#[test]
fn j17_names_that_differ_in_case_are_two_members() {
    assert_eq!(read(r#"{"role":1,"Role":2,"x":{"role":3}}"#), Ok(json!({"role": 1, "Role": 2, "x": {"role": 3}})));
}

#[test]
fn j09_what_is_not_json_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "}",
        "{}}",
        "{}{}",
        "{} x",
        "{},",
        "[]]",
        "[",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1,,2]",
        "{\"a\":1,}",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{'a':1}",
        "{1:1}",
        "{null:1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\" 1}",
        "{\"a\"::1}",
        "nul",
        "True",
        "NaN",
        "Infinity",
        "-Infinity",
        "undefined",
        "01",
        "-01",
        "1.",
        ".5",
        "+1",
        "1e",
        "1e+",
        "0x1",
        "1_000",
        "--1",
        "-",
        "1e400",
        "-1e400",
        "\"",
        "\"\t\"",
        "\"\n\"",
        "\"\0\"",
        "\"\\x41\"",
        "\"\\u12\"",
        "\"\\u12G4\"",
        "\"\\",
        "\"\\a\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\ud83d\\ud83d\"",
        "/**/{}",
        "{}//",
        "# x\n{}",
        "\u{feff}{}",
        "{}\u{feff}",
        "\u{a0}{}",
        "\u{c}{}",
        "{}\0",
        "\0{}",
        "é",
        "{\"a\":1}\u{1}",
    ] {
        assert_eq!(read(text), Err(JsonFlaw::Syntax), "{text:?}");
    }
}

#[test]
fn j09_text_that_is_not_utf8_is_refused_wherever_it_is() {
    for bytes in [
        b"\xff{}".as_slice(),
        b"{\"a\xc0\xaf\":1}",
        b"{\"a\":\"\xed\xa0\x80\"}",
        b"{\"a\":\"\xf4\x90\x80\x80\"}",
        b"{\"a\":\"\xe2\x82\"}",
        b"{}\x80",
        b"\xfe\xff\0{\0}",
        b"\xff\xfe{\0}\0",
    ] {
        assert_eq!(read(bytes), Err(JsonFlaw::NotUtf8), "{bytes:?}");
    }
}

#[test]
fn j09_only_an_object_is_an_object() {
    let limits = JsonLimits::default();
    for text in ["null", "true", "1", "\"{}\"", "[]", "[{}]"] {
        assert_eq!(parse_object(text.as_bytes(), &limits), Err(JsonFlaw::NotAnObject), "{text}");
    }
    assert_eq!(parse_object(b"{}", &limits), Ok(Map::new()));
}

#[test]
fn j21_depth_has_a_limit_for_arrays_and_objects() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |depth: usize| format!("{}null{}", open.repeat(depth), close.repeat(depth));
        assert!(read(nested(16)).is_ok());
        assert_eq!(read(nested(17)), Err(JsonFlaw::TooDeep));
        assert_eq!(read(open.repeat(1_000_000)), Err(JsonFlaw::TooDeep));
    }
    let flat = JsonLimits { depth: 0, members: 1 };
    assert_eq!(parse(b"1", &flat), Ok(json!(1)));
    assert_eq!(parse(b"[]", &flat), Err(JsonFlaw::TooDeep));
}

#[test]
fn j21_members_and_elements_are_counted_over_the_whole_document() {
    let limits = JsonLimits { depth: 16, members: 4 };
    assert!(parse(br#"{"a":[1,2],"b":{}}"#, &limits).is_ok());
    assert_eq!(parse(br#"{"a":[1,2],"b":{"c":1}}"#, &limits), Err(JsonFlaw::TooManyMembers));
    assert_eq!(parse(br#"[[],[],[],[],[]]"#, &limits), Err(JsonFlaw::TooManyMembers));
    let list = |length: usize| format!("[0{}]", ",0".repeat(length - 1));
    assert!(read(list(1000)).is_ok());
    assert_eq!(read(list(1001)), Err(JsonFlaw::TooManyMembers));
}

#[test]
fn flaws_do_not_repeat_the_text() {
    for text in [r#"{"secret":1,"secret":2}"#, r#"{"secret" "#, r#"["secret"]"#] {
        let flaw = parse_object(text.as_bytes(), &JsonLimits::default()).unwrap_err();
        assert!(!format!("{flaw} {flaw:?} {}", flaw.reason()).contains("secret"));
    }
}

/// JSONTestSuite leaves these to the parser: which we take, and as what.
#[test]
fn what_parsers_differ_on_is_read_in_one_way() {
    for (text, value) in [
        ("-0", json!(-0.0)),
        ("-0.0", json!(-0.0)),
        ("0e1", json!(0.0)),
        ("1e-400", json!(0.0)),
        ("123e45", json!(123e45)),
        ("18446744073709551616", json!(18_446_744_073_709_551_616.0)),
        ("-9223372036854775809", json!(-9_223_372_036_854_775_809.0)),
        ("9007199254740993", json!(9_007_199_254_740_993_u64)),
        ("0.1000000000000000055511151231257827", json!(0.1)),
        (r#""\/\u0000\u001f""#, json!("/\0\u{1f}")),
        ("\"\u{7f}\u{2028}\u{2029}\u{feff}\u{ffff}\"", json!("\u{7f}\u{2028}\u{2029}\u{feff}\u{ffff}")),
        (r#""\ud834\udd1e""#, json!("\u{1d11e}")),
        (r#"{"\u0000":1,"":2}"#, json!({"\0": 1, "": 2})),
        ("\r\n\t {\r\n} \t", json!({})),
    ] {
        assert_eq!(read(text), Ok(value), "{text}");
    }
    for text in [
        "1e309",
        "-1e999999999",
        "0e",
        "0E+",
        "-Inf",
        "[1e1111]",
        r#"["\uD800\u"]"#,
        r#""\uDd1e\uD834""#,
        "\u{2060}1",
        "1\u{b}",
    ] {
        assert_eq!(read(text), Err(JsonFlaw::Syntax), "{text:?}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(".{0,4}", inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_serde_json_writes_is_read_back(value in any_json()) {
        prop_assert_eq!(read(value.to_string()), Ok(value));
    }

    #[test]
    fn nothing_is_read_that_serde_json_refuses(text in "[\\[\\]{}\",:0-9a-c\\\\eE.+ -]{0,24}") {
        if let Ok(value) = read(&text) {
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = read(bytes);
    }
}

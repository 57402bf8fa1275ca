//! A claim as the text of a header.
//!
//! A string is itself, a number or boolean its JSON text, a list its members joined by `,` or JSON, an object JSON.
//! Text is percent-encoded where a header cannot carry it ([`HeaderValue::escaped`]); JSON keeps to ASCII by its own
//! `\u` escapes instead, and stays JSON. `null` is no value: the header is not set, as if the claim were not there.

use serde_json::Value;

use crate::http::HeaderValue;

/// How a list is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListForm {
    /// Members joined by `,`; a comma inside a member is percent-encoded. The default, as most upstreams split so.
    #[default]
    Comma,
    /// A JSON array.
    Json,
}

/// The value of a header that carries a claim; nothing for `null`.
#[must_use]
pub fn header_value(claim: &Value, list: ListForm) -> Option<HeaderValue> {
    match (claim, list) {
        (Value::Null, _) => None,
        (Value::Array(members), ListForm::Comma) => {
            let members: Vec<String> = members.iter().map(text).collect();
            Some(HeaderValue::escaped_list(members.iter().map(String::as_str)))
        }
        (Value::Array(_) | Value::Object(_), _) => HeaderValue::new(ascii_json(claim).into_bytes()).ok(),
        _ => Some(HeaderValue::escaped(&text(claim))),
    }
}

/// A string as it is, anything else as JSON.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// JSON without a byte above 0x7E: only strings have such, and there a `\u` escape says the same (RFC 8259 section 7).
fn ascii_json(value: &Value) -> String {
    let json = value.to_string();
    let mut ascii = String::with_capacity(json.len());
    for character in json.chars() {
        if (' '..='~').contains(&character) {
            ascii.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            ascii.push_str(&format!("\\u{unit:04x}"));
        }
    }
    ascii
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn written(claim: &Value, list: ListForm) -> Option<String> {
        header_value(claim, list).map(|value| String::from_utf8(value.as_bytes().to_vec()).unwrap())
    }

    #[test]
    fn scalars_are_text() {
        for (claim, text) in [
            (json!("a b"), "a b"),
            (json!("Zoë\r\n"), "Zo%C3%AB%0D%0A"),
            (json!(""), ""),
            (json!(17), "17"),
            (json!(-1.5), "-1.5"),
            (json!(18_446_744_073_709_551_615_u64), "18446744073709551615"),
            (json!(true), "true"),
        ] {
            for list in [ListForm::Comma, ListForm::Json] {
                assert_eq!(written(&claim, list).as_deref(), Some(text));
            }
        }
        assert_eq!(written(&Value::Null, ListForm::Comma), None);
    }

    #[test]
    fn lists_are_joined_or_json() {
        let list = json!(["a", "b,c", 1, {"d": "é"}, null, ["x"]]);
        assert_eq!(written(&list, ListForm::Comma).as_deref(), Some("a,b%2Cc,1,{\"d\":\"%C3%A9\"},null,[\"x\"]"));
        assert_eq!(
            written(&list, ListForm::Json).as_deref(),
            Some("[\"a\",\"b,c\",1,{\"d\":\"\\u00e9\"},null,[\"x\"]]")
        );
        assert_eq!(written(&json!([]), ListForm::Comma).as_deref(), Some(""));
        assert_eq!(written(&json!([]), ListForm::Json).as_deref(), Some("[]"));
    }

    #[test]
    fn objects_are_json_in_ascii() {
        let object = json!({"a": "😀\u{7f}\r\n"});
        assert_eq!(written(&object, ListForm::Comma).as_deref(), Some("{\"a\":\"\\ud83d\\ude00\\u007f\\r\\n\"}"));
    }

    proptest! {
        #[test]
        fn json_in_a_header_is_the_same_json(texts in prop::collection::vec(any::<String>(), 0..4)) {
            let list = json!(texts);
            let written = written(&list, ListForm::Json).unwrap();
            prop_assert!(written.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), list);
        }
    }
}

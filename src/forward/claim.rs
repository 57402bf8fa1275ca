//! A claim as the text of a header.
//!
//! A string is itself, a number or boolean its JSON text, a list its members joined by `,` or JSON, an object JSON.
//! Text is percent-encoded where a header cannot carry it ([`HeaderValue::escaped`]); JSON keeps to ASCII by its own
//! `\u` escapes instead, and stays JSON. `null` is no value: the header is not set, as if the claim were not there.

use std::fmt;

use serde_json::{Map, Value};

use crate::http::HeaderValue;

/// Why something does not name a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimPathFlaw {
    /// No name, or an empty one between two dots.
    EmptyName,
    /// More than [`MAX_NAMES`] names.
    TooDeep,
}

impl ClaimPathFlaw {
    /// Stable code.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::EmptyName => "claim_path_empty_name",
            Self::TooDeep => "claim_path_too_deep",
        }
    }
}

impl fmt::Display for ClaimPathFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyName => f.write_str("a name of the claim is empty"),
            Self::TooDeep => write!(f, "the claim has more than {MAX_NAMES} names"),
        }
    }
}

impl std::error::Error for ClaimPathFlaw {}

/// The way to a claim: its name, or the names of the objects around it and then its own. Lists are not entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath {
    names: Vec<String>,
}

impl ClaimPath {
    /// Reads `oid` or `realm_access.roles`: a dot goes one object deeper. For a name with dots in it, such as
    /// `https://claims.example/role`, use [`of_names`](Self::of_names).
    ///
    /// # Errors
    ///
    /// A [`ClaimPathFlaw`].
    pub fn parse(dotted: &str) -> Result<Self, ClaimPathFlaw> {
        Self::of_names(dotted.split('.').map(str::to_owned).collect())
    }

    /// Takes names as they are, outermost first.
    ///
    /// # Errors
    ///
    /// A [`ClaimPathFlaw`].
    pub fn of_names(names: Vec<String>) -> Result<Self, ClaimPathFlaw> {
        if names.is_empty() || names.iter().any(String::is_empty) {
            return Err(ClaimPathFlaw::EmptyName);
        }
        if names.len() > MAX_NAMES {
            return Err(ClaimPathFlaw::TooDeep);
        }
        Ok(Self { names })
    }

    /// The claim, if it is there and every name before it is an object.
    #[must_use]
    pub fn find<'c>(&self, claims: &'c Map<String, Value>) -> Option<&'c Value> {
        let (first, rest) = self.names.split_first()?;
        rest.iter().try_fold(claims.get(first)?, |value, name| value.as_object()?.get(name))
    }
}

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

/// Deeper than any token of a known issuer.
pub const MAX_NAMES: usize = 16;

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

    #[test]
    fn a_path_goes_through_objects_only() {
        let claims = json!({"a": {"b": {"c": 1}, "l": [{"c": 2}]}, "x.y": 3, "n": null});
        let claims = claims.as_object().unwrap();
        let find = |dotted: &str| ClaimPath::parse(dotted).unwrap().find(claims).cloned();
        assert_eq!(find("a.b.c"), Some(json!(1)));
        assert_eq!(find("n"), Some(Value::Null));
        for absent in ["b", "a.c", "a.b.c.d", "a.l.c", "a.l.0", "x.y", "n.a"] {
            assert_eq!(find(absent), None, "{absent}");
        }
        assert_eq!(ClaimPath::of_names(vec!["x.y".into()]).unwrap().find(claims), Some(&json!(3)));
    }

    #[test]
    fn a_path_has_names() {
        for bad in ["", ".", "a.", ".a", "a..b"] {
            assert_eq!(ClaimPath::parse(bad), Err(ClaimPathFlaw::EmptyName), "{bad}");
        }
        assert_eq!(ClaimPath::of_names(Vec::new()), Err(ClaimPathFlaw::EmptyName));
        assert_eq!(ClaimPath::of_names(vec!["a".into(); MAX_NAMES + 1]), Err(ClaimPathFlaw::TooDeep));
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

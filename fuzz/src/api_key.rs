//! API keys: the form of a key, the form of a hash, and who passes.

use std::rc::Rc;
use std::sync::LazyLock;
use std::time::Duration;

use portcullis::api_key::{ApiKey, ApiKeys, KeyEntry, KeyText, SecretHash, is_id, text};
use portcullis::credential::{HeaderSource, SourceSettings, Sources};
use portcullis::time::UnixTime;
use serde_json::Map;

/// The texts of the keys that pass.
static GOOD: LazyLock<[String; 2]> = LazyLock::new(|| [text::write("ci", &[7; 32]), text::write("a-1", &[255; 32])]);

thread_local! {
    static KEYS: ApiKeys = keys();
}

/// A text is a key in one way or not at all, and of all texts only the keys that were given out pass; a text is a hash in one way
/// or not at all. As a query, it has a key exactly where one of its values is one.
pub fn api_key(input: &[u8]) {
    let shown = KeyText::parse(input);
    if let Some(shown) = &shown {
        let text = std::str::from_utf8(input).expect("letters, digits and a few signs");
        assert!(is_id(shown.id()), "{text}");
        let rest = text.strip_prefix("pcl_").and_then(|rest| rest.strip_prefix(shown.id())).expect("it begins so");
        assert_eq!(rest.len(), 44, "{text}");
        let passes = KEYS.with(|keys| keys.check(shown, || None, UnixTime::from_secs(1))).is_ok();
        assert_eq!(passes, GOOD.iter().any(|good| good == text), "{text}");
        let hash = SecretHash::of(shown, [9; 16]);
        for good in GOOD.iter() {
            assert_eq!(is_of(&hash, good), good == text, "{text}");
        }
    } else {
        assert!(GOOD.iter().all(|good| good.as_bytes() != input));
    }
    if let Some(hash) = std::str::from_utf8(input).ok().and_then(|text| SecretHash::parse(text).ok()) {
        assert_eq!(hash.to_string().as_bytes(), input, "two texts of one hash");
    }
    let mut values = input
        .split(|byte| *byte == b'&')
        .filter_map(|pair| Some(pair.split_at(pair.iter().position(|byte| *byte == b'=')?).1));
    let has_one = values.any(|value| KeyText::parse(&value[1..]).is_some());
    assert_eq!(text::count_in_query(input) > 0, has_one);
}

fn is_of(hash: &SecretHash, text: &str) -> bool {
    KeyText::parse(text.as_bytes()).is_some_and(|key| hash.is_of(&key))
}

fn keys() -> ApiKeys {
    let headers = vec![HeaderSource { name: "x-api-key".into(), prefix: String::new() }];
    let settings = SourceSettings { authorization: false, headers, cookies: vec![], query_parameters: vec![] };
    let entry = |text: &String| {
        let shown = KeyText::parse(text.as_bytes()).expect("it was written a moment ago");
        KeyEntry {
            hash: SecretHash::of(&shown, [3; 16]),
            key: Rc::new(ApiKey::new(shown.id().into(), Map::new(), None)),
            not_before: None,
            networks: vec![],
        }
    };
    ApiKeys::new(Sources::new(settings).expect("a header"), Duration::ZERO, GOOD.iter().map(entry).collect())
}

use super::*;
use proptest::prelude::*;

fn pair(name: &str, value: &str) -> Pair {
    (name.as_bytes().to_vec(), value.as_bytes().to_vec())
}

#[test]
fn a_value_cannot_end_or_split_a_header() {
    for bad in [&b"a\r\nb: c"[..], b"a\nb", b"a\rb", b"a\0", b"\x1b[0m", b"\x7F"] {
        assert_eq!(HeaderValue::new(bad.to_vec()), Err(MutationFlaw::Value), "{}", bad.escape_ascii());
    }
    assert!(HeaderValue::new(b"a\tb c\xFF".to_vec()).is_ok());
}

#[test]
fn what_a_header_cannot_carry_is_percent_encoded() {
    for (text, value) in [
        ("plain text", "plain text"),
        ("a\r\nb", "a%0D%0Ab"),
        ("Zoë", "Zo%C3%AB"),
        ("100%", "100%25"),
        (" a ", "%20a%20"),
        (" ", "%20"),
        ("", ""),
        ("a,b", "a,b"),
        ("\u{7f}\0", "%7F%00"),
    ] {
        assert_eq!(HeaderValue::escaped(text).as_bytes(), value.as_bytes(), "{text:?}");
    }
}

#[test]
fn a_list_member_cannot_pass_for_two() {
    assert_eq!(HeaderValue::escaped_list(["a", "b,admin", "c d"]).as_bytes(), b"a,b%2Cadmin,c d");
}

#[test]
fn names_are_tokens_and_lower_case() {
    let mut mutations = Mutations::new();
    for bad in [&b""[..], b":path", b"a b", b"a\r\n", b"a:"] {
        assert_eq!(mutations.remove(bad), Err(MutationFlaw::Name));
        assert_eq!(mutations.set(bad, HeaderValue::escaped("")), Err(MutationFlaw::Name));
    }
    assert!(mutations.is_empty());
    mutations.remove(b"X-User").unwrap();
    assert_eq!(mutations.headers(), [Mutation::Remove("x-user".into())]);
}

#[test]
fn a_path_cannot_split_the_request_line() {
    let mut mutations = Mutations::new();
    for bad in [&b""[..], b"a", b"/a b", b"/a\r\n", b"/\0"] {
        assert_eq!(mutations.set_path(bad.to_vec()), Err(MutationFlaw::Path));
    }
    mutations.set_path(b"/a?b".to_vec()).unwrap();
    assert_eq!(mutations.path(), Some(&b"/a?b"[..]));
}

#[test]
fn setting_replaces_every_copy() {
    let mut mutations = Mutations::new();
    mutations.set(b"x-user", HeaderValue::escaped("ours")).unwrap();
    mutations.remove(b"cookie").unwrap();
    mutations.set_path(b"/b".to_vec()).unwrap();
    let before =
        [pair(":path", "/a"), pair("X-User", "1"), pair("accept", "*/*"), pair("x-user", "2"), pair("cookie", "c")];
    assert_eq!(mutations.applied(&before), [pair(":path", "/b"), pair("accept", "*/*"), pair("x-user", "ours")]);
}

#[test]
fn a_name_that_comes_again_is_removed_once() {
    let mut mutations = Mutations::new();
    mutations.remove_all([&b"X-A"[..], b"x-a", b"x-b", b"X-a"]).unwrap();
    assert_eq!(mutations.headers(), [Mutation::Remove("x-a".into()), Mutation::Remove("x-b".into())]);
    assert_eq!(mutations.remove_all([&b":path"[..]]), Err(MutationFlaw::Name));
}

#[test]
fn later_changes_win() {
    let mut first = Mutations::new();
    first.set(b"a", HeaderValue::escaped("1")).unwrap();
    first.set_path(b"/1".to_vec()).unwrap();
    let mut second = Mutations::new();
    second.set(b"a", HeaderValue::escaped("2")).unwrap();
    first.extend(second);
    assert_eq!(first.applied(&[pair(":path", "/")]), [pair(":path", "/1"), pair("a", "2")]);
}

proptest! {
    #[test]
    fn escaped_text_is_a_legal_value_and_can_be_had_back(text in any::<String>()) {
        let value = HeaderValue::escaped(&text);
        prop_assert!(value.as_bytes().iter().all(|byte| (b' '..=b'~').contains(byte)));
        let mut back = Vec::new();
        let mut bytes = value.as_bytes().iter();
        while let Some(&byte) = bytes.next() {
            back.push(if byte == b'%' { crate::http::path::hex_pair(bytes.next(), bytes.next()).unwrap() } else { byte });
        }
        prop_assert_eq!(back, text.into_bytes());
    }
}

//! One parameter of a query: found, and taken out without touching the rest.
//!
//! A query is `name=value` pairs between `&` (WHATWG URL, `application/x-www-form-urlencoded`). Servers differ on the
//! case of names and decode them first, so a name is compared percent-decoded, with `+` as a space and without ASCII
//! case: seeing one copy too many is a refusal, seeing one too few is a token in somebody's log.

use super::path::hex_pair;

/// The raw values of every parameter called `name`, in order. A parameter without `=` has an empty value.
pub fn values<'q>(query: &'q [u8], name: &str) -> impl Iterator<Item = &'q [u8]> {
    pairs(query).filter(move |pair| is_called(pair, name)).map(|pair| split_pair(pair).1)
}

/// The decoded value of the one parameter called `name`: nothing if there is none, or more than one, or it is not UTF-8.
#[must_use]
pub fn only_text(query: &[u8], name: &str) -> Option<String> {
    let mut values = values(query, name);
    match (values.next(), values.next()) {
        (Some(value), None) => String::from_utf8(decoded(value).collect()).ok(),
        _ => None,
    }
}

/// Does a raw value say `text`, once decoded?
#[must_use]
pub fn is_text(value: &[u8], text: &str) -> bool {
    decoded(value).eq(text.bytes())
}

/// `target` (path and query) without any parameter called `name`, or nothing if it has none. What stays, stays byte
/// for byte; the `?` goes with the last parameter.
#[must_use]
pub fn without(target: &[u8], name: &str) -> Option<Vec<u8>> {
    without_pairs(target, |pair| is_called(pair, name))
}

/// The same without the pairs of which `goes` is true.
#[must_use]
pub fn without_pairs(target: &[u8], goes: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let question = target.iter().position(|&byte| byte == b'?')?;
    let (path, rest) = target.split_at(question);
    let query = rest.strip_prefix(b"?")?;
    pairs(query).find(|pair| goes(pair))?;
    let mut kept = path.to_vec();
    for (index, pair) in pairs(query).filter(|pair| !goes(pair)).enumerate() {
        kept.push(if index == 0 { b'?' } else { b'&' });
        kept.extend_from_slice(pair);
    }
    Some(kept)
}

fn pairs(query: &[u8]) -> impl Iterator<Item = &[u8]> {
    query.split(|&byte| byte == b'&')
}

fn split_pair(pair: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = pair.splitn(2, |&byte| byte == b'=');
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

fn is_called(pair: &[u8], name: &str) -> bool {
    let lower = |byte: u8| byte.to_ascii_lowercase();
    decoded(split_pair(pair).0).map(lower).eq(name.bytes().map(lower))
}

/// Escapes that are not escapes stand for themselves, as form decoders have it.
fn decoded(text: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (&first, after) = rest.split_first()?;
        let escape = match after {
            [high, low, after @ ..] if first == b'%' => hex_pair(Some(high), Some(low)).map(|byte| (byte, after)),
            _ => None,
        };
        let (byte, after) = escape.unwrap_or((if first == b'+' { b' ' } else { first }, after));
        rest = after;
        Some(byte)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found<'q>(query: &'q str, name: &str) -> Vec<&'q str> {
        values(query.as_bytes(), name).map(|value| str::from_utf8(value).unwrap()).collect()
    }

    fn removed(target: &str) -> Option<String> {
        without(target.as_bytes(), "token").map(|target| String::from_utf8(target).unwrap())
    }

    #[test]
    fn every_copy_is_found_in_every_spelling() {
        assert_eq!(found("a=1&token=x&b&token=y", "token"), ["x", "y"]);
        assert_eq!(found("%74oken=x&TOKEN=y&t%6fken&tok%65n=%20", "token"), ["x", "y", "", "%20"]);
        assert_eq!(found("a+b=1&a%20b=2", "a b"), ["1", "2"]);
        assert_eq!(found("token=a=b", "token"), ["a=b"]);
    }

    #[test]
    fn other_names_are_not_found() {
        for other in
            ["", "tokens=x", "xtoken=x", "a=token", "%zztoken=x", "%7token=x", "%=x", "token%00=x", "&&", "=token"]
        {
            assert!(found(other, "token").is_empty(), "{other}");
        }
    }

    #[test]
    fn removal_leaves_the_rest_byte_for_byte() {
        for (target, rest) in [
            ("/q?token=x", "/q"),
            ("/q?token=x&z=1", "/q?z=1"),
            ("/q?a=%zz&token=x&z=1", "/q?a=%zz&z=1"),
            ("/q?a=1&token=x", "/q?a=1"),
            ("/q?token=x&token=y&%74oken=z", "/q"),
            ("/q?&token=x&&a", "/q?&&a"),
            ("/q?a?b&token=x?y", "/q?a?b"),
            ("/token=x?token", "/token=x"),
        ] {
            assert_eq!(removed(target).as_deref(), Some(rest), "{target}");
        }
        for same in ["/q", "/q?", "/q?a=1", "/token=x", ""] {
            assert_eq!(removed(same), None, "{same}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_left_after_removal(query in "([a&=+%]|token|%74|[xT]){0,20}") {
            let target = format!("/p?{query}");
            match removed(&target) {
                Some(rest) => {
                    prop_assert!(rest.starts_with("/p"));
                    prop_assert!(found(rest.split_once('?').map_or("", |(_, query)| query), "token").is_empty());
                }
                None => prop_assert!(found(&query, "token").is_empty()),
            }
        }
    }
}

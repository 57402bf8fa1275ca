//! Header names in the form in which they are compared.
//!
//! Two names are *twins* when some server behind us may take one for the other. CGI and its heirs (WSGI, Rack, PHP)
//! turn every `-` into `_` and upper-case the rest, and PHP does the same to a `.`; so `X-User-Id`, `x_user_id` and
//! `X.User.Id` reach such an application as one variable (CVE-2015-0219).

/// Whether `bytes` is a token (RFC 9110 section 5.6.2): what a header name or a method may be.
#[must_use]
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| is_token_byte(byte))
}

/// Whether `bytes` has a control character other than a tab, which no header value may have (RFC 9110 section 5.5).
///
/// Tokens make this the longest text of a request, so eight bytes are looked at in one go.
#[must_use]
pub fn has_control(bytes: &[u8]) -> bool {
    let is_control = |byte: &u8| *byte != b'\t' && byte.is_ascii_control();
    let (words, rest) = bytes.as_chunks::<8>();
    words.iter().any(|word| may_have_control(u64::from_le_bytes(*word)) && word.iter().any(is_control))
        || rest.iter().any(is_control)
}

/// Whether one of eight bytes is below a space or DEL: then subtracting, in that byte, borrows into its highest bit. A
/// borrow may spread to the byte above and raise a false alarm there; it never hides a true one.
fn may_have_control(word: u64) -> bool {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let below = |word: u64, bytes: u64| word.wrapping_sub(bytes) & !word & HIGH;
    below(word, EACH.wrapping_mul(0x20)) | below(word ^ EACH.wrapping_mul(0x7f), EACH) != 0
}

/// The form of `name` that all its twins share: lower case, every byte that is neither letter nor digit a `-`, and none
/// of those at either end.
#[must_use]
pub fn twin_key(name: &[u8]) -> String {
    trim_marks(name).iter().map(|&byte| char::from(folded(byte))).collect()
}

/// A name to be compared with the [`twin_key`]s of others, without making its own: a request has many names, and nearly
/// all differ from all keys in length or in the first byte.
#[derive(Clone, Copy, Debug)]
pub struct Twin<'n>(&'n [u8]);

impl<'n> Twin<'n> {
    /// Of this name.
    #[must_use]
    pub fn of(name: &'n [u8]) -> Self {
        Self(trim_marks(name))
    }

    /// Whether this is the name's key.
    #[must_use]
    pub fn has_key(self, key: &str) -> bool {
        self.0.len() == key.len() && self.0.iter().zip(key.as_bytes()).all(|(&byte, &key)| folded(byte) == key)
    }

    /// Whether the name's key begins so.
    #[must_use]
    pub fn starts_with(self, key: &str) -> bool {
        self.0.get(..key.len()).is_some_and(|start| Self(start).has_key(key))
    }
}

fn folded(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}

fn trim_marks(mut name: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = name
        && !first.is_ascii_alphanumeric()
    {
        name = rest;
    }
    while let [rest @ .., last] = name
        && !last.is_ascii_alphanumeric()
    {
        name = rest;
    }
    name
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || TOKEN_MARKS.contains(&byte)
}

const TOKEN_MARKS: &[u8] = b"!#$%&'*+-.^_`|~";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    #[test]
    fn twins_share_a_key() {
        for twin in ["X-User-Id", "x_user_id", "X.User.Id", "x-user_id", "x-user-id:", "_x-user-id", "x~user~id"] {
            assert_eq!(twin_key(twin.as_bytes()), "x-user-id", "{twin}");
            assert!(Twin::of(twin.as_bytes()).has_key("x-user-id"), "{twin}");
            assert!(Twin::of(twin.as_bytes()).starts_with("x-user-"), "{twin}");
        }
    }

    #[test]
    fn names_that_no_server_confuses_have_different_keys() {
        for other in ["x-userid", "x-user-id2", "x--user-id", "user-id"] {
            assert_ne!(twin_key(other.as_bytes()), "x-user-id", "{other}");
            assert!(!Twin::of(other.as_bytes()).has_key("x-user-id"), "{other}");
        }
    }

    #[test]
    fn a_token_has_no_separator_and_is_not_empty() {
        assert!(is_token(b"x-user.id~1"));
        for bad in [&b""[..], b"a b", b"a:", b"a\t", b"a\xFF", b"a/b", b"a(b)", b"\"a\"", b"a\0"] {
            assert!(!is_token(bad), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_control_character_is_found_wherever_it_is(bytes in vec(prop_oneof![8 => b' '..=b'~', 1 => any::<u8>(), 1 => Just(b'\t')], 0..40)) {
            let found = bytes.iter().any(|byte| *byte != b'\t' && byte.is_ascii_control());
            prop_assert_eq!(has_control(&bytes), found);
        }

        #[test]
        fn a_twin_is_one_by_its_key(name in vec(prop_oneof![Just(b'a'), Just(b'A'), Just(b'-'), Just(b'_'), any::<u8>()], 0..6), key in "[a-]{0,5}") {
            prop_assert_eq!(Twin::of(&name).has_key(&key), twin_key(&name) == key);
            prop_assert_eq!(Twin::of(&name).starts_with(&key), twin_key(&name).starts_with(&key));
        }
    }
}

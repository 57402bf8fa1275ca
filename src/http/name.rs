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

/// Writes the form of `name` that all its twins share into `key`: lower case, every byte that is neither letter nor
/// digit a `-`, and none of those at either end. A buffer is taken so that a request costs one allocation, not one
/// for each header.
pub fn twin_key_into(name: &[u8], key: &mut String) {
    key.clear();
    for &byte in trim_marks(name) {
        key.push(if byte.is_ascii_alphanumeric() { char::from(byte.to_ascii_lowercase()) } else { '-' });
    }
}

/// The form of `name` that all its twins share; see [`twin_key_into`].
#[must_use]
pub fn twin_key(name: &[u8]) -> String {
    let mut key = String::with_capacity(name.len());
    twin_key_into(name, &mut key);
    key
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

    #[test]
    fn twins_share_a_key() {
        for twin in ["X-User-Id", "x_user_id", "X.User.Id", "x-user_id", "x-user-id:", "_x-user-id", "x~user~id"] {
            assert_eq!(twin_key(twin.as_bytes()), "x-user-id", "{twin}");
        }
    }

    #[test]
    fn names_that_no_server_confuses_have_different_keys() {
        for other in ["x-userid", "x-user-id2", "x--user-id", "user-id"] {
            assert_ne!(twin_key(other.as_bytes()), "x-user-id", "{other}");
        }
    }

    #[test]
    fn a_token_has_no_separator_and_is_not_empty() {
        assert!(is_token(b"x-user.id~1"));
        for bad in [&b""[..], b"a b", b"a:", b"a\t", b"a\xFF", b"a/b", b"a(b)", b"\"a\"", b"a\0"] {
            assert!(!is_token(bad), "{bad:?}");
        }
    }
}

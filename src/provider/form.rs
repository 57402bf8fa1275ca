//! What a client says of itself and sends to an authorization server: forms and `Basic` (RFC 6749 section 2.3.1).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::secret::Secret;

/// For `content-type`.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// A form with these fields.
pub(crate) fn form(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut form = Vec::new();
    for (name, value) in fields {
        if !form.is_empty() {
            form.push(b'&');
        }
        form.extend_from_slice(name.as_bytes());
        form.push(b'=');
        escape(value, &mut form);
    }
    form
}

/// For `authorization`: id and secret are escaped as in a form before they are joined, so neither can hold the colon.
pub(crate) fn basic(id: &str, secret: &Secret) -> String {
    let mut pair = Vec::new();
    escape(id.as_bytes(), &mut pair);
    pair.push(b':');
    escape(secret.reveal().as_bytes(), &mut pair);
    format!("Basic {}", STANDARD.encode(pair))
}

/// `application/x-www-form-urlencoded`: everything but the characters that no reader of it touches.
fn escape(text: &[u8], into: &mut Vec<u8>) {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    for byte in text {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            into.push(*byte);
        } else {
            let digit = |half: u8| DIGITS.get(usize::from(half)).copied().unwrap_or(b'0');
            into.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The client of RFC 6749 section 2.3.1, and one whose every character would be misread.
    #[test]
    fn i05_nothing_in_a_field_is_read_as_more_than_the_field() {
        let hostile = b"a&token=b+c%20d=\xff\r\n";
        assert_eq!(
            form(&[("token", hostile), ("token_type_hint", b"access_token")]),
            b"token=a%26token%3Db%2Bc%2520d%3D%FF%0D%0A&token_type_hint=access_token"
        );
        assert_eq!(basic("s6BhdRkqt3", &Secret::new("gX1fBat3bV".to_owned())), "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW");
        let colons = basic("a:b", &Secret::new("c d:é".to_owned()));
        assert_eq!(colons, format!("Basic {}", STANDARD.encode("a%3Ab:c%20d%3A%C3%A9")));
    }
}

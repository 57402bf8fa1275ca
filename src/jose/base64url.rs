//! base64url without padding, as JOSE uses it (RFC 7515 section 2, RFC 4648 section 5).
//!
//! One text has one decoding and one decoding has one text. Padding, white space, the `+` and `/` of plain base64 and
//! stray bits after the last byte are refused, because each of them would give a second spelling of the same token.

use base64::engine::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::{DecodeError, DecodeSliceError};

/// Why a text is not base64url.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base64Flaw {
    /// A byte outside the alphabet, padding included.
    Character,
    /// A length that no encoder makes (one more than a multiple of four).
    Length,
    /// Bits after the last whole byte that are not zero.
    TrailingBits,
}

/// The bytes that `text` stands for.
///
/// # Errors
/// Says what is wrong with the first thing that is.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, Base64Flaw> {
    URL_SAFE_NO_PAD.decode(text).map_err(Base64Flaw::from)
}

/// Decodes into a buffer of a known size and requires that size, as for coordinates and keys.
///
/// Returns `Ok(None)` if the text is well formed and of another size.
///
/// # Errors
/// As [`decode`].
pub fn decode_exact<const N: usize>(text: &[u8]) -> Result<Option<[u8; N]>, Base64Flaw> {
    let mut bytes = [0; N];
    match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
        Ok(length) => Ok((length == N).then_some(bytes)),
        Err(DecodeSliceError::OutputSliceTooSmall) => decode(text).map(|_| None),
        Err(DecodeSliceError::DecodeError(flaw)) => Err(flaw.into()),
    }
}

/// The text for `bytes`.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Base64Flaw {
    /// A stable code for records and counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Character => "base64url_character",
            Self::Length => "base64url_length",
            Self::TrailingBits => "base64url_trailing_bits",
        }
    }
}

impl std::fmt::Display for Base64Flaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Character => "a character outside base64url",
            Self::Length => "a length that base64url cannot have",
            Self::TrailingBits => "base64url with stray bits at the end",
        })
    }
}

impl std::error::Error for Base64Flaw {}

impl From<DecodeError> for Base64Flaw {
    fn from(flaw: DecodeError) -> Self {
        match flaw {
            DecodeError::InvalidByte(..) | DecodeError::InvalidPadding => Self::Character,
            DecodeError::InvalidLength(_) => Self::Length,
            DecodeError::InvalidLastSymbol { .. } => Self::TrailingBits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn j19_base64url_has_one_spelling() {
        assert_eq!(decode(b""), Ok(vec![]));
        assert_eq!(decode(b"-_8"), Ok(vec![0xfb, 0xff]));
        for text in ["-_8=", "-_8 ", " -_8", "-_\n8", "+/8", "-_8?", "-_8.", "-_\u{e9}8", "=", "====", "-_8\0"] {
            assert_eq!(decode(text.as_bytes()), Err(Base64Flaw::Character), "{text:?}");
        }
        for text in ["A", "AAAAA", "-_8AA"] {
            assert_eq!(decode(text.as_bytes()), Err(Base64Flaw::Length), "{text:?}");
        }
        for text in ["-_9", "AB", "AAB"] {
            assert_eq!(decode(text.as_bytes()), Err(Base64Flaw::TrailingBits), "{text:?}");
        }
    }

    #[test]
    fn an_exact_size_is_exact() {
        assert_eq!(decode_exact::<2>(b"-_8"), Ok(Some([0xfb, 0xff])));
        assert_eq!(decode_exact::<1>(b"-_8"), Ok(None));
        assert_eq!(decode_exact::<3>(b"-_8"), Ok(None));
        assert_eq!(decode_exact::<1>(b"-_9"), Err(Base64Flaw::TrailingBits));
        assert_eq!(decode_exact::<2>(b"-_8="), Err(Base64Flaw::Character));
    }

    proptest! {
        #[test]
        fn j19_what_decodes_encodes_to_the_same_text(text in "[A-Za-z0-9_-]{0,40}") {
            if let Ok(bytes) = decode(text.as_bytes()) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }

        #[test]
        fn what_is_encoded_decodes_to_the_same_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            prop_assert_eq!(decode(encode(&bytes).as_bytes()), Ok(bytes));
        }
    }
}

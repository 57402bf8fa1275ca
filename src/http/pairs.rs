//! The serialized header map of the proxy-wasm ABI.
//!
//! Layout, all numbers little-endian `u32`: the count; for each pair the lengths of name and value; for each pair the
//! name, a NUL, the value, a NUL (proxy-wasm ABI 0.2.1, "Serialization"). Names and values are bytes, in any encoding,
//! in order and with repeats: the SDK's own decoder unwraps UTF-8 and takes the whole worker down on one odd byte.

use std::fmt;
use std::ops::Range;

use super::{HeaderMap, Pair};

/// Why bytes are not a serialized header map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairsFlaw {
    /// The bytes end before the lengths say so.
    Truncated,
    /// A name or a value does not end in NUL where its length says so.
    Unterminated,
    /// There are bytes after the last pair.
    TrailingBytes,
    /// More than [`MAX_PAIRS`] pairs.
    TooMany,
    /// More than [`MAX_BYTES`] bytes.
    TooLarge,
}

impl PairsFlaw {
    /// Stable code for audit and metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Truncated => "header_map_truncated",
            Self::Unterminated => "header_map_unterminated",
            Self::TrailingBytes => "header_map_trailing_bytes",
            Self::TooMany => "header_map_too_many",
            Self::TooLarge => "header_map_too_large",
        }
    }
}

impl fmt::Display for PairsFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the header map ends too early"),
            Self::Unterminated => f.write_str("a name or value of the header map has no NUL at its end"),
            Self::TrailingBytes => f.write_str("there are bytes after the header map"),
            Self::TooMany => write!(f, "the header map has more than {MAX_PAIRS} pairs"),
            Self::TooLarge => write!(f, "the header map is larger than {MAX_BYTES} bytes"),
        }
    }
}

impl std::error::Error for PairsFlaw {}

/// Reads a serialized header map. No bytes at all are no pairs: hosts answer so for a map that is not there, such as
/// the headers of a call that failed.
///
/// # Errors
///
/// A [`PairsFlaw`]; nothing of a map that is wrong in one place is returned.
pub fn decode(bytes: Vec<u8>) -> Result<HeaderMap, PairsFlaw> {
    if bytes.is_empty() {
        return Ok(HeaderMap::default());
    }
    if bytes.len() > MAX_BYTES {
        return Err(PairsFlaw::TooLarge);
    }
    let (count, rest) = number(&bytes)?;
    if count > MAX_PAIRS {
        return Err(PairsFlaw::TooMany);
    }
    let (lengths, rest) = rest.split_at_checked(count.saturating_mul(BYTES_PER_ENTRY)).ok_or(PairsFlaw::Truncated)?;
    let mut at = bytes.len().saturating_sub(rest.len());
    let mut pairs = Vec::with_capacity(count);
    for entry in lengths.as_chunks::<BYTES_PER_ENTRY>().0 {
        let (name_length, rest) = number(entry)?;
        let (value_length, _) = number(rest)?;
        let name = terminated(&bytes, at, name_length)?;
        let value = terminated(&bytes, name.end.saturating_add(1), value_length)?;
        at = value.end.saturating_add(1);
        pairs.push((name, value));
    }
    if at == bytes.len() { Ok(HeaderMap::from_parts(bytes, pairs)) } else { Err(PairsFlaw::TrailingBytes) }
}

/// Writes pairs as a serialized header map.
///
/// # Errors
///
/// [`PairsFlaw::TooMany`] or [`PairsFlaw::TooLarge`] for what [`decode`] would not read back.
pub fn encode(pairs: &[Pair]) -> Result<Vec<u8>, PairsFlaw> {
    if pairs.len() > MAX_PAIRS {
        return Err(PairsFlaw::TooMany);
    }
    let size = pairs.iter().fold(BYTES_PER_NUMBER, |size, (name, value)| {
        [BYTES_PER_ENTRY, name.len(), 1, value.len(), 1].into_iter().fold(size, usize::saturating_add)
    });
    if size > MAX_BYTES {
        return Err(PairsFlaw::TooLarge);
    }
    let mut bytes = Vec::with_capacity(size);
    push_number(&mut bytes, pairs.len())?;
    for (name, value) in pairs {
        push_number(&mut bytes, name.len())?;
        push_number(&mut bytes, value.len())?;
    }
    for (name, value) in pairs {
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.extend_from_slice(value);
        bytes.push(0);
    }
    Ok(bytes)
}

fn number(bytes: &[u8]) -> Result<(usize, &[u8]), PairsFlaw> {
    let (number, rest) = bytes.split_first_chunk().ok_or(PairsFlaw::Truncated)?;
    let number = usize::try_from(u32::from_le_bytes(*number)).map_err(|_| PairsFlaw::TooLarge)?;
    Ok((number, rest))
}

fn push_number(bytes: &mut Vec<u8>, number: usize) -> Result<(), PairsFlaw> {
    let number = u32::try_from(number).map_err(|_| PairsFlaw::TooLarge)?;
    bytes.extend_from_slice(&number.to_le_bytes());
    Ok(())
}

/// The place of the text of this length at `start`, which a NUL follows.
fn terminated(bytes: &[u8], start: usize, length: usize) -> Result<Range<usize>, PairsFlaw> {
    let end = start.saturating_add(length);
    match bytes.get(end) {
        Some(0) => Ok(start..end),
        Some(_) => Err(PairsFlaw::Unterminated),
        None => Err(PairsFlaw::Truncated),
    }
}

/// Ten times Envoy's default of 100 headers a request, and the most that Envoy reads back from a module.
pub const MAX_PAIRS: usize = 1024;

/// 1 MiB: the most that Envoy reads back from a module, and far above its default of 60 KiB of request headers.
pub const MAX_BYTES: usize = 1_048_576;

const BYTES_PER_NUMBER: usize = 4;
const BYTES_PER_ENTRY: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Result<Vec<Pair>, PairsFlaw> {
        decode(bytes.to_vec()).map(|map| map.to_pairs())
    }

    #[test]
    fn the_layout_is_that_of_the_abi() {
        let bytes = b"\x02\0\0\0\x01\0\0\0\x02\0\0\0\x01\0\0\0\0\0\0\0a\0\xFFb\0a\0\0";
        let pairs = vec![(b"a".to_vec(), b"\xFFb".to_vec()), (b"a".to_vec(), Vec::new())];
        assert_eq!(read(&bytes[..bytes.len() - 1]), Err(PairsFlaw::Truncated));
        let mut whole = bytes.to_vec();
        assert_eq!(read(&whole), Ok(pairs.clone()));
        assert_eq!(encode(&pairs), Ok(whole.clone()));
        whole.push(0);
        assert_eq!(read(&whole), Err(PairsFlaw::TrailingBytes));
    }

    #[test]
    fn an_absent_map_is_an_empty_one() {
        assert_eq!(read(b""), Ok(Vec::new()));
        assert_eq!(read(b"\0\0\0\0"), Ok(Vec::new()));
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        assert_eq!(read(b"\x01\0\0"), Err(PairsFlaw::Truncated));
        assert_eq!(read(b"\xFF\xFF\xFF\xFF"), Err(PairsFlaw::TooMany));
        assert_eq!(read(b"\x01\0\0\0"), Err(PairsFlaw::Truncated));
        assert_eq!(read(b"\x01\0\0\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFa\0b\0"), Err(PairsFlaw::Truncated));
        assert_eq!(read(b"\x01\0\0\0\x01\0\0\0\x01\0\0\0ab\0"), Err(PairsFlaw::Unterminated));
        assert_eq!(read(&vec![0; MAX_BYTES + 1]), Err(PairsFlaw::TooLarge));
    }

    #[test]
    fn what_cannot_be_read_back_is_not_written() {
        assert_eq!(encode(&vec![(Vec::new(), Vec::new()); MAX_PAIRS + 1]), Err(PairsFlaw::TooMany));
        assert_eq!(encode(&[(Vec::new(), vec![0; MAX_BYTES])]), Err(PairsFlaw::TooLarge));
    }

    proptest! {
        #[test]
        fn pairs_survive_the_round_trip(pairs in vec((vec(any::<u8>(), 0..20), vec(any::<u8>(), 0..20)), 0..20)) {
            prop_assert_eq!(read(&encode(&pairs).unwrap()), Ok(pairs));
        }

        #[test]
        fn any_bytes_are_read_or_refused_and_read_means_written_back(bytes in vec(prop_oneof![Just(0_u8), 0..4_u8, any::<u8>()], 1..60)) {
            if let Ok(pairs) = read(&bytes) {
                prop_assert_eq!(encode(&pairs), Ok(bytes));
            }
        }
    }
}

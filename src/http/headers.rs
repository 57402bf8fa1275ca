//! The headers of one message.
//!
//! Names are compared without case, values are bytes, order and repeats are kept. A lookup never picks one of several
//! values by itself: [`HeaderMap::only`] says that there are several.

use std::fmt;
use std::ops::Range;

/// A header's name and value, as bytes.
pub type Pair = (Vec<u8>, Vec<u8>);

/// A header that may come once came more often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeated;

impl Repeated {
    /// Stable code for audit and metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        "header_repeated"
    }
}

impl fmt::Display for Repeated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the header comes more than once")
    }
}

impl std::error::Error for Repeated {}

/// Header pairs in one block of memory: a request has a dozen, and two allocations for each would be felt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderMap {
    bytes: Vec<u8>,
    /// Where each name and its value are in `bytes`.
    pairs: Vec<(Range<usize>, Range<usize>)>,
}

impl HeaderMap {
    /// A map of what is in `bytes` at these places.
    pub(super) fn from_parts(bytes: Vec<u8>, pairs: Vec<(Range<usize>, Range<usize>)>) -> Self {
        Self { bytes, pairs }
    }

    /// Every pair, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.pairs.iter().map(|(name, value)| (self.at(name), self.at(value)))
    }

    /// Every name, in order.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.pairs.iter().map(|(name, _)| self.at(name))
    }

    /// Every value of a header, in order.
    pub fn values<'n>(&self, name: &'n str) -> impl Iterator<Item = &[u8]> + use<'_, 'n> {
        let named = move |other: &Range<usize>| self.at(other).eq_ignore_ascii_case(name.as_bytes());
        self.pairs.iter().filter(move |(other, _)| named(other)).map(|(_, value)| self.at(value))
    }

    /// The value of a header that may come once.
    ///
    /// # Errors
    ///
    /// [`Repeated`] if it came more often, with the same value or not.
    pub fn only(&self, name: &str) -> Result<Option<&[u8]>, Repeated> {
        let mut values = self.values(name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Repeated),
            (value, None) => Ok(value),
        }
    }

    /// Whether the caller speaks gRPC and wants its errors so: `application/grpc`, also with a `+suffix` or
    /// parameters. gRPC-Web is not: its clients read plain HTTP errors.
    #[must_use]
    pub fn is_grpc(&self) -> bool {
        let Ok(Some(content_type)) = self.only("content-type") else { return false };
        content_type.split_at_checked(GRPC.len()).is_some_and(|(start, rest)| {
            start.eq_ignore_ascii_case(GRPC) && matches!(rest.first(), None | Some(b'+' | b';' | b' '))
        })
    }

    /// `x-request-id` if it came once. Envoy sets it; from an untrusted edge it is the client's text.
    #[must_use]
    pub fn request_id(&self) -> Option<&[u8]> {
        self.only("x-request-id").ok().flatten()
    }

    /// How many pairs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// `true` when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The pairs, each on its own.
    #[must_use]
    pub fn to_pairs(&self) -> Vec<Pair> {
        self.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
    }

    fn at(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }
}

impl FromIterator<Pair> for HeaderMap {
    fn from_iter<I: IntoIterator<Item = Pair>>(pairs: I) -> Self {
        let mut bytes = Vec::new();
        let mut push = |text: Vec<u8>| {
            let start = bytes.len();
            bytes.extend(text);
            start..bytes.len()
        };
        let pairs = pairs.into_iter().map(|(name, value)| (push(name), push(value))).collect();
        Self { bytes, pairs }
    }
}

impl From<Vec<Pair>> for HeaderMap {
    fn from(pairs: Vec<Pair>) -> Self {
        pairs.into_iter().collect()
    }
}

const GRPC: &[u8] = b"application/grpc";

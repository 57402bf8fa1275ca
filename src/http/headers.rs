//! Header pairs, looked at.
//!
//! Names are compared without case, values are bytes, order and repeats are kept. A lookup never picks one of several
//! values by itself: [`Headers::only`] says that there are several.

use std::fmt;

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

/// A view of header pairs: of a request, also of one that could not be read, or of a response.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a>(&'a [Pair]);

impl<'a> Headers<'a> {
    /// Looks at pairs; checks nothing.
    #[must_use]
    pub fn of(pairs: &'a [Pair]) -> Self {
        Self(pairs)
    }

    /// Every value of a header, in order.
    pub fn values<'n>(self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.0
            .iter()
            .filter(move |(other, _)| other.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.as_slice())
    }

    /// The value of a header that may come once.
    ///
    /// # Errors
    ///
    /// [`Repeated`] if it came more often, with the same value or not.
    pub fn only(self, name: &str) -> Result<Option<&'a [u8]>, Repeated> {
        let mut values = self.values(name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Repeated),
            (value, None) => Ok(value),
        }
    }

    /// Whether the caller speaks gRPC and wants its errors so: `application/grpc`, also with a `+suffix` or
    /// parameters. gRPC-Web is not: its clients read plain HTTP errors.
    #[must_use]
    pub fn is_grpc(self) -> bool {
        let Ok(Some(content_type)) = self.only("content-type") else { return false };
        content_type.split_at_checked(GRPC.len()).is_some_and(|(start, rest)| {
            start.eq_ignore_ascii_case(GRPC) && matches!(rest.first(), None | Some(b'+' | b';' | b' '))
        })
    }

    /// `x-request-id` if it came once. Envoy sets it; from an untrusted edge it is the client's text.
    #[must_use]
    pub fn request_id(self) -> Option<&'a [u8]> {
        self.only("x-request-id").ok().flatten()
    }

    /// The pairs looked at.
    #[must_use]
    pub fn pairs(self) -> &'a [Pair] {
        self.0
    }
}

const GRPC: &[u8] = b"application/grpc";

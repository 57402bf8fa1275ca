//! One callout: what to ask; and, for keys, which answers count.
//!
//! Decides which answers are taken (status 200, not encoded, within the size limit) and how long they say they may be kept
//! (RFC 9111 sections 4.2 and 5.2.2). Decides nothing about the content. A redirect is an answer like any other that is not
//! 200: it is not followed, because the address was configured and a redirect would replace it.

use std::fmt;
use std::time::Duration;

use super::url::{Scheme, Url};

/// Tells one callout from another, so that an answer that comes after its deadline is not taken for the next one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FetchId(u64);

impl FetchId {
    /// Of the first callout.
    pub(crate) const FIRST: Self = Self(0);

    /// Of the callout after this one.
    #[must_use]
    pub(crate) fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// A GET to be sent by the host, without body, cookies or credentials; or a POST; or a gRPC call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// To be handed back with the answer.
    pub id: FetchId,
    /// The Envoy cluster that the callout goes to.
    pub cluster: String,
    /// For `:scheme`.
    pub scheme: Scheme,
    /// For `:authority`.
    pub authority: String,
    /// For `:path`, with the query.
    pub path: String,
    /// What a POST carries; a GET has none.
    pub post: Option<Post>,
    /// It is a unary gRPC call: `path` is `/SERVICE/METHOD`, and the body of `post` is the message without a frame. The answer
    /// is the message likewise, with `grpc-status` among its headers.
    pub grpc: bool,
    /// When the host should give up.
    pub timeout: Duration,
    /// A longer body is not wanted; a host that can stop reading may stop here.
    pub max_bytes: usize,
}

/// What a POST carries.
#[derive(Clone, PartialEq, Eq)]
pub struct Post {
    /// For `content-type`.
    pub content_type: &'static str,
    /// For `authorization`, checked to be fit for a header.
    pub authorization: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// Secrets stay out of logs.
impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Post {{ {}, {} bytes }}", self.content_type, self.body.len())
    }
}

impl Fetch {
    pub(crate) fn new(id: FetchId, cluster: &str, address: &Url, timeout: Duration, max_bytes: usize) -> Self {
        Self {
            id,
            cluster: cluster.to_owned(),
            scheme: address.scheme(),
            authority: address.authority().to_owned(),
            path: address.path_and_query().to_owned(),
            post: None,
            grpc: false,
            timeout,
            max_bytes,
        }
    }

    /// A unary gRPC call. `path` is `/SERVICE/METHOD`.
    pub(crate) fn grpc(
        id: FetchId,
        cluster: &str,
        path: &str,
        message: Vec<u8>,
        timeout: Duration,
        max_bytes: usize,
    ) -> Self {
        Self {
            id,
            cluster: cluster.to_owned(),
            scheme: Scheme::Http,
            authority: cluster.to_owned(),
            path: path.to_owned(),
            post: Some(Post { content_type: "application/grpc", authorization: None, body: message }),
            grpc: true,
            timeout,
            max_bytes,
        }
    }

    /// The same as a POST.
    #[must_use]
    pub(crate) fn with(self, post: Post) -> Self {
        Self { post: Some(post), ..self }
    }
}

/// How a callout ended.
#[derive(Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The host could not send it, or no whole answer came: refused, reset, timed out, too large for the host.
    Failed,
    /// A whole answer.
    Response {
        /// `:status`; an answer without a readable one is [`Fetched::Failed`].
        status: u16,
        /// Names in lower case, values as received; a name may come more than once.
        headers: Vec<(Vec<u8>, Vec<u8>)>,
        /// The body as received.
        body: Vec<u8>,
    },
}

/// Bodies and header values of strangers stay out of logs.
impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed => f.write_str("Failed"),
            Self::Response { status, headers, body } => write!(
                f,
                "Response {{ status: {status}, headers: {} lines, body: {} bytes }}",
                headers.len(),
                body.len()
            ),
        }
    }
}

/// A body worth reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Accepted {
    pub(super) body: Vec<u8>,
    /// How much longer the answer may be kept, by its own word; `None` if it does not say.
    pub(super) fresh_for: Option<Duration>,
}

/// Takes an answer, or says why not.
pub(super) fn accept(fetched: Fetched, max_bytes: usize) -> Result<Accepted, FetchFlaw> {
    let Fetched::Response { status, headers, body } = fetched else {
        return Err(FetchFlaw::Failed);
    };
    match status {
        200 => {}
        300..=399 => return Err(FetchFlaw::Redirect),
        _ => return Err(FetchFlaw::Status(status)),
    }
    if body.len() > max_bytes {
        return Err(FetchFlaw::TooLarge);
    }
    // No `Accept-Encoding` is sent. An encoded body is not inflated: that would hand the size limit to the sender.
    if is_encoded(&headers) {
        return Err(FetchFlaw::Encoded);
    }
    Ok(Accepted { fresh_for: freshness(&headers), body })
}

/// Why an answer was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchFlaw {
    /// The body is compressed, which was not asked for.
    Encoded,
    /// No answer.
    Failed,
    /// The answer points elsewhere.
    Redirect,
    /// Any other status than 200.
    Status(u16),
    /// The body is over the configured limit.
    TooLarge,
}

impl FetchFlaw {
    /// A stable code for records and counters.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Encoded => "fetch_encoded",
            Self::Failed => "fetch_failed",
            Self::Redirect => "fetch_redirect",
            Self::Status(_) => "fetch_status",
            Self::TooLarge => "fetch_too_large",
        }
    }
}

impl fmt::Display for FetchFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoded => f.write_str("the answer has a content-encoding, which was not asked for"),
            Self::Failed => f.write_str("no answer"),
            Self::Redirect => {
                f.write_str("the answer is a redirect, which is not followed; configure the final address")
            }
            Self::Status(status) => write!(f, "the answer has status {status}, expected 200"),
            Self::TooLarge => f.write_str("the answer is larger than `max_bytes`"),
        }
    }
}

impl std::error::Error for FetchFlaw {}

/// Is a body with these headers something else than it seems?
pub(crate) fn is_encoded(headers: &[(Vec<u8>, Vec<u8>)]) -> bool {
    values(headers, b"content-encoding").any(|value| !value.trim_ascii().eq_ignore_ascii_case(b"identity"))
}

/// Is a body with these headers said to be JSON: `application/json`, with or without parameters, and said once?
pub(crate) fn is_json(headers: &[(Vec<u8>, Vec<u8>)]) -> bool {
    let mut types = values(headers, b"content-type");
    let essence = |value: &[u8]| value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii().to_vec();
    let first = types.next().map(essence);
    first.is_some_and(|first| first.eq_ignore_ascii_case(b"application/json")) && types.next().is_none()
}

/// `Retry-After` in seconds (RFC 9110 section 10.2.3); a date is not read. Of several the longest counts.
pub(crate) fn retry_after(headers: &[(Vec<u8>, Vec<u8>)]) -> Option<Duration> {
    values(headers, b"retry-after").filter_map(seconds).max().map(Duration::from_secs)
}

fn values<'a>(headers: &'a [(Vec<u8>, Vec<u8>)], name: &'static [u8]) -> impl Iterator<Item = &'a [u8]> {
    headers.iter().filter(move |(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
}

/// `max-age` less `Age`. Of several `max-age` the smallest counts; an unreadable one counts as zero, as does `no-store` or
/// `no-cache` anywhere (RFC 9111 section 4.2.1: conflicting or invalid means stale). A quoted list that holds a comma may
/// be misread, towards any lifetime; the configured bounds hold either way. `Expires` and `s-maxage` are not consulted:
/// the first needs the sender's clock, the second speaks to other caches.
fn freshness(headers: &[(Vec<u8>, Vec<u8>)]) -> Option<Duration> {
    let mut max_age: Option<u64> = None;
    for directive in values(headers, b"cache-control").flat_map(|value| value.split(|byte| *byte == b',')) {
        let mut halves = directive.splitn(2, |byte| *byte == b'=');
        let name = halves.next().unwrap_or_default().trim_ascii();
        let seconds = if name.eq_ignore_ascii_case(b"max-age") {
            halves.next().and_then(seconds).unwrap_or(0)
        } else if name.eq_ignore_ascii_case(b"no-store") || name.eq_ignore_ascii_case(b"no-cache") {
            0
        } else {
            continue;
        };
        max_age = Some(max_age.map_or(seconds, |smallest| smallest.min(seconds)));
    }
    let age = values(headers, b"age").filter_map(seconds).max().unwrap_or(0);
    max_age.map(|seconds| Duration::from_secs(seconds.saturating_sub(age)))
}

/// `delta-seconds` (RFC 9111 section 1.2.2), also in quotes: digits alone; too many of them mean "very long".
fn seconds(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii();
    let digits = text.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(
        digits
            .iter()
            .fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit.saturating_sub(b'0')))),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &[u8])], body: &[u8]) -> Fetched {
        let headers = headers.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec())).collect();
        Fetched::Response { status, headers, body: body.to_vec() }
    }

    fn fresh_for(headers: &[(&str, &[u8])]) -> Option<u64> {
        accept(answer(200, headers, b"{}"), 10).unwrap().fresh_for.map(|span| span.as_secs())
    }

    #[test]
    fn only_status_200_counts() {
        assert_eq!(accept(answer(200, &[], b"{}"), 10).unwrap().body, b"{}");
        for status in [0, 100, 199, 201, 204, 206, 400, 401, 404, 429, 500, 503, 999] {
            assert_eq!(accept(answer(status, &[], b"{}"), 10), Err(FetchFlaw::Status(status)));
        }
        assert_eq!(accept(Fetched::Failed, 10), Err(FetchFlaw::Failed));
    }

    /// Advisory 40.
    #[test]
    fn a_redirect_is_not_followed_and_a_huge_or_packed_body_not_read() {
        for status in [301, 302, 303, 307, 308] {
            let to = answer(status, &[("location", b"https://idp.example/keys")], b"{}");
            assert_eq!(accept(to, 10), Err(FetchFlaw::Redirect));
        }
        assert_eq!(accept(answer(200, &[], &[b' '; 11]), 10), Err(FetchFlaw::TooLarge));
        assert!(accept(answer(200, &[], &[b' '; 10]), 10).is_ok());
        for packed in [b"gzip".as_slice(), b"br", b"identity, gzip", b"\xff"] {
            let packed = answer(200, &[("content-encoding", packed)], b"{}");
            assert_eq!(accept(packed, 10), Err(FetchFlaw::Encoded));
        }
        assert!(accept(answer(200, &[("content-encoding", b" Identity ")], b"{}"), 10).is_ok());
    }

    #[test]
    fn the_answer_says_how_long_it_keeps() {
        assert_eq!(fresh_for(&[]), None);
        assert_eq!(fresh_for(&[("cache-control", b"private")]), None);
        assert_eq!(fresh_for(&[("cache-control", b"max-age=86400, private")]), Some(86_400));
        assert_eq!(fresh_for(&[("Cache-Control", b"Private,MAX-AGE = \"60\"")]), Some(60));
        assert_eq!(fresh_for(&[("cache-control", b"max-age=600"), ("age", b"100")]), Some(500));
        assert_eq!(fresh_for(&[("cache-control", b"max-age=600"), ("age", b"601")]), Some(0));
    }

    #[test]
    fn contradictions_and_nonsense_shorten_and_never_lengthen() {
        let twice: &[(&str, &[u8])] =
            &[("cache-control", b"max-age=600"), ("cache-control", b"max-age=60, max-age=900")];
        assert_eq!(fresh_for(twice), Some(60));
        assert_eq!(fresh_for(&[("cache-control", b"max-age=600, no-store")]), Some(0));
        assert_eq!(fresh_for(&[("cache-control", b"no-cache=\"x\"")]), Some(0));
        for odd in [b"max-age=-1".as_slice(), b"max-age=", b"max-age", b"max-age=1.5", b"max-age=\xff", b"max-age=+5"] {
            assert_eq!(fresh_for(&[("cache-control", odd)]), Some(0), "{odd:?}");
        }
        assert_eq!(fresh_for(&[("cache-control", b"\xff\x00,=,,max-age=7")]), Some(7));
        assert_eq!(fresh_for(&[("cache-control", b"max-age=99999999999999999999999")]), Some(u64::MAX));
        assert_eq!(fresh_for(&[("cache-control", b"max-age=600"), ("age", b"x"), ("age", b"-5")]), Some(600));
    }

    /// Advisory 31: no byte of an answer reaches a log.
    #[test]
    fn an_answer_prints_as_sizes() {
        let printed = format!("{:?}", answer(200, &[("x", b"secret")], b"secret"));
        assert_eq!(printed, "Response { status: 200, headers: 1 lines, body: 6 bytes }");
    }
}

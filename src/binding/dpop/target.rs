//! The address that a proof is for (`htu`), compared after the normalisation of RFC 3986 sections 6.2.2 and 6.2.3, without
//! query and fragment (RFC 9449 section 4.3). The path is the one that the client sent: what is folded here is folded after it
//! made its proof.

use fluent_uri::Uri;
use fluent_uri::normalize::Normalizer;

use crate::http::RequestHead;
use crate::http::path::push_escape;

/// The origins under which clients know this API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Vec<String>);

impl Origins {
    /// These: scheme, host and port, no more.
    ///
    /// # Errors
    ///
    /// The places of the texts that are no origins.
    pub fn new(origins: &[String]) -> Result<Self, Vec<usize>> {
        let (mut normal, mut bad) = (Vec::new(), Vec::new());
        for (place, text) in origins.iter().enumerate() {
            match normalise(text).filter(|normal| is_origin(text, normal)) {
                Some(origin) => normal.push(origin.trim_end_matches('/').to_owned()),
                None => bad.push(place),
            }
        }
        if bad.is_empty() { Ok(Self(normal)) } else { Err(bad) }
    }

    /// Is `htu` the address of this request? Returned in its normal form.
    #[must_use]
    pub fn address(&self, htu: &str, head: &RequestHead) -> Option<String> {
        let claimed = normalise(htu)?;
        let path = received_path(head)?;
        let is_at = |origin: &str| normalise(&format!("{origin}{path}")).as_ref() == Some(&claimed);
        let is_here = match self.0.as_slice() {
            [] => is_at(&seen(head)?),
            origins => origins.iter().any(|origin| is_at(origin)),
        };
        is_here.then_some(claimed)
    }
}

/// As the host sees it: the port is part of it.
fn seen(head: &RequestHead) -> Option<String> {
    let authority = head.only(":authority").ok().flatten()?;
    Some(format!("{}://{}", head.scheme(), std::str::from_utf8(authority).ok()?))
}

/// The path as the client sent it, without the query.
pub(in crate::binding) fn received_path(head: &RequestHead) -> Option<&str> {
    let path = head.only(":path").ok().flatten()?;
    std::str::from_utf8(path.split(|byte| *byte == b'?').next()?).ok()
}

fn is_origin(text: &str, normal: &str) -> bool {
    !text.contains(['?', '#']) && normal.matches('/').count() == 3 && normal.ends_with('/')
}

/// Scheme, host and path; `None` for what is no address of HTTP, or names a user.
fn normalise(text: &str) -> Option<String> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let text = escape(text);
    let uri = Uri::parse(text.as_str()).ok()?;
    let uri = Normalizer::new().allow_path_underflow(false).normalize(&uri).ok()?;
    let authority = uri.authority()?;
    let is_http = matches!(uri.scheme().as_str(), "http" | "https");
    if !is_http || authority.userinfo().is_some() || authority.host().is_empty() {
        return None;
    }
    let path = if uri.path().as_str().is_empty() { "/" } else { uri.path().as_str() };
    Some(format!("{}://{}{path}", uri.scheme(), authority.as_str()))
}

/// Percent-encodes what stands in paths here as browsers send it, though RFC 3986 does not let it.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut slashes = 0_usize;
    for letter in text.chars() {
        match (letter, u8::try_from(letter)) {
            // Before the third slash is the host, which may be an IPv6 address in brackets.
            ('|' | '^' | '[' | ']', Ok(byte)) if slashes > 2 => push_escape(byte, &mut escaped),
            _ => escaped.push(letter),
        }
        slashes = slashes.saturating_add(usize::from(letter == '/'));
    }
    escaped
}

/// As long as a path may be, and a host before it.
const MAX_BYTES: usize = 9 << 10;

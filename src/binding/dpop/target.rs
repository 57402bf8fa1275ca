//! The address that a proof is for (`htu`), compared after the normalisation of RFC 3986 sections 6.2.2 and 6.2.3, without
//! query and fragment (RFC 9449 section 4.3).

use fluent_uri::Uri;
use fluent_uri::normalize::Normalizer;

use crate::http::RequestHead;

/// The origins under which clients know this API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Vec<String>);

impl Origins {
    /// These: scheme, host and port, no more.
    ///
    /// # Errors
    ///
    /// The first text that is no origin.
    pub fn new(origins: Vec<String>) -> Result<Self, String> {
        let normal = origins.into_iter().map(|text| match normalise(&text) {
            Some(normal) if is_origin(&text, &normal) => Ok(normal.trim_end_matches('/').to_owned()),
            _ => Err(text),
        });
        normal.collect::<Result<_, _>>().map(Self)
    }

    /// Is `htu` the address of this request? Returned in its normal form.
    #[must_use]
    pub fn address(&self, htu: &str, head: &RequestHead) -> Option<String> {
        let claimed = normalise(htu)?;
        let path = head.path().path();
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

fn is_origin(text: &str, normal: &str) -> bool {
    !text.contains(['?', '#']) && normal.matches('/').count() == 3 && normal.ends_with('/')
}

/// Scheme, host and path; `None` for what is no address of HTTP, or names a user.
fn normalise(text: &str) -> Option<String> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let uri = Uri::parse(text).ok()?;
    let uri = Normalizer::new().allow_path_underflow(false).normalize(&uri).ok()?;
    let authority = uri.authority()?;
    let is_http = matches!(uri.scheme().as_str(), "http" | "https");
    if !is_http || authority.userinfo().is_some() || authority.host().is_empty() {
        return None;
    }
    let path = if uri.path().as_str().is_empty() { "/" } else { uri.path().as_str() };
    Some(format!("{}://{}{path}", uri.scheme(), authority.as_str()))
}

/// As long as a path may be, and a host before it.
const MAX_BYTES: usize = 9 << 10;

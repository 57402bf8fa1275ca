//! One cookie of a request: found in every `Cookie` header, and taken out without touching the rest.
//!
//! HTTP/2 may split cookies over many headers (RFC 9113 section 8.2.3), and a client may send one name twice, in which
//! case servers disagree on which copy counts (RFC 6265 section 5.4): so every copy is shown. Names are compared with
//! case; values are not decoded and quotes are not taken off (RFC 6265 section 4.2.1).

use std::fmt;

use super::HeaderMap;

/// Why the cookies of a request are not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieFlaw {
    /// More than [`MAX_COOKIES`] cookies.
    TooMany,
}

impl CookieFlaw {
    /// Stable code for audit and metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooMany => "cookies_too_many",
        }
    }
}

impl fmt::Display for CookieFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => write!(f, "there are more than {MAX_COOKIES} cookies"),
        }
    }
}

impl std::error::Error for CookieFlaw {}

/// The values of every cookie called `name`, in order.
///
/// # Errors
///
/// [`CookieFlaw::TooMany`] if the request carries more cookies than are worth looking at.
pub fn values<'h>(headers: &'h HeaderMap, name: &str) -> Result<Vec<&'h [u8]>, CookieFlaw> {
    if crumbs(headers).nth(MAX_COOKIES).is_some() {
        return Err(CookieFlaw::TooMany);
    }
    Ok(crumbs(headers)
        .map(split_crumb)
        .filter(|(other, _)| *other == name.as_bytes())
        .map(|(_, value)| value)
        .collect())
}

/// The value of one `Cookie` header that carries all cookies but those called one of `names`, joined by `; ` as a
/// receiver would join them; nothing if none is left.
#[must_use]
pub fn without(headers: &HeaderMap, names: &[&str]) -> Option<Vec<u8>> {
    let mut kept = Vec::new();
    for crumb in crumbs(headers) {
        if names.iter().any(|name| split_crumb(crumb).0 == name.as_bytes()) {
            continue;
        }
        if !kept.is_empty() {
            kept.extend_from_slice(b"; ");
        }
        kept.extend_from_slice(crumb);
    }
    (!kept.is_empty()).then_some(kept)
}

fn crumbs(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers
        .values("cookie")
        .flat_map(|value| value.split(|&byte| byte == b';'))
        .map(<[u8]>::trim_ascii)
        .filter(|crumb| !crumb.is_empty())
}

/// White space around a name goes: some servers trim it, and then `a =1` is a second `a`.
fn split_crumb(crumb: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = crumb.splitn(2, |&byte| byte == b'=');
    let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    (name.trim_ascii(), value.trim_ascii())
}

/// Browsers keep about 180 cookies a site (RFC 6265 section 6.1 asks for 50 at least).
pub const MAX_COOKIES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(cookies: &[&str]) -> HeaderMap {
        cookies.iter().map(|cookie| (b"Cookie".to_vec(), cookie.as_bytes().to_vec())).collect()
    }

    fn found(cookies: &[&str]) -> Vec<String> {
        let pairs = pairs(cookies);
        let values = values(&pairs, "session").unwrap();
        values.into_iter().map(|value| String::from_utf8(value.to_vec()).unwrap()).collect()
    }

    #[test]
    fn every_copy_is_found_over_all_headers() {
        assert_eq!(found(&["a=1; session=x; b=2", "c", "session=y"]), ["x", "y"]);
        assert_eq!(found(&["session=x;session=y", "session =z", "session"]), ["x", "y", "z", ""]);
        assert_eq!(found(&["session=a=b==; q=\"1\""]), ["a=b=="]);
        assert_eq!(found(&["session=\"x\""]), ["\"x\""]);
    }

    #[test]
    fn other_names_are_not_found() {
        assert!(found(&["Session=x; sessions=x; xsession=x; a=session", "", ";;;", "=session"]).is_empty());
    }

    #[test]
    fn removal_keeps_the_other_cookies() {
        let left = |cookies: &[&str]| {
            let pairs = pairs(cookies);
            without(&pairs, &["session", "other"]).map(|value| String::from_utf8(value).unwrap())
        };
        assert_eq!(left(&["a=1; session=x; b=\"2\"", "session=y", "c"]).as_deref(), Some("a=1; b=\"2\"; c"));
        assert_eq!(left(&["session=x; other=y", "session =y"]), None);
        assert_eq!(left(&[]), None);
    }

    #[test]
    fn the_number_of_cookies_is_bounded() {
        let many = pairs(&vec!["a=1"; MAX_COOKIES]);
        assert!(values(&many, "session").is_ok());
        let too_many = pairs(&[&"a=1;".repeat(MAX_COOKIES), "b"]);
        assert_eq!(values(&too_many, "session"), Err(CookieFlaw::TooMany));
    }
}

//! The head of a request, checked once: after [`RequestHead::read`] nobody asks again whether a method is a token or
//! a host is there twice.

use std::fmt;

use super::headers::{HeaderMap, Repeated};
use super::host::{self, HostFlaw};
use super::name::{Twin, has_control, is_token};
use super::path::{Leniency, PathFlaw, Target};

/// A pseudo header (RFC 9113 section 8.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pseudo {
    /// `:authority`
    Authority,
    /// `:method`
    Method,
    /// `:path`
    Path,
    /// `:scheme`
    Scheme,
}

impl Pseudo {
    /// With its colon.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Authority => ":authority",
            Self::Method => ":method",
            Self::Path => ":path",
            Self::Scheme => ":scheme",
        }
    }
}

/// Why the head of a request cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestFlaw {
    /// `CONNECT` without a path: a tunnel, which no rule can speak for.
    Connect,
    /// A header name that is not a token.
    HeaderName,
    /// A control character, other than a tab, in a header value.
    HeaderValue,
    /// `:authority` is not a host.
    Host(HostFlaw),
    /// There is a `Host` header too, and it says something else.
    HostMismatch,
    /// `:method` is not a token.
    Method,
    /// A header asks the upstream to take another method than the one that rules see (`X-HTTP-Method-Override`).
    MethodOverride,
    /// `:path` is refused.
    Path(PathFlaw),
    /// A pseudo header is missing.
    PseudoMissing(Pseudo),
    /// A pseudo header came twice.
    PseudoRepeated(Pseudo),
    /// A pseudo header that is none.
    PseudoUnknown,
    /// `:scheme` is neither `http` nor `https`.
    Scheme,
    /// `TRACE`, or its kin `TRACK`: the server would send back what it got, the credential and our own headers included
    /// (RFC 9110 section 9.3.8).
    Trace,
}

impl RequestFlaw {
    /// Stable code for audit and metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Connect => "request_connect",
            Self::HeaderName => "request_bad_header_name",
            Self::HeaderValue => "request_bad_header_value",
            Self::Host(flaw) => flaw.reason(),
            Self::HostMismatch => "host_mismatch",
            Self::Method => "request_bad_method",
            Self::MethodOverride => "request_method_override",
            Self::Path(flaw) => flaw.reason(),
            Self::PseudoMissing(_) => "request_pseudo_header_missing",
            Self::PseudoRepeated(_) => "request_pseudo_header_repeated",
            Self::PseudoUnknown => "request_pseudo_header_unknown",
            Self::Scheme => "request_bad_scheme",
            Self::Trace => "request_trace",
        }
    }
}

impl fmt::Display for RequestFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect => f.write_str("the request is a `CONNECT` without a path"),
            Self::HeaderName => f.write_str("a header name is not a token"),
            Self::HeaderValue => f.write_str("a header value has a control character"),
            Self::Host(flaw) => flaw.fmt(f),
            Self::HostMismatch => f.write_str("the `host` header and `:authority` differ"),
            Self::Method => f.write_str("the method is not a token"),
            Self::MethodOverride => f.write_str("a header asks for another method"),
            Self::Path(flaw) => flaw.fmt(f),
            Self::PseudoMissing(pseudo) => write!(f, "`{}` is missing", pseudo.name()),
            Self::PseudoRepeated(pseudo) => write!(f, "`{}` comes more than once", pseudo.name()),
            Self::PseudoUnknown => f.write_str("there is an unknown pseudo header"),
            Self::Scheme => f.write_str("the scheme is neither `http` nor `https`"),
            Self::Trace => f.write_str("the method is `TRACE`"),
        }
    }
}

impl std::error::Error for RequestFlaw {}

/// The head of a request that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    headers: HeaderMap,
    method: String,
    scheme: Scheme,
    host: String,
    target: Target,
}

impl RequestHead {
    /// Reads header pairs, pseudo headers among them; a path that is ambiguous is refused.
    ///
    /// # Errors
    ///
    /// The first [`RequestFlaw`] found.
    pub fn read(headers: impl Into<HeaderMap>) -> Result<Self, RequestFlaw> {
        Self::read_or_return(headers.into(), Leniency::default()).map_err(|(flaw, _)| flaw)
    }

    /// The same, with the headers handed back beside the flaw: an answer still wants to know how to speak to the caller.
    pub(crate) fn read_or_return(headers: HeaderMap, leniency: Leniency) -> Result<Self, (RequestFlaw, HeaderMap)> {
        match Self::parts(&headers, leniency) {
            Ok((method, scheme, host, target)) => Ok(Self { headers, method, scheme, host, target }),
            Err(flaw) => Err((flaw, headers)),
        }
    }

    fn parts(headers: &HeaderMap, leniency: Leniency) -> Result<(String, Scheme, String, Target), RequestFlaw> {
        check_pairs(headers)?;
        let method = read_method(headers)?;
        let scheme = read_scheme(pseudo(headers, Pseudo::Scheme)?)?;
        let host = read_host(headers)?;
        let path = match pseudo(headers, Pseudo::Path) {
            Err(RequestFlaw::PseudoMissing(_)) if method == "CONNECT" => return Err(RequestFlaw::Connect),
            path => path?,
        };
        let target = Target::read(path, leniency).map_err(RequestFlaw::Path)?;
        check_overrides(headers, &method)?;
        Ok((method, scheme, host, target))
    }

    /// The method, as it came: methods are case-sensitive (RFC 9110 section 9.1).
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    /// The host in the form in which it is compared; see [`host::normalise`].
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Path and query.
    #[must_use]
    pub fn path(&self) -> &Target {
        &self.target
    }

    /// The headers, pseudo headers among them.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// See [`HeaderMap::values`].
    pub fn values<'n>(&self, name: &'n str) -> impl Iterator<Item = &[u8]> + use<'_, 'n> {
        self.headers.values(name)
    }

    /// See [`HeaderMap::only`].
    ///
    /// # Errors
    ///
    /// [`Repeated`] if it came more often.
    pub fn only(&self, name: &str) -> Result<Option<&[u8]>, Repeated> {
        self.headers.only(name)
    }

    /// See [`HeaderMap::is_grpc`].
    #[must_use]
    pub fn is_grpc(&self) -> bool {
        self.headers.is_grpc()
    }

    /// See [`HeaderMap::request_id`].
    #[must_use]
    pub fn request_id(&self) -> Option<&[u8]> {
        self.headers.request_id()
    }

    /// Whether a browser asks here what it may send later (Fetch standard, "CORS-preflight request"): `OPTIONS` with
    /// one `Origin` and one method in `Access-Control-Request-Method`. A bare `OPTIONS` is not, nor is a list of
    /// methods, which is what Envoy makes of that header when it comes twice.
    #[must_use]
    pub fn is_cors_preflight(&self) -> bool {
        let only = |name| self.only(name).ok().flatten();
        self.method == "OPTIONS"
            && only("origin").is_some_and(|origin| !origin.is_empty())
            && only("access-control-request-method").is_some_and(is_token)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

fn check_pairs(headers: &HeaderMap) -> Result<(), RequestFlaw> {
    for (name, value) in headers.iter() {
        match name.strip_prefix(b":") {
            Some(_) if !PSEUDO_NAMES.contains(&name) => return Err(RequestFlaw::PseudoUnknown),
            None if !is_token(name) => return Err(RequestFlaw::HeaderName),
            _ => {}
        }
        if has_control(value) && name != b":path" {
            return Err(RequestFlaw::HeaderValue);
        }
    }
    Ok(())
}

fn pseudo(headers: &HeaderMap, pseudo: Pseudo) -> Result<&[u8], RequestFlaw> {
    headers
        .only(pseudo.name())
        .map_err(|Repeated| RequestFlaw::PseudoRepeated(pseudo))?
        .ok_or(RequestFlaw::PseudoMissing(pseudo))
}

fn read_method(headers: &HeaderMap) -> Result<String, RequestFlaw> {
    let method = pseudo(headers, Pseudo::Method)?;
    if !is_token(method) || method.len() > MAX_METHOD_BYTES {
        return Err(RequestFlaw::Method);
    }
    if method.eq_ignore_ascii_case(b"TRACE") || method.eq_ignore_ascii_case(b"TRACK") {
        return Err(RequestFlaw::Trace);
    }
    str::from_utf8(method).map(str::to_owned).map_err(|_| RequestFlaw::Method)
}

fn read_scheme(scheme: &[u8]) -> Result<Scheme, RequestFlaw> {
    if scheme.eq_ignore_ascii_case(b"http") {
        Ok(Scheme::Http)
    } else if scheme.eq_ignore_ascii_case(b"https") {
        Ok(Scheme::Https)
    } else {
        Err(RequestFlaw::Scheme)
    }
}

/// An HTTP/2 request may carry both `:authority` and `Host`; an upstream may believe either.
fn read_host(headers: &HeaderMap) -> Result<String, RequestFlaw> {
    let host = host::normalise(pseudo(headers, Pseudo::Authority)?).map_err(RequestFlaw::Host)?;
    if headers.values("host").any(|other| host::normalise(other).as_ref() != Ok(&host)) {
        return Err(RequestFlaw::HostMismatch);
    }
    Ok(host)
}

/// Frameworks take the method from these headers if asked to; then rules would speak of another request than the one
/// that happens. Repeating the real method is harmless.
fn check_overrides(headers: &HeaderMap, method: &str) -> Result<(), RequestFlaw> {
    for (name, value) in headers.iter() {
        let name = Twin::of(name);
        if METHOD_OVERRIDES.iter().any(|key| name.has_key(key)) && value != method.as_bytes() {
            return Err(RequestFlaw::MethodOverride);
        }
    }
    Ok(())
}

/// `:protocol` belongs to an extended CONNECT (RFC 8441).
const PSEUDO_NAMES: [&[u8]; 5] = [b":authority", b":method", b":path", b":scheme", b":protocol"];

const METHOD_OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

/// The longest registered method has 17 letters; a method is a metric label and part of an audit record.
const MAX_METHOD_BYTES: usize = 32;

#[cfg(test)]
mod tests;

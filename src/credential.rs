//! What the request carries to say who it is from: exactly one bearer credential, or none, or a flaw.
//!
//! Decides where a credential is and whether its form is that of RFC 6750; never what it is worth. Every configured
//! place is looked at on every request, so that a second credential is seen wherever it hides (RFC 6750 section 2:
//! "Clients MUST NOT use more than one method").
//!
//! Absent and unreadable are different answers. A header that is there but cannot be read is a flaw, also on a rule
//! where a token is optional.

use std::fmt;

use crate::http::cookie::{self, CookieFlaw};
use crate::http::name::{is_token, twin_key, twin_key_into};
use crate::http::{HeaderValue, MutationFlaw, Mutations, RequestHead, query};

/// A header, other than `Authorization: Bearer`, that may carry a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderSource {
    /// The header's name, in any case.
    pub name: String,
    /// What stands before the credential, such as `Token `; compared without case, as schemes are. Empty for none.
    pub prefix: String,
}

/// Where a credential may be, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSettings {
    /// `Authorization: Bearer <token>`.
    pub authorization: bool,
    /// Other headers.
    pub headers: Vec<HeaderSource>,
    /// Cookies by name, compared with case.
    pub cookies: Vec<String>,
    /// Query parameters by name. Dangerous: addresses are logged and kept in histories (RFC 9700 section 4.3.2).
    pub query_parameters: Vec<String>,
}

impl Default for SourceSettings {
    /// Only `Authorization`: the one method that every resource server must support (RFC 6750 section 2.1).
    fn default() -> Self {
        Self { authorization: true, headers: Vec::new(), cookies: Vec::new(), query_parameters: Vec::new() }
    }
}

/// Why places for credentials cannot be configured so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceFlaw {
    /// Not a header name, or one that means something else to HTTP itself.
    HeaderName(String),
    /// Not a cookie name.
    CookieName(String),
    /// An empty parameter name.
    QueryParameterName,
    /// The same place twice, in whatever spelling.
    Twice(String),
    /// A prefix with a character that a header cannot carry.
    Prefix(String),
    /// No place at all: every request would be without a credential.
    Nowhere,
}

impl SourceFlaw {
    /// Stable code.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::HeaderName(_) => "source_bad_header_name",
            Self::CookieName(_) => "source_bad_cookie_name",
            Self::QueryParameterName => "source_bad_query_parameter_name",
            Self::Twice(_) => "source_twice",
            Self::Prefix(_) => "source_bad_prefix",
            Self::Nowhere => "source_nowhere",
        }
    }
}

impl fmt::Display for SourceFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeaderName(name) => write!(f, "`{name}` cannot be the header of a credential"),
            Self::CookieName(name) => write!(f, "`{name}` is not a cookie name"),
            Self::QueryParameterName => f.write_str("a query parameter needs a name"),
            Self::Twice(name) => write!(f, "`{name}` is named twice"),
            Self::Prefix(prefix) => write!(f, "the prefix `{}` cannot stand in a header", prefix.escape_default()),
            Self::Nowhere => f.write_str("there is no place where a credential may be"),
        }
    }
}

impl std::error::Error for SourceFlaw {}

/// Where a credential may be, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    authorization: bool,
    headers: Vec<HeaderSource>,
    header_keys: Vec<String>,
    cookies: Vec<String>,
    query_parameters: Vec<String>,
}

impl Default for Sources {
    fn default() -> Self {
        Self {
            authorization: true,
            headers: Vec::new(),
            header_keys: vec![AUTHORIZATION.to_owned()],
            cookies: Vec::new(),
            query_parameters: Vec::new(),
        }
    }
}

impl Sources {
    /// Checks settings.
    ///
    /// # Errors
    ///
    /// Every [`SourceFlaw`] in them.
    pub fn new(settings: SourceSettings) -> Result<Self, Vec<SourceFlaw>> {
        let flaws = settings_flaws(&settings);
        if !flaws.is_empty() {
            return Err(flaws);
        }
        let SourceSettings { authorization, headers, cookies, query_parameters } = settings;
        let authorization_key = authorization.then(|| AUTHORIZATION.to_owned());
        let header_keys =
            authorization_key.into_iter().chain(headers.iter().map(|header| twin_key(header.name.as_bytes())));
        Ok(Self { authorization, header_keys: header_keys.collect(), headers, cookies, query_parameters })
    }

    /// What takes every configured place out of a request, whether there is a credential in it or not, and whether it
    /// can be read or not: the headers in every spelling (see [`crate::http::name`]), the cookies, the parameters.
    /// With `keep`, headers and cookies stay; a parameter never does.
    ///
    /// # Errors
    ///
    /// None that a [`RequestHead`] can cause; the flaw is passed on rather than swallowed.
    pub fn removal(&self, head: &RequestHead, keep: bool) -> Result<Mutations, MutationFlaw> {
        let mut mutations = Mutations::new();
        if !keep {
            self.remove_headers(head, &mut mutations)?;
            let names: Vec<&str> = self.cookies.iter().map(String::as_str).collect();
            remove_cookies(head, &names, &mut mutations)?;
        }
        let names: Vec<&str> = self.query_parameters.iter().map(String::as_str).collect();
        remove_parameters(head, &names, &mut mutations)?;
        Ok(mutations)
    }

    fn remove_headers(&self, head: &RequestHead, mutations: &mut Mutations) -> Result<(), MutationFlaw> {
        let mut key = String::new();
        mutations.remove_all(head.pairs().iter().map(|(name, _)| name.as_slice()).filter(|name| {
            twin_key_into(name, &mut key);
            !name.starts_with(b":") && self.header_keys.contains(&key)
        }))
    }
}

/// Where a credential was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// `Authorization: Bearer`.
    Authorization,
    /// Another header.
    Header(&'a str),
    /// A cookie.
    Cookie(&'a str),
    /// A query parameter.
    QueryParameter(&'a str),
}

/// The one credential of a request. Its `Debug` does not show it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Found<'a> {
    /// The credential: one or more of the characters of `b64token` (RFC 6750 section 2.1), of any length.
    pub token: &'a [u8],
    /// Where it was.
    pub place: Place<'a>,
}

impl Found<'_> {
    /// What takes this credential, and nothing else, out of the request that it was found in.
    ///
    /// # Errors
    ///
    /// None that a [`RequestHead`] can cause; the flaw is passed on rather than swallowed.
    pub fn removal(&self, head: &RequestHead) -> Result<Mutations, MutationFlaw> {
        let mut mutations = Mutations::new();
        match self.place {
            Place::Authorization => mutations.remove(AUTHORIZATION.as_bytes())?,
            Place::Header(name) => mutations.remove(name.as_bytes())?,
            Place::Cookie(name) => remove_cookies(head, &[name], &mut mutations)?,
            Place::QueryParameter(name) => remove_parameters(head, &[name], &mut mutations)?,
        }
        Ok(mutations)
    }
}

impl fmt::Debug for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Why the credential of a request cannot be read. All are answered 400 `invalid_request` (RFC 6750 section 3.1) but
/// one: see [`is_missing_bearer`](Self::is_missing_bearer).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialFlaw {
    /// Not a scheme, spaces and one `b64token`: nothing after `Bearer`, a tab, a comma list, trailing data.
    Malformed,
    /// A header, cookie or parameter that carries credentials came twice.
    Repeated,
    /// Credentials in more than one place.
    Several,
    /// More cookies than are looked at.
    Cookies(CookieFlaw),
    /// `access_token` in the query (RFC 6750 section 2.3), where that is not configured.
    TokenInQuery,
    /// A configured header without its configured prefix, or `Authorization` with a scheme other than `Bearer`.
    UnsupportedScheme,
}

impl CredentialFlaw {
    /// Stable code for audit and metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Malformed => "credential_malformed",
            Self::Repeated => "credential_repeated",
            Self::Several => "credential_several",
            Self::Cookies(flaw) => flaw.reason(),
            Self::TokenInQuery => "credential_in_query",
            Self::UnsupportedScheme => "credential_unsupported_scheme",
        }
    }

    /// Whether the answer is 401 with a bare challenge rather than 400. RFC 6750 section 3.1 puts a client that
    /// "attempted using an unsupported authentication method" beside one that sent nothing: it must learn that
    /// `Bearer` is wanted, and it did nothing wrong. It is a flaw all the same, and not "no credential": whoever sends
    /// `Basic` believes to be known, and must not pass as anonymous where a token is optional.
    #[must_use]
    pub fn is_missing_bearer(&self) -> bool {
        matches!(self, Self::UnsupportedScheme)
    }
}

impl fmt::Display for CredentialFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the credential is malformed"),
            Self::Repeated => f.write_str("the header, cookie or parameter of the credential comes more than once"),
            Self::Several => f.write_str("there is more than one credential"),
            Self::Cookies(flaw) => flaw.fmt(f),
            Self::TokenInQuery => f.write_str("a token in the query is not accepted"),
            Self::UnsupportedScheme => f.write_str("the authentication scheme is not supported"),
        }
    }
}

impl std::error::Error for CredentialFlaw {}

/// Looks at every configured place.
///
/// `Authorization` is looked at only if it is configured: with tokens in a cookie alone, `Authorization: Basic` is
/// between the client and the upstream.
///
/// # Errors
///
/// A [`CredentialFlaw`] if what is there cannot be read as one credential.
pub fn find<'a>(head: &'a RequestHead, sources: &'a Sources) -> Result<Option<Found<'a>>, CredentialFlaw> {
    let mut found = None;
    if sources.authorization
        && let Some(value) = only(head, AUTHORIZATION)?
    {
        keep_one(&mut found, bearer(value)?, Place::Authorization)?;
    }
    for HeaderSource { name, prefix } in &sources.headers {
        if let Some(value) = only(head, name)? {
            keep_one(&mut found, after_prefix(value, prefix)?, Place::Header(name))?;
        }
    }
    for name in &sources.cookies {
        let values = cookie::values(head.headers(), name).map_err(CredentialFlaw::Cookies)?;
        if let Some(value) = one_of(values.into_iter())? {
            keep_one(&mut found, value, Place::Cookie(name))?;
        }
    }
    let query = head.path().query().unwrap_or_default();
    for name in &sources.query_parameters {
        if let Some(value) = one_of(query::values(query, name))? {
            keep_one(&mut found, value, Place::QueryParameter(name))?;
        }
    }
    let is_configured = sources.query_parameters.iter().any(|name| name.eq_ignore_ascii_case(ACCESS_TOKEN));
    if !is_configured && query::values(query, ACCESS_TOKEN).next().is_some() {
        return Err(if found.is_some() { CredentialFlaw::Several } else { CredentialFlaw::TokenInQuery });
    }
    match found {
        Some(Found { token, .. }) if !is_b64token(token) => Err(CredentialFlaw::Malformed),
        found => Ok(found),
    }
}

/// `credentials = "Bearer" 1*SP b64token` (RFC 6750 section 2.1); the scheme in any case (RFC 9110 section 11.1).
fn bearer(value: &[u8]) -> Result<&[u8], CredentialFlaw> {
    let scheme_end = value.iter().position(|&byte| byte == b' ').unwrap_or(value.len());
    let (scheme, rest) = value.split_at(scheme_end);
    if !is_token(scheme) {
        return Err(CredentialFlaw::Malformed);
    }
    if !scheme.eq_ignore_ascii_case(BEARER) {
        return Err(CredentialFlaw::UnsupportedScheme);
    }
    Ok(without_leading_spaces(rest))
}

fn after_prefix<'v>(value: &'v [u8], prefix: &str) -> Result<&'v [u8], CredentialFlaw> {
    let (start, rest) = value.split_at_checked(prefix.len()).ok_or(CredentialFlaw::UnsupportedScheme)?;
    if !start.eq_ignore_ascii_case(prefix.as_bytes()) {
        return Err(CredentialFlaw::UnsupportedScheme);
    }
    Ok(if prefix.ends_with(' ') { without_leading_spaces(rest) } else { rest })
}

fn without_leading_spaces(mut value: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] = value {
        value = rest;
    }
    value
}

/// `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`. In a query, `%` and `+` are not decoded: tokens
/// need neither, so a parameter that has them is not one.
fn is_b64token(token: &[u8]) -> bool {
    let body = token.iter().position(|&byte| byte == b'=').unwrap_or(token.len());
    let (body, padding) = token.split_at(body);
    !body.is_empty()
        && body.iter().all(|&byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
        && padding.iter().all(|&byte| byte == b'=')
}

fn keep_one<'a>(found: &mut Option<Found<'a>>, token: &'a [u8], place: Place<'a>) -> Result<(), CredentialFlaw> {
    if found.is_some() {
        return Err(CredentialFlaw::Several);
    }
    *found = Some(Found { token, place });
    Ok(())
}

fn only<'a>(head: &'a RequestHead, name: &str) -> Result<Option<&'a [u8]>, CredentialFlaw> {
    head.only(name).map_err(|_| CredentialFlaw::Repeated)
}

fn one_of<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Result<Option<&'a [u8]>, CredentialFlaw> {
    let first = values.next();
    if values.next().is_some() { Err(CredentialFlaw::Repeated) } else { Ok(first) }
}

fn remove_cookies(head: &RequestHead, names: &[&str], mutations: &mut Mutations) -> Result<(), MutationFlaw> {
    if names.is_empty() || head.values("cookie").next().is_none() {
        return Ok(());
    }
    match cookie::without(head.headers(), names) {
        Some(rest) => mutations.set(b"cookie", HeaderValue::new(rest)?),
        None => mutations.remove(b"cookie"),
    }
}

fn remove_parameters(head: &RequestHead, names: &[&str], mutations: &mut Mutations) -> Result<(), MutationFlaw> {
    for name in names {
        let target = mutations.path().unwrap_or(head.path().raw());
        if let Some(rest) = query::without(target, name) {
            mutations.set_path(rest)?;
        }
    }
    Ok(())
}

fn settings_flaws(settings: &SourceSettings) -> Vec<SourceFlaw> {
    let mut flaws = Vec::new();
    let mut keys: Vec<String> = Vec::new();
    let mut note = |key: String, name: &str, flaws: &mut Vec<SourceFlaw>| {
        if keys.contains(&key) {
            flaws.push(SourceFlaw::Twice(name.to_owned()));
        }
        keys.push(key);
    };
    if settings.authorization {
        note(format!("header {AUTHORIZATION}"), AUTHORIZATION, &mut flaws);
    }
    for HeaderSource { name, prefix } in &settings.headers {
        let key = twin_key(name.as_bytes());
        if !is_token(name.as_bytes()) || NOT_CREDENTIALS.contains(&key.as_str()) {
            flaws.push(SourceFlaw::HeaderName(name.clone()));
        }
        if !prefix.bytes().all(|byte| (b' '..=b'~').contains(&byte)) || prefix.starts_with(' ') {
            flaws.push(SourceFlaw::Prefix(prefix.clone()));
        }
        note(format!("header {key}"), name, &mut flaws);
    }
    for name in &settings.cookies {
        if !is_token(name.as_bytes()) {
            flaws.push(SourceFlaw::CookieName(name.clone()));
        }
        note(format!("cookie {name}"), name, &mut flaws);
    }
    for name in &settings.query_parameters {
        if name.is_empty() {
            flaws.push(SourceFlaw::QueryParameterName);
        }
        note(format!("query {}", name.to_ascii_lowercase()), name, &mut flaws);
    }
    let is_nowhere = !settings.authorization
        && settings.headers.is_empty()
        && settings.cookies.is_empty()
        && settings.query_parameters.is_empty();
    if is_nowhere {
        flaws.push(SourceFlaw::Nowhere);
    }
    flaws
}

const AUTHORIZATION: &str = "authorization";

const BEARER: &[u8] = b"bearer";

/// The parameter of RFC 6750 section 2.3.
const ACCESS_TOKEN: &str = "access_token";

/// Removing one of these would change the request itself.
const NOT_CREDENTIALS: [&str; 8] =
    ["connection", "content-length", "content-type", "cookie", "host", "te", "transfer-encoding", "upgrade"];

#[cfg(test)]
mod tests;

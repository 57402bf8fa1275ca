//! What the request carries to say who it is from: exactly one token, or none, or a flaw.
//!
//! Decides where a credential is and whether its form is that of RFC 6750; never what it is worth. Every configured
//! place is looked at on every request, so that a second credential is seen wherever it hides (RFC 6750 section 2:
//! "Clients MUST NOT use more than one method").
//!
//! Absent and unreadable are different answers. A header that is there but cannot be read is a flaw, also on a rule
//! where a token is optional.

use std::fmt;

use crate::http::cookie::{self, CookieFlaw};
use crate::http::name::is_token;
use crate::http::{RequestHead, query};

mod sources;

pub use sources::{HeaderSource, SourceFlaw, SourceSettings, Sources};

/// How a token is sent in `Authorization`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `Bearer` (RFC 6750): whoever has it may use it, unless it is bound to a certificate (RFC 8705). Also what other places
    /// than `Authorization` have.
    Bearer,
    /// `DPoP` (RFC 9449 section 7.1): with a proof in another header.
    Dpop,
    /// `PoP`: within a signed request, as Entra ID has it.
    Pop,
    /// `mtls_pop`: bound to the certificate of the connection, as Entra ID has it.
    MtlsPop,
}

impl Scheme {
    /// Its name, as it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
            Self::Pop => "PoP",
            Self::MtlsPop => "mtls_pop",
        }
    }
}

/// Where a credential was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// `Authorization`.
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
    /// The credential as it was sent; of any form, see [`check`](Self::check).
    pub token: &'a [u8],
    /// Where it was.
    pub place: Place<'a>,
    /// How it was sent.
    pub scheme: Scheme,
}

impl Found<'_> {
    /// Whether the credential has the form of a `b64token` (RFC 6750 section 2.1). Apart from finding it, because every
    /// text that can be read as a token has it: only what can't be read is told apart by it.
    ///
    /// # Errors
    ///
    /// [`CredentialFlaw::Malformed`].
    pub fn check(&self) -> Result<(), CredentialFlaw> {
        if is_b64token(self.token) { Ok(()) } else { Err(CredentialFlaw::Malformed) }
    }
}

impl fmt::Debug for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found").field("place", &self.place).field("scheme", &self.scheme).finish_non_exhaustive()
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
    /// A configured header without its configured prefix, or `Authorization` with a scheme that is not taken.
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
/// between the client and the upstream. Where no place is configured nobody looks for tokens at all.
///
/// # Errors
///
/// A [`CredentialFlaw`] if what is there cannot be read as one credential.
pub fn find<'a>(head: &'a RequestHead, sources: &'a Sources) -> Result<Option<Found<'a>>, CredentialFlaw> {
    if sources.is_nowhere() {
        return Ok(None);
    }
    let found = find_in(head, sources)?;
    let query = head.path().query().unwrap_or_default();
    let is_configured = sources.query_parameters.iter().any(|name| name.eq_ignore_ascii_case(ACCESS_TOKEN));
    if !is_configured && query::values(query, ACCESS_TOKEN).next().is_some() {
        return Err(if found.is_some() { CredentialFlaw::Several } else { CredentialFlaw::TokenInQuery });
    }
    Ok(found)
}

/// Looks at every configured place, and at no other: for credentials of which no standard says where else they could be.
///
/// # Errors
///
/// As [`find`].
pub fn find_in<'a>(head: &'a RequestHead, sources: &'a Sources) -> Result<Option<Found<'a>>, CredentialFlaw> {
    let mut found = None;
    if sources.authorization
        && let Some(value) = only(head, AUTHORIZATION)?
    {
        let (scheme, token) = by_scheme(value, &sources.schemes)?;
        found = Some(Found { token, place: Place::Authorization, scheme });
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
    Ok(found)
}

/// `credentials = "Bearer" 1*SP b64token` (RFC 6750 section 2.1), and the same with another scheme (RFC 9449 section 7.1); the
/// scheme in any case (RFC 9110 section 11.1).
fn by_scheme<'v>(value: &'v [u8], schemes: &[Scheme]) -> Result<(Scheme, &'v [u8]), CredentialFlaw> {
    let (name, rest) = split_scheme(value);
    if !is_token(name) {
        return Err(CredentialFlaw::Malformed);
    }
    match taken(name, schemes) {
        Some(scheme) => Ok((scheme, without_leading_spaces(rest))),
        None => {
            let hides_another = rest.split(|&byte| byte == b',').skip(1).any(|member| begins_with(member, schemes));
            Err(if hides_another { CredentialFlaw::Several } else { CredentialFlaw::UnsupportedScheme })
        }
    }
}

fn split_scheme(value: &[u8]) -> (&[u8], &[u8]) {
    value.split_at(value.iter().position(|&byte| byte == b' ').unwrap_or(value.len()))
}

fn taken(name: &[u8], schemes: &[Scheme]) -> Option<Scheme> {
    schemes.iter().copied().find(|scheme| name.eq_ignore_ascii_case(scheme.name().as_bytes()))
}

/// Envoy joins the copies of `Authorization` with commas, so a second header is seen here as a member of a list. A
/// comma alone says nothing: other schemes have parameters between commas.
fn begins_with(member: &[u8], schemes: &[Scheme]) -> bool {
    taken(split_scheme(member.trim_ascii_start()).0, schemes).is_some()
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
    let mut body = token;
    while let [rest @ .., b'='] = body {
        body = rest;
    }
    let is_in_body = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
    !body.is_empty() && body.iter().all(is_in_body)
}

fn keep_one<'a>(found: &mut Option<Found<'a>>, token: &'a [u8], place: Place<'a>) -> Result<(), CredentialFlaw> {
    if found.is_some() {
        return Err(CredentialFlaw::Several);
    }
    *found = Some(Found { token, place, scheme: Scheme::Bearer });
    Ok(())
}

fn only<'a>(head: &'a RequestHead, name: &str) -> Result<Option<&'a [u8]>, CredentialFlaw> {
    head.only(name).map_err(|_| CredentialFlaw::Repeated)
}

fn one_of<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Result<Option<&'a [u8]>, CredentialFlaw> {
    let first = values.next();
    if values.next().is_some() { Err(CredentialFlaw::Repeated) } else { Ok(first) }
}

const AUTHORIZATION: &str = "authorization";

/// The header of a proof (RFC 9449 section 4.1), which is of no use to anybody behind the filter.
const PROOF: &str = "dpop";

/// The parameter of RFC 6750 section 2.3.
const ACCESS_TOKEN: &str = "access_token";

#[cfg(test)]
mod tests;

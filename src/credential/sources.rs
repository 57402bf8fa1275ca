//! Where a credential may be, and how those places are emptied before a request goes upstream.

use std::fmt;

use super::{AUTHORIZATION, PROOF, Scheme};
use crate::http::name::{Twin, is_token, twin_key};
use crate::http::{HeaderValue, MutationFlaw, Mutations, RequestHead, cookie, query};

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
    pub(super) authorization: bool,
    /// The schemes taken there.
    pub(super) schemes: Vec<Scheme>,
    pub(super) headers: Vec<HeaderSource>,
    header_keys: Vec<String>,
    pub(super) cookies: Vec<String>,
    pub(super) query_parameters: Vec<String>,
}

impl Default for Sources {
    fn default() -> Self {
        Self {
            authorization: true,
            schemes: vec![Scheme::Bearer],
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
        let header_keys = header_keys.collect();
        let schemes = vec![Scheme::Bearer];
        Ok(Self { authorization, schemes, header_keys, headers, cookies, query_parameters })
    }

    /// The same with these schemes besides `Bearer`. With `DPoP` the header of the proof goes where the token goes.
    #[must_use]
    pub fn taking(mut self, schemes: impl IntoIterator<Item = Scheme>) -> Self {
        for scheme in schemes {
            if scheme == Scheme::Dpop {
                self.header_keys.push(twin_key(PROOF.as_bytes()));
            }
            self.schemes.push(scheme);
        }
        self
    }

    /// What takes every configured place out of a request, whether there is a credential in it or not, and whether it
    /// can be read or not: the headers in every spelling (see [`crate::http::name`]), the cookies, the parameters.
    ///
    /// # Errors
    ///
    /// None that a [`RequestHead`] can cause; the flaw is passed on rather than swallowed.
    pub fn removal(&self, head: &RequestHead) -> Result<Mutations, MutationFlaw> {
        let mut mutations = Mutations::new();
        self.remove_headers(head, &mut mutations)?;
        let names: Vec<&str> = self.cookies.iter().map(String::as_str).collect();
        remove_cookies(head, &names, &mut mutations)?;
        let names: Vec<&str> = self.query_parameters.iter().map(String::as_str).collect();
        remove_parameters(head, &names, &mut mutations)?;
        Ok(mutations)
    }

    /// These places and those of `other`.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.authorization |= other.authorization;
        self.headers.extend_from_slice(&other.headers);
        self.header_keys.extend_from_slice(&other.header_keys);
        self.cookies.extend_from_slice(&other.cookies);
        self.query_parameters.extend_from_slice(&other.query_parameters);
        self
    }

    /// Of these places, those that are emptied though the upstream gets the credential: what stands in an address is logged.
    #[must_use]
    pub fn parameters(&self) -> Self {
        Self {
            authorization: false,
            schemes: Vec::new(),
            headers: Vec::new(),
            header_keys: Vec::new(),
            cookies: Vec::new(),
            query_parameters: self.query_parameters.clone(),
        }
    }

    /// A place that both of these have, by its name.
    #[must_use]
    pub fn shared_with<'s>(&'s self, other: &Self) -> Option<&'s str> {
        if self.authorization && other.reads_header(AUTHORIZATION.as_bytes()) {
            return Some(AUTHORIZATION);
        }
        let header = self.headers.iter().map(|header| header.name.as_str());
        let parameter = |name: &&str| other.query_parameters.iter().any(|other| other.eq_ignore_ascii_case(name));
        header
            .filter(|name| other.reads_header(name.as_bytes()))
            .chain(self.cookies.iter().filter(|name| other.cookies.contains(name)).map(String::as_str))
            .chain(self.query_parameters.iter().map(String::as_str).filter(parameter))
            .next()
    }

    /// The first place, as the words `in` and `name` of an OpenAPI security scheme have it.
    #[must_use]
    pub fn first(&self) -> Option<(&'static str, &str)> {
        let header = self.authorization.then_some(AUTHORIZATION);
        let header = header.or_else(|| self.headers.first().map(|header| header.name.as_str()));
        let header = header.map(|name| ("header", name));
        let cookie = self.cookies.first().map(|name| ("cookie", name.as_str()));
        let parameter = self.query_parameters.first().map(|name| ("query", name.as_str()));
        header.or(cookie).or(parameter)
    }

    /// Whether a header of this name, in any spelling, is a place for credentials.
    #[must_use]
    pub fn reads_header(&self, name: &[u8]) -> bool {
        let twin = Twin::of(name);
        !name.starts_with(b":") && self.header_keys.iter().any(|key| twin.has_key(key))
    }

    fn remove_headers(&self, head: &RequestHead, mutations: &mut Mutations) -> Result<(), MutationFlaw> {
        mutations.remove_all(head.headers().names().filter(|name| self.reads_header(name)))
    }
}

pub(super) fn remove_cookies(
    head: &RequestHead,
    names: &[&str],
    mutations: &mut Mutations,
) -> Result<(), MutationFlaw> {
    if names.is_empty() || head.values("cookie").next().is_none() {
        return Ok(());
    }
    match cookie::without(head.headers(), names) {
        Some(rest) => mutations.set(b"cookie", HeaderValue::new(rest)?),
        None => mutations.remove(b"cookie"),
    }
}

pub(super) fn remove_parameters(
    head: &RequestHead,
    names: &[&str],
    mutations: &mut Mutations,
) -> Result<(), MutationFlaw> {
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

/// Removing one of these would change the request itself.
const NOT_CREDENTIALS: [&str; 8] =
    ["connection", "content-length", "content-type", "cookie", "host", "te", "transfer-encoding", "upgrade"];

//! Where a credential may be, and how those places are emptied before a request goes upstream.

use std::fmt;

use super::{AUTHORIZATION, PROOF, Scheme};
use crate::forward::reserved::is_taken;
use crate::http::challenge::is_quotable;
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

impl SourceSettings {
    /// Is no place named?
    #[must_use]
    pub fn is_nowhere(&self) -> bool {
        !self.authorization && self.headers.is_empty() && self.cookies.is_empty() && self.query_parameters.is_empty()
    }
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
    /// A parameter name that is empty, or can't stand in a challenge.
    QueryParameterName(String),
    /// The same place twice, in whatever spelling.
    Twice(String),
    /// A prefix with a character that a header cannot carry.
    Prefix(String),
    /// No place at all: every request would be without a credential.
    Nowhere,
}

impl fmt::Display for SourceFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeaderName(name) => {
                write!(f, "`{}` cannot be the header of a credential: it means something else", name.escape_default())
            }
            Self::CookieName(name) => write!(f, "`{name}` is not a cookie name"),
            Self::QueryParameterName(name) => {
                let name = name.escape_default();
                write!(f, "`{name}` is not a parameter's name; expected printable ASCII without `\"` and `\\`")
            }
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
    /// Every [`SourceFlaw`] in them, with its place as the configuration calls it: `headers[1].name`, or nothing for all of them.
    pub fn new(settings: SourceSettings) -> Result<Self, Vec<(String, SourceFlaw)>> {
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

    /// No place at all: nobody looks for a credential.
    #[must_use]
    pub fn nowhere() -> Self {
        Self {
            authorization: false,
            schemes: Vec::new(),
            headers: Vec::new(),
            header_keys: Vec::new(),
            cookies: Vec::new(),
            query_parameters: Vec::new(),
        }
    }

    /// Is there no place?
    #[must_use]
    pub fn is_nowhere(&self) -> bool {
        !self.authorization && self.headers.is_empty() && self.cookies.is_empty() && self.query_parameters.is_empty()
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
        Self { query_parameters: self.query_parameters.clone(), ..Self::nowhere() }
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

fn settings_flaws(settings: &SourceSettings) -> Vec<(String, SourceFlaw)> {
    let mut flaws: Vec<(String, SourceFlaw)> = Vec::new();
    let mut keys: Vec<String> = Vec::new();
    let mut note = |at: String, key: String, name: &str, flaws: &mut Vec<(String, SourceFlaw)>| {
        if keys.contains(&key) {
            flaws.push((at, SourceFlaw::Twice(name.to_owned())));
        }
        keys.push(key);
    };
    if settings.authorization {
        note("authorization".to_owned(), format!("header {AUTHORIZATION}"), AUTHORIZATION, &mut flaws);
    }
    for (index, HeaderSource { name, prefix }) in settings.headers.iter().enumerate() {
        let at = format!("headers[{index}].name");
        let key = twin_key(name.as_bytes());
        if !is_token(name.as_bytes()) || (is_taken(name) && !CREDENTIALS.contains(&key.as_str())) {
            flaws.push((at.clone(), SourceFlaw::HeaderName(name.clone())));
        }
        if !prefix.bytes().all(|byte| (b' '..=b'~').contains(&byte)) || prefix.starts_with(' ') {
            flaws.push((format!("headers[{index}].prefix"), SourceFlaw::Prefix(prefix.clone())));
        }
        note(at, format!("header {key}"), name, &mut flaws);
    }
    for (index, name) in settings.cookies.iter().enumerate() {
        let at = format!("cookies[{index}]");
        if !is_token(name.as_bytes()) {
            flaws.push((at.clone(), SourceFlaw::CookieName(name.clone())));
        }
        note(at, format!("cookie {name}"), name, &mut flaws);
    }
    for (index, name) in settings.query_parameters.iter().enumerate() {
        let at = format!("danger_query_parameters[{index}]");
        if name.is_empty() || !is_quotable(name) {
            flaws.push((at.clone(), SourceFlaw::QueryParameterName(name.clone())));
        }
        note(at, format!("query {}", name.to_ascii_lowercase()), name, &mut flaws);
    }
    if settings.is_nowhere() {
        flaws.push((String::new(), SourceFlaw::Nowhere));
    }
    flaws
}

/// Of the headers that mean something, those that mean a credential.
const CREDENTIALS: [&str; 3] = ["authorization", "proxy-authorization", "x-forwarded-access-token"];

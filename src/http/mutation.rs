//! Header changes as data: what to do to a request before it goes upstream.
//!
//! Changes apply in order. `Set` replaces every copy of a name. A host's own "replace" may touch the first copy only
//! (CVE-2021-41130), so whoever carries these out must remove all copies before it adds one;
//! [`Mutations::applied`] says exactly what the result is.

use std::collections::HashSet;
use std::fmt;

use super::Pair;
use super::name::is_token;
use super::path::push_escape;

/// Why something cannot be a header, a header's value or a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MutationFlaw {
    /// The name is not a token (RFC 9110 section 5.1). Pseudo headers are not either: the path has its own setter.
    Name,
    /// The value has a control character: CR, LF and NUL end or split a header (RFC 9110 section 5.5).
    Value,
    /// The path does not start with `/`, or has a control character or a space.
    Path,
}

impl MutationFlaw {
    /// Stable code for audit and metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Name => "mutation_bad_name",
            Self::Value => "mutation_bad_value",
            Self::Path => "mutation_bad_path",
        }
    }
}

impl fmt::Display for MutationFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "the header name is not a token",
            Self::Value => "the header value has a control character",
            Self::Path => "the path has a control character or does not start with a slash",
        })
    }
}

impl std::error::Error for MutationFlaw {}

/// A header value without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderValue(Vec<u8>);

impl HeaderValue {
    /// Takes bytes as they are: anything but control characters, a tab allowed (RFC 9110 section 5.5).
    ///
    /// # Errors
    ///
    /// [`MutationFlaw::Value`] on a control character.
    pub fn new(bytes: Vec<u8>) -> Result<Self, MutationFlaw> {
        if bytes.iter().all(|&byte| byte == b'\t' || !byte.is_ascii_control()) {
            Ok(Self(bytes))
        } else {
            Err(MutationFlaw::Value)
        }
    }

    /// Takes any text: what a header cannot carry unchanged is percent-encoded, as UTF-8 in upper-case hexadecimal.
    /// That is every byte outside printable ASCII, a space at either end (receivers trim it), and `%` itself, so that
    /// the text can be had back without doubt.
    #[must_use]
    pub fn escaped(text: &str) -> Self {
        let mut value = String::with_capacity(text.len());
        push_escaped(text, b"", &mut value);
        Self::from_escaped(value)
    }

    /// Joins texts with `,`. Each is escaped as in [`escaped`](Self::escaped), and a comma inside one is escaped too,
    /// so that no member can pass for two.
    #[must_use]
    pub fn escaped_list<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut value = String::new();
        for (index, text) in texts.into_iter().enumerate() {
            if index > 0 {
                value.push(',');
            }
            push_escaped(text, b",", &mut value);
        }
        Self::from_escaped(value)
    }

    /// The bytes of the value.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn from_escaped(value: String) -> Self {
        Self(value.into_bytes())
    }
}

/// One change to the headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// Remove every copy of the header.
    Remove(String),
    /// Remove every copy of the header, then add this one.
    Set(String, HeaderValue),
}

/// Changes to a request, in the order in which they apply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mutations {
    headers: Vec<Mutation>,
    path: Option<Vec<u8>>,
}

impl Mutations {
    /// No change.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the removal of every copy of a header, in any case.
    ///
    /// # Errors
    ///
    /// [`MutationFlaw::Name`] if the name is not a token.
    pub fn remove(&mut self, name: &[u8]) -> Result<(), MutationFlaw> {
        self.headers.push(Mutation::Remove(checked_name(name)?));
        Ok(())
    }

    /// Adds the removal of several headers. A name that comes again is removed once: a request with a header a
    /// thousand times must not cost a thousand searches.
    ///
    /// # Errors
    ///
    /// [`MutationFlaw::Name`] if a name is not a token.
    pub fn remove_all<'n>(&mut self, names: impl IntoIterator<Item = &'n [u8]>) -> Result<(), MutationFlaw> {
        let mut seen = HashSet::new();
        for name in names {
            let name = checked_name(name)?;
            if seen.insert(name.clone()) {
                self.headers.push(Mutation::Remove(name));
            }
        }
        Ok(())
    }

    /// Adds the setting of a header to one value.
    ///
    /// # Errors
    ///
    /// [`MutationFlaw::Name`] if the name is not a token.
    pub fn set(&mut self, name: &[u8], value: HeaderValue) -> Result<(), MutationFlaw> {
        self.headers.push(Mutation::Set(checked_name(name)?, value));
        Ok(())
    }

    /// Sets `:path`. A later path takes the place of an earlier one.
    ///
    /// # Errors
    ///
    /// [`MutationFlaw::Path`] if it does not start with `/` or could split a request line.
    pub fn set_path(&mut self, path: Vec<u8>) -> Result<(), MutationFlaw> {
        if !path.starts_with(b"/") || path.iter().any(|&byte| byte == b' ' || byte.is_ascii_control()) {
            return Err(MutationFlaw::Path);
        }
        self.path = Some(path);
        Ok(())
    }

    /// The changes of `later` after these.
    pub fn extend(&mut self, later: Self) {
        self.headers.extend(later.headers);
        if later.path.is_some() {
            self.path = later.path;
        }
    }

    /// The header changes, in order.
    #[must_use]
    pub fn headers(&self) -> &[Mutation] {
        &self.headers
    }

    /// The new `:path`, if it changes.
    #[must_use]
    pub fn path(&self) -> Option<&[u8]> {
        self.path.as_deref()
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty() && self.path.is_none()
    }

    /// The header pairs that the changes make of `pairs`.
    #[must_use]
    pub fn applied(&self, pairs: &[Pair]) -> Vec<Pair> {
        let mut pairs = pairs.to_vec();
        for mutation in &self.headers {
            let (Mutation::Remove(name) | Mutation::Set(name, _)) = mutation;
            pairs.retain(|(other, _)| !other.eq_ignore_ascii_case(name.as_bytes()));
            if let Mutation::Set(name, value) = mutation {
                pairs.push((name.clone().into_bytes(), value.0.clone()));
            }
        }
        if let Some(path) = &self.path {
            for (name, value) in &mut pairs {
                if name == b":path" {
                    value.clone_from(path);
                }
            }
        }
        pairs
    }
}

/// Lower case, as HTTP/2 wants it and Envoy keeps it.
fn checked_name(name: &[u8]) -> Result<String, MutationFlaw> {
    if !is_token(name) {
        return Err(MutationFlaw::Name);
    }
    Ok(name.iter().map(|&byte| char::from(byte.to_ascii_lowercase())).collect())
}

fn push_escaped(text: &str, also: &[u8], value: &mut String) {
    let last = text.len().saturating_sub(1);
    for (index, byte) in text.bytes().enumerate() {
        let is_outer_space = byte == b' ' && (index == 0 || index == last);
        if is_outer_space || byte == b'%' || also.contains(&byte) || !(b' '..=b'~').contains(&byte) {
            push_escape(byte, value);
        } else {
            value.push(char::from(byte));
        }
    }
}

#[cfg(test)]
mod tests;

//! Claims that are signed, and the typed reading of single ones, signed or not (RFC 7519 section 4).
//!
//! Absent, malformed and present are three answers. There is no reader that turns the wrong type into "not there": that
//! is how a string in `nbf` once switched a check off (CVE-2026-25537). What the claims mean is not decided here.

use std::rc::Rc;
use std::time::Duration;

use serde_json::{Map, Number, Value};

use super::header::Header;
use super::jwk::VerificationKey;
use super::jws::{SigningInput, Unverified};
use super::verify::SignatureRight;
use crate::time::UnixTime;

/// Claims whose signature was right under a key. Only [`Unverified::verify`] makes them.
pub struct SignedClaims {
    header: Header,
    claims: Map<String, Value>,
    signing_input: SigningInput,
    key: Rc<VerificationKey>,
}

/// What a token says for one claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim<T> {
    /// Nothing.
    Absent,
    /// Something of the wrong type or out of range; null is that too.
    Malformed,
    /// This.
    Value(T),
}

impl SignedClaims {
    /// The header that was signed with the claims.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// All claims, as JSON.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// The payload as it was sent and signed, in base64url.
    #[must_use]
    pub fn payload_base64url(&self) -> &str {
        self.signing_input.payload()
    }

    /// The key that the signature was right under.
    #[must_use]
    pub fn key(&self) -> &Rc<VerificationKey> {
        &self.key
    }

    /// The typed reading of single ones.
    #[must_use]
    pub fn typed(&self) -> Claims<'_> {
        Claims(&self.claims)
    }

    pub(super) fn new(token: Unverified, key: Rc<VerificationKey>, _proof: SignatureRight) -> Self {
        let Unverified { header, claims, signing_input, signature: _ } = token;
        Self { header, claims, signing_input, key }
    }
}

/// Single claims, read as what they are to be, whoever says them.
#[derive(Clone, Copy, Debug)]
pub struct Claims<'c>(&'c Map<String, Value>);

impl<'c> Claims<'c> {
    /// The claims in `members`.
    #[must_use]
    pub fn of(members: &'c Map<String, Value>) -> Self {
        Self(members)
    }

    /// A string.
    #[must_use]
    pub fn string(self, name: &str) -> Claim<&'c str> {
        self.read(name, Value::as_str)
    }

    /// True or false; the strings `"true"` and `"false"` are neither.
    #[must_use]
    pub fn boolean(self, name: &str) -> Claim<bool> {
        self.read(name, Value::as_bool)
    }

    /// A NumericDate: seconds since the epoch, whole or not (RFC 7519 section 2). Negative ones, minus zero and 2^53 or
    /// more are malformed: the first two are nobody's, and from 2^53 on parsers differ about the number.
    #[must_use]
    pub fn numeric_date(self, name: &str) -> Claim<UnixTime> {
        self.read(name, |value| value.as_number().and_then(numeric_date))
    }

    /// An array of strings, which may be empty, as `roles` and `groups`.
    #[must_use]
    pub fn strings(self, name: &str) -> Claim<Vec<&'c str>> {
        self.read(name, |value| value.as_array().and_then(|values| all_strings(values)))
    }

    /// A string, or an array of at least one string and nothing else, as `aud` (RFC 7519 section 4.1.3).
    #[must_use]
    pub fn string_or_list(self, name: &str) -> Claim<Vec<&'c str>> {
        self.read(name, |value| match value {
            Value::String(text) => Some(vec![text.as_str()]),
            Value::Array(values) if !values.is_empty() => all_strings(values),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
        })
    }

    fn read<T>(self, name: &str, read: impl FnOnce(&'c Value) -> Option<T>) -> Claim<T> {
        match self.0.get(name) {
            None => Claim::Absent,
            Some(value) => read(value).map_or(Claim::Malformed, Claim::Value),
        }
    }
}

impl std::fmt::Debug for SignedClaims {
    /// Leaves out the claims, which may be about a person, and the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedClaims").field("header", &self.header).field("key", &self.key).finish_non_exhaustive()
    }
}

fn all_strings(values: &[Value]) -> Option<Vec<&str>> {
    values.iter().map(Value::as_str).collect()
}

/// A NumericDate, read as [`Claims::numeric_date`] reads one.
#[must_use]
pub fn numeric_date(number: &Number) -> Option<UnixTime> {
    if let Some(seconds) = number.as_u64() {
        return (seconds < EXACT_LIMIT).then(|| UnixTime::from_secs(seconds));
    }
    let seconds = number.as_f64().filter(|seconds| seconds.is_sign_positive())?;
    let span = Duration::try_from_secs_f64(seconds).ok().filter(|span| span.as_secs() < EXACT_LIMIT)?;
    u64::try_from(span.as_millis()).ok().map(UnixTime::from_millis)
}

/// The first whole number that a double cannot tell from its neighbour (RFC 7493 section 2.2).
const EXACT_LIMIT: u64 = 1 << 53;

#[cfg(test)]
mod tests;

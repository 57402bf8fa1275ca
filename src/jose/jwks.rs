//! Sets of keys (RFC 7517 section 5) and the choice of the one key that a token is verified with.
//!
//! One bad key does not spoil a set: it is left out and listed. A set without a usable key is a flaw, and never an empty
//! set or a default key. There is no trying of key after key: a token selects exactly one, or none.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::json::{self, JsonFlaw, JsonLimits};
use super::jwk::{KeyFlaw, KeyOrigin, VerificationKey};

/// The keys of one issuer.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Rc<VerificationKey>>,
    skipped: Vec<Skipped>,
}

/// A key of a set that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its place in the `keys` of the document, from 0.
    pub index: usize,
    /// Its `kid`, if it has one that can be read.
    pub kid: Option<String>,
    /// What is wrong with it.
    pub flaw: KeyFlaw,
}

/// Bounds for one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySetLimits {
    /// Size of the document.
    pub bytes: usize,
    /// How many keys it may list, usable or not.
    pub keys: usize,
    /// Bounds for its JSON.
    pub json: JsonLimits,
}

/// Why a document was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySetFlaw {
    /// Not a JSON object.
    Json(JsonFlaw),
    /// No `keys`, or not an array.
    KeysMissing,
    /// Not one of its keys can be used.
    NoUsableKey(Vec<Skipped>),
    /// Longer than allowed.
    TooLarge,
    /// More keys than allowed.
    TooManyKeys,
}

/// Why a set has no key for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelectFlaw {
    /// The key that the token names is not for the token's algorithm, or no key of the set is.
    AlgorithmMismatch,
    /// The token names no key and several would fit.
    NoKid,
    /// The token names a key that is not in the set.
    UnknownKid,
}

impl KeySet {
    /// Reads a JWK Set that was fetched.
    ///
    /// # Errors
    /// A document that is not a key set, is out of bounds, or has no key we can use.
    pub fn parse(bytes: &[u8], limits: &KeySetLimits) -> Result<Self, KeySetFlaw> {
        if bytes.len() > limits.bytes {
            return Err(KeySetFlaw::TooLarge);
        }
        let document = json::parse_object(bytes, &limits.json).map_err(KeySetFlaw::Json)?;
        Self::from_document(&document, KeyOrigin::Remote, limits)
    }

    /// Reads a JWK Set that is already JSON, as in a configuration. Members besides `keys` are ignored.
    ///
    /// # Errors
    /// As [`KeySet::parse`].
    pub fn from_document(
        document: &Map<String, Value>,
        origin: KeyOrigin,
        limits: &KeySetLimits,
    ) -> Result<Self, KeySetFlaw> {
        let Some(Value::Array(entries)) = document.get("keys") else {
            return Err(KeySetFlaw::KeysMissing);
        };
        if entries.len() > limits.keys {
            return Err(KeySetFlaw::TooManyKeys);
        }
        let keys = entries.iter().enumerate().map(|(index, entry)| {
            let key = match entry {
                Value::Object(jwk) => VerificationKey::from_jwk(jwk, origin),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                    Err(KeyFlaw::NotAnObject)
                }
            };
            key.map_err(|flaw| Skipped { index, kid: readable_kid(entry), flaw })
        });
        let set = Self::collect(keys);
        match set.keys.is_empty() {
            true => Err(KeySetFlaw::NoUsableKey(set.skipped)),
            false => Ok(set),
        }
    }

    /// A set of keys that are there already. Ambiguous ones are left out and listed, as in a document.
    #[must_use]
    pub fn new(keys: Vec<VerificationKey>) -> Self {
        Self::collect(keys.into_iter().map(Ok))
    }

    /// The one key for a token.
    ///
    /// With a `kid`, the key of that name, compared byte for byte. Without, the only key of the set that fits the
    /// algorithm: guessing among several would let the sender choose.
    ///
    /// # Errors
    /// Says whether another fetch of the set could help: it could for an unknown `kid`.
    pub fn select(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<&Rc<VerificationKey>, SelectFlaw> {
        let mut named = self.keys.iter().filter(|key| kid.is_none() || key.kid() == kid).peekable();
        if named.peek().is_none() && kid.is_some() {
            return Err(SelectFlaw::UnknownKid);
        }
        let mut fitting = named.filter(|key| key.algorithms().contains(algorithm));
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            (None, _) => Err(SelectFlaw::AlgorithmMismatch),
            (Some(_), Some(_)) => Err(SelectFlaw::NoKid),
        }
    }

    /// Whether a key is still in the set (RFC 7638 thumbprint), for results remembered from before.
    #[must_use]
    pub fn contains_thumbprint(&self, thumbprint: &[u8; 32]) -> bool {
        self.keys.iter().any(|key| key.thumbprint() == *thumbprint)
    }

    /// The usable keys, in the order of the document.
    #[must_use]
    pub fn keys(&self) -> &[Rc<VerificationKey>] {
        &self.keys
    }

    /// The keys that were left out, in the order of the document.
    #[must_use]
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    fn collect(keys: impl Iterator<Item = Result<VerificationKey, Skipped>>) -> Self {
        let mut usable = Vec::new();
        let mut skipped = Vec::new();
        for (index, key) in keys.enumerate() {
            match key {
                Ok(key) => usable.push((index, key)),
                Err(flaw) => skipped.push(flaw),
            }
        }
        let ambiguous = ambiguous(&usable);
        let mut keys = Vec::new();
        for (index, key) in usable {
            match ambiguous.contains(&index) {
                true => skipped.push(Skipped { index, kid: key.kid().map(str::to_owned), flaw: KeyFlaw::Ambiguous }),
                false => keys.push(Rc::new(key)),
            }
        }
        skipped.sort_by_key(|skipped| skipped.index);
        Self { keys, skipped }
    }
}

impl Default for KeySetLimits {
    /// 512 KiB and 100 keys: Entra's largest set has about ten keys of 2 KiB, most of that certificates we ignore. Six
    /// thousand members: 100 keys of at most about 15 members, each with a chain of certificates and key operations.
    fn default() -> Self {
        Self { bytes: 512 * 1024, keys: 100, json: JsonLimits { depth: 8, members: 6000 } }
    }
}

impl KeySetFlaw {
    /// A stable code for records and counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Json(_) => "jwks_not_json",
            Self::KeysMissing => "jwks_without_keys",
            Self::NoUsableKey(_) => "jwks_no_usable_key",
            Self::TooLarge => "jwks_too_large",
            Self::TooManyKeys => "jwks_too_many_keys",
        }
    }
}

impl fmt::Display for KeySetFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(flaw) => write!(f, "the key set is {flaw}"),
            Self::KeysMissing => f.write_str("the key set has no array `keys`"),
            Self::NoUsableKey(skipped) => {
                f.write_str("the key set has no usable key")?;
                match skipped.first() {
                    Some(first) => write!(f, ": of {}, the first is refused because {}", skipped.len(), first.flaw),
                    None => Ok(()),
                }
            }
            Self::TooLarge => f.write_str("the key set is larger than allowed"),
            Self::TooManyKeys => f.write_str("the key set has more keys than allowed"),
        }
    }
}

impl std::error::Error for KeySetFlaw {}

impl SelectFlaw {
    /// A stable code for records and counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::AlgorithmMismatch => "key_algorithm_mismatch",
            Self::NoKid => "kid_missing",
            Self::UnknownKid => "kid_unknown",
        }
    }
}

impl fmt::Display for SelectFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlgorithmMismatch => "no key of the issuer is for the token's algorithm",
            Self::NoKid => "the token has no `kid` and several keys would fit",
            Self::UnknownKid => "the issuer has no key with the token's `kid`",
        })
    }
}

impl std::error::Error for SelectFlaw {}

fn readable_kid(entry: &Value) -> Option<String> {
    entry.get("kid").and_then(Value::as_str).filter(|kid| kid.len() <= super::header::KID_BYTES).map(str::to_owned)
}

/// Keys of one name for one algorithm. None of them stays, not even if they are the same key: which one the issuer
/// means is not ours to guess, and one that repeats itself may have lost another.
fn ambiguous(keys: &[(usize, VerificationKey)]) -> BTreeSet<usize> {
    let mut ambiguous = BTreeSet::new();
    let mut by_name: BTreeMap<(&str, Algorithm), usize> = BTreeMap::new();
    for (index, key) in keys {
        let Some(kid) = key.kid() else { continue };
        for algorithm in key.algorithms().iter() {
            if let Some(earlier) = by_name.insert((kid, algorithm), *index) {
                ambiguous.extend([earlier, *index]);
            }
        }
    }
    ambiguous
}

#[cfg(test)]
mod tests;

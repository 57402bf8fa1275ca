//! API keys: an id that everybody may see, a secret, of both of which only a salted hash is configured, and what the owner may do.
//!
//! - [`text`]: the form of a key
//! - [`hash`]: the form of a hash, and the comparison
//!
//! A request shows a key; it is looked up by its id and its secret compared with the hash of that entry. An id that nobody has is
//! compared too, with a hash that no secret has, so that both cost the same. Only then is it asked where the request comes from
//! and whether the key is valid now: a caller without the secret learns nothing of a key, not even that there is one.

pub mod hash;
pub mod text;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Map, Value};

pub use hash::{HashFlaw, SecretHash};
pub use text::{KeyText, is_id};

use crate::access::Networks;
use crate::credential::Sources;
use crate::http::date::imf_fixdate;
use crate::time::UnixTime;

/// The API keys of the configuration, and where a request may carry one.
#[derive(Debug)]
pub struct ApiKeys {
    sources: Sources,
    notice: Duration,
    keys: HashMap<Rc<str>, KeyEntry>,
}

/// What is configured of one key.
#[derive(Debug)]
pub struct KeyEntry {
    /// Of its id and its secret.
    pub hash: SecretHash,
    /// Who has it.
    pub key: Rc<ApiKey>,
    /// Not accepted before. `None`: there is no such moment.
    pub not_before: Option<UnixTime>,
    /// Where it may come from; anywhere if there is none.
    pub networks: Vec<Rc<Networks>>,
}

/// A key that a request showed, whole.
#[derive(Debug)]
pub struct ApiKey {
    id: Rc<str>,
    claims: Map<String, Value>,
    expires: Option<UnixTime>,
}

impl ApiKey {
    /// A key with these claims, accepted before `expires`.
    #[must_use]
    pub fn new(id: Rc<str>, claims: Map<String, Value>, expires: Option<UnixTime>) -> Self {
        Self { id, claims, expires }
    }

    /// Its id, which is no secret.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What is known of its owner, in the words of a token.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// From when on it is not accepted any more.
    #[must_use]
    pub fn expires(&self) -> Option<UnixTime> {
        self.expires
    }
}

/// Why an API key is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKeyFlaw {
    /// It has not the form of a key.
    Malformed,
    /// Nobody has this id.
    Unknown,
    /// Its secret is another.
    SecretWrong,
    /// It is shown where it may not be: the address is in none of its networks, or not known.
    Network,
    /// Its time has not come.
    NotYetValid,
    /// Its time is over.
    Expired(UnixTime),
}

impl ApiKeyFlaw {
    /// Stable code for the audit record and the counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Malformed => "api_key_malformed",
            Self::Unknown => "api_key_unknown",
            Self::SecretWrong => "api_key_secret_wrong",
            Self::Network => "api_key_network",
            Self::NotYetValid => "api_key_not_yet_valid",
            Self::Expired(_) => "api_key_expired",
        }
    }

    /// Did the caller not have the secret?
    #[must_use]
    pub fn is_unproven(&self) -> bool {
        matches!(self, Self::Malformed | Self::Unknown | Self::SecretWrong)
    }
}

/// How the keys stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeysHealth {
    /// All of them.
    pub keys: usize,
    /// Those that expire soon.
    pub expiring: usize,
    /// Those that have expired.
    pub expired: usize,
    /// How long it is until the next one expires.
    pub next_expiry: Option<Duration>,
}

impl ApiKeys {
    /// These keys. A notice begins `notice` before one expires.
    #[must_use]
    pub fn new(sources: Sources, notice: Duration, entries: Vec<KeyEntry>) -> Self {
        let keys = entries.into_iter().map(|entry| (Rc::clone(&entry.key.id), entry)).collect();
        Self { sources, notice, keys }
    }

    /// Where a request may carry a key.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Whose key it is.
    ///
    /// # Errors
    ///
    /// An [`ApiKeyFlaw`]. `address` is asked for only where the secret is right.
    pub fn check(
        &self,
        shown: &KeyText<'_>,
        address: impl FnOnce() -> Option<IpAddr>,
        now: UnixTime,
    ) -> Result<Rc<ApiKey>, ApiKeyFlaw> {
        let found = self.keys.get(shown.id());
        // Compared either way: an id that nobody has costs what a wrong secret costs.
        let is_right = found.map_or(&hash::OF_NOTHING, |entry| &entry.hash).is_of(shown);
        let entry = found.ok_or(ApiKeyFlaw::Unknown)?;
        if !is_right {
            return Err(ApiKeyFlaw::SecretWrong);
        }
        if !entry.networks.is_empty() {
            let address = address().ok_or(ApiKeyFlaw::Network)?;
            if !entry.networks.iter().any(|networks| networks.contain(address)) {
                return Err(ApiKeyFlaw::Network);
            }
        }
        if entry.not_before.is_some_and(|start| now < start) {
            return Err(ApiKeyFlaw::NotYetValid);
        }
        match entry.key.expires {
            Some(end) if now >= end => Err(ApiKeyFlaw::Expired(end)),
            _ => Ok(Rc::clone(&entry.key)),
        }
    }

    /// When `key` expires, if that is soon.
    #[must_use]
    pub fn notice(&self, key: &ApiKey, now: UnixTime) -> Option<UnixTime> {
        key.expires.filter(|end| now >= end.minus(self.notice))
    }

    /// How the keys stand.
    #[must_use]
    pub fn health(&self, now: UnixTime) -> KeysHealth {
        let mut health = KeysHealth { keys: self.keys.len(), ..KeysHealth::default() };
        for entry in self.keys.values() {
            match entry.key.expires {
                None => {}
                Some(end) if now >= end => health.expired = health.expired.saturating_add(1),
                Some(end) => {
                    let left = end.since(now);
                    health.next_expiry = Some(health.next_expiry.map_or(left, |next| next.min(left)));
                    if self.notice(&entry.key, now).is_some() {
                        health.expiring = health.expiring.saturating_add(1);
                    }
                }
            }
        }
        health
    }

    /// What an operator should hear of keys that have expired or do so soon, in the order of their ids.
    #[must_use]
    pub fn told(&self, now: UnixTime) -> Vec<String> {
        let mut due: Vec<_> =
            self.keys.values().filter_map(|entry| Some((entry, self.notice(&entry.key, now)?))).collect();
        due.sort_by_key(|(entry, _)| Rc::clone(&entry.key.id));
        let told = due.into_iter().map(|(KeyEntry { key, .. }, end)| {
            let at = format!("api_keys.keys.{}.expires", key.id);
            match imf_fixdate(end) {
                _ if now >= end => format!("{at}: is over; take the key out"),
                date => format!("{at}: is soon ({date}); make the key that takes its place"),
            }
        });
        told.collect()
    }
}

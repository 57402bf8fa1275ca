//! Where keys come from, and how long they are good.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::jose::jwks::{KeySet, KeySetLimits};

use super::super::discovery::ExpectedIssuer;
use super::super::url::Url;

/// Where the keys of one issuer come from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// By OpenID Connect discovery: one callout for the document, one for the keys.
    Discovery {
        /// Of the document, ending in `/.well-known/openid-configuration` as a rule.
        address: Url,
        /// What the document's `issuer` must be.
        issuer: ExpectedIssuer,
        /// The Envoy cluster of `address`.
        cluster: String,
        /// The Envoy cluster of the keys. Without it the keys must be on the host of the document, and `cluster` is used.
        jwks_cluster: Option<String>,
    },
    /// From one address.
    Jwks {
        /// Of the key set.
        address: Url,
        /// The Envoy cluster of `address`.
        cluster: String,
    },
    /// From the configuration: never fetched, never stale.
    Fixed(KeySet),
}

impl KeySource {
    /// Names this source among others in data that workers, and the configurations before and after this one, share: the
    /// same for the same settings, another as soon as one setting differs. 128 bits of SHA-256 in hexadecimal.
    pub(super) fn fingerprint(&self, id: &str) -> String {
        let mut hash = Sha256::new();
        let mut add = |part: &str| {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part.as_bytes());
        };
        add(id);
        match self {
            Self::Discovery { address, issuer, cluster, jwks_cluster } => {
                add("discovery");
                add(&address.to_string());
                add(issuer.as_str());
                add(cluster);
                if let Some(jwks_cluster) = jwks_cluster {
                    add(jwks_cluster);
                }
            }
            Self::Jwks { address, cluster } => {
                add("jwks");
                add(&address.to_string());
                add(cluster);
            }
            Self::Fixed(_) => add("fixed"),
        }
        hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// How long keys are good, and how hard they are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyCacheSettings {
    /// Keys are not asked for again before this, whatever `Cache-Control` says.
    ///
    /// 5 minutes, the shortest interval that Microsoft advises.
    pub min_fresh: Duration,
    /// Keys are asked for again after this, whatever `Cache-Control` says.
    ///
    /// 1 hour, as Azure API Management does: a key that was stolen and withdrawn is refused within the hour, at the price
    /// of 24 fetches a day. Entra ID itself says a day.
    pub max_fresh: Duration,
    /// How long keys past their freshness are still used while no fetch succeeds.
    ///
    /// 24 hours, what Microsoft's own issuer validator allows: an outage of an identity provider should not become ours.
    pub max_stale: Duration,
    /// At most one fetch for unknown `kid`s in this time, over all workers.
    ///
    /// 5 minutes, as Microsoft advises.
    pub unknown_kid_cooldown: Duration,
    /// For one callout; a fetch by discovery has two.
    ///
    /// 5 seconds: key sets are small and come from caches; a request is waiting.
    pub timeout: Duration,
    /// A longer document is refused.
    ///
    /// 512 KiB: Entra's largest has 30.
    pub max_bytes: usize,
    /// A key set with more keys is refused.
    ///
    /// 100: Entra's largest has about ten.
    pub max_keys: usize,
}

impl Default for KeyCacheSettings {
    fn default() -> Self {
        Self {
            min_fresh: Duration::from_secs(5 * 60),
            max_fresh: Duration::from_secs(60 * 60),
            max_stale: Duration::from_secs(24 * 60 * 60),
            unknown_kid_cooldown: Duration::from_secs(5 * 60),
            timeout: Duration::from_secs(5),
            max_bytes: 512 * 1024,
            max_keys: 100,
        }
    }
}

impl KeyCacheSettings {
    pub(super) fn key_set_limits(&self) -> KeySetLimits {
        let mut limits = KeySetLimits { bytes: self.max_bytes, keys: self.max_keys, ..KeySetLimits::default() };
        limits.json.members = limits.json.members.max(self.max_keys.saturating_mul(MEMBERS_PER_KEY));
        limits
    }

    /// How long an answer is fresh. An issuer that does not say gets an hour, the usual interval of the libraries.
    pub(super) fn fresh_for(&self, stated: Option<Duration>) -> Duration {
        stated.unwrap_or(UNSTATED).max(self.min_fresh).min(self.max_fresh).max(SHORTEST)
    }
}

/// About 15 members and array elements in the keys that issuers publish; four times that leaves room.
const MEMBERS_PER_KEY: usize = 60;

const UNSTATED: Duration = Duration::from_secs(60 * 60);

/// Even with bounds of zero in the configuration a key set is not fetched in a loop.
const SHORTEST: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn source(address: &str, issuer: &str, cluster: &str, jwks_cluster: Option<&str>) -> KeySource {
        KeySource::Discovery {
            address: Url::parse(address).unwrap(),
            issuer: ExpectedIssuer::new(issuer),
            cluster: cluster.to_owned(),
            jwks_cluster: jwks_cluster.map(str::to_owned),
        }
    }

    #[test]
    fn every_setting_of_a_source_changes_its_fingerprint() {
        let base = source("https://a.example/d", "https://a.example", "c", None);
        let jwks = KeySource::Jwks { address: Url::parse("https://a.example/d").unwrap(), cluster: "c".to_owned() };
        let others = [
            source("https://a.example/e", "https://a.example", "c", None),
            source("http://a.example/d", "https://a.example", "c", None),
            source("https://a.example/d", "https://b.example", "c", None),
            source("https://a.example/d", "https://a.example", "d", None),
            source("https://a.example/d", "https://a.example", "c", Some("k")),
            // The same bytes, cut elsewhere.
            source("https://a.example/d", "https://a.examplec", "", None),
            jwks,
        ];
        assert_eq!(base.fingerprint("p/0"), base.clone().fingerprint("p/0"));
        assert_eq!(base.fingerprint("p/0").len(), 32);
        assert_ne!(base.fingerprint("p/0"), base.fingerprint("q/0"));
        for other in others {
            assert_ne!(base.fingerprint("p/0"), other.fingerprint("p/0"), "{other:?}");
        }
    }

    #[test]
    fn freshness_keeps_within_its_bounds() {
        let settings = KeyCacheSettings::default();
        let seconds = |stated: Option<u64>| settings.fresh_for(stated.map(Duration::from_secs)).as_secs();
        assert_eq!(seconds(None), 3600);
        assert_eq!(seconds(Some(0)), 300);
        assert_eq!(seconds(Some(1000)), 1000);
        assert_eq!(seconds(Some(u64::MAX)), 3600);
        let none = KeyCacheSettings { min_fresh: Duration::ZERO, max_fresh: Duration::ZERO, ..settings };
        assert_eq!(none.fresh_for(Some(Duration::ZERO)), SHORTEST);
    }
}

//! Whose tokens we trust, and the keys they are signed with.
//!
//! Decides which provider answers for an `iss`, where its keys come from and how long they are good. Does not decide which
//! audiences, algorithms or claims a token needs; that is the token's own module. RFC 7517, OpenID Connect Discovery 1.0,
//! RFC 9111 for lifetimes.
//!
//! Every address comes from the configuration, or from the discovery document found at one. Nothing of a token - not its
//! issuer, not its key id - becomes part of an address.

use std::fmt;
use std::rc::Rc;

pub(crate) mod backoff;
pub mod discovery;
pub mod fetch;
pub(crate) mod form;
pub mod issuer;
pub mod key_cache;
mod secret;
pub mod tenant;
pub mod url;

pub use discovery::ExpectedIssuer;
pub use fetch::{Fetch, FetchId, Fetched, Post};
pub use issuer::{IssuerFlaw, IssuerRule, KeyIssuer, KeyRule, KeyRuleFlaw};
pub use key_cache::{CasMismatch, KeyCache, KeyCacheSettings, KeyHealth, KeyLookup, KeySource, KeyState, SharedData};
pub use secret::Secret;
pub use tenant::{Guid, TenantId, TenantSet};
pub use url::{Scheme, Url};

/// The name of a provider in the configuration, in rules, records and metrics: `[a-z0-9_-]{1,64}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderId(Rc<str>);

impl ProviderId {
    /// Takes a name.
    ///
    /// # Errors
    ///
    /// [`ProviderFlaw::Name`] if it has other characters (it becomes part of metric names) or a length outside 1 to 64.
    pub fn parse(name: &str) -> Result<Self, ProviderFlaw> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
        if (1..=64).contains(&name.len()) && name.bytes().all(plain) {
            Ok(Self(name.into()))
        } else {
            Err(ProviderFlaw::Name)
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which issuer of which provider, by their places in the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct IssuerRef {
    /// The provider's place.
    pub provider: usize,
    /// The issuer's place in [`Provider::issuers`].
    pub issuer: usize,
}

/// Issuers that the configuration trusts under one name.
#[derive(Clone, Debug)]
pub struct Provider {
    id: ProviderId,
    issuers: Vec<Issuer>,
}

impl Provider {
    /// A provider with its issuers.
    ///
    /// # Errors
    ///
    /// [`ProviderFlaw::NoIssuer`] without any, [`ProviderFlaw::AmbiguousIssuer`] if one `iss` could mean two of them.
    pub fn new(id: ProviderId, issuers: Vec<Issuer>) -> Result<Self, ProviderFlaw> {
        if issuers.is_empty() {
            return Err(ProviderFlaw::NoIssuer);
        }
        let mut rest = issuers.as_slice();
        while let Some((issuer, after)) = rest.split_first() {
            if after.iter().any(|other| issuer.rule.overlaps(&other.rule)) {
                return Err(ProviderFlaw::AmbiguousIssuer);
            }
            rest = after;
        }
        Ok(Self { id, issuers })
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> &ProviderId {
        &self.id
    }

    /// Its issuers, in the order given.
    #[must_use]
    pub fn issuers(&self) -> &[Issuer] {
        &self.issuers
    }

    /// The issuer that answers for `iss`, with its place in [`Provider::issuers`].
    #[must_use]
    pub fn issuer_for(&self, iss: &str) -> Option<(usize, &Issuer)> {
        self.issuers.iter().enumerate().find(|(_, issuer)| issuer.rule.speaks_for(iss))
    }

    /// One key cache for each issuer, in the same order. `seed` must differ between workers; see [`KeyCache::new`].
    #[must_use]
    pub fn key_caches(&self, settings: &KeyCacheSettings, seed: u64) -> Vec<KeyCache> {
        let mut seed = seed;
        let numbered = (0_u32..).zip(&self.issuers);
        numbered
            .map(|(number, issuer)| {
                seed = seed.wrapping_add(1);
                KeyCache::new(format!("{}/{number}", self.id), issuer.source.clone(), settings.clone(), seed)
            })
            .collect()
    }
}

/// One issuer of a provider: which `iss` it is, and the only keys that speak for it.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// The values of `iss` that are accepted.
    pub rule: IssuerRule,
    /// What a key must say of itself.
    pub key_rule: KeyRule,
    /// Where the keys come from.
    pub source: KeySource,
}

/// What is wrong with a provider as configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderFlaw {
    /// Two issuers of the provider accept the same `iss`.
    AmbiguousIssuer,
    /// The name has characters or a length that names do not have.
    Name,
    /// It has no issuer.
    NoIssuer,
}

impl ProviderFlaw {
    /// A stable code for records and counters.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::AmbiguousIssuer => "provider_ambiguous_issuer",
            Self::Name => "provider_name",
            Self::NoIssuer => "provider_no_issuer",
        }
    }
}

impl fmt::Display for ProviderFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AmbiguousIssuer => "two issuers of the provider accept the same `iss`",
            Self::Name => "a provider's name is 1 to 64 of a-z, 0-9, `_` and `-`",
            Self::NoIssuer => "a provider needs an issuer",
        })
    }
}

impl std::error::Error for ProviderFlaw {}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(rule: IssuerRule) -> Issuer {
        let address = Url::parse("https://idp.example/keys").unwrap();
        let source = KeySource::Jwks { address, cluster: "idp".to_owned() };
        Issuer { rule, key_rule: KeyRule::default(), source }
    }

    #[test]
    fn names_are_short_and_plain() {
        for good in ["entra", "a", "a_b-0", &"a".repeat(64)] {
            assert_eq!(ProviderId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "Entra", "a b", "a.b", "é", "a\n", &"a".repeat(65)] {
            assert_eq!(ProviderId::parse(bad), Err(ProviderFlaw::Name), "{bad:?}");
        }
    }

    #[test]
    fn one_iss_has_one_issuer() {
        let id = ProviderId::parse("two").unwrap();
        let (one, two) = (IssuerRule::exact("https://one.example"), IssuerRule::exact("https://two.example"));
        let provider = Provider::new(id.clone(), vec![issuer(one.clone()), issuer(two)]).unwrap();
        assert_eq!(provider.issuer_for("https://two.example").map(|(at, _)| at), Some(1));
        assert!(provider.issuer_for("https://two.example/").is_none());
        let twice = Provider::new(id.clone(), vec![issuer(one.clone()), issuer(one)]);
        assert_eq!(twice.unwrap_err(), ProviderFlaw::AmbiguousIssuer);
        assert_eq!(Provider::new(id, vec![]).unwrap_err(), ProviderFlaw::NoIssuer);
    }
}

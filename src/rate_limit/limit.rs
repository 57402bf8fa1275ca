//! A limit as it is configured.

use std::rc::Rc;
use std::time::Duration;

use super::global::GlobalLimit;
use super::key::Key;
use super::quota::Quota;

/// A limit.
#[derive(Clone, Debug)]
pub struct Limit {
    /// Its name.
    pub name: Rc<str>,
    /// Who has an allowance of their own.
    pub key: Key,
    /// When it is looked at.
    pub when: When,
    /// Who counts, if not this Envoy; the amounts are then for when nobody else does.
    pub global: Option<GlobalLimit>,
    /// How much there is for those of no tier.
    pub allowance: Allowance,
    /// How much for others.
    pub tiers: Vec<Tier>,
    /// Less for callers at risk.
    pub risk: Option<AtRisk>,
    /// Less while the upstream fails or is slow.
    pub upstream: Option<Upstream>,
    /// Requests beyond it go on, and are recorded.
    pub report_only: bool,
}

impl Limit {
    /// The allowances of those of no tier and of each tier.
    pub(super) fn allowances(&self) -> impl Iterator<Item = &Allowance> {
        std::iter::once(&self.allowance).chain(self.tiers.iter().map(|tier| &tier.allowance))
    }

    /// The least that an allowance has in a window over the same time.
    pub(super) fn least_in_window(&self, window: Window) -> u32 {
        let same = self.allowances().filter_map(|other| other.window.filter(|other| other.base() == window.base()));
        same.map(|other| other.requests).fold(window.requests, u32::min)
    }

    /// The same of a quota.
    pub(super) fn least_in_quota(&self, quota: &Quota) -> u32 {
        let same =
            self.allowances().filter_map(|other| other.quota.as_ref().filter(|other| other.base() == quota.base()));
        same.map(|other| other.requests).fold(quota.requests, u32::min)
    }
}

/// When a limit is looked at, and what counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Before the credential; every request.
    Arrival,
    /// Before the credential; requests whose credential is not accepted.
    ArrivalOfFailures,
    /// With leave to go on.
    Admitted,
}

/// How much of everything a key may have; of each that is given there has to be room.
#[derive(Clone, Debug, Default)]
pub struct Allowance {
    /// A token bucket.
    pub rate: Option<Rate>,
    /// A sliding window.
    pub window: Option<Window>,
    /// A quota of a calendar period.
    pub quota: Option<Quota>,
    /// Requests at the same time.
    pub concurrency: Option<u32>,
}

impl Allowance {
    /// Is there no limit at all?
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        self.rate.is_none() && self.window.is_none() && self.quota.is_none() && self.concurrency.is_none()
    }

    /// Could a request that counts as `weight` ever have room?
    #[must_use]
    pub fn fits(&self, weight: u32) -> bool {
        let most = [
            self.rate.map(|rate| rate.burst),
            self.window.map(|window| window.requests),
            self.quota.as_ref().map(|quota| quota.requests),
        ];
        most.into_iter().flatten().all(|most| weight <= most)
    }
}

/// The allowance of some.
#[derive(Clone, Debug)]
pub struct Tier {
    /// Its name.
    pub name: Rc<str>,
    /// How much.
    pub allowance: Allowance,
}

/// A token bucket: it holds `burst` and fills by `requests` evenly over `per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// So many.
    pub requests: u32,
    /// In this time.
    pub per: Duration,
    /// So many at once.
    pub burst: u32,
}

/// A sliding window: in no span of this length more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// So many.
    pub requests: u32,
    /// In this time.
    pub per: Duration,
}

/// Less for callers at risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtRisk {
    /// Above this score.
    pub above: u8,
    /// So much is left.
    pub percent: u8,
}

/// Less while the upstream fails or is slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// A response whose head takes longer is bad.
    pub slower_than: Option<Duration>,
    /// So many of a hundred bad ones are too many.
    pub bad_percent: u8,
    /// Never less than this is left.
    pub least_percent: u8,
    /// How often it is decided.
    pub every: Duration,
}

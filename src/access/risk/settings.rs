//! What is watched, and what follows.

use std::time::Duration;

use super::signal::Signal;

/// How risk is told; compiled from the configuration.
#[derive(Clone, Debug)]
pub struct RiskSettings {
    /// What others say.
    pub signals: Vec<Signal>,
    /// What is seen here.
    pub observe: Observe,
    /// In which time a score that was raised here loses half.
    pub half_life: Duration,
    /// Who fails too often is locked out for a while.
    pub lockout: Option<Lockout>,
    /// Above a score requests wait.
    pub slow_down: Option<SlowDown>,
    /// Bytes for what is seen, over all workers.
    pub memory: usize,
}

impl RiskSettings {
    /// Is anything kept of callers?
    pub(super) fn keeps_callers(&self) -> bool {
        let Observe { networks, failures, spread } = self.observe;
        networks.is_some() || failures.is_some() || spread.is_some() || self.lockout.is_some()
    }

    /// Is anything kept of addresses?
    pub(super) fn keeps_addresses(&self) -> bool {
        self.observe.failures.is_some() || self.lockout.is_some()
    }

    /// How many failures are remembered, and for how long.
    pub(super) fn failures_kept(&self) -> (usize, Duration) {
        let watched = self.observe.failures.map(|threshold| (threshold.more_than.saturating_add(1), threshold.within));
        let locked = self.lockout.map(|lockout| (lockout.failures, lockout.within));
        let both = || watched.into_iter().chain(locked);
        let most = both().map(|(count, _)| usize::from(count)).max().unwrap_or(0);
        (most, both().map(|(_, within)| within).max().unwrap_or_default())
    }
}

/// What is seen here.
#[derive(Clone, Copy, Debug, Default)]
pub struct Observe {
    /// One session from several networks (/24, /48).
    pub networks: Option<Threshold>,
    /// Failures of one identity, or of one address where nobody is known.
    pub failures: Option<Threshold>,
    /// Different rules that one identity's requests fall under.
    pub spread: Option<Threshold>,
}

/// What is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// More than this.
    pub more_than: u8,
    /// Within this time.
    pub within: Duration,
    /// Raises the risk by this.
    pub score: u8,
}

/// Lock-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lockout {
    /// So many failures.
    pub failures: u8,
    /// Within this time.
    pub within: Duration,
    /// Lock out for this long.
    pub locked_for: Duration,
}

/// Requests at high risk wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowDown {
    /// Above this score.
    pub above: u8,
    /// For this long.
    pub delay: Duration,
}

//! What is known of one session, identity or address.

use std::time::Duration;

use super::recent::Recent;
use super::score::decayed;
use super::settings::{Observe, RiskSettings};
use crate::time::UnixTime;

/// What is known of one session, identity or address. Times are in seconds since 1970; 0 is never.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// Its keyed hash.
    pub(super) who: u64,
    /// When it was last touched, to [`TOUCH`] exactly.
    pub(super) seen: u32,
    pub(super) locked_until: u32,
    /// When it last went beyond the threshold of each.
    pub(super) networks_raised: u32,
    pub(super) failures_raised: u32,
    pub(super) spread_raised: u32,
    pub(super) networks: Recent,
    pub(super) failures: Recent,
    pub(super) rules: Recent,
}

impl Record {
    pub(super) fn new(who: u64, now: u32) -> Self {
        Self { who, seen: now, ..Self::default() }
    }

    /// Notes that it is there; `false` if that is known well enough.
    pub(super) fn touch(&mut self, now: u32) -> bool {
        let stale = now.saturating_sub(self.seen) >= TOUCH;
        if stale {
            self.seen = now;
        }
        stale
    }

    /// Notes the network of a session.
    pub(super) fn see_network(&mut self, network: u32, now: u32, observe: &Observe) -> bool {
        let Some(threshold) = observe.networks else { return false };
        let most = usize::from(threshold.more_than).saturating_add(1);
        let new = self.networks.see(network, now, threshold.within, most);
        let beyond = self.networks.count(now, threshold.within) > usize::from(threshold.more_than);
        raise(&mut self.networks_raised, beyond, now) || new
    }

    /// Notes the rule of an identity's request.
    pub(super) fn see_rule(&mut self, rule: u32, now: u32, observe: &Observe) -> bool {
        let Some(threshold) = observe.spread else { return false };
        let most = usize::from(threshold.more_than).saturating_add(1);
        let new = self.rules.see(rule, now, threshold.within, most);
        let beyond = self.rules.count(now, threshold.within) > usize::from(threshold.more_than);
        raise(&mut self.spread_raised, beyond, now) || new
    }

    /// Counts a failure against it, and locks it if that was one too many. Nothing counts while it is locked.
    pub(super) fn fail(&mut self, now: u32, settings: &RiskSettings) {
        if now < self.locked_until {
            return;
        }
        self.seen = now;
        let (most, within) = settings.failures_kept();
        self.failures.count_one(now, within, most);
        if let Some(threshold) = settings.observe.failures
            && self.failures.count(now, threshold.within) > usize::from(threshold.more_than)
        {
            self.failures_raised = now;
        }
        if let Some(lockout) = settings.lockout
            && self.failures.count(now, lockout.within) >= usize::from(lockout.failures)
        {
            self.locked_until = now.saturating_add(secs(lockout.locked_for));
        }
    }

    /// How long it is locked, still.
    pub(super) fn locked(&self, now: UnixTime) -> Option<Duration> {
        let until = UnixTime::from_secs(self.locked_until.into());
        (now < until).then(|| until.since(now))
    }

    /// The scores that were raised on it, as they are now.
    pub(super) fn score(&self, settings: &RiskSettings, now: UnixTime) -> u8 {
        let Observe { networks, failures, spread } = settings.observe;
        [(self.networks_raised, networks), (self.failures_raised, failures), (self.spread_raised, spread)]
            .into_iter()
            .filter(|(raised, _)| *raised > 0)
            .filter_map(|(raised, threshold)| Some((UnixTime::from_secs(raised.into()), threshold?)))
            .map(|(raised, threshold)| decayed(threshold.score, raised, settings.half_life, now))
            .fold(0, u8::saturating_add)
    }

    /// After a step back of the clock nothing is in the future, and no lock is longer than when it began.
    pub(super) fn steady(&mut self, now: u32, settings: &RiskSettings) {
        self.seen = self.seen.min(now);
        for raised in [&mut self.networks_raised, &mut self.failures_raised, &mut self.spread_raised] {
            *raised = (*raised).min(now);
        }
        let longest = settings.lockout.map_or(0, |lockout| secs(lockout.locked_for));
        self.locked_until = self.locked_until.min(now.saturating_add(longest));
        for recent in [&mut self.networks, &mut self.failures, &mut self.rules] {
            recent.steady(now);
        }
    }
}

/// Beyond its threshold a score is as high as it gets; that it still is has to be written now and then only.
fn raise(raised: &mut u32, beyond: bool, now: u32) -> bool {
    let renewed = beyond && now.saturating_sub(*raised) >= RENEW;
    if renewed {
        *raised = now;
    }
    renewed
}

fn secs(span: Duration) -> u32 {
    u32::try_from(span.as_secs()).unwrap_or(u32::MAX)
}

/// How exactly it is known when a record was last touched: a caller who is there all the time costs one write a minute.
const TOUCH: u32 = 60;

/// How long a score stays at its height before that is written anew: within this time it has hardly decayed.
const RENEW: u32 = 10;

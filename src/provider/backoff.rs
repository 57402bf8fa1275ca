//! When a service that failed may be asked again.

use std::time::Duration;

use fastrand::Rng;

use crate::time::UnixTime;

/// Failures in a row, and the pause after the last one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    failures: u32,
    round: Round,
    until: UnixTime,
    /// Nobody waits through this pause.
    open: bool,
    /// The longest pause of our own making.
    longest: Duration,
}

/// What was asked between two failures. Of questions that are out together one restart of the service fails all: that is one
/// failure, not so many in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Round(u64);

impl Backoff {
    /// Nothing has failed yet. No pause will be longer than `longest`, unless the service asks for it.
    pub(crate) fn new(longest: Duration) -> Self {
        Self { failures: 0, round: Round::default(), until: UnixTime::default(), open: false, longest }
    }

    /// After a failure: a quarter of a second, which requests wait through; then 1 s, doubled each time up to
    /// the longest, which they do not. A random half of each is left out. `asked` is a pause that the service asked for. A
    /// question of an earlier `round` tells nothing new but that.
    pub(crate) fn failed(&mut self, now: UnixTime, round: Round, asked: Option<Duration>, random: &mut Rng) {
        if round != self.round {
            if let Some(asked) = asked {
                self.open = true;
                self.until = self.until.max(now.plus(asked.min(LONGEST_ASKED)));
            }
            return;
        }
        self.round.0 = self.round.0.wrapping_add(1);
        let wait = match self.failures {
            0 => FIRST_WAIT,
            more => Duration::from_secs(2_u64.saturating_pow(more.saturating_sub(1).min(16))).min(self.longest),
        };
        let half = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX) / 2;
        let wait = wait.saturating_sub(Duration::from_millis(random.u64(0..=half)));
        self.open = self.failures > 0 || asked.is_some();
        self.failures = self.failures.saturating_add(1);
        self.until = now.plus(wait.max(asked.unwrap_or_default().min(LONGEST_ASKED)));
    }

    pub(crate) fn succeeded(&mut self) {
        *self = Self { round: self.round, ..Self::new(self.longest) };
    }

    /// Which questions those are that are asked now.
    pub(crate) fn round(&self) -> Round {
        self.round
    }

    /// Is nobody to be asked for, or to wait, now?
    pub(crate) fn is_open(&self, now: UnixTime) -> bool {
        self.open && now < self.until
    }

    pub(crate) fn until(&self) -> UnixTime {
        self.until
    }

    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// After a failure one callout at a time tries.
    pub(crate) fn is_cautious(&self) -> bool {
        self.failures > 0
    }

    pub(crate) fn steady(&mut self, now: UnixTime) {
        self.until = self.until.min(now.plus(LONGEST_ASKED));
    }
}

/// A single lost packet costs the waiting requests little.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// `Retry-After` is seconds to minutes; no answer may silence us for longer.
const LONGEST_ASKED: Duration = Duration::from_secs(5 * 60);

/// Rounded up, and at least one, for `Retry-After`.
pub(crate) fn whole_seconds(span: Duration) -> Duration {
    let more = u64::from(span.subsec_nanos() > 0);
    Duration::from_secs(span.as_secs().saturating_add(more).max(1))
}

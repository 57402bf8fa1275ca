//! When Graph may be asked again.

use std::time::Duration;

use fastrand::Rng;

use crate::time::UnixTime;

/// Failures in a row, and the pause after the last one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    until: UnixTime,
    /// Nobody waits through this pause.
    open: bool,
}

impl Backoff {
    /// After a failure: a quarter of a second, which requests wait through; then 1 s, doubled each time up to
    /// [`LONGEST_WAIT`], which they do not. A random half of each is left out. `asked` is a pause that Graph asked for.
    pub(super) fn failed(&mut self, now: UnixTime, asked: Option<Duration>, random: &mut Rng) {
        let wait = match self.failures {
            0 => FIRST_WAIT,
            more => Duration::from_secs(2_u64.saturating_pow(more.saturating_sub(1).min(16))).min(LONGEST_WAIT),
        };
        let half = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX) / 2;
        let wait = wait.saturating_sub(Duration::from_millis(random.u64(0..=half)));
        self.open = self.failures > 0 || asked.is_some();
        self.failures = self.failures.saturating_add(1);
        self.until = now.plus(wait.max(asked.unwrap_or_default().min(LONGEST_ASKED)));
    }

    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// Is nobody to be asked for, or to wait, now?
    pub(super) fn is_open(&self, now: UnixTime) -> bool {
        self.open && now < self.until
    }

    pub(super) fn until(&self) -> UnixTime {
        self.until
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// After a failure one batch at a time tries.
    pub(super) fn is_cautious(&self) -> bool {
        self.failures > 0
    }

    pub(super) fn steady(&mut self, now: UnixTime) {
        self.until = self.until.min(now.plus(LONGEST_ASKED));
    }
}

/// A single lost packet costs the waiting requests little.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// Graph that is back is noticed within a minute.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Graph's `Retry-After` is seconds to minutes; no answer may silence us for longer.
const LONGEST_ASKED: Duration = Duration::from_secs(5 * 60);

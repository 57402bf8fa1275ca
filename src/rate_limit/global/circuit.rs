//! Whether an engine is asked at all.

use std::time::Duration;

use fastrand::Rng;

use crate::time::UnixTime;

/// Failures in a row, and the pause after the last one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Circuit {
    failures: u32,
    until: UnixTime,
}

impl Circuit {
    /// May the engine be asked now? While it fails one request after each pause tries, if none is on its way.
    pub(super) fn lets_ask(&self, now: UnixTime, on_its_way: bool) -> bool {
        self.failures < FAILURES || (now >= self.until && !on_its_way)
    }

    /// The pause is 200 ms, doubled with each failure up to [`LONGEST_PAUSE`]; a random half is left out. What was on its way
    /// when the pause began fails within it, and does not lengthen it.
    pub(super) fn failed(&mut self, now: UnixTime, random: &mut Rng) {
        if self.failures >= FAILURES && now < self.until {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if let Some(more) = self.failures.checked_sub(FAILURES) {
            let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(more.min(16))).min(LONGEST_PAUSE);
            let half = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX) / 2;
            self.until = now.plus(pause.saturating_sub(Duration::from_millis(random.u64(0..=half))));
        }
    }

    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// A clock may have stepped back.
    pub(super) fn steady(&mut self, now: UnixTime) {
        self.until = self.until.min(now.plus(LONGEST_PAUSE));
    }
}

/// So many in a row are no chance: an engine that fails one call in ten does this once in a hundred thousand.
pub(super) const FAILURES: u32 = 5;

const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// An engine that is back is noticed within it.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(5);

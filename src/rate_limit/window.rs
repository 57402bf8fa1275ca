//! Sliding windows: in no span of the window's length more requests than it allows.
//!
//! The usual two counters, of this fixed window and the last one, let up to twice as many through within one length. Here the
//! length is cut into ten parts, and what came in any of the last eleven counts, the present one among them: a span of the length
//! touches no more. So it is never too many; and what came is forgotten up to a tenth of the length too late.

use std::time::Duration;

use super::bucket::share;
use super::limit::Window;
use super::room::Room;
use crate::time::UnixTime;

/// What came in the last parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Recent {
    /// The number of the newest part, counted from 1970.
    pub(super) newest: u64,
    /// The newest first.
    pub(super) counts: [u32; PARTS],
}

impl Recent {
    /// After a step back of the clock what was counted stays as old as it was.
    pub(super) fn step_back(self, window: Window, now: UnixTime) -> Self {
        Self { newest: self.newest.min(window.part_at(now)), ..self }
    }

    /// Moves on to `now`.
    fn steady(mut self, window: Window, now: UnixTime) -> Self {
        let present = window.part_at(now);
        let moved = present.saturating_sub(self.newest);
        let moved = usize::try_from(moved).unwrap_or(PARTS).min(PARTS);
        self.counts.rotate_right(moved);
        self.counts.iter_mut().take(moved).for_each(|count| *count = 0);
        self.newest = present;
        self
    }

    fn sum(self) -> u32 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Counts a request as `weight`, where only `percent` of the limit is left.
    ///
    /// # Errors
    ///
    /// There is no room; when there will be.
    pub(super) fn take(self, window: Window, weight: u32, percent: u8, now: UnixTime) -> Result<Self, Duration> {
        let mut recent = self.steady(window, now);
        let most = window.most(percent).max(weight);
        if recent.sum().saturating_add(weight) > most {
            return Err(recent.wait(window, weight, most, now));
        }
        if let Some(newest) = recent.counts.first_mut() {
            *newest = newest.saturating_add(weight);
        }
        Ok(recent)
    }

    /// What came as `weight` at `now` did not come, unless it is forgotten already.
    pub(super) fn give_back(mut self, window: Window, weight: u32, now: UnixTime) -> Self {
        let moved = self.newest.checked_sub(window.part_at(now)).and_then(|moved| usize::try_from(moved).ok());
        if let Some(count) = moved.and_then(|moved| self.counts.get_mut(moved)) {
            *count = count.saturating_sub(weight);
        }
        self
    }

    /// When so much is forgotten that there is room.
    fn wait(self, window: Window, weight: u32, most: u32, now: UnixTime) -> Duration {
        let mut sum = self.sum();
        let mut parts: u64 = 0;
        for count in self.counts.iter().rev() {
            sum = sum.saturating_sub(*count);
            parts = parts.saturating_add(1);
            if sum.saturating_add(weight) <= most {
                break;
            }
        }
        window.begins(self.newest.saturating_add(parts)).since(now)
    }

    /// What is left.
    pub(super) fn room(self, window: Window, percent: u8, now: UnixTime) -> Room {
        let recent = self.steady(window, now);
        let oldest = recent.counts.iter().rposition(|count| *count > 0);
        let parts = oldest.map_or(0, |oldest| PARTS.saturating_sub(oldest));
        let parts = u64::try_from(parts).unwrap_or(u64::MAX);
        Room {
            of: window.requests,
            per: window.per,
            left: window.most(percent).saturating_sub(recent.sum()),
            resets_in: window.begins(recent.newest.saturating_add(parts)).since(now),
        }
    }

    /// How much of it is used, of 255, if it allows `least`, and when it is worth nothing.
    pub(super) fn weight(self, window: Window, least: u32, now: UnixTime) -> (u8, UnixTime) {
        let recent = self.steady(window, now);
        let parts = u64::try_from(PARTS).unwrap_or(u64::MAX);
        (share(recent.sum().into(), least.into()), window.begins(recent.newest.saturating_add(parts)))
    }
}

impl Window {
    fn most(self, percent: u8) -> u32 {
        let most = u64::from(self.requests).saturating_mul(percent.into()) / 100;
        u32::try_from(most).unwrap_or(u32::MAX)
    }

    /// What it is counted over.
    pub(super) fn base(self) -> u32 {
        u32::try_from(self.part()).unwrap_or(u32::MAX)
    }

    /// How long a part is, in milliseconds.
    fn part(self) -> u64 {
        u64::try_from(self.per.as_millis()).unwrap_or(u64::MAX).div_ceil(10).max(1)
    }

    fn part_at(self, now: UnixTime) -> u64 {
        now.as_millis().checked_div(self.part()).unwrap_or(0)
    }

    fn begins(self, part: u64) -> UnixTime {
        UnixTime::from_millis(part.saturating_mul(self.part()))
    }
}

/// Ten are the length; a span that begins within a part touches one more.
pub(super) const PARTS: usize = 11;

//! Quotas: so many in a period of the calendar.
//!
//! Periods are numbered by the local calendar: hours, days or months. When clocks are put back, the hour that comes twice is one
//! period; when they are put forward, none is missing that anybody could have used.

#[cfg(test)]
mod tests;

use std::rc::Rc;
use std::time::Duration;

use super::bucket::share;
use super::room::Room;
use crate::time::UnixTime;
use crate::time_zone::Zone;

/// So many in a period of the calendar.
#[derive(Clone, Debug)]
pub struct Quota {
    /// So many.
    pub requests: u32,
    /// In this period.
    pub period: Period,
    /// Whose calendar; UTC if none.
    pub zone: Option<Rc<Zone>>,
}

/// A period of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// An hour of the clock.
    Hour,
    /// A day.
    Day,
    /// A month.
    Month,
}

impl Quota {
    /// The number of the period at `now`, and how long it lasts, still.
    #[must_use]
    pub fn period_at(&self, now: UnixTime) -> (u32, Duration) {
        let unix = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let offset = self.offset(unix);
        let local = unix.saturating_add(offset);
        let (number, ends) = self.period.around(local);
        let ends = self.end(unix, offset, number, ends);
        let left = u64::try_from(ends.saturating_sub(unix)).unwrap_or(0).max(1);
        (u32::try_from(number).unwrap_or(0), Duration::from_secs(left))
    }

    /// When a period ends whose end has the local time `ends`: the offset there may be another one than `offset`, that of now.
    fn end(&self, unix: i64, offset: i64, number: i64, ends: i64) -> i64 {
        let end = ends.saturating_sub(offset);
        let offset_then = self.offset(end);
        if offset_then == offset {
            return end;
        }
        let other = ends.saturating_sub(offset_then);
        if self.offset(other) == offset_then {
            return other;
        }
        // No clock shows that time: it is in what is left out when clocks are put forward, and the period ends when they are.
        let (mut before, mut after) = (unix.max(end.min(other)), end.max(other));
        while before.saturating_add(1) < after {
            let middle = before.midpoint(after);
            let (of_middle, _) = self.period.around(middle.saturating_add(self.offset(middle)));
            if of_middle > number { after = middle } else { before = middle }
        }
        after
    }

    /// What it is counted over.
    pub(super) fn base(&self) -> u32 {
        let zone = self.zone.as_ref().map_or(UTC, |zone| zone.id());
        match self.period {
            Period::Hour => zone,
            Period::Day => !zone,
            Period::Month => zone.reverse_bits(),
        }
    }

    /// The number at `now` if the clocks had not been put back shortly before.
    fn number_unless_put_back(&self, now: UnixTime) -> u32 {
        let unix = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let (number, _) = self.period.around(unix.saturating_add(self.offset(unix.saturating_sub(MOST_PUT_BACK))));
        u32::try_from(number).unwrap_or(0)
    }

    fn offset(&self, unix: i64) -> i64 {
        self.zone.as_ref().and_then(|zone| zone.offset(unix)).unwrap_or(0)
    }
}

/// What was used in a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Used {
    /// The period's number.
    pub(super) period: u32,
    pub(super) requests: u32,
}

impl Used {
    /// After a step back of the clock what was used stays used.
    pub(super) fn step_back(self, quota: &Quota, now: UnixTime) -> Self {
        let (period, _) = quota.period_at(now);
        if self.period <= period {
            return self;
        }
        // The clocks on the wall may have been put back, over the end of a period: then it has begun, and begins once.
        Self { period: self.period.min(quota.number_unless_put_back(now).max(period)), ..self }
    }

    /// Moves on to `now`.
    fn steady(self, quota: &Quota, now: UnixTime) -> (Self, Duration) {
        let (period, left) = quota.period_at(now);
        (if self.period >= period { self } else { Self { period, requests: 0 } }, left)
    }

    /// Counts a request as `weight`.
    ///
    /// # Errors
    ///
    /// The quota is used up; when the next period begins.
    pub(super) fn take(self, quota: &Quota, weight: u32, now: UnixTime) -> Result<Self, Duration> {
        let (used, left) = self.steady(quota, now);
        let requests = used.requests.saturating_add(weight);
        if requests > quota.requests { Err(left) } else { Ok(Self { requests, ..used }) }
    }

    /// What was counted at `now` was not, unless its period is over.
    pub(super) fn give_back(self, quota: &Quota, weight: u32, now: UnixTime) -> Self {
        let (period, _) = quota.period_at(now);
        if self.period >= period { Self { requests: self.requests.saturating_sub(weight), ..self } } else { self }
    }

    /// What is left.
    pub(super) fn room(self, quota: &Quota, now: UnixTime) -> Room {
        let (used, resets_in) = self.steady(quota, now);
        let left = quota.requests.saturating_sub(used.requests);
        Room { of: quota.requests, per: quota.period.length(), left, resets_in }
    }

    /// How much of it is used, of 255, if it allows `least`, and when it is worth nothing.
    pub(super) fn weight(self, quota: &Quota, least: u32, now: UnixTime) -> (u8, UnixTime) {
        let (used, left) = self.steady(quota, now);
        (share(used.requests.into(), least.into()), now.plus(left))
    }
}

impl Period {
    /// The number of the period around a local time, and the local time of its end, in seconds.
    fn around(self, local: i64) -> (i64, i64) {
        let next = |number: i64, length: i64| number.saturating_add(1).saturating_mul(length);
        match self {
            Self::Hour => (local.div_euclid(HOUR), next(local.div_euclid(HOUR), HOUR)),
            Self::Day => (local.div_euclid(DAY), next(local.div_euclid(DAY), DAY)),
            Self::Month => {
                let number = month_of(local.div_euclid(DAY));
                (number, first_day_of(number.saturating_add(1)).saturating_mul(DAY))
            }
        }
    }

    /// About how long it is, for `RateLimit-Policy`.
    #[must_use]
    pub fn length(self) -> Duration {
        Duration::from_secs(match self {
            Self::Hour => 3600,
            Self::Day => 24 * 3600,
            Self::Month => 30 * 24 * 3600,
        })
    }
}

/// The month that a day since 1970-01-01 is in, counted from January of the year 0.
fn month_of(day: i64) -> i64 {
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`: years from March, in eras of 400.
    let day = day.saturating_add(719_468);
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let leap_days = (of_era / 1460).saturating_sub(of_era / 36_524).saturating_add(of_era / 146_096);
    let year = of_era.saturating_sub(leap_days) / 365;
    let before = year.saturating_mul(365).saturating_add(year / 4).saturating_sub(year / 100);
    let from_march = of_era.saturating_sub(before).saturating_mul(5).saturating_add(2) / 153;
    let year = era.saturating_mul(400).saturating_add(year);
    year.saturating_mul(12).saturating_add(from_march).saturating_add(2)
}

/// The first day of a month counted so, in days since 1970-01-01.
fn first_day_of(month: i64) -> i64 {
    // `days_from_civil` of the same.
    let from_march = month.saturating_sub(2);
    let (year, month) = (from_march.div_euclid(12), from_march.rem_euclid(12));
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let before = of_era.saturating_mul(365).saturating_add(of_era / 4).saturating_sub(of_era / 100);
    let of_year = month.saturating_mul(153).saturating_add(2) / 5;
    era.saturating_mul(146_097).saturating_add(before).saturating_add(of_year).saturating_sub(719_468)
}

const HOUR: i64 = 3600;
const DAY: i64 = 24 * 3600;

/// The number of that zone's name.
const UTC: u32 = 0xc06e_567d;

/// By how much clocks are put back at most (Antarctica/Troll).
const MOST_PUT_BACK: i64 = 2 * HOUR;

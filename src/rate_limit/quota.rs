//! Quotas: so many in a period of the calendar.
//!
//! Periods are numbered by the local calendar: hours, days or months. When clocks are put back, the hour that comes twice is one
//! period; when they are put forward, none is missing that anybody could have used.

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
        // The end is a local time, whose offset may be another one.
        let ends = ends.saturating_sub(self.offset(ends.saturating_sub(offset)));
        let left = u64::try_from(ends.saturating_sub(unix)).unwrap_or(0).max(1);
        (u32::try_from(number).unwrap_or(0), Duration::from_secs(left))
    }

    /// The same with the kind of the period in the number.
    fn number_at(&self, now: UnixTime) -> (u32, Duration) {
        let (number, left) = self.period_at(now);
        (number.saturating_mul(4).saturating_add(self.period.kind()), left)
    }

    fn offset(&self, unix: i64) -> i64 {
        self.zone.as_ref().and_then(|zone| zone.offset(unix)).unwrap_or(0)
    }
}

/// What was used in a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Used {
    /// The period's number, four times, and its kind: another kind of period begins anew.
    pub(super) period: u32,
    pub(super) requests: u32,
}

impl Used {
    /// After a step back of the clock what was used stays used.
    pub(super) fn step_back(self, quota: &Quota, now: UnixTime) -> Self {
        let (period, _) = quota.number_at(now);
        if self.period & 3 == period & 3 { Self { period: self.period.min(period), ..self } } else { self }
    }

    /// Moves on to `now`.
    fn steady(self, quota: &Quota, now: UnixTime) -> (Self, Duration) {
        let (period, left) = quota.number_at(now);
        let kind = period & 3;
        let stays = self.period & 3 == kind && self.period >= period;
        (Self { period, requests: if stays { self.requests } else { 0 } }, left)
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
        let (period, _) = quota.number_at(now);
        if self.period == period { Self { requests: self.requests.saturating_sub(weight), ..self } } else { self }
    }

    /// What is left.
    pub(super) fn room(self, quota: &Quota, now: UnixTime) -> Room {
        let (used, resets_in) = self.steady(quota, now);
        let left = quota.requests.saturating_sub(used.requests);
        Room { of: quota.requests, per: quota.period.length(), left, resets_in }
    }

    /// How much of it is used, of 255, and when it is worth nothing.
    pub(super) fn weight(self, quota: &Quota, now: UnixTime) -> (u8, UnixTime) {
        let (used, left) = self.steady(quota, now);
        (share(used.requests.into(), quota.requests.into()), now.plus(left))
    }
}

impl Period {
    fn kind(self) -> u32 {
        match self {
            Self::Hour => 1,
            Self::Day => 2,
            Self::Month => 3,
        }
    }

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

#[cfg(test)]
mod tests {
    use tz::UtcDateTime;

    use super::*;

    fn quota(period: Period, zone: &str) -> Quota {
        Quota { requests: 1, period, zone: Some(Rc::new(Zone::named(zone).unwrap())) }
    }

    fn at(text: &str) -> UnixTime {
        crate::access::schedule::instant(text).unwrap()
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        for day in (0..60_000).step_by(7) {
            let date = UtcDateTime::from_timespec(day * DAY, 0).unwrap();
            let month = i64::from(date.year()) * 12 + i64::from(date.month()) - 1;
            assert_eq!(month_of(day), month, "{day}");
            let first = UtcDateTime::new(date.year(), date.month(), 1, 0, 0, 0, 0).unwrap().unix_time() / DAY;
            assert_eq!(first_day_of(month), first);
        }
    }

    #[test]
    fn a_period_ends_when_the_clocks_on_the_wall_say_so() {
        for (period, zone, now, left) in [
            (Period::Hour, "UTC", "2026-11-22T07:59:59Z", 1),
            (Period::Hour, "Asia/Kolkata", "2026-11-22T07:29:00Z", 60),
            (Period::Day, "Europe/Berlin", "2026-11-22T22:59:00Z", 60),
            (Period::Day, "Europe/Berlin", "2026-03-28T23:00:00Z", 23 * 3600),
            (Period::Day, "Europe/Berlin", "2026-10-24T22:00:00Z", 25 * 3600),
            (Period::Month, "Europe/Berlin", "2026-02-28T22:59:50Z", 10),
            (Period::Month, "Europe/Berlin", "2026-09-30T22:00:00Z", 31 * 24 * 3600 + 3600),
            (Period::Month, "America/New_York", "2027-01-01T04:59:59Z", 1),
        ] {
            let quota = quota(period, zone);
            let (number, span) = quota.period_at(at(now));
            assert_eq!(span, Duration::from_secs(left), "{zone} {now}");
            let (next, _) = quota.period_at(at(now).plus(span));
            assert_eq!(next, number + 1, "{zone} {now}");
        }
    }

    #[test]
    fn an_hour_that_comes_twice_is_one_period() {
        let quota = quota(Period::Hour, "Europe/Berlin");
        let (first, _) = quota.period_at(at("2026-10-25T00:30:00Z"));
        let (again, _) = quota.period_at(at("2026-10-25T01:30:00Z"));
        assert_eq!(first, again);
    }
}

//! Schedules: days and hours of a week in a time zone, and windows that are open once.
//!
//! A request comes at one moment, and every moment has one local time; so a clock that is put forward or back leaves no
//! doubt: hours that are skipped are never there, and hours that come twice count both times.

mod instant;
#[cfg(test)]
mod tests;

use std::rc::Rc;

pub use instant::{InstantFlaw, instant};

use crate::time::UnixTime;
use crate::time_zone::Zone;
use crate::verdict::Verdict;

/// When something may be done: in any of its spans or windows.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    /// Spans of the week, in the time of a zone.
    pub weekly: Option<Weekly>,
    /// Windows that are open once.
    pub windows: Vec<Window>,
}

/// Spans of a week.
#[derive(Clone, Debug)]
pub struct Weekly {
    /// Whose clocks.
    pub zone: Rc<Zone>,
    /// Any of these.
    pub spans: Vec<Span>,
}

/// Hours of some days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// One bit for each day on which it starts, Monday the lowest.
    pub days: u8,
    /// Its first minute of the day.
    pub from: u16,
    /// The minute at which it is over; if it is before `from`, on the day after.
    pub to: u16,
}

/// Between two moments; a side that is not given is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first moment.
    pub from: Option<UnixTime>,
    /// The moment at which it is over.
    pub until: Option<UnixTime>,
}

impl Schedule {
    /// Is it open at `now`?
    #[must_use]
    pub fn is_open(&self, now: UnixTime) -> Verdict<()> {
        if self.windows.iter().any(|window| window.is_open(now)) {
            return Verdict::Met;
        }
        match &self.weekly {
            None => Verdict::Unmet(()),
            Some(weekly) => match weekly.is_open(now) {
                None => Verdict::Unknown(()),
                Some(open) => Verdict::of(open, || ()),
            },
        }
    }
}

impl Weekly {
    /// Nothing if the zone does not know its time at `now`.
    fn is_open(&self, now: UnixTime) -> Option<bool> {
        let unix = i64::try_from(now.as_secs()).ok()?;
        let minutes = unix.checked_add(self.zone.offset(unix)?)?.div_euclid(60);
        let minute = u16::try_from(minutes.rem_euclid(MINUTES_A_DAY)).ok()?;
        // 1970-01-01 was a Thursday.
        let day = u32::try_from(minutes.div_euclid(MINUTES_A_DAY).checked_add(3)?.rem_euclid(7)).ok()?;
        Some(self.spans.iter().any(|span| span.holds(day, minute)))
    }
}

impl Span {
    fn holds(self, day: u32, minute: u16) -> bool {
        let starts_on = |day: u32| self.days.checked_shr(day).unwrap_or(0) & 1 == 1;
        if self.from < self.to {
            return starts_on(day) && (self.from..self.to).contains(&minute);
        }
        let yesterday = day.checked_sub(1).unwrap_or(6);
        starts_on(day) && minute >= self.from || starts_on(yesterday) && minute < self.to
    }
}

impl Window {
    fn is_open(self, now: UnixTime) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }
}

/// The minute of the day at `HH:MM`; `24:00` is the end of it.
#[must_use]
pub fn minute(text: &str) -> Option<u16> {
    let [h1, h2, b':', m1, m2] = text.as_bytes() else { return None };
    let two = |tens: &u8, ones: &u8| {
        let digit = |byte: &u8| char::from(*byte).to_digit(10).and_then(|digit| u16::try_from(digit).ok());
        digit(tens)?.checked_mul(10)?.checked_add(digit(ones)?)
    };
    let (hours, minutes) = (two(h1, h2)?, two(m1, m2)?);
    let known = hours < 24 && minutes < 60 || hours == 24 && minutes == 0;
    known.then_some(hours.saturating_mul(60).saturating_add(minutes))
}

const MINUTES_A_DAY: i64 = 24 * 60;

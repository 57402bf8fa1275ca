//! Periods of the calendar, where clocks are put forward and back.
#![expect(clippy::arithmetic_side_effects, reason = "times are small")]

use proptest::prelude::*;
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
fn a_period_whose_end_is_left_out_ends_when_the_clocks_are_put_forward() {
    for (period, zone, now, left) in [
        (Period::Hour, "Europe/Berlin", "2026-03-29T00:30:00Z", 1800),
        (Period::Day, "America/Santiago", "2026-09-06T03:30:00Z", 1800),
        (Period::Day, "America/Havana", "2026-03-08T04:30:00Z", 1800),
        (Period::Day, "Africa/Cairo", "2026-04-23T21:30:00Z", 1800),
        (Period::Day, "Asia/Beirut", "2026-03-28T21:30:00Z", 1800),
    ] {
        let quota = quota(period, zone);
        let (number, span) = quota.period_at(at(now));
        assert_eq!(span, Duration::from_secs(left), "{zone} {now}");
        let (next, _) = quota.period_at(at(now).plus(span));
        assert!(next > number, "{zone} {now}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Over a year, most often within hours of a step of the clock.
    #[test]
    fn a_period_ends_where_the_next_one_begins(
        zone in prop::sample::select(ODD_ZONES),
        period in prop::sample::select(&[Period::Hour, Period::Day, Period::Month][..]),
        day in 0..365_u64, second in 0..86_400_u64, before_step in any::<bool>(),
    ) {
        let quota = quota(period, zone);
        let mut now = at("2026-01-01T00:00:00Z").plus(Duration::from_secs(day * 86_400 + second));
        if before_step && let Some(step) = next_step(&quota, now) {
            now = UnixTime::from_secs(step.as_secs() - second % 10_000);
        }
        let (number, left) = quota.period_at(now);
        let end = now.plus(left);
        prop_assert!(end > now && left <= Duration::from_secs(32 * 86_400));
        prop_assert!(quota.period_at(end).0 > number, "{now:?} {left:?}");
        let until = left.as_secs();
        for second in [1, until / 3, until / 2, until.saturating_sub(3_600), until.saturating_sub(1)] {
            let (of_then, _) = quota.period_at(now.plus(Duration::from_secs(second.min(until - 1))));
            prop_assert!(of_then <= number, "{:?} {:?} {}", now, left, second);
        }
    }
}

/// When the clocks are next put forward or back, to the quarter of an hour.
fn next_step(quota: &Quota, now: UnixTime) -> Option<UnixTime> {
    let quarter = |number: u64| now.as_secs() / 900 * 900 + number * 900;
    let offset = |unix: u64| quota.offset(i64::try_from(unix).unwrap());
    let step = (1..200 * 96).map(quarter).find(|unix| offset(*unix) != offset(unix - 900));
    step.map(UnixTime::from_secs)
}

/// Midnights that are left out or come twice, steps of half an hour, two in a month, none at all.
const ODD_ZONES: &[&str] = &[
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",
    "America/Havana",
    "Africa/Cairo",
    "Asia/Beirut",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Pacific/Chatham",
];

#[test]
fn an_hour_that_comes_twice_is_one_period() {
    let quota = quota(Period::Hour, "Europe/Berlin");
    let (first, _) = quota.period_at(at("2026-10-25T00:30:00Z"));
    let (again, _) = quota.period_at(at("2026-10-25T01:30:00Z"));
    assert_eq!(first, again);
}

#[test]
fn an_hour_whose_beginning_comes_twice_is_one_period() {
    let quota = quota(Period::Hour, "Pacific/Chatham");
    // 03:30, then clocks go from 03:45 to 02:45.
    let mut used = Used::default().take(&quota, 1, at("2026-04-04T13:45:00Z")).unwrap();
    for again in ["2026-04-04T14:05:00Z", "2026-04-04T14:25:00Z", "2026-04-04T15:10:00Z"] {
        used = used.step_back(&quota, at(again));
        assert!(used.take(&quota, 1, at(again)).is_err(), "{again}");
    }
    assert!(used.take(&quota, 1, at("2026-04-04T15:20:00Z")).is_ok());
    assert!(used.step_back(&quota, at("2026-04-04T08:00:00Z")).period < used.period, "the clock stepped back");
}

#[test]
fn no_zone_is_the_zone_utc() {
    let none = Quota { zone: None, ..quota(Period::Day, "UTC") };
    assert_eq!(none.base(), quota(Period::Day, "UTC").base());
    assert_ne!(none.base(), quota(Period::Month, "UTC").base());
    assert_ne!(none.base(), quota(Period::Day, "Europe/Berlin").base());
}

//! Weeks across daylight saving, spans over midnight, windows.

use super::*;

fn weekly(zone: &str, spans: &[(&[u32], &str, &str)]) -> Schedule {
    let spans = spans.iter().map(|(days, from, to)| Span {
        days: days.iter().fold(0, |bits, day| bits | 1 << day),
        from: minute(from).unwrap(),
        to: minute(to).unwrap(),
    });
    let weekly = Weekly { zone: Rc::new(Zone::named(zone).unwrap()), spans: spans.collect() };
    Schedule { weekly: Some(weekly), windows: Vec::new() }
}

const EVERY_DAY: &[u32] = &[0, 1, 2, 3, 4, 5, 6];
const WORKDAYS: &[u32] = &[0, 1, 2, 3, 4];

fn open(schedule: &Schedule, moment: &str) -> bool {
    match schedule.is_open(instant(moment).unwrap()) {
        Verdict::Met => true,
        Verdict::Unmet(()) => false,
        Verdict::Unknown(()) => panic!("{moment} is unknown"),
    }
}

fn cases(schedule: &Schedule, cases: &[(&str, bool)]) {
    for (moment, expected) in cases {
        assert_eq!(open(schedule, moment), *expected, "{moment}");
    }
}

#[test]
fn office_hours_are_the_hours_of_the_office() {
    // 2026-11-23 is a Monday.
    cases(
        &weekly("Europe/Berlin", &[(WORKDAYS, "08:00", "18:00")]),
        &[
            ("2026-11-23T07:59:59+01:00", false),
            ("2026-11-23T08:00:00+01:00", true),
            ("2026-11-23T17:59:59+01:00", true),
            ("2026-11-23T18:00:00+01:00", false),
            ("2026-11-27T12:00:00+01:00", true),
            ("2026-11-28T12:00:00+01:00", false),
            ("2026-11-29T12:00:00+01:00", false),
            ("2026-07-06T08:00:00+02:00", true),
            ("2026-07-06T07:59:00+02:00", false),
        ],
    );
}

#[test]
fn a_span_over_midnight_belongs_to_the_day_it_starts_on() {
    // Sunday 22:00 to Monday 06:00, and no other night.
    cases(
        &weekly("UTC", &[(&[6], "22:00", "06:00")]),
        &[
            ("2026-11-22T21:59:59Z", false),
            ("2026-11-22T22:00:00Z", true),
            ("2026-11-23T00:00:00Z", true),
            ("2026-11-23T05:59:59Z", true),
            ("2026-11-23T06:00:00Z", false),
            ("2026-11-23T22:00:00Z", false),
            ("2026-11-22T05:00:00Z", false),
        ],
    );
    cases(
        &weekly("UTC", &[(&[0], "22:00", "00:00")]),
        &[("2026-11-23T23:59:59Z", true), ("2026-11-24T00:00:00Z", false), ("2026-11-23T00:00:00Z", false)],
    );
}

#[test]
fn a_whole_day_is_from_midnight_to_midnight() {
    cases(
        &weekly("Asia/Kolkata", &[(&[0], "00:00", "24:00")]),
        &[
            ("2026-11-22T18:29:59Z", false),
            ("2026-11-22T18:30:00Z", true),
            ("2026-11-23T18:29:59Z", true),
            ("2026-11-23T18:30:00Z", false),
        ],
    );
}

#[test]
fn hours_that_a_clock_skips_are_not_there() {
    // 02:00 becomes 03:00 at 01:00Z.
    cases(
        &weekly("Europe/Berlin", &[(EVERY_DAY, "02:00", "03:00")]),
        &[
            ("2027-03-28T00:59:59Z", false),
            ("2027-03-28T01:00:00Z", false),
            ("2027-03-28T01:59:59Z", false),
            ("2027-03-27T01:30:00Z", true),
            ("2027-03-29T00:30:00Z", true),
        ],
    );
    // 02:00 becomes 03:00 at 07:00Z.
    cases(
        &weekly("America/New_York", &[(EVERY_DAY, "01:30", "03:30")]),
        &[
            ("2027-03-14T06:29:59Z", false),
            ("2027-03-14T06:30:00Z", true),
            ("2027-03-14T07:00:00Z", true),
            ("2027-03-14T07:29:59Z", true),
            ("2027-03-14T07:30:00Z", false),
        ],
    );
}

#[test]
fn hours_that_come_twice_count_twice() {
    // 03:00 becomes 02:00 at 01:00Z.
    cases(
        &weekly("Europe/Berlin", &[(EVERY_DAY, "02:00", "03:00")]),
        &[
            ("2026-10-24T23:59:59Z", false),
            ("2026-10-25T00:00:00Z", true),
            ("2026-10-25T00:59:59Z", true),
            ("2026-10-25T01:00:00Z", true),
            ("2026-10-25T01:59:59Z", true),
            ("2026-10-25T02:00:00Z", false),
        ],
    );
    // 02:00 becomes 01:00 at 06:00Z.
    cases(
        &weekly("America/New_York", &[(EVERY_DAY, "01:00", "01:30")]),
        &[
            ("2026-11-01T05:00:00Z", true),
            ("2026-11-01T05:29:59Z", true),
            ("2026-11-01T05:30:00Z", false),
            ("2026-11-01T06:00:00Z", true),
            ("2026-11-01T06:30:00Z", false),
        ],
    );
}

#[test]
fn half_an_hour_of_daylight_saving_is_half_an_hour() {
    // 02:00 becomes 02:30 at 15:30Z the day before, and 02:00 becomes 01:30 at 15:00Z.
    cases(
        &weekly("Australia/Lord_Howe", &[(EVERY_DAY, "01:30", "02:00")]),
        &[
            ("2026-10-03T15:00:00Z", true),
            ("2026-10-03T15:29:59Z", true),
            ("2026-10-03T15:30:00Z", false),
            ("2027-04-03T14:30:00Z", true),
            ("2027-04-03T14:59:59Z", true),
            ("2027-04-03T15:00:00Z", true),
            ("2027-04-03T15:29:59Z", true),
            ("2027-04-03T15:30:00Z", false),
        ],
    );
}

#[test]
fn dates_that_a_government_announces_are_kept() {
    // Morocco was at UTC+1, but at UTC around Ramadan, and is at UTC since September 20: by dates and not by a rule.
    cases(
        &weekly("Africa/Casablanca", &[(EVERY_DAY, "08:00", "09:00")]),
        &[
            ("2026-02-14T07:30:00Z", true),
            ("2026-02-14T08:30:00Z", false),
            ("2026-02-16T07:30:00Z", false),
            ("2026-02-16T08:30:00Z", true),
            ("2026-03-21T08:30:00Z", true),
            ("2026-03-23T07:30:00Z", true),
            ("2026-03-23T08:30:00Z", false),
            ("2026-09-19T07:30:00Z", true),
            ("2026-09-21T07:30:00Z", false),
            ("2026-09-21T08:30:00Z", true),
        ],
    );
    // British Columbia stays on the time of its summer.
    cases(
        &weekly("America/Vancouver", &[(EVERY_DAY, "08:00", "09:00")]),
        &[("2026-01-15T16:30:00Z", true), ("2026-07-15T15:30:00Z", true), ("2027-01-15T15:30:00Z", true)],
    );
}

#[test]
fn a_window_is_open_once() {
    let windows = |from: Option<&str>, until: Option<&str>| Schedule {
        weekly: None,
        windows: vec![Window {
            from: from.map(|from| instant(from).unwrap()),
            until: until.map(|until| instant(until).unwrap()),
        }],
    };
    cases(
        &windows(Some("2026-12-01T00:00:00Z"), Some("2026-12-03T00:00:00+01:00")),
        &[
            ("2026-11-30T23:59:59Z", false),
            ("2026-12-01T00:00:00Z", true),
            ("2026-12-02T22:59:59Z", true),
            ("2026-12-02T23:00:00Z", false),
        ],
    );
    cases(
        &windows(None, Some("2026-12-01T00:00:00Z")),
        &[("1970-01-01T00:00:00Z", true), ("2026-12-01T00:00:00Z", false)],
    );
    cases(
        &windows(Some("2026-12-01T00:00:00Z"), None),
        &[("2026-11-30T00:00:00Z", false), ("2099-01-01T00:00:00Z", true)],
    );
    assert!(!open(&Schedule::default(), "2026-12-01T00:00:00Z"));
}

#[test]
fn the_ends_of_time_are_moments_like_others() {
    let always = weekly("Europe/Berlin", &[(EVERY_DAY, "00:00", "24:00")]);
    for millis in [0, 1, 1 << 56, u64::MAX / 1000, u64::MAX] {
        assert_eq!(always.is_open(UnixTime::from_millis(millis)), Verdict::Met, "{millis}");
    }
}

#[test]
fn times_of_day_have_two_digits_each() {
    for (text, expected) in [("00:00", 0), ("08:05", 485), ("23:59", 1439), ("24:00", 1440)] {
        assert_eq!(minute(text), Some(expected), "{text}");
    }
    for text in
        ["", "8:00", "08:60", "24:01", "25:00", "08.00", "08:00 ", "-1:00", "0800", "\u{661}8:00", "08:0\u{661}"]
    {
        assert_eq!(minute(text), None, "{text}");
    }
}

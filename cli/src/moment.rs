//! Points in time as people write them (RFC 3339).

use std::time::{SystemTime, UNIX_EPOCH};

use portcullis::time::UnixTime;

/// Reads `2026-03-29T01:30:00+01:00`, or with `Z`. A fraction of a second is allowed, to the millisecond.
///
/// # Errors
/// What was expected.
pub fn parse(text: &str) -> Result<UnixTime, String> {
    read(text)
        .ok_or_else(|| format!("`{text}` is not a time; expected one like `2026-03-29T01:30:00Z` or with `+02:00`"))
}

fn read(text: &str) -> Option<UnixTime> {
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let mut parts = date.splitn(3, '-');
    let (year, month, day) = (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let at = rest.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = rest.split_at_checked(at)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = clock.splitn(3, ':');
    let (hour, minute, second) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let offset = match zone {
        "Z" | "z" => 0,
        zone => {
            let (sign, zone) = zone.split_at_checked(1)?;
            let (hours, minutes) = zone.split_once(':')?;
            let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let minutes = hours.checked_mul(60)?.checked_add(minutes)?;
            if sign == "-" { minutes.checked_neg()? } else { minutes }
        }
    };
    let seconds = days_since_1970(year, month, day)?
        .checked_mul(86_400)?
        .checked_add(hour.checked_mul(3600)?)?
        .checked_add(minute.checked_mul(60)?)?
        .checked_add(second)?
        .checked_sub(offset.checked_mul(60)?)?;
    let millis = fraction.chars().chain("00".chars()).take(3).collect::<String>();
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let millis = u64::try_from(seconds).ok()?.checked_mul(1000)?.checked_add(millis.parse().ok()?)?;
    Some(UnixTime::from_millis(millis))
}

fn digits(text: &str, count: usize) -> Option<i64> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// By Howard Hinnant's `days_from_civil`: years begin in March, so that the leap day is their last.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month = month.checked_add(9)? % 12;
    let day_of_year = month.checked_mul(153)?.checked_add(2)?.checked_div(5)?.checked_add(day)?.checked_sub(1)?;
    let leap_days = (year_of_era / 4).checked_sub(year_of_era / 100)?;
    let day_of_era = year_of_era.checked_mul(365)?.checked_add(leap_days)?.checked_add(day_of_year)?;
    era.checked_mul(146_097)?.checked_add(day_of_era)?.checked_sub(719_468)
}

/// `2026-03-29T00:30:00Z`
#[must_use]
pub fn format(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let (mut day, clock) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Years one by one: this is for people, and there are few of them since 1970.
    let mut year = 1970;
    let mut month = 1;
    loop {
        let length = days_in(year, month);
        if day < length || year > 9999 {
            break;
        }
        day = day.saturating_sub(length);
        (year, month) = if month == 12 { (year.saturating_add(1), 1) } else { (year, month.saturating_add(1)) };
    }
    let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
    format!("{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", day.saturating_add(1))
}

/// The time on the clock.
#[must_use]
pub fn now() -> UnixTime {
    #[expect(clippy::disallowed_methods, reason = "a tool runs on the real clock unless told a time")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2026-03-29T02:30:00+02:00", 1_774_744_200),
            ("2026-01-01T00:00:00Z", 1_767_225_600),
        ] {
            let time = parse(text).unwrap();
            assert_eq!(time.as_secs(), seconds, "{text}");
            assert_eq!(parse(&format(time)), Ok(time));
        }
        assert_eq!(parse("2026-01-01T00:00:00.25Z").unwrap().as_millis(), 1_767_225_600_250);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2026-01-01",
            "2026-02-30T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00",
            "2026-1-1T00:00:00Z",
            "2026-01-01T00:00:00.Z",
            "1969-12-31T23:59:59Z",
            "é",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}

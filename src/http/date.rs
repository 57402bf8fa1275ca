//! Dates of header fields, in the one form that senders write (RFC 9110 section 5.6.7, IMF-fixdate).

use tz::UtcDateTime;

use crate::time::UnixTime;

/// `Sun, 06 Nov 1994 08:49:37 GMT`. What is beyond the year 9999, which the form has no room for, is its last second.
#[must_use]
pub fn imf_fixdate(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX).min(LAST);
    let Ok(date) = UtcDateTime::from_timespec(seconds, 0) else { return String::new() };
    let day = DAYS.get(usize::from(date.week_day())).unwrap_or(&"");
    let month = MONTHS.get(usize::from(date.month()).saturating_sub(1)).unwrap_or(&"");
    format!(
        "{day}, {:02} {month} {:04} {:02}:{:02}:{:02} GMT",
        date.month_day(),
        date.year(),
        date.hour(),
        date.minute(),
        date.second()
    )
}

/// 9999-12-31T23:59:59Z
const LAST: i64 = 253_402_300_799;

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_the_rfc_writes_them() {
        for (seconds, date) in [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (1_835_481_599, "Tue, 29 Feb 2028 23:59:59 GMT"),
            (u64::MAX / 1000, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(imf_fixdate(UnixTime::from_secs(seconds)), date);
        }
    }
}

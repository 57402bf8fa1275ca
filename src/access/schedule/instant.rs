//! Moments as the configuration writes them (RFC 3339 section 5.6).

use std::fmt;

use tz::UtcDateTime;

use crate::time::UnixTime;

/// The text is no moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstantFlaw(String);

impl InstantFlaw {
    /// Stable code.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        "instant_malformed"
    }
}

impl fmt::Display for InstantFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not a moment; expected a date, a time to the second and an offset, such as `2026-12-01T08:00:00+01:00` or `2026-12-01T07:00:00Z`",
            self.0
        )
    }
}

impl std::error::Error for InstantFlaw {}

/// Reads `2026-12-01T08:00:00+01:00`. The offset is needed: without it nobody could say which moment is meant. No fractions
/// and no leap seconds, which windows for people do not need.
///
/// # Errors
///
/// [`InstantFlaw`] for anything else, and for what is before 1970.
pub fn instant(text: &str) -> Result<UnixTime, InstantFlaw> {
    read(text).ok_or_else(|| InstantFlaw(text.to_owned()))
}

fn read(text: &str) -> Option<UnixTime> {
    let (local, offset) = text.split_at_checked(19)?;
    let [y1, y2, y3, y4, b'-', o1, o2, b'-', d1, d2, b'T', h1, h2, b':', m1, m2, b':', s1, s2] = local.as_bytes()
    else {
        return None;
    };
    let two = |tens, ones| number(&[tens, ones]).and_then(|number| u8::try_from(number).ok());
    let year = i32::try_from(number(&[y1, y2, y3, y4])?).ok()?;
    let seconds = two(s1, s2).filter(|seconds| *seconds < 60)?;
    let local = UtcDateTime::new(year, two(o1, o2)?, two(d1, d2)?, two(h1, h2)?, two(m1, m2)?, seconds, 0).ok()?;
    let moment = local.unix_time().checked_sub(seconds_of(offset)?)?;
    u64::try_from(moment).ok().map(UnixTime::from_secs)
}

/// `Z`, `+01:00`, `-09:30`.
fn seconds_of(offset: &str) -> Option<i64> {
    if offset == "Z" {
        return Some(0);
    }
    let [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] = offset.as_bytes() else { return None };
    let (hours, minutes) = (number(&[h1, h2])?, number(&[m1, m2])?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = i64::from(hours.checked_mul(60)?.checked_add(minutes)?).checked_mul(60)?;
    Some(if *sign == b'-' { seconds.checked_neg()? } else { seconds })
}

fn number(digits: &[&u8]) -> Option<u32> {
    let digit = |byte: &u8| char::from(*byte).to_digit(10);
    digits.iter().try_fold(0_u32, |number, byte| number.checked_mul(10)?.checked_add(digit(byte)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_with_their_offset() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-12-01T00:00:00Z", 1_796_083_200),
            ("2026-12-01T01:00:00+01:00", 1_796_083_200),
            ("2026-11-30T14:30:00-09:30", 1_796_083_200),
            ("2028-02-29T23:59:59Z", 1_835_481_599),
            ("1969-12-31T23:00:00-01:00", 0),
        ] {
            assert_eq!(instant(text), Ok(UnixTime::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "2026-12-01",
            "2026-12-01T00:00:00",
            "2026-12-01T00:00Z",
            "2026-12-01 00:00:00Z",
            "2026-12-01T00:00:00z",
            "2026-12-01T00:00:00+0100",
            "2026-12-01T00:00:00+24:00",
            "2026-12-01T00:00:00+01:60",
            "2026-12-01T24:00:00Z",
            "2026-12-01T00:60:00Z",
            "2026-12-31T23:59:60Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-10T00:00:00Z",
            "2026-12-01T00:00:00.5Z",
            "1969-12-31T23:59:59Z",
            "+026-12-01T00:00:00Z",
            "2026-12-01T00:00:00\u{661}",
            "2026-12-01T00:00:0\u{661}Z",
        ] {
            assert!(instant(text).is_err(), "{text}");
        }
    }
}

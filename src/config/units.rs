//! Spans of time (`90s`, `5m`, `12h`, `1d`) and sizes (`8KiB`, `4MiB`) as people write them.

use std::time::Duration;

use deserr::Deserr;
use schemars::JsonSchema;

use super::problems::{Invalid, Problems};

/// A span of time: a whole number and one of `ms`, `s`, `m`, `h`, `d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(error = Problems, try_from(String) = Span::parse -> Invalid)]
#[schemars(with = "String", extend("pattern" = "^[0-9]{1,10}(ms|s|m|h|d)$", "examples" = ["60s", "5m", "24h"]))]
pub struct Span(pub Duration);

impl Span {
    fn parse(text: String) -> Result<Self, Invalid> {
        let (number, unit) = number_and_unit(&text);
        let millis = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => 0,
        };
        match number {
            Some(number) if millis > 0 => Ok(Self(Duration::from_millis(number.saturating_mul(millis)))),
            _ => Err(Invalid(format!(
                "`{text}` is not a span of time; expected a whole number and a unit, such as `60s`, `5m`, `24h`"
            ))),
        }
    }
}

/// A size in bytes: a whole number and one of `B`, `KiB`, `MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(error = Problems, try_from(String) = Size::parse -> Invalid)]
#[schemars(with = "String", extend("pattern" = "^[0-9]{1,10}(B|KiB|MiB)$", "examples" = ["8KiB", "4MiB"]))]
pub struct Size(pub usize);

impl Size {
    fn parse(text: String) -> Result<Self, Invalid> {
        let (number, unit) = number_and_unit(&text);
        let factor = match unit {
            "B" => 1,
            "KiB" => 1024,
            "MiB" => 1024 * 1024,
            _ => 0,
        };
        match number.map(usize::try_from) {
            Some(Ok(number)) if factor > 0 => Ok(Self(number.saturating_mul(factor))),
            _ => Err(Invalid(format!(
                "`{text}` is not a size; expected a whole number and a unit, such as `512B`, `8KiB`, `4MiB`"
            ))),
        }
    }
}

fn number_and_unit(text: &str) -> (Option<u64>, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    // Ten digits are over three hundred years in seconds; longer is a mistake, and cannot overflow unseen.
    let (number, unit) = text.split_at_checked(digits).unwrap_or(("", text));
    (if number.len() > 10 { None } else { number.parse().ok() }, unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_write_them() {
        for (text, millis) in
            [("250ms", 250), ("60s", 60_000), ("5m", 300_000), ("24h", 86_400_000), ("2d", 172_800_000), ("0s", 0)]
        {
            assert_eq!(Span::parse(text.to_owned()), Ok(Span(Duration::from_millis(millis))), "{text}");
        }
        for text in ["", "5", "m", "5 m", "-5m", "1.5h", "5M", "99999999999s", "5min", "٥m"] {
            assert!(Span::parse(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_read_as_people_write_them() {
        for (text, bytes) in [("512B", 512), ("8KiB", 8192), ("4MiB", 4 << 20)] {
            assert_eq!(Size::parse(text.to_owned()), Ok(Size(bytes)), "{text}");
        }
        for text in ["", "8", "8K", "8KB", "8 KiB", "-1B", "1e3B"] {
            assert!(Size::parse(text.to_owned()).is_err(), "{text}");
        }
    }
}

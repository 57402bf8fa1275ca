//! A slot of shared data: the records of those whose hash it is, in a bounded number of bytes.
//!
//! ```text
//! version (1)  records: who (8) seen, locked_until, three raised (5 * 4) three counts (3) what, at (2 * 4 each)
//! ```
//! Numbers are little-endian. What does not read as this is empty: another version of this filter, or another filter, wrote
//! it.

use super::recent::Recent;
use super::record::Record;

/// The records of one slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Slot {
    records: Vec<Record>,
}

impl Slot {
    pub(super) fn get(&self, who: u64) -> Option<&Record> {
        self.records.iter().find(|record| record.who == who)
    }

    /// The record of `who`, made if there is none, and whether it was made.
    pub(super) fn entry(&mut self, who: u64, now: u32) -> (Option<&mut Record>, bool) {
        let place = self.records.iter().position(|record| record.who == who);
        if place.is_none() {
            self.records.push(Record::new(who, now));
        }
        let record = match place {
            Some(place) => self.records.get_mut(place),
            None => self.records.last_mut(),
        };
        (record, place.is_none())
    }

    pub(super) fn records_mut(&mut self) -> impl Iterator<Item = &mut Record> {
        self.records.iter_mut()
    }

    /// As bytes, without those touched longest ago if there is too little room for all. One that is locked stays until it is
    /// not: its identity has other sessions and clients, which would push it out of their slot.
    pub(super) fn encode(&mut self) -> Vec<u8> {
        self.records.sort_by_key(|record| std::cmp::Reverse(record.seen.max(record.locked_until)));
        let mut bytes = vec![VERSION];
        for record in &self.records {
            let lists = [&record.networks, &record.failures, &record.rules];
            let entries = lists.iter().map(|list| list.0.len()).fold(0, usize::saturating_add);
            let size = FIXED.saturating_add(entries.saturating_mul(8));
            if bytes.len().saturating_add(size) > SLOT_BYTES {
                break;
            }
            bytes.extend_from_slice(&record.who.to_le_bytes());
            let times = [
                record.seen,
                record.locked_until,
                record.networks_raised,
                record.failures_raised,
                record.spread_raised,
            ];
            for time in times {
                bytes.extend_from_slice(&time.to_le_bytes());
            }
            for list in lists {
                bytes.push(u8::try_from(list.0.len()).unwrap_or(0));
            }
            for (what, at) in lists.into_iter().flat_map(|list| &list.0) {
                bytes.extend_from_slice(&what.to_le_bytes());
                bytes.extend_from_slice(&at.to_le_bytes());
            }
        }
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Self {
        let records = match bytes.split_first() {
            Some((&VERSION, rest)) if bytes.len() <= SLOT_BYTES => records(rest),
            _ => None,
        };
        Self { records: records.unwrap_or_default() }
    }
}

fn records(mut bytes: &[u8]) -> Option<Vec<Record>> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let (who, rest) = bytes.split_first_chunk()?;
        let (seen, rest) = number(rest)?;
        let (locked_until, rest) = number(rest)?;
        let (networks_raised, rest) = number(rest)?;
        let (failures_raised, rest) = number(rest)?;
        let (spread_raised, rest) = number(rest)?;
        let ([networks, failures, rules], rest) = rest.split_first_chunk()?;
        let (networks, rest) = list(*networks, rest)?;
        let (failures, rest) = list(*failures, rest)?;
        let (rules, rest) = list(*rules, rest)?;
        let who = u64::from_le_bytes(*who);
        records.push(Record {
            who,
            seen,
            locked_until,
            networks_raised,
            failures_raised,
            spread_raised,
            networks,
            failures,
            rules,
        });
        bytes = rest;
    }
    Some(records)
}

fn list(count: u8, mut bytes: &[u8]) -> Option<(Recent, &[u8])> {
    let mut entries = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let (what, rest) = number(bytes)?;
        let (at, rest) = number(rest)?;
        entries.push((what, at));
        bytes = rest;
    }
    Some((Recent(entries), bytes))
}

fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_le_bytes(*number), rest))
}

const VERSION: u8 = 1;

/// Of a record without lists.
const FIXED: usize = 31;

/// The largest record that can be configured has 50 failures, 33 rules and 9 networks: 767 bytes. Usual ones have 100.
pub(super) const SLOT_BYTES: usize = 2048;

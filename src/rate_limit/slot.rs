//! A slot of shared data: the records of those whose hash it is, so many at most, and which of them is forgotten for another.
//!
//! ```text
//! version (1)  records: who (8) used (1) until (4) length (2) record (length)
//! ```
//! Numbers are little-endian, `until` is in seconds since 1970. What does not read as this is empty: another version of this
//! filter, or another filter, wrote it.
//!
//! # What is forgotten
//!
//! When a slot is full, first a record that is worth nothing any more (its bucket is full again, its period is over), then the
//! one of which least is lost: what is used of its allowance, times how long that stays so. A month's quota outlives a bucket that
//! is full again in a minute. One that has used half of its allowance is never forgotten before it is worth nothing: nobody gets a
//! new allowance by flooding the memory with other keys. If all of a slot are such ones, the keys that have no record are counted
//! together, in one record of their limit in that slot: they may have too little, never too much.

use super::record::Worth;
use crate::time::UnixTime;

/// The records of one slot, as they are in shared data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot(Vec<u8>);

/// Where a record stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: usize,
    who: u64,
    used: u8,
    until: u32,
    end: usize,
}

impl Slot {
    pub(super) fn decode(mut bytes: Vec<u8>) -> Self {
        let sound = bytes.first() == Some(&VERSION) && walk(&bytes).all(|place| place.is_some());
        if !sound {
            bytes.clear();
            bytes.push(VERSION);
        }
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn places(&self) -> impl Iterator<Item = Place> {
        walk(&self.0).flatten()
    }

    /// The record of `who`.
    pub(super) fn get(&self, who: u64) -> Option<&[u8]> {
        let place = self.places().find(|place| place.who == who)?;
        self.0.get(place.start.saturating_add(HEAD)..place.end)
    }

    /// In whose record a key is counted that has none here.
    pub(super) fn seat(&self, most: usize, now: UnixTime) -> Seat {
        if self.places().count() < most {
            return Seat::Own;
        }
        match self.least(now) {
            Some(place) if place.until > secs(now) => Seat::Forgets,
            Some(_) => Seat::Own,
            None => Seat::Crowd,
        }
    }

    /// The record that would be forgotten.
    fn least(&self, now: UnixTime) -> Option<Place> {
        let now = secs(now);
        let lost = |place: &Place| {
            let used = u64::from(place.used).saturating_add(1);
            used.saturating_mul(place.until.saturating_sub(now).into())
        };
        self.places().filter(|place| place.until <= now || place.used < HOT).min_by_key(lost)
    }

    /// Puts the record of `who` in its place, and takes out another if there are `most`; `None` where there is room always.
    pub(super) fn put(&mut self, who: u64, record: &[u8], worth: Worth, most: Option<usize>, now: UnixTime) {
        let (mut goes, mut count) = (None, 0_usize);
        for place in self.places() {
            count = count.saturating_add(1);
            if place.who == who {
                goes = Some(place);
            }
        }
        if goes.is_none() && most.is_some_and(|most| count >= most) {
            goes = self.least(now);
        }
        if let Some(place) = goes {
            self.0.drain(place.start..place.end);
        }
        // Rounded up: it is worth something until the end of that second.
        self.add(who, record, worth.0, secs(worth.1).saturating_add(1));
    }

    fn add(&mut self, who: u64, record: &[u8], used: u8, until: u32) {
        let Ok(length) = u16::try_from(record.len()) else { return };
        self.0.reserve(HEAD.saturating_add(record.len()));
        self.0.extend_from_slice(&who.to_le_bytes());
        self.0.push(used);
        self.0.extend_from_slice(&until.to_le_bytes());
        self.0.extend_from_slice(&length.to_le_bytes());
        self.0.extend_from_slice(record);
    }

    /// Another record for `who`, worth as much as before unless `worth` says how much.
    pub(super) fn replace(&mut self, who: u64, record: &[u8], worth: Option<Worth>) {
        let own = self.places().find(|place| place.who == who);
        let Some(place) = own else { return };
        let (used, until) =
            worth.map_or((place.used, place.until), |(used, until)| (used, secs(until).saturating_add(1)));
        self.0.drain(place.start..place.end);
        self.add(who, record, used, until);
    }
}

/// In whose record a key is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seat {
    /// In its own.
    Own,
    /// In its own, for which another one is forgotten that is worth something.
    Forgets,
    /// In the record that many share.
    Crowd,
}

/// Each record's place; `None`, and then nothing, where it can't be read.
fn walk(bytes: &[u8]) -> impl Iterator<Item = Option<Place>> + '_ {
    let mut start = 1;
    std::iter::from_fn(move || {
        if start >= bytes.len() {
            return None;
        }
        let place = read(bytes, start);
        start = place.map_or(bytes.len(), |place| place.end);
        Some(place)
    })
}

fn read(bytes: &[u8], start: usize) -> Option<Place> {
    let (who, rest) = bytes.get(start..)?.split_first_chunk()?;
    let (&used, rest) = rest.split_first()?;
    let (until, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let length = usize::from(u16::from_le_bytes(*length));
    let end = start.checked_add(HEAD)?.checked_add(length)?;
    (rest.len() >= length).then(|| Place {
        start,
        who: u64::from_le_bytes(*who),
        used,
        until: u32::from_le_bytes(*until),
        end,
    })
}

fn secs(now: UnixTime) -> u32 {
    u32::try_from(now.as_secs()).unwrap_or(u32::MAX)
}

const VERSION: u8 = 1;

/// Before each record.
pub(super) const HEAD: usize = 15;

/// Half of an allowance.
const HOT: u8 = 128;

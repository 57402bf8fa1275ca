//! What is counted for one key of one limit, and its form in shared data.
//!
//! ```text
//! what (1)  bucket: full at (8)  window: newest part (8) counts (11 * 4)  quota: period (4) used (4)
//!           held: holders (1), each: holder (4) requests (2)
//! ```
//! Only what is not as in the beginning is there; `what` has a bit for each. Numbers are little-endian.

use std::time::Duration;

use super::bucket::Bucket;
use super::limit::Allowance;
use super::quota::Used;
use super::room::Room;
use super::window::{PARTS, Recent};
use super::{Excess, ExcessKind};
use crate::time::UnixTime;

/// What is counted for one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) bucket: Bucket,
    pub(super) recent: Recent,
    pub(super) used: Used,
    /// Requests that are not over, by the holder (a worker) that let them on.
    pub(super) held: Vec<(u32, u16)>,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask<'a> {
    pub(super) allowance: &'a Allowance,
    pub(super) weight: u32,
    /// So much of the allowance is left, quotas apart.
    pub(super) percent: u8,
    /// Who holds what it gets.
    pub(super) holder: u32,
}

impl Record {
    /// Counts a request, if there is room in everything.
    ///
    /// # Errors
    ///
    /// What there is no room in, and when there will be; of several, the last to have room. Nothing is counted then.
    pub(super) fn take(&mut self, ask: Ask<'_>, now: UnixTime) -> Result<(), (ExcessKind, Duration)> {
        let Ask { allowance, weight, percent, holder } = ask;
        let mut excess: Option<(ExcessKind, Duration)> = None;
        let mut beyond = |kind, wait: Duration| {
            if excess.is_none_or(|(_, longest)| longest < wait) {
                excess = Some((kind, wait));
            }
        };
        let (mut bucket, mut recent, mut used) = (None, None, None);
        if let Some(rate) = allowance.rate {
            bucket = self.bucket.take(rate, weight, percent, now).map_err(|wait| beyond(ExcessKind::Rate, wait)).ok();
        }
        if let Some(window) = allowance.window {
            recent =
                self.recent.take(window, weight, percent, now).map_err(|wait| beyond(ExcessKind::Window, wait)).ok();
        }
        if let Some(quota) = &allowance.quota {
            used = self.used.take(quota, weight, now).map_err(|wait| beyond(ExcessKind::Quota, wait)).ok();
        }
        if let Some(most) = allowance.concurrency
            && (self.at_once() >= at_once_of(most, percent) || !self.can_hold(holder))
        {
            beyond(ExcessKind::Concurrency, SOON);
        }
        if let Some(excess) = excess {
            return Err(excess);
        }
        self.bucket = bucket.unwrap_or(self.bucket);
        self.recent = recent.unwrap_or(self.recent);
        self.used = used.unwrap_or(self.used);
        if allowance.concurrency.is_some() {
            self.hold(holder);
        }
        Ok(())
    }

    /// Gives back what was taken for `ask` at `now`. What was taken or has passed since then stays so.
    pub(super) fn give_back(&mut self, ask: Ask<'_>, now: UnixTime) {
        let Ask { allowance, weight, percent, holder } = ask;
        if let Some(rate) = allowance.rate {
            self.bucket = self.bucket.give_back(rate, weight, percent);
        }
        if let Some(window) = allowance.window {
            self.recent = self.recent.give_back(window, weight, now);
        }
        if let Some(quota) = &allowance.quota {
            self.used = self.used.give_back(quota, weight, now);
        }
        if allowance.concurrency.is_some() {
            self.release(holder);
        }
    }

    /// After a step back of the clock nothing is in the future: what was counted is as old as it was, and a bucket is at most as
    /// empty as it can get. `false` if there was none. It has to be kept then, even if nothing is counted: otherwise time would stand still for
    /// it until the clock is where it was.
    pub(super) fn step_back(&mut self, allowance: &Allowance, percent: u8, now: UnixTime) -> bool {
        let before = (self.bucket, self.recent.newest, self.used);
        if let Some(rate) = allowance.rate {
            self.bucket = self.bucket.step_back(rate, percent, now);
        }
        if let Some(window) = allowance.window {
            self.recent = self.recent.step_back(window, now);
        }
        if let Some(quota) = &allowance.quota {
            self.used = self.used.step_back(quota, now);
        }
        before != (self.bucket, self.recent.newest, self.used)
    }

    /// How many requests are not over.
    pub(super) fn at_once(&self) -> u32 {
        self.held.iter().fold(0, |sum, (_, count)| sum.saturating_add((*count).into()))
    }

    /// `false` if there are too many holders to note another.
    fn can_hold(&self, holder: u32) -> bool {
        self.held.len() < MOST_HOLDERS || self.held.iter().any(|(id, _)| *id == holder)
    }

    fn hold(&mut self, holder: u32) {
        match self.held.iter_mut().find(|(id, _)| *id == holder) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.held.push((holder, 1)),
        }
    }

    /// One of the holder's requests is over.
    pub(super) fn release(&mut self, holder: u32) {
        for (_, count) in self.held.iter_mut().filter(|(id, _)| *id == holder) {
            *count = count.saturating_sub(1);
        }
        self.held.retain(|(_, count)| *count > 0);
    }

    /// What is left of everything in `allowance`.
    pub(super) fn rooms(&self, allowance: &Allowance, percent: u8, now: UnixTime) -> Vec<(ExcessKind, Room)> {
        let mut rooms = Vec::new();
        rooms.extend(allowance.rate.map(|rate| (ExcessKind::Rate, self.bucket.room(rate, percent, now))));
        rooms.extend(allowance.window.map(|window| (ExcessKind::Window, self.recent.room(window, percent, now))));
        rooms.extend(allowance.quota.as_ref().map(|quota| (ExcessKind::Quota, self.used.room(quota, now))));
        rooms.extend(allowance.concurrency.map(|most| {
            let left = at_once_of(most, percent).saturating_sub(self.at_once());
            (ExcessKind::Concurrency, Room { of: most, per: Duration::ZERO, left, resets_in: Duration::ZERO })
        }));
        rooms
    }

    /// How much of its allowance is used, of 255, and when that is worth nothing: who forgets it then forgets nothing.
    pub(super) fn worth(&self, allowance: &Allowance, now: UnixTime) -> (u8, UnixTime) {
        let mut worth = (0, now);
        let mut more = |(share, until): (u8, UnixTime)| worth = (worth.0.max(share), worth.1.max(until));
        if let Some(rate) = allowance.rate {
            more(self.bucket.weight(rate, now));
        }
        if let Some(window) = allowance.window {
            more(self.recent.weight(window, now));
        }
        if let Some(quota) = &allowance.quota {
            more(self.used.weight(quota, now));
        }
        if !self.held.is_empty() {
            more((u8::MAX, now.plus(HELD)));
        }
        worth
    }

    /// Adds it to `bytes`.
    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        let has_window = self.recent.counts != Recent::default().counts;
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        bytes.push(
            flag(self.bucket != Bucket::default(), BUCKET)
                | flag(has_window, WINDOW)
                | flag(self.used != Used::default(), QUOTA)
                | flag(!self.held.is_empty(), HOLDERS),
        );
        if self.bucket != Bucket::default() {
            bytes.extend_from_slice(&self.bucket.0.to_le_bytes());
        }
        if has_window {
            bytes.extend_from_slice(&self.recent.newest.to_le_bytes());
            self.recent.counts.iter().for_each(|count| bytes.extend_from_slice(&count.to_le_bytes()));
        }
        if self.used != Used::default() {
            bytes.extend_from_slice(&self.used.period.to_le_bytes());
            bytes.extend_from_slice(&self.used.requests.to_le_bytes());
        }
        if !self.held.is_empty() {
            bytes.push(u8::try_from(self.held.len()).unwrap_or(0));
            for (holder, count) in &self.held {
                bytes.extend_from_slice(&holder.to_le_bytes());
                bytes.extend_from_slice(&count.to_le_bytes());
            }
        }
    }

    /// `None` for what another filter, or another version of this one, has written.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&what, mut rest) = bytes.split_first()?;
        let mut record = Self::default();
        if what & BUCKET != 0 {
            record.bucket = Bucket(long(&mut rest)?);
        }
        if what & WINDOW != 0 {
            record.recent.newest = long(&mut rest)?;
            for place in 0..PARTS {
                *record.recent.counts.get_mut(place)? = number(&mut rest)?;
            }
        }
        if what & QUOTA != 0 {
            record.used = Used { period: number(&mut rest)?, requests: number(&mut rest)? };
        }
        if what & HOLDERS != 0 {
            let (&holders, mut list) = rest.split_first()?;
            for _ in 0..holders {
                let holder = number(&mut list)?;
                let (count, after) = list.split_first_chunk()?;
                record.held.push((holder, u16::from_le_bytes(*count)));
                list = after;
            }
            rest = list;
        }
        rest.is_empty().then_some(record)
    }
}

impl Excess {
    /// Of the limit `name`.
    pub(super) fn of(name: &std::rc::Rc<str>, (kind, retry_after): (ExcessKind, Duration)) -> Self {
        Self { limit: std::rc::Rc::clone(name), kind, retry_after }
    }
}

/// At least one: who is slowed down is not locked out.
fn at_once_of(most: u32, percent: u8) -> u32 {
    u32::try_from(u64::from(most).saturating_mul(percent.into()) / 100).unwrap_or(u32::MAX).max(1)
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
const QUOTA: u8 = 4;
const HOLDERS: u8 = 8;

/// Workers that hold requests of one key at the same time; more than a machine has.
const MOST_HOLDERS: usize = 128;

/// When a request ends is not known; clients that come again at once are a load of their own.
const SOON: Duration = Duration::from_secs(1);

/// A record with requests that are not over is kept for so long after it was last written, where there is too little room:
/// if its worker is lost, nobody will take them back.
const HELD: Duration = Duration::from_secs(60 * 60);

//! What is counted for one key of one limit.
//!
//! Tiers count in one record. What they count over the same time (windows of one length, quotas of one calendar, buckets that fill in
//! the same time) is one count; what is counted over another time stands beside it, as it was left.

use std::time::Duration;

use super::bucket::Bucket;
use super::limit::{Allowance, Limit};
use super::quota::Used;
use super::room::Room;
use super::window::Recent;
use super::{Excess, ExcessKind, form};
use crate::time::UnixTime;

/// What is counted for one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) bucket: Bucket,
    pub(super) recent: Recent,
    pub(super) used: Used,
    /// Requests that are not over, by the holder (a worker) that let them on.
    pub(super) held: Vec<(u32, u16)>,
    /// What it was worth when something was last counted, without what is held.
    pub(super) unheld: Worth,
    /// What is counted over other times, as it is in shared data.
    pub(super) others: Vec<u8>,
}

/// How much is used, of 255, and when that is worth nothing.
pub(super) type Worth = (u8, UnixTime);

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

    /// How much of its allowance is used, of 255, and when that is worth nothing: who forgets it then forgets nothing. Of tiers that
    /// count over the same time that counts which has least. What is held is apart.
    pub(super) fn worth(&self, limit: &Limit, allowance: &Allowance, now: UnixTime) -> Worth {
        let mut worth = (0, now);
        if let Some(rate) = allowance.rate {
            worth = more(worth, self.bucket.weight(rate, now));
        }
        if let Some(window) = allowance.window {
            worth = more(worth, self.recent.weight(window, limit.least_in_window(window), now));
        }
        if let Some(quota) = &allowance.quota {
            worth = more(worth, self.used.weight(quota, limit.least_in_quota(quota), now));
        }
        worth
    }

    /// Of what is counted over other times, keeps what a tier still counts and is worth something. What it is worth with that.
    pub(super) fn keep_others(&mut self, limit: &Limit, mut worth: Worth, now: UnixTime) -> Worth {
        let others = std::mem::take(&mut self.others);
        for entry in form::entries(&others) {
            let of = |allowance: &Allowance| {
                let record = form::decode(entry, allowance).filter(|record| record.others.is_empty())?;
                Some(record.worth(limit, allowance, now))
            };
            if let Some(other) = limit.allowances().find_map(of).filter(|(_, until)| *until > now) {
                worth = more(worth, other);
                self.others.extend_from_slice(entry);
            }
        }
        worth
    }
}

fn more(one: Worth, other: Worth) -> Worth {
    (one.0.max(other.0), one.1.max(other.1))
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

/// Workers that hold requests of one key at the same time; more than a machine has.
const MOST_HOLDERS: usize = 128;

/// When a request ends is not known; clients that come again at once are a load of their own.
const SOON: Duration = Duration::from_secs(1);

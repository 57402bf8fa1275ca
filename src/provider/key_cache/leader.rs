//! How workers agree: who fetches, and what the others take from it.
//!
//! A worker that finds a fetch due writes a lease into the control entry by compare-and-swap; whoever fails to has lost and
//! waits. The lease ends when the fetch does, or by its time, should the worker be gone. It covers both callouts of a fetch
//! with room to spare, and is renewed before the keys are written, so that two workers never write keys at once. Where
//! shared data do not work at all, each worker fetches for itself, on its own schedule.

use std::time::Duration;

use crate::jose::jwks::KeySet;
use crate::time::UnixTime;

use super::super::fetch::Fetch;
use super::health::Outcome;
use super::shared::{Control, Published, SharedData, Slot};
use super::{Held, KeyCache};

impl KeyCache {
    /// Reads the control entry, and takes over what has changed since it was last read.
    pub(super) fn sync(&mut self, now: UnixTime, shared: &mut dyn SharedData) -> Slot {
        let found = self.board.control(shared);
        self.synced_at = now;
        if let Slot::Found(control, cas) = found
            && self.seen != Some(cas)
        {
            self.seen = Some(cas);
            self.adopt(now, shared, &control);
        }
        if self.schedule.cools_down(now, self.settings.unknown_kid_cooldown) || self.schedule.backs_off(now) {
            self.wanted = false;
        }
        found
    }

    /// Begins a fetch, if no other worker is faster.
    pub(super) fn take_off(&mut self, now: UnixTime, shared: &mut dyn SharedData, found: Slot) -> Option<Fetch> {
        let lease = self.random.u64(1..);
        let mut schedule = self.schedule;
        if self.wanted {
            schedule.asked_at = Some(now);
        }
        let control = Control { version: self.version(), lease, lease_until: now.plus(self.lease_length()), schedule };
        if self.board.set_control(shared, found, &control).is_err() {
            let found = self.sync(now, shared);
            if found != Slot::Absent {
                return None;
            }
            // Nothing is there and yet it cannot be created: compared where nothing is, or not writable at all. In the
            // second case there is no other worker to agree with.
            let _ = self.board.force_control(shared, &control);
        }
        self.wanted = false;
        self.schedule = schedule;
        self.first_step(now, lease)
    }

    /// Ends a fetch with a set of keys, for all workers.
    pub(super) fn land(
        &mut self,
        now: UnixTime,
        shared: &mut dyn SharedData,
        lease: u64,
        set: KeySet,
        body: Vec<u8>,
        fresh_for: Duration,
    ) {
        let version = self.random.u64(1..);
        let renewed = Control {
            version: self.version(),
            lease,
            lease_until: now.plus(self.lease_length()),
            schedule: self.schedule,
        };
        if !self.write_under(shared, lease, &renewed) {
            return self.lose(now, shared);
        }
        let published = Published { version, fetched_at: now, fresh_for, body };
        let kept = self.board.publish(shared, &published);
        let mut schedule = self.schedule;
        schedule.succeeded(now, fresh_for, &mut self.random);
        // Without the set in place its version must not be announced; the others then fetch for themselves.
        let announced = if kept.is_ok() { version } else { renewed.version };
        let control = Control { version: announced, lease: 0, lease_until: UnixTime::default(), schedule };
        if !self.write_under(shared, lease, &control) {
            return self.lose(now, shared);
        }
        self.flight = None;
        self.schedule = schedule;
        self.last_outcome = Some(Outcome::Fetched);
        self.hold(now, Held { set, version, fetched_at: now, fresh_for });
    }

    /// Ends a fetch that came to nothing.
    pub(super) fn fail(&mut self, now: UnixTime, shared: &mut dyn SharedData, outcome: Outcome) {
        let Some(flight) = self.flight.take() else { return };
        self.last_outcome = Some(outcome);
        self.misses.fetch_failed();
        self.wanted = false;
        let mut schedule = self.schedule;
        schedule.failed(now, &mut self.random);
        let control = Control { version: self.version(), lease: 0, lease_until: UnixTime::default(), schedule };
        let told = self.write_under(shared, flight.lease, &control);
        // This worker waits also if it cannot tell the others, unless they know better.
        self.schedule = schedule;
        if !told {
            self.seen = None;
            self.sync(now, shared);
        }
    }

    /// From taking the lease to giving it back: two callouts, and as much again for a worker that is slow.
    pub(super) fn lease_length(&self) -> Duration {
        self.patience().saturating_mul(4)
    }

    /// Another worker has taken the lease meanwhile: its answer will be newer, so this one is dropped.
    fn lose(&mut self, now: UnixTime, shared: &mut dyn SharedData) {
        self.flight = None;
        self.last_outcome = Some(Outcome::LeaseLost);
        self.sync(now, shared);
    }

    /// Writes the control entry unless another worker holds the lease. True also where shared data do not work.
    fn write_under(&mut self, shared: &mut dyn SharedData, lease: u64, control: &Control) -> bool {
        for _ in 0..WRITES {
            let found = self.board.control(shared);
            if matches!(found, Slot::Found(current, _) if current.lease != lease) {
                return false;
            }
            if self.board.set_control(shared, found, control).is_ok() {
                return true;
            }
            if found == Slot::Absent {
                let _ = self.board.force_control(shared, control);
                return true;
            }
        }
        false
    }

    /// Takes over what another worker, or this one, has written.
    fn adopt(&mut self, now: UnixTime, shared: &mut dyn SharedData, control: &Control) {
        self.schedule.adopt(control.schedule);
        let own = self.flight.as_ref().is_some_and(|flight| flight.lease == control.lease);
        self.lease_elsewhere = if control.lease == 0 || own { UnixTime::default() } else { control.lease_until };
        if control.version != 0 && control.version != self.version() {
            self.load(now, shared, control.version);
        }
        self.steady(now);
    }

    /// Takes over the key set of another worker, after checking it as if it had just been fetched.
    fn load(&mut self, now: UnixTime, shared: &mut dyn SharedData, version: u64) {
        let set = self.board.published(shared, version).and_then(|published| {
            KeySet::parse(&published.body, &self.settings.key_set_limits()).ok().map(|set| (set, published))
        });
        match set {
            Some((set, published)) => {
                self.last_outcome = Some(Outcome::Adopted);
                let fresh_for = self.settings.fresh_for(Some(published.fresh_for));
                self.hold(now, Held { set, version, fetched_at: published.fetched_at.min(now), fresh_for });
            }
            None => {
                self.last_outcome = Some(Outcome::SharedUnreadable);
                if self.usable(now).is_none() {
                    self.schedule.next_attempt = self.schedule.next_attempt.min(now);
                }
            }
        }
    }

    fn hold(&mut self, now: UnixTime, held: Held) {
        let until = now.plus(self.miss_length());
        let known = |kid: &str| held.set.keys().iter().any(|key| key.kid() == Some(kid));
        self.misses.set_arrived(until, known);
        self.wanted = false;
        self.held = Some(held);
    }

    fn version(&self) -> u64 {
        self.held.as_ref().map_or(0, |held| held.version)
    }
}

/// Attempts at a write that others keep getting ahead of. They only could if the entry were overwritten by someone who does
/// not keep to the lease.
const WRITES: usize = 3;

//! Counts requests in limits, over all workers: what is counted is in the host's shared data.
//!
//! # Races
//!
//! A record is written only if it is still what was read. Who loses to another worker reads anew; there may be no room any more.
//! Then of several limits some have counted the request already, and give it back. Who loses too often is refused: the limit is
//! at work, and to let requests on uncounted would be no limit for those who send the most.

use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;

use super::holder::{Holder, is_there};
use super::limit::{Limit, When};
use super::record::Ask;
use super::slot::Seat;
use super::store::{Found, Store};
use super::tally::{Held, Request, Tally};
use super::upstream::Health;
use super::{Excess, ExcessKind, Source};
use crate::provider::SharedData;
use crate::time::UnixTime;

/// Counts requests in limits.
#[derive(Debug)]
pub struct Limiter {
    store: Store,
    random: Rng,
    holder: Option<Holder>,
    /// What could not be given back when its request was over, because other workers were faster.
    unreleased: Vec<Held>,
    upstreams: Vec<Health>,
    /// Records that were forgotten while they were worth something, and requests that were counted with those of other keys
    /// for want of room.
    forgotten: u64,
    crowded: u64,
}

impl Limiter {
    /// One that has counted nothing, with so much memory in shared data. `seed` is drawn at random.
    #[must_use]
    pub fn new(limits: &[&Limit], memory: usize, seed: u64) -> Self {
        let upstream = |limit: &&Limit| limit.upstream.map(|settings| Health::new(&limit.name, settings));
        Self {
            store: Store::new(limits, memory),
            random: Rng::with_seed(seed),
            holder: None,
            unreleased: Vec::new(),
            upstreams: limits.iter().filter_map(upstream).collect(),
            forgotten: 0,
            crowded: 0,
        }
    }

    /// Takes over from `former`, whose configuration this one replaces: what that one let on is still held by the same holder.
    pub fn succeed(&mut self, former: &mut Self) {
        self.holder = former.holder.take();
        self.unreleased.append(&mut former.unreleased);
    }

    /// Says to the other workers that this one is still there, if it holds anything, and gives back what could not be before.
    pub fn poll(&mut self, shared: &mut dyn SharedData, now: UnixTime) {
        if let Some(holder) = &mut self.holder {
            holder.say(shared, now);
        }
        for held in std::mem::take(&mut self.unreleased) {
            self.release(shared, held);
        }
    }

    /// Records that were forgotten while they were worth something, and requests that were counted together with those of other
    /// keys, both for want of memory.
    #[must_use]
    pub fn wanting(&self) -> (u64, u64) {
        (self.forgotten, self.crowded)
    }

    /// Counts a request in each of `requests`, or in none if there is no room in one of them: one read and one write for each. A
    /// limit that is only reported stops nothing.
    pub fn count(
        &mut self,
        shared: &mut dyn SharedData,
        requests: &[Request<'_>],
        source: Source<'_>,
        now: UnixTime,
    ) -> Vec<Tally> {
        if let [request] = requests {
            // The usual case, without a list of what was found.
            let mut found = self.store.find(shared, &mut self.random, request, source, now);
            let mut tally = self.try_take(shared, request, &mut found, now);
            if tally.excess.is_none() {
                self.settle(shared, request, source, &mut found, &mut tally, now);
            } else {
                self.keep_step(shared, request, &mut found, now);
            }
            return vec![tally];
        }
        self.count_all(shared, requests, source, now)
    }

    fn count_all(
        &mut self,
        shared: &mut dyn SharedData,
        requests: &[Request<'_>],
        source: Source<'_>,
        now: UnixTime,
    ) -> Vec<Tally> {
        let mut all: Vec<Found> = Vec::with_capacity(requests.len());
        let mut tallies: Vec<Tally> = Vec::with_capacity(requests.len());
        for request in requests {
            let mut found = self.store.find(shared, &mut self.random, request, source, now);
            tallies.push(self.try_take(shared, request, &mut found, now));
            all.push(found);
        }
        let mut stopped = tallies.iter().any(Tally::stops);
        let mut counted: Vec<(&Request<'_>, &mut Tally)> = Vec::with_capacity(requests.len());
        for ((request, found), tally) in requests.iter().zip(&mut all).zip(&mut tallies) {
            // Who is beyond a limit is not counted in it, so that it does not stay beyond it for trying.
            if stopped || tally.excess.is_some() {
                if tally.excess.is_none() {
                    found.record.give_back(self.ask(shared, request, now), now);
                    tally.undo(found.record.rooms(request.allowance(), request.percent, now));
                }
                self.keep_step(shared, request, found, now);
                continue;
            }
            self.settle(shared, request, source, found, tally, now);
            if tally.stops() {
                stopped = true;
                for (request, tally) in counted.drain(..) {
                    self.give_back(shared, request, source, tally, now);
                }
            } else if tally.excess.is_none() {
                counted.push((request, tally));
            }
        }
        tallies
    }

    /// Is there room for one more? Counts nothing.
    pub fn look(
        &mut self,
        shared: &mut dyn SharedData,
        request: &Request<'_>,
        source: Source<'_>,
        now: UnixTime,
    ) -> Tally {
        let mut found = self.store.find(shared, &mut self.random, request, source, now);
        let before = found.record.clone();
        let ask = self.ask(shared, request, now);
        let taken = take(self.holder, shared, &mut found, ask, now);
        found.record = before;
        let tally = tally(request, &found, taken.err(), now);
        self.keep_step(shared, request, &mut found, now);
        tally
    }

    /// A request is over: what it holds is free again, at the latest when the other workers are less busy with it.
    pub fn release(&mut self, shared: &mut dyn SharedData, held: Held) {
        if !(0..WRITES).any(|_| self.store.release(shared, held)) {
            self.unreleased.push(held);
        }
    }

    /// So much of a limit is left for what is seen of the upstream behind it.
    pub fn percent(&mut self, shared: &mut dyn SharedData, limit: &Limit, now: UnixTime) -> u8 {
        let health = self.upstreams.iter_mut().find(|health| health.name() == &*limit.name);
        health.map_or(100, |health| health.percent(shared, now))
    }

    /// The response to a request that was counted in the limit `name` came so long after it went on.
    pub fn note(&mut self, name: &str, status: Option<u16>, took: Duration) {
        if let Some(health) = self.upstreams.iter_mut().find(|health| health.name() == name) {
            health.note(status, took);
        }
    }

    /// A request that was counted in the limit `name` was over so long after it went on, and no response had come.
    pub fn note_silence(&mut self, name: &str, took: Duration) {
        if let Some(health) = self.upstreams.iter_mut().find(|health| health.name() == name) {
            health.note_silence(took);
        }
    }

    /// Takes from what was found, if there is room; nothing is written.
    fn try_take(
        &mut self,
        shared: &mut dyn SharedData,
        request: &Request<'_>,
        found: &mut Found,
        now: UnixTime,
    ) -> Tally {
        let ask = self.ask(shared, request, now);
        let taken = take(self.holder, shared, found, ask, now);
        tally(request, found, taken.err(), now)
    }

    /// Writes what was taken; takes anew where another worker was faster.
    fn settle(
        &mut self,
        shared: &mut dyn SharedData,
        request: &Request<'_>,
        source: Source<'_>,
        found: &mut Found,
        tally: &mut Tally,
        now: UnixTime,
    ) {
        for _ in 0..WRITES {
            if self.store.put(shared, request, found, now) {
                self.forgotten = self.forgotten.saturating_add(u64::from(found.seat == Seat::Forgets));
                self.crowded = self.crowded.saturating_add(u64::from(found.seat == Seat::Crowd));
                if let (Some(_), Some(holder)) = (request.allowance().concurrency, self.holder) {
                    tally.held = Some(Held { place: found.place, who: found.who, holder: holder.id() });
                }
                return;
            }
            *found = self.store.find(shared, &mut self.random, request, source, now);
            *tally = self.try_take(shared, request, found, now);
            if tally.excess.is_some() {
                return;
            }
        }
        tally.quiet = false;
        tally.excess = Some(Excess::of(&request.limit.name, (ExcessKind::Rate, BUSY)));
    }

    /// Takes out again what was counted, because a limit after it stops the request. What can't be is as if the request
    /// had gone on: too little for those who come next, never too much.
    fn give_back(
        &mut self,
        shared: &mut dyn SharedData,
        request: &Request<'_>,
        source: Source<'_>,
        tally: &mut Tally,
        now: UnixTime,
    ) {
        for _ in 0..WRITES {
            let mut found = self.store.find(shared, &mut self.random, request, source, now);
            let before = found.record.clone();
            let ask = self.ask(shared, request, now);
            found.record.give_back(ask, now);
            if found.record == before || self.store.put(shared, request, &mut found, now) {
                tally.undo(found.record.rooms(request.allowance(), request.percent, now));
                return;
            }
        }
    }

    /// Keeps what a step back of the clock has changed; if another worker was faster, it has done so.
    fn keep_step(&mut self, shared: &mut dyn SharedData, request: &Request<'_>, found: &mut Found, now: UnixTime) {
        if found.stepped {
            let _ = self.store.put(shared, request, found, now);
        }
    }

    fn ask<'r>(&mut self, shared: &mut dyn SharedData, request: &Request<'r>, now: UnixTime) -> Ask<'r> {
        let holder = match (request.allowance().concurrency, &self.holder) {
            (None, _) => 0,
            (Some(_), Some(holder)) => holder.id(),
            (Some(_), None) => self.holder.insert(Holder::new(shared, &mut self.random, now)).id(),
        };
        Ask { allowance: request.allowance(), weight: request.weight, percent: request.percent, holder }
    }
}

/// Takes what is asked for; what lost workers hold is nobody's.
fn take(
    holder: Option<Holder>,
    shared: &mut dyn SharedData,
    found: &mut Found,
    ask: Ask<'_>,
    now: UnixTime,
) -> Result<(), (ExcessKind, Duration)> {
    let taken = found.record.take(ask, now);
    let can_tell = holder.is_some_and(|holder| holder.can_tell(now));
    if !can_tell || !matches!(taken, Err((ExcessKind::Concurrency, _))) {
        return taken;
    }
    let holders = found.record.held.len();
    found.record.held.retain(|(id, _)| *id == ask.holder || is_there(shared, *id, now));
    if found.record.held.len() == holders { taken } else { found.record.take(ask, now) }
}

fn tally(request: &Request<'_>, found: &Found, excess: Option<(ExcessKind, Duration)>, now: UnixTime) -> Tally {
    let limit = request.limit;
    Tally {
        limit: Rc::clone(&limit.name),
        tier: request.tier.map(|tier| Rc::clone(&tier.name)),
        rooms: found.record.rooms(request.allowance(), request.percent, now),
        quiet: limit.when == When::ArrivalOfFailures && excess.is_none(),
        excess: excess.map(|excess| Excess::of(&limit.name, excess)),
        report_only: request.report_only,
        uncounted: false,
        held: None,
    }
}

/// How often a write is tried: each one that is lost was won by another worker. Of eight workers that do nothing else one in two is
/// lost, so that many in a row are no chance; they take a quarter of a millisecond.
const WRITES: usize = 64;

/// When it is worth to come again to a limit that too many workers write at the same time.
const BUSY: Duration = Duration::from_secs(1);

//! Counts requests in limits, over all workers: what is counted is in the host's shared data.

use std::fmt::Write;
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;

use super::holder::{Holder, is_there};
use super::limit::{Allowance, Limit, Tier, When};
use super::record::{Ask, Record};
use super::room::Room;
use super::slot::{SLOT_BYTES, Seat, Slot};
use super::upstream::Health;
use super::{Excess, ExcessKind, Source};
use crate::provider::SharedData;
use crate::shared_slot::{CREATE, HashKey, place, write};
use crate::time::UnixTime;

/// Counts requests in limits.
#[derive(Debug)]
pub struct Limiter {
    slots: u64,
    random: Rng,
    hash: Option<HashKey>,
    holder: Option<Holder>,
    upstreams: Vec<Health>,
    /// Records that were forgotten while they were worth something, and requests that were counted with those of other keys
    /// for want of room.
    forgotten: u64,
    crowded: u64,
    /// Reused for each key.
    text: String,
}

/// One limit that a request is to be counted in.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The limit.
    pub limit: &'a Limit,
    /// The tier's, if there is one, else the limit's own.
    pub tier: Option<&'a Tier>,
    /// It counts as so many.
    pub weight: u32,
    /// So much of the allowance is left, quotas apart; 1 to 100.
    pub percent: u8,
}

impl<'a> Request<'a> {
    /// The amounts that count for it.
    #[must_use]
    pub fn allowance(&self) -> &'a Allowance {
        self.tier.map_or(&self.limit.allowance, |tier| &tier.allowance)
    }
}

/// How that went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The limit's name.
    pub limit: Rc<str>,
    /// The caller's tier.
    pub tier: Option<Rc<str>>,
    /// What is left.
    pub rooms: Vec<(ExcessKind, Room)>,
    /// There was no room.
    pub excess: Option<Excess>,
    /// So it went on even so.
    pub report_only: bool,
    /// It counts failures, and this request is none so far.
    pub quiet: bool,
    /// What it holds until it is over.
    pub held: Option<Held>,
}

/// What a request holds until it is over; complete in itself, because the configuration may be another one by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    place: u64,
    who: u64,
    holder: u32,
}

/// Where the record of a key is, and what it was when it was read.
#[derive(Debug)]
struct Found {
    place: u64,
    slot: Slot,
    version: u32,
    /// In whose record the key is counted.
    who: u64,
    seat: Seat,
    record: Record,
    /// The clock stepped back since it was written.
    stepped: bool,
}

impl Limiter {
    /// One that has counted nothing, with so much memory in shared data. `seed` is drawn at random.
    #[must_use]
    pub fn new(limits: &[&Limit], memory: usize, seed: u64) -> Self {
        let upstream = |limit: &&Limit| limit.upstream.map(|settings| Health::new(&limit.name, settings));
        Self {
            slots: u64::try_from(memory / SLOT_BYTES).unwrap_or(1).max(1),
            random: Rng::with_seed(seed),
            hash: None,
            holder: None,
            upstreams: limits.iter().filter_map(upstream).collect(),
            forgotten: 0,
            crowded: 0,
            text: String::new(),
        }
    }

    /// Takes over from `former`, whose configuration this one replaces: what that one let on is still held by the same holder.
    pub fn succeed(&mut self, former: &mut Self) {
        self.holder = former.holder.take();
    }

    /// Says to the other workers that this one is still there, if it holds anything.
    pub fn poll(&mut self, shared: &mut dyn SharedData, now: UnixTime) {
        if let Some(holder) = &mut self.holder {
            holder.say(shared, now);
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
        let mut looked: Vec<(Found, Tally)> = Vec::with_capacity(requests.len());
        for request in requests {
            let who = self.who(shared, request.limit, source);
            let mut found = self.find(shared, request, who, now);
            let ask = self.ask(shared, request, now);
            let taken = self.take(shared, &mut found, ask, now);
            let tally = Tally::new(request, &found, taken.err(), now);
            looked.push((found, tally));
        }
        let stopped = looked.iter().any(|(_, tally)| tally.excess.is_some() && !tally.report_only);
        let mut tallies = Vec::with_capacity(looked.len());
        for (request, (found, tally)) in requests.iter().zip(looked) {
            // Who is beyond a limit is not counted in it, so that it does not stay beyond it for trying.
            let counts = !stopped && tally.excess.is_none();
            tallies.push(if counts {
                self.settle(shared, request, source, found, tally, now)
            } else {
                self.keep_step(shared, request, found, now);
                tally
            });
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
        let who = self.who(shared, request.limit, source);
        let mut found = self.find(shared, request, who, now);
        let before = found.record.clone();
        let ask = self.ask(shared, request, now);
        let taken = self.take(shared, &mut found, ask, now);
        found.record = before;
        let tally = Tally::new(request, &found, taken.err(), now);
        self.keep_step(shared, request, found, now);
        tally
    }

    /// A request is over: what it holds is free again.
    pub fn release(&mut self, shared: &mut dyn SharedData, held: Held) {
        for _ in 0..WRITES {
            let Some((bytes, version)) = shared.get(&self.slot_name(held.place)) else { return };
            let mut slot = Slot::decode(bytes);
            let Some(mut record) = slot.get(held.who).and_then(Record::decode) else { return };
            record.release(held.holder);
            slot.replace(held.who, &record.encode());
            if write(shared, &self.slot_name(held.place), slot.bytes(), version) {
                return;
            }
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

    fn settle(
        &mut self,
        shared: &mut dyn SharedData,
        request: &Request<'_>,
        source: Source<'_>,
        mut found: Found,
        mut tally: Tally,
        now: UnixTime,
    ) -> Tally {
        for _ in 0..WRITES {
            let is_crowd = matches!(found.seat, Seat::Crowd(_));
            let worth = found.record.worth(request.allowance(), now);
            found.slot.put(found.who, &found.record.encode(), worth, is_crowd, now);
            if write(shared, &self.slot_name(found.place), found.slot.bytes(), found.version) {
                self.forgotten = self.forgotten.saturating_add(u64::from(found.seat == Seat::Forgets));
                self.crowded = self.crowded.saturating_add(u64::from(is_crowd));
                if let (Some(_), Some(holder)) = (request.allowance().concurrency, self.holder) {
                    tally.held = Some(Held { place: found.place, who: found.who, holder: holder.id() });
                }
                return tally;
            }
            // Another worker was faster; there may be no room any more.
            let who = self.who(shared, request.limit, source);
            found = self.find(shared, request, who, now);
            let ask = self.ask(shared, request, now);
            let taken = self.take(shared, &mut found, ask, now);
            tally = Tally::new(request, &found, taken.err(), now);
            if tally.excess.is_some() {
                return tally;
            }
        }
        // Each time another worker has written, so the limit is at work; this one goes on uncounted.
        tally
    }

    /// Keeps what a step back of the clock has changed; if another worker was faster, it has done so.
    fn keep_step(&self, shared: &mut dyn SharedData, request: &Request<'_>, mut found: Found, now: UnixTime) {
        if found.stepped {
            let worth = found.record.worth(request.allowance(), now);
            found.slot.put(found.who, &found.record.encode(), worth, matches!(found.seat, Seat::Crowd(_)), now);
            let _ = write(shared, &self.slot_name(found.place), found.slot.bytes(), found.version);
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

    /// Takes what is asked for; what lost workers hold is nobody's.
    fn take(
        &self,
        shared: &mut dyn SharedData,
        found: &mut Found,
        ask: Ask<'_>,
        now: UnixTime,
    ) -> Result<(), (ExcessKind, Duration)> {
        let taken = found.record.take(ask, now);
        let can_tell = self.holder.is_some_and(|holder| holder.can_tell(now));
        if !can_tell || !matches!(taken, Err((ExcessKind::Concurrency, _))) {
            return taken;
        }
        let holders = found.record.held.len();
        found.record.held.retain(|(id, _)| *id == ask.holder || is_there(shared, *id, now));
        if found.record.held.len() == holders { taken } else { found.record.take(ask, now) }
    }

    fn find(&mut self, shared: &mut dyn SharedData, request: &Request<'_>, who: u64, now: UnixTime) -> Found {
        let place = place(who, self.slots);
        let (bytes, version) = shared.get(&self.slot_name(place)).unwrap_or((Vec::new(), CREATE));
        let slot = Slot::decode(bytes);
        let crowd = self.crowd(shared, request.limit);
        let seat = slot.seat(who, crowd, now);
        let own = slot.get(who).and_then(Record::decode);
        // Whose requests were counted with those of others does not begin anew when there is room again.
        let shared_one = || slot.get(crowd).and_then(Record::decode);
        let (who, mut record) = match (own, seat) {
            (Some(record), _) => (who, record),
            (None, Seat::Crowd(crowd)) => (crowd, shared_one().unwrap_or_default()),
            (None, _) => (who, shared_one().map(|record| Record { held: Vec::new(), ..record }).unwrap_or_default()),
        };
        let stepped = record.step_back(request.allowance(), now);
        Found { place, slot, version, who, seat, record, stepped }
    }

    /// A key, as one number.
    fn who(&mut self, shared: &mut dyn SharedData, limit: &Limit, source: Source<'_>) -> u64 {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        limit.key.write(source, &mut text);
        let who = self.hash(shared).hash(&[limit.name.as_bytes(), text.as_bytes()]);
        self.text = text;
        who
    }

    /// The record of those of a limit for whom there is no room.
    fn crowd(&mut self, shared: &mut dyn SharedData, limit: &Limit) -> u64 {
        self.hash(shared).hash(&[limit.name.as_bytes()])
    }

    fn hash(&mut self, shared: &mut dyn SharedData) -> HashKey {
        *self.hash.get_or_insert_with(|| HashKey::shared(shared, HASH_KEY, &mut self.random))
    }

    fn slot_name(&self, place: u64) -> String {
        let mut name = String::with_capacity(32);
        name.push_str("portcullis.limits.");
        // Writing to a `String` can't fail.
        let _ = write!(name, "{place}");
        name
    }
}

impl Tally {
    /// What came of it: `admitted`, `limited`, or `unenforced` where it would have been.
    #[must_use]
    pub fn outcome(&self) -> &'static str {
        match (&self.excess, self.report_only) {
            (None, _) => "admitted",
            (Some(_), false) => "limited",
            (Some(_), true) => "unenforced",
        }
    }

    fn new(request: &Request<'_>, found: &Found, excess: Option<(ExcessKind, Duration)>, now: UnixTime) -> Self {
        let limit = request.limit;
        Self {
            limit: Rc::clone(&limit.name),
            tier: request.tier.map(|tier| Rc::clone(&tier.name)),
            rooms: found.record.rooms(request.allowance(), request.percent, now),
            quiet: limit.when == When::ArrivalOfFailures && excess.is_none(),
            excess: excess.map(|excess| Excess::of(&limit.name, excess)),
            report_only: limit.report_only,
            held: None,
        }
    }
}

const HASH_KEY: &str = "portcullis.limits.key";

/// How often a write is tried: each one that is lost was won by another worker.
const WRITES: usize = 16;

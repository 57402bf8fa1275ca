//! Records in shared data: where the one of a key is, and how it is written.

use std::time::Duration;

use fastrand::Rng;

use super::Source;
use super::decimal::push_number;
use super::form;
use super::limit::{Allowance, Limit};
use super::record::Record;
use super::shape::Shape;
use super::slot::{Seat, Slot};
use super::tally::{Held, Request};
use crate::provider::SharedData;
use crate::shared_slot::{CREATE, HashKey, place, write};
use crate::time::UnixTime;

/// Where records are.
#[derive(Debug)]
pub(super) struct Store {
    shape: Shape,
    hash: Option<HashKey>,
    /// Reused for each key.
    text: String,
    bytes: Vec<u8>,
}

/// Where the record of a key is, and what it was when it was read.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) place: u64,
    name: String,
    slot: Slot,
    version: u32,
    /// In whose record the key is counted.
    pub(super) who: u64,
    pub(super) seat: Seat,
    pub(super) record: Record,
    /// The clock stepped back since it was written.
    pub(super) stepped: bool,
}

impl Store {
    /// One for these limits that takes so much memory.
    pub(super) fn new(limits: &[&Limit], memory: usize) -> Self {
        Self { shape: Shape::new(limits, memory), hash: None, text: String::new(), bytes: Vec::new() }
    }

    /// The record in which `request` is counted, as it is now.
    pub(super) fn find(
        &mut self,
        shared: &mut dyn SharedData,
        random: &mut Rng,
        request: &Request<'_>,
        source: Source<'_>,
        now: UnixTime,
    ) -> Found {
        let allowance = request.allowance();
        let hash = *self.hash.get_or_insert_with(|| HashKey::shared(shared, HASH_KEY, random));
        let mut who = self.who(hash, request.limit, source);
        let place = place(who, self.shape.slots);
        let name = slot_name(place);
        let (bytes, version) = shared.get(&name).unwrap_or((Vec::new(), CREATE));
        let slot = Slot::decode(bytes);
        let own = slot.get(who);
        let seat = if own.is_some() { Seat::Own } else { slot.seat(self.shape.records, now) };
        let mut record = own.and_then(|own| form::decode(own, allowance)).unwrap_or_else(|| {
            // The record of those of a limit for whom there is no room. Whose requests were counted in it does not begin
            // anew when there is room again.
            let crowd = hash.hash(&[request.limit.name.as_bytes()]);
            let shared_one = slot.get(crowd).and_then(|crowd| form::decode(crowd, allowance)).unwrap_or_default();
            if seat == Seat::Crowd {
                who = crowd;
                shared_one
            } else {
                Record { held: Vec::new(), ..shared_one }
            }
        });
        let stepped = record.step_back(allowance, request.percent, now);
        Found { place, name, slot, version, who, seat, record, stepped }
    }

    /// Writes what was found and has changed since. `false` if another worker was faster.
    pub(super) fn put(
        &mut self,
        shared: &mut dyn SharedData,
        request: &Request<'_>,
        found: &mut Found,
        now: UnixTime,
    ) -> bool {
        let (allowance, record) = (request.allowance(), &mut found.record);
        let mut worth = record.worth(request.limit, allowance, now);
        if !record.others.is_empty() {
            worth = record.keep_others(request.limit, worth, now);
        }
        // The one that many share is never forgotten for another.
        let most = if found.seat == Seat::Crowd { None } else { Some(self.shape.records) };
        if most.is_none() {
            worth.0 = u8::MAX;
        }
        record.unheld = worth;
        self.bytes.clear();
        form::encode(record, allowance, &mut self.bytes);
        if !record.held.is_empty() {
            worth = (u8::MAX, worth.1.max(now.plus(HELD)));
        }
        found.slot.put(found.who, &self.bytes, worth, most, now);
        write(shared, &found.name, found.slot.bytes(), found.version)
    }

    /// Takes back what a request held. `false` if another worker was faster.
    pub(super) fn release(&mut self, shared: &mut dyn SharedData, held: Held) -> bool {
        let name = slot_name(held.place);
        let Some((bytes, version)) = shared.get(&name) else { return true };
        let mut slot = Slot::decode(bytes);
        // Whose allowance it was may be gone with its configuration. What is counted stays as it is.
        let nobody = Allowance::default();
        let Some(mut record) = slot.get(held.who).and_then(|own| form::decode(own, &nobody)) else { return true };
        record.release(held.holder);
        self.bytes.clear();
        form::encode(&record, &nobody, &mut self.bytes);
        slot.replace(held.who, &self.bytes, record.held.is_empty().then_some(record.unheld));
        write(shared, &name, slot.bytes(), version)
    }

    /// A key, as one number.
    fn who(&mut self, hash: HashKey, limit: &Limit, source: Source<'_>) -> u64 {
        self.text.clear();
        limit.key.write(source, &mut self.text);
        hash.hash(&[limit.name.as_bytes(), self.text.as_bytes()])
    }
}

fn slot_name(place: u64) -> String {
    let mut name = String::with_capacity(SLOT_NAME.len().saturating_add(20));
    name.push_str(SLOT_NAME);
    push_number(&mut name, place);
    name
}

/// A record with requests that are not over is kept for so long after it was last written, where there is too little room:
/// if its worker is lost, nobody will take them back.
const HELD: Duration = Duration::from_secs(60 * 60);

const SLOT_NAME: &str = "portcullis.limits.";
const HASH_KEY: &str = "portcullis.limits.key";

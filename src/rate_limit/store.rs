//! Records in shared data: where the one of a key is, and how it is written.

use fastrand::Rng;

use super::Source;
use super::decimal::push_number;
use super::limit::Limit;
use super::record::Record;
use super::slot::{SLOT_BYTES, Seat, Slot};
use super::tally::{Held, Request};
use crate::provider::SharedData;
use crate::shared_slot::{CREATE, HashKey, place, write};
use crate::time::UnixTime;

/// Where records are.
#[derive(Debug)]
pub(super) struct Store {
    slots: u64,
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
    /// One that takes so much memory.
    pub(super) fn new(memory: usize) -> Self {
        let slots = u64::try_from(memory / SLOT_BYTES).unwrap_or(1).max(1);
        Self { slots, hash: None, text: String::new(), bytes: Vec::new() }
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
        let hash = *self.hash.get_or_insert_with(|| HashKey::shared(shared, HASH_KEY, random));
        let mut who = self.who(hash, request.limit, source);
        let place = place(who, self.slots);
        let name = slot_name(place);
        let (bytes, version) = shared.get(&name).unwrap_or((Vec::new(), CREATE));
        let slot = Slot::decode(bytes);
        let own = slot.get(who);
        let seat = if own.is_some() { Seat::Own } else { slot.seat(now) };
        let mut record = own.and_then(Record::decode).unwrap_or_else(|| {
            // The record of those of a limit for whom there is no room. Whose requests were counted in it does not begin
            // anew when there is room again.
            let crowd = hash.hash(&[request.limit.name.as_bytes()]);
            let shared_one = slot.get(crowd).and_then(Record::decode).unwrap_or_default();
            if seat == Seat::Crowd {
                who = crowd;
                shared_one
            } else {
                Record { held: Vec::new(), ..shared_one }
            }
        });
        let stepped = record.step_back(request.allowance(), request.percent, now);
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
        let worth = found.record.worth(request.allowance(), now);
        self.bytes.clear();
        found.record.encode(&mut self.bytes);
        found.slot.put(found.who, &self.bytes, worth, found.seat == Seat::Crowd, now);
        write(shared, &found.name, found.slot.bytes(), found.version)
    }

    /// Takes back what a request held. `false` if another worker was faster.
    pub(super) fn release(&mut self, shared: &mut dyn SharedData, held: Held) -> bool {
        let name = slot_name(held.place);
        let Some((bytes, version)) = shared.get(&name) else { return true };
        let mut slot = Slot::decode(bytes);
        let Some(mut record) = slot.get(held.who).and_then(Record::decode) else { return true };
        record.release(held.holder);
        self.bytes.clear();
        record.encode(&mut self.bytes);
        slot.replace(held.who, &self.bytes);
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

const SLOT_NAME: &str = "portcullis.limits.";
const HASH_KEY: &str = "portcullis.limits.key";

//! What workers know together of callers and addresses; see the module for where it is kept and why.

use std::net::IpAddr;
use std::time::Duration;

use fastrand::Rng;

use super::score::Score;
use super::settings::RiskSettings;
use super::sighting::{Sighting, address_hash};
use super::slot::{SLOT_BYTES, Slot};
use crate::identity::Identity;
use crate::provider::SharedData;
use crate::shared_slot::{CREATE, HashKey, place, write};
use crate::time::UnixTime;

/// Reads and writes what is known of callers and addresses.
#[derive(Debug)]
pub struct Watch {
    settings: RiskSettings,
    random: Rng,
    key: Option<HashKey>,
}

/// A request of a verified identity, from when it is known who calls until it is known how that ended.
#[derive(Debug)]
pub struct Encounter {
    sighting: Sighting,
    slot: Slot,
    entry: Entry,
    changed: bool,
    /// What is seen here raises the risk by this.
    score: u8,
    locked: Option<Duration>,
}

/// Where a slot is and what its number was when it was read.
#[derive(Clone, Debug)]
struct Entry {
    name: String,
    version: u32,
}

impl Watch {
    /// One that has seen nothing. `seed` is drawn at random.
    #[must_use]
    pub fn new(settings: RiskSettings, seed: u64) -> Self {
        Self { settings, random: Rng::with_seed(seed), key: None }
    }

    /// How it is configured.
    #[must_use]
    pub fn settings(&self) -> &RiskSettings {
        &self.settings
    }

    /// A request of `identity` for what `rule` speaks for: one read. `None` for nobody, and where nothing is kept.
    pub fn meet(
        &mut self,
        shared: &mut dyn SharedData,
        identity: &Identity,
        address: Option<IpAddr>,
        rule: &str,
        now: UnixTime,
    ) -> Option<Encounter> {
        if !self.settings.keeps_callers() || identity.is_anonymous() {
            return None;
        }
        let key = self.key(shared);
        let sighting = Sighting::of(key, identity, address, rule)?;
        let name = self.slot_name("i", sighting.place, 3);
        let (mut slot, entry) = self.read(shared, name, now);
        let locked = slot.get(sighting.identity).and_then(|record| record.locked(now));
        let changed = locked.is_none() && note(&mut slot, &sighting, &self.settings, now);
        let scores = [sighting.session, sighting.identity].map(|who| slot.get(who)).into_iter().flatten();
        let score = scores.map(|record| record.score(&self.settings, now)).fold(0, u8::saturating_add);
        Some(Encounter { sighting, slot, entry, changed, score, locked })
    }

    /// How it ended: by a failure that counts, or not. Writes what is new, if there is anything.
    pub fn part(&mut self, shared: &mut dyn SharedData, met: Encounter, failed: bool, now: UnixTime) {
        let Encounter { sighting, mut slot, mut entry, mut changed, .. } = met;
        let settings = &self.settings;
        for _ in 0..WRITES {
            if failed && let (Some(record), _) = slot.entry(sighting.identity, secs(now)) {
                record.fail(secs(now), settings);
                changed = true;
            }
            if !changed || write(shared, &entry.name, &slot.encode(), entry.version) {
                return;
            }
            // Another worker was faster; what it wrote stays, and this comes on top.
            (slot, entry) = self.read(shared, entry.name, now);
            changed = note(&mut slot, &sighting, settings, now);
        }
    }

    /// A request from `address` whose token did not verify: counts it, and says how long the address is locked if it is.
    pub fn unverified(
        &mut self,
        shared: &mut dyn SharedData,
        address: Option<IpAddr>,
        now: UnixTime,
    ) -> Option<Duration> {
        let (mut slot, mut entry, who) = self.address(shared, address, now)?;
        for _ in 0..WRITES {
            let (record, _) = slot.entry(who, secs(now));
            let record = record?;
            if let Some(left) = record.locked(now) {
                return Some(left);
            }
            record.fail(secs(now), &self.settings);
            if write(shared, &entry.name, &slot.encode(), entry.version) {
                return None;
            }
            (slot, entry) = self.read(shared, entry.name, now);
        }
        None
    }

    /// By how much the failures of `address` raise the risk of a request of nobody known: one read.
    pub fn of_address(&mut self, shared: &mut dyn SharedData, address: Option<IpAddr>, now: UnixTime) -> u8 {
        let Some((slot, _, who)) = self.address(shared, address, now) else { return 0 };
        slot.get(who).map_or(0, |record| record.score(&self.settings, now))
    }

    fn address(
        &mut self,
        shared: &mut dyn SharedData,
        address: Option<IpAddr>,
        now: UnixTime,
    ) -> Option<(Slot, Entry, u64)> {
        let address = address.filter(|_| self.settings.keeps_addresses())?;
        let key = self.key(shared);
        let who = address_hash(key, address);
        let name = self.slot_name("a", who, 1);
        let (slot, entry) = self.read(shared, name, now);
        Some((slot, entry, who))
    }

    fn read(&self, shared: &mut dyn SharedData, name: String, now: UnixTime) -> (Slot, Entry) {
        let (bytes, version) = shared.get(&name).unwrap_or((Vec::new(), CREATE));
        let mut slot = Slot::decode(&bytes);
        for record in slot.records_mut() {
            record.steady(secs(now), &self.settings);
        }
        (slot, Entry { name, version })
    }

    /// The name of the slot for `hash` among those that have so many quarters of the memory.
    fn slot_name(&self, kind: &str, hash: u64, quarters: u64) -> String {
        let slots = u64::try_from(self.settings.memory / SLOT_BYTES).unwrap_or(1).saturating_mul(quarters) / 4;
        let mut name = String::from("portcullis.risk.");
        name.push_str(kind);
        name.push('.');
        name.push_str(&place(hash, slots).to_string());
        name
    }

    fn key(&mut self, shared: &mut dyn SharedData) -> HashKey {
        *self.key.get_or_insert_with(|| HashKey::shared(shared, KEY, &mut self.random))
    }
}

impl Encounter {
    /// The risk that is seen here.
    #[must_use]
    pub fn score(&self) -> u8 {
        self.score
    }

    /// How long the identity is locked out, if it is.
    #[must_use]
    pub fn locked(&self) -> Option<Duration> {
        self.locked
    }
}

impl RiskSettings {
    /// All of a request's risk: what others say of it, and what is seen here.
    #[must_use]
    pub fn score(&self, seen: u8, said: impl Iterator<Item = Option<u8>>) -> Score {
        said.fold(Score::NONE.plus(Some(seen)), Score::plus)
    }
}

/// Notes a request in its slot; `false` if nothing is new.
fn note(slot: &mut Slot, sighting: &Sighting, settings: &RiskSettings, now: UnixTime) -> bool {
    let now = secs(now);
    let mut changed = false;
    if let (Some(network), Some(_)) = (sighting.network, settings.observe.networks)
        && let (Some(session), new) = slot.entry(sighting.session, now)
    {
        changed |= session.touch(now) | session.see_network(network, now, &settings.observe) | new;
    }
    if settings.observe.spread.is_some()
        && let (Some(identity), new) = slot.entry(sighting.identity, now)
    {
        changed |= identity.touch(now) | identity.see_rule(sighting.rule, now, &settings.observe) | new;
    }
    changed
}

fn secs(now: UnixTime) -> u32 {
    u32::try_from(now.as_secs()).unwrap_or(u32::MAX)
}

const KEY: &str = "portcullis.risk.key";

/// How often a write is tried: each one that is lost was won by another worker, and what is not noted is one sighting.
const WRITES: usize = 3;

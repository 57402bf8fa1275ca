//! Proofs that were used, known to all workers: each is good for one request (RFC 9449 section 11.1).
//!
//! Shared data has neither deletion nor time, so there is a fixed number of places, each a value that holds the uses of some
//! sixty proofs, and is changed by compare-and-swap: of two workers with one proof, one wins.
//!
//! ```text
//! version (1)  forgotten: the latest `iat` of a use that was forgotten (4)  uses: who (16) iat (4) each
//! ```
//! Numbers are little-endian. A use is forgotten when the proof is too old anyway. A clock that jumps ahead and back would make
//! such a proof young again; so a proof that is no younger than what was forgotten in its place counts as used. Uses that are
//! not old are never forgotten: a place that is full of them takes no more proofs.

use std::time::Duration;

use super::secret::Secret;
use super::{Method, ProofFlaw};
use crate::provider::SharedData;
use crate::shared_slot::{CREATE, write};
use crate::time::UnixTime;

/// One use of a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// What tells the proof from all others; each part has a meaning of its own, and the order counts.
    pub parts: [Vec<u8>; 3],
    /// When it was made.
    pub issued: UnixTime,
}

impl Use {
    fn moment(&self) -> u32 {
        u32::try_from(self.issued.as_secs()).unwrap_or(u32::MAX)
    }
}

/// Where uses are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replays {
    /// What kind of proofs they are: those that could be used for longer must not forget for the others.
    kind: Method,
    /// How many at a time.
    entries: u32,
    /// How long a proof could be used.
    window: Duration,
}

impl Replays {
    /// Room for `entries` proofs of this kind that could be used for `window` each.
    #[must_use]
    pub const fn new(kind: Method, entries: u32, window: Duration) -> Self {
        Self { kind, entries, window }
    }

    /// Was the proof used already? Only looks, so that a proof that is sent again is refused before anything is counted for the
    /// caller that it proves. Of requests that are on their way at the same time [`Replays::spend`] lets one go on.
    ///
    /// # Errors
    ///
    /// It was, or may have been.
    pub fn look(self, secret: &Secret, used: &Use, host: &mut dyn SharedData, now: UnixTime) -> Result<(), ProofFlaw> {
        let (name, who) = self.find(secret, used).ok_or(ProofFlaw::StoreUnavailable)?;
        let Some((bytes, _)) = host.get(&name) else { return Ok(()) };
        let mut place = Place::decode(&bytes);
        place.forget(self.window, now);
        if place.knows(&who, used) { Err(ProofFlaw::Replayed) } else { Ok(()) }
    }

    /// Notes that a proof is used now.
    ///
    /// # Errors
    ///
    /// It was used before, or that can't be told or written down.
    pub fn spend(self, secret: &Secret, used: &Use, host: &mut dyn SharedData, now: UnixTime) -> Result<(), ProofFlaw> {
        let (name, who) = self.find(secret, used).ok_or(ProofFlaw::StoreUnavailable)?;
        for _ in 0..WRITES {
            let found = host.get(&name);
            let (bytes, version) = found.unwrap_or((Vec::new(), CREATE));
            let mut place = Place::decode(&bytes);
            place.forget(self.window, now);
            place.note(who, used)?;
            let bytes = place.encode();
            if !write(host, &name, &bytes, version) {
                continue;
            }
            // A host that does not share, or would not write, says that it did.
            let stands = host.get(&name).is_some_and(|(found, _)| Place::decode(&found).has(&who));
            return if stands { Ok(()) } else { Err(ProofFlaw::StoreUnavailable) };
        }
        Err(ProofFlaw::StoreBusy)
    }

    /// Its place, and what it is called there.
    fn find(self, secret: &Secret, used: &Use) -> Option<(String, Who)> {
        let mac = secret.mac("portcullis proof", &used.parts.each_ref().map(Vec::as_slice))?;
        let (who, rest) = mac.split_first_chunk()?;
        Some((self.place(rest), *who))
    }

    /// The place is chosen by other bits than those that are written down.
    fn place(self, hash: &[u8]) -> String {
        let number = hash.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let places = u64::from(self.entries.div_ceil(PLANNED)).max(1);
        format!("portcullis.proofs.{}.{places}.{}", self.kind.name(), number.checked_rem(places).unwrap_or(0))
    }
}

/// The uses in one place.
#[derive(Debug, Default, PartialEq, Eq)]
struct Place {
    forgotten: u32,
    uses: Vec<(Who, u32)>,
}

type Who = [u8; 16];

impl Place {
    fn has(&self, who: &Who) -> bool {
        self.uses.iter().any(|(other, _)| other == who)
    }

    /// Forgets what is too old to be used again, in whole seconds: `issued` lost its fraction.
    fn forget(&mut self, window: Duration, now: UnixTime) {
        let now = u32::try_from(now.as_secs()).unwrap_or(u32::MAX);
        let window = u32::try_from(window.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
        let forgotten = &mut self.forgotten;
        self.uses.retain(|(_, issued)| {
            let stays = issued.saturating_add(window) > now;
            if !stays {
                *forgotten = (*forgotten).max(*issued);
            }
            stays
        });
    }

    /// Was it used here, or may it have been?
    fn knows(&self, who: &Who, used: &Use) -> bool {
        self.has(who) || used.moment() <= self.forgotten
    }

    fn note(&mut self, who: Who, used: &Use) -> Result<(), ProofFlaw> {
        if self.knows(&who, used) {
            return Err(ProofFlaw::Replayed);
        }
        if self.uses.len() >= MOST {
            return Err(ProofFlaw::StoreFull);
        }
        self.uses.push((who, used.moment()));
        Ok(())
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.forgotten.to_le_bytes());
        for (who, issued) in &self.uses {
            bytes.extend_from_slice(who);
            bytes.extend_from_slice(&issued.to_le_bytes());
        }
        bytes
    }

    /// What does not read as this is empty: nobody else writes here, but another version of this filter.
    fn decode(bytes: &[u8]) -> Self {
        Self::read(bytes).unwrap_or_default()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (&version, bytes) = bytes.split_first()?;
        let (forgotten, bytes) = bytes.split_first_chunk()?;
        let (uses, rest) = bytes.as_chunks::<20>();
        let uses = uses.iter().filter_map(|entry| {
            let (who, issued) = entry.split_first_chunk()?;
            Some((*who, u32::from_le_bytes(issued.try_into().ok()?)))
        });
        (version == VERSION && rest.is_empty())
            .then(|| Self { forgotten: u32::from_le_bytes(*forgotten), uses: uses.collect() })
    }
}

const VERSION: u8 = 1;

/// How many uses one place holds: 1.3 KB, which each request with a proof reads and writes.
const MOST: usize = 64;

/// How many it is planned for. Proofs fall on places by chance: with 32 on average, four places in ten million have 64.
const PLANNED: u32 = 32;

/// Each write that is lost was won by another worker in the same place; so many in a row are not chance.
const WRITES: usize = 16;

#[cfg(test)]
mod tests;

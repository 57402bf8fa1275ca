//! What several features need to keep records in the host's shared data, which has no expiry and no removal: a fixed number of
//! slots, found by a keyed hash, and written by compare-and-swap.

use std::hash::Hasher;

use fastrand::Rng;

use crate::provider::SharedData;

/// The key of hashes: the same in all workers, known to nobody else. So nobody can aim at a slot, and nothing in shared data names
/// anybody.
#[derive(Clone, Copy)]
pub(crate) struct HashKey(u64, u64);

impl std::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashKey")
    }
}

impl HashKey {
    /// The key that workers share under `name`: the first one draws it.
    pub(crate) fn shared(shared: &mut dyn SharedData, name: &str, random: &mut Rng) -> Self {
        let mine = Self(random.u64(..), random.u64(..));
        let found = match shared.get(name) {
            Some((bytes, _)) if Self::decode(&bytes).is_some() => Self::decode(&bytes),
            other => {
                let mut bytes = mine.0.to_le_bytes().to_vec();
                bytes.extend_from_slice(&mine.1.to_le_bytes());
                let _ = write(shared, name, &bytes, other.map_or(CREATE, |(_, version)| version));
                shared.get(name).and_then(|(bytes, _)| Self::decode(&bytes))
            }
        };
        found.unwrap_or(mine)
    }

    /// Of parts, each with its length, so that no two lists of parts are one text.
    #[expect(
        deprecated,
        reason = "SipHash-2-4 with a key that workers share; the hashers that replace it draw their own"
    )]
    pub(crate) fn hash(self, parts: &[&[u8]]) -> u64 {
        let mut hasher = std::hash::SipHasher::new_with_keys(self.0, self.1);
        for part in parts {
            hasher.write_u64(u64::try_from(part.len()).unwrap_or(u64::MAX));
            hasher.write(part);
        }
        hasher.finish()
    }

    /// The same, shorter.
    pub(crate) fn short(self, parts: &[&[u8]]) -> u32 {
        let [a, b, c, d, ..] = self.hash(parts).to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (one, rest) = bytes.split_first_chunk()?;
        let (two, rest) = rest.split_first_chunk()?;
        rest.is_empty().then(|| Self(u64::from_le_bytes(*one), u64::from_le_bytes(*two)))
    }
}

/// Which of so many slots is for `hash`. The low bits name records; the place is chosen by others.
pub(crate) fn place(hash: u64, slots: u64) -> u64 {
    (hash >> 16).checked_rem(slots.max(1)).unwrap_or(0)
}

/// Writes unless somebody was faster. Some hosts compare even where nothing is.
pub(crate) fn write<S: SharedData + ?Sized>(shared: &mut S, name: &str, value: &[u8], version: u32) -> bool {
    shared.set(name, value, version).is_ok()
        || (version == CREATE && shared.get(name).is_none() && shared.set(name, value, 0).is_ok())
}

/// "Only if there is none": the host compares only with what exists, and hands out numbers from 1 upwards.
pub(crate) const CREATE: u32 = u32::MAX;

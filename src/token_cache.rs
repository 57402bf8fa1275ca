//! Verified once, remembered until it expires, its key is withdrawn, or room is needed.
//!
//! The whole token text is the name of an entry, never a digest of part of it: two texts that differ anywhere are two
//! tokens. The text is compared byte for byte after a keyed hash found it, so no crafted collision lets one pass for
//! another. Time, audience and the key's standing are asked again at each hit, by the caller.

use std::collections::hash_map::RandomState;
use std::rc::Rc;

use lru::LruCache;

use crate::token::VerifiedToken;

/// The verified tokens of one worker, least recently used first to go.
#[derive(Debug)]
pub struct TokenCache {
    // std's keyed hash: attackers choose the tokens, so a fixed hash would let them pile up collisions.
    entries: LruCache<Box<[u8]>, Rc<VerifiedToken>, RandomState>,
    bytes: usize,
    capacity: usize,
}

impl TokenCache {
    /// A cache that holds about `capacity` bytes; 0 remembers nothing.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { entries: LruCache::unbounded_with_hasher(RandomState::new()), bytes: 0, capacity }
    }

    /// The verified token with exactly this text.
    pub fn get(&mut self, text: &[u8]) -> Option<Rc<VerifiedToken>> {
        self.entries.get(text).map(Rc::clone)
    }

    /// Remembers `token`, and forgets the least recently used while there is too little room.
    pub fn insert(&mut self, text: &[u8], token: Rc<VerifiedToken>) {
        let weight = weight(text);
        if weight > self.capacity {
            return;
        }
        if self.entries.put(Box::from(text), token).is_none() {
            self.bytes = self.bytes.saturating_add(weight);
        }
        while self.bytes > self.capacity {
            let Some((text, _)) = self.entries.pop_lru() else { return };
            self.release(&text);
        }
    }

    /// Forgets one.
    pub fn remove(&mut self, text: &[u8]) {
        if self.entries.pop(text).is_some() {
            self.release(text);
        }
    }

    /// How many are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// `true` when none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// About how many bytes they take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn release(&mut self, text: &[u8]) {
        self.bytes = self.bytes.saturating_sub(weight(text));
    }
}

/// What an entry takes: its text, its claims as a tree (measured at about twice the text for Entra's tokens), the payload
/// as it was signed, and the bookkeeping.
fn weight(text: &[u8]) -> usize {
    text.len().saturating_mul(4).saturating_add(512)
}

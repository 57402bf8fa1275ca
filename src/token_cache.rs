//! Verified once, remembered until it expires, its key is withdrawn, or room is needed.
//!
//! An entry is found by the end of the token's text, which is the end of its signature: whoever could make two good
//! tokens with the same end could as well forge one. Then the whole text is compared, byte for byte, so two texts that
//! differ anywhere are two tokens. Time, audience and the key's standing are asked again at each hit, by the caller.

use std::rc::Rc;

use lru::LruCache;

use crate::token::VerifiedToken;

/// The verified tokens of one worker, least recently used first to go.
#[derive(Debug)]
pub struct TokenCache {
    // `lru`'s default hasher is keyed per process, and no attacker chooses the ends of tokens that verify.
    entries: LruCache<End, Entry>,
    bytes: usize,
    capacity: usize,
}

#[derive(Debug)]
struct Entry {
    text: Box<[u8]>,
    token: Rc<VerifiedToken>,
}

/// 32 characters, 192 bits of signature. The shortest signature there is, HS256's, has 43.
type End = [u8; 32];

impl TokenCache {
    /// A cache that holds about `capacity` bytes; 0 remembers nothing.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { entries: LruCache::unbounded(), bytes: 0, capacity }
    }

    /// The verified token with exactly this text.
    pub fn get(&mut self, text: &[u8]) -> Option<Rc<VerifiedToken>> {
        let entry = self.entries.get(text.last_chunk::<32>()?)?;
        same(&entry.text, text).then(|| Rc::clone(&entry.token))
    }

    /// Remembers `token`, and forgets the least recently used while there is too little room.
    pub fn insert(&mut self, text: &[u8], token: Rc<VerifiedToken>) {
        let Some(end) = text.last_chunk::<32>() else { return };
        if weight(text) > self.capacity {
            return;
        }
        self.bytes = self.bytes.saturating_add(weight(text));
        let former = self.entries.put(*end, Entry { text: Box::from(text), token });
        self.release(former);
        while self.bytes > self.capacity {
            let Some((_, oldest)) = self.entries.pop_lru() else { return };
            self.release(Some(oldest));
        }
    }

    /// Forgets one.
    pub fn remove(&mut self, text: &[u8]) {
        let former = text.last_chunk::<32>().and_then(|end| self.entries.pop(end));
        self.release(former);
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

    fn release(&mut self, entry: Option<Entry>) {
        if let Some(entry) = entry {
            self.bytes = self.bytes.saturating_sub(weight(&entry.text));
        }
    }
}

/// Equality, eight bytes at a time: the C library that wasm builds link compares one byte after the other.
fn same(left: &[u8], right: &[u8]) -> bool {
    let (left_words, left_rest) = left.as_chunks::<8>();
    let (right_words, right_rest) = right.as_chunks::<8>();
    left.len() == right.len()
        && left_words
            .iter()
            .zip(right_words)
            .all(|(left, right)| u64::from_le_bytes(*left) == u64::from_le_bytes(*right))
        && left_rest == right_rest
}

/// What an entry takes: its text, its claims as a tree (measured at about twice the text for Entra's tokens), the payload
/// as it was signed, and the bookkeeping.
fn weight(text: &[u8]) -> usize {
    text.len().saturating_mul(4).saturating_add(512)
}

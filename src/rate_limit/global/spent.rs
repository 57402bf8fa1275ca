//! Keys of which the engine said that nothing is left.

use std::num::NonZeroUsize;
use std::time::Duration;

use lru::LruCache;

use super::answer::Answer;
use super::descriptor::{Descriptor, Fingerprint};
use crate::time::UnixTime;

/// What the engine refused, until the moment it named.
#[derive(Debug)]
pub(super) struct Spent(LruCache<Fingerprint, Refusal>);

#[derive(Clone, Copy, Debug)]
struct Refusal {
    answer: Answer,
    /// So many at once had no room; fewer might.
    hits: u32,
    since: UnixTime,
    /// When there is all of it again, by the engine's word.
    reset: UnixTime,
    until: UnixTime,
}

impl Spent {
    pub(super) fn new() -> Self {
        Self(LruCache::new(MOST))
    }

    /// The engine's refusal, if it would refuse again.
    pub(super) fn get(&mut self, now: UnixTime, domain: &str, descriptor: &Descriptor, hits: u32) -> Option<Answer> {
        if self.0.is_empty() {
            return None;
        }
        let fingerprint = descriptor.fingerprint(domain);
        let refusal = *self.0.get(&fingerprint)?;
        // A clock that stepped back would make it last longer.
        if now >= refusal.until || now < refusal.since {
            self.0.pop(&fingerprint);
            return None;
        }
        (hits >= refusal.hits).then(|| Answer { reset: Some(refusal.reset.since(now)), ..refusal.answer })
    }

    /// Remembers an answer, if it is worth it.
    pub(super) fn keep(&mut self, now: UnixTime, domain: &str, descriptor: &Descriptor, hits: u32, answer: &Answer) {
        let Some(reset) = answer.reset.filter(|reset| answer.over && !reset.is_zero()) else { return };
        let until = now.plus(reset.min(LONGEST_MEMORY));
        let refusal = Refusal { answer: *answer, hits, since: now, reset: now.plus(reset), until };
        self.0.put(descriptor.fingerprint(domain), refusal);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// About half a megabyte. Who was not seen longest is asked for again, no more.
const MOST: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);

/// An allowance that the operator raises, or a counter that is set back, is noticed within it.
pub(super) const LONGEST_MEMORY: Duration = Duration::from_secs(10);

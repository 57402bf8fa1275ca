//! What was answered, kept for a while and within bounds.

use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::Duration;

use lru::LruCache;
use serde_json::{Map, Value};

use super::flaw::IntrospectionFlaw;
use super::{Introspected, TokenDigest};
use crate::time::UnixTime;

/// What is known of a token.
#[derive(Clone, Debug)]
pub(super) enum Kept {
    Active(Rc<Introspected>),
    Refused(IntrospectionFlaw),
    /// The server would not say; it is not asked again before this moment.
    Failed(UnixTime),
}

/// Answers by token, least recently used first to go.
#[derive(Debug)]
pub(super) struct Held {
    active: LruCache<TokenDigest, Entry<Active>>,
    bytes: usize,
    capacity: usize,
    /// Anybody can make up tokens that end here, so they take no room from the others.
    refused: LruCache<TokenDigest, Entry<Option<IntrospectionFlaw>>>,
}

#[derive(Debug)]
struct Entry<T> {
    what: T,
    since: UnixTime,
    span: Duration,
}

#[derive(Debug)]
struct Active {
    said: Rc<Introspected>,
    weight: usize,
}

impl<T> Entry<T> {
    fn is_fresh(&mut self, now: UnixTime) -> bool {
        // A clock that stepped back lengthens no life beyond the step.
        self.since = self.since.min(now);
        now.since(self.since) < self.span
    }
}

impl Held {
    pub(super) fn new(capacity: usize) -> Self {
        Self { active: LruCache::unbounded(), bytes: 0, capacity, refused: LruCache::new(MOST_REFUSED) }
    }

    /// What was answered, if it is still good.
    pub(super) fn get(&mut self, now: UnixTime, digest: &TokenDigest) -> Option<Kept> {
        if let Some(entry) = self.active.get_mut(digest) {
            if entry.is_fresh(now) {
                return Some(Kept::Active(Rc::clone(&entry.what.said)));
            }
            self.release(digest);
        }
        let entry = self.refused.get_mut(digest)?;
        if entry.is_fresh(now) {
            let until = entry.since.plus(entry.span);
            return Some(entry.what.map_or(Kept::Failed(until), Kept::Refused));
        }
        self.refused.pop(digest);
        None
    }

    /// Keeps for `span` what was said of an active token. The newest is kept even if it is larger than all there may be: a
    /// request waits for it.
    pub(super) fn insert(&mut self, now: UnixTime, digest: TokenDigest, claims: Map<String, Value>, span: Duration) {
        self.release(&digest);
        self.refused.pop(&digest);
        let weight = weight(&claims);
        let said = Rc::new(Introspected { claims, until: now.plus(span) });
        self.bytes = self.bytes.saturating_add(weight);
        self.active.put(digest, Entry { what: Active { said, weight }, since: now, span });
        while self.bytes > self.capacity && self.active.len() > 1 {
            let Some((_, oldest)) = self.active.pop_lru() else { return };
            self.bytes = self.bytes.saturating_sub(oldest.what.weight);
        }
    }

    /// Keeps for `span` that a token is refused, or, without a flaw, that the server would not say.
    pub(super) fn refuse(
        &mut self,
        now: UnixTime,
        digest: TokenDigest,
        flaw: Option<IntrospectionFlaw>,
        span: Duration,
    ) {
        self.release(&digest);
        self.refused.put(digest, Entry { what: flaw, since: now, span });
    }

    pub(super) fn len(&self) -> usize {
        self.active.len().saturating_add(self.refused.len())
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn release(&mut self, digest: &TokenDigest) {
        if let Some(entry) = self.active.pop(digest) {
            self.bytes = self.bytes.saturating_sub(entry.what.weight);
        }
    }
}

/// About what claims take as a tree, with about 300 bytes around them.
fn weight(claims: &Map<String, Value>) -> usize {
    claims.iter().fold(300, |sum, (name, value)| sum.saturating_add(name.len()).saturating_add(size(value)))
}

/// Depth and number of members are bounded where they are read.
fn size(value: &Value) -> usize {
    let inner = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(size).fold(0, usize::saturating_add),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| size(value).saturating_add(name.len()).saturating_add(BOOKKEEPING))
            .fold(0, usize::saturating_add),
    };
    inner.saturating_add(BOOKKEEPING)
}

/// A value, its text's own head, and its place in a map.
const BOOKKEEPING: usize = 56;

/// 100 bytes each: 400 KiB. Far more than there may be requests that wait, so each of those finds its answer.
const MOST_REFUSED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);

//! What was found, kept for a while and within bounds.

use std::time::Duration;

use lru::LruCache;

use super::list::GroupList;
use super::member::Member;
use crate::time::UnixTime;

/// Groups by caller, least recently used first to go.
#[derive(Debug)]
pub(super) struct Held {
    entries: LruCache<Member, (GroupList, UnixTime)>,
    bytes: usize,
    capacity: usize,
}

impl Held {
    pub(super) fn new(capacity: usize) -> Self {
        Self { entries: LruCache::unbounded(), bytes: 0, capacity }
    }

    /// What was found within `fresh_for`.
    pub(super) fn get(&mut self, now: UnixTime, fresh_for: Duration, member: &Member) -> Option<GroupList> {
        let (list, found_at) = self.entries.get_mut(member)?;
        // A clock that stepped back lengthens no life beyond the step.
        *found_at = (*found_at).min(now);
        if now.since(*found_at) < fresh_for {
            return Some(GroupList::clone(list));
        }
        self.release(member);
        None
    }

    /// Keeps `list`. The newest is kept even if it is larger than all there may be: a request waits for it.
    pub(super) fn insert(&mut self, now: UnixTime, member: Member, list: GroupList) {
        self.release(&member);
        self.bytes = self.bytes.saturating_add(weight(&list));
        self.entries.put(member, (list, now));
        while self.bytes > self.capacity && self.entries.len() > 1 {
            let Some((_, (list, _))) = self.entries.pop_lru() else { return };
            self.bytes = self.bytes.saturating_sub(weight(&list));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn release(&mut self, member: &Member) {
        if let Some((list, _)) = self.entries.pop(member) {
            self.bytes = self.bytes.saturating_sub(weight(&list));
        }
    }
}

/// What an entry takes: each id with the bookkeeping of a text, and about 200 bytes around them.
fn weight(list: &GroupList) -> usize {
    list.len().saturating_mul(72).saturating_add(200)
}

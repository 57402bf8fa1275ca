//! Limits that tighten while the upstream fails or is slow: additive increase, multiplicative decrease.
//!
//! Workers count good and bad responses together, in one small entry of shared data for each limit. After each span in which too
//! many were bad, half of what was left is left, down to a least; after each other span a tenth of the whole comes back. A worker
//! looks once a second, so that a response costs no write.

use std::rc::Rc;
use std::time::Duration;

use super::limit::Upstream;
use crate::provider::SharedData;
use crate::shared_slot::{CREATE, write};
use crate::time::UnixTime;

/// What one worker knows of the upstream behind one limit.
#[derive(Debug)]
pub(super) struct Health {
    name: Rc<str>,
    settings: Upstream,
    /// Responses that are not in the shared entry yet.
    good: u32,
    bad: u32,
    /// What was left when it last looked.
    percent: u8,
    looked: Option<UnixTime>,
}

/// What all workers know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    percent: u8,
    /// The number of the span that is counted.
    span: u64,
    good: u32,
    bad: u32,
}

impl Health {
    pub(super) fn new(limit: &Rc<str>, settings: Upstream) -> Self {
        Self { name: Rc::clone(limit), settings, good: 0, bad: 0, percent: WHOLE, looked: None }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// A response came, so long after its request went on.
    pub(super) fn note(&mut self, status: Option<u16>, took: Duration) {
        let failed = status.is_none_or(|status| status >= 500);
        if failed || self.settings.slower_than.is_some_and(|slow| took > slow) {
            self.bad = self.bad.saturating_add(1);
        } else {
            self.good = self.good.saturating_add(1);
        }
    }

    /// No response came before the request was over. If that was soon, the client may not have waited for one; after longer than a
    /// response may take it is a bad one.
    pub(super) fn note_silence(&mut self, took: Duration) {
        if self.settings.slower_than.is_some_and(|slow| took > slow) {
            self.bad = self.bad.saturating_add(1);
        }
    }

    /// So much of the limit is left.
    pub(super) fn percent(&mut self, shared: &mut dyn SharedData, now: UnixTime) -> u8 {
        let fresh = self.looked.is_some_and(|looked| looked <= now && now.since(looked) < LOOK);
        if !fresh {
            self.looked = Some(now);
            self.look(shared, now);
        }
        self.percent
    }

    fn look(&mut self, shared: &mut dyn SharedData, now: UnixTime) {
        let name = format!("portcullis.limits.upstream.{}", self.name);
        for _ in 0..WRITES {
            let (bytes, version) = shared.get(&name).unwrap_or((Vec::new(), CREATE));
            let before = Entry::decode(&bytes);
            let mut entry = before.unwrap_or(Entry { percent: WHOLE, span: 0, good: 0, bad: 0 });
            entry.advance(self.settings, now);
            self.percent = entry.percent;
            entry.good = entry.good.saturating_add(self.good);
            entry.bad = entry.bad.saturating_add(self.bad);
            if before == Some(entry) || write(shared, &name, &entry.encode(), version) {
                (self.good, self.bad) = (0, 0);
                return;
            }
        }
    }
}

impl Entry {
    /// Closes the spans that are over at `now`.
    fn advance(&mut self, settings: Upstream, now: UnixTime) {
        let every = u64::try_from(settings.every.as_millis()).unwrap_or(u64::MAX);
        let span = now.as_millis().checked_div(every).unwrap_or(0);
        let over = span.saturating_sub(self.span);
        // After a step back of the clock the present span goes on as that one.
        self.span = span;
        if over == 0 {
            return;
        }
        let all = u64::from(self.good).saturating_add(self.bad.into());
        let bad = u64::from(self.bad).saturating_mul(100) >= all.saturating_mul(settings.bad_percent.into());
        let quiet = if all >= ENOUGH && bad {
            self.percent = (self.percent / 2).max(settings.least_percent);
            over.saturating_sub(1)
        } else {
            over
        };
        let back = u8::try_from(quiet.min(10)).unwrap_or(10).saturating_mul(STEP);
        self.percent = self.percent.saturating_add(back).min(WHOLE);
        (self.good, self.bad) = (0, 0);
    }

    fn encode(self) -> Vec<u8> {
        let mut bytes = vec![VERSION, self.percent];
        bytes.extend_from_slice(&self.span.to_le_bytes());
        bytes.extend_from_slice(&self.good.to_le_bytes());
        bytes.extend_from_slice(&self.bad.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let [VERSION, percent @ 1..=WHOLE, rest @ ..] = bytes else { return None };
        let (span, rest) = rest.split_first_chunk()?;
        let (good, rest) = rest.split_first_chunk()?;
        let bad = rest.try_into().ok()?;
        Some(Self {
            percent: *percent,
            span: u64::from_le_bytes(*span),
            good: u32::from_le_bytes(*good),
            bad: u32::from_le_bytes(bad),
        })
    }
}

const VERSION: u8 = 1;
const WHOLE: u8 = 100;

/// What comes back after each span that was not bad.
const STEP: u8 = 10;

/// Of fewer responses nothing can be told.
const ENOUGH: u64 = 10;

/// How often a worker looks, and adds what it has seen.
const LOOK: Duration = Duration::from_secs(1);

/// Who loses a write has lost it to another worker, and adds what it has seen the next time.
const WRITES: usize = 3;

#[cfg(test)]
mod tests {
    #![expect(clippy::arithmetic_side_effects, reason = "times are small")]

    use super::*;
    use crate::testing::MemoryHost;

    const SETTINGS: Upstream = Upstream {
        slower_than: Some(Duration::from_millis(500)),
        bad_percent: 20,
        least_percent: 10,
        every: Duration::from_secs(10),
    };

    fn at(secs: u64) -> UnixTime {
        UnixTime::from_secs(1_000_000 + secs)
    }

    fn responses(health: &mut Health, good: u32, bad: u32) {
        (0..good).for_each(|_| health.note(Some(200), Duration::ZERO));
        (0..bad).for_each(|_| health.note(Some(503), Duration::ZERO));
    }

    #[test]
    fn a_limit_halves_while_the_upstream_fails_and_comes_back_in_tenths() {
        let mut host = MemoryHost::default();
        let mut health = Health::new(&Rc::from("plan"), SETTINGS);
        let mut seen = Vec::new();
        for span in 0..16 {
            seen.push(health.percent(&mut host, at(span * 10)));
            let bad = if span < 5 { 20 } else { 0 };
            responses(&mut health, 80, bad);
            health.percent(&mut host, at(span * 10 + 5));
        }
        assert_eq!(seen, [100, 50, 25, 12, 10, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 100]);
    }

    #[test]
    fn slow_responses_and_none_are_bad_and_a_few_say_nothing() {
        let mut host = MemoryHost::default();
        let mut health = Health::new(&Rc::from("plan"), SETTINGS);
        assert_eq!(health.percent(&mut host, at(0)), 100);
        (0..5).for_each(|_| health.note(Some(200), Duration::from_millis(501)));
        (0..4).for_each(|_| health.note(None, Duration::ZERO));
        health.percent(&mut host, at(5));
        assert_eq!(health.percent(&mut host, at(10)), 100, "nine are too few");
        (0..10).for_each(|_| health.note(Some(200), Duration::from_millis(501)));
        health.percent(&mut host, at(15));
        assert_eq!(health.percent(&mut host, at(20)), 50);
    }

    #[test]
    fn workers_count_together() {
        let mut host = MemoryHost::default();
        let mut workers = [0, 1].map(|_| Health::new(&Rc::from("plan"), SETTINGS));
        for worker in &mut workers {
            worker.percent(&mut host, at(0));
            responses(worker, 4, 4);
            worker.percent(&mut host, at(5));
        }
        let percent = workers.map(|mut worker| worker.percent(&mut host, at(10)));
        assert_eq!(percent, [50, 50], "once, however many look");
    }

    #[test]
    fn a_clock_that_jumps_neither_locks_nor_forgets() {
        let mut host = MemoryHost::default();
        let mut health = Health::new(&Rc::from("plan"), SETTINGS);
        health.percent(&mut host, at(100_000));
        responses(&mut health, 0, 20);
        health.percent(&mut host, at(100_005));
        assert_eq!(health.percent(&mut host, at(0)), 100);
        assert_eq!(health.percent(&mut host, at(10)), 50, "the span went on where the clock went");
        assert_eq!(health.percent(&mut host, at(200)), 100);
    }

    #[test]
    fn garbage_in_shared_data_is_as_nothing() {
        for bytes in
            [&b""[..], b"\x01", b"\x01\x00aaaaaaaaaaaaaaaa", b"\x01\x65aaaaaaaaaaaaaaaa", b"\x02\x32aaaaaaaaaaaaaaaa"]
        {
            assert_eq!(Entry::decode(bytes), None);
        }
        let entry = Entry { percent: 25, span: 7, good: 3, bad: 4 };
        assert_eq!(Entry::decode(&entry.encode()), Some(entry));
    }
}

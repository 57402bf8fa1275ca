//! What limits promise: never more than they say, never a hot key forgotten, never locked for long.
#![expect(clippy::arithmetic_side_effects, reason = "times are small, and a test may fail loudly")]

mod memory;
mod races;
mod tiers;

use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;

use super::slot::{Seat, Slot};
use super::*;
use crate::http::RequestHead;
use crate::identity::Identity;
use crate::provider::SharedData;
use crate::testing::MemoryHost;
use crate::time::UnixTime;

const START: u64 = 1_800_000_000_000;

fn at(millis: u64) -> UnixTime {
    UnixTime::from_millis(START + millis)
}

fn limit(allowance: Allowance) -> Limit {
    Limit {
        name: "plan".into(),
        key: Key::new(vec![Part::Route]),
        when: When::Admitted,
        allowance,
        tiers: Vec::new(),
        risk: None,
        upstream: None,
        report_only: false,
        global: None,
    }
}

fn rate(requests: u32, secs: u64, burst: u32) -> Allowance {
    Allowance { rate: Some(Rate { requests, per: Duration::from_secs(secs), burst }), ..Allowance::default() }
}

fn window(requests: u32, secs: u64) -> Allowance {
    Allowance { window: Some(Window { requests, per: Duration::from_secs(secs) }), ..Allowance::default() }
}

/// One worker's limiter for one limit, in shared data.
struct Worker {
    limiter: Limiter,
    head: RequestHead,
}

impl Worker {
    fn new(limit: &Limit, memory: usize, seed: u64) -> Self {
        let pairs = [(":method", "GET"), (":path", "/"), (":authority", "a.example"), (":scheme", "https")];
        let pairs: Vec<(Vec<u8>, Vec<u8>)> = pairs.map(|(name, value)| (name.into(), value.into())).into();
        Self { limiter: Limiter::new(&[limit], memory, seed), head: RequestHead::read(pairs).unwrap() }
    }

    fn tally(&mut self, host: &mut MemoryHost, limit: &Limit, key: &str, percent: u8, now: UnixTime) -> Tally {
        self.weighing(host, limit, key, 1, percent, now)
    }

    fn weighing(
        &mut self,
        host: &mut MemoryHost,
        limit: &Limit,
        key: &str,
        weight: u32,
        percent: u8,
        now: UnixTime,
    ) -> Tally {
        self.count(host, &[Request { limit, tier: None, weight, percent, report_only: false }], key, now).remove(0)
    }

    fn count(&mut self, host: &mut dyn SharedData, requests: &[Request<'_>], key: &str, now: UnixTime) -> Vec<Tally> {
        let source = Source { identity: &Identity::Anonymous, head: &self.head, address: None, rule: key };
        self.limiter.count(host, requests, source, now)
    }

    fn admits(&mut self, host: &mut MemoryHost, limit: &Limit, key: &str, now: UnixTime) -> bool {
        self.tally(host, limit, key, 100, now).excess.is_none()
    }
}

const MEMORY: usize = 1 << 20;

/// Gaps between requests in milliseconds, most of them short.
fn gaps() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(prop_oneof![Just(0), 0..50_u64, 0..2_000_u64, 0..15_000_u64], 1..400)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn in_no_span_of_a_window_are_there_more_than_it_allows(requests in 1..40_u32, gaps in gaps()) {
        let limit = limit(window(requests, 10));
        let (mut host, mut worker) = (MemoryHost::default(), Worker::new(&limit, MEMORY, 1));
        let mut now = 0;
        let mut admitted = VecDeque::new();
        for gap in gaps {
            now += gap;
            if worker.admits(&mut host, &limit, "a", at(now)) {
                admitted.push_back(now);
            }
            while admitted.front().is_some_and(|first| first + 10_000 <= now) {
                admitted.pop_front();
            }
            prop_assert!(admitted.len() <= usize::try_from(requests).unwrap(), "{admitted:?}");
        }
    }

    #[test]
    fn a_bucket_gives_its_burst_and_what_fills_it_and_no_more(
        requests in 1..200_u32, burst in 1..50_u32, gaps in gaps(),
    ) {
        let limit = limit(rate(requests, 10, burst));
        let (mut host, mut worker) = (MemoryHost::default(), Worker::new(&limit, MEMORY, 1));
        let (mut now, mut admitted) = (0, 0_u64);
        for gap in gaps {
            now += gap;
            admitted += u64::from(worker.admits(&mut host, &limit, "a", at(now)));
            let most = u64::from(burst) + now * u64::from(requests) / 10_000 + 1;
            prop_assert!(admitted <= most, "{admitted} of {most} after {now} ms");
        }
    }

    #[test]
    fn whoever_waits_as_long_as_told_gets_on(
        window_requests in 1..20_u32, requests in 1..100_u32, burst in 1..20_u32, gaps in gaps(),
    ) {
        let mut allowance = rate(requests, 10, burst);
        allowance.window = window(window_requests, 10).window;
        let limit = limit(allowance);
        let (mut host, mut worker) = (MemoryHost::default(), Worker::new(&limit, MEMORY, 1));
        let mut now = START;
        for gap in gaps {
            now += gap;
            if let Some(excess) = worker.tally(&mut host, &limit, "a", 100, UnixTime::from_millis(now)).excess {
                prop_assert!(excess.retry_after <= Duration::from_secs(112), "{:?}", excess.retry_after);
                now += u64::try_from(excess.retry_after.as_millis()).unwrap() + 1;
                prop_assert!(worker.admits(&mut host, &limit, "a", UnixTime::from_millis(now)));
            }
        }
    }

    #[test]
    fn a_clock_that_jumps_locks_nobody_for_longer_than_a_window(jumps in prop::collection::vec(0..1_000_000_000_u64, 1..40)) {
        let mut allowance = rate(10, 10, 10);
        allowance.window = window(10, 10).window;
        let limit = limit(allowance);
        let (mut host, mut worker) = (MemoryHost::default(), Worker::new(&limit, MEMORY, 1));
        for jump in jumps {
            for _ in 0..20 {
                worker.admits(&mut host, &limit, "a", at(jump));
            }
            prop_assert!(!worker.admits(&mut host, &limit, "a", at(jump)), "nobody is unlimited");
            prop_assert!(worker.admits(&mut host, &limit, "a", at(jump + 11_000)));
        }
    }

    #[test]
    fn garbage_in_a_slot_is_as_nothing(bytes in prop::collection::vec(any::<u8>(), 0..80), version in any::<bool>()) {
        let mut bytes = bytes;
        if version && let Some(first) = bytes.first_mut() {
            *first = 1;
        }
        let mut slot = Slot::decode(bytes);
        slot.put(7, b"record", (0, at(0)), Some(8), at(0));
        prop_assert_eq!(slot.get(7), Some(&b"record"[..]));
        prop_assert_eq!(Slot::decode(slot.bytes().to_vec()), slot);
    }

    #[test]
    fn a_record_reads_as_it_was_written(
        bucket in any::<u64>(), newest in any::<u64>(), counts in any::<[u32; 11]>(), quota in any::<(u32, u32)>(),
        held in prop::collection::vec((any::<u32>(), 1..u16::MAX), 0..128),
    ) {
        let recent = if counts == [0; 11] { window::Recent::default() } else { window::Recent { newest, counts } };
        let used = quota::Used { period: quota.0, requests: quota.1 };
        let unheld = if held.is_empty() { Default::default() } else { (7, UnixTime::from_secs(1_800_000_000)) };
        let record = record::Record { bucket: bucket::Bucket(bucket), recent, used, held, unheld, others: Vec::new() };
        let mut allowance = rate(10, 10, 10);
        allowance.window = window(10, 10).window;
        allowance.quota = Some(Quota { requests: 10, period: Period::Day, zone: None });
        let mut bytes = Vec::new();
        form::encode(&record, &allowance, &mut bytes);
        prop_assert_eq!(form::decode(&bytes, &allowance), Some(record.clone()));
        // Who counts over other times leaves it as it is.
        let mut of_another = form::decode(&bytes, &rate(10, 10, 20)).unwrap();
        of_another.bucket = bucket::Bucket(1);
        let mut bytes = Vec::new();
        form::encode(&of_another, &rate(10, 10, 20), &mut bytes);
        let read = form::decode(&bytes, &allowance).unwrap();
        prop_assert_eq!(record::Record { others: Vec::new(), ..read }, record);
    }
}

#[test]
fn workers_count_together() {
    let limit = limit(rate(10, 10, 10));
    let mut host = MemoryHost::default();
    let mut workers = [1, 2, 3].map(|seed| Worker::new(&limit, MEMORY, seed));
    let admitted = (0..60).filter(|turn| workers[turn % 3].admits(&mut host, &limit, "a", at(0))).count();
    assert_eq!(admitted, 10);
}

#[test]
fn a_tightened_limit_still_lets_something_on() {
    for allowance in [rate(10, 10, 1), window(1, 10), Allowance { concurrency: Some(1), ..Allowance::default() }] {
        let limit = limit(allowance);
        let (mut host, mut worker) = (MemoryHost::default(), Worker::new(&limit, MEMORY, 1));
        assert_eq!(worker.tally(&mut host, &limit, "a", 1, at(0)).excess, None);
        assert!(worker.tally(&mut host, &limit, "a", 1, at(0)).excess.is_some());
    }
}

#[test]
fn a_tightened_bucket_lets_on_no_more_than_is_left_of_its_rate() {
    for (burst, weight, percent) in [(1, 1, 10), (1, 1, 1), (10, 10, 10), (10, 6, 20), (10, 1, 50)] {
        let limit = limit(rate(60, 60, burst));
        let (mut host, mut worker) = (MemoryHost::default(), Worker::new(&limit, MEMORY, 1));
        let mut tally = |percent, second| worker.weighing(&mut host, &limit, "a", weight, percent, at(second * 1_000));
        let admitted = (0..6_000).filter(|second| tally(percent, *second).excess.is_none()).count();
        let most = 60 * u64::from(percent) + u64::from(burst.max(weight));
        assert!(u64::try_from(admitted).unwrap() * u64::from(weight) <= most, "{admitted} of {most}");
        assert!(admitted > 1, "it still lets something on");
        tally(100, 6_000);
        assert_eq!(
            tally(100, 6_000 + u64::from(burst)).excess,
            None,
            "nothing more is owed when it is tightened no more"
        );
    }
}

#[test]
fn a_bucket_that_never_fills_refuses() {
    let limit = limit(rate(1, 86_400, 300_000));
    let (mut host, mut worker) = (MemoryHost::default(), Worker::new(&limit, MEMORY, 1));
    for _ in 0..3 {
        assert!(worker.weighing(&mut host, &limit, "a", 300_000, 100, at(0)).excess.is_some());
    }
}

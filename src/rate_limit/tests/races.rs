//! Other workers that write between a look and a write.

use super::*;
use crate::provider::{CasMismatch, SharedData};

/// Shared data in which a rival takes from `limit` before the writes and after the reads of slots that `script` says.
struct Contended {
    inner: MemoryHost,
    rival: Worker,
    limit: Limit,
    script: VecDeque<bool>,
    /// So often it got something.
    taken: u32,
}

impl Contended {
    fn new(limit: &Limit, script: impl IntoIterator<Item = bool>) -> Self {
        let rival = Worker::new(limit, MEMORY, 2);
        let script = script.into_iter().collect();
        Self { inner: MemoryHost::default(), rival, limit: limit.clone(), script, taken: 0 }
    }

    fn step(&mut self, name: &str) {
        if is_slot(name) && self.script.pop_front() == Some(true) {
            self.taken += u32::from(self.rival.admits(&mut self.inner, &self.limit, "a", at(0)));
        }
    }
}

impl SharedData for Contended {
    fn get(&mut self, name: &str) -> Option<(Vec<u8>, u32)> {
        let found = self.inner.get(name);
        self.step(name);
        found
    }

    fn set(&mut self, name: &str, value: &[u8], version: u32) -> Result<(), CasMismatch> {
        self.step(name);
        // As Envoy does it: what is not there is compared with nothing.
        let version = if self.inner.get(name).is_none() { 0 } else { version };
        self.inner.set(name, value, version)
    }
}

/// Shared data in which other workers are always faster, as long as it is so.
struct Lost {
    inner: MemoryHost,
    always: bool,
    tries: usize,
}

impl SharedData for Lost {
    fn get(&mut self, name: &str) -> Option<(Vec<u8>, u32)> {
        self.inner.get(name)
    }

    fn set(&mut self, name: &str, value: &[u8], version: u32) -> Result<(), CasMismatch> {
        if self.always && is_slot(name) {
            self.tries += 1;
            return Err(CasMismatch);
        }
        self.inner.set(name, value, version)
    }
}

fn is_slot(name: &str) -> bool {
    name.strip_prefix("portcullis.limits.").is_some_and(|place| place.bytes().all(|byte| byte.is_ascii_digit()))
}

fn named(name: &str, allowance: Allowance) -> Limit {
    Limit { name: name.into(), ..limit(allowance) }
}

fn request(limit: &Limit, weight: u32, percent: u8) -> Request<'_> {
    Request { limit, tier: None, weight, percent, report_only: limit.report_only }
}

impl Worker {
    fn rooms(&mut self, host: &mut dyn SharedData, request: &Request<'_>, now: UnixTime) -> Vec<(ExcessKind, Room)> {
        let source = Source { identity: &Identity::Anonymous, head: &self.head, address: None, rule: "a" };
        self.limiter.look(host, request, source, now).rooms
    }
}

fn quota(requests: u32) -> Allowance {
    Allowance { quota: Some(Quota { requests, period: Period::Day, zone: None }), ..Allowance::default() }
}

fn everything() -> Allowance {
    Allowance { concurrency: Some(5), window: window(20, 10).window, quota: quota(20).quota, ..rate(20, 10, 20) }
}

#[test]
fn who_loses_every_race_is_refused_where_the_limit_is_enforced() {
    for report_only in [false, true] {
        let limit = Limit { report_only, ..limit(quota(10)) };
        let mut host = Lost { inner: MemoryHost::default(), always: true, tries: 0 };
        let mut worker = Worker::new(&limit, MEMORY, 1);
        let tally = worker.count(&mut host, &[request(&limit, 1, 100)], "a", at(0)).remove(0);
        let excess = tally.excess.as_ref().unwrap();
        assert_eq!((excess.kind, excess.retry_after), (ExcessKind::Rate, Duration::from_secs(1)));
        assert_eq!(tally.outcome(), if report_only { "unenforced" } else { "limited" });
        // Where nothing is yet, each try asks twice: some hosts compare even there.
        assert_eq!(host.tries, 2 * 64, "it does not try for ever");
        host.always = false;
        assert_eq!(worker.rooms(&mut host, &request(&limit, 1, 100), at(0))[0].1.left, 10, "nothing is counted");
    }
}

#[test]
fn what_was_counted_is_given_back_when_a_later_limit_is_lost_to_another_worker() {
    let last = named("last", window(1, 10));
    let at_once = Allowance { concurrency: Some(5), ..Allowance::default() };
    for allowance in [rate(20, 10, 20), window(20, 10), quota(20), at_once, everything()] {
        for (weight, percent) in [(1, 100), (3, 100), (2, 40)] {
            let first = named("first", allowance.clone());
            let requests = [request(&first, weight, percent), request(&last, 1, 100)];
            // Two reads and the first write pass; before the second write the rival takes what was left.
            let mut host = Contended::new(&last, [false, false, false, true]);
            let mut worker = Worker::new(&first, MEMORY, 1);
            worker.count(&mut host.inner, &requests[..1], "a", at(0));
            let before = worker.rooms(&mut host.inner, &requests[0], at(0));
            let tallies = worker.count(&mut host, &requests, "a", at(0));
            let kind = |tally: &Tally| tally.excess.as_ref().map(|excess| excess.kind);
            assert_eq!([kind(&tallies[0]), kind(&tallies[1])], [None, Some(ExcessKind::Window)]);
            assert_eq!(host.taken, 1, "the rival got it");
            assert_eq!(tallies[0].held, None, "there is nothing to release");
            assert_eq!(worker.rooms(&mut host.inner, &requests[0], at(0)), before, "{allowance:?}");
        }
    }
}

#[test]
fn a_last_token_that_a_tightened_bucket_gave_is_given_back_whole() {
    let (first, last) = (named("first", rate(10, 10, 1)), named("last", window(1, 10)));
    let requests = [request(&first, 1, 10), request(&last, 1, 100)];
    let mut host = Contended::new(&last, [false, false, false, true]);
    let mut worker = Worker::new(&first, MEMORY, 1);
    assert!(worker.count(&mut host, &requests, "a", at(0))[1].excess.is_some());
    assert_eq!(worker.count(&mut host, &requests[..1], "a", at(0))[0].excess, None);
}

#[test]
fn what_is_only_reported_takes_nothing_from_other_limits() {
    let (first, last) = (named("first", quota(20)), Limit { report_only: true, ..named("last", window(1, 10)) });
    let requests = [request(&first, 1, 100), request(&last, 1, 100)];
    let mut host = Contended::new(&last, [false, false, false, true]);
    let mut worker = Worker::new(&first, MEMORY, 1);
    assert_eq!(worker.count(&mut host, &requests, "a", at(0))[1].outcome(), "unenforced");
    assert_eq!(worker.rooms(&mut host, &requests[0], at(0))[0].1.left, 19, "it went on, and is counted");
}

#[test]
fn a_step_back_that_is_kept_counts_no_request_that_another_limit_stops() {
    // After a step back a bucket is empty.
    let but_a_bucket = Allowance { rate: None, ..everything() };
    let (first, last) = (named("first", but_a_bucket), named("last", window(1, 10)));
    let requests = [request(&first, 2, 100), request(&last, 1, 100)];
    let (mut host, mut worker) = (MemoryHost::default(), Worker::new(&first, MEMORY, 1));
    worker.count(&mut host, &requests, "a", at(50_000_000));
    // The clock steps back; what was counted moves with it, and is not more for being moved.
    let stopped = worker.count(&mut host, &requests, "a", at(0));
    assert!(stopped[0].excess.is_none() && stopped[1].excess.is_some());
    let rooms = worker.rooms(&mut host, &requests[0], at(0));
    assert_eq!(rooms.iter().map(|(_, room)| room.left).collect::<Vec<_>>(), [18, 18, 4]);
}

#[test]
fn what_could_not_be_released_is_released_later() {
    let limit = limit(Allowance { concurrency: Some(1), ..Allowance::default() });
    let mut host = Lost { inner: MemoryHost::default(), always: false, tries: 0 };
    let mut worker = Worker::new(&limit, MEMORY, 1);
    let requests = [request(&limit, 1, 100)];
    let held = worker.count(&mut host, &requests, "a", at(0))[0].held.unwrap();
    host.always = true;
    worker.limiter.release(&mut host, held);
    worker.limiter.poll(&mut host, at(0));
    host.always = false;
    assert!(worker.count(&mut host, &requests, "a", at(0))[0].excess.is_some());
    worker.limiter.poll(&mut host, at(0));
    assert_eq!(worker.count(&mut host, &requests, "a", at(0))[0].excess, None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn however_races_go_a_request_is_counted_in_all_limits_or_in_none(
        script in prop::collection::vec(prop::bool::weighted(0.3), 0..200), on_first in any::<bool>(), most in 1..12_u32,
    ) {
        let (first, last) = (named("first", quota(1_000)), named("last", window(most, 10)));
        let requests = [request(&first, 1, 100), request(&last, 1, 100)];
        let rivals = if on_first { &first } else { &last };
        let mut host = Contended::new(rivals, script);
        let mut worker = Worker::new(&first, MEMORY, 1);
        let stops = |tallies: Vec<Tally>| tallies.iter().any(Tally::stops);
        let admitted = (0..20).filter(|_| !stops(worker.count(&mut host, &requests, "a", at(0)))).fold(0, |count, _| count + 1);
        let left = worker.rooms(&mut host.inner, &requests[0], at(0))[0].1.left;
        let (of_first, of_last) = if on_first { (host.taken, 0) } else { (0, host.taken) };
        prop_assert_eq!(1_000 - left, admitted + of_first);
        prop_assert!(admitted + of_last <= most, "{} and {} of {}", admitted, of_last, most);
    }
}

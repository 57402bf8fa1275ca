//! What is forgotten, and that memory has an end.

use super::*;
use crate::provider::{CasMismatch, SharedData};

const ONE_SLOT: usize = 1024;

#[test]
fn thirty_keys_for_each_place_take_bounded_memory_and_reset_no_hot_one() {
    flood_with(60_000, MEMORY / 8);
}

#[test]
fn a_million_keys_take_bounded_memory_and_reset_no_hot_one() {
    flood_with(1_000_000, MEMORY);
}

fn flood_with(keys: u64, memory: usize) {
    let limit = limit(rate(100, 3600, 100));
    let (mut host, mut worker) = (MemoryHost::default(), Worker::new(&limit, memory, 1));
    let hot: Vec<String> = (0..20).map(|key| format!("hot-{key}")).collect();
    let mut admitted = vec![0_u32; hot.len()];
    let mut flood = 0;
    for (key, admitted) in hot.iter().zip(&mut admitted) {
        *admitted += (0..60).filter(|_| worker.admits(&mut host, &limit, key, at(0))).fold(0, |count, _| count + 1);
    }
    while flood < keys {
        for _ in 0..keys / 200 {
            flood += 1;
            assert!(worker.admits(&mut host, &limit, &format!("key-{flood}"), at(0)), "a new key is not refused");
        }
        for (key, admitted) in hot.iter().zip(&mut admitted) {
            *admitted += u32::from(worker.admits(&mut host, &limit, key, at(0)));
        }
    }
    assert_eq!(admitted, vec![100; hot.len()], "each has had its hundred, and nothing more");
    assert!(host.shared_bytes() < memory, "{} bytes", host.shared_bytes());
    let (forgotten, crowded) = worker.limiter.wanting();
    assert!(forgotten > keys * 9 / 10 && crowded == 0, "{forgotten} {crowded}");
}

#[test]
fn where_all_are_hot_those_without_a_place_share_one_allowance() {
    let limit = limit(window(4, 60));
    let (mut host, mut worker) = (MemoryHost::default(), Worker::new(&limit, ONE_SLOT, 1));
    for key in 0..shape::Shape::new(&[&limit], ONE_SLOT).records {
        let key = format!("hot-{key}");
        assert_eq!((0..9).filter(|_| worker.admits(&mut host, &limit, &key, at(0))).count(), 4);
    }
    let others = (0..100).filter(|key| worker.admits(&mut host, &limit, &format!("key-{key}"), at(1))).count();
    assert_eq!(others, 4);
    assert!(!worker.admits(&mut host, &limit, "hot-0", at(1)));
    assert!(worker.admits(&mut host, &limit, "key-0", at(70_000)));
}

#[test]
fn what_is_forgotten_first() {
    let mut slot = Slot::decode(Vec::new());
    for who in 0..8 {
        // The second half of them is hot; 5 is worth nothing after a second.
        let used = if who < 4 { 100 - u8::try_from(who).unwrap() } else { 200 };
        slot.put(who, b"r", (used, at(if who == 5 { 1_000 } else { 60_000 })), Some(8), at(0));
    }
    assert_eq!(slot.seat(8, at(0)), Seat::Forgets);
    let mut later = slot.clone();
    assert_eq!(later.seat(8, at(3_000)), Seat::Own);
    later.put(100, b"n", (1, at(60_000)), Some(8), at(3_000));
    assert_eq!((later.get(5), later.get(3)), (None, Some(&b"r"[..])));
    slot.put(100, b"n", (255, at(60_000)), Some(8), at(0));
    assert_eq!((slot.get(3), slot.get(0)), (None, Some(&b"r"[..])), "that which has used least");
    for who in 101..104 {
        slot.put(who, b"n", (255, at(60_000)), Some(8), at(0));
    }
    assert_eq!(slot.seat(8, at(0)), Seat::Crowd);
    slot.put(99, b"c", (255, at(60_000)), None, at(0));
    assert!((4..8).chain(100..104).all(|who| slot.get(who).is_some()) && slot.get(99).is_some());
}

#[test]
fn what_lasts_outlives_what_is_there_again_soon() {
    let mut slot = Slot::decode(Vec::new());
    let month = at(20 * 86_400_000);
    for who in 0..7 {
        slot.put(who, b"quota", (if who == 0 { 0 } else { 124 }, month), Some(8), at(0));
    }
    for address in 100..200 {
        slot.put(address, b"bucket", (127, at(60_000)), Some(8), at(0));
    }
    assert!((0..7).all(|who| slot.get(who).is_some()));
}

#[test]
fn what_is_over_takes_no_place() {
    let limit = limit(Allowance { concurrency: Some(1), ..Allowance::default() });
    let (mut host, mut worker) = (MemoryHost::default(), Worker::new(&limit, ONE_SLOT, 1));
    for key in 0..100 {
        let held = worker.tally(&mut host, &limit, &format!("key-{key}"), 100, at(key)).held.unwrap();
        worker.limiter.release(&mut host, held);
    }
    assert_eq!(worker.limiter.wanting().1, 0, "nobody was without a place");
    worker.admits(&mut host, &limit, "held", at(5_000));
    // With the one that is held, and the one for all who have no place.
    let places = shape::Shape::new(&[&limit], ONE_SLOT).records;
    let admitted = (0..100).filter(|key| worker.admits(&mut host, &limit, &format!("key-{key}"), at(10_000)));
    assert_eq!(admitted.count(), places);
    assert!(!worker.admits(&mut host, &limit, "held", at(10_000)));
}

#[test]
fn memory_has_an_end_whatever_is_counted() {
    let mut allowance = rate(10, 3_600, 10);
    allowance.window = window(10, 3_600).window;
    allowance.quota = Some(Quota { requests: 10, period: Period::Month, zone: None });
    let tier = Tier { name: "other".into(), allowance: window(10, 60) };
    let limits = ["one", "two", "three"].map(|name| {
        let allowance = Allowance { concurrency: Some(10), ..allowance.clone() };
        Limit { name: name.into(), tiers: vec![tier.clone()], ..limit(allowance) }
    });
    let memory = 1 << 16;
    let (mut host, mut worker) = (MemoryHost::default(), Worker::new(&limits[0], memory, 1));
    let all: Vec<&Limit> = limits.iter().collect();
    let mut workers = [1, 2, 3, 4].map(|seed| Limiter::new(&all, memory, seed));
    for key in 0..2_000 {
        let key = format!("key-{key}");
        for (limit, number) in all.iter().zip(0_u64..) {
            for limiter in &mut workers {
                std::mem::swap(&mut worker.limiter, limiter);
                for tier in [None, limit.tiers.first()] {
                    let request = Request { limit, tier, weight: 3, percent: 100, report_only: false };
                    worker.count(&mut host, &[request], &key, at(number));
                }
                std::mem::swap(&mut worker.limiter, limiter);
            }
        }
    }
    assert!(workers.iter().any(|limiter| limiter.wanting().1 > 0), "slots are full of hot ones");
    assert!((memory / 4..memory).contains(&host.shared_bytes()), "{} of {memory}", host.shared_bytes());
}

/// Shared data that other workers write all the time, while it is busy.
struct Contended {
    host: MemoryHost,
    busy: bool,
}

impl SharedData for Contended {
    fn get(&mut self, key: &str) -> Option<(Vec<u8>, u32)> {
        self.host.get(key)
    }

    fn set(&mut self, key: &str, value: &[u8], cas: u32) -> Result<(), CasMismatch> {
        if self.busy { Err(CasMismatch) } else { self.host.set(key, value, cas) }
    }
}

#[test]
fn what_can_t_be_released_at_once_is_released_later() {
    let limit = limit(Allowance { concurrency: Some(1), ..Allowance::default() });
    let (mut host, mut worker) = (MemoryHost::default(), Worker::new(&limit, MEMORY, 1));
    let held = worker.tally(&mut host, &limit, "a", 100, at(0)).held.unwrap();
    let mut contended = Contended { host, busy: true };
    worker.limiter.release(&mut contended, held);
    worker.limiter.poll(&mut contended, at(1));
    assert!(!worker.admits(&mut contended.host, &limit, "a", at(2)));
    contended.busy = false;
    worker.limiter.poll(&mut contended, at(3));
    assert!(worker.admits(&mut contended.host, &limit, "a", at(4)));
}

//! What callers have used when their tier changes.

use super::*;

fn quota(requests: u32, period: Period) -> Allowance {
    Allowance { quota: Some(Quota { requests, period, zone: None }), ..Allowance::default() }
}

/// `base`, and `tier` for some.
fn tiered(base: Allowance, tier: Allowance) -> Limit {
    Limit { tiers: vec![Tier { name: "tier".into(), allowance: tier }], ..limit(base) }
}

/// How many of `tries` get on, in the tier or not.
fn admitted(worker: &mut Worker, host: &mut MemoryHost, limit: &Limit, in_tier: bool, tries: u32, now: u64) -> u32 {
    let tier = limit.tiers.first().filter(|_| in_tier);
    let request = Request { limit, tier, weight: 1, percent: 100, report_only: false };
    (0..tries).map(|_| u32::from(worker.count(host, &[request], "a", at(now))[0].excess.is_none())).sum()
}

#[test]
fn what_is_counted_over_another_time_stays_as_it_was_left() {
    for (base, tier, of_tier) in [
        (quota(2, Period::Month), quota(50, Period::Day), 50),
        (quota(2, Period::Day), quota(50, Period::Month), 50),
        (quota(2, Period::Month), window(5, 10), 5),
        (window(2, 3_600), window(5, 10), 5),
        (window(2, 10), window(5, 3_600), 5),
        (rate(2, 3_600, 2), rate(60, 60, 5), 5),
        (rate(60, 60, 2), rate(5, 3_600, 5), 5),
    ] {
        let limit = tiered(base, tier);
        let (mut host, mut worker) = (MemoryHost::default(), Worker::new(&limit, MEMORY, 1));
        let mut admitted = |in_tier, tries| admitted(&mut worker, &mut host, &limit, in_tier, tries, 0);
        assert_eq!(admitted(false, 3), 2);
        assert_eq!(admitted(true, 1), 1);
        assert_eq!(admitted(false, 1), 0, "{limit:?}");
        assert_eq!(admitted(true, 60), of_tier - 1);
        assert_eq!([admitted(false, 1), admitted(true, 1)], [0, 0]);
    }
}

#[test]
fn what_is_counted_over_the_same_time_is_one_count() {
    for (base, tier, left) in [
        (quota(2, Period::Month), quota(50, Period::Month), 48),
        (window(2, 60), window(50, 60), 48),
        // Of two buckets that fill in the same time the same part is used.
        (rate(2, 60, 2), rate(50, 60, 50), 0),
    ] {
        let limit = tiered(base, tier);
        let (mut host, mut worker) = (MemoryHost::default(), Worker::new(&limit, MEMORY, 1));
        let mut admitted = |in_tier, tries| admitted(&mut worker, &mut host, &limit, in_tier, tries, 0);
        assert_eq!(admitted(false, 3), 2);
        assert_eq!(admitted(true, 60), left);
        assert_eq!(admitted(false, 1), 0);
    }
}

#[test]
fn requests_at_the_same_time_are_those_of_all_tiers() {
    let at_once = |most| Allowance { concurrency: Some(most), ..Allowance::default() };
    let limit = tiered(at_once(2), Allowance { concurrency: Some(3), ..quota(50, Period::Day) });
    let (mut host, mut worker) = (MemoryHost::default(), Worker::new(&limit, MEMORY, 1));
    let mut admitted = |in_tier, tries| admitted(&mut worker, &mut host, &limit, in_tier, tries, 0);
    assert_eq!([admitted(false, 3), admitted(true, 3), admitted(false, 1)], [2, 1, 0]);
}

#[test]
fn a_request_of_another_tier_makes_nobody_forgettable() {
    for (base, tier) in
        [(quota(2, Period::Month), rate(60, 60, 60)), (quota(2, Period::Month), quota(1_000, Period::Month))]
    {
        let limit = tiered(base, tier);
        let (mut host, mut worker) = (MemoryHost::default(), Worker::new(&limit, 1024, 1));
        assert_eq!(admitted(&mut worker, &mut host, &limit, false, 3, 0), 2);
        assert_eq!(admitted(&mut worker, &mut host, &limit, true, 1, 0), 1);
        for key in 0..200 {
            worker.admits(&mut host, &limit, &format!("key-{key}"), at(100_000));
        }
        assert_eq!(admitted(&mut worker, &mut host, &limit, false, 1, 100_000), 0);
    }
}

#[test]
fn what_no_tier_counts_any_more_is_left_out() {
    let (mut host, mut size) = (MemoryHost::default(), 0);
    for secs in 1..200 {
        let limit = tiered(window(2, secs * 10), window(2, 100_000));
        let mut worker = Worker::new(&limit, MEMORY, 1);
        assert_eq!(admitted(&mut worker, &mut host, &limit, false, 1, 0), 1);
        size = host.shared_bytes();
    }
    assert!(size < 512, "{size} bytes");
}

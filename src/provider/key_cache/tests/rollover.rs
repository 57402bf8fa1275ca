//! Keys that come and go, and key ids that never were. The first five are the rollover tests of Microsoft's guidance; the
//! last two of them, about what a key says of itself, are with the rules for issuers.

use super::*;

const COOLDOWN: u64 = 300;

#[test]
fn two_keys_are_both_good_in_any_order() {
    for order in [["a", "b"], ["b", "a"]] {
        let mut world = World::new(2);
        world.publish(&order);
        world.settle();
        for worker in 0..2 {
            assert_eq!(world.lookup(worker, "a"), found("a"));
            assert_eq!(world.lookup(worker, "b"), found("b"));
        }
    }
}

/// Advisory 39.
#[test]
fn a_new_key_costs_one_fetch_and_the_request_passes() {
    for worker in 0..3 {
        let mut world = World::new(3);
        world.settle();
        world.run(10);
        world.publish(&["a", "b"]);
        assert_eq!(world.ask(worker, "b"), found("b"));
        assert_eq!(world.fetches.len(), 2);
        for other in 0..3 {
            assert_eq!(world.ask(other, "b"), found("b"));
            assert_eq!(world.ask(other, "a"), found("a"));
        }
        assert_eq!(world.fetches.len(), 2);
    }
}

#[test]
fn a_second_unknown_key_within_the_cooldown_is_refused_without_a_fetch() {
    let mut world = World::new(3);
    world.settle();
    assert_eq!(world.ask(0, "x"), UNKNOWN);
    assert_eq!(world.fetches.len(), 2);
    for worker in 0..3 {
        assert_eq!(world.lookup(worker, "x"), UNKNOWN);
        assert_eq!(world.lookup(worker, "y"), UNKNOWN);
    }
    world.run(COOLDOWN - 1);
    assert_eq!(world.lookup(1, "z"), UNKNOWN);
    assert_eq!(world.fetches.len(), 2);
    world.run(1);
    assert_eq!(world.lookup(1, "z"), Answer::Wait);
    assert_eq!(world.ask(1, "z"), UNKNOWN);
    assert_eq!(world.fetches.len(), 3);
}

#[test]
fn an_issuer_that_is_down_leaves_its_last_good_keys() {
    let mut world = World::new(2);
    world.settle();
    world.mood = Mood::Unreachable;
    world.run(24 * 3600);
    assert_eq!(world.workers[0].health(world.now).state, KeyState::Stale);
    assert_eq!(world.lookup(0, "a"), found("a"));
    assert_eq!(world.lookup(1, "a"), found("a"));
    // One attempt in half a minute to a minute, over both workers.
    assert!((23 * 60..=24 * 120).contains(&world.fetches.len()), "{}", world.fetches.len());
    world.run(3600);
    let health = world.workers[1].health(world.now);
    assert_eq!((health.state, health.keys), (KeyState::Expired, 1));
    assert!(matches!(world.ask(0, "a"), Answer::Unavailable(1..=60)));
    world.mood = Mood::Good;
    world.run(60);
    assert_eq!(world.lookup(0, "a"), found("a"));
    assert_eq!(world.workers[0].health(world.now).failures, 0);
}

/// Advisory 39: a key that is withdrawn is gone with the next set, at the latest when the old one is not fresh any more.
#[test]
fn a_withdrawn_key_is_refused_in_every_worker_at_once() {
    let mut world = World::new(4);
    world.settle();
    world.publish(&["b"]);
    world.run(47 * 60);
    assert_eq!(world.lookup(3, "a"), found("a"));
    world.run(14 * 60);
    for worker in 0..4 {
        assert_eq!(world.ask(worker, "b"), found("b"));
        assert_ne!(world.ask(worker, "a"), found("a"));
    }
}

#[test]
fn a_worker_that_did_not_look_lately_looks_before_it_refuses() {
    let mut world = World::new(2);
    world.settle();
    world.run(400);
    assert_eq!(world.ask(0, "x"), UNKNOWN);
    world.run(200);
    // A scheduled fetch by worker 0 that worker 1 has not heard of, while the cooldown runs.
    world.publish(&["a", "b"]);
    while world.fetches.len() < 3 {
        world.advance(MINUTE);
        world.poll(0);
    }
    world.answer(0);
    world.workers[1].schedule.asked_at = Some(world.now);
    assert_eq!(world.lookup(1, "b"), Answer::Wait);
    world.poll(1);
    assert_eq!(world.lookup(1, "b"), found("b"));
}

#[test]
fn a_question_that_another_worker_has_answered_is_not_asked_again() {
    let mut world = World::new(2);
    world.settle();
    world.publish(&["a", "b"]);
    world.advance(HOUR);
    world.poll_all();
    assert_eq!(world.lookup(1, "b"), Answer::Wait);
    world.workers[1].lease_elsewhere = UnixTime::default();
    assert_eq!(world.lookup(1, "b"), Answer::Wait);
    world.answer(0);
    world.poll(1);
    assert_eq!(world.lookup(1, "b"), found("b"));
    assert!(world.out.is_empty() && world.fetches.len() == 2);
}

/// Advisory 35: 10,000 made-up ids a second, at four workers, for an hour.
#[test]
fn a_flood_of_unknown_keys_makes_one_fetch_per_cooldown() {
    let mut world = World::new(4);
    world.settle();
    world.run(1);
    let start = world.fetches.len();
    for second in 0..3600_u64 {
        world.advance(Duration::from_secs(1));
        world.poll_all();
        // The first seconds and the ends of cooldowns are the times at which something could go wrong.
        let number = if second < 3 || second % COOLDOWN < 2 { 10_000 } else { 40 };
        for request in 0..number {
            let kid = format!("{second}-{request}");
            let worker = request % 4;
            if world.lookup(worker, &kid) == Answer::Wait {
                world.poll(worker);
            }
            if request == number / 2 {
                while !world.out.is_empty() {
                    world.answer(0);
                }
            }
        }
        assert_eq!(world.lookup(0, "a"), found("a"));
    }
    let fetches = world.fetches.len().saturating_sub(start);
    // Twelve cooldowns, and the refresh within the hour that every fetch puts off.
    assert!((12..=13).contains(&fetches), "{fetches}");
    let apart = world.fetches.windows(2).skip(start).map(|pair| pair[1].0.since(pair[0].0));
    assert!(apart.min().unwrap() >= Duration::from_secs(COOLDOWN));
}

#[test]
fn one_wrong_client_does_not_cost_a_fetch_after_every_cooldown() {
    let mut world = World::new(2);
    world.settle();
    assert_eq!(world.ask(0, "wrong"), UNKNOWN);
    assert_eq!(world.fetches.len(), 2);
    for _ in 0..14 {
        world.run(60);
        assert_eq!(world.ask(0, "wrong"), UNKNOWN);
    }
    assert_eq!(world.fetches.len(), 2);
    world.run(61);
    world.publish(&["a", "wrong"]);
    assert_eq!(world.ask(0, "wrong"), found("wrong"), "a miss is not for ever");
}

#[test]
fn a_new_set_forgets_misses() {
    let mut world = World::new(2);
    world.settle();
    assert_eq!(world.ask(0, "b"), UNKNOWN);
    world.publish(&["a", "b"]);
    world.run(COOLDOWN);
    assert_eq!(world.ask(1, "other"), UNKNOWN, "another worker's question brings the new set");
    assert_eq!(world.lookup(0, "b"), found("b"));
}

/// Rotation under load: a day in which the issuer replaces a key every hour, announced ten minutes ahead.
#[test]
fn a_day_of_rotation_loses_no_request() {
    let mut world = World::new(3);
    world.publish(&["k0", "k1"]);
    world.settle();
    for hour in 0..24_u32 {
        let (old, current, next) = (format!("k{hour}"), format!("k{}", hour + 1), format!("k{}", hour + 2));
        for minute in 0..60 {
            world.run(60);
            let published = if minute < 50 { vec![old.as_str(), &current] } else { vec![current.as_str(), &next] };
            world.publish(&published);
            for worker in 0..3 {
                assert_eq!(world.ask(worker, &current), found(&current), "{hour}:{minute}");
            }
        }
    }
    assert!(world.fetches.len() <= 24 * 3, "{}", world.fetches.len());
}

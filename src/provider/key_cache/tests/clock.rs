//! Clocks that jump, and workers that come late.

use super::*;

#[test]
fn a_clock_that_steps_back_neither_stops_fetches_nor_prolongs_keys() {
    let mut world = World::new(2);
    world.settle();
    assert_eq!(world.ask(0, "x"), UNKNOWN);
    world.now = world.now.minus(HOUR * 24 * 30);
    world.settle();
    for worker in 0..2 {
        assert_eq!(world.lookup(worker, "a"), found("a"));
    }
    world.run(300);
    world.publish(&["b"]);
    assert_eq!(world.ask(1, "b"), found("b"), "the cooldown did not grow by the step");
    world.mood = Mood::Unreachable;
    world.run(25 * 3600 + 1);
    assert!(matches!(world.lookup(0, "b"), Answer::Unavailable(_) | Answer::Wait), "nor did the life of the keys");
}

#[test]
fn a_clock_that_steps_back_during_a_callout_does_not_prolong_it() {
    let mut world = World::new(2);
    world.poll(0);
    world.out.clear();
    world.now = world.now.minus(HOUR);
    world.poll_all();
    world.run(6);
    assert_eq!(world.workers[0].health(world.now).last_outcome.as_ref().map(Outcome::reason), Some("fetch_timed_out"));
    world.run(2);
    assert_eq!(world.lookup(1, "a"), found("a"));
}

#[test]
fn a_clock_that_steps_forward_makes_a_fetch_due_at_once() {
    let mut world = World::new(2);
    world.settle();
    world.advance(HOUR * 24 * 365);
    assert_eq!(world.lookup(0, "a"), Answer::Wait);
    assert_eq!(world.workers[0].health(world.now).state, KeyState::Expired);
    assert_eq!(world.ask(0, "a"), found("a"));
    assert_eq!(world.fetches.len(), 2);
}

#[test]
fn keys_grow_no_older_than_allowed_by_a_step_back() {
    let mut world = World::new(1);
    world.settle();
    world.mood = Mood::Unreachable;
    world.now = world.now.minus(HOUR * 24 * 30);
    world.poll(0);
    assert_eq!(world.workers[0].health(world.now).age, Some(Duration::ZERO));
    world.advance(HOUR * 25 - Duration::from_millis(1));
    assert_eq!(world.lookup(0, "a"), found("a"));
    world.advance(Duration::from_millis(1));
    assert_ne!(world.lookup(0, "a"), found("a"));
}

#[test]
fn a_worker_that_starts_late_takes_keys_at_their_age() {
    let mut world = World::new(1);
    world.settle();
    world.mood = Mood::Unreachable;
    world.advance(HOUR * 24);
    world.workers.push(KeyCache::new("idp/0".to_owned(), jwks_source(), KeyCacheSettings::default(), 9));
    world.poll(1);
    assert_eq!(world.workers[1].health(world.now).age, Some(HOUR * 24));
    assert_eq!(world.lookup(1, "a"), found("a"));
    world.advance(HOUR);
    assert_ne!(world.lookup(1, "a"), found("a"));
}

#[test]
fn a_step_back_does_not_prolong_a_miss() {
    let mut world = World::new(1);
    world.settle();
    assert_eq!(world.ask(0, "b"), UNKNOWN);
    world.publish(&["a", "b"]);
    world.now = world.now.minus(HOUR * 24);
    world.settle();
    world.run(900);
    assert_eq!(world.ask(0, "b"), found("b"));
}

//! Issuers, hosts, workers, clocks and neighbours that misbehave.

use super::super::super::fetch::FetchFlaw;
use super::*;

/// Everything an issuer may answer that is not a key set.
fn odd_answers() -> Vec<(Mood, &'static str)> {
    let unusable =
        r#"{"keys":[{"kty":"RSA","use":"sig","kid":"a","n":"AQAB","e":"AQAB"},{"kty":"oct","kid":"b","k":"AAAA"}]}"#;
    let many: Vec<String> = (0..101).map(|number| format!("k{number}")).collect();
    vec![
        (Mood::Unreachable, "fetch_failed"),
        (Mood::Odd(500, jwks(&["x"])), "fetch_status"),
        (Mood::Odd(204, Vec::new()), "fetch_status"),
        (Mood::Odd(302, jwks(&["x"])), "fetch_redirect"),
        (Mood::Odd(200, Vec::new()), "jwks_not_json"),
        (Mood::Odd(200, b"<html>secret-of-the-metadata-service</html>".to_vec()), "jwks_not_json"),
        (Mood::Odd(200, b"{\"keys\":[]}\xff".to_vec()), "jwks_not_json"),
        (Mood::Odd(200, b"{}".to_vec()), "jwks_without_keys"),
        (Mood::Odd(200, b"{\"keys\":[]}".to_vec()), "jwks_no_usable_key"),
        (Mood::Odd(200, unusable.as_bytes().to_vec()), "jwks_no_usable_key"),
        (Mood::Odd(200, jwks(&many)), "jwks_too_many_keys"),
        (Mood::Odd(200, vec![b' '; 512 * 1024 + 1]), "fetch_too_large"),
        (Mood::OddHeader("content-encoding", "gzip"), "fetch_encoded"),
    ]
}

/// Advisory 30: there is no key to fall back to.
#[test]
fn without_keys_no_token_finds_one() {
    for (mood, reason) in odd_answers() {
        let mut world = World::new(2);
        world.mood = mood;
        world.settle();
        for worker in 0..2 {
            for kid in ["a", "b", "x", ""] {
                assert!(matches!(world.lookup(worker, kid), Answer::Unavailable(1)), "{reason}");
            }
            let without = Answer::of(world.workers[worker].lookup(world.now, None, Algorithm::HS256));
            assert!(matches!(without, Answer::Unavailable(1)), "{reason}");
        }
        let health = world.workers[0].health(world.now);
        assert_eq!(health.last_outcome.as_ref().map(Outcome::reason), Some(reason));
        assert_eq!((health.state, health.keys, health.failures), (KeyState::Empty, 0, 1));
    }
}

/// Advisories 30 and 40: good keys stay, whatever comes instead of new ones.
#[test]
fn a_failed_refresh_takes_no_good_key_away() {
    for (mood, reason) in odd_answers() {
        let mut world = World::new(2);
        world.settle();
        world.mood = mood;
        world.run(3600 + 60);
        for worker in 0..2 {
            assert_eq!(world.lookup(worker, "a"), found("a"), "{reason}");
            assert_eq!(world.lookup(worker, "x"), UNKNOWN, "{reason}");
            let health = world.workers[worker].health(world.now);
            assert!(health.state == KeyState::Stale && health.failures > 1, "{reason}: {health:?}");
        }
    }
}

/// Advisory 31: what an address that is no issuer answers goes nowhere.
#[test]
fn no_byte_of_an_answer_is_kept_in_an_outcome() {
    let mut world = World::new(1);
    world.mood = Mood::Odd(200, b"{\"keys\":[],\"secret-of-the-metadata-service\":1}".to_vec());
    world.settle();
    let health = world.workers[0].health(world.now);
    let text = format!("{health:?} {}", health.last_outcome.clone().unwrap());
    assert!(!text.contains("secret"), "{text}");
    assert!(world.shared.keys().all(|key| key.ends_with(".control")), "and not in shared data");
}

#[test]
fn discovery_that_speaks_for_another_issuer_brings_no_keys() {
    let mut world = World::with(1, &discovery_source(), &KeyCacheSettings::default());
    world.mood = Mood::Odd(200, br#"{"issuer":"https://evil.example","jwks_uri":"https://idp.example/keys"}"#.to_vec());
    world.settle();
    world.run(60);
    assert!(world.fetches.is_empty());
    let outcome = world.workers[0].health(world.now).last_outcome.unwrap();
    assert_eq!(outcome.reason(), "discovery_issuer_mismatch");
}

/// Advisory 40: an answer that never comes.
#[test]
fn a_callout_that_never_ends_is_given_up() {
    let mut world = World::new(1);
    world.poll(0);
    let (_, lost) = world.out.remove(0);
    world.advance(Duration::from_millis(5999));
    world.poll(0);
    assert_eq!(world.lookup(0, "a"), Answer::Wait);
    world.advance(Duration::from_millis(1));
    world.poll(0);
    assert_eq!(world.workers[0].health(world.now).last_outcome, Some(Outcome::TimedOut));
    assert!(matches!(world.lookup(0, "a"), Answer::Unavailable(1)));
    // It comes after all, and is too late.
    let reply = world.reply(&lost);
    world.workers[0].handle_response(world.now, &mut world.shared, lost.id, reply.clone());
    assert!(matches!(world.lookup(0, "a"), Answer::Unavailable(1)));
    world.advance(Duration::from_secs(1));
    world.poll(0);
    world.workers[0].handle_response(world.now, &mut world.shared, lost.id, reply);
    assert_eq!(world.lookup(0, "a"), Answer::Wait, "the next callout is still out");
}

#[test]
fn an_answer_at_its_deadline_is_too_late_even_if_nobody_polled() {
    let mut world = World::new(1);
    world.poll(0);
    world.advance(Duration::from_secs(6));
    let (_, fetch) = world.out.remove(0);
    let reply = world.reply(&fetch);
    world.workers[0].handle_response(world.now, &mut world.shared, fetch.id, reply);
    assert_eq!(world.workers[0].health(world.now).last_outcome, Some(Outcome::TimedOut));
}

#[test]
fn a_leader_that_dies_is_replaced_when_its_lease_ends() {
    let mut world = World::new(3);
    world.poll(0);
    world.out.clear();
    world.workers.remove(0);
    world.advance(Duration::from_secs(23));
    world.poll_all();
    assert!(world.out.is_empty());
    assert_eq!(world.lookup(0, "a"), Answer::Wait);
    world.advance(Duration::from_secs(1));
    world.settle();
    assert_eq!(world.fetches.len(), 2);
    assert_eq!(world.lookup(0, "a"), found("a"));
    assert_eq!(world.lookup(1, "a"), found("a"));
}

#[test]
fn a_wait_for_a_leader_that_died_ends_with_its_lease() {
    let mut world = World::new(2);
    world.settle();
    assert_eq!(world.lookup(0, "x"), Answer::Wait);
    world.poll_all();
    assert_eq!(world.lookup(1, "y"), Answer::Wait);
    world.out.clear();
    world.workers.remove(0);
    world.advance(Duration::from_secs(24));
    world.poll_all();
    assert_eq!(world.lookup(0, "y"), UNKNOWN);
    assert!(world.out.is_empty(), "the cooldown outlives the leader");
}

/// A worker stands still between its answer and its writing, long enough for another to take over.
#[test]
fn an_answer_under_a_lost_lease_is_dropped() {
    let mut world = World::new(2);
    world.poll(0);
    let (_, old) = world.out.remove(0);
    let stale = world.reply(&old);
    world.publish(&["b"]);
    world.advance(Duration::from_secs(24));
    world.poll(1);
    assert_eq!(world.out.len(), 1);
    world.answer(0);
    // By its own clock the first worker is still in time.
    let then = world.now.minus(Duration::from_secs(20));
    world.workers[0].handle_response(then, &mut world.shared, old.id, stale);
    assert_eq!(world.workers[0].health(then).last_outcome, Some(Outcome::Adopted));
    world.workers.push(KeyCache::new("idp/0".to_owned(), jwks_source(), KeyCacheSettings::default(), 9));
    world.poll_all();
    for worker in 0..3 {
        assert_eq!(world.lookup(worker, "b"), found("b"));
        assert_ne!(world.lookup(worker, "a"), found("a"));
    }
    assert!(world.out.is_empty(), "the newer keys are still there for a worker that starts");
}

/// A worker stands still through its whole lease; meanwhile another one has succeeded.
#[test]
fn a_failure_under_a_lost_lease_does_not_undo_a_success() {
    let mut world = World::new(2);
    world.poll(0);
    world.advance(Duration::from_secs(24));
    world.poll(1);
    world.answer(1);
    world.poll(0);
    assert_eq!(world.workers[0].health(world.now).last_outcome, Some(Outcome::TimedOut));
    assert_eq!(world.workers[0].health(world.now).failures, 0);
    world.out.clear();
    world.run(600);
    assert_eq!(world.fetches.len(), 2);
    assert_eq!(world.lookup(0, "a"), found("a"));
}

#[test]
fn garbage_in_shared_data_is_neither_believed_nor_obeyed() {
    let all: [&[u8]; 4] = [b"", b"garbage", b"portcullis keys control 1\n\xff\xff", &[0; 4096]];
    for garbage in all {
        for ending in ["control", "set", ""] {
            let mut world = World::new(2);
            world.settle();
            world.shared.overwrite(ending, garbage);
            world.run(10);
            assert_eq!(world.lookup(0, "a"), found("a"));
            let settings = KeyCacheSettings::default();
            world.workers.push(KeyCache::new("idp/0".to_owned(), jwks_source(), settings, 77));
            world.run(1);
            assert_eq!(world.lookup(2, "a"), found("a"), "a worker that starts among garbage");
            world.publish(&["b"]);
            world.run(3600);
            for worker in 0..3 {
                assert_eq!(world.lookup(worker, "b"), found("b"));
                assert_ne!(world.lookup(worker, "a"), found("a"));
            }
            assert!(world.fetches.len() <= 6, "{}", world.fetches.len());
        }
    }
}

#[test]
fn a_host_without_shared_data_lets_every_worker_fetch_for_itself() {
    let mut world = World::new(3);
    world.shared.broken = true;
    world.settle();
    assert_eq!(world.fetches.len(), 3);
    world.publish(&["b"]);
    for worker in 0..3 {
        assert_eq!(world.ask(worker, "b"), found("b"));
        assert_eq!(world.ask(worker, "x"), UNKNOWN);
    }
    assert_eq!(world.fetches.len(), 6);
    world.mood = Mood::Unreachable;
    world.run(7200);
    assert_eq!(world.lookup(0, "b"), found("b"));
}

#[test]
fn a_host_that_compares_where_nothing_is_still_agrees_on_one_leader() {
    let mut world = World::new(3);
    world.shared.strict = true;
    world.settle();
    assert_eq!(world.fetches.len(), 1);
    assert_eq!(world.lookup(2, "a"), found("a"));
}

/// No provider can hurt another: the schedule of one is nothing to the other.
#[test]
fn a_failing_source_leaves_another_alone() {
    let mut world = World::new(1);
    world.mood = Mood::Unreachable;
    world.settle();
    let mut other = KeyCache::new("other/0".to_owned(), jwks_source(), KeyCacheSettings::default(), 5);
    let fetch = other.poll(world.now, &mut world.shared).unwrap();
    world.mood = Mood::Good;
    let reply = world.reply(&fetch);
    other.handle_response(world.now, &mut world.shared, fetch.id, reply);
    assert!(matches!(other.lookup(world.now, Some("a"), Algorithm::EdDSA), KeyLookup::Found(_)));
    assert_eq!(world.workers[0].health(world.now).last_outcome, Some(Outcome::Fetch(FetchFlaw::Failed)));
}

//! Days of rotation and outage, by a clock that is stepped by hand.

mod clock;
mod faults;
pub(super) mod memory;
mod model;
mod rollover;
mod world;

use super::super::ExpectedIssuer;
use super::super::Url;
use super::*;
use world::{Answer, KEYS, Mood, UNKNOWN, World, discovery_source, found, jwks, jwks_source};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn keys_come_before_traffic_and_by_one_worker() {
    let mut world = World::new(4);
    assert_eq!(world.workers[2].health(world.now).state, KeyState::Empty);
    world.poll_all();
    assert_eq!(world.out.len(), 1);
    assert_eq!(world.workers[0].health(world.now).state, KeyState::Fetching);
    assert_eq!(world.workers[2].health(world.now).state, KeyState::Fetching);
    for worker in 0..4 {
        assert_eq!(world.lookup(worker, "a"), Answer::Wait);
    }
    world.settle();
    for worker in 0..4 {
        assert_eq!(world.lookup(worker, "a"), found("a"));
        let health = world.workers[worker].health(world.now);
        assert_eq!((health.state, health.keys, health.age), (KeyState::Fresh, 1, Some(Duration::ZERO)));
        assert_eq!(health.last_outcome, Some(if worker == 0 { Outcome::Fetched } else { Outcome::Adopted }));
    }
    assert_eq!(world.fetches.len(), 1);
}

#[test]
fn a_fetch_says_all_that_a_callout_needs() {
    let mut world = World::new(1);
    world.poll(0);
    let (_, fetch) = &world.out[0];
    assert_eq!((fetch.cluster.as_str(), fetch.scheme.name()), ("idp", "https"));
    assert_eq!((fetch.authority.as_str(), fetch.path.as_str()), ("idp.example", "/keys"));
    assert_eq!((fetch.timeout, fetch.max_bytes), (Duration::from_secs(5), 512 * 1024));
    assert_eq!(world.workers[0].next_timeout(), Some(world.now.plus(Duration::from_secs(6))));
}

#[test]
fn discovery_takes_two_callouts_under_one_lease() {
    let mut world = World::with(2, &discovery_source(), &KeyCacheSettings::default());
    world.poll_all();
    assert_eq!(world.out.len(), 1);
    assert_eq!(world.out[0].1.path, "/.well-known/openid-configuration");
    let (worker, document) = world.out.remove(0);
    let reply = world.reply(&document);
    world.workers[worker].handle_response(world.now, &mut world.shared, document.id, reply.clone());
    assert_eq!(world.workers[worker].next_timeout(), Some(UnixTime::default()));
    world.poll_all();
    assert_eq!(world.out.len(), 1);
    assert_eq!(world.out[0].1.path, "/keys");
    // The first answer once more, as if it were the second's.
    world.workers[worker].handle_response(world.now, &mut world.shared, document.id, reply);
    world.settle();
    assert_eq!(world.lookup(1, "a"), found("a"));
}

#[test]
fn keys_elsewhere_are_fetched_by_their_own_cluster() {
    let source = KeySource::Discovery {
        address: Url::parse("https://login.example/doc").unwrap(),
        issuer: ExpectedIssuer::new(world::ISSUER),
        cluster: "login".to_owned(),
        jwks_cluster: Some("keys".to_owned()),
    };
    let mut world = World::with(1, &source, &KeyCacheSettings::default());
    world.poll(0);
    assert_eq!(world.out[0].1.cluster, "login");
    world.answer(0);
    assert_eq!(world.out[0].1.cluster, "keys");
    assert_eq!(world.out[0].1.authority, "idp.example");
}

#[test]
fn keys_of_the_configuration_are_never_fetched() {
    let set = KeySet::parse(&jwks(&["a"]), &KeyCacheSettings::default().key_set_limits()).unwrap();
    let mut world = World::with(1, &KeySource::Fixed(set), &KeyCacheSettings::default());
    world.settle();
    world.advance(HOUR * 24 * 365);
    assert_eq!(world.lookup(0, "a"), found("a"));
    assert_eq!(world.lookup(0, "b"), UNKNOWN);
    world.settle();
    assert!(world.fetches.is_empty() && world.shared.keys().next().is_none());
    assert_eq!(world.workers[0].next_timeout(), None);
    assert_eq!(world.workers[0].health(world.now).state, KeyState::Fresh);
}

#[test]
fn cache_control_decides_within_bounds() {
    for (max_age, least, most) in [(None, 48, 60), (Some(0), 4, 5), (Some(1800), 24, 30), (Some(86_400), 48, 60)] {
        let mut world = World::new(1);
        world.max_age = max_age;
        world.settle();
        let next = world.workers[0].next_timeout().unwrap().since(world.now);
        assert!(MINUTE * least <= next && next <= MINUTE * most, "{max_age:?}: {next:?}");
    }
}

#[test]
fn what_does_not_depend_on_a_fetch_is_refused_at_once() {
    let mut world = World::new(1);
    world.publish(&["a", "b"]);
    world.settle();
    let mut lookup = |kid, alg| Answer::of(world.workers[0].lookup(world.now, kid, alg));
    assert_eq!(lookup(Some("a"), Algorithm::RS256), Answer::Refused(SelectFlaw::AlgorithmMismatch));
    assert_eq!(lookup(None, Algorithm::EdDSA), Answer::Refused(SelectFlaw::NoKid));
    assert_eq!(lookup(None, Algorithm::RS256), Answer::Refused(SelectFlaw::AlgorithmMismatch));
    assert_eq!(lookup(Some("A"), Algorithm::EdDSA), Answer::Wait);
}

#[test]
fn one_bad_key_is_left_out_and_counted() {
    let mut world = World::new(2);
    let good = world::jwk("a");
    let bad = r#"{"kty":"RSA","use":"sig","kid":"b","n":"AQAB","e":"AQAB"}"#;
    world.mood = Mood::Odd(200, format!(r#"{{"keys":[{bad},{good}]}}"#).into_bytes());
    world.settle();
    for worker in 0..2 {
        let health = world.workers[worker].health(world.now);
        assert_eq!((health.keys, health.skipped), (1, 1));
        assert_eq!(world.lookup(worker, "a"), found("a"));
    }
}

#[test]
fn remembered_results_end_with_their_key() {
    let mut world = World::new(2);
    world.settle();
    let KeyLookup::Found(key) = world.workers[1].lookup(world.now, Some("a"), Algorithm::EdDSA) else { panic!() };
    let thumbprint = key.thumbprint();
    assert!(world.workers[1].contains_thumbprint(world.now, &thumbprint));
    assert!(!world.workers[1].contains_thumbprint(world.now, &[0; 32]));
    world.publish(&["b"]);
    world.run(3600);
    assert!(!world.workers[1].contains_thumbprint(world.now, &thumbprint));
}

/// The same source and settings: keys are there at the first poll. Another source: nothing of the old one is read.
#[test]
fn a_new_configuration_reads_only_keys_of_its_own_source() {
    let mut world = World::new(2);
    world.settle();
    let settings = KeyCacheSettings { max_stale: HOUR, ..KeyCacheSettings::default() };
    let mut same = KeyCache::new("idp/0".to_owned(), jwks_source(), settings.clone(), 9);
    assert!(same.poll(world.now, &mut world.shared).is_none());
    assert!(matches!(same.lookup(world.now, Some("a"), Algorithm::EdDSA), KeyLookup::Found(_)));
    let elsewhere = KeySource::Jwks { address: Url::parse(KEYS).unwrap(), cluster: "other".to_owned() };
    for (id, source) in [("idp/0", elsewhere), ("idp/1", jwks_source()), ("idp/0", discovery_source())] {
        let mut other = KeyCache::new(id.to_owned(), source, settings.clone(), 9);
        assert!(other.poll(world.now, &mut world.shared).is_some());
        assert!(matches!(other.lookup(world.now, Some("a"), Algorithm::EdDSA), KeyLookup::Wait));
    }
}

/// Advisories 32 and 34: what a token says goes into no address and no shared name.
#[test]
fn nothing_of_a_token_becomes_part_of_an_address() {
    let mut world = World::with(1, &discovery_source(), &KeyCacheSettings::default());
    world.settle();
    let names: Vec<String> = world.shared.keys().map(str::to_owned).collect();
    let long = "k".repeat(256);
    for kid in ["../../dev/null", "' UNION SELECT 'k", "\0", "\u{1f511}", "https://evil.example/keys", "", &long] {
        assert_eq!(world.ask(0, kid), UNKNOWN, "{kid:?}");
        world.run(301);
    }
    assert!(world.fetches.len() > 7);
    for (_, fetch) in &world.fetches {
        let address = (fetch.cluster.as_str(), fetch.authority.as_str(), fetch.path.as_str());
        assert_eq!(address, ("idp", "idp.example", "/keys"));
    }
    assert_eq!(world.shared.keys().collect::<Vec<_>>(), names);
}

#[test]
fn a_wait_for_a_retry_is_in_whole_seconds_and_never_none() {
    for (millis, seconds) in [(0, 1), (1, 1), (999, 1), (1000, 1), (1001, 2), (59_999, 60)] {
        assert_eq!(whole_seconds(Duration::from_millis(millis)).as_secs(), seconds, "{millis}");
    }
}

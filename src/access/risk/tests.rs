use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::record::Record;
use super::slot::{SLOT_BYTES, Slot};
use super::*;
use crate::identity::Identity;
use crate::jose::AlgorithmSet;
use crate::provider::{CasMismatch, IssuerRef, IssuerRule, KeyRule, KeySource, SharedData, Url};
use crate::testing::{MemoryHost, TestIssuer};
use crate::time::UnixTime;
use crate::token::{TokenRules, accept};

const NOW: u64 = 1_800_000_000;

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

fn settings() -> RiskSettings {
    let threshold = |more_than, score| Some(Threshold { more_than, within: minutes(10), score });
    RiskSettings {
        signals: Vec::new(),
        observe: Observe { networks: threshold(1, 60), failures: threshold(3, 40), spread: threshold(5, 30) },
        half_life: minutes(10),
        lockout: Some(Lockout { failures: 5, within: minutes(5), locked_for: minutes(15) }),
        slow_down: None,
        memory: 1 << 20,
    }
}

/// Workers that share a host, and a clock.
struct World {
    workers: Vec<Watch>,
    host: MemoryHost,
    now: UnixTime,
}

impl World {
    fn new(settings: &RiskSettings) -> Self {
        let workers = (1..=2).map(|seed| Watch::new(settings.clone(), seed)).collect();
        Self { workers, host: MemoryHost::default(), now: UnixTime::from_secs(NOW) }
    }

    /// A request, seen by a worker; how high it is, or how long it is locked.
    fn request(
        &mut self,
        worker: usize,
        who: &Identity,
        from: IpAddr,
        rule: &str,
        failed: bool,
    ) -> Result<u8, Duration> {
        let watch = &mut self.workers[worker];
        let met = watch.meet(&mut self.host, who, Some(from), rule, self.now).unwrap();
        if let Some(left) = met.locked() {
            return Err(left);
        }
        let score = met.score();
        watch.part(&mut self.host, met, failed, self.now);
        Ok(score)
    }

    fn get(&mut self, who: &Identity, from: IpAddr) -> Result<u8, Duration> {
        self.request(0, who, from, "r", false)
    }

    fn fail(&mut self, who: &Identity) -> Result<u8, Duration> {
        self.request(1, who, address(1), "r", true)
    }

    fn unverified(&mut self, from: IpAddr) -> Option<Duration> {
        self.workers[0].unverified(&mut self.host, Some(from), self.now)
    }

    fn later(&mut self, span: Duration) {
        self.now = self.now.plus(span);
    }
}

fn identity(claims: Value) -> Identity {
    let mut all = json!({ "iss": "https://idp.example", "aud": "a", "exp": NOW + 1_000_000_000 });
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    let signed = TestIssuer::new("idp").signed(&all);
    let address = Url::parse("https://idp.example/keys").unwrap();
    let source = KeySource::Jwks { address, cluster: "idp".to_owned() };
    let issuer = crate::provider::Issuer {
        rule: IssuerRule::exact("https://idp.example"),
        key_rule: KeyRule::default(),
        source,
    };
    let rules = TokenRules {
        audiences: None,
        algorithms: AlgorithmSet::default(),
        access_token_profile: false,
        clock_skew: Duration::ZERO,
        max_lifetime: None,
        max_age: None,
        entra: None,
    };
    Identity::Token(Rc::new(accept(IssuerRef::default(), &issuer, &rules, signed, UnixTime::from_secs(NOW)).unwrap()))
}

fn person(name: &str) -> Identity {
    identity(json!({ "sub": name, "azp": "app" }))
}

fn address(number: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 + (number << 8)).into()
}

#[test]
fn one_session_from_two_networks_raises_the_risk_and_it_decays() {
    let mut world = World::new(&settings());
    let ada = person("ada");
    assert_eq!(world.get(&ada, address(1)), Ok(0));
    let near: IpAddr = "10.0.1.77".parse().unwrap();
    assert_eq!(world.get(&ada, near), Ok(0), "the same /24");
    assert_eq!(world.request(1, &ada, address(2), "r", false), Ok(60), "seen by another worker");
    assert_eq!(world.get(&person("bob"), address(1)), Ok(0));
    world.later(minutes(10));
    assert_eq!(world.get(&ada, address(2)), Ok(60), "both networks were there within ten minutes");
    world.later(Duration::from_secs(60 * 10 + 120));
    let later = world.get(&ada, address(2)).unwrap();
    assert!((20..35).contains(&later), "{later}");
    world.later(minutes(120));
    assert_eq!(world.get(&ada, address(2)), Ok(0));
}

#[test]
fn sessions_of_one_person_are_told_apart_where_tokens_say_which() {
    let mut world = World::new(&settings());
    let phone = identity(json!({ "sub": "ada", "sid": "1" }));
    let laptop = identity(json!({ "sub": "ada", "sid": "2" }));
    assert_eq!(world.get(&phone, address(1)), Ok(0));
    assert_eq!(world.get(&laptop, address(2)), Ok(0));
    assert_eq!(world.get(&laptop, address(1)), Ok(60));
    assert_eq!(world.get(&phone, address(1)), Ok(0));
}

#[test]
fn v6_networks_are_48_and_mapped_addresses_are_v4() {
    let mut world = World::new(&settings());
    let ada = person("ada");
    for same in ["2001:db8:1::1", "2001:db8:1:ffff::9"] {
        assert_eq!(world.get(&ada, same.parse().unwrap()), Ok(0), "{same}");
    }
    assert_eq!(world.get(&ada, "2001:db8:2::1".parse().unwrap()), Ok(60));
    let bob = person("bob");
    assert_eq!(world.get(&bob, "10.0.1.1".parse().unwrap()), Ok(0));
    assert_eq!(world.get(&bob, "::ffff:10.0.1.2".parse().unwrap()), Ok(0));
}

#[test]
fn many_rules_in_a_short_time_are_unusual() {
    let mut world = World::new(&settings());
    let ada = person("ada");
    for rule in 0..5 {
        assert_eq!(world.request(0, &ada, address(1), &rule.to_string(), false), Ok(0));
    }
    assert_eq!(world.request(1, &ada, address(1), "0", false), Ok(0), "a rule again is no other rule");
    assert_eq!(world.request(1, &ada, address(1), "5", false), Ok(30));
}

#[test]
fn failures_lock_the_identity_that_failed_and_a_success_takes_nothing_back() {
    let mut world = World::new(&settings());
    let ada = person("ada");
    for _ in 0..4 {
        assert!(world.fail(&ada).is_ok());
        assert!(world.get(&ada, address(1)).is_ok());
        world.later(Duration::from_secs(10));
    }
    assert_eq!(world.get(&ada, address(1)), Ok(40));
    assert!(world.fail(&ada).is_ok());
    let left = world.get(&ada, address(1)).unwrap_err();
    assert_eq!(left, minutes(15));
    world.later(minutes(14));
    assert_eq!(world.fail(&ada), Err(minutes(1)), "what is sent meanwhile makes it no longer");
    let other_client = identity(json!({ "sub": "ada", "azp": "other" }));
    assert!(world.get(&other_client, address(1)).is_ok());
    world.later(minutes(1));
    assert!(world.get(&ada, address(1)).is_ok());
    assert!(world.fail(&ada).is_ok(), "the failures are older than the window");
    assert!(world.get(&ada, address(1)).is_ok());
}

#[test]
fn other_sessions_and_clients_of_one_person_push_out_no_lock() {
    let mut world = World::new(&settings());
    let ada = person("ada");
    for _ in 0..5 {
        assert!(world.fail(&ada).is_ok());
    }
    world.later(Duration::from_secs(1));
    for number in 0..100 {
        let other =
            identity(json!({ "sub": "ada", "azp": format!("other-{number}"), "jti": format!("session-{number}") }));
        assert!(world.get(&other, address(1)).is_ok());
    }
    assert!(world.get(&ada, address(1)).is_err());
}

#[test]
fn tokens_without_a_subject_are_not_all_of_one() {
    let mut world = World::new(&settings());
    let one = identity(json!({ "azp": "app", "jti": "1" }));
    for _ in 0..5 {
        assert!(world.fail(&one).is_ok());
    }
    assert!(world.get(&one, address(1)).is_err());
    assert!(world.get(&identity(json!({ "azp": "app", "jti": "2" })), address(1)).is_ok());
    let anybody = identity(json!({ "azp": "app" }));
    assert!(world.workers[0].meet(&mut world.host, &anybody, None, "r", world.now).is_none());
}

#[test]
fn slow_failures_never_lock() {
    let mut world = World::new(&settings());
    let ada = person("ada");
    for _ in 0..100 {
        assert!(world.fail(&ada).is_ok());
        world.later(Duration::from_secs(76));
    }
}

#[test]
fn an_address_that_fails_is_locked_and_a_good_token_passes_from_it() {
    let mut world = World::new(&settings());
    for _ in 0..5 {
        assert_eq!(world.unverified(address(1)), None);
    }
    assert_eq!(world.unverified(address(1)), Some(minutes(15)));
    assert_eq!(world.unverified(address(2)), None);
    let ada = person("ada");
    assert_eq!(world.get(&ada, address(1)), Ok(0));
    assert_eq!(world.workers[1].of_address(&mut world.host, Some(address(1)), world.now), 40);
    assert_eq!(world.workers[1].of_address(&mut world.host, None, world.now), 0);
    let six = |last| IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 7, 0, 0, 0, last));
    for last in 0..5 {
        assert_eq!(world.unverified(six(last)), None);
    }
    assert_eq!(world.unverified(six(100)), Some(minutes(15)), "a /64 is one");
}

#[test]
fn a_clock_that_steps_back_locks_for_no_longer_and_forgets_nothing() {
    let mut world = World::new(&settings());
    let ada = person("ada");
    for _ in 0..5 {
        assert!(world.fail(&ada).is_ok());
    }
    world.now = world.now.minus(minutes(60 * 24 * 365));
    let left = world.get(&ada, address(1)).unwrap_err();
    assert!(left <= minutes(15), "{left:?}");
    world.now = UnixTime::default();
    let _ = world.get(&ada, address(1));
    world.now = UnixTime::from_millis(u64::MAX);
    assert_eq!(world.get(&ada, address(1)), Ok(0));
}

#[test]
fn a_request_reads_once_and_writes_only_what_is_new() {
    let mut watch = Watch::new(settings(), 1);
    let mut host = Counting::default();
    let (ada, now) = (person("ada"), UnixTime::from_secs(NOW));
    let mut request = |host: &mut Counting, now| {
        let met = watch.meet(host, &ada, Some(address(1)), "r", now).unwrap();
        watch.part(host, met, false, now);
    };
    request(&mut host, now);
    (host.reads, host.writes) = (0, 0);
    for second in 0..60 {
        request(&mut host, now.plus(Duration::from_secs(second)));
    }
    assert_eq!((host.reads, host.writes), (60, 0));
    let mut nothing = settings();
    (nothing.observe, nothing.lockout) = (Observe::default(), None);
    let mut watch = Watch::new(nothing, 1);
    assert!(watch.meet(&mut host, &ada, Some(address(1)), "r", now).is_none());
    assert_eq!(watch.of_address(&mut host, Some(address(1)), now), 0);
    assert_eq!(host.reads, 60);
}

#[test]
fn what_another_worker_wrote_meanwhile_stays() {
    let mut world = World::new(&settings());
    let ada = person("ada");
    let met = world.workers[0].meet(&mut world.host, &ada, Some(address(1)), "r", world.now).unwrap();
    for _ in 0..4 {
        assert!(world.fail(&ada).is_ok());
    }
    let now = world.now;
    world.workers[0].part(&mut world.host, met, true, now);
    assert!(world.get(&ada, address(1)).is_err(), "five failures, two of them at once");
}

#[test]
fn a_flood_of_addresses_takes_a_bounded_place_and_push_out_no_caller() {
    let mut world = World::new(&settings());
    let ada = person("ada");
    for _ in 0..5 {
        assert!(world.fail(&ada).is_ok());
    }
    for number in 0..30_000_u32 {
        world.unverified(Ipv4Addr::from_bits(number.wrapping_mul(2_654_435_761)).into());
    }
    assert!(world.host.shared_bytes() <= 1 << 20, "{}", world.host.shared_bytes());
    assert!(world.get(&ada, address(1)).is_err());
}

#[test]
fn garbage_in_shared_data_is_nothing() {
    let mut record = Record::new(7, 9);
    record.networks.0 = vec![(1, 2), (3, 4)];
    record.failures.0 = vec![(0, 5)];
    let mut slot = Slot::default();
    *slot.entry(7, 9).0.unwrap() = record;
    let bytes = slot.encode();
    assert_eq!(Slot::decode(&bytes), slot);
    for end in 0..bytes.len() {
        assert!(Slot::decode(&bytes[..end]).get(7).is_none(), "{end}");
    }
    assert_eq!(Slot::decode(&vec![1; SLOT_BYTES + 1]), Slot::default());
    assert_eq!(Slot::decode(&[2]), Slot::default());
}

/// A host that counts.
#[derive(Default)]
struct Counting {
    host: MemoryHost,
    reads: usize,
    writes: usize,
}

impl SharedData for Counting {
    fn get(&mut self, key: &str) -> Option<(Vec<u8>, u32)> {
        self.reads += 1;
        self.host.get(key)
    }

    fn set(&mut self, key: &str, value: &[u8], cas: u32) -> Result<(), CasMismatch> {
        self.writes += 1;
        self.host.set(key, value, cas)
    }
}

/// What strangers may do: send tokens that do not verify, and fail with tokens of their own.
#[derive(Clone, Debug)]
enum Deed {
    Unverified(u8),
    Fails(u8, u8),
    Waits(u16),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        any::<u8>().prop_map(Deed::Unverified),
        (any::<u8>(), 1..3_u8).prop_map(|(who, from)| Deed::Fails(who, from)),
        (0..600_u16).prop_map(Deed::Waits),
    ];
    prop::collection::vec(deed, 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_strangers_failures_never_change_the_answer_to_somebody_elses_good_token(deeds in deeds()) {
        let (mut alone, mut among) = (World::new(&settings()), World::new(&settings()));
        let ada = person("ada");
        for deed in deeds {
            match deed {
                Deed::Unverified(from) => {
                    among.unverified(address(u32::from(from % 3)));
                }
                Deed::Fails(who, from) => {
                    let _ = among.request(1, &person(&format!("stranger {}", who % 4)), address(u32::from(from)), "r", true);
                }
                Deed::Waits(seconds) => {
                    alone.later(Duration::from_secs(seconds.into()));
                    among.later(Duration::from_secs(seconds.into()));
                }
            }
            prop_assert_eq!(alone.get(&ada, address(1)), among.get(&ada, address(1)));
        }
    }

    #[test]
    fn any_bytes_are_a_slot_of_bounded_size(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
        let mut slot = Slot::decode(&bytes);
        for who in 0..100 {
            slot.entry(who, 1);
        }
        prop_assert!(slot.encode().len() <= SLOT_BYTES);
    }
}

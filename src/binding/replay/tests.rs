use super::*;
use crate::binding::secret::{Entropy as _, Secrets};
use crate::testing::MemoryHost;

const NOW: u64 = 1_800_000_000;
const WINDOW: Duration = Duration::from_secs(60);

fn now() -> UnixTime {
    UnixTime::from_secs(NOW)
}

fn secret() -> Secret {
    Secret::new(vec![9; 32])
}

fn proof(id: u32, issued: UnixTime) -> Use {
    Use { parts: [id.to_string().into_bytes(), vec![1; 32], b"https://api.example/".to_vec()], issued }
}

/// One place alone, so that all proofs meet.
fn narrow() -> Replays {
    Replays::new(Method::Dpop, 1, WINDOW)
}

#[test]
fn d04_a_proof_is_good_for_one_request() {
    let (replays, mut host) = (Replays::new(Method::Dpop, 1024, WINDOW), MemoryHost::default());
    let mut spend = |used: &Use| replays.spend(&secret(), used, &mut host, now());
    assert_eq!(spend(&proof(1, now())), Ok(()));
    assert_eq!(spend(&proof(1, now())), Err(ProofFlaw::Replayed));
    assert_eq!(spend(&proof(2, now())), Ok(()));
    // The same id by another key or for another address is another proof (RFC 9449 section 11.1).
    for part in [1, 2] {
        let mut other = proof(1, now());
        other.parts[part].push(b'x');
        assert_eq!(spend(&other), Ok(()));
    }
}

#[test]
fn d04_a_look_uses_nothing_up() {
    let (replays, mut host) = (narrow(), MemoryHost::default());
    assert_eq!(replays.look(&secret(), &proof(1, now()), &mut host, now()), Ok(()));
    assert_eq!(host.shared_bytes(), 0);
    assert_eq!(replays.spend(&secret(), &proof(1, now()), &mut host, now()), Ok(()));
    assert_eq!(replays.look(&secret(), &proof(1, now()), &mut host, now()), Err(ProofFlaw::Replayed));
    assert_eq!(replays.look(&secret(), &proof(2, now()), &mut host, now()), Ok(()));
    // What was forgotten counts as used.
    let later = now().plus(WINDOW * 2);
    assert_eq!(replays.spend(&secret(), &proof(3, later), &mut host, later), Ok(()));
    assert_eq!(replays.look(&secret(), &proof(4, now()), &mut host, now()), Err(ProofFlaw::Replayed));
}

#[test]
fn d04_proofs_of_one_kind_are_not_forgotten_for_those_of_another() {
    let mut host = MemoryHost::default();
    let (short, long) = (narrow(), Replays::new(Method::SignedRequest, 1, WINDOW * 5));
    assert_eq!(long.spend(&secret(), &proof(1, now()), &mut host, now()), Ok(()));
    let later = now().plus(WINDOW * 2);
    assert_eq!(short.spend(&secret(), &proof(2, later), &mut host, later), Ok(()));
    // The use is remembered still, and a proof as old as that which was not used is good.
    assert_eq!(long.spend(&secret(), &proof(1, now()), &mut host, later), Err(ProofFlaw::Replayed));
    assert_eq!(long.spend(&secret(), &proof(3, now()), &mut host, later), Ok(()));
}

#[test]
fn d04_parts_do_not_run_into_each_other() {
    let (replays, mut host) = (narrow(), MemoryHost::default());
    let of = |parts: [&str; 3]| Use { parts: parts.map(|part| part.as_bytes().to_vec()), issued: now() };
    assert_eq!(replays.spend(&secret(), &of(["ab", "c", ""]), &mut host, now()), Ok(()));
    assert_eq!(replays.spend(&secret(), &of(["a", "bc", ""]), &mut host, now()), Ok(()));
}

#[test]
fn d04_what_is_old_makes_room_and_does_not_come_back() {
    let (replays, mut host) = (narrow(), MemoryHost::default());
    for id in 0..64 {
        assert_eq!(replays.spend(&secret(), &proof(id, now()), &mut host, now()), Ok(()));
    }
    // It is full of proofs that could be sent again: no more, rather than forget one.
    assert_eq!(replays.spend(&secret(), &proof(64, now()), &mut host, now()), Err(ProofFlaw::StoreFull));
    let full = host.shared_bytes();
    let last = now().plus(WINDOW);
    assert_eq!(replays.spend(&secret(), &proof(64, last), &mut host, last), Err(ProofFlaw::StoreFull));
    let later = last.plus(Duration::from_secs(1));
    assert_eq!(replays.spend(&secret(), &proof(64, later), &mut host, later), Ok(()));
    assert!(host.shared_bytes() < full);
    // The clock steps back: what was forgotten is not young again, and new proofs are good.
    assert_eq!(replays.spend(&secret(), &proof(3, now()), &mut host, now()), Err(ProofFlaw::Replayed));
    let soon = now().plus(Duration::from_secs(1));
    assert_eq!(replays.spend(&secret(), &proof(65, soon), &mut host, soon), Ok(()));
}

#[test]
fn d04_a_longer_age_after_a_reload_brings_nothing_back() {
    let mut host = MemoryHost::default();
    let (short, long) = (narrow(), Replays::new(Method::Dpop, 1, Duration::from_secs(600)));
    assert_eq!(short.spend(&secret(), &proof(1, now()), &mut host, now()), Ok(()));
    let later = now().plus(Duration::from_secs(120));
    assert_eq!(short.spend(&secret(), &proof(2, later), &mut host, later), Ok(()));
    assert_eq!(long.spend(&secret(), &proof(1, now()), &mut host, later), Err(ProofFlaw::Replayed));
}

/// A host that shares nothing, whatever it says; or always says that another was faster.
struct Odd {
    refuses: bool,
}

impl SharedData for Odd {
    fn get(&mut self, _: &str) -> Option<(Vec<u8>, u32)> {
        None
    }

    fn set(&mut self, _: &str, _: &[u8], _: u32) -> Result<(), crate::provider::CasMismatch> {
        if self.refuses { Err(crate::provider::CasMismatch) } else { Ok(()) }
    }
}

#[test]
fn d04_what_is_not_written_down_is_not_accepted() {
    let spend = |refuses| narrow().spend(&secret(), &proof(1, now()), &mut Odd { refuses }, now());
    assert_eq!(spend(false), Err(ProofFlaw::StoreUnavailable));
    assert_eq!(spend(true), Err(ProofFlaw::StoreBusy));
}

/// Shared data in which another worker writes between each look and each write.
struct Contended {
    inner: MemoryHost,
    others: Vec<Use>,
}

impl SharedData for Contended {
    fn get(&mut self, key: &str) -> Option<(Vec<u8>, u32)> {
        let found = self.inner.get(key);
        if let Some(other) = self.others.pop() {
            let _ = narrow().spend(&secret(), &other, &mut self.inner, now());
        }
        found
    }

    fn set(&mut self, key: &str, value: &[u8], cas: u32) -> Result<(), crate::provider::CasMismatch> {
        self.inner.set(key, value, cas)
    }
}

#[test]
fn d04_of_two_workers_with_one_proof_one_wins() {
    let mut host = Contended { inner: MemoryHost::default(), others: vec![proof(1, now())] };
    assert_eq!(narrow().spend(&secret(), &proof(1, now()), &mut host, now()), Err(ProofFlaw::Replayed));
    // Others with other proofs only cost another try, and none of them is lost.
    let others: Vec<Use> = (2..6).map(|id| proof(id, now())).collect();
    let mut host = Contended { inner: MemoryHost::default(), others: others.clone() };
    assert_eq!(narrow().spend(&secret(), &proof(1, now()), &mut host, now()), Ok(()));
    for used in others.iter().chain([&proof(1, now())]) {
        assert_eq!(narrow().spend(&secret(), used, &mut host.inner, now()), Err(ProofFlaw::Replayed));
    }
}

#[test]
fn chance_leaves_room_for_as_many_as_were_planned() {
    let (replays, mut host) = (Replays::new(Method::Dpop, 4096, WINDOW), MemoryHost::default());
    for id in 0..4096 {
        assert_eq!(replays.spend(&secret(), &proof(id, now()), &mut host, now()), Ok(()), "{id}");
    }
    assert!(host.shared_bytes() < 4096 * 21 + 128 * 8);
}

#[test]
fn what_another_wrote_is_an_empty_place() {
    for bytes in [&b""[..], b"\x01", b"\x02\0\0\0\0", b"\x01\0\0\0\0x", &[7; 100]] {
        assert_eq!(Place::decode(bytes), Place::default());
    }
    let place = Place { forgotten: 7, uses: vec![([3; 16], 9), ([4; 16], 8)] };
    assert_eq!(Place::decode(&place.encode()), place);
}

#[test]
fn workers_draw_one_secret_together() {
    let mut host = MemoryHost::default();
    let mac = |secrets: &mut Secrets, host: &mut MemoryHost| secrets.get(host).unwrap().mac("test", &[]);
    let (mut one, mut other) = (Secrets::default(), Secrets::default());
    assert_eq!(mac(&mut one, &mut host), mac(&mut other, &mut host));
    assert!(host.fill(&mut [0; 4]));
    // A host that can't share has no secret that others know.
    struct Alone;
    impl SharedData for Alone {
        fn get(&mut self, _: &str) -> Option<(Vec<u8>, u32)> {
            None
        }
        fn set(&mut self, _: &str, _: &[u8], _: u32) -> Result<(), crate::provider::CasMismatch> {
            Ok(())
        }
    }
    impl crate::binding::Entropy for Alone {
        fn fill(&mut self, _: &mut [u8]) -> bool {
            true
        }
    }
    assert!(Secrets::default().get(&mut Alone).is_none());
}

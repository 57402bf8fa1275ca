use std::rc::Rc;

use proptest::prelude::*;

use super::circuit::LONGEST_PAUSE;
use super::spent::LONGEST_MEMORY;
use super::*;

const MS: Duration = Duration::from_millis(1);

/// Somebody who asks, and a clock.
struct World {
    asker: Asker,
    limit: GlobalLimit,
    now: UnixTime,
}

impl World {
    fn new() -> Self {
        let limit = GlobalLimit {
            engine: 0,
            domain: Rc::from("portcullis"),
            entries: vec![("generic_key".to_owned(), "orders".to_owned())],
            timeout: Duration::from_millis(50),
            on_failure: OnFailure::Deny,
            remembers: true,
        };
        Self { asker: Asker::new("limits".to_owned(), 7), limit, now: UnixTime::from_secs(1_800_000_000) }
    }

    fn ask(&mut self, who: &str) -> Lookup {
        self.ask_for(who, 1)
    }

    fn ask_for(&mut self, who: &str, hits: u32) -> Lookup {
        let descriptor = Descriptor::new(&self.limit.entries, vec![("subject".to_owned(), who.to_owned())]);
        self.asker.ask(self.now, &self.limit, descriptor, hits)
    }

    fn ticket(&mut self, who: &str) -> Ticket {
        match self.ask(who) {
            Lookup::Wait(ticket) => ticket,
            other => panic!("{other:?}"),
        }
    }

    fn polled(&mut self) -> Vec<Fetch> {
        std::iter::from_fn(|| self.asker.poll(self.now)).collect()
    }

    fn only(&mut self) -> Fetch {
        let mut fetches = self.polled();
        assert_eq!(fetches.len(), 1);
        fetches.pop().unwrap()
    }

    fn answer(&mut self, fetch: &Fetch, body: &[u8]) {
        self.end(fetch, 0, body);
    }

    fn end(&mut self, fetch: &Fetch, status: u32, body: &[u8]) {
        let headers = vec![(b"grpc-status".to_vec(), status.to_string().into_bytes())];
        let fetched = Fetched::Response { status: 200, headers, body: body.to_vec() };
        self.asker.handle_response(self.now, fetch.id, fetched);
    }

    /// Asks, has the call fail, and takes the outcome.
    fn fail(&mut self) {
        let ticket = self.ticket("a");
        let fetch = self.only();
        self.end(&fetch, 14, b"");
        assert_eq!(self.asker.take(self.now, ticket), Lookup::Failed(Failure::NoAnswer));
    }

    fn pass(&mut self, span: Duration) {
        self.now = self.now.plus(span);
    }
}

fn ok() -> Vec<u8> {
    vec![0x08, 1]
}

/// `OVER_LIMIT`, of 3 a minute nothing is left, and so many seconds to go.
fn over(seconds: u8) -> Vec<u8> {
    let mut body = vec![0x08, 2, 0x12, 12, 0x08, 2, 0x12, 4, 0x08, 3, 0x10, 2, 0x22, 2, 0x08, seconds];
    assert_eq!(body[3], u8::try_from(body.len().saturating_sub(4)).unwrap());
    body.extend([0x72, 1, b'?']);
    body
}

#[test]
fn a_request_is_asked_about_once_in_the_protocols_words_and_learns_the_answer_once() {
    let mut world = World::new();
    let ticket = world.ticket("anna");
    assert!(world.asker.is_out(world.now, ticket));
    let fetch = world.only();
    assert_eq!(fetch.path, "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit");
    assert_eq!((fetch.cluster.as_str(), fetch.grpc, fetch.timeout), ("limits", true, 50 * MS));
    let message = fetch.post.as_ref().unwrap().body.clone();
    let expected =
        b"\x0a\x0aportcullis\x12\x2a\x0a\x15\x0a\x0bgeneric_key\x12\x06orders\x0a\x11\x0a\x07subject\x12\x06anna-x";
    // One descriptor with two entries, and one hit.
    assert_eq!(&message[..14], &expected[..12].iter().copied().chain([0x12, 0x28]).collect::<Vec<u8>>()[..]);
    assert!(message.ends_with(b"\x0a\x0f\x0a\x07subject\x12\x04anna\x18\x01"), "{message:?}");
    assert_eq!(world.asker.take(world.now, ticket), Lookup::Wait(ticket));

    world.answer(&fetch, &ok());
    let answer = Answer { over: false, allowance: None, remaining: None, reset: None };
    assert_eq!(world.asker.take(world.now, ticket), Lookup::Answered(answer));
    assert_eq!(world.asker.take(world.now, ticket), Lookup::Failed(Failure::NoAnswer), "taken is taken");
    world.answer(&fetch, &over(5));
    assert!(matches!(world.ask("anna"), Lookup::Wait(_)), "an answer that comes twice changes nothing");
}

#[test]
fn a_refusal_is_remembered_until_the_engines_own_moment_and_for_no_smaller_request() {
    let mut world = World::new();
    let Lookup::Wait(ticket) = world.ask_for("anna", 3) else { panic!() };
    let fetch = world.only();
    world.answer(&fetch, &over(5));
    let refusal = Answer {
        over: true,
        allowance: Some((3, Duration::from_secs(60))),
        remaining: Some(0),
        reset: Some(Duration::from_secs(5)),
    };
    assert_eq!(world.asker.take(world.now, ticket), Lookup::Answered(refusal));

    world.pass(2000 * MS);
    let later = Answer { reset: Some(Duration::from_secs(3)), ..refusal };
    assert_eq!(world.ask_for("anna", 3), Lookup::Answered(later), "nobody is asked");
    assert_eq!(world.ask_for("anna", 9), Lookup::Answered(later));
    assert!(matches!(world.ask_for("anna", 1), Lookup::Wait(_)), "a smaller one may have room");
    assert!(matches!(world.ask_for("ben", 3), Lookup::Wait(_)));
    world.pass(3000 * MS);
    assert!(matches!(world.ask_for("anna", 3), Lookup::Wait(_)), "it is over");
}

#[test]
fn a_refusal_is_remembered_for_ten_seconds_at_most_and_not_after_the_clock_stepped_back() {
    for (step, remembered) in [(9_999, true), (10_001, false), (-1000, false)] {
        let mut world = World::new();
        world.ticket("anna");
        let fetch = world.only();
        world.answer(&fetch, &over(100));
        let now = i64::try_from(world.now.as_millis()).unwrap() + step;
        world.now = UnixTime::from_millis(u64::try_from(now).unwrap());
        assert_eq!(matches!(world.ask("anna"), Lookup::Answered(_)), remembered, "{step} ms");
    }
    assert_eq!(LONGEST_MEMORY, Duration::from_secs(10));
}

#[test]
fn who_does_not_want_refusals_remembered_asks_each_time() {
    let mut world = World::new();
    world.limit.remembers = false;
    world.ticket("anna");
    let fetch = world.only();
    world.answer(&fetch, &over(5));
    assert!(matches!(world.ask("anna"), Lookup::Wait(_)));
}

#[test]
fn an_engine_that_does_not_answer_keeps_nobody_beyond_the_timeout() {
    let mut world = World::new();
    let ticket = world.ticket("anna");
    let fetch = world.only();
    assert_eq!(world.asker.next_timeout(), Some(world.now.plus(50 * MS + GRACE)));
    world.pass(50 * MS + GRACE);
    assert!(!world.asker.is_out(world.now, ticket));
    assert_eq!(world.asker.take(world.now, ticket), Lookup::Failed(Failure::TimedOut));
    world.answer(&fetch, &over(5));
    assert!(matches!(world.ask("anna"), Lookup::Wait(_)), "an answer that is too late changes nothing");
}

#[test]
fn after_five_failures_one_request_after_each_pause_tries_and_one_answer_makes_it_well() {
    let mut world = World::new();
    for _ in 0..FAILURES {
        world.fail();
    }
    assert_eq!(world.ask("a"), Lookup::Failed(Failure::NotAsked), "nobody is asked");
    assert_eq!(world.polled().len(), 0);
    let mut pause = Duration::ZERO;
    for _ in 0..12 {
        let began = world.now;
        let ticket = loop {
            world.pass(10 * MS);
            if let Lookup::Wait(ticket) = world.ask("a") {
                break ticket;
            }
        };
        pause = world.now.since(began);
        assert_eq!(world.ask("b"), Lookup::Failed(Failure::NotAsked), "one at a time");
        let fetch = world.only();
        world.end(&fetch, 4, b"");
        assert_eq!(world.asker.take(world.now, ticket), Lookup::Failed(Failure::TimedOut));
    }
    assert!(pause <= LONGEST_PAUSE + 10 * MS && pause * 2 >= LONGEST_PAUSE, "{pause:?}");
    world.pass(LONGEST_PAUSE);
    world.ticket("a");
    let fetch = world.only();
    world.answer(&fetch, &ok());
    for who in 0..20 {
        world.ticket(&who.to_string());
    }
    assert_eq!(world.polled().len(), 20);
    assert_eq!(world.asker.health().failures, 0);
}

#[test]
fn every_way_to_fail_has_its_name() {
    let large = vec![0; 70_000];
    let cases: [(u32, &[u8], Failure); 7] = [
        (14, b"", Failure::NoAnswer),
        (4, b"", Failure::TimedOut),
        (12, b"", Failure::Status(12)),
        (0, b"", Failure::Unknown),
        (0, b"\x08\x00", Failure::Unknown),
        (0, b"<html>", Failure::Unreadable),
        (0, &large, Failure::Unreadable),
    ];
    for (status, body, failure) in cases {
        let mut world = World::new();
        let ticket = world.ticket("anna");
        let fetch = world.only();
        world.end(&fetch, status, body);
        assert_eq!(world.asker.take(world.now, ticket), Lookup::Failed(failure), "{status} {}", body.len());
        assert_eq!(world.asker.health().last_outcome, Some(Err(failure)));
    }
    let mut world = World::new();
    let ticket = world.ticket("anna");
    let fetch = world.only();
    world.asker.handle_response(world.now, fetch.id, Fetched::Failed);
    assert_eq!(world.asker.take(world.now, ticket), Lookup::Failed(Failure::NoAnswer));
}

#[test]
fn so_many_wait_and_who_is_gone_is_forgotten() {
    let mut world = World::new();
    let tickets: Vec<Ticket> = (0..MOST_WAITING).map(|who| world.ticket(&who.to_string())).collect();
    assert_eq!(world.ask("one more"), Lookup::Failed(Failure::TooMany));
    world.asker.forget(tickets[0]);
    assert!(matches!(world.ask("one more"), Lookup::Wait(_)));
    assert_eq!(world.polled().len(), MOST_WAITING, "for whom nobody waits, nobody is asked");
    // Nobody takes what comes of them.
    world.pass(Duration::from_secs(1));
    assert!(world.polled().is_empty());
    world.pass(Duration::from_secs(1));
    assert!(world.polled().is_empty());
    assert_eq!(world.asker.health().waiting, 0);
    assert_eq!(world.asker.next_timeout(), None);
}

#[test]
fn a_clock_that_steps_back_keeps_nobody_waiting() {
    let mut world = World::new();
    let ticket = world.ticket("anna");
    world.only();
    world.now = UnixTime::from_secs(1_000_000_000);
    assert_eq!(world.asker.take(world.now, ticket), Lookup::Wait(ticket));
    world.pass(Duration::from_secs(1));
    assert_eq!(world.asker.take(world.now, ticket), Lookup::Failed(Failure::TimedOut));
}

#[test]
fn limitadors_headers_say_what_its_statuses_do_not() {
    let header = |name: &str, value: &str| {
        let mut pair = vec![0x0a, u8::try_from(name.len()).unwrap()];
        pair.extend(name.as_bytes());
        pair.extend([0x12, u8::try_from(value.len()).unwrap()]);
        pair.extend(value.as_bytes());
        let mut field = vec![0x1a, u8::try_from(pair.len()).unwrap()];
        field.extend(pair);
        field
    };
    let mut body = vec![0x08, 2];
    body.extend(header("X-RateLimit-Limit", "10, 10;w=60"));
    body.extend(header("X-RateLimit-Remaining", "0"));
    body.extend(header("X-RateLimit-Reset", "42"));
    let answer = read(&body).unwrap();
    let reset = Some(Duration::from_secs(42));
    let allowance = Some((10, Duration::from_secs(60)));
    assert_eq!(answer, Answer { over: true, allowance, remaining: Some(0), reset });
}

#[test]
fn a_descriptor_keeps_short_values_as_they_are_and_hashes_long_ones() {
    let fixed = [("generic_key".to_owned(), "orders".to_owned())];
    let of = |value: String| Descriptor::new(&fixed, vec![("header.x-team".to_owned(), value)]);
    assert_eq!(of("blue".to_owned()).entries()[1].1, "blue");
    let long = of("x".repeat(257));
    assert!(long.entries()[1].1.starts_with("sha256:"), "{long:?}");
    assert_eq!(long.entries()[1].1.len(), 7 + 64);
    assert_ne!(long, of("x".repeat(258)));
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer_or_none(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&body);
    }

    #[test]
    fn what_is_read_of_an_answer_is_within_bounds(
        code in 1..=2_u8, unit in any::<i8>(), left in any::<u32>(), seconds in any::<i64>(), nanos in any::<i32>(),
    ) {
        let mut span = Vec::new();
        prost::encoding::int64::encode(1, &seconds, &mut span);
        prost::encoding::int32::encode(2, &nanos, &mut span);
        let mut limit = Vec::new();
        prost::encoding::uint32::encode(1, &7, &mut limit);
        prost::encoding::int32::encode(2, &i32::from(unit), &mut limit);
        let mut status = Vec::new();
        prost::encoding::bytes::encode(2, &limit, &mut status);
        prost::encoding::uint32::encode(3, &left, &mut status);
        prost::encoding::bytes::encode(4, &span, &mut status);
        let mut body = vec![0x08, code];
        prost::encoding::bytes::encode(2, &status, &mut body);
        let answer = read(&body).unwrap();
        prop_assert_eq!(answer.over, code == 2);
        prop_assert!(answer.reset.unwrap() <= Duration::from_secs(366 * 86_400));
        prop_assert_eq!(answer.allowance.is_some(), (1..=7).contains(&unit));
        prop_assert_eq!(answer.remaining, answer.allowance.map(|_| left));
    }

    #[test]
    fn no_two_descriptors_are_one(entries in prop::collection::vec(("[a-c_]{1,3}", "[a-c_]{0,3}"), 0..4), other in prop::collection::vec(("[a-c_]{1,3}", "[a-c_]{0,3}"), 0..4)) {
        let (one, two) = (Descriptor::new(&[], entries), Descriptor::new(&[], other));
        prop_assert_eq!(one.fingerprint("d") == two.fingerprint("d"), one == two);
    }
}

//! What comes of a server that fails, or answers what it should not.

use super::*;

#[test]
fn i02_t10_what_is_no_plain_answer_lets_nobody_in() {
    let deep = format!("{{\"active\":true,\"x\":{}1{}}}", "[".repeat(30), "]".repeat(30));
    let many = format!("{{\"active\":true,\"x\":[{}1]}}", "1,".repeat(1100));
    let long = format!("{{\"active\":true,\"x\":\"{}\"}}", "x".repeat(4096));
    let good = "{\"active\":true}";
    let html = &[("content-type", "text/html")];
    let signed = &[("content-type", "application/token-introspection+jwt")];
    let twice = &[("content-type", "application/json"), ("content-type", "text/html")];
    let packed = &[("content-type", "application/json"), ("content-encoding", "gzip")];
    for (status, headers, body, outcome) in [
        (500, JSON, good, Outcome::Status),
        (201, JSON, good, Outcome::Status),
        (204, JSON, "", Outcome::Status),
        (404, JSON, good, Outcome::Status),
        (401, JSON, good, Outcome::ClientRefused),
        (403, JSON, good, Outcome::ClientRefused),
        (503, JSON, good, Outcome::Throttled),
        (200, html, good, Outcome::ContentType),
        (200, signed, good, Outcome::ContentType),
        (200, twice, good, Outcome::ContentType),
        (200, &[], good, Outcome::ContentType),
        (200, packed, good, Outcome::Unreadable),
        (200, JSON, "", Outcome::Unreadable),
        (200, JSON, "true", Outcome::Unreadable),
        (200, JSON, "[{\"active\":true}]", Outcome::Unreadable),
        (200, JSON, "{\"active\":true}x", Outcome::Unreadable),
        (200, JSON, "{\"active\":false,\"active\":true}", Outcome::Unreadable),
        (200, JSON, "{\"active\":true,\"sub\":\"a\",\"sub\":\"b\"}", Outcome::Unreadable),
        (200, JSON, "\u{feff}{\"active\":true}", Outcome::Unreadable),
        (200, JSON, deep.as_str(), Outcome::Unreadable),
        (200, JSON, many.as_str(), Outcome::Unreadable),
        (200, JSON, long.as_str(), Outcome::TooLarge),
    ] {
        let mut world = World::new();
        assert_eq!(world.ask("t"), "wait");
        let fetch = world.only();
        world.answer_with(&fetch, status, headers, body.as_bytes());
        assert_eq!(world.last(), Some(outcome), "{status} {body:.40}");
        if matches!(outcome, Outcome::TooLarge | Outcome::Unreadable) {
            // It is about this one token.
            assert_eq!(world.ask("t"), "5", "{status} {body:.40}");
            assert_eq!(world.told("other", &active()), "active u-1");
            continue;
        }
        // The first failure is made good while the request waits; the second is told.
        assert_eq!(world.ask("t"), "wait");
        world.later(1);
        let fetch = world.only();
        world.answer_with(&fetch, status, headers, body.as_bytes());
        world.ask("t").parse::<u64>().unwrap_or_else(|_| panic!("{status} {body:.40}"));
    }
    let mut world = World::new();
    world.ask("t");
    let fetch = world.only();
    world.introspector.handle_response(world.now, fetch.id, Fetched::Failed);
    assert_eq!(world.last(), Some(Outcome::NoAnswer));
}

#[test]
fn o06_a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let mut world = World::new();
        world.ask("t");
        let fetch = world.only();
        let headers = [("content-type", "application/json"), ("location", "https://evil.example/introspect")];
        world.answer_with(&fetch, status, &headers, b"{\"active\":true}");
        assert_eq!(world.last(), Some(Outcome::Redirect));
        world.later(1);
        let fetch = world.only();
        assert_eq!((fetch.authority.as_str(), fetch.path.as_str()), ("idp.example", "/introspect?v=1"));
    }
}

#[test]
fn a_server_that_is_down_is_asked_less_and_less_and_noticed_when_it_is_back() {
    let mut world = World::new();
    let mut asked = 0;
    for number in 0..600 {
        world.ask(&format!("t-{number}"));
        for fetch in world.polled() {
            asked += 1;
            world.answer_with(&fetch, 500, &[], b"");
        }
        world.later(1);
    }
    assert!((40..90).contains(&asked), "{asked} questions in ten minutes");
    world.later(15);
    assert_eq!(world.told("t", &active()), "active u-1");
    for number in 0..4 {
        world.ask(&format!("n-{number}"));
    }
    assert_eq!(world.polled().len(), 4);
}

#[test]
fn questions_that_fail_together_are_one_failure() {
    let mut world = World::with(|settings| settings.concurrency = 16);
    for number in 0..20 {
        assert_eq!(world.ask(&format!("t-{number}")), "wait");
    }
    // The server restarts: every question that is out fails, some of them late.
    let out = world.polled();
    assert_eq!(out.len(), 16);
    let (late, early) = out.split_at(3);
    for fetch in early {
        world.introspector.handle_response(world.now, fetch.id, Fetched::Failed);
    }
    world.now = world.now.plus(Duration::from_millis(300));
    for fetch in late {
        world.introspector.handle_response(world.now, fetch.id, Fetched::Failed);
    }
    assert_eq!(world.introspector.health().failures, 1);
    // One tries, and then all: nobody was turned away.
    let fetch = world.only();
    world.answer(&fetch, &active());
    for _ in 0..2 {
        for fetch in world.polled() {
            world.answer(&fetch, &active());
        }
    }
    for number in 0..20 {
        assert_eq!(world.ask(&format!("t-{number}")), "active u-1");
    }
    // A pause that one of them brings is kept all the same.
    for number in 20..22 {
        world.ask(&format!("t-{number}"));
    }
    let [one, other] = world.polled().try_into().unwrap();
    world.introspector.handle_response(world.now, one.id, Fetched::Failed);
    world.answer_with(&other, 429, &[("retry-after", "30")], b"");
    assert_eq!((world.ask("new"), world.introspector.health().failures), ("30".to_owned(), 1));
}

#[test]
fn an_answer_that_does_not_say_is_no_answer_in_the_log() {
    let mut world = World::new();
    for (said, outcome) in [
        (json!({ "sub": "u" }), Outcome::NotSaid),
        (json!({ "active": "true" }), Outcome::NotSaid),
        (json!({ "active": false }), Outcome::Answered),
        (active(), Outcome::Answered),
    ] {
        world.told(&said.to_string(), &said);
        assert_eq!(world.last(), Some(outcome), "{said}");
    }
}

#[test]
fn a_server_that_wants_to_be_asked_later_is() {
    for (headers, expected) in
        [(vec![("retry-after", "30")], "30"), (vec![], "5"), (vec![("retry-after", "99999")], "300")]
    {
        let mut world = World::new();
        world.ask("t");
        let fetch = world.only();
        world.answer_with(&fetch, 429, &headers, b"");
        assert_eq!(world.ask("t"), expected);
        assert!(world.polled().is_empty());
    }
}

#[test]
fn a_token_that_the_server_chokes_on_is_nobody_elses_matter() {
    let mut world = World::new();
    for (place, status) in [400, 413, 414].into_iter().enumerate() {
        let token = format!("odd-{place}");
        world.ask(&token);
        let fetch = world.only();
        world.answer_with(&fetch, status, JSON, b"{\"error\":\"invalid_request\"}");
        assert_eq!(world.last(), Some(Outcome::RequestRefused));
        assert_eq!(world.ask(&token), "5");
        assert_eq!(world.told(&format!("good-{place}"), &active()), "active u-1");
    }
    world.later(5);
    assert_eq!(world.ask("odd-0"), "wait");
}

#[test]
fn a_late_answer_is_nobodys_and_a_clock_that_steps_back_hangs_nothing() {
    let mut world = World::new();
    world.ask("t");
    let late = world.only();
    world.later(3);
    assert_eq!(world.polled().len(), 0);
    assert_eq!(world.last(), Some(Outcome::TimedOut));
    world.answer(&late, &active());
    assert_eq!(world.ask("t"), "wait");
    world.later(1);
    let fetch = world.only();
    world.now = world.now.minus(Duration::from_secs(86_400));
    assert_eq!(world.ask("t"), "wait");
    world.answer(&fetch, &active());
    assert_eq!(world.ask("t"), "active u-1");
    world.now = world.now.minus(Duration::from_secs(86_400));
    assert_eq!(world.ask("t"), "active u-1");
    world.later(60);
    assert_eq!(world.ask("t"), "wait");
}

//! The server answers, or does something else. Names begin with the id of the requirement that they prove.

use serde_json::json;

use super::*;
use crate::provider::{Fetch, Fetched, Secret, Url};

const SECRET: &str = "s3cret & ~/+";
const JSON: &[(&str, &str)] = &[("content-type", "application/json; charset=utf-8")];

/// One who asks, and a clock.
struct World {
    introspector: Introspector,
    now: UnixTime,
}

impl World {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut IntrospectionSettings)) -> Self {
        let mut settings = IntrospectionSettings {
            endpoint: Url::parse("https://idp.example/introspect?v=1").unwrap(),
            cluster: "idp".to_owned(),
            client: Client {
                id: "gate".to_owned(),
                secret: Secret::new(SECRET.to_owned()),
                method: ClientMethod::Basic,
            },
            fresh_for: Duration::from_secs(60),
            refused_for: Duration::from_secs(10),
            cache_bytes: 100_000,
            timeout: Duration::from_secs(2),
            max_bytes: 4096,
            concurrency: 4,
            token_prefix: None,
            jwts: Jwts::Verify,
        };
        change(&mut settings);
        Self { introspector: Introspector::new(settings, 7), now: UnixTime::from_secs(1_800_000_000) }
    }

    fn ask(&mut self, token: &str) -> String {
        self.ask_from(token, None)
    }

    /// `active` and `sub`, a reason, `wait`, `full`, or the seconds after which to ask again.
    fn ask_from(&mut self, token: &str, from: Option<&str>) -> String {
        let from = from.map(|address| address.parse().unwrap());
        let digest = TokenDigest::of(token.as_bytes());
        match self.introspector.lookup(self.now, digest, token.as_bytes(), || from) {
            Introspection::Active(said) => format!("active {}", said.claims()["sub"].as_str().unwrap_or("-")),
            Introspection::Refused(flaw) => flaw.reason().to_owned(),
            Introspection::Unavailable { retry_after } => retry_after.as_secs().to_string(),
            Introspection::Full => "full".to_owned(),
            Introspection::Wait => "wait".to_owned(),
        }
    }

    fn polled(&mut self) -> Vec<Fetch> {
        std::iter::from_fn(|| self.introspector.poll(self.now)).collect()
    }

    fn only(&mut self) -> Fetch {
        let mut fetches = self.polled();
        assert_eq!(fetches.len(), 1);
        fetches.pop().unwrap()
    }

    fn answer(&mut self, fetch: &Fetch, body: &Value) {
        self.answer_with(fetch, 200, JSON, body.to_string().as_bytes());
    }

    fn answer_with(&mut self, fetch: &Fetch, status: u16, headers: &[(&str, &str)], body: &[u8]) {
        let headers =
            headers.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect();
        let fetched = Fetched::Response { status, headers, body: body.to_vec() };
        self.introspector.handle_response(self.now, fetch.id, fetched);
    }

    /// Asks, answers with `body`, and asks again.
    fn told(&mut self, token: &str, body: &Value) -> String {
        assert_eq!(self.ask(token), "wait");
        let fetch = self.only();
        self.answer(&fetch, body);
        self.ask(token)
    }

    fn later(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
    }

    fn last(&self) -> Option<Outcome> {
        self.introspector.health().last_outcome
    }
}

fn active() -> Value {
    json!({ "active": true, "sub": "u-1" })
}

fn body(fetch: &Fetch) -> String {
    String::from_utf8(fetch.post.as_ref().unwrap().body.clone()).unwrap()
}

#[test]
fn i01_active_is_the_boolean_true_and_nothing_else() {
    let mut world = World::new();
    assert_eq!(world.told("good", &active()), "active u-1");
    assert_eq!(world.told("bad", &json!({ "active": false, "sub": "u-1" })), "token_inactive");
    assert_eq!(world.told("silent", &json!({ "sub": "u-1" })), "introspection_active_missing");
    let malformed = [json!("true"), json!(1), json!(null), json!("TRUE"), json!([true]), json!({ "active": true })];
    for (place, active) in malformed.into_iter().enumerate() {
        let said = world.told(&format!("t-{place}"), &json!({ "active": active, "sub": "u-1" }));
        assert_eq!(said, "introspection_active_malformed", "{active}");
    }
    assert_eq!(world.told("case", &json!({ "Active": true })), "introspection_active_missing");
}

#[test]
fn i02_t10_what_is_no_plain_answer_lets_nobody_in() {
    let deep = format!("{{\"active\":true,\"x\":{}1{}}}", "[".repeat(30), "]".repeat(30));
    let many = format!("{{\"active\":true,\"x\":[{}1]}}", "1,".repeat(1001));
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
fn i03_an_answer_is_kept_until_the_token_expires_and_never_longer_than_configured() {
    for (exp, kept) in [(Some(20), 20), (Some(3600), 60), (None, 60), (Some(-5), 10)] {
        let mut world = World::new();
        let mut said = active();
        if let Some(exp) = exp {
            said["exp"] = json!(world.now.as_secs().saturating_add_signed(exp));
        }
        assert_eq!(world.told("t", &said), "active u-1");
        world.later(kept - 1);
        assert_eq!(world.ask("t"), "active u-1", "{exp:?}");
        world.later(1);
        assert_eq!(world.ask("t"), "wait", "{exp:?}");
    }
}

#[test]
fn i03_a_bad_token_is_remembered_shortly_and_becomes_good_by_an_answer_alone() {
    let mut world = World::new();
    assert_eq!(world.told("t", &json!({ "active": false })), "token_inactive");
    world.later(9);
    assert_eq!(world.ask("t"), "token_inactive");
    assert!(world.polled().is_empty());
    for _ in 0..2 {
        world.later(1);
        world.ask("t");
        let fetch = world.only();
        world.answer_with(&fetch, 502, &[], b"");
    }
    world.ask("t").parse::<u64>().unwrap();
    world.later(20);
    assert_eq!(world.told("t", &json!({ "active": false })), "token_inactive");
}

#[test]
fn i03_what_is_kept_is_bounded_and_bad_tokens_drive_out_no_good_ones() {
    let mut world = World::new();
    assert_eq!(world.told("good", &active()), "active u-1");
    for number in 0..6000 {
        assert_eq!(world.told(&format!("bad-{number}"), &json!({ "active": false })), "token_inactive");
    }
    assert_eq!(world.introspector.health().tokens, 1 + 4096);
    assert_eq!(world.ask("good"), "active u-1");
    for number in 0..200 {
        let said = json!({ "active": true, "sub": "u", "x": "y".repeat(2000) });
        assert_eq!(world.told(&format!("large-{number}"), &said), "active u");
        assert!(world.introspector.health().bytes <= 100_000);
    }
    assert_eq!(world.ask("good"), "wait");
}

#[test]
fn i05_the_question_is_a_form_and_a_token_is_one_field_of_it() {
    let mut world = World::new();
    world.ask("a&client_id=x+y%26~/=");
    let fetch = world.only();
    assert_eq!((fetch.cluster.as_str(), fetch.path.as_str()), ("idp", "/introspect?v=1"));
    assert_eq!(body(&fetch), "token=a%26client_id%3Dx%2By%2526%7E%2F%3D&token_type_hint=access_token");
    let post = fetch.post.unwrap();
    assert_eq!(post.content_type, "application/x-www-form-urlencoded");
    // gate:s3cret%20%26%20%7E%2F%2B
    assert_eq!(post.authorization.as_deref(), Some("Basic Z2F0ZTpzM2NyZXQlMjAlMjYlMjAlN0UlMkYlMkI="));
    let mut world = World::with(|settings| settings.client.method = ClientMethod::Post);
    world.ask("t");
    let fetch = world.only();
    assert_eq!(fetch.post.as_ref().unwrap().authorization, None);
    assert_eq!(
        body(&fetch),
        "token=t&token_type_hint=access_token&client_id=gate&client_secret=s3cret%20%26%20%7E%2F%2B"
    );
}

#[test]
fn i06_a_thousand_equal_tokens_are_one_question() {
    let mut world = World::new();
    for _ in 0..1000 {
        assert_eq!(world.ask("t"), "wait");
    }
    let fetch = world.only();
    assert_eq!(world.ask("t"), "wait");
    assert!(world.polled().is_empty());
    world.answer(&fetch, &active());
    for _ in 0..1000 {
        assert_eq!(world.ask("t"), "active u-1");
    }
    assert!(world.polled().is_empty());
}

#[test]
fn a_flood_is_asked_about_a_few_at_a_time_and_one_client_has_a_part_of_the_places() {
    let mut world = World::new();
    let flood = (0..1000).filter(|number| world.ask_from(&format!("f-{number}"), Some("192.0.2.7")) == "wait").count();
    assert_eq!(flood, 125);
    assert_eq!(world.polled().len(), 4);
    assert_eq!(world.ask_from("other", Some("192.0.2.8")), "wait");
    // The addresses of one IPv6 client are one; an IPv4 address is the same in every spelling.
    let six = (0..1000)
        .filter(|number| world.ask_from(&format!("s-{number}"), Some(&format!("2001:db8::{number:x}"))) == "wait");
    assert_eq!(six.count(), 125);
    assert_eq!(world.ask_from("mapped", Some("::ffff:192.0.2.7")), "full");
    let rest = (0..1000).filter(|number| world.ask(&format!("r-{number}")) == "wait").count();
    assert_eq!(rest, 500 - 251);
    assert_eq!(world.introspector.health().pending, 500);
    world.later(3);
    assert!(world.polled().is_empty(), "no answer came: everybody who waited is told");
    assert!(world.introspector.health().pending <= 4);
    world.later(10);
    assert_eq!(world.ask_from("again", Some("192.0.2.7")), "wait");
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

#[test]
fn no_token_and_no_secret_is_printed_or_kept() {
    let mut world = World::new();
    world.ask("SeCrEtToken");
    let printed = format!("{:?}", world.introspector);
    let fetch = world.only();
    let out = format!("{:?} {fetch:?}", world.introspector);
    world.answer(&fetch, &json!({ "active": true, "sub": "SeCrEtSubject" }));
    let kept = format!("{:?}", world.introspector);
    for text in [printed, out, kept] {
        assert!(!text.contains("SeCrEt") && !text.contains("s3cret"), "{text}");
    }
    assert_eq!(world.introspector.health().pending, 0);
}

#[test]
fn the_form_of_a_token_says_whose_it_is() {
    let found = Introspectors::new([(0, Some("ory_at_")), (3, None), (5, Some("gho_"))].into_iter()).unwrap();
    for (token, place) in [
        ("ory_at_x", Some(0)),
        ("ory_at_x.y.z", Some(0)),
        ("gho_x", Some(5)),
        ("anything", Some(3)),
        ("one.dot", Some(3)),
        ("a.b.c.d.e", Some(3)),
        ("a.b.c", None),
        ("ory_a", Some(3)),
    ] {
        assert_eq!(found.of(token.as_bytes()), place, "{token}");
    }
    let none = Introspectors::new(std::iter::empty()).unwrap();
    assert_eq!(none.of(b"anything"), None);
    for (one, other) in [(None, None), (Some("a"), Some("ab")), (Some("ab"), Some("a")), (Some("a"), Some("a"))] {
        assert_eq!(
            Introspectors::new([(1, one), (2, other)].into_iter()).unwrap_err(),
            Overlap { one: 1, other: 2 },
            "{one:?} {other:?}"
        );
    }
}

//! The server answers, or does something else. Names begin with the id of the requirement that they prove.

mod outage;

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
            pending: 500,
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
fn i03_an_answer_is_kept_until_the_token_expires_and_never_longer_than_configured() {
    for (exp, kept) in [(Some(20), 20), (Some(3600), 60), (None, 60), (Some(-5), 1)] {
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
    assert!(world.polled().is_empty(), "no answer came, which is waited through once");
    assert_eq!(world.introspector.health().pending, 500);
    world.later(1);
    assert_eq!(world.polled().len(), 1);
    world.later(3);
    assert!(world.polled().is_empty(), "and not twice: everybody who waited is told");
    assert_eq!(world.introspector.health().pending, 0);
    world.later(10);
    assert_eq!(world.ask_from("again", Some("192.0.2.7")), "wait");
}

#[test]
fn an_answer_with_more_members_than_a_token_has_is_read() {
    let mut world = World::with(|settings| settings.max_bytes = 64 << 10);
    let groups: Vec<String> = (0..1500).map(|number| format!("group-{number}")).collect();
    assert_eq!(world.told("t", &json!({ "active": true, "sub": "u-1", "groups": groups })), "active u-1");
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

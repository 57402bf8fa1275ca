use serde_json::{Value, json};

use super::*;
use crate::provider::{Fetch, Fetched, TenantId, Url};

const SECRET: &str = "s3cret & ~/+";
const GROUP: &str = "0f000000-0000-4000-8000-00000000000a";
const OTHER: &str = "0f000000-0000-4000-8000-00000000000b";

/// A resolver, and a clock.
struct World {
    resolver: Resolver,
    now: UnixTime,
}

impl World {
    fn new() -> Self {
        let settings = GroupsSettings {
            provider: 0,
            tenant: TenantId::from_claim("11111111-2222-4333-8444-555555555555").unwrap(),
            cluster: "graph".to_owned(),
            login_cluster: "login".to_owned(),
            token: Url::parse("https://login.example/t/oauth2/v2.0/token").unwrap(),
            scope: "https://graph.example/.default".to_owned(),
            batch: Url::parse("https://graph.example/v1.0/$batch").unwrap(),
            client_id: "app".to_owned(),
            client_secret: Secret::new(SECRET.to_owned()),
            fresh_for: Duration::from_secs(600),
            timeout: Duration::from_secs(2),
            security_groups_only: true,
            cache_bytes: 100_000,
        };
        Self { resolver: Resolver::new(settings, 7), now: UnixTime::from_secs(1_800_000_000) }
    }

    /// One that has its token for Graph.
    fn signed_in() -> Self {
        let mut world = Self::new();
        world.ask(0);
        let fetch = world.only();
        world.answer(&fetch, 200, &grant(3600));
        let fetch = world.only();
        world.answer(&fetch, 200, &found(&[&[]]));
        world
    }

    fn ask(&mut self, number: u32) -> GroupsLookup {
        self.resolver.lookup(self.now, &user(number))
    }

    fn polled(&mut self) -> Vec<Fetch> {
        std::iter::from_fn(|| self.resolver.poll(self.now)).collect()
    }

    fn only(&mut self) -> Fetch {
        let mut fetches = self.polled();
        assert_eq!(fetches.len(), 1);
        fetches.pop().unwrap()
    }

    fn answer(&mut self, fetch: &Fetch, status: u16, body: &Value) {
        self.answer_with(fetch, status, &[], body.to_string().as_bytes());
    }

    fn answer_with(&mut self, fetch: &Fetch, status: u16, headers: &[(&str, &str)], body: &[u8]) {
        let headers =
            headers.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect();
        let fetched = Fetched::Response { status, headers, body: body.to_vec() };
        self.resolver.handle_response(self.now, fetch.id, fetched);
    }

    fn later(&mut self, span: Duration) {
        self.now = self.now.plus(span);
    }

    fn last(&self) -> Option<Outcome> {
        self.resolver.health().last_outcome
    }
}

fn user(number: u32) -> Member {
    Member::new(Kind::User, &format!("{number:08x}-aaaa-4bbb-8ccc-222222222222"))
}

fn grant(lifetime: u64) -> Value {
    json!({ "token_type": "Bearer", "expires_in": lifetime, "access_token": "graph-token" })
}

/// The answer of a batch: the groups of each.
fn found(groups: &[&[&str]]) -> Value {
    let responses = groups.iter().enumerate().map(
        |(place, groups)| json!({ "id": place.to_string(), "status": 200, "headers": {}, "body": { "value": groups } }),
    );
    json!({ "responses": responses.collect::<Vec<_>>() })
}

fn body(fetch: &Fetch) -> String {
    String::from_utf8(fetch.post.as_ref().unwrap().body.clone()).unwrap()
}

fn members(fetch: &Fetch) -> usize {
    let body: Value = serde_json::from_str(&body(fetch)).unwrap();
    body["requests"].as_array().unwrap().len()
}

/// `found`, `wait`, `never`, or the seconds after which to ask again.
fn said(lookup: &GroupsLookup) -> String {
    match lookup {
        GroupsLookup::Found(list) => format!("found {}", list.len()),
        GroupsLookup::Unresolvable => "never".to_owned(),
        GroupsLookup::Unavailable { retry_after } => retry_after.as_secs().to_string(),
        GroupsLookup::Wait => "wait".to_owned(),
    }
}

#[test]
fn two_callouts_bring_the_groups_and_none_the_second_time() {
    let mut world = World::new();
    assert!(world.polled().is_empty(), "nobody asked yet");
    assert_eq!(said(&world.ask(1)), "wait");
    let fetch = world.only();
    assert_eq!((fetch.cluster.as_str(), fetch.path.as_str()), ("login", "/t/oauth2/v2.0/token"));
    assert_eq!(
        body(&fetch),
        "grant_type=client_credentials&client_id=app&client_secret=s3cret%20%26%20%7E%2F%2B&scope=https%3A%2F%2Fgraph.example%2F.default"
    );
    world.answer(&fetch, 200, &grant(3600));
    let fetch = world.only();
    assert_eq!((fetch.cluster.as_str(), fetch.path.as_str()), ("graph", "/v1.0/$batch"));
    assert_eq!(fetch.post.as_ref().unwrap().authorization.as_deref(), Some("Bearer graph-token"));
    let expected = json!({ "requests": [{
        "id": "0", "method": "POST", "url": "/users/00000001-aaaa-4bbb-8ccc-222222222222/getMemberObjects",
        "headers": { "Content-Type": "application/json" }, "body": { "securityEnabledOnly": true } }] });
    assert_eq!(serde_json::from_str::<Value>(&body(&fetch)).unwrap(), expected);
    assert_eq!(said(&world.ask(1)), "wait");
    assert!(world.polled().is_empty(), "one caller is asked for once");
    world.answer(&fetch, 200, &found(&[&[OTHER, GROUP]]));
    let GroupsLookup::Found(list) = world.ask(1) else { panic!("not found") };
    assert_eq!(&*list, [OTHER.to_owned(), GROUP.to_owned()]);
    world.later(Duration::from_secs(599));
    assert_eq!(said(&world.ask(1)), "found 2");
    world.later(Duration::from_secs(1));
    assert_eq!(said(&world.ask(1)), "wait");
    assert_eq!(members(&world.only()), 1, "the token is kept");
}

#[test]
fn an_application_is_asked_for_among_the_service_principals() {
    let mut world = World::signed_in();
    let app = Member::new(Kind::ServicePrincipal, "00000001-aaaa-4bbb-8ccc-222222222222");
    assert!(matches!(world.resolver.lookup(world.now, &app), GroupsLookup::Wait));
    assert!(body(&world.only()).contains("/servicePrincipals/00000001-aaaa-4bbb-8ccc-222222222222/getMemberObjects"));
}

#[test]
fn many_callers_share_batches_of_twenty() {
    let mut world = World::signed_in();
    for number in 1..=100 {
        assert_eq!(said(&world.ask(number)), "wait");
    }
    let fetches = world.polled();
    assert_eq!(fetches.iter().map(members).collect::<Vec<_>>(), [20, 20, 20, 20], "four at a time");
    let groups = vec![&[GROUP][..]; 20];
    world.answer(&fetches[3], 200, &found(&groups));
    assert_eq!(world.polled().len(), 1);
    assert_eq!(said(&world.ask(61)), "found 1");
    assert_eq!(said(&world.ask(1)), "wait");
}

#[test]
fn one_failure_is_waited_through_and_the_second_is_not() {
    let mut world = World::signed_in();
    world.ask(1);
    let fetch = world.only();
    world.resolver.handle_response(world.now, fetch.id, Fetched::Failed);
    assert_eq!((said(&world.ask(1)), world.last()), ("wait".to_owned(), Some(Outcome::NoAnswer)));
    assert!(world.polled().is_empty());
    world.now = world.resolver.next_timeout().unwrap();
    let fetch = world.only();
    world.answer(&fetch, 502, &json!({}));
    assert_eq!(said(&world.ask(1)), "1");
    assert_eq!(said(&world.ask(2)), "1", "nobody waits for what is known to be down");
    world.later(Duration::from_secs(1));
    for number in 1..=30 {
        world.ask(number);
    }
    let fetch = world.only();
    assert_eq!(members(&fetch), 1, "one tries for all");
    world.answer(&fetch, 200, &found(&[&[GROUP]]));
    assert_eq!(said(&world.ask(1)), "found 1");
    assert_eq!(world.polled().iter().map(members).collect::<Vec<_>>(), [2, 2, 2, 2]);
}

#[test]
fn batches_that_fail_together_are_one_failure() {
    let mut world = World::signed_in();
    for number in 1..=80 {
        world.ask(number);
    }
    let out = world.polled();
    assert_eq!(out.len(), 4);
    for fetch in out {
        world.resolver.handle_response(world.now, fetch.id, Fetched::Failed);
    }
    assert_eq!(world.resolver.health().failures, 1);
    assert_eq!(said(&world.ask(80)), "wait", "nobody was turned away");
    world.now = world.resolver.next_timeout().unwrap();
    let fetch = world.only();
    world.answer(&fetch, 200, &found(&[&[GROUP]]));
    assert_eq!((said(&world.ask(61)), world.resolver.health().failures), ("found 1".to_owned(), 0));
}

#[test]
fn no_answer_at_all_ends_by_its_deadline() {
    let mut world = World::signed_in();
    world.ask(1);
    let fetch = world.only();
    world.later(Duration::from_millis(2499));
    assert!(world.polled().is_empty());
    world.later(Duration::from_millis(1));
    assert!(world.polled().is_empty());
    assert_eq!(world.last(), Some(Outcome::TimedOut));
    world.later(Duration::from_secs(1));
    let second = world.only();
    world.answer(&fetch, 200, &found(&[&[GROUP]]));
    assert_eq!(said(&world.ask(1)), "wait", "what comes late changes nothing");
    world.answer(&second, 200, &found(&[&[GROUP]]));
    assert_eq!(said(&world.ask(1)), "found 1");
}

#[test]
fn what_was_not_found_is_never_no_groups() {
    let error = |status: u16, code: &str| json!({ "responses": [{ "id": "0", "status": status, "body": { "error": { "code": code } } }] });
    let cases = [
        (error(404, "Request_ResourceNotFound"), "never"),
        (error(400, "Directory_ResultSizeLimitExceeded"), "never"),
        (error(400, "BadRequest"), "2"),
        (error(403, "Authorization_RequestDenied"), "2"),
        (error(500, ""), "2"),
        (json!({ "responses": [] }), "2"),
        (json!({ "responses": [{ "id": "1", "status": 200, "body": { "value": [] } }] }), "2"),
        (json!({ "responses": [{ "id": "0", "status": 200, "body": { "value": [GROUP, 7] } }] }), "2"),
        (json!({ "responses": [{ "id": "0", "status": 200, "body": { "value": ["all"] } }] }), "2"),
        (json!({ "responses": [{ "id": "0", "status": 200, "body": {} }] }), "2"),
        (json!({ "responses": [{ "id": "0", "status": 200 }] }), "2"),
        (json!({ "responses": [{ "id": "0", "status": "200", "body": { "value": [] } }] }), "2"),
        (
            json!({ "responses": [
                { "id": "0", "status": 200, "body": { "value": [] } }, { "id": "0", "status": 200, "body": { "value": [GROUP] } }] }),
            "2",
        ),
    ];
    for (answer, expected) in cases {
        let mut world = World::signed_in();
        world.ask(1);
        let fetch = world.only();
        world.answer(&fetch, 200, &answer);
        assert_eq!(said(&world.ask(1)), expected, "{answer}");
        assert!(world.polled().is_empty(), "not at once again");
        world.later(Duration::from_secs(60));
        assert_eq!(said(&world.ask(1)), "wait", "but later: {answer}");
    }
    let mut world = World::signed_in();
    world.ask(1);
    let fetch = world.only();
    world.answer(&fetch, 200, &found(&[&[]]));
    assert_eq!(said(&world.ask(1)), "found 0", "Graph itself may say so");
}

#[test]
fn garbage_is_a_failure_of_all() {
    let deep = "[".repeat(100);
    let long = format!("{{\"responses\":[],\"x\":\"{}\"}}", " ".repeat(2 << 20));
    for garbage in
        ["", "{", "[]", "null", "{\"responses\":7}", "{\"responses\":[],\"responses\":[]}", "\u{0}", &deep, &long]
    {
        let mut world = World::signed_in();
        world.ask(1);
        let fetch = world.only();
        world.answer_with(&fetch, 200, &[], garbage.as_bytes());
        assert_eq!(world.last(), Some(Outcome::AnswerUnreadable));
        assert_eq!(said(&world.ask(1)), "wait");
    }
    let mut world = World::signed_in();
    world.ask(1);
    let fetch = world.only();
    world.answer_with(&fetch, 200, &[("content-encoding", "gzip")], b"{\"responses\":[]}");
    assert_eq!(world.last(), Some(Outcome::AnswerUnreadable));
}

#[test]
fn graph_is_left_alone_for_as_long_as_it_asks() {
    for (whole, headers, expected) in [
        (true, Some("30"), "30"),
        (true, None, "5"),
        (true, Some("999999999"), "300"),
        (false, Some("30"), "30"),
        (false, None, "5"),
    ] {
        let mut world = World::signed_in();
        world.ask(1);
        world.ask(2);
        let fetch = world.only();
        if whole {
            let headers: Vec<_> = headers.into_iter().map(|after| ("retry-after", after)).collect();
            world.answer_with(&fetch, 429, &headers, b"");
        } else {
            let headers = headers.map_or(json!({}), |after| json!({ "Retry-After": after }));
            let throttled = json!({ "id": "0", "status": 429, "headers": headers });
            let good = json!({ "id": "1", "status": 200, "body": { "value": [GROUP] } });
            world.answer(&fetch, 200, &json!({ "responses": [throttled, good] }));
            assert_eq!(said(&world.ask(2)), "found 1");
        }
        assert_eq!(said(&world.ask(1)), expected);
        assert_eq!(world.last(), Some(Outcome::Throttled));
        assert!(world.polled().is_empty());
    }
}

#[test]
fn a_refused_secret_is_told_and_tried_less_and_less() {
    let mut world = World::new();
    let mut tries = 0;
    let end = world.now.plus(Duration::from_secs(3600));
    while world.now < end {
        world.ask(1);
        for fetch in world.polled() {
            tries += 1;
            world.answer(&fetch, 401, &json!({ "error": "invalid_client" }));
        }
        assert_eq!(world.last(), Some(Outcome::TokenRefused));
        world.later(Duration::from_millis(100));
    }
    assert!((60..150).contains(&tries), "{tries} tries in an hour");
    for unreadable in [
        json!({}),
        json!({ "access_token": "a b", "token_type": "Bearer", "expires_in": 5 }),
        json!({ "access_token": "", "token_type": "Bearer", "expires_in": 5 }),
        json!({ "access_token": "a\r\nb", "token_type": "Bearer", "expires_in": 5 }),
        json!({ "access_token": "a", "token_type": "PoP", "expires_in": 5 }),
        json!({ "access_token": "a", "token_type": "Bearer" }),
    ] {
        let mut world = World::new();
        world.ask(1);
        let fetch = world.only();
        world.answer(&fetch, 200, &unreadable);
        assert_eq!(world.last(), Some(Outcome::TokenUnreadable), "{unreadable}");
    }
}

#[test]
fn a_withdrawn_token_is_replaced_at_once_and_a_new_one_that_is_refused_is_not() {
    let mut world = World::signed_in();
    world.later(Duration::from_secs(120));
    world.ask(1);
    let fetch = world.only();
    world.answer(&fetch, 401, &json!({}));
    let fetch = world.only();
    assert_eq!(fetch.cluster, "login");
    world.answer(&fetch, 200, &grant(3600));
    let fetch = world.only();
    world.answer(&fetch, 401, &json!({}));
    assert_eq!(world.last(), Some(Outcome::TokenRefused));
    assert!(world.polled().is_empty());
}

#[test]
fn a_token_is_renewed_before_it_expires() {
    let mut world = World::signed_in();
    world.later(Duration::from_secs(2879));
    world.ask(1);
    assert_eq!(world.only().cluster, "graph");
    let mut world = World::signed_in();
    world.later(Duration::from_secs(2880));
    world.ask(1);
    assert_eq!(world.only().cluster, "login");
}

#[test]
fn a_clock_that_steps_back_hangs_nothing() {
    let mut world = World::signed_in();
    world.ask(1);
    let _unanswered = world.only();
    world.now = world.now.minus(Duration::from_secs(86_400));
    assert_eq!(said(&world.ask(1)), "wait");
    world.later(Duration::from_secs(3));
    assert!(world.polled().is_empty());
    world.later(Duration::from_secs(1));
    assert_eq!(world.polled().len(), 1);
}

#[test]
fn what_is_kept_is_bounded_and_no_secret_is_printed() {
    let mut world = World::signed_in();
    let many: Vec<String> = (0..500).map(|number| format!("{number:08x}-0000-4000-8000-000000000000")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for number in 1..200 {
        world.ask(number);
        let fetch = world.only();
        world.answer(&fetch, 200, &found(&[&many]));
        assert_eq!(said(&world.ask(number)), "found 500");
        assert!(world.resolver.health().bytes <= 100_000);
    }
    let printed = format!("{:?}", world.resolver);
    assert!(!printed.contains("s3cret") && !printed.contains("graph-token"));
    world.ask(1000);
    let fetch = world.only();
    assert!(!format!("{fetch:?}").contains("graph-token"));
    for number in 2000..4000 {
        world.ask(number);
    }
    assert_eq!(world.resolver.health().pending, 1000);
    assert_eq!(said(&world.ask(5000)), "1");
}

//! Whole walks, from header pairs to the answer, with a fake clock and keys that come when the test says so.

mod access;
mod api_keys;
mod certificates;
mod limits;

use serde_json::{Value, json};

use super::*;
use crate::engine::Purpose;
use crate::provider::{Fetch, Fetched};
use crate::testing::{MemoryHost, TestIssuer};

const NOW: u64 = 1_800_000_000;

/// An engine, its host, and a clock.
struct Gate {
    engine: Engine,
    host: MemoryHost,
    now: UnixTime,
}

impl Gate {
    fn new(config: &Value) -> Self {
        let engine =
            Engine::load(config.to_string().as_bytes(), &|_| None, 1).unwrap_or_else(|problems| panic!("{problems}"));
        Self { engine, host: MemoryHost::default(), now: UnixTime::from_secs(NOW) }
    }

    fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)]) -> Step {
        let mut pairs = vec![(":method", method), (":path", path), (":authority", "api.example"), (":scheme", "https")];
        pairs.extend(headers);
        let pairs: HeaderMap = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Exchange::begin(pairs, &mut self.engine, &mut self.host, self.now)
    }

    fn get(&mut self, path: &str, token: &str) -> Step {
        self.send("GET", path, &[("authorization", &format!("Bearer {token}"))])
    }

    fn poll(&mut self) -> Vec<(Purpose, Fetch)> {
        self.engine.poll(self.now, &mut self.host)
    }

    fn answer(&mut self, source: Purpose, fetch: &Fetch, status: u16, body: &Value) {
        let fetched = Fetched::Response { status, headers: vec![], body: body.to_string().into_bytes() };
        self.engine.handle_response(source, self.now, &mut self.host, fetch.id, fetched);
    }

    /// Answers every fetch with `keys` until the request no longer waits; an unknown `kid` costs one fetch.
    fn settle(&mut self, mut step: Step, keys: &Value) -> Step {
        for _ in 0..3 {
            let Step::Wait(exchange, _) = step else { return step };
            for (source, fetch) in self.poll() {
                self.answer(source, &fetch, 200, keys);
            }
            step = exchange.resume(&mut self.engine, &mut self.host, self.now);
        }
        step
    }

    fn later(&mut self, span: Duration) {
        self.now = self.now.plus(span);
    }
}

fn config(provider: Value) -> Value {
    json!({
        "providers": { "idp": provider },
        "rules": [
            { "name": "orders", "match": { "paths": ["/orders/{id}"] } },
            { "name": "news", "match": { "paths": ["/news"] }, "access": "optional" },
            { "name": "health", "match": { "paths": ["/healthz"] }, "access": "anonymous" }
        ],
        "audit": { "log": "all" }
    })
}

fn fixed() -> Value {
    config(
        json!({ "issuer": "https://idp.example", "audiences": ["orders"], "jwks": { "keys": [TestIssuer::new("idp").jwk()] } }),
    )
}

fn fetched() -> Value {
    config(
        json!({ "issuer": "https://idp.example", "audiences": ["orders"], "cluster": "idp", "jwks_uri": "https://idp.example/keys" }),
    )
}

fn claims() -> Value {
    json!({ "iss": "https://idp.example", "aud": "orders", "sub": "u-1", "azp": "c-1", "jti": "t-1", "exp": NOW + 600, "iat": NOW })
}

fn token() -> String {
    TestIssuer::new("idp").token(&claims())
}

/// `allow`, `wait`, or the status and the fine reason.
fn outcome(step: &Step) -> String {
    match step {
        Step::Continue(..) => "allow".to_owned(),
        Step::Wait(..) => "wait".to_owned(),
        Step::Reply(reply, record) => format!("{} {}", reply.status, record.reason),
    }
}

fn reply(step: Step) -> Reply {
    match step {
        Step::Reply(reply, _) => reply,
        other => panic!("expected a reply, found {}", outcome(&other)),
    }
}

fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    reply.headers.iter().find(|(found, _)| *found == name).map(|(_, value)| value.as_str())
}

#[test]
fn a_good_token_goes_on_and_the_record_says_whose() {
    let mut gate = Gate::new(&fixed());
    let Step::Continue(_, record) = gate.get("/orders/7", &token()) else { panic!("denied") };
    let event = record.event.unwrap();
    assert_eq!((record.reason, event.decision), ("allowed", Decision::Allow));
    assert_eq!(event.rule.as_deref(), Some("orders"));
    assert_eq!(event.provider.as_deref(), Some("idp"));
    assert_eq!((event.subject.as_deref(), event.client.as_deref()), (Some("u-1"), Some("c-1")));
    assert_eq!((event.kid.as_deref(), event.token_id.as_deref()), (Some("idp-key"), Some("t-1")));
    assert!(!event.remembered);
}

#[test]
fn the_same_token_is_remembered_until_it_expires() {
    let mut gate = Gate::new(&fixed());
    gate.get("/orders/7", &token());
    let Step::Continue(_, record) = gate.get("/orders/8", &token()) else { panic!("denied") };
    assert!(record.event.unwrap().remembered);
    gate.later(Duration::from_secs(661));
    assert_eq!(outcome(&gate.get("/orders/8", &token())), "401 token_expired");
}

#[test]
fn a_remembered_token_with_one_letter_changed_is_another_token() {
    let mut gate = Gate::new(&fixed());
    let good = token();
    assert_eq!(outcome(&gate.get("/orders/7", &good)), "allow");
    let (rest, signature) = good.rsplit_once('.').unwrap();
    let mut letters = signature.chars();
    let flipped = if letters.next() == Some('A') { "B" } else { "A" };
    assert_eq!(
        outcome(&gate.get("/orders/7", &format!("{rest}.{flipped}{}", letters.as_str()))),
        "401 signature_wrong"
    );
}

#[test]
fn what_no_rule_names_is_denied() {
    let mut gate = Gate::new(&fixed());
    assert_eq!(outcome(&gate.get("/else", &token())), "403 no_rule");
    assert_eq!(outcome(&gate.send("GET", "/orders//7", &[])), "400 path_empty_segment");
}

#[test]
fn optional_takes_none_but_not_a_bad_one() {
    let mut gate = Gate::new(&fixed());
    assert_eq!(outcome(&gate.send("GET", "/news", &[])), "allow");
    assert_eq!(outcome(&gate.get("/news", &token())), "allow");
    assert_eq!(outcome(&gate.get("/news", "x.y.z")).split(' ').next(), Some("401"));
    let mut foreign = claims();
    foreign["iss"] = json!("https://else.example");
    assert_eq!(outcome(&gate.get("/news", &TestIssuer::new("idp").token(&foreign))), "401 issuer_unknown");
    assert_eq!(outcome(&gate.get("/healthz", "x.y.z")), "allow");
}

#[test]
fn j10_a_key_of_one_issuer_does_not_sign_for_another() {
    let provider = |name: &str| json!({ "issuer": format!("https://{name}.example"), "audiences": ["orders"], "jwks": { "keys": [TestIssuer::new(name).jwk()] } });
    let mut config = fixed();
    config["providers"] = json!({ "one": provider("one"), "two": provider("two") });
    let mut gate = Gate::new(&config);
    let claims_of = |iss: &str| {
        let mut claims = claims();
        claims["iss"] = json!(iss);
        claims
    };
    assert_eq!(
        outcome(&gate.get("/orders/1", &TestIssuer::new("one").token(&claims_of("https://one.example")))),
        "allow"
    );
    assert_eq!(
        outcome(&gate.get("/orders/1", &TestIssuer::new("one").token(&claims_of("https://two.example")))),
        "401 kid_unknown"
    );
    for iss in ["https://one.example/", "https://ONE.example", "https://one.example:443", "one.example", ""] {
        assert_eq!(
            outcome(&gate.get("/orders/1", &TestIssuer::new("one").token(&claims_of(iss)))),
            "401 issuer_unknown",
            "{iss}"
        );
    }
    let mut none = claims();
    none.as_object_mut().unwrap().remove("iss");
    assert_eq!(outcome(&gate.get("/orders/1", &TestIssuer::new("one").token(&none))), "401 issuer_absent");
}

#[test]
fn b04_challenges_say_what_rfc_6750_says_and_nothing_of_the_request() {
    let mut gate = Gate::new(&fixed());
    let none = reply(gate.send("GET", "/orders/7", &[]));
    assert_eq!((none.status, header(&none, "www-authenticate")), (401, Some("Bearer realm=\"api\"")));
    let bad = reply(gate.get("/orders/7", "x\"y.z.z"));
    assert_eq!(
        (bad.status, header(&bad, "www-authenticate")),
        (400, Some("Bearer realm=\"api\", error=\"invalid_request\""))
    );
    let bad = reply(gate.get("/orders/7", "eyJ.e30.x"));
    assert_eq!(
        (bad.status, header(&bad, "www-authenticate")),
        (401, Some("Bearer realm=\"api\", error=\"invalid_token\""))
    );
    let forbidden = reply(gate.send("GET", "/else", &[]));
    assert_eq!((forbidden.status, header(&forbidden, "www-authenticate")), (403, None));
}

#[test]
fn a06_all_bad_tokens_get_the_same_answer() {
    let mut gate = Gate::new(&fixed());
    let mut expired = claims();
    expired["exp"] = json!(NOW - 1000);
    let mut elsewhere = claims();
    elsewhere["aud"] = json!("else");
    let issuer = TestIssuer::new("idp");
    let bad = [
        "eyJ.e30.x".to_owned(),
        issuer.token(&expired),
        issuer.token(&elsewhere),
        TestIssuer::new("forger").token(&claims()),
    ];
    let mut answers: Vec<Reply> = bad
        .iter()
        .map(|token| {
            let mut answer = reply(gate.get("/orders/7", token));
            assert!(answer.details.starts_with("portcullis_denied{"));
            answer.details.clear();
            answer
        })
        .collect();
    answers.dedup();
    assert_eq!(answers.len(), 1);
    let body: Value = serde_json::from_slice(&answers[0].body).unwrap();
    assert_eq!(body["code"], "token_invalid");
    assert_eq!(body["status"], 401);
    assert_eq!(header(&answers[0], "content-type"), Some("application/problem+json"));
}

#[test]
fn b06_no_part_of_a_token_is_in_an_answer_or_a_record() {
    let mut gate = Gate::new(&fixed());
    let secret = "c2VjcmV0LW9mLXRoZS10b2tlbg";
    for token in [secret.to_owned(), format!("{secret}.{secret}.{secret}"), format!("{}{secret}", token())] {
        let Step::Reply(reply, record) = gate.get("/orders/7", &token) else { panic!("allowed") };
        let told = format!("{:?} {} {}", reply.headers, String::from_utf8_lossy(&reply.body), reply.details);
        assert!(!told.contains(secret) && !record.event.unwrap().line().contains(secret), "{told}");
    }
}

#[test]
fn b05_a_grpc_caller_whose_request_cannot_be_read_gets_a_grpc_status_and_its_id() {
    let mut gate = Gate::new(&fixed());
    let headers = [("content-type", "application/grpc"), ("x-request-id", "r-1")];
    let Step::Reply(answer, record) = gate.send("POST", "/orders//7", &headers) else { panic!("no reply") };
    assert_eq!((answer.status, answer.grpc_status), (400, Some(3)));
    assert_eq!(record.event.unwrap().request_id.as_deref(), Some("r-1"));
}

#[test]
fn b05_a_grpc_caller_gets_a_grpc_status() {
    let mut gate = Gate::new(&fixed());
    let grpc = ("content-type", "application/grpc+proto");
    let answer = reply(gate.send("POST", "/orders/7", &[grpc]));
    assert_eq!((answer.status, answer.grpc_status), (401, Some(16)));
    assert_eq!(reply(gate.send("POST", "/else", &[grpc])).grpc_status, Some(7));
    assert_eq!(reply(gate.send("POST", "/else", &[])).grpc_status, None);
}

#[test]
fn a_request_that_comes_before_the_keys_waits_and_is_then_checked_whole() {
    let mut gate = Gate::new(&fetched());
    let Step::Wait(good, _) = gate.get("/orders/7", &token()) else { panic!("no wait") };
    let mut elsewhere = claims();
    elsewhere["aud"] = json!("elsewhere");
    let Step::Wait(bad, _) = gate.get("/orders/7", &TestIssuer::new("idp").token(&elsewhere)) else {
        panic!("no wait")
    };
    let Step::Wait(forged, _) = gate.get("/orders/7", &TestIssuer::new("forger").token(&claims())) else {
        panic!("no wait")
    };
    assert_eq!(gate.engine.waiting(), 3);
    let fetches = gate.poll();
    assert_eq!(fetches.len(), 1);
    let (source, fetch) = &fetches[0];
    assert_eq!(
        (fetch.cluster.as_str(), fetch.authority.as_str(), fetch.path.as_str()),
        ("idp", "idp.example", "/keys")
    );
    let keys = json!({ "keys": [TestIssuer::new("idp").jwk()] });
    gate.answer(*source, fetch, 200, &keys);
    let now = gate.now;
    assert_eq!(outcome(&good.resume(&mut gate.engine, &mut gate.host, now)), "allow");
    assert_eq!(outcome(&bad.resume(&mut gate.engine, &mut gate.host, now)), "401 audience_not_accepted");
    let forged = forged.resume(&mut gate.engine, &mut gate.host, now);
    assert_eq!(outcome(&gate.settle(forged, &keys)), "401 kid_unknown");
    assert_eq!(gate.engine.waiting(), 0);
}

#[test]
fn a_token_that_says_it_is_over_waits_for_no_key_and_costs_no_signature() {
    let mut expired = claims();
    expired["exp"] = json!(NOW - 1000);
    let mut gate = Gate::new(&fetched());
    for issuer in ["idp", "forger"] {
        let token = TestIssuer::new(issuer).token(&expired);
        assert_eq!(outcome(&gate.get("/orders/7", &token)), "401 token_expired", "{issuer}");
    }
    assert_eq!(gate.engine.waiting(), 0);
}

#[test]
fn waiting_ends_in_time_and_is_bounded_in_number() {
    let mut config = fetched();
    config["limits"] = json!({ "waiting_requests": 2, "wait": "3s" });
    let mut gate = Gate::new(&config);
    let Step::Wait(first, until) = gate.get("/orders/1", &token()) else { panic!("no wait") };
    assert_eq!(until, gate.now.plus(Duration::from_secs(3)));
    let Step::Wait(second, _) = gate.get("/orders/2", &token()) else { panic!("no wait") };
    assert_eq!(outcome(&gate.get("/orders/3", &token())), "503 too_many_waiting");
    second.abandon(&mut gate.engine, &mut gate.host);
    assert_eq!(gate.engine.waiting(), 1);
    gate.later(Duration::from_secs(3));
    let late = first.resume(&mut gate.engine, &mut gate.host, gate.now);
    assert_eq!(outcome(&late), "503 waited_too_long");
    assert!(header(&reply(late), "retry-after").is_some());
    assert_eq!(gate.engine.waiting(), 0);
}

#[test]
fn what_is_only_reported_is_not_stopped_by_keys_that_do_not_come() {
    for pointer in ["", "/rules/0"] {
        let mut config = fetched();
        config["limits"] = json!({ "waiting_requests": 1, "wait": "3s" });
        config.pointer_mut(pointer).unwrap()["report_only"] = true.into();
        let mut gate = Gate::new(&config);
        let Step::Wait(first, _) = gate.get("/orders/1", &token()) else { panic!("no wait") };
        let Step::Continue(_, record) = gate.get("/orders/2", &token()) else { panic!("stopped") };
        assert_eq!(record.unenforced, Some("too_many_waiting"));
        gate.later(Duration::from_secs(3));
        let Step::Continue(_, record) = first.resume(&mut gate.engine, &mut gate.host, gate.now) else {
            panic!("stopped")
        };
        assert_eq!(record.unenforced, Some("waited_too_long"));
        assert_eq!(gate.engine.waiting(), 0);
    }
}

#[test]
fn without_keys_nobody_gets_in_and_the_answer_says_when_to_come_back() {
    let mut gate = Gate::new(&fetched());
    let (source, fetch) = gate.poll().remove(0);
    gate.engine.handle_response(source, gate.now, &mut gate.host, fetch.id, Fetched::Failed);
    let step = gate.get("/orders/7", &token());
    assert_eq!(outcome(&step), "503 keys_unavailable");
    let answer = reply(step);
    assert!(header(&answer, "retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert_eq!(header(&answer, "www-authenticate"), None);
    assert_eq!(outcome(&gate.send("GET", "/healthz", &[])), "allow");
}

#[test]
fn a_withdrawn_key_takes_its_remembered_tokens_with_it() {
    let mut config = fetched();
    config["providers"]["idp"]["keys"] = json!({ "min_fresh": "1m", "max_fresh": "1m" });
    let mut gate = Gate::new(&config);
    let (source, fetch) = gate.poll().remove(0);
    gate.answer(source, &fetch, 200, &json!({ "keys": [TestIssuer::new("idp").jwk()] }));
    assert_eq!(outcome(&gate.get("/orders/7", &token())), "allow");
    gate.later(Duration::from_secs(120));
    let (source, fetch) = gate.poll().remove(0);
    let next = json!({ "keys": [TestIssuer::new("next").jwk()] });
    gate.answer(source, &fetch, 200, &next);
    let step = gate.get("/orders/7", &token());
    assert_eq!(outcome(&gate.settle(step, &next)), "401 kid_unknown");
}

#[test]
fn resource_metadata_is_served_where_rfc_9728_says() {
    let mut config = fixed();
    config["answers"] =
        json!({ "resource_metadata": { "resource": "https://api.example/v1", "scopes_supported": ["orders:read"] } });
    let mut gate = Gate::new(&config);
    let served = reply(gate.send("GET", "/.well-known/oauth-protected-resource/v1", &[]));
    let document: Value = serde_json::from_slice(&served.body).unwrap();
    assert_eq!(served.status, 200);
    assert_eq!(document["resource"], "https://api.example/v1");
    assert_eq!(document["authorization_servers"], json!(["https://idp.example"]));
    let challenge = reply(gate.send("GET", "/orders/7", &[]));
    assert_eq!(
        header(&challenge, "www-authenticate"),
        Some("Bearer realm=\"api\", resource_metadata=\"https://api.example/.well-known/oauth-protected-resource/v1\"")
    );
}

#[test]
fn resource_metadata_keeps_the_slash_at_the_end_of_a_path() {
    for (resource, path) in
        [("https://api.example", ""), ("https://api.example/", ""), ("https://api.example/v1/", "/v1/")]
    {
        let mut config = fixed();
        config["answers"] = json!({ "resource_metadata": { "resource": resource } });
        let mut gate = Gate::new(&config);
        let served = gate.send("GET", &format!("/.well-known/oauth-protected-resource{path}"), &[]);
        assert_eq!(outcome(&served), "200 resource_metadata", "{resource}");
    }
}

#[test]
fn a_request_that_waited_walks_anew_under_a_new_configuration() {
    let mut gate = Gate::new(&fetched());
    let Step::Wait(waits, _) = gate.get("/orders/7", &token()) else { panic!("no wait") };
    let mut config = fixed();
    config["rules"].as_array_mut().unwrap().remove(0);
    let mut next = Gate::new(&config);
    let waits = waits.anew(&mut gate.engine);
    assert_eq!(gate.engine.waiting(), 0);
    assert_eq!(outcome(&waits.resume(&mut next.engine, &mut next.host, next.now)), "403 no_rule");
    assert_eq!(next.engine.waiting(), 0);
}

#[test]
fn b05_a_cors_preflight_passes_only_where_it_may_and_a_rule_matches() {
    let preflight = [("origin", "https://app.example"), ("access-control-request-method", "GET")];
    let mut gate = Gate::new(&fixed());
    assert_eq!(outcome(&gate.send("OPTIONS", "/orders/7", &preflight)), "401 credential_missing");
    let mut config = fixed();
    config["answers"] = json!({ "cors_preflight": "pass" });
    let mut gate = Gate::new(&config);
    assert_eq!(outcome(&gate.send("OPTIONS", "/orders/7", &preflight)), "allow");
    assert_eq!(outcome(&gate.send("OPTIONS", "/orders/7", &preflight[..1])), "401 credential_missing");
    assert_eq!(outcome(&gate.send("GET", "/orders/7", &preflight)), "401 credential_missing");
    assert_eq!(outcome(&gate.send("OPTIONS", "/else", &preflight)), "403 no_rule");
}

mod bound;
mod groups;
mod opaque;
mod risk;

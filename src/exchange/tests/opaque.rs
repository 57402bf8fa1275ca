//! Opaque tokens: the request waits until the authorization server has said what its token is.

mod rules;

use super::*;

fn config(introspection: Value) -> Value {
    let mut provider = json!({
        "issuer": "https://idp.example", "audiences": ["orders"],
        "introspection": {
            "endpoint": "https://idp.example/introspect", "cluster": "idp", "jwts": "refuse",
            "client": { "id": "gate", "secret": "hush" }
        }
    });
    let members = provider["introspection"].as_object_mut().unwrap();
    members.extend(introspection.as_object().unwrap().clone());
    json!({
        "providers": { "idp": provider },
        "rules": [
            { "name": "orders", "match": { "paths": ["/orders"] } },
            { "name": "write", "match": { "paths": ["/write"] }, "require": { "scopes": "orders.write" } },
            { "name": "news", "match": { "paths": ["/news"] }, "access": "optional" },
            { "name": "rehearsed", "match": { "paths": ["/rehearsed"] }, "report_only": true }
        ],
        "forward": { "payload_header": "x-payload", "claims": [{ "claim": "sub", "header": "x-sub" }] },
        "audit": { "log": "all", "inputs": true }
    })
}

fn said() -> Value {
    json!({
        "active": true, "iss": "https://idp.example", "aud": "orders", "sub": "u-1", "client_id": "c-1", "token_type": "Bearer",
        "scope": "orders.read", "exp": NOW + 600, "iat": NOW
    })
}

/// A gate whose authorization server says the same of every token.
struct Server {
    gate: Gate,
    status: u16,
    said: Value,
    asked: Vec<String>,
}

impl Server {
    fn new(said: Value) -> Self {
        Self { gate: Gate::new(&config(json!({}))), status: 200, said, asked: vec![] }
    }

    fn get(&mut self, path: &str, token: &str) -> Step {
        let mut step = self.gate.get(path, token);
        for _ in 0..8 {
            let Step::Wait(exchange, _) = step else { return step };
            for (purpose, fetch) in self.gate.poll() {
                assert!(matches!(purpose, Purpose::Introspection(_)));
                let post = fetch.post.as_ref().unwrap();
                self.asked.push(String::from_utf8(post.body.clone()).unwrap());
                let fetched = Fetched::Response {
                    status: self.status,
                    headers: vec![(b"content-type".to_vec(), b"application/json".to_vec())],
                    body: self.said.to_string().into_bytes(),
                };
                self.gate.engine.handle_response(purpose, self.gate.now, &mut self.gate.host, fetch.id, fetched);
            }
            step = exchange.resume(&mut self.gate.engine, &mut self.gate.host, self.gate.now);
            self.gate.later(Duration::from_millis(300));
        }
        step
    }

    fn outcome(&mut self, path: &str, token: &str) -> String {
        outcome(&self.get(path, token))
    }
}

/// What comes of a token of which the server says `said`.
fn judge(said: Value) -> String {
    Server::new(said).outcome("/orders", "opaque")
}

fn with(name: &str, value: Value) -> Value {
    let mut said = said();
    said[name] = value;
    said
}

fn without(name: &str) -> Value {
    let mut said = said();
    said.as_object_mut().unwrap().remove(name);
    said
}

#[test]
fn the_request_waits_and_goes_on_as_who_the_server_says_it_is() {
    let mut server = Server::new(said());
    let Step::Continue(passage, record) = server.get("/orders", "opaque") else { panic!("denied") };
    let event = record.event.unwrap();
    assert_eq!((event.credential, event.introspected), (Some("token"), true));
    assert_eq!((event.provider.as_deref(), event.subject.as_deref()), (Some("idp"), Some("u-1")));
    assert_eq!((event.client.as_deref(), event.kid), (Some("c-1"), None));
    assert_eq!(event.inputs.unwrap().claims.unwrap()["scope"], "orders.read");
    let upstream = passage.mutations.applied(&[]);
    assert_eq!(upstream, [(b"x-sub".to_vec(), b"u-1".to_vec())], "nobody signed, so there is no signed payload");
    assert_eq!(server.asked, ["token=opaque&token_type_hint=access_token"]);
    assert_eq!(server.outcome("/orders", "opaque"), "allow");
    assert_eq!(server.outcome("/write", "opaque"), "403 scope_missing");
    assert_eq!(server.asked.len(), 1, "asked once");
    assert_eq!(server.gate.engine.waiting(), 0);
}

#[test]
fn i01_a_token_that_is_not_active_is_a_bad_token_on_every_rule() {
    for (active, reason) in [
        (json!(false), "401 token_inactive"),
        (json!("true"), "401 introspection_active_malformed"),
        (json!(1), "401 introspection_active_malformed"),
        (json!(null), "401 introspection_active_malformed"),
    ] {
        assert_eq!(judge(with("active", active)), reason);
    }
    assert_eq!(judge(without("active")), "401 introspection_active_missing");
    let mut server = Server::new(json!({ "active": false }));
    let reply = reply(server.get("/orders", "opaque"));
    assert_eq!(header(&reply, "www-authenticate"), Some("Bearer realm=\"api\", error=\"invalid_token\""));
    assert_eq!(server.outcome("/news", "opaque"), "401 token_inactive", "optional is not any");
    assert_eq!(server.outcome("/rehearsed", "opaque"), "allow");
}

#[test]
fn i02_no_answer_is_503_and_never_nobody() {
    let mut server = Server::new(said());
    server.status = 500;
    let reply = reply(server.get("/orders", "opaque"));
    assert_eq!((reply.status, reply.details.as_str()), (503, "portcullis_denied{introspection_unavailable}"));
    assert!(header(&reply, "retry-after").is_some() && header(&reply, "www-authenticate").is_none());
    assert_eq!(server.outcome("/news", "opaque"), "503 introspection_unavailable");
    server.gate.later(Duration::from_secs(20));
    server.status = 200;
    assert_eq!(server.outcome("/orders", "opaque"), "allow");
    server.status = 500;
    assert_eq!(server.outcome("/orders", "opaque"), "allow", "remembered");
    server.gate.later(Duration::from_secs(61));
    assert_eq!(server.outcome("/orders", "opaque"), "503 introspection_unavailable");
}

#[test]
fn i05_what_has_not_the_form_of_a_token_is_never_asked_about() {
    let mut server = Server::new(said());
    for token in ["a&token=b", "a b", "a%20b", "\"a\"", "=", "é"] {
        let outcome = server.outcome("/orders", token);
        assert!(outcome == "400 credential_malformed", "{token}: {outcome}");
    }
    assert_eq!(server.outcome("/orders", &"x".repeat(9000)), "401 token_too_large");
    assert!(server.asked.is_empty());
    assert_eq!(server.outcome("/orders", "a+b/c~=="), "allow");
    assert_eq!(server.asked, ["token=a%2Bb%2Fc%7E%3D%3D&token_type_hint=access_token"]);
}

#[test]
fn i06_requests_with_one_token_wait_for_one_answer() {
    let mut gate = Gate::new(&config(json!({})));
    let mut waiting = Vec::new();
    for _ in 0..500 {
        let Step::Wait(exchange, _) = gate.get("/orders", "opaque") else { panic!("does not wait") };
        waiting.push(exchange);
    }
    // Half of those who may wait: the others wait for keys, if they have to.
    assert_eq!(outcome(&gate.get("/orders", "opaque")), "503 too_many_waiting");
    let fetches = gate.poll();
    assert_eq!(fetches.len(), 1);
    for (purpose, fetch) in fetches {
        let headers = vec![(b"content-type".to_vec(), b"application/json".to_vec())];
        let fetched = Fetched::Response { status: 200, headers, body: said().to_string().into_bytes() };
        gate.engine.handle_response(purpose, gate.now, &mut gate.host, fetch.id, fetched);
    }
    for exchange in waiting {
        assert_eq!(outcome(&exchange.resume(&mut gate.engine, &mut gate.host, gate.now)), "allow");
    }
    assert_eq!((gate.engine.waiting(), gate.poll().len()), (0, 0));
}

#[test]
fn jwts_are_verified_or_asked_about_or_refused() {
    let mut claims = claims();
    let jwt = TestIssuer::new("idp").token(&claims);
    assert_eq!(Server::new(said()).outcome("/orders", &jwt), "401 jwt_not_taken");

    let mut server = Server { gate: Gate::new(&config(json!({ "jwts": "introspect" }))), ..Server::new(said()) };
    assert_eq!(server.outcome("/orders", &jwt), "allow");
    server.said = json!({ "active": false });
    server.gate.later(Duration::from_secs(61));
    assert_eq!(server.outcome("/orders", &jwt), "401 token_inactive", "it was revoked");
    assert_eq!(server.asked.len(), 2);
    claims["iss"] = json!("https://other.example");
    assert_eq!(server.outcome("/orders", &TestIssuer::new("idp").token(&claims)), "401 issuer_unknown");

    let mut document = config(json!({ "jwts": "verify" }));
    document["providers"]["idp"]["jwks"] = json!({ "keys": [TestIssuer::new("idp").jwk()] });
    let mut server = Server { gate: Gate::new(&document), ..Server::new(said()) };
    assert_eq!(server.outcome("/orders", &jwt), "allow");
    assert!(server.asked.is_empty());
    assert_eq!(server.outcome("/orders", "opaque"), "allow");
    assert_eq!(server.asked.len(), 1);
}

#[test]
fn the_same_name_at_two_servers_that_do_not_name_themselves_is_two_callers() {
    let mut config = config(json!({ "token_prefix": "a_" }));
    let mut other = config["providers"]["idp"].clone();
    other["issuer"] = json!("https://other.example");
    other["introspection"]["endpoint"] = json!("https://other.example/introspect");
    other["introspection"]["token_prefix"] = json!("b_");
    config["providers"]["other"] = other;
    config["rate_limits"] =
        json!({ "one": { "key": ["subject"], "all_rules": true, "window": { "requests": 1, "per": "1m" } } });
    let mut server = Server { gate: Gate::new(&config), status: 200, said: without("iss"), asked: vec![] };
    let outcomes = ["a_1", "a_2", "b_1", "b_2"].map(|token| server.outcome("/orders", token));
    assert_eq!(outcomes, ["allow", "429 rate_limited", "allow", "429 rate_limited"]);
}

#[test]
fn what_is_the_servers_fault_or_ours_is_nobodys_failure() {
    let mut document = config(json!({}));
    document["risk"] = json!({ "lockout": { "failures": 3, "within": "5m", "for": "15m" } });
    document["rate_limits"] = json!({
        "guesses": { "key": ["address"], "count": "failures", "all_rules": true, "window": { "requests": 5, "per": "1m" } }
    });
    let jwt = TestIssuer::new("idp").token(&claims());
    for (said, token, expected) in [
        (without("active"), "t", "401 introspection_active_missing"),
        (with("active", json!("yes")), "t", "401 introspection_active_malformed"),
        (said(), &*jwt, "401 jwt_not_taken"),
        (json!({ "active": false }), "t", "429 locked_out"),
    ] {
        let mut server = Server { gate: Gate::new(&document), ..Server::new(said) };
        server.gate.host.properties.insert("source.address".to_owned(), "192.0.2.1:5".into());
        let outcomes: Vec<String> = (0..5).map(|_| server.outcome("/orders", token)).collect();
        assert_eq!(outcomes.last().map(String::as_str), Some(expected), "{outcomes:?}");
        let next = server.outcome("/orders", token);
        assert_eq!(next, if expected.starts_with("429") { "429 rate_limited" } else { expected });
    }
}

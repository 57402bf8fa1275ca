//! API keys along the walk.

use super::*;
use crate::api_key::{KeyText, SecretHash, text};
use crate::http::Mutations;

mod places;

const SECRET: [u8; 32] = [7; 32];
const DAY: u64 = 86_400;

fn hash(id: &str, secret: &[u8; 32]) -> String {
    let text = text::write(id, secret);
    SecretHash::of(&KeyText::parse(text.as_bytes()).unwrap(), [3; 16]).to_string()
}

fn key() -> String {
    text::write("ci", &SECRET)
}

fn keys() -> Value {
    let mut config = fixed();
    config["networks"] = json!({ "office": ["203.0.113.0/24"] });
    config["roles"] = json!({
        "reader": { "permissions": ["read"] },
        "writer": { "permissions": ["write"], "granted_to": { "clients": ["c-1"] } },
    });
    config["api_keys"] = json!({ "keys": {
        "ci": { "hash": hash("ci", &SECRET), "owner": "team-x", "scopes": ["orders.read", "orders.write"], "roles": ["reader"],
            "plan": "gold", "claims": { "team": "x", "groups": ["g-1"] } },
        "soon": { "hash": hash("soon", &[1; 32]), "owner": "team-x", "expires": "2027-01-16T08:00:00Z" },
        "over": { "hash": hash("over", &[2; 32]), "owner": "team-x", "expires": "2027-01-15T08:00:00Z" },
        "later": { "hash": hash("later", &[3; 32]), "owner": "team-y", "not_before": "2027-01-15T08:00:01Z" },
        "office": { "hash": hash("office", &[4; 32]), "owner": "team-y", "networks": ["office"] },
    } });
    config["rules"] = json!([
        { "name": "orders", "match": { "paths": ["/orders/{id}"] }, "accept": ["api_key"] },
        { "name": "tokens", "match": { "paths": ["/tokens"] } },
        { "name": "both", "match": { "paths": ["/both"] }, "accept": ["token", "api_key"], "access": "optional" },
        { "name": "read", "match": { "paths": ["/read"] }, "accept": ["token", "api_key"],
          "require": { "permissions": "read", "scopes": "orders.read", "groups": "g-1" } },
        { "name": "write", "match": { "paths": ["/write"] }, "accept": ["token", "api_key"], "require": { "permissions": "write" } },
        { "name": "admin", "match": { "paths": ["/admin"] }, "accept": ["api_key"], "require": { "scopes": "admin" } },
        { "name": "people", "match": { "paths": ["/people"] }, "accept": ["token", "api_key"], "require": { "callers": ["user"] } },
        { "name": "machines", "match": { "paths": ["/machines"] }, "accept": ["token", "api_key"], "require": { "callers": ["api_key"] } },
        { "name": "open", "match": { "paths": ["/open"] }, "access": "anonymous" }
    ]);
    config
}

fn shown(gate: &mut Gate, path: &str, key: &str) -> Step {
    gate.send("GET", path, &[("x-api-key", key)])
}

fn passage(step: Step) -> Passage {
    match step {
        Step::Continue(passage, _) => passage,
        other => panic!("expected leave, found {}", outcome(&other)),
    }
}

fn removed(mutations: &Mutations, name: &str) -> bool {
    mutations.headers().contains(&crate::http::Mutation::Remove(name.to_owned()))
}

#[test]
fn a_key_is_a_caller_and_the_record_says_whose() {
    let mut gate = Gate::new(&keys());
    let Step::Continue(passage, record) = shown(&mut gate, "/orders/7", &key()) else { panic!("denied") };
    let event = record.event.unwrap();
    assert_eq!((event.credential, event.subject.as_deref()), (Some("api_key"), Some("team-x")));
    assert_eq!((event.client.as_deref(), event.kid, event.provider), (Some("ci"), None, None));
    assert!(removed(&passage.mutations, "x-api-key"));
    assert!(passage.afterwards.is_nothing(), "it does not expire");
}

#[test]
fn whatever_is_wrong_with_a_key_the_answer_is_one() {
    let mut gate = Gate::new(&keys());
    let wrong = text::write("ci", &[8; 32]);
    let mut answers = Vec::new();
    for (shown_key, reason) in [
        (wrong.clone(), "api_key_secret_wrong"),
        (text::write("nobody", &SECRET), "api_key_unknown"),
        (text::write("later", &[3; 32]), "api_key_not_yet_valid"),
        (text::write("office", &[4; 32]), "api_key_network"),
        ("hunter2".to_owned(), "api_key_malformed"),
        (String::new(), "api_key_malformed"),
        ("x".repeat(50_000), "api_key_malformed"),
        (format!("{},{}", key(), key()), "api_key_malformed"),
    ] {
        let step = shown(&mut gate, "/orders/7", &shown_key);
        assert_eq!(outcome(&step), format!("401 {reason}"));
        let mut reply = reply(step);
        reply.details.clear();
        answers.push(reply);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:#?}");
    assert_eq!(
        header(&answers[0], "www-authenticate"),
        Some("ApiKey realm=\"api\", in=\"header\", name=\"x-api-key\"")
    );
    let body = String::from_utf8(answers[0].body.clone()).unwrap();
    assert!(body.contains("\"api_key_invalid\"") && !body.contains("pcl_"), "{body}");
    let record = match shown(&mut gate, "/orders/7", &wrong) {
        Step::Reply(_, record) => record.event.unwrap(),
        _ => panic!("allowed"),
    };
    assert_eq!((record.kid.as_deref(), record.subject, record.client), (Some("ci"), None, None), "as it names itself");
    assert!(!record_line(&wrong, &mut gate).contains(wrong.rsplit('_').next().unwrap()));
}

fn record_line(key: &str, gate: &mut Gate) -> String {
    match shown(gate, "/orders/7", key) {
        Step::Continue(_, record) | Step::Reply(_, record) => record.event.unwrap().line(),
        Step::Wait(..) => panic!("waits"),
    }
}

#[test]
fn the_owner_of_a_key_is_told_when_it_is_over() {
    let mut gate = Gate::new(&keys());
    let soon = text::write("soon", &[1; 32]);
    let respond = |step: Step, gate: &mut Gate| passage(step).afterwards.respond(Some(200), &mut gate.engine, gate.now);
    let step = shown(&mut gate, "/orders/7", &soon);
    let date = "Sat, 16 Jan 2027 08:00:00 GMT".to_owned();
    assert_eq!(respond(step, &mut gate), [("x-api-key-expires", date.clone())]);
    let denied = reply(shown(&mut gate, "/admin", &soon));
    assert_eq!((denied.status, header(&denied, "x-api-key-expires")), (403, Some(date.as_str())));
    gate.later(Duration::from_secs(DAY));
    let step = shown(&mut gate, "/orders/7", &soon);
    assert_eq!(outcome(&step), "401 api_key_expired");
    assert_eq!(header(&reply(step), "x-api-key-expires"), Some(date.as_str()));
    // Two weeks before, and not a second earlier.
    gate.now = UnixTime::from_secs(NOW - 13 * DAY - 1);
    let step = shown(&mut gate, "/orders/7", &soon);
    assert!(respond(step, &mut gate).is_empty());
    let stranger = reply(shown(&mut gate, "/orders/7", &text::write("over", &SECRET)));
    assert_eq!(header(&stranger, "x-api-key-expires"), None);
}

#[test]
fn b02_two_credentials_are_none() {
    let mut gate = Gate::new(&keys());
    let bearer = format!("Bearer {}", token());
    let in_query = format!("/both?k={}", key());
    for (path, headers, reason) in [
        ("/both", vec![("x-api-key", key()), ("authorization", bearer.clone())], "credential_several"),
        ("/tokens", vec![("x-api-key", key()), ("authorization", bearer.clone())], "credential_several"),
        ("/orders/7", vec![("x-api-key", key()), ("authorization", bearer)], "credential_several"),
        ("/both", vec![("x-api-key", key()), ("X-API-Key", key())], "credential_repeated"),
        ("/both", vec![("x-api-key", key()), ("x-api-key", "x".to_owned())], "credential_repeated"),
        (&in_query, vec![], "credential_in_query"),
        (&in_query, vec![("x-api-key", key())], "credential_several"),
    ] {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(outcome(&gate.send("GET", path, &headers)), format!("400 {reason}"), "{path}");
    }
}

#[test]
fn a_rule_takes_what_it_says() {
    let mut gate = Gate::new(&keys());
    assert_eq!(outcome(&shown(&mut gate, "/tokens", &key())), "401 credential_not_taken_by_rule");
    assert_eq!(outcome(&gate.get("/orders/7", &token())), "401 credential_not_taken_by_rule");
    assert_eq!(outcome(&shown(&mut gate, "/both", &key())), "allow");
    assert_eq!(outcome(&gate.get("/both", &token())), "allow");
    assert_eq!(outcome(&gate.send("GET", "/both", &[])), "allow");
    assert_eq!(outcome(&shown(&mut gate, "/both", "bad")), "401 api_key_malformed", "optional is not lenient");
    assert_eq!(outcome(&shown(&mut gate, "/read", &key())), "allow");
    assert_eq!(outcome(&shown(&mut gate, "/write", &key())), "403 permission_missing");
    assert_eq!(outcome(&gate.get("/write", &token())), "allow");
    assert_eq!(outcome(&gate.get("/read", &token())), "403 scope_missing");
    assert_eq!(outcome(&shown(&mut gate, "/people", &key())), "403 caller_kind_not_accepted");
    assert_eq!(outcome(&shown(&mut gate, "/machines", &key())), "allow");
    assert_eq!(outcome(&gate.get("/machines", &token())), "403 caller_kind_not_accepted");
}

#[test]
fn the_challenge_names_what_the_rule_takes() {
    let mut gate = Gate::new(&keys());
    let mut challenges = |path: &str| {
        let reply = reply(gate.send("GET", path, &[]));
        let of = |name: &str| {
            reply.headers.iter().filter(|(found, _)| *found == name).map(|(_, value)| value.clone()).collect::<Vec<_>>()
        };
        (of("www-authenticate"), String::from_utf8(reply.body.clone()).unwrap())
    };
    let (fields, body) = challenges("/orders/7");
    assert_eq!(fields, ["ApiKey realm=\"api\", in=\"header\", name=\"x-api-key\""]);
    assert!(body.contains("this endpoint needs an API key"), "{body}");
    let (fields, body) = challenges("/read");
    assert_eq!(fields, ["Bearer realm=\"api\"", "ApiKey realm=\"api\", in=\"header\", name=\"x-api-key\""]);
    assert!(body.contains("an access token or an API key"), "{body}");
    assert_eq!(challenges("/tokens").0, ["Bearer realm=\"api\""]);
    // A token with the scope would not help who has a key.
    let lacking = reply(shown(&mut gate, "/admin", &key()));
    assert_eq!((lacking.status, header(&lacking, "www-authenticate")), (403, None));
}

#[test]
fn the_upstream_is_told_whose_key_it_was() {
    let mut config = keys();
    config["forward"] = json!({
        "claims": [
            { "claim": "sub", "header": "x-owner" },
            { "claim": "client_id", "header": "x-key-id" },
            { "claim": "team", "header": "x-team" },
            { "claim": "plan", "header": "x-plan" },
        ],
        "payload_header": "x-payload",
        "client_principal": true,
    });
    let mut gate = Gate::new(&config);
    let forged = [("x-api-key", key()), ("x-owner", "admin".to_owned()), ("x-payload", "e30".to_owned())];
    let forged: Vec<(&str, &str)> = forged.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let passage = passage(gate.send("GET", "/orders/7", &forged));
    let pairs: Vec<_> =
        forged.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect();
    let sent = passage.mutations.applied(&pairs);
    let value = |name: &str| {
        let values: Vec<_> = sent
            .iter()
            .filter(|(found, _)| found == name.as_bytes())
            .map(|(_, value)| String::from_utf8_lossy(value))
            .collect();
        values.join("|")
    };
    assert_eq!((value("x-owner").as_str(), value("x-key-id").as_str()), ("team-x", "ci"));
    assert_eq!((value("x-team").as_str(), value("x-plan").as_str(), value("x-payload").as_str()), ("x", "gold", ""));
    assert_eq!(
        (value("x-ms-client-principal-id").as_str(), value("x-ms-client-principal-idp").as_str()),
        ("team-x", "api_key")
    );
    assert!(!value("x-ms-client-principal").is_empty());
}

#[test]
fn wrong_keys_count_against_the_address_and_never_against_the_owner() {
    let mut config = keys();
    config["risk"] = json!({ "lockout": { "failures": 3, "within": "1m", "for": "5m" } });
    let mut gate = Gate::new(&config);
    gate.host.properties.insert("source.address".to_owned(), b"192.0.2.7:1".to_vec());
    for _ in 0..3 {
        assert_eq!(outcome(&shown(&mut gate, "/orders/7", &text::write("ci", &[9; 32]))), "401 api_key_secret_wrong");
    }
    let locked = outcome(&shown(&mut gate, "/orders/7", "guess"));
    assert_eq!(locked, "429 locked_out");
    assert_eq!(outcome(&shown(&mut gate, "/orders/7", &key())), "allow", "a good key passes");
    assert_eq!(outcome(&shown(&mut gate, "/orders/7", &text::write("over", &[2; 32]))), "401 api_key_expired");
}

#[test]
fn who_fails_too_often_with_a_key_is_locked_out_and_another_key_is_not() {
    let mut config = keys();
    config["risk"] = json!({ "lockout": { "failures": 3, "within": "1m", "for": "5m" } });
    let mut gate = Gate::new(&config);
    for _ in 0..3 {
        assert_eq!(outcome(&shown(&mut gate, "/admin", &key())), "403 scope_missing");
    }
    assert_eq!(outcome(&shown(&mut gate, "/orders/7", &key())), "429 locked_out");
    assert_eq!(outcome(&shown(&mut gate, "/orders/7", &text::write("soon", &[1; 32]))), "allow");
}

#[test]
fn what_is_only_reported_lets_a_bad_key_on_as_nobody() {
    let mut config = keys();
    config["rules"][0]["report_only"] = json!(true);
    let mut gate = Gate::new(&config);
    let Step::Continue(_, record) = shown(&mut gate, "/orders/7", "bad") else { panic!("denied") };
    assert_eq!((record.reason, record.unenforced), ("report_only", Some("api_key_malformed")));
}

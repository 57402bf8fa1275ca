//! Callers who have too many groups for their token.

use super::*;

const TENANT: &str = "11111111-2222-4333-8444-555555555555";
const GROUP: &str = "0f000000-0000-4000-8000-00000000000a";
const ISSUER: &str = "https://login.microsoftonline.com/11111111-2222-4333-8444-555555555555/v2.0";

fn config() -> Value {
    json!({
        "providers": { "staff": { "entra": { "tenants": TENANT, "versions": ["v2"] }, "audiences": ["orders"], "cluster": "login" } },
        "groups_overage": { "provider": "staff", "cluster": "graph", "login_cluster": "login", "client_id": "c-1", "client_secret": "hush" },
        "rules": [
            { "name": "orders", "match": { "paths": ["/orders"] }, "require": { "groups": GROUP } },
            { "name": "either", "match": { "paths": ["/either"] }, "require": { "any_of": [{ "scopes": "admin" }, { "groups": GROUP }] } },
            { "name": "strangers", "match": { "paths": ["/strangers"] }, "require": { "not": { "groups": GROUP } } },
            { "name": "rehearsed", "match": { "paths": ["/rehearsed"] }, "require": { "groups": GROUP }, "report_only": true },
            { "name": "scope", "match": { "paths": ["/scope"] }, "require": { "scopes": "admin" } }
        ],
        "audit": { "log": "all" }
    })
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": "orders", "sub": "s", "oid": "00000001-aaaa-4bbb-8ccc-222222222222", "tid": TENANT, "ver": "2.0",
        "scp": "read", "idtyp": "user", "exp": NOW + 600, "iat": NOW, "_claim_names": { "groups": "src1" }
    })
}

/// A gate that has the keys; Graph answers with `status` and `groups`.
struct Graph {
    gate: Gate,
    status: u16,
    groups: Vec<String>,
    asked: Vec<String>,
}

impl Graph {
    fn new(groups: &[&str]) -> Self {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        Self { gate: Gate::new(&config()), status: 200, groups, asked: vec![] }
    }

    fn get(&mut self, path: &str, claims: &Value) -> String {
        let token = TestIssuer::new("entra").token(claims);
        let mut step = self.gate.get(path, &token);
        for _ in 0..8 {
            let Step::Wait(exchange, _) = step else { return outcome(&step) };
            for (source, fetch) in self.gate.poll() {
                let (status, body) = self.answer(&fetch);
                self.gate.answer(source, &fetch, status, &body);
            }
            step = exchange.resume(&mut self.gate.engine, &mut self.gate.host, self.gate.now);
            self.gate.later(Duration::from_millis(300));
        }
        outcome(&step)
    }

    fn answer(&mut self, fetch: &Fetch) -> (u16, Value) {
        if fetch.post.is_none() {
            let mut key = TestIssuer::new("entra").jwk();
            key["issuer"] = ISSUER.into();
            return match fetch.path.ends_with("openid-configuration") {
                true => (200, json!({ "issuer": ISSUER, "jwks_uri": "https://login.microsoftonline.com/keys" })),
                false => (200, json!({ "keys": [key] })),
            };
        }
        self.asked.push(format!("{}{}", fetch.authority, fetch.path));
        if fetch.cluster == "login" {
            return (200, json!({ "token_type": "Bearer", "expires_in": 3599, "access_token": "t" }));
        }
        (self.status, json!({ "responses": [{ "id": "0", "status": 200, "body": { "value": self.groups } }] }))
    }
}

#[test]
fn the_request_waits_for_its_groups_and_is_decided_by_them() {
    let mut graph = Graph::new(&[GROUP]);
    assert_eq!(graph.get("/orders", &claims()), "allow");
    let expected =
        [format!("login.microsoftonline.com/{TENANT}/oauth2/v2.0/token"), "graph.microsoft.com/v1.0/$batch".to_owned()];
    assert_eq!(graph.asked, expected);
    assert_eq!(graph.get("/either", &claims()), "allow");
    assert_eq!(graph.get("/strangers", &claims()), "403 excluded");
    assert_eq!(graph.asked.len(), 2, "found once");
    assert_eq!(graph.gate.engine.waiting(), 0);
    let mut graph = Graph::new(&[]);
    assert_eq!(graph.get("/orders", &claims()), "403 group_missing");
    assert_eq!(graph.get("/strangers", &claims()), "allow");
}

#[test]
fn nobody_is_asked_where_no_rule_needs_it() {
    let mut graph = Graph::new(&[GROUP]);
    assert_eq!(graph.get("/scope", &claims()), "403 scope_missing");
    let mut with_groups = claims();
    with_groups.as_object_mut().unwrap().remove("_claim_names");
    with_groups["groups"] = json!([GROUP]);
    assert_eq!(graph.get("/orders", &with_groups), "allow");
    assert!(graph.asked.is_empty());
}

#[test]
fn graph_that_does_not_answer_is_503_and_never_no_groups() {
    let mut graph = Graph::new(&[]);
    graph.status = 502;
    for path in ["/orders", "/either", "/strangers"] {
        assert_eq!(graph.get(path, &claims()), "503 groups_unavailable");
    }
    assert_eq!(graph.get("/rehearsed", &claims()), "allow");
    graph.gate.later(Duration::from_secs(60));
    graph.status = 200;
    graph.groups = vec![GROUP.to_owned()];
    assert_eq!(graph.get("/orders", &claims()), "allow");
}

#[test]
fn who_cannot_be_asked_for_stays_an_overage() {
    for (member, value) in [("oid", json!("u-1")), ("oid", json!("../../x")), ("idtyp", json!("device"))] {
        let mut claims = claims();
        claims[member] = value;
        let mut graph = Graph::new(&[GROUP]);
        assert_eq!(graph.get("/orders", &claims), "403 groups_overage", "{claims}");
        assert!(graph.asked.is_empty());
    }
    let mut config = config();
    config.as_object_mut().unwrap().remove("groups_overage");
    let mut graph = Graph { gate: Gate::new(&config), status: 200, groups: vec![], asked: vec![] };
    assert_eq!(graph.get("/orders", &claims()), "403 groups_overage");
}

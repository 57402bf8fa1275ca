//! Ten tenants, ten places, and only who belongs to a place gets in: broken object level authorisation across tenants
//! (OWASP API1:2023), with tokens of both versions, of users and of applications.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "test helpers may panic: the panic is the failed test"
)]

use envoy_test::{Case, Entra, Gate, Protocol, Request, Token};
use serde_json::{Value, json};

const TENANTS: usize = 10;

#[test]
fn t01_of_ten_tenants_and_ten_places_only_the_diagonal_gets_in() {
    let gate = Gate::start(configuration());
    let mut cases = Vec::new();
    for caller in 0..TENANTS {
        for place in 0..TENANTS {
            for (kind, token) in tokens(&gate.entra, caller) {
                let by_host = Request::get("/invoices/1").host(&host(place)).bearer(&token);
                let by_path = Request::get(&format!("/tenants/{}/invoices/1", tenant(place))).bearer(&token);
                let capitals = format!("/tenants/{}/invoices/1", tenant(place).to_uppercase());
                let encoded = format!("/tenants/{}/invoices/1", tenant(place).replace('-', "%2D"));
                let title = format!("{kind} of tenant {caller} at {place}");
                if caller == place {
                    cases.push(Case::allowed(format!("{title}, by host"), by_host));
                    cases.push(Case::allowed(format!("{title}, by path"), by_path));
                    cases.push(Case::allowed(format!("{title}, encoded"), Request::get(&encoded).bearer(&token)));
                } else {
                    cases.push(Case::new(format!("{title}, by host"), by_host, 403, "tenant_not_accepted"));
                    cases.push(Case::new(format!("{title}, by path"), by_path, 403, "not_the_owner"));
                    let twice = by_path_twice(caller, place).bearer(&token);
                    cases.push(Case::new(format!("{title}, id twice"), twice, 403, "not_the_owner"));
                }
                // An id is compared as it is written: what the application would do with another spelling is not known.
                let capitals = Request::get(&capitals).bearer(&token);
                cases.push(Case::new(format!("{title}, in capitals"), capitals, 403, "not_the_owner"));
            }
        }
    }
    assert_eq!(cases.len(), TENANTS * TENANTS * KINDS * 4);
    gate.envoy.assert_each(&[Protocol::Http2], cases);
}

#[test]
fn t01_a_token_that_names_two_tenants_gets_in_nowhere() {
    let gate = Gate::start(configuration());
    let mut cases = Vec::new();
    for (one, other) in [(0, 1), (1, 0), (4, 9)] {
        for (kind, token) in drafts(&gate.entra, one) {
            let mixed = token.with("tid", tenant(other)).build();
            for place in [one, other] {
                let by_host = Request::get("/invoices/1").host(&host(place)).bearer(&mixed);
                cases.push(Case::new(format!("{kind} of {one} that says {other}"), by_host, 401, "tenant_mismatch"));
            }
        }
    }
    gate.envoy.assert_each(&[Protocol::Http1], cases);
}

/// The path of another's object, with the caller's own id in the query as well.
fn by_path_twice(caller: usize, place: usize) -> Request {
    Request::get(&format!("/tenants/{}/invoices/1?tenant={}", tenant(place), tenant(caller)))
}

fn configuration() -> Value {
    let tenants: Vec<String> = (0..TENANTS).map(tenant).collect();
    let mut rules: Vec<Value> = (0..TENANTS)
        .map(|place| {
            json!({
                "name": format!("tenant-{place}"),
                "match": { "hosts": [host(place)] },
                "require": { "tenants": [tenant(place)] }
            })
        })
        .collect();
    rules.push(json!({
        "name": "by-path",
        "match": { "paths": ["/tenants/{tenant}/{rest...}"] },
        "require": { "owner": { "parameter": "tenant", "claim": "tid" } }
    }));
    json!({
        "providers": {
            "customers": { "entra": { "tenants": tenants }, "cluster": "login", "audiences": [AUDIENCE] }
        },
        "rules": rules
    })
}

fn tokens(entra: &Entra, tenant: usize) -> [(&'static str, String); KINDS] {
    drafts(entra, tenant).map(|(kind, token)| (kind, token.build()))
}

/// Tokens of every version and kind, as tenant number `number` gets them.
fn drafts(entra: &Entra, number: usize) -> [(&'static str, Token); KINDS] {
    let id = tenant(number);
    let of = |mut claims: Value, issuer: String| {
        claims["tid"] = json!(id);
        claims["iss"] = json!(issuer);
        entra.token(claims)
    };
    let v1 = || format!("https://sts.windows.net/{id}/");
    let v2 = || format!("https://login.microsoftonline.com/{id}/v2.0");
    let mut app_v1 = entra.app_claims(AUDIENCE);
    let client = app_v1.as_object_mut().unwrap().remove("azp").unwrap();
    app_v1["appid"] = client;
    app_v1["ver"] = json!("1.0");
    [
        ("a user, v1", of(entra.v1_claims(AUDIENCE), v1())),
        ("a user, v2", of(entra.v2_claims(AUDIENCE), v2())),
        ("an application, v1", of(app_v1, v1())),
        ("an application, v2", of(entra.app_claims(AUDIENCE), v2())),
    ]
}

fn tenant(number: usize) -> String {
    format!("{number}{number}{number}{number}abcd-2222-4333-8444-55555555555{number}")
}

fn host(number: usize) -> String {
    format!("tenant-{number}.api.example")
}

const KINDS: usize = 4;
const AUDIENCE: &str = "66666666-7777-4888-9999-aaaaaaaaaaaa";

//! The rows of the OWASP API Security Top 10 (2023) that a policy decides: who may call which function (API5), unsafe
//! configurations and methods (API8), endpoints that nobody declared (API9). API1 has tests/tenants.rs.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test helpers may panic: the panic is the failed test"
)]

use envoy_test::{BOTH, Case, Gate, Protocol, Request, workspace};
use portcullis::config::Config;
use serde_json::{Value, json};

/// The matrix of the example, written by hand: a change of the example that widens it fails here.
#[test]
fn t05_every_method_on_every_path_is_for_the_roles_that_were_given_it_and_no_other() {
    let gate = Gate::start(example("least-privilege-orders.json"));
    let mut cases = Vec::new();
    for method in METHODS {
        for path in ["/orders", "/orders/7", "/orders/7/lines/1"] {
            for (role, token) in people(&gate) {
                let request = Request::new(method, path).bearer(&token);
                let needed = match (method, path) {
                    ("GET" | "HEAD", _) => Some("reader"),
                    ("POST" | "PUT", "/orders" | "/orders/7") => Some("clerk"),
                    ("DELETE", "/orders/7") => Some("manager"),
                    _ => None,
                };
                let title = format!("{method} {path} by a {role}");
                cases.push(match needed {
                    None => Case::new(title, request, 403, "no_rule"),
                    Some(needed) if rank(role) >= rank(needed) => Case::allowed(title, request),
                    Some(_) => Case::new(title, request, 403, "permission_missing"),
                });
            }
        }
    }
    assert_eq!(cases.len(), METHODS.len() * 3 * 4);
    gate.envoy.assert_each(&[Protocol::Http2], cases);
}

#[test]
fn t05_no_header_makes_one_method_another() {
    let gate = Gate::start(example("least-privilege-orders.json"));
    let (_, reader) = &people(&gate)[1];
    let cases = ["x-http-method-override", "x-http-method", "x-method-override"].map(|header| {
        let request = Request::get("/orders/7").bearer(reader).header(header, "DELETE");
        Case::new(header, request, 400, "request_method_override")
    });
    gate.envoy.assert_each(&BOTH, cases);
}

#[test]
fn t08_configurations_that_check_nothing_are_refused() {
    for (pointer, value, path) in [
        ("/providers/staff/algorithms", json!(["none"]), "providers.staff.algorithms"),
        ("/providers/staff/algorithms", json!([]), "providers.staff.algorithms"),
        ("/providers/staff/audiences", json!([]), "providers.staff.audiences"),
        ("/providers/staff/audiences", json!(["*"]), "providers.staff.audiences"),
        ("/providers/staff/clock_skew", json!("6m"), "providers.staff.clock_skew"),
        ("/rules", json!([]), "rules"),
        ("/rules/0/require", json!({}), "rules[0].require"),
        ("/rules/0/require/scopes", json!([]), "rules[0].require.scopes"),
        ("/rules/0/require/any_of", json!([]), "rules[0].require.any_of"),
        ("/rules/0/require/claim", json!({ "path": "email", "equals": "a@b.example" }), "rules[0].require.claim"),
        ("/fail_open", json!(true), "fail_open"),
    ] {
        let mut configuration = example("least-privilege-orders.json");
        let (parent, member) = pointer.rsplit_once('/').expect("a pointer");
        configuration.pointer_mut(parent).expect("it is there")[member] = value.clone();
        let refused = Config::load(configuration.to_string().as_bytes(), &|_| None);
        let problems = refused.err().unwrap_or_default();
        let named = problems.iter().any(|problem| problem.path.starts_with(path));
        assert!(named, "{pointer} = {value}: {problems}");
    }
}

#[test]
fn t08_trace_is_refused_even_where_every_method_is_let_in() {
    let gate = Gate::start(json!({
        "providers": { "idp": { "issuer": "https://idp.example", "cluster": "idp", "audiences": ["orders"] } },
        "rules": [{ "name": "all", "match": {}, "access": "anonymous" }]
    }));
    let cases = [
        Case::new("TRACE", Request::new("TRACE", "/"), 400, "request_trace"),
        Case::new("TRACK", Request::new("TRACK", "/"), 400, "request_trace"),
        Case::new("in another case", Request::new("Trace", "/"), 400, "request_trace"),
        Case::allowed("any other", Request::new("PURGE", "/")),
    ];
    gate.envoy.assert_each(&[Protocol::Http2], cases);
}

#[test]
fn t09_what_nobody_declared_is_denied_and_counted() {
    let gate = Gate::start(example("least-privilege-orders.json"));
    let (_, manager) = &people(&gate)[3];
    let paths = ["/v1/orders", "/orders/7/internal", "/debug", "/ORDERS/7", "/orders/7/"];
    let cases = paths.map(|path| Case::new(path, Request::get(path).bearer(manager), 403, "no_rule"));
    gate.envoy.assert_each(&BOTH, cases);
    let counted = u64::try_from(paths.len() * BOTH.len()).expect("few");
    assert_eq!(
        gate.envoy.wait_for_stat("wasmcustom.portcullis.requests.none.no_rule", |count| count >= counted),
        counted
    );
}

#[test]
fn a04_a_scope_is_a_whole_word_and_a_missing_one_is_named() {
    let gate = Gate::start(json!({
        "providers": { "idp": { "issuer": "https://idp.example", "cluster": "idp", "audiences": ["orders"] } },
        "rules": [{ "name": "all", "match": {}, "require": { "scopes": { "all": ["orders:read", "orders:list"] } } }]
    }));
    let with = |scope: &str| {
        let token = gate.idp.token(gate.idp.claims("orders")).with("scope", scope).build();
        Request::get("/").bearer(&token)
    };
    let lacks = [
        "orders:read",
        "orders:read orders:listing",
        "xorders:read orders:list",
        "ORDERS:READ ORDERS:LIST",
        " ",
        "orders:read,orders:list",
    ];
    let refused = lacks.map(|scope| Case::new(format!("{scope:?}"), with(scope), 403, "scope_missing"));
    let answers = gate.envoy.assert_each(&BOTH, refused);
    for answer in answers {
        let challenge = answer.header("www-authenticate").expect("a challenge");
        assert!(challenge.contains(r#"error="insufficient_scope", scope="orders:read orders:list""#), "{challenge}");
    }
    gate.envoy.assert_each(&BOTH, [Case::allowed("both, in another order", with("orders:list a orders:read"))]);
}

#[test]
fn a05_roles_and_groups_of_the_wrong_type_are_nobodys() {
    let gate = Gate::start(json!({
        "providers": { "idp": { "issuer": "https://idp.example", "cluster": "idp", "audiences": ["orders"] } },
        "rules": [
            { "name": "roles", "match": { "paths": ["/roles"] }, "require": { "app_roles": "admin" } },
            { "name": "groups", "match": { "paths": ["/groups"] }, "require": { "groups": "admin" } },
            { "name": "not", "match": { "paths": ["/not"] }, "require": { "not": { "groups": "banned" } } },
        ]
    }));
    let with = |path: &str, claim: &str, value: &Value| {
        let token = gate.idp.token(gate.idp.claims("orders")).with(claim, value.clone()).build();
        Request::get(path).bearer(&token)
    };
    let odd =
        [json!("admin"), json!({ "admin": true }), json!([["admin"]]), json!(["admin", 7]), json!(true), json!(null)];
    let mut cases = Vec::new();
    for value in &odd {
        cases.push(Case::new(format!("roles {value}"), with("/roles", "roles", value), 403, "roles_malformed"));
        cases.push(Case::new(format!("groups {value}"), with("/groups", "groups", value), 403, "groups_malformed"));
        cases.push(Case::new(format!("not {value}"), with("/not", "groups", value), 403, "groups_malformed"));
    }
    cases.push(Case::allowed("a list", with("/roles", "roles", &json!(["admin"]))));
    gate.envoy.assert_each(&[Protocol::Http1], cases);
}

/// A token of nobody in particular, of a reader, a clerk and a manager.
fn people(gate: &Gate) -> [(&'static str, String); 4] {
    let token = |roles: Value, groups: Value| {
        let token = gate.entra.token(gate.entra.v2_claims("api://orders")).with("roles", roles).with("groups", groups);
        token.build()
    };
    let managers = json!(["0f2c1d3e-aaaa-4bbb-8ccc-000000000001"]);
    [
        ("nobody", token(json!(["Other"]), json!([]))),
        ("reader", token(json!(["Orders.Reader"]), json!([]))),
        ("clerk", token(json!(["Orders.Clerk"]), json!([]))),
        ("manager", token(json!([]), managers)),
    ]
}

fn rank(role: &str) -> usize {
    ["nobody", "reader", "clerk", "manager"].iter().position(|known| *known == role).expect("a role")
}

fn example(name: &str) -> Value {
    let path = workspace().join("filter-config").join(name);
    serde_json::from_slice(&std::fs::read(path).expect("the example")).expect("JSON")
}

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"];

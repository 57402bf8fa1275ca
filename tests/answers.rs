//! What comes back, and what is left behind: statuses, challenges, bodies, records, counters.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "test helpers may panic, which is the failed test, and tests run on the real clock"
)]

use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use envoy_test::{Answer, BOTH, Case, Envoy, Gate, Protocol, Request, SigningKey, Token, forge, raw};
use serde_json::{Value, json};

static GATE: LazyLock<Gate> = LazyLock::new(|| start(configuration()));

fn start(configuration: Value) -> Gate {
    // Nobody listens on port 1.
    Gate::start_with(configuration, |builder, _| builder.cluster("nobody", ([127, 0, 0, 1], 1).into()))
}

fn configuration() -> Value {
    json!({
        "providers": {
            "entra": {"entra": {"tenants": TENANT}, "cluster": "login", "audiences": ["api://orders"]},
            "idp": {"issuer": "https://idp.example", "cluster": "idp", "audiences": ["orders", "portal"]},
            "down": {"issuer": "https://down.example", "cluster": "nobody", "audiences": ["orders"]},
        },
        "rules": [
            {"name": "orders", "match": {"paths": ["/orders/{id}"]}},
            {"name": "staff", "match": {"paths": ["/staff"]}, "providers": ["entra"]},
            {"name": "portal", "match": {"paths": ["/portal"]}, "audiences": ["portal"]},
            {"name": "grpc", "match": {"paths": ["/shop.Orders/{method}"], "methods": ["POST"]}},
            {"name": "public", "match": {"paths": ["/public"]}, "access": "anonymous"},
        ],
        "limits": {"wait": "2s"},
    })
}

fn token() -> Token {
    GATE.idp.token(GATE.idp.claims("orders"))
}

fn user() -> Token {
    GATE.entra.token(GATE.entra.v2_claims("api://orders"))
}

fn of_down() -> String {
    token().with("iss", "https://down.example").build()
}

/// A request, its status, its whole challenge and its code in the body.
type Row = (&'static str, Request, u16, Option<&'static str>, &'static str);

fn answer_table() -> Vec<Row> {
    let orders = || Request::get("/orders/1");
    let with = |token: &Token| orders().bearer(&token.build());
    let bare = Some(r#"Bearer realm="api""#);
    let request = Some(r#"Bearer realm="api", error="invalid_request""#);
    let token_error = Some(r#"Bearer realm="api", error="invalid_token""#);
    let scope = Some(r#"Bearer realm="api", error="insufficient_scope""#);
    vec![
        ("no credential", orders(), 401, bare, "credential_missing"),
        ("another scheme", orders().header("authorization", "Basic x"), 401, bare, "credential_missing"),
        ("an unreadable credential", orders().header("authorization", "Bearer"), 400, request, "request_invalid"),
        ("two credentials", with(&token()).bearer("x"), 400, request, "request_invalid"),
        ("a token in the query", Request::get("/orders/1?access_token=x"), 400, request, "request_invalid"),
        ("an ambiguous path", Request::get("/orders//1"), 400, request, "request_invalid"),
        ("no token", orders().bearer("abc"), 401, token_error, "token_invalid"),
        (
            "a bad signature",
            orders().bearer(&forge::with_broken_signature(&token().build())),
            401,
            token_error,
            "token_invalid",
        ),
        ("another issuer", with(&token().with("iss", "https://evil.example")), 401, token_error, "token_invalid"),
        ("another audience", with(&token().with("aud", "else")), 401, token_error, "token_invalid"),
        ("expired", with(&token().with("exp", 1_700_000_000)), 401, token_error, "token_invalid"),
        ("another type", with(&token().with_header("typ", "logout+jwt")), 401, token_error, "token_invalid"),
        ("an unknown key", with(&token().with_header("kid", "nobody")), 401, token_error, "token_invalid"),
        ("algorithm none", with(&token().with_header("alg", "none")), 401, token_error, "token_invalid"),
        (
            "a provider that the rule does not take",
            Request::get("/staff").bearer(&token().build()),
            401,
            token_error,
            "token_invalid",
        ),
        (
            "an audience that the rule does not take",
            Request::get("/portal").bearer(&token().build()),
            401,
            token_error,
            "token_invalid",
        ),
        ("neither scope nor role", with(&user().without("scp").without("roles")), 403, scope, "scope_insufficient"),
        ("no rule", Request::get("/nowhere"), 403, None, "not_allowed"),
        ("no rule, with a token", Request::get("/nowhere").bearer(&token().build()), 403, None, "not_allowed"),
        ("no keys", orders().bearer(&of_down()), 503, None, "temporarily_unavailable"),
    ]
}

#[test]
fn b04_b05_every_answer_is_the_one_of_the_table() {
    for (title, request, status, challenge, code) in answer_table() {
        for protocol in BOTH {
            let answer = GATE.envoy.send_over(protocol, &request);
            let title = format!("{title} over {protocol:?}");
            assert_eq!(answer.status, status, "{title}: {answer}");
            assert_eq!(answer.header("www-authenticate").as_deref(), challenge, "{title}: {answer}");
            assert_eq!(answer.header("content-type").as_deref(), Some("application/problem+json"), "{title}: {answer}");
            assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"), "{title}: {answer}");
            let body = answer.json();
            assert_eq!((&body["status"], &body["code"]), (&json!(status), &json!(code)), "{title}: {answer}");
            assert_eq!(body["type"], "about:blank", "{title}: {answer}");
            assert!(body["title"].is_string() && body["detail"].is_string(), "{title}: {answer}");
            assert_eq!(body["request_id"].as_str(), answer.header("x-request-id").as_deref(), "{title}: {answer}");
            let retry = answer.header("retry-after").map(|text| text.parse::<u32>());
            match (status, retry) {
                (503, Some(Ok(1..=300))) => {}
                (503, other) => panic!("{title}: Retry-After is {other:?}: {answer}"),
                (_, retry) => assert_eq!(retry, None, "{title}: {answer}"),
            }
        }
    }
}

#[test]
fn a06_bad_tokens_get_answers_that_differ_in_nothing_but_the_id() {
    let bad = [
        token().with("exp", 1_700_000_000).build(),
        token().with("aud", "else").build(),
        token().with_header("kid", "nobody").build(),
        forge::with_broken_signature(&token().build()),
        token().with("iss", "https://evil.example").build(),
        "x.y.z".to_owned(),
    ];
    let answers = bad.map(|token| GATE.envoy.send(&Request::get("/orders/1").bearer(&token)));
    let essence = |answer: &Answer| {
        let id = answer.header("x-request-id").unwrap();
        let mut headers = answer.headers.clone();
        headers.retain(|(name, _)| name != "x-request-id" && name != "date");
        (answer.status, headers, answer.text().replace(&id, "ID"))
    };
    for answer in &answers[1..] {
        assert_eq!(essence(answer), essence(&answers[0]));
    }
}

#[test]
fn b04_nothing_that_is_sent_gets_into_a_challenge() {
    let expected = [
        r#"Bearer realm="api""#,
        r#"Bearer realm="api", error="invalid_request""#,
        r#"Bearer realm="api", error="invalid_token""#,
    ];
    let evil = [
        "x\", error=\"none",
        "\"",
        "\\",
        "a\\\"b",
        "x, Basic realm=evil",
        "%0d%0aset-cookie:a=b",
        "\u{e9}",
        "x\ty",
        "';--",
        "<script>",
    ];
    for value in evil {
        let claims = token().with("sub", value).with("iss", value).build();
        let kid = token().with_header("kid", value).build();
        let requests = [
            Request::get("/orders/1").header("authorization", value),
            Request::get("/orders/1").header("authorization", format!("Bearer {value}")),
            Request::get("/orders/1").header("authorization", format!("{value} Bearer x")),
            Request::get("/orders/1").bearer(&claims),
            Request::get("/orders/1").bearer(&kid),
            Request::get("/orders/1")
                .header("x-forwarded-host", value)
                .header("origin", value)
                .header("referer", value),
        ];
        for request in requests {
            let answer = GATE.envoy.send(&request);
            let challenge = answer.header("www-authenticate").unwrap_or_default();
            assert!(expected.contains(&challenge.as_str()), "{value:?} has made the challenge {challenge:?}");
            assert_eq!(answer.header("set-cookie"), None, "{answer}");
            let body = answer.json();
            assert_eq!(body.as_object().map(serde_json::Map::len), Some(6), "{value:?} has changed the body: {answer}");
        }
    }
    // A request id that a client made up is repeated only if it looks like one.
    for (id, repeated) in [("abc-123_X.y", true), ("a\"b", false), ("a\\u0022", false), ("<b>", false)] {
        let answer = GATE.envoy.send(&Request::get("/orders/1").header("x-request-id", id));
        assert!(answer.json()["request_id"] == id || !repeated || answer.json()["request_id"].is_string(), "{answer}");
        assert!(repeated || !answer.text().contains(id), "the id {id} is in the body: {answer}");
    }
}

#[test]
fn b05_a_grpc_caller_gets_the_status_of_its_protocol() {
    let challenge = |error: &str| Some(format!(r#"Bearer realm="api"{error}"#));
    for content_type in ["application/grpc", "application/grpc+proto"] {
        let call = |path: &str| {
            Request::post(path, "\0\0\0\0\0").header("content-type", content_type).header("te", "trailers")
        };
        let list = || call("/shop.Orders/List");
        let cases = [
            ("no credential", list(), "16", challenge("")),
            ("a bad token", list().bearer("x.y.z"), "16", challenge(r#", error="invalid_token""#)),
            ("two credentials", list().bearer("a").bearer("b"), "3", challenge(r#", error="invalid_request""#)),
            ("an ambiguous path", call("/shop.Orders//List"), "3", challenge(r#", error="invalid_request""#)),
            (
                "no permission",
                list().bearer(&user().without("scp").without("roles").build()),
                "7",
                challenge(r#", error="insufficient_scope""#),
            ),
            ("no rule", call("/shop.Orders/List/More").bearer(&token().build()), "7", None),
            ("no keys", list().bearer(&of_down()), "14", None),
        ];
        for (title, request, status, challenge) in cases {
            let answer = GATE.envoy.send_over(Protocol::Http2, &request);
            let found = answer.header("grpc-status").or_else(|| trailer(&answer, "grpc-status"));
            assert_eq!((answer.status, found.as_deref()), (200, Some(status)), "{title}, {content_type}: {answer}");
            let answered = answer.headers("content-type");
            assert!(answered == ["application/grpc"], "{title}, {content_type}: {answer}");
            assert!(answer.body.is_empty(), "{title}: {answer}");
            let message = answer.header("grpc-message").or_else(|| trailer(&answer, "grpc-message"));
            assert!(message.is_some_and(|message| !message.is_empty()), "{title} has no message: {answer}");
            assert_eq!(answer.header("www-authenticate"), challenge, "{title}: {answer}");
        }
        let answer = GATE.envoy.send_over(Protocol::Http2, &list().bearer(&token().build()));
        assert_eq!(GATE.envoy.reason_of(&answer), "allowed", "{answer}");
    }
}

fn trailer(answer: &Answer, name: &str) -> Option<String> {
    let value = answer.trailers.iter().find(|(found, _)| found == name).map(|(_, value)| value);
    value.map(|value| String::from_utf8_lossy(value).into_owned())
}

#[test]
fn the_metadata_is_served_at_its_well_known_path_and_challenges_point_to_it() {
    let mut configuration = configuration();
    configuration["answers"] = json!({
        "realm": "the orders API",
        "resource_metadata": {"resource": "https://api.example/orders", "scopes_supported": ["orders:read"], "resource_name": "Orders"},
    });
    let gate = start(configuration);
    let path = "/.well-known/oauth-protected-resource/orders";
    for protocol in BOTH {
        let answer = gate.envoy.send_over(protocol, &Request::get(path));
        assert_eq!(answer.status, 200, "{answer}");
        assert_eq!(answer.header("content-type").as_deref(), Some("application/json"));
        assert_eq!(answer.header("access-control-allow-origin").as_deref(), Some("*"));
        let document = answer.json();
        assert_eq!(document["resource"], "https://api.example/orders");
        assert_eq!(document["scopes_supported"], json!(["orders:read"]));
        assert_eq!(document["resource_name"], "Orders");
        let servers = document["authorization_servers"].as_array().unwrap();
        assert!(servers.contains(&json!("https://idp.example")), "{document}");
        assert_eq!(document["bearer_methods_supported"], json!(["header"]));
        let head = gate.envoy.send_over(protocol, &Request::new("HEAD", path));
        assert_eq!((head.status, head.text().as_str()), (200, ""), "{head}");

        let challenge = |request: &Request| gate.envoy.send_over(protocol, request).header("www-authenticate");
        let metadata = r#"resource_metadata="https://api.example/.well-known/oauth-protected-resource/orders""#;
        assert_eq!(
            challenge(&Request::get("/orders/1")),
            Some(format!(r#"Bearer realm="the orders API", {metadata}"#))
        );
        let bad = Request::get("/orders/1").bearer("x.y.z");
        assert_eq!(
            challenge(&bad),
            Some(format!(r#"Bearer realm="the orders API", {metadata}, error="invalid_token""#))
        );
    }
    let others = [
        Case::new("POST", Request::post(path, ""), 403, "no_rule"),
        Case::new("the root's path", Request::get("/.well-known/oauth-protected-resource"), 403, "no_rule"),
        Case::new("below", Request::get(&format!("{path}/1")), 403, "no_rule"),
        Case::new("with a query", Request::get(&format!("{path}?a=1")), 200, "portcullis_resource_metadata"),
    ];
    gate.envoy.assert_each(&BOTH, others);
    assert_eq!(gate.upstream.requests(), 0, "the filter itself answers");
}

#[test]
fn b05_a_cors_preflight_passes_only_where_it_may() {
    let mut configuration = configuration();
    configuration["answers"] = json!({"cors_preflight": "pass"});
    let pass = start(configuration);
    let preflight = |path: &str, method: &str| {
        let request = Request::new("OPTIONS", path).header("origin", "https://app.example");
        request.header("access-control-request-method", method)
    };
    let bare = Request::new("OPTIONS", "/orders/1");
    let cases = |passes: bool| {
        let expect = |title: &str, request: Request| {
            if passes { Case::allowed(title, request) } else { Case::new(title, request, 401, "credential_missing") }
        };
        [
            expect("a preflight", preflight("/orders/1", "GET")),
            Case::new("to nowhere", preflight("/nowhere", "GET"), 403, "no_rule"),
            Case::new(
                "without origin",
                bare.clone().header("access-control-request-method", "GET"),
                401,
                "credential_missing",
            ),
            Case::new(
                "without method",
                bare.clone().header("origin", "https://app.example"),
                401,
                "credential_missing",
            ),
            Case::new("OPTIONS alone", bare.clone(), 401, "credential_missing"),
            Case::new(
                "two methods",
                preflight("/orders/1", "GET").header("access-control-request-method", "PUT"),
                401,
                "credential_missing",
            ),
            Case::new(
                "a GET with a preflight's headers",
                Request::get("/orders/1").header("origin", "a").header("access-control-request-method", "GET"),
                401,
                "credential_missing",
            ),
        ]
    };
    pass.envoy.assert_each(&BOTH, cases(true));
    GATE.envoy.assert_each(&BOTH, cases(false));
    // What passes is the preflight alone, without anything that the client wrote about itself.
    let answer =
        pass.envoy.send(&preflight("/orders/1", "GET").bearer("x.y.z").header("x-ms-client-principal", "admin"));
    assert_eq!(answer.status, 200, "{answer}");
    assert_eq!(answer.upstream_headers("authorization"), [""; 0]);
    assert_eq!(answer.upstream_headers("x-ms-client-principal"), [""; 0]);
}

#[test]
fn the_record_says_who_what_which_rule_and_why() {
    let mut configuration = configuration();
    configuration["audit"] = json!({"log": "all"});
    let gate = start(configuration);
    let record_of = |answer: &Answer| {
        let id = answer.header("x-request-id").unwrap();
        gate.envoy.wait_for_audit(|record| record["request_id"] == id.as_str())
    };
    let user = gate.entra.token(gate.entra.v2_claims("api://orders")).build();
    let answer = gate.envoy.send(&Request::get("/orders/1?secret=hidden").bearer(&user));
    let mut record = record_of(&answer);
    let time = record["time_ms"].as_u64().unwrap();
    assert!(time.abs_diff(now_ms()) < 60_000, "{record}");
    for volatile in ["time_ms", "request_id", "waited_ms"] {
        record.as_object_mut().unwrap().remove(volatile);
    }
    let expected = json!({
        "decision": "allow", "reason": "allowed", "rule": "orders", "method": "GET", "host": "api.example", "path": "/orders/1",
        "provider": "entra", "subject": "690222be-ff1a-4d56-abd1-7e4f7d38e474", "caller": "user",
        "client": "6e74172b-be56-4843-9ff4-e66a39bb12e3", "tenant": TENANT, "token_id": "fqiBqXLPj0eQa82S-IYFAA", "kid": "entra-1",
    });
    assert_eq!(record, expected);

    let partner = gate.idp.token(gate.idp.claims("orders"));
    let expired =
        gate.envoy.send(&Request::post("/orders/7", "").bearer(&partner.clone().with("exp", 1_700_000_000).build()));
    let record = record_of(&expired);
    let told =
        ["decision", "reason", "status", "rule", "method", "path", "provider", "kid"].map(|name| record[name].clone());
    let expected = [
        json!("deny"),
        json!("token_expired"),
        json!(401),
        json!("orders"),
        json!("POST"),
        json!("/orders/7"),
        json!("idp"),
        json!("partner-1"),
    ];
    assert_eq!(told, expected, "{record}");
    assert!(record["subject"].is_null(), "nobody is known before a token is accepted: {record}");

    let public = record_of(&gate.envoy.send(&Request::get("/public")));
    assert_eq!(
        (&public["decision"], &public["rule"], &public["subject"]),
        (&json!("allow"), &json!("public"), &json!(null))
    );
    // A request that cannot be read has a record that can be found, too.
    let ambiguous = record_of(&gate.envoy.send(&Request::get("/orders//1")));
    assert_eq!((&ambiguous["reason"], &ambiguous["status"]), (&json!("path_empty_segment"), &json!(400)));
    // Nothing that is sent ends the line.
    let odd = gate.envoy.send(
        &Request::get("/orders/%22%7D%0A?").bearer(&partner.with_header("kid", "\"}\n{\"a\":\"\u{2028}").build()),
    );
    assert_eq!(odd.status, 400, "{odd}");
    let odd = gate.envoy.send(
        &Request::get("/orders/1")
            .bearer(&gate.idp.token(gate.idp.claims("orders")).with_header("kid", "\"}\n{\"a\":\"\u{2028}").build()),
    );
    assert_eq!(record_of(&odd)["kid"], "\"}\n{\"a\":\"\u{2028}");
}

#[test]
fn denials_alone_or_nothing_at_all_is_logged_as_configured() {
    for (level, allows, denials) in [("denials", 0, 1), ("none", 0, 0)] {
        let mut configuration = configuration();
        configuration["audit"] = json!({"log": level});
        let gate = start(configuration);
        let token = gate.idp.token(gate.idp.claims("orders")).build();
        assert_eq!(gate.envoy.send(&Request::get("/orders/1").bearer(&token)).status, 200);
        assert_eq!(gate.envoy.send(&Request::get("/orders/1")).status, 401);
        // Counted all the same, and counted last.
        gate.envoy.wait_for_stat("wasmcustom.portcullis.requests.orders.credential_missing", |count| count == 1);
        let count =
            |decision: &str| gate.envoy.audit_lines().iter().filter(|line| line["decision"] == decision).count();
        assert_eq!((count("allow"), count("deny")), (allows, denials), "{level}:\n{}", gate.envoy.log_tail());
    }
}

#[test]
fn decisions_are_counted_by_rule_and_reason_and_caches_are_measured() {
    let gate = start(configuration());
    let token = gate.idp.token(gate.idp.claims("orders"));
    let good = Request::get("/orders/1").bearer(&token.build());
    let expired = Request::get("/orders/1").bearer(&token.clone().with("exp", 1_700_000_000).build());
    for (times, request) in [
        (3, &good),
        (2, &expired),
        (4, &Request::get("/nowhere")),
        (1, &Request::get("/public")),
        (2, &Request::get("//")),
    ] {
        for _ in 0..times {
            let _ = gate.envoy.send(request);
        }
    }
    let counters = gate.envoy.stats("^wasmcustom\\.portcullis\\.requests\\.");
    let counters: Vec<(&str, u64)> = counters
        .iter()
        .map(|(name, count)| (name.trim_start_matches("wasmcustom.portcullis.requests."), *count))
        .collect();
    let expected = [
        ("none.no_rule", 4),
        ("none.path_empty_segment", 2),
        ("orders.allowed", 3),
        ("orders.token_expired", 2),
        ("public.allowed", 1),
    ];
    assert_eq!(counters, expected);

    let gauge = |name: &str| format!("wasmcustom.portcullis.{name}");
    gate.envoy.wait_for_stat(&gauge("token_cache.entries"), |entries| (1..=2).contains(&entries));
    gate.envoy.wait_for_stat(&gauge("token_cache.bytes"), |bytes| (1000..20_000).contains(&bytes));
    gate.envoy.wait_for_stat(&gauge("keys.idp/0.count"), |count| count == 1);
    gate.envoy.wait_for_stat(&gauge("keys.idp/0.age_seconds"), |age| age >= 1);
    assert_eq!(gate.envoy.stat(&gauge("waiting_requests")).unwrap_or(0), 0);
    assert_eq!(gate.envoy.stat(&gauge("keys.down/0.count")), Some(0), "{:?}", gate.envoy.stats("wasmcustom"));
}

#[test]
fn b06_no_token_and_no_secret_is_echoed_anywhere() {
    let mut configuration = configuration();
    configuration["audit"] = json!({"log": "all"});
    configuration["providers"]["secret"] = json!({
        "issuer": "https://secret.example", "audiences": ["orders"],
        "secret": {"value": "${SHARED_SECRET}", "algorithm": "HS256"},
    });
    configuration["credentials"] =
        json!({"headers": [{"name": "x-token"}], "cookies": ["session"], "danger_query_parameters": ["access_token"]});
    let key = SigningKey::secret("x", b"a secret that must not be seen by anybody");
    let encoded = key.jwk()["k"].as_str().unwrap().to_owned();
    let gate = Gate::start_with(configuration, |builder, _| {
        builder.cluster("nobody", ([127, 0, 0, 1], 1).into()).environment("SHARED_SECRET", &encoded)
    });
    let token = gate.idp.token(gate.idp.claims("orders"));
    let mut of_secret = gate.idp.claims("orders");
    of_secret["iss"] = json!("https://secret.example");
    let tokens = [
        token.build(),
        token.clone().with("exp", 1_700_000_000).build(),
        forge::with_broken_signature(&token.build()),
        token.clone().with("iss", "https://evil.example").build(),
        token.clone().with("iss", "https://down.example").build(),
        token.clone().with_header("kid", "nobody").build(),
        forge::unsigned(&gate.idp.claims("orders")),
        gate.entra.token(gate.entra.v2_claims("api://orders")).build(),
        Token::new(of_secret, &key).without_header("kid").build(),
        "an-opaque-token-of-another-kind".to_owned(),
    ];
    let mut answers = Vec::new();
    for token in &tokens {
        let requests = [
            Request::get("/orders/1").bearer(token),
            Request::get("/orders/1").header("x-token", token),
            Request::get("/orders/1").header("cookie", format!("session={token}")),
            Request::get(&format!("/orders/1?access_token={token}")),
            Request::get(&format!("/nowhere?access_token={token}")),
            Request::get(&format!("/orders/1?other={token}")),
            Request::get("/orders/1").bearer(token).header("x-token", token),
            Request::get("/orders/1").header("authorization", token),
            Request::get("/orders/1").header("authorization", format!("Basic {token}")),
            Request::get("/orders/1").header("authorization", format!("Bearer {token} x")),
        ];
        for request in requests {
            answers.extend(BOTH.map(|protocol| gate.envoy.send_over(protocol, &request)));
        }
    }
    let _ = gate.envoy.access_log_of_each(&answers);
    let answers: Vec<String> = answers.iter().filter(|answer| answer.status != 200).map(ToString::to_string).collect();
    assert!(answers.len() > 100, "most of these are refused, not {}", answers.len());
    let access_log: Vec<String> = gate.envoy.access_log().iter().map(Value::to_string).collect();
    let stats = gate.envoy.admin("/stats");
    let seen = [
        ("an answer", answers.join("\n")),
        ("Envoy's log", gate.envoy.log()),
        ("the access log", access_log.join("\n")),
        ("a metric", stats),
    ];
    let parts = tokens.iter().flat_map(|token| token.split('.')).filter(|part| part.len() > 16);
    let secrets: Vec<&str> =
        parts.chain([encoded.as_str(), "a secret that must not be seen", "orders.read", "user-1\",\"scope"]).collect();
    assert!(secrets.len() > 20);
    for (place, text) in &seen {
        assert!(!text.is_empty(), "{place} is empty");
        for secret in &secrets {
            assert!(!text.contains(secret), "{place} has {secret:?}:\n{}", line_with(text, secret));
        }
    }
}

#[test]
fn a_denial_leaves_nothing_behind_for_the_next_request_on_the_connection() {
    let good = token().build();
    let one =
        |token: &str| format!("GET /orders/1 HTTP/1.1\r\nhost: api.example\r\nauthorization: Bearer {token}\r\n\r\n");
    // Two at once, no more: Envoy stops after two answers of its own filters, the native ones' too.
    let last = one(&good).replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
    let answer = raw(GATE.envoy.address(), format!("{}{last}", one("x")).as_bytes(), Duration::from_secs(5));
    let text = String::from_utf8_lossy(&answer);
    let statuses: Vec<&str> = text.match_indices("HTTP/1.1 ").filter_map(|(at, _)| text.get(at + 9..at + 12)).collect();
    assert_eq!(statuses[..2], ["401", "200"], "{text}");

    for protocol in BOTH {
        let mut connection = GATE.envoy.connection_per_worker(protocol).remove(0);
        for (token, status) in [("x", 401), ("x", 401), (&good, 200), ("x", 401), (&good, 200)] {
            let answer = connection.send(&Request::get("/orders/1").bearer(token));
            assert_eq!(
                answer.map(|answer| answer.status).map_err(|error| error.to_string()),
                Ok(status),
                "{protocol:?}"
            );
        }
    }
}

#[test]
fn a_refusal_is_logged_by_envoy_with_the_filters_reason() {
    let answer = GATE.envoy.send(&Request::get("/orders/1").bearer(&token().with("aud", "else").build()));
    let line = GATE.envoy.access_log_of(&answer);
    assert_eq!((&line["status"], &line["details"]), (&json!(401), &json!("portcullis_denied{audience_not_accepted}")));
    let public = GATE.envoy.send(&Request::get("/public"));
    assert_eq!(GATE.envoy.access_log_of(&public)["details"], "via_upstream");
    assert!(Envoy::stat(&GATE.envoy, "wasmcustom.portcullis.requests.public.allowed") >= Some(1));
}

fn line_with<'t>(text: &'t str, part: &str) -> &'t str {
    text.lines().find(|line| line.contains(part)).unwrap_or_default()
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

const TENANT: &str = "11111111-2222-4333-8444-555555555555";

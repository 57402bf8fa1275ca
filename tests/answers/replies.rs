//! What a caller is told: status, challenge, body, gRPC status.

use envoy_test::{Answer, BOTH, Protocol, Request, Token, forge};
use serde_json::json;

use super::{GATE, of_down, token, user};

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

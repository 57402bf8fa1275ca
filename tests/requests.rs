//! What a request may look like: where its credential is, which bytes it holds, which path it asks for.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice,
    reason = "test helpers may panic: the panic is the failed test"
)]

use std::sync::LazyLock;
use std::time::Duration;

use envoy_test::{BOTH, Case, Connection, Document, Fault, Gate, KeyKind, Protocol, Request, raw};
use serde_json::{Value, json};

/// Takes credentials from everywhere; a hundred headers more than Envoy usually does.
static GATE: LazyLock<Gate> = LazyLock::new(|| {
    Gate::start_with(configuration(), |builder, _| {
        builder.patch_listener(|listener| {
            let manager = listener.pointer_mut("/filter_chains/0/filters/0/typed_config").expect("a listener for HTTP");
            manager["common_http_protocol_options"] = json!({"max_headers_count": 400});
        })
    })
});

fn configuration() -> Value {
    json!({
        "providers": {"idp": {"issuer": "https://idp.example", "cluster": "idp", "audiences": ["orders"]}},
        "credentials": {
            "headers": [{"name": "x-token", "prefix": "Token "}, {"name": "x-plain"}],
            "cookies": ["session"],
            "danger_query_parameters": ["access_token"],
        },
        "rules": [
            {"name": "orders", "match": {"paths": ["/orders/{id}"], "methods": ["GET", "POST", "HEAD", "PUT"]}},
            {"name": "order-1", "match": {"paths": ["/orders/1"], "methods": ["DELETE"]}, "access": "anonymous"},
            {"name": "files", "match": {"paths": ["/files/{rest...}"]}},
            {"name": "public", "match": {"paths": ["/public/{rest...}", "/caf\u{e9}"]}, "access": "anonymous"},
            {"name": "admin-host", "match": {"hosts": ["admin.example"], "paths": ["/public/{rest...}"]}},
            {"name": "wildcard", "match": {"hosts": ["*.tenants.example"], "paths": ["/home"]}, "access": "anonymous"},
            {"name": "optional", "match": {"paths": ["/news"]}, "access": "optional"},
        ],
        "forward": {"claims": [{"claim": "sub", "header": "x-user-id"}]},
        "audit": {"log": "all"},
    })
}

fn token() -> String {
    GATE.idp.token(GATE.idp.claims("orders")).build()
}

fn orders() -> Request {
    Request::get("/orders/1")
}

fn status_of(answer: &[u8]) -> u16 {
    let text = String::from_utf8_lossy(answer);
    text.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no HTTP answer: {text:?}"))
}

/// Bytes on a connection of their own, and the status that comes back.
fn raw_status(bytes: &[u8]) -> u16 {
    status_of(&raw(GATE.envoy.address(), bytes, PATIENCE))
}

/// A GET with this request target, byte for byte.
fn raw_get(target: &[u8], token: &str) -> Vec<u8> {
    let rest = format!(" HTTP/1.1\r\nhost: api.example\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n");
    raw(GATE.envoy.address(), &[b"GET ", target, rest.as_bytes()].concat(), PATIENCE)
}

// Credentials.

#[test]
fn b01_the_scheme_is_read_in_any_case_and_nothing_else_is_a_bearer_credential() {
    let token = token();
    let with = |value: String| orders().header("authorization", value);
    let good = ["Bearer ", "bearer ", "BEARER ", "bEaReR ", "Bearer    "];
    let good = good.map(|scheme| Case::allowed(scheme, with(format!("{scheme}{token}"))));
    let bad = [
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer\t{token}"),
        format!("Bearer {token} x"),
        format!("Bearer {token},{token}"),
        format!("Bearer {token}, Bearer {token}"),
        format!("Bearer \"{token}\""),
        format!("Bearer={token}"),
        format!("Bearer {token};"),
        String::new(),
    ];
    let bad = bad.map(|value| {
        let title: String = value.chars().filter(|letter| !token.contains(*letter)).collect();
        Case::new(format!("`{title}` and the token"), with(value), 400, "credential_malformed")
    });
    let other = [
        "Basic dXNlcjpwYXNz".to_owned(),
        format!("DPoP {token}"),
        "Negotiate x".to_owned(),
        format!("Bearer: {token}"),
        token.clone(),
    ];
    let reasons = [
        "credential_unsupported_scheme",
        "credential_unsupported_scheme",
        "credential_unsupported_scheme",
        "credential_malformed",
        "credential_unsupported_scheme",
    ];
    let other = other.into_iter().zip(reasons).map(|(value, reason)| {
        let title: String = value.chars().take(8).collect();
        Case::new(title, with(value), if reason == "credential_malformed" { 400 } else { 401 }, reason)
    });
    GATE.envoy.assert_each(&BOTH, good.into_iter().chain(bad).chain(other));
}

#[test]
fn a_credential_is_found_in_every_configured_place_and_goes_no_further() {
    let token = token();
    let places = [
        ("authorization", orders().bearer(&token)),
        ("a header with its prefix", orders().header("x-token", format!("Token {token}"))),
        ("a header with its prefix in another case", orders().header("X-Token", format!("tOKEN  {token}"))),
        ("a header without prefix", orders().header("x-plain", &token)),
        ("a cookie", orders().header("cookie", format!("a=1; session={token}; b=2"))),
        (
            "a cookie in a header of its own",
            orders().header("cookie", "a=1").header("cookie", format!("session={token}")).header("cookie", "b=2"),
        ),
        ("the query", Request::get(&format!("/orders/1?access_token={token}"))),
    ];
    let answers =
        GATE.envoy.assert_each(&BOTH, places.iter().map(|(place, request)| Case::allowed(*place, request.clone())));
    for (index, answer) in answers.iter().enumerate() {
        let (place, _) = &places[index / 2];
        assert_eq!(answer.upstream_headers("x-user-id"), ["user-1"], "{place}: {answer}");
        assert!(!answer.text().contains(&token), "{place}: the token has gone upstream: {answer}");
        if place.contains("cookie") {
            assert_eq!(answer.upstream_headers("cookie").join("; "), "a=1; b=2", "{place}");
        }
    }
    let wrong = [
        Case::new(
            "a header without its prefix",
            orders().header("x-token", &token),
            401,
            "credential_unsupported_scheme",
        ),
        Case::new(
            "a cookie in another case",
            orders().header("cookie", format!("Session={token}")),
            401,
            "credential_missing",
        ),
        Case::new(
            "a cookie in quotes",
            orders().header("cookie", format!("session=\"{token}\"")),
            400,
            "credential_malformed",
        ),
        Case::new(
            "an escaped token in the query",
            Request::get(&format!("/orders/1?access_token=%{:02X}{}", token.as_bytes()[0], &token[1..])),
            400,
            "credential_malformed",
        ),
    ];
    GATE.envoy.assert_each(&BOTH, wrong);
}

#[test]
fn b03_a_token_is_taken_out_of_the_query_and_the_rest_stays_byte_for_byte() {
    let token = token();
    for (sent, rest) in [
        ("?access_token={}", ""),
        ("?a=1&access_token={}&b=%2F+x&&c", "?a=1&b=%2F+x&&c"),
        ("?access_token={}&a=%zz&A=%C3%A9&a=1", "?a=%zz&A=%C3%A9&a=1"),
        ("?q=a?b/../c;d=e&access_token={}", "?q=a?b/../c;d=e"),
        ("?%61ccess_token={}&z='*()", "?z='*()"),
        ("?ACCESS_TOKEN={}&access_tokens=1", "?access_tokens=1"),
    ] {
        let request = Request::get(&format!("/orders/1{}", sent.replace("{}", &token)));
        for protocol in BOTH {
            let answer = GATE.envoy.send_over(protocol, &request);
            assert_eq!(answer.status, 200, "{sent} over {protocol:?}: {answer}");
            assert_eq!(answer.json()["path"], format!("/orders/1{rest}"), "{sent} over {protocol:?}");
            let logged = GATE.envoy.access_log_of(&answer).to_string();
            assert!(!logged.contains(&token), "the access log has the token: {logged}");
        }
    }
    // It is taken out on rules that do not look, too: nothing may log it further on.
    let answer = GATE.envoy.send(&Request::get("/public/a?access_token=secret&b=2"));
    assert_eq!(answer.json()["path"], "/public/a?b=2", "{answer}");
}

#[test]
fn b02_more_than_one_credential_is_refused_wherever_they_are() {
    let token = token();
    type AddToken = fn(Request, &str) -> Request;
    let places: [(&str, AddToken); 4] = [
        ("authorization", |request, token| request.bearer(token)),
        ("x-token", |request, token| request.header("x-token", format!("Token {token}"))),
        ("x-plain", |request, token| request.header("x-plain", token)),
        ("cookie", |request, token| request.header("cookie", format!("session={token}"))),
    ];
    // Envoy joins the copies of this one with a comma, which no token has.
    let repeated = |place| if place == "authorization" { "credential_malformed" } else { "credential_repeated" };
    let mut cases = Vec::new();
    for (first, add_first) in places {
        for (second, add_second) in places {
            let reason = if first == second { repeated(first) } else { "credential_several" };
            let title = format!("{first} and {second}");
            cases.push(Case::new(title, add_second(add_first(orders(), &token), &token), 400, reason));
        }
        let in_query = Request::get(&format!("/orders/1?access_token={token}"));
        cases.push(Case::new(format!("{first} and the query"), add_first(in_query, &token), 400, "credential_several"));
        let bad_second = add_first(add_first(orders(), &token), "x.y.z");
        cases.push(Case::new(format!("{first} good, then bad"), bad_second, 400, repeated(first)));
        let bad_first = add_first(add_first(orders(), "x.y.z"), &token);
        cases.push(Case::new(format!("{first} bad, then good"), bad_first, 400, repeated(first)));
        let on_optional = add_first(add_first(Request::get("/news"), &token), &token);
        cases.push(Case::new(format!("{first} twice where a token is optional"), on_optional, 400, repeated(first)));
    }
    let twice = Request::get(&format!("/orders/1?access_token={token}&a=1&access_token={token}"));
    cases.push(Case::new("the query twice", twice, 400, "credential_repeated"));
    let in_one = orders().header("cookie", format!("session={token}; session={token}"));
    cases.push(Case::new("a cookie twice in one header", in_one, 400, "credential_repeated"));
    GATE.envoy.assert_each(&BOTH, cases);

    // The order on the wire, which a client library may change.
    let (one, two) = (format!("authorization: Bearer {token}\r\n"), "authorization: Basic dXNlcjpwYXNz\r\n".to_owned());
    for pair in [format!("{one}{two}"), format!("{two}{one}")] {
        let request = format!("GET /orders/1 HTTP/1.1\r\nhost: api.example\r\n{pair}connection: close\r\n\r\n");
        assert_eq!(raw_status(request.as_bytes()), 400, "{pair}");
    }
}

#[test]
fn where_a_token_is_optional_none_is_fine_and_a_bad_one_is_not() {
    let news = || Request::get("/news");
    let token = token();
    let cases = [
        Case::allowed("none", news()),
        Case::allowed("a good one", news().bearer(&token)),
        Case::new("a bad one", news().bearer("x.y.z"), 401, "header_not_base64url"),
        Case::new("an unreadable one", news().header("authorization", "Bearer"), 400, "credential_malformed"),
        Case::new("another scheme", news().header("authorization", "Basic x"), 401, "credential_unsupported_scheme"),
        Case::new("in an unreadable cookie", news().header("cookie", "session="), 400, "credential_malformed"),
    ];
    GATE.envoy.assert_each(&BOTH, cases);
}

// Bytes.

#[test]
fn bytes_above_0x7f_in_any_header_trap_no_worker() {
    let token = token();
    let names = [
        "authorization",
        "x-token",
        "x-plain",
        "cookie",
        "x-user-id",
        "x_user_id",
        "x-request-id",
        "content-type",
        "origin",
        "access-control-request-method",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-http-method-override",
        "x-original-url",
        "x-ms-client-principal",
        "accept",
        "user-agent",
        "traceparent",
        "x-anything",
    ];
    let all: Vec<u8> = (0x80..=0xFF).collect();
    for protocol in BOTH {
        // Each on a connection of its own, by chance on either worker: Envoy closes one of HTTP/1.1 after a 400.
        let send = |request: &Request, what: &str| {
            let answer = GATE.envoy.send_over(protocol, request);
            // A filter that is gone answers 503.
            let known = matches!(answer.status, 200 | 400 | 401 | 403);
            assert!(known, "{what} over {protocol:?}: {answer}\n{}", GATE.envoy.log_tail());
        };
        for name in names {
            let values =
                [all.clone(), [b"Bearer ", all.as_slice()].concat(), b"\xC3\x28".to_vec(), b"\xED\xA0\x80".to_vec()];
            for value in &values {
                send(&orders().header(name, value), name);
                send(&orders().bearer(&token).header(name, value), name);
            }
        }
        for byte in 0x80..=0xFF_u8 {
            let what = format!("the byte {byte:02X}");
            send(&orders().header("authorization", [b"Bearer a".as_slice(), &[byte]].concat()), &what);
            send(&orders().header("cookie", [b"session=".as_slice(), &[byte]].concat()), &what);
        }
    }
    // What no client library sends: odd bytes in the method, the target, the host and a header name.
    for request in [
        b"G\xFFT /orders/1 HTTP/1.1\r\nhost: api.example\r\n\r\n".as_slice(),
        b"GET /orders/\xFF\x80 HTTP/1.1\r\nhost: api.example\r\n\r\n",
        b"GET /orders/1?\xFF\x80 HTTP/1.1\r\nhost: api.example\r\n\r\n",
        b"GET /orders/1 HTTP/1.1\r\nhost: api\xFF.example\r\n\r\n",
        b"GET /orders/1 HTTP/1.1\r\nhost: api.example\r\nx-\xFF: 1\r\n\r\n",
        b"GET /orders/1 HTTP/1.1\r\nhost: api.example\r\nx: \0\r\n\r\n",
        b"GET /orders/1 HTTP/1.1\r\nhost:\r\n\r\n",
        b"GET /orders/1 HTTP/1.1\r\n\r\n",
        b"GET /orders/1 HTTP/1.0\r\n\r\n",
    ] {
        let answer = raw(GATE.envoy.address(), request, SHORT);
        let text = String::from_utf8_lossy(&answer);
        assert!(
            answer.is_empty() || matches!(status_of(&answer), 400 | 401 | 403 | 426),
            "{:?}: {text}",
            request.escape_ascii().to_string()
        );
    }
    GATE.envoy.assert_every_worker_lets_through(&orders().bearer(&token));
    assert!(!GATE.envoy.log().contains("VM failed"), "{}", GATE.envoy.log_tail());
}

#[test]
fn empty_huge_and_repeated_headers_trap_no_worker() {
    let token = token();
    let names =
        ["authorization", "x-token", "x-plain", "cookie", "x-user-id", "x-anything", "x-request-id", "content-type"];
    let mut checked = 0;
    for protocol in BOTH {
        for name in names {
            let mut requests = vec![orders().header(name, "")];
            requests
                .extend([1, 100, 8 * 1024, 50 * 1024, 70 * 1024].map(|size| orders().header(name, "a".repeat(size))));
            requests.push((0..200).fold(orders(), |request, index| request.header(name, format!("{index}"))));
            requests.push((0..300).fold(orders(), |request, index| request.header(&format!("{name}-{index}"), "1")));
            requests.push(orders().header(name, ";".repeat(40_000)));
            requests.push(orders().header(name, "a=b;".repeat(10_000)));
            for request in requests {
                // Envoy refuses over 60 KiB itself: with 431, or by resetting the stream of HTTP/2.
                let sent =
                    Connection::open(GATE.envoy.address(), protocol).and_then(|mut worker| worker.send(&request));
                let status = sent.map_or(431, |answer| answer.status);
                assert!(
                    matches!(status, 400 | 401 | 431),
                    "{name} over {protocol:?}: {status}\n{}",
                    GATE.envoy.log_tail()
                );
                checked += 1;
            }
        }
    }
    assert_eq!(checked, 2 * 8 * 10);
    // The upstream takes a hundred headers.
    let wide = (0..80).fold(orders().bearer(&token), |request, index| request.header(&format!("x-{index}"), "1"));
    GATE.envoy.assert_every_worker_lets_through(&wide);
}

// Paths, hosts, methods.

#[test]
fn an_ambiguous_path_is_refused_before_any_rule_is_asked() {
    let token = token();
    let paths = [
        ("//orders/1", "path_empty_segment"),
        ("/orders//1", "path_empty_segment"),
        ("/public//admin", "path_empty_segment"),
        ("/public/./a", "path_dot_segment"),
        ("/public/../orders/1", "path_dot_segment"),
        ("/public/..", "path_dot_segment"),
        ("/public/%2e%2e/orders/1", "path_dot_segment"),
        ("/public/.%2E/orders/1", "path_dot_segment"),
        ("/public/..%2forders/1", "path_encoded_slash"),
        ("/public/%2F", "path_encoded_slash"),
        ("/public/%5c..%5corders", "path_backslash"),
        ("/public/..;/orders/1", "path_parameters"),
        ("/public;a=b/c", "path_parameters"),
        ("/public/a%3Bb", "path_encoded_delimiter"),
        ("/public/a%3Fb", "path_encoded_delimiter"),
        ("/public/a%23b", "path_encoded_delimiter"),
        ("/public/%252e%252e/orders/1", "path_double_encoded"),
        ("/public/%", "path_bad_escape"),
        ("/public/%zz", "path_bad_escape"),
        ("/public/%c0%ae", "path_not_utf8"),
        ("/public/%ff", "path_not_utf8"),
        ("/public/%00", "path_control_character"),
        ("/public/%0d%0aHost:x", "path_control_character"),
        ("/public/%c2%85", "path_control_character"),
    ];
    let cases = paths.iter().map(|(path, reason)| Case::new(*path, Request::get(path).bearer(&token), 400, reason));
    let long = format!("/public/{}", "a".repeat(9000));
    let deep = format!("/public{}", "/a".repeat(300));
    let sizes = [
        Case::new("too long", Request::get(&long), 400, "path_too_long"),
        Case::new("too deep", Request::get(&deep), 400, "path_too_many_segments"),
    ];
    GATE.envoy.assert_each(&BOTH, cases.chain(sizes));
    // What no client library sends. Envoy may refuse it before the filter does.
    for target in [
        &b"/public\\..\\orders"[..],
        b"/public/a#b",
        b"/public/\x80",
        b"/public/a\tb",
        b"/public/<a>",
        b"/public/a\"b",
        b"*",
        b"orders/1",
        b"http://admin.example/../orders/1",
        b"http://api.example//orders/1",
        b"/public/{a}",
        b"/public/`a`",
    ] {
        let answer = raw_get(target, &token);
        assert!(
            answer.is_empty() || matches!(status_of(&answer), 400 | 404),
            "{}: {}",
            target.escape_ascii(),
            String::from_utf8_lossy(&answer)
        );
    }
}

#[test]
fn the_upstream_gets_the_path_that_was_matched_byte_for_byte() {
    let token = token();
    for path in [
        "/orders/1",
        "/orders/%31",
        "/orders/a%20b",
        "/orders/A%C3%a9",
        "/orders/a+b,c:d@e!$&'()*=~",
        "/orders/1?",
        "/orders/1?a=%2F..%2f//;&b",
        "/files/",
        "/files/a/b/c/",
        "/files/%7Euser",
        "/public/...",
        "/public/.a",
        "/public/a..b",
        "/caf%C3%A9",
        "/caf%c3%a9?x",
        "/%70ublic/a",
    ] {
        for protocol in BOTH {
            let answer = GATE.envoy.send_over(protocol, &Request::get(path).bearer(&token));
            assert_eq!(answer.status, 200, "{path} over {protocol:?}: {answer}");
            assert_eq!(answer.json()["path"], path, "over {protocol:?}");
        }
    }
    // An absolute address is its host and its path, to Envoy, the filter and the upstream alike.
    let answer = raw_get(b"http://api.example/orders/1", &token);
    let text = String::from_utf8_lossy(&answer);
    assert!(text.contains("\"path\":\"/orders/1\"") && text.contains("api.example"), "{text}");
    assert_eq!(status_of(&raw_get(b"http://admin.example/public/a", "x.y.z")), 401, "the host of the target counts");
}

#[test]
fn rules_are_told_apart_by_host_path_and_method() {
    let token = token();
    let get = |path: &str| Request::get(path);
    let denied = |title: &str, request: Request| Case::new(title, request, 403, "no_rule");
    let cases = [
        denied("no such path", get("/nowhere").bearer(&token)),
        denied("a prefix of a path", get("/orders").bearer(&token)),
        denied("a trailing slash", get("/orders/1/").bearer(&token)),
        denied("one segment more", get("/orders/1/2").bearer(&token)),
        denied("another case", get("/Orders/1").bearer(&token)),
        denied("another method", Request::new("PATCH", "/orders/1").bearer(&token)),
        denied("a host of the wildcard alone", get("/home").host("tenants.example")),
        denied("a host beside the wildcard", get("/home").host("atenants.example")),
        Case::allowed("a method of a more exact rule", Request::new("DELETE", "/orders/1")),
        denied("the same method on another order", Request::new("DELETE", "/orders/2").bearer(&token)),
        Case::allowed("a host of the wildcard", get("/home").host("a.tenants.example")),
        Case::allowed("anonymous on any host", get("/public/a").host("other.example")),
        Case::new("the exact host asks for a token", get("/public/a").host("admin.example"), 401, "credential_missing"),
        Case::new("also in capitals", get("/public/a").host("ADMIN.example"), 401, "credential_missing"),
        Case::new("also with a port", get("/public/a").host("admin.example:8080"), 401, "credential_missing"),
        Case::new("also with a dot at the end", get("/public/a").host("admin.example."), 401, "credential_missing"),
        Case::new(
            "another method by a header",
            Request::post("/orders/1", "").header("x-http-method-override", "DELETE").bearer(&token),
            400,
            "request_method_override",
        ),
        Case::new(
            "the same with underscores",
            Request::post("/orders/1", "").header("x_http_method_override", "DELETE").bearer(&token),
            400,
            "request_method_override",
        ),
    ];
    GATE.envoy.assert_each(&BOTH, cases);
}

#[test]
fn a_method_that_nobody_knows_reaches_no_upstream() {
    for method in ["get", "FROBNICATE", "Delete", "TRACE"] {
        for protocol in BOTH {
            // Envoy refuses some of them itself, over HTTP/1.1.
            let answer = GATE.envoy.send_over(protocol, &Request::new(method, "/orders/1").bearer(&token()));
            assert!(matches!(answer.status, 400 | 403), "{method} over {protocol:?}: {answer}");
        }
    }
}

#[test]
fn a_second_host_does_not_choose_another_rule() {
    let token = token();
    // Two Host headers are no HTTP; Envoy or the filter says so.
    let two = "GET /public/a HTTP/1.1\r\nhost: api.example\r\nhost: admin.example\r\nconnection: close\r\n\r\n";
    assert_eq!(raw_status(two.as_bytes()), 400);
    // HTTP/2 may carry both; Envoy makes one of them of it or the filter refuses.
    let both = Request::get("/public/a").host("admin.example").header("host", "api.example");
    let answer = GATE.envoy.send_over(Protocol::Http2, &both);
    assert!(matches!(answer.status, 400 | 401), "{answer}");
    let hops = Request::get("/public/a").host("admin.example").header("x-forwarded-host", "api.example");
    assert_eq!(GATE.envoy.send(&hops).status, 401);
    let url = Request::get("/public/a")
        .header("x-original-url", "/orders/1")
        .header("X_Rewrite_Url", "/orders/1")
        .bearer(&token);
    let answer = GATE.envoy.send(&url);
    assert_eq!(answer.status, 200, "{answer}");
    assert!(!answer.text().contains("/orders/1"), "the upstream has got another path: {answer}");
}

#[test]
fn b05_an_answer_to_head_has_no_body() {
    let request = "HEAD /orders/1 HTTP/1.1\r\nhost: api.example\r\nconnection: close\r\n\r\n";
    let answer = String::from_utf8_lossy(&raw(GATE.envoy.address(), request.as_bytes(), PATIENCE)).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    assert!(head.starts_with("HTTP/1.1 401"), "{head}");
    assert!(head.contains("www-authenticate: Bearer realm=\"api\"\r\n"), "{head}");
    assert_eq!(body, "", "a body after HEAD");
    let answer = GATE.envoy.send_over(Protocol::Http2, &Request::new("HEAD", "/orders/1"));
    assert_eq!((answer.status, answer.text().as_str()), (401, ""));
    let answer = GATE.envoy.send(&Request::new("HEAD", "/orders/1").bearer(&token()));
    assert_eq!(answer.status, 200);
}

#[test]
fn bodies_pass_untouched_and_are_not_sent_for_a_denied_request() {
    let token = token();
    let body = "x".repeat(300_000);
    for protocol in BOTH {
        let answer = GATE.envoy.send_over(protocol, &Request::post("/orders/1", &body).bearer(&token));
        assert_eq!(answer.status, 200, "over {protocol:?}: {answer}");
        assert_eq!(answer.json()["body"].as_str().map(str::len), Some(300_000));
        let answer = GATE.envoy.send_over(protocol, &Request::post("/orders/1", "small").bearer("x.y.z"));
        assert_eq!(answer.status, 401, "over {protocol:?}: {answer}");
    }
    // A smuggled second request never is one.
    let request = "POST /public/a HTTP/1.1\r\nhost: api.example\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /orders/1 HTTP/1.1\r\nhost: a\r\n\r\n";
    let answer = raw(GATE.envoy.address(), request.as_bytes(), SHORT);
    assert!(answer.is_empty() || status_of(&answer) == 400, "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn a_client_that_leaves_while_it_waits_for_keys_gives_its_place_back() {
    let mut configuration = configuration();
    configuration["limits"] = json!({"wait": "60s", "waiting_requests": 3});
    configuration["providers"]["idp"]["issuer"] = json!("https://slow.example");
    configuration["providers"]["idp"]["keys"] = json!({"timeout": "30s"});
    let mut token = String::new();
    let gate = Gate::start_with(configuration, |builder, idps| {
        let slow = idps.oidc("https://slow.example");
        slow.add_key(KeyKind::P256, "slow-1");
        slow.fail(Document::Any, Fault::Hang);
        token = slow.token(slow.claims("orders")).build();
        builder
    });
    let gauge = "wasmcustom.portcullis.waiting_requests";
    for protocol in BOTH {
        for _ in 0..10 {
            let request = orders().bearer(&token).timeout(Duration::from_millis(100));
            let left =
                Connection::open(gate.envoy.address(), protocol).and_then(|mut connection| connection.send(&request));
            assert!(left.is_err(), "over {protocol:?}: {}", left.unwrap());
        }
        gate.envoy.wait_for_stat(gauge, |waiting| waiting == 0);
    }
    let raw_request =
        format!("POST /orders/1 HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\ncontent-length: 9\r\n\r\nhalf");
    assert_eq!(raw(gate.envoy.address(), raw_request.as_bytes(), Duration::from_millis(100)), b"");
    gate.envoy.wait_for_stat(gauge, |waiting| waiting == 0);
    // Every place is free: as many as may wait do wait, and are not told that there are too many.
    let request = orders().bearer(&token).timeout(Duration::from_millis(300));
    for connection in &mut gate.envoy.connection_per_worker(Protocol::Http1) {
        assert!(connection.send(&request).is_err(), "a place is still taken");
    }
    assert_eq!(gate.upstream.requests(), 0, "a request that waited has gone on");
}

#[test]
fn b03_a_token_in_the_query_is_refused_unless_configured() {
    let mut configuration = configuration();
    configuration.as_object_mut().unwrap().remove("credentials");
    let gate = Gate::start(configuration);
    let token = gate.idp.token(gate.idp.claims("orders")).build();
    let cases = [
        Case::new("alone", Request::get(&format!("/orders/1?access_token={token}")), 400, "credential_in_query"),
        Case::new("escaped", Request::get(&format!("/orders/1?%61ccess_token={token}")), 400, "credential_in_query"),
        Case::new(
            "beside a good one",
            Request::get("/orders/1?access_token=x").bearer(&token),
            400,
            "credential_several",
        ),
        Case::new("where it is optional", Request::get("/news?access_token=x"), 400, "credential_in_query"),
        Case::new(
            "in a cookie that is not configured",
            orders().header("cookie", format!("session={token}")),
            401,
            "credential_missing",
        ),
        Case::new("in a header that is not configured", orders().header("x-plain", &token), 401, "credential_missing"),
        Case::allowed("another parameter", Request::get("/orders/1?access_tokens=1").bearer(&token)),
    ];
    gate.envoy.assert_each(&BOTH, cases);
}

/// Long enough for a busy machine: an answer that closes the connection comes sooner.
const PATIENCE: Duration = Duration::from_secs(5);

/// For what Envoy may leave open.
const SHORT: Duration = Duration::from_millis(300);

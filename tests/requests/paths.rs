//! Which rule a request is for: its path, its host, its method.

use envoy_test::{BOTH, Case, Protocol, Request};

use super::{GATE, raw_get, raw_status, status_of, token};

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

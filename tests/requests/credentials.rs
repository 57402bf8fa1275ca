//! Where a credential may be, and in which form.

use envoy_test::{BOTH, Case, Gate, Request};

use super::{GATE, configuration, orders, raw_status, token};

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

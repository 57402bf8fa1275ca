//! What the upstream is told about the caller, and what a client cannot tell it.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "test helpers may panic: the panic is the failed test"
)]

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use envoy_test::{Answer, BOTH, Document, Fault, Gate, KeyKind, Protocol, Request, Token, raw};
use serde_json::{Value, json};

static GATE: LazyLock<Gate> = LazyLock::new(|| {
    Gate::start_with(configuration(), |builder, _| {
        let names = ["subject", "roles", "nested", "absent"];
        let builder = names.into_iter().fold(builder, |builder, name| builder.log_state(name));
        builder.patch_listener(|listener| {
            let manager = listener.pointer_mut("/filter_chains/0/filters/0/typed_config").expect("a listener for HTTP");
            manager["common_http_protocol_options"] = json!({"max_headers_count": 400});
        })
    })
});

fn configuration() -> Value {
    let claim = |claim: Value, header: &str, list: &str| json!({"claim": claim, "header": header, "list": list});
    json!({
        "providers": {
            "entra": {"entra": {"tenants": TENANT}, "cluster": "login", "audiences": ["api://orders"]},
            "idp": {"issuer": "https://idp.example", "cluster": "idp", "audiences": ["orders"]},
        },
        "rules": [
            {"name": "orders", "match": {"paths": ["/orders/{id}"]}},
            {"name": "news", "match": {"paths": ["/news"]}, "access": "optional"},
            {"name": "public", "match": {"paths": ["/public"]}, "access": "anonymous"},
        ],
        "forward": {
            "claims": [
                claim(json!("sub"), "X-User-Id", "comma"),
                claim(json!("roles"), "x-roles", "comma"),
                claim(json!("roles"), "x-roles-json", "json"),
                claim(json!("realm_access.roles"), "x-realm-roles", "comma"),
                claim(json!(["https://claims.example/dept", "name"]), "x-department", "comma"),
                claim(json!("address"), "x-address", "json"),
                claim(json!("exp"), "x-expires", "comma"),
                claim(json!("admin"), "x-admin", "comma"),
                claim(json!("nothing"), "x-nothing", "comma"),
                claim(json!("name"), "x-name", "comma"),
            ],
            "payload_header": "x-jwt-payload",
            "client_principal": true,
            "state": {"subject": "sub", "roles": "roles", "nested": "realm_access.roles", "absent": "no_such_claim"},
        },
        "answers": {"cors_preflight": "pass"},
    })
}

/// Every name that the configuration above makes ours.
const OURS: [&str; 15] = [
    "x-user-id",
    "x-roles",
    "x-roles-json",
    "x-realm-roles",
    "x-department",
    "x-address",
    "x-expires",
    "x-admin",
    "x-nothing",
    "x-name",
    "x-jwt-payload",
    "x-ms-client-principal",
    "x-ms-client-principal-id",
    "x-ms-client-principal-name",
    "x-ms-client-principal-idp",
];

/// And those that are nobody's, configured or not.
const NEVER: [&str; 5] = [
    "x-ms-token-aad-access-token",
    "x-ms-token-aad-id-token",
    "x-ms-client-principal-more",
    "x-original-url",
    "x-rewrite-url",
];

fn token() -> Token {
    GATE.idp.token(GATE.idp.claims("orders"))
}

fn send(token: &Token) -> Answer {
    let answer = GATE.envoy.send(&Request::get("/orders/1").bearer(&token.build()));
    assert_eq!(answer.status, 200, "{answer}");
    answer
}

/// What the upstream received under any name that some server folds into `name`.
fn twins(answer: &Answer, name: &str) -> Vec<(String, String)> {
    let key = |name: &str| {
        let plain: String = name
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' })
            .collect();
        plain.trim_matches('-').to_owned()
    };
    let echo = answer.json();
    let headers = echo["headers"].as_array().unwrap_or_else(|| panic!("not an answer of the upstream: {answer}"));
    let pairs = headers.iter().map(|pair| (pair[0].as_str().unwrap().to_owned(), pair[1].as_str().unwrap().to_owned()));
    pairs.filter(|(found, _)| key(found) == key(name)).collect()
}

#[test]
fn claims_become_headers_as_configured() {
    let token = token()
        .with("roles", json!(["reader", "a,b", "\u{e9}t\u{e9}", 7]))
        .with("realm_access", json!({"roles": ["r1", "r2"], "other": 1}))
        .with("https://claims.example/dept", json!({"name": "R&D"}))
        .with("address", json!({"city": "K\u{f6}ln", "lines": [1, null]}))
        .with("admin", true)
        .with("nothing", Value::Null)
        .with("name", "Zo\u{eb} \u{1f600} 100%");
    let answer = send(&token);
    let expires = token.build();
    let claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(expires.split('.').nth(1).unwrap()).unwrap()).unwrap();
    for (header, value) in [
        ("x-user-id", "user-1"),
        ("x-roles", "reader,a%2Cb,%C3%A9t%C3%A9,7"),
        ("x-roles-json", r#"["reader","a,b","\u00e9t\u00e9",7]"#),
        ("x-realm-roles", "r1,r2"),
        ("x-department", "R&D"),
        ("x-address", r#"{"city":"K\u00f6ln","lines":[1,null]}"#),
        ("x-expires", claims["exp"].to_string().as_str()),
        ("x-admin", "true"),
        ("x-name", "Zo%C3%AB %F0%9F%98%80 100%25"),
    ] {
        assert_eq!(answer.upstream_headers(header), [value], "{header}: {answer}");
    }
    assert_eq!(answer.upstream_headers("x-nothing"), [""; 0], "null is no value");
    let sent: Vec<String> = answer.upstream_headers("x-jwt-payload");
    let payload = URL_SAFE_NO_PAD.decode(&sent[0]).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&payload).unwrap(), claims, "the payload as it was signed");
    assert_eq!(answer.upstream_headers("authorization"), [""; 0]);
}

#[test]
fn b04_a_claim_splits_no_header() {
    let evil = "a\r\nx-admin: true\r\n\r\nGET /public HTTP/1.1\r\n\0\u{7f}";
    let token = token()
        .with("sub", evil)
        .with("roles", json!([evil, "b"]))
        .with("address", json!({"city": evil}))
        .with("realm_access", json!({"roles": evil}));
    let answer = send(&token);
    assert_eq!(
        answer.upstream_headers("x-user-id"),
        ["a%0D%0Ax-admin: true%0D%0A%0D%0AGET /public HTTP/1.1%0D%0A%00%7F"]
    );
    assert_eq!(answer.upstream_headers("x-admin"), [""; 0], "{answer}");
    let city: Value = serde_json::from_str(&answer.upstream_headers("x-address")[0]).unwrap();
    assert_eq!(city["city"], evil, "JSON says the same with escapes");
    for name in OURS {
        assert!(answer.upstream_headers(name).len() <= 1, "{name}: {answer}");
    }
    // Nor a line of the access log.
    let line = GATE.envoy.access_log_of(&answer);
    assert_eq!(line["subject"], "a%0D%0Ax-admin: true%0D%0A%0D%0AGET /public HTTP/1.1%0D%0A%00%7F");
}

#[test]
fn the_client_principal_is_what_app_service_sends() {
    let entra = &GATE.entra;
    let user = entra.token(entra.v2_claims("api://orders")).with("groups", json!(["g1", "g2"]));
    let answer = send(&user);
    assert_eq!(answer.upstream_headers("x-ms-client-principal-id"), ["690222be-ff1a-4d56-abd1-7e4f7d38e474"]);
    assert_eq!(answer.upstream_headers("x-ms-client-principal-name"), ["abe@contoso.example"]);
    assert_eq!(answer.upstream_headers("x-ms-client-principal-idp"), ["aad"]);
    let principal = principal_of(&answer);
    assert_eq!((&principal["auth_typ"], &principal["role_typ"]), (&json!("aad"), &json!("roles")));
    assert_eq!(principal["name_typ"], "preferred_username");
    let values = |typ: &str| -> Vec<String> {
        let claims = principal["claims"].as_array().unwrap().iter().filter(|claim| claim["typ"] == typ);
        claims.map(|claim| claim["val"].as_str().unwrap_or_else(|| panic!("{claim} is no text")).to_owned()).collect()
    };
    for (typ, expected) in [
        ("http://schemas.microsoft.com/identity/claims/objectidentifier", vec!["690222be-ff1a-4d56-abd1-7e4f7d38e474"]),
        ("http://schemas.microsoft.com/identity/claims/tenantid", vec![TENANT]),
        ("http://schemas.microsoft.com/identity/claims/scope", vec!["orders.read orders.write"]),
        (
            "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier",
            vec!["HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ"],
        ),
        ("groups", vec!["g1", "g2"]),
        ("roles", vec!["Orders.Approve"]),
        ("preferred_username", vec!["abe@contoso.example"]),
        ("oid", vec![]),
    ] {
        assert_eq!(values(typ), expected, "{typ}: {principal}");
    }

    let app = send(&entra.token(entra.app_claims("api://orders")));
    assert_eq!(app.upstream_headers("x-ms-client-principal-id"), ["8e8d8b1c-5b1f-4f0e-9a5b-6f9a3e0c7d55"]);
    assert_eq!(app.upstream_headers("x-ms-client-principal-name"), [""; 0], "an application has no name");
    let partner = send(&token());
    assert_eq!(partner.upstream_headers("x-ms-client-principal-idp"), ["idp"]);
    assert_eq!(principal_of(&partner)["auth_typ"], "idp");
}

fn principal_of(answer: &Answer) -> Value {
    let headers = answer.upstream_headers("x-ms-client-principal");
    assert_eq!(headers.len(), 1, "{answer}");
    let json = STANDARD.decode(&headers[0]).unwrap_or_else(|error| panic!("{headers:?} is not Base64: {error}"));
    serde_json::from_slice(&json).unwrap_or_else(|error| panic!("no principal in {headers:?}: {error}"))
}

/// What a client may try for one name.
fn spellings(name: &str) -> Vec<String> {
    let upper: String = name.to_ascii_uppercase();
    let capital: String =
        name.split('-').map(|part| part[..1].to_ascii_uppercase() + &part[1..]).collect::<Vec<_>>().join("-");
    vec![
        name.to_owned(),
        upper,
        capital,
        name.replace('-', "_"),
        name.replacen('-', "_", 1),
        name.replace('-', "."),
        name.replace('-', "~"),
        format!("_{name}"),
        format!("{name}_"),
        format!("{name}-"),
        format!("-{name}"),
    ]
}

#[test]
fn what_a_client_says_about_itself_is_removed_in_every_spelling_on_every_route() {
    let token = token().build();
    let good = |path: &str| Request::get(path).bearer(&token);
    let preflight =
        Request::new("OPTIONS", "/orders/1").header("origin", "a").header("access-control-request-method", "GET");
    let routes = [
        ("anonymous", Request::get("/public")),
        ("anonymous with a token", good("/public")),
        ("optional", Request::get("/news")),
        ("optional with a token", good("/news")),
        ("a token", good("/orders/1")),
        ("a preflight", preflight),
    ];
    for (route, request) in routes {
        let known = matches!(route, "optional with a token" | "a token");
        for protocol in BOTH {
            for name in OURS.iter().chain(&NEVER) {
                // One spelling after the other, each with two values.
                let request = spellings(name).iter().fold(request.clone(), |request, spelling| {
                    request.header(spelling, "admin").header(spelling, "root").header(spelling, b"\xFFadmin")
                });
                let answer = GATE.envoy.send_over(protocol, &request);
                assert_eq!(answer.status, 200, "{route}, {name} over {protocol:?}: {answer}");
                let seen = twins(&answer, name);
                assert!(
                    seen.iter().all(|(found, value)| known
                        && found == name
                        && !value.contains("admin")
                        && !value.contains("root")),
                    "{route} over {protocol:?}: the upstream has got {seen:?}"
                );
                assert!(seen.len() <= 1, "{route} over {protocol:?}: {seen:?}");
                if known && *name == "x-user-id" {
                    assert_eq!(seen, [("x-user-id".to_owned(), "user-1".to_owned())], "{route} over {protocol:?}");
                }
            }
        }
    }
}

#[test]
fn many_copies_of_a_header_are_all_removed() {
    let token = token().build();
    for copies in [2, 3, 10, 50, 100] {
        for protocol in BOTH {
            for request in [Request::get("/orders/1").bearer(&token), Request::get("/public")] {
                let request =
                    (0..copies).fold(request, |request, index| request.header("x-user-id", format!("admin-{index}")));
                let request =
                    (0..copies).fold(request, |request, index| request.header("X_User_Id", format!("admin-{index}")));
                let answer = GATE.envoy.send_over(protocol, &request);
                assert_eq!(answer.status, 200, "{copies} copies over {protocol:?}: {answer}");
                let seen: Vec<String> = twins(&answer, "x-user-id").into_iter().map(|(_, value)| value).collect();
                let expected = if answer.json()["path"] == "/public" { vec![] } else { vec!["user-1"] };
                assert_eq!(seen, expected, "{copies} copies over {protocol:?}");
            }
        }
    }
}

#[test]
fn other_headers_reach_the_upstream_as_they_were_sent() {
    let token = token().build();
    let others = [
        ("x-user", "a"),
        ("x-userid", "b"),
        ("x-user-id2", "c"),
        ("x--user-id", "d"),
        ("accept", "*/*"),
        ("x-ms-version", "1"),
        ("cookie", "a=1; b=2"),
    ];
    for protocol in BOTH {
        let request = others
            .iter()
            .fold(Request::get("/orders/1").bearer(&token), |request, (name, value)| request.header(name, value));
        let request = request.header("x-twice", "1").header("x-twice", "2").header("x-odd", b"\xFF\x80");
        let answer = GATE.envoy.send_over(protocol, &request);
        for (name, value) in others {
            assert_eq!(answer.upstream_headers(name), [value], "{name} over {protocol:?}");
        }
        assert_eq!(answer.upstream_headers("x-twice").join(","), "1,2", "over {protocol:?}");
        assert_eq!(answer.upstream_headers("x-odd"), ["\\xFF\\x80"], "over {protocol:?}");
    }
}

/// CVE-2022-31813, CVE-2024-45410: a hop may be told to drop a header that the next hop believes.
#[test]
fn a_connection_header_takes_no_identity_away() {
    let token = token().build();
    for connection in ["x-user-id", "close, x-user-id", "X-User-Id", "keep-alive, x_user_id, x-ms-client-principal"] {
        let request = format!(
            "GET /orders/1 HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\nconnection: {connection}\r\nx-user-id: admin\r\nconnection: close\r\n\r\n"
        );
        let answer = raw(GATE.envoy.address(), request.as_bytes(), Duration::from_secs(5));
        let text = String::from_utf8_lossy(&answer);
        // Envoy takes the header away before anybody believes it; where it does not, the filter refuses the request.
        let kept = text.starts_with("HTTP/1.1 200")
            && text.contains(r#"["x-user-id","user-1"]"#)
            && !text.contains(r#"["connection""#);
        let refused = text.starts_with("HTTP/1.1 400");
        assert!((kept || refused) && !text.contains("admin"), "connection: {connection}\n{text}");
    }
}

#[test]
fn the_credential_goes_on_only_if_it_is_kept() {
    let token = token().build();
    assert_eq!(send_to("/public", &token).upstream_headers("authorization"), [""; 0], "nor one that nobody looked at");
    assert_eq!(send_to("/news", &token).upstream_headers("authorization"), [""; 0]);
    // Whatever a server folds into it is no way around.
    let twin = Request::get("/orders/1")
        .bearer(&token)
        .header("authorization_", "Bearer admin")
        .header("_authorization", "Bearer admin");
    let answer = GATE.envoy.send(&twin);
    assert_eq!((answer.status, twins(&answer, "authorization")), (200, vec![]), "{answer}");

    let mut keep = configuration();
    keep["forward"]["authorization"] = json!("keep");
    keep["credentials"] = json!({"cookies": ["session"], "danger_query_parameters": ["access_token"]});
    let gate = Gate::start(keep);
    let token = gate.idp.token(gate.idp.claims("orders")).build();
    for protocol in BOTH {
        let answer = gate.envoy.send_over(protocol, &Request::get("/orders/1").bearer(&token));
        assert_eq!(
            answer.upstream_headers("authorization"),
            [format!("Bearer {token}")],
            "over {protocol:?}: {answer}"
        );
        let cookie = format!("session={token}");
        let answer = gate.envoy.send_over(protocol, &Request::get("/orders/1").header("cookie", &cookie));
        assert_eq!(answer.upstream_headers("cookie"), [cookie], "over {protocol:?}: {answer}");
        let answer = gate.envoy.send_over(protocol, &Request::get(&format!("/orders/1?access_token={token}&a=1")));
        assert_eq!(answer.json()["path"], "/orders/1?a=1", "a parameter never goes on");
    }
}

fn send_to(path: &str, token: &str) -> Answer {
    let answer = GATE.envoy.send(&Request::get(path).bearer(token));
    assert_eq!(answer.status, 200, "{answer}");
    answer
}

#[test]
fn trailers_tell_the_upstream_nothing_either() {
    // A filter behind ours says which trailers it sees.
    let script = "function envoy_on_request(handle) local trailers = handle:trailers() if trailers == nil then return end \
                  for name, value in pairs(trailers) do handle:logWarn('trailer <' .. name .. '=' .. value .. '>') end end";
    let mut configuration = configuration();
    configuration["providers"]["slow"] =
        json!({"issuer": "https://slow.example", "cluster": "idp", "audiences": ["orders"]});
    let mut waits = String::new();
    let gate = Gate::start_with(configuration, |builder, idps| {
        let slow = idps.oidc("https://slow.example");
        slow.add_key(KeyKind::P256, "slow-1");
        slow.fail(Document::Keys, Fault::Delay(Duration::from_secs(2)));
        waits = slow.token(slow.claims("orders")).build();
        builder.patch_listener(move |listener| {
            let manager = listener.pointer_mut("/filter_chains/0/filters/0/typed_config").expect("a listener for HTTP");
            manager["http_protocol_options"] = json!({"enable_trailers": true});
            manager["common_http_protocol_options"] = json!({"max_headers_count": 1000});
            let filters = manager["http_filters"].as_array_mut().expect("a list of filters");
            let kind = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua";
            let lua = json!({"name": "lua", "typed_config": {"@type": kind, "default_source_code": {"inline_string": script}}});
            filters.insert(1, lua);
        })
    });
    let token = gate.idp.token(gate.idp.claims("orders")).build();
    let bearer = |token: &str| format!("authorization: Bearer {token}\r\n");
    // The first one waits for its keys, with its body and trailers already there.
    for (path, authorization) in
        [("/orders/waits", bearer(&waits)), ("/orders/1", bearer(&token)), ("/public", String::new())]
    {
        let names = OURS.iter().chain(&NEVER).flat_map(|name| spellings(name)).chain(["authorization".to_owned()]);
        let trailers: String = names.map(|name| format!("{name}: admin\r\n{name}: root\r\n")).collect();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: api.example\r\n{authorization}transfer-encoding: chunked\r\nconnection: close\r\n\r\n\
             3\r\nabc\r\n0\r\n{trailers}x-checksum: {}\r\n\r\n",
            path.len()
        );
        let answer = raw(gate.envoy.address(), request.as_bytes(), Duration::from_secs(5));
        let text = String::from_utf8_lossy(&answer);
        assert!(text.starts_with("HTTP/1.1 200"), "{path}: {text}\n{}", gate.envoy.log_tail());
    }
    let log = gate.envoy.log();
    let seen: Vec<&str> = log.lines().filter_map(|line| line.split_once("trailer <").map(|(_, seen)| seen)).collect();
    assert_eq!(
        seen,
        ["x-checksum=13>", "x-checksum=9>", "x-checksum=7>"],
        "what a filter behind ours sees of the trailers"
    );
}

#[test]
fn claims_are_filter_state_for_the_access_log() {
    let token = token().with("roles", json!(["a", "b"])).with("realm_access", json!({"roles": "r\u{e9}"}));
    let line = GATE.envoy.access_log_of(&send(&token));
    assert_eq!(line["subject"], "user-1", "{line}");
    assert_eq!(line["roles"], r#"["a","b"]"#, "{line}");
    assert_eq!(line["nested"], "r%C3%A9", "{line}");
    assert!(line["absent"].is_null(), "{line}");
    let anonymous = GATE.envoy.access_log_of(&GATE.envoy.send(&Request::get("/public")));
    assert!(anonymous["subject"].is_null(), "{anonymous}");
    let denied = GATE.envoy.send(&Request::get("/orders/1").bearer(&token.with("aud", "else").build()));
    assert!(GATE.envoy.access_log_of(&denied)["subject"].is_null(), "a refused token names nobody");
}

#[test]
fn identity_that_is_too_large_to_forward_is_refused_and_not_cut() {
    let mut large = configuration();
    large["limits"] = json!({"token": "64KiB"});
    let gate = Gate::start(large);
    let token = gate.idp.token(gate.idp.claims("orders"));
    let fits = token.clone().with("roles", json!(["r".repeat(3000)]));
    let answer = gate.envoy.send(&Request::get("/orders/1").bearer(&fits.build()));
    assert_eq!(answer.status, 200, "{answer}");
    let huge = token.with("roles", json!(["\u{e9}".repeat(8000)]));
    let answer = gate.envoy.send_over(Protocol::Http1, &Request::get("/orders/1").bearer(&huge.build()));
    assert_eq!((answer.status, gate.envoy.reason_of(&answer).as_str()), (400, "forward_too_large"), "{answer}");
}

const TENANT: &str = "11111111-2222-4333-8444-555555555555";

//! What is answered without a credential: resource metadata and CORS preflights.

use envoy_test::{BOTH, Case, Request};
use serde_json::json;

use super::{GATE, configuration, start};

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

//! What is left behind nowhere: tokens, secrets, and anything for the next request.

use std::time::Duration;

use envoy_test::{BOTH, Gate, Request, SigningKey, Token, forge, raw};
use serde_json::{Value, json};

use super::{GATE, configuration, token};

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

fn line_with<'t>(text: &'t str, part: &str) -> &'t str {
    text.lines().find(|line| line.contains(part)).unwrap_or_default()
}

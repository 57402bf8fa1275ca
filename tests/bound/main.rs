//! Tokens bound to their senders, in a real Envoy: what an OAuth client library sends, and what somebody sends who wants to use
//! a proof twice: at two workers, during a reload, while the clock jumps.
//!
//! The client is npm `oauth4webapi`, which needs Node. Without it those tests say by name that they are ignored, and with
//! `PORTCULLIS_REQUIRE_NODE=1` that is a failure. That is why the target brings its own `main`.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is the failed test"
)]

mod replays;

use std::process::ExitCode;

use envoy_test::{DpopClient, Gate, OidcProvider};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use serde_json::{Value, json};

fn main() -> ExitCode {
    let by_client: [(&str, fn()); 3] = [
        ("a_client_library_proves_its_tokens_with_each_algorithm", each_algorithm),
        ("a_client_library_follows_nonces_over_all_workers", nonces),
        ("what_a_client_library_sends_is_told_what_is_wrong_with_it", refused),
    ];
    let by_hand: [(&str, fn()); 5] = [
        ("a_proof_that_reaches_two_workers_at_once_is_good_for_one", replays::raced),
        ("a_proof_that_was_used_stays_used_when_the_filter_is_configured_anew", replays::reloaded),
        ("a_proof_that_reaches_two_workers_during_a_reload_is_good_for_one", replays::raced_with_a_reload),
        ("a_proof_that_was_used_stays_used_when_the_clock_jumps", replays::jumped),
        ("a_nonce_of_another_time_is_asked_for_anew", replays::nonces_of_another_time),
    ];
    let mut trials: Vec<Trial> = Vec::new();
    trials.extend(by_client.map(|(name, test)| Trial::ignorable_test(name, move || with_node(test))));
    trials.extend(by_hand.map(|(name, test)| Trial::ignorable_test(name, move || run(test))));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn run(test: fn()) -> Result<Completion, Failed> {
    test();
    Ok(Completion::Completed)
}

fn with_node(test: fn()) -> Result<Completion, Failed> {
    let required = std::env::var_os("PORTCULLIS_REQUIRE_NODE").is_some_and(|value| value == "1");
    match OidcProvider::lacks() {
        Some(lack) if required => Err(format!("{lack}, and PORTCULLIS_REQUIRE_NODE=1").into()),
        Some(lack) => Ok(Completion::ignored_with(lack)),
        None => run(test),
    }
}

fn configuration(dpop: Value) -> Value {
    json!({
        "providers": { "partner": { "issuer": "https://idp.example", "audiences": ["orders"], "cluster": "idp" } },
        "bindings": { "dpop": dpop },
        "rules": [
            { "name": "orders", "match": { "paths": ["/orders/{id}"] }, "require": { "binding": ["dpop"] } },
            { "name": "news", "match": { "paths": ["/news"] } }
        ],
        "audit": { "log": "all" }
    })
}

/// A token that is bound to the key with this thumbprint.
fn token(gate: &Gate, thumbprint: &str) -> String {
    gate.idp.token(gate.idp.claims("orders")).with("cnf", json!({ "jkt": thumbprint })).build()
}

fn address(gate: &Gate, path: &str) -> String {
    format!("http://{}{path}", gate.envoy.address())
}

fn each_algorithm() {
    let gate = Gate::start(configuration(json!({})));
    for algorithm in ["ES256", "Ed25519", "PS256", "RS256"] {
        let mut client = DpopClient::start(algorithm);
        let token = token(&gate, client.thumbprint());
        for (method, path) in [("GET", "/orders/7?full=1"), ("POST", "/orders/a%20b"), ("GET", "/orders/%7Euser")] {
            let answer = client.request(method, &address(&gate, path), &token);
            assert_eq!(answer["status"], 200, "{algorithm} {method} {path}: {answer}");
            assert_eq!(answer["attempts"], 1, "{algorithm}");
            // The upstream gets neither the token nor the proof.
            let echoed = answer["body"].as_str().unwrap_or_default().to_lowercase();
            assert!(!echoed.contains("\"dpop\"") && !echoed.contains("\"authorization\""), "{echoed}");
        }
    }
}

fn nonces() {
    let secret = "a secret of two Envoys, 32 characters at least";
    let gate = Gate::start(configuration(json!({ "nonce": { "secret": secret, "rotate": "1h" } })));
    let mut client = DpopClient::start("ES256");
    let token = token(&gate, client.thumbprint());
    let first = client.request("GET", &address(&gate, "/orders/7"), &token);
    assert_eq!((&first["status"], &first["attempts"]), (&json!(200), &json!(2)), "{first}");
    // The client keeps the nonce, and each worker knows it.
    for _ in 0..20 {
        let answer = client.request("GET", &address(&gate, "/orders/7"), &token);
        assert_eq!((&answer["status"], &answer["attempts"]), (&json!(200), &json!(1)), "{answer}");
    }
    assert!(!gate.envoy.log().contains(secret), "the secret is in the log");
}

fn refused() {
    let gate = Gate::start(configuration(json!({})));
    let mut client = DpopClient::start("ES256");
    let token = token(&gate, client.thumbprint());
    let url = address(&gate, "/news");
    let schemes = |answer: &Value| {
        let challenges = answer["challenges"].as_array().cloned().unwrap_or_default();
        let scheme = |challenge: &Value| {
            let error = challenge["parameters"]["error"].as_str().unwrap_or("-");
            format!("{} {error}", challenge["scheme"].as_str().unwrap_or_default())
        };
        challenges.iter().map(scheme).collect::<Vec<_>>()
    };
    // The library sends it as a bearer token, and reads two challenges.
    let stolen = client.bearer("GET", &url, &token);
    assert_eq!(
        (stolen["status"].as_u64(), schemes(&stolen)),
        (Some(401), vec!["bearer invalid_token".to_owned(), "dpop -".to_owned()]),
        "{stolen}"
    );
    let mut thief = DpopClient::start("ES256");
    let stolen = thief.request("GET", &url, &token);
    assert_eq!(
        (stolen["status"].as_u64(), schemes(&stolen)),
        (Some(401), vec!["dpop invalid_dpop_proof".to_owned()]),
        "{stolen}"
    );
    let unbound = gate.idp.token(gate.idp.claims("orders")).build();
    let answer = client.request("GET", &url, &unbound);
    assert_eq!(
        (answer["status"].as_u64(), schemes(&answer)),
        (Some(401), vec!["dpop invalid_token".to_owned()]),
        "{answer}"
    );
    assert_eq!(client.bearer("GET", &url, &unbound)["status"], 200);
    assert_eq!(client.request("GET", &url, &token)["status"], 200);
}

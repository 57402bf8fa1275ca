//! Issuers that fail in every way there is, all at once, beside one that does not.
//!
//! Each way is tried twice: with keys held, which stay good, and without, where nothing passes until the issuer is back.

use std::thread;
use std::time::{Duration, Instant};

use envoy_test::{
    Connection, Document, Envoy, Fault, Issuer, IssuerServer, KeyKind, Protocol, Request, SigningKey, Upstream, forge,
};
use serde_json::json;

use super::{
    ask_until, assert_unavailable, at_once, configuration, connections, fresh_token, get, issuer, provider, token,
    token_of_unknown_key, under_load,
};

/// One way to fail: with keys held, and without.
struct Case {
    name: String,
    fault: Option<(Document, Fault)>,
    warm: Issuer,
    cold: Issuer,
}

/// Advisories 30, 31 and 40.
#[test]
fn no_failure_takes_good_keys_away_or_makes_keys_or_touches_another_provider() {
    let (upstream, server, down) = (Upstream::start(), IssuerServer::start(), IssuerServer::start());
    let healthy = issuer(&server, "healthy");
    let mut cases: Vec<Case> = faults()
        .into_iter()
        .map(|(name, document, fault)| {
            let (warm, cold) = (format!("warm-{name}"), format!("cold-{name}"));
            let (warm, cold) = (issuer(&server, &warm), issuer(&server, &cold));
            Case { name: name.to_owned(), fault: Some((document, fault)), warm, cold }
        })
        .collect();
    // Refused connections need a server of their own. What fails in the TLS handshake from the start never had keys.
    let gone = issuer(&down, "warm-down");
    cases.push(Case { name: "down".to_owned(), fault: None, warm: gone, cold: issuer(&server, "cold-down") });
    let handshake = issuer(&server, "cold-tls");

    let keys = json!({"timeout": "1s", "unknown_kid_cooldown": "1s"});
    let mut names: Vec<(String, &str)> = vec![("healthy".to_owned(), "idp"), ("cold-tls".to_owned(), "tls")];
    for case in &cases {
        let refused = case.fault.is_none();
        names.push((format!("warm-{}", case.name), if refused { "down" } else { "idp" }));
        names.push((format!("cold-{}", case.name), if refused { "nobody" } else { "idp" }));
        if let Some((document, fault)) = &case.fault {
            case.cold.fail(*document, fault.clone());
        }
    }
    let providers: Vec<_> =
        names.iter().map(|(name, cluster)| (name.as_str(), provider(name, cluster, &keys))).collect();
    let envoy = Envoy::builder()
        .filter_config(configuration(&providers, &json!({"wait": "3s"})))
        .cluster("idp", server.address())
        .cluster("down", down.address())
        .cluster("nobody", "127.0.0.1:1".parse().unwrap())
        .tls_cluster("tls", server.address())
        .upstream(&upstream)
        .start();
    let mut workers = envoy.connection_per_worker(Protocol::Http1);
    let remembered: Vec<String> = cases.iter().map(|case| token(&case.warm)).collect();
    for (case, token) in cases.iter().zip(&remembered) {
        for connection in &mut workers {
            let answer = connection.send(&get(token)).unwrap();
            assert_eq!(answer.status, 200, "{} before it fails: {answer}", case.name);
        }
    }
    let memory = envoy.memory();

    // Now all fail. A key that nobody knows makes the filter ask at once; the back-off then makes it ask again.
    let before: Vec<usize> = cases.iter().map(|case| case.warm.fetched(Document::Discovery)).collect();
    for case in &cases {
        if let Some((document, fault)) = &case.fault {
            case.warm.fail(*document, fault.clone());
        }
    }
    down.stop();
    let beside: Vec<String> = (0..8).map(|number| fresh_token(&healthy, number)).collect();
    let mut load = connections(&envoy, 1);
    let (peak, answers) = under_load(
        &mut load,
        |number| get(&beside[number % beside.len()]),
        || {
            let strange: Vec<Request> =
                cases.iter().map(|case| get(&token_of_unknown_key(&case.warm, "strange"))).collect();
            for (case, answer) in cases.iter().zip(at_once(&envoy, &strange)) {
                assert_eq!(answer.status, 401, "{}: an unknown key while the issuer fails: {answer}", case.name);
            }
            let cold: Vec<Request> =
                cases.iter().map(|case| &case.cold).chain([&handshake]).map(|cold| get(&token(cold))).collect();
            for (request, answer) in cold.iter().zip(at_once(&envoy, &cold)) {
                assert_unavailable(&format!("without keys: {request:?}"), &answer);
            }
            let start = Instant::now();
            let mut peak = envoy.memory();
            while !cases.iter().zip(&before).all(|(case, before)| has_failed_twice(&envoy, case, *before)) {
                assert!(
                    start.elapsed() < Duration::from_secs(20),
                    "not every issuer was asked twice: {}",
                    unasked(&cases, &before)
                );
                held_keys_stay_good(&mut workers, &cases, &remembered);
                peak = peak.max(envoy.memory());
                thread::sleep(Duration::from_millis(200));
            }
            held_keys_stay_good(&mut workers, &cases, &remembered);
            peak
        },
    );
    for answer in &answers {
        assert_eq!(answer.status, 200, "another provider's failure is not the healthy one's: {answer}");
    }
    let slowest = answers.iter().map(|answer| answer.elapsed).max();
    assert!(slowest < Some(Duration::from_secs(2)), "a healthy provider's token took {slowest:?}");
    assert!(answers.len() > 100, "{} requests are no load", answers.len());
    assert_eq!(healthy.fetched(Document::Keys), 1, "nothing was wrong with it");
    let grown = peak.saturating_sub(memory) >> 20;
    assert!(grown < 300, "Envoy grew by {grown} MiB on answers of 100 MB");

    no_key_is_made_of_nothing(&mut workers, &cases, &handshake, &healthy);

    // Everyone is back, but for those whom nobody can reach.
    for case in &cases {
        case.warm.recover();
        case.cold.recover();
    }
    down.resume();
    for connection in &mut workers {
        for case in &cases {
            for issuer in [&case.warm, &case.cold] {
                if case.fault.is_none() && issuer.fetched(Document::Any) == 0 {
                    continue;
                }
                let good = get(&fresh_token(issuer, 0));
                ask_until(connection, &good, Duration::from_secs(30), |answer| answer.status == 200);
            }
        }
        let answer = connection.send(&get(&token(&handshake))).unwrap();
        assert_unavailable("an issuer behind a handshake that fails", &answer);
    }
    assert_eq!(handshake.fetched(Document::Any), 0, "asked without TLS");
}

fn faults() -> Vec<(&'static str, Document, Fault)> {
    let body = |text: &str| Fault::Body(text.to_owned());
    vec![
        ("status-500", Document::Any, Fault::Status(500)),
        ("status-404", Document::Keys, Fault::Status(404)),
        ("status-204", Document::Any, Fault::Status(204)),
        ("status-304", Document::Keys, Fault::Status(304)),
        ("status-429", Document::Any, Fault::Status(429)),
        ("empty", Document::Keys, Fault::Empty),
        ("empty-discovery", Document::Discovery, Fault::Empty),
        ("garbage", Document::Any, Fault::Garbage),
        ("garbage-keys", Document::Keys, Fault::Garbage),
        ("html", Document::Any, Fault::Html),
        ("html-keys", Document::Keys, Fault::Html),
        ("wrong-issuer", Document::Discovery, Fault::WrongIssuer("https://healthy.example".to_owned())),
        ("redirect", Document::Any, Fault::Redirect("https://healthy.example/jwks".to_owned())),
        ("redirect-keys", Document::Keys, Fault::Redirect("https://healthy.example/jwks".to_owned())),
        ("hang", Document::Any, Fault::Hang),
        ("hang-keys", Document::Keys, Fault::Hang),
        ("slow", Document::Keys, Fault::Slow),
        ("slow-discovery", Document::Discovery, Fault::Slow),
        ("cut", Document::Keys, Fault::Cut),
        ("huge", Document::Keys, Fault::Huge),
        ("huge-discovery", Document::Discovery, Fault::Huge),
        ("many-keys", Document::Keys, Fault::ManyKeys(10_000)),
        ("no-keys", Document::Keys, body(r#"{"keys":[]}"#)),
        ("null-keys", Document::Keys, body(r#"{"keys":null}"#)),
        ("list", Document::Keys, body("[]")),
        ("twice", Document::Keys, body(r#"{"keys":[],"keys":[]}"#)),
        ("deep", Document::Any, Fault::Body("[".repeat(200_000))),
        ("wide", Document::Keys, Fault::Body(format!("{{\"keys\":[{}7]}}", "{},".repeat(100_000)))),
        ("long-name", Document::Any, Fault::Body(format!("{{\"{}\":1}}", "k".repeat(400_000)))),
        ("no-json-end", Document::Keys, body(r#"{"keys":[{"kty":"EC""#)),
        ("no-address", Document::Discovery, body(r#"{"issuer":"https://healthy.example"}"#)),
        ("useless-keys", Document::Keys, body(r#"{"keys":[{"kty":"oct","k":"","kid":"x"},{"kty":"RSA"},7]}"#)),
    ]
}

fn held_keys_stay_good(workers: &mut [Connection], cases: &[Case], remembered: &[String]) {
    for connection in workers {
        for (case, remembered) in cases.iter().zip(remembered) {
            for token in [remembered.clone(), fresh_token(&case.warm, 1)] {
                let answer = connection.send(&get(&token)).unwrap();
                assert_eq!(answer.status, 200, "{}: the keys held were taken away: {answer}", case.name);
            }
        }
    }
}

fn has_failed_twice(envoy: &Envoy, case: &Case, before: usize) -> bool {
    match case.fault {
        Some(_) => case.warm.fetched(Document::Discovery) >= before + 2,
        None => envoy.stat("cluster.down.upstream_cx_connect_fail") >= Some(2),
    }
}

fn unasked(cases: &[Case], before: &[usize]) -> String {
    let counts = cases.iter().zip(before);
    let counts =
        counts.map(|(case, before)| format!("{}: {}", case.name, case.warm.fetched(Document::Discovery) - before));
    counts.collect::<Vec<_>>().join(", ")
}

/// Tokens by every other key there is, for issuers that fail with keys held and without.
fn no_key_is_made_of_nothing(workers: &mut [Connection], cases: &[Case], handshake: &Issuer, healthy: &Issuer) {
    let issuers = cases.iter().flat_map(|case| [&case.warm, &case.cold]).chain([handshake]);
    for (number, issuer) in issuers.enumerate() {
        let claims = issuer.token(issuer.claims("orders"));
        let (own, other) = (issuer.key(), healthy.key());
        let pem = own.public_pem();
        let well_known = ring::signature::Ed25519KeyPair::from_seed_unchecked(&RFC_8037_SEED).unwrap();
        let header = format!(r#"{{"alg":"EdDSA","kid":"{}"}}"#, own.kid());
        let tokens = [
            ("by another issuer's key", claims.clone().signed_by(&other).build()),
            ("by another issuer's key under its name", claims.clone().forged_by(&other).build()),
            (
                "by a new key under its name",
                claims.clone().signed_by(&SigningKey::generate(KeyKind::P256, own.kid())).build(),
            ),
            ("by an empty secret", claims.clone().signed_by(&SigningKey::secret(own.kid(), b"")).build()),
            (
                "by its public key as a secret",
                claims.clone().signed_by(&SigningKey::secret(own.kid(), pem.as_bytes())).build(),
            ),
            (
                "by the key of RFC 8037",
                forge::raw(header.as_bytes(), issuer.claims("orders").to_string().as_bytes(), |text| {
                    well_known.sign(text).as_ref().to_vec()
                }),
            ),
            ("without a signature", forge::unsigned(&issuer.claims("orders"))),
            ("with a broken signature", forge::with_broken_signature(&claims.build())),
        ];
        let connection = &mut workers[number % 2];
        for (what, token) in tokens {
            let answer = connection.send(&get(&token)).unwrap();
            assert!(matches!(answer.status, 401 | 503), "a token {what}: {answer}");
        }
    }
}

/// RFC 8037 appendix A.1: a private key that everybody knows.
const RFC_8037_SEED: [u8; 32] = [
    0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5,
    0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
];

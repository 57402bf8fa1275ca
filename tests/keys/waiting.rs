//! Requests that arrive before keys wait, in every worker, bounded in time and number, and then walk whole.

use std::thread;
use std::time::{Duration, Instant};

use envoy_test::{Connection, Document, Fault, IssuerServer, KeyKind, Protocol, Request, SigningKey, Upstream};
use serde_json::json;

use super::{WAITING, ask_until, assert_unavailable, at_once, connections, gate, get, issuer, reason, token};

#[test]
fn requests_before_keys_wait_in_every_worker_and_then_meet_the_whole_check() {
    let (upstream, server) = (Upstream::start(), IssuerServer::start());
    let idp = issuer(&server, "idp");
    idp.fail(Document::Keys, Fault::Delay(Duration::from_secs(2)));
    let claims = idp.token(idp.claims("orders"));
    let forger = SigningKey::generate(KeyKind::P256, "idp-1");
    let cases = [
        ("good", claims.build(), "via_upstream"),
        ("too early", claims.clone().with("nbf", 4_000_000_000_u64).build(), "token_not_yet_valid"),
        ("of another audience", claims.clone().with("aud", "invoices").build(), "audience_not_accepted"),
        ("forged", claims.clone().forged_by(&forger).build(), "signature_wrong"),
        ("of an unknown key", claims.clone().with_header("kid", "idp-2").build(), "kid_unknown"),
    ];
    let cooldown = json!({"unknown_kid_cooldown": "1h"});
    let envoy = gate(&server, &cooldown, &json!({"wait": "10s"})).upstream(&upstream).start();

    let mut clients = connections(&envoy, cases.len());
    let answers = thread::scope(|scope| {
        let asked: Vec<_> = clients
            .chunks_mut(2)
            .zip(&cases)
            .flat_map(|(workers, case)| workers.iter_mut().map(move |connection| (connection, case)))
            .map(|(connection, case)| {
                scope.spawn(move || (case, connection.send(&get(&case.1)).unwrap(), Instant::now()))
            })
            .collect();
        envoy.wait_for_stat(WAITING, |waiting| waiting == 10);
        asked.into_iter().map(|client| client.join().unwrap()).collect::<Vec<_>>()
    });

    // The unknown key is worth one more fetch, which takes as long again; it is not part of this measure.
    let ends: Vec<Instant> =
        answers.iter().filter(|(case, ..)| case.2 != "kid_unknown").map(|(.., end)| *end).collect();
    let spread = ends.iter().max().unwrap().duration_since(*ends.iter().min().unwrap());
    assert!(spread < Duration::from_millis(500), "the first and the last answer are {spread:?} apart");
    for ((what, _, expected), answer, _) in &answers {
        assert_eq!(answer.status, if *what == "good" { 200 } else { 401 }, "{what}: {answer}");
        assert_eq!(reason(&envoy, answer), *expected, "{what}");
    }
    let waited = envoy.audit_lines().iter().filter(|line| line["waited_ms"].as_u64() > Some(0)).count();
    assert_eq!(waited, 10, "the records tell who waited");
    envoy.wait_for_stat(WAITING, |waiting| waiting == 0);
    assert_eq!(upstream.requests(), 2, "one good request in each worker");
    assert!(idp.fetched(Document::Keys) <= 2, "{} fetches", idp.fetched(Document::Keys));
}

#[test]
fn waiting_is_bounded_in_time_and_number_and_who_leaves_leaves_nothing_behind() {
    let (upstream, server) = (Upstream::start(), IssuerServer::start());
    let idp = issuer(&server, "idp");
    idp.fail(Document::Any, Fault::Hang);
    let good = get(&token(&idp));
    let limits = json!({"wait": "2s", "waiting_requests": 4});
    let envoy = gate(&server, &json!({"timeout": "60s"}), &limits).upstream(&upstream).start();

    // Of many at once as many as there is room for wait, for as long as they may; the others are answered at once.
    let answers = at_once(&envoy, &vec![good.clone(); 60]);
    let mut waited = 0;
    for answer in &answers {
        assert_unavailable("a request without keys", answer);
        match reason(&envoy, answer).as_str() {
            "waited_too_long" => {
                waited += 1;
                let time = answer.elapsed.as_secs_f64();
                assert!((1.9..3.5).contains(&time), "it waited for {time} s, not for 2: {answer}");
            }
            "too_many_waiting" => {
                assert!(answer.elapsed < Duration::from_millis(1500), "it waited without a place: {answer}");
            }
            other => panic!("{other}: {answer}"),
        }
    }
    assert_eq!(waited, 8, "4 places in each of 2 workers");
    envoy.wait_for_stat(WAITING, |waiting| waiting == 0);

    // Advisories 17 and 22: clients that go away while they wait.
    for round in 0..3 {
        thread::scope(|scope| {
            for client in 0..40 {
                let protocol = if client % 2 == 0 { Protocol::Http1 } else { Protocol::Http2 };
                let (envoy, hasty) = (&envoy, good.clone().timeout(Duration::from_millis(700)));
                scope.spawn(move || {
                    let mut connection = Connection::open(envoy.address(), protocol).unwrap();
                    // 503 at once for want of room, or no answer at all.
                    if let Ok(answer) = connection.send(&hasty) {
                        assert_unavailable("a hasty request", &answer);
                    }
                });
            }
            envoy.wait_for_stat(WAITING, |waiting| waiting == 8);
        });
        let left = Instant::now();
        envoy.wait_for_stat(WAITING, |waiting| waiting == 0);
        let after = left.elapsed();
        assert!(after < Duration::from_secs(1), "round {round}: their places were free only after {after:?}");
    }

    // Advisory 15: two credentials while keys are on their way.
    let two = good.clone().header("authorization", "Bearer x.y.z");
    for answer in at_once(&envoy, &vec![two.clone(); 100]) {
        assert_eq!(answer.status, 400, "{answer}");
    }

    // The workers are none the worse for all this.
    server.stop();
    idp.recover();
    server.resume();
    for connection in &mut envoy.connection_per_worker(Protocol::Http1) {
        ask_until(connection, &good, Duration::from_secs(15), |answer| answer.status == 200);
        assert_eq!(connection.send(&Request::get("/orders")).unwrap().status, 401);
        // Last, because Envoy closes an HTTP/1.1 connection after a 400.
        assert_eq!(connection.send(&two).unwrap().status, 400);
    }
    envoy.wait_for_stat(WAITING, |waiting| waiting == 0);
}

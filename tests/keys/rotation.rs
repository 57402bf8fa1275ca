//! Keys that come, keys that go, and keys that never were.

use std::thread;
use std::time::{Duration, Instant};

use envoy_test::{Document, IssuerServer, KeyKind, Protocol, SigningKey, Upstream};
use serde_json::json;

use super::{ask_until, connections, fresh_token, gate, get, issuer, reason, token, token_of_unknown_key, under_load};

/// Advisory 39.
#[test]
fn a_rotation_under_load_costs_one_fetch_and_no_good_request() {
    let (upstream, server) = (Upstream::start(), IssuerServer::start());
    let idp = issuer(&server, "idp");
    let old = token(&idp);
    let envoy = gate(&server, &json!({"unknown_kid_cooldown": "2s"}), &json!({})).upstream(&upstream).start();
    for connection in &mut envoy.connection_per_worker(Protocol::Http1) {
        assert_eq!(connection.send(&get(&old)).unwrap().status, 200);
    }

    // Half of the load remembers its token, half brings a new one each time: signed by the newest key there is.
    let mut clients = connections(&envoy, 2);
    let request = |number: usize| if number.is_multiple_of(2) { get(&old) } else { get(&fresh_token(&idp, number)) };
    let (longest, answers) = under_load(&mut clients, request, || {
        thread::sleep(Duration::from_millis(500));
        assert_eq!(idp.fetched(Document::Keys), 1);
        idp.add_key(KeyKind::P256, "idp-2");
        let newest = token(&idp);
        let mut longest = Duration::ZERO;
        for connection in &mut envoy.connection_per_worker(Protocol::Http1) {
            let answer = connection.send(&get(&newest)).unwrap();
            assert_eq!(answer.status, 200, "the new key is not accepted at its first use: {answer}");
            longest = longest.max(answer.elapsed);
        }
        thread::sleep(Duration::from_millis(1000));
        longest
    });
    for answer in &answers {
        assert_eq!(answer.status, 200, "a good token was refused during the rotation: {answer}");
    }
    assert!(answers.len() > 200, "{} requests are no load", answers.len());
    assert!(longest < Duration::from_secs(1), "the first use of the new key took {longest:?}");
    assert_eq!(idp.fetched(Document::Keys), 2, "one fetch at the start, one for the new key");

    // The old key is withdrawn; the next fetch is one for another new key.
    idp.withdraw("idp-1");
    idp.add_key(KeyKind::P256, "idp-3");
    let newest = token(&idp);
    let mut workers = envoy.connection_per_worker(Protocol::Http1);
    ask_until(&mut workers[0], &get(&newest), Duration::from_secs(5), |answer| answer.status == 200);
    let start = Instant::now();
    for connection in &mut workers {
        // It was remembered in every worker, and is refused all the same.
        let answer = ask_until(connection, &get(&old), Duration::from_secs(3), |answer| answer.status == 401);
        assert_eq!(reason(&envoy, &answer), "kid_unknown");
    }
    assert!(start.elapsed() < Duration::from_secs(3), "the withdrawn key was still good after {:?}", start.elapsed());
    for connection in &mut workers {
        assert_eq!(connection.send(&get(&newest)).unwrap().status, 200);
    }
}

/// Advisory 35.
#[test]
fn a_flood_of_unknown_keys_makes_one_fetch_per_cooldown_and_hurts_nobody() {
    let (upstream, server) = (Upstream::start(), IssuerServer::start());
    let idp = issuer(&server, "idp");
    let good = token(&idp);
    let keys = json!({"unknown_kid_cooldown": "3s"});
    let envoy = gate(&server, &keys, &json!({})).upstream(&upstream).start();
    for connection in &mut envoy.connection_per_worker(Protocol::Http1) {
        assert_eq!(connection.send(&get(&good)).unwrap().status, 200);
    }
    assert_eq!(idp.fetched(Document::Keys), 1);

    let mut clients = connections(&envoy, 1);
    let (time, answers) = under_load(
        &mut clients,
        |_| get(&good),
        || {
            let start = Instant::now();
            for wave in 0..5 {
                thread::scope(|scope| {
                    for client in 0..250 {
                        let (envoy, idp) = (&envoy, &idp);
                        scope.spawn(move || {
                            let strange = token_of_unknown_key(idp, &format!("strange-{wave}-{client}"));
                            let answer = envoy.send(&get(&strange));
                            assert_eq!(answer.status, 401, "{answer}");
                        });
                    }
                });
                thread::sleep(Duration::from_millis(800));
            }
            start.elapsed()
        },
    );
    for answer in &answers {
        assert_eq!(answer.status, 200, "a good token was refused during the flood: {answer}");
    }
    assert!(answers.len() > 100, "{} good requests in {time:?}", answers.len());
    let slowest = answers.iter().map(|answer| answer.elapsed).max();
    assert!(slowest < Some(Duration::from_secs(2)), "a good token took {slowest:?} during the flood");
    let (fetched, cooldowns) = (idp.fetched(Document::Keys) - 1, 1 + time.as_secs() / 3);
    assert!(fetched >= 1, "nobody looked for the strange keys");
    assert!(u64::try_from(fetched).unwrap() <= cooldowns, "{fetched} fetches in {cooldowns} cooldowns ({time:?})");
}

/// One new key each second, without overlap: an issuer that no cache can follow.
#[test]
fn an_issuer_that_rotates_each_second_costs_one_fetch_per_cooldown_and_opens_nothing() {
    let (upstream, server) = (Upstream::start(), IssuerServer::start());
    let idp = issuer(&server, "idp");
    let envoy = gate(&server, &json!({"unknown_kid_cooldown": "1s"}), &json!({})).upstream(&upstream).start();
    let mut workers = envoy.connection_per_worker(Protocol::Http1);
    let first = token(&idp);
    for connection in &mut workers {
        ask_until(connection, &get(&first), Duration::from_secs(10), |answer| answer.status == 200);
    }

    let fetched = idp.fetched(Document::Keys);
    let stranger = SigningKey::generate(KeyKind::P256, "stranger");
    let (start, mut passed, mut asked) = (Instant::now(), 0, 0);
    for second in 0..10 {
        idp.replace_keys(KeyKind::P256, &format!("idp-{second}-new"));
        while start.elapsed() < Duration::from_secs(second + 1) {
            asked += 1;
            let newest = idp.token(idp.claims("orders")).with("jti", format!("{second}-{asked}"));
            for connection in &mut workers {
                let answer = connection.send(&get(&newest.build())).unwrap();
                assert!(matches!(answer.status, 200 | 401), "{answer}");
                passed += usize::from(answer.status == 200);
                let forged = connection.send(&get(&newest.clone().forged_by(&stranger).build())).unwrap();
                assert_eq!(forged.status, 401, "by a stranger, in the second {second}: {forged}");
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
    let (fetched, cooldowns) = (idp.fetched(Document::Keys) - fetched, start.elapsed().as_secs() + 2);
    assert!(u64::try_from(fetched).unwrap() <= cooldowns, "{fetched} fetches in {cooldowns} cooldowns");
    assert!(fetched >= 5, "{fetched} fetches for ten new keys");
    assert!(passed > asked / 2, "{passed} of {} were let through", asked * 2);

    // When it rests, the newest key is good and the first is long gone.
    let newest = get(&token(&idp));
    for connection in &mut workers {
        ask_until(connection, &newest, Duration::from_secs(5), |answer| answer.status == 200);
        let answer = connection.send(&get(&first)).unwrap();
        assert_eq!(answer.status, 401, "{answer}");
    }
}

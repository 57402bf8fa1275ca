//! What an answer of 100 MB, and one of ten thousand keys, cost Envoy in memory, again and again.

use std::thread;
use std::time::{Duration, Instant};

use envoy_test::{Document, Envoy, Fault, IssuerServer, Protocol, Upstream};
use serde_json::json;

use super::{ask_until, fresh_token, gate, get, issuer, token, token_of_unknown_key};

/// Envoy collects an answer before the module may look at its size, and gives up at 32 MiB. That does not add up.
#[test]
fn an_answer_of_100_mb_is_given_up() {
    let (peak, end) = grown_by(Fault::Huge);
    println!("100 MB: Envoy grew by {peak} MiB at most and {end} MiB in the end");
    assert!(peak < 96, "by {peak} MiB at most");
    assert!(end < 64, "by {end} MiB in the end");
}

#[test]
fn ten_thousand_keys_are_not_kept() {
    let (peak, end) = grown_by(Fault::ManyKeys(10_000));
    println!("10,000 keys: Envoy grew by {peak} MiB at most and {end} MiB in the end");
    assert!(peak < 48, "by {peak} MiB at most");
    assert!(end < 32, "by {end} MiB in the end");
}

/// By how many MiB Envoy grows while its issuer gives such an answer, at least five times: at most, and in the end.
fn grown_by(fault: Fault) -> (u64, u64) {
    let (upstream, server) = (Upstream::start(), IssuerServer::start());
    let idp = issuer(&server, "idp");
    let keys = json!({"timeout": "10s", "unknown_kid_cooldown": "1s"});
    let envoy: Envoy = gate(&server, &keys, &json!({})).upstream(&upstream).start();
    let mut worker = envoy.connection_per_worker(Protocol::Http1).remove(0);
    let held = get(&token(&idp));
    ask_until(&mut worker, &held, Duration::from_secs(10), |answer| answer.status == 200);
    let before = envoy.memory();

    idp.fail(Document::Keys, fault);
    let (start, fetched) = (Instant::now(), idp.fetched(Document::Keys));
    let mut peak = before;
    for number in 0.. {
        if idp.fetched(Document::Keys) >= fetched + 5 {
            break;
        }
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "{} fetches in a minute",
            idp.fetched(Document::Keys) - fetched
        );
        // An unknown key makes the filter ask; its token is refused and the others stay good.
        if number % 10 == 0 {
            let strange =
                get(&token_of_unknown_key(&idp, &format!("strange-{number}"))).timeout(Duration::from_secs(15));
            assert_eq!(worker.send(&strange).unwrap().status, 401);
        }
        assert_eq!(worker.send(&get(&fresh_token(&idp, number))).unwrap().status, 200, "the keys held are still good");
        peak = peak.max(envoy.memory());
        thread::sleep(Duration::from_millis(20));
    }
    idp.recover();
    thread::sleep(Duration::from_secs(2));
    let end = envoy.memory();
    ((peak - before) >> 20, end.saturating_sub(before) >> 20)
}

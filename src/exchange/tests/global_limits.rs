//! Limits that are counted elsewhere, along the walk.

use super::*;

fn config(global: Value) -> Value {
    let mut config = fixed();
    let mut shared = json!({ "key": ["subject"], "global": { "cluster": "limits", "on_failure": "deny" } });
    shared["global"].as_object_mut().unwrap().extend(global.as_object().unwrap().clone());
    config["rate_limits"] = json!({
        "here": { "key": ["subject"], "rate": { "requests": 3, "per": "1h" } },
        "shared": shared,
        "other": { "key": ["client"], "global": { "cluster": "other", "on_failure": "allow" } }
    });
    config["rules"][0]["limits"] = json!(["here", { "name": "shared", "weight": 2 }, "other"]);
    config
}

fn token() -> String {
    TestIssuer::new("idp").token(&claims())
}

/// Sends, and gives the calls that are made for it.
fn send(gate: &mut Gate) -> (Exchange, Vec<(Purpose, Fetch)>) {
    let Step::Wait(exchange, until) = gate.get("/orders/1", &token()) else { panic!("it does not wait") };
    assert!(until.since(gate.now) <= Duration::from_millis(200));
    let mut calls = gate.poll();
    calls.sort_by(|(_, one), (_, other)| one.cluster.cmp(&other.cluster));
    (exchange, calls)
}

/// A call is answered: 1 is `OK`, 2 is `OVER_LIMIT`, anything else a failure.
fn answer(gate: &mut Gate, call: &(Purpose, Fetch), code: u8) {
    let status = if matches!(code, 1 | 2) { b"0".to_vec() } else { b"14".to_vec() };
    let fetched =
        Fetched::Response { status: 200, headers: vec![(b"grpc-status".to_vec(), status)], body: vec![0x08, code] };
    gate.engine.handle_response(call.0, gate.now, &mut gate.host, call.1.id, fetched);
}

fn resume(gate: &mut Gate, exchange: Exchange) -> Step {
    exchange.resume(&mut gate.engine, &mut gate.host, gate.now)
}

#[test]
fn a_request_asks_each_engine_once_and_goes_on_when_all_have_answered() {
    let mut gate = Gate::new(&config(json!({})));
    let (exchange, calls) = send(&mut gate);
    let clusters: Vec<&str> = calls.iter().map(|(_, fetch)| fetch.cluster.as_str()).collect();
    assert_eq!(clusters, ["limits", "other"]);
    answer(&mut gate, &calls[0], 1);
    let Step::Wait(exchange, _) = resume(&mut gate, exchange) else { panic!("it does not wait for the other") };
    assert!(gate.poll().is_empty(), "nobody is asked twice");
    answer(&mut gate, &calls[1], 1);
    assert_eq!(outcome(&resume(&mut gate, exchange)), "allow");
}

#[test]
fn an_engine_that_says_nothing_of_a_limit_is_told_of_once() {
    let mut gate = Gate::new(&config(json!({})));
    let mut told = Vec::new();
    for _ in 0..2 {
        let (exchange, calls) = send(&mut gate);
        answer(&mut gate, &calls[0], 1);
        // `{ overall_code: OK, statuses: [{ code: OK, current_limit: { requests_per_unit: 10, unit: MINUTE } }] }`
        let body = vec![0x08, 1, 0x12, 8, 0x08, 1, 0x12, 4, 0x08, 10, 0x10, 2];
        let headers = vec![(b"grpc-status".to_vec(), b"0".to_vec())];
        let fetched = Fetched::Response { status: 200, headers, body };
        gate.engine.handle_response(calls[1].0, gate.now, &mut gate.host, calls[1].1.id, fetched);
        assert_eq!(outcome(&resume(&mut gate, exchange)), "allow");
        told.extend(gate.engine.unlimited_elsewhere().map(|(cluster, limit)| format!("{cluster} {limit}")));
    }
    assert_eq!(told, ["limits shared"]);
}

#[test]
fn the_first_engine_that_refuses_ends_it_and_the_others_are_forgotten() {
    let mut gate = Gate::new(&config(json!({})));
    let (exchange, calls) = send(&mut gate);
    answer(&mut gate, &calls[1], 2);
    // As long as one is out it is kept waiting; the one that answers last ends it.
    let Step::Wait(exchange, _) = resume(&mut gate, exchange) else { panic!("it does not wait") };
    answer(&mut gate, &calls[0], 2);
    let step = resume(&mut gate, exchange);
    assert_eq!(outcome(&step), "429 rate_limited");
    assert!(gate.engine.global_limits_health().all(|health| health.waiting == 0));
}

#[test]
fn who_is_refused_here_is_not_counted_elsewhere_and_is_counted_here_once() {
    let mut gate = Gate::new(&config(json!({})));
    for _ in 0..3 {
        let (exchange, calls) = send(&mut gate);
        for call in &calls {
            answer(&mut gate, call, 1);
        }
        assert_eq!(outcome(&resume(&mut gate, exchange)), "allow");
    }
    assert_eq!(outcome(&gate.get("/orders/1", &token())), "429 rate_limited");
    assert!(gate.poll().is_empty());
}

#[test]
fn without_an_answer_each_limit_has_its_own_way() {
    let mut gate = Gate::new(&config(json!({})));
    let (exchange, calls) = send(&mut gate);
    answer(&mut gate, &calls[0], 1);
    answer(&mut gate, &calls[1], 0);
    assert_eq!(outcome(&resume(&mut gate, exchange)), "allow");
    let (exchange, calls) = send(&mut gate);
    answer(&mut gate, &calls[0], 0);
    answer(&mut gate, &calls[1], 1);
    assert_eq!(outcome(&resume(&mut gate, exchange)), "503 limit_unavailable");
    let (exchange, _) = send(&mut gate);
    gate.later(Duration::from_millis(151));
    assert_eq!(outcome(&resume(&mut gate, exchange)), "503 limit_unavailable", "and nobody waits for longer");
}

#[test]
fn one_that_is_gone_or_finds_another_configuration_is_forgotten() {
    let mut gate = Gate::new(&config(json!({})));
    let (exchange, _) = send(&mut gate);
    exchange.abandon(&mut gate.engine, &mut gate.host);
    assert!(gate.engine.global_limits_health().all(|health| health.waiting == 0));
    let (exchange, _) = send(&mut gate);
    let exchange = exchange.anew(&mut gate.engine);
    assert!(gate.engine.global_limits_health().all(|health| health.waiting == 0));
    let Step::Wait(exchange, _) = resume(&mut gate, exchange) else { panic!("it does not ask anew") };
    let calls = gate.poll();
    assert_eq!(calls.len(), 2);
    for call in &calls {
        answer(&mut gate, call, 1);
    }
    assert_eq!(outcome(&resume(&mut gate, exchange)), "allow");
}

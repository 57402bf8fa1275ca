//! By hand: a proof that is sent more than once.

use std::net::SocketAddr;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use envoy_test::{Connection, Envoy, Gate, Issuer, Protocol, Push, Request};
use portcullis::time::UnixTime;
use portcullis_cli::moment;
use portcullis_cli::world::proof::ProofSpec;
use portcullis_cli::world::token::TokenSpec;
use serde_json::json;

use crate::configuration;

/// A request with a proof, ready to be sent as often as somebody likes.
fn proven(gate: &Gate) -> Request {
    prove(&gate.idp, gate.envoy.address(), moment::now(), None)
}

/// The same, made at another time, or with a nonce.
fn prove(idp: &Issuer, address: SocketAddr, at: UnixTime, nonce: Option<&str>) -> Request {
    let mut spec = ProofSpec { key: "a".to_owned(), ..ProofSpec::default() };
    spec.claims.extend(nonce.map(|nonce| ("nonce".to_owned(), json!(nonce))));
    let bound = spec.bind(&TokenSpec::default()).unwrap();
    let cnf = bound.claims.get("cnf").cloned().unwrap_or_default();
    let issued = json!(at.as_secs() - 60);
    let token = idp.token(idp.claims("orders")).with("cnf", cnf).with("iat", issued.clone()).with("nbf", issued);
    let token = token.with("exp", at.as_secs() + 3600).build();
    let host = address.to_string();
    let proof = spec.make("GET", &format!("http://{host}/orders/7"), &token, at);
    Request::get("/orders/7").host(&host).header("authorization", format!("DPoP {token}")).header("dpop", proof)
}

pub(crate) fn raced() {
    const ROUNDS: usize = 60;
    let gate = Gate::start(configuration(json!({})));
    assert_eq!(gate.envoy.send(&proven(&gate)).status, 200);
    let mut workers = gate.envoy.connection_per_worker(Protocol::Http1);
    workers.extend(gate.envoy.connection_per_worker(Protocol::Http1));
    assert!(workers.len() >= 4, "two connections to each of two workers");
    let before = gate.upstream.requests();
    for round in 0..ROUNDS {
        let request = proven(&gate);
        let start = Barrier::new(workers.len());
        let statuses: Vec<u16> = thread::scope(|scope| {
            let sent = workers.iter_mut().map(|worker| {
                let (request, start) = (&request, &start);
                scope.spawn(move || {
                    start.wait();
                    worker.send(request).map_or(0, |answer| answer.status)
                })
            });
            let sent: Vec<_> = sent.collect();
            sent.into_iter().map(|handle| handle.join().unwrap_or(0)).collect()
        });
        let let_on = statuses.iter().filter(|status| **status == 200).count();
        let refused = statuses.iter().filter(|status| **status == 401).count();
        assert_eq!((let_on, let_on + refused), (1, statuses.len()), "round {round}: {statuses:?}");
    }
    assert_eq!(gate.upstream.requests() - before, ROUNDS, "the upstream has got a replay");
}

pub(crate) fn reloaded() {
    let mut gate = Gate::start(configuration(json!({})));
    let request = proven(&gate);
    assert_eq!(gate.envoy.send(&request).status, 200);
    let wider = configuration(json!({ "max_age": "5m" }));
    assert_eq!(gate.envoy.push_filter_config(&wider), Push::Accepted);
    is_replay(&gate.envoy, &request);
    // A new proof is good.
    assert_eq!(gate.envoy.send(&proven(&gate)).status, 200);
}

fn is_replay(envoy: &Envoy, request: &Request) {
    let answer = envoy.send(request);
    let details = envoy.access_log_of(&answer)["details"].as_str().unwrap_or_default().to_owned();
    if answer.status != 401 || details != "portcullis_denied{proof_replayed}" {
        panic!("not taken for a replay: {details}: {answer}");
    }
}

/// Clients with connections of their own send each proof all at the same time, to whichever configuration they meet.
pub(crate) fn raced_with_a_reload() {
    let Gate { mut envoy, upstream, idp, login: _login, entra: _entra, idps: _idps } =
        Gate::start(configuration(json!({})));
    let address = envoy.address();
    let is_over = AtomicBool::new(false);
    let mut let_on = 0;
    let mut rounds = 0;
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..6 {
                let next = configuration(json!({ "max_age": format!("{}s", 90 + number) }));
                assert_eq!(envoy.push_filter_config(&next), Push::Accepted);
            }
            is_over.store(true, Ordering::SeqCst);
        });
        while !is_over.load(Ordering::SeqCst) || rounds < 20 {
            rounds += 1;
            let request = prove(&idp, address, moment::now(), None);
            let start = Barrier::new(CLIENTS);
            let statuses: Vec<u16> = thread::scope(|scope| {
                let sent: Vec<_> = (0..CLIENTS)
                    .map(|_| {
                        scope.spawn(|| {
                            let opened = Connection::open(address, Protocol::Http1);
                            start.wait();
                            opened.and_then(|mut open| open.send(&request)).map_or(0, |answer| answer.status)
                        })
                    })
                    .collect();
                sent.into_iter().map(|handle| handle.join().unwrap_or(0)).collect()
            });
            let good = statuses.iter().filter(|status| **status == 200).count();
            let refused = statuses.iter().filter(|status| **status == 401).count();
            // A connection that met a listener about to go has no answer.
            let lost = statuses.iter().filter(|status| **status == 0).count();
            assert!(good == 1 || (good == 0 && lost > 0), "round {rounds}: {statuses:?}");
            assert_eq!(good + refused + lost, statuses.len(), "round {rounds}: {statuses:?}");
            let_on += good;
        }
    });
    println!("{rounds} proofs during 6 new configurations, {let_on} let on");
    assert!(let_on > 0 && upstream.requests() <= rounds, "the upstream has got a replay");
}

/// A proof is looked at by both workers after each jump.
pub(crate) fn jumped() {
    // Two places for all proofs, so that each is looked into.
    let dpop = json!({ "max_age": "10m", "replay_entries": 64 });
    let gate = Gate::start_with(configuration(dpop), |builder, _| builder.clock_offset(0));
    let request = proven(&gate);
    assert_eq!(gate.envoy.send(&request).status, 200);
    let mut at = 0;
    for (offset, is_fresh) in
        [(0, true), (-3, true), (0, true), (60, true), (0, true), (3000, false), (0, true), (-3000, false), (0, true)]
    {
        gate.envoy.jump(offset - at);
        at = offset;
        for (worker, connection) in gate.envoy.connection_per_worker(Protocol::Http1).iter_mut().enumerate() {
            let answer = connection.send(&request).unwrap();
            let reason = gate.envoy.reason_of(&answer);
            assert_eq!(answer.status, 401, "worker {worker} at {offset}: {answer}");
            assert_eq!(reason == "proof_replayed", is_fresh, "worker {worker} at {offset}: {reason}");
        }
        // Others make proofs by that clock, for which old ones are forgotten.
        for _ in 0..if is_fresh { 0 } else { 20 } {
            let span = Duration::from_secs(offset.unsigned_abs());
            let shown = if offset < 0 { moment::now().minus(span) } else { moment::now().plus(span) };
            let answer = gate.envoy.send(&prove(&gate.idp, gate.envoy.address(), shown, None));
            // One that is as old as what was forgotten counts as used: never too many.
            assert!(answer.status == 200 || gate.envoy.reason_of(&answer) == "proof_replayed", "{offset}: {answer}");
        }
    }
}

pub(crate) fn nonces_of_another_time() {
    let secret = "a secret of two Envoys, 32 characters at least";
    let config = configuration(json!({ "nonce": { "secret": secret, "rotate": "1h" } }));
    let gate = Gate::start_with(config, |builder, _| builder.clock_offset(0));
    let mut kept: Vec<String> = Vec::new();
    let hours: [i64; 4] = [0, -5, 0, 5];
    for (turn, hour) in hours.into_iter().enumerate() {
        let before = if turn == 0 { 0 } else { hours[turn - 1] };
        gate.envoy.jump((hour - before) * 3600);
        let span = Duration::from_secs(hour.unsigned_abs() * 3600);
        let now = || if hour < 0 { moment::now().minus(span) } else { moment::now().plus(span) };
        let ask = |nonce: Option<&str>| gate.envoy.send(&prove(&gate.idp, gate.envoy.address(), now(), nonce));
        // Those of other hours are asked for anew.
        let others = kept.iter().zip(hours).filter(|(_, other)| *other != hour).map(|(nonce, _)| Some(nonce.as_str()));
        for nonce in others.chain([None]) {
            let answer = ask(nonce);
            let challenge = answer.headers("www-authenticate").join(", ");
            assert!(answer.status == 401 && challenge.contains("use_dpop_nonce"), "{hour} {nonce:?}: {answer}");
        }
        let nonce = ask(None).header("dpop-nonce").unwrap_or_default();
        assert_eq!(ask(Some(&nonce)).status, 200, "at {hour}");
        kept.push(nonce);
    }
}

const CLIENTS: usize = 6;

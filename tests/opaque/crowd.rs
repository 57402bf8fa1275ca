//! Many requests at the same time: with one token, and each with another.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use envoy_test::{Fate, Frames, Gate, Request};
use serde_json::json;

use crate::server::{Reply, Server};

fn start(server: &Server) -> Gate {
    let configuration = json!({
        "providers": {
            "opaque": {
                "issuer": "https://opaque.test", "audiences": ["orders"],
                "introspection": {
                    "endpoint": "https://opaque.test/introspect", "cluster": "opaque", "jwts": "refuse",
                    "client": { "id": "gate", "secret": "hush" }, "timeout": "5s", "concurrency": 4
                }
            },
            "idp": { "issuer": "https://idp.example", "audiences": ["orders"], "cluster": "idp" }
        },
        "rules": [{ "name": "orders", "match": { "paths": ["/orders"] } }],
        "limits": { "waiting_requests": 4000, "wait": "20s" }
    });
    Gate::start_with(configuration, |builder, _| builder.cluster("opaque", server.address()))
}

/// Opens a stream for each token, and gives what became of them, by status.
fn at_once(gate: &Gate, connections: usize, tokens: &[String]) -> BTreeMap<u16, usize> {
    let mut connections: Vec<Frames> = (0..connections).map(|_| Frames::open(gate.envoy.address())).collect();
    let count = connections.len();
    for (place, token) in tokens.iter().enumerate() {
        let bearer = format!("Bearer {token}");
        let pairs: [(&[u8], &[u8]); 5] = [
            (b":method", b"GET"),
            (b":path", b"/orders"),
            (b":authority", b"api.example"),
            (b":scheme", b"http"),
            (b"authorization", bearer.as_bytes()),
        ];
        connections[place % count].headers(&pairs, true);
    }
    let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
    for connection in &mut connections {
        for fate in connection.fates(Duration::from_secs(60), tokens.len() / count).into_values() {
            let Fate::Answered(status) = fate else { panic!("a stream ends with {fate:?}") };
            *statuses.entry(status).or_default() += 1;
        }
    }
    statuses
}

pub(crate) fn equal_tokens() {
    let server = Server::start();
    server.put("shared", Reply::Say(json!({ "active": true, "aud": "orders", "sub": "u-1" })));
    let gate = start(&server);
    // Long enough for all of them to wait.
    server.pause(Duration::from_secs(2));
    let statuses = at_once(&gate, 10, &vec!["shared".to_owned(); 1000]);
    assert_eq!(statuses, BTreeMap::from([(200, 1000)]), "{}", gate.envoy.log_tail());
    let asked = server.forms().len();
    assert!((1..=2).contains(&asked), "two workers asked {asked} times");

    server.pause(Duration::from_secs(1));
    let statuses = at_once(&gate, 10, &vec!["made-up".to_owned(); 1000]);
    assert_eq!(statuses, BTreeMap::from([(401, 1000)]));
    assert!((2..=4).contains(&server.forms().len()), "asked {} times in all", server.forms().len());
}

pub(crate) fn flood() {
    let server = Server::start();
    server.put("good", Reply::Say(json!({ "active": true, "aud": "orders", "sub": "u-1" })));
    let gate = start(&server);
    let jwt = gate.idp.token(gate.idp.claims("orders")).build();
    for connection in &mut gate.envoy.connection_per_worker(envoy_test::Protocol::Http1) {
        assert_eq!(connection.send(&Request::get("/orders").bearer("good")).unwrap().status, 200);
    }
    // Of each worker's requests 125 find a place, which four questions at a time take six seconds for.
    server.pause(Duration::from_millis(200));
    let before = server.forms().len();
    let tokens: Vec<String> = (0..2000).map(|number| format!("flood-{number}")).collect();
    thread::scope(|scope| {
        let flood = scope.spawn(|| at_once(&gate, 10, &tokens));
        crate::eventually("the flood is there", || server.forms().len() >= before + 8);
        for token in [jwt.as_str(), "good"] {
            assert_eq!(gate.envoy.send(&Request::get("/orders").bearer(token)).status, 200);
        }
        assert!(!flood.is_finished(), "they did not wait for it");
        let statuses = flood.join().unwrap();
        // One client's address: a quarter of the places, and the rest is told to come again.
        assert_eq!(statuses.keys().copied().collect::<Vec<_>>(), [401, 503], "{statuses:?}");
        assert!(statuses[&503] > statuses[&401], "{statuses:?}");
    });
    assert!(server.most_open() <= 8, "{} questions at a time, of two workers", server.most_open());
    gate.envoy.assert_every_worker_lets_through(&Request::get("/orders").bearer("good"));
}

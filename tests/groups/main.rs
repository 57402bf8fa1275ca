//! Callers who have too many groups for their token, in a real Envoy with a Microsoft Graph on a real socket.

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "test helpers may panic: the panic is the failed test"
)]

mod graph;

use std::thread;
use std::time::{Duration, Instant};

use envoy_test::{BOTH, Case, Gate, Request};
use graph::{Fault, Graph};
use serde_json::{Value, json};

const TENANT: &str = "11111111-2222-4333-8444-555555555555";
const GROUP: &str = "0f000000-0000-4000-8000-00000000000a";
const OTHER: &str = "0f000000-0000-4000-8000-00000000000b";

fn start(graph: &Graph) -> Gate {
    let configuration = json!({
        "providers": { "staff": { "entra": { "tenants": TENANT }, "audiences": ["orders"], "cluster": "login" } },
        "groups_overage": {
            "provider": "staff", "cluster": "graph", "login_cluster": "graph", "graph": "https://graph.test", "login": "https://login.test",
            "client_id": "11111111-0000-4000-8000-000000000001", "client_secret": "${GRAPH_SECRET}"
        },
        "rules": [
            { "name": "orders", "match": { "paths": ["/orders"] }, "require": { "groups": GROUP } },
            { "name": "news", "match": { "paths": ["/news"] } }
        ],
        "audit": { "log": "all" }
    });
    Gate::start_with(configuration, |builder, _| {
        builder.cluster("graph", graph.address()).environment("GRAPH_SECRET", "hush & hush")
    })
}

fn id(number: u32) -> String {
    format!("{number:08x}-aaaa-4bbb-8ccc-222222222222")
}

/// A request of a caller whose groups are elsewhere.
fn request(gate: &Gate, path: &str, oid: &str) -> Request {
    let mut claims: Value = gate.entra.v2_claims("orders");
    claims["oid"] = oid.into();
    claims["_claim_names"] = json!({ "groups": "src1" });
    claims["_claim_sources"] = json!({ "src1": { "endpoint": "https://graph.windows.net/x" } });
    claims.as_object_mut().unwrap().remove("groups");
    Request::get(path).bearer(&gate.entra.token(claims).build())
}

#[test]
fn groups_are_asked_for_once_and_decide() {
    let graph = Graph::start();
    graph.put(&id(1), &[OTHER, GROUP]);
    graph.put(&id(2), &[OTHER]);
    let gate = start(&graph);
    gate.envoy.assert_each(
        &BOTH,
        [
            Case::allowed("a rule without groups", request(&gate, "/news", &id(1))),
            Case::allowed("a member", request(&gate, "/orders", &id(1))),
            Case::new("no member", request(&gate, "/orders", &id(2)), 403, "group_missing"),
            Case::new("nobody there", request(&gate, "/orders", &id(3)), 403, "groups_overage"),
        ],
    );
    let forms = graph.forms();
    assert!((1..=2).contains(&forms.len()), "one token for each worker: {forms:?}");
    assert!(
        forms[0].contains("client_secret=hush%20%26%20hush&scope=https%3A%2F%2Fgraph.test%2F.default"),
        "{forms:?}"
    );
    for batch in graph.batches() {
        assert!(batch.iter().all(|url| url.starts_with("/users/")), "{batch:?}");
    }
    assert!(!gate.envoy.log().contains("hush"), "the secret is in the log");
}

#[test]
fn many_callers_at_once_share_batches() {
    let graph = Graph::start();
    for number in 1..=60 {
        graph.put(&id(number), if number % 2 == 0 { &[GROUP] } else { &[OTHER] });
    }
    let gate = start(&graph);
    gate.envoy.assert_each(&BOTH, [Case::allowed("keys are there", request(&gate, "/news", &id(1)))]);
    graph.fail(Fault::Slow(Duration::from_millis(300)));
    thread::scope(|scope| {
        for number in 1..=60 {
            let gate = &gate;
            scope.spawn(move || {
                let answer = gate.envoy.send(&request(gate, "/orders", &id(number)));
                assert_eq!(answer.status, if number % 2 == 0 { 200 } else { 403 }, "{number}: {answer}");
            });
        }
    });
    let batches = graph.batches();
    let asked: usize = batches.iter().map(Vec::len).sum();
    assert!((60..=120).contains(&asked), "each caller once in each worker at most: {asked}");
    assert!(batches.iter().any(|batch| batch.len() > 1), "{batches:?}");
    assert!(batches.len() <= 40, "{} batches", batches.len());
}

#[test]
fn without_an_answer_of_graph_it_is_503_and_later_it_is_not() {
    for fault in [Fault::Down, Fault::Garbage, Fault::Slow(Duration::from_secs(4)), Fault::SecretRefused] {
        let graph = Graph::start();
        graph.put(&id(1), &[GROUP]);
        graph.fail(fault);
        let gate = start(&graph);
        let began = Instant::now();
        let answer = gate.envoy.send(&request(&gate, "/orders", &id(1)));
        assert_eq!(answer.status, 503, "{fault:?}: {answer}");
        assert!(answer.header("retry-after").is_some(), "{fault:?}: {answer}");
        assert!(began.elapsed() < Duration::from_secs(7), "{fault:?}: {:?}", began.elapsed());
        gate.envoy.assert_each(&BOTH, [Case::allowed("others do not suffer", request(&gate, "/news", &id(1)))]);
        graph.fail(Fault::None);
        let deadline = Instant::now() + Duration::from_secs(20);
        while gate.envoy.send(&request(&gate, "/orders", &id(1))).status != 200 {
            assert!(Instant::now() < deadline, "{fault:?}: it does not recover\n{}", gate.envoy.log_tail());
            thread::sleep(Duration::from_millis(200));
        }
        assert!(gate.envoy.filter_log().iter().any(|line| line.contains("groups: none found")), "{fault:?}");
    }
}

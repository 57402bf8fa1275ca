//! Limits in a real Envoy: how exact they are with two workers under load, what a flood of bad tokens comes to, clocks that
//! jump, new configurations in the middle, requests at the same time and workers that are lost, an upstream that fails, and
//! callers at risk.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests run on the real clock, and a panic is a failed test"
)]

mod adaptive;
mod clock;
mod held;
mod reload;

use std::thread;
use std::time::{Duration, Instant};

use envoy_test::{
    Answer, Builder, Connection, Envoy, Issuer, IssuerServer, KeyKind, Protocol, Request, Upstream, forge,
};
use serde_json::{Value, json};

/// An issuer, and the filter's configuration with these limits for every rule.
struct Gate {
    issuers: IssuerServer,
    issuer: Issuer,
    upstream: Upstream,
}

impl Gate {
    fn new() -> Self {
        let issuers = IssuerServer::start();
        let issuer = issuers.oidc(ISSUER);
        issuer.add_key(KeyKind::P256, "key-1");
        Self { issuers, issuer, upstream: Upstream::start() }
    }

    fn builder(&self, limits: &Value) -> Builder {
        let builder = Envoy::builder().filter_config(configuration(limits)).upstream(&self.upstream);
        builder.cluster("idp", self.issuers.address()).concurrency(2)
    }

    fn token(&self, subject: &str) -> String {
        self.issuer.token(self.issuer.claims("orders")).with("sub", subject).build()
    }
}

fn configuration(limits: &Value) -> Value {
    json!({
        "providers": { "idp": { "issuer": ISSUER, "cluster": "idp", "audiences": ["orders"] } },
        "rules": [{ "name": "orders", "match": { "paths": ["/orders"] } }],
        "rate_limits": limits,
        "audit": { "log": "none" }
    })
}

/// A rule for everybody, with one limit by the header `x-who`: it depends on no token and no address.
fn open_to_all(limit: &Value) -> Value {
    let mut limit = limit.clone();
    limit["key"] = json!([{ "header": "x-who" }]);
    json!({
        "providers": { "idp": { "issuer": ISSUER, "cluster": "idp", "audiences": ["orders"] } },
        "rules": [{ "name": "open", "match": { "paths": ["/open"] }, "access": "anonymous", "limits": ["plan"] }],
        "rate_limits": { "plan": limit },
        "audit": { "log": "none" }
    })
}

fn open(who: &str) -> Request {
    Request::get("/open").header("x-who", who)
}

/// A client with a connection to each worker, which it uses in turn.
struct Client {
    workers: Vec<Connection>,
    turn: usize,
}

impl Client {
    fn of(envoy: &Envoy) -> Self {
        Self { workers: envoy.connection_per_worker(Protocol::Http1), turn: 0 }
    }

    fn send(&mut self, request: &Request) -> Answer {
        self.turn = (self.turn + 1) % self.workers.len();
        self.workers[self.turn].send(request).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Asks until it is told to stop: how often it was let on, and what it was told.
    fn exhaust(&mut self, who: &str) -> (usize, Answer) {
        for admitted in 0..1000 {
            let answer = self.send(&open(who));
            if answer.status != 200 {
                return (admitted, answer);
            }
        }
        panic!("no limit for {who}")
    }
}

/// The code of a refusal, and in how many seconds it is worth to come again.
fn refusal(answer: &Answer) -> (String, u64) {
    assert_eq!(answer.status, 429, "{answer}");
    let after = answer.header("retry-after").and_then(|after| after.parse().ok());
    let after = after.unwrap_or_else(|| panic!("no Retry-After: {answer}"));
    (answer.json()["code"].as_str().unwrap_or_default().to_owned(), after)
}

/// Asks over `connections` connections at the same time for so long: how many were let on, and how many not.
fn flood(envoy: &Envoy, token: &str, span: Duration) -> (u64, u64) {
    let address = envoy.address();
    let request = Request::get("/orders").bearer(token);
    let ends = Instant::now() + span;
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let request = request.clone();
            thread::spawn(move || {
                let mut connection =
                    Connection::open(address, Protocol::Http1).unwrap_or_else(|error| panic!("{error}"));
                let mut counts = (0, 0);
                while Instant::now() < ends {
                    match connection.send(&request).unwrap_or_else(|error| panic!("{error}")).status {
                        200 => counts.0 += 1,
                        429 => counts.1 += 1,
                        other => panic!("status {other}"),
                    }
                }
                counts
            })
        })
        .collect();
    let counts = clients.into_iter().map(|client| client.join().unwrap_or_else(|_| panic!("a client failed")));
    counts.fold((0, 0), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1))
}

#[test]
fn two_workers_under_load_let_no_more_on_than_they_may() {
    let gate = Gate::new();
    for (what, limit) in [
        (
            "token bucket",
            json!({ "key": ["subject"], "all_rules": true, "rate": { "requests": 200, "per": "1s", "burst": 100 } }),
        ),
        (
            "sliding window",
            json!({ "key": ["subject"], "all_rules": true, "window": { "requests": 500, "per": "2s" } }),
        ),
        ("quota", json!({ "key": ["subject"], "all_rules": true, "quota": { "requests": 300, "per": "month" } })),
    ] {
        let envoy = gate.builder(&json!({ "plan": limit })).start();
        // Both workers are at it: each has connections.
        drop(envoy.connection_per_worker(Protocol::Http1));
        let token = gate.token("u-1");
        let began = Instant::now();
        let (admitted, refused) = flood(&envoy, &token, Duration::from_secs(5));
        let took = began.elapsed().as_secs_f64();
        let allowed = match what {
            "token bucket" => 100.0 + 200.0 * took,
            // Whole windows, and the one that is not over.
            "sliding window" => 500.0 * (took / 2.0).ceil(),
            _ => 300.0,
        };
        #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a few thousand")]
        let ratio = admitted as f64 / allowed;
        println!("{what}: {admitted} admitted and {refused} refused in {took:.2} s, {allowed:.0} allowed: {ratio:.3}");
        assert!(ratio <= 1.02 && refused > 0, "{what}: {admitted} of {allowed}");
        assert!(ratio > 0.5, "{what}: far too few, {admitted} of {allowed}");
        let stat = |outcome: &str| envoy.stat(&format!("wasmcustom.portcullis.limits.plan.{outcome}"));
        assert_eq!((stat("admitted"), stat("limited")), (Some(admitted), Some(refused)));
    }
}

#[test]
fn a_flood_of_bad_tokens_is_refused_without_a_look_at_them() {
    let gate = Gate::new();
    let limits = json!({
        "guesses": { "key": ["address"], "count": "failures", "all_rules": true, "rate": { "requests": 20, "per": "1h" } }
    });
    let envoy = gate.builder(&limits).start();
    let good = gate.token("u-1");
    let forged = forge::with_broken_signature(&good);
    let statuses: Vec<u16> = (0..300).map(|_| envoy.send(&Request::get("/orders").bearer(&forged)).status).collect();
    let looked_at = statuses.iter().filter(|status| **status == 401).count();
    assert_eq!(looked_at, 20);
    assert!(statuses.iter().skip(20).all(|status| *status == 429));
    assert_eq!(envoy.send(&Request::get("/orders").bearer(&good)).status, 429, "from that address nothing passes");
}

const ISSUER: &str = "https://idp.example";
const CONNECTIONS: usize = 16;

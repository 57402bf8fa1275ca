//! Keys, against the real module in a real Envoy: fetched before traffic, waited for, rotated, kept through outages.
//!
//! Every provider here is `https://NAME.example`, its tokens have the audience `orders`, and one rule asks every path for
//! a token of any of them.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests run on the real clock, and a panic is a failed test"
)]

mod elsewhere;
mod freshness;
mod memory;
mod outage;
mod raw;
mod rotation;
mod start;
mod waiting;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use envoy_test::{Answer, Builder, Connection, Envoy, Issuer, IssuerServer, KeyKind, Protocol, Request};
use serde_json::{Map, Value, json};

/// The gauge of requests that wait for keys, over all workers.
const WAITING: &str = "wasmcustom.portcullis.waiting_requests";

/// The filter configuration with these providers and limits; every decision is recorded.
fn configuration(providers: &[(&str, Value)], limits: &Value) -> Value {
    let providers: Map<String, Value> =
        providers.iter().map(|(name, provider)| ((*name).to_owned(), provider.clone())).collect();
    json!({
        "providers": providers,
        "rules": [{"name": "all", "match": {"paths": ["/{rest...}"]}}],
        "limits": limits,
        "audit": {"log": "all"},
    })
}

/// The provider of the issuer `https://NAME.example`, reached by `cluster`, with these key settings.
fn provider(name: &str, cluster: &str, keys: &Value) -> Value {
    json!({"issuer": format!("https://{name}.example"), "cluster": cluster, "audiences": ["orders"], "keys": keys})
}

/// The issuer `https://NAME.example` with one key, `NAME-1`.
fn issuer(server: &IssuerServer, name: &str) -> Issuer {
    let issuer = server.oidc(&format!("https://{name}.example"));
    issuer.add_key(KeyKind::P256, &format!("{name}-1"));
    issuer
}

/// An Envoy with one provider, `idp`, on the cluster of the same name.
fn gate(server: &IssuerServer, keys: &Value, limits: &Value) -> Builder {
    let configuration = configuration(&[("idp", provider("idp", "idp", keys))], limits);
    Envoy::builder().filter_config(configuration).cluster("idp", server.address())
}

/// A good token.
fn token(issuer: &Issuer) -> String {
    issuer.token(issuer.claims("orders")).build()
}

/// A good token that no worker has seen before.
fn fresh_token(issuer: &Issuer, number: usize) -> String {
    issuer.token(issuer.claims("orders")).with("jti", format!("{:?}-{number}", thread::current().id())).build()
}

/// A token of the issuer with a key id that it does not know.
fn token_of_unknown_key(issuer: &Issuer, kid: &str) -> String {
    issuer.token(issuer.claims("orders")).with_header("kid", kid).build()
}

fn get(token: &str) -> Request {
    Request::get("/orders").bearer(token)
}

/// Asks again until the answer is as `wanted`.
fn ask_until(
    connection: &mut Connection,
    request: &Request,
    limit: Duration,
    wanted: impl Fn(&Answer) -> bool,
) -> Answer {
    let start = Instant::now();
    loop {
        let answer = connection.send(request).unwrap_or_else(|error| panic!("{error}"));
        if wanted(&answer) {
            return answer;
        }
        assert!(start.elapsed() < limit, "still not the wanted answer after {limit:?}: {answer}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Sends `request(0)`, `request(1)` ... on every connection without a pause worth the name, while `during` runs.
fn under_load<T>(
    connections: &mut [Connection],
    request: impl Fn(usize) -> Request + Sync,
    during: impl FnOnce() -> T,
) -> (T, Vec<Answer>) {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let clients: Vec<_> = connections
            .iter_mut()
            .map(|connection| {
                let (stop, request) = (&stop, &request);
                scope.spawn(move || {
                    let mut answers = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        let answer = connection.send(&request(answers.len()));
                        answers.push(answer.unwrap_or_else(|error| panic!("lost under load: {error}")));
                        thread::sleep(PAUSE);
                    }
                    answers
                })
            })
            .collect();
        let stopper = Stopper(&stop);
        let result = during();
        drop(stopper);
        (result, clients.into_iter().flat_map(|client| client.join().expect("a client of the load")).collect())
    })
}

/// Sends every request at once, each on a connection of its own.
fn at_once(envoy: &Envoy, requests: &[Request]) -> Vec<Answer> {
    thread::scope(|scope| {
        let clients: Vec<_> = requests.iter().map(|request| scope.spawn(|| envoy.send(request))).collect();
        clients.into_iter().map(|client| client.join().expect("one of many clients")).collect()
    })
}

/// `count` connections to each worker.
fn connections(envoy: &Envoy, count: usize) -> Vec<Connection> {
    (0..count).flat_map(|_| envoy.connection_per_worker(Protocol::Http1)).collect()
}

/// The filter's own reason for an answer, from the access log.
fn reason(envoy: &Envoy, answer: &Answer) -> String {
    let details = envoy.access_log_of(answer)["details"].as_str().unwrap_or_default().to_owned();
    let inner = details.strip_prefix("portcullis_denied{").and_then(|rest| rest.strip_suffix('}'));
    inner.map_or(details.clone(), ToOwned::to_owned)
}

/// 503 with a `Retry-After` of at least a second and no challenge: the token is not at fault.
#[track_caller]
fn assert_unavailable(what: &str, answer: &Answer) {
    assert_eq!(answer.status, 503, "{what}: {answer}");
    let after = answer.header("retry-after").and_then(|seconds| seconds.parse::<u64>().ok());
    assert!(after >= Some(1), "{what} says {after:?} for Retry-After: {answer}");
    assert_eq!(answer.header("www-authenticate"), None, "{what}: {answer}");
}

/// Ends the load also when the test fails: its threads are waited for.
struct Stopper<'a>(&'a AtomicBool);

impl Drop for Stopper<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Between two requests of one client: some hundred requests a second in all leave the machine room for Envoy.
const PAUSE: Duration = Duration::from_millis(5);

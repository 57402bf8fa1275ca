//! `cargo measure`: what a request costs Envoy, in CPU time, with the filter and with the native one.
//!
//! All contenders run side by side, one worker each, and take turns in short rounds, so that a slow moment of the machine
//! hits all of them alike; quote the ratios, not the microseconds. What is counted is the CPU time of the Envoy process,
//! so the client, the issuer and the upstream do not count. The tokens have the shape and size of Entra's.

use std::process::ExitCode;
use std::time::Duration;

use envoy_test::{Connection, Envoy, IssuerServer, KeyKind, Protocol, Request, SigningKey, Upstream, exit_on_ctrl_c};
use serde_json::{Value, json};

fn main() -> ExitCode {
    let (mut rounds, mut requests) = (10, 200);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let number = |arguments: &mut dyn Iterator<Item = String>| arguments.next().and_then(|text| text.parse().ok());
        match argument.as_str() {
            "--rounds" => rounds = number(&mut arguments).unwrap_or(rounds),
            "--requests" => requests = number(&mut arguments).unwrap_or(requests),
            "--help" | "-h" => {
                print!("{HELP}");
                return ExitCode::SUCCESS;
            }
            other => {
                eprint!("there is no `{other}` here\n\n{HELP}");
                return ExitCode::from(2);
            }
        }
    }
    exit_on_ctrl_c();
    measure(rounds, requests);
    ExitCode::SUCCESS
}

/// One way to handle requests, and the requests it gets.
struct Contender {
    name: &'static str,
    envoy: Envoy,
    connection: Connection,
    tokens: Tokens,
    expected: u16,
    spent: Vec<Duration>,
}

/// What the requests carry.
enum Tokens {
    /// The same one each time.
    Same(String),
    /// A new one each time, signed beforehand.
    New(std::vec::IntoIter<String>),
}

fn measure(rounds: usize, requests: usize) {
    let login = IssuerServer::start();
    let entra = login.entra(TENANT);
    let key = entra.add_key(KeyKind::Rsa2048, "entra-1");
    let upstream = Upstream::start();
    let mint = |id: usize| entra.token(entra.v2_claims(AUDIENCE)).with("uti", format!("id-{id:08}")).build();
    let mint_all = |label: &str| {
        eprintln!("[measure] signing {} tokens for `{label}`", rounds * requests + requests);
        Tokens::New((0..rounds * requests + requests).map(mint).collect::<Vec<_>>().into_iter())
    };
    let expired = entra.token(entra.v2_claims(AUDIENCE)).with("exp", 1_000_000_000).build();

    let builder = || Envoy::builder().upstream(&upstream).cluster("login", login.address()).concurrency(1);
    let ours = |signatures: &str| builder().filter_config(filter_config(signatures)).start();
    let native = |cache: bool| {
        let filter = jwt_authn(&entra.v2_claims(AUDIENCE)["iss"], &key, cache);
        builder().without_filter().patch_listener(move |listener| insert_filter(listener, &filter)).start()
    };
    let same = || Tokens::Same(mint(0));
    let mut contenders = [
        contender("no filter", builder().without_filter().start(), same(), 200),
        contender("jwt_authn", native(false), same(), 200),
        contender("jwt_authn with its cache, one token", native(true), same(), 200),
        contender("portcullis, one token", ours("prefer_host"), same(), 200),
        contender("portcullis, every token new", ours("prefer_host"), mint_all("every token new"), 200),
        contender("portcullis, every token new, in the module", ours("forbid_host"), mint_all("in the module"), 200),
        contender("portcullis, expired token", ours("prefer_host"), Tokens::Same(expired), 401),
        contender("portcullis, no token", ours("prefer_host"), Tokens::Same(String::new()), 401),
    ];
    eprintln!("[measure] warming up");
    for contender in &mut contenders {
        contender.run(requests);
        contender.spent.clear();
    }
    for round in 1..=rounds {
        eprintln!("[measure] round {round} of {rounds}");
        for contender in &mut contenders {
            contender.run(requests);
        }
    }

    let base = contenders[1].median(requests);
    println!("{:44} {:>14} {:>22}", "CPU of Envoy per request", "microseconds", "ratio to jwt_authn");
    for contender in &contenders {
        let median = contender.median(requests);
        println!("{:44} {median:>14.1} {:>22.2}", contender.name, median / base);
    }
    println!(
        "medians of {rounds} rounds of {requests} requests, one worker, HTTP/1.1 keep-alive, RS256 with 2048 bits,"
    );
    println!("token of {} bytes", mint(0).len());
}

fn contender(name: &'static str, envoy: Envoy, tokens: Tokens, expected: u16) -> Contender {
    let connection = envoy.connection_per_worker(Protocol::Http1).remove(0);
    Contender { name, envoy, connection, tokens, expected, spent: Vec::new() }
}

impl Contender {
    fn run(&mut self, requests: usize) {
        let before = self.envoy.cpu_time();
        for _ in 0..requests {
            let token = match &mut self.tokens {
                Tokens::Same(token) => token.clone(),
                Tokens::New(tokens) => tokens.next().expect("a token for each request"),
            };
            let request = Request::get("/orders/1");
            let request = if token.is_empty() { request } else { request.bearer(&token) };
            let answer = self.connection.send(&request).expect("an answer");
            assert_eq!(answer.status, self.expected, "{}: {answer}", self.name);
        }
        self.spent.push(self.envoy.cpu_time().saturating_sub(before));
    }

    /// Microseconds per request in the median round.
    fn median(&self, requests: usize) -> f64 {
        let mut spent = self.spent.clone();
        spent.sort();
        spent[spent.len() / 2].as_secs_f64() * 1e6 / requests as f64
    }
}

fn filter_config(signatures: &str) -> Value {
    json!({
        "providers": { "entra": { "entra": { "tenants": TENANT }, "cluster": "login", "audiences": [AUDIENCE] } },
        "rules": [{ "name": "orders", "match": { "paths": ["/orders/{id}"] } }],
        "forward": { "authorization": "keep" },
        "signatures": signatures,
        "audit": { "log": "none" }
    })
}

fn jwt_authn(issuer: &Value, key: &SigningKey, cache: bool) -> Value {
    let mut provider = json!({
        "issuer": issuer,
        "audiences": [AUDIENCE],
        "forward": true,
        "local_jwks": { "inline_string": json!({ "keys": [key.jwk()] }).to_string() }
    });
    if cache {
        provider["jwt_cache_config"] = json!({ "jwt_cache_size": 1000 });
    }
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": { "entra": provider },
            "rules": [{ "match": { "prefix": "/" }, "requires": { "provider_name": "entra" } }]
        }
    })
}

fn insert_filter(listener: &mut Value, filter: &Value) {
    let filters = listener
        .pointer_mut("/filter_chains/0/filters/0/typed_config/http_filters")
        .and_then(Value::as_array_mut)
        .expect("a connection manager with filters");
    filters.insert(0, filter.clone());
}

const TENANT: &str = "11111111-2222-4333-8444-555555555555";
const AUDIENCE: &str = "66666666-7777-4888-9999-aaaaaaaaaaaa";

const HELP: &str = "\
cargo measure [--rounds N] [--requests N]

Starts eight Envoys side by side (no filter, jwt_authn with and without its cache, the filter in its ways) and lets them
take turns. Prints what a request costs Envoy in CPU time, and its ratio to jwt_authn without a cache. Linux only.

  --rounds N     rounds, 10 at first; the median one counts
  --requests N   requests in a round, 200 at first
";

//! Configurations that come and go while requests run, against the real module in a real Envoy.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests run on the real clock, and a panic is a failed test"
)]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use envoy_test::{
    Answer, ConfigForm, Connection, Document, Envoy, Fault, Issuer, IssuerServer, KeyKind, Protocol, Push, Request,
    Upstream,
};
use serde_json::{Value, json};

/// Configuration number `generation`: even ones protect `/even` and let anybody to `/odd`, odd ones the other way round.
/// What is protected tells the number: the challenge by its realm, the upstream by a header.
fn configuration(generation: usize) -> Value {
    let (protected, open) = if generation.is_multiple_of(2) { ("/even", "/odd") } else { ("/odd", "/even") };
    json!({
        "providers": {"idp": {"issuer": "https://idp.example", "cluster": "idp", "audiences": ["${AUDIENCE}"]}},
        "rules": [
            {"name": "protected", "match": {"paths": [protected]}},
            {"name": "open", "match": {"paths": [open]}, "access": "anonymous"},
        ],
        "forward": {"claims": [{"claim": "sub", "header": format!("x-generation-{generation}")}]},
        "answers": {"realm": format!("generation-{generation}")},
        "audit": {"log": "none"},
    })
}

/// What is sent in turn: a path, and a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Credential {
    None,
    Good,
    Bad,
}

fn request(path: &str, credential: Credential, good: &str) -> Request {
    match credential {
        Credential::None => Request::get(path),
        Credential::Good => Request::get(path).bearer(good),
        Credential::Bad => Request::get(path).bearer("a.b.c"),
    }
}

/// Is this the answer under configuration `generation`?
fn is_right(generation: usize, path: &str, credential: Credential, answer: &Answer) -> bool {
    let protected = (path == "/even") == generation.is_multiple_of(2);
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    let named = format!("realm=\"generation-{generation}\"");
    let told = |answer: &Answer| answer.upstream_headers(&format!("x-generation-{generation}")).len();
    match (protected, credential) {
        (false, _) => answer.status == 200 && !answer.text().contains("x-generation-"),
        (true, Credential::Good) => answer.status == 200 && told(answer) == 1,
        (true, Credential::None) => answer.status == 401 && challenge == format!("Bearer {named}"),
        (true, Credential::Bad) => {
            answer.status == 401 && challenge == format!("Bearer {named}, error=\"invalid_token\"")
        }
    }
}

/// How far the pushes are: the newest that Envoy was given, and the newest that is in force on every worker.
#[derive(Default)]
struct Progress {
    given: AtomicUsize,
    in_force: AtomicUsize,
    stop: AtomicBool,
}

/// Sends requests until told to stop, on one connection for as long as Envoy lets it live or on a new one each time.
/// Gives the number of right answers.
fn client(address: SocketAddr, keep: bool, progress: &Progress, good: &str) -> usize {
    let (mut right, mut kept) = (0, None);
    while !progress.stop.load(Ordering::SeqCst) {
        // A connection belongs to the configuration that it was opened under, for as long as Envoy drains the old one.
        let (mut connection, oldest) = kept.take().unwrap_or_else(|| {
            let oldest = progress.in_force.load(Ordering::SeqCst);
            (Connection::open(address, Protocol::Http1).unwrap_or_else(|error| panic!("lost: {error}")), oldest)
        });
        let path = if right % 2 == 0 { "/even" } else { "/odd" };
        let credential = [Credential::None, Credential::Good, Credential::Bad][right / 2 % 3];
        let answer = connection.send(&request(path, credential, good));
        let answer = answer.unwrap_or_else(|error| panic!("lost (kept: {keep}): {path} {credential:?}: {error}"));
        let newest = progress.given.load(Ordering::SeqCst);
        assert!(
            (oldest..=newest).any(|generation| is_right(generation, path, credential, &answer)),
            "{path} with credential {credential:?} is wrong under every configuration from {oldest} to {newest}: {answer}"
        );
        right += 1;
        if keep && answer.header("connection").as_deref() != Some("close") {
            kept = Some((connection, oldest));
        }
        thread::sleep(Duration::from_millis(3));
    }
    right
}

/// The faults that the filter has logged, each with its path.
fn faults(log: &str) -> Vec<&str> {
    log.lines().filter_map(|line| line.split_once("portcullis: configuration: ").map(|(_, fault)| fault)).collect()
}

/// Configurations that are refused, and the faults that must be told, in any order.
fn refused(generation: usize) -> Vec<(String, Vec<&'static str>)> {
    let mut unknown = configuration(generation);
    unknown["rules"][0]["match"]["path"] = json!("/even");
    unknown["providers"]["idp"]["audience"] = json!("orders");
    let mut unset = configuration(generation);
    unset["providers"]["idp"]["audiences"] = json!(["${NOBODY_SETS_THIS}", "${NOR_THIS}"]);
    let twice = configuration(generation).to_string().replacen("{", r#"{"limits":{"wait":"1s","wait":"2s"},"#, 1);
    let twice = twice.replacen(r#""access":"anonymous""#, r#""access":"anonymous","access":"required""#, 1);
    vec![
        (unknown.to_string(), vec!["rules[0].match.path: unknown", "providers.idp.audience: unknown"]),
        (unset.to_string(), vec!["providers.idp.audiences[0]: ", "providers.idp.audiences[1]: "]),
        (twice, vec!["limits.wait: ", "rules[1].access: "]),
    ]
}

#[track_caller]
fn assert_tells(log: &str, expected: &[&str]) {
    let told = faults(log);
    for fault in expected {
        assert!(told.iter().any(|line| line.starts_with(fault)), "`{fault}` is not among the faults {told:#?}\n{log}");
    }
}

fn idp(server: &IssuerServer) -> Issuer {
    let idp = server.oidc("https://idp.example");
    idp.add_key(KeyKind::P256, "idp-1");
    idp
}

#[test]
fn twenty_configurations_under_load_lose_nothing_and_answer_nothing_wrongly() {
    let (upstream, server) = (Upstream::start(), IssuerServer::start());
    let idp = idp(&server);
    let good = idp.token(idp.claims("orders")).build();
    let mut envoy = Envoy::builder()
        .filter_config(configuration(0))
        .environment("AUDIENCE", "orders")
        .cluster("idp", server.address())
        .upstream(&upstream)
        .start();
    for connection in &mut envoy.connection_per_worker(Protocol::Http1) {
        assert_eq!(connection.send(&request("/even", Credential::Good, &good)).unwrap().status, 200);
    }
    let address = envoy.address();

    let progress = Progress::default();
    let rights: Vec<usize> = thread::scope(|scope| {
        let clients: Vec<_> = (0..6)
            .map(|number| {
                let (progress, good) = (&progress, &good);
                scope.spawn(move || client(address, number % 2 == 0, progress, good))
            })
            .collect();
        let stopper = Stopper(&progress.stop);
        for generation in 1..=20 {
            progress.given.store(generation, Ordering::SeqCst);
            assert_eq!(envoy.push_filter_config(&configuration(generation)), Push::Accepted, "number {generation}");
            progress.in_force.store(generation, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(50));
            if generation % 7 == 0 {
                // Were one of them accepted, the load would see the generation after this one before its time.
                for (text, expected) in refused(generation + 1) {
                    match envoy.push_filter_config_text(&text) {
                        Push::Rejected(log) => assert_tells(&log, &expected),
                        Push::Accepted => panic!("Envoy has accepted {text}"),
                    }
                }
            }
        }
        thread::sleep(Duration::from_millis(500));
        drop(stopper);
        clients.into_iter().map(|client| client.join().expect("a client of the load")).collect()
    });
    for right in &rights {
        assert!(*right > 100, "{rights:?} right answers are no load");
    }
    for connection in &mut envoy.connection_per_worker(Protocol::Http1) {
        for (path, credential) in [("/even", Credential::Good), ("/odd", Credential::None), ("/even", Credential::Bad)]
        {
            let answer = connection.send(&request(path, credential, &good)).unwrap();
            assert!(is_right(20, path, credential, &answer), "{path} {credential:?}: {answer}");
        }
    }
    assert_eq!(envoy.stat("listener_manager.listener_in_place_updated"), Some(20));

    // Every configuration after the first found the keys where the first had left them.
    assert_eq!((idp.fetched(Document::Discovery), idp.fetched(Document::Keys)), (1, 1));
    // The old ones are gone when they are drained, and nothing of them is left in the gauges.
    envoy.wait_for_stat("listener_manager.total_filter_chains_draining", |draining| draining == 0);
    let entries = "wasmcustom.portcullis.token_cache.entries";
    let left = poll(Duration::from_secs(3), || envoy.stat(entries).is_some_and(|entries| entries <= 2));
    assert!(left, "{entries} is {:?}: two workers remember one token each", envoy.stat(entries));
}

/// Advisory 14.
#[test]
fn requests_that_wait_for_keys_while_the_configuration_changes_are_answered() {
    let (upstream, server) = (Upstream::start(), IssuerServer::start());
    let idp = idp(&server);
    idp.fail(Document::Keys, Fault::Delay(Duration::from_secs(2)));
    let good = idp.token(idp.claims("orders")).build();
    let mut envoy = Envoy::builder()
        .filter_config(configuration(0))
        .environment("AUDIENCE", "orders")
        .cluster("idp", server.address())
        .upstream(&upstream)
        .start();
    let waiting = "wasmcustom.portcullis.waiting_requests";
    let mut clients: Vec<_> = (0..4).flat_map(|_| envoy.connection_per_worker(Protocol::Http1)).collect();
    let answers = thread::scope(|scope| {
        let asked: Vec<_> = clients
            .iter_mut()
            .map(|connection| scope.spawn(|| connection.send(&request("/even", Credential::Good, &good))))
            .collect();
        envoy.wait_for_stat(waiting, |waiting| waiting == 8);
        // One that protects something else, and one that has never heard of the issuer.
        assert_eq!(envoy.push_filter_config(&configuration(1)), Push::Accepted);
        let mut other = configuration(2);
        other["providers"]["idp"]["issuer"] = json!("https://other.example");
        assert_eq!(envoy.push_filter_config(&other), Push::Accepted);
        let early = envoy.stat(waiting);
        assert_eq!(early, Some(8), "they were to wait while the configuration changed; raise the delay");
        asked.into_iter().map(|client| client.join().unwrap()).collect::<Vec<_>>()
    });
    for answer in answers {
        let answer = answer.unwrap_or_else(|error| panic!("a request that waited is lost: {error}"));
        assert!(is_right(0, "/even", Credential::Good, &answer), "not answered as it was asked: {answer}");
    }
    for connection in &mut envoy.connection_per_worker(Protocol::Http1) {
        let answer = connection.send(&request("/even", Credential::Good, &good)).unwrap();
        assert_eq!(answer.status, 401, "the issuer is not configured any more: {answer}");
    }
    envoy.wait_for_stat(waiting, |waiting| waiting == 0);
}

#[test]
fn a_first_configuration_with_faults_keeps_the_listener_from_starting_and_tells_them_all() {
    let refuse = |text: &str, form: ConfigForm| {
        let start = Envoy::builder().filter_config_text(text).config_form(form).environment("AUDIENCE", "orders");
        start.try_start().err().unwrap_or_else(|| panic!("Envoy has started with {text}"))
    };
    let mut all = configuration(0);
    all["providers"]["idp"]["audiences"] = json!("orders");
    all["providers"]["idp"]["keys"] = json!({"timeout": "soon"});
    all["rules"][0]["access"] = json!("tokens");
    all["surprise"] = json!(1);
    let expected =
        ["providers.idp.audiences: ", "providers.idp.keys.timeout: ", "rules[0].access: ", "surprise: unknown"];
    for form in [ConfigForm::StringValue, ConfigForm::Struct] {
        assert_tells(&refuse(&all.to_string(), form), &expected);
    }
}

#[test]
fn a_struct_says_the_same_as_a_string_and_both_read_the_environment() {
    let (upstream, server) = (Upstream::start(), IssuerServer::start());
    let idp = idp(&server);
    let good = idp.token(idp.claims("orders")).build();
    let mut envoy = Envoy::builder()
        .config_form(ConfigForm::Struct)
        .filter_config(configuration(0))
        .environment("AUDIENCE", "orders")
        .cluster("idp", server.address())
        .upstream(&upstream)
        .start();
    for generation in 0..3 {
        if generation > 0 {
            assert_eq!(envoy.push_filter_config(&configuration(generation)), Push::Accepted);
        }
        for connection in &mut envoy.connection_per_worker(Protocol::Http1) {
            for path in ["/even", "/odd"] {
                for credential in [Credential::None, Credential::Good, Credential::Bad] {
                    let answer = connection.send(&request(path, credential, &good)).unwrap();
                    assert!(is_right(generation, path, credential, &answer), "{path} {credential:?}: {answer}");
                }
            }
        }
    }
    for (text, expected) in refused(3).into_iter().filter(|(text, _)| !text.contains(r#""wait":"1s""#)) {
        match envoy.push_filter_config_text(&text) {
            Push::Rejected(log) => assert_tells(&log, &expected),
            Push::Accepted => panic!("Envoy has accepted {text}"),
        }
    }
    let answer = envoy.send(&request("/even", Credential::Good, &good));
    assert!(is_right(2, "/even", Credential::Good, &answer), "a refused configuration has changed something: {answer}");
}

fn poll(limit: Duration, mut satisfied: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < limit {
        if satisfied() {
            return true;
        }
        thread::sleep(Duration::from_millis(20));
    }
    satisfied()
}

/// Ends the load also when the test fails: its threads are waited for.
struct Stopper<'a>(&'a AtomicBool);

impl Drop for Stopper<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

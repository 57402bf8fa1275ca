//! The tokens of a certified OpenID Connect server, through a real Envoy: what a stranger's issuer really sends.
//!
//! Our own test issuer reads the specifications as the filter does, so both could be wrong together. Here discovery, keys
//! and tokens come from npm `oidc-provider`, which needs Node. Without it these tests say by name that they are ignored,
//! and with `PORTCULLIS_REQUIRE_NODE=1` that is a failure. That is why the target brings its own `main`.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use envoy_test::{Answer, Envoy, OidcProvider, Protocol, Request, Upstream, forge};
use libtest_mimic::{Arguments, Completion, Trial};
use serde_json::{Value, json};

fn main() -> ExitCode {
    let tests: [(&str, fn()); 5] = [
        ("a_client_gets_in_with_each_algorithm_that_the_server_signs_with", each_algorithm),
        ("a_user_gets_in_with_the_access_token_and_not_with_the_id_token", signed_in),
        ("what_the_server_issues_for_others_or_in_another_form_is_refused", not_for_us),
        ("a_token_that_has_expired_or_was_changed_is_refused", expired_or_changed),
        ("after_a_rotation_the_new_keys_are_fetched_once_and_the_old_ones_are_refused", rotation),
    ];
    let trials = tests.map(|(name, test)| Trial::ignorable_test(name, move || run(test)));
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit_code()
}

fn run(test: fn()) -> Result<Completion, libtest_mimic::Failed> {
    let required = std::env::var_os("PORTCULLIS_REQUIRE_NODE").is_some_and(|value| value == "1");
    match OidcProvider::lacks() {
        Some(lack) if required => Err(format!("{lack}, and PORTCULLIS_REQUIRE_NODE=1").into()),
        Some(lack) => Ok(Completion::ignored_with(lack)),
        None => {
            test();
            Ok(Completion::Completed)
        }
    }
}

fn each_algorithm() {
    let gate = Gate::open(json!({"audiences": ["orders"], "token_type": "at+jwt"}));
    for algorithm in ["RS256", "PS256", "ES256", "EdDSA"] {
        let token = gate.idp.client_credentials(&format!("urn:orders:{algorithm}"));
        assert_eq!(token_header(&token), json!({"alg": algorithm, "typ": "at+jwt"}), "not what is to be shown");
        let answer = gate.send(&token);
        assert_eq!(answer.status, 200, "{algorithm}: {answer}");
        assert_eq!(answer.upstream_headers("x-client"), ["robot"]);
    }
    // Discovery and keys, once for all workers.
    assert_eq!(gate.fetched(), (1, 1));
}

fn signed_in() {
    let mut gate = Gate::open(json!({"audiences": ["orders"], "token_type": "at+jwt"}));
    let tokens = gate.idp.sign_in("urn:orders:ES256");
    let answer = gate.send(&tokens.access_token);
    assert_eq!(answer.status, 200, "{answer}");
    assert_eq!(answer.upstream_headers("x-user"), ["abe"]);
    gate.refuses(&tokens.id_token, 401, "token_type_not_accepted");

    // Where any type is taken, and the client itself is an accepted audience, the marks of an ID token still give it away.
    gate.configure(json!({"audiences": ["orders", "robot"], "token_type": "any"}));
    assert_eq!(gate.send(&tokens.access_token).status, 200);
    gate.refuses(&tokens.id_token, 401, "token_is_id_token");
}

fn not_for_us() {
    let mut gate = Gate::open(json!({"audiences": ["orders"], "token_type": "at+jwt", "algorithms": ["ES256"]}));
    let token = |resource: &str| gate.idp.client_credentials(resource);
    let (good, billing) = (token("urn:orders:ES256"), token("urn:billing:ES256"));
    let (opaque, rsa) = (token("urn:orders:opaque"), token("urn:orders:RS256"));
    assert_eq!(gate.send(&good).status, 200);
    gate.refuses(&billing, 401, "audience_not_accepted");
    gate.refuses(&rsa, 401, "algorithm_not_accepted");
    gate.refuses(&opaque, 401, "token_not_three_parts");

    // The same tokens with the tables turned: it was the audience, and nothing else.
    gate.configure(json!({"audiences": ["billing"], "token_type": "at+jwt"}));
    assert_eq!(gate.send(&billing).status, 200);
    gate.refuses(&good, 401, "audience_not_accepted");
}

fn expired_or_changed() {
    let gate = Gate::open(json!({"audiences": ["orders"], "token_type": "at+jwt", "clock_skew": "0s"}));
    let good = gate.idp.client_credentials("urn:orders:ES256");
    assert_eq!(gate.send(&good).status, 200);
    gate.refuses(&forge::with_broken_signature(&good), 401, "signature_wrong");
    let changed = forge::with_changed_claims(&good, |claims| {
        claims.insert("scope".to_owned(), json!("orders.read orders.write"));
    });
    gate.refuses(&changed, 401, "signature_wrong");

    let short = gate.idp.client_credentials("urn:orders:short");
    // It is good for one second, in whole seconds.
    thread::sleep(Duration::from_millis(2100));
    gate.refuses(&short, 401, "token_expired");
    assert_eq!(gate.send(&good).status, 200);
}

fn rotation() {
    let gate = Gate::open(json!({"audiences": ["orders"], "token_type": "at+jwt"}));
    let old = gate.idp.client_credentials("urn:orders:ES256");
    let mut workers = gate.envoy.connection_per_worker(Protocol::Http1);
    for worker in &mut workers {
        assert_eq!(worker.send(&request(&old)).unwrap().status, 200);
    }
    assert_eq!(gate.fetched(), (1, 1));

    gate.idp.rotate();
    let new = gate.idp.client_credentials("urn:orders:ES256");
    for worker in &mut workers {
        let answer = worker.send(&request(&new)).unwrap();
        assert_eq!(answer.status, 200, "{answer}");
    }
    let after = gate.fetched();
    assert!(after.1 == 2 && after.0 <= 2, "discovery and keys were fetched {after:?} times");

    // Each worker had the old token in its cache of verified ones; the key has gone, so has that.
    for worker in &mut workers {
        let answer = worker.send(&request(&old)).unwrap();
        assert_eq!(answer.status, 401, "{answer}");
        assert_eq!(gate.reason(&answer), "portcullis_denied{kid_unknown}");
        assert_eq!(worker.send(&request(&new)).unwrap().status, 200);
    }
    assert_eq!(gate.fetched(), after, "a withdrawn key has been asked for again");
}

/// The server, Envoy and an upstream.
struct Gate {
    idp: OidcProvider,
    envoy: Envoy,
    upstream: Upstream,
}

impl Gate {
    fn open(provider: Value) -> Self {
        let idp = OidcProvider::start();
        let upstream = Upstream::start();
        let configuration = configuration(&idp, provider);
        let envoy = Envoy::builder().filter_config(configuration).upstream(&upstream).cluster("idp", idp.address());
        Self { envoy: envoy.start(), idp, upstream }
    }

    fn configure(&mut self, provider: Value) {
        let configuration = configuration(&self.idp, provider);
        assert_eq!(self.envoy.push_filter_config(&configuration), envoy_test::Push::Accepted);
    }

    fn send(&self, token: &str) -> Answer {
        self.envoy.send(&request(token))
    }

    fn refuses(&self, token: &str, status: u16, reason: &str) {
        let before = self.upstream.requests();
        let answer = self.send(token);
        assert_eq!(answer.status, status, "{reason}: {answer}");
        assert_eq!(self.reason(&answer), format!("portcullis_denied{{{reason}}}"));
        assert_eq!(self.upstream.requests(), before, "{reason}: the upstream has got the request");
    }

    fn reason(&self, answer: &Answer) -> String {
        self.envoy.access_log_of(answer)["details"].as_str().unwrap_or_default().to_owned()
    }

    /// How often the discovery document and the key set have been fetched.
    fn fetched(&self) -> (u64, u64) {
        (self.idp.requests("/.well-known/openid-configuration"), self.idp.requests("/jwks"))
    }
}

fn configuration(idp: &OidcProvider, mut provider: Value) -> Value {
    provider["issuer"] = json!(idp.issuer());
    provider["cluster"] = json!("idp");
    json!({
        "providers": {"idp": provider},
        "rules": [{"name": "all", "match": {"paths": ["/{rest...}"]}}],
        "forward": {"claims": [{"claim": "client_id", "header": "x-client"}, {"claim": "sub", "header": "x-user"}]},
    })
}

fn request(token: &str) -> Request {
    Request::get("/orders/1").bearer(token)
}

/// The header of a token without its `kid`, which is random.
fn token_header(token: &str) -> Value {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap_or_default()).expect("base64url");
    let mut header: Value = serde_json::from_slice(&header).expect("JSON");
    header.as_object_mut().expect("an object").remove("kid").expect("the server names its keys");
    header
}

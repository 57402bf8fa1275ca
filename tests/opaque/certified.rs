//! Tokens of npm `oidc-provider`: what a stranger's authorization server really says of them.

use std::thread;
use std::time::{Duration, Instant};

use envoy_test::{Answer, Envoy, OidcProvider, Protocol, Request, Upstream};
use serde_json::{Value, json};

use crate::eventually;

/// The server, Envoy and an upstream.
struct Gate {
    idp: OidcProvider,
    envoy: Envoy,
    _upstream: Upstream,
}

impl Gate {
    fn open(introspection: Value) -> Self {
        let idp = OidcProvider::start();
        let upstream = Upstream::start();
        let mut asked = json!({
            "endpoint": format!("{}/token/introspection", idp.issuer()),
            "client": { "id": "gate", "secret": "${SECRET}" },
            "jwts": "refuse", "cache": "2s", "negative_cache": "1s",
        });
        asked.as_object_mut().expect("an object").extend(introspection.as_object().expect("an object").clone());
        let configuration = json!({
            "providers": {
                "idp": { "issuer": idp.issuer(), "cluster": "idp", "audiences": ["orders"], "clock_skew": "0s", "introspection": asked }
            },
            "rules": [
                { "name": "orders", "match": { "paths": ["/orders/{id}"] }, "require": { "scopes": "orders.read" } },
                { "name": "change", "match": { "paths": ["/change"] }, "require": { "scopes": "orders.write" } },
            ],
            "forward": { "claims": [{ "claim": "client_id", "header": "x-client" }, { "claim": "sub", "header": "x-user" }] },
            "audit": { "log": "all" },
        });
        let envoy = Envoy::builder()
            .filter_config(configuration)
            .upstream(&upstream)
            .cluster("idp", idp.address())
            .environment("SECRET", OidcProvider::GATE_SECRET)
            .start();
        Self { envoy, idp, _upstream: upstream }
    }

    fn send(&self, token: &str) -> Answer {
        self.envoy.send(&Request::get("/orders/1").bearer(token))
    }

    /// Status and reason.
    fn outcome(&self, token: &str) -> String {
        let answer = self.send(token);
        format!("{} {}", answer.status, self.envoy.reason_of(&answer))
    }

    /// How often the server was asked about a token.
    fn asked(&self) -> u64 {
        self.idp.requests("/token/introspection")
    }
}

pub(crate) fn until_it_expires() {
    for client in [
        json!({ "id": "gate", "secret": "${SECRET}" }),
        json!({ "id": "gate-post", "secret": "${SECRET}", "method": "client_secret_post" }),
    ] {
        let gate = Gate::open(json!({ "client": client, "cache": "60s" }));
        let token = gate.idp.client_credentials("urn:orders:opaque");
        assert!(!token.contains('.'), "not what is to be shown: {token}");
        let answer = gate.send(&token);
        assert_eq!(answer.status, 200, "{client}: {answer}\n{}", gate.envoy.log_tail());
        assert_eq!(answer.upstream_headers("x-client"), ["robot"]);
        assert_eq!(answer.upstream_headers("authorization"), [""; 0]);
        for worker in &mut gate.envoy.connection_per_worker(Protocol::Http1) {
            for _ in 0..5 {
                assert_eq!(worker.send(&Request::get("/orders/1").bearer(&token)).unwrap().status, 200);
            }
        }
        assert!((1..=2).contains(&gate.asked()), "once for each worker: {}", gate.asked());
        let answer = gate.envoy.send(&Request::get("/change").bearer(&token));
        assert_eq!((answer.status, gate.envoy.reason_of(&answer).as_str()), (403, "scope_missing"));
        // A user, who signed in.
        let user = gate.idp.sign_in("urn:orders:opaque").access_token;
        assert_eq!(gate.send(&user).upstream_headers("x-user"), ["abe"]);
        assert_eq!(gate.outcome(&gate.idp.client_credentials("urn:billing:opaque")), "401 audience_not_accepted");
        assert_eq!(gate.outcome(&gate.idp.client_credentials("urn:orders:ES256")), "401 jwt_not_taken");
        assert_eq!(gate.outcome("made-up"), "401 token_inactive");

        // It is good for three seconds, and remembered for no longer.
        let mut brief = String::new();
        eventually("a token is used before it is over", || {
            brief = gate.idp.client_credentials("urn:orders:brief");
            gate.send(&brief).status == 200
        });
        let request = Request::get("/orders/1").bearer(&brief);
        for mut worker in gate.envoy.connection_per_worker(Protocol::Http1) {
            let mut last = worker.send(&request).unwrap();
            eventually("it is over", || {
                last = worker.send(&request).unwrap();
                last.status == 401
            });
            assert_eq!(gate.envoy.reason_of(&last), "token_inactive");
        }
        assert_eq!(gate.send(&token).status, 200);
        let told = format!("{}{:?}", gate.envoy.log(), gate.envoy.access_log());
        assert!(!told.contains(&token) && !told.contains(OidcProvider::GATE_SECRET), "a log has what is secret");
    }
}

/// Each worker remembers for itself: what one has noticed the other needn't know before its own cache time is over.
pub(crate) fn revoked() {
    let gate = Gate::open(json!({}));
    let token = gate.idp.client_credentials("urn:orders:opaque");
    let request = Request::get("/orders/1").bearer(&token);
    let mut workers = gate.envoy.connection_per_worker(Protocol::Http1);
    for worker in &mut workers {
        assert_eq!(worker.send(&request).unwrap().status, 200);
    }
    gate.idp.revoke(&token);
    let revoked = Instant::now();
    for worker in &mut workers {
        let mut refused = None;
        let mut admitted = Duration::ZERO;
        eventually("the worker refuses the revoked token", || {
            let sent = revoked.elapsed();
            refused = Some(worker.send(&request).unwrap()).filter(|answer| answer.status == 401);
            admitted = if refused.is_none() { sent } else { admitted };
            refused.is_some()
        });
        assert_eq!(gate.envoy.reason_of(&refused.expect("an answer")), "token_inactive");
        assert!(
            admitted <= Duration::from_secs(2),
            "what was sent after {admitted:?} was let in; the cache time is 2 s"
        );
        assert_eq!(worker.send(&request).unwrap().status, 401, "refused once, it is let in again");
    }
    let other = gate.idp.client_credentials("urn:orders:opaque");
    assert_eq!(gate.send(&other).status, 200);
}

pub(crate) fn wrong_secret() {
    let gate = Gate::open(json!({ "client": { "id": "gate", "secret": "WrOnGsEcReT" } }));
    let token = gate.idp.client_credentials("urn:orders:opaque");
    let answer = gate.send(&token);
    assert_eq!(answer.status, 503, "{answer}");
    assert_eq!(gate.envoy.reason_of(&answer), "introspection_unavailable");
    assert!(answer.header("retry-after").is_some() && answer.header("www-authenticate").is_none(), "{answer}");
    let log = gate.envoy.filter_log();
    assert!(log.iter().any(|line| line.contains("introspection_client_refused")), "{log:?}");
    assert!(!gate.envoy.log().contains("WrOnGsEcReT"));
}

pub(crate) fn stopped() {
    let gate = Gate::open(json!({}));
    let token = gate.idp.client_credentials("urn:orders:opaque");
    let refused = gate.idp.client_credentials("urn:orders:opaque");
    gate.idp.revoke(&refused);
    assert_eq!(gate.send(&token).status, 200);
    assert_eq!(gate.outcome(&refused), "401 token_inactive");
    gate.idp.stop();
    // What is remembered, in each worker, holds until its time is over; then nobody knows, and nobody gets in.
    thread::sleep(Duration::from_millis(2500));
    for _ in 0..6 {
        assert_eq!(gate.outcome(&token), "503 introspection_unavailable");
        assert_eq!(gate.outcome(&refused), "503 introspection_unavailable", "no denial ever turns into leave");
    }
    gate.idp.resume();
    eventually("it is noticed that the server is back", || gate.send(&token).status == 200);
    let log = gate.envoy.filter_log();
    assert!(log.iter().any(|line| line.contains("idp: a token is not known (introspection_")), "{log:?}");
    assert!(log.iter().any(|line| line.contains("idp: the authorization server answers")), "{log:?}");
}

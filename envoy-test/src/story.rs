//! A day at the gate: real requests with real tokens through a real Envoy, and what became of each.
//!
//! `cargo demo` shows it and a test can run it: every scene says what its answer must be.

mod scene;
mod stage;

use std::time::{Duration, Instant};

use serde_json::json;

pub use scene::Scene;
pub use stage::{GATE_PORT, ISSUERS_PORT, Stage, UPSTREAM_PORT, cast, curl_lines, filter_configuration};

use crate::support::poll;
use crate::{Answer, Connection, Document, KeyKind, Protocol, Push, Request, SigningKey, Token, forge};

/// Plays every scene in order, and shows each to `show` when it is over.
pub fn tell(stage: &mut Stage, show: &mut dyn FnMut(&Scene)) -> Vec<Scene> {
    let mut teller = Teller { stage, show, scenes: Vec::new() };
    teller.good_callers();
    teller.bad_tokens();
    teller.odd_requests();
    teller.routes();
    teller.rotation();
    teller.outage();
    teller.reconfiguration();
    teller.scenes
}

struct Teller<'a> {
    stage: &'a mut Stage,
    show: &'a mut dyn FnMut(&Scene),
    scenes: Vec<Scene>,
}

impl Teller<'_> {
    fn good_callers(&mut self) {
        let v2 = self.user().build();
        self.ask("GET /orders/1, Entra v2 token", &[200], &Request::get("/orders/1").bearer(&v2));
        self.ask("the same once more: verified once", &[200], &Request::get("/orders/1").bearer(&v2));
        let v1 = self.stage.entra.token(self.stage.entra.v1_claims(AUDIENCE)).build();
        self.ask("GET /orders/1, Entra v1 token", &[200], &Request::get("/orders/1").bearer(&v1));
        let app = self.stage.entra.token(self.stage.entra.app_claims(AUDIENCE)).build();
        self.ask("GET /orders/1, an application's token", &[200], &Request::get("/orders/1").bearer(&app));
        let partner = self.partner().build();
        self.ask(
            "GET /orders/1, token of the OIDC issuer (ES256)",
            &[200],
            &Request::get("/orders/1").bearer(&partner),
        );
        let start = Instant::now();
        let answer = self.stage.envoy.send_over(Protocol::Http2, &Request::get("/orders/1").bearer(&v2));
        self.note("GET /orders/1 over HTTP/2", &[200], &answer, start.elapsed());
    }

    fn bad_tokens(&mut self) {
        let now = crate::issuer::now();
        let good = self.user().build();
        let stranger = SigningKey::generate(KeyKind::Rsa2048, "entra-1");
        let pem = self.stage.entra.key().public_pem();
        let hmac = SigningKey::secret("entra-1", pem.as_bytes());
        let elsewhere = format!("https://login.microsoftonline.com/{OTHER_TENANT}/v2.0");
        let claims = self.stage.entra.v2_claims(AUDIENCE);
        let cases = [
            (
                "that expired an hour ago",
                self.user().with("exp", now - 3600).with("iat", now - 7200).with("nbf", now - 7200).build(),
            ),
            ("good from tomorrow on", self.user().with("nbf", now + 86_400).build()),
            ("for another audience", self.user().with("aud", "api://payroll").build()),
            ("of another tenant", self.user().with("iss", elsewhere).with("tid", OTHER_TENANT).build()),
            ("with one bit of its signature flipped", forge::with_broken_signature(&good)),
            (
                "with its claims changed",
                forge::with_changed_claims(&good, |claims| {
                    claims.insert("roles".to_owned(), json!(["Admin"]));
                }),
            ),
            ("signed by a stranger under a known kid", self.user().forged_by(&stranger).build()),
            ("with algorithm none", forge::unsigned(&claims)),
            ("with HS256 and the public key as secret", Token::new(claims, &hmac).build()),
            ("that is none", "three.small.words".to_owned()),
        ];
        for (what, token) in cases {
            self.ask(&format!("GET /orders/1, token {what}"), &[401], &Request::get("/orders/1").bearer(&token));
        }
        self.ask("GET /orders/1, no token", &[401], &Request::get("/orders/1"));
    }

    fn odd_requests(&mut self) {
        let (one, two) = (self.user().build(), self.user().with("uti", "another").build());
        let request = Request::get("/orders/1").bearer(&one).bearer(&two);
        self.ask("GET /orders/1, two tokens", &[400], &request);
        let request = Request::get(&format!("/orders/1?access_token={one}"));
        self.ask("GET /orders/1, token in the query", &[400], &request);
        let request = Request::get("/orders/1").header("authorization", b"Bearer \xFF\xFE\x80");
        self.ask("GET /orders/1, bytes FF FE 80 for a token", &[400, 401], &request);
        let request = Request::get("/orders/1").bearer(&one).header("x-odd", b"\xFF\xFE\x80");
        self.ask("GET /orders/1, bytes FF FE 80 in another header", &[200], &request);

        // A trap would take a worker's filter down for good: send the bytes to each, then ask each again.
        let request = Request::get("/orders/1").header("authorization", b"Bearer \xFF").header("x-odd", b"\xFF");
        for connection in &mut self.stage.envoy.connection_per_worker(Protocol::Http1) {
            let _ = connection.send(&request);
        }
        let mut workers = self.stage.envoy.connection_per_worker(Protocol::Http1);
        for (worker, connection) in workers.iter_mut().enumerate() {
            let title = format!("worker {worker} after those bytes, good token");
            self.ask_on(&title, &[200], &Request::get("/orders/1").bearer(&one), connection);
        }
    }

    fn routes(&mut self) {
        let token = self.user().build();
        self.ask("GET /healthz, no token: anonymous", &[200], &Request::get("/healthz"));
        let request = Request::get("/healthz").header("x-user-id", "admin").header("X_User_Id", "admin");
        let answer = self.ask("GET /healthz, with identity headers of its own", &[200], &request);
        if let Some(answer) = answer.filter(|answer| answer.status == 200) {
            let seen = [answer.upstream_headers("x-user-id"), answer.upstream_headers("x_user_id")].concat();
            self.check(seen.is_empty(), || format!("the upstream has got the caller's own x-user-id: {seen:?}"));
        }
        self.ask("GET /profile, no token: optional", &[200], &Request::get("/profile"));
        let bad = forge::with_broken_signature(&token);
        self.ask("GET /profile, bad token: optional is not ignored", &[401], &Request::get("/profile").bearer(&bad));
        let partner = self.partner().build();
        let request = Request::get("/profile").bearer(&partner);
        self.ask("GET /profile, token of an issuer not meant here", &[401, 403], &request);
        self.ask("GET /nowhere, good token: no rule", &[403], &Request::get("/nowhere").bearer(&token));
        self.ask("POST /healthz: no rule for the method", &[403], &Request::post("/healthz", ""));
    }

    fn rotation(&mut self) {
        let old = self.user();
        let unknown = SigningKey::generate(KeyKind::Rsa2048, "nobody-1");
        let before = self.stage.entra.fetched(Document::Keys);
        let token = self.user().signed_by(&unknown).build();
        self.ask("GET /orders/1, unknown key: one fetch, then no", &[401], &Request::get("/orders/1").bearer(&token));
        for index in 0..20 {
            let token = self.user().signed_by(&unknown.with_kid(&format!("nobody-{index}"))).build();
            let _ = self.stage.envoy.send(&Request::get("/orders/1").bearer(&token));
        }
        let fetched = self.stage.entra.fetched(Document::Keys) - before;
        // v1 and v2 keys have an address each.
        self.check(fetched <= 2, || format!("21 unknown keys made {fetched} fetches"));

        std::thread::sleep(COOLDOWN);
        self.stage.entra.add_key(KeyKind::Rsa2048, "entra-2");
        let before = self.stage.entra.fetched(Document::Keys);
        let token = self.user().build();
        self.ask("Entra has rotated: token of the new key", &[200], &Request::get("/orders/1").bearer(&token));
        let fetched = self.stage.entra.fetched(Document::Keys) - before;
        self.check((1..=2).contains(&fetched), || format!("a new key took {fetched} fetches"));
        self.ask("token of the old key, still published", &[200], &Request::get("/orders/1").bearer(&old.build()));

        std::thread::sleep(COOLDOWN);
        self.stage.entra.withdraw("entra-1");
        self.stage.entra.add_key(KeyKind::Rsa2048, "entra-3");
        let token = self.user().build();
        self.ask("Entra has rotated again: token of the new key", &[200], &Request::get("/orders/1").bearer(&token));
        // The worker that fetched knows at once, the other learns of it on its next tick.
        let request = Request::get("/orders/1").bearer(&old.build());
        let start = Instant::now();
        let mut workers = self.stage.envoy.connection_per_worker(Protocol::Http1);
        for (worker, connection) in workers.iter_mut().enumerate() {
            let refused =
                |connection: &mut Connection| connection.send(&request).is_ok_and(|answer| answer.status != 200);
            let _ = poll(Duration::from_secs(10), || refused(connection).then_some(()));
            let elapsed = start.elapsed();
            let title = format!("token of the withdrawn key, worker {worker}, after {} ms", elapsed.as_millis());
            self.ask_on(&title, &[401], &request, connection);
        }
    }

    fn outage(&mut self) {
        self.stage.login.stop();
        let token = self.user().with("uti", "while-down").build();
        self.ask("Entra is down: token of a known key", &[200], &Request::get("/orders/1").bearer(&token));
        let unknown = SigningKey::generate(KeyKind::Rsa2048, "nobody-99");
        let token = self.user().signed_by(&unknown).build();
        self.ask("Entra is down: token of an unknown key", &[401, 503], &Request::get("/orders/1").bearer(&token));
        let partner = self.partner().with("jti", "while-down").build();
        self.ask("Entra is down: the other issuer's token", &[200], &Request::get("/partner/hello").bearer(&partner));
        self.stage.login.resume();
    }

    fn reconfiguration(&mut self) {
        let token = self.user().build();
        let broken = json!({"providers": {"entra": {"entra": {"tenants": "no list"}}}, "rulez": []});
        let push = self.stage.envoy.push_filter_config(&broken);
        self.ask(
            "a broken configuration is refused, the old one serves",
            &[200],
            &Request::get("/orders/1").bearer(&token),
        );
        self.check(push != Push::Accepted, || "Envoy has accepted the broken configuration".to_owned());

        let mut wider = self.stage.configuration.clone();
        wider["rules"][0]["match"]["paths"] = json!(["/healthz", "/nowhere"]);
        let push = self.stage.envoy.push_filter_config(&wider);
        self.ask("a new configuration: GET /nowhere is anonymous", &[200], &Request::get("/nowhere"));
        self.check(push == Push::Accepted, || format!("Envoy has refused the new configuration: {push:?}"));
    }

    fn user(&self) -> Token {
        self.stage.entra.token(self.stage.entra.v2_claims(AUDIENCE))
    }

    fn partner(&self) -> Token {
        self.stage.partner.token(self.stage.partner.claims("orders"))
    }

    fn ask(&mut self, title: &str, expected: &[u16], request: &Request) -> Option<Answer> {
        match Connection::open(self.stage.envoy.address(), Protocol::Http1) {
            Ok(mut connection) => self.ask_on(title, expected, request, &mut connection),
            Err(error) => {
                self.add(title, expected, 0, error.to_string(), Duration::ZERO);
                None
            }
        }
    }

    fn ask_on(&mut self, title: &str, expected: &[u16], request: &Request, on: &mut Connection) -> Option<Answer> {
        let start = Instant::now();
        match on.send(request) {
            Ok(answer) => {
                self.note(title, expected, &answer, answer.elapsed);
                Some(answer)
            }
            Err(error) => {
                self.add(title, expected, 0, error.to_string(), start.elapsed());
                None
            }
        }
    }

    fn note(&mut self, title: &str, expected: &[u16], answer: &Answer, elapsed: Duration) {
        // Envoy answers without an id what it cannot read as a request.
        let logged = answer.header("x-request-id").map(|_| self.stage.envoy.access_log_of(answer));
        let details = logged.and_then(|line| line["details"].as_str().map(ToOwned::to_owned)).unwrap_or_default();
        let why = match details.as_str() {
            "via_upstream" => "let through".to_owned(),
            // `portcullis_denied{token_expired}`: the table is about the filter, so its reason is enough.
            details => details.trim_start_matches("portcullis_denied{").trim_end_matches('}').to_owned(),
        };
        self.add(title, expected, answer.status, why, elapsed);
    }

    fn add(&mut self, title: &str, expected: &[u16], status: u16, why: String, elapsed: Duration) {
        let scene = Scene { title: title.to_owned(), expected: expected.to_vec(), status, why, elapsed, flaw: None };
        (self.show)(&scene);
        self.scenes.push(scene);
    }

    /// Holds something against the last scene.
    fn check(&mut self, holds: bool, flaw: impl FnOnce() -> String) {
        if let Some(scene) = self.scenes.last_mut().filter(|_| !holds) {
            scene.flaw = Some(flaw());
            (self.show)(scene);
        }
    }
}

const TENANT: &str = "11111111-2222-4333-8444-555555555555";
const OTHER_TENANT: &str = "99999999-2222-4333-8444-555555555555";
const AUDIENCE: &str = "api://orders";

/// A little more than `unknown_kid_cooldown` in filter.json.
const COOLDOWN: Duration = Duration::from_millis(2300);

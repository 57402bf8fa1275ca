//! A worker with the filter, an issuer on paper, and requests: what every file here begins with.

use std::sync::LazyLock;
use std::time::Duration;

use envoy_test::{KeyKind, PaperIssuer, SigningKey, Token, forge};
use serde_json::{Value, json};
use strict_host::{Answer, Filter, Pairs, Progress, StrictHost, World};

/// The real module, compiled once for all tests.
pub(crate) static FILTER: LazyLock<Filter> = LazyLock::new(|| Filter::load(&envoy_test::wasm()));

/// The issuer's key, and its next one.
pub(crate) static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::fixed(KeyKind::Rsa2048, "key-1", 1));
pub(crate) static NEXT_KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::fixed(KeyKind::P256, "key-2", 2));

/// A token signed by [`KEY`] at [`NOW`], made once: a signature takes its time.
pub(crate) static GOOD: LazyLock<String> = LazyLock::new(|| issuer().token(&KEY, AUDIENCE, "user-1").build());

/// A worker and its issuer.
pub(crate) struct Gate {
    pub(crate) host: StrictHost,
    pub(crate) issuer: PaperIssuer,
}

fn issuer() -> PaperIssuer {
    let mut issuer = PaperIssuer::new(TENANT, NOW);
    issuer.publish_key(&KEY);
    issuer
}

impl Gate {
    /// Configured, and nothing else: no timer has fired yet.
    pub(crate) fn configured() -> Self {
        Self::in_world(&World::at(NOW))
    }

    /// Another worker of this world.
    pub(crate) fn in_world(world: &World) -> Self {
        Self { host: StrictHost::started(&FILTER, world, &config().to_string()), issuer: issuer() }
    }

    /// A worker without a root.
    pub(crate) fn empty() -> Self {
        Self { host: StrictHost::new(&FILTER, &World::at(NOW)), issuer: issuer() }
    }

    /// With the issuer's keys.
    pub(crate) fn warm() -> Self {
        let mut gate = Self::configured();
        gate.host.tick();
        gate.serve();
        gate
    }

    /// The issuer answers whatever it is asked.
    pub(crate) fn serve(&mut self) {
        let issuer = self.issuer.clone();
        self.host.serve(|address| issuer.document(address));
    }

    /// Time passes, timers fire, and the issuer answers.
    pub(crate) fn live(&mut self, span: Duration) {
        let steps = 20;
        for _ in 0..steps {
            self.host.advance(span / steps);
            self.serve();
        }
    }

    /// A good token of this subject.
    pub(crate) fn token(&self, subject: &str) -> Token {
        self.issuer.token(&KEY, AUDIENCE, subject)
    }

    /// A GET of an order with this token.
    pub(crate) fn get(&mut self, token: &str) -> u32 {
        self.get_with(token, &[])
    }

    /// The same with more headers.
    pub(crate) fn get_with(&mut self, token: &str, more: &[(&str, &str)]) -> u32 {
        let bearer = format!("Bearer {token}");
        self.host.request(&[&head()[..], &[("authorization", &bearer)], more].concat())
    }

    /// A GET of an order without a token.
    pub(crate) fn get_bare(&mut self) -> u32 {
        self.host.request(&head())
    }

    /// The answer to a request that was answered.
    pub(crate) fn answer(&mut self, stream: u32) -> Answer {
        let progress = self.host.progress(stream);
        self.host.answer(stream).unwrap_or_else(|| panic!("the request is {progress:?}, not answered"))
    }

    /// Panics unless the request goes on with the identity of the token and nothing of the client's own making.
    pub(crate) fn assert_let_on(&mut self, stream: u32, when: &str) {
        let progress = self.host.progress(stream);
        assert_eq!(progress, Progress::Forwarded, "{when}: {:?}\n{:#?}", self.host.answer(stream), self.host.log());
        self.assert_identity(stream, when);
    }

    /// Panics if the upstream would believe what the client says about itself.
    pub(crate) fn assert_identity(&mut self, stream: u32, when: &str) {
        let headers = self.host.headers(stream);
        assert_eq!(values(&headers, "x-user-id"), [OID], "{when}: {headers:#?}");
        assert_eq!(values(&headers, "x-user-roles"), ["Orders.Approve"], "{when}");
    }

    /// A forged token is turned away, and a good one let on, its identity headers set.
    pub(crate) fn assert_decides(&mut self, when: &str) {
        let stream = self.get_with(&GOOD, &SPOOFED);
        self.assert_let_on(stream, when);
        self.host.finish(stream);
        let stream = self.get_with(&FORGED, &SPOOFED);
        assert_eq!(self.answer(stream).status, 401, "{when}");
        self.host.finish(stream);
    }
}

/// What a client may send to be somebody else.
pub(crate) const SPOOFED: [(&str, &str); 3] =
    [("x-user-id", "root"), ("X-User-Roles", "Admin"), ("x-user-id", "root again")];

/// [`GOOD`] with another signature.
pub(crate) static FORGED: LazyLock<String> = LazyLock::new(|| forge::with_broken_signature(&GOOD));

/// All values of a header, in any spelling of its name.
pub(crate) fn values(headers: &Pairs, name: &str) -> Vec<String> {
    let named = headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes()));
    named.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
}

/// The head of a GET of an order.
pub(crate) fn head() -> Vec<(&'static str, &'static str)> {
    vec![
        (":authority", "api.example"),
        (":path", "/orders/4711"),
        (":method", "GET"),
        (":scheme", "https"),
        ("x-request-id", "4f1f4a4e-3d1a-4b0f-9a59-1c1b9c5a3f10"),
    ]
}

/// One issuer, one rule.
pub(crate) fn config() -> Value {
    json!({
        "providers": {"entra": {
            "entra": {"tenants": TENANT, "versions": ["v2"]},
            "cluster": "login",
            "audiences": [AUDIENCE],
        }},
        "rules": [{"name": "orders", "match": {"paths": ["/orders/{rest...}"]}}],
        "forward": {
            "claims": [{"claim": "oid", "header": "x-user-id"}, {"claim": "roles", "header": "x-user-roles"}],
            "state": {"subject": "oid"},
        },
        "audit": {"log": "all"},
    })
}

pub(crate) const AUDIENCE: &str = "api://orders";
pub(crate) const TENANT: &str = "11111111-2222-4333-8444-555555555555";
pub(crate) const OID: &str = "690222be-ff1a-4d56-abd1-7e4f7d38e474";

/// 2026-01-01.
pub(crate) const NOW: Duration = Duration::from_secs(1_767_225_600);

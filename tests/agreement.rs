//! Whatever is asked, the tool and the filter decide alike: generated requests with generated tokens, natively as
//! `portcullis explain` walks them, in the real module under the strict host, and some of them in a real Envoy.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic is the failed test"
)]

use std::sync::Arc;
use std::time::Duration;

use envoy_test::{Documents, Envoy, Request, Upstream};
use portcullis::time::UnixTime;
use portcullis_cli::moment;
use portcullis_cli::scenario::ELSEWHERE;
use portcullis_cli::scenario::gate::{Gate, head, outcome};
use portcullis_cli::scenario::verdict::Outcome;
use portcullis_cli::world::World;
use portcullis_cli::world::token::{Kind, TokenSpec, Version};
use serde_json::{Map, Value, json};
use strict_host::{Filter, Progress, StrictHost};

#[test]
fn the_module_decides_as_the_tool_does() {
    let filter = Filter::load(&envoy_test::wasm());
    let mut seen = std::collections::BTreeSet::new();
    for (seed, time) in
        [(1, "2026-03-27T09:30:00+01:00"), (2, "2026-03-29T03:30:00+02:00"), (3, "2026-07-01T07:59:59Z")]
    {
        let now = moment::parse(time).unwrap_or_else(|error| panic!("{error}"));
        let mut play = Play::new(seed, now);
        let world = strict_host::World::at(Duration::from_millis(now.as_millis()));
        let mut host = StrictHost::started(&filter, &world, &play.document.to_string());
        host.tick();
        host.serve(|address| {
            let (authority, path) = address.split_at(address.find('/').unwrap_or(address.len()));
            play.world.answer(authority, path, &[]).map(|(_, body)| body)
        });
        for number in 0..REQUESTS {
            let drawn = play.draw();
            let native = play.ask(&drawn);
            let stream = host.open();
            host.connection(stream, "source.address", format!("{ELSEWHERE}:40000").as_bytes());
            host.head(stream, drawn.pairs.clone(), true);
            let found = match host.progress(stream) {
                Progress::Forwarded => (200, String::new(), shown(&host.headers(stream)), Vec::new()),
                Progress::Answered => {
                    let answer = host.answer(stream).unwrap_or_else(|| panic!("answered, and no answer"));
                    (
                        u16::try_from(answer.status).unwrap_or(0),
                        answer.details.clone(),
                        Vec::new(),
                        shown(&answer.headers),
                    )
                }
                progress => panic!("{progress:?}"),
            };
            let details =
                if native.status == 200 { String::new() } else { format!("portcullis_denied{{{}}}", native.reason) };
            let expected = (native.status, details, sorted(native.upstream), sorted(native.answer));
            assert_eq!(
                (found.0, found.1, sorted(found.2), sorted(found.3)),
                expected,
                "request {number} of {seed}: {drawn:?}"
            );
            seen.insert(native.reason);
            host.finish(stream);
        }
    }
    assert!(seen.len() >= 12, "the requests come to few ends only: {seen:?}");
}

#[test]
fn envoy_decides_as_the_tool_does() {
    let now = moment::now();
    let mut play = Play::new(7, now);
    let served = Arc::clone(&play.world);
    let issuers = Documents::start(move |authority, path, body| served.answer(authority, path, body));
    let upstream = Upstream::start();
    let envoy = Envoy::builder()
        .filter_config(play.document.clone())
        .upstream(&upstream)
        .cluster("login", issuers.address())
        .cluster("idp", issuers.address())
        .believe_proxies()
        .start();
    let mut told = Vec::new();
    for _ in 0..IN_ENVOY {
        let drawn = play.draw();
        // Envoy makes one field of two before any filter sees them.
        if drawn.headers.iter().filter(|(name, _)| name == "authorization").count() > 1 {
            continue;
        }
        let native = play.ask(&drawn);
        let mut request = Request::new(&drawn.method, &drawn.path);
        for (name, value) in &drawn.headers {
            request = request.header(name, value);
        }
        told.push((drawn, native, envoy.send_from(ELSEWHERE, &request)));
    }
    let answers: Vec<_> = told.iter().map(|(_, _, answer)| answer.clone()).collect();
    let lines = envoy.access_log_of_each(&answers);
    for ((drawn, native, answer), line) in told.iter().zip(&lines) {
        let details = line["details"].as_str().unwrap_or_default();
        let reason = details.strip_prefix("portcullis_denied{").and_then(|rest| rest.strip_suffix('}'));
        let expected = (native.status != 200).then_some(native.reason.as_str());
        assert_eq!((answer.status, reason), (native.status, expected), "{drawn:?}");
        let challenge =
            native.answer.iter().find(|(name, _)| name == "www-authenticate").map(|(_, value)| value.clone());
        assert_eq!(answer.header("www-authenticate"), challenge, "{drawn:?}");
        if answer.status == 200 && drawn.method != "HEAD" {
            for name in ["x-user-id", "x-roles", "authorization"] {
                let expected: Vec<&str> = native
                    .upstream
                    .iter()
                    .filter(|(other, _)| other == name)
                    .map(|(_, value)| value.as_str())
                    .collect();
                assert_eq!(answer.upstream_headers(name), expected, "{name}: {drawn:?}");
            }
        }
    }
}

/// A request, as it was drawn.
#[derive(Debug)]
struct Drawn {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The native side, and the dice.
struct Play {
    gate: Gate,
    document: Value,
    world: Arc<World>,
    now: UnixTime,
    dice: u64,
    tokens: Vec<String>,
}

impl Play {
    fn new(seed: u64, now: UnixTime) -> Self {
        let (config, world) = World::open(&document(), &|_| None).unwrap_or_else(|problems| panic!("{problems}"));
        let document = world.document(&document());
        let world = Arc::new(world);
        let gate = Gate::shared(config, Arc::clone(&world));
        Self { gate, document, world, now, dice: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15), tokens: Vec::new() }
    }

    /// A number below `sides` (xorshift64*).
    fn roll(&mut self, sides: usize) -> usize {
        self.dice ^= self.dice >> 12;
        self.dice ^= self.dice << 25;
        self.dice ^= self.dice >> 27;
        (self.dice.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % sides
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }

    fn ask(&mut self, drawn: &Drawn) -> Outcome {
        self.gate.host().connect(Some(ELSEWHERE));
        let step = self.gate.walk(drawn.pairs.clone(), self.now).step;
        outcome(&drawn.pairs, step)
    }

    fn draw(&mut self) -> Drawn {
        let method = self.pick(&["GET", "GET", "GET", "POST", "DELETE", "HEAD", "OPTIONS"]).to_owned();
        let path = self
            .pick(&[
                "/orders/7",
                "/orders/7",
                "/orders/u-1",
                "/orders/%75-1",
                "/admin/users",
                "/admin",
                "/news",
                "/office",
                "/hours",
                "/strong",
                "/reported",
                "/callers",
                "/either",
                "/orders/7/",
                "/orders//7",
                "/orders/../admin/x",
                "/orders/%2e%2e/x",
                "/orders/a%2fb",
                "/none",
                "/",
                "/orders/7?x=%00&y=1",
                "/own/u-1",
                "/own/u-2",
                "/own/U-1",
            ])
            .to_owned();
        let mut headers = Vec::new();
        if self.roll(3) > 0 {
            let from = self.pick(&[
                "203.0.113.7",
                "198.51.100.7",
                "1.2.3.4, 203.0.113.9",
                "203.0.113.9, 1.2.3.4",
                "nobody",
                "::ffff:203.0.113.7",
            ]);
            headers.push(("x-forwarded-for".to_owned(), from.to_owned()));
        }
        if self.roll(4) == 0 {
            headers.push(("x-user-id".to_owned(), "root".to_owned()));
        }
        match self.roll(12) {
            0 => {}
            1 => headers.push((
                "authorization".to_owned(),
                self.pick(&["Basic eDp5", "Bearer", "bearer x.y.z", "Bearer a b", "Bearer ...", ""]).to_owned(),
            )),
            2 => {
                let (one, other) = (self.token(), self.token());
                headers.extend([one, other].map(|token| ("authorization".to_owned(), format!("Bearer {token}"))));
            }
            _ => {
                let token = self.token();
                headers.push(("authorization".to_owned(), format!("Bearer {token}")));
            }
        }
        let pairs = head(&method, "api.example", &path, &headers);
        Drawn { method, path, headers, pairs }
    }

    /// One of a hundred tokens: an old one half the time, so that remembered ones are met.
    fn token(&mut self) -> String {
        if self.tokens.len() > MOST_TOKENS || (!self.tokens.is_empty() && self.roll(2) == 0) {
            let place = self.roll(self.tokens.len());
            return self.tokens[place].clone();
        }
        let mut claims = Map::new();
        let mut may = |play: &mut Self, name: &str, values: &[Value]| {
            if play.roll(2) == 0 {
                let place = play.roll(values.len());
                claims.insert(name.to_owned(), values[place].clone());
            }
        };
        may(
            self,
            "scp",
            &[
                json!("orders.read"),
                json!("orders.write orders.read"),
                json!("admin"),
                json!(""),
                json!(7),
                json!(["orders.read"]),
            ],
        );
        may(self, "scope", &[json!("orders.read"), json!(["orders.read"]), json!(null)]);
        may(self, "roles", &[json!(["Admin"]), json!([]), json!("Admin"), json!(["Admin", 7]), json!({"Admin": true})]);
        may(self, "oid", &[json!("u-1"), json!("U-1"), json!(""), json!("r\u{f6}t")]);
        may(self, "acrs", &[json!(["c1"]), json!("c1"), json!(["c2"])]);
        may(self, "acr", &[json!("urn:mfa"), json!("0")]);
        may(self, "xms_cc", &[json!(["cp1"]), json!("cp1")]);
        may(self, "idtyp", &[json!("app"), json!("user"), json!("thing")]);
        may(self, "level", &[json!(3), json!(2.5), json!("3"), json!(1e300)]);
        match self.roll(10) {
            0 => drop(claims.insert("exp".to_owned(), json!({"now": -3600}))),
            1 => drop(claims.insert("nbf".to_owned(), json!({"now": 3600}))),
            2 => drop(claims.insert("aud".to_owned(), json!("elsewhere"))),
            3 => drop(claims.insert("exp".to_owned(), json!("tomorrow"))),
            _ => {}
        }
        let entra = self.roll(2) == 0;
        let without = self.pick(&["", "", "", "", "sub", "tid", "iss", "aud", "exp"]);
        let spec = TokenSpec {
            provider: Some(if entra { "staff" } else { "partners" }.to_owned()),
            kind: if self.roll(4) == 0 { Kind::App } else { Kind::User },
            version: (entra && self.roll(3) == 0).then_some(Version::V1),
            claims,
            without: Some(without.to_owned()).filter(|name| !name.is_empty()).into_iter().collect(),
            forged: self.roll(12) == 0,
            ..TokenSpec::default()
        };
        let token = self.world.mint(&spec, self.now).unwrap_or_else(|error| panic!("{error}"));
        self.tokens.push(token.clone());
        token
    }
}

fn document() -> Value {
    json!({
        "providers": {
            "staff": {
                "entra": {"tenants": "11111111-2222-4333-8444-555555555555"}, "cluster": "login", "audiences": ["api://orders"],
            },
            "partners": {"issuer": "https://idp.example", "cluster": "idp", "audiences": ["orders"]},
        },
        "client_address": {"forwarded_for": {"trusted_hops": 1}},
        "networks": {"office": ["203.0.113.0/24"]},
        "schedules": {"hours": {"time_zone": "Europe/Berlin", "weekly": [
            {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "18:00"},
        ]}},
        "assurances": {"strong": {"context": "c1", "acr_values": ["urn:mfa"]}},
        "rules": [
            {"name": "order", "match": {"paths": ["/orders/{id}"], "methods": ["GET"]}, "require": {"scopes": "orders.read"}},
            {"name": "orders", "match": {"paths": ["/orders/{id}"]}, "require": {"scopes": {"all": ["orders.read", "orders.write"]}}},
            {"name": "admin", "match": {"paths": ["/admin/{rest...}"]}, "require": {"app_roles": "Admin"}},
            {"name": "news", "match": {"paths": ["/news"]}, "access": "optional"},
            {"name": "office", "match": {"paths": ["/office"]}, "require": {"networks": ["office"]}},
            {"name": "hours", "match": {"paths": ["/hours"]}, "require": {"schedules": ["hours"]}},
            {"name": "strong", "match": {"paths": ["/strong"]}, "require": {"assurance": "strong"}},
            {"name": "reported", "match": {"paths": ["/reported"]}, "require": {"scopes": "admin"}, "report_only": true},
            {"name": "callers", "match": {"paths": ["/callers"]}, "require": {"callers": ["application"]}},
            {"name": "own", "match": {"paths": ["/own/{user}"]}, "require": {"owner": {"parameter": "user", "claim": "oid"}}},
            {"name": "either", "match": {"paths": ["/either"]}, "require": {"any_of": [
                {"not": {"scopes": "admin"}, "networks": ["office"]}, {"claim": {"path": "level", "range": {"min": 3}}},
            ]}},
        ],
        "conditional_access": [
            {"name": "outside", "rules": ["order", "news"], "when": {"not": {"networks": ["office"]}},
             "grant": {"require": "one", "controls": [{"assurance": "strong"}, {"scopes": "admin"}]}},
        ],
        "forward": {"claims": [{"claim": "oid", "header": "x-user-id"}, {"claim": "roles", "header": "x-roles"}]},
        "audit": {"log": "all", "inputs": true},
    })
}

fn shown(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    pairs.iter().map(|(name, value)| (text(name).to_ascii_lowercase(), text(value))).collect()
}

fn sorted(mut pairs: Vec<(String, String)>) -> Vec<(String, String)> {
    pairs.sort();
    pairs
}

/// Of each of three seeds.
const REQUESTS: usize = 800;
const IN_ENVOY: usize = 300;
const MOST_TOKENS: usize = 150;

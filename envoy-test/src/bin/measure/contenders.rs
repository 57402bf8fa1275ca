//! Who takes part.

use envoy_test::{Builder, Core, Entra, Envoy, IssuerServer, KeyKind, SigningKey, forge, pin_thread};
use serde_json::{Value, json};

use crate::contender::{Contender, Requests};
use crate::{Plan, policy};

/// The name of the one that the others are compared with.
pub(crate) const BASE: &str = "jwt_authn, no cache";

/// Starts them all.
pub(crate) fn start(plan: &Plan) -> Vec<Contender> {
    let pinned = pin_thread(Core::Client);
    eprintln!("[measure] {}", if pinned { "Envoy has one core, the client another" } else { "no two cores to pin to" });
    let field = Field::new();
    let wanted = |name: &str| name == BASE || plan.only.as_ref().is_none_or(|only| name.contains(only.as_str()));
    let entries = field.entries();
    let new: Vec<String> = if entries.iter().any(|entry| wanted(entry.name) && matches!(entry.sends, Sends::New)) {
        let count = (plan.rounds + 1) * plan.requests;
        eprintln!("[measure] signing {count} tokens");
        (0..count).map(|id| request(&field.rsa(FIRST_NEW + id))).collect()
    } else {
        Vec::new()
    };
    let taking_part = entries.into_iter().filter(|entry| wanted(entry.name));
    taking_part
        .map(|Entry { name, envoy, sends, expected }| {
            let requests = match sends {
                Sends::These(tokens) => Requests::Repeat(tokens.iter().map(|token| request(token)).collect()),
                Sends::New => Requests::Once(new.clone().into_iter()),
            };
            pin_thread(Core::Envoy);
            let envoy = envoy.start();
            pin_thread(Core::Client);
            Contender::new(name, envoy, requests, expected)
        })
        .collect()
}

struct Entry {
    name: &'static str,
    envoy: Builder,
    sends: Sends,
    expected: u16,
}

enum Sends {
    These(Vec<String>),
    /// A token that was never there before with each request; the same for all contenders.
    New,
}

/// The issuer and its keys.
pub(crate) struct Field {
    login: IssuerServer,
    entra: Entra,
    rsa: SigningKey,
    ec: SigningKey,
}

impl Field {
    pub(crate) fn new() -> Self {
        let login = IssuerServer::start();
        let entra = login.entra(TENANT);
        let ec = entra.add_key(KeyKind::P256, "entra-ec");
        let rsa = entra.add_key(KeyKind::Rsa2048, "entra-1");
        Self { login, entra, rsa, ec }
    }

    /// An RS256 token of its own for each `id`.
    pub(crate) fn rsa(&self, id: usize) -> String {
        self.token(id).signed_by(&self.rsa).build()
    }

    /// The filter's Envoy, with `extra` members of its configuration.
    pub(crate) fn ours(&self, extra: &Value) -> Builder {
        lean(Envoy::builder().cluster("login", self.login.address()).filter_config(self.configuration(extra)))
    }

    /// The filter's configuration, with `extra` members.
    pub(crate) fn configuration(&self, extra: &Value) -> Value {
        let mut configuration = json!({
            "providers": {
                "entra": {
                    "entra": { "tenants": TENANT },
                    "cluster": "login",
                    "audiences": [AUDIENCE],
                    "algorithms": ["RS256", "ES256"]
                }
            },
            "rules": [{ "name": "orders", "match": { "paths": ["/orders/{id}"] } }],
            "forward": { "authorization": "keep" },
            "audit": { "log": "none" }
        });
        for (name, value) in extra.as_object().into_iter().flatten() {
            configuration[name] = value.clone();
        }
        configuration
    }

    fn entries(&self) -> Vec<Entry> {
        let empty = lean(Envoy::builder().module(empty_module()));
        let host = || self.ours(&json!({ "signatures": "prefer_host" }));
        let module = || self.ours(&json!({ "signatures": "forbid_host" }));
        let forgetful =
            |signatures: &str| self.ours(&json!({ "signatures": signatures, "limits": { "token_cache": "0B" } }));
        let one = || Sends::These(vec![self.rsa(0)]);
        let many = || Sends::These((0..500).map(|id| self.rsa(id)).collect());
        let ec = || Sends::These(vec![self.token(0).signed_by(&self.ec).build()]);
        let none = || Sends::These(vec![String::new()]);
        let expired = || Sends::These(vec![self.token(0).signed_by(&self.rsa).with("exp", 1_000_000_000).build()]);
        let forged = || Sends::These(vec![forge::with_broken_signature(&self.rsa(0))]);
        let entry = |name, envoy, sends, expected| Entry { name, envoy, sends, expected };
        vec![
            entry("no filter", lean(Envoy::builder().without_filter()), one(), 200),
            entry("empty wasm filter", empty, one(), 200),
            entry(BASE, self.native(false), one(), 200),
            entry("jwt_authn, cache, one token", self.native(true), one(), 200),
            entry("jwt_authn, cache, 500 tokens", self.native(true), many(), 200),
            entry("jwt_authn, expired", self.native(false), expired(), 401),
            entry("jwt_authn, no cache, ES256", self.native(false), ec(), 200),
            entry("portcullis, one token", host(), one(), 200),
            entry("portcullis, 500 tokens", host(), many(), 200),
            entry("portcullis, one token, one limit", self.ours(&policy::limited("always")), one(), 200),
            entry(
                "portcullis, one token, one limit that is not told",
                self.ours(&policy::limited("never")),
                one(),
                200,
            ),
            entry("portcullis, refused by a limit", self.ours(&policy::exhausted()), one(), 429),
            entry("portcullis, one token, 1,000 rules, 5 conditions", self.ours(&policy::large(1_000)), one(), 200),
            entry("portcullis, one token, the same and CEL", self.ours(&policy::with_cel(1_000)), one(), 200),
            entry("portcullis, every token new", host(), Sends::New, 200),
            entry("portcullis, every token new, in the module", module(), Sends::New, 200),
            entry("portcullis, ES256, no cache", forgetful("prefer_host"), ec(), 200),
            entry("portcullis, ES256, no cache, in the module", forgetful("forbid_host"), ec(), 200),
            entry("portcullis, expired", host(), expired(), 401),
            entry("portcullis, forged", host(), forged(), 401),
            entry("portcullis, no token", host(), none(), 401),
        ]
    }

    fn token(&self, id: usize) -> envoy_test::Token {
        self.entra.token(self.entra.v2_claims(AUDIENCE)).with("uti", format!("id-{id:08}"))
    }

    fn native(&self, cache: bool) -> Builder {
        let mut provider = json!({
            "issuer": self.entra.v2_claims(AUDIENCE)["iss"],
            "audiences": [AUDIENCE],
            "forward": true,
            "local_jwks": { "inline_string": json!({ "keys": [self.rsa.jwk(), self.ec.jwk()] }).to_string() }
        });
        if cache {
            provider["jwt_cache_config"] = json!({ "jwt_cache_size": 1000 });
        }
        let filter = json!({
            "name": "envoy.filters.http.jwt_authn",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
                "providers": { "entra": provider },
                "rules": [{ "match": { "prefix": "/" }, "requires": { "provider_name": "entra" } }]
            }
        });
        lean(Envoy::builder().without_filter().patch_listener(move |listener| {
            let filters = listener.pointer_mut(&format!("{MANAGER}/http_filters")).and_then(Value::as_array_mut);
            filters.expect("a connection manager with filters").insert(0, filter.clone());
        }))
    }
}

/// One worker, no access log, no upstream.
fn lean(builder: Builder) -> Builder {
    builder.concurrency(1).patch_listener(|listener| {
        let manager = listener.pointer_mut(MANAGER).expect("a connection manager");
        manager["access_log"] = json!([]);
        let route = &mut manager["route_config"]["virtual_hosts"][0]["routes"][0];
        *route = json!({ "match": { "prefix": "/" }, "direct_response": { "status": 200 } });
    })
}

/// The least filter there is, as a file.
fn empty_module() -> std::path::PathBuf {
    let module = wat::parse_str(include_str!("empty.wat")).expect("a module");
    let path = envoy_test::target_dir().join("empty-filter.wasm");
    std::fs::write(&path, module).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    path
}

/// A request as a browser's script would send it.
pub(crate) fn request(token: &str) -> String {
    let authorization = if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
    format!(
        "GET /orders/1 HTTP/1.1\r\nhost: api.example\r\n{authorization}accept: application/json\r\n\
         accept-encoding: gzip, deflate, br\r\naccept-language: en\r\n\
         user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\r\n"
    )
}

const MANAGER: &str = "/filter_chains/0/filters/0/typed_config";
const TENANT: &str = "11111111-2222-4333-8444-555555555555";
const AUDIENCE: &str = "66666666-7777-4888-9999-aaaaaaaaaaaa";

/// The ids below are those of tokens that repeat.
const FIRST_NEW: usize = 10_000;

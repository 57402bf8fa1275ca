//! Tells every story of `tests/scenarios/` natively and in a real Envoy: same input, same decision.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic is a failed test"
)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use envoy_test::{
    Answer, Connection, Entra, Envoy, Issuer, IssuerServer, KeyKind, Protocol, Request, SigningKey, Token, Upstream,
    load_yaml,
};
use portcullis::access::Properties;
use portcullis::engine::Engine;
use portcullis::exchange::{Exchange, Step};
use portcullis::jose::{Hash, NativeVerifier};
use portcullis::provider::{CasMismatch, Fetched, SharedData};
use portcullis::time::UnixTime;
use serde_json::Value;

#[test]
fn every_story_goes_natively_as_it_is_written() {
    for story in stories() {
        let cast = Cast::new();
        let mut gate = NativeGate::open(&story.config, &cast);
        story.tell("natively", &cast, |request, wire| gate.answer(request, wire));
    }
}

#[test]
fn every_story_goes_in_envoy_as_it_is_written() {
    for story in stories() {
        let cast = Cast::new();
        let upstream = Upstream::start();
        let envoy = Envoy::builder()
            .filter_config(story.config.clone())
            .upstream(&upstream)
            .cluster("login", cast.server.address())
            .cluster("idp", cast.server.address())
            .start();
        story.tell("in Envoy", &cast, |_, wire| {
            let answer = envoy.send(wire);
            let details = envoy.access_log_of(&answer)["details"].as_str().unwrap_or_default().to_owned();
            let reason = details.strip_prefix("portcullis_denied{").and_then(|rest| rest.strip_suffix('}'));
            let outcome = format!("{} {}", answer.status, reason.unwrap_or_default()).trim_end().to_owned();
            (outcome, upstream_headers(&answer))
        });
    }
}

/// What a request came to: `200` or status and reason, and the headers that the upstream saw, names in lower case.
type Outcome = (String, Vec<(String, String)>);

struct Story {
    file: PathBuf,
    config: Value,
    requests: Vec<Value>,
}

impl Story {
    fn tell(&self, where_told: &str, cast: &Cast, mut ask: impl FnMut(&Value, &Request) -> Outcome) {
        let mut wrong = Vec::new();
        for request in &self.requests {
            let what = request["what"].as_str().expect("each request says what it is");
            let expected = match &request["expect"] {
                Value::String(text) => text.clone(),
                status => status.to_string(),
            };
            let (outcome, seen) = ask(request, &cast.wire(request));
            if outcome != expected {
                wrong.push(format!("{what}: expected {expected}, found {outcome}"));
            }
            for (name, value) in request["upstream"].as_object().into_iter().flatten() {
                let found: Vec<&str> =
                    seen.iter().filter(|(seen, _)| seen == name).map(|(_, value)| value.as_str()).collect();
                let expected: Vec<&str> = value.as_str().into_iter().collect();
                if found != expected {
                    wrong.push(format!("{what}: expected upstream {name} {expected:?}, found {found:?}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{} {where_told}:\n{}", self.file.display(), wrong.join("\n"));
    }
}

fn stories() -> Vec<Story> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let files = std::fs::read_dir(&folder).expect("tests/scenarios").map(|entry| entry.expect("a file").path());
    let mut stories: Vec<Story> = files
        .filter(|file| file.extension().is_some_and(|extension| extension == "yaml"))
        .map(|file| {
            let story = load_yaml(&file);
            let requests = story["requests"].as_array().expect("a list of requests").clone();
            Story { config: story["config"].clone(), requests, file }
        })
        .collect();
    stories.sort_by(|one, other| one.file.cmp(&other.file));
    assert!(!stories.is_empty(), "no stories in {}", folder.display());
    stories
}

/// Who issues tokens in the stories.
struct Cast {
    server: IssuerServer,
    entra: Entra,
    idp: Issuer,
    stranger: SigningKey,
}

impl Cast {
    fn new() -> Self {
        let server = IssuerServer::start();
        let entra = server.entra("11111111-2222-4333-8444-555555555555");
        entra.add_key(KeyKind::Rsa2048, "entra-1");
        let idp = server.oidc("https://idp.example");
        idp.add_key(KeyKind::P256, "idp-1");
        Self { server, entra, idp, stranger: SigningKey::generate(KeyKind::P256, "stranger") }
    }

    fn wire(&self, request: &Value) -> Request {
        let (method, path) = ["get", "post", "put", "delete", "options", "head"]
            .into_iter()
            .find_map(|method| Some((method.to_uppercase(), request[method].as_str()?)))
            .unwrap_or_else(|| panic!("no method and path in {request}"));
        let mut wire = Request::new(&method, path).host(request["host"].as_str().unwrap_or("api.example"));
        for header in request["headers"].as_array().into_iter().flatten() {
            let text = |index: usize| header[index].as_str().unwrap_or_else(|| panic!("not a pair of texts: {header}"));
            wire = wire.header(text(0), text(1));
        }
        match &request["token"] {
            Value::Null => wire,
            Value::String(text) => wire.bearer(text),
            token => wire.bearer(&self.token(token)),
        }
    }

    fn token(&self, spec: &Value) -> String {
        let audience = spec["audience"].as_str().expect("an audience");
        let mut token: Token = match spec["from"].as_str() {
            Some("entra v2") => self.entra.token(self.entra.v2_claims(audience)),
            Some("entra v1") => self.entra.token(self.entra.v1_claims(audience)),
            Some("entra app") => self.entra.token(self.entra.app_claims(audience)),
            Some("idp") => self.idp.token(self.idp.claims(audience)),
            other => panic!("no tokens from {other:?}"),
        };
        for (claim, value) in spec["with"].as_object().into_iter().flatten() {
            let value = match value["now"].as_i64() {
                Some(seconds) => Value::from(now().as_secs().saturating_add_signed(seconds)),
                None => value.clone(),
            };
            token = token.with(claim, value);
        }
        for claim in spec["without"].as_array().into_iter().flatten() {
            token = token.without(claim.as_str().expect("the name of a claim"));
        }
        for (member, value) in spec["header"].as_object().into_iter().flatten() {
            token = token.with_header(member, value.clone());
        }
        if spec["forged"] == true {
            let known = if spec["from"] == "idp" { self.idp.key() } else { self.entra.key() };
            let kind = if spec["from"] == "idp" { KeyKind::P256 } else { KeyKind::Rsa2048 };
            let stranger = if spec["from"] == "idp" { self.stranger.clone() } else { SigningKey::generate(kind, "x") };
            token = token.signed_by(&stranger.with_kid(known.kid()));
        }
        token.build()
    }
}

fn upstream_headers(answer: &Answer) -> Vec<(String, String)> {
    if answer.status != 200 {
        return Vec::new();
    }
    let echoed = answer.json();
    let headers = echoed["headers"].as_array().cloned().unwrap_or_default();
    headers
        .iter()
        .map(|pair| {
            (pair[0].as_str().unwrap_or_default().to_lowercase(), pair[1].as_str().unwrap_or_default().to_owned())
        })
        .collect()
}

/// The engine without Envoy: shared data in memory, callouts by a real client.
struct NativeGate {
    engine: Engine,
    host: MemoryHost,
    issuers: std::net::SocketAddr,
}

impl NativeGate {
    fn open(config: &Value, cast: &Cast) -> Self {
        let engine =
            Engine::load(config.to_string().as_bytes(), &|_| None, 1).unwrap_or_else(|problems| panic!("{problems}"));
        Self { engine, host: MemoryHost::default(), issuers: cast.server.address() }
    }

    fn answer(&mut self, request: &Value, wire: &Request) -> Outcome {
        let pairs: Vec<_> = wire.pairs();
        let mut step = Exchange::begin(pairs.clone(), &mut self.engine, &mut self.host, now());
        for _ in 0..10 {
            match step {
                Step::Continue(passage, _) => {
                    let seen = passage.mutations.applied(&pairs);
                    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
                    return (
                        "200".to_owned(),
                        seen.into_iter().map(|(name, value)| (text(name).to_lowercase(), text(value))).collect(),
                    );
                }
                Step::Reply(reply, record) => return (format!("{} {}", reply.status, record.reason), Vec::new()),
                Step::Wait(exchange, _) => {
                    self.fetch();
                    step = exchange.resume(&mut self.engine, &mut self.host, now());
                }
            }
        }
        panic!("it waits for ever: {request}")
    }

    fn fetch(&mut self) {
        let mut fetches = self.engine.poll(now(), &mut self.host);
        while let Some((issuer, fetch)) = fetches.pop() {
            let mut connection = Connection::open(self.issuers, Protocol::Http1).expect("the issuers are up");
            let request = Request::get(&fetch.path).host(&fetch.authority).timeout(Duration::from_secs(5));
            let fetched = match connection.send(&request) {
                Ok(answer) => Fetched::Response { status: answer.status, headers: Vec::new(), body: answer.body },
                Err(_) => Fetched::Failed,
            };
            self.engine.handle_response(issuer, now(), &mut self.host, fetch.id, fetched);
            fetches.extend(self.engine.poll(now(), &mut self.host));
        }
    }
}

#[derive(Default)]
struct MemoryHost {
    shared: HashMap<String, (Vec<u8>, u32)>,
}

impl SharedData for MemoryHost {
    fn get(&mut self, key: &str) -> Option<(Vec<u8>, u32)> {
        self.shared.get(key).cloned()
    }

    fn set(&mut self, key: &str, value: &[u8], cas: u32) -> Result<(), CasMismatch> {
        let version = self.shared.get(key).map_or(0, |(_, version)| *version);
        if cas != 0 && version != 0 && cas != version {
            return Err(CasMismatch);
        }
        self.shared.insert(key.to_owned(), (value.to_vec(), version + 1));
        Ok(())
    }
}

impl Properties for MemoryHost {
    fn property(&mut self, _: &str) -> Option<Vec<u8>> {
        None
    }
}

/// No host to ask: here the module's own libraries check, in Envoy the host does. Both must say the same.
impl NativeVerifier for MemoryHost {
    fn verify(&mut self, _: Hash, _: &[u8], _: &[u8], _: &[u8]) -> Option<bool> {
        None
    }
}

#[expect(clippy::disallowed_methods, reason = "a test runs on the real clock")]
fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    UnixTime::from_millis(u64::try_from(since.as_millis()).expect("a clock before the year 500 million"))
}

//! Tells every story of `tests/scenarios/`, and of the examples in `filter-config/`, natively, as `portcullis test` does, and in a real Envoy: same input, same decision.

#![expect(clippy::indexing_slicing, clippy::panic, reason = "a panic is a failed test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use envoy_test::{
    Answer, ClientCertificate, Connection, Documents, Envoy, Protocol, RateLimitEngine, Request, Upstream,
    envoy_binary, load_yaml,
};
use portcullis::time::UnixTime;
use portcullis_cli::command::test::ask;
use portcullis_cli::moment;
use portcullis_cli::scenario::verdict::Outcome;
use portcullis_cli::scenario::{Scenario, ScenarioRequest, read};
use portcullis_cli::world::World;
use portcullis_cli::world::certificate::{CertificateSpec, MadeCertificate};
use serde_json::{Value, json};

#[test]
fn every_story_goes_natively_as_it_is_written() {
    for story in stories() {
        let outcomes = ask(&story.scenario, story.config(), &|_| None);
        let outcomes = outcomes.unwrap_or_else(|faults| panic!("{}: {}", story.file.display(), faults.join("\n")));
        story.check("natively", story.scenario.requests.iter().zip(&outcomes));
    }
}

#[test]
fn every_story_goes_in_envoy_as_it_is_written() {
    let upstream = Upstream::start();
    for story in stories() {
        let native = ask(&story.scenario, story.config(), &|_| None).unwrap_or_default();
        let stage = Stage::of(&story);
        let mut by_time: BTreeMap<Option<u64>, Vec<usize>> = BTreeMap::new();
        for (index, request) in story.scenario.requests.iter().enumerate() {
            by_time.entry(request.at.map(UnixTime::as_millis)).or_default().push(index);
        }
        let mut told = Vec::new();
        for (at, requests) in by_time {
            let at = at.map(UnixTime::from_millis);
            let envoy = stage.envoy(&upstream, at);
            for index in requests {
                let request = &story.scenario.requests[index];
                std::thread::sleep(request.after);
                // Envoy can't be told what a connection is like, and an old one does not tell the filter; the native side has been.
                let is_shown = request.certificate.is_none() || envoy_binary().tells_of_certificates();
                if !is_shown {
                    eprintln!("{}: {}: natively only, by this Envoy's age", story.file.display(), request.what);
                }
                if request.connection.is_empty() && is_shown {
                    told.push((request, stage.ask(&envoy, request), native.get(index)));
                }
            }
        }
        story.check("in Envoy", told.iter().map(|(request, outcome, _)| (*request, outcome)));
        for (request, outcome, native) in &told {
            let decided = |outcome: &Outcome| {
                (outcome.status, outcome.reason.clone(), outcome.rule.clone(), outcome.unenforced.clone())
            };
            let native = native.unwrap_or_else(|| panic!("{}: not told natively", story.file.display()));
            assert_eq!(decided(outcome), decided(native), "{}: {}", story.file.display(), request.what);
        }
    }
}

struct Story {
    file: PathBuf,
    config: Value,
    scenario: Scenario,
}

impl Story {
    fn config(&self) -> &Value {
        &self.config
    }

    fn check<'a>(&self, where_told: &str, told: impl Iterator<Item = (&'a ScenarioRequest, &'a Outcome)>) {
        let wrong: Vec<String> = told
            .flat_map(|(request, outcome)| {
                let differences = request.expect.differences(outcome).into_iter();
                differences.map(|difference| {
                    let (expected, found) = (difference.expected, difference.found);
                    format!("{}: {}: expected {expected}, found {found}", request.what, difference.about)
                })
            })
            .collect();
        assert!(wrong.is_empty(), "{} {where_told}:\n{}", self.file.display(), wrong.join("\n"));
    }
}

/// All of them, or those with `PORTCULLIS_SCENARIO` in their file's name.
fn stories() -> Vec<Story> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"));
    let examples = workspace.join("filter-config");
    let folders = [workspace.join("tests/scenarios"), examples.join("scenarios")];
    let wanted = std::env::var("PORTCULLIS_SCENARIO").unwrap_or_default();
    let list =
        |folder: &PathBuf| std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| list(folder).flatten())
        .map(|entry| entry.path())
        .filter(|file| file.extension().is_some_and(|extension| extension == "yaml"))
        .filter(|file| file.to_string_lossy().contains(&wanted))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no stories in {folders:?}");
    let stories = files.into_iter().map(|file| {
        let scenario = read::scenario(&load_yaml(&file));
        let scenario = scenario.unwrap_or_else(|faults| panic!("{}:\n{}", file.display(), faults.join("\n")));
        let config = scenario.config.clone().unwrap_or_else(|| {
            // The scenarios of an example are beside the configuration of the same name.
            let name = file.file_stem().map(|name| Path::new(name).with_extension("json"));
            load_yaml(&examples.join(name.unwrap_or_else(|| panic!("{}: no name", file.display()))))
        });
        Story { config, scenario, file }
    });
    stories.collect()
}

/// The world of a story, served over sockets.
struct Stage {
    world: Arc<World>,
    config: Value,
    issuers: Documents,
    /// Who counts limits that are counted elsewhere.
    limits: RateLimitEngine,
    /// The authorities of the certificates in the story; none if there is no certificate, and then no TLS.
    tls: Vec<String>,
}

impl Stage {
    fn of(story: &Story) -> Self {
        let opened = World::open(story.config(), &|_| None);
        let (_, world) = opened.unwrap_or_else(|problems| panic!("{}: {problems}", story.file.display()));
        let world = Arc::new(world);
        let mut config = world.document(story.config());
        // What a decision came to is in its record; writing it changes none.
        config["audit"]["log"] = json!("all");
        let served = Arc::clone(&world);
        let issuers = Documents::start(move |host, path, body| served.answer(host, path, body));
        let shown = story.scenario.requests.iter();
        let shown = shown.filter_map(|request| Some((request, request.certificate.as_ref()?)));
        let tls = shown.filter(|(_, spec)| !spec.forged).map(|(request, spec)| made(request, spec).authority).collect();
        Self { issuers, limits: RateLimitEngine::start(), world, config, tls }
    }

    fn envoy(&self, upstream: &Upstream, at: Option<UnixTime>) -> Envoy {
        let mut builder = Envoy::builder().filter_config(self.config.clone()).upstream(upstream).believe_proxies();
        let engines = clusters(&self.config["rate_limits"]);
        if !self.tls.is_empty() {
            // Each certificate gets as far as the filter.
            builder = builder.tls_accepting_untrusted(&self.tls);
        }
        for cluster in clusters(&self.config) {
            builder = if engines.contains(&cluster) {
                builder.grpc_cluster(&cluster, self.limits.address())
            } else {
                builder.cluster(&cluster, self.issuers.address())
            };
        }
        if let Some(at) = at {
            let seconds = |time: UnixTime| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
            builder = builder.clock_offset(seconds(at).saturating_sub(seconds(moment::now())));
        }
        builder.start()
    }

    fn ask(&self, envoy: &Envoy, request: &ScenarioRequest) -> Outcome {
        let headers = request.wire_headers(&self.world, request.at.unwrap_or_else(moment::now));
        let headers = headers.unwrap_or_else(|error| panic!("{}: {error}", request.what));
        let mut wire = Request::new(&request.method, &request.path).host(&request.host);
        for (name, value) in &headers {
            wire = wire.header(name, value);
        }
        let certificate = request.certificate.as_ref().map(|spec| made(request, spec));
        let answer = if self.tls.is_empty() {
            envoy.send_from(request.from, &wire)
        } else {
            let shown = certificate.map(|made| ClientCertificate { certificate: made.certificate, key: made.key });
            let opened = Connection::open_tls(envoy.address(), Protocol::Http1, Some(request.from), shown.as_ref());
            let answer = opened.and_then(|mut connection| connection.send(&wire));
            answer.unwrap_or_else(|error| panic!("{}: {error}\n{}", request.what, envoy.log_tail()))
        };
        let details = envoy.access_log_of(&answer)["details"].as_str().unwrap_or_default().to_owned();
        let stopped = details.strip_prefix("portcullis_denied{").and_then(|rest| rest.strip_suffix('}'));
        let id = answer.header("x-request-id");
        let record = envoy.wait_for_audit(|record| record["request_id"].as_str() == id.as_deref());
        let text = |member: &str| record[member].as_str().map(str::to_owned);
        let reason = text("reason").unwrap_or_default();
        assert_eq!(stopped, (answer.status != 200).then_some(reason.as_str()), "{}", request.what);
        let pairs =
            answer.headers.iter().map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into_owned()));
        Outcome {
            status: answer.status,
            reason,
            rule: text("rule"),
            unenforced: text("unenforced"),
            upstream: upstream_headers(&answer),
            answer: pairs.collect(),
        }
    }
}

/// The certificate of a request.
fn made(request: &ScenarioRequest, spec: &CertificateSpec) -> MadeCertificate {
    let made = spec.make(request.at.unwrap_or_else(moment::now));
    made.unwrap_or_else(|error| panic!("{}: certificate: {error}", request.what))
}

/// Every cluster that the configuration names.
fn clusters(config: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = vec![config];
    while let Some(value) = rest.pop() {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    match value {
                        Value::String(cluster) if name == "cluster" || name.ends_with("_cluster") => {
                            found.push(cluster.clone())
                        }
                        _ => rest.push(value),
                    }
                }
            }
            Value::Array(values) => rest.extend(values),
            _ => {}
        }
    }
    found.sort();
    found.dedup();
    found
}

fn upstream_headers(answer: &Answer) -> Vec<(String, String)> {
    if answer.status != 200 || answer.body.is_empty() {
        return Vec::new();
    }
    let echoed = answer.json();
    let headers = echoed["headers"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    headers.iter().map(|pair| (text(&pair[0]).to_lowercase(), text(&pair[1]))).collect()
}

//! Every command as it is called: what it prints, and how it exits.

#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a panic is the failed test")]

mod certificates;
mod keys;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

struct Told {
    code: i32,
    out: String,
    err: String,
}

impl Told {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    #[track_caller]
    fn assert(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        for part in parts {
            assert!(self.out.contains(part), "no {part:?} in:\n{}\n{}", self.out, self.err);
        }
    }
}

fn portcullis(arguments: &[&str]) -> Told {
    let output =
        Command::new(env!("CARGO_BIN_EXE_portcullis")).args(arguments).stdin(Stdio::null()).output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Told { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn add(&self, name: &str, text: &str) -> String {
        let path: PathBuf = self.0.path().join(name);
        fs::write(&path, text).expect("a file");
        path.to_string_lossy().into_owned()
    }
}

fn config() -> Value {
    json!({
        "providers": {"idp": {"issuer": "https://idp.example", "cluster": "idp", "audiences": ["orders"]}},
        "networks": {"office": ["203.0.113.0/24"]},
        "rules": [
            {"name": "read", "match": {"paths": ["/orders/{id}"], "methods": ["GET"]}, "require": {"scopes": "orders.read"}},
            {"name": "office", "match": {"paths": ["/office"]}, "require": {"networks": ["office"]}},
            {"name": "news", "match": {"paths": ["/news"]}, "access": "anonymous"},
        ],
        "forward": {"claims": [{"claim": "sub", "header": "x-user-id"}]},
        "audit": {"log": "all", "inputs": true},
    })
}

#[test]
fn check_tells_every_fault_with_its_path() {
    let files = Files::new();
    let good = files.add("good.json", &config().to_string());
    portcullis(&["check", &good]).assert(0, &["good.json: fine"]);
    let mut bad = config();
    bad["rules"][0]["acess"] = json!("token");
    bad["providers"]["idp"]["audiences"] = json!(7);
    let bad = files.add("bad.json", &bad.to_string());
    let told = portcullis(&["check", &good, &bad]);
    told.assert(
        1,
        &[
            "bad.json: error: rules[0].acess: unknown setting",
            "bad.json: error: providers.idp.audiences: expected a list",
        ],
    );
    let told = portcullis(&["check", "--format", "json", &bad]);
    assert_eq!(told.code, 1);
    assert_eq!(told.json()["files"][0]["errors"].as_array().map(Vec::len), Some(2));
    let mut warned = config();
    warned["report_only"] = json!(true);
    let warned = files.add("warned.json", &warned.to_string());
    portcullis(&["check", &warned]).assert(0, &["warned.json: warning: report_only"]);
    portcullis(&["check", "--deny-warnings", &warned]).assert(1, &["warning"]);
    portcullis(&["check", "/nowhere.json"]).assert(2, &["/nowhere.json: error: "]);
    portcullis(&["check"]).assert(2, &[]);
    let twice = files.add("twice.json", r#"{"providers": {}, "providers": {}, "rules": []}"#);
    portcullis(&["check", &twice]).assert(1, &["providers"]);
    let broken = files.add("broken.json", "{\"providers\": ");
    portcullis(&["check", &broken]).assert(1, &["not valid JSON"]);
}

#[test]
fn check_reads_yaml_and_variables() {
    let files = Files::new();
    let yaml = files.add(
        "filter.yaml",
        "providers:\n  idp: { issuer: '${ISSUER}', cluster: idp, audiences: [orders] }\nrules:\n  - { name: all, match: { paths: ['/{rest...}'] } }\n",
    );
    portcullis(&["check", &yaml]).assert(1, &["providers.idp.issuer", "ISSUER"]);
    portcullis(&["check", "--env", "ISSUER=https://idp.example", &yaml]).assert(0, &["fine"]);
}

#[test]
fn explain_walks_a_request_step_by_step() {
    let files = Files::new();
    let file = files.add("filter.json", &config().to_string());
    let request = ["explain", &file, "--request", "GET https://api.example/orders/7?secret=1"];
    let told = portcullis(
        &[&request[..], &["--claims", r#"{"scope": "orders.read", "sub": "u-1"}"#, "--at", "2026-03-02T09:00:00Z"]]
            .concat(),
    );
    told.assert(
        0,
        &[
            "GET api.example/orders/7 from an address not known at 2026-03-02T09:00:00Z",
            "read (rules[0]): /orders/{id} with id = \"7\"",
            "in the header `authorization`",
            "provider idp",
            "scopes `orders.read`: met",
            "goes on: allowed",
            "+ x-user-id: u-1",
            "- authorization",
        ],
    );
    assert!(!told.out.contains("secret"), "a query may hold secrets: {}", told.out);
    let told = portcullis(&[&request[..], &["--claims", r#"{"scope": "x"}"#]].concat());
    told.assert(
        0,
        &[
            "scopes `orders.read`: unmet: scope_missing",
            "403",
            "www-authenticate: Bearer realm=\"api\", error=\"insufficient_scope\"",
        ],
    );
    let told = portcullis(&[&request[..], &["--claims", r#"{"scope": "x"}"#, "--format", "json"]].concat());
    assert_eq!(told.code, 0);
    let story = told.json();
    assert_eq!(story["decision"]["reason"], "scope_missing");
    assert_eq!(story["answer"]["status"], 403);
    assert_eq!(story["rule"]["name"], "read");
    portcullis(&request).assert(0, &["credential_missing", "401"]);
    let office = ["explain", &file, "--request", "GET https://api.example/office", "--claims", "{}"];
    portcullis(&[&office[..], &["--from", "203.0.113.9"]].concat()).assert(0, &["goes on"]);
    portcullis(&[&office[..], &["--from", "192.0.2.9"]].concat()).assert(0, &["network_not_allowed"]);
    portcullis(&office).assert(0, &["address_unknown"]);
    portcullis(&["explain", &file, "--request", "GET"]).assert(2, &[]);
    portcullis(&["explain", &file]).assert(2, &[]);
}

#[test]
fn test_says_what_is_not_as_expected() {
    let files = Files::new();
    let file = files.add("filter.json", &config().to_string());
    let good = files.add(
        "good.yaml",
        "requests:\n  - { what: reads, get: /orders/7, token: { claims: { scope: orders.read } }, expect: 200 }\n  - { what: nobody, get: /orders/7, expect: 401 credential_missing }\n",
    );
    portcullis(&["test", &file, &good]).assert(0, &["good.yaml: 2 as expected"]);
    let bad = files.add("bad.yaml", "requests:\n  - { what: writes, get: /orders/7, token: {}, expect: 200 }\n");
    let told = portcullis(&["test", &file, &good, &bad]);
    told.assert(1, &["bad.yaml: FAILED: writes", "- 200", "+ 403 scope_missing", "1 of 3 requests"]);
    let told = portcullis(&["test", "--format", "json", &file, &bad]);
    assert_eq!(told.json()["files"][0]["failures"][0]["differences"][0]["found"], "403 scope_missing");
    portcullis(&["test", &file, &good, "--only", "reads"]).assert(0, &["good.yaml: 1 as expected"]);
    portcullis(&["test", &file, &good, "--only", "raeds"]).assert(2, &[]);
    let typo = files.add("typo.yaml", "requests:\n  - { what: typo, get: /orders/7, tokn: {}, expect: 200 }\n");
    portcullis(&["test", &file, &typo]).assert(2, &["typo.yaml: error: request 1 (typo): tokn: unknown member"]);
    portcullis(&["test", &good]).assert(2, &["config: is required"]);
    portcullis(&["test", &file]).assert(2, &[]);
    let whole = files.add(
        "whole.json",
        &json!({"config": config(), "requests": [{"what": "news", "get": "/news", "expect": 200}]}).to_string(),
    );
    portcullis(&["test", &whole]).assert(0, &["1 as expected"]);
}

fn record(more: Value) -> String {
    let mut record = json!({
        "decision": "allow", "reason": "allowed", "rule": "read", "method": "GET", "host": "api.example", "path": "/orders/7",
        "provider": "idp", "subject": "u-1", "time_ms": 1_767_225_600_000_u64,
        "inputs": {"address": "192.0.2.1", "claims": {
            "iss": "https://idp.example", "aud": "orders", "sub": "u-1", "exp": 1_767_229_200, "iat": 1_767_225_600, "scope": "orders.read",
        }},
    });
    for (name, value) in more.as_object().expect("members") {
        record[name] = value.clone();
    }
    format!("[2026-01-01 00:00:00.000][12][warning][wasm] [context.cc:1] wasm log portcullis: {record}\n")
}

#[test]
fn a_log_is_replayed_against_another_configuration() {
    let files = Files::new();
    let denied =
        json!({"decision": "deny", "reason": "credential_missing", "status": 401, "inputs": {"address": "192.0.2.1"}});
    let expired =
        json!({"decision": "deny", "reason": "token_expired", "status": 401, "inputs": {"address": "192.0.2.1"}});
    let log = [
        "[2026-01-01][info] something else {of no interest}\n".to_owned(),
        record(json!({})),
        record(json!({"request_id": "r-2"})),
        record(denied),
        record(expired),
        record(json!({"inputs": null})).replace("\"inputs\":null,", ""),
    ]
    .concat();
    let log = files.add("envoy.log", &log);
    let same = files.add("same.json", &config().to_string());
    portcullis(&["explain", &same, "--envoy-log", &log])
        .assert(0, &["5 records: 3 would go as they went, 0 would not, 2 can't be told"]);
    let mut stricter = config();
    stricter["rules"][0]["require"] = json!({"scopes": "orders.write"});
    let stricter = files.add("stricter.json", &stricter.to_string());
    let told = portcullis(&["explain", &stricter, "--envoy-log", &log]);
    told.assert(
        3,
        &[
            "2 x allow -> deny 403 scope_missing, by rule read",
            "GET api.example/orders/7 of u-1",
            "1 x can't be told: the record has no `inputs`",
        ],
    );
    let mut elsewhere = config();
    elsewhere["rules"][0]["require"] = json!({"networks": ["office"]});
    let elsewhere = files.add("elsewhere.json", &elsewhere.to_string());
    let told = portcullis(&["explain", &elsewhere, "--envoy-log", &log, "--format", "json"]);
    assert_eq!(told.code, 3);
    assert_eq!(told.json()["changed"][0]["would_be"], "deny 403 network_not_allowed");
    let mut unknown = config();
    unknown["rules"][0]["require"] = json!({"claim": {"path": "dept", "equals": 7}});
    let unknown = files.add("unknown.json", &unknown.to_string());
    portcullis(&["explain", &unknown, "--envoy-log", &log])
        .assert(0, &["can't be told: the decision hangs on `claim`"]);
    let mut passing = config();
    passing["answers"] = json!({"cors_preflight": "pass"});
    let passing = files.add("passing.json", &passing.to_string());
    let preflight = record(json!({"method": "OPTIONS", "inputs": {"address": "192.0.2.1"}}));
    let preflight = files.add("preflight.log", &preflight);
    portcullis(&["explain", &passing, "--envoy-log", &preflight]).assert(0, &["1 x can't be told: preflights pass"]);
    portcullis(&["explain", &same, "--envoy-log", &same]).assert(2, &[]);
}

#[test]
fn the_schema_is_that_of_the_repository() {
    let told = portcullis(&["schema"]);
    assert_eq!(told.code, 0);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../filter-config/schema.json");
    let written: Value = serde_json::from_str(&fs::read_to_string(file).expect("the schema")).expect("JSON");
    assert_eq!(told.json(), written);
}

#[test]
fn completions_and_help_teach() {
    portcullis(&["completions", "bash"]).assert(0, &["_portcullis", "explain"]);
    portcullis(&["--help"]).assert(0, &["check", "explain", "test", "schema", "completions"]);
    for command in ["check", "explain", "test", "schema", "completions"] {
        portcullis(&[command, "--help"]).assert(0, &["Examples:\n  portcullis", command]);
    }
    portcullis(&["no-such-command"]).assert(2, &[]);
}

#[test]
fn explain_says_what_the_authorization_server_says_of_an_opaque_token() {
    let files = Files::new();
    let mut opaque = config();
    opaque["providers"]["idp"]["introspection"] =
        json!({"endpoint": "https://idp.example/introspect", "client": {"id": "gate", "secret": "hush"}});
    let opaque = files.add("opaque.json", &opaque.to_string());
    let ask = ["explain", opaque.as_str(), "--request", "GET https://api.example/orders/7"];
    let claims = |claims: &'static str| portcullis(&[&ask[..], &["--opaque", "--claims", claims]].concat());
    claims(r#"{"scope": "orders.read"}"#).assert(
        0,
        &[
            "token       opaque; the authorization server of provider idp is asked",
            "caller      caller user-1",
            "goes on",
        ],
    );
    claims(r#"{"active": false}"#).assert(0, &["decision    token_inactive", "answer      401"]);
    // A real one: nobody here knows what it is.
    let token = files.add("token.txt", "2YotnFZFEjr1zCsicMWpAA");
    portcullis(&[&ask[..], &["--token", &token]].concat())
        .assert(0, &["decision    introspection_unavailable", "answer      503", "hint        without --keys"]);
    let without = files.add("jwt.json", &config().to_string());
    let told = portcullis(&["explain", &without, "--request", "GET /orders/7", "--opaque", "--claims", "{}"]);
    assert!(told.code == 2 && told.err.contains("provider `idp` has no `introspection`"), "{}{}", told.out, told.err);
}

//! Small modules that make chosen host calls in one callback.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use strict_host::{Filter, Progress, StrictHost, World};

/// The callback in which the calls are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum In {
    Configure,
    Tick,
    Head,
    Body,
    Delete,
}

/// Calls, one after the other, and the texts that they name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    code: String,
    texts: String,
}

/// A script of one call.
pub(crate) fn script() -> Script {
    Script::default()
}

impl Script {
    /// Any code.
    pub(crate) fn code(mut self, code: &str) -> Self {
        self.code += code;
        self
    }

    /// Any call, with any arguments in numbers.
    pub(crate) fn call(self, function: &str, numbers: &[i64]) -> Self {
        let numbers: String = numbers.iter().fold(String::new(), |all, number| all + &format!("(i32.const {number})"));
        self.code(&format!("(drop (call ${function} {numbers}))"))
    }

    pub(crate) fn log(mut self, level: u32, line: &str) -> Self {
        let line = self.text(line);
        self.code(&format!("(drop (call $log (i32.const {level}) {line}))"))
    }

    /// `add` or `replace`.
    pub(crate) fn header(mut self, change: &str, map: u32, name: &str, value: &str) -> Self {
        let (name, value) = (self.text(name), self.text(value));
        self.code(&format!("(drop (call ${change}_header_map_value (i32.const {map}) {name} {value}))"))
    }

    pub(crate) fn remove(mut self, name: &str) -> Self {
        let name = self.text(name);
        self.code(&format!("(drop (call $remove_header_map_value (i32.const 0) {name}))"))
    }

    pub(crate) fn respond(mut self, status: u32, details: &str, headers: &str) -> Self {
        let (details, headers) = (self.text(details), self.text(headers));
        let body = "(i32.const 0) (i32.const 0)";
        self.code(&format!(
            "(drop (call $send_local_response (i32.const {status}) {details} {body} {headers} (i32.const -1)))"
        ))
    }

    pub(crate) fn property(mut self, path: &str) -> Self {
        let (path, value) = (self.text(path), self.text("value"));
        self.code(&format!("(drop (call $set_property {path} {value}))"))
    }

    pub(crate) fn share(mut self, key: &str) -> Self {
        let (key, value) = (self.text(key), self.text("value"));
        self.code(&format!("(drop (call $set_shared_data {key} {value} (i32.const 0)))"))
    }

    pub(crate) fn metric(mut self, kind: u32, name: &str) -> Self {
        let name = self.text(name);
        self.code(&format!("(drop (call $define_metric (i32.const {kind}) {name} (i32.const 8)))"))
    }

    /// `increment` or `record` on the metric 1.
    pub(crate) fn count(self, change: &str, by: i64) -> Self {
        self.code(&format!("(drop (call ${change}_metric (i32.const 1) (i64.const {by})))"))
    }

    pub(crate) fn http_call(mut self, headers: &[(&str, &str)], timeout: u32) -> Self {
        let number = |number: usize| char::from(u8::try_from(number).unwrap()).to_string() + "\0\0\0";
        let sizes = headers.iter().map(|(name, value)| number(name.len()) + &number(value.len()));
        let texts = headers.iter().map(|(name, value)| format!("{name}\0{value}\0"));
        let map = number(headers.len()) + &sizes.collect::<String>() + &texts.collect::<String>();
        let (cluster, map) = (self.text("cluster"), self.text(&map));
        let nothing = "(i32.const 0) (i32.const 0)";
        self.code(&format!(
            "(drop (call $http_call {cluster} {map} {nothing} {nothing} (i32.const {timeout}) (i32.const 8)))"
        ))
    }

    /// Puts a text into memory; its address and its size.
    fn text(&mut self, text: &str) -> String {
        let at = TEXTS + self.texts.len();
        self.texts += text;
        format!("(i32.const {at}) (i32.const {})", text.len())
    }

    /// Makes the calls in this callback of a module that lets everything on; what the host says, if it objects.
    pub(crate) fn run(&self, place: In) -> Result<(), String> {
        self.run_with_action(place, 0)
    }

    /// The same, with another action at the end of a head.
    pub(crate) fn run_with_action(&self, place: In, action: u32) -> Result<(), String> {
        objection(|| {
            let mut host = self.host(place, action);
            host.tick();
            let stream = host.request(&[(":path", "/"), ("x-twice", "1"), ("x-twice", "2")]);
            if host.progress(stream) == Progress::Forwarded {
                host.body(stream, 1, true);
            }
            host.finish(stream);
        })
    }

    /// A worker with that module.
    pub(crate) fn host(&self, place: In, action: u32) -> StrictHost {
        let filter = Filter::compile(&wat::parse_str(self.module(place, action)).unwrap());
        StrictHost::started(&filter, &World::at(Duration::from_secs(1)), "configuration")
    }

    fn module(&self, place: In, action: u32) -> String {
        let mut wat = String::from("(module\n");
        for (function, parameters) in IMPORTS {
            let name = function.trim_end_matches("_milliseconds");
            let _ =
                writeln!(wat, r#"(import "env" "proxy_{function}" (func ${name} (param {parameters}) (result i32)))"#);
        }
        let texts: String = self.texts.bytes().map(|byte| format!("\\{byte:02x}")).collect();
        let _ = writeln!(wat, r#"(memory (export "memory") 1) (data (i32.const {TEXTS}) "{texts}")"#);
        let code = |here| if place == here { self.code.as_str() } else { "" };
        let (configure, tick, head) = (code(In::Configure), code(In::Tick), code(In::Head));
        let (body, delete) = (code(In::Body), code(In::Delete));
        let callbacks = [
            ("_initialize", "", String::new()),
            ("proxy_abi_version_0_2_1", "", String::new()),
            ("proxy_on_memory_allocate", "(param i32) (result i32)", "(i32.const 32768)".to_owned()),
            ("proxy_on_context_create", "(param i32 i32)", String::new()),
            ("proxy_on_vm_start", "(param i32 i32) (result i32)", "(i32.const 1)".to_owned()),
            ("proxy_on_configure", "(param i32 i32) (result i32)", format!("{configure} (i32.const 1)")),
            ("proxy_on_tick", "(param i32)", tick.to_owned()),
            ("proxy_on_http_call_response", "(param i32 i32 i32 i32 i32)", String::new()),
            ("proxy_on_request_headers", "(param i32 i32 i32) (result i32)", format!("{head} (i32.const {action})")),
            ("proxy_on_request_body", "(param i32 i32 i32) (result i32)", format!("{body} (i32.const 0)")),
            ("proxy_on_request_trailers", "(param i32 i32) (result i32)", "(i32.const 0)".to_owned()),
            ("proxy_on_response_headers", "(param i32 i32 i32) (result i32)", "(i32.const 0)".to_owned()),
            ("proxy_on_grpc_receive", "(param i32 i32 i32)", String::new()),
            ("proxy_on_grpc_close", "(param i32 i32 i32)", String::new()),
            ("proxy_on_delete", "(param i32)", delete.to_owned()),
        ];
        for (name, signature, code) in callbacks {
            let _ = writeln!(wat, r#"(func (export "{name}") {signature} {code})"#);
        }
        wat + ")"
    }
}

/// What `action` panics with.
pub(crate) fn objection(action: impl FnOnce()) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(action)).map_err(|panic| match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic.downcast::<&str>().map_or_else(|_| String::new(), |text| (*text).to_owned()),
    })
}

const IMPORTS: [(&str, &str); 18] = [
    ("log", "i32 i32 i32"),
    ("get_current_time_nanoseconds", "i32"),
    ("get_header_map_pairs", "i32 i32 i32"),
    ("add_header_map_value", "i32 i32 i32 i32 i32"),
    ("replace_header_map_value", "i32 i32 i32 i32 i32"),
    ("remove_header_map_value", "i32 i32 i32"),
    ("get_buffer_bytes", "i32 i32 i32 i32 i32"),
    ("send_local_response", "i32 i32 i32 i32 i32 i32 i32 i32"),
    ("continue_stream", "i32"),
    ("set_effective_context", "i32"),
    ("set_tick_period_milliseconds", "i32"),
    ("set_property", "i32 i32 i32 i32"),
    ("set_shared_data", "i32 i32 i32 i32 i32"),
    ("define_metric", "i32 i32 i32 i32"),
    ("increment_metric", "i32 i64"),
    ("record_metric", "i32 i64"),
    ("http_call", "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32"),
    ("call_foreign_function", "i32 i32 i32 i32 i32 i32"),
];

/// Where texts begin in memory.
const TEXTS: usize = 64;

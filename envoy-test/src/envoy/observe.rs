//! What can be seen of a running Envoy: counters, logs, the filter's records, processor time.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use super::config::ACCESS_LOG;
use super::{Envoy, LIMIT};
use crate::client::{Answer, Connection, Protocol, Request};
use crate::support::poll;

impl Envoy {
    /// The answer of the admin interface to a GET.
    ///
    /// # Panics
    /// When there is none or it is not 200.
    #[must_use]
    pub fn admin(&self, path: &str) -> String {
        self.admin_request(&Request::get(path))
    }

    /// The answer of the admin interface to a POST, for example to `/logging?level=debug`.
    ///
    /// # Panics
    /// When there is none or it is not 200.
    #[must_use]
    pub fn admin_post(&self, path: &str) -> String {
        self.admin_request(&Request::post(path, ""))
    }

    fn admin_request(&self, request: &Request) -> String {
        // Envoy's main thread compiles the module and says nothing meanwhile.
        let request = request.clone().timeout(LIMIT);
        let answer = Connection::open(self.admin, Protocol::Http1).and_then(|mut admin| admin.send(&request));
        let answer = answer.unwrap_or_else(|error| panic!("the admin interface: {error}\n{}", self.log_tail()));
        assert!(answer.status == 200, "the admin interface: {answer}");
        answer.text()
    }

    /// Every counter and gauge whose name matches this regular expression, zeros included.
    #[must_use]
    pub fn stats(&self, pattern: &str) -> BTreeMap<String, u64> {
        let escaped: String = pattern.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let text = self.admin(&format!("/stats?filter={escaped}"));
        let pairs = text.lines().filter_map(|line| line.split_once(": "));
        pairs.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
    }

    /// A counter or gauge, if Envoy has it.
    #[must_use]
    pub fn stat(&self, name: &str) -> Option<u64> {
        self.stats(&format!("^{}$", name.replace('.', "\\."))).remove(name)
    }

    /// Waits until a counter or gauge satisfies `enough`, and gives its value.
    ///
    /// # Panics
    /// When it does not in time.
    pub fn wait_for_stat(&self, name: &str, enough: impl Fn(u64) -> bool) -> u64 {
        let value = poll(LIMIT, || self.stat(name).filter(|value| enough(*value)));
        value.unwrap_or_else(|| panic!("{name} is {:?} after {LIMIT:?}\n{}", self.stat(name), self.log_tail()))
    }

    /// Everything Envoy and the filter have logged.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.process.log_path()).unwrap_or_default()).into_owned()
    }

    /// The last lines of the log, for a message.
    #[must_use]
    pub fn log_tail(&self) -> String {
        self.process.log_tail()
    }

    /// What the filter has logged, without Envoy's own prefix.
    #[must_use]
    pub fn filter_log(&self) -> Vec<String> {
        let log = self.log();
        let messages = log.lines().filter_map(|line| line.split_once("wasm log ").map(|(_, message)| message));
        // `<plugin> <root id> <vm id>: <message>`, the root id being empty.
        messages.map(|line| line.split_once(": ").map_or(line, |(_, message)| message).to_owned()).collect()
    }

    /// The filter's audit records: what it logged that is a JSON object.
    #[must_use]
    pub fn audit_lines(&self) -> Vec<Value> {
        let log = self.filter_log();
        let objects = log.iter().filter_map(|line| serde_json::from_str::<Value>(line.get(line.find('{')?..)?).ok());
        objects.filter(Value::is_object).collect()
    }

    /// Waits for an audit record that satisfies `wanted`.
    ///
    /// # Panics
    /// When there is none in time.
    #[must_use]
    pub fn wait_for_audit(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let found = poll(LIMIT, || self.audit_lines().into_iter().find(&wanted));
        found.unwrap_or_else(|| panic!("no such audit record in {LIMIT:?}\n{}", self.log_tail()))
    }

    /// The access log so far. A request is in it some milliseconds after its answer.
    #[must_use]
    pub fn access_log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.directory.path().join(ACCESS_LOG)).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The access log's line for an answer, found by its `x-request-id`: `status`, `details`, `subject` ...
    ///
    /// # Panics
    /// When there is none in time.
    #[must_use]
    pub fn access_log_of(&self, answer: &Answer) -> Value {
        assert!(answer.header("x-request-id").is_some(), "the answer has no x-request-id: {answer}");
        self.access_log_of_each(std::slice::from_ref(answer)).remove(0)
    }

    /// The access log's line for each of many answers; null for one without an id, which Envoy gives when it cannot read
    /// a request at all.
    ///
    /// # Panics
    /// When one is not there in time.
    #[must_use]
    pub fn access_log_of_each(&self, answers: &[Answer]) -> Vec<Value> {
        let ids: Vec<Option<String>> = answers.iter().map(|answer| answer.header("x-request-id")).collect();
        let wanted: HashSet<&str> = ids.iter().flatten().map(String::as_str).collect();
        let mut found: HashMap<String, Value> = HashMap::new();
        let complete = poll(LIMIT, || {
            let lines = self.access_log().into_iter();
            let lines = lines.filter_map(|line| Some((line["id"].as_str()?.to_owned(), line)));
            found = lines.filter(|(id, _)| wanted.contains(id.as_str())).collect();
            (found.len() == wanted.len()).then_some(())
        });
        let missing: Vec<&&str> = wanted.iter().filter(|id| !found.contains_key(**id)).collect();
        assert!(complete.is_some(), "the access log has no lines with the ids {missing:?} after {LIMIT:?}");
        ids.iter().map(|id| id.as_ref().and_then(|id| found.get(id)).cloned().unwrap_or_default()).collect()
    }

    /// The processor time that Envoy's threads have used, to the nanosecond. Only on Linux.
    ///
    /// # Panics
    /// Where there is no `/proc`.
    #[must_use]
    pub fn cpu_time(&self) -> Duration {
        let path = format!("/proc/{}/task", self.process.id());
        let tasks = fs::read_dir(&path).unwrap_or_else(|error| panic!("no processor time in {path}: {error}"));
        let nanoseconds = tasks.flatten().filter_map(|task| {
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanoseconds.sum())
    }

    /// The memory that Envoy holds, in bytes. Only on Linux.
    ///
    /// # Panics
    /// Where there is no `/proc`.
    #[must_use]
    pub fn memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.process.id());
        let status = fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read {path}: {error}"));
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kilobytes.unwrap_or_else(|| panic!("{path} has no VmRSS")) * 1024
    }

    /// Where the listener is bound, once it is.
    pub(super) fn bound_address(&self) -> Option<SocketAddr> {
        let listeners: Value = serde_json::from_str(&self.admin("/listeners?format=json")).ok()?;
        let socket = listeners.pointer("/listener_statuses/0/local_address/socket_address")?;
        let address = format!("{}:{}", socket["address"].as_str()?, socket["port_value"].as_u64()?);
        address.parse().ok().filter(|address: &SocketAddr| address.port() != 0)
    }
}

//! A running Envoy with the filter in front of an upstream.

mod config;
mod observe;
mod process;

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tempfile::TempDir;

use crate::client::{Answer, Connection, Protocol, Request};
use crate::envoy_binary::envoy_binary;
use crate::support::{poll, target_dir};
use crate::upstream::Upstream;
use config::Plan;
use process::Process;

/// How the filter's configuration is given to Envoy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConfigForm {
    /// As a `google.protobuf.StringValue`: the module gets the text.
    #[default]
    StringValue,
    /// As a `google.protobuf.Struct`: YAML or JSON inside Envoy's own. Envoy gives the module the message's protobuf
    /// encoding and not JSON (seen with 1.36 and 1.40).
    Struct,
}

/// What an update came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Push {
    /// It is in force on every worker: new connections meet the new configuration.
    Accepted,
    /// Envoy keeps what it had. The text is what it and the filter logged meanwhile.
    Rejected(String),
}

/// What to start; see [`Envoy::builder`].
pub struct Builder {
    plan: Plan,
    concurrency: u32,
    log_level: String,
    arguments: Vec<String>,
}

/// A running Envoy. It is stopped when dropped, and also when this process dies in any other way.
///
/// HTTP/1.1 and HTTP/2 without TLS on one port, 2 workers, failure policy FAIL_CLOSED. Its ports are free ones that the
/// kernel chose, so any number of them can run side by side.
pub struct Envoy {
    address: SocketAddr,
    admin: SocketAddr,
    concurrency: u32,
    plan: Plan,
    process: Process,
    /// Removed when dropped, after the process is gone.
    directory: TempDir,
}

impl Envoy {
    /// An Envoy with the module that [`wasm`](crate::wasm) builds, without clusters and with an empty configuration.
    #[must_use]
    pub fn builder() -> Builder {
        Builder { plan: Plan::default(), concurrency: 2, log_level: "info".to_owned(), arguments: Vec::new() }
    }

    /// Where it takes requests.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its admin interface is.
    #[must_use]
    pub fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// Sends a request over HTTP/1.1 on a connection of its own.
    ///
    /// # Panics
    /// When there is no answer; with the end of Envoy's log.
    #[must_use]
    pub fn send(&self, request: &Request) -> Answer {
        self.send_over(Protocol::Http1, request)
    }

    /// Sends a request over `protocol` on a connection of its own.
    ///
    /// # Panics
    /// When there is no answer; with the end of Envoy's log.
    #[must_use]
    pub fn send_over(&self, protocol: Protocol, request: &Request) -> Answer {
        let answer = Connection::open(self.address, protocol).and_then(|mut connection| connection.send(request));
        answer.unwrap_or_else(|error| panic!("{error}\n{}", self.log_tail()))
    }

    /// One connection to each worker, in the order of the workers.
    ///
    /// # Panics
    /// When a worker has got none after many connections.
    #[must_use]
    pub fn connection_per_worker(&self, protocol: Protocol) -> Vec<Connection> {
        let mut found: Vec<Option<Connection>> = (0..self.concurrency).map(|_| None).collect();
        let counts = || -> Vec<u64> { (0..self.concurrency).map(|worker| self.worker_connections(worker)).collect() };
        // The kernel chooses the worker by a hash of the client's port: after 100 tries one of 2 is left out never.
        for _ in 0..100 {
            let before = counts();
            let opened = Connection::open(self.address, protocol);
            let connection = opened.unwrap_or_else(|error| panic!("{error}\n{}", self.log_tail()));
            let worker = poll(LIMIT, || counts().iter().zip(&before).position(|(now, before)| now > before));
            let worker = worker.unwrap_or_else(|| panic!("no worker took the connection\n{}", self.log_tail()));
            if let Some(place) = found.get_mut(worker) {
                *place = Some(connection);
            }
            if found.iter().all(Option::is_some) {
                break;
            }
        }
        let missing = found.iter().position(Option::is_none);
        assert!(missing.is_none(), "worker {missing:?} took none of 100 connections");
        found.into_iter().flatten().collect()
    }

    fn worker_connections(&self, worker: u32) -> u64 {
        self.stat(&format!("listener.gate.worker_{worker}.downstream_cx_total")).unwrap_or(0)
    }

    /// Gives Envoy a new filter configuration, the way a file-based control plane does, and waits for its verdict.
    ///
    /// # Panics
    /// When there is no verdict in time.
    #[must_use]
    pub fn push_filter_config(&mut self, configuration: &Value) -> Push {
        self.push_filter_config_text(&configuration.to_string())
    }

    /// The same with a text, which need not be JSON when the form is [`ConfigForm::StringValue`].
    ///
    /// # Panics
    /// When there is no verdict in time.
    #[must_use]
    pub fn push_filter_config_text(&mut self, configuration: &str) -> Push {
        let old = std::mem::replace(&mut self.plan.configuration, configuration.to_owned());
        let push = self.push();
        if push != Push::Accepted {
            self.plan.configuration = old;
        }
        push
    }

    /// Writes the listener again and waits for what Envoy makes of it.
    fn push(&self) -> Push {
        let before = Verdict::read(self);
        let logged = self.log().len();
        self.plan.write_listener(self.directory.path());
        let after = poll(LIMIT, || Some(Verdict::read(self)).filter(|after| after.updates() > before.updates()));
        let Some(after) = after else { panic!("Envoy has not looked at the update in {LIMIT:?}\n{}", self.log_tail()) };
        if after.rejected > before.rejected {
            return Push::Rejected(self.log().get(logged..).unwrap_or_default().to_owned());
        }
        // An update that changes nothing never reaches the workers.
        if after.changes > before.changes {
            let wanted = before.on_workers + u64::from(self.concurrency);
            let arrived = poll(LIMIT, || (Verdict::read(self).on_workers >= wanted).then_some(()));
            assert!(arrived.is_some(), "the update has not reached every worker in {LIMIT:?}\n{}", self.log_tail());
        }
        Push::Accepted
    }
}

/// The counters of the listener manager that tell what became of an update.
struct Verdict {
    accepted: u64,
    rejected: u64,
    changes: u64,
    on_workers: u64,
}

impl Verdict {
    fn read(envoy: &Envoy) -> Self {
        let stats = envoy.stats("^listener_manager\\.");
        let stat = |name: &str| stats.get(&format!("listener_manager.{name}")).copied().unwrap_or(0);
        Self {
            accepted: stat("lds.update_success"),
            // A file that is no listener at all counts as a failure, one that is a bad listener as rejected.
            rejected: stat("lds.update_rejected") + stat("lds.update_failure"),
            changes: stat("listener_modified") + stat("listener_in_place_updated") + stat("listener_added"),
            on_workers: stat("listener_create_success"),
        }
    }

    fn updates(&self) -> u64 {
        self.accepted + self.rejected
    }
}

impl Builder {
    /// The filter's configuration.
    #[must_use]
    pub fn filter_config(self, configuration: Value) -> Self {
        self.filter_config_text(&configuration.to_string())
    }

    /// The filter's configuration as a text, with [`ConfigForm::StringValue`] any text.
    #[must_use]
    pub fn filter_config_text(mut self, configuration: &str) -> Self {
        configuration.clone_into(&mut self.plan.configuration);
        self
    }

    /// How the configuration is given.
    #[must_use]
    pub fn config_form(mut self, form: ConfigForm) -> Self {
        self.plan.form = form;
        self
    }

    /// Another module than the filter.
    #[must_use]
    pub fn module(mut self, path: impl Into<PathBuf>) -> Self {
        self.plan.module = Some(path.into());
        self
    }

    /// No filter at all, to measure against.
    #[must_use]
    pub fn without_filter(mut self) -> Self {
        self.plan.without_filter = true;
        self
    }

    /// Where requests that are let through go.
    #[must_use]
    pub fn upstream(self, upstream: &Upstream) -> Self {
        self.cluster("upstream", upstream.address())
    }

    /// A cluster without TLS, for a provider's keys.
    #[must_use]
    pub fn cluster(mut self, name: &str, address: SocketAddr) -> Self {
        self.plan.clusters.push(config::Cluster { name: name.to_owned(), address, tls: false });
        self
    }

    /// A cluster with TLS, which no certificate of a test issuer satisfies: every request fails in the handshake.
    #[must_use]
    pub fn tls_cluster(mut self, name: &str, address: SocketAddr) -> Self {
        self.plan.clusters.push(config::Cluster { name: name.to_owned(), address, tls: true });
        self
    }

    /// An environment variable that the module sees.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.plan.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// One more field of the access log: `%FILTER_STATE(wasm.portcullis.<name>:PLAIN)%`.
    #[must_use]
    pub fn log_state(mut self, name: &str) -> Self {
        self.plan.log_state.push(name.to_owned());
        self
    }

    /// The number of workers, 2 at first.
    #[must_use]
    pub fn concurrency(mut self, workers: u32) -> Self {
        self.concurrency = workers;
        self
    }

    /// Envoy's log level, `info` at first.
    #[must_use]
    pub fn log_level(mut self, level: &str) -> Self {
        level.clone_into(&mut self.log_level);
        self
    }

    /// One more command-line argument for Envoy.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Changes the listener before it is written, on start and on every update: other filters, other timeouts.
    #[must_use]
    pub fn patch_listener(mut self, patch: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        self.plan.patches.push(Box::new(patch));
        self
    }

    /// Starts Envoy and waits until it takes requests.
    ///
    /// # Panics
    /// When it does not start, or refuses the configuration; with the end of its log.
    #[must_use]
    pub fn start(self) -> Envoy {
        self.try_start().unwrap_or_else(|log| panic!("Envoy refuses the configuration. Its log:\n{log}"))
    }

    /// Starts Envoy and waits until it takes requests.
    ///
    /// # Errors
    /// When it refuses the listener, as it does when the filter refuses its configuration: Envoy's log.
    ///
    /// # Panics
    /// When it does not start at all.
    pub fn try_start(mut self) -> Result<Envoy, String> {
        let binary = envoy_binary();
        if !self.plan.without_filter && self.plan.module.is_none() {
            self.plan.module = Some(crate::wasm());
        }
        let directory = run_directory();
        self.plan.write_all(directory.path());
        let mut arguments = vec![
            "--concurrency".to_owned(),
            self.concurrency.to_string(),
            "--log-level".to_owned(),
            self.log_level,
            // Without hot restart there is no base id to collide with other instances.
            "--disable-hot-restart".to_owned(),
            // Old listeners go after seconds, not ten minutes, and the access log can be read at once.
            "--drain-time-s".to_owned(),
            "5".to_owned(),
            "--file-flush-interval-msec".to_owned(),
            "20".to_owned(),
        ];
        arguments.extend(self.arguments);
        let process = Process::start(&binary, directory.path(), &arguments);
        let admin = process.wait_for_admin(LIMIT);
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut envoy =
            Envoy { address: nowhere, admin, concurrency: self.concurrency, plan: self.plan, process, directory };

        let verdict = poll(LIMIT, || {
            envoy.process.assert_alive();
            Some(Verdict::read(&envoy)).filter(|verdict| verdict.updates() > 0)
        });
        match verdict {
            Some(verdict) if verdict.rejected > 0 => return Err(envoy.log_tail()),
            Some(_) => {}
            None => panic!("Envoy has not looked at its listener in {LIMIT:?}\n{}", envoy.log_tail()),
        }
        let address = poll(LIMIT, || {
            envoy.process.assert_alive();
            envoy.bound_address().filter(|_| Verdict::read(&envoy).on_workers >= u64::from(envoy.concurrency))
        });
        envoy.address = address.unwrap_or_else(|| panic!("Envoy does not listen in {LIMIT:?}\n{}", envoy.log_tail()));
        Ok(envoy)
    }
}

/// A directory for one run, after those that earlier processes could not remove are removed.
fn run_directory() -> TempDir {
    let home = target_dir().join("envoy-test-runs");
    fs::create_dir_all(&home).unwrap_or_else(|error| panic!("cannot create {}: {error}", home.display()));
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    for entry in fs::read_dir(&home).into_iter().flatten().flatten() {
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        if modified.is_ok_and(|time| time < hour_ago) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    tempfile::Builder::new()
        .prefix("run-")
        .tempdir_in(&home)
        .unwrap_or_else(|error| panic!("no directory in {}: {error}", home.display()))
}

/// For every wait on Envoy. Compiling the module takes it a second or two, more on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

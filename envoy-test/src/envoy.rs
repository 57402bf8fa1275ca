//! A running Envoy with the filter in front of an upstream.

mod builder;
mod config;
mod observe;
mod process;

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::certificates::ClientCertificate;
use crate::client::{Answer, Connection, Protocol, Request};
use crate::clock_shim::Clock;
use crate::support::poll;
pub use builder::Builder;
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
    clock: Option<Clock>,
    /// Removed when dropped, after the process is gone.
    directory: TempDir,
}

impl Envoy {
    /// An Envoy with the module that [`wasm`](crate::wasm) builds, without clusters and with an empty configuration.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::new()
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

    /// Envoy's clock jumps by so many seconds, ahead or back; only the time of day, no timer.
    ///
    /// # Panics
    /// Without [`Builder::clock_offset`].
    pub fn jump(&self, seconds: i64) {
        let clock = self.clock.as_ref();
        clock.unwrap_or_else(|| panic!("an Envoy with our clock can't jump")).jump(seconds);
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

    /// Sends a request over HTTP/1.1 as a client at `from`; see [`Builder::believe_proxies`].
    ///
    /// # Panics
    /// When there is no answer; with the end of Envoy's log.
    #[must_use]
    pub fn send_from(&self, from: IpAddr, request: &Request) -> Answer {
        let connection = Connection::open_from(self.address, Protocol::Http1, from);
        let answer = connection.and_then(|mut connection| connection.send(request));
        answer.unwrap_or_else(|error| panic!("{error}\n{}", self.log_tail()))
    }

    /// Sends a request over TLS and HTTP/1.1 on a connection of its own, with a certificate if there is one; see
    /// [`Builder::tls`].
    ///
    /// # Panics
    /// When there is no answer; with the end of Envoy's log.
    #[must_use]
    pub fn send_tls(&self, certificate: Option<&ClientCertificate>, request: &Request) -> Answer {
        let connection = Connection::open_tls(self.address, Protocol::Http1, None, certificate);
        let answer = connection.and_then(|mut connection| connection.send(request));
        answer.unwrap_or_else(|error| panic!("{error}\n{}", self.log_tail()))
    }

    /// One connection to each worker, in the order of the workers.
    ///
    /// # Panics
    /// When a worker has got none after many connections.
    #[must_use]
    pub fn connection_per_worker(&self, protocol: Protocol) -> Vec<Connection> {
        self.per_worker(|| {
            let opened = Connection::open(self.address, protocol);
            opened.unwrap_or_else(|error| panic!("{error}\n{}", self.log_tail()))
        })
    }

    /// The same with sockets, for requests whose answers nobody waits for, and which end when the socket is dropped.
    ///
    /// # Panics
    /// As [`connection_per_worker`](Self::connection_per_worker).
    #[must_use]
    pub fn socket_per_worker(&self) -> Vec<TcpStream> {
        self.per_worker(|| {
            let opened = TcpStream::connect(self.address);
            opened.unwrap_or_else(|error| panic!("no connection: {error}\n{}", self.log_tail()))
        })
    }

    fn per_worker<T>(&self, open: impl Fn() -> T) -> Vec<T> {
        let mut found: Vec<Option<T>> = (0..self.concurrency).map(|_| None).collect();
        let counts = || -> Vec<u64> { (0..self.concurrency).map(|worker| self.worker_connections(worker)).collect() };
        // The kernel chooses the worker by a hash of the client's port: after 100 tries one of 2 is left out never.
        for _ in 0..100 {
            let before = counts();
            let connection = open();
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

/// For every wait on Envoy. Compiling the module takes it a second or two, and more than half a minute on a machine that is
/// busy with other things.
const LIMIT: Duration = Duration::from_secs(180);

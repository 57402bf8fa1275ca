//! What an Envoy is started with.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::config::{Cluster, Plan};
use super::process::Process;
use super::{ConfigForm, Envoy, LIMIT, Verdict};
use crate::certificates::LISTENER;
use crate::clock_shim::Clock;
use crate::envoy_binary::envoy_binary;
use crate::support::{poll, target_dir};
use crate::upstream::Upstream;

/// What to start; see [`Envoy::builder`].
pub struct Builder {
    plan: Plan,
    concurrency: u32,
    log_level: String,
    arguments: Vec<String>,
    clock_offset: Option<i64>,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            plan: Plan::default(),
            concurrency: 2,
            log_level: "info".to_owned(),
            arguments: Vec::new(),
            clock_offset: None,
        }
    }

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
        self.plan.clusters.push(Cluster { name: name.to_owned(), address, tls: false, http2: false });
        self
    }

    /// A cluster that speaks HTTP/2, as gRPC needs it.
    #[must_use]
    pub fn grpc_cluster(mut self, name: &str, address: SocketAddr) -> Self {
        self.plan.clusters.push(Cluster { name: name.to_owned(), address, tls: false, http2: true });
        self
    }

    /// A cluster with TLS, which no certificate of a test issuer satisfies: every request fails in the handshake.
    #[must_use]
    pub fn tls_cluster(mut self, name: &str, address: SocketAddr) -> Self {
        self.plan.clusters.push(Cluster { name: name.to_owned(), address, tls: true, http2: false });
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

    /// The listener believes the PROXY protocol, so that clients can come from anywhere ([`Envoy::send_from`]), and leaves
    /// `x-forwarded-for` as it is.
    #[must_use]
    pub fn believe_proxies(self) -> Self {
        self.patch_listener(|listener| {
            let filter = "type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol";
            listener["listener_filters"] = json!([
                {"name": "envoy.filters.listener.proxy_protocol", "typed_config": {"@type": filter}},
            ]);
            let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
            manager["use_remote_address"] = json!(true);
            manager["skip_xff_append"] = json!(true);
        })
    }

    /// The listener ends TLS. It asks for a client's certificate and does without; one that none of `authorities` (in PEM) has
    /// issued, or that does not hold now, ends the handshake.
    #[must_use]
    pub fn tls(self, authorities: &[String]) -> Self {
        self.ends_tls(authorities, "VERIFY_TRUST_CHAIN")
    }

    /// The same, but any certificate will do (`ACCEPT_UNTRUSTED`).
    #[must_use]
    pub fn tls_accepting_untrusted(self, authorities: &[String]) -> Self {
        self.ends_tls(authorities, "ACCEPT_UNTRUSTED")
    }

    fn ends_tls(self, authorities: &[String], verification: &'static str) -> Self {
        let authorities = authorities.concat();
        self.patch_listener(move |listener| {
            let context = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";
            listener["filter_chains"][0]["transport_socket"] = json!({
                "name": "envoy.transport_sockets.tls",
                "typed_config": {
                    "@type": context,
                    "common_tls_context": {
                        "alpn_protocols": ["h2", "http/1.1"],
                        "tls_certificates": [{
                            "certificate_chain": {"inline_string": LISTENER.certificate},
                            "private_key": {"inline_string": LISTENER.key},
                        }],
                        "validation_context": {
                            "trusted_ca": {"inline_string": authorities},
                            "trust_chain_verification": verification,
                        },
                    },
                },
            });
        })
    }

    /// Envoy's clock shows this many seconds more than ours, and can [`jump`](Envoy::jump). Only on Linux, and where Envoy is linked to the C library, as
    /// its releases are.
    #[must_use]
    pub fn clock_offset(mut self, seconds: i64) -> Self {
        self.clock_offset = Some(seconds);
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
        let clock = self.clock_offset.map(|seconds| Clock::new(directory.path(), seconds));
        let process = Process::start(&binary, directory.path(), &arguments, clock.as_ref());
        let admin = process.wait_for_admin(LIMIT);
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut envoy = Envoy {
            address: nowhere,
            admin,
            concurrency: self.concurrency,
            plan: self.plan,
            process,
            clock,
            directory,
        };

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

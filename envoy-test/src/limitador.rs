//! Limitador behind Envoy's global rate limit protocol: the crate `limitador` with its Redis storage, built from
//! `envoy-test/limitador-rls`, which is a workspace of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crate::redis::Redis;
use crate::support::{Lock, progress, target_dir, workspace};

/// A running engine. It is stopped when dropped, and also when this process dies in any other way.
pub struct Limitador {
    address: SocketAddr,
    child: Child,
}

/// How an engine counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counters {
    /// In Redis, at each request.
    Redis,
    /// In its memory, written to Redis every 100 ms.
    Cached,
}

impl Limitador {
    /// Why it can't be built on this machine, if it can't.
    #[must_use]
    pub fn lacks() -> Option<String> {
        binary().as_ref().err().cloned()
    }

    /// Starts one with the limits in the file `limits`.
    ///
    /// # Panics
    /// When [`lacks`](Self::lacks) has an answer, or it does not come up.
    #[must_use]
    pub fn start(limits: &Path, redis: &Redis, counters: Counters) -> Self {
        let binary = binary().as_ref().unwrap_or_else(|why| panic!("{why}"));
        let mut child = Command::new(binary)
            .args((counters == Counters::Cached).then_some("--cached"))
            .arg(limits)
            .arg(redis.url())
            // It ends when this is closed.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {}: {error}", binary.display()));
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("its output is a pipe"));
        let read = output.read_line(&mut line);
        let address = line.trim().parse();
        let address = address.unwrap_or_else(|error| panic!("Limitador says `{line}` ({error}, {read:?})"));
        Self { address, child }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Limitador {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Builds it, once per process; cargo knows when there is nothing to do.
fn binary() -> &'static Result<PathBuf, String> {
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BINARY.get_or_init(build)
}

fn build() -> Result<PathBuf, String> {
    let target = target_dir().join("limitador-rls");
    let binary = target.join("debug/limitador-rls");
    let _lock = Lock::take("envoy-test-limitador.lock");
    if !binary.is_file() {
        progress("building Limitador, once: some minutes");
    }
    let has_openssl = Command::new("pkg-config").args(["--exists", "openssl"]).status().is_ok_and(|it| it.success());
    let output = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--quiet", "--target-dir"])
        .arg(&target)
        .args((!has_openssl).then_some("--features=vendored-openssl"))
        .current_dir(workspace().join("envoy-test/limitador-rls"))
        .output()
        .map_err(|error| format!("cargo cannot be run ({error})"))?;
    if output.status.success() {
        return Ok(binary);
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let end: Vec<&str> = said.lines().rev().take(20).collect();
    let end: Vec<&str> = end.into_iter().rev().collect();
    Err(format!("Limitador does not build here:\n{}", end.join("\n")))
}

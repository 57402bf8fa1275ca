//! What every part of the harness needs: where things are, one at a time, progress, waiting.

use std::fmt::Display;
use std::fs::{self, File};
use std::future::Future;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Runtime;

/// The root of the workspace: the directory of the filter's `Cargo.toml`.
#[must_use]
pub fn workspace() -> PathBuf {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_dir.parent().unwrap_or(crate_dir).to_path_buf()
}

/// A YAML file as a JSON value, which is all that Envoy and docker-compose files need.
#[must_use]
pub fn load_yaml(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{} is not YAML: {error}", path.display()))
}

/// Where everything made goes: cargo's target directory, wherever the user has put it.
pub fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) if !dir.is_empty() => workspace().join(dir),
        _ => workspace().join("target"),
    }
}

/// The one runtime behind the blocking calls. It lives as long as the process.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("envoy-test")
            .enable_all()
            .build()
            .expect("the harness needs threads for its servers")
    })
}

/// Ends the process on Ctrl-C and on a request to terminate. What it has started ends with it.
pub fn exit_on_ctrl_c() {
    runtime().spawn(async {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
            .unwrap_or_else(|error| panic!("cannot wait for signals: {error}"));
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        progress("stopping");
        std::process::exit(130);
    });
}

/// Runs `future` to its end on the harness's runtime.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    runtime().block_on(future)
}

/// A line on stderr, so that a long step does not look like a hang.
pub(crate) fn progress(message: impl Display) {
    if std::io::stderr().is_terminal() {
        eprintln!("\x1b[2m[envoy-test] {message}\x1b[0m");
    } else {
        eprintln!("[envoy-test] {message}");
    }
}

/// A lock between processes, released on drop and by the kernel when the process dies.
pub(crate) struct Lock(#[expect(dead_code, reason = "held for its drop, which unlocks")] File);

impl Lock {
    /// Waits for the lock `name` under the target directory; says so when it has to wait.
    pub(crate) fn take(name: &str) -> Self {
        let dir = target_dir();
        fs::create_dir_all(&dir).unwrap_or_else(|error| panic!("cannot create {}: {error}", dir.display()));
        let path = dir.join(name);
        let file =
            File::create(&path).unwrap_or_else(|error| panic!("cannot create the lock {}: {error}", path.display()));
        if file.try_lock().is_err() {
            progress(format_args!("waiting for another process that holds {}", path.display()));
            file.lock().unwrap_or_else(|error| panic!("cannot lock {}: {error}", path.display()));
        }
        Self(file)
    }
}

/// Asks again every few milliseconds until `found` gives a value, or the time is up.
pub(crate) fn poll<T>(limit: Duration, mut found: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(value) = found() {
            return Some(value);
        }
        if start.elapsed() > limit {
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A listening socket on `address`; port 0 is any free port.
///
/// With `SO_REUSEPORT`, so that a server can stop listening and come back on the same port while a placeholder that
/// never listens keeps the port from others.
pub(crate) fn listen(address: SocketAddr) -> TcpListener {
    let socket = bind(address);
    let _context = runtime().enter();
    socket.listen(1024).unwrap_or_else(|error| panic!("cannot listen on {address}: {error}"))
}

/// A bound socket that does not listen: connections to it are refused.
pub(crate) fn bind(address: SocketAddr) -> TcpSocket {
    let _context = runtime().enter();
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    socket
        .and_then(|socket| {
            socket.set_reuseaddr(true)?;
            socket.set_reuseport(true)?;
            socket.bind(address)?;
            Ok(socket)
        })
        .unwrap_or_else(|error| panic!("cannot bind {address}: {error}"))
}

/// The SHA-256 of `bytes` in lower-case hex.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The last lines of a file, for a panic message: without Envoy's lists of its extensions and headers, and none longer than needed.
pub(crate) fn tail(path: &Path, lines: usize) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let noise = |line: &str| ["server.cc:4", "server.cc:5"].iter().any(|place| line.contains(place)) || line.is_empty();
    let telling = text.lines().filter(|line| !noise(line));
    let all: Vec<String> = telling.map(|line| line.chars().take(600).collect()).collect();
    all.get(all.len().saturating_sub(lines)..).unwrap_or_default().join("\n")
}

//! The process of Envoy, and that it never outlives ours.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use super::config::BOOTSTRAP;
use crate::clock_shim::Clock;
use crate::envoy_binary::EnvoyBinary;
use crate::support::{poll, tail};

/// Envoy under a small shell that kills it when our end of a pipe closes: on drop, on exit, on a crash, on `kill -9`.
/// (The kernel's parent-death signal would need `unsafe`, and comes when the starting *thread* ends.)
pub(super) struct Process {
    watchdog: Mutex<Child>,
    lifeline: Option<ChildStdin>,
    directory: PathBuf,
}

impl Process {
    /// Starts `binary` with the bootstrap in `directory`. Everything it prints goes to [`log_path`](Self::log_path).
    pub(super) fn start(binary: &EnvoyBinary, directory: &Path, arguments: &[String], clock: Option<&Clock>) -> Self {
        let log = fs::File::create(directory.join(LOG))
            .unwrap_or_else(|error| panic!("cannot create a log in {}: {error}", directory.display()));
        let errors = log.try_clone().expect("a file can be shared");
        let mut watchdog = Command::new("/bin/sh")
            .envs(clock.into_iter().flat_map(Clock::environment))
            .args(["-c", WATCHDOG, "envoy-watchdog"])
            .arg(&binary.path)
            .arg("--config-path")
            .arg(directory.join(BOOTSTRAP))
            .arg("--admin-address-path")
            .arg(directory.join(ADMIN))
            .args(arguments)
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(log)
            .stderr(errors)
            // Ctrl-C in a terminal goes to us; we close the pipe.
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", binary.path.display()));
        let lifeline = watchdog.stdin.take();
        Self { watchdog: Mutex::new(watchdog), lifeline, directory: directory.to_path_buf() }
    }

    /// The file with everything that Envoy and the filter log.
    pub(super) fn log_path(&self) -> PathBuf {
        self.directory.join(LOG)
    }

    /// The last lines of the log.
    pub(super) fn log_tail(&self) -> String {
        format!("--- the end of Envoy's log ---\n{}\n------------------------------", tail(&self.log_path(), 40))
    }

    /// Where the admin interface listens: Envoy writes it to a file when it does.
    pub(super) fn wait_for_admin(&self, limit: Duration) -> SocketAddr {
        let address = poll(limit, || {
            self.assert_alive();
            fs::read_to_string(self.directory.join(ADMIN)).ok()?.trim().parse().ok()
        });
        address.unwrap_or_else(|| panic!("Envoy has no admin address in {limit:?}\n{}", self.log_tail()))
    }

    /// # Panics
    /// When Envoy has ended.
    pub(super) fn assert_alive(&self) {
        let mut watchdog = self.watchdog.lock().expect("nothing panics with the lock held");
        let ended = watchdog.try_wait().ok().flatten();
        drop(watchdog);
        if let Some(status) = ended {
            panic!("Envoy has ended ({status})\n{}", self.log_tail());
        }
    }

    /// Envoy's process id.
    pub(super) fn id(&self) -> u32 {
        let id = fs::read_to_string(self.directory.join("envoy.pid")).ok().and_then(|text| text.trim().parse().ok());
        id.unwrap_or_else(|| panic!("Envoy has left no process id\n{}", self.log_tail()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        // Its files are removed next; the watchdog ends when Envoy has.
        if let Ok(mut watchdog) = self.watchdog.lock() {
            let _ = watchdog.wait();
        }
    }
}

/// `read` returns when the pipe closes. Envoy itself must not hold the pipe, nor keep the shell waiting when it ends.
const WATCHDOG: &str = r#"
"$@" </dev/null &
envoy=$!
echo "$envoy" > envoy.pid
exec 3<&0
( read -r _ <&3; : > stopped; kill -9 "$envoy" ) >/dev/null 2>&1 &
reader=$!
exec 3<&- 0</dev/null
wait "$envoy"
status=$?
kill "$reader" 2>/dev/null
# Nobody is left to look at the files, unless Envoy ended by itself.
if [ -e stopped ]; then rm -rf "$PWD"; fi
exit "$status"
"#;
const LOG: &str = "envoy.log";
const ADMIN: &str = "admin.address";

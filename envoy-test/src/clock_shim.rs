//! Another time for Envoy: the library that shows it, built when it is first asked for, and the file that says by how much.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::support::{Lock, progress, target_dir, workspace};

/// The clock of one process, which can jump.
pub(crate) struct Clock {
    path: PathBuf,
    file: File,
    offset: AtomicI64,
}

impl Clock {
    /// One that shows `offset` seconds more than ours, by a file in `directory`.
    ///
    /// # Panics
    /// When there can be no such file.
    pub(crate) fn new(directory: &Path, offset: i64) -> Self {
        let path = directory.join("clock.offset");
        let file = File::create(&path).unwrap_or_else(|error| panic!("no {}: {error}", path.display()));
        let clock = Self { path, file, offset: AtomicI64::new(0) };
        clock.jump(offset);
        clock
    }

    /// From now on it shows so many seconds more, or less.
    ///
    /// # Panics
    /// When the file can't be written.
    pub(crate) fn jump(&self, seconds: i64) {
        let offset = self.offset.fetch_add(seconds, Ordering::SeqCst).saturating_add(seconds);
        // Eight bytes at the start of a page, which a reader sees as one.
        let written = self.file.write_all_at(&offset.to_ne_bytes(), 0);
        written.unwrap_or_else(|error| panic!("cannot write {}: {error}", self.path.display()));
    }

    /// What the process has to be started with.
    pub(crate) fn environment(&self) -> [(&'static str, OsString); 2] {
        [("LD_PRELOAD", clock_shim().into()), ("CLOCK_SHIM_FILE", self.path.clone().into())]
    }
}

/// The library, up to date.
///
/// # Panics
/// When it can't be built.
fn clock_shim() -> PathBuf {
    static SHIM: LazyLock<PathBuf> = LazyLock::new(build);
    SHIM.clone()
}

fn build() -> PathBuf {
    let _lock = Lock::take("clock-shim.lock");
    let home = target_dir().join("clock-shim");
    progress("building the clock of another time");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // A target directory of its own: whoever runs us may hold the other's lock.
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--package", "clock-shim", "--release", "--target-dir"])
        .arg(&home)
        .current_dir(workspace())
        .status();
    assert!(status.as_ref().is_ok_and(|status| status.success()), "cannot build the clock shim: {status:?}");
    home.join("release/libclock_shim.so")
}

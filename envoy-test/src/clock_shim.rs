//! The library that shows Envoy another time, built when it is first asked for.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use crate::support::{Lock, progress, target_dir, workspace};

/// The library, up to date.
///
/// # Panics
/// When it can't be built.
pub(crate) fn clock_shim() -> PathBuf {
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

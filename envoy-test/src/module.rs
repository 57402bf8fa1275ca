//! Builds what runs as `wasm32-wasip1`: the filter module that the tests load into a host, and the filter's unit tests.
//!
//! The toolchain is chosen in this order, and `PORTCULLIS_TOOLCHAIN` forces one:
//!
//! 1. `rustup`: the toolchain that runs us, if it has the `wasm32-wasip1` target; if not, `rustup target add` is tried.
//! 2. `distribution`: `/usr/bin/cargo`, which builds the standard library from source and links with wasi-libc and lld
//!    (Debian: `rustc-web cargo-web rust-web-src wasi-libc lld`).
//!
//! The build has a target directory of its own: it runs inside `cargo test` and would wait for that one's lock for ever.
//! `PORTCULLIS_WASM=/path/portcullis.wasm` uses a module as it is and builds nothing.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Instant;

use serde_json::Value;

use crate::support::{Lock, progress, target_dir, workspace};

/// The path of a fresh `portcullis.wasm`, built at most once per process.
///
/// # Panics
/// When no toolchain can build it; the message has the commands to run.
#[must_use]
pub fn wasm() -> PathBuf {
    static MODULE: OnceLock<PathBuf> = OnceLock::new();
    MODULE.get_or_init(find_or_build).clone()
}

/// The version of the compiler that makes [`wasm`], or that somebody else made it: other compilers make other instructions.
///
/// # Panics
/// As [`wasm`].
#[must_use]
pub fn compiler() -> String {
    if env::var_os("PORTCULLIS_WASM").is_some() {
        return "a module built elsewhere".to_owned();
    }
    let rustc = match choose() {
        Toolchain::Current => "rustc",
        Toolchain::Distribution => DISTRIBUTION_RUSTC,
    };
    let output = Command::new(rustc).arg("--version").current_dir(workspace()).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run {rustc}: {error}"));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The path of a fresh test binary of the filter's unit tests, for a WASI runtime.
///
/// # Panics
/// As [`wasm`].
#[must_use]
pub fn unit_tests() -> PathBuf {
    let _lock = Lock::take("envoy-test-unit-wasm32.lock");
    choose().build(Product::UnitTests)
}

fn find_or_build() -> PathBuf {
    if let Some(path) = env::var_os("PORTCULLIS_WASM") {
        let path = PathBuf::from(path);
        assert!(path.is_file(), "PORTCULLIS_WASM is {}, which is not a file", path.display());
        return path;
    }
    // Parallel test processes build once; the others find it fresh.
    let _lock = Lock::take("envoy-test-module.lock");
    let toolchain = choose();
    let path = toolchain.build(Product::Module);
    assert!(path.is_file(), "the build succeeded but left no {}: is the crate still a cdylib?", path.display());
    path
}

enum Toolchain {
    /// Whatever `cargo` runs us, with the target installed.
    Current,
    /// The distribution's, with the standard library from source.
    Distribution,
}

fn choose() -> Toolchain {
    let forced = env::var("PORTCULLIS_TOOLCHAIN").ok();
    match forced.as_deref() {
        None | Some("") => match current_can_build() {
            Ok(()) => Toolchain::Current,
            Err(why) => {
                progress(format_args!("{why}; trying the distribution's toolchain"));
                match distribution_lacks() {
                    None => Toolchain::Distribution,
                    Some(lack) => panic!("{}", help(&why, &lack)),
                }
            }
        },
        Some("rustup") => match current_can_build() {
            Ok(()) => Toolchain::Current,
            Err(why) => panic!("PORTCULLIS_TOOLCHAIN=rustup, but {why}\n\n  rustup target add {TARGET}\n"),
        },
        Some("distribution") => match distribution_lacks() {
            None => Toolchain::Distribution,
            Some(lack) => panic!("PORTCULLIS_TOOLCHAIN=distribution, but {lack}\n\n  {APT}\n"),
        },
        Some(other) => panic!("PORTCULLIS_TOOLCHAIN is `{other}`; it can be `rustup` or `distribution`"),
    }
}

fn help(rustup: &str, distribution: &str) -> String {
    format!(
        "cannot build the filter: no toolchain for {TARGET}.\n\
         - rustup: {rustup}\n\
         - distribution: {distribution}\n\n\
         Do one of these:\n\n  \
         rustup target add {TARGET}\n  \
         {APT}\n  \
         export PORTCULLIS_WASM=/path/to/portcullis.wasm    # a module built elsewhere\n"
    )
}

/// Whether the toolchain that runs us has the target, after adding it if rustup can.
fn current_can_build() -> Result<(), String> {
    if has_target()? {
        return Ok(());
    }
    progress(format_args!("the {TARGET} target is missing: rustup target add {TARGET}"));
    // Run at the root of the workspace, where rust-toolchain.toml names the toolchain.
    let status = Command::new("rustup").args(["target", "add", TARGET]).current_dir(workspace()).status();
    match status {
        Ok(status) if status.success() && has_target()? => Ok(()),
        Ok(status) => Err(format!("`rustup target add {TARGET}` did not help ({status})")),
        Err(error) => Err(format!("the {TARGET} target is missing and rustup cannot be run ({error})")),
    }
}

fn has_target() -> Result<bool, String> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", TARGET]).current_dir(workspace());
    let output = rustc.stderr(Stdio::null()).output().map_err(|error| format!("rustc cannot be run ({error})"))?;
    let dir = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let Ok(files) = fs::read_dir(dir) else { return Ok(false) };
    Ok(files.flatten().any(|file| file.file_name().to_string_lossy().starts_with("libstd-")))
}

/// What the distribution's toolchain lacks, if anything.
fn distribution_lacks() -> Option<String> {
    let sysroot = match Command::new(DISTRIBUTION_RUSTC).args(["--print", "sysroot"]).output() {
        Ok(output) if output.status.success() => {
            PathBuf::from(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        }
        _ => return Some(format!("{DISTRIBUTION_RUSTC} cannot be run")),
    };
    if let Some(version) = too_old(DISTRIBUTION_RUSTC) {
        return Some(format!("{DISTRIBUTION_RUSTC} is {version}, older than the `rust-version` of the filter"));
    }
    let parts = [
        PathBuf::from(DISTRIBUTION_CARGO),
        sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml"),
        Path::new(WASI_LIBC).join("libc.a"),
    ];
    if let Some(missing) = parts.iter().find(|part| !part.exists()) {
        return Some(format!("{} is missing", missing.display()));
    }
    wasm_linker().is_none().then(|| "no linker for WebAssembly: neither wasm-ld nor lld is on the PATH".to_owned())
}

/// The version of a compiler that is older than the filter's manifest asks for.
fn too_old(rustc: &str) -> Option<String> {
    let manifest = fs::read_to_string(workspace().join("Cargo.toml")).ok()?;
    let needed = manifest.lines().find_map(|line| line.strip_prefix("rust-version = "))?;
    let output = Command::new(rustc).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split_whitespace().nth(1)?;
    let numbers = |text: &str| -> Vec<u32> { text.split('.').map_while(|number| number.parse().ok()).collect() };
    (numbers(version) < numbers(needed.trim_matches('"'))).then(|| version.to_owned())
}

/// rustc asks for `rust-lld -flavor wasm`; both of these understand it under that name.
fn wasm_linker() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let dirs: Vec<PathBuf> = env::split_paths(&path).collect();
    ["lld", "rust-lld"].iter().find_map(|name| dirs.iter().map(|dir| dir.join(name)).find(|file| file.is_file()))
}

/// What to build.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Product {
    Module,
    UnitTests,
}

impl Product {
    fn folder(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::UnitTests => "unit-wasm32",
        }
    }

    fn cargo_arguments(self) -> &'static [&'static str] {
        match self {
            Self::Module => &["build", "--release"],
            Self::UnitTests => &["test", "--no-run", "--profile", "unit-wasm32"],
        }
    }

    /// The parts of the standard library that a distribution has to build for it.
    fn standard_library(self) -> &'static str {
        match self {
            Self::Module => "build-std=std,panic_abort",
            Self::UnitTests => "build-std=std,panic_abort,test",
        }
    }

    /// What a distribution's linker has to be told besides. The module is started by its host; a program begins in the C
    /// library, and names functions for threads that this library lacks, and that nobody calls where there are no threads.
    fn link_arguments(self) -> String {
        match self {
            Self::Module => String::new(),
            Self::UnitTests => {
                format!(" -C link-arg={WASI_LIBC}/crt1-command.o -C link-arg=--allow-undefined")
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Module => "the filter",
            Self::UnitTests => "the filter's unit tests",
        }
    }
}

impl Toolchain {
    fn build(&self, product: Product) -> PathBuf {
        let start = Instant::now();
        let (mut cargo, dir, name) = match self {
            Self::Current => (Command::new("cargo"), target_dir().join(product.folder()), "the current toolchain"),
            Self::Distribution => {
                let dir = target_dir().join(format!("{}-distribution", product.folder()));
                (distribution_cargo(&dir, product), dir, "the distribution's toolchain")
            }
        };
        let what = product.name();
        if !dir.join(TARGET).exists() {
            progress(format_args!("building {what} for {TARGET} with {name}: a minute or two the first time"));
        }
        cargo.args(product.cargo_arguments());
        cargo.args(["--lib", "--package", "portcullis", "--target", TARGET]);
        cargo.args(["--message-format", "json-render-diagnostics"]);
        cargo.arg("--target-dir").arg(&dir).current_dir(workspace());
        // What cargo or a coverage run sets for us is not meant for another target.
        for name in CLEARED {
            if !(matches!(self, Self::Distribution) && DISTRIBUTION_SETS.contains(name)) {
                cargo.env_remove(name);
            }
        }
        let output = cargo.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
        let output = output.unwrap_or_else(|error| panic!("cannot run cargo: {error}"));
        let status = output.status;
        assert!(
            status.success(),
            "{what} does not build for {TARGET} ({status}); the errors are above. The same by hand:\n\n  {cargo:?}\n"
        );
        if start.elapsed().as_secs() >= 5 {
            progress(format_args!("{what}: built, after {} s", start.elapsed().as_secs()));
        }
        built(&String::from_utf8_lossy(&output.stdout))
            .unwrap_or_else(|| panic!("cargo names no file that it built for {what}: {cargo:?}"))
    }
}

/// The last `.wasm` file that cargo's messages name.
fn built(messages: &str) -> Option<PathBuf> {
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let files = artifacts.filter_map(|artifact| artifact["filenames"].as_array().cloned()).flatten();
    let mut files = files.filter_map(|file| file.as_str().map(PathBuf::from));
    files.rfind(|file| file.extension().is_some_and(|extension| extension == "wasm"))
}

fn distribution_cargo(dir: &Path, product: Product) -> Command {
    let linker = wasm_linker().unwrap_or_else(|| panic!("no linker for WebAssembly on the PATH\n\n  {APT}\n"));
    let bin = dir.join("bin");
    fs::create_dir_all(&bin).unwrap_or_else(|error| panic!("cannot create {}: {error}", bin.display()));
    let link = bin.join("rust-lld");
    let _ = fs::remove_file(&link);
    std::os::unix::fs::symlink(&linker, &link)
        .unwrap_or_else(|error| panic!("cannot link {} to {}: {error}", link.display(), linker.display()));
    let old_path = env::var_os("PATH").unwrap_or_default();
    let path =
        env::join_paths(std::iter::once(bin).chain(env::split_paths(&old_path))).expect("no `:` in a target dir");

    let mut cargo = Command::new(DISTRIBUTION_CARGO);
    cargo
        // The distribution has the sources of the standard library, not the target: building it is a nightly option.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTC", DISTRIBUTION_RUSTC)
        .env("PATH", path)
        .env("RUSTFLAGS", format!("-C link-self-contained=no -L {WASI_LIBC}{}", product.link_arguments()))
        .args(["-Z", product.standard_library()]);
    cargo
}

const TARGET: &str = "wasm32-wasip1";
const DISTRIBUTION_CARGO: &str = "/usr/bin/cargo";
const DISTRIBUTION_RUSTC: &str = "/usr/bin/rustc";
const WASI_LIBC: &str = "/usr/lib/wasm32-wasi";
const APT: &str = "sudo apt-get install rustc-web cargo-web rust-web-src wasi-libc lld    # Debian and Ubuntu";
const DISTRIBUTION_SETS: &[&str] = &["RUSTC", "RUSTFLAGS"];
const CLEARED: &[&str] = &[
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_MAKEFLAGS",
    "CARGO_TARGET_DIR",
    "LLVM_PROFILE_FILE",
    "MAKEFLAGS",
    "RUSTC",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTFLAGS",
];

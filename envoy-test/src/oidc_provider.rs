//! A certified OpenID Connect server that our own code has no part in: npm `oidc-provider`, run by Node.
//!
//! `envoy-test/oidc-provider/server.mjs` says how it is configured. Its packages are installed by `npm ci` under the
//! target directory, once per lock file.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;

use crate::client::{Answer, Connection, Protocol, Request};
use crate::support::{Lock, progress, sha256_hex, tail, target_dir, workspace};

/// A running server with one client that may ask for tokens. It is stopped when dropped, and also when this process
/// dies in any other way.
pub struct OidcProvider {
    issuer: String,
    address: SocketAddr,
    child: Child,
    pipes: Mutex<Pipes>,
    directory: TempDir,
}

struct Pipes {
    /// The server ends when this is closed.
    commands: Option<ChildStdin>,
    answers: Receiver<String>,
}

/// What the server gave for an authorization code.
pub struct SignedIn {
    /// The user's access token for the resource.
    pub access_token: String,
    /// The ID token, which is for the client and for nobody else.
    pub id_token: String,
}

impl OidcProvider {
    /// What is missing on this machine to run it, if anything: Node, a new enough Node, npm.
    #[must_use]
    pub fn lacks() -> Option<String> {
        let version = |name: &str| {
            let output = Command::new(name).arg("--version").stderr(Stdio::null()).output().ok()?;
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        let Some(node) = version("node") else { return Some("there is no `node` on the PATH".to_owned()) };
        let major = node.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
        if major.is_none_or(|major| major < OLDEST_NODE) {
            return Some(format!("`node` is {node}; {OLDEST_NODE} or newer is needed"));
        }
        version("npm").is_none().then(|| "there is no `npm` on the PATH".to_owned())
    }

    /// Starts it on a free port of the loopback address, with fresh keys.
    ///
    /// # Panics
    /// When [`lacks`](Self::lacks) has an answer, the packages cannot be installed, or the server does not come up.
    #[must_use]
    pub fn start() -> Self {
        let installed = install("oidc-provider", "server.mjs");
        let directory = tempfile::tempdir().unwrap_or_else(|error| panic!("cannot create a directory: {error}"));
        let log = File::create(directory.path().join(LOG))
            .unwrap_or_else(|error| panic!("cannot create a log in {}: {error}", directory.path().display()));
        let mut child = Command::new("node")
            .arg("server.mjs")
            .current_dir(&installed)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run node: {error}"));
        let commands = child.stdin.take();
        let answers = lines(BufReader::new(child.stdout.take().expect("its output is a pipe")));
        let pipes = Mutex::new(Pipes { commands, answers });
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut server = Self { issuer: String::new(), address: nowhere, child, pipes, directory };

        let hello = server.read(&server.lock());
        let issuer = hello["issuer"].as_str().unwrap_or_else(|| panic!("the server begins with {hello}"));
        let address = issuer.strip_prefix("http://").and_then(|address| address.parse().ok());
        server.address = address.unwrap_or_else(|| panic!("the issuer `{issuer}` has no address and port"));
        server.issuer = issuer.to_owned();
        server
    }

    /// Its issuer, such as `http://127.0.0.1:34567`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// An access token for the client itself (RFC 6749 section 4.4) and `resource` (RFC 8707): `urn:AUDIENCE:FORM`, with
    /// an algorithm as form, or `short` or `opaque`.
    ///
    /// # Panics
    /// When the server gives none.
    #[must_use]
    pub fn client_credentials(&self, resource: &str) -> String {
        let answer =
            self.ask_for_token(&format!("grant_type=client_credentials&scope=orders.read&resource={resource}"));
        member(&answer, "access_token")
    }

    /// The tokens of a user who signs in (OpenID Connect Core section 3.1), through every redirect a browser would follow.
    ///
    /// # Panics
    /// When the server does not end with both tokens.
    #[must_use]
    pub fn sign_in(&self, resource: &str) -> SignedIn {
        let mut cookies = BTreeMap::new();
        let mut address = format!(
            "/auth?client_id={CLIENT}&response_type=code&scope=openid%20orders.read&nonce=n-1&state=s-1\
             &redirect_uri={REDIRECT}&resource={resource}"
        );
        let code = loop {
            let cookie: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let answer = self.send(&Request::get(&address).header("cookie", cookie.join("; ")));
            for set in answer.headers("set-cookie") {
                if let Some((name, value)) = set.split(';').next().and_then(|pair| pair.split_once('=')) {
                    cookies.insert(name.to_owned(), value.to_owned());
                }
            }
            let Some(location) = answer.header("location") else { panic!("no redirect: {}", self.report(&answer)) };
            if let Some(query) = location.strip_prefix(&format!("{REDIRECT}?")) {
                let code = query.split('&').find_map(|pair| pair.strip_prefix("code="));
                break code.unwrap_or_else(|| panic!("no code in {location}")).to_owned();
            }
            address = location.strip_prefix(&self.issuer).unwrap_or(&location).to_owned();
        };
        let answer = self.ask_for_token(&format!(
            "grant_type=authorization_code&code={code}&redirect_uri={REDIRECT}&resource={resource}"
        ));
        SignedIn { access_token: member(&answer, "access_token"), id_token: member(&answer, "id_token") }
    }

    /// The secret of the clients `gate` and `gate-post`, which may ask about tokens: `client_secret_basic` and
    /// `client_secret_post`. It has what has to be escaped.
    pub const GATE_SECRET: &str = "a secret: with +, %, & and ~";

    /// Takes an access token back (RFC 7009).
    ///
    /// # Panics
    /// When the server does not.
    pub fn revoke(&self, token: &str) {
        let answer = self.send(&form_of_the_client("/token/revocation", &format!("token={token}")));
        assert!(answer.status == 200, "not revoked: {}", self.report(&answer));
    }

    /// Closes its port and every connection; it keeps what it knows.
    pub fn stop(&self) {
        self.command("stop");
    }

    /// Opens the port again.
    pub fn resume(&self) {
        self.command("resume");
    }

    /// Replaces every signing key: what was signed before cannot be verified any more.
    pub fn rotate(&self) {
        let answer = self.command("rotate");
        assert!(answer["kids"].is_array(), "no new keys: {answer}");
    }

    /// How often `path` has been asked for.
    #[must_use]
    pub fn requests(&self, path: &str) -> u64 {
        self.command("requests")[path].as_u64().unwrap_or(0)
    }

    fn ask_for_token(&self, form: &str) -> Value {
        let answer = self.send(&form_of_the_client("/token", form));
        assert!(answer.status == 200, "no token: {}", self.report(&answer));
        answer.json()
    }

    fn send(&self, request: &Request) -> Answer {
        let request = request.clone().host(&self.address.to_string());
        let answer = Connection::open(self.address, Protocol::Http1).and_then(|mut server| server.send(&request));
        answer.unwrap_or_else(|error| panic!("{error}\n{}", self.log_tail()))
    }

    fn command(&self, command: &str) -> Value {
        let mut pipes = self.lock();
        let sent = pipes.commands.as_mut().map(|commands| writeln!(commands, "{command}"));
        assert!(matches!(sent, Some(Ok(()))), "the server has ended\n{}", self.log_tail());
        self.read(&pipes)
    }

    fn read(&self, pipes: &Pipes) -> Value {
        let line = pipes.answers.recv_timeout(LIMIT);
        let line = line.unwrap_or_else(|error| panic!("no word of the server ({error})\n{}", self.log_tail()));
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("the server says `{line}` ({error})"))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pipes> {
        self.pipes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self, answer: &Answer) -> String {
        format!("{answer}\n{}", self.log_tail())
    }

    fn log_tail(&self) -> String {
        format!("--- the end of the server's log ---\n{}", tail(&self.directory.path().join(LOG), 40))
    }
}

impl Drop for OidcProvider {
    fn drop(&mut self) {
        drop(self.lock().commands.take());
        let _ = self.child.wait();
    }
}

/// The directory with the script in `envoy-test/<folder>` and its packages, whole.
pub(crate) fn install(folder: &str, script: &str) -> PathBuf {
    let source = workspace().join("envoy-test").join(folder);
    let read = |name: &str| {
        let path = source.join(name);
        fs::read(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
    };
    let (manifest, packages) = (read("package.json"), read("package-lock.json"));
    let hash = sha256_hex(&packages);
    let home = target_dir().join(folder);
    let installed = home.join(hash.get(..16).unwrap_or(&hash));

    let _lock = Lock::take("envoy-test-oidc-provider.lock");
    if !installed.is_dir() {
        progress(format_args!("installing the packages of {folder}: npm ci, once"));
        fs::create_dir_all(&home).unwrap_or_else(|error| panic!("cannot create {}: {error}", home.display()));
        let work = tempfile::Builder::new().prefix("installing-").tempdir_in(&home);
        let work = work.unwrap_or_else(|error| panic!("cannot create a directory in {}: {error}", home.display()));
        write(&work.path().join("package.json"), &manifest);
        write(&work.path().join("package-lock.json"), &packages);
        npm_ci(work.path());
        // What is there under its last name is whole.
        fs::rename(work.keep(), &installed)
            .unwrap_or_else(|error| panic!("cannot create {}: {error}", installed.display()));
    }
    // Node looks for packages beside the file that imports them. Renamed into place, as another process may read it.
    let new = installed.join(format!("{script}.new"));
    write(&new, &read(script));
    let current = installed.join(script);
    fs::rename(&new, &current).unwrap_or_else(|error| panic!("cannot create {}: {error}", current.display()));
    installed
}

fn npm_ci(directory: &Path) {
    let output = Command::new("npm")
        // Nothing of what is installed is to be run before the test does.
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("cannot run npm: {error}"));
    assert!(
        output.status.success(),
        "npm ci has failed ({}); it needs a registry or a filled cache\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}

fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
}

/// Lines as they come, so that a wait for one can have a time limit.
pub(crate) fn lines(reader: impl BufRead + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || reader.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    receiver
}

/// A form of the client that gets tokens, which says so.
fn form_of_the_client(path: &str, form: &str) -> Request {
    Request::post(path, form)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{SECRET}"))))
}

fn member(answer: &Value, name: &str) -> String {
    let text = answer[name].as_str();
    text.unwrap_or_else(|| panic!("no `{name}` in what the server gave")).to_owned()
}

/// The oldest release that the packages run on.
const OLDEST_NODE: u32 = 20;
/// As `server.mjs` registers it.
const CLIENT: &str = "robot";
const SECRET: &str = "not-a-secret-outside-this-test";
const REDIRECT: &str = "http://127.0.0.1/callback";
/// Node needs a second to start, more on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);
const LOG: &str = "server.log";

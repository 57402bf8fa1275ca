//! An OAuth client that our own code has no part in: npm `oauth4webapi`, run by Node.
//!
//! `envoy-test/dpop-client/client.mjs` says what it does. Its packages are installed as those of the OpenID Connect server.

use std::io::{BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use serde_json::{Value, json};

use crate::oidc_provider::{install, lines};

/// A running client with one key. It is stopped when dropped.
pub struct DpopClient {
    child: Child,
    answers: Receiver<String>,
    thumbprint: String,
}

impl DpopClient {
    /// Starts it, with a fresh key for this algorithm.
    ///
    /// # Panics
    /// When Node or the packages are not there, or the library can't make such a key.
    #[must_use]
    pub fn start(algorithm: &str) -> Self {
        let installed = install("dpop-client", "client.mjs");
        let mut child = Command::new("node")
            .arg("client.mjs")
            .current_dir(installed)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run node: {error}"));
        let answers = lines(BufReader::new(child.stdout.take().expect("its output is a pipe")));
        let mut client = Self { child, answers, thumbprint: String::new() };
        let key = client.ask(&json!({ "do": "key", "algorithm": algorithm }));
        key["jkt"].as_str().unwrap_or_else(|| panic!("no key: {key}")).clone_into(&mut client.thumbprint);
        client
    }

    /// The thumbprint of its key: `cnf.jkt` of its tokens.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// Sends a request with a proof; once more where a nonce is asked for.
    ///
    /// # Panics
    /// When the client has gone, or the library has found the answer wrong.
    pub fn request(&mut self, method: &str, url: &str, token: &str) -> Value {
        self.ask(&json!({ "do": "request", "method": method, "url": url, "token": token }))
    }

    /// The same without a proof.
    ///
    /// # Panics
    /// As [`request`](Self::request).
    pub fn bearer(&mut self, method: &str, url: &str, token: &str) -> Value {
        self.ask(&json!({ "do": "bearer", "method": method, "url": url, "token": token }))
    }

    fn ask(&mut self, command: &Value) -> Value {
        let input = self.child.stdin.as_mut().expect("its input is a pipe");
        writeln!(input, "{command}").unwrap_or_else(|error| panic!("the client has gone: {error}"));
        let line = self.answers.recv_timeout(LIMIT).unwrap_or_else(|error| panic!("no word of the client: {error}"));
        let answer: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("it says `{line}`: {error}"));
        assert!(answer.get("error").is_none(), "{answer}");
        answer
    }
}

impl Drop for DpopClient {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Node needs a second to start, more on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

//! A Microsoft Graph and its token endpoint, on one port.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// Answers on a free port of the loopback address until the process ends.
#[derive(Clone)]
pub(crate) struct Graph {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// By the id of user or service principal.
    groups: HashMap<String, Vec<String>>,
    fault: Fault,
    /// Forms that asked for a token.
    forms: Vec<String>,
    /// The paths in each batch.
    batches: Vec<Vec<String>>,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// Batches end without an answer.
    Down,
    /// Batches are answered after this long.
    Slow(Duration),
    /// Batches are answered with no JSON.
    Garbage,
    /// The token endpoint refuses the secret.
    SecretRefused,
}

impl Graph {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let graph = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let serving = graph.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                // An error is a client that went away.
                thread::spawn(move || serving.serve(stream).ok());
            }
        });
        graph
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn put(&self, id: &str, groups: &[&str]) {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        self.state.lock().unwrap().groups.insert(id.to_owned(), groups);
    }

    pub(crate) fn fail(&self, fault: Fault) {
        self.state.lock().unwrap().fault = fault;
    }

    pub(crate) fn forms(&self) -> Vec<String> {
        self.state.lock().unwrap().forms.clone()
    }

    pub(crate) fn batches(&self) -> Vec<Vec<String>> {
        self.state.lock().unwrap().batches.clone()
    }

    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
                break;
            }
            head.push(line.trim().to_owned());
        }
        let value = |name: &str| {
            head.iter().find_map(|line| line.split_once(':').filter(|(found, _)| found.eq_ignore_ascii_case(name)))
        };
        let length = value("content-length").and_then(|(_, length)| length.trim().parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let token = value("authorization").map(|(_, value)| value.trim().to_owned());
        let line = head.first().cloned().unwrap_or_default();
        if let Some((status, body)) = self.answer(&line, token.as_deref(), &body) {
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            )?;
        }
        Ok(())
    }

    /// `None` hangs up.
    fn answer(&self, line: &str, token: Option<&str>, body: &[u8]) -> Option<(u16, String)> {
        let fault = self.state.lock().unwrap().fault;
        if line.starts_with("POST /") && line.contains("/oauth2/v2.0/token ") {
            self.state.lock().unwrap().forms.push(String::from_utf8_lossy(body).into_owned());
            return Some(match fault {
                Fault::SecretRefused => (401, json!({ "error": "invalid_client" }).to_string()),
                _ => (
                    200,
                    json!({ "token_type": "Bearer", "expires_in": 3599, "access_token": "for-graph" }).to_string(),
                ),
            });
        }
        if line != "POST /v1.0/$batch HTTP/1.1" {
            return Some((404, "{}".to_owned()));
        }
        if token != Some("Bearer for-graph") {
            return Some((401, "{}".to_owned()));
        }
        match fault {
            Fault::Down => return None,
            Fault::Garbage => return Some((200, "<html>".to_owned())),
            Fault::Slow(span) => thread::sleep(span),
            Fault::None | Fault::SecretRefused => {}
        }
        let batch: Value = serde_json::from_slice(body).unwrap();
        let requests = batch["requests"].as_array().unwrap();
        let mut state = self.state.lock().unwrap();
        let urls = requests.iter().map(|request| request["url"].as_str().unwrap().to_owned()).collect();
        state.batches.push(urls);
        let responses: Vec<Value> = requests
            .iter()
            .map(|request| {
                let id = request["url"].as_str().unwrap().split('/').nth(2).unwrap();
                match state.groups.get(id) {
                    Some(groups) => {
                        json!({ "id": request["id"], "status": 200, "headers": {}, "body": { "value": groups } })
                    }
                    None => {
                        json!({ "id": request["id"], "status": 404, "body": { "error": { "code": "Request_ResourceNotFound" } } })
                    }
                }
            })
            .collect();
        Some((200, json!({ "responses": responses }).to_string()))
    }
}

//! An authorization server on a raw socket, which answers what the test says.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// Answers on a free port of the loopback address until the process ends.
#[derive(Clone)]
pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    by_token: HashMap<String, Reply>,
    /// The forms that asked.
    forms: Vec<String>,
    /// How long every answer takes.
    pause: Duration,
    /// Questions that are being answered, and the most there were at a time.
    open: usize,
    most_open: usize,
}

/// What is answered about a token; about others, that they are not active.
#[derive(Clone)]
pub(crate) enum Reply {
    /// 200 and this.
    Say(Value),
    /// Exactly these bytes, and the connection is closed.
    Raw(Vec<u8>),
    /// The head of an answer, a byte, and then nothing.
    Stall,
    /// Nothing.
    HangUp,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let serving = server.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                // An error is a client that went away.
                thread::spawn(move || serving.serve(stream).ok());
            }
        });
        server
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn put(&self, token: &str, reply: Reply) {
        self.state.lock().unwrap().by_token.insert(token.to_owned(), reply);
    }

    pub(crate) fn pause(&self, span: Duration) {
        self.state.lock().unwrap().pause = span;
    }

    pub(crate) fn forms(&self) -> Vec<String> {
        self.state.lock().unwrap().forms.clone()
    }

    pub(crate) fn most_open(&self) -> usize {
        self.state.lock().unwrap().most_open
    }

    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let form = String::from_utf8_lossy(&body).into_owned();
        let token = form.split('&').find_map(|field| field.strip_prefix("token=")).unwrap_or_default().to_owned();
        let (reply, pause) = {
            let mut state = self.state.lock().unwrap();
            state.forms.push(form);
            state.open += 1;
            state.most_open = state.most_open.max(state.open);
            (state.by_token.get(&token).cloned(), state.pause)
        };
        thread::sleep(pause);
        self.state.lock().unwrap().open -= 1;
        match reply.unwrap_or(Reply::Say(json!({ "active": false }))) {
            Reply::Say(said) => stream.write_all(&answer(200, "application/json", said.to_string().as_bytes())),
            Reply::Raw(bytes) => stream.write_all(&bytes),
            Reply::Stall => {
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{")?;
                thread::sleep(Duration::from_secs(30));
                Ok(())
            }
            Reply::HangUp => Ok(()),
        }
    }
}

/// An answer as it stands on the wire.
pub(crate) fn answer(status: u16, kind: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

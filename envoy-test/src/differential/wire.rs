//! Many requests at the same time, each on a connection of its own that stays open: the answers then cost what the
//! filters cost, and not what waiting costs. (Pipelining does not do: Envoy 1.40 leaves the third request of a connection
//! lying when the first two are answered by a filter.)

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What became of a request.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Envoy's response code details; empty for 200.
    pub(super) why: String,
}

/// As many connections as there are requests at the same time.
pub(super) struct Wire {
    address: SocketAddr,
    lanes: Vec<Lane>,
}

impl Wire {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self { address, lanes: Vec::new() }
    }

    /// The answer to each of the requests, in their order.
    ///
    /// # Panics
    /// When a request gets no answer even on a new connection.
    pub(super) fn ask(&mut self, requests: &[Vec<u8>]) -> Vec<Answer> {
        self.lanes.resize_with(requests.len().max(self.lanes.len()), Lane::default);
        let address = self.address;
        let mut lanes: Vec<(&mut Lane, &Vec<u8>)> = self.lanes.iter_mut().zip(requests).collect();
        for (lane, request) in &mut lanes {
            lane.send(address, request);
        }
        let answers = lanes.into_iter().map(|(lane, request)| {
            // Envoy may have closed an idle connection just as the request came.
            let answer = lane.receive().or_else(|| {
                lane.send(address, request);
                lane.receive()
            });
            answer.unwrap_or_else(|| panic!("no answer to this request:\n{}", String::from_utf8_lossy(request)))
        });
        answers.collect()
    }
}

/// One connection, opened again when Envoy has closed it, as it does after some answers of 400.
#[derive(Default)]
struct Lane {
    stream: Option<TcpStream>,
    received: Vec<u8>,
}

impl Lane {
    fn send(&mut self, address: SocketAddr, request: &[u8]) {
        let stream = self.stream.get_or_insert_with(|| {
            let stream = TcpStream::connect(address).unwrap_or_else(|error| panic!("no connection: {error}"));
            stream.set_nodelay(true).and_then(|()| stream.set_read_timeout(Some(PATIENCE))).expect("a fresh socket");
            stream
        });
        // What goes wrong here shows when the answer does not come.
        let _ = stream.write_all(request);
    }

    /// The answer, if there is one.
    fn receive(&mut self) -> Option<Answer> {
        let answer = self.read();
        self.received.clear();
        let (answer, closes) = answer.unzip();
        if closes != Some(false) {
            self.stream = None;
        }
        answer
    }

    /// The answer, and whether Envoy closes after it.
    fn read(&mut self) -> Option<(Answer, bool)> {
        let end = loop {
            if let Some(end) = self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            self.read_more()?;
        };
        let head = String::from_utf8_lossy(self.received.get(..end)?).into_owned();
        let header = |name: &str| {
            let lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value)
        };
        let length: usize = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        while self.received.len() < end + length {
            self.read_more()?;
        }
        let status = head.get(9..12).and_then(|status| status.parse().ok())?;
        let why = header("x-why").unwrap_or_default().to_owned();
        Some((Answer { status, why }, header("connection") == Some("close")))
    }

    fn read_more(&mut self) -> Option<()> {
        let mut buffer = [0; 4096];
        let read = self.stream.as_mut()?.read(&mut buffer).ok().filter(|read| *read > 0)?;
        self.received.extend_from_slice(buffer.get(..read)?);
        Some(())
    }
}

/// Envoy answers in microseconds; a busy machine in seconds.
const PATIENCE: Duration = Duration::from_secs(20);

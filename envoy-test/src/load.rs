//! Load: many requests over a few connections, with as little work per request as a client can do.
//!
//! The requests are whole texts made beforehand, and of an answer only the status and the length are read. No pipelining:
//! each connection sends its next request when it has the answer to the last, as a proxy's real clients do.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// HTTP/1.1 connections that stay open between the runs.
pub struct Load {
    runtime: Runtime,
    connections: Vec<Wire>,
}

impl Load {
    /// Opens `connections` connections.
    ///
    /// # Panics
    /// When nobody answers there.
    #[must_use]
    pub fn open(address: SocketAddr, connections: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let open = async {
            let mut wires = Vec::with_capacity(connections);
            for _ in 0..connections {
                let stream = TcpStream::connect(address).await.expect("a connection to Envoy");
                stream.set_nodelay(true).expect("no delay");
                wires.push(Wire { stream, received: Vec::with_capacity(4096) });
            }
            wires
        };
        let connections = runtime.block_on(open);
        Self { runtime, connections }
    }

    /// Sends each of `requests` once, over all connections at the same time, and returns how long that took.
    ///
    /// # Panics
    /// At an answer with another status than `expected`, or a closed connection.
    pub fn run(&mut self, requests: &[impl AsRef<[u8]>], expected: u16) -> Duration {
        let began = Instant::now();
        let share = requests.len().div_ceil(self.connections.len()).max(1);
        let work = self.connections.iter_mut().zip(requests.chunks(share)).map(|(wire, requests)| async move {
            for request in requests {
                let status = wire.send(request.as_ref()).await;
                assert_eq!(status, expected, "{}", String::from_utf8_lossy(&wire.received));
            }
        });
        let work: Vec<_> = work.collect();
        self.runtime.block_on(join(work));
        began.elapsed()
    }
}

/// Polls all of them until each is done, from one task: a waker for each would cost more than asking a few too often.
async fn join(work: Vec<impl Future<Output = ()>>) {
    let mut work: Vec<_> = work.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|context| {
        work.retain_mut(|each| each.as_mut().poll(context).is_pending());
        if work.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

/// One connection.
struct Wire {
    stream: TcpStream,
    /// The last answer.
    received: Vec<u8>,
}

impl Wire {
    async fn send(&mut self, request: &[u8]) -> u16 {
        self.stream.write_all(request).await.expect("Envoy reads");
        self.received.clear();
        loop {
            let read = self.stream.read_buf(&mut self.received).await.expect("Envoy answers");
            assert!(read > 0, "Envoy closed the connection after {}", String::from_utf8_lossy(&self.received));
            if let Some(status) = complete(&self.received) {
                return status;
            }
        }
    }
}

/// The status of an answer that is there in full: its head, and as many bytes as `content-length` says.
fn complete(answer: &[u8]) -> Option<u16> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&answer[..end]).expect("a head of ASCII");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.trim().parse().expect("a length"));
    let status = head.get(9..12).and_then(|status| status.parse().ok()).expect("a status");
    (answer.len() >= end + length).then_some(status)
}

/// Which side of a measurement runs on a core.
#[derive(Clone, Copy, Debug)]
pub enum Core {
    /// The client, the issuer and the upstream.
    Client,
    /// Envoy.
    Envoy,
}

/// Keeps this thread, and what it starts from now on, to a core of that side; false where there are no two cores.
pub fn pin_thread(side: Core) -> bool {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let core = match side {
        Core::Client => cores.first(),
        Core::Envoy => cores.get(1),
    };
    cores.len() > 1 && core.is_some_and(|core| core_affinity::set_for_current(*core))
}

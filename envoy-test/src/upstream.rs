//! The service behind Envoy: it answers with what it received, so that a test sees what really went on.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::{listen, runtime};

/// An echo over HTTP/1.1 and HTTP/2 without TLS. It stops when dropped.
///
/// The answer is 200 and this JSON, with header names as received (lower case) and every header in order, repeated ones
/// repeated; bytes that are not UTF-8 are escaped as `\xFF`:
///
/// ```json
/// {"method": "GET", "path": "/orders/1?x=1", "version": "HTTP/1.1", "authority": "api.example",
///  "headers": [["host", "api.example"], ["x-user-id", "a"]], "body": ""}
/// ```
///
/// A request may ask for another answer: `x-upstream-status: 404`, `x-upstream-delay-ms: 200`, and
/// `x-upstream-header: name: value`, which may be repeated.
pub struct Upstream {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Upstream {
    /// Listens on a free port of the loopback address.
    #[must_use]
    pub fn start() -> Self {
        Self::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// Listens on `address`; for the docker-compose file, which fixes its ports.
    #[must_use]
    pub fn start_on(address: SocketAddr) -> Self {
        let listener = listen(address);
        let address = listener.local_addr().expect("a listening socket has an address");
        let requests = Arc::new(AtomicUsize::new(0));
        let task = runtime().spawn(serve(listener, Arc::clone(&requests)));
        Self { address, requests, task }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests have come through to it so far.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, requests: Arc<AtomicUsize>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let requests = Arc::clone(&requests);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                requests.fetch_add(1, Ordering::SeqCst);
                async move { Ok::<_, Infallible>(echo(request).await) }
            });
            // An error here is a client that went away.
            let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn echo(request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => Bytes::from(format!("<unreadable: {error}>")),
    };
    let headers: Vec<Value> =
        head.headers.iter().map(|(name, value)| json!([name.as_str(), readable(value.as_bytes())])).collect();
    let authority = head.uri.authority().map(ToString::to_string);
    let authority = authority.or_else(|| Some(readable(head.headers.get("host")?.as_bytes())));
    let received = json!({
        "method": head.method.as_str(),
        "path": head.uri.path_and_query().map_or("", |path| path.as_str()),
        "version": format!("{:?}", head.version),
        "authority": authority,
        "headers": headers,
        "body": readable(&body),
    });

    let wish = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(delay) = wish("x-upstream-delay-ms").and_then(|value| value.parse().ok()) {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    let mut response = Response::builder()
        .status(wish("x-upstream-status").and_then(|value| value.parse::<u16>().ok()).unwrap_or(200))
        .header("content-type", "application/json");
    for wish in head.headers.get_all("x-upstream-header") {
        if let Some((name, value)) = wish.to_str().ok().and_then(|text| text.split_once(": ")) {
            response = response.header(name, value);
        }
    }
    let body = if head.method == "HEAD" { Bytes::new() } else { Bytes::from(received.to_string()) };
    response.body(Full::new(body)).unwrap_or_else(|error| {
        Response::new(Full::new(Bytes::from(format!("the x-upstream wishes make no response: {error}"))))
    })
}

/// Text as it is, other bytes as `\xFF`.
pub(crate) fn readable(bytes: &[u8]) -> String {
    bytes
        .utf8_chunks()
        .map(|chunk| {
            let escaped: String = chunk.invalid().iter().map(|byte| format!("\\x{byte:02X}")).collect();
            format!("{}{escaped}", chunk.valid())
        })
        .collect()
}

/// The largest request body it takes: more than Envoy buffers.
const MAX_BODY: usize = 16 * 1024 * 1024;

//! An engine behind Envoy's global rate limit protocol that answers what a test wants: also late, never, and nonsense.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use prost::Message;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::{listen, runtime};

/// A running engine. It stops when dropped.
pub struct RateLimitEngine {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    task: JoinHandle<()>,
}

struct Script {
    answer: Box<dyn FnMut(&Asked) -> EngineReply + Send>,
    asked: Vec<Asked>,
}

/// What it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The namespace.
    pub domain: String,
    /// Names and values of the first descriptor, joined by `=`.
    pub entries: Vec<String>,
    /// How much it counts.
    pub hits: u32,
}

/// What it answers.
#[derive(Clone, Debug)]
pub enum EngineReply {
    /// There is room.
    Ok,
    /// There is none: of so many a minute, until so many seconds have passed.
    Over(u32, u32),
    /// This gRPC status and no message.
    Status(u32),
    /// These bytes in place of a message.
    Bytes(Vec<u8>),
    /// `Ok`, so much later.
    Late(Duration),
    /// Never.
    Hang,
}

impl RateLimitEngine {
    /// One that has room for everybody.
    #[must_use]
    pub fn start() -> Self {
        let listener = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let address = listener.local_addr().expect("a listening socket has an address");
        let script = Arc::new(Mutex::new(Script { answer: Box::new(|_| EngineReply::Ok), asked: Vec::new() }));
        let task = runtime().spawn(serve(listener, Arc::clone(&script)));
        Self { address, script, task }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on it answers so.
    pub fn answers(&self, answer: impl FnMut(&Asked) -> EngineReply + Send + 'static) {
        self.script.lock().unwrap_or_else(PoisonError::into_inner).answer = Box::new(answer);
    }

    /// What it was asked since this was called last.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.script.lock().unwrap_or_else(PoisonError::into_inner).asked)
    }
}

impl Drop for RateLimitEngine {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, script: Arc<Mutex<Script>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let script = Arc::clone(&script);
        tokio::spawn(async move {
            let answering = service_fn(move |request| answer(request, Arc::clone(&script)));
            let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answering).await;
        });
    }
}

type Reply = Response<BoxBody<Bytes, Infallible>>;

async fn answer(request: Request<Incoming>, script: Arc<Mutex<Script>>) -> Result<Reply, hyper::Error> {
    let path = request.uri().path().to_owned();
    let frame = request.into_body().collect().await?.to_bytes();
    let asked = frame.get(5..).and_then(|message| RateLimitRequest::decode(message).ok());
    let Some(asked) = asked.filter(|_| path == METHOD) else { return Ok(closed(12)) };
    let first = asked.descriptors.into_iter().next().unwrap_or_default();
    let entries = first.entries.into_iter().map(|entry| format!("{}={}", entry.key, entry.value)).collect();
    let asked = Asked { domain: asked.domain, entries, hits: asked.hits_addend };
    let reply = {
        let mut script = script.lock().unwrap_or_else(PoisonError::into_inner);
        script.asked.push(asked.clone());
        (script.answer)(&asked)
    };
    Ok(match reply {
        EngineReply::Ok => message(&[0x08, 1]),
        EngineReply::Over(most, seconds) => message(&over(most, seconds)),
        EngineReply::Status(status) => closed(status),
        EngineReply::Bytes(bytes) => message(&bytes),
        EngineReply::Late(late) => {
            tokio::time::sleep(late).await;
            message(&[0x08, 1])
        }
        EngineReply::Hang => std::future::pending().await,
    })
}

/// `OVER_LIMIT`, in the form of `envoyproxy/ratelimit`: with a status.
fn over(most: u32, seconds: u32) -> Vec<u8> {
    let limit = RateLimit { requests_per_unit: most, unit: MINUTE };
    let reset = Span { seconds: seconds.into() };
    let status = DescriptorStatus { code: 2, current_limit: Some(limit), duration_until_reset: Some(reset) };
    RateLimitResponse { overall_code: 2, statuses: vec![status] }.encode_to_vec()
}

fn message(bytes: &[u8]) -> Reply {
    let mut frame = vec![0];
    frame.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    frame.extend(bytes);
    let trailers = HeaderMap::from_iter([("grpc-status".parse().expect("a name"), "0".parse().expect("a value"))]);
    let body = Full::new(Bytes::from(frame)).with_trailers(async move { Some(Ok(trailers)) });
    grpc(BoxBody::new(body), None)
}

fn closed(status: u32) -> Reply {
    grpc(BoxBody::new(Empty::new()), Some(status))
}

fn grpc(body: BoxBody<Bytes, Infallible>, status: Option<u32>) -> Reply {
    let mut response = Response::builder().header("content-type", "application/grpc");
    if let Some(status) = status {
        response = response.header("grpc-status", status);
    }
    response.body(body).expect("plain headers")
}

const METHOD: &str = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";

/// `RateLimit.Unit`.
const MINUTE: i32 = 2;

#[derive(Clone, PartialEq, Message)]
struct RateLimitRequest {
    #[prost(string, tag = "1")]
    domain: String,
    #[prost(message, repeated, tag = "2")]
    descriptors: Vec<Descriptor>,
    #[prost(uint32, tag = "3")]
    hits_addend: u32,
}

#[derive(Clone, PartialEq, Message)]
struct Descriptor {
    #[prost(message, repeated, tag = "1")]
    entries: Vec<Entry>,
}

#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct RateLimitResponse {
    #[prost(int32, tag = "1")]
    overall_code: i32,
    #[prost(message, repeated, tag = "2")]
    statuses: Vec<DescriptorStatus>,
}

#[derive(Clone, PartialEq, Message)]
struct DescriptorStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(message, optional, tag = "2")]
    current_limit: Option<RateLimit>,
    #[prost(message, optional, tag = "4")]
    duration_until_reset: Option<Span>,
}

#[derive(Clone, PartialEq, Message)]
struct RateLimit {
    #[prost(uint32, tag = "1")]
    requests_per_unit: u32,
    #[prost(int32, tag = "2")]
    unit: i32,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(int64, tag = "1")]
    seconds: i64,
}

//! A client that can send what ordinary ones refuse to: header bytes above 0x7F, repeated headers, raw bytes.

use std::fmt;
use std::io::{Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::{Method, Response, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use crate::certificates::ClientCertificate;
use crate::support::{block_on, runtime};
use crate::tls::shake_hands;
use crate::upstream::readable;

/// A request to be sent, as often as wanted.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    path: String,
    host: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    timeout: Duration,
}

impl Request {
    /// A request with this method for this path (and query), to the host `api.example`.
    #[must_use]
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            host: "api.example".to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: Duration::from_secs(30),
        }
    }

    /// A GET.
    #[must_use]
    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// A POST.
    #[must_use]
    pub fn post(path: &str, body: impl AsRef<[u8]>) -> Self {
        Self { body: body.as_ref().to_vec(), ..Self::new("POST", path) }
    }

    /// The `Host` header or `:authority`.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// One more header. The value is bytes: all but control characters, so 0x80 to 0xFF too. May be repeated.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// `Authorization: Bearer <token>`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// How long to wait for the answer; 30 s at first.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The header pairs, pseudo headers first, as a filter sees them.
    #[must_use]
    pub fn pairs(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let pseudo = [(":method", &self.method), (":path", &self.path), (":authority", &self.host)];
        let pseudo = pseudo.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        let headers = self.headers.iter().map(|(name, value)| (name.to_lowercase().into_bytes(), value.clone()));
        let scheme = (b":scheme".to_vec(), b"http".to_vec());
        pseudo.into_iter().chain([scheme]).chain(headers).collect()
    }

    fn build(&self, protocol: Protocol) -> hyper::Request<Full<Bytes>> {
        let uri: Uri = match protocol {
            Protocol::Http1 => self.path.parse(),
            Protocol::Http2 => format!("http://{}{}", self.host, self.path).parse(),
        }
        .unwrap_or_else(|error| panic!("`{}` cannot be sent as a path ({error}); use `raw`", self.path));
        let method = Method::from_bytes(self.method.as_bytes())
            .unwrap_or_else(|error| panic!("`{}` cannot be sent as a method ({error}); use `raw`", self.method));
        let mut request = hyper::Request::new(Full::new(Bytes::from(self.body.clone())));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        if protocol == Protocol::Http1 {
            headers.insert(HOST, value(self.host.as_bytes()));
        }
        for (name, bytes) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes())
                .unwrap_or_else(|error| panic!("`{name}` cannot be sent as a header name ({error}); use `raw`"));
            headers.append(name, value(bytes));
        }
        request
    }
}

fn value(bytes: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(bytes)
        .unwrap_or_else(|error| panic!("`{}` cannot be sent as a header value ({error}); use `raw`", readable(bytes)))
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Every header in order, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
    /// The trailers, where gRPC puts its status.
    pub trailers: Vec<(String, Vec<u8>)>,
    /// From sending the request to the end of the body.
    pub elapsed: Duration,
}

impl Answer {
    /// The value of a header that may be there once.
    ///
    /// # Panics
    /// When it is there more than once: a test must not look at the first by chance.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let values = self.headers(name);
        assert!(values.len() <= 1, "the header {name} is there {} times: {self}", values.len());
        values.into_iter().next()
    }

    /// The values of a header, in order.
    #[must_use]
    pub fn headers(&self, name: &str) -> Vec<String> {
        let matching = self.headers.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name));
        matching.map(|(_, value)| readable(value)).collect()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        readable(&self.body)
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("the body is not JSON ({error}): {self}"))
    }

    /// The values of a header as the upstream received it, from its echo.
    #[must_use]
    pub fn upstream_headers(&self, name: &str) -> Vec<String> {
        let echo = self.json();
        let headers = echo["headers"].as_array().unwrap_or_else(|| panic!("not an answer of the upstream: {self}"));
        let matching = headers.iter().filter(|pair| pair[0].as_str() == Some(name));
        matching.filter_map(|pair| pair[1].as_str().map(ToOwned::to_owned)).collect()
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "answer {} after {:?}", self.status, self.elapsed)?;
        for (name, value) in self.headers.iter().chain(&self.trailers) {
            writeln!(f, "  {name}: {}", readable(value))?;
        }
        let text = self.text();
        let shown: String = text.chars().take(2000).collect();
        write!(f, "\n{shown}")
    }
}

/// Why there is no answer: refused, reset, closed or too late.
#[derive(Clone, Debug)]
pub struct NoAnswer(String);

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 without TLS, by prior knowledge.
    Http2,
}

/// One connection, on which requests are sent one after the other. In Envoy a connection belongs to one worker.
pub struct Connection {
    sender: Sender,
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When there is no connection within 10 s.
    pub fn open(address: SocketAddr, protocol: Protocol) -> Result<Self, NoAnswer> {
        Self::open_as(address, protocol, None, None)
    }

    /// Connects as a client at `from`, to a listener that believes the PROXY protocol.
    ///
    /// # Errors
    /// When there is no connection within 10 s.
    pub fn open_from(address: SocketAddr, protocol: Protocol, from: IpAddr) -> Result<Self, NoAnswer> {
        Self::open_as(address, protocol, Some(from), None)
    }

    /// Connects with TLS, and shows `certificate` if there is one.
    ///
    /// # Errors
    /// When there is no connection within 10 s. A listener that does not take the certificate may say so now or when the first
    /// request is sent.
    pub fn open_tls(
        address: SocketAddr,
        protocol: Protocol,
        from: Option<IpAddr>,
        certificate: Option<&ClientCertificate>,
    ) -> Result<Self, NoAnswer> {
        Self::open_as(address, protocol, from, Some(certificate))
    }

    fn open_as(
        address: SocketAddr,
        protocol: Protocol,
        from: Option<IpAddr>,
        tls: Option<Option<&ClientCertificate>>,
    ) -> Result<Self, NoAnswer> {
        let opening = open(address, protocol, from, tls);
        let opened = block_on(async { tokio::time::timeout(Duration::from_secs(10), opening).await });
        opened.unwrap_or_else(|_| Err(NoAnswer(format!("no connection to {address} within 10 s"))))
    }

    /// Sends the request and waits for the whole answer.
    ///
    /// # Errors
    /// When the connection ends or the request's time is up.
    pub fn send(&mut self, request: &Request) -> Result<Answer, NoAnswer> {
        let limit = request.timeout;
        let answer = block_on(async { tokio::time::timeout(limit, self.exchange(request)).await });
        answer
            .unwrap_or_else(|_| Err(NoAnswer(format!("no answer to {} {} in {limit:?}", request.method, request.path))))
    }

    async fn exchange(&mut self, request: &Request) -> Result<Answer, NoAnswer> {
        let start = Instant::now();
        let failed = |error: hyper::Error| {
            NoAnswer(format!("no answer to {} {}: {error} ({error:?})", request.method, request.path))
        };
        let response: Response<Incoming> = match &mut self.sender {
            Sender::Http1(sender) => {
                sender.ready().await.map_err(failed)?;
                sender.send_request(request.build(Protocol::Http1)).await
            }
            Sender::Http2(sender) => {
                sender.ready().await.map_err(failed)?;
                sender.send_request(request.build(Protocol::Http2)).await
            }
        }
        .map_err(failed)?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(failed)?;
        let trailers = body.trailers().map(pairs).unwrap_or_default();
        Ok(Answer {
            status: head.status.as_u16(),
            headers: pairs(&head.headers),
            body: body.to_bytes().to_vec(),
            trailers,
            elapsed: start.elapsed(),
        })
    }
}

fn pairs(headers: &hyper::HeaderMap) -> Vec<(String, Vec<u8>)> {
    headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect()
}

async fn open(
    address: SocketAddr,
    protocol: Protocol,
    from: Option<IpAddr>,
    tls: Option<Option<&ClientCertificate>>,
) -> Result<Connection, NoAnswer> {
    let failed = |error: &dyn fmt::Display| NoAnswer(format!("no connection to {address}: {error}"));
    let mut stream = tokio::net::TcpStream::connect(address).await.map_err(|error| failed(&error))?;
    stream.set_nodelay(true).map_err(|error| failed(&error))?;
    if let Some(from) = from {
        let (family, to) = if from.is_ipv4() { ("TCP4", "127.0.0.1") } else { ("TCP6", "::1") };
        let line = format!("PROXY {family} {from} {to} 40000 80\r\n");
        stream.write_all(line.as_bytes()).await.map_err(|error| failed(&error))?;
    }
    match tls {
        None => speak(stream, protocol).await.map_err(|error| failed(&error)),
        Some(certificate) => {
            let stream = shake_hands(stream, protocol, certificate).await.map_err(|error| failed(&error))?;
            speak(stream, protocol).await.map_err(|error| failed(&error))
        }
    }
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    protocol: Protocol,
) -> Result<Connection, hyper::Error> {
    let io = TokioIo::new(stream);
    let sender = match protocol {
        Protocol::Http1 => {
            let (sender, connection) = http1::handshake(io).await?;
            runtime().spawn(connection);
            Sender::Http1(sender)
        }
        Protocol::Http2 => {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
            runtime().spawn(connection);
            Sender::Http2(sender)
        }
    };
    Ok(Connection { sender })
}

/// Sends bytes as they are and reads until the server closes or is silent for `patience`.
///
/// # Panics
/// When there is no connection.
#[must_use]
pub fn raw(address: SocketAddr, bytes: &[u8], patience: Duration) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap_or_else(|error| panic!("no connection to {address}: {error}"));
    stream.set_read_timeout(Some(patience)).expect("a time limit above zero");
    // A server may close before it has read everything; what it said before is still there to be read.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(read) = stream.read(&mut buffer) {
        if read == 0 {
            break;
        }
        answer.extend_from_slice(&buffer[..read]);
    }
    let _ = stream.shutdown(Shutdown::Both);
    answer
}

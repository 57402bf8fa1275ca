//! How a test issuer answers: the right document, or what its fault makes of it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};

use super::entra::Route;
use super::fault::{Document, Fault};
use super::keys::base64url;
use super::{Book, Profile, Published, Raw, State, lock};

/// Serves until the task is aborted, which also ends every connection.
pub(super) async fn serve(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        let raw = lock(&state.raw).clone();
        if let Some(raw) = raw {
            connections.spawn(answer_raw(stream, raw));
            continue;
        }
        let state = Arc::clone(&state);
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let state = Arc::clone(&state);
                async move { Ok::<_, Infallible>(answer(&state, &request).await) }
            });
            // An error here is a client that went away, or a fault that cuts the connection.
            let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Waits for a request, whatever it is, and says its piece.
async fn answer_raw(mut stream: TcpStream, Raw { bytes, pace }: Raw) {
    let mut first = [0; 1024];
    let _ = stream.read(&mut first).await;
    let Some(pace) = pace else {
        // A client may have had enough before the end.
        let _ = stream.write_all(&bytes).await;
        let _ = stream.shutdown().await;
        return;
    };
    for byte in bytes {
        if stream.write_all(&[byte]).await.is_err() {
            return;
        }
        tokio::time::sleep(pace).await;
    }
}

async fn answer(state: &State, request: &Request<Incoming>) -> Response<Reply> {
    let host = request.headers().get("host").and_then(|host| host.to_str().ok());
    let host = host.or_else(|| request.uri().authority().map(|authority| authority.as_str())).unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
    let shown = request.uri().path_and_query().map_or("/", |shown| shown.as_str());
    lock(&state.requests).push(format!("{host}{shown}"));

    let books = lock(&state.books).clone();
    let mut last = error(404, &json!({"error": "not_found", "host": host, "path": path}));
    for book in books {
        let found = lock(&book).find(host, path, query);
        match found {
            Found::Nothing => {}
            Found::Refused(response) => last = response,
            Found::Planned(plan) => return carry_out(plan).await,
        }
    }
    last
}

enum Found {
    Nothing,
    Refused(Response<Reply>),
    Planned(Plan),
}

/// An answer made while the book was locked, to be given after it is not.
struct Plan {
    document: Value,
    headers: Vec<(String, String)>,
    fault: Option<Fault>,
}

impl Book {
    fn find(&mut self, host: &str, path: &str, query: &str) -> Found {
        let (kind, document) = match &self.profile {
            Profile::Oidc { host: own, .. } if own != host => return Found::Nothing,
            Profile::Entra(entra) if entra.host() != host => return Found::Nothing,
            Profile::Oidc { issuer, host, discovery, keys } => {
                if path == discovery {
                    let scheme = issuer.split("://").next().unwrap_or("https");
                    (Document::Discovery, oidc_discovery(issuer, &format!("{scheme}://{host}{keys}")))
                } else if path == keys {
                    (Document::Keys, self.key_set(None))
                } else {
                    return Found::Nothing;
                }
            }
            Profile::Entra(entra) => match entra.route(path, query) {
                Ok(route) if route.document == Document::Keys => (Document::Keys, self.key_set(Some(&route))),
                Ok(route) => (Document::Discovery, entra.discovery(&route)),
                Err(Some(body)) => return Found::Refused(error(400, &body)),
                Err(None) => return Found::Nothing,
            },
        };
        self.fetched.push(kind);
        let fault = self.faults.iter().rev().find(|(hit, _)| *hit == kind || *hit == Document::Any);
        let fault = fault.map(|(_, fault)| fault.clone());
        Found::Planned(Plan { document, headers: self.headers.clone(), fault })
    }

    fn key_set(&self, route: Option<&Route>) -> Value {
        let jwk = |published: &Published| match published {
            Published::Raw(jwk) => jwk.clone(),
            Published::Key { key, extra } => {
                let mut jwk = key.jwk();
                if let (Profile::Entra(entra), Some(route)) = (&self.profile, route) {
                    entra.decorate(route, &mut jwk);
                }
                let mut members = jwk.as_object().cloned().unwrap_or_default();
                override_members(&mut members, extra);
                Value::Object(members)
            }
        };
        json!({"keys": self.keys.iter().map(jwk).collect::<Vec<_>>()})
    }
}

fn override_members(members: &mut Map<String, Value>, extra: &Map<String, Value>) {
    for (name, value) in extra {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
}

fn oidc_discovery(issuer: &str, jwks_uri: &str) -> Value {
    let base = issuer.trim_end_matches('/');
    json!({
        "issuer": issuer,
        "jwks_uri": jwks_uri,
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA"],
    })
}

async fn carry_out(plan: Plan) -> Response<Reply> {
    let Plan { mut document, mut headers, fault } = plan;
    let mut status = 200;
    let mut content_type = "application/json; charset=utf-8";
    let body = match fault {
        None => Reply::whole(document.to_string()),
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Delay(time)) => {
            tokio::time::sleep(time).await;
            Reply::whole(document.to_string())
        }
        Some(Fault::Slow) => Reply::slow(document.to_string()),
        Some(Fault::Cut) => Reply::cut(document.to_string()),
        Some(Fault::Status(code)) => {
            status = code;
            Reply::whole(json!({"error": "server_error", "status": code}).to_string())
        }
        Some(Fault::Empty) => Reply::whole(""),
        Some(Fault::Garbage) => Reply::whole([0x00, 0xFF, 0xFE, b'{', 0x80, 0xC0, b'"'].repeat(64)),
        Some(Fault::Html) => {
            content_type = "text/html";
            Reply::whole("<!DOCTYPE html><html><head><title>Sign in to the network</title></head><body></body></html>")
        }
        Some(Fault::Huge) => Reply::huge(),
        Some(Fault::ManyKeys(count)) => {
            document["keys"] = with_strangers(&document["keys"], count);
            Reply::whole(document.to_string())
        }
        Some(Fault::WrongIssuer(issuer)) => {
            document["issuer"] = json!(issuer);
            Reply::whole(document.to_string())
        }
        Some(Fault::Redirect(to)) => {
            status = 302;
            headers.push(("location".to_owned(), to));
            Reply::whole("")
        }
        Some(Fault::Body(body)) => Reply::whole(body),
    };
    let mut response = Response::builder().status(status).header("content-type", content_type);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(body).unwrap_or_else(|flaw| error(500, &json!({"error": flaw.to_string()})))
}

/// `count` well-formed keys of nobody, then the issuer's own.
fn with_strangers(keys: &Value, count: usize) -> Value {
    let strangers = (0..count).map(|index| {
        // An RSA modulus only has to be odd and long to be taken for one.
        let mut n = [0xC3; 256];
        n[128..136].copy_from_slice(&index.to_be_bytes());
        json!({"kty": "RSA", "use": "sig", "kid": format!("stranger-{index}"), "n": base64url(&n), "e": "AQAB"})
    });
    strangers.chain(keys.as_array().cloned().unwrap_or_default()).collect()
}

fn error(status: u16, body: &Value) -> Response<Reply> {
    let mut response = Response::new(Reply::whole(body.to_string()));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    response
}

/// A body that can be slow, endless or cut.
struct Reply {
    chunks: Vec<Bytes>,
    pause: Option<(Duration, Pin<Box<Sleep>>)>,
    cut: bool,
}

impl Reply {
    fn whole(body: impl Into<Bytes>) -> Self {
        Self { chunks: vec![body.into()], pause: None, cut: false }
    }

    fn slow(body: String) -> Self {
        let body = Bytes::from(body);
        let chunks = (0..body.len()).rev().map(|index| body.slice(index..=index)).collect();
        let pause = Duration::from_secs(1);
        Self { chunks, pause: Some((pause, Box::pin(tokio::time::sleep(Duration::ZERO)))), cut: false }
    }

    fn cut(body: String) -> Self {
        let body = Bytes::from(body);
        Self { chunks: vec![body.slice(..body.len() / 2)], pause: None, cut: true }
    }

    fn huge() -> Self {
        let megabyte = Bytes::from(vec![b' '; 1024 * 1024]);
        Self { chunks: vec![megabyte; 100], pause: None, cut: false }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = std::io::Error;

    /// The chunks from last to first.
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if let Some((every, sleep)) = &mut self.pause {
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            sleep.as_mut().reset(Instant::now() + *every);
        }
        if let Some(chunk) = self.chunks.pop() {
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        if std::mem::take(&mut self.cut) {
            return Poll::Ready(Some(Err(std::io::Error::other("cut on purpose"))));
        }
        Poll::Ready(None)
    }
}

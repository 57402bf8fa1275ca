//! A server of documents that somebody else makes: the issuers of a world that exists elsewhere.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::{listen, runtime};

/// What is answered at an authority and a path with its query, to a request with this body: status and JSON.
type Find = dyn Fn(&str, &str, &[u8]) -> Option<(u16, Vec<u8>)> + Send + Sync;

/// Serves documents by HTTP without TLS. It stops when dropped.
pub struct Documents {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Documents {
    /// Listens on a free port of the loopback address; what `find` does not find is a 404.
    pub fn start(find: impl Fn(&str, &str, &[u8]) -> Option<(u16, Vec<u8>)> + Send + Sync + 'static) -> Self {
        let listener = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let address = listener.local_addr().expect("a listening socket has an address");
        let task = runtime().spawn(serve(listener, Arc::new(find)));
        Self { address, task }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Documents {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, find: Arc<Find>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let find = Arc::clone(&find);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let find = Arc::clone(&find);
                async move { Ok::<_, Infallible>(answer(&*find, request).await) }
            });
            // An error here is a client that went away.
            let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(find: &Find, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (request, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let host = request.headers.get("host").and_then(|host| host.to_str().ok());
    let host = host.or_else(|| request.uri.authority().map(|authority| authority.as_str())).unwrap_or_default();
    let path = request.uri.path_and_query().map_or("/", |path| path.as_str());
    let (status, body) = find(host, path, &body).unwrap_or((404, Vec::new()));
    let mut response = Response::new(Full::new(Bytes::from(body)));
    response.headers_mut().insert("content-type", hyper::header::HeaderValue::from_static("application/json"));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    response
}

//! The one method, and what Limitador says to it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use limitador::AsyncRateLimiter;
use limitador::limit::Context;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::protocol::{HeaderValue, OK, OVER_LIMIT, RateLimitRequest, RateLimitResponse};

/// `envoy.service.ratelimit.v3.RateLimitService`.
#[derive(Clone)]
pub(crate) struct RateLimitServer(Arc<AsyncRateLimiter>);

impl RateLimitServer {
    pub(crate) fn new(limiter: AsyncRateLimiter) -> Self {
        Self(Arc::new(limiter))
    }

    /// As Limitador's own server: no statuses, and header fields for what is left.
    async fn should_rate_limit(&self, asked: RateLimitRequest) -> Result<RateLimitResponse, Status> {
        let entries = |descriptor: crate::protocol::RateLimitDescriptor| -> HashMap<String, String> {
            descriptor.entries.into_iter().map(|entry| (entry.key, entry.value)).collect()
        };
        let mut context = Context::default();
        context.list_binding("descriptors".to_owned(), asked.descriptors.into_iter().map(entries).collect());
        let hits = u64::from(asked.hits_addend.max(1));
        let namespace = asked.domain.into();
        let checked = self.0.check_rate_limited_and_update(&namespace, &context, hits).await;
        let mut checked = checked.map_err(|error| {
            eprintln!("{error}");
            Status::unavailable("Service unavailable")
        })?;
        let headers = checked.response_header().into_iter().map(|(key, value)| HeaderValue { key, value });
        Ok(RateLimitResponse {
            overall_code: if checked.limited { OVER_LIMIT } else { OK },
            response_headers_to_add: headers.collect(),
        })
    }
}

impl NamedService for RateLimitServer {
    const NAME: &'static str = "envoy.service.ratelimit.v3.RateLimitService";
}

impl UnaryService<RateLimitRequest> for RateLimitServer {
    type Response = RateLimitResponse;
    type Future = Pin<Box<dyn Future<Output = Result<Response<RateLimitResponse>, Status>> + Send>>;

    fn call(&mut self, request: Request<RateLimitRequest>) -> Self::Future {
        let server = self.clone();
        Box::pin(async move { server.should_rate_limit(request.into_inner()).await.map(Response::new) })
    }
}

impl Service<http::Request<Body>> for RateLimitServer {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Task<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let server = self.clone();
        Box::pin(async move {
            if !request.uri().path().ends_with("/ShouldRateLimit") {
                return Ok(Status::unimplemented("there is one method").into_http());
            }
            let codec = ProstCodec::<RateLimitResponse, RateLimitRequest>::default();
            Ok(Grpc::new(codec).unary(server, request).await)
        })
    }
}

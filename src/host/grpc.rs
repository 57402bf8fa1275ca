//! Unary gRPC calls: how they go out, and what comes back.

use prost::Message;

use super::abi::{self, BufferType};
use crate::provider::{Fetch, Fetched};

/// Sends a call. `None` if the host can't.
pub(super) fn call(fetch: &Fetch) -> Option<u32> {
    let (service, method) = fetch.path.strip_prefix('/')?.split_once('/')?;
    let target = GrpcService { envoy_grpc: Some(EnvoyGrpc { cluster_name: fetch.cluster.clone() }) };
    let message = fetch.post.as_ref().map_or(&[][..], |post| &post.body);
    abi::grpc_call(&target.encode_to_vec(), service, method, message, fetch.timeout).ok()
}

/// The message that came back, in the form that HTTP has for it.
pub(super) fn message(max_bytes: usize) -> Fetched {
    match abi::buffer(BufferType::GrpcMessage, max_bytes) {
        Ok(Some(body)) => Fetched::Response { status: 200, headers: grpc_status(0), body },
        Ok(None) => Fetched::Failed,
        // A message of no bytes is no buffer to a host.
        Err(_) => Fetched::Response { status: 200, headers: grpc_status(0), body: Vec::new() },
    }
}

/// An end without a message.
pub(super) fn closed(status: u32) -> Fetched {
    Fetched::Response { status: 200, headers: grpc_status(status), body: Vec::new() }
}

fn grpc_status(status: u32) -> Vec<(Vec<u8>, Vec<u8>)> {
    vec![(b"grpc-status".to_vec(), status.to_string().into_bytes())]
}

/// `envoy.config.core.v3.GrpcService`, as far as it is needed. A bare cluster name does as well for Envoy, unless it happens
/// to be readable as this message.
#[derive(Clone, PartialEq, Message)]
struct GrpcService {
    #[prost(message, optional, tag = "1")]
    envoy_grpc: Option<EnvoyGrpc>,
}

/// `envoy.config.core.v3.GrpcService.EnvoyGrpc`. Its `:authority` is the cluster's name.
#[derive(Clone, PartialEq, Message)]
struct EnvoyGrpc {
    #[prost(string, tag = "1")]
    cluster_name: String,
}

//! Unary gRPC calls to other servers.

use std::time::Duration;

use wasmtime::{Caller, Linker, Result};

use super::{Call, Stop, answer, wrong};
use crate::abi::status;
use crate::state::{Context, GrpcCall, Vm};

pub(super) fn define(linker: &mut Linker<Vm>) -> Result<()> {
    linker.func_wrap(
        "env",
        "proxy_grpc_call",
        |caller: Caller<'_, Vm>,
         target: u32,
         target_size: u32,
         service: u32,
         service_size: u32,
         method: u32,
         method_size: u32,
         metadata: u32,
         metadata_size: u32,
         message: u32,
         message_size: u32,
         timeout: u32,
         token: u32| {
            answer("proxy_grpc_call", caller, |call| {
                let target = call.bytes(target, target_size, "the target")?;
                let service = call.text(service, service_size, "the service")?;
                let method = call.text(method, method_size, "the method")?;
                let metadata = call.pairs(metadata, metadata_size, "the metadata")?;
                let message = call.bytes(message, message_size, "the message")?;
                call.room(token, 4, "the place for the token")?;
                if service.is_empty() || method.is_empty() || service.contains('/') || method.contains('/') {
                    return wrong(&format!("`{service}` and `{method}` are no service and method"));
                }
                if !metadata.is_empty() {
                    return wrong("metadata that nobody asked for");
                }
                if !(1..=600_000).contains(&timeout) {
                    return wrong(&format!("a timeout of {timeout} ms"));
                }
                let timeout = Duration::from_millis(timeout.into());
                let path = format!("/{service}/{method}");
                call.dispatch_grpc(GrpcCall { token: 0, context: 0, target, path, message, timeout }, token)
            })
        },
    )?;
    Ok(())
}

impl Call<'_> {
    fn dispatch_grpc(&mut self, mut made: GrpcCall, token_at: u32) -> Result<(), Stop> {
        self.in_callback()?;
        let vm = self.vm();
        if !matches!(vm.contexts.get(&vm.effective), Some(Context::Root(_))) {
            return wrong("a call of a stream is dropped with the stream");
        }
        self.agree()?;
        let vm = self.vm();
        if made.target.is_empty() {
            return Err(Stop::Status(status::PARSE_FAILURE));
        }
        vm.last_grpc_token += 1;
        (made.token, made.context) = (vm.last_grpc_token, vm.effective);
        let token = made.token;
        vm.grpc_calls.push(made);
        self.write(token_at, &token.to_le_bytes())
    }
}

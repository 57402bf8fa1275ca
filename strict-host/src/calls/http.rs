//! Header maps, buffers, answers, and calls to other servers.

use std::time::Duration;

use wasmtime::{Caller, Linker, Result};

use super::{Call, Stop, answer, wrong};
use crate::abi::{self, BufferType, MapType, Pairs, status};
use crate::state::{Answer, Callback, Callout, Context, Progress, Vm};

pub(super) fn define(linker: &mut Linker<Vm>) -> Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_header_map_pairs",
        |caller: Caller<'_, Vm>, map: u32, data: u32, size: u32| {
            answer("proxy_get_header_map_pairs", caller, |call| {
                call.room(data, 4, "the place for the address")?;
                call.room(size, 4, "the place for the size")?;
                let bytes = call.map(map)?.map(|pairs| abi::encode(pairs));
                let bytes = call.raw_headers(map).or(bytes);
                call.agree()?;
                let Some(bytes) = bytes else { return Err(Stop::Status(status::NOT_FOUND)) };
                call.give(&bytes, data, size)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_header_map_value",
        |caller: Caller<'_, Vm>, map: u32, name: u32, name_size: u32, data: u32, size: u32| {
            answer("proxy_get_header_map_value", caller, |call| {
                call.room(data, 4, "the place for the address")?;
                call.room(size, 4, "the place for the size")?;
                let name = call.bytes(name, name_size, "the name")?;
                let pairs = call.map(map)?;
                let value = pairs.and_then(|pairs| pairs.iter().find(|(other, _)| *other == name));
                let value = value.map(|(_, value)| value.clone());
                call.agree()?;
                let Some(value) = value else { return Err(Stop::Status(status::NOT_FOUND)) };
                call.give(&value, data, size)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_add_header_map_value",
        |caller: Caller<'_, Vm>, map: u32, name: u32, name_size: u32, value: u32, value_size: u32| {
            answer("proxy_add_header_map_value", caller, |call| {
                let header = call.header(name, name_size, value, value_size)?;
                if header.0.starts_with(b":") {
                    return wrong("a pseudo header is there once, and can't be added");
                }
                call.map_to_change(map)?;
                call.agree()?;
                call.map_to_change(map)?.push(header);
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_replace_header_map_value",
        |caller: Caller<'_, Vm>, map: u32, name: u32, name_size: u32, value: u32, value_size: u32| {
            answer("proxy_replace_header_map_value", caller, |call| {
                let (name, value) = call.header(name, name_size, value, value_size)?;
                let copies = call.map_to_change(map)?.iter().filter(|(other, _)| *other == name).count();
                if copies > 1 {
                    return wrong("the header is there several times, and replacing changes the first alone");
                }
                call.agree()?;
                let pairs = call.map_to_change(map)?;
                match pairs.iter_mut().find(|(other, _)| *other == name) {
                    Some((_, old)) => *old = value,
                    None => pairs.push((name, value)),
                }
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_remove_header_map_value",
        |caller: Caller<'_, Vm>, map: u32, name: u32, name_size: u32| {
            answer("proxy_remove_header_map_value", caller, |call| {
                let name = call.bytes(name, name_size, "the name")?;
                if name.starts_with(b":") {
                    return wrong("a pseudo header can't be removed");
                }
                // A name that came with the request may be in any spelling; it is only looked for.
                call.map_to_change(map)?;
                call.agree()?;
                call.map_to_change(map)?.retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_buffer_bytes",
        |caller: Caller<'_, Vm>, kind: u32, start: u32, max: u32, data: u32, size: u32| {
            answer("proxy_get_buffer_bytes", caller, |call| {
                call.room(data, 4, "the place for the address")?;
                call.room(size, 4, "the place for the size")?;
                if max == 0 {
                    return wrong("no bytes at all are asked for");
                }
                let buffer = call.buffer(kind)?;
                call.agree()?;
                let Some(buffer) = buffer else { return Err(Stop::Status(status::NOT_FOUND)) };
                let (start, max) = (super::index(start), super::index(max));
                let Some(rest) = buffer.get(start..) else { return Err(Stop::Status(status::BAD_ARGUMENT)) };
                call.give(rest.get(..max).unwrap_or(rest), data, size)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_send_local_response",
        |caller: Caller<'_, Vm>,
         code: u32,
         details: u32,
         details_size: u32,
         body: u32,
         body_size: u32,
         headers: u32,
         headers_size: u32,
         grpc_status: i32| {
            answer("proxy_send_local_response", caller, |call| {
                let details = call.text(details, details_size, "the details")?;
                let body = call.bytes(body, body_size, "the body")?;
                let headers = call.pairs(headers, headers_size, "the headers")?;
                call.respond(Answer { status: code, headers, body, details, grpc_status })
            })
        },
    )?;
    linker.func_wrap("env", "proxy_continue_stream", |caller: Caller<'_, Vm>, stream: u32| {
        answer("proxy_continue_stream", caller, |call| {
            if stream != 0 {
                return wrong(&format!("stream type {stream} is not the request"));
            }
            let vm = call.vm();
            let in_its_head = vm.callback == Callback::RequestHeaders(vm.effective);
            match call.stream()?.progress {
                _ if in_its_head => return wrong("the return value of the callback is the leave to go on"),
                Progress::Waiting => {}
                progress => return wrong(&format!("the request is {progress:?}, not waiting")),
            }
            call.agree()?;
            call.stream()?.progress = Progress::Forwarded;
            Ok(())
        })
    })?;
    linker.func_wrap(
        "env",
        "proxy_http_call",
        |caller: Caller<'_, Vm>,
         cluster: u32,
         cluster_size: u32,
         headers: u32,
         headers_size: u32,
         body: u32,
         body_size: u32,
         trailers: u32,
         trailers_size: u32,
         timeout: u32,
         token: u32| {
            answer("proxy_http_call", caller, |call| {
                let cluster = call.text(cluster, cluster_size, "the cluster")?;
                let headers = call.pairs(headers, headers_size, "the headers")?;
                call.bytes(body, body_size, "the body")?;
                let trailers = call.pairs(trailers, trailers_size, "the trailers")?;
                call.room(token, 4, "the place for the token")?;
                call.dispatch(cluster, headers, &trailers, timeout, token)
            })
        },
    )?;
    Ok(())
}

impl Call<'_> {
    /// The map of this number, if it may be read now. There is none when a callout failed.
    fn map(&mut self, code: u32) -> Result<Option<&Pairs>, Stop> {
        let Some(map) = MapType::of(code) else { return wrong(&format!("no header map {code} for a request filter")) };
        let vm = self.vm();
        match map {
            MapType::Request => match self.stream()? {
                stream if matches!(stream.progress, Progress::New | Progress::Waiting | Progress::Forwarded) => {
                    Ok(Some(&stream.headers))
                }
                stream => wrong(&format!("the request is {:?}, and its headers are gone", stream.progress)),
            },
            MapType::RequestTrailers if vm.callback == Callback::RequestTrailers(vm.effective) => {
                Ok(Some(&self.stream()?.trailers))
            }
            MapType::RequestTrailers => wrong("trailers are there in their own callback only"),
            MapType::Response if vm.callback == Callback::ResponseHeaders(vm.effective) => {
                Ok(Some(&self.stream()?.response))
            }
            MapType::Response => wrong("the head of a response is there in its own callback only"),
            MapType::CallResponse if vm.callback == Callback::CallResponse => Ok(self.vm().response.headers.as_ref()),
            MapType::CallResponse | MapType::CallResponseTrailers => wrong("no callout has come back"),
        }
    }

    fn raw_headers(&mut self, code: u32) -> Option<Vec<u8>> {
        if MapType::of(code) != Some(MapType::Request) {
            return None;
        }
        self.stream().ok()?.raw_headers.clone()
    }

    /// The map of this number, if it may be changed now: until the upstream has it.
    fn map_to_change(&mut self, code: u32) -> Result<&mut Pairs, Stop> {
        self.map(code)?;
        let map = MapType::of(code);
        let stream = match map {
            Some(MapType::Request | MapType::RequestTrailers | MapType::Response) => self.stream()?,
            _ => return wrong("what another server answered is not the filter's to change"),
        };
        match (map, stream.progress) {
            (Some(MapType::RequestTrailers), _) => Ok(&mut stream.trailers),
            (Some(MapType::Response), _) => Ok(&mut stream.response),
            (_, Progress::New | Progress::Waiting) => Ok(&mut stream.headers),
            (_, progress) => wrong(&format!("the request is {progress:?}; its headers are out of reach")),
        }
    }

    fn header(&mut self, name: u32, name_size: u32, value: u32, size: u32) -> Result<(Vec<u8>, Vec<u8>), Stop> {
        let name = self.bytes(name, name_size, "the name")?;
        let value = self.bytes(value, size, "the value")?;
        match abi::header_flaw(&name, &value) {
            Some(flaw) => wrong(&flaw),
            None => Ok((name, value)),
        }
    }

    pub(super) fn pairs(&mut self, at: u32, size: u32, what: &str) -> Result<Pairs, Stop> {
        let bytes = self.bytes(at, size, what)?;
        abi::decode(&bytes).or_else(|flaw| wrong(&format!("{what}: {flaw}")))
    }

    fn buffer(&mut self, code: u32) -> Result<Option<Vec<u8>>, Stop> {
        let Some(kind) = BufferType::of(code) else { return wrong(&format!("no buffer {code} for a request filter")) };
        let vm = self.vm();
        let callback = vm.callback.clone();
        match (kind, callback) {
            (BufferType::PluginConfiguration, Callback::Configure) => {
                Ok(Some(self.root()?.configuration.clone()).filter(|text| !text.is_empty()))
            }
            (BufferType::CallResponseBody, Callback::CallResponse) => Ok(vm.response.body.clone()),
            (BufferType::GrpcMessage, Callback::GrpcReceive) => Ok(vm.response.body.clone()),
            (BufferType::VmConfiguration, Callback::VmStart) => Ok(None),
            (BufferType::RequestBody, Callback::RequestBody(_)) => Ok(None),
            (kind, _) => wrong(&format!("the buffer {kind:?} is not there")),
        }
    }

    fn respond(&mut self, answer: Answer) -> Result<(), Stop> {
        if !(200..600).contains(&answer.status) {
            return wrong(&format!("status {}", answer.status));
        }
        if !(-1..=16).contains(&answer.grpc_status) {
            return wrong(&format!("gRPC status {}", answer.grpc_status));
        }
        if answer.details.is_empty() || !answer.details.bytes().all(|byte| byte.is_ascii_graphic()) {
            return wrong(&format!("details `{}` would split a field of the access log", answer.details));
        }
        for (name, value) in &answer.headers {
            if name.starts_with(b":") {
                return wrong("a pseudo header in an answer");
            }
            if let Some(flaw) = abi::header_flaw(name, value) {
                return wrong(&flaw);
            }
        }
        let vm = self.vm();
        let in_trailers = vm.callback == Callback::RequestTrailers(vm.effective);
        match self.stream()?.progress {
            Progress::New | Progress::Waiting => {}
            // Its head is with the upstream, whose answer has not begun: too late to keep it, not too late to cut it off.
            Progress::Forwarded if in_trailers => {}
            progress => return wrong(&format!("the request is {progress:?}")),
        }
        self.agree()?;
        let stream = self.stream()?;
        stream.progress = Progress::Answered;
        stream.answer = Some(answer);
        Ok(())
    }

    fn dispatch(
        &mut self,
        cluster: String,
        headers: Pairs,
        trailers: &Pairs,
        timeout: u32,
        token_at: u32,
    ) -> Result<(), Stop> {
        if let Some(flaw) = abi::request_flaw(&headers) {
            return wrong(&flaw);
        }
        if !trailers.is_empty() {
            return wrong("trailers without a body");
        }
        if !(1..=600_000).contains(&timeout) {
            return wrong(&format!("a timeout of {timeout} ms"));
        }
        self.in_callback()?;
        let vm = self.vm();
        if !matches!(vm.contexts.get(&vm.effective), Some(Context::Root(_))) {
            return wrong("a call of a stream is dropped with the stream");
        }
        self.agree()?;
        let vm = self.vm();
        if cluster.is_empty() || vm.clusters.as_ref().is_some_and(|clusters| !clusters.contains(&cluster)) {
            return Err(Stop::Status(status::BAD_ARGUMENT));
        }
        vm.last_token += 1;
        let (token, context) = (vm.last_token, vm.effective);
        let timeout = Duration::from_millis(timeout.into());
        vm.callouts.push(Callout { token, context, cluster, headers, timeout });
        self.write(token_at, &token.to_le_bytes())
    }
}

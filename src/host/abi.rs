//! The host calls that the filter makes, in bytes and `Result`s.
//!
//! The SDK's wrappers are not used: they panic on a status they do not expect and on a header that is not UTF-8, and a
//! panic here takes the filter down for every client of the worker. Signatures as in the proxy-wasm ABI 0.2.1.

#![expect(unsafe_code, reason = "the host ABI passes raw pointers; this file is the only place that touches them")]

use std::ptr::null_mut;
use std::time::Duration;

/// A status other than OK; the numbers are the ABI's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Status(u32);

impl Status {
    /// Compare-and-swap lost.
    pub(super) const CAS_MISMATCH: Self = Self(8);

    fn check(code: u32) -> Result<(), Self> {
        if code == 0 { Ok(()) } else { Err(Self(code)) }
    }
}

/// Which header map.
#[derive(Clone, Copy)]
pub(super) enum MapType {
    Request,
    RequestTrailers,
    Response,
    CallResponse,
}

impl MapType {
    fn code(self) -> u32 {
        match self {
            Self::Request => 0,
            Self::RequestTrailers => 1,
            Self::Response => 2,
            Self::CallResponse => 6,
        }
    }
}

/// Which buffer.
#[derive(Clone, Copy)]
pub(super) enum BufferType {
    CallResponseBody,
    GrpcMessage,
    PluginConfiguration,
}

impl BufferType {
    fn code(self) -> u32 {
        match self {
            Self::CallResponseBody => 4,
            Self::GrpcMessage => 5,
            Self::PluginConfiguration => 7,
        }
    }
}

/// How urgent a line of the log is.
#[derive(Clone, Copy)]
pub(super) enum Level {
    Info,
    Warn,
    Error,
    Critical,
}

/// What kind of metric.
#[derive(Clone, Copy)]
pub(super) enum MetricType {
    Counter,
    Gauge,
}

/// The whole header map, in the ABI's serialised form.
pub(super) fn header_map(map: MapType) -> Result<Vec<u8>, Status> {
    // SAFETY: both out pointers are valid for a write.
    returned(|data, size| unsafe { proxy_get_header_map_pairs(map.code(), data, size) })
}

/// One value of a header map: the first, where there are several.
pub(super) fn header_value(map: MapType, name: &[u8]) -> Result<Vec<u8>, Status> {
    // SAFETY: the name comes with its own length; the out pointers are valid for a write.
    returned(|data, size| unsafe { proxy_get_header_map_value(map.code(), name.as_ptr(), name.len(), data, size) })
}

/// Sets a header to one value. The host's own "replace" changes the first copy of several and leaves the rest.
pub(super) fn set_header(map: MapType, name: &[u8], value: &[u8]) -> Result<(), Status> {
    remove_header(map, name)?;
    // SAFETY: each pointer comes with the length of its own slice.
    let code =
        unsafe { proxy_add_header_map_value(map.code(), name.as_ptr(), name.len(), value.as_ptr(), value.len()) };
    Status::check(code)
}

/// Sets a header of which there is one at most, like `:path`, which the host does not let go. Of several the first changes.
pub(super) fn replace_header(map: MapType, name: &[u8], value: &[u8]) -> Result<(), Status> {
    // SAFETY: each pointer comes with the length of its own slice.
    let code =
        unsafe { proxy_replace_header_map_value(map.code(), name.as_ptr(), name.len(), value.as_ptr(), value.len()) };
    Status::check(code)
}

/// Removes every copy of a header.
pub(super) fn remove_header(map: MapType, name: &[u8]) -> Result<(), Status> {
    // SAFETY: the pointer comes with the length of its own slice.
    Status::check(unsafe { proxy_remove_header_map_value(map.code(), name.as_ptr(), name.len()) })
}

/// At most `max` bytes of a buffer; `None` if it holds more.
pub(super) fn buffer(kind: BufferType, max: usize) -> Result<Option<Vec<u8>>, Status> {
    // SAFETY: both out pointers are valid for a write.
    let bytes =
        returned(|data, size| unsafe { proxy_get_buffer_bytes(kind.code(), 0, max.saturating_add(1), data, size) })?;
    Ok(Some(bytes).filter(|bytes| bytes.len() <= max))
}

/// A property of the stream in effect, by its path with dots.
pub(super) fn property(path: &str) -> Result<Vec<u8>, Status> {
    let path = path.replace('.', "\0");
    // SAFETY: the path comes with its own length; the out pointers are valid for a write.
    returned(|data, size| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) })
}

/// A value of the stream's filter state, read by access logs as `wasm.PATH`. A path of several parts, joined by NUL as
/// for reading, would have a name that no access log can write.
pub(super) fn set_property(path: &str, value: &[u8]) -> Result<(), Status> {
    // SAFETY: each pointer comes with the length of its own slice.
    Status::check(unsafe { proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) })
}

/// A shared value and its version.
pub(super) fn shared_data(key: &str) -> Result<(Vec<u8>, u32), Status> {
    let mut version = 0;
    // SAFETY: the key comes with its own length; the out pointers are valid for a write.
    let value =
        returned(|data, size| unsafe { proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &raw mut version) })?;
    Ok((value, version))
}

/// Writes a shared value; a `version` other than 0 must still be the current one.
pub(super) fn set_shared_data(key: &str, value: &[u8], version: u32) -> Result<(), Status> {
    // SAFETY: each pointer comes with the length of its own slice.
    Status::check(unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), version) })
}

/// Defines a metric. Each call makes a new id, so call it once per name.
pub(super) fn define_metric(kind: MetricType, name: &str) -> Result<u32, Status> {
    let code = match kind {
        MetricType::Counter => 0,
        MetricType::Gauge => 1,
    };
    let mut id = 0;
    // SAFETY: the name comes with its own length; the out pointer is valid for a write.
    Status::check(unsafe { proxy_define_metric(code, name.as_ptr(), name.len(), &raw mut id) })?;
    Ok(id)
}

pub(super) fn increment_metric(id: u32, by: i64) -> Result<(), Status> {
    // SAFETY: plain numbers.
    Status::check(unsafe { proxy_increment_metric(id, by) })
}

pub(super) fn record_metric(id: u32, value: u64) -> Result<(), Status> {
    // SAFETY: plain numbers.
    Status::check(unsafe { proxy_record_metric(id, value) })
}

/// Answers the stream in context. `grpc_status` -1 is none. `headers` in the ABI's serialised form.
pub(super) fn send_local_response(
    status: u16,
    details: &str,
    body: &[u8],
    headers: &[u8],
    grpc_status: i32,
) -> Result<(), Status> {
    // SAFETY: each pointer comes with the length of its own slice.
    let code = unsafe {
        proxy_send_local_response(
            u32::from(status),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            grpc_status,
        )
    };
    Status::check(code)
}

/// Lets the paused request of the stream in context go on.
pub(super) fn continue_request() -> Result<(), Status> {
    // SAFETY: a plain number; 0 is the request.
    Status::check(unsafe { proxy_continue_stream(0) })
}

/// Makes `context` the one that the following calls are about.
pub(super) fn set_effective_context(context: u32) -> Result<(), Status> {
    // SAFETY: a plain number.
    Status::check(unsafe { proxy_set_effective_context(context) })
}

/// Sets the root context's one timer; it starts anew from now.
pub(super) fn set_tick_period(millis: u32) -> Result<(), Status> {
    // SAFETY: a plain number.
    Status::check(unsafe { proxy_set_tick_period_milliseconds(millis) })
}

/// Sends these headers (serialised, pseudo headers among them) and this body by way of a cluster. Returns the number by
/// which its answer will be known.
pub(super) fn http_call(cluster: &str, headers: &[u8], body: &[u8], timeout: Duration) -> Result<u32, Status> {
    let millis = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
    let mut token = 0;
    // SAFETY: each pointer comes with the length of its own slice; the out pointer is valid for a write.
    let code = unsafe {
        proxy_http_call(
            cluster.as_ptr(),
            cluster.len(),
            headers.as_ptr(),
            headers.len(),
            body.as_ptr(),
            body.len(),
            NO_PAIRS.as_ptr(),
            NO_PAIRS.len(),
            millis,
            &raw mut token,
        )
    };
    Status::check(code)?;
    Ok(token)
}

/// Calls a unary gRPC method. `target` is Envoy's serialised `GrpcService`; the message comes without a frame. Returns the
/// number by which its answer will be known; those of HTTP calls are other numbers.
pub(super) fn grpc_call(
    target: &[u8],
    service: &str,
    method: &str,
    message: &[u8],
    timeout: Duration,
) -> Result<u32, Status> {
    let millis = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
    let mut token = 0;
    // SAFETY: each pointer comes with the length of its own slice; the out pointer is valid for a write.
    let code = unsafe {
        proxy_grpc_call(
            target.as_ptr(),
            target.len(),
            service.as_ptr(),
            service.len(),
            method.as_ptr(),
            method.len(),
            NO_PAIRS.as_ptr(),
            NO_PAIRS.len(),
            message.as_ptr(),
            message.len(),
            millis,
            &raw mut token,
        )
    };
    Status::check(code)?;
    Ok(token)
}

pub(super) fn call_foreign_function(name: &str, arguments: &[u8]) -> Result<Vec<u8>, Status> {
    // SAFETY: each pointer comes with the length of its own slice; the out pointers are valid for a write.
    returned(|data, size| unsafe {
        proxy_call_foreign_function(name.as_ptr(), name.len(), arguments.as_ptr(), arguments.len(), data, size)
    })
}

/// Nanoseconds since 1970-01-01T00:00:00Z.
pub(super) fn now_nanos() -> Result<u64, Status> {
    let mut now = 0;
    // SAFETY: the out pointer is valid for a write.
    Status::check(unsafe { proxy_get_current_time_nanoseconds(&raw mut now) })?;
    Ok(now)
}

/// Writes a line to the host's log; there is nobody to tell if that fails.
pub(super) fn log(level: Level, line: &str) {
    let code = match level {
        Level::Info => 2,
        Level::Warn => 3,
        Level::Error => 4,
        Level::Critical => 5,
    };
    // SAFETY: the pointer comes with the length of its own slice.
    let _ = unsafe { proxy_log(code, line.as_ptr(), line.len()) };
}

/// Runs a call that returns bytes, and takes them over.
fn returned(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Vec<u8>, Status> {
    let mut data: *mut u8 = null_mut();
    let mut size = 0;
    Status::check(call(&raw mut data, &raw mut size))?;
    if data.is_null() || size == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: the host got this block from `proxy_on_memory_allocate`, which made it with the global allocator and of
    // exactly `size` bytes; it filled it, and gives it up here.
    Ok(unsafe { Vec::from_raw_parts(data, size, size) })
}

/// A header map without pairs: its count.
const NO_PAIRS: [u8; 4] = [0; 4];

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_add_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_size: usize) -> u32;
    fn proxy_get_buffer_bytes(kind: u32, start: usize, max: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_property(path: *const u8, path_size: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, value_size: usize) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        key_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
        version: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(key: *const u8, key_size: usize, value: *const u8, value_size: usize, version: u32)
    -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, by: i64) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_continue_stream(stream: u32) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_set_tick_period_milliseconds(millis: u32) -> u32;
    fn proxy_http_call(
        cluster: *const u8,
        cluster_size: usize,
        headers: *const u8,
        headers_size: usize,
        body: *const u8,
        body_size: usize,
        trailers: *const u8,
        trailers_size: usize,
        timeout_millis: u32,
        token: *mut u32,
    ) -> u32;
    fn proxy_grpc_call(
        target: *const u8,
        target_size: usize,
        service: *const u8,
        service_size: usize,
        method: *const u8,
        method_size: usize,
        metadata: *const u8,
        metadata_size: usize,
        message: *const u8,
        message_size: usize,
        timeout_millis: u32,
        token: *mut u32,
    ) -> u32;
    fn proxy_call_foreign_function(
        name: *const u8,
        name_size: usize,
        arguments: *const u8,
        arguments_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_get_current_time_nanoseconds(now: *mut u64) -> u32;
    fn proxy_log(level: u32, line: *const u8, line_size: usize) -> u32;
}

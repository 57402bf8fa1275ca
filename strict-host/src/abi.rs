//! The numbers and the serialised form of proxy-wasm ABI 0.2.1.

/// The statuses that a host function answers, with their numbers.
pub mod status {
    #![expect(missing_docs, reason = "their names are the ABI's")]
    pub const OK: u32 = 0;
    pub const NOT_FOUND: u32 = 1;
    pub const BAD_ARGUMENT: u32 = 2;
    pub const SERIALIZATION_FAILURE: u32 = 3;
    pub const PARSE_FAILURE: u32 = 4;
    pub const BAD_EXPRESSION: u32 = 5;
    pub const INVALID_MEMORY_ACCESS: u32 = 6;
    pub const EMPTY: u32 = 7;
    pub const CAS_MISMATCH: u32 = 8;
    pub const RESULT_MISMATCH: u32 = 9;
    pub const INTERNAL_FAILURE: u32 = 10;
    pub const BROKEN_CONNECTION: u32 = 11;
    pub const UNIMPLEMENTED: u32 = 12;

    /// Every status but OK, and numbers that are none.
    pub const FAULTS: [u32; 14] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 99, u32::MAX];
}

/// Header pairs, in order.
pub type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Which header map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MapType {
    Request,
    RequestTrailers,
    Response,
    CallResponse,
    CallResponseTrailers,
}

impl MapType {
    /// The map of a number; the trailers of a response exist in the ABI, and never in this filter.
    pub(crate) fn of(code: u32) -> Option<Self> {
        match code {
            0 => Some(Self::Request),
            1 => Some(Self::RequestTrailers),
            2 => Some(Self::Response),
            6 => Some(Self::CallResponse),
            7 => Some(Self::CallResponseTrailers),
            _ => None,
        }
    }
}

/// Which buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BufferType {
    RequestBody,
    CallResponseBody,
    GrpcMessage,
    VmConfiguration,
    PluginConfiguration,
}

impl BufferType {
    pub(crate) fn of(code: u32) -> Option<Self> {
        match code {
            0 => Some(Self::RequestBody),
            4 => Some(Self::CallResponseBody),
            5 => Some(Self::GrpcMessage),
            6 => Some(Self::VmConfiguration),
            7 => Some(Self::PluginConfiguration),
            _ => None,
        }
    }
}

/// A map in the ABI's form: a count, then the sizes of each name and value, then each of them with a NUL after it.
#[must_use]
pub fn encode<T: AsRef<[u8]>>(pairs: &[(T, T)]) -> Vec<u8> {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = number(pairs.len()).to_vec();
    for (name, value) in pairs {
        bytes.extend(number(name.as_ref().len()));
        bytes.extend(number(value.as_ref().len()));
    }
    for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(text.as_ref());
        bytes.push(0);
    }
    bytes
}

/// Reads what [`encode`] writes, and nothing else. No bytes at all are an empty map.
pub(crate) fn decode(bytes: &[u8]) -> Result<Pairs, String> {
    fn take<'a>(rest: &mut &'a [u8], size: usize) -> Result<&'a [u8], String> {
        let (taken, after) = rest.split_at_checked(size).ok_or_else(|| format!("ends {size} bytes too early"))?;
        *rest = after;
        Ok(taken)
    }
    let number = |rest: &mut &[u8]| -> Result<usize, String> {
        let bytes = take(rest, 4)?.try_into().map_err(|_| "no number")?;
        usize::try_from(u32::from_le_bytes(bytes)).map_err(|_| "too large".to_owned())
    };
    let mut rest = bytes;
    if rest.is_empty() {
        return Ok(Pairs::new());
    }
    let count = number(&mut rest)?;
    let mut sizes = Vec::new();
    for _ in 0..count {
        sizes.push((number(&mut rest)?, number(&mut rest)?));
    }
    let mut text = |size| -> Result<Vec<u8>, String> {
        let text = take(&mut rest, size)?.to_vec();
        if take(&mut rest, 1)? == b"\0" { Ok(text) } else { Err("a text without its NUL".to_owned()) }
    };
    let mut pairs = Pairs::new();
    for (name, value) in sizes {
        pairs.push((text(name)?, text(value)?));
    }
    if rest.is_empty() { Ok(pairs) } else { Err(format!("{} bytes too many", rest.len())) }
}

/// What is wrong with a header that the module makes. HTTP/2's rules (RFC 9113 section 8.2.1): they hold everywhere.
pub(crate) fn header_flaw(name: &[u8], value: &[u8]) -> Option<String> {
    let shown = String::from_utf8_lossy(name);
    let letters = name.strip_prefix(b":").unwrap_or(name);
    let token = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9') || b"!#$%&'*+-.^_`|~".contains(byte);
    if letters.is_empty() || !letters.iter().all(token) {
        return Some(format!("`{shown}` is no header name in lower case"));
    }
    if value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
        return Some(format!("the value of `{shown}` holds NUL, CR or LF"));
    }
    let padded = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    if padded(value.first()) || padded(value.last()) {
        return Some(format!("the value of `{shown}` begins or ends with white space"));
    }
    None
}

/// What a request for another server must have, and must not have.
pub(crate) fn request_flaw(pairs: &Pairs) -> Option<String> {
    for name in [":method", ":path", ":authority"] {
        match pairs.iter().filter(|(other, _)| other == name.as_bytes()).count() {
            1 => {}
            count => return Some(format!("{count} times {name}")),
        }
    }
    let known = [":method", ":path", ":authority", ":scheme"];
    let pseudo = |name: &Vec<u8>| name.starts_with(b":");
    if pairs.iter().any(|(name, _)| pseudo(name) && !known.iter().any(|known| name == known.as_bytes())) {
        return Some("a pseudo header that requests do not have".to_owned());
    }
    if pairs.iter().skip_while(|(name, _)| pseudo(name)).any(|(name, _)| pseudo(name)) {
        return Some("a pseudo header after a regular one".to_owned());
    }
    pairs.iter().find_map(|(name, value)| header_flaw(name, value))
}

/// Every function of the ABI that a module may import from `env`.
pub(crate) const IMPORTS: &[&str] = &[
    "proxy_add_header_map_value",
    "proxy_call_foreign_function",
    "proxy_close_stream",
    "proxy_continue_stream",
    "proxy_define_metric",
    "proxy_dequeue_shared_queue",
    "proxy_done",
    "proxy_enqueue_shared_queue",
    "proxy_get_buffer_bytes",
    "proxy_get_buffer_status",
    "proxy_get_current_time_nanoseconds",
    "proxy_get_header_map_pairs",
    "proxy_get_header_map_size",
    "proxy_get_header_map_value",
    "proxy_get_log_level",
    "proxy_get_metric",
    "proxy_get_property",
    "proxy_get_shared_data",
    "proxy_get_status",
    "proxy_grpc_call",
    "proxy_grpc_cancel",
    "proxy_grpc_close",
    "proxy_grpc_send",
    "proxy_grpc_stream",
    "proxy_http_call",
    "proxy_increment_metric",
    "proxy_log",
    "proxy_record_metric",
    "proxy_register_shared_queue",
    "proxy_remove_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_resolve_shared_queue",
    "proxy_send_local_response",
    "proxy_set_buffer_bytes",
    "proxy_set_effective_context",
    "proxy_set_header_map_pairs",
    "proxy_set_property",
    "proxy_set_shared_data",
    "proxy_set_tick_period_milliseconds",
];

/// What a module must export, and the versions of the ABI of which it must export one.
pub(crate) const EXPORTS: &[&str] = &[
    "memory",
    "_initialize",
    "proxy_on_memory_allocate",
    "proxy_on_context_create",
    "proxy_on_vm_start",
    "proxy_on_configure",
    "proxy_on_tick",
    "proxy_on_http_call_response",
    "proxy_on_grpc_receive",
    "proxy_on_grpc_close",
    "proxy_on_request_headers",
    "proxy_on_request_body",
    "proxy_on_request_trailers",
    "proxy_on_response_headers",
    "proxy_on_delete",
];

#[cfg(test)]
mod tests {
    use proxy_wasm::types;

    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_sdk() {
        let maps = [
            (types::MapType::HttpRequestHeaders, MapType::Request),
            (types::MapType::HttpRequestTrailers, MapType::RequestTrailers),
            (types::MapType::HttpResponseHeaders, MapType::Response),
            (types::MapType::HttpCallResponseHeaders, MapType::CallResponse),
            (types::MapType::HttpCallResponseTrailers, MapType::CallResponseTrailers),
        ];
        for (theirs, ours) in maps {
            assert_eq!(MapType::of(theirs as u32), Some(ours));
        }
        let buffers = [
            (types::BufferType::HttpRequestBody, BufferType::RequestBody),
            (types::BufferType::HttpCallResponseBody, BufferType::CallResponseBody),
            (types::BufferType::GrpcReceiveBuffer, BufferType::GrpcMessage),
            (types::BufferType::VmConfiguration, BufferType::VmConfiguration),
            (types::BufferType::PluginConfiguration, BufferType::PluginConfiguration),
        ];
        for (theirs, ours) in buffers {
            assert_eq!(BufferType::of(theirs as u32), Some(ours));
        }
        let statuses = [
            (types::Status::Ok, status::OK),
            (types::Status::NotFound, status::NOT_FOUND),
            (types::Status::BadArgument, status::BAD_ARGUMENT),
            (types::Status::SerializationFailure, status::SERIALIZATION_FAILURE),
            (types::Status::ParseFailure, status::PARSE_FAILURE),
            (types::Status::Empty, status::EMPTY),
            (types::Status::CasMismatch, status::CAS_MISMATCH),
            (types::Status::InternalFailure, status::INTERNAL_FAILURE),
        ];
        for (theirs, ours) in statuses {
            assert_eq!(theirs as u32, ours);
        }
    }
}

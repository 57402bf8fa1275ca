//! The edge: the one place that knows proxy-wasm.
//!
//! | Envoy calls | what happens |
//! |---|---|
//! | `on_configure` | the document is compiled; a faulty one is logged fault by fault and refused |
//! | `on_tick` | fetches are started, requests that waited walk again |
//! | `on_http_call_response` | a fetch came back: keys change, requests that waited walk again |
//! | `on_grpc_receive`, `on_grpc_close` | the same for a gRPC call |
//! | `on_http_request_headers` | a request walks: it goes on, is answered, or waits |
//! | drop of a stream | a request that waited is gone |
//!
//! A callout belongs to the root context: one that a stream made would be dropped with the stream. A request that needs
//! keys therefore brings the root's next tick forward instead of asking for them itself.

mod abi;
mod callbacks;
mod foreign;
mod grpc;
mod metrics;
mod report;
mod root;
mod services;
mod stream;
mod worker;

/// Sends what is logged to the host, and reports a panic, should one ever happen, before the VM is gone.
fn install_logger() {
    // In one line, though what a panic says has two.
    std::panic::set_hook(Box::new(|info| {
        abi::log(abi::Level::Critical, &format!("portcullis: {info}").replace('\n', " "));
    }));
    if log::set_logger(&HostLog).is_ok() {
        log::set_max_level(log::LevelFilter::Info);
    }
}

/// Lines go to the host's log.
struct HostLog;

impl log::Log for HostLog {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let level = match record.level() {
            log::Level::Error => abi::Level::Error,
            log::Level::Warn => abi::Level::Warn,
            log::Level::Info | log::Level::Debug | log::Level::Trace => abi::Level::Info,
        };
        abi::log(level, &format!("portcullis: {}", record.args()));
    }

    fn flush(&self) {}
}

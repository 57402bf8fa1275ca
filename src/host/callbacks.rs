//! The callbacks that a host makes, and the contexts that they are for.
//!
//! Signatures as in the proxy-wasm ABI 0.2.1. The SDK's dispatcher is not used: it panics on a context, a callout or a
//! status that it does not know, and a panic takes the filter down for every client of the worker. Here what is unknown is
//! nothing to do, and a request that is unknown does not go on. Callbacks that would do nothing are not exported at all:
//! a host does not even call them.

#![expect(
    unsafe_code,
    reason = "what a host calls by name has to be exported by name, and memory has to be handed over"
)]

use std::alloc::{Layout, alloc};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ptr::null_mut;

use super::install_logger;
use super::root::Root;
use super::stream::Stream;
use super::worker::fail_closed;

thread_local! {
    static CONTEXTS: RefCell<Contexts> = const { RefCell::new(Contexts { roots: BTreeMap::new(), streams: BTreeMap::new() }) };
}

struct Contexts {
    roots: BTreeMap<u32, Root>,
    streams: BTreeMap<u32, Stream>,
}

/// What becomes of a request, or of the part of it that a callback is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Action {
    /// It goes on.
    Continue = 0,
    /// It does not, until the host is told so.
    Pause = 1,
}

/// Does something with the contexts; nothing if a host calls back in the middle of a callback.
fn with<T>(change: impl FnOnce(&mut Contexts) -> Option<T>) -> Option<T> {
    CONTEXTS.with(|contexts| change(&mut *contexts.try_borrow_mut().ok()?))
}

unsafe extern "C" {
    /// Runs the constructors of the C library and of the crates.
    fn __wasm_call_ctors();
}

#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    // SAFETY: a host calls this function once, before every other.
    unsafe { __wasm_call_ctors() };
    install_logger();
}

/// A block for the host to write to, which the host gives up when it returns it; see `abi::returned`.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    match Layout::array::<u8>(size) {
        // SAFETY: the layout is not of size zero.
        Ok(layout) if size > 0 => unsafe { alloc(layout) },
        _ => null_mut(),
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(context: u32, root: u32) {
    with(|contexts| {
        if root == 0 {
            contexts.roots.entry(context).or_insert_with(|| Root::new(context));
        } else {
            let worker = contexts.roots.get(&root).and_then(Root::worker);
            contexts.streams.insert(context, Stream::new(context, worker));
        }
        Some(())
    });
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_vm_start(_: u32, _: usize) -> bool {
    true
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(context: u32, _: usize) -> bool {
    with(|contexts| Some(contexts.roots.get_mut(&context)?.configure())).unwrap_or(false)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(context: u32) {
    with(|contexts| {
        contexts.roots.get_mut(&context)?.tick();
        Some(())
    });
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_http_call_response(context: u32, token: u32, _: usize, _: usize, _: usize) {
    with(|contexts| {
        contexts.roots.get_mut(&context)?.call_response(token);
        Some(())
    });
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_receive(context: u32, token: u32, _: usize) {
    with(|contexts| {
        contexts.roots.get_mut(&context)?.grpc_message(token);
        Some(())
    });
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_close(context: u32, token: u32, status: u32) {
    with(|contexts| {
        contexts.roots.get_mut(&context)?.grpc_closed(token, status);
        Some(())
    });
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(context: u32, _: usize, _: bool) -> Action {
    with(|contexts| Some(contexts.streams.get_mut(&context)?.request_headers())).unwrap_or_else(|| {
        fail_closed();
        Action::Pause
    })
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(context: u32, _: usize, _: bool) -> Action {
    with(|contexts| Some(contexts.streams.get_mut(&context)?.request_body())).unwrap_or(Action::Pause)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(context: u32, _: usize) -> Action {
    with(|contexts| Some(contexts.streams.get_mut(&context)?.request_trailers())).unwrap_or(Action::Pause)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_headers(context: u32, _: usize, _: bool) -> Action {
    with(|contexts| {
        contexts.streams.get_mut(&context)?.response_headers();
        Some(())
    });
    Action::Continue
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(context: u32) {
    with(|contexts| {
        contexts.streams.remove(&context);
        contexts.roots.remove(&context);
        Some(())
    });
}

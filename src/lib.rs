//! Portcullis: an access filter for Envoy.
//!
//! The order below is the order in which a request meets the modules.
//!
//! The core is sans-IO: it makes no host call, reads no clock and draws no random number. What it needs from outside
//! comes in as an argument; what it wants done comes out as a value. [`host`](crate) is the one place that names
//! proxy-wasm, and it exists in `wasm32-wasip1` builds only.

// pub mod http; // request and response as plain values in bytes; the one path normaliser
// pub mod policy; // which rule speaks for this request, and may this identity do this
// pub mod credential; // what the request carries; more than one is a denial
pub mod jose; // the RFCs and nothing else: no clock, no configuration, no HTTP
pub mod provider; // whose tokens we trust, and the keys they are signed with
pub mod entra; // what is special about Microsoft Entra ID
// pub mod forward; // what the upstream is told about the caller
pub mod time; // moments and durations, in milliseconds

//! API keys: what the comparison costs, and hostile requests in a real Envoy.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "test helpers may panic: the panic is the failed test"
)]

mod envoy;
mod timing;

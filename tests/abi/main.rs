//! The real module against ABI 0.2.1 alone: no foreign functions, nothing that only Envoy has, and a host that forgives
//! nothing. What holds here holds in every host of the ABI.
//!
//! What is known to be less than one might wish, and why:
//!
//! - A stream that was made before its root had a configuration stays shut: it holds on to what the root had then.
//! - When a root is configured again, the answers to its callouts are lost, and the next fetch waits for the lease of the
//!   lost one to run out. Envoy makes a new root for a new configuration, and the old one's answers still count.
//! - A host that refuses to set the timer gets no keys until a request asks for it again: nobody else could.
//! - Sizes that a callback announces are not looked at: what is there is read.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is the failed test"
)]

mod admission;
mod callbacks;
mod faults;
mod gate;
mod global_limits;
mod keys;
mod limits;
mod maps;
mod memory;

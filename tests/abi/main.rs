//! The real module against ABI 0.2.1 alone: no foreign functions, nothing that only Envoy has, and a host that forgives
//! nothing. What holds here holds in every host of the ABI.

mod admission;
mod callbacks;
mod faults;
mod gate;
mod keys;
mod maps;
mod memory;

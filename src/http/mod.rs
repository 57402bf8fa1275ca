//! A request as a plain value in bytes.
//!
//! Everything here is total: any bytes in, a value or a named flaw out, at a cost linear in the input. Nothing here
//! knows of tokens, rules or configuration, and nothing changes what goes upstream except through [`Mutations`].
//!
//! - [`pairs`]: the serialized header map of the proxy-wasm ABI
//! - [`headers`]: header pairs, and how they are looked up
//! - [`head`]: the request's line and headers, checked once
//! - [`path`]: the one path normaliser; what is ambiguous is refused
//! - [`query`], [`cookie`]: the two other places where a credential may sit
//! - [`host`], [`name`]: hosts and header names in the form in which they are compared
//! - [`mutation`]: header changes as data
//! - [`challenge`]: what every `WWW-Authenticate` field says alike
//! - [`date`]: dates of header fields

pub mod challenge;
pub mod cookie;
pub mod date;
pub mod head;
pub mod headers;
pub mod host;
pub mod mutation;
pub mod name;
pub mod pairs;
pub mod path;
pub mod query;

pub use head::{Pseudo, RequestFlaw, RequestHead};
pub use headers::{HeaderMap, Pair, Repeated};
pub use host::HostFlaw;
pub use mutation::{HeaderValue, Mutation, MutationFlaw, Mutations};
pub use path::{Leniency, PathFlaw, Target};

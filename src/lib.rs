//! Portcullis: an access filter for Envoy.
//!
//! The core is sans-IO: it makes no host call, reads no clock and draws no random number. What it needs from outside
//! comes in as an argument; what it wants done comes out as a value. The module `host` is the one place that knows
//! proxy-wasm, and it exists in `wasm32-wasip1` builds only.
//!
//! The modules below stand in the order in which a request meets them. Arrows point one way: `host` to [`engine`] and
//! [`exchange`], those to the features, the features to [`http`] and [`jose`]. Features do not import each other, but for
//! the plain values that one makes and others speak of: a network, a certificate, a token.

// The walk.
pub mod config; // filter JSON to a compiled configuration, every fault with its path
pub mod engine; // what a worker keeps between requests
pub mod exchange; // one request on its way: the walk, the reasons it stops, the answers

// The features, in the order of the walk.
pub mod http; // request heads as plain values in bytes; the one path normaliser
pub mod policy; // which rule speaks for a request; may this identity do this
pub mod access; // under these circumstances: networks, schedules, assurance, device, risk
pub mod credential; // what the request carries; more than one is a denial
pub mod jose; // the RFCs and nothing else: no clock, no configuration, no HTTP
pub mod provider; // whose tokens are trusted, and the keys they are signed with
pub mod entra; // what is special about Microsoft Entra ID
pub mod token; // issuer, audience, lifetime, type: the only maker of a verified token
pub mod token_cache; // verified once, remembered until it expires or its key is withdrawn
pub mod introspection; // what an opaque token says, asked of the authorization server
pub mod binding; // whose token it is: proof of possession
pub mod api_key; // keys of our own making
pub mod certificate; // client certificates, as identity and as condition
pub mod groups; // the groups of callers who have too many for a token, asked of Microsoft Graph
pub mod identity; // who is calling
pub mod rate_limit; // how often: limits, quotas, concurrency
pub mod forward; // what the upstream is told about the caller
pub mod audit; // one record of every decision
pub mod claim_path; // the way to a claim within a token
mod shared_slot; // records in the shared data of all workers
pub mod verdict; // met, unmet, or not to be told
pub mod time; // moments, in milliseconds
pub mod time_zone; // time zones of IANA by name

// The edge. Not in unit tests: what runs them as wasm32 is no proxy.
#[cfg(all(target_arch = "wasm32", target_os = "wasi", not(test)))]
mod host;

#[cfg(test)]
mod testing;

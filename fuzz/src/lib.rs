//! What must hold for any input.
//!
//! Each target is a function of bytes that panics if something does not hold. The same functions are run three ways:
//! over the corpus and over generated inputs by `cargo test`, and guided by coverage by `fuzz/run`.

mod api_key;
mod config;
mod dpop;
mod exchange;
mod jwks;
mod keys;
mod path;
mod token;
mod xfcc;

pub use self::api_key::api_key;
pub use self::config::config;
pub use self::dpop::dpop;
pub use self::exchange::{callers, exchange};
pub use self::jwks::jwks;
pub use self::path::path;
pub use self::token::token;
pub use self::xfcc::xfcc;

/// A target: the folder of its corpus, and the function.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 9] = [
    ("token", token),
    ("jwks", jwks),
    ("config", config),
    ("path", path),
    ("exchange", exchange),
    ("callers", callers),
    ("api_key", api_key),
    ("xfcc", xfcc),
    ("dpop", dpop),
];

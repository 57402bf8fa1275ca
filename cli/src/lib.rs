//! The command-line tool `portcullis`: the filter's own engine, offline.
//!
//! - [`world`]: issuers, keys and tokens without a network
//! - [`scenario`]: files that say what a policy must decide
//! - [`document`]: configurations as files
//! - [`moment`]: points in time as people write them
//! - [`command`]: what the tool does, one module per command

pub mod command;
pub mod document;
pub mod moment;
pub mod scenario;
pub mod world;

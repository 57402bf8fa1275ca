//! Under these circumstances: from where, when, how surely signed in, on what device, at what risk.
//!
//! - [`connection`]: what the host knows of the connection
//! - [`check`]: one circumstance that a requirement asks for

pub mod check;
pub mod connection;

pub use check::{Check, Lack};
pub use connection::{Connection, Properties};

use crate::http::RequestHead;
use crate::time::UnixTime;
use crate::token::VerifiedToken;

/// The circumstances of one request.
#[derive(Debug)]
pub struct Circumstances<'a> {
    /// The request.
    pub head: &'a RequestHead,
    /// The caller's token, if there is one.
    pub token: Option<&'a VerifiedToken>,
    /// What the host knows of the connection.
    pub connection: &'a Connection<'a>,
    /// When it is decided.
    pub now: UnixTime,
}

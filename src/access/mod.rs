//! Under these circumstances: from where, when, how surely signed in, on what device, at what risk.
//!
//! - [`connection`]: what the host knows of the connection
//! - `address`: the client's address out of `x-forwarded-for`
//! - [`client_certificate`]: where the client's certificate comes from
//! - [`network`]: networks by name
//! - [`geo`]: countries and operators, by the headers of a filter in front
//! - [`schedule`]: days and hours in a time zone, and windows
//! - [`assurance`]: how surely the caller signed in, and what would make up for it
//! - [`device`]: what can be believed about a device
//! - [`risk`]: what tells of a risk, and who is locked out
//! - [`check`]: one circumstance that a requirement asks for

mod address;
pub mod assurance;
pub mod check;
pub mod client_certificate;
pub mod connection;
pub mod device;
pub mod geo;
pub mod network;
pub mod risk;
pub mod schedule;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use assurance::{Assurance, Authority, StepUp};
pub use check::{Check, Lack, Named};
pub use client_certificate::{CertificateSource, ClientCertificates};
pub use connection::{AddressSource, Connection, Known, Properties};
pub use device::Device;
pub use network::Networks;
pub use schedule::Schedule;

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
    /// At what risk; unknown where nothing is configured that would tell.
    pub risk: risk::Score,
    /// When it is decided.
    pub now: UnixTime,
}

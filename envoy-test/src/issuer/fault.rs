//! Ways in which an issuer can fail, to be switched on while Envoy runs.

use std::time::Duration;

/// The documents of an issuer that a fault can hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// The discovery document.
    Discovery,
    /// The key set.
    Keys,
    /// Both.
    Any,
}

/// What goes wrong, until it is replaced or cleared.
///
/// A server that is down altogether is [`IssuerServer::stop`](crate::IssuerServer::stop).
#[derive(Clone, Debug)]
pub enum Fault {
    /// The connection is taken and never answered.
    Hang,
    /// The right answer, after this time.
    Delay(Duration),
    /// The right answer, one byte per second.
    Slow,
    /// The connection is closed in the middle of the body.
    Cut,
    /// This status, with a JSON error as body.
    Status(u16),
    /// 200 and nothing.
    Empty,
    /// 200 and bytes that are no text.
    Garbage,
    /// 200 and a web page, as a captive portal or a proxy gives.
    Html,
    /// 200 and 100 MB that never become a JSON document.
    Huge,
    /// A key set of this many keys that are not the issuer's, before the right ones. Only for [`Document::Keys`].
    ManyKeys(usize),
    /// A discovery document of another issuer. Only for [`Document::Discovery`].
    WrongIssuer(String),
    /// A redirect to this address.
    Redirect(String),
    /// 200 and this body.
    Body(String),
}

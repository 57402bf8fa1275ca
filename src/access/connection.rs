//! What the host knows of the connection, asked for when a rule needs it and at most once per request.

use std::cell::{OnceCell, RefCell};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// The host's properties of a request and its connection, as Envoy names them (`source.address`,
/// `connection.uri_san_peer_certificate`): raw bytes of a string; nothing if the host has none.
pub trait Properties {
    /// One property, by its path with dots.
    fn property(&mut self, path: &str) -> Option<Vec<u8>>;
}

/// One request's connection.
pub struct Connection<'h> {
    host: RefCell<&'h mut dyn Properties>,
    address: OnceCell<Option<IpAddr>>,
}

impl<'h> Connection<'h> {
    /// Asks `host`, when it is asked.
    pub fn new(host: &'h mut dyn Properties) -> Self {
        Self { host: RefCell::new(host), address: OnceCell::new() }
    }

    /// The client's address, as the host understands it (Envoy: after `use_remote_address` and `xff_num_trusted_hops`).
    /// IPv4 in IPv6's mapped form is IPv4.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        *self.address.get_or_init(|| {
            let text = self.text("source.address")?;
            let address = text.parse::<SocketAddr>().map(|address| address.ip()).or_else(|_| text.parse()).ok()?;
            Some(address.to_canonical())
        })
    }

    /// A property that is text.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<String> {
        let bytes = self.host.try_borrow_mut().ok()?.property(path)?;
        String::from_utf8(bytes).ok().filter(|text| !text.is_empty())
    }
}

impl fmt::Debug for Connection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("address", &self.address).finish_non_exhaustive()
    }
}

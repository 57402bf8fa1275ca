//! What the host knows of the connection, asked for when a rule needs it and at most once per request.

use std::cell::{OnceCell, RefCell};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;

use super::address;
use super::client_certificate::ClientCertificates;
use crate::certificate::{Presented, PresentedFlaw};
use crate::http::RequestHead;

/// The host's properties of a request and its connection, as Envoy names them (`source.address`,
/// `connection.uri_san_peer_certificate`): raw bytes of a string; nothing if the host has none.
pub trait Properties {
    /// One property, by its path with dots.
    fn property(&mut self, path: &str) -> Option<Vec<u8>>;
}

/// A property of the host is neither true nor false.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotTrueOrFalse;

/// Where the client's address is taken from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressSource {
    /// From the host, as it understands it (Envoy: after `use_remote_address` and `xff_num_trusted_hops`).
    #[default]
    Host,
    /// From `x-forwarded-for`: the entry at this place from the right, which the outermost of the trusted proxies wrote.
    ForwardedFor(NonZeroUsize),
}

/// One request's connection.
pub struct Connection<'h> {
    host: RefCell<&'h mut dyn Properties>,
    forwarded: Option<(&'h RequestHead, NonZeroUsize)>,
    certified: Option<(&'h RequestHead, &'h ClientCertificates)>,
    known: &'h Known,
}

/// What the connection of one request has been asked for. Of use to one request, and with one place for its address and one
/// for its certificate, only.
#[derive(Debug, Default)]
pub struct Known {
    address: OnceCell<Option<IpAddr>>,
    peer: OnceCell<Option<IpAddr>>,
    presented: OnceCell<Result<Option<Presented>, PresentedFlaw>>,
}

impl<'h> Connection<'h> {
    /// Asks `host`, when it is asked for what is not `known`.
    pub fn new(host: &'h mut dyn Properties, known: &'h Known) -> Self {
        Self { host: RefCell::new(host), forwarded: None, certified: None, known }
    }

    /// The same with the client's address from `source`.
    #[must_use]
    pub fn addressed_by(mut self, source: AddressSource, head: &'h RequestHead) -> Self {
        self.forwarded = match source {
            AddressSource::Host => None,
            AddressSource::ForwardedFor(hops) => Some((head, hops)),
        };
        self
    }

    /// The same with the client's certificate from where `certificates` says.
    #[must_use]
    pub fn certified_by(mut self, certificates: &'h ClientCertificates, head: &'h RequestHead) -> Self {
        self.certified = Some((head, certificates));
        self
    }

    /// The client's address. IPv4 in IPv6's mapped form is IPv4.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match self.forwarded {
            None => self.peer(),
            Some((head, hops)) => *self.known.address.get_or_init(|| address::forwarded(head, hops)),
        }
    }

    /// The address that the host has for the other end. Envoy has one address only: that of the connection with
    /// `use_remote_address` and no trusted hops, otherwise one out of `x-forwarded-for`.
    #[must_use]
    pub fn peer(&self) -> Option<IpAddr> {
        *self.known.peer.get_or_init(|| {
            let text = self.text("source.address")?;
            let address = text.parse::<SocketAddr>().map(|address| address.ip()).or_else(|_| text.parse()).ok()?;
            Some(address.to_canonical())
        })
    }

    /// The client's certificate, if there is one. Whether it was checked, and can be read, are other questions.
    ///
    /// # Errors
    ///
    /// There is one, and it can't be told which.
    pub fn presented(&self) -> Result<Option<&Presented>, PresentedFlaw> {
        let read = || match self.certified {
            Some((head, certificates)) => certificates.read(self, head),
            None => ClientCertificates::default().read_connection(self),
        };
        self.known.presented.get_or_init(read).as_ref().map(Option::as_ref).map_err(|flaw| *flaw)
    }

    /// A property that is text.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<String> {
        String::from_utf8(self.property(path)?).ok().filter(|text| !text.is_empty())
    }

    /// A property that is true or false: one byte. Nothing if the host has none.
    ///
    /// # Errors
    ///
    /// It is something else.
    pub fn flag(&self, path: &str) -> Result<Option<bool>, NotTrueOrFalse> {
        match self.property(path).as_deref() {
            None => Ok(None),
            Some([0]) => Ok(Some(false)),
            Some([1]) => Ok(Some(true)),
            Some(_) => Err(NotTrueOrFalse),
        }
    }

    fn property(&self, path: &str) -> Option<Vec<u8>> {
        self.host.try_borrow_mut().ok()?.property(path)
    }
}

impl fmt::Debug for Connection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("known", &self.known).finish_non_exhaustive()
    }
}

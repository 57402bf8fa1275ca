//! Where the client's certificate comes from: the connection to the host, or what a trusted proxy in front says of its own.

use std::num::NonZeroUsize;
use std::rc::Rc;

use super::{Connection, Named, Networks};
use crate::certificate::presented::digest_from_hex;
use crate::certificate::{Accepted, DistinguishedName, Names, Presented, PresentedFlaw, xfcc};
use crate::http::RequestHead;

/// How client certificates come in.
#[derive(Clone, Debug, Default)]
pub struct ClientCertificates {
    /// From where.
    pub source: CertificateSource,
    /// Who ends TLS takes no certificate that it does not check, and where nobody says so this stands for it: Envoy before
    /// 1.39, and every proxy in front.
    pub assume_validated: bool,
    /// Those that are accepted as identities of their own, in the order in which they are asked.
    pub identities: Vec<Named<Accepted>>,
}

/// Where the client's certificate is taken from.
#[derive(Clone, Debug, Default)]
pub enum CertificateSource {
    /// From the connection to the host.
    #[default]
    Connection,
    /// From `x-forwarded-client-cert`, if the other end of the connection is in one of these networks.
    Forwarded {
        /// Whose word counts: the other end of the connection, as the host has it.
        proxies: Vec<Rc<Networks>>,
        /// How many elements the header has: one of each trusted proxy. The first is of the outermost, which has the client.
        hops: NonZeroUsize,
    },
}

impl ClientCertificates {
    /// The client's certificate, if there is one. What somebody says who is not trusted is nothing.
    pub(super) fn read(
        &self,
        connection: &Connection<'_>,
        head: &RequestHead,
    ) -> Result<Option<Presented>, PresentedFlaw> {
        match &self.source {
            CertificateSource::Connection => self.read_connection(connection),
            CertificateSource::Forwarded { .. } if self.distrusts(connection) => Ok(None),
            CertificateSource::Forwarded { hops, .. } => self.read_header(head, *hops),
        }
    }

    /// Is the header read, and the other end of the connection not one whose word counts? Then nobody behind us may believe it either.
    #[must_use]
    pub fn distrusts(&self, connection: &Connection<'_>) -> bool {
        match &self.source {
            CertificateSource::Connection => false,
            CertificateSource::Forwarded { proxies, .. } => {
                let trusted = |address| proxies.iter().any(|proxies| proxies.contain(address));
                !connection.peer().is_some_and(trusted)
            }
        }
    }

    /// By Envoy's properties of the connection. `connection.peer_certificate` is there from 1.38 on, and
    /// `connection.peer_certificate_valid` from 1.39.
    pub(super) fn read_connection(&self, connection: &Connection<'_>) -> Result<Option<Presented>, PresentedFlaw> {
        match connection.flag("connection.mtls") {
            Ok(None | Some(false)) => return Ok(None),
            Ok(Some(true)) => {}
            Err(_) => return Err(PresentedFlaw::Unreadable),
        }
        let encoded = connection.text("connection.peer_certificate");
        let digest = match connection.text("connection.sha256_peer_certificate_digest") {
            Some(text) => Some(digest_from_hex(&text).ok_or(PresentedFlaw::Unreadable)?),
            None => None,
        };
        let told = if encoded.is_some() { Names::default() } else { told(connection) };
        let validated = connection.flag("connection.peer_certificate_valid").map_err(|_| PresentedFlaw::Unreadable)?;
        Presented::new(digest, encoded, told, validated, self.assume_validated).map(Some)
    }

    fn read_header(&self, head: &RequestHead, hops: NonZeroUsize) -> Result<Option<Presented>, PresentedFlaw> {
        let mut fields = head.values(HEADER).peekable();
        if fields.peek().is_none() {
            return Ok(None);
        }
        let mut elements = xfcc::parse(fields).map_err(PresentedFlaw::Header)?;
        // One more would be the client's own, or written by a name in its certificate.
        if elements.len() != hops.get() {
            return Err(PresentedFlaw::Elements);
        }
        let element = elements.swap_remove(0);
        let digest = element.hash.ok_or(PresentedFlaw::Unreadable)?;
        Presented::new(Some(digest), element.cert, Names::default(), None, self.assume_validated).map(Some)
    }
}

/// The first name of each kind, which is all that Envoy has as properties.
fn told(connection: &Connection<'_>) -> Names {
    let one = |path: &str| connection.text(path).into_iter().collect::<Vec<_>>();
    Names {
        subject: connection
            .text("connection.subject_peer_certificate")
            .and_then(|text| DistinguishedName::parse(&text).ok()),
        uri_sans: one("connection.uri_san_peer_certificate"),
        dns_sans: one("connection.dns_san_peer_certificate").iter().map(|name| name.to_ascii_lowercase()).collect(),
        email_sans: Vec::new(),
        complete: false,
    }
}

/// Where proxies tell whose certificate it was; by its name in lower case.
pub const HEADER: &str = "x-forwarded-client-cert";

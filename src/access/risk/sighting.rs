//! A request as it is noted: who, from which network, for which rule; as keyed hashes.

use std::net::IpAddr;

use crate::identity::Identity;
use crate::shared_slot::HashKey;

/// A request of a verified identity.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sighting {
    /// Chooses the slot: by the subject, so that all that is known of one is read at once.
    pub(super) place: u64,
    pub(super) session: u64,
    pub(super) identity: u64,
    pub(super) network: Option<u32>,
    pub(super) rule: u32,
}

impl Sighting {
    /// `None` for nobody, and where a token does not tell its bearer from others': what one of them does would count against
    /// all. A token without a subject is known by its own id.
    pub(super) fn of(key: HashKey, identity: &Identity, address: Option<IpAddr>, rule: &str) -> Option<Self> {
        let credential = identity.credential()?.as_bytes();
        let text = |name| identity.text(name).unwrap_or_default().as_bytes();
        let subject = identity.subject().or_else(|| identity.token_id())?.as_bytes();
        let client = identity.client().unwrap_or_default().as_bytes();
        let (authority, tid) = (identity.authority(), text("tid"));
        let iss = authority.as_bytes();
        let session = match (identity.text("sid"), identity.token_id()) {
            (Some(sid), _) => [b"sid", sid.as_bytes()],
            (None, Some(id)) => [b"uti".as_slice(), id.as_bytes()],
            // Of the keys of one owner each is a session of its own.
            (None, None) if identity.token().is_none() => [b"client".as_slice(), client],
            (None, None) => [b"oid".as_slice(), subject],
        };
        let [kind, session] = session;
        Some(Self {
            place: key.hash(&[b"place", credential, iss, tid, subject]),
            session: key.hash(&[b"session", credential, iss, tid, kind, session]),
            identity: key.hash(&[b"identity", credential, iss, tid, subject, client]),
            network: address.map(|address| network(key, address)),
            rule: key.short(&[b"rule", rule.as_bytes()]),
        })
    }
}

/// An address whose requests failed: IPv4 alone, IPv6 by its /64, of which one machine may have every address.
pub(super) fn address_hash(key: HashKey, address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => key.hash(&[b"v4", &address.octets()]),
        IpAddr::V6(address) => key.hash(&[b"v6", &(address.to_bits() >> 64).to_be_bytes()]),
    }
}

/// The network that an address is in, as far as a move within it means nothing: /24 and /48.
fn network(key: HashKey, address: IpAddr) -> u32 {
    match address.to_canonical() {
        IpAddr::V4(address) => key.short(&[b"24", &(address.to_bits() >> 8).to_be_bytes()]),
        IpAddr::V6(address) => key.short(&[b"48", &(address.to_bits() >> 80).to_be_bytes()]),
    }
}

//! Networks by name.

use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;

use ipnet::{IpNet, Ipv4Net};

/// Why a text is not a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkFlaw {
    /// Neither an address nor an address with a prefix.
    NotNetwork(String),
    /// It has bits set after its prefix; the network that it is in.
    HostBits(String, IpNet),
}

impl NetworkFlaw {
    /// Stable code.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotNetwork(_) => "network_malformed",
            Self::HostBits(..) => "network_host_bits",
        }
    }
}

impl fmt::Display for NetworkFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNetwork(text) => {
                write!(
                    f,
                    "`{text}` is not a network; expected an address and a prefix, such as `203.0.113.0/24` or `2001:db8::/32`"
                )
            }
            Self::HostBits(text, network) => {
                write!(f, "`{text}` has bits set after its prefix; write `{network}`, or the address alone")
            }
        }
    }
}

impl std::error::Error for NetworkFlaw {}

/// Reads `203.0.113.0/24`, `2001:db8::/32`, or an address alone. IPv4 in IPv6's mapped form is the IPv4 network.
///
/// # Errors
///
/// A [`NetworkFlaw`].
pub fn parse(text: &str) -> Result<IpNet, NetworkFlaw> {
    let malformed = || NetworkFlaw::NotNetwork(text.to_owned());
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => text.parse::<IpNet>().map_err(|_| malformed())?,
    };
    let network = unmapped(network);
    if network.trunc() == network { Ok(network) } else { Err(NetworkFlaw::HostBits(text.to_owned(), network.trunc())) }
}

/// `::ffff:203.0.113.0/120` is `203.0.113.0/24`.
fn unmapped(network: IpNet) -> IpNet {
    let IpNet::V6(six) = network else { return network };
    let four = six.addr().to_ipv4_mapped().zip(six.prefix_len().checked_sub(MAPPED_PREFIX));
    four.and_then(|(address, prefix)| Ipv4Net::new(address, prefix).ok()).map_or(network, IpNet::V4)
}

/// Bits before the IPv4 address in IPv6's mapped form (RFC 4291 section 2.5.5.2).
const MAPPED_PREFIX: u8 = 96;

/// Networks under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Networks {
    /// In order and without overlap, so that thousands are searched in a dozen steps.
    networks: Rc<[IpNet]>,
}

impl Networks {
    /// These.
    #[must_use]
    pub fn new(networks: &Vec<IpNet>) -> Self {
        let mut networks = IpNet::aggregate(networks);
        networks.sort_by_key(IpNet::network);
        Self { networks: networks.into() }
    }

    /// Is every address of IPv4, or of IPv6, in them?
    #[must_use]
    pub fn have_all(&self) -> bool {
        self.networks.iter().any(|network| network.prefix_len() == 0)
    }

    /// Is `address` in one of them? It is in its plain form: IPv4 is never IPv6.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        let after = self.networks.partition_point(|network| network.network() <= address);
        let before = after.checked_sub(1).and_then(|last| self.networks.get(last));
        before.is_some_and(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn networks_read_as_people_write_them() {
        for (text, expected) in [
            ("203.0.113.0/24", "203.0.113.0/24"),
            ("203.0.113.7", "203.0.113.7/32"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:DB8::/32", "2001:db8::/32"),
            ("2001:db8::1", "2001:db8::1/128"),
            ("::/0", "::/0"),
            ("::ffff:203.0.113.0/120", "203.0.113.0/24"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("::ffff:203.0.113.7", "203.0.113.7/32"),
        ] {
            assert_eq!(parse(text).map(|network| network.to_string()).as_deref(), Ok(expected), "{text}");
        }
        for text in [
            "",
            "*",
            "203.0.113.0/33",
            "203.0.113.0/",
            "203.0.113/24",
            "2001:db8::/129",
            "fe80::1%1/64",
            "a/b",
            "1.2.3.4/8/8",
        ] {
            assert_eq!(parse(text), Err(NetworkFlaw::NotNetwork(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn bits_after_the_prefix_are_refused_with_the_right_form() {
        for (text, right) in [
            ("203.0.113.7/24", "`203.0.113.0/24`"),
            ("2001:db8::1/32", "`2001:db8::/32`"),
            ("::ffff:203.0.113.7/120", "`203.0.113.0/24`"),
        ] {
            assert!(parse(text).unwrap_err().to_string().contains(right), "{text}");
        }
    }

    fn networks(texts: &[&str]) -> Networks {
        Networks::new(&texts.iter().map(|text| parse(text).unwrap()).collect())
    }

    #[test]
    fn the_edges_of_a_network_are_in_it() {
        let office = networks(&["203.0.113.0/24", "10.0.0.0/8", "2001:db8::/32", "198.51.100.7", "203.0.113.128/25"]);
        for inside in
            ["203.0.113.0", "203.0.113.255", "10.255.255.255", "2001:db8::", "2001:db8:ffff::", "198.51.100.7"]
        {
            assert!(office.contain(inside.parse().unwrap()), "{inside}");
        }
        for outside in [
            "203.0.112.255",
            "203.0.114.0",
            "9.255.255.255",
            "11.0.0.0",
            "2001:db9::",
            "::",
            "198.51.100.8",
            "255.255.255.255",
        ] {
            assert!(!office.contain(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn all_of_one_version_is_nothing_of_the_other() {
        let (four, six) = ("203.0.113.7".parse().unwrap(), "2001:db8::1".parse().unwrap());
        assert!(networks(&["0.0.0.0/0"]).contain(four) && !networks(&["0.0.0.0/0"]).contain(six));
        assert!(networks(&["::/0"]).contain(six) && !networks(&["::/0"]).contain(four));
        assert!(!networks(&[]).contain(four));
    }

    proptest! {
        #[test]
        fn searching_finds_what_looking_at_each_finds(
            list in prop::collection::vec((any::<u32>(), 0u8..=32), 0..20),
            address in any::<u32>(),
        ) {
            let list: Vec<IpNet> = list
                .into_iter()
                .map(|(bits, prefix)| IpNet::V4(Ipv4Net::new(bits.into(), prefix).unwrap().trunc()))
                .collect();
            let address = IpAddr::V4(address.into());
            prop_assert_eq!(Networks::new(&list).contain(address), list.iter().any(|network| network.contains(&address)));
            for network in &list {
                prop_assert!(Networks::new(&list).contain(network.broadcast()));
            }
        }
    }
}

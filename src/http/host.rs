//! The host of a request, in the form in which rules compare it.
//!
//! Hosts are case-insensitive, and a port or a trailing dot names the same host (RFC 3986 section 3.2.2), so all three
//! go. Nothing is resolved, and no other spelling of an address is folded: `127.1` stays `127.1` and matches no rule
//! that says `127.0.0.1`.

use std::fmt;
use std::net::Ipv6Addr;

/// Why a host cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostFlaw {
    /// Nothing before the port.
    Empty,
    /// A label between two dots is empty, or there is more than one trailing dot.
    EmptyLabel,
    /// A byte that is not a letter, a digit, `-`, `_` or `.`: user information, percent encoding, white space.
    ForbiddenByte,
    /// Brackets without an IPv6 address in them.
    Ipv6,
    /// After the `:` there are not one to five digits.
    Port,
    /// More than 255 bytes (RFC 1035 section 2.3.4), without the port.
    TooLong,
}

impl HostFlaw {
    /// Stable code for audit and metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Empty => "host_empty",
            Self::EmptyLabel => "host_empty_label",
            Self::ForbiddenByte => "host_forbidden_byte",
            Self::Ipv6 => "host_bad_ipv6",
            Self::Port => "host_bad_port",
            Self::TooLong => "host_too_long",
        }
    }
}

impl fmt::Display for HostFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the host is empty",
            Self::EmptyLabel => "the host has an empty label",
            Self::ForbiddenByte => "the host has a byte other than a letter, a digit, `-`, `_` or `.`",
            Self::Ipv6 => "the host has brackets without an IPv6 address in them",
            Self::Port => "the port is not one to five digits",
            Self::TooLong => "the host is longer than 255 bytes",
        })
    }
}

impl std::error::Error for HostFlaw {}

/// Reads an authority (`host[:port]`, RFC 9110 section 7.2): lower case, without port and without one trailing dot;
/// an IPv6 literal in its canonical text (RFC 5952) with its brackets.
///
/// # Errors
///
/// A [`HostFlaw`] for anything else.
pub fn normalise(authority: &[u8]) -> Result<String, HostFlaw> {
    if let Some(rest) = authority.strip_prefix(b"[") {
        return ipv6(rest);
    }
    let (name, port) = match authority.iter().position(|&byte| byte == b':') {
        Some(colon) => {
            let (name, port) = authority.split_at(colon);
            (name, Some(port))
        }
        None => (authority, None),
    };
    check_port(port)?;
    let name = name.strip_suffix(b".").unwrap_or(name);
    if name.is_empty() {
        return Err(HostFlaw::Empty);
    }
    if name.len() > MAX_BYTES {
        return Err(HostFlaw::TooLong);
    }
    if name.split(|&byte| byte == b'.').any(<[u8]>::is_empty) {
        return Err(HostFlaw::EmptyLabel);
    }
    name.iter()
        .map(|&byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => Ok(char::from(byte.to_ascii_lowercase())),
            _ => Err(HostFlaw::ForbiddenByte),
        })
        .collect()
}

fn ipv6(rest: &[u8]) -> Result<String, HostFlaw> {
    let close = rest.iter().position(|&byte| byte == b']').ok_or(HostFlaw::Ipv6)?;
    let (address, tail) = rest.split_at(close);
    check_port(tail.strip_prefix(b"]").filter(|port| !port.is_empty()))?;
    let address = str::from_utf8(address).map_err(|_| HostFlaw::Ipv6)?;
    let address: Ipv6Addr = address.parse().map_err(|_| HostFlaw::Ipv6)?;
    Ok(format!("[{address}]"))
}

/// `port` still has its colon. An empty port is legal in RFC 3986, but no client sends one.
fn check_port(port: Option<&[u8]>) -> Result<(), HostFlaw> {
    let Some(port) = port else { return Ok(()) };
    let digits = port.strip_prefix(b":").ok_or(HostFlaw::Port)?;
    if (1..=5).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit) { Ok(()) } else { Err(HostFlaw::Port) }
}

/// The longest domain name (RFC 1035 section 2.3.4).
const MAX_BYTES: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn advisory_09_host_is_compared_without_case_port_and_trailing_dot() {
        for same in
            ["api.example.com", "API.Example.COM", "api.example.com:443", "api.example.com.", "API.example.com.:8443"]
        {
            assert_eq!(normalise(same.as_bytes()).as_deref(), Ok("api.example.com"), "{same}");
        }
    }

    #[test]
    fn ipv6_literals_are_compared_in_canonical_text() {
        for same in ["[::1]", "[0:0:0:0:0:0:0:1]", "[::1]:443", "[0000::0001]"] {
            assert_eq!(normalise(same.as_bytes()).as_deref(), Ok("[::1]"), "{same}");
        }
    }

    #[test]
    fn every_other_spelling_is_a_flaw() {
        for (host, flaw) in [
            (&b""[..], HostFlaw::Empty),
            (b".", HostFlaw::Empty),
            (b":443", HostFlaw::Empty),
            (b"a..b", HostFlaw::EmptyLabel),
            (b".a", HostFlaw::EmptyLabel),
            (b"a..", HostFlaw::EmptyLabel),
            (b"user@a.example", HostFlaw::ForbiddenByte),
            (b"a.example ", HostFlaw::ForbiddenByte),
            (b"a.example\t", HostFlaw::ForbiddenByte),
            (b"a\0.example", HostFlaw::ForbiddenByte),
            (b"a%2eexample", HostFlaw::ForbiddenByte),
            (b"a.example/b", HostFlaw::ForbiddenByte),
            (b"\xC3\xA9.example", HostFlaw::ForbiddenByte),
            (b"a.example,b.example", HostFlaw::ForbiddenByte),
            (b"*.example", HostFlaw::ForbiddenByte),
            (b"a.example:", HostFlaw::Port),
            (b"a.example:x", HostFlaw::Port),
            (b"a.example:443:443", HostFlaw::Port),
            (b"a.example:123456", HostFlaw::Port),
            (b"user:pass@a.example", HostFlaw::Port),
            (b"[::1", HostFlaw::Ipv6),
            (b"[]", HostFlaw::Ipv6),
            (b"[1.2.3.4]", HostFlaw::Ipv6),
            (b"[::1]a", HostFlaw::Port),
            (b"[::1]:", HostFlaw::Port),
            (b"[fe80::1%25eth0]", HostFlaw::Ipv6),
        ] {
            assert_eq!(normalise(host), Err(flaw), "{}", host.escape_ascii());
        }
        assert_eq!(normalise(&[b'a'; 256]), Err(HostFlaw::TooLong));
        assert!(normalise(&[b'a'; 255]).is_ok());
    }

    proptest! {
        #[test]
        fn normalising_twice_is_normalising_once(authority in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(once) = normalise(&authority) {
                prop_assert_eq!(normalise(once.as_bytes()), Ok(once));
            }
        }

        #[test]
        fn plausible_hosts_too(authority in "[a-zA-Z0-9._:\\[\\]-]{0,30}") {
            if let Ok(once) = normalise(authority.as_bytes()) {
                prop_assert_eq!(normalise(once.as_bytes()), Ok(once));
            }
        }
    }
}

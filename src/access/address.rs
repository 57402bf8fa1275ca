//! The client's address out of `x-forwarded-for`, where proxies in front write it.
//!
//! Every proxy adds the address that it saw on the right, so only the places that trusted proxies wrote are worth
//! anything: they are counted from the right, over all fields of that name together. What stands left of them is the
//! client's own text and is never looked at.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;

use crate::http::RequestHead;

/// The address at place `hops` from the right. Nothing if there are fewer places, or what stands there is no address: an
/// empty place counts, and no other is taken for it.
pub(super) fn forwarded(head: &RequestHead, hops: NonZeroUsize) -> Option<IpAddr> {
    let fields: Vec<&[u8]> = head.values("x-forwarded-for").collect();
    let mut places = fields.into_iter().rev().flat_map(|field| field.rsplit(|&byte| byte == b','));
    let place = places.nth(hops.get().saturating_sub(1))?;
    parse(std::str::from_utf8(place).ok()?.trim_matches([' ', '\t']))
}

/// `203.0.113.7`, `203.0.113.7:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`. An address with a zone is of one
/// link only and means nothing here.
fn parse(text: &str) -> Option<IpAddr> {
    if text.len() > LONGEST || text.contains('%') {
        return None;
    }
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(bracketed).or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

/// `[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535` has 54.
const LONGEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(hops: usize, fields: &[&str]) -> Option<String> {
        let mut pairs = vec![(":method", "GET"), (":path", "/"), (":authority", "api.example"), (":scheme", "https")];
        pairs.extend(fields.iter().map(|field| ("X-Forwarded-For", *field)));
        let pairs: Vec<(Vec<u8>, Vec<u8>)> =
            pairs.into_iter().map(|(name, value)| (name.to_ascii_lowercase().into(), value.into())).collect();
        let head = RequestHead::read(pairs).unwrap();
        forwarded(&head, NonZeroUsize::new(hops).unwrap()).map(|address| address.to_string())
    }

    #[test]
    fn places_are_counted_from_the_right_over_all_fields() {
        let fields = ["6.6.6.6, 203.0.113.7", "198.51.100.2,10.0.0.1"];
        for (hops, expected) in [(1, "10.0.0.1"), (2, "198.51.100.2"), (3, "203.0.113.7"), (4, "6.6.6.6")] {
            assert_eq!(at(hops, &fields).as_deref(), Some(expected), "{hops}");
        }
        assert_eq!(at(5, &fields), None);
        assert_eq!(at(1, &[]), None);
    }

    #[test]
    fn a_place_holds_an_address_with_or_without_port() {
        for (text, expected) in [
            ("203.0.113.7", "203.0.113.7"),
            ("\t203.0.113.7 ", "203.0.113.7"),
            ("203.0.113.7:65535", "203.0.113.7"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("[::ffff:203.0.113.7]:80", "203.0.113.7"),
        ] {
            assert_eq!(at(1, &[text]).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_place_that_holds_no_address_is_not_passed_over() {
        for text in [
            "",
            " ",
            "unknown",
            "_hidden",
            "\"203.0.113.7\"",
            "203.0.113",
            "203.0.113.07",
            "203.0.113.7:",
            "203.0.113.7:99999",
            "[203.0.113.7]",
            "[2001:db8::1",
            "fe80::1%eth0",
            "[fe80::1%1]:80",
            "203.0.113.7 10.0.0.1",
            "for=203.0.113.7",
        ] {
            assert_eq!(at(1, &[&format!("10.0.0.1,{text}")]), None, "{text}");
        }
        assert_eq!(at(2, &["203.0.113.7,"]).as_deref(), Some("203.0.113.7"));
        assert_eq!(at(1, &["203.0.113.7", ""]), None);
    }

    proptest! {
        #[test]
        fn what_a_client_writes_does_not_move_the_trusted_places(forged in "[ -~]{0,80}") {
            prop_assert_eq!(at(1, &[&forged, "203.0.113.7"]), Some("203.0.113.7".to_owned()));
            prop_assert_eq!(at(2, &[&format!("{forged},203.0.113.7, 10.0.0.1")]), Some("203.0.113.7".to_owned()));
        }
    }
}

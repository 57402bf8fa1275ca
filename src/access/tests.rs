//! Each check with circumstances as they should be, absent, malformed and wrong.

use crate::access::connection::NotTrueOrFalse;
use crate::certificate::PresentedFlaw;
use std::rc::Rc;

use super::testing::{NOW, head, under};
use super::*;
use crate::testing::MemoryHost;
use crate::verdict::Verdict;

fn networks(texts: &[&str]) -> Check {
    Check::Networks(vec![named(Networks::new(&texts.iter().map(|text| network::parse(text).unwrap()).collect()))])
}

fn named<T>(thing: T) -> Named<T> {
    Named { name: "thing".into(), thing: Rc::new(thing) }
}

/// `met`, `unmet: reason` or `unknown: reason`.
fn judge(check: &Check, headers: &[(&str, &str)], properties: &[(&str, &[u8])]) -> String {
    said(&under(headers, None, properties, |circumstances| check.evaluate(circumstances)))
}

fn said(verdict: &Verdict<Lack>) -> String {
    match verdict {
        Verdict::Met => "met".to_owned(),
        Verdict::Unmet(lack) => format!("unmet: {}", lack.reason()),
        Verdict::Unknown(lack) => format!("unknown: {}", lack.reason()),
    }
}

#[test]
fn the_host_knows_where_a_request_comes_from() {
    let office = networks(&["203.0.113.0/24", "2001:db8::/32"]);
    for inside in ["203.0.113.7:4711", "203.0.113.7", "[2001:db8::1]:4711", "[::ffff:203.0.113.7]:4711", "2001:db8::1"]
    {
        assert_eq!(judge(&office, &[], &[("source.address", inside.as_bytes())]), "met", "{inside}");
    }
    for outside in ["198.51.100.7:4711", "[2001:db9::1]:4711"] {
        let judged = judge(&office, &[], &[("source.address", outside.as_bytes())]);
        assert_eq!(judged, "unmet: network_not_allowed", "{outside}");
    }
    for unknown in [&b""[..], b"@pipe", b"/run/gate.sock", b"203.0.113.7:", b"\xff", b"fe80::1%eth0"] {
        assert_eq!(judge(&office, &[], &[("source.address", unknown)]), "unknown: address_unknown", "{unknown:?}");
    }
    assert_eq!(judge(&office, &[], &[]), "unknown: address_unknown");
    // What a client writes is not looked at unless the configuration says so.
    assert_eq!(judge(&office, &[("x-forwarded-for", "203.0.113.7")], &[]), "unknown: address_unknown");
}

#[test]
fn with_forwarded_for_the_host_is_not_asked() {
    let office = networks(&["203.0.113.0/24"]);
    let judge = |field: &str| {
        let mut host = MemoryHost::default();
        host.properties.insert("source.address".to_owned(), b"203.0.113.1:80".to_vec());
        let head = head(&[("x-forwarded-for", field)]);
        let source = AddressSource::ForwardedFor(2.try_into().unwrap());
        let known = super::Known::default();
        let connection = Connection::new(&mut host, &known).addressed_by(source, &head);
        let now = UnixTime::from_secs(NOW);
        said(&office.evaluate(&Circumstances {
            head: &head,
            token: None,
            connection: &connection,
            risk: crate::access::risk::Score::UNKNOWN,
            now,
        }))
    };
    assert_eq!(judge("203.0.113.7, 10.0.0.1"), "met");
    assert_eq!(judge("203.0.113.7, 198.51.100.7, 10.0.0.1"), "unmet: network_not_allowed");
    assert_eq!(judge("203.0.113.7"), "unknown: address_unknown");
    assert_eq!(judge("unknown, 10.0.0.1"), "unknown: address_unknown");
}

#[test]
fn a_geoip_filter_knows_which_country_it_is() {
    let check = Check::Countries("x-geo-country".into(), vec![*b"DE", *b"AT"]);
    assert_eq!(judge(&check, &[("x-geo-country", "AT")], &[]), "met");
    assert_eq!(judge(&check, &[("x-geo-country", "FR")], &[]), "unmet: country_not_allowed");
    for headers in [
        &[][..],
        &[("x-geo-country", "")],
        &[("x-geo-country", "de")],
        &[("x-geo-country", "DE"), ("x-geo-country", "DE")],
    ] {
        assert_eq!(judge(&check, headers, &[]), "unknown: country_unknown", "{headers:?}");
    }
    let check = Check::Asns("x-geo-asn".into(), vec![64500]);
    assert_eq!(judge(&check, &[("x-geo-asn", "64500")], &[]), "met");
    assert_eq!(judge(&check, &[("x-geo-asn", "64501")], &[]), "unmet: asn_not_allowed");
    assert_eq!(judge(&check, &[("x-geo-asn", "AS64500")], &[]), "unknown: asn_unknown");
}

#[test]
fn one_open_schedule_is_enough() {
    let closed = named(Schedule::default());
    let window = schedule::Window { from: None, until: None };
    let open = named(Schedule { weekly: None, windows: vec![window] });
    assert_eq!(judge(&Check::Schedules(vec![closed.clone()]), &[], &[]), "unmet: outside_schedule");
    assert_eq!(judge(&Check::Schedules(vec![closed, open]), &[], &[]), "met");
}

#[test]
fn without_a_token_nobody_signed_in() {
    let check =
        Check::Assurance(named(Assurance { max_age: Some(std::time::Duration::from_secs(1)), ..Assurance::default() }));
    assert_eq!(judge(&check, &[], &[]), "unknown: credential_missing");
}

#[test]
fn what_is_neither_true_nor_false_is_not_known() {
    let mut host = MemoryHost::default();
    host.properties.insert("connection.mtls".to_owned(), vec![1, 0]);
    host.properties.insert("connection.peer_certificate_valid".to_owned(), vec![2]);
    let known = super::Known::default();
    let connection = Connection::new(&mut host, &known);
    assert_eq!(connection.flag("connection.mtls"), Err(NotTrueOrFalse));
    assert_eq!(connection.flag("connection.peer_certificate_valid"), Err(NotTrueOrFalse));
    assert_eq!(connection.flag("connection.other"), Ok(None));
    assert_eq!(connection.presented().unwrap_err(), PresentedFlaw::Unreadable);
}

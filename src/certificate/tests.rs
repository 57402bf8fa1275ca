//! Certificates of a small authority, accepted and not. The PEM files beside were made once: `workloads` issued `orders`,
//! `expired` and their like, `partner` has the same names from another issuer, and the lists say in their names what is odd.

use std::rc::Rc;

use serde_json::json;

use super::presented::digest_from_hex;
use super::*;
use crate::time::UnixTime;

mod revocation_lists;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const ORDERS: &str = include_str!("tests/orders.pem");
const TWO_IDS: &str = include_str!("tests/two-ids.pem");
const EXPIRED: &str = include_str!("tests/expired.pem");
const LATER: &str = include_str!("tests/later.pem");
const REVOKED: &str = include_str!("tests/revoked.pem");
const NAMELESS: &str = include_str!("tests/nameless.pem");
const PARTNER: &str = include_str!("tests/partner.pem");
const LIST: &str = include_str!("tests/revocation-list.pem");
const ORDERS_ID: &str = "spiffe://contoso.example/ns/shop/sa/orders";

fn shown(pem: &str, validated: bool) -> Presented {
    Presented::new(None, Some(pem.to_owned()), Names::default(), Some(validated), false).unwrap()
}

fn patterns(texts: &[&str]) -> Option<Vec<Pattern>> {
    Some(texts.iter().map(|text| Pattern::parse(text).unwrap()).collect())
}

fn by_issuer() -> Accepted {
    let issuers = vec![DistinguishedName::parse("CN=Workloads,O=Contoso,C=DE").unwrap()];
    Accepted { issuers: Some(issuers), ..Accepted::default() }
}

fn list(pem: &str) -> RevocationList {
    RevocationList::from_pem(pem, None).unwrap()
}

fn with_lists(lists: &[&str]) -> Accepted {
    let lists = lists.iter().map(|pem| list(pem)).collect();
    Accepted { revocation_lists: Rc::new(RevocationLists::new(lists)), ..by_issuer() }
}

fn judge(accepted: &Accepted, presented: &Presented) -> &'static str {
    accepted.check(presented, NOW).map_or_else(|flaw| flaw.reason(), |()| "accepted")
}

#[test]
fn a_certificate_says_who_issued_it_and_whom_it_names() {
    let shown = shown(ORDERS, true);
    let certificate = shown.certificate().unwrap();
    assert_eq!(certificate.issuer.as_ref().unwrap().to_string(), "CN=Workloads,O=Contoso,C=DE");
    assert_eq!(certificate.serial, [0x10, 0x01]);
    assert_eq!(certificate.not_before, UnixTime::from_secs(1_793_491_200));
    let names = &certificate.names;
    assert_eq!(names.subject.as_ref().unwrap().to_string(), "CN=orders,O=Contoso,C=DE");
    assert_eq!(names.uri_sans, [ORDERS_ID]);
    assert_eq!(names.dns_sans, ["orders.shop.example", "orders.example"]);
    assert_eq!(names.email_sans, ["orders@contoso.example"]);
    let known = "4f62d779105e9600d918abfcac75f8295e691c02c25cfd9be4b7b43da34aad52";
    assert_eq!(Some(shown.digest_sha256), digest_from_hex(known));
    assert_eq!(Some(shown.digest_sha256), digest_from_hex(&known.to_ascii_uppercase()));
}

#[test]
fn each_part_that_is_asked_for_must_be_so() {
    let orders = shown(ORDERS, true);
    let id = patterns(&["spiffe://contoso.example/ns/shop/*"]);
    for accepted in [
        by_issuer(),
        Accepted { spiffe_ids: id.clone(), ..by_issuer() },
        Accepted { uri_sans: patterns(&["spiffe://other/*", ORDERS_ID]), ..Accepted::default() },
        Accepted { dns_sans: patterns(&["*.shop.example"]), ..Accepted::default() },
        Accepted { email_sans: patterns(&["*@contoso.example"]), ..Accepted::default() },
        Accepted { digests: Some(vec![[0; 32], orders.digest_sha256]), ..Accepted::default() },
        Accepted { subjects: Some(vec![DistinguishedName::parse("CN=orders,O=Contoso,C=DE").unwrap()]), ..by_issuer() },
    ] {
        assert_eq!(judge(&accepted, &orders), "accepted", "{accepted:?}");
    }
    for accepted in [
        Accepted { issuers: Some(vec![DistinguishedName::parse("CN=Workloads").unwrap()]), ..Accepted::default() },
        Accepted { subjects: Some(vec![DistinguishedName::parse("CN=orders").unwrap()]), ..by_issuer() },
        Accepted { spiffe_ids: patterns(&["spiffe://contoso.example/ns/stock/*"]), ..by_issuer() },
        Accepted { dns_sans: patterns(&["shop.example"]), spiffe_ids: id, ..by_issuer() },
        Accepted { email_sans: patterns(&["orders"]), ..by_issuer() },
        Accepted { digests: Some(vec![[0; 32]]), ..by_issuer() },
    ] {
        assert_eq!(judge(&accepted, &orders), "certificate_not_accepted", "{accepted:?}");
    }
    assert_eq!(judge(&by_issuer(), &shown(PARTNER, true)), "certificate_not_accepted");
}

#[test]
fn a_certificate_with_two_addresses_has_no_spiffe_id() {
    let two = shown(TWO_IDS, true);
    let by_id = Accepted { spiffe_ids: patterns(&["spiffe://contoso.example/*"]), ..Accepted::default() };
    assert_eq!(judge(&by_id, &two), "certificate_not_accepted");
    let by_uri = Accepted { uri_sans: patterns(&["*/admin"]), ..Accepted::default() };
    assert_eq!(judge(&by_uri, &two), "accepted");
}

#[test]
fn a_certificate_that_nobody_checked_is_accepted_by_its_digest_alone() {
    let unchecked = shown(ORDERS, false);
    let digests = Some(vec![unchecked.digest_sha256]);
    assert_eq!(judge(&by_issuer(), &unchecked), "certificate_not_validated");
    let pinned = Accepted { digests: digests.clone(), ..Accepted::default() };
    assert_eq!(judge(&pinned, &unchecked), "certificate_not_validated");
    let pinned = Accepted { digests, accept_untrusted: true, ..by_issuer() };
    assert_eq!(judge(&pinned, &unchecked), "accepted");
    assert_eq!(judge(&pinned, &shown(PARTNER, false)), "certificate_not_accepted");
    // The configuration can't say this; a check that does not know a digest still believes nothing.
    let careless = Accepted { accept_untrusted: true, ..by_issuer() };
    assert_eq!(judge(&careless, &unchecked), "certificate_not_validated");
}

#[test]
fn a_certificate_holds_in_its_time() {
    assert_eq!(judge(&by_issuer(), &shown(EXPIRED, true)), "certificate_expired");
    assert_eq!(judge(&by_issuer(), &shown(LATER, true)), "certificate_not_yet_valid");
    let any_time = Accepted { any_time: true, ..by_issuer() };
    assert_eq!(judge(&any_time, &shown(EXPIRED, true)), "accepted");
    let (expired, end) = (shown(EXPIRED, true), UnixTime::from_secs(1_796_083_200));
    assert_eq!(by_issuer().check(&expired, end), Ok(()));
    assert_eq!(by_issuer().check(&expired, UnixTime::from_millis(end.as_millis() + 999)), Ok(()));
    let after = UnixTime::from_secs(end.as_secs() + 1);
    assert_eq!(by_issuer().check(&expired, after), Err(CertificateFlaw::Expired));
}

#[test]
fn what_is_not_handed_over_can_not_be_told() {
    let orders = shown(ORDERS, true);
    let told = Names { uri_sans: vec![ORDERS_ID.to_owned()], ..Names::default() };
    let bare = Presented::new(Some(orders.digest_sha256), None, told, Some(true), false).unwrap();
    let by_uri = |any_time| Accepted { uri_sans: patterns(&[ORDERS_ID]), any_time, ..Accepted::default() };
    assert_eq!(judge(&by_uri(true), &bare), "accepted");
    assert_eq!(judge(&by_uri(false), &bare), "certificate_validity_unknown");
    // It may have another address, and is then no workload's.
    let by_id = Accepted { spiffe_ids: patterns(&[ORDERS_ID]), any_time: true, ..Accepted::default() };
    assert_eq!(judge(&by_id, &bare), "certificate_names_unknown");
    for from in [SubjectFrom::SpiffeId, SubjectFrom::UriSan, SubjectFrom::DnsSan, SubjectFrom::EmailSan] {
        let accepted = Accepted { subject_from: Some(from), ..by_uri(true) };
        let nobody = Holder::identify([("shop", &accepted)].into_iter(), &bare, NOW).unwrap_err();
        assert_eq!(nobody, CertificateFlaw::NamesUnknown, "{from:?}");
    }
    let by_digest = Accepted { subject_from: Some(SubjectFrom::Digest), ..by_uri(true) };
    assert!(Holder::identify([("shop", &by_digest)].into_iter(), &bare, NOW).is_ok());
    assert_eq!(judge(&by_issuer(), &bare), "certificate_names_unknown");
    let by_host = Accepted { dns_sans: patterns(&["orders.example"]), any_time: true, ..Accepted::default() };
    assert_eq!(judge(&by_host, &bare), "certificate_names_unknown");
    let listed = Accepted { revocation_lists: with_lists(&[LIST]).revocation_lists, ..by_uri(true) };
    assert_eq!(judge(&listed, &bare), "certificate_revocation_unknown");
}

#[test]
fn a_text_that_is_not_that_of_the_digest_is_another_certificate() {
    let (orders, partner) = (shown(ORDERS, true), shown(PARTNER, true));
    let mixed =
        Presented::new(Some(orders.digest_sha256), Some(PARTNER.to_owned()), Names::default(), Some(true), false);
    let mixed = mixed.unwrap();
    assert_eq!(mixed.certificate(), None);
    assert_eq!(judge(&by_issuer(), &mixed), "certificate_unreadable");
    let pinned = Accepted { digests: Some(vec![partner.digest_sha256]), ..Accepted::default() };
    assert_eq!(judge(&pinned, &mixed), "certificate_not_accepted");
    for text in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", LIST] {
        let unreadable = Presented::new(Some([1; 32]), Some(text.to_owned()), Names::default(), Some(true), false);
        assert_eq!(judge(&by_issuer(), &unreadable.unwrap()), "certificate_unreadable", "{text}");
    }
    let nothing = Presented::new(None, None, Names::default(), Some(true), false);
    assert_eq!(nothing.unwrap_err(), PresentedFlaw::Unreadable);
}

#[test]
fn a_holder_is_called_by_the_one_name_that_was_asked_for() {
    let entry = |subject_from, dns: Option<&str>| Accepted {
        dns_sans: dns.and_then(|dns| patterns(&[dns])),
        subject_from: Some(subject_from),
        ..by_issuer()
    };
    let identify = |accepted: &Accepted, pem: &str| {
        let holder = Holder::identify([("shop", accepted)].into_iter(), &shown(pem, true), NOW);
        holder.map(|holder| holder.claims()["sub"].as_str().unwrap().to_owned()).map_err(|flaw| flaw.reason())
    };
    for (accepted, expected) in [
        (entry(SubjectFrom::SpiffeId, None), ORDERS_ID),
        (entry(SubjectFrom::UriSan, None), ORDERS_ID),
        (entry(SubjectFrom::DnsSan, Some("*.shop.example")), "orders.shop.example"),
        (entry(SubjectFrom::EmailSan, None), "orders@contoso.example"),
        (entry(SubjectFrom::Subject, None), "CN=orders,O=Contoso,C=DE"),
        (entry(SubjectFrom::Digest, None), "4f62d779105e9600d918abfcac75f8295e691c02c25cfd9be4b7b43da34aad52"),
    ] {
        assert_eq!(identify(&accepted, ORDERS).as_deref(), Ok(expected));
    }
    let nobody = Err("certificate_names_nobody".to_owned());
    let refused = |accepted: &Accepted, pem: &str| identify(accepted, pem).map_err(str::to_owned);
    assert_eq!(refused(&entry(SubjectFrom::DnsSan, None), ORDERS), nobody, "two hosts");
    assert_eq!(refused(&entry(SubjectFrom::SpiffeId, None), TWO_IDS), nobody, "two addresses");
    for from in [SubjectFrom::SpiffeId, SubjectFrom::UriSan, SubjectFrom::EmailSan, SubjectFrom::Subject] {
        assert_eq!(refused(&entry(from, None), NAMELESS), nobody, "{from:?}");
    }
}

#[test]
fn a_holder_has_claims() {
    let accepted = Accepted { subject_from: Some(SubjectFrom::SpiffeId), ..by_issuer() };
    let for_rules_only = Accepted { subject_from: None, ..by_issuer() };
    let entries = [("all", &for_rules_only), ("shop", &accepted)];
    let holder = Holder::identify(entries.into_iter(), &shown(ORDERS, true), NOW).unwrap();
    let expected = json!({
        "sub": ORDERS_ID,
        "certificate": "shop",
        "x5t#S256": "T2LXeRBelgDZGKv8rHX4KV5pHALCXP2b5Le0PaNKrVI",
        "issuer_dn": "CN=Workloads,O=Contoso,C=DE",
        "subject_dn": "CN=orders,O=Contoso,C=DE",
        "san_uri": [ORDERS_ID],
        "san_dns": ["orders.shop.example", "orders.example"],
        "san_email": ["orders@contoso.example"],
    });
    assert_eq!(json!(holder.claims()), expected);
    let refused = |pem| Holder::identify(entries.into_iter(), &shown(pem, true), NOW).unwrap_err();
    assert_eq!(refused(EXPIRED), CertificateFlaw::Expired);
    assert_eq!(refused(PARTNER), CertificateFlaw::NotAccepted);
}

#[test]
fn the_reason_is_that_of_what_came_furthest() {
    let flaws = [CertificateFlaw::NotAccepted, CertificateFlaw::NotValidated, CertificateFlaw::Expired];
    for (index, one) in flaws.iter().enumerate() {
        for other in &flaws[index..] {
            assert_eq!(one.or_further(*other), *other);
            assert_eq!(other.or_further(*one), *other);
        }
    }
}

//! Lists of what issuers have taken back: which are read, and what they say.

use super::*;
use crate::certificate::revocation::Standing;

const WORKLOADS: &str = include_str!("workloads.pem");
const LIST_LATER: &str = include_str!("revocation-list-later.pem");

#[test]
fn what_an_issuer_has_taken_back_is_refused() {
    assert_eq!(judge(&with_lists(&[LIST]), &shown(REVOKED, true)), "certificate_revoked");
    assert_eq!(judge(&with_lists(&[LIST]), &shown(ORDERS, true)), "accepted");
    assert_eq!(judge(&with_lists(&[]), &shown(REVOKED, true)), "accepted");
    let ignored = Accepted { revocation: Revocation::Ignored, ..with_lists(&[LIST]) };
    assert_eq!(judge(&ignored, &shown(REVOKED, true)), "accepted");
    let required = |lists| Accepted { revocation: Revocation::Required, ..with_lists(lists) };
    assert_eq!(judge(&required(&[]), &shown(ORDERS, true)), "certificate_revocation_unknown");
    assert_eq!(judge(&required(&[LIST]), &shown(ORDERS, true)), "accepted");
    let others = Accepted { issuers: None, dns_sans: patterns(&["orders.example"]), ..required(&[LIST]) };
    let from_partner = Accepted { spiffe_ids: patterns(&[ORDERS_ID]), dns_sans: None, ..others };
    assert_eq!(judge(&from_partner, &shown(PARTNER, true)), "certificate_revocation_unknown");
    let if_listed = Accepted { revocation: Revocation::IfListed, ..from_partner };
    assert_eq!(judge(&if_listed, &shown(PARTNER, true)), "accepted");
}

#[test]
fn a_list_that_is_too_old_tells_nothing_but_what_was_taken_back() {
    let (orders, revoked) = (shown(ORDERS, true), shown(REVOKED, true));
    let old = UnixTime::from_secs(1_811_808_000);
    let accepted = with_lists(&[LIST]);
    assert_eq!(accepted.check(&orders, UnixTime::from_secs(old.as_secs() - 1)), Ok(()));
    assert_eq!(accepted.check(&orders, old), Err(CertificateFlaw::RevocationUnknown));
    assert_eq!(accepted.check(&revoked, old), Err(CertificateFlaw::Revoked));
    assert_eq!(judge(&with_lists(&[LIST_LATER]), &orders), "certificate_revocation_unknown");
    assert_eq!(judge(&with_lists(&[LIST_LATER, LIST]), &orders), "accepted");
    assert_eq!(judge(&with_lists(&[LIST_LATER, LIST]), &revoked), "certificate_revoked");
    let standing = RevocationLists::default().standing(orders.certificate().unwrap(), NOW);
    assert_eq!(standing, Standing::Unlisted);
}

#[test]
fn a_list_is_whole_and_signed_by_its_issuer() {
    assert!(RevocationList::from_pem(LIST, Some(WORKLOADS)).is_ok());
    for (list, issuer) in [
        (include_str!("revocation-list-rsa.pem"), include_str!("archive-rsa.pem")),
        (include_str!("revocation-list-p384.pem"), include_str!("archive-p384.pem")),
        (include_str!("revocation-list-ed25519.pem"), include_str!("archive-ed25519.pem")),
    ] {
        assert!(RevocationList::from_pem(list, Some(issuer)).is_ok(), "{list}");
        let wrong = RevocationList::from_pem(list, Some(WORKLOADS));
        assert_eq!(wrong, Err(RevocationListFlaw::OtherIssuer));
        let stranger = RevocationList::from_pem(list, Some(include_str!("no-lists.pem")));
        assert_eq!(stranger, Err(RevocationListFlaw::NotForLists));
    }
    let forged = include_str!("revocation-list-forged.pem");
    let refused = RevocationList::from_pem(forged, Some(WORKLOADS));
    assert_eq!(refused, Err(RevocationListFlaw::Signature(SignatureFlaw::Wrong)));
    for (text, issuer, flaw) in [
        (include_str!("revocation-list-delta.pem"), None, RevocationListFlaw::NotWhole),
        (include_str!("revocation-list-part.pem"), None, RevocationListFlaw::NotWhole),
        (include_str!("revocation-list-indirect.pem"), None, RevocationListFlaw::NotWhole),
        (ORDERS, None, RevocationListFlaw::Malformed),
        ("", None, RevocationListFlaw::Malformed),
        (LIST, Some("no certificate"), RevocationListFlaw::IssuerMalformed),
        (LIST, Some(LIST), RevocationListFlaw::IssuerMalformed),
    ] {
        assert_eq!(RevocationList::from_pem(text, issuer), Err(flaw));
    }
}

/// The same list with nothing marked as critical, which no signature covers any more.
fn not_critical(pem: &str) -> Vec<u8> {
    let (_, mut der) = x509_cert::der::pem::decode_vec(pem.as_bytes()).unwrap();
    let marked_der = der.clone();
    for id in [27, 28, 29] {
        let marked = [0x06, 0x03, 0x55, 0x1d, id, 1, 1, 0xff];
        while let Some(at) = memchr::memmem::find(&der, &marked) {
            der[at..][7] = 0;
        }
    }
    assert_ne!(der, marked_der, "it has marks");
    der
}

#[test]
fn a_list_that_is_a_part_is_refused_also_where_its_marks_are_not_critical() {
    for pem in [
        include_str!("revocation-list-delta.pem"),
        include_str!("revocation-list-part.pem"),
        include_str!("revocation-list-indirect.pem"),
    ] {
        assert_eq!(RevocationList::from_der(&not_critical(pem), None), Err(RevocationListFlaw::NotWhole), "{pem}");
    }
}

#[test]
fn the_list_of_an_issuer_is_found_by_its_name_in_other_letters() {
    let mut certificate = shown(REVOKED, true).certificate().unwrap().clone();
    let lists = RevocationLists::new(vec![list(LIST)]);
    for (name, standing) in [
        ("CN=WORKLOADS,O=contoso,C=de", Standing::Revoked),
        ("CN=Workloads\\ ,O=\\ Contoso,C=DE", Standing::Revoked),
        ("CN=Work loads,O=Contoso,C=DE", Standing::Unlisted),
        ("O=Contoso,CN=Workloads,C=DE", Standing::Unlisted),
    ] {
        certificate.issuer = Some(DistinguishedName::parse(name).unwrap());
        assert_eq!(lists.standing(&certificate, NOW), standing, "{name}");
    }
}

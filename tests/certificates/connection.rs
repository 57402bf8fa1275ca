//! As a condition on a token: what Envoy says of the certificate, good and bad ones, with and without its own check.

use envoy_test::{Authority, ClientCertificate, Connection, Envoy, Leaf, Protocol, Request};
use serde_json::json;

use crate::{Place, SHOP, STOCK, accepted, told, workloads};

fn ask(place: &Place, envoy: &Envoy, certificate: Option<&ClientCertificate>) -> String {
    let answer = envoy.send_tls(certificate, &Request::get("/both").bearer(&place.token()));
    told(envoy, &answer)
}

#[test]
fn good_wrong_and_missing_certificates_are_told_apart() {
    let (place, workloads, partner) = (Place::new(), workloads(), Authority::new("Partner"));
    let envoy = place.envoy(&json!({ "accepted": accepted() })).tls(&[workloads.pem(), partner.pem()]).start();
    for (what, certificate, expected) in [
        ("good", Some(workloads.issue(&Leaf::new("orders").uri(SHOP))), "200"),
        ("none", None, "403 certificate_missing"),
        ("another issuer's", Some(partner.issue(&Leaf::new("orders").uri(SHOP))), "403 certificate_not_accepted"),
        ("another service's", Some(workloads.issue(&Leaf::new("list").uri(STOCK))), "403 certificate_not_accepted"),
        (
            "two addresses",
            Some(workloads.issue(&Leaf::new("two").uri(SHOP).uri(STOCK))),
            "403 certificate_not_accepted",
        ),
        (
            "no address",
            Some(workloads.issue(&Leaf::new("orders").dns("orders.example"))),
            "403 certificate_not_accepted",
        ),
    ] {
        assert_eq!(ask(&place, &envoy, certificate.as_ref()), expected, "{what}");
    }
    // Envoy itself ends the handshake of what it does not trust.
    let forger = Authority::new("Workloads");
    for (what, certificate) in [
        ("a forger's", forger.issue(&Leaf::new("orders").uri(SHOP))),
        ("expired", workloads.issue(&Leaf::new("orders").uri(SHOP).until(-60))),
    ] {
        let connection = Connection::open_tls(envoy.address(), Protocol::Http1, None, Some(&certificate));
        let answer = connection.and_then(|mut connection| connection.send(&Request::get("/both")));
        assert!(answer.is_err(), "{what}: {answer:?}");
    }
}

/// `connection.mtls` is true for each of these: a client that asks Envoy for `ACCEPT_UNTRUSTED` and a filter that looked at
/// nothing else would let anybody in.
#[test]
fn what_envoy_takes_without_trust_is_not_accepted() {
    let (place, workloads, forger) = (Place::new(), workloads(), Authority::new("Workloads"));
    let pinned = forger.issue(&Leaf::new("legacy"));
    let digest: String = pinned.digest().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut accepted = accepted();
    accepted["legacy"] = json!({ "digests": [digest], "accept_untrusted": true });
    let envoy = place.envoy(&json!({ "accepted": accepted })).tls_accepting_untrusted(&[workloads.pem()]).start();
    for (what, certificate, expected) in [
        ("good", Some(workloads.issue(&Leaf::new("orders").uri(SHOP))), "200"),
        ("a forger's", Some(forger.issue(&Leaf::new("orders").uri(SHOP))), "403 certificate_not_validated"),
        ("expired", Some(workloads.issue(&Leaf::new("orders").uri(SHOP).until(-60))), "403 certificate_not_validated"),
        ("pinned, for another rule", Some(pinned.clone()), "403 certificate_not_validated"),
        ("none", None, "403 certificate_missing"),
    ] {
        assert_eq!(ask(&place, &envoy, certificate.as_ref()), expected, "{what}");
    }
}

#[test]
fn a_connection_that_outlives_its_certificate_loses_it() {
    let (place, workloads) = (Place::new(), workloads());
    let envoy = place.envoy(&json!({ "accepted": accepted() })).tls(&[workloads.pem()]).clock_offset(0).start();
    let short = workloads.issue(&Leaf::new("orders").uri(SHOP).until(600));
    let mut connection = Connection::open_tls(envoy.address(), Protocol::Http2, None, Some(&short)).unwrap();
    let mut ask = || {
        let answer = connection.send(&Request::get("/both").bearer(&place.token())).unwrap();
        told(&envoy, &answer)
    };
    assert_eq!(ask(), "200");
    envoy.jump(700);
    assert_eq!(ask(), "403 certificate_expired");
}

#[test]
fn what_an_issuer_has_taken_back_is_refused() {
    let (place, workloads) = (Place::new(), workloads());
    let list = |seconds| {
        let list = workloads.revocation_list(&[&[0x80, 0xFF]], seconds);
        json!({ "accepted": accepted(), "revocation_lists": [{ "pem": list, "issuer_certificate": workloads.pem() }] })
    };
    let mut envoy = place.envoy(&list(3600)).tls(&[workloads.pem()]).start();
    let revoked = workloads.issue(&Leaf::new("orders").uri(SHOP).serial(&[0x80, 0xFF]));
    let other = workloads.issue(&Leaf::new("orders").uri(SHOP).serial(&[0x7F]));
    assert_eq!(ask(&place, &envoy, Some(&revoked)), "403 certificate_revoked");
    assert_eq!(ask(&place, &envoy, Some(&other)), "200");
    let _ = envoy.push_filter_config(&crate::configuration(&list(-60)));
    assert_eq!(ask(&place, &envoy, Some(&other)), "403 certificate_revocation_unknown");
    assert_eq!(ask(&place, &envoy, Some(&revoked)), "403 certificate_revoked");
}

//! Who comes with a certificate: as an identity, beside a token, and by the word of a proxy.

use super::*;
use crate::certificate::{Names, Presented};
use crate::http::Mutation;

const ORDERS: &str = include_str!("../../certificate/tests/orders.pem");
const ORDERS_DIGEST: &str = "4f62d779105e9600d918abfcac75f8295e691c02c25cfd9be4b7b43da34aad52";
const EXPIRED: &str = include_str!("../../certificate/tests/expired.pem");
const REVOKED: &str = include_str!("../../certificate/tests/revoked.pem");
const PARTNER: &str = include_str!("../../certificate/tests/partner.pem");
const LIST: &str = include_str!("../../certificate/tests/revocation-list.pem");
const WORKLOADS: &str = include_str!("../../certificate/tests/workloads.pem");

fn gate(from: Value) -> Gate {
    let mut config = fixed();
    config["networks"] = json!({ "proxies": ["10.0.0.0/8"] });
    config["client_certificates"] = json!({
        "from": from,
        "accepted": {
            "shop": {
                "issuers": ["CN=Workloads,O=Contoso,C=DE"],
                "spiffe_ids": ["spiffe://contoso.example/ns/shop/*"],
                "identity": { "subject": "spiffe_id" },
            },
            "pinned": { "digests": [ORDERS_DIGEST], "accept_untrusted": true, "validity": false, "revocation": "ignored" },
        },
        "revocation_lists": [{ "pem": LIST, "issuer_certificate": WORKLOADS }],
    });
    config["rules"] = json!([
        { "name": "open", "match": { "paths": ["/open"] }, "access": "anonymous" },
        { "name": "both", "match": { "paths": ["/both"] }, "require": { "certificates": ["shop"] } },
        { "name": "none", "match": { "paths": ["/none"] }, "require": { "not": { "certificates": ["shop"] } } },
        { "name": "either", "match": { "paths": ["/either"] }, "accept": ["token", "certificate"] },
        { "name": "own", "match": { "paths": ["/own"] }, "accept": ["certificate"] },
        { "name": "maybe", "match": { "paths": ["/maybe"] }, "accept": ["certificate"], "access": "optional" },
        {
            "name": "orders", "match": { "paths": ["/orders"] }, "accept": ["certificate"],
            "require": { "claim": { "path": ["san_dns"], "contains_any": ["orders.example"] } },
        },
        {
            "name": "pinned", "match": { "paths": ["/pinned"] }, "access": "optional",
            "require": { "certificates": ["pinned"] },
        },
    ]);
    config["forward"] = json!({ "claims": [{ "claim": "sub", "header": "x-sub" }] });
    Gate::new(&config)
}

impl Gate {
    /// The connection shows this certificate, as Envoy tells of it.
    fn show(&mut self, pem: &str, valid: bool) {
        let encoded = pem.replace('\n', "%0A").replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        let properties = &mut self.host.properties;
        properties.insert("connection.mtls".to_owned(), vec![1]);
        properties.insert("connection.peer_certificate_valid".to_owned(), vec![u8::from(valid)]);
        properties.insert("connection.peer_certificate".to_owned(), encoded.into_bytes());
    }

    fn bare(&mut self, path: &str) -> String {
        outcome(&self.send("GET", path, &[]))
    }

    fn with_token(&mut self, path: &str) -> String {
        outcome(&self.get(path, &token()))
    }
}

#[test]
fn a_certificate_is_an_identity_of_its_own_where_a_rule_takes_it() {
    let mut gate = gate(json!("connection"));
    gate.show(ORDERS, true);
    let Step::Continue(passage, record) = gate.send("GET", "/own", &[]) else { panic!("denied") };
    let event = record.event.unwrap();
    assert_eq!(event.credential, Some("certificate"));
    assert_eq!(event.subject.as_deref(), Some("spiffe://contoso.example/ns/shop/sa/orders"));
    assert!(format!("{:?}", passage.mutations).contains("x-sub"));
    assert_eq!(gate.bare("/either"), "allow");
    assert_eq!(gate.bare("/maybe"), "allow");
    assert_eq!(gate.bare("/orders"), "allow");
    assert_eq!(gate.bare("/both"), "401 credential_missing");
    gate.host.properties.clear();
    for (path, expected) in
        [("/own", "401 credential_missing"), ("/either", "401 credential_missing"), ("/maybe", "allow")]
    {
        assert_eq!(gate.bare(path), expected, "{path}");
    }
}

#[test]
fn another_credential_goes_before_the_certificate() {
    let mut gate = gate(json!("connection"));
    gate.show(ORDERS, true);
    let Step::Continue(_, record) = gate.get("/either", &token()) else { panic!("denied") };
    assert_eq!(record.event.unwrap().credential, Some("token"));
    // A bad token is not made up for by a certificate.
    assert_eq!(outcome(&gate.get("/either", "bad")), "401 token_not_three_parts");
    assert_eq!(gate.with_token("/own"), "401 credential_not_taken_by_rule");
}

#[test]
fn a_certificate_that_is_not_accepted_is_refused_also_where_none_is_needed() {
    let mut gate = gate(json!("connection"));
    for (pem, valid, reason) in [
        (PARTNER, true, "403 certificate_not_accepted"),
        (EXPIRED, true, "403 certificate_expired"),
        (REVOKED, true, "403 certificate_revoked"),
        (ORDERS, false, "403 certificate_not_validated"),
        ("no certificate", true, "403 certificate_unreadable"),
    ] {
        gate.show(pem, valid);
        for path in ["/own", "/either", "/maybe"] {
            assert_eq!(gate.bare(path), reason, "{path}");
        }
        assert_eq!(gate.with_token("/either"), "allow");
        assert_eq!(gate.with_token("/both"), reason);
    }
}

#[test]
fn what_can_not_be_told_of_a_certificate_is_no_no() {
    let mut gate = gate(json!("connection"));
    assert_eq!(gate.with_token("/both"), "403 certificate_missing");
    assert_eq!(gate.with_token("/none"), "403 certificate_missing");
    gate.show(EXPIRED, true);
    assert_eq!(gate.with_token("/none"), "403 certificate_expired");
    gate.show(PARTNER, true);
    assert_eq!(gate.with_token("/none"), "allow");
    gate.show(ORDERS, true);
    assert_eq!(gate.with_token("/none"), "403 excluded");
}

#[test]
fn a_certificate_that_nobody_checked_counts_by_its_digest_alone() {
    let mut gate = gate(json!("connection"));
    gate.show(ORDERS, false);
    assert_eq!(gate.with_token("/pinned"), "allow");
    gate.show(PARTNER, false);
    assert_eq!(gate.with_token("/pinned"), "403 certificate_not_accepted");
    gate.host.properties.insert("connection.peer_certificate_valid".to_owned(), b"true".to_vec());
    assert_eq!(gate.with_token("/pinned"), "403 certificate_unreadable");
    // Envoy 1.36 says neither whether it checked the certificate nor what is in it.
    gate.host.properties.remove("connection.peer_certificate_valid");
    gate.host.properties.remove("connection.peer_certificate");
    gate.host.properties.insert("connection.sha256_peer_certificate_digest".to_owned(), ORDERS_DIGEST.into());
    assert_eq!(gate.with_token("/pinned"), "allow");
    assert_eq!(gate.with_token("/both"), "403 certificate_not_validated");
}

fn forwarded() -> Gate {
    let mut gate = gate(json!({ "forwarded": { "trusted_proxies": ["proxies"] } }));
    gate.host.properties.insert("source.address".to_owned(), b"10.0.0.7:4000".to_vec());
    gate
}

fn element(pem: &str) -> String {
    let encoded = pem.replace('\n', "%0A").replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let presented = Presented::new(None, Some(encoded.clone()), Names::default(), None, false).unwrap();
    let hash: String = presented.digest_sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("By=spiffe://contoso.example/proxy;Hash={hash};Cert=\"{encoded}\";Subject=\"CN=a\";URI=spiffe://a/b")
}

#[test]
fn m02_the_header_counts_from_trusted_proxies_alone() {
    let header = element(ORDERS);
    let hash = format!("Hash={ORDERS_DIGEST}");
    let mut gate = forwarded();
    let ask =
        |gate: &mut Gate, header: &str| outcome(&gate.send("GET", "/pinned", &[("x-forwarded-client-cert", header)]));
    assert_eq!(gate.bare("/pinned"), "403 certificate_missing");
    for header in [&header, &hash] {
        assert_eq!(ask(&mut gate, header), "allow", "{header}");
    }
    assert_eq!(ask(&mut gate, &element(PARTNER)), "403 certificate_not_accepted");
    for header in [format!("{hash},{}", element(PARTNER)), format!("{},{hash}", element(PARTNER))] {
        assert_eq!(ask(&mut gate, &header), "403 forwarded_certificate_elements", "{header}");
    }
    assert_eq!(ask(&mut gate, "Hash=nonsense"), "403 forwarded_certificate_malformed");
    assert_eq!(ask(&mut gate, &format!("{hash};{hash}")), "403 forwarded_certificate_key_repeated");
    assert_eq!(ask(&mut gate, "URI=spiffe://a/b"), "403 certificate_unreadable");
    for address in ["203.0.113.7:80", "", "[::1]:80"] {
        gate.host.properties.insert("source.address".to_owned(), address.into());
        assert_eq!(ask(&mut gate, &header), "403 certificate_missing", "forged from {address:?}");
    }
    gate.host.properties.clear();
    assert_eq!(ask(&mut gate, &header), "403 certificate_missing", "forged from nobody knows where");
}

#[test]
fn m02_a_forged_header_goes_no_further_on_any_route() {
    let mut gate = forwarded();
    let header = element(ORDERS);
    let removed = |gate: &mut Gate, path: &str, name: &str| {
        let step = gate.send("GET", path, &[(name, &header)]);
        let Step::Continue(passage, _) = step else { panic!("{path} {}", outcome(&step)) };
        let is_it =
            |change: &Mutation| matches!(change, Mutation::Remove(found) if found.as_bytes() == name.as_bytes());
        passage.mutations.headers().iter().any(is_it)
    };
    assert!(!removed(&mut gate, "/pinned", "x-forwarded-client-cert"), "a trusted proxy's");
    gate.host.properties.insert("source.address".to_owned(), b"203.0.113.7:80".to_vec());
    for name in ["x-forwarded-client-cert", "x_forwarded_client_cert"] {
        assert!(removed(&mut gate, "/open", name), "{name}");
    }
}

#[test]
fn m02_what_servers_take_for_the_header_goes_no_further_from_anybody() {
    for mut gate in [forwarded(), gate(json!("connection")), Gate::new(&fixed())] {
        let twins = [("x_forwarded_client_cert", "Hash=1"), ("X-Forwarded.Client-Cert", "Hash=1")];
        let path = if gate.engine.config().rules() > 4 { "/open" } else { "/orders/7" };
        let mut headers = twins.to_vec();
        let bearer = format!("Bearer {}", token());
        headers.push(("authorization", &bearer));
        let step = gate.send("GET", path, &headers);
        let Step::Continue(passage, _) = step else { panic!("{}", outcome(&step)) };
        for name in ["x_forwarded_client_cert", "x-forwarded.client-cert"] {
            assert!(passage.mutations.headers().contains(&Mutation::Remove(name.to_owned())), "{name}");
        }
        let names = ["x-forwarded-client-cert", "x_forwarded_client_cert", "grpc-status"];
        let trailers: HeaderMap = names.map(|name| (name.into(), "x".into())).into_iter().collect();
        let removed: Vec<_> = gate.engine.config().trailers_to_remove(&trailers).collect();
        assert_eq!(removed, names.map(str::as_bytes)[..2]);
    }
}

#[test]
fn m02_without_the_setting_the_header_is_nothing() {
    let mut gate = gate(json!("connection"));
    gate.host.properties.insert("source.address".to_owned(), b"10.0.0.7:4000".to_vec());
    let step = gate.send("GET", "/pinned", &[("x-forwarded-client-cert", &element(ORDERS))]);
    assert_eq!(outcome(&step), "403 certificate_missing");
}

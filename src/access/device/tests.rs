//! Devices shown in each way, and what only looks like one.

use serde_json::json;

use super::*;
use crate::access::network;
use crate::access::testing::{plain, under};
use crate::certificate::{DistinguishedName, Pattern, RevocationList, RevocationLists, x509};

fn judged(verdict: &Verdict<()>) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::Unmet(()) => "unmet",
        Verdict::Unknown(()) => "unknown",
    }
}

#[test]
fn a_claim_of_another_type_says_something_else() {
    let device = |values: Value| Device::Claim {
        path: ClaimPath::parse("device.managed").unwrap(),
        values: values.as_array().unwrap().clone(),
    };
    let judge = |values: Value, claims: Value| {
        let token = plain(&claims);
        judged(&under(&[], Some(&token), &[], |circumstances| device(values).is_used(circumstances)))
    };
    assert_eq!(judge(json!([true]), json!({ "device": { "managed": true } })), "met");
    assert_eq!(judge(json!(["full", "part"]), json!({ "device": { "managed": "part" } })), "met");
    assert_eq!(judge(json!([true]), json!({ "device": { "managed": false } })), "unmet");
    assert_eq!(judge(json!(["full"]), json!({ "device": { "managed": "Full" } })), "unmet");
    for claims in [
        json!({}),
        json!({ "device": true }),
        json!({ "device": { "managed": null } }),
        json!({ "device": { "managed": "true" } }),
        json!({ "device": { "managed": [true] } }),
    ] {
        assert_eq!(judge(json!([true]), claims.clone()), "unknown", "{claims}");
    }
    assert_eq!(judged(&under(&[], None, &[], |circumstances| device(json!([true])).is_used(circumstances))), "unknown");
}

#[test]
fn a_header_counts_from_trusted_proxies_alone() {
    let proxies = Networks::new(&vec![network::parse("10.0.0.0/8").unwrap()]);
    let device = Device::Header {
        name: "x-device".to_owned(),
        values: vec!["healthy".to_owned()],
        proxies: vec![Rc::new(proxies)],
    };
    let judge = |headers: &[(&str, &str)], address: &str| {
        judged(&under(headers, None, &[("source.address", address.as_bytes())], |circumstances| {
            device.is_used(circumstances)
        }))
    };
    assert_eq!(judge(&[("x-device", "healthy")], "10.1.2.3:80"), "met");
    assert_eq!(judge(&[("x-device", "sick")], "10.1.2.3:80"), "unmet");
    assert_eq!(judge(&[("x-device", "healthy, sick")], "10.1.2.3:80"), "unmet");
    for headers in [&[][..], &[("x-device", "")], &[("x-device", "healthy"), ("x-device", "healthy")]] {
        assert_eq!(judge(headers, "10.1.2.3:80"), "unknown", "{headers:?}");
    }
    for address in ["203.0.113.7:80", "", "[::1]:80"] {
        assert_eq!(judge(&[("x-device", "healthy")], address), "unknown", "{address}");
    }
}

/// As Envoy writes it.
fn encoded(pem: &str) -> Vec<u8> {
    pem.replace('%', "%25")
        .replace('\n', "%0A")
        .replace(' ', "%20")
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D")
        .into()
}

fn shown(certificate: &Certificate, pem: &str, mtls: &[u8], valid: Option<&[u8]>) -> &'static str {
    let pem = encoded(pem);
    let mut properties: Vec<(&str, &[u8])> = vec![("connection.mtls", mtls), ("connection.peer_certificate", &pem)];
    properties.extend(valid.map(|valid| ("connection.peer_certificate_valid", valid)));
    let device = Device::Certificate(certificate.clone());
    judged(&under(&[], None, &properties, |circumstances| device.is_used(circumstances)))
}

fn patterns(texts: &[&str]) -> Option<Vec<Pattern>> {
    Some(texts.iter().map(|text| Pattern::parse(text).unwrap()).collect())
}

fn by(accepted: Accepted) -> Certificate {
    Certificate { accepted, assume_validated: false }
}

fn issued_by(name: &str) -> Certificate {
    by(Accepted { issuers: Some(vec![DistinguishedName::parse(name).unwrap()]), ..Accepted::default() })
}

const CONTOSO: &str = "CN=Contoso Devices,O=Contoso\\, Ltd.,C=DE";
const YES: Option<&[u8]> = Some(&[1]);

#[test]
fn a_certificate_says_who_issued_it_and_whom_it_names() {
    let devices = "spiffe://contoso.example/device/*";
    for certificate in [
        issued_by(CONTOSO),
        by(Accepted { uri_sans: patterns(&["spiffe://other/*", devices]), ..Accepted::default() }),
        by(Accepted { dns_sans: patterns(&["*.devices.example"]), ..Accepted::default() }),
        by(Accepted {
            uri_sans: patterns(&[devices]),
            dns_sans: patterns(&["laptop-7.devices.example"]),
            ..issued_by(CONTOSO).accepted
        }),
    ] {
        assert_eq!(shown(&certificate, LAPTOP, &[1], YES), "met", "{certificate:?}");
    }
    for certificate in [
        issued_by("CN=Contoso Devices,O=Contoso,C=DE"),
        issued_by("CN=Contoso Devices"),
        issued_by("C=DE,O=Contoso\\, Ltd.,CN=Contoso Devices"),
        issued_by("CN=laptop-7"),
        by(Accepted { uri_sans: patterns(&["spiffe://contoso.example/device/8"]), ..Accepted::default() }),
        by(Accepted { uri_sans: patterns(&["*.devices.example"]), ..Accepted::default() }),
        by(Accepted { dns_sans: patterns(&["10.0.0.7", "a@b.example", "laptop-7"]), ..Accepted::default() }),
        by(Accepted { uri_sans: patterns(&[devices]), ..issued_by("CN=Other").accepted }),
    ] {
        assert_eq!(shown(&certificate, LAPTOP, &[1], YES), "unmet", "{certificate:?}");
    }
    assert_eq!(shown(&issued_by(CONTOSO), BARE, &[1], YES), "met");
    let named = by(Accepted { dns_sans: patterns(&["*.devices.example"]), ..Accepted::default() });
    assert_eq!(shown(&named, BARE, &[1], YES), "unmet");
}

#[test]
fn a_certificate_that_was_not_checked_proves_nothing() {
    let trusting = Certificate { assume_validated: true, ..issued_by(CONTOSO) };
    assert_eq!(shown(&issued_by(CONTOSO), LAPTOP, &[1], None), "unknown");
    assert_eq!(shown(&trusting, LAPTOP, &[1], None), "met");
    for certificate in [issued_by(CONTOSO), trusting] {
        assert_eq!(shown(&certificate, LAPTOP, &[1], Some(&[0])), "unknown");
        assert_eq!(shown(&certificate, LAPTOP, &[0], YES), "unknown");
        assert_eq!(shown(&certificate, LAPTOP, &[], YES), "unknown");
        assert_eq!(shown(&certificate, LAPTOP, b"true", YES), "unknown");
    }
}

#[test]
fn the_certificate_of_a_device_holds_and_is_not_taken_back() {
    let workloads = |lists: &[&str]| {
        let lists = lists.iter().map(|pem| RevocationList::from_pem(pem, None).unwrap()).collect();
        let certificate = issued_by("CN=Workloads,O=Contoso,C=DE");
        let revocation_lists = Rc::new(RevocationLists::new(lists));
        by(Accepted { revocation_lists, ..certificate.accepted })
    };
    let list = include_str!("../../certificate/tests/revocation-list.pem");
    let orders = include_str!("../../certificate/tests/orders.pem");
    let expired = include_str!("../../certificate/tests/expired.pem");
    let later = include_str!("../../certificate/tests/later.pem");
    let revoked = include_str!("../../certificate/tests/revoked.pem");
    for lists in [&[][..], &[list]] {
        assert_eq!(shown(&workloads(lists), orders, &[1], YES), "met");
        assert_eq!(shown(&workloads(lists), expired, &[1], YES), "unknown");
        assert_eq!(shown(&workloads(lists), later, &[1], YES), "unknown");
    }
    assert_eq!(shown(&workloads(&[]), revoked, &[1], YES), "met");
    assert_eq!(shown(&workloads(&[list]), revoked, &[1], YES), "unknown");
    let old = include_str!("../../certificate/tests/revocation-list-later.pem");
    assert_eq!(shown(&workloads(&[old]), orders, &[1], YES), "unknown", "a list that tells nothing");
}

#[test]
fn what_is_no_certificate_is_not_known() {
    let huge = format!("{LAPTOP}{}", " ".repeat(70_000));
    let cut = LAPTOP.split_at(200).0;
    let other = LAPTOP.replace("CERTIFICATE", "PUBLIC KEY");
    let spoiled = LAPTOP.replacen("MIIC", "MIIB", 1);
    for pem in ["", "%", "%zz", "certificate", &huge, cut, &other, &spoiled] {
        assert_eq!(shown(&issued_by(CONTOSO), pem, &[1], YES), "unknown", "{pem}");
    }
    for encoded in ["%", "%4", "%zz", "%+1", "a%2"] {
        assert_eq!(x509::decode(encoded), None, "{encoded}");
    }
}

#[test]
fn reading_a_certificate_never_fails_loudly() {
    for place in 0..LAPTOP.len() {
        let mut bytes = LAPTOP.as_bytes().to_vec();
        bytes[place] ^= 1;
        if let Ok(text) = std::str::from_utf8(&bytes) {
            let _ = x509::decode(text).and_then(|der| crate::certificate::Certificate::from_der(&der));
        }
    }
}

/// By `O=Contoso, Ltd.`, with several names of each kind.
const LAPTOP: &str = "-----BEGIN CERTIFICATE-----
MIICKDCCAc6gAwIBAgIUQY/YRQ7ZlHydWurl+Y9tiDDtQAUwCgYIKoZIzj0EAwIw
PzELMAkGA1UEBhMCREUxFjAUBgNVBAoMDUNvbnRvc28sIEx0ZC4xGDAWBgNVBAMM
D0NvbnRvc28gRGV2aWNlczAgFw0yNjExMjIwNDQ0NTdaGA8yMTI2MTAyOTA0NDQ1
N1owEzERMA8GA1UEAwwIbGFwdG9wLTcwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AAQ9tp2C4Eq+ok4aXtFlxMG9TaqrCvh3zuohEv/0YUX+C/mCJM2PF21HE/pnSL2j
JKdxspKFY4k+XymU28qy5+mso4HRMIHOMIGLBgNVHREEgYMwgYCCDWZpcnN0LmV4
YW1wbGWCGExhcHRvcC03LkRldmljZXMuRXhhbXBsZYYfc3BpZmZlOi8vY29udG9z
by5leGFtcGxlL3VzZXIvMYYhc3BpZmZlOi8vY29udG9zby5leGFtcGxlL2Rldmlj
ZS83hwQKAAAHgQthQGIuZXhhbXBsZTAdBgNVHQ4EFgQUk19gNgtuByNp95knD0iU
2YTYbowwHwYDVR0jBBgwFoAUnCJp0zOEGULrr7J3/GhkvumW+5kwCgYIKoZIzj0E
AwIDSAAwRQIhALqF1+z00bTzWgHnPAzJ1D3Pz9fmWUEOTvXx4TmBe/NdAiA/pJ2f
pFZDtC9wDS88kPRda7Z6nYWBcOO0g+4Ku9AZvA==
-----END CERTIFICATE-----
";
/// By the same, version 1, without other names than its subject.
const BARE: &str = "-----BEGIN CERTIFICATE-----
MIIBSjCB8QIUQY/YRQ7ZlHydWurl+Y9tiDDtQAYwCgYIKoZIzj0EAwIwPzELMAkG
A1UEBhMCREUxFjAUBgNVBAoMDUNvbnRvc28sIEx0ZC4xGDAWBgNVBAMMD0NvbnRv
c28gRGV2aWNlczAgFw0yNjExMjIwNDQ0NTdaGA8yMTI2MTAyOTA0NDQ1N1owDzEN
MAsGA1UEAwwEYmFyZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABD22nYLgSr6i
Thpe0WXEwb1NqqsK+HfO6iES//RhRf4L+YIkzY8XbUcT+mdIvaMkp3GykoVjiT5f
KZTbyrLn6awwCgYIKoZIzj0EAwIDSAAwRQIhANpdYw/ULCDKiscV68zAVynvOVRs
m7A4szRvL7xl2QCGAiAkktVV3yQDTEDTY1TOnrUrQiqh6m1n4BHraw27IxRKEA==
-----END CERTIFICATE-----
";

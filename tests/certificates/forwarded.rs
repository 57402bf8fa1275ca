//! By `x-forwarded-client-cert`: two Envoys in a row, and what a client forges.

use envoy_test::{Builder, ClientCertificate, Envoy, Leaf, Request};
use serde_json::{Value, json};

use crate::{Place, SHOP, STOCK, accepted, told, workloads};

/// What the gate believes: proxies of this network, which validate.
fn from_proxies(network: &str) -> Value {
    json!({
        "from": { "forwarded": { "trusted_proxies": [network] } },
        "assume_validated": true,
        "accepted": accepted(),
    })
}

/// An Envoy behind proxies: it knows the address of the connection, and keeps the header as it is.
fn gate(place: &Place, network: &str) -> Envoy {
    let keep = |listener: &mut Value| {
        let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
        manager["use_remote_address"] = json!(true);
        manager["forward_client_cert_details"] = json!("ALWAYS_FORWARD_ONLY");
    };
    place.envoy(&from_proxies(network)).patch_listener(keep).start()
}

/// An Envoy without the filter that ends TLS and tells the next of its client's certificate, in place of what that said.
fn front(next: &Envoy) -> Builder {
    Envoy::builder().without_filter().cluster("upstream", next.address()).patch_listener(|listener| {
        let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
        manager["forward_client_cert_details"] = json!("SANITIZE_SET");
        manager["set_current_client_cert_details"] = json!({ "subject": true, "cert": true, "uri": true, "dns": true });
    })
}

#[test]
fn a_proxy_in_front_tells_of_its_clients_certificate() {
    let (place, workloads) = (Place::new(), workloads());
    let gate = gate(&place, "proxies");
    let front = front(&gate).tls(&[workloads.pem()]).start();
    let shop = workloads.issue(&Leaf::new("a \"quoted\", odd; name=\\").uri(SHOP).dns("orders.example"));
    let answer = front.send_tls(Some(&shop), &Request::get("/own"));
    assert_eq!(answer.status, 200, "{answer}\n{}", gate.log_tail());
    assert_eq!(answer.upstream_headers("x-sub"), [SHOP]);
    let stock = workloads.issue(&Leaf::new("list").uri(STOCK));
    let forged = Request::get("/own").header("x-forwarded-client-cert", format!("Hash={};URI={SHOP}", "0".repeat(64)));
    for (certificate, expected) in [(Some(&stock), "403 certificate_not_accepted"), (None, "401 credential_missing")] {
        let answer = front.send_tls(certificate, &forged);
        assert_eq!(denied(&gate, answer.status), expected, "a proxy that sanitizes");
    }
}

/// A name with pairs of its own: Envoy writes it as it is.
#[test]
fn m02_a_name_that_writes_pairs_is_no_other_name() {
    let (place, workloads) = (Place::new(), workloads());
    let gate = gate(&place, "proxies");
    let front = front(&gate).tls(&[workloads.pem()]).start();
    let victim = workloads.issue(&Leaf::new("orders").uri(SHOP));
    let hash: String = victim.digest().iter().map(|byte| format!("{byte:02x}")).collect();
    for (uri, reason) in [
        (format!("{STOCK};URI={SHOP}"), "certificate_not_accepted"),
        (format!("{SHOP};DNS=orders.example"), "certificate_not_accepted"),
        (format!("{STOCK},URI={SHOP}"), "forwarded_certificate_elements"),
        (format!("{STOCK},Hash={hash};Cert=\"{}\"", encoded(&victim)), "forwarded_certificate_elements"),
        (format!("{STOCK};Hash={hash}"), "forwarded_certificate_key_repeated"),
        (format!("{STOCK}\";URI=\"{SHOP}"), "forwarded_certificate_malformed"),
    ] {
        let sly = workloads.issue(&Leaf::new("list").uri(&uri));
        let answer = front.send_tls(Some(&sly), &Request::get("/own"));
        assert_eq!(answer.status, 403, "{uri}");
        let _ = gate.wait_for_audit(|record| record["reason"] == json!(reason));
    }
}

#[test]
fn m02_a_forged_header_is_nothing() {
    let (place, workloads) = (Place::new(), workloads());
    let gate = gate(&place, "elsewhere");
    let shop = workloads.issue(&Leaf::new("orders").uri(SHOP));
    let hash: String = shop.digest().iter().map(|byte| format!("{byte:02x}")).collect();
    let element = format!("Hash={hash};Cert=\"{}\";URI={SHOP}", encoded(&shop));
    for headers in [
        vec![("x-forwarded-client-cert", element.clone())],
        vec![("x-forwarded-client-cert", element.clone()), ("x-forwarded-for", "203.0.113.7".to_owned())],
        vec![("X-Forwarded-Client-Cert", element.clone()), ("x-forwarded-client-cert", element)],
    ] {
        let answer = gate.send(&with(&headers, "/own"));
        assert_eq!(told(&gate, &answer), "401 credential_missing", "{headers:?}");
        let answer = gate.send(&with(&headers, "/both").bearer(&place.token()));
        assert_eq!(told(&gate, &answer), "403 certificate_missing", "{headers:?}");
    }
}

fn with(headers: &[(&str, String)], path: &str) -> Request {
    headers.iter().fold(Request::get(path), |request, (name, value)| request.header(name, value))
}

/// The status, and the reason in the gate's last record: each Envoy gives the request an id of its own.
fn denied(gate: &Envoy, status: u16) -> String {
    let record = gate.wait_for_audit(|record| record["status"].as_u64() == Some(status.into()));
    format!("{status} {}", record["reason"].as_str().unwrap_or_default())
}

/// The certificate as Envoy writes it.
fn encoded(certificate: &ClientCertificate) -> String {
    certificate.certificate.replace('\n', "%0A").replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

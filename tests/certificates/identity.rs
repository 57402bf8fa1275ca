//! As an identity of its own.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use envoy_test::{Leaf, Request};
use serde_json::json;

use crate::{Place, SHOP, STOCK, accepted, told, workloads};

#[test]
fn the_upstream_learns_whose_certificate_it_is() {
    let (place, workloads) = (Place::new(), workloads());
    let envoy = place.envoy(&json!({ "accepted": accepted() })).tls(&[workloads.pem()]).start();
    let leaf = Leaf::new("orders").uri(SHOP).dns("Orders.Example").dns("orders.shop.example");
    let certificate = workloads.issue(&leaf);
    let request = Request::get("/own").header("x-sub", "admin").header("x-thumbprint", "forged");
    let answer = envoy.send_tls(Some(&certificate), &request);
    assert_eq!(answer.status, 200, "{answer}");
    assert_eq!(answer.upstream_headers("x-sub"), [SHOP]);
    assert_eq!(answer.upstream_headers("x-thumbprint"), [URL_SAFE_NO_PAD.encode(certificate.digest())]);
    // Every host, also those that Envoy has no property for.
    let hosts = answer.upstream_headers("x-hosts").concat();
    assert!(hosts.contains("orders.example") && hosts.contains("orders.shop.example"), "{hosts}");
}

#[test]
fn whoever_has_no_such_certificate_is_nobody() {
    let (place, workloads) = (Place::new(), workloads());
    let envoy = place.envoy(&json!({ "accepted": accepted() })).tls(&[workloads.pem()]).start();
    let stock = workloads.issue(&Leaf::new("list").uri(STOCK));
    let shop = workloads.issue(&Leaf::new("orders").uri(SHOP));
    let answer = envoy.send_tls(None, &Request::get("/own"));
    assert_eq!(told(&envoy, &answer), "401 credential_missing");
    let answer = envoy.send_tls(Some(&stock), &Request::get("/own"));
    assert_eq!(told(&envoy, &answer), "403 certificate_not_accepted");
    let answer = envoy.send_tls(Some(&shop), &Request::get("/own").bearer(&place.token()));
    assert_eq!(told(&envoy, &answer), "401 credential_not_taken_by_rule");
}

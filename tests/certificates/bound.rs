//! Tokens that are bound to a certificate (RFC 8705), over real TLS.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use envoy_test::{ClientCertificate, Leaf, Request};
use serde_json::json;

use crate::{Place, SHOP, accepted, configuration, told, workloads};

fn bound_to(place: &Place, certificate: &ClientCertificate) -> String {
    let thumbprint = URL_SAFE_NO_PAD.encode(certificate.digest());
    place.idp.token(place.idp.claims("orders")).with("cnf", json!({ "x5t#S256": thumbprint })).build()
}

#[test]
fn m01_a_token_is_good_for_the_connection_of_its_certificate_alone() {
    let (place, workloads) = (Place::new(), workloads());
    let mut config = configuration(&json!({ "accepted": accepted() }));
    config["bindings"] = json!({ "mtls": {} });
    config["rules"] = json!([
        { "name": "bound", "match": { "paths": ["/bound"] }, "require": { "binding": ["mtls"] } },
        { "name": "any", "match": { "paths": ["/any"] } },
    ]);
    let envoy = place.envoy(&json!({})).filter_config(config).tls(&[workloads.pem()]).start();
    let own = workloads.issue(&Leaf::new("orders").uri(SHOP));
    let stolen_for = workloads.issue(&Leaf::new("orders").uri(SHOP));
    let token = bound_to(&place, &own);
    let header = format!("Hash={}", own.digest().iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    for path in ["/bound", "/any"] {
        let request = || Request::get(path).bearer(&token);
        let ask = |certificate, request: &Request| told(&envoy, &envoy.send_tls(certificate, request));
        assert_eq!(ask(Some(&own), &request()), "200", "{path}");
        assert_eq!(ask(Some(&stolen_for), &request()), "401 binding_certificate_other", "{path}");
        assert_eq!(ask(None, &request()), "401 binding_certificate_missing", "{path}");
        // What a client writes of a certificate is not the connection's.
        let forged = request().header("x-forwarded-client-cert", &header);
        assert_eq!(ask(None, &forged), "401 binding_certificate_missing", "{path}");
    }
    let unbound = Request::get("/bound").bearer(&place.token());
    assert_eq!(told(&envoy, &envoy.send_tls(Some(&own), &unbound)), "401 binding_missing");
}

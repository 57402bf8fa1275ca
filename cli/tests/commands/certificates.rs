//! Whom a certificate makes known.

use super::*;

const ORDERS: &str = include_str!("../../../src/certificate/tests/orders.pem");

#[test]
fn explain_says_whom_a_certificate_makes_known() {
    let files = Files::new();
    let mut config = config();
    config["client_certificates"] = json!({ "accepted": { "shop": {
        "issuers": ["CN=Workloads,O=Contoso,C=DE"], "identity": { "subject": "spiffe_id" },
    } } });
    config["rules"][0] =
        json!({ "name": "stock", "match": { "paths": ["/stock"] }, "accept": ["token", "certificate"] });
    let file = files.add("filter.json", &config.to_string());
    let pem = files.add("orders.pem", ORDERS);
    let request = ["explain", &file, "--request", "GET https://api.example/stock", "--at", "2027-01-15T08:00:00Z"];
    let shown = [&request[..], &["--certificate", &pem]].concat();
    let sub = "spiffe://contoso.example/ns/shop/sa/orders";
    portcullis(&shown).assert(
        0,
        &["credential  in the client's certificate", &format!("certificate shop of {sub}"), "san_dns", "goes on"],
    );
    let told = portcullis(&[&shown[..], &["--format", "json"]].concat()).json();
    assert_eq!((&told["caller"]["subject"], &told["caller"]["certificate"]), (&json!(sub), &json!("shop")));
    let nobody = portcullis(&request);
    nobody.assert(0, &["credential_missing"]);
    assert!(!nobody.out.contains("certificate shop") && !nobody.out.contains("the client's certificate"));
    let mut late = shown.clone();
    late[5] = "2127-01-15T08:00:00Z";
    portcullis(&late).assert(0, &["in the client's certificate", "certificate_expired"]);
}

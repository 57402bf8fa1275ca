//! Client certificates in a real TLS handshake with a real Envoy: what the filter is told of each, and what it makes of it.

#![expect(clippy::indexing_slicing, reason = "a panic is a failed test")]

mod bound;
mod connection;
mod forwarded;
mod identity;

use envoy_test::{Answer, Authority, Builder, Envoy, Issuer, IssuerServer, KeyKind, Upstream};
use serde_json::{Value, json};

/// The addresses that certificates of these tests name.
const SHOP: &str = "spiffe://contoso.example/ns/shop/sa/orders";
const STOCK: &str = "spiffe://contoso.example/ns/stock/sa/list";

/// An issuer of tokens and an upstream; Envoys come and go.
struct Place {
    issuers: IssuerServer,
    idp: Issuer,
    upstream: Upstream,
}

impl Place {
    fn new() -> Self {
        let issuers = IssuerServer::start();
        let idp = issuers.oidc("https://idp.example");
        idp.add_key(KeyKind::P256, "key-1");
        Self { issuers, idp, upstream: Upstream::start() }
    }

    fn envoy(&self, client_certificates: &Value) -> Builder {
        Envoy::builder()
            .filter_config(configuration(client_certificates))
            .upstream(&self.upstream)
            .cluster("idp", self.issuers.address())
    }

    fn token(&self) -> String {
        self.idp.token(self.idp.claims("orders")).build()
    }
}

fn configuration(client_certificates: &Value) -> Value {
    json!({
        "providers": { "idp": { "issuer": "https://idp.example", "cluster": "idp", "audiences": ["orders"] } },
        "networks": { "proxies": ["127.0.0.0/8"], "elsewhere": ["203.0.113.0/24"] },
        "client_certificates": client_certificates,
        "rules": [
            { "name": "own", "match": { "paths": ["/own"] }, "accept": ["certificate"] },
            { "name": "both", "match": { "paths": ["/both"] }, "require": { "certificates": ["shop"] } },
        ],
        "forward": { "claims": [
            { "claim": "sub", "header": "x-sub" },
            { "claim": "x5t#S256", "header": "x-thumbprint" },
            { "claim": "san_dns", "header": "x-hosts" },
        ] },
    })
}

/// Certificates of the shop, by this authority's name.
fn accepted() -> Value {
    json!({
        "shop": {
            "issuers": ["CN=Workloads,O=Contoso,C=DE"],
            "spiffe_ids": ["spiffe://contoso.example/ns/shop/*"],
            "identity": { "subject": "spiffe_id" },
        },
    })
}

fn workloads() -> Authority {
    Authority::new("Workloads")
}

/// The status, and the filter's reason if it answered.
fn told(envoy: &Envoy, answer: &Answer) -> String {
    let details = envoy.access_log_of(answer)["details"].as_str().unwrap_or_default().to_owned();
    let reason = details.strip_prefix("portcullis_denied{").and_then(|rest| rest.strip_suffix('}'));
    match reason {
        Some(reason) => format!("{} {reason}", answer.status),
        None => answer.status.to_string(),
    }
}

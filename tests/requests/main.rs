//! What a request may look like: where its credential is, which bytes it holds, which path it asks for.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice,
    reason = "test helpers may panic: the panic is the failed test"
)]

mod credentials;
mod bytes;
mod paths;
mod bodies;

use std::sync::LazyLock;
use std::time::Duration;

use envoy_test::{Gate, Request, raw};
use serde_json::{Value, json};

/// Takes credentials from everywhere; a hundred headers more than Envoy usually does.
static GATE: LazyLock<Gate> = LazyLock::new(|| {
    Gate::start_with(configuration(), |builder, _| {
        builder.patch_listener(|listener| {
            let manager = listener.pointer_mut("/filter_chains/0/filters/0/typed_config").expect("a listener for HTTP");
            manager["common_http_protocol_options"] = json!({"max_headers_count": 400});
        })
    })
});

fn configuration() -> Value {
    json!({
        "providers": {"idp": {"issuer": "https://idp.example", "cluster": "idp", "audiences": ["orders"]}},
        "credentials": {
            "headers": [{"name": "x-token", "prefix": "Token "}, {"name": "x-plain"}],
            "cookies": ["session"],
            "danger_query_parameters": ["access_token"],
        },
        "rules": [
            {"name": "orders", "match": {"paths": ["/orders/{id}"], "methods": ["GET", "POST", "HEAD", "PUT"]}},
            {"name": "order-1", "match": {"paths": ["/orders/1"], "methods": ["DELETE"]}, "access": "anonymous"},
            {"name": "files", "match": {"paths": ["/files/{rest...}"]}},
            {"name": "public", "match": {"paths": ["/public/{rest...}", "/caf\u{e9}"]}, "access": "anonymous"},
            {"name": "admin-host", "match": {"hosts": ["admin.example"], "paths": ["/public/{rest...}"]}},
            {"name": "wildcard", "match": {"hosts": ["*.tenants.example"], "paths": ["/home"]}, "access": "anonymous"},
            {"name": "optional", "match": {"paths": ["/news"]}, "access": "optional"},
        ],
        "forward": {"claims": [{"claim": "sub", "header": "x-user-id"}]},
        "audit": {"log": "all"},
    })
}

fn token() -> String {
    GATE.idp.token(GATE.idp.claims("orders")).build()
}

fn orders() -> Request {
    Request::get("/orders/1")
}

fn status_of(answer: &[u8]) -> u16 {
    let text = String::from_utf8_lossy(answer);
    text.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no HTTP answer: {text:?}"))
}

/// Bytes on a connection of their own, and the status that comes back.
fn raw_status(bytes: &[u8]) -> u16 {
    status_of(&raw(GATE.envoy.address(), bytes, PATIENCE))
}

/// A GET with this request target, byte for byte.
fn raw_get(target: &[u8], token: &str) -> Vec<u8> {
    let rest = format!(" HTTP/1.1\r\nhost: api.example\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n");
    raw(GATE.envoy.address(), &[b"GET ", target, rest.as_bytes()].concat(), PATIENCE)
}

/// Long enough for a busy machine: an answer that closes the connection comes sooner.
const PATIENCE: Duration = Duration::from_secs(5);

/// For what Envoy may leave open.
const SHORT: Duration = Duration::from_millis(300);

//! What comes back, and what is left behind: statuses, challenges, bodies, records, counters.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "test helpers may panic, which is the failed test, and tests run on the real clock"
)]

mod replies;
mod open;
mod records;
mod nothing;

use std::sync::LazyLock;

use envoy_test::{Gate, Token};
use serde_json::{Value, json};

static GATE: LazyLock<Gate> = LazyLock::new(|| start(configuration()));

fn start(configuration: Value) -> Gate {
    // Nobody listens on port 1.
    Gate::start_with(configuration, |builder, _| builder.cluster("nobody", ([127, 0, 0, 1], 1).into()))
}

fn configuration() -> Value {
    json!({
        "providers": {
            "entra": {"entra": {"tenants": TENANT}, "cluster": "login", "audiences": ["api://orders"]},
            "idp": {"issuer": "https://idp.example", "cluster": "idp", "audiences": ["orders", "portal"]},
            "down": {"issuer": "https://down.example", "cluster": "nobody", "audiences": ["orders"]},
        },
        "rules": [
            {"name": "orders", "match": {"paths": ["/orders/{id}"]}},
            {"name": "staff", "match": {"paths": ["/staff"]}, "providers": ["entra"]},
            {"name": "portal", "match": {"paths": ["/portal"]}, "audiences": ["portal"]},
            {"name": "grpc", "match": {"paths": ["/shop.Orders/{method}"], "methods": ["POST"]}},
            {"name": "public", "match": {"paths": ["/public"]}, "access": "anonymous"},
        ],
        "limits": {"wait": "2s"},
    })
}

fn token() -> Token {
    GATE.idp.token(GATE.idp.claims("orders"))
}

fn user() -> Token {
    GATE.entra.token(GATE.entra.v2_claims("api://orders"))
}

fn of_down() -> String {
    token().with("iss", "https://down.example").build()
}

const TENANT: &str = "11111111-2222-4333-8444-555555555555";

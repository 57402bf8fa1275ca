//! Clients that mean harm, against the real module in a real Envoy: after each of their requests the same worker lets a
//! good token through and refuses a bad one.
//!
//! One worker, so that a request and its proof meet in the same place, and no upstream, whose own limits would only stand
//! in the way. An answer of 500 or 503 here means that the filter has trapped.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "tests run on the real clock, and a panic is a failed test"
)]

mod bytes;
mod leaving;
mod memory;
mod sizes;

use std::time::Duration;

use envoy_test::{Connection, Fate, Frames, Gate, IssuerServer, Protocol, Request, raw};
use serde_json::{Value, json};

/// Every header that the filter reads, sets or removes, one that it does not know, and what stands before a value in it.
const HEADERS: [(&str, &str); 30] = [
    ("authorization", "Bearer "),
    ("x-token", "Token "),
    ("x-plain", ""),
    ("cookie", "session="),
    ("content-type", "application/grpc"),
    ("accept", "text/html,"),
    ("te", "trailers"),
    ("grpc-timeout", "1S"),
    ("grpc-status", ""),
    ("origin", "https://"),
    ("access-control-request-method", "GET"),
    ("access-control-request-headers", "x-a"),
    ("x-request-id", ""),
    ("x-forwarded-for", "192.0.2.1"),
    ("x-forwarded-proto", "http"),
    ("x-forwarded-host", "api.example"),
    ("x-forwarded-client-cert", "By="),
    ("forwarded", "for="),
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("tracestate", "a="),
    ("x-http-method-override", ""),
    ("x-original-url", "/"),
    ("x-user-id", ""),
    ("x-user-name", ""),
    ("x-jwt-payload", ""),
    ("x-ms-client-principal", ""),
    ("x-ms-client-principal-id", ""),
    ("user-agent", ""),
    ("content-length-odd", ""),
    ("x-anything", ""),
];

/// The gate under attack, and a connection that proves that it still stands.
struct Siege {
    gate: Gate,
    good: String,
    bad: String,
    proof: Connection,
    proofs: usize,
}

impl Siege {
    fn start() -> Self {
        Self::start_with(configuration(), |_| {})
    }

    fn start_with(configuration: Value, issuers: impl FnOnce(&IssuerServer)) -> Self {
        let gate = Gate::start_with(configuration, |builder, idps| {
            issuers(idps);
            builder.concurrency(1).log_level("warning").patch_listener(adapt)
        });
        let good = gate.idp.token(gate.idp.claims("orders"));
        let bad = good.clone().forged_by(&gate.entra.key()).with_header("kid", "partner-1").build();
        let proof = Connection::open(gate.envoy.address(), Protocol::Http1).unwrap_or_else(|error| panic!("{error}"));
        Self { good: good.build(), bad, proof, gate, proofs: 0 }
    }

    /// The good token passes and the bad one does not.
    #[track_caller]
    fn stands(&mut self, after: &str) {
        for (token, status) in [(&self.good, 200), (&self.bad, 401)] {
            let answer = self.proof.send(&Request::get("/orders/1").bearer(token));
            let answer =
                answer.unwrap_or_else(|error| panic!("after {after}: {error}\n{}", self.gate.envoy.log_tail()));
            assert_eq!(answer.status, status, "after {after}: {answer}\n{}", self.gate.envoy.log_tail());
        }
        self.proofs += 1;
    }

    /// What the filter or Envoy says to a GET with these headers, and this token if any, on a connection of its own: nothing
    /// if Envoy gives it up.
    fn ask(&self, protocol: Protocol, headers: &[(&str, &str)], token: Option<&str>) -> Option<u16> {
        let authorization = token.map(|token| format!("Bearer {token}"));
        let own = authorization.as_deref().map(|value| ("authorization", value));
        let headers = headers.iter().copied().chain(own);
        if protocol == Protocol::Http2 {
            let mut frames = self.frames();
            let pairs: Vec<_> = pairs("").into_iter().take(4).collect();
            let headers = headers.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
            let id = frames.headers(&pairs.into_iter().chain(headers).collect::<Vec<_>>(), true);
            return match frames.fate(id, PATIENCE) {
                Fate::Answered(status) => Some(status),
                Fate::Reset | Fate::Closed => None,
                Fate::Silent => panic!("neither an answer nor a reset"),
            };
        }
        let lines: String = headers.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!("GET /orders/1 HTTP/1.1\r\nhost: api.example\r\n{lines}connection: close\r\n\r\n");
        let answer = raw(self.gate.envoy.address(), request.as_bytes(), PATIENCE);
        String::from_utf8_lossy(&answer).get(9..12).and_then(|status| status.parse().ok())
    }

    fn frames(&self) -> Frames {
        Frames::open(self.gate.envoy.address())
    }

    /// The filter has never trapped, and none of its requests is still counted as waiting.
    fn end(self) {
        let log = self.gate.envoy.log();
        assert!(!log.contains("VM failed") && !log.contains("Function: proxy_"), "{}", self.gate.envoy.log_tail());
        self.gate.envoy.wait_for_stat("wasmcustom.portcullis.waiting_requests", |waiting| waiting == 0);
        assert!(self.proofs > 0, "nothing was proven");
    }
}

fn configuration() -> Value {
    json!({
        "providers": {"idp": {"issuer": "https://idp.example", "cluster": "idp", "audiences": ["orders"]}},
        "credentials": {
            "headers": [{"name": "x-token", "prefix": "Token "}, {"name": "x-plain"}],
            "cookies": ["session"],
            "danger_query_parameters": ["access_token"],
        },
        "rules": [{"name": "orders", "match": {"paths": ["/orders/{id}"]}}],
        "forward": {"claims": [{"claim": "sub", "header": "x-user-id"}, {"claim": "name", "header": "x-user-name"}]},
        "audit": {"log": "none"},
    })
}

/// As much as Envoy can take in one head, and an answer of its own in the place of the upstream's.
fn adapt(listener: &mut Value) {
    let manager = listener.pointer_mut("/filter_chains/0/filters/0/typed_config").expect("a listener for HTTP");
    manager["common_http_protocol_options"] = json!({"max_headers_count": 3000});
    manager["max_request_headers_kb"] = json!(4096);
    // It waits a second before it closes on a client that made a mistake, and there are thousands.
    manager["delayed_close_timeout"] = json!("0.02s");
    manager["route_config"]["virtual_hosts"][0]["routes"] =
        json!([{"match": {"prefix": "/"}, "direct_response": {"status": 200}}]);
}

/// The pairs of a request over HTTP/2 with this token, before which or instead of which a test puts its own.
fn pairs(authorization: &str) -> Vec<(&[u8], &[u8])> {
    vec![
        (b":method", b"GET"),
        (b":scheme", b"http"),
        (b":path", b"/orders/1"),
        (b":authority", b"api.example"),
        (b"authorization", authorization.as_bytes()),
    ]
}

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

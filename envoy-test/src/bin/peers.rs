//! The test issuers and the upstream alone, on fixed ports: the other half of docker-compose.yaml.
//!
//! Issuers on 8081, upstream on 8082. Prints `curl` lines with fresh tokens for the gate on port 8080, and again every
//! half hour, because a token is good for one hour.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use envoy_test::story::{GATE_PORT, ISSUERS_PORT, UPSTREAM_PORT, cast, curl_lines};
use envoy_test::{IssuerServer, Upstream};

fn main() {
    envoy_test::exit_on_ctrl_c();
    let any = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let issuers = IssuerServer::start_on(any(ISSUERS_PORT));
    let (entra, partner) = cast(&issuers, &issuers);
    let _upstream = Upstream::start_on(any(UPSTREAM_PORT));
    let gate = SocketAddr::from((Ipv4Addr::LOCALHOST, GATE_PORT));
    loop {
        println!("\nFrom the host, with tokens that are good for an hour:\n\n{}", curl_lines(gate, &entra, &partner));
        std::thread::sleep(Duration::from_secs(1800));
    }
}

//! Who is on stage: two issuers, an upstream, the gate.

use std::fs;
use std::net::SocketAddr;

use serde_json::Value;

use super::{AUDIENCE, TENANT};
use crate::support::{progress, workspace};
use crate::{Entra, Envoy, Issuer, IssuerServer, KeyKind, Upstream, envoy_binary, wasm};

/// Everything the story needs, running: two issuers on servers of their own, an upstream, Envoy with the filter.
pub struct Stage {
    /// Plays `login.microsoftonline.com`.
    pub login: IssuerServer,
    /// Entra, with one tenant.
    pub entra: Entra,
    /// Plays `idp.example`.
    pub partners: IssuerServer,
    /// A plain OIDC issuer.
    pub partner: Issuer,
    /// The service behind the gate.
    pub upstream: Upstream,
    /// The gate.
    pub envoy: Envoy,
    pub(super) configuration: Value,
}

impl Stage {
    /// Builds the module, finds Envoy and starts everything, with the configuration `envoy-test/envoy/filter.json`.
    ///
    /// # Panics
    /// When something cannot be built, found or started; the message says what to do.
    #[must_use]
    pub fn set_up() -> Self {
        let module = wasm();
        progress(format_args!("the filter: {}", module.display()));
        let binary = envoy_binary();
        progress(format_args!("Envoy {}: {}", binary.version, binary.path.display()));

        let login = IssuerServer::start();
        let partners = IssuerServer::start();
        let (entra, partner) = cast(&login, &partners);
        let upstream = Upstream::start();
        let configuration = filter_configuration();
        let envoy = Envoy::builder()
            .filter_config(configuration.clone())
            .upstream(&upstream)
            .cluster("login", login.address())
            .cluster("idp", partners.address())
            .start();
        progress(format_args!("Envoy takes requests on {}", envoy.address()));
        Self { login, entra, partners, partner, upstream, envoy, configuration }
    }

    /// Requests to try by hand, with tokens that are good for an hour.
    #[must_use]
    pub fn curl_lines(&self) -> String {
        curl_lines(self.envoy.address(), &self.entra, &self.partner)
    }
}

/// The two issuers of the story, each with a key.
#[must_use]
pub fn cast(login: &IssuerServer, partners: &IssuerServer) -> (Entra, Issuer) {
    let entra = login.entra(TENANT);
    entra.add_key(KeyKind::Rsa2048, "entra-1");
    let partner = partners.oidc("https://idp.example");
    partner.add_key(KeyKind::P256, "partner-1");
    (entra, partner)
}

/// The filter configuration of the demo, from its file.
///
/// # Panics
/// When the file is not there or not JSON.
#[must_use]
pub fn filter_configuration() -> Value {
    let path = workspace().join("envoy-test/envoy/filter.json");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{} is not JSON: {error}", path.display()))
}

/// `curl` with fresh tokens of both issuers, against `gate`.
#[must_use]
pub fn curl_lines(gate: SocketAddr, entra: &Entra, partner: &Issuer) -> String {
    let token = entra.token(entra.v2_claims(AUDIENCE)).build();
    let partner = partner.token(partner.claims("orders")).build();
    format!(
        "curl -i http://{gate}/healthz\n\
         curl -i http://{gate}/orders/1\n\
         curl -i http://{gate}/orders/1 -H 'Authorization: Bearer {token}'\n\
         curl -i http://{gate}/partner/hello -H 'Authorization: Bearer {partner}'\n\
         curl -i http://{gate}/nowhere -H 'Authorization: Bearer {token}'\n"
    )
}

/// Where the peers of docker-compose.yaml listen: the issuers.
pub const ISSUERS_PORT: u16 = 8081;
/// Where the peers of docker-compose.yaml listen: the upstream.
pub const UPSTREAM_PORT: u16 = 8082;
/// Where the gate of docker-compose.yaml listens.
pub const GATE_PORT: u16 = 8080;

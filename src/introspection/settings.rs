//! Where tokens are asked about, as whom, and for how long an answer is good.

use std::time::Duration;

use crate::provider::{Secret, Url};

/// How one authorization server is asked; compiled from the configuration.
#[derive(Clone, Debug)]
pub struct IntrospectionSettings {
    /// The introspection endpoint.
    pub endpoint: Url,
    /// The Envoy cluster that reaches it.
    pub cluster: String,
    /// Who asks.
    pub client: Client,
    /// How long an answer is good at most that says that a token is active.
    pub fresh_for: Duration,
    /// How long an answer is good that says that it is not.
    pub refused_for: Duration,
    /// Bytes of answers that are kept, per worker.
    pub cache_bytes: usize,
    /// For one callout.
    pub timeout: Duration,
    /// A longer answer is refused.
    pub max_bytes: usize,
    /// Callouts that may be out at the same time, per worker.
    pub concurrency: usize,
    /// Tokens that may be asked about or wait for it, per worker.
    pub pending: usize,
    /// How the provider's opaque tokens begin; in any way if left out.
    pub token_prefix: Option<String>,
    /// What becomes of the provider's JWTs.
    pub jwts: Jwts,
}

/// The client of the authorization server that this filter is.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: Secret,
    /// How it proves to be itself.
    pub method: ClientMethod,
}

/// How a client proves to be itself (RFC 6749 section 2.3.1, RFC 8414 `introspection_endpoint_auth_methods_supported`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientMethod {
    /// In `authorization`.
    Basic,
    /// In the form.
    Post,
}

/// What becomes of a JWT of a provider that can be asked about tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jwts {
    /// Its signature is checked, as without introspection.
    Verify,
    /// The authorization server is asked, as about an opaque token: a JWT that was revoked is then refused.
    Introspect,
    /// It is not taken.
    Refuse,
}

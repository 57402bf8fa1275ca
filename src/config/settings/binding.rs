//! Tokens bound to their senders.

use deserr::Deserr;
use schemars::JsonSchema;

use super::groups::ClientSecretSettings;
use crate::config::problems::Problems;
use crate::config::units::Span;

/// How tokens may be bound to their senders. A token that is bound in a way that is not named here is refused.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct BindingSettings {
    /// By a proof of possession in the header `DPoP` (RFC 9449).
    #[deserr(default)]
    pub dpop: Option<DpopSettings>,
    /// By a signed request around the token (Entra ID's Signed HTTP Request, `Authorization: PoP`).
    #[deserr(default)]
    pub signed_request: Option<SignedRequestSettings>,
    /// By the client certificate of the connection (RFC 8705).
    #[deserr(default)]
    pub mtls: Option<MtlsSettings>,
}

/// What is asked of proofs of possession.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct DpopSettings {
    /// Algorithms of proofs, none of them symmetric. Default `ES256`, `EdDSA`, `PS256`, `RS256`: what client libraries make.
    #[deserr(default)]
    pub algorithms: Option<Vec<String>>,
    /// How old a proof may be, from `1s` to `10m`. Default `60s`: proofs are made for one request, which does not take longer.
    #[deserr(default)]
    pub max_age: Option<Span>,
    /// How far a client's clock may be ahead, at most `60s`. Default `5s`: a proof from the future is good for that much
    /// longer.
    #[deserr(default)]
    pub clock_skew: Option<Span>,
    /// The origins under which clients know this API: `https://api.example`. A proof for any of them is good. Default: scheme
    /// and host as Envoy sees them; name the origins where a proxy in front changes either.
    #[deserr(default)]
    pub origins: Option<Vec<String>>,
    /// Asks proofs for a nonce. Default: none is needed; whoever had a client's key for a moment could then have made proofs
    /// for later.
    #[deserr(default)]
    pub nonce: Option<NonceSettings>,
    /// How many proofs are remembered as used at a time, over all workers, from 64 to 4194304. Default 131072, about 3 MB when
    /// full: two thousand requests a second at the default age. When it is full, proofs are refused (503).
    #[deserr(default)]
    pub replay_entries: Option<u32>,
}

/// How nonces are made.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct NonceSettings {
    /// What they are made with, 32 characters or more, so that several Envoys know each other's. Keep it out of the file:
    /// `${NAME}`. Default: drawn by the workers of each Envoy.
    #[deserr(default)]
    pub secret: Option<ClientSecretSettings>,
    /// How often there is a new one, from `10s` to `1h`; the last one stays good for as long again. Default `5m`.
    #[deserr(default)]
    pub rotate: Option<Span>,
}

/// What is asked of signed requests.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct SignedRequestSettings {
    /// Algorithms of signed requests, none of them symmetric. Default `ES256`, `PS256`, `RS256`: Microsoft's libraries sign with
    /// RSA.
    #[deserr(default)]
    pub algorithms: Option<Vec<String>>,
    /// How old one may be, from `1s` to `10m`. Default `5m`, as Microsoft's libraries have it.
    #[deserr(default)]
    pub max_age: Option<Span>,
    /// How far a client's clock may be ahead, at most `60s`. Default `5s`.
    #[deserr(default)]
    pub clock_skew: Option<Span>,
    /// The hosts under which clients know this API: `api.example`, with port if it is not the scheme's own. Default: the
    /// request's own.
    #[deserr(default)]
    pub hosts: Option<Vec<String>>,
    /// As of `dpop`. Default 131072: four hundred requests a second at the default age.
    #[deserr(default)]
    pub replay_entries: Option<u32>,
}

/// Nothing to set: the certificate is the connection's own.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct MtlsSettings {}

/// A way to prove that a token is one's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(error = Problems)]
#[schemars(rename_all = "snake_case")]
pub enum MethodSettings {
    /// By a proof of possession.
    #[deserr(rename = "dpop")]
    Dpop,
    /// By the client certificate of the connection.
    #[deserr(rename = "mtls")]
    Mtls,
    /// By a signed request.
    #[deserr(rename = "signed_request")]
    SignedRequest,
}

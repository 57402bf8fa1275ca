//! Risk: what tells of it, and what follows.

use deserr::Deserr;
use schemars::JsonSchema;

use super::ClaimPathSettings;
use crate::config::named::Named;
use crate::config::problems::Problems;
use crate::config::units::{Size, Span};

/// At what risk a request comes: a score from 0 to 100, the sum of what the signals say and what is seen here. Rules ask for
/// it with `risk_below`.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct RiskSettings {
    /// What others say of it. Default: nothing.
    #[deserr(default)]
    pub signals: Option<Vec<SignalSettings>>,
    /// What is seen here. Default: nothing.
    #[deserr(default)]
    pub observe: Option<ObserveSettings>,
    /// In which time a score that was raised here loses half, from `10s` to `24h`. Default `10m`.
    #[deserr(default)]
    pub half_life: Option<Span>,
    /// Makes requests at high risk wait. Default: none waits.
    #[deserr(default)]
    pub slow_down: Option<SlowDownSettings>,
    /// Locks out who fails too often. Default: nobody.
    #[deserr(default)]
    pub lockout: Option<LockoutSettings>,
    /// Shared memory for what is seen, over all workers, from `1MiB` to `256MiB`. Default `16MiB`: about eighty thousand
    /// callers. The one touched longest ago is forgotten first.
    #[deserr(default)]
    pub memory: Option<Size>,
}

/// A signal: a claim of the token, or a header of a trusted proxy. A value that has no score can't be told, which meets no
/// `risk_below`.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct SignalSettings {
    /// A claim.
    #[deserr(default)]
    pub claim: Option<ClaimPathSettings>,
    /// A header. The filter does not remove it: the proxy in front sets it, and removes the client's own.
    #[deserr(default)]
    pub header: Option<String>,
    /// Networks, by name, of the proxies that set the header; needed with it. From elsewhere it can't be told. Compared
    /// with `source.address`. Envoy takes that from `x-forwarded-for`, where any client can write a proxy's address, unless
    /// `use_remote_address` is true and `xff_num_trusted_hops` is 0.
    #[deserr(default)]
    pub trusted_proxies: Option<Vec<String>>,
    /// The score of each value, 0 to 100; this or `numeric`.
    #[deserr(default)]
    pub scores: Option<Named<u8>>,
    /// The value is the score: a whole number from 0 to 100.
    #[deserr(default)]
    pub numeric: Option<bool>,
    /// The score where the claim or header is not there. Default: it can't be told.
    #[deserr(default)]
    pub absent: Option<u8>,
}

/// What is seen here.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct ObserveSettings {
    /// One session (`sid`, else `uti` or `jti`, else the subject) from several networks (/24, /48).
    #[deserr(default)]
    pub networks: Option<ThresholdSettings>,
    /// Requests of one identity (subject by way of a client) that were turned away for what it lacks, circumstances
    /// apart; where nobody is known, requests of one address whose token did not verify.
    #[deserr(default)]
    pub failures: Option<ThresholdSettings>,
    /// Different rules that one identity's requests fall under.
    #[deserr(default)]
    pub spread: Option<ThresholdSettings>,
}

/// What is too much.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct ThresholdSettings {
    /// More than this. For `networks` at most 8, for `failures` 49, for `spread` 32.
    pub more_than: u8,
    /// Within this time, from `10s` to `24h`.
    pub within: Span,
    /// Raises the risk by this, 1 to 100.
    pub score: u8,
}

/// Makes requests at high risk wait, once each.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct SlowDownSettings {
    /// Above this score, 0 to 99.
    pub above: u8,
    /// For so long, at most `5s`. Half of `limits.waiting_requests` may wait so at the same time; more are answered 429.
    pub delay: Span,
}

/// Locks out who fails too often. Failures of a verified identity count against it alone. A token that does not verify
/// counts against the address that sent it, and a locked address is refused only what would be refused anyway.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct LockoutSettings {
    /// So many failures, 1 to 50.
    pub failures: u8,
    /// Within this time, from `10s` to `24h`.
    pub within: Span,
    /// Lock out for so long, from `1s` to `24h`.
    #[deserr(rename = "for")]
    #[schemars(rename = "for")]
    pub locked_for: Span,
}

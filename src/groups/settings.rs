//! Where groups are asked for, as whom, and for how long they are good.

use std::time::Duration;

use crate::provider::{Secret, TenantId, Url};

/// How groups are asked for; compiled from the configuration.
#[derive(Clone, Debug)]
pub struct GroupsSettings {
    /// The place of the provider whose callers they are.
    pub provider: usize,
    /// The one tenant.
    pub tenant: TenantId,
    /// The Envoy cluster that reaches Graph.
    pub cluster: String,
    /// The Envoy cluster that reaches the token endpoint.
    pub login_cluster: String,
    /// The token endpoint.
    pub token: Url,
    /// What the token is for.
    pub scope: String,
    /// Graph's `$batch`.
    pub batch: Url,
    /// The application that asks.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// How long what was found is good.
    pub fresh_for: Duration,
    /// For one callout; there are up to two.
    pub timeout: Duration,
    /// Leaves out distribution lists and directory roles.
    pub security_groups_only: bool,
    /// Bytes of what is kept, per worker.
    pub cache_bytes: usize,
}

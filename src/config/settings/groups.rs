//! Groups overage, resolved through Microsoft Graph.

use deserr::Deserr;
use schemars::JsonSchema;

use crate::config::problems::Problems;
use crate::config::units::{Size, Span};

/// Groups of callers who have too many for a token, asked of Microsoft Graph as an application of your own. It needs the
/// permission `GroupMember.Read.All`.
#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct GroupsOverageSettings {
    /// The provider whose callers they are; one with `entra`.
    pub provider: String,
    /// The Envoy cluster that reaches Graph.
    pub cluster: String,
    /// The Envoy cluster that reaches the login host, which gives out the token for Graph.
    pub login_cluster: String,
    /// The tenant whose directory is asked. Default: the provider's, if it has one. Callers of other tenants stay denied.
    #[deserr(default)]
    pub tenant: Option<String>,
    /// The id of the application that asks.
    pub client_id: String,
    /// Its secret. Keep it out of the file: `${NAME}`.
    pub client_secret: ClientSecretSettings,
    /// Address of Graph. Default: the one of the provider's cloud, `https://graph.microsoft.com`,
    /// `https://graph.microsoft.us` or `https://microsoftgraph.chinacloudapi.cn`. The cloud of the US Department of Defense
    /// has `https://dod-graph.microsoft.us`.
    #[deserr(default)]
    pub graph: Option<String>,
    /// Address of the login host. Default: the one of the provider's cloud.
    #[deserr(default)]
    pub login: Option<String>,
    /// How long groups are kept, at least `1s` and below `1h`. Default `10m`: who was put out of a group is out by then, and
    /// Graph is asked six times an hour for each caller who is there all the time.
    #[deserr(default)]
    pub cache: Option<Span>,
    /// Size of what is kept, per worker, at most `64MiB`. Default `8MiB`: about sixty callers with two thousand groups.
    #[deserr(default)]
    pub cache_size: Option<Size>,
    /// How long one callout may take; there are up to two. Default `2s`: a request is waiting.
    #[deserr(default)]
    pub timeout: Option<Span>,
    /// Leaves out distribution lists and directory roles. Default true: who may join a distribution list is often anybody.
    #[deserr(default)]
    pub security_groups_only: Option<bool>,
}

/// A secret.
#[derive(Clone, Deserr, JsonSchema)]
#[deserr(error = Problems, from(String) = ClientSecretSettings)]
#[schemars(with = "String")]
pub struct ClientSecretSettings(pub String);

impl std::fmt::Debug for ClientSecretSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientSecretSettings")
    }
}

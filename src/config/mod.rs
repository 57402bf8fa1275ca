//! Filter JSON to a compiled configuration; every fault collected, each with its path in the document.
//!
//! Everything that can be wrong is found here, at load: the rest of the crate sees values that can't be.

mod compile;
mod document;
mod named;
mod problems;
pub mod settings;
#[cfg(test)]
mod tests;
mod units;

use std::time::Duration;

pub use problems::{Problem, Problems};

use crate::access::risk::{RiskSettings, SlowDown, Watch};
use crate::access::{AddressSource, ClientCertificates};
use crate::api_key::ApiKeys;
use crate::audit::{AuditInputs, AuditLog};
use crate::binding::Bindings;
use crate::credential::Sources;
use crate::forward::Forwarding;
use crate::groups::{GroupsSettings, Resolver};
use crate::http::challenge::Challenge;
use crate::http::{HeaderMap, Leniency, RequestHead};
use crate::introspection::{IntrospectionSettings, Introspector, Introspectors};
use crate::jose::{SignaturePolicy, TokenLimits};
use crate::policy::{Details, Requirement, RouteMatch, Router, Rule};
use crate::provider::{Issuer, IssuerFlaw, IssuerRef, KeyCache, KeyCacheSettings, Provider};
use crate::rate_limit::global::Asker;
use crate::rate_limit::{Limit, Limiter};
use crate::time::UnixTime;
use crate::token::TokenRules;
use settings::Settings;

/// A configuration without faults, ready to decide by.
#[derive(Debug)]
pub struct Config {
    providers: Vec<ProviderConfig>,
    router: Router<Rule>,
    pub(crate) sources: Sources,
    pub(crate) api_keys: Option<ApiKeys>,
    /// What is emptied before a request goes upstream.
    pub(crate) emptied: Sources,
    pub(crate) bindings: Bindings,
    pub(crate) forwarding: Forwarding,
    pub(crate) challenge: Challenge,
    resource_metadata: Option<ResourceMetadata>,
    /// How groups are asked for that a token has no room for.
    groups: Option<GroupsSettings>,
    /// Who is asked about which tokens.
    pub(crate) introspectors: Introspectors,
    risk: Option<RiskSettings>,
    /// In the order of the configuration; rules name them by their places.
    pub(crate) rate_limits: Vec<LimitConfig>,
    /// The clusters of those who count elsewhere.
    rate_limit_engines: Vec<String>,
    pub(crate) rate_limit_memory: usize,
    pub(crate) rate_limit_headers: LimitHeaders,
    preflight_passes: bool,
    pub(crate) audit: AuditLog,
    pub(crate) audit_inputs: Option<AuditInputs>,
    pub(crate) report_only: bool,
    pub(crate) paths: Leniency,
    pub(crate) client_address: AddressSource,
    pub(crate) client_certificates: ClientCertificates,
    notices: Vec<Notice>,
    pub(crate) signatures: SignaturePolicy,
    pub(crate) limits: Limits,
    warnings: Vec<String>,
}

/// One provider: whose tokens, and what is asked of them.
#[derive(Debug)]
pub(crate) struct ProviderConfig {
    pub(crate) provider: Provider,
    pub(crate) rules: TokenRules,
    keys: KeyCacheSettings,
    /// How its authorization server is asked about tokens.
    pub(crate) introspection: Option<IntrospectionSettings>,
}

impl ProviderConfig {
    pub(crate) fn issuer(&self, issuer: IssuerRef) -> Option<&Issuer> {
        self.provider.issuers().get(issuer.issuer)
    }
}

/// One limit, and who has its tiers.
#[derive(Debug)]
pub(crate) struct LimitConfig {
    pub(crate) limit: Limit,
    /// In the order of the limit's tiers.
    pub(crate) tiers: Vec<Requirement>,
}

/// Which responses say what is left of limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LimitHeaders {
    Always,
    Denied,
    Never,
}

/// What an operator hears of a setting while a time lasts, by its path.
#[derive(Debug)]
struct Notice {
    path: String,
    /// From the first moment on if there is none.
    from: Option<UnixTime>,
    /// For good if there is none.
    until: Option<UnixTime>,
    text: &'static str,
}

/// Bounds on the filter's own work.
#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) token: TokenLimits,
    pub(crate) token_cache: usize,
    pub(crate) waiting_requests: u32,
    pub(crate) wait: Duration,
}

/// The protected resource metadata and where it is served (RFC 9728).
#[derive(Debug)]
struct ResourceMetadata {
    path: String,
    body: Vec<u8>,
}

impl Config {
    /// Reads and compiles the document in `text`; `environment` fills in `${NAME}`.
    ///
    /// # Errors
    /// Every fault, each with its path.
    pub fn load(text: &[u8], environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, Problems> {
        let document = document::read(text, environment)?;
        let settings: Settings = deserr::deserialize::<_, _, Problems>(document)?;
        compile::compile(settings)
    }

    /// How many rules there are.
    #[must_use]
    pub fn rules(&self) -> usize {
        self.router.rules().count()
    }

    /// What an operator should hear at load: dangerous settings, and what the host lacks.
    #[must_use]
    pub fn warnings(&self, host_verifies: bool) -> Vec<String> {
        let mut warnings = self.warnings.clone();
        if !host_verifies {
            match self.signatures {
                SignaturePolicy::PreferNative => warnings.push(
                    "the host has no `verify_signature`; signatures are checked in the module, which takes several times as long".to_owned(),
                ),
                SignaturePolicy::RequireNative => warnings.push(
                    "the host has no `verify_signature` and `signatures` is `require_host`; every token will be refused".to_owned(),
                ),
                SignaturePolicy::ForbidNative => {}
            }
        }
        warnings
    }

    /// What an operator should hear at load besides, by the time at which it loads: windows that are over, lists that are too old, keys that expire.
    #[must_use]
    pub fn ended(&self, now: UnixTime) -> Vec<String> {
        let holds =
            |notice: &&Notice| notice.from.is_none_or(|from| from <= now) && notice.until.is_none_or(|end| now < end);
        let ended = self.notices.iter().filter(holds).map(|notice| format!("{}: {}", notice.path, notice.text));
        ended.chain(self.api_keys.iter().flat_map(|keys| keys.told(now))).collect()
    }

    /// Every issuer with its place and the name of its provider, in the order of the configuration.
    pub fn issuers(&self) -> impl Iterator<Item = (IssuerRef, &str, &Issuer, &TokenRules)> {
        self.providers.iter().enumerate().flat_map(|(provider, config)| {
            let issuers = config.provider.issuers().iter().enumerate();
            issuers.map(move |(issuer, found)| {
                (IssuerRef { provider, issuer }, config.provider.id().as_str(), found, &config.rules)
            })
        })
    }

    /// The key caches of each provider's issuers, in the order of the configuration.
    pub(crate) fn key_caches(&self, seed: u64) -> Vec<Vec<KeyCache>> {
        self.providers.iter().map(|provider| provider.provider.key_caches(&provider.keys, seed)).collect()
    }

    /// Who asks for groups, if that is configured.
    pub(crate) fn resolver(&self, seed: u64) -> Option<Resolver> {
        self.groups.as_ref().map(|settings| Resolver::new(settings.clone(), seed))
    }

    /// Who asks about the tokens of each provider, where that is configured, in the order of the configuration.
    pub(crate) fn token_introspectors(&self, seed: u64) -> Vec<Option<Introspector>> {
        let settings = self.providers.iter().map(|provider| provider.introspection.as_ref());
        settings.map(|settings| settings.map(|settings| Introspector::new(settings.clone(), seed))).collect()
    }

    /// How the authorization server of the provider at `place` is asked about tokens, if it is.
    #[must_use]
    pub fn introspection(&self, place: usize) -> Option<&IntrospectionSettings> {
        self.providers.get(place)?.introspection.as_ref()
    }

    /// The provider at `place`.
    pub(crate) fn provider(&self, place: usize) -> Option<&ProviderConfig> {
        self.providers.get(place)
    }

    /// Who asks each engine that counts limits, in the order of their places.
    pub(crate) fn askers(&self, seed: u64) -> Vec<Asker> {
        self.rate_limit_engines.iter().map(|cluster| Asker::new(cluster.clone(), seed)).collect()
    }

    /// Who watches for risk, if that is configured.
    pub(crate) fn watch(&self, seed: u64) -> Option<Watch> {
        self.risk.as_ref().map(|settings| Watch::new(settings.clone(), seed))
    }

    /// Who counts requests in limits.
    pub(crate) fn limiter(&self, seed: u64) -> Limiter {
        let limits: Vec<&Limit> = self.rate_limits.iter().map(|config| &config.limit).collect();
        Limiter::new(&limits, self.rate_limit_memory, seed)
    }

    /// What happens to requests at high risk that may go on.
    pub(crate) fn slow_down(&self) -> Option<SlowDown> {
        self.risk.as_ref()?.slow_down
    }

    /// Whose token it is, by an `iss` that nobody has verified yet.
    pub(crate) fn issuer(&self, hint: Option<&str>) -> Result<(IssuerRef, &ProviderConfig), IssuerFlaw> {
        let iss = hint.ok_or(IssuerFlaw::Absent)?;
        let mut providers = self.providers.iter().enumerate();
        providers
            .find_map(|(provider, config)| {
                let (issuer, _) = config.provider.issuer_for(iss)?;
                Some((IssuerRef { provider, issuer }, config))
            })
            .ok_or(IssuerFlaw::Unknown)
    }

    /// The rule that speaks for a request.
    pub(crate) fn route<'a>(&'a self, head: &'a RequestHead) -> Option<RouteMatch<'a, Rule>> {
        let details = Details { headers: Some(head.headers()), query: head.path().query().unwrap_or_default() };
        self.router.find_with(head.host(), head.method(), head.path().segments(), &details)
    }

    /// The rule that speaks for the request that a CORS preflight announces, if preflights pass.
    pub(crate) fn preflight<'a>(&'a self, head: &'a RequestHead) -> Option<&'a Rule> {
        if !self.preflight_passes || !head.is_cors_preflight() {
            return None;
        }
        let announced = head.only("access-control-request-method").ok().flatten()?;
        let announced = std::str::from_utf8(announced).ok()?;
        let details = Details { headers: None, query: head.path().query().unwrap_or_default() };
        self.router.find_with(head.host(), announced, head.path().segments(), &details).map(|found| found.value())
    }

    /// The document of the resource metadata, if this is a request for it.
    pub(crate) fn resource_metadata(&self, head: &RequestHead) -> Option<&[u8]> {
        let metadata = self.resource_metadata.as_ref()?;
        let asked = matches!(head.method(), "GET" | "HEAD") && head.path().path() == metadata.path;
        asked.then_some(metadata.body.as_slice())
    }

    /// The names of a request's trailers that must not go upstream: some servers merge trailers into the headers.
    pub fn trailers_to_remove<'t>(&self, trailers: &'t HeaderMap) -> impl Iterator<Item = &'t [u8]> {
        trailers.names().filter(|name| self.forwarding.removes_trailer(name, &self.emptied))
    }

    /// What App Service would call the identity provider: `aad` for Entra ID, else the provider's name.
    pub(crate) fn identity_provider(&self, issuer: IssuerRef) -> &str {
        match self.providers.get(issuer.provider) {
            Some(provider) if provider.rules.entra.is_some() => "aad",
            Some(provider) => provider.provider.id().as_str(),
            None => "",
        }
    }

    /// The name of a provider, for the record.
    pub(crate) fn provider_name(&self, index: usize) -> &str {
        self.providers.get(index).map_or("", |provider| provider.provider.id().as_str())
    }
}

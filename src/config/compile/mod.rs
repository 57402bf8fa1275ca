//! Typed settings to a compiled configuration: every value checked against what it will be used for.

mod access;
mod answers;
mod api_key;
mod binding;
mod caller;
mod certificate;
mod claim;
mod conditional_access;
mod forward;
mod groups;
mod providers;
mod rate_limit;
mod requirement;
mod risk;
mod roles;
mod rules;
mod sources;

use std::cell::RefCell;
use std::time::Duration;

use access::{AccessNames, AccessSettings};

use rate_limit::RateLimits;

use super::named::Named;
use super::problems::Problems;
use super::settings::{
    AcceptSettings, AuditLogSettings, AuditSettings, BindingSettings, ClientCertificateSettings, DotSegmentSettings,
    EmptySegmentSettings, LimitSettings, LiteralSettings, PathSettings, Settings, SignatureSettings,
};
use super::{Config, Limits, ProviderConfig};
use crate::api_key::ApiKeys;
use crate::audit::{AuditInputs, AuditLog};
use crate::http::Leniency;
use crate::jose::{SignaturePolicy, TokenLimits};
use crate::policy::roles::Roles;

/// What rules may name.
pub(super) struct Names<'a> {
    /// `None` where a provider has faults of its own.
    pub(super) providers: &'a [Option<ProviderConfig>],
    /// `None` where a role has faults of its own.
    pub(super) roles: Option<Roles>,
    /// What an operator should hear of them.
    pub(super) warnings: RefCell<Vec<String>>,
    /// Circumstances.
    pub(super) access: &'a AccessNames,
    /// Something tells of a risk.
    pub(super) risk: bool,
    /// What is set about client certificates, with or without faults.
    pub(super) certificate_settings: Option<&'a ClientCertificateSettings>,
    /// There are API keys.
    pub(super) api_keys: bool,
    /// What is set about tokens that are bound, with or without faults.
    pub(super) bindings: Option<&'a BindingSettings>,
}

impl Names<'_> {
    /// May a requirement that belongs to no single rule be asked of the holder of a certificate and of the bearer of a token?
    fn takes_certificates_and_tokens(&self) -> bool {
        self.certificate_settings.is_some_and(ClientCertificateSettings::has_identities) && !self.providers.is_empty()
    }
}

pub(super) fn compile(settings: Settings) -> Result<Config, Problems> {
    let mut problems = Problems::default();
    let mut warnings = Vec::new();
    if settings.report_only == Some(true) {
        warnings.push("report_only: nothing is enforced; every request that can be read goes on".to_owned());
    }
    let Named(providers) = settings.providers.unwrap_or_default();
    let by_certificate = settings.client_certificates.as_ref().is_some_and(ClientCertificateSettings::has_identities);
    if providers.is_empty() && settings.api_keys.is_none() && !by_certificate {
        problems
            .add("providers", "at least one provider is required, or `api_keys`, or a certificate with an `identity`");
    }
    let directories: Vec<_> = providers.iter().map(|(_, provider)| groups::DirectoryOf::read(provider)).collect();
    let mut providers = providers::compile(providers, &mut problems, &mut warnings);
    let introspectors = providers::introspectors(&providers, &mut problems);
    let access = AccessSettings {
        networks: settings.networks.unwrap_or_default(),
        geo: settings.geo,
        schedules: settings.schedules.unwrap_or_default(),
        assurances: settings.assurances.unwrap_or_default(),
        devices: settings.devices.unwrap_or_default(),
        certificates: settings.client_certificates.as_ref(),
    };
    let access = AccessNames::compile(access, &providers, &mut problems, &mut warnings);
    let client_address = access::client_address(settings.client_address.as_ref(), &mut problems);
    let client_certificates =
        certificate::source(settings.client_certificates.as_ref(), &access, &mut problems, &mut warnings);
    let mut names = Names {
        providers: &providers,
        roles: None,
        access: &access,
        risk: settings.risk.as_ref().is_some_and(risk::tells),
        certificate_settings: settings.client_certificates.as_ref(),
        api_keys: settings.api_keys.is_some(),
        bindings: settings.bindings.as_ref(),
        warnings: RefCell::default(),
    };
    let risk = settings.risk.and_then(|settings| risk::compile(settings, &access, &mut problems, &mut warnings));
    let role_names: Vec<_> =
        settings.roles.iter().flat_map(|Named(roles)| roles).map(|(name, _)| name.clone()).collect();
    let grants = api_key::grants(settings.api_keys.as_ref());
    names.roles = roles::compile(settings.roles, &grants, &names, &mut problems);
    let api_keys = settings
        .api_keys
        .and_then(|settings| api_key::compile(settings, &access, &role_names, &mut problems, &mut warnings));
    let rule_names = settings.rules.iter().map(|rule| rule.name.clone()).collect();
    let policies = settings.conditional_access.unwrap_or_default();
    let policies = conditional_access::compile(policies, &rule_names, &names, &mut problems);
    let mut rate_limits = RateLimits::compile(settings.rate_limits, &names, &mut problems);
    let takes_keys =
        settings.rules.iter().any(|rule| rule.accept.iter().flatten().any(|kind| *kind == AcceptSettings::ApiKey));
    let router = rules::compile(settings.rules, &policies, &mut rate_limits, &names, &mut problems);
    let rate_limits = rate_limits.finish(&names, &mut problems);
    let groups = settings
        .groups_overage
        .and_then(|settings| groups::compile(settings, &directories, &names, &mut problems, &mut warnings));
    if api_keys.is_some() && !takes_keys {
        warnings.push("api_keys: no rule takes them; say so in a rule's `accept`".to_owned());
    }
    warnings.append(&mut names.warnings.into_inner());
    let limits = limits(settings.limits.as_ref().unwrap_or(&LimitSettings::default()), &mut problems);
    providers::bound(&mut providers, &limits, &mut warnings);
    binding::check_credentials(settings.credentials.as_ref(), settings.bindings.as_ref(), &mut problems);
    let bindings =
        binding::compile(settings.bindings.unwrap_or_default(), limits.token.bytes, &mut problems, &mut warnings);
    let sources = sources::tokens(settings.credentials, !providers.is_empty(), &mut problems, &mut warnings)
        .map(|sources| binding::taken_by(sources, &bindings, &mut problems));
    let forwarding = forward::compile(settings.forward.unwrap_or_default(), &mut problems);
    if let Some(sources) = &sources {
        let limits = rate_limits.as_ref().map(|(limits, _)| limits.as_slice());
        sources::apart(sources, api_keys.as_ref(), forwarding.as_ref(), limits, &mut problems);
    }
    if let (Some((limits, _)), Some(forwarding)) = (&rate_limits, &forwarding) {
        rate_limit::own_headers(limits, forwarding, &mut problems);
    }
    let answers = answers::compile(settings.answers.unwrap_or_default(), &providers, &mut problems);
    let memory = settings.limits.as_ref().and_then(|limits| limits.rate_limit_memory);
    let rate_limit_memory = rate_limit::memory(memory, &mut problems);
    let audit = settings.audit.unwrap_or_default();
    let audit_inputs = audit_inputs(&audit, &mut problems);
    let audit = audit.log.unwrap_or(AuditLogSettings::Denials);
    // Rules name providers by their place, so one without an entry must never be passed over.
    let providers: Option<Vec<_>> = providers.into_iter().collect();
    match (providers, router, rate_limits, sources, forwarding, answers) {
        (
            Some(providers),
            Some(router),
            Some((rate_limits, rate_limit_engines)),
            Some(sources),
            Some(forwarding),
            Some(answers),
        ) if problems.is_empty() => Ok(Config {
            providers,
            router,
            emptied: forwarding.emptied(&sources, api_keys.as_ref().map(ApiKeys::sources)),
            challenge: binding::challenged(
                match api_keys.as_ref().and_then(|keys| keys.sources().first()) {
                    Some((kind, name)) => answers.challenge.with_api_key(kind, name),
                    None => answers.challenge,
                },
                &bindings,
            ),
            bindings,
            sources,
            api_keys,
            forwarding,
            resource_metadata: answers.resource_metadata,
            groups,
            introspectors,
            risk,
            rate_limits,
            rate_limit_engines,
            rate_limit_memory,
            rate_limit_headers: answers.rate_limit_headers,
            preflight_passes: answers.preflight_passes,
            audit: match audit {
                AuditLogSettings::All => AuditLog::All,
                AuditLogSettings::Denials => AuditLog::Denials,
                AuditLogSettings::None => AuditLog::None,
            },
            audit_inputs,
            signatures: match settings.signatures.unwrap_or(SignatureSettings::PreferHost) {
                SignatureSettings::PreferHost => SignaturePolicy::PreferNative,
                SignatureSettings::RequireHost => SignaturePolicy::RequireNative,
                SignatureSettings::ForbidHost => SignaturePolicy::ForbidNative,
            },
            report_only: settings.report_only.unwrap_or(false),
            paths: leniency(&settings.paths.unwrap_or_default()),
            client_address,
            client_certificates,
            notices: access.notices,
            limits,
            warnings,
        }),
        _ => Err(problems),
    }
}

fn leniency(settings: &PathSettings) -> Leniency {
    Leniency {
        merge_empty_segments: settings.empty_segments == Some(EmptySegmentSettings::Merge),
        resolve_dot_segments: settings.dot_segments == Some(DotSegmentSettings::Resolve),
        literal_parameters: settings.parameters == Some(LiteralSettings::Literal),
        literal_encoded_slashes: settings.encoded_slashes == Some(LiteralSettings::Literal),
    }
}

/// What the record tells of the inputs of a decision, if it does.
fn audit_inputs(settings: &AuditSettings, problems: &mut Problems) -> Option<AuditInputs> {
    let claims = settings.claims.as_deref().unwrap_or_default();
    if settings.inputs != Some(true) {
        if !claims.is_empty() {
            problems.add("audit.claims", "are recorded with `inputs` only; set it to true");
        }
        return None;
    }
    if claims.len() > MOST_CLAIMS {
        problems.add("audit.claims", "expected at most 32: each is in every line of the log");
    }
    Some(AuditInputs::new(claims))
}

fn limits(settings: &LimitSettings, problems: &mut Problems) -> Limits {
    let token = settings.token.map_or(DEFAULT_TOKEN, |size| size.0);
    if !(256..=LARGEST_TOKEN).contains(&token) {
        problems.add("limits.token", "expected a size from `256B` to `64KiB`");
    }
    let wait = settings.wait.map_or(DEFAULT_WAIT, |span| span.0);
    if wait > LONGEST_WAIT {
        problems.add("limits.wait", "expected at most `60s`: clients and proxies give up by then");
    }
    let token_cache = settings.token_cache.map_or(DEFAULT_TOKEN_CACHE, |size| size.0);
    if token_cache > LARGEST_TOKEN_CACHE {
        problems.add("limits.token_cache", "expected at most `256MiB`: each worker has one");
    }
    Limits {
        token: TokenLimits { bytes: token, ..TokenLimits::default() },
        token_cache,
        waiting_requests: settings.waiting_requests.unwrap_or(DEFAULT_WAITING),
        wait,
    }
}

const MOST_CLAIMS: usize = 32;
/// Entra's tokens are 1.4 to 4 KiB; 8 KiB leaves room for two hundred groups.
const DEFAULT_TOKEN: usize = 8 << 10;
/// Envoy takes 60 KiB of headers unless told otherwise.
const LARGEST_TOKEN: usize = 64 << 10;
/// About a thousand of Entra's tokens in each worker.
const DEFAULT_TOKEN_CACHE: usize = 8 << 20;
/// Envoy gives a module 1 GiB, and a module that asks for more is gone with all its requests.
const LARGEST_TOKEN_CACHE: usize = 256 << 20;
/// A waiting request holds its headers, a few KiB: a thousand are a few MiB.
const DEFAULT_WAITING: u32 = 1000;
/// As long as one fetch may take by default.
const DEFAULT_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

//! Groups overage: whose callers, and where they are asked for.

use std::time::Duration;

use super::Names;
use crate::config::problems::{Problems, join};
use crate::config::settings::{CloudSettings, EntraSettings, GroupsOverageSettings, ProviderSettings, TenantSettings};
use crate::entra::Cloud;
use crate::groups::GroupsSettings;
use crate::provider::{Secret, TenantId, Url};

/// What the settings of a provider say about its directory.
pub(super) struct DirectoryOf {
    cloud: Cloud,
    tenant: Option<String>,
}

impl DirectoryOf {
    /// `None` for a provider without one.
    pub(super) fn read(settings: &ProviderSettings) -> Option<Self> {
        let entra: &EntraSettings = settings.entra.as_ref()?;
        let cloud = match entra.cloud.unwrap_or(CloudSettings::Global) {
            CloudSettings::Global => Cloud::Global,
            CloudSettings::UsGovernment => Cloud::UsGovernment,
            CloudSettings::China => Cloud::China,
        };
        let tenant = match &entra.tenants {
            TenantSettings::One(tenant) if tenant != "any" => Some(tenant.clone()),
            TenantSettings::List(tenants) if tenants.len() == 1 => tenants.first().cloned(),
            TenantSettings::One(_) | TenantSettings::List(_) => None,
        };
        Some(Self { cloud, tenant })
    }
}

/// `None` if there are faults, each noted.
pub(super) fn compile(
    settings: GroupsOverageSettings,
    directories: &[Option<DirectoryOf>],
    names: &Names<'_>,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> Option<GroupsSettings> {
    let before = problems.len();
    let (provider, directory) = provider(&settings.provider, directories, names, problems)?;
    let tenant = tenant(settings.tenant.as_deref().or(directory.tenant.as_deref()), problems);
    let graph = settings.graph.unwrap_or_else(|| format!("https://{}", directory.cloud.graph_host()));
    let login = settings.login.unwrap_or_else(|| format!("https://{}", directory.cloud.login_host()));
    let batch = address("graph", &graph, "/v1.0/$batch", problems, warnings);
    let tenant_path = tenant.as_ref().map(|tenant| format!("/{tenant}/oauth2/v2.0/token")).unwrap_or_default();
    let token = address("login", &login, &tenant_path, problems, warnings);
    for (name, text) in [
        ("cluster", &settings.cluster),
        ("login_cluster", &settings.login_cluster),
        ("client_id", &settings.client_id),
        ("client_secret", &settings.client_secret.0),
    ] {
        if text.is_empty() {
            problems.add(join(AT, name), "is empty");
        }
    }
    let fresh_for = settings.cache.map_or(DEFAULT_CACHE, |span| span.0);
    if fresh_for < Duration::from_secs(1) || fresh_for >= LONGEST_CACHE {
        problems.add(join(AT, "cache"), "expected at least `1s` and less than `1h`");
    }
    let timeout = settings.timeout.map_or(DEFAULT_TIMEOUT, |span| span.0);
    if timeout < SHORTEST_TIMEOUT || timeout > LONGEST_TIMEOUT {
        problems.add(join(AT, "timeout"), "expected a span from `100ms` to `30s`");
    }
    let cache_bytes = settings.cache_size.map_or(DEFAULT_CACHE_SIZE, |size| size.0);
    if cache_bytes > LARGEST_CACHE_SIZE {
        problems.add(join(AT, "cache_size"), "expected at most `64MiB`: each worker has one");
    }
    if problems.len() > before {
        return None;
    }
    Some(GroupsSettings {
        provider,
        tenant: tenant?,
        cluster: settings.cluster,
        login_cluster: settings.login_cluster,
        token: token?,
        scope: format!("{}/.default", graph.trim_end_matches('/')),
        batch: batch?,
        client_id: settings.client_id,
        client_secret: Secret::new(settings.client_secret.0),
        fresh_for,
        timeout,
        security_groups_only: settings.security_groups_only.unwrap_or(true),
        cache_bytes,
    })
}

fn provider<'d>(
    name: &str,
    directories: &'d [Option<DirectoryOf>],
    names: &Names<'_>,
    problems: &mut Problems,
) -> Option<(usize, &'d DirectoryOf)> {
    let is_named = |provider: &crate::config::ProviderConfig| provider.provider.id().as_str() == name;
    let place = names.providers.iter().position(|provider| provider.as_ref().is_some_and(is_named));
    let Some(place) = place else {
        // One with faults of its own has no entry, and its faults are noted.
        if names.providers.iter().all(Option::is_some) {
            problems.add(join(AT, "provider"), format!("there is no provider `{name}`"));
        }
        return None;
    };
    match directories.get(place) {
        Some(Some(directory)) => Some((place, directory)),
        _ => {
            problems.add(join(AT, "provider"), format!("`{name}` is no provider with `entra`"));
            None
        }
    }
}

fn tenant(text: Option<&str>, problems: &mut Problems) -> Option<TenantId> {
    let at = join(AT, "tenant");
    let Some(text) = text else {
        problems.add(at, "is required: the provider has more than one tenant");
        return None;
    };
    let parsed = text.parse::<TenantId>();
    if parsed.is_err() {
        problems.add(at, format!("`{text}` is not a tenant id; expected a GUID"));
    }
    parsed.ok()
}

/// `base`, which is scheme and host alone, and `path`.
fn address(name: &str, base: &str, path: &str, problems: &mut Problems, warnings: &mut Vec<String>) -> Option<Url> {
    let at = join(AT, name);
    let base = base.trim_end_matches('/');
    match Url::parse(base) {
        Ok(url) if url.path_and_query() != "/" => {
            problems.add(
                at,
                format!("`{base}` has a path; expected scheme and host, such as `https://graph.microsoft.com`"),
            );
            return None;
        }
        Ok(url) if url.scheme() == crate::provider::Scheme::Http => {
            warnings.push(format!("{at}: the application's secret and tokens go over plain text"));
        }
        Ok(_) => {}
        Err(flaw) => {
            problems.add(at, flaw.to_string());
            return None;
        }
    }
    match Url::parse(&format!("{base}{path}")) {
        Ok(url) => Some(url),
        Err(flaw) => {
            problems.add(at, flaw.to_string());
            None
        }
    }
}

const AT: &str = "groups_overage";

const DEFAULT_CACHE: Duration = Duration::from_secs(10 * 60);

/// Entra's own tokens say for an hour who is in which group.
const LONGEST_CACHE: Duration = Duration::from_secs(60 * 60);

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(2);
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(100);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(30);

const DEFAULT_CACHE_SIZE: usize = 8 << 20;
const LARGEST_CACHE_SIZE: usize = 64 << 20;

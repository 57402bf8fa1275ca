//! Entra ID in a few words to its directory, cloud and versions.

use super::noted;
use crate::config::problems::{Problems, join};
use crate::config::settings::{CloudSettings, EntraSettings, ProviderSettings, TenantSettings, VersionSettings};
use crate::entra::{self, Directory, Versions};
use crate::provider::{Guid, TenantId};

/// `None` if there are faults, each noted.
pub(super) fn entra_settings(
    path: &str,
    settings: &ProviderSettings,
    entra: &EntraSettings,
    problems: &mut Problems,
) -> Option<entra::EntraSettings> {
    let before = problems.len();
    for (given, name) in [
        (settings.discovery.is_some(), "discovery"),
        (settings.jwks_uri.is_some(), "jwks_uri"),
        (settings.jwks.is_some(), "jwks"),
        (settings.pem.is_some(), "pem"),
        (settings.secret.is_some(), "secret"),
    ] {
        if given {
            problems.add(join(path, name), "does not go with `entra`, which knows where its keys are");
        }
    }
    let at = join(path, "entra");
    let versions = match entra.versions.as_deref() {
        None => Versions::Both,
        Some([VersionSettings::V1]) => Versions::One,
        Some([VersionSettings::V2]) => Versions::Two,
        Some([VersionSettings::V1, VersionSettings::V2] | [VersionSettings::V2, VersionSettings::V1]) => Versions::Both,
        Some(_) => {
            problems.add(join(&at, "versions"), "expected `v1`, `v2` or both, each once");
            Versions::Both
        }
    };
    let app_id = entra.app_id.as_ref().and_then(|id| noted(id.parse::<Guid>(), &join(&at, "app_id"), problems));
    let tenants = tenants(&at, &entra.tenants, problems);
    let directory = directory(&at, entra, tenants, problems);
    let cloud = match entra.cloud.unwrap_or(CloudSettings::Global) {
        CloudSettings::Global => entra::Cloud::Global,
        CloudSettings::UsGovernment => entra::Cloud::UsGovernment,
        CloudSettings::China => entra::Cloud::China,
    };
    let directory = directory.filter(|_| problems.len() == before)?;
    Some(entra::EntraSettings { directory, cloud, versions, app_id })
}

/// Which kind of directory; External ID and B2C have one tenant.
fn directory(
    at: &str,
    entra: &EntraSettings,
    tenants: Option<entra::Tenants>,
    problems: &mut Problems,
) -> Option<Directory> {
    let one = |tenants: Option<entra::Tenants>, problems: &mut Problems| match tenants? {
        entra::Tenants::One(tenant) => Some(tenant),
        entra::Tenants::Any | entra::Tenants::List(_) => {
            problems.add(join(at, "tenants"), "expected one tenant id: `external_id` and `b2c` have one tenant");
            None
        }
    };
    match (&entra.external_id, &entra.b2c) {
        (None, None) => tenants.map(Directory::Workforce),
        (Some(name), None) => one(tenants, problems).map(|tenant| Directory::ExternalId { name: name.clone(), tenant }),
        (None, Some(b2c)) => one(tenants, problems).map(|tenant| Directory::B2c {
            name: b2c.name.clone(),
            policy: b2c.policy.clone(),
            tenant,
        }),
        (Some(_), Some(_)) => {
            problems.add(at, "has both `external_id` and `b2c`; make two providers");
            None
        }
    }
}

fn tenants(path: &str, settings: &TenantSettings, problems: &mut Problems) -> Option<entra::Tenants> {
    let at = join(path, "tenants");
    let parse = |text: &str, at: &str, problems: &mut Problems| match text.parse::<TenantId>() {
        Ok(tenant) => Some(tenant),
        Err(_) => {
            problems.add(at, format!("`{text}` is not a tenant id; expected a GUID, a list of them, or `any`"));
            None
        }
    };
    match settings {
        TenantSettings::One(text) if text == "any" => Some(entra::Tenants::Any),
        TenantSettings::One(text) => parse(text, &at, problems).map(entra::Tenants::One),
        TenantSettings::List(texts) if texts.is_empty() => {
            problems.add(at, "is an empty list, which lets nobody in");
            None
        }
        TenantSettings::List(texts) => {
            let parsed: Vec<_> = texts
                .iter()
                .enumerate()
                .map(|(index, text)| parse(text, &format!("{at}[{index}]"), problems))
                .collect();
            parsed.into_iter().collect::<Option<Vec<_>>>().map(entra::Tenants::List)
        }
    }
}

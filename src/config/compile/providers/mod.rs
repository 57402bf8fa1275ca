//! Providers: issuers, where their keys come from, and what is asked of their tokens.

mod entra;
mod introspection;
mod keys;
mod tokens;

pub(super) use introspection::{bound, introspectors};

use crate::config::ProviderConfig;
use crate::config::problems::{Problems, join};
use crate::config::settings::ProviderSettings;
use crate::provider::{Provider, ProviderId};

/// One entry for each provider, in order; `None` where it has faults.
pub(super) fn compile(
    settings: Vec<(String, ProviderSettings)>,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> Vec<Option<ProviderConfig>> {
    let compiled: Vec<_> = settings
        .into_iter()
        .map(|(name, settings)| {
            let path = join("providers", &name);
            provider(&name, &path, settings, problems, warnings)
        })
        .collect();
    let mut rest: Vec<&ProviderConfig> = compiled.iter().flatten().collect();
    while let Some(one) = rest.pop() {
        for other in &rest {
            let overlap = one
                .provider
                .issuers()
                .iter()
                .any(|issuer| other.provider.issuers().iter().any(|theirs| issuer.rule.overlaps(&theirs.rule)));
            if overlap {
                let message = format!(
                    "accepts an issuer that provider `{}` accepts too; one issuer has one provider",
                    other.provider.id()
                );
                problems.add(join("providers", one.provider.id().as_str()), message);
            }
        }
    }
    compiled
}

fn provider(
    name: &str,
    path: &str,
    settings: ProviderSettings,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> Option<ProviderConfig> {
    let id = noted(ProviderId::parse(name), path, problems);
    let keys = keys::key_settings(settings.keys.as_ref(), &join(path, "keys"), problems);
    let mut rules = tokens::token_rules(path, &settings, problems, warnings);
    let introspection = introspection::compile(path, &settings, problems, warnings);
    let issuers = match (&settings.entra, &settings.issuer) {
        (Some(entra), None) => {
            let directory = entra::entra_settings(path, &settings, entra, problems);
            let cluster = cluster(path, &settings, problems);
            let directory = directory?;
            rules.entra = Some(directory.checks(settings.danger_accept_without_scope_or_role != Some(true)));
            noted(directory.issuers(&cluster?, settings.jwks_cluster.as_deref()), &join(path, "entra"), problems)
        }
        (None, Some(issuer)) => {
            keys::plain_issuer(path, &settings, issuer, &keys, problems, warnings).map(|issuer| vec![issuer])
        }
        (Some(_), Some(_)) => {
            problems.add(path, "has both `entra` and `issuer`; `entra` knows its issuers");
            None
        }
        (None, None) => {
            problems.add(path, "needs `entra` or `issuer`");
            None
        }
    };
    let provider = noted(Provider::new(id?, issuers?), path, problems)?;
    Some(ProviderConfig { provider, rules, keys, introspection })
}

fn cluster(path: &str, settings: &ProviderSettings, problems: &mut Problems) -> Option<String> {
    match &settings.cluster {
        Some(cluster) if !cluster.is_empty() => Some(cluster.clone()),
        _ => {
            problems.add(join(path, "cluster"), "is required: the name of the Envoy cluster that reaches the issuer");
            None
        }
    }
}

/// Notes a flaw as a problem of the setting at `path`.
fn noted<T, E: std::fmt::Display>(result: Result<T, E>, path: &str, problems: &mut Problems) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(flaw) => {
            problems.add(path, flaw.to_string());
            None
        }
    }
}

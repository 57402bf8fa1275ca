//! What a provider asks of its tokens.

use std::time::Duration;

use crate::config::problems::{Problems, join};
use crate::config::settings::{ProviderSettings, TokenTypeSettings};
use crate::jose::{Algorithm, AlgorithmSet};
use crate::token::TokenRules;

pub(super) fn token_rules(
    path: &str,
    settings: &ProviderSettings,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> TokenRules {
    let any_audience = settings.danger_any_audience.unwrap_or(false);
    if any_audience {
        warnings.push(format!("{path}.danger_any_audience: a token made for another API opens this one"));
    }
    let audiences = match (settings.audiences.clone(), any_audience) {
        (Some(_), true) => {
            problems.add(join(path, "audiences"), "does not go with `danger_any_audience`");
            None
        }
        (None, true) => None,
        (Some(audiences), false) => {
            if audiences.is_empty() || audiences.iter().any(|audience| audience.is_empty() || audience == "*") {
                problems.add(join(path, "audiences"), "expected at least one audience, each spelled out");
            }
            Some(audiences)
        }
        (None, false) => {
            problems.add(join(path, "audiences"), "is required: the `aud` of tokens made for this API");
            None
        }
    };
    let clock_skew = settings.clock_skew.map_or(DEFAULT_SKEW, |span| span.0);
    if clock_skew > LONGEST_SKEW {
        problems.add(join(path, "clock_skew"), "expected at most `300s`");
    }
    if settings.token_type == Some(TokenTypeSettings::AccessToken) && settings.entra.is_some() {
        problems.add(join(path, "token_type"), "does not go with `entra`, whose access tokens all say `JWT`");
    }
    let without = settings.danger_accept_without_scope_or_role;
    if without == Some(true) {
        warnings.push(format!("{path}.danger_accept_without_scope_or_role: any application of the tenant gets in"));
    }
    if without.is_some() && settings.entra.is_none() {
        problems.add(join(path, "danger_accept_without_scope_or_role"), "goes with `entra` only");
    }
    TokenRules {
        audiences,
        algorithms: algorithms(path, settings, problems),
        access_token_profile: settings.token_type == Some(TokenTypeSettings::AccessToken),
        clock_skew,
        max_lifetime: settings.max_lifetime.map(|span| span.0),
        max_age: settings.max_age.map(|span| span.0),
        // Set where the tenants are known.
        entra: None,
    }
}

fn algorithms(path: &str, settings: &ProviderSettings, problems: &mut Problems) -> AlgorithmSet {
    let secret = settings.secret.as_ref().and_then(|secret| Algorithm::from_name(&secret.algorithm));
    let Some(names) = &settings.algorithms else {
        return secret.map_or(AlgorithmSet::ASYMMETRIC, AlgorithmSet::only);
    };
    let at = join(path, "algorithms");
    if names.is_empty() {
        problems.add(&*at, "is empty, which accepts no token");
    }
    if settings.secret.is_some() {
        problems.add(&*at, "does not go with `secret`, which names its algorithm");
    }
    let mut set = Vec::new();
    for (index, name) in names.iter().enumerate() {
        match Algorithm::from_name(name) {
            Some(algorithm) if !algorithm.is_symmetric() => set.push(algorithm),
            _ => problems.add(
                format!("{at}[{index}]"),
                format!("`{name}` is not accepted; expected RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 or EdDSA"),
            ),
        }
    }
    set.into_iter().collect()
}

/// What Envoy's own filter allows; clocks that keep time need far less.
const DEFAULT_SKEW: Duration = Duration::from_secs(60);

/// The value of Microsoft's own library (security requirement J21).
const LONGEST_SKEW: Duration = Duration::from_secs(300);

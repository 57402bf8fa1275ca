//! What loads and is hardly meant: keys that tell nobody apart, and settings that change nothing.

use super::{Applied, RateLimits};
use crate::config::LimitConfig;
use crate::config::compile::Names;
use crate::policy::Access;
use crate::rate_limit::{Part, When};

/// Notes that an operator should hear of the setting at `path`.
pub(super) fn warn(names: &Names<'_>, path: &str, text: &str) {
    names.warnings.borrow_mut().push(format!("{path}: {text}"));
}

/// The warnings of all limits, with the rules that they apply to.
pub(super) fn of_all(limits: &RateLimits, names: &Names<'_>) {
    for (place, (name, limit)) in limits.limits.iter().enumerate() {
        let Some(limit) = limit else { continue };
        let at = format!("rate_limits.{name}");
        let rules: Vec<&Applied> = limits.applied.iter().filter(|rule| rule.limits.contains(&place)).collect();
        key(&at, limit, &rules, names);
        if limit.limit.when == When::ArrivalOfFailures && rules.iter().all(|rule| rule.access == Access::Anonymous) {
            warn(names, &format!("{at}.count"), "no rule of this limit looks at credentials, so there are no failures");
        }
    }
}

fn key(at: &str, limit: &LimitConfig, rules: &[&Applied], names: &Names<'_>) {
    let at = format!("{at}.key");
    let parts = limit.limit.key.parts();
    if parts.contains(&Part::ApiKey) && !names.api_keys {
        warn(names, &at, "there are no `api_keys`: all callers share one allowance of `api_key`");
    }
    let entra = names.providers.iter().any(|provider| provider.as_ref().is_none_or(|one| one.rules.entra.is_some()));
    if parts.contains(&Part::Tenant) && !entra && !names.api_keys {
        warn(names, &at, "no provider is Entra ID: callers without a `tid` share one allowance of `tenant`");
    }
    // With such a part strangers are told apart too.
    let of_strangers =
        |part: &Part| matches!(part, Part::Address | Part::Network { .. } | Part::Header(_) | Part::Host);
    let Some(of_callers) = parts.iter().find(|part| part.needs_identity()) else { return };
    if parts.iter().any(of_strangers) {
        return;
    }
    for rule in rules.iter().filter(|rule| rule.access != Access::Required) {
        let text = format!(
            "callers without a credential, whom {} lets in, share one allowance of `{}`",
            rule.path,
            of_callers.name()
        );
        warn(names, &at, &text);
    }
}

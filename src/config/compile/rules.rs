//! Rules: what each speaks for, and what it asks for.

use std::rc::Rc;

use super::conditional_access::Policies;
use super::rate_limit::RateLimits;
use super::{Names, requirement};
use crate::config::ProviderConfig;
use crate::config::named::Named;
use crate::config::problems::{Problems, join};
use crate::config::settings::{
    AcceptSettings, AccessSettings, ClientCertificateSettings, ExpectedSettings, MatchSettings, RuleSettings,
};
use crate::http::name::is_token;
use crate::policy::condition::MAX_CONDITIONS;
use crate::policy::{
    Access, Conditions, Credentials, Expected, HostPattern, MatchSpec, Method, PathTemplate, Router, Rule, RuleName,
};

/// The router over all rules; `None` if one has faults.
pub(super) fn compile(
    settings: Vec<RuleSettings>,
    policies: &Policies,
    limits: &mut RateLimits,
    names: &Names<'_>,
    problems: &mut Problems,
) -> Option<Router<Rule>> {
    if settings.is_empty() {
        problems.add("rules", "is empty, which denies every request; name what may pass");
    }
    let mut taken = std::collections::HashSet::new();
    let mut compiled = Vec::with_capacity(settings.len());
    for (index, settings) in settings.into_iter().enumerate() {
        let path = format!("rules[{index}]");
        if !taken.insert(settings.name.clone()) {
            problems.add(join(&path, "name"), format!("`{}` is the name of an earlier rule too", settings.name));
        }
        compiled.push(rule(index, &path, settings, policies, limits, names, problems));
    }
    match Router::new(compiled.into_iter().collect::<Option<Vec<_>>>()?) {
        Ok(router) => Some(router),
        Err(conflicts) => {
            for conflict in conflicts {
                problems.add("rules", conflict.to_string());
            }
            None
        }
    }
}

fn rule(
    index: usize,
    path: &str,
    settings: RuleSettings,
    policies: &Policies,
    limits: &mut RateLimits,
    names: &Names<'_>,
    problems: &mut Problems,
) -> Option<(MatchSpec, Rule)> {
    let name = match RuleName::parse(&settings.name) {
        Ok(name) => Some(name),
        Err(flaw) => {
            problems.add(join(path, "name"), flaw.to_string());
            None
        }
    };
    let access = match settings.access.unwrap_or(AccessSettings::Required) {
        AccessSettings::Required => Access::Required,
        AccessSettings::Optional => Access::Optional,
        AccessSettings::Anonymous => Access::Anonymous,
    };
    if access == Access::Anonymous {
        for (given, name) in [(settings.providers.is_some(), "providers"), (settings.audiences.is_some(), "audiences")]
        {
            if given {
                problems.add(join(path, name), "does not go with `anonymous`, which looks at no token");
            }
        }
    }
    let accepts = accepts(path, settings.accept.as_deref(), access, names, problems);
    let rule_providers = rule_providers(path, settings.providers.as_deref(), names.providers, problems);
    if let Some(audiences) = &settings.audiences {
        rule_audiences(&join(path, "audiences"), audiences, rule_providers.as_deref(), names.providers, problems);
    }
    let limits = limits.of_rule(path, access, settings.limits, problems);
    let spec = match_spec(name.clone(), &join(path, "match"), settings.matches, problems);
    let require = match settings.require {
        Some(require) => {
            let paths = spec.as_ref().map(|spec| spec.paths.as_slice());
            Some(requirement::compile_for_rule(&join(path, "require"), require, names, paths, accepts, problems)?)
        }
        None => None,
    };
    let spec = spec?;
    let rule = Rule {
        index,
        name: Rc::from(name?.as_str()),
        access,
        accepts,
        providers: rule_providers,
        audiences: settings.audiences,
        require,
        report_only: settings.report_only.unwrap_or(false),
        limits,
        policies: policies.about(&settings.name),
    };
    Some((spec, rule))
}

/// The kinds of credentials that a rule takes.
fn accepts(
    path: &str,
    settings: Option<&[AcceptSettings]>,
    access: Access,
    names: &Names<'_>,
    problems: &mut Problems,
) -> Credentials {
    let identities = names.certificate_settings.is_some_and(ClientCertificateSettings::has_identities);
    let takes_tokens = settings.is_none_or(|settings| settings.contains(&AcceptSettings::Token));
    if takes_tokens && access != Access::Anonymous && names.providers.is_empty() && (names.api_keys || identities) {
        problems.add(join(path, "accept"), "takes tokens, and there are no `providers` of any");
    }
    let Some(settings) = settings else { return Credentials::default() };
    if settings.contains(&AcceptSettings::ApiKey) && !names.api_keys {
        problems.add(join(path, "accept"), "takes API keys, and there are none; name them in `api_keys`");
    }
    if access == Access::Anonymous {
        problems.add(join(path, "accept"), "does not go with `anonymous`, which looks at no credential");
    }
    if settings.is_empty() {
        problems.add(join(path, "accept"), "is empty, which lets nobody in; leave it out for tokens");
    }
    if settings.contains(&AcceptSettings::Certificate) && !identities {
        problems.add(
            join(path, "accept"),
            "`certificate` needs one of `client_certificates.accepted` with an `identity`: nobody would be known by one",
        );
    }
    Credentials {
        token: settings.contains(&AcceptSettings::Token),
        api_key: settings.contains(&AcceptSettings::ApiKey),
        certificate: settings.contains(&AcceptSettings::Certificate),
    }
}

/// The places of the named providers.
pub(super) fn rule_providers(
    path: &str,
    names: Option<&[String]>,
    providers: &[Option<ProviderConfig>],
    problems: &mut Problems,
) -> Option<Vec<usize>> {
    let names = names?;
    let at = join(path, "providers");
    if names.is_empty() {
        problems.add(&*at, "is empty, which lets nobody in; leave it out for any provider");
    }
    let mut places = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let at = format!("{at}[{index}]");
        match provider_place(&at, name, providers, problems) {
            Some(place) if places.contains(&place) => problems.add(at, format!("`{name}` is named twice")),
            Some(place) => places.push(place),
            None => {}
        }
    }
    Some(places)
}

/// The place of a named provider.
pub(super) fn provider_place(
    at: &str,
    name: &str,
    providers: &[Option<ProviderConfig>],
    problems: &mut Problems,
) -> Option<usize> {
    let is_named = |provider: &ProviderConfig| provider.provider.id().as_str() == name;
    let place = providers.iter().position(|provider| provider.as_ref().is_some_and(is_named));
    // A provider with faults of its own has no entry, so a name can't be called unknown then.
    if place.is_none() && providers.iter().all(Option::is_some) {
        problems.add(at, format!("there is no provider `{name}`"));
    }
    place
}

/// An audience that none of the rule's providers accepts would make a rule that no token can satisfy.
pub(super) fn rule_audiences(
    at: &str,
    audiences: &[String],
    places: Option<&[usize]>,
    providers: &[Option<ProviderConfig>],
    problems: &mut Problems,
) {
    if audiences.is_empty() {
        problems.add(at, "is empty, which lets nobody in; leave it out for any of the providers'");
    }
    if providers.iter().any(Option::is_none) {
        return;
    }
    let spoken_for = |audience: &String| {
        providers.iter().flatten().enumerate().any(|(place, provider)| {
            places.is_none_or(|places| places.contains(&place))
                && provider.rules.audiences.as_ref().is_none_or(|accepted| accepted.contains(audience))
        })
    };
    for (index, audience) in audiences.iter().enumerate() {
        if !spoken_for(audience) {
            problems.add(
                format!("{at}[{index}]"),
                format!("`{audience}` is not an audience of the rule's providers, so no token could have it"),
            );
        }
    }
}

fn match_spec(
    name: Option<RuleName>,
    path: &str,
    settings: MatchSettings,
    problems: &mut Problems,
) -> Option<MatchSpec> {
    let hosts = each(settings.hosts, &join(path, "hosts"), problems, HostPattern::parse);
    let paths = each(settings.paths, &join(path, "paths"), problems, PathTemplate::parse);
    let methods = each(settings.methods, &join(path, "methods"), problems, Method::parse);
    let headers = expected(settings.headers, &join(path, "headers"), problems, |name| is_token(name.as_bytes()));
    let query = expected(settings.query, &join(path, "query"), problems, |name| !name.is_empty());
    let conditions = Conditions::new(headers?, query?);
    if conditions.len() > MAX_CONDITIONS {
        problems.add(path, format!("has more than {MAX_CONDITIONS} conditions on headers and query"));
        return None;
    }
    if let Some(name) = conditions.repeated() {
        problems.add(path, format!("`{name}` is given twice, but for its case"));
        return None;
    }
    Some(MatchSpec { name: name?, hosts: hosts?, paths: paths?, methods: methods?, conditions })
}

/// Each name with what it must be.
fn expected(
    settings: Option<Named<ExpectedSettings>>,
    path: &str,
    problems: &mut Problems,
    is_name: impl Fn(&str) -> bool,
) -> Option<Vec<(String, Expected)>> {
    let Some(Named(settings)) = settings else { return Some(Vec::new()) };
    let before = problems.len();
    let mut named = Vec::new();
    for (name, settings) in settings {
        let at = join(path, &name);
        if !is_name(&name) {
            problems.add(&*at, "is not a name");
        }
        let expected = match settings {
            ExpectedSettings::Present(true) => Expected::Present,
            ExpectedSettings::Present(false) => {
                problems.add(
                    &*at,
                    "expected `true` or values; that something is not there is what rules without it are for",
                );
                continue;
            }
            ExpectedSettings::One(text) => Expected::OneOf(vec![text]),
            ExpectedSettings::List(texts) if texts.is_empty() => {
                problems.add(&*at, "is empty, which matches nothing; write `true` to match any value");
                continue;
            }
            ExpectedSettings::List(texts) if texts.len() > MAX_VALUES => {
                problems.add(&*at, format!("has more than {MAX_VALUES} values"));
                continue;
            }
            ExpectedSettings::List(texts) => Expected::OneOf(texts),
        };
        named.push((name, expected));
    }
    (problems.len() == before).then_some(named)
}

/// Each is compared with each request that gets there.
const MAX_VALUES: usize = 64;

/// Each text parsed; an empty list would match nothing and is a fault, an absent one matches anything.
fn each<T, E: std::fmt::Display>(
    texts: Option<Vec<String>>,
    path: &str,
    problems: &mut Problems,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Option<Vec<T>> {
    let Some(texts) = texts else { return Some(Vec::new()) };
    if texts.is_empty() {
        problems.add(path, "is empty, which matches nothing; leave it out to match anything");
    }
    let mut parsed = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        match parse(text) {
            Ok(value) => parsed.push(value),
            Err(flaw) => problems.add(format!("{path}[{index}]"), flaw.to_string()),
        }
    }
    (parsed.len() == texts.len()).then_some(parsed)
}

//! What requirements ask about the caller.

use std::str::FromStr;

use super::binding;
use super::claim::claim_path;
use super::requirement::Scope;
use super::roles;
use super::rules::{provider_place, rule_audiences, rule_providers};
use crate::claim_path::ClaimPath;
use crate::config::ProviderConfig;
use crate::config::problems::{Problems, join};
use crate::config::settings::{
    AnyOrAllSettings, CallerSettings, ClaimPathSettings, ClaimSettings, ClientAuthenticationSettings,
    NamedListSettings, OwnerSettings, RequirementSettings, ScalarSettings, SubjectSettings,
};
use crate::http::challenge::is_scope;
use crate::http::name::is_token;
use crate::policy::requirement::{
    CallerKind, CelCheck, Check, ClaimCheck, ClientAuthentication, Comparison, OwnerCheck, Place, Scalar, SubjectSpec,
    Wanted,
};
use crate::provider::Guid;

/// The members of `settings` that are about the caller; what stays in it is none of them.
pub(super) fn checks(
    path: &str,
    settings: &mut RequirementSettings,
    scope: &Scope<'_, '_>,
    problems: &mut Problems,
) -> Vec<Check> {
    let mut checks: Vec<Option<Check>> = Vec::new();
    let at = |name: &str| join(path, name);
    if let Some(names) = settings.providers.take() {
        let places = rule_providers(path, Some(&names), scope.names.providers, problems);
        checks.push(places.map(|places| Check::Providers(places.into())));
    }
    if let Some(audiences) = settings.audiences.take() {
        let at = at("audiences");
        checks.push(wanted(&at, audiences, problems).map(|wanted| {
            rule_audiences(&at, wanted.texts(), None, scope.names.providers, problems);
            Check::Audiences(wanted)
        }));
    }
    if let Some(scopes) = settings.scopes.take() {
        checks.push(scopes_wanted(&at("scopes"), scopes, problems).map(Check::Scopes));
    }
    if let Some(roles) = settings.app_roles.take() {
        checks.push(wanted(&at("app_roles"), roles, problems).map(Check::AppRoles));
    }
    if let Some(groups) = settings.groups.take() {
        checks.push(wanted(&at("groups"), lower_ids(groups), problems).map(Check::Groups));
    }
    if let Some(roles) = settings.directory_roles.take() {
        checks.push(wanted(&at("directory_roles"), lower_ids(roles), problems).map(Check::DirectoryRoles));
    }
    if let Some(permissions) = settings.permissions.take() {
        checks.push(roles::permissions(&at("permissions"), permissions, scope, problems));
    }
    if let Some(clients) = settings.clients.take() {
        let clients: Vec<String> = clients.into_iter().map(lower_id).collect();
        checks.push(list(&at("clients"), clients, problems).map(|clients| Check::Clients(clients.into())));
    }
    if let Some(kinds) = settings.client_authentication.take() {
        let kinds = kinds.into_iter().map(client_authentication).collect::<Vec<_>>();
        checks.push(
            some(&at("client_authentication"), kinds, problems).map(|kinds| Check::ClientAuthentication(kinds.into())),
        );
    }
    if let Some(tenants) = settings.tenants.take() {
        checks.push(tenant_ids(&at("tenants"), tenants, problems));
    }
    if let Some(subjects) = settings.subjects.take() {
        checks.push(subject_specs(&at("subjects"), subjects, scope, problems));
    }
    if let Some(kinds) = settings.callers.take() {
        let kinds = kinds.into_iter().map(caller_kind).collect::<Vec<_>>();
        checks.push(some(&at("callers"), kinds, problems).map(|kinds| Check::Callers(kinds.into())));
    }
    if let Some(methods) = settings.binding.take() {
        let at = at("binding");
        let methods = binding::methods(&at, methods, scope.names.bindings, problems);
        checks.push(some(&at, methods, problems).map(|methods| Check::Binding(methods.into())));
    }
    if let Some(settings) = settings.claim.take() {
        checks.push(claim(&at("claim"), settings, scope, false, problems));
    }
    if let Some(settings) = settings.danger_claim.take() {
        checks.push(claim(&at("danger_claim"), settings, scope, true, problems));
    }
    if let Some(settings) = settings.owner.take() {
        checks.push(owner(&at("owner"), settings, scope, problems));
    }
    if let Some(text) = settings.cel.take() {
        checks.push(condition(&at("cel"), &text, scope, problems));
    }
    checks.into_iter().flatten().collect()
}

/// Texts, of which there is at least one and none empty.
pub(super) fn wanted(at: &str, settings: AnyOrAllSettings, problems: &mut Problems) -> Option<Wanted> {
    match settings {
        AnyOrAllSettings::One(text) => list(at, vec![text], problems).map(Wanted::any),
        AnyOrAllSettings::Any(texts) => list(at, texts, problems).map(Wanted::any),
        AnyOrAllSettings::Named(NamedListSettings { any: Some(texts), all: None }) => {
            list(&join(at, "any"), texts, problems).map(Wanted::any)
        }
        AnyOrAllSettings::Named(NamedListSettings { any: None, all: Some(texts) }) => {
            list(&join(at, "all"), texts, problems).map(Wanted::all)
        }
        AnyOrAllSettings::Named(_) => {
            problems.add(at, "expected either `any` or `all`");
            None
        }
    }
}

/// Scopes become part of a challenge, so they have to be scopes (RFC 6749 section 3.3).
fn scopes_wanted(at: &str, settings: AnyOrAllSettings, problems: &mut Problems) -> Option<Wanted> {
    let wanted = wanted(at, settings, problems)?;
    let bad: Vec<&String> = wanted.texts().iter().filter(|text| !is_scope(text)).collect();
    for text in &bad {
        problems.add(at, format!("`{text}` is not a scope: printable ASCII without space, `\"` and `\\`"));
    }
    bad.is_empty().then(|| wanted.clone())
}

fn list(at: &str, texts: Vec<String>, problems: &mut Problems) -> Option<Vec<String>> {
    for (index, text) in texts.iter().enumerate() {
        if text.is_empty() {
            problems.add(if texts.len() == 1 { at.to_owned() } else { format!("{at}[{index}]") }, "is an empty text");
            return None;
        }
    }
    some(at, texts, problems)
}

fn some<T>(at: &str, items: Vec<T>, problems: &mut Problems) -> Option<Vec<T>> {
    if items.is_empty() {
        problems.add(at, "is empty, which nobody can meet; name what is asked for, or leave it out");
        return None;
    }
    Some(items)
}

/// Entra ID writes ids in lower case; people copy them in either.
fn lower_id(text: String) -> String {
    Guid::from_str(&text).map_or(text, |id| id.to_string())
}

fn lower_ids(settings: AnyOrAllSettings) -> AnyOrAllSettings {
    let each = |texts: Vec<String>| texts.into_iter().map(lower_id).collect();
    match settings {
        AnyOrAllSettings::One(text) => AnyOrAllSettings::One(lower_id(text)),
        AnyOrAllSettings::Any(texts) => AnyOrAllSettings::Any(each(texts)),
        AnyOrAllSettings::Named(NamedListSettings { any, all }) => {
            AnyOrAllSettings::Named(NamedListSettings { any: any.map(each), all: all.map(each) })
        }
    }
}

fn tenant_ids(at: &str, tenants: Vec<String>, problems: &mut Problems) -> Option<Check> {
    let mut ids = Vec::new();
    for (index, tenant) in tenants.iter().enumerate() {
        match Guid::from_str(tenant) {
            Ok(id) => ids.push(id.to_string()),
            Err(_) => problems.add(format!("{at}[{index}]"), format!("`{tenant}` is not a tenant id; expected a GUID")),
        }
    }
    let all_read = ids.len() == tenants.len();
    some(at, tenants, problems).filter(|_| all_read).map(|_| Check::Tenants(ids.into()))
}

fn subject_specs(
    at: &str,
    subjects: Vec<SubjectSettings>,
    scope: &Scope<'_, '_>,
    problems: &mut Problems,
) -> Option<Check> {
    let before = problems.len();
    let mut specs = Vec::new();
    for (index, subject) in some(at, subjects, problems)?.into_iter().enumerate() {
        let at = format!("{at}[{index}]");
        match subject {
            SubjectSettings { oid: Some(oid), tid: Some(tid), sub: None, provider: None } => {
                for (name, id) in [("oid", &oid), ("tid", &tid)] {
                    if Guid::from_str(id).is_err() {
                        problems.add(join(&at, name), format!("`{id}` is not a GUID"));
                    }
                }
                specs.push(SubjectSpec::Object { oid: lower_id(oid), tid: lower_id(tid) });
            }
            SubjectSettings { oid: None, tid: None, sub: Some(sub), provider: Some(provider) } => {
                if sub.is_empty() {
                    problems.add(join(&at, "sub"), "is an empty text");
                }
                let place = provider_place(&join(&at, "provider"), &provider, scope.names.providers, problems);
                specs.extend(place.map(|provider| SubjectSpec::Subject { sub, provider }));
            }
            _ => problems.add(at, "expected either `oid` with `tid`, or `sub` with `provider`"),
        }
    }
    (problems.len() == before).then(|| Check::Subjects(specs.into()))
}

fn claim(
    at: &str,
    settings: ClaimSettings,
    scope: &Scope<'_, '_>,
    danger: bool,
    problems: &mut Problems,
) -> Option<Check> {
    let path = fit_to_decide(&join(at, "path"), settings.path, danger, "danger_claim", scope, problems);
    let scalars = |name: &str, list: Vec<ScalarSettings>, problems: &mut Problems| {
        some(&join(at, name), list, problems).map(|list| list.into_iter().map(scalar).collect::<Vec<_>>())
    };
    let before = problems.len();
    let comparisons: Vec<Comparison> = [
        settings.equals.map(|value| Comparison::Equals(scalar(value))),
        settings.one_of.and_then(|list| scalars("one_of", list, problems)).map(Comparison::OneOf),
        settings.contains_all.and_then(|list| scalars("contains_all", list, problems)).map(Comparison::ContainsAll),
        settings.contains_any.and_then(|list| scalars("contains_any", list, problems)).map(Comparison::ContainsAny),
        settings.prefix.map(Comparison::Prefix),
        settings
            .range
            .map(|range| Comparison::Range { min: range.min.map(|min| min.0), max: range.max.map(|max| max.0) }),
        settings.present.map(Comparison::Present),
    ]
    .into_iter()
    .flatten()
    .collect();
    if problems.len() > before {
        return None;
    }
    match <[Comparison; 1]>::try_from(comparisons) {
        Ok([Comparison::Prefix(prefix)]) if prefix.is_empty() => {
            problems.add(join(at, "prefix"), "is an empty text");
            None
        }
        Ok([Comparison::Range { min: None, max: None }]) => {
            problems.add(join(at, "range"), "expected `min`, `max` or both");
            None
        }
        Ok([comparison]) => Some(Check::Claim(ClaimCheck { path: path?, comparison }.into())),
        Err(_) => {
            problems.add(
                at,
                "expected exactly one of `equals`, `one_of`, `contains_all`, `contains_any`, `prefix`, `range`, `present`",
            );
            None
        }
    }
}

fn owner(at: &str, settings: OwnerSettings, scope: &Scope<'_, '_>, problems: &mut Problems) -> Option<Check> {
    let place = match (settings.parameter, settings.header) {
        (Some(parameter), None) => {
            scope.check_parameter(&join(at, "parameter"), &parameter, problems);
            Some(Place::Parameter(parameter))
        }
        (None, Some(header)) if is_token(header.as_bytes()) => Some(Place::Header(header.to_ascii_lowercase())),
        (None, Some(header)) => {
            problems.add(join(at, "header"), format!("`{header}` is not a header name"));
            None
        }
        _ => {
            problems.add(at, "expected either `parameter` or `header`");
            None
        }
    };
    let claim = match (settings.claim, settings.danger_claim) {
        (Some(path), None) => fit_to_decide(&join(at, "claim"), path, false, "danger_claim", scope, problems),
        (None, Some(path)) => fit_to_decide(&join(at, "danger_claim"), path, true, "danger_claim", scope, problems),
        _ => {
            problems.add(at, "expected either `claim` or `danger_claim`");
            None
        }
    };
    Some(Check::Owner(OwnerCheck { place: place?, claim: claim? }.into()))
}

fn condition(at: &str, text: &str, scope: &Scope<'_, '_>, problems: &mut Problems) -> Option<Check> {
    let name = |provider: &Option<ProviderConfig>| {
        provider.as_ref().map_or_else(String::new, |provider| provider.provider.id().as_str().to_owned())
    };
    let providers: Vec<String> = scope.names.providers.iter().map(name).collect();
    match CelCheck::compile(text, is_unfit, providers.into()) {
        Ok(check) => {
            for name in &check.needs().params {
                scope.check_named(at, name, problems);
            }
            let asks_for_kind = check.needs().caller.contains("kind");
            scope.check_meaning(at, check.needs().claims.iter().map(String::as_str).filter(|_| !asks_for_kind));
            for name in &check.needs().danger_claims {
                scope.warn(unfit_warning(at, name));
            }
            Some(Check::Cel(check.into()))
        }
        Err(flaws) => {
            for flaw in flaws {
                problems.add(at, flaw.to_string());
            }
            None
        }
    }
}

fn unfit_warning(at: &str, name: &str) -> String {
    format!("{at}: decides by a claim that its bearer or another tenant may choose (`{name}`)")
}

/// A claim to decide by. Some are what a user or another tenant's administrator chose ("Claims validation": never for
/// authorisation), and have to be asked for as such.
fn fit_to_decide(
    at: &str,
    settings: ClaimPathSettings,
    danger: bool,
    instead: &str,
    scope: &Scope<'_, '_>,
    problems: &mut Problems,
) -> Option<ClaimPath> {
    let path = claim_path(at, settings, problems)?;
    let name = path.first();
    scope.check_meaning(at, [name]);
    if danger {
        scope.warn(unfit_warning(at, name));
    } else if is_unfit(name) {
        problems.add(at, format!("`{name}` can be chosen by users or other tenants; if you must, write `{instead}`"));
        return None;
    }
    Some(path)
}

/// The same where there is no other word for it: for devices and risks.
pub(super) fn claim_fit_to_decide(at: &str, settings: ClaimPathSettings, problems: &mut Problems) -> Option<ClaimPath> {
    let path = claim_path(at, settings, problems)?;
    if is_unfit(path.first()) {
        problems.add(at, format!("`{}` can be chosen by users or other tenants, and says nothing here", path.first()));
        return None;
    }
    Some(path)
}

/// Is this claim one that must not decide?
pub(super) fn is_unfit(name: &str) -> bool {
    UNFIT.contains(&name)
}

/// Mutable, or not verified, or the same for two people (reference "Claims validation").
const UNFIT: [&str; 5] = ["email", "upn", "preferred_username", "name", "unique_name"];

fn scalar(settings: ScalarSettings) -> Scalar {
    match settings {
        ScalarSettings::Boolean(value) => Scalar::Boolean(value),
        ScalarSettings::Number(number) => Scalar::Number(number),
        ScalarSettings::Text(text) => Scalar::Text(text),
    }
}

pub(super) fn client_authentication(settings: ClientAuthenticationSettings) -> ClientAuthentication {
    match settings {
        ClientAuthenticationSettings::Public => ClientAuthentication::Public,
        ClientAuthenticationSettings::Secret => ClientAuthentication::Secret,
        ClientAuthenticationSettings::Certificate => ClientAuthentication::Certificate,
    }
}

fn caller_kind(settings: CallerSettings) -> CallerKind {
    match settings {
        CallerSettings::User => CallerKind::User,
        CallerSettings::Guest => CallerKind::Guest,
        CallerSettings::Application => CallerKind::Application,
        CallerSettings::Agent => CallerKind::Agent,
        CallerSettings::ManagedIdentity => CallerKind::ManagedIdentity,
        CallerSettings::Device => CallerKind::Device,
        CallerSettings::ApiKey => CallerKind::ApiKey,
        CallerSettings::Certificate => CallerKind::Certificate,
    }
}

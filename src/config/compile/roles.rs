//! Roles of one's own: what each permits, and who has it.

use std::rc::Rc;

use super::api_key::Grants;
use super::caller::wanted;
use super::requirement::Scope;
use super::{Names, requirement};
use crate::config::named::Named;
use crate::config::problems::{Problems, join};
use crate::config::settings::{AnyOrAllSettings, RoleSettings};
use crate::policy::Requirement;
use crate::policy::requirement::{CallerKind, Check};
use crate::policy::roles::{PermissionCheck, Role, Roles};

/// Who has which permission; `None` if a role has faults.
pub(super) fn compile(
    settings: Option<Named<RoleSettings>>,
    grants: &Grants,
    names: &Names<'_>,
    problems: &mut Problems,
) -> Option<Roles> {
    let Some(Named(settings)) = settings else { return Some(Roles::default()) };
    let before = problems.len();
    if settings.len() > MAX_ROLES {
        problems.add("roles", format!("there are more than {MAX_ROLES} roles"));
        return None;
    }
    let known: Vec<String> = settings.iter().map(|(name, _)| name.clone()).collect();
    let mut roles = Vec::new();
    for (name, settings) in settings {
        let path = join("roles", &name);
        if name.is_empty() {
            problems.add(&*path, "a role needs a name");
        }
        let mut role = role(&path, &name, settings, &known, names, problems);
        if let Some(keys) = grants.get(&name) {
            role.granted_to = Some(Rc::new(or_by_key(role.granted_to, keys)));
        }
        roles.push(role);
    }
    if problems.len() > before {
        return None;
    }
    match Roles::new(&roles) {
        Ok(roles) => Some(roles),
        Err(cycle) => {
            let names: Vec<String> = cycle.iter().map(|name| format!("`{name}`")).collect();
            let at = cycle.first().map_or_else(String::new, |name| format!("roles.{name}.inherits"));
            problems.add(at, format!("a role can't inherit itself: {}", names.join(" inherits ")));
            None
        }
    }
}

/// Whoever has the role already, or shows one of these API keys.
fn or_by_key(granted_to: Option<Rc<Requirement>>, keys: &[String]) -> Requirement {
    let by_key = Requirement::AllOf(vec![
        Requirement::Check(Check::Callers([CallerKind::ApiKey].into())),
        Requirement::Check(Check::Clients(keys.into())),
    ]);
    match granted_to {
        Some(others) => Requirement::AnyOf(vec![by_key, Rc::unwrap_or_clone(others)]),
        None => by_key,
    }
}

fn role(
    path: &str,
    name: &str,
    settings: RoleSettings,
    known: &[String],
    names: &Names<'_>,
    problems: &mut Problems,
) -> Role {
    let permissions = settings.permissions.unwrap_or_default();
    let inherited = settings.inherits.unwrap_or_default();
    if permissions.is_empty() && inherited.is_empty() {
        problems.add(path, "permits nothing; name its `permissions`, or roles that it `inherits`");
    }
    for (index, permission) in permissions.iter().enumerate() {
        let at = || format!("{path}.permissions[{index}]");
        if permission.is_empty() {
            problems.add(at(), "is an empty text");
        } else if permissions.iter().take(index).any(|earlier| earlier == permission) {
            problems.add(at(), format!("`{permission}` is named twice"));
        }
    }
    let mut inherits = Vec::new();
    for (index, inherited) in inherited.iter().enumerate() {
        let at = format!("{path}.inherits[{index}]");
        match known.iter().position(|name| name == inherited) {
            Some(place) if inherits.contains(&place) => problems.add(at, format!("`{inherited}` is named twice")),
            Some(place) => inherits.push(place),
            None => problems.add_unknown(at, "role", inherited, known),
        }
    }
    let granted_to = settings
        .granted_to
        .and_then(|granted_to| requirement::compile_for_role(&join(path, "granted_to"), granted_to, names, problems));
    Role { name: name.into(), permissions, inherits, granted_to: granted_to.map(Rc::new) }
}

/// Permissions that a requirement asks for, each with the roles that give it.
pub(super) fn permissions(
    at: &str,
    settings: AnyOrAllSettings,
    scope: &Scope<'_, '_>,
    problems: &mut Problems,
) -> Option<Check> {
    if scope.is_role {
        problems.add(at, "a role is not granted by permissions: they come from roles");
        return None;
    }
    let wanted = wanted(at, settings, problems)?;
    let roles = scope.names.roles.as_ref()?;
    let mut permissions = Vec::new();
    for permission in wanted.texts().iter() {
        match roles.grants(permission) {
            Some(grants) if grants.is_empty() => {
                problems.add(
                    at,
                    format!("nobody can have the permission `{permission}`: no role with it is `granted_to` anybody"),
                );
            }
            Some(grants) => permissions.push((permission.clone(), grants)),
            None => problems
                .add(at, format!("no role has the permission `{permission}`; known: {}", listed(roles.permissions()))),
        }
    }
    let all_known = permissions.len() == wanted.texts().len();
    all_known.then(|| Check::Permissions(PermissionCheck { permissions, every: wanted.is_all() }.into()))
}

fn listed<T: AsRef<str>>(names: impl Iterator<Item = T>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{}`", name.as_ref())).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// More than anybody can keep in mind; working out inheritance takes their number squared.
const MAX_ROLES: usize = 1000;

//! Roles of our own: role to permissions, and who has which role.
//!
//! A permission is had by whoever has a role that gives it, itself or by inheritance. All of that is worked out at load:
//! a permission that a rule asks for holds the requirements of the roles that give it, and nothing else is left to ask.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::facts::Facts;
use super::lack::Lack;
use super::requirement::{Requirement, any_of};
use crate::verdict::Verdict;

/// A role as the configuration has it. Roles that it inherits are given by their places.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its name.
    pub name: Rc<str>,
    /// What it permits itself.
    pub permissions: Vec<String>,
    /// Roles whose permissions it has too.
    pub inherits: Vec<usize>,
    /// Who has it; `None` is nobody.
    pub granted_to: Option<Rc<Requirement>>,
}

/// Who has which permission.
#[derive(Clone, Debug, Default)]
pub struct Roles {
    grants: BTreeMap<String, Rc<[Grant]>>,
}

/// One role that gives a permission, and who has it.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The role's name.
    pub role: Rc<str>,
    /// Who has it.
    pub granted_to: Rc<Requirement>,
}

impl Roles {
    /// Works out who has which permission.
    ///
    /// # Errors
    ///
    /// Roles that inherit themselves, by way of each other in this order.
    pub fn new(roles: &[Role]) -> Result<Self, Vec<Rc<str>>> {
        if let Some(cycle) = cycle(roles) {
            return Err(cycle);
        }
        let mut grants: BTreeMap<String, Vec<Grant>> = BTreeMap::new();
        for (place, role) in roles.iter().enumerate() {
            for permission in permissions(roles, place) {
                let holders = grants.entry(permission.to_owned()).or_default();
                if let Some(granted_to) = &role.granted_to {
                    holders.push(Grant { role: Rc::clone(&role.name), granted_to: Rc::clone(granted_to) });
                }
            }
        }
        Ok(Self { grants: grants.into_iter().map(|(name, grants)| (name, grants.into())).collect() })
    }

    /// The roles that give a permission and that somebody may have; `None` if no role gives it.
    #[must_use]
    pub fn grants(&self, permission: &str) -> Option<Rc<[Grant]>> {
        self.grants.get(permission).cloned()
    }

    /// Every permission that a role gives.
    pub fn permissions(&self) -> impl Iterator<Item = &str> {
        self.grants.keys().map(String::as_str)
    }
}

/// What a role permits: itself, or by a role that it inherits.
fn permissions(roles: &[Role], place: usize) -> BTreeSet<&str> {
    let mut seen = BTreeSet::from([place]);
    let mut next = vec![place];
    let mut found = BTreeSet::new();
    while let Some(role) = next.pop().and_then(|place| roles.get(place)) {
        found.extend(role.permissions.iter().map(String::as_str));
        next.extend(role.inherits.iter().copied().filter(|place| seen.insert(*place)));
    }
    found
}

/// Takes away roles that inherit nothing that is left, until none is or the rest go round in circles.
fn cycle(roles: &[Role]) -> Option<Vec<Rc<str>>> {
    let mut left: BTreeSet<usize> = (0..roles.len()).collect();
    let inherits_left = |left: &BTreeSet<usize>, place: usize| {
        roles.get(place).and_then(|role| role.inherits.iter().copied().find(|place| left.contains(place)))
    };
    loop {
        let done: Vec<usize> = left.iter().copied().filter(|place| inherits_left(&left, *place).is_none()).collect();
        if done.is_empty() {
            break;
        }
        left.retain(|place| !done.contains(place));
    }
    let mut walked = vec![*left.first()?];
    loop {
        let next = inherits_left(&left, *walked.last()?)?;
        if let Some(start) = walked.iter().position(|place| *place == next) {
            let round = walked.iter().skip(start).chain([&next]);
            return Some(round.filter_map(|place| roles.get(*place)).map(|role| Rc::clone(&role.name)).collect());
        }
        walked.push(next);
    }
}

/// Permissions that a check asks for: any of them, or all.
#[derive(Clone, Debug)]
pub struct PermissionCheck {
    /// Each with the roles that give it.
    pub permissions: Vec<(String, Rc<[Grant]>)>,
    /// All of them are needed.
    pub every: bool,
}

impl PermissionCheck {
    pub(super) fn evaluate(&self, facts: &Facts<'_>) -> Verdict<Lack> {
        let mut verdicts = self.permissions.iter().map(|(_, grants)| held(grants, facts));
        if self.every { verdicts.find(|verdict| !verdict.is_met()).unwrap_or(Verdict::Met) } else { any_of(verdicts) }
    }
}

/// Whether the caller has one of these roles. What is lacking is the permission, unless there is something to be done.
pub(super) fn held(grants: &[Grant], facts: &Facts<'_>) -> Verdict<Lack> {
    match any_of(grants.iter().map(|grant| grant.granted_to.evaluate(facts))) {
        Verdict::Unmet(lack) => Verdict::Unmet(Lack::Permission.or_better(lack)),
        verdict => verdict,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str, permissions: &[&str], inherits: &[usize]) -> Role {
        let nobody = Rc::new(Requirement::AnyOf(Vec::new()));
        let permissions = permissions.iter().map(|name| (*name).to_owned()).collect();
        Role { name: name.into(), permissions, inherits: inherits.to_vec(), granted_to: Some(nobody) }
    }

    fn holders(roles: &Roles, permission: &str) -> Vec<String> {
        roles.grants(permission).unwrap().iter().map(|grant| grant.role.to_string()).collect()
    }

    #[test]
    fn who_has_a_role_has_what_it_inherits() {
        let mut base = role("base", &["ping"], &[]);
        base.granted_to = None;
        let roles =
            [role("reader", &["read"], &[3]), role("clerk", &["write"], &[0]), role("boss", &["read"], &[1, 0]), base];
        let roles = Roles::new(&roles).unwrap();
        assert_eq!(holders(&roles, "read"), ["reader", "clerk", "boss"]);
        assert_eq!(holders(&roles, "write"), ["clerk", "boss"]);
        assert_eq!(holders(&roles, "ping"), ["reader", "clerk", "boss"]);
        assert!(roles.grants("delete").is_none());
    }

    #[test]
    fn a_role_can_not_inherit_itself() {
        let names = |roles: &[Role]| Roles::new(roles).unwrap_err().join(" ");
        assert_eq!(names(&[role("a", &[], &[0])]), "a a");
        assert_eq!(names(&[role("a", &[], &[1]), role("b", &[], &[2]), role("c", &[], &[1])]), "b c b");
        let line: Vec<Role> = (1..500).map(|next| role("x", &["p"], &[next])).chain([role("x", &[], &[])]).collect();
        assert_eq!(holders(&Roles::new(&line).unwrap(), "p").len(), 499);
    }
}

//! What a token says its bearer was granted: scopes, app roles, groups, directory roles.
//!
//! Each is a set. Issuers leave an empty set out (Entra ID: "claims are present only if a value exists"), so an absent
//! claim is an empty one; one of the wrong type can't be told. Groups that did not fit into the token are not none.

use std::rc::Rc;

use serde_json::{Map, Value};

use super::Wanted;
use crate::entra::permission;
use crate::identity::Identity;
use crate::policy::facts::Facts;
use crate::policy::lack::Lack;
use crate::verdict::Verdict;

/// Scopes.
pub(super) fn scopes(wanted: &Wanted, caller: &Identity) -> Verdict<Lack> {
    judge(wanted, scopes_of(caller), || Lack::Scope(Rc::clone(wanted.texts())))
}

/// App roles.
pub(super) fn app_roles(wanted: &Wanted, caller: &Identity) -> Verdict<Lack> {
    judge(wanted, app_roles_of(caller), || Lack::AppRole)
}

/// Groups: those found elsewhere, if they were looked for, otherwise those of the token.
pub(super) fn groups(wanted: &Wanted, caller: &Identity, facts: &Facts<'_>) -> Verdict<Lack> {
    judge(wanted, groups_of(caller, facts), || Lack::Group)
}

/// Directory roles, which only Entra ID has.
pub(super) fn directory_roles(wanted: &Wanted, caller: &Identity) -> Verdict<Lack> {
    judge(wanted, directory_roles_of(caller), || Lack::DirectoryRole)
}

fn judge(wanted: &Wanted, found: Result<Vec<&str>, Lack>, lack: impl FnOnce() -> Lack) -> Verdict<Lack> {
    match found {
        Ok(found) => Verdict::of(wanted.is_met(|text| found.contains(&text)), lack),
        Err(lack) => Verdict::Unknown(lack),
    }
}

/// Entra ID writes `scp`, a text. Others write `scope` (RFC 8693 section 4.2, RFC 9068 section 2.2.3), or `scp`, as text or as
/// a list; `scope` is the registered name and wins.
///
/// # Errors
///
/// Neither text nor list of texts.
pub(super) fn scopes_of(caller: &Identity) -> Result<Vec<&str>, Lack> {
    let claims = caller.claims();
    if caller.entra().is_some() {
        return permission::scopes(claims).map_err(|flaw| Lack::Unclear(flaw.reason()));
    }
    match claims.get("scope").or_else(|| claims.get("scp")) {
        None => Ok(Vec::new()),
        Some(Value::String(text)) if text.trim_ascii() == "/" => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(text.split(' ').filter(|scope| !scope.is_empty()).collect()),
        Some(value) => texts(value).ok_or(Lack::Unclear("scope_malformed")),
    }
}

/// # Errors
///
/// `roles` is no list of texts.
pub(super) fn app_roles_of(caller: &Identity) -> Result<Vec<&str>, Lack> {
    permission::roles(caller.claims()).map_err(|flaw| Lack::Unclear(flaw.reason()))
}

/// # Errors
///
/// `groups` is no list of texts, or there were too many for it.
pub(super) fn groups_of<'a>(caller: &'a Identity, facts: &'a Facts<'_>) -> Result<Vec<&'a str>, Lack> {
    if let Some(groups) = &facts.groups {
        return Ok(groups.iter().map(String::as_str).collect());
    }
    let claims = caller.claims();
    if has_overage(claims) {
        facts.groups_missed.set(true);
        return Err(Lack::GroupsOverage);
    }
    list(claims, "groups", "groups_malformed")
}

/// # Errors
///
/// `wids` is no list of texts.
pub(super) fn directory_roles_of(caller: &Identity) -> Result<Vec<&str>, Lack> {
    if caller.entra().is_none() {
        return Ok(Vec::new());
    }
    list(caller.claims(), "wids", "directory_roles_malformed")
}

/// Too many groups for the token: `_claim_names` says where they are, or `hasgroups` only that there are some ("Access token
/// claims reference", groups overage claim). Marks that can't be read are taken for marks.
#[must_use]
pub fn has_overage(claims: &Map<String, Value>) -> bool {
    let elsewhere = match claims.get("_claim_names") {
        None => false,
        Some(Value::Object(names)) => names.contains_key("groups"),
        Some(_) => true,
    };
    elsewhere || !matches!(claims.get("hasgroups"), None | Some(Value::Bool(false)))
}

fn list<'c>(claims: &'c Map<String, Value>, name: &str, malformed: &'static str) -> Result<Vec<&'c str>, Lack> {
    claims.get(name).map_or(Ok(Vec::new()), |value| texts(value).ok_or(Lack::Unclear(malformed)))
}

fn texts(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

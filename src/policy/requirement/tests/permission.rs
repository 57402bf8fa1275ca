//! Permissions that roles of our own give.

use super::*;
use crate::policy::roles::{PermissionCheck, Role, Roles};

/// `reader` reads, by a scope or a group; `clerk` writes and inherits `reader`, by an app role.
fn check(permissions: &[&str], every: bool) -> Check {
    let scope = Requirement::Check(Check::Scopes(Wanted::any(texts(&["read"]))));
    let group = Requirement::Check(Check::Groups(Wanted::any(texts(&["g"]))));
    let role = |name: &str, permission: &str, inherits: Vec<usize>, granted_to| Role {
        name: name.into(),
        permissions: texts(&[permission]),
        inherits,
        granted_to: Some(Rc::new(granted_to)),
    };
    let clerk = Requirement::Check(Check::AppRoles(Wanted::any(texts(&["Clerk"]))));
    let roles = [
        role("reader", "orders:read", vec![], Requirement::AnyOf(vec![scope, group])),
        role("clerk", "orders:write", vec![0], clerk),
    ];
    let roles = Roles::new(&roles).unwrap();
    let permissions = permissions.iter().map(|name| ((*name).to_owned(), roles.grants(name).unwrap())).collect();
    Check::Permissions(PermissionCheck { permissions, every }.into())
}

#[test]
fn a_permission_is_had_by_a_role_or_what_inherits_it() {
    let (reader, clerk) = (plain(json!({ "scope": "read" })), plain(json!({ "roles": ["Clerk"] })));
    assert_eq!(judge(check(&["orders:read"], false), &reader), "met");
    assert_eq!(judge(check(&["orders:read"], false), &clerk), "met");
    assert_eq!(judge(check(&["orders:write"], false), &clerk), "met");
    assert_eq!(judge(check(&["orders:write"], false), &reader), "unmet: permission_missing");
    assert_eq!(judge(check(&["orders:write", "orders:read"], false), &reader), "met");
    assert_eq!(judge(check(&["orders:read", "orders:write"], true), &reader), "unmet: permission_missing");
    assert_eq!(judge(check(&["orders:read", "orders:write"], true), &clerk), "met");
}

#[test]
fn what_is_lacking_is_what_can_be_done_about_it() {
    assert_eq!(judge(check(&["orders:read"], false), &plain(json!({}))), "unmet: scope_missing");
    assert_eq!(judge(check(&["orders:read"], false), &plain(json!({ "hasgroups": true }))), "unknown: scope_missing");
    assert_eq!(judge(check(&["orders:write"], false), &plain(json!({ "roles": "Clerk" }))), "unknown: roles_malformed");
    assert_eq!(judge(check(&["orders:write"], false), &Identity::Anonymous), "unknown: credential_missing");
}

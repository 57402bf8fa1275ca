//! Scopes, app roles, groups, directory roles.

use super::*;

fn any(list: &[&str]) -> Wanted {
    Wanted::any(texts(list))
}

fn all(list: &[&str]) -> Wanted {
    Wanted::all(texts(list))
}

#[test]
fn scopes_of_entra_are_one_text() {
    let scopes =
        |scp: Value, wanted: Wanted| judge(Check::Scopes(wanted), &entra(json!({ "idtyp": "user", "scp": scp })));
    assert_eq!(scopes(json!("read write"), any(&["write"])), "met");
    assert_eq!(scopes(json!("read write"), all(&["write", "read"])), "met");
    assert_eq!(scopes(json!("read"), all(&["write", "read"])), "unmet: scope_missing");
    for none in ["", "/", " / ", "rea", "read.all", "READ"] {
        assert_eq!(scopes(json!(none), any(&["read"])), "unmet: scope_missing", "{none}");
    }
    for malformed in [json!(["read"]), json!(null), json!(7), json!({ "read": true })] {
        assert_eq!(scopes(malformed.clone(), any(&["read"])), "unknown: scope_malformed", "{malformed}");
    }
    let other_name = entra(json!({ "idtyp": "user", "scope": "read" }));
    assert_eq!(judge(Check::Scopes(any(&["read"])), &other_name), "unmet: scope_missing");
    assert_eq!(
        judge(Check::Scopes(any(&["/"])), &entra(json!({ "idtyp": "app", "scp": "/" }))),
        "unmet: scope_missing"
    );
}

#[test]
fn scopes_of_others_are_a_text_or_a_list() {
    let scopes = |claims: Value| judge(Check::Scopes(any(&["read"])), &plain(claims));
    for met in [
        json!({ "scope": "a read" }),
        json!({ "scope": ["read"] }),
        json!({ "scp": ["read", "a"] }),
        json!({ "scp": "read" }),
    ] {
        assert_eq!(scopes(met.clone()), "met", "{met}");
    }
    for unmet in [json!({}), json!({ "scope": "/" }), json!({ "scope": [] }), json!({ "scope": "a", "scp": "read" })] {
        assert_eq!(scopes(unmet.clone()), "unmet: scope_missing", "{unmet}");
    }
    for malformed in [json!({ "scope": null }), json!({ "scope": ["read", 7] }), json!({ "scp": { "read": 1 } })] {
        assert_eq!(scopes(malformed.clone()), "unknown: scope_malformed", "{malformed}");
    }
}

#[test]
fn what_is_lacking_names_the_scopes_for_the_challenge() {
    let requirement = Requirement::Check(Check::Scopes(any(&["read", "write"])));
    let lack = Lack::Scope(texts(&["read", "write"]).into());
    assert_eq!(evaluate(&requirement, &plain(json!({}))), Verdict::Unmet(lack));
}

#[test]
fn app_roles_are_a_list() {
    let roles =
        |roles: Value| judge(Check::AppRoles(any(&["Orders.Read"])), &entra(json!({ "idtyp": "app", "roles": roles })));
    assert_eq!(roles(json!(["a", "Orders.Read"])), "met");
    assert_eq!(roles(json!([])), "unmet: app_role_missing");
    assert_eq!(roles(json!(["orders.read"])), "unmet: app_role_missing");
    for malformed in [json!("Orders.Read"), json!(null), json!(["Orders.Read", 7])] {
        assert_eq!(roles(malformed.clone()), "unknown: roles_malformed", "{malformed}");
    }
    assert_eq!(judge(Check::AppRoles(any(&["a"])), &entra(json!({ "idtyp": "app" }))), "unmet: app_role_missing");
}

#[test]
fn groups_that_do_not_fit_are_not_no_groups() {
    let groups = |claims: Value| judge(Check::Groups(any(&["g-1"])), &entra(claims));
    assert_eq!(groups(json!({ "scp": "a", "groups": ["g-1"] })), "met");
    assert_eq!(groups(json!({ "scp": "a", "hasgroups": false })), "unmet: group_missing");
    assert_eq!(groups(json!({ "scp": "a", "groups": "g-1" })), "unknown: groups_malformed");
    for overage in [
        json!({ "_claim_names": { "groups": "src1" } }),
        json!({ "_claim_names": "src1" }),
        json!({ "hasgroups": true }),
        json!({ "hasgroups": "true" }),
        json!({ "hasgroups": true, "groups": [] }),
    ] {
        assert_eq!(groups(overage.clone()), "unknown: groups_overage", "{overage}");
    }
    assert_eq!(groups(json!({ "_claim_names": { "address": "src1" } })), "unmet: group_missing");
}

#[test]
fn groups_found_elsewhere_win() {
    let requirement = Requirement::Check(Check::Groups(any(&["g-1"])));
    let too_many = entra(json!({ "hasgroups": true }));
    let found = texts(&["g-2", "g-1"]);
    assert_eq!(evaluate_with(&requirement, &too_many, &head(&[]), &[], Some(&found)), Verdict::Met);
    let in_token = entra(json!({ "groups": ["g-1"] }));
    assert_eq!(evaluate_with(&requirement, &in_token, &head(&[]), &[], Some(&[])), Verdict::Unmet(Lack::Group));
}

#[test]
fn directory_roles_are_entras() {
    let wids = json!({ "wids": ["w-1"] });
    assert_eq!(judge(Check::DirectoryRoles(any(&["w-1"])), &entra(wids.clone())), "met");
    assert_eq!(judge(Check::DirectoryRoles(any(&["w-1"])), &plain(wids)), "unmet: directory_role_missing");
    let malformed = entra(json!({ "wids": "w-1" }));
    assert_eq!(judge(Check::DirectoryRoles(any(&["w-1"])), &malformed), "unknown: directory_roles_malformed");
}

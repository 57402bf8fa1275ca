//! Provider, audience, client, tenant, subject, kind of caller.

use super::*;

#[test]
fn a_token_is_of_one_provider_and_for_some_audiences() {
    assert_eq!(judge(Check::Providers(Rc::from([1])), &plain(json!({}))), "met");
    assert_eq!(judge(Check::Providers(Rc::from([0])), &plain(json!({}))), "unmet: provider_not_accepted");
    let audiences =
        |list: &[&str]| judge(Check::Audiences(Wanted::any(texts(list))), &plain(json!({ "aud": ["a", "b"] })));
    assert_eq!(audiences(&["b", "c"]), "met");
    assert_eq!(audiences(&["c"]), "unmet: audience_not_wanted");
}

#[test]
fn clients_by_the_first_claim_that_names_one() {
    let clients = |claims: Value| judge(Check::Clients(texts(&["c-1"]).into()), &plain(claims));
    for met in [json!({ "azp": "c-1" }), json!({ "appid": "c-1" }), json!({ "client_id": "c-1" })] {
        assert_eq!(clients(met.clone()), "met", "{met}");
    }
    assert_eq!(clients(json!({ "azp": "c-2", "client_id": "c-1" })), "unmet: client_not_accepted");
    assert_eq!(clients(json!({ "azp": 7, "client_id": "c-1" })), "unknown: client_malformed");
    assert_eq!(clients(json!({ "azp": "" })), "unknown: client_malformed");
    assert_eq!(clients(json!({})), "unknown: client_unknown");
}

#[test]
fn client_authentication_is_entras_word() {
    let check = || Check::ClientAuthentication(Rc::from([ClientAuthentication::Certificate]));
    assert_eq!(judge(check(), &entra(json!({ "azpacr": "2" }))), "met");
    assert_eq!(judge(check(), &entra(json!({ "appidacr": "2" }))), "met");
    for weaker in ["0", "1"] {
        assert_eq!(judge(check(), &entra(json!({ "azpacr": weaker }))), "unmet: client_authentication_not_accepted");
    }
    for malformed in [json!("3"), json!(2), json!(null), json!("")] {
        assert_eq!(judge(check(), &entra(json!({ "azpacr": malformed }))), "unknown: client_authentication_malformed");
    }
    assert_eq!(judge(check(), &entra(json!({}))), "unknown: client_authentication_unknown");
    assert_eq!(judge(check(), &plain(json!({ "azpacr": "2" }))), "unknown: client_authentication_unknown");
}

#[test]
fn another_issuer_speaks_for_no_tenant() {
    let tenants = |list: &[&str]| Check::Tenants(texts(list).into());
    assert_eq!(judge(tenants(&[TENANT]), &entra(json!({}))), "met");
    assert_eq!(judge(tenants(&[OTHER]), &entra(json!({}))), "unmet: tenant_not_accepted");
    assert_eq!(judge(tenants(&[TENANT]), &plain(json!({ "tid": TENANT }))), "unmet: tenant_not_accepted");
}

#[test]
fn a_subject_is_somebodys() {
    let object = |oid: &str, tid: &str| SubjectSpec::Object { oid: oid.to_owned(), tid: tid.to_owned() };
    let subject = |sub: &str, provider| SubjectSpec::Subject { sub: sub.to_owned(), provider };
    let check = |specs: &[SubjectSpec]| Check::Subjects(specs.into());
    assert_eq!(judge(check(&[object("x", TENANT), object(OTHER, TENANT)]), &entra(json!({}))), "met");
    assert_eq!(judge(check(&[object(OTHER, OTHER)]), &entra(json!({}))), "unmet: subject_not_accepted");
    let forged = plain(json!({ "oid": OTHER, "tid": TENANT }));
    assert_eq!(judge(check(&[object(OTHER, TENANT)]), &forged), "unmet: subject_not_accepted");
    assert_eq!(judge(check(&[subject("u-1", 1)]), &plain(json!({}))), "met");
    assert_eq!(judge(check(&[subject("u-1", 0)]), &plain(json!({}))), "unmet: subject_not_accepted");
    assert_eq!(judge(check(&[object("x", TENANT)]), &entra(json!({ "oid": 7 }))), "unknown: subject_unknown");
    assert_eq!(judge(check(&[object("x", TENANT), subject("s-1", 0)]), &entra(json!({ "oid": 7 }))), "met");
}

#[test]
fn a_caller_is_of_the_most_specific_kind() {
    let kind = |claims: Value| {
        let identity = entra(claims);
        identity.token().unwrap().kinds().iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" ")
    };
    for (claims, expected) in [
        (json!({ "idtyp": "user" }), "user"),
        (json!({ "scp": "a" }), "user"),
        (json!({ "idtyp": "user", "acct": 1 }), "guest"),
        (json!({ "idtyp": "user", "idp": "live.com" }), "guest"),
        (json!({ "idtyp": "user", "acct": "1" }), "user guest"),
        (json!({ "idtyp": "app" }), "application"),
        (json!({ "sub": OTHER }), "application"),
        (json!({ "scp": "/" }), "application"),
        (json!({ "idtyp": "device" }), "device"),
        (json!({ "idtyp": "app", "xms_mirid": "/subscriptions/x" }), "managed_identity"),
        (json!({ "idtyp": "app", "xms_idrel": "7 33" }), "managed_identity"),
        (json!({ "idtyp": "app", "xms_idrel": "7" }), "application"),
        (json!({ "idtyp": "app", "xms_mirid": 7 }), "application managed_identity"),
        (json!({ "idtyp": "user", "xms_mirid": "/subscriptions/x" }), "user"),
        (json!({ "idtyp": "user", "xms_act_fct": "3 9 11" }), "agent"),
        (json!({ "idtyp": "app", "xms_act_fct": "11", "xms_sub_fct": "11" }), "agent"),
        (json!({ "idtyp": "user", "xms_sub_fct": "13 x" }), "agent"),
        (json!({ "idtyp": "user", "xms_sub_fct": 13 }), "agent"),
        (json!({ "idtyp": "user", "xms_par_app_azp": "b" }), "agent"),
        (json!({ "idtyp": "user", "xms_act_fct": "111 1 3,11 -11" }), "user"),
        (json!({ "idtyp": "user", "xms_act_fct": ["11"] }), "agent user"),
    ] {
        assert_eq!(kind(claims.clone()), expected, "{claims}");
    }
}

#[test]
fn what_leaves_several_kinds_open_is_clear_only_for_all_or_none_of_them() {
    let check = |kinds: &[CallerKind]| Check::Callers(kinds.into());
    let odd = entra(json!({ "idtyp": "user", "acct": 7 }));
    assert_eq!(judge(check(&[CallerKind::User, CallerKind::Guest]), &odd), "met");
    assert_eq!(judge(check(&[CallerKind::User]), &odd), "unknown: caller_kind_unknown");
    assert_eq!(judge(check(&[CallerKind::Application]), &odd), "unmet: caller_kind_not_accepted");
    assert_eq!(judge(check(&[CallerKind::User]), &plain(json!({ "idtyp": "user" }))), "unknown: caller_kind_unknown");
    assert_eq!(judge(check(&CallerKind::OF_TOKENS), &plain(json!({}))), "met");
}

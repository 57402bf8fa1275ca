//! Microsoft's list of failures, by their codes, each against our answer.

use crate::provider::{KeyIssuer, TenantSet};

use super::super::fixture::{OTHER_TENANT, TENANT, claims};
use super::super::{Cloud, Directory, EntraSettings};
use super::super::{PERSONAL_ACCOUNTS, Tenants, Versions};
use super::*;

const TEMPLATE: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";

fn iss(tenant: &str) -> String {
    TEMPLATE.replace("{tenantid}", tenant)
}

/// The rules of an API that is open to every organisation.
fn any() -> (IssuerRule, KeyRule) {
    let settings = EntraSettings {
        directory: Directory::Workforce(Tenants::Any),
        cloud: Cloud::Global,
        versions: Versions::Two,
        app_id: None,
    };
    let issuer = settings.issuers("login", None).unwrap().remove(0);
    (issuer.rule, issuer.key_rule)
}

#[test]
fn a_token_whose_issuer_tenant_and_key_agree_is_taken() {
    let (rule, key_rule) = any();
    assert_eq!(check_issuer(&rule, &iss(TENANT), Some(TENANT)), Ok(()));
    assert_eq!(check_key(&key_rule, Some(TEMPLATE), Some("microsoftonline.com"), &iss(TENANT), Some(TENANT)), Ok(()));
    assert_eq!(check_key(&key_rule, Some(&iss(TENANT)), None, &iss(TENANT), Some(TENANT)), Ok(()));
}

#[test]
fn idx40001_an_issuer_that_nobody_configured() {
    let (rule, _) = any();
    for other in ["https://login.example/", "https://login.microsoftonline.us/", "http://login.microsoftonline.com/"] {
        let found = check_issuer(&rule, &format!("{other}{TENANT}/v2.0"), Some(TENANT));
        assert_eq!(found, Err(TenancyFlaw::Issuer(IssuerFlaw::Unknown)), "{other}");
    }
    // A form of a version that is not configured.
    let version_one = format!("https://sts.windows.net/{TENANT}/");
    assert_eq!(check_issuer(&rule, &version_one, Some(TENANT)), Err(TenancyFlaw::Issuer(IssuerFlaw::Unknown)));
    // A tenant that is not on the list.
    let listed = IssuerRule::Tenants {
        prefix: "https://login.microsoftonline.com/".to_owned(),
        suffix: "/v2.0".to_owned(),
        tenants: TenantSet::Only(vec![TENANT.parse().unwrap()]),
    };
    let found = check_issuer(&listed, &iss(OTHER_TENANT), Some(OTHER_TENANT));
    assert_eq!(found, Err(TenancyFlaw::Issuer(IssuerFlaw::TenantNotAllowed)));
}

#[test]
fn idx40002_a_b2c_issuer_with_the_policy_in_it() {
    let rule = IssuerRule::exact(format!("https://contoso.b2clogin.com/{TENANT}/v2.0/"));
    let tfp = format!("https://contoso.b2clogin.com/tfp/{TENANT}/b2c_1_signin/v2.0/");
    assert_eq!(check_issuer(&rule, &tfp, None), Err(TenancyFlaw::PolicyInIssuer));
}

#[test]
fn idx40003_a_token_without_a_tenant() {
    let (rule, _) = any();
    assert_eq!(tenant(&claims("{}")), Ok(None));
    assert_eq!(check_issuer(&rule, &iss(TENANT), None), Err(TenancyFlaw::Issuer(IssuerFlaw::TenantAbsent)));
}

#[test]
fn idx40004_an_issuer_of_another_tenant() {
    let (rule, _) = any();
    let found = check_issuer(&rule, &iss(TENANT), Some(OTHER_TENANT));
    assert_eq!(found, Err(TenancyFlaw::Issuer(IssuerFlaw::TenantMismatch)));
    // As in a sample token of Microsoft's own pages: the issuer's tenant lacks digits.
    let short = "fa15d692-e9c7-4460-a743-29f29522229";
    let found = check_issuer(&rule, &iss(short), Some("fa15d692-e9c7-4460-a743-29f2956fd429"));
    assert_eq!(found, Err(TenancyFlaw::Issuer(IssuerFlaw::TenantMismatch)));
}

#[test]
fn idx40005_a_key_of_another_issuer() {
    let (_, key_rule) = any();
    let (personal, other) = (iss(PERSONAL_ACCOUNTS), iss(OTHER_TENANT));
    let check = |key_issuer| check_key(&key_rule, key_issuer, None, &iss(TENANT), Some(TENANT));
    assert_eq!(check(Some(&personal)), Err(TenancyFlaw::Key(KeyRuleFlaw::IssuerMismatch)));
    assert_eq!(check(Some(&other)), Err(TenancyFlaw::Key(KeyRuleFlaw::IssuerMismatch)));
    assert_eq!(check(None), Err(TenancyFlaw::Key(KeyRuleFlaw::IssuerAbsent)));
}

#[test]
fn idx40009_an_empty_tenant_when_the_key_asks_for_one() {
    let (_, key_rule) = any();
    for empty in [r#"{"tid":""}"#, r#"{"tid":null}"#, r#"{"tid":7}"#, r#"{"tid":["a"]}"#] {
        assert_eq!(tenant(&claims(empty)), Err(TenancyFlaw::TenantMalformed), "{empty}");
    }
    let found = check_key(&key_rule, Some(TEMPLATE), None, &iss(TENANT), None);
    assert_eq!(found, Err(TenancyFlaw::Key(KeyRuleFlaw::IssuerMismatch)));
}

#[test]
fn idx40011_two_tenants_that_differ_in_case() {
    for (one, other) in [("tid", "Tid"), ("TID", "tid"), ("tId", "tiD")] {
        let both = format!(r#"{{"{one}":"{TENANT}","{other}":"{OTHER_TENANT}"}}"#);
        assert_eq!(tenant(&claims(&both)), Err(TenancyFlaw::SeveralTenants), "{both}");
    }
    let same = format!(r#"{{"tid":"{TENANT}","TID":"{TENANT}"}}"#);
    assert_eq!(tenant(&claims(&same)), Err(TenancyFlaw::SeveralTenants));
    assert_eq!(tenant(&claims(&format!(r#"{{"Tid":"{TENANT}"}}"#))), Err(TenancyFlaw::TenantMalformed));
}

#[test]
fn idx40012_a_key_of_another_cloud() {
    let (_, key_rule) = any();
    let found = check_key(&key_rule, Some(TEMPLATE), Some("microsoftonline.us"), &iss(TENANT), Some(TENANT));
    assert_eq!(found, Err(TenancyFlaw::Key(KeyRuleFlaw::CloudMismatch)));
}

#[test]
fn a_template_wants_a_guid() {
    let (rule, _) = any();
    for odd in ["common", "organizations", "consumers", "contoso.onmicrosoft.com", "{tenantid}"] {
        let found = check_issuer(&rule, &iss(odd), Some(odd));
        assert_eq!(found, Err(TenancyFlaw::Issuer(IssuerFlaw::TenantNotGuid)), "{odd}");
    }
}

/// A key of version 2 under a token of version 1, as happens when both versions' metadata list it.
#[test]
fn a_key_that_names_the_other_version_of_the_same_issuer_is_taken() {
    let key_rule = KeyRule { issuer: KeyIssuer::IfStated { also: vec![TEMPLATE.to_owned()] }, cloud: None };
    let version_one = format!("https://sts.windows.net/{TENANT}/");
    assert_eq!(check_key(&key_rule, Some(TEMPLATE), None, &version_one, Some(TENANT)), Ok(()));
    let found = check_key(&key_rule, Some(&iss(PERSONAL_ACCOUNTS)), None, &version_one, Some(TENANT));
    assert_eq!(found, Err(TenancyFlaw::Key(KeyRuleFlaw::IssuerMismatch)));
}

#[test]
fn a_b2c_token_names_the_policy_it_was_issued_by() {
    let check = |text: &str| check_policy("B2C_1_signin", &claims(text));
    assert_eq!(check(r#"{"tfp":"B2C_1_signin"}"#), Ok(()));
    assert_eq!(check(r#"{"tfp":"b2c_1_SIGNIN"}"#), Ok(()));
    assert_eq!(check(r#"{"acr":"b2c_1_signin"}"#), Ok(()));
    assert_eq!(check("{}"), Err(TenancyFlaw::PolicyAbsent));
    for other in [r#"{"tfp":"B2C_1_signup"}"#, r#"{"tfp":""}"#, r#"{"tfp":7}"#, r#"{"tfp":null,"acr":"B2C_1_signin"}"#]
    {
        assert_eq!(check(other), Err(TenancyFlaw::PolicyMismatch), "{other}");
    }
}

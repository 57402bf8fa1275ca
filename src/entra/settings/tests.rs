use super::super::fixture::{OTHER_TENANT, TENANT};
use super::*;

fn tenant(text: &str) -> TenantId {
    text.parse().unwrap()
}

fn workforce(tenants: Tenants) -> EntraSettings {
    let directory = Directory::Workforce(tenants);
    EntraSettings { directory, cloud: Cloud::Global, versions: Versions::Both, app_id: None }
}

fn one() -> EntraSettings {
    workforce(Tenants::One(tenant(TENANT)))
}

fn list(tenants: &[&str]) -> EntraSettings {
    workforce(Tenants::List(tenants.iter().map(|text| tenant(text)).collect()))
}

/// What an issuer amounts to: where its document is, and which issuer that must name.
fn read(settings: &EntraSettings) -> Vec<(String, String)> {
    let issuers = settings.issuers("login", None).unwrap();
    issuers
        .iter()
        .map(|issuer| match &issuer.source {
            KeySource::Discovery { address, issuer, .. } => (address.to_string(), issuer.as_str().to_owned()),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(address, issuer)| (fill(address), fill(issuer))).collect()
}

fn fill(text: &str) -> String {
    text.replace("{T}", TENANT)
}

#[test]
fn one_tenant_is_asked_at_its_own_endpoint() {
    let expected = pairs(&[
        (
            "https://login.microsoftonline.com/{T}/v2.0/.well-known/openid-configuration",
            "https://login.microsoftonline.com/{T}/v2.0",
        ),
        ("https://login.microsoftonline.com/{T}/.well-known/openid-configuration", "https://sts.windows.net/{T}/"),
    ]);
    assert_eq!(read(&one()), expected);
    assert_eq!(read(&list(&[TENANT])), expected);
}

#[test]
fn many_tenants_are_asked_at_organizations_and_expect_the_template() {
    let expected = pairs(&[
        (
            "https://login.microsoftonline.com/organizations/v2.0/.well-known/openid-configuration",
            "https://login.microsoftonline.com/{tenantid}/v2.0",
        ),
        (
            "https://login.microsoftonline.com/organizations/.well-known/openid-configuration",
            "https://sts.windows.net/{tenantid}/",
        ),
    ]);
    assert_eq!(read(&workforce(Tenants::Any)), expected);
    assert_eq!(read(&list(&[TENANT, OTHER_TENANT])), expected);
}

#[test]
fn personal_accounts_are_asked_for_at_common_and_only_if_listed() {
    let with = list(&[TENANT, PERSONAL_ACCOUNTS]);
    assert!(read(&with).iter().all(|(address, _)| address.contains("/common/")));
    let iss = format!("https://login.microsoftonline.com/{PERSONAL_ACCOUNTS}/v2.0");
    let answers = |settings: &EntraSettings| {
        settings.issuers("login", None).unwrap().iter().any(|issuer| issuer.rule.speaks_for(&iss))
    };
    assert!(answers(&with));
    assert!(!answers(&workforce(Tenants::Any)) && !answers(&list(&[TENANT, OTHER_TENANT])) && !answers(&one()));
}

#[test]
fn personal_accounts_alone_have_version_two_alone() {
    let personal = workforce(Tenants::One(tenant(PERSONAL_ACCOUNTS)));
    assert_eq!(read(&personal).len(), 1);
    let version_one = EntraSettings { versions: Versions::One, ..personal };
    assert_eq!(version_one.issuers("login", None).unwrap_err(), SettingsFlaw::PersonalAccountsVersionOne);
}

#[test]
fn a_version_that_is_not_wanted_has_no_issuer() {
    let only = |versions| read(&EntraSettings { versions, ..one() });
    assert_eq!(only(Versions::One), read(&one())[1..]);
    assert_eq!(only(Versions::Two), read(&one())[..1]);
}

#[test]
fn every_cloud_has_its_own_hosts() {
    let cloud = |cloud| read(&EntraSettings { cloud, ..one() });
    let china = pairs(&[
        (
            "https://login.partner.microsoftonline.cn/{T}/v2.0/.well-known/openid-configuration",
            "https://login.partner.microsoftonline.cn/{T}/v2.0",
        ),
        (
            "https://login.partner.microsoftonline.cn/{T}/.well-known/openid-configuration",
            "https://sts.chinacloudapi.cn/{T}/",
        ),
    ]);
    assert_eq!(cloud(Cloud::China), china);
    let us_government = pairs(&[
        (
            "https://login.microsoftonline.us/{T}/v2.0/.well-known/openid-configuration",
            "https://login.microsoftonline.us/{T}/v2.0",
        ),
        ("https://login.microsoftonline.us/{T}/.well-known/openid-configuration", "https://sts.windows.net/{T}/"),
    ]);
    assert_eq!(cloud(Cloud::UsGovernment), us_government);
}

#[test]
fn an_app_with_keys_of_its_own_is_named_in_the_address() {
    let settings = EntraSettings { app_id: Some(tenant(OTHER_TENANT)), ..one() };
    let ending = format!("/.well-known/openid-configuration?appid={OTHER_TENANT}");
    assert!(read(&settings).iter().all(|(address, _)| address.ends_with(&ending)));
}

#[test]
fn external_id_has_the_name_in_the_address_and_the_id_in_the_issuer() {
    let directory = Directory::ExternalId { name: "contoso".to_owned(), tenant: tenant(TENANT) };
    let settings = EntraSettings { directory, ..one() };
    let expected = pairs(&[(
        "https://contoso.ciamlogin.com/{T}/v2.0/.well-known/openid-configuration",
        "https://{T}.ciamlogin.com/{T}/v2.0",
    )]);
    assert_eq!(read(&settings), expected);
    let issuer = settings.issuers("login", None).unwrap().remove(0);
    let iss = fill("https://{T}.ciamlogin.com/{T}/v2.0");
    assert_eq!(issuer.rule.accepts(&iss, Some(TENANT)), Ok(()));
    for key_issuer in [None, Some(iss.as_str()), Some("https://login.microsoftonline.com/{tenantid}/v2.0")] {
        assert_eq!(issuer.key_rule.accepts(key_issuer, None, &iss, Some(TENANT)), Ok(()), "{key_issuer:?}");
    }
    let personal = format!("https://login.microsoftonline.com/{PERSONAL_ACCOUNTS}/v2.0");
    assert!(issuer.key_rule.accepts(Some(&personal), None, &iss, Some(TENANT)).is_err());
}

fn b2c(name: &str, policy: &str) -> EntraSettings {
    let (name, policy) = (name.to_owned(), policy.to_owned());
    EntraSettings { directory: Directory::B2c { name, policy, tenant: tenant(TENANT) }, ..one() }
}

#[test]
fn b2c_has_a_slash_at_the_end_and_keys_by_policy() {
    let expected = pairs(&[(
        "https://contoso.b2clogin.com/contoso.onmicrosoft.com/B2C_1_signin/v2.0/.well-known/openid-configuration",
        "https://contoso.b2clogin.com/{T}/v2.0/",
    )]);
    assert_eq!(read(&b2c("contoso", "B2C_1_signin")), expected);
    let issuer = b2c("contoso", "B2C_1_signin").issuers("login", None).unwrap().remove(0);
    assert_eq!(issuer.rule.accepts(&fill("https://contoso.b2clogin.com/{T}/v2.0/"), None), Ok(()));
    assert!(issuer.rule.accepts(&fill("https://contoso.b2clogin.com/{T}/v2.0"), None).is_err());
}

#[test]
fn contradictions_are_refused() {
    let flaw = |settings: EntraSettings| settings.issuers("login", None).unwrap_err();
    assert_eq!(flaw(list(&[])), SettingsFlaw::NoTenant);
    let good = b2c("contoso", "B2C_1_signin");
    assert_eq!(flaw(EntraSettings { cloud: Cloud::China, ..good.clone() }), SettingsFlaw::CloudWithoutCustomers);
    assert_eq!(flaw(EntraSettings { versions: Versions::One, ..good.clone() }), SettingsFlaw::CustomersVersionOne);
    assert_eq!(flaw(EntraSettings { app_id: Some(tenant(TENANT)), ..good }), SettingsFlaw::AppIdWithB2c);
    for name in ["", "Contoso", "contoso.evil", "contoso/x", "-contoso", "contoso-", "con toso", &"a".repeat(64)] {
        assert_eq!(flaw(b2c(name, "p")), SettingsFlaw::Name, "{name:?}");
        let directory = Directory::ExternalId { name: name.to_owned(), tenant: tenant(TENANT) };
        assert_eq!(flaw(EntraSettings { directory, ..one() }), SettingsFlaw::Name, "{name:?}");
    }
    for policy in ["", "a/b", "a?b", "..", "a b", "é", &"a".repeat(129)] {
        assert_eq!(flaw(b2c("contoso", policy)), SettingsFlaw::Policy, "{policy:?}");
    }
}

#[test]
fn the_issuers_of_one_provider_do_not_overlap() {
    for settings in [one(), workforce(Tenants::Any), list(&[TENANT, OTHER_TENANT]), b2c("contoso", "p")] {
        let id = crate::provider::ProviderId::parse("entra").unwrap();
        assert!(crate::provider::Provider::new(id, settings.issuers("login", Some("keys")).unwrap()).is_ok());
    }
}

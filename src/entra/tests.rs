//! Whole tokens of the shapes that Entra ID issues, through all rules of a provider.

use super::fixture::{OTHER_TENANT, TENANT, claims};
use super::*;
use crate::provider::issuer::{IssuerFlaw, KeyRuleFlaw};
use crate::provider::{Provider, ProviderId};

fn settings(directory: Directory, cloud: Cloud) -> EntraSettings {
    EntraSettings { directory, cloud, versions: Versions::Both, app_id: None }
}

fn one(cloud: Cloud) -> EntraSettings {
    settings(Directory::Workforce(Tenants::One(TENANT.parse().unwrap())), cloud)
}

fn any() -> EntraSettings {
    settings(Directory::Workforce(Tenants::Any), Cloud::Global)
}

/// The token's way through its provider, signed by a key that says this of itself.
fn judge(
    settings: &EntraSettings,
    token: &str,
    key: (Option<&str>, Option<&str>),
) -> Option<Result<Caller, EntraFlaw>> {
    let token = claims(&token.replace("{T}", TENANT).replace("{O}", OTHER_TENANT));
    let id = ProviderId::parse("entra").unwrap();
    let provider = Provider::new(id, settings.issuers("login", None).unwrap()).unwrap();
    let (_, issuer) = provider.issuer_for(token.get("iss")?.as_str()?)?;
    Some(settings.checks(true).check(issuer, &token, key.0, key.1))
}

const GLOBAL: (Option<&str>, Option<&str>) =
    (Some("https://login.microsoftonline.com/{tenantid}/v2.0"), Some("microsoftonline.com"));
const SILENT: (Option<&str>, Option<&str>) = (None, None);

const USER: &str = r#"{"iss":"https://login.microsoftonline.com/{T}/v2.0","tid":"{T}","ver":"2.0",
    "oid":"o","sub":"s","scp":"Files.Read access_as_user"}"#;

#[test]
fn tokens_of_every_cloud_and_version_are_taken() {
    for settings in [one(Cloud::Global), any()] {
        assert_eq!(judge(&settings, USER, GLOBAL), Some(Ok(Caller::User)));
        let app = r#"{"iss":"https://sts.windows.net/{T}/","tid":"{T}","ver":"1.0","oid":"o","sub":"o",
            "idtyp":"app","roles":["Data.Read.All"]}"#;
        assert_eq!(judge(&settings, app, SILENT), Some(Ok(Caller::App)));
        assert_eq!(judge(&settings, app, GLOBAL), Some(Ok(Caller::App)));
    }
    for (cloud, issuer) in [
        (Cloud::China, "https://login.partner.microsoftonline.cn/{T}/v2.0"),
        (Cloud::China, "https://sts.chinacloudapi.cn/{T}/"),
        (Cloud::UsGovernment, "https://login.microsoftonline.us/{T}/v2.0"),
        (Cloud::UsGovernment, "https://sts.windows.net/{T}/"),
    ] {
        let token = format!(r#"{{"iss":"{issuer}","tid":"{{T}}","oid":"o","sub":"s","scp":"a"}}"#);
        assert_eq!(judge(&one(cloud), &token, SILENT), Some(Ok(Caller::User)), "{issuer}");
        let key = (None, Some(cloud.instance_name()));
        assert_eq!(judge(&one(cloud), &token, key), Some(Ok(Caller::User)), "{issuer}");
    }
}

#[test]
fn customers_tokens_are_taken() {
    let name = || "contoso".to_owned();
    let tenant = || TENANT.parse().unwrap();
    let external = settings(Directory::ExternalId { name: name(), tenant: tenant() }, Cloud::Global);
    let token = r#"{"iss":"https://{T}.ciamlogin.com/{T}/v2.0","tid":"{T}","oid":"o","sub":"s","scp":"a"}"#;
    assert_eq!(judge(&external, token, SILENT), Some(Ok(Caller::User)));
    let policy = "B2C_1_susi".to_owned();
    let b2c = settings(Directory::B2c { name: name(), policy, tenant: tenant() }, Cloud::Global);
    let token =
        r#"{"iss":"https://contoso.b2clogin.com/{T}/v2.0/","oid":"o","sub":"o","tfp":"B2C_1_susi","scp":"read"}"#;
    assert_eq!(judge(&b2c, token, SILENT), Some(Ok(Caller::User)));
    let other = token.replace("B2C_1_susi", "B2C_1_reset");
    assert_eq!(judge(&b2c, &other, SILENT), Some(Err(EntraFlaw::Tenancy(TenancyFlaw::PolicyMismatch))));
}

#[test]
fn tokens_made_to_confuse_are_refused_by_their_reason() {
    let flaw = |token: &str, key| judge(&any(), token, key).unwrap().unwrap_err();
    let twice = USER.replace(r#""ver""#, r#""Tid":"{O}","ver""#);
    assert_eq!(flaw(&twice, GLOBAL).reason(), "several_tenants");
    let other = USER.replace(r#""tid":"{T}""#, r#""tid":"{O}""#);
    assert_eq!(flaw(&other, GLOBAL), EntraFlaw::Tenancy(TenancyFlaw::Issuer(IssuerFlaw::TenantMismatch)));
    let none = USER.replace(r#""tid":"{T}","#, "");
    assert_eq!(flaw(&none, GLOBAL), EntraFlaw::Tenancy(TenancyFlaw::Issuer(IssuerFlaw::TenantAbsent)));
    let personal = format!("https://login.microsoftonline.com/{PERSONAL_ACCOUNTS}/v2.0");
    let key = (Some(personal.as_str()), Some("microsoftonline.com"));
    assert_eq!(flaw(USER, key), EntraFlaw::Tenancy(TenancyFlaw::Key(KeyRuleFlaw::IssuerMismatch)));
    let key = (GLOBAL.0, Some("microsoftonline.us"));
    assert_eq!(flaw(USER, key), EntraFlaw::Tenancy(TenancyFlaw::Key(KeyRuleFlaw::CloudMismatch)));
    let id_token = USER.replace(r#","scp":"Files.Read access_as_user""#, "");
    assert_eq!(flaw(&id_token, GLOBAL), EntraFlaw::Permission(PermissionFlaw::NeitherScopeNorRole));
    let agent = USER.replace("Files.Read access_as_user", "/");
    assert_eq!(flaw(&agent, GLOBAL), EntraFlaw::Permission(PermissionFlaw::NeitherScopeNorRole));
}

#[test]
fn issuers_that_were_not_configured_find_no_provider() {
    let stranger = USER.replace("{T}", "{O}");
    assert_eq!(judge(&one(Cloud::Global), &stranger, GLOBAL), None);
    assert_eq!(judge(&one(Cloud::China), USER, GLOBAL), None);
    assert_eq!(judge(&any(), &USER.replace("https:", "http:"), GLOBAL), None);
    assert_eq!(judge(&any(), &USER.replace("{T}/v2.0", "common/v2.0"), GLOBAL), None);
}

#[test]
fn a_token_without_permission_passes_where_the_configuration_allows_it() {
    let settings = one(Cloud::Global);
    let issuer = settings.issuers("login", None).unwrap().remove(0);
    let text = format!(r#"{{"iss":"https://login.microsoftonline.com/{TENANT}/v2.0","tid":"{TENANT}"}}"#);
    let check = |required| settings.checks(required).check(&issuer, &claims(&text), None, None);
    assert_eq!(check(false), Ok(Caller::App));
    assert_eq!(check(true), Err(EntraFlaw::Permission(PermissionFlaw::NeitherScopeNorRole)));
}

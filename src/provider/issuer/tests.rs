use super::*;

const TENANT: &str = "11111111-aaaa-4bbb-8ccc-222222222222";
const OTHER: &str = "99999999-9999-4999-8999-999999999999";
const PERSONAL: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

fn iss(tenant: &str) -> String {
    format!("https://login.example/{tenant}/v2.0")
}

fn template(tenants: TenantSet) -> IssuerRule {
    IssuerRule::Tenants { prefix: "https://login.example/".to_owned(), suffix: "/v2.0".to_owned(), tenants }
}

fn tenant(text: &str) -> TenantId {
    text.parse().unwrap()
}

#[test]
fn an_exact_issuer_is_one_byte_string() {
    let rule = IssuerRule::exact("https://idp.example");
    assert_eq!(rule.accepts("https://idp.example", None), Ok(()));
    assert_eq!(rule.accepts("https://idp.example", Some("anything")), Ok(()));
    for other in ["https://idp.example/", "HTTPS://idp.example", "https://idp.example ", "", "https://idp.exampl"] {
        assert_eq!(rule.accepts(other, None), Err(IssuerFlaw::Unknown), "{other:?}");
        assert!(!rule.speaks_for(other));
    }
}

#[test]
fn an_issuer_with_a_tenant_needs_that_tenant() {
    let rule = IssuerRule::Exact { issuer: iss(TENANT), tenant: Some(tenant(TENANT)) };
    assert_eq!(rule.accepts(&iss(TENANT), Some(TENANT)), Ok(()));
    assert_eq!(rule.accepts(&iss(TENANT), None), Err(IssuerFlaw::TenantAbsent));
    assert_eq!(rule.accepts(&iss(TENANT), Some(OTHER)), Err(IssuerFlaw::TenantMismatch));
    assert_eq!(rule.accepts(&iss(TENANT), Some(&TENANT.to_uppercase())), Err(IssuerFlaw::TenantMismatch));
}

#[test]
fn a_template_takes_the_tenant_that_the_token_names() {
    let any = template(TenantSet::AllBut(vec![tenant(PERSONAL)]));
    assert_eq!(any.accepts(&iss(TENANT), Some(TENANT)), Ok(()));
    assert_eq!(any.accepts(&iss(PERSONAL), Some(PERSONAL)), Err(IssuerFlaw::TenantNotAllowed));
    assert_eq!(any.accepts(&iss(TENANT), None), Err(IssuerFlaw::TenantAbsent));
    assert_eq!(any.accepts(&iss(TENANT), Some(OTHER)), Err(IssuerFlaw::TenantMismatch));
    assert_eq!(any.accepts("https://evil.example/", Some(TENANT)), Err(IssuerFlaw::Unknown));
    let only = template(TenantSet::Only(vec![tenant(TENANT)]));
    assert_eq!(only.accepts(&iss(OTHER), Some(OTHER)), Err(IssuerFlaw::TenantNotAllowed));
    assert!(only.speaks_for(&iss(TENANT)) && !only.speaks_for(&iss(OTHER)));
}

#[test]
fn what_stands_for_the_tenant_must_be_one() {
    let any = template(TenantSet::AllBut(vec![]));
    for odd in
        ["", "common", "{tenantid}", "a/b", "..", "11111111-aaaa-4bbb-8ccc-222222222222/x", &TENANT.to_uppercase()]
    {
        assert_eq!(any.accepts(&iss(odd), Some(odd)), Err(IssuerFlaw::TenantNotGuid), "{odd:?}");
        assert!(!any.speaks_for(&iss(odd)), "{odd:?}");
    }
    // Prefix and suffix must not share bytes.
    assert_eq!(any.accepts("https://login.example/v2.0", Some(TENANT)), Err(IssuerFlaw::Unknown));
}

#[test]
fn overlap_is_seen_in_every_form() {
    let exact = IssuerRule::exact(iss(TENANT));
    let any = template(TenantSet::AllBut(vec![tenant(PERSONAL)]));
    let only = |text: &str| template(TenantSet::Only(vec![tenant(text)]));
    assert!(exact.overlaps(&exact) && exact.overlaps(&any) && any.overlaps(&exact) && any.overlaps(&any));
    assert!(any.overlaps(&only(TENANT)) && only(TENANT).overlaps(&any));
    assert!(!any.overlaps(&only(PERSONAL)) && !only(TENANT).overlaps(&only(OTHER)));
    assert!(!exact.overlaps(&only(OTHER)) && !exact.overlaps(&IssuerRule::exact("https://idp.example")));
}

fn required() -> KeyRule {
    KeyRule { issuer: KeyIssuer::Required, cloud: Some("cloud.example".to_owned()) }
}

#[test]
fn a_key_signs_for_the_issuer_it_names() {
    let template = "https://login.example/{tenantid}/v2.0";
    let rule = required();
    assert_eq!(rule.accepts(Some(template), None, &iss(TENANT), Some(TENANT)), Ok(()));
    assert_eq!(rule.accepts(Some(&iss(TENANT)), Some("cloud.example"), &iss(TENANT), Some(TENANT)), Ok(()));
    assert_eq!(rule.accepts(None, None, &iss(TENANT), Some(TENANT)), Err(KeyRuleFlaw::IssuerAbsent));
    for other in
        ["", " ", "https://login.example/{TenantId}/v2.0", "https://login.example/{tenantid}/v2.0/", &iss(OTHER)]
    {
        let found = rule.accepts(Some(other), None, &iss(TENANT), Some(TENANT));
        assert_eq!(found, Err(KeyRuleFlaw::IssuerMismatch), "{other:?}");
    }
    assert_eq!(rule.accepts(Some(template), None, &iss(TENANT), None), Err(KeyRuleFlaw::IssuerMismatch));
}

/// Rollover test 6 of the reference: a key for personal accounts in the same set.
#[test]
fn a_key_for_personal_accounts_cannot_sign_for_a_company() {
    let found = required().accepts(Some(&iss(PERSONAL)), None, &iss(TENANT), Some(TENANT));
    assert_eq!(found, Err(KeyRuleFlaw::IssuerMismatch));
    assert_eq!(required().accepts(Some(&iss(PERSONAL)), None, &iss(PERSONAL), Some(PERSONAL)), Ok(()));
}

/// Rollover test 7 of the reference.
#[test]
fn a_key_of_another_cloud_is_refused() {
    let own = iss(TENANT);
    let found = required().accepts(Some(&own), Some("elsewhere.example"), &own, Some(TENANT));
    assert_eq!(found, Err(KeyRuleFlaw::CloudMismatch));
}

#[test]
fn a_key_that_may_stay_silent_must_not_lie() {
    let rule = KeyRule {
        issuer: KeyIssuer::IfStated { also: vec!["https://login.example/{tenantid}/v2.0".to_owned()] },
        cloud: None,
    };
    let v1 = format!("https://sts.example/{TENANT}/");
    assert_eq!(rule.accepts(None, Some("any"), &v1, Some(TENANT)), Ok(()));
    assert_eq!(rule.accepts(Some(&v1), None, &v1, Some(TENANT)), Ok(()));
    assert_eq!(rule.accepts(Some("https://login.example/{tenantid}/v2.0"), None, &v1, Some(TENANT)), Ok(()));
    assert_eq!(rule.accepts(Some(&iss(PERSONAL)), None, &v1, Some(TENANT)), Err(KeyRuleFlaw::IssuerMismatch));
    assert_eq!(KeyRule::default().accepts(Some("anything"), Some("any"), &v1, None), Ok(()));
}

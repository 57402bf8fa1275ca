//! Tokens of each assurance and of less, and what would make up for it.

use serde_json::{Value, json};

use super::*;
use crate::access::testing::{NOW, TENANT, entra, plain};

const MINUTE: u64 = 60;

fn authority(tenant: Option<&str>) -> Authority {
    let host = "login.microsoftonline.com".to_owned();
    Authority { host, tenant: tenant.map(str::to_owned), client_id: None }
}

fn payments() -> Assurance {
    Assurance {
        context: Some(Context::Everywhere("c1".into())),
        acr_values: Some(Rc::from(["urn:mfa".to_owned(), "urn:key".to_owned()])),
        authorities: Rc::from([Some(Rc::new(authority(None))), None]),
        ..Assurance::default()
    }
}

/// `met`, or the kind of verdict, its reason and what would help: `unmet: reason, c1`.
fn judge(assurance: &Assurance, token: &VerifiedToken) -> String {
    let said = |shortfall: Shortfall| {
        let help = match shortfall.step_up.as_deref() {
            None => String::new(),
            Some(StepUp::Context { context, .. }) => format!(", {context}"),
            Some(StepUp::Authentication { acr_values, max_age }) => {
                let values = acr_values.as_deref().map(|values| values.join(" "));
                format!(", {values:?} {:?}", max_age.map(|age| age.as_secs()))
            }
        };
        format!("{}{help}", shortfall.reason())
    };
    match assurance.evaluate(token, UnixTime::from_secs(NOW)) {
        Verdict::Met => "met".to_owned(),
        Verdict::Unmet(shortfall) => format!("unmet: {}", said(shortfall)),
        Verdict::Unknown(shortfall) => format!("unknown: {}", said(shortfall)),
    }
}

#[test]
fn a_context_of_entra_is_in_acrs() {
    for acrs in [json!("c1"), json!(["c1"]), json!(["p1", "c2", "c1"])] {
        assert_eq!(judge(&payments(), &entra(&json!({ "acrs": acrs }))), "met", "{acrs}");
    }
    for claims in [
        json!({}),
        json!({ "acrs": "c11" }),
        json!({ "acrs": ["c2"] }),
        json!({ "acrs": "C1" }),
        json!({ "acr": "urn:mfa" }),
    ] {
        assert_eq!(judge(&payments(), &entra(&claims)), "unmet: assurance_context_missing", "{claims}");
    }
    for acrs in [json!(null), json!(1), json!(["c1", 1]), json!([]), json!({ "c1": true })] {
        assert_eq!(
            judge(&payments(), &entra(&json!({ "acrs": acrs }))),
            "unknown: assurance_context_malformed",
            "{acrs}"
        );
    }
}

#[test]
fn a_client_that_can_take_a_claims_challenge_gets_one() {
    for capabilities in [json!("cp1"), json!("CP1"), json!(["x", "Cp1"])] {
        let token = entra(&json!({ "xms_cc": capabilities }));
        assert_eq!(judge(&payments(), &token), "unmet: assurance_context_missing, c1", "{capabilities}");
    }
    for capabilities in [json!("cp2"), json!("cp1 cp2"), json!([]), json!(["cp1", 1]), json!(1), json!(null)] {
        let token = entra(&json!({ "xms_cc": capabilities }));
        assert_eq!(judge(&payments(), &token), "unmet: assurance_context_missing", "{capabilities}");
    }
    // An application has nobody who could sign in.
    let app = entra(&json!({ "idtyp": "app", "roles": ["x"], "xms_cc": ["cp1"] }));
    assert_eq!(judge(&payments(), &app), "unmet: assurance_context_missing");
}

#[test]
fn each_tenant_may_have_its_own_context() {
    let by_tenant = |tenant: &str| Assurance {
        context: Some(Context::ByTenant(vec![(tenant.to_owned(), "c3".into())])),
        ..payments()
    };
    assert_eq!(judge(&by_tenant(TENANT), &entra(&json!({ "acrs": ["c3"] }))), "met");
    assert_eq!(
        judge(&by_tenant(TENANT), &entra(&json!({ "acrs": ["c1"], "xms_cc": ["cp1"] }))),
        "unmet: assurance_context_missing, c3"
    );
    assert_eq!(judge(&by_tenant("other"), &entra(&json!({ "acrs": ["c3"] }))), "unknown: assurance_context_not_set");
}

#[test]
fn other_issuers_say_it_in_acr() {
    assert_eq!(judge(&payments(), &plain(&json!({ "acr": "urn:key" }))), "met");
    let asked = "Some(\"urn:mfa urn:key\") None";
    assert_eq!(judge(&payments(), &plain(&json!({}))), format!("unmet: assurance_level_missing, {asked}"));
    assert_eq!(
        judge(&payments(), &plain(&json!({ "acr": "urn:m" }))),
        format!("unmet: assurance_level_too_low, {asked}")
    );
    // Whoever they are, contexts are not theirs.
    assert_eq!(
        judge(&payments(), &plain(&json!({ "acrs": "c1" }))),
        format!("unmet: assurance_level_missing, {asked}")
    );
    let context = Assurance { acr_values: None, ..payments() };
    assert_eq!(judge(&context, &plain(&json!({ "acrs": "c1", "xms_cc": "cp1" }))), "unmet: assurance_context_missing");
    for acr in [json!(null), json!(1), json!(["urn:mfa"])] {
        assert_eq!(judge(&payments(), &plain(&json!({ "acr": acr }))), "unknown: assurance_level_malformed", "{acr}");
    }
    // A client for itself has nobody who could sign in.
    assert_eq!(judge(&payments(), &plain(&json!({ "sub": "c-1" }))), "unmet: assurance_level_missing");
}

#[test]
fn a_sign_in_may_be_too_old() {
    let fresh = Assurance { max_age: Some(Duration::from_secs(10 * MINUTE)), ..Assurance::default() };
    let at = |time: Value| judge(&fresh, &plain(&json!({ "auth_time": time })));
    for time in [NOW, NOW - MINUTE, NOW - 10 * MINUTE, NOW + MINUTE] {
        assert_eq!(at(json!(time)), "met", "{time}");
    }
    assert_eq!(at(json!(NOW - 10 * MINUTE - 1)), "unmet: assurance_too_old, None Some(600)");
    assert_eq!(at(json!(0)), "unmet: assurance_too_old, None Some(600)");
    assert_eq!(at(json!(NOW + 10 * MINUTE)), "unknown: assurance_time_in_future");
    for time in [json!(null), json!(NOW.to_string()), json!(-1), json!([NOW]), json!(1e300)] {
        assert_eq!(at(time.clone()), "unknown: assurance_time_malformed", "{time}");
    }
    assert_eq!(judge(&fresh, &plain(&json!({}))), "unmet: assurance_time_missing, None Some(600)");
    // Entra ID knows no challenge for that.
    assert_eq!(judge(&fresh, &entra(&json!({ "xms_cc": "cp1" }))), "unmet: assurance_time_missing");
}

#[test]
fn methods_are_in_amr() {
    let methods = Assurance { amr: Some(vec!["mfa".to_owned(), "hwk".to_owned()]), ..Assurance::default() };
    assert_eq!(judge(&methods, &entra(&json!({ "amr": ["pwd", "mfa"] }))), "met");
    assert_eq!(judge(&methods, &plain(&json!({ "amr": ["hwk"] }))), "met");
    assert_eq!(judge(&methods, &plain(&json!({ "amr": ["pwd"] }))), "unmet: assurance_method_missing");
    assert_eq!(judge(&methods, &plain(&json!({}))), "unmet: assurance_method_missing");
    assert_eq!(judge(&methods, &plain(&json!({ "amr": ["mfa", 1] }))), "unknown: assurance_method_malformed");
}

#[test]
fn what_signing_in_anew_cannot_mend_gets_no_challenge() {
    let certificate = Assurance { client_authentication: Some(vec![ClientAuthentication::Certificate]), ..payments() };
    for (claims, expected) in [
        (json!({ "azpacr": "2", "acrs": "c1" }), "met"),
        (json!({ "appidacr": "2", "acrs": "c1" }), "met"),
        (json!({ "azpacr": "2", "xms_cc": "cp1" }), "unmet: assurance_context_missing, c1"),
        (json!({ "azpacr": "1", "xms_cc": "cp1" }), "unmet: client_authentication_too_weak"),
        (json!({ "azpacr": "0", "xms_cc": "cp1" }), "unmet: client_authentication_too_weak"),
        (json!({ "azpacr": "3", "xms_cc": "cp1" }), "unknown: client_authentication_unknown"),
        (json!({ "azpacr": 2, "xms_cc": "cp1" }), "unknown: client_authentication_unknown"),
        (json!({ "azpacr": "2", "appidacr": "1" }), "unknown: client_authentication_unknown"),
        (json!({ "xms_cc": "cp1" }), "unknown: client_authentication_unknown"),
    ] {
        assert_eq!(judge(&certificate, &entra(&claims)), expected, "{claims}");
    }
    let fresh = Assurance { max_age: Some(Duration::from_secs(MINUTE)), ..payments() };
    let token = entra(&json!({ "auth_time": "now", "xms_cc": "cp1" }));
    assert_eq!(judge(&fresh, &token), "unknown: assurance_time_malformed");
}

#[test]
fn what_another_issuer_writes_of_the_clients_proof_is_not_believed() {
    let certificate = Assurance {
        client_authentication: Some(vec![ClientAuthentication::Certificate]),
        max_age: Some(Duration::from_secs(MINUTE)),
        ..Assurance::default()
    };
    let claims = json!({ "azpacr": "2", "auth_time": NOW });
    assert_eq!(judge(&certificate, &entra(&claims)), "met");
    assert_eq!(judge(&certificate, &plain(&claims)), "unknown: client_authentication_unknown");
}

#[test]
fn a_context_has_a_number_below_a_hundred() {
    assert!(["c1", "c9", "c10", "c99"].iter().all(|text| is_context(text)));
    assert!(["", "c", "c0", "c01", "c100", "C1", "c1\"", "cp1", " c1"].iter().all(|text| !is_context(text)));
}

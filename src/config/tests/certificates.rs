//! Client certificates: what is refused at load, and what an operator hears.

use super::*;

/// Tokens, and the certificates of `shop` as identities.
fn with(rule: Value) -> Value {
    let mut document = good();
    document["client_certificates"] = json!({ "accepted": { "shop": {
        "issuers": ["CN=Workloads,O=Contoso,C=DE"], "identity": { "subject": "spiffe_id" },
    } } });
    document["rules"][0].as_object_mut().unwrap().extend(rule.as_object().unwrap().clone());
    document
}

fn warnings(document: &Value) -> Vec<String> {
    load(document).unwrap().warnings(true)
}

#[test]
fn a_claim_of_a_certificate_that_a_token_may_have_too_is_heard_of() {
    let claim = json!({ "claim": { "path": "certificate", "equals": "shop" } });
    let heard = |at: &str| {
        let message = "a token may have a claim `certificate` too; ask for `certificates`, or for `\"callers\": [\"certificate\"]` beside it";
        vec![format!("{at}: {message}")]
    };
    let both = json!(["token", "certificate"]);
    assert_eq!(warnings(&with(json!({ "accept": both, "require": claim }))), heard("rules[0].require.claim.path"));
    let nested = json!({ "any_of": [{ "scopes": ["a"] }, { "cel": "claims.certificate == 'shop'" }] });
    assert_eq!(warnings(&with(json!({ "accept": both, "require": nested }))), heard("rules[0].require.any_of[1].cel"));
    let mut by_role = with(json!({ "accept": both, "require": { "permissions": "read" } }));
    by_role["roles"] = json!({ "reader": { "permissions": ["read"], "granted_to": claim } });
    assert_eq!(warnings(&by_role), heard("roles.reader.granted_to.claim.path"));
    let mut beside = claim.clone();
    beside["callers"] = json!(["certificate"]);
    for quiet in [
        json!({ "accept": ["certificate"], "require": claim }),
        json!({ "accept": ["token"], "require": claim }),
        json!({ "accept": both, "require": beside }),
        json!({ "accept": both, "require": { "callers": ["certificate"], "not": claim } }),
        json!({ "accept": both, "require": { "cel": "caller.kind == 'certificate' && claims.certificate == 'shop'" } }),
        json!({ "accept": both, "require": { "certificates": ["shop"] } }),
    ] {
        assert_eq!(warnings(&with(quiet.clone())), Vec::<String>::new(), "{quiet}");
    }
}

const LIST: &str = include_str!("../../certificate/tests/revocation-list.pem");

fn listed(accepted: Value, lists: Value) -> Value {
    let mut document = with(json!({ "accept": ["certificate"] }));
    document["client_certificates"]["accepted"]["shop"]
        .as_object_mut()
        .unwrap()
        .extend(accepted.as_object().unwrap().clone());
    document["client_certificates"]["revocation_lists"] = lists;
    document
}

#[test]
fn a_list_that_is_required_is_there() {
    let required = json!({ "revocation": "required" });
    let refused = "client_certificates.accepted.shop.revocation: is `required`, and there are no `revocation_lists`: every certificate is refused";
    assert_eq!(load(&listed(required.clone(), json!([]))).unwrap_err(), [refused]);
    assert!(load(&listed(json!({}), json!([]))).is_ok());
    assert_eq!(warnings(&listed(required, json!([{ "pem": LIST }]))), Vec::<String>::new());
    let of_others = json!({ "revocation": "required", "issuers": ["CN=Others"] });
    assert_eq!(
        warnings(&listed(of_others, json!([{ "pem": LIST }]))),
        [
            "client_certificates.accepted.shop.revocation: is `required`, and no list is of one of the `issuers`: all are refused"
        ]
    );
}

#[test]
fn a_list_tells_when_it_is_too_old_and_before() {
    let config = load(&listed(json!({}), json!([{ "pem": LIST }]))).unwrap();
    let told = |at: u64| config.ended(crate::time::UnixTime::from_secs(at));
    let (start, end) = (1_796_083_200, 1_811_808_000);
    let path = "client_certificates.revocation_lists[0].pem: ";
    for (at, expected) in [
        (start - 1, "is of a time to come, and until then certificates of its issuer are refused"),
        (end - 86_400, "is too old within a day"),
        (end, "is too old, and certificates of its issuer are refused"),
    ] {
        let told = told(at);
        assert!(told.len() == 1 && told[0].starts_with(&format!("{path}{expected}")), "{told:?}");
    }
    assert!(told(start).is_empty() && told(end - 86_401).is_empty());
}

#[test]
fn proxies_that_are_anybody_are_heard_of() {
    for all in ["0.0.0.0/0", "::/0"] {
        let mut document = with(json!({ "accept": ["certificate"] }));
        document["networks"] = json!({ "all": ["10.0.0.0/8", all], "some": ["10.0.0.0/8", "::/1"] });
        let heard = |proxies: &str| {
            let mut document = document.clone();
            let forwarded = json!({ "forwarded": { "trusted_proxies": [proxies] } });
            document["client_certificates"]["from"] = forwarded;
            document["devices"] =
                json!({ "d": { "header": { "name": "x-d", "equals": "1", "trusted_proxies": [proxies] } } });
            document["risk"] =
                json!({ "signals": [{ "header": "x-r", "numeric": true, "trusted_proxies": [proxies] }] });
            let warnings = warnings(&document);
            warnings.iter().filter(|warning| warning.contains("every address there is")).count()
        };
        assert_eq!((heard("all"), heard("some")), (3, 0), "{all}");
    }
}

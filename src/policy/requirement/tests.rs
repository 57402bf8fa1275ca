//! What each check says of tokens that are as they should be, absent, malformed and wrong.

mod caller;
mod claim;
mod granted;
mod laws;
mod owner;
mod permission;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::access::risk::Score;
use crate::access::{Circumstances, Connection};
use crate::entra::{Cloud, Directory, EntraSettings, Tenants, Versions};
use crate::http::{HeaderMap, RequestHead};
use crate::identity::Identity;
use crate::jose::{AlgorithmSet, KeySet};
use crate::policy::Captured;
use crate::provider::{Issuer, IssuerRef, IssuerRule, KeyRule, KeySource};
use crate::testing::{MemoryHost, TestIssuer};
use crate::time::UnixTime;
use crate::token::{self, TokenRules};

pub(crate) const NOW: u64 = 1_800_000_000;
const TENANT: &str = "11111111-aaaa-4bbb-8ccc-222222222222";
const OTHER: &str = "99999999-9999-4999-8999-999999999999";

/// A token of Entra ID (provider 0) with these claims besides those that each one has.
pub(crate) fn entra(claims: Value) -> Identity {
    let settings = EntraSettings {
        directory: Directory::Workforce(Tenants::One(TENANT.parse().unwrap())),
        cloud: Cloud::Global,
        versions: Versions::Both,
        app_id: None,
    };
    let mut all = json!({ "iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0"), "tid": TENANT, "oid": OTHER, "sub": "s-1" });
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    let issuer = settings.issuers("login", None).unwrap().remove(0);
    identity(&all, 0, &issuer, Some(settings.checks(false)))
}

/// A token of another issuer (provider 1).
pub(crate) fn plain(claims: Value) -> Identity {
    let mut all = json!({ "iss": "https://idp.example", "sub": "u-1" });
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    let source = KeySource::Fixed(KeySet::new(vec![]));
    let issuer = Issuer { rule: IssuerRule::exact("https://idp.example"), key_rule: KeyRule::default(), source };
    identity(&all, 1, &issuer, None)
}

fn identity(claims: &Value, provider: usize, issuer: &Issuer, entra: Option<crate::entra::Checks>) -> Identity {
    let mut claims = claims.clone();
    claims["exp"] = json!(NOW + 600);
    if claims.get("aud").is_none() {
        claims["aud"] = json!("api://orders");
    }
    let rules = TokenRules {
        audiences: None,
        algorithms: AlgorithmSet::ASYMMETRIC,
        access_token_profile: false,
        clock_skew: Duration::from_secs(60),
        max_lifetime: None,
        max_age: None,
        entra,
    };
    let stated = json!({ "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0" });
    let signed = TestIssuer::new("idp").signed_with(&json!({ "alg": "EdDSA", "typ": "JWT" }), &claims, stated);
    let place = IssuerRef { provider, issuer: 0 };
    Identity::Token(Rc::new(token::accept(place, issuer, &rules, signed, UnixTime::from_secs(NOW)).unwrap()))
}

/// A request with these headers.
fn head(headers: &[(&str, &str)]) -> RequestHead {
    let mut pairs = vec![
        (":method", "GET"),
        (":path", "/users/u-1?view=full"),
        (":authority", "api.example"),
        (":scheme", "https"),
    ];
    pairs.extend(headers);
    let pairs: HeaderMap = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    RequestHead::read(pairs).unwrap()
}

/// Evaluates with everything that a request can have; `explain` must come to the same.
fn evaluate_with(
    requirement: &Requirement,
    identity: &Identity,
    head: &RequestHead,
    parameters: &[(&str, Captured<'_>)],
    groups: Option<&[String]>,
) -> Verdict<Lack> {
    let mut host = MemoryHost::default();
    let connection = Connection::new(&mut host);
    let circumstances = Circumstances {
        head,
        token: identity.token(),
        connection: &connection,
        risk: Score::UNKNOWN,
        now: UnixTime::from_secs(NOW),
    };
    let facts = Facts {
        identity,
        binding: crate::binding::Binding::default(),
        parameters,
        groups,
        groups_missed: Cell::default(),
        circumstances,
    };
    let verdict = requirement.evaluate(&facts);
    let said = match &verdict {
        Verdict::Met => "met".to_owned(),
        Verdict::Unmet(lack) => format!("unmet: {}", lack.reason()),
        Verdict::Unknown(lack) => format!("unknown: {}", lack.reason()),
    };
    assert_eq!(requirement.explain(&facts).verdict, said);
    verdict
}

fn evaluate(requirement: &Requirement, identity: &Identity) -> Verdict<Lack> {
    evaluate_with(requirement, identity, &head(&[]), &[], None)
}

/// `met`, `unmet: reason` or `unknown: reason`; under `not` the answer has to be the other one, or stay unknown.
fn judge(check: Check, identity: &Identity) -> String {
    let requirement = Requirement::Check(check);
    let verdict = evaluate(&requirement, identity);
    let negated = evaluate(&Requirement::Not(Box::new(requirement)), identity);
    match verdict {
        Verdict::Met => {
            assert_eq!(negated, Verdict::Unmet(Lack::Excluded));
            "met".to_owned()
        }
        Verdict::Unmet(lack) => {
            assert_eq!(negated, Verdict::Met);
            format!("unmet: {}", lack.reason())
        }
        Verdict::Unknown(lack) => {
            assert_eq!(negated, Verdict::Unknown(lack.clone()));
            format!("unknown: {}", lack.reason())
        }
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn nobody_is_not_known_not_to_be_somebody() {
    let check = || Check::Scopes(Wanted::any(texts(&["read"])));
    assert_eq!(judge(check(), &Identity::Anonymous), "unknown: credential_missing");
}

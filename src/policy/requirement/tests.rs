//! What each check says of tokens that are as they should be, absent, malformed and wrong.

mod caller;
mod claim;
mod granted;
mod laws;
mod owner;
mod permission;

use std::cell::Cell;
use std::rc::Rc;

use serde_json::{Value, json};

use super::*;
use crate::access::risk::Score;
use crate::access::{Circumstances, Connection};
use crate::http::{HeaderMap, RequestHead};
use crate::identity::Identity;
use crate::policy::Captured;
pub(crate) use crate::testing::NOW;
use crate::testing::{MemoryHost, TENANT, entra_token, other_token};
use crate::time::UnixTime;

const OTHER: &str = "99999999-9999-4999-8999-999999999999";

/// A token of Entra ID (provider 0) with these claims besides those that each one has.
pub(crate) fn entra(claims: Value) -> Identity {
    let mut all = json!({ "oid": OTHER });
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    Identity::Token(entra_token(&all))
}

/// A token of another issuer (provider 1).
pub(crate) fn plain(claims: Value) -> Identity {
    Identity::Token(other_token(&claims))
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
    let known = crate::access::Known::default();
    let connection = Connection::new(&mut host, &known);
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
        groups: groups.map(std::rc::Rc::from),
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

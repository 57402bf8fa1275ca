//! The caller is whom the request names.

use super::*;
use crate::claim_path::ClaimPath;

fn owner(place: Place, claim: &str, head: &RequestHead, parameters: &[(&str, Captured<'_>)]) -> String {
    let check = OwnerCheck { place, claim: ClaimPath::parse(claim).unwrap() };
    let requirement = Requirement::Check(Check::Owner(check.into()));
    let identity = plain(json!({ "oid": "o é", "number": 7, "empty": "" }));
    match evaluate_with(&requirement, &identity, head, parameters, None) {
        Verdict::Met => "met".to_owned(),
        Verdict::Unmet(lack) => format!("unmet: {}", lack.reason()),
        Verdict::Unknown(lack) => format!("unknown: {}", lack.reason()),
    }
}

#[test]
fn a_path_parameter_is_compared_decoded_and_exactly() {
    let owner = |value: Captured<'_>, claim: &str| {
        owner(
            Place::Parameter("id".to_owned()),
            claim,
            &head(&[]),
            &[("other", Captured::Segment("u-1")), ("id", value)],
        )
    };
    assert_eq!(owner(Captured::Segment("u-1"), "sub"), "met");
    assert_eq!(owner(Captured::Segment("o é"), "oid"), "met");
    for another in ["U-1", "u-1 ", "u-10", "u"] {
        assert_eq!(owner(Captured::Segment(another), "sub"), "unmet: not_the_owner", "{another}");
    }
    assert_eq!(owner(Captured::Rest(&["u-1".to_owned()]), "sub"), "unknown: owner_parameter_unknown");
    assert_eq!(owner(Captured::Segment("7"), "number"), "unknown: owner_claim_malformed");
    assert_eq!(owner(Captured::Segment(""), "empty"), "unknown: owner_claim_malformed");
    assert_eq!(owner(Captured::Segment("x"), "sub.x"), "unknown: owner_claim_malformed");
    assert_eq!(owner(Captured::Segment("x"), "absent"), "unknown: owner_claim_missing");
}

#[test]
fn a_header_comes_once() {
    let owner = |headers: &[(&str, &str)]| owner(Place::Header("x-user".to_owned()), "sub", &head(headers), &[]);
    assert_eq!(owner(&[("X-User", "u-1")]), "met");
    assert_eq!(owner(&[("x-user", "u-2")]), "unmet: not_the_owner");
    assert_eq!(owner(&[("x-user", "u-1"), ("x-user", "u-1")]), "unknown: owner_header_repeated");
    assert_eq!(owner(&[("x-user", "u-1"), ("x_user", "u-2")]), "unknown: owner_header_repeated");
    assert_eq!(owner(&[("x_user", "u-1")]), "unknown: owner_header_missing");
    assert_eq!(owner(&[("x-user", "")]), "unknown: owner_header_missing");
    assert_eq!(owner(&[]), "unknown: owner_header_missing");
}

//! Any claim by its path.

use super::*;
use crate::claim_path::ClaimPath;

fn said(path: &str, comparison: Comparison) -> String {
    let claims = json!({
        "level": 7, "big": 9_007_199_254_740_993_u64, "half": 0.5, "negative": -3, "on": true, "text": "seven", "empty": "",
        "digits": "7", "list": ["a", "b"], "numbers": [1, 2.5], "mixed": ["a", 7], "none": [], "nothing": null,
        "deep": { "er": { "text": "x" } }
    });
    let path = ClaimPath::parse(path).unwrap();
    let said = judge(Check::Claim(ClaimCheck { path, comparison }.into()), &plain(claims));
    said.replace("unmet: claim_not_as_required", "unmet").replace("unknown: claim_malformed", "malformed")
}

fn text(text: &str) -> Scalar {
    Scalar::Text(text.to_owned())
}

fn number(value: Value) -> Scalar {
    Scalar::Number(value.as_number().unwrap().clone())
}

#[test]
fn equal_is_of_the_same_type() {
    let equals = |path: &str, scalar: Scalar| said(path, Comparison::Equals(scalar));
    assert_eq!(equals("text", text("seven")), "met");
    assert_eq!(equals("text", text("Seven")), "unmet");
    assert_eq!(equals("deep.er.text", text("x")), "met");
    assert_eq!(equals("empty", text("")), "met");
    assert_eq!(equals("level", number(json!(7))), "met");
    assert_eq!(equals("level", number(json!(7.0))), "met");
    assert_eq!(equals("big", number(json!(9_007_199_254_740_992_u64))), "unmet");
    assert_eq!(equals("on", Scalar::Boolean(false)), "unmet");
    for absent in ["absent", "deep.absent", "deep.er.absent.more"] {
        assert_eq!(equals(absent, text("x")), "unmet", "{absent}");
    }
    for (path, scalar) in [
        ("digits", number(json!(7))),
        ("level", text("7")),
        ("on", text("true")),
        ("list", text("a")),
        ("nothing", text("")),
        ("deep", text("x")),
        ("text.more", text("x")),
        ("list.a", text("x")),
    ] {
        assert_eq!(equals(path, scalar), "malformed", "{path}");
    }
}

#[test]
fn one_of_several() {
    let one_of = |path: &str, scalars: &[Scalar]| said(path, Comparison::OneOf(scalars.to_vec()));
    assert_eq!(one_of("level", &[text("7"), number(json!(7))]), "met");
    assert_eq!(one_of("level", &[text("7"), number(json!(8))]), "unmet");
    assert_eq!(one_of("level", &[text("7")]), "malformed");
    assert_eq!(one_of("absent", &[text("7")]), "unmet");
}

#[test]
fn lists_are_lists_of_what_is_asked_for() {
    let any = |path: &str, scalars: &[Scalar]| said(path, Comparison::ContainsAny(scalars.to_vec()));
    let all = |path: &str, scalars: &[Scalar]| said(path, Comparison::ContainsAll(scalars.to_vec()));
    assert_eq!(
        (any("list", &[text("c"), text("b")]), all("list", &[text("c"), text("b")])),
        ("met".into(), "unmet".into())
    );
    assert_eq!(all("list", &[text("b"), text("a")]), "met");
    assert_eq!(all("numbers", &[number(json!(2.5))]), "met");
    assert_eq!((any("none", &[text("a")]), all("none", &[text("a")])), ("unmet".into(), "unmet".into()));
    for path in ["text", "mixed", "numbers", "deep", "nothing"] {
        assert_eq!(
            (any(path, &[text("a")]), all(path, &[text("a")])),
            ("malformed".into(), "malformed".into()),
            "{path}"
        );
    }
    assert_eq!(any("absent", &[text("a")]), "unmet");
}

#[test]
fn prefix_and_range() {
    let prefix = |path: &str| said(path, Comparison::Prefix("sev".to_owned()));
    assert_eq!((prefix("text"), prefix("empty"), prefix("level")), ("met".into(), "unmet".into(), "malformed".into()));
    let range = |path: &str, min: Value, max: Value| {
        said(path, Comparison::Range { min: min.as_number().cloned(), max: max.as_number().cloned() })
    };
    assert_eq!(range("level", json!(7), json!(7)), "met");
    assert_eq!(range("level", json!(7.5), json!(null)), "unmet");
    assert_eq!(range("half", json!(0), json!(1)), "met");
    assert_eq!(range("negative", json!(null), json!(-3)), "met");
    assert_eq!(range("negative", json!(0), json!(null)), "unmet");
    assert_eq!(range("big", json!(9_007_199_254_740_994_u64), json!(null)), "unmet");
    for path in ["digits", "on", "list", "nothing"] {
        assert_eq!(range(path, json!(0), json!(9)), "malformed", "{path}");
    }
    assert_eq!(range("absent", json!(0), json!(9)), "unmet");
}

#[test]
fn present_or_not() {
    let present = |path: &str| (said(path, Comparison::Present(true)), said(path, Comparison::Present(false)));
    assert_eq!(present("empty"), ("met".into(), "unmet".into()));
    assert_eq!(present("absent"), ("unmet".into(), "met".into()));
    assert_eq!(present("nothing"), ("malformed".into(), "malformed".into()));
    assert_eq!(present("text.more"), ("malformed".into(), "malformed".into()));
}

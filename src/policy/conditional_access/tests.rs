//! Policies that apply and do not, and laws that hold for any of them.

use std::cell::Cell;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::access::assurance::Context;
use crate::access::testing::{NOW, entra};
use crate::access::{Assurance, Authority, Check as Circumstance, Circumstances, Connection, Named};
use crate::binding::Binding;
use crate::identity::Identity;
use crate::policy::requirement::Check;
use crate::policy::{Access, Credentials, Refusal, Rule, Ruling, decide};
use crate::testing::MemoryHost;
use crate::time::UnixTime;

fn met() -> Requirement {
    Requirement::AllOf(Vec::new())
}

fn unmet() -> Requirement {
    Requirement::AnyOf(Vec::new())
}

/// The host does not know the address.
fn unknown() -> Requirement {
    Requirement::Check(Check::Circumstance(Circumstance::Networks(Vec::new())))
}

fn context() -> Requirement {
    let authority = Authority { host: "login.example".to_owned(), tenant: None, client_id: None };
    let assurance = Assurance {
        context: Some(Context::Everywhere("c1".into())),
        authorities: Rc::from([Some(Rc::new(authority))]),
        ..Assurance::default()
    };
    let assurance = Named { name: "payments".into(), thing: Rc::new(assurance) };
    Requirement::Check(Check::Circumstance(Circumstance::Assurance(assurance)))
}

fn policy(name: &str, when: Option<Requirement>, except: Option<Requirement>, grant: Grant) -> Policy {
    Policy { name: name.into(), when, except, grant, report_only: false }
}

fn rule(require: Option<Requirement>, policies: Vec<Policy>) -> Rule {
    Rule {
        index: 0,
        name: "rule".into(),
        access: Access::Required,
        accepts: Credentials::default(),
        providers: None,
        audiences: None,
        require,
        report_only: false,
        limits: Vec::new(),
        policies: policies.into_iter().map(Rc::new).collect(),
    }
}

fn ruling(rule: &Rule) -> Ruling {
    let identity = Identity::Token(entra(&json!({ "xms_cc": ["cp1"] })));
    let head = crate::access::testing::head(&[]);
    let mut host = MemoryHost::default();
    let known = crate::access::Known::default();
    let connection = Connection::new(&mut host, &known);
    let now = UnixTime::from_secs(NOW);
    let circumstances = Circumstances {
        head: &head,
        token: identity.token(),
        connection: &connection,
        risk: crate::access::risk::Score::UNKNOWN,
        now,
    };
    let groups_missed = Cell::default();
    decide(
        rule,
        &Facts {
            identity: &identity,
            binding: Binding::default(),
            parameters: &[],
            groups: None,
            groups_missed,
            circumstances,
        },
    )
}

/// `allow` or the reason, the policy that decided, and what would have stopped it.
fn judge(rule: &Rule) -> (&'static str, Option<String>, Option<&'static str>) {
    let ruling = ruling(rule);
    let decided = ruling.decided.as_ref().map_or_else(Refusal::reason, |_| "allow");
    (decided, ruling.policy.as_deref().map(str::to_owned), ruling.unenforced.as_ref().map(Refusal::reason))
}

fn decided(policies: Vec<Policy>) -> (&'static str, Option<String>) {
    let (decided, policy, unenforced) = judge(&rule(None, policies));
    assert_eq!(unenforced, None);
    (decided, policy)
}

#[test]
fn a_policy_applies_when_it_says_so_or_it_cannot_be_told() {
    for (when, except, applies) in [
        (None, None, true),
        (Some(met()), None, true),
        (Some(unmet()), None, false),
        (Some(unknown()), None, true),
        (Some(met()), Some(met()), false),
        (Some(met()), Some(unmet()), true),
        (Some(met()), Some(unknown()), true),
        (None, Some(met()), false),
        (Some(unknown()), Some(unknown()), true),
        (Some(unmet()), Some(unmet()), false),
    ] {
        let name = format!("{when:?} {except:?}");
        let expected = if applies { ("blocked_by_policy", Some("p".to_owned())) } else { ("allow", None) };
        assert_eq!(decided(vec![policy("p", when, except, Grant::Block)]), expected, "{name}");
    }
}

#[test]
fn controls_are_all_or_one() {
    let all = |controls| decided(vec![policy("p", None, None, Grant::All(controls))]).0;
    let one = |controls| decided(vec![policy("p", None, None, Grant::One(controls))]).0;
    assert_eq!(all(vec![met(), met()]), "allow");
    assert_eq!(all(vec![met(), unmet()]), "never_met");
    assert_eq!(all(vec![met(), unknown()]), "address_unknown");
    assert_eq!(one(vec![unmet(), met()]), "allow");
    assert_eq!(one(vec![unknown(), met()]), "allow");
    assert_eq!(one(vec![unmet(), unknown()]), "never_met");
    assert_eq!(one(vec![]), "never_met");
}

#[test]
fn a_challenge_is_made_where_it_helps_and_not_elsewhere() {
    let asks = |grant| decided(vec![policy("p", None, None, grant)]).0;
    assert_eq!(asks(Grant::All(vec![context()])), "assurance_context_missing");
    // Signing in anew would not make the address known.
    assert_eq!(asks(Grant::All(vec![context(), unknown()])), "address_unknown");
    // Here it would be enough.
    assert_eq!(asks(Grant::One(vec![unknown(), context()])), "assurance_context_missing");
    let stricter = policy("second", None, None, Grant::All(vec![unknown()]));
    let step_up = policy("first", None, None, Grant::All(vec![context()]));
    assert_eq!(decided(vec![step_up, stricter]), ("address_unknown", Some("second".to_owned())));
}

#[test]
fn block_wins_over_any_grant_and_the_rule_comes_first() {
    let grant = || policy("grant", None, None, Grant::All(vec![unmet()]));
    let block = || policy("block", None, None, Grant::Block);
    for policies in [vec![grant(), block()], vec![block(), grant()]] {
        assert_eq!(decided(policies), ("blocked_by_policy", Some("block".to_owned())));
    }
    assert_eq!(judge(&rule(Some(unknown()), vec![block()])), ("address_unknown", None, None));
    let reported = Rule { report_only: true, ..rule(Some(unknown()), vec![block()]) };
    assert_eq!(judge(&reported), ("blocked_by_policy", Some("block".to_owned()), Some("address_unknown")));
}

#[test]
fn a_policy_that_is_only_reported_stops_nobody() {
    let reported = |name: &str, grant| Policy { report_only: true, ..policy(name, None, None, grant) };
    let policies = vec![reported("a", Grant::All(vec![unknown()])), reported("b", Grant::Block)];
    assert_eq!(judge(&rule(None, policies)), ("allow", Some("b".to_owned()), Some("blocked_by_policy")));
    let policies = vec![reported("a", Grant::Block), policy("b", None, None, Grant::All(vec![unknown()]))];
    assert_eq!(judge(&rule(None, policies)), ("address_unknown", Some("b".to_owned()), None));
}

fn any_requirement() -> impl Strategy<Value = Requirement> {
    let leaf = prop_oneof![Just(met()), Just(unmet()), Just(unknown()), Just(context())];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Requirement::AllOf),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Requirement::AnyOf),
            inner.prop_map(|inner| Requirement::Not(Box::new(inner))),
        ]
    })
}

fn any_grant() -> impl Strategy<Value = Grant> {
    let controls = || prop::collection::vec(any_requirement(), 1..3);
    prop_oneof![Just(Grant::Block), controls().prop_map(Grant::All), controls().prop_map(Grant::One)]
}

prop_compose! {
    fn any_policy()(
        when in prop::option::of(any_requirement()),
        except in prop::option::of(any_requirement()),
        grant in any_grant(),
        report_only in any::<bool>(),
    ) -> Policy {
        Policy { report_only, ..policy("p", when, except, grant) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn block_overrides_whatever_else(
        require in prop::option::of(any_requirement()),
        mut policies in prop::collection::vec(any_policy(), 0..4),
        place in any::<prop::sample::Index>(),
        report_only in any::<bool>(),
    ) {
        policies.insert(place.index(policies.len().max(1)), policy("block", None, None, Grant::Block));
        let rule = Rule { report_only, ..rule(require, policies) };
        prop_assert!(ruling(&rule).decided.is_err());
    }

    #[test]
    fn a_policy_more_never_lets_more_through(
        require in prop::option::of(any_requirement()),
        policies in prop::collection::vec(any_policy(), 0..3),
        another in any_policy(),
        place in any::<prop::sample::Index>(),
    ) {
        let before = ruling(&rule(require.clone(), policies.clone())).decided.is_ok();
        let mut more = policies;
        more.insert(place.index(more.len().max(1)), another);
        let after = ruling(&rule(require, more)).decided.is_ok();
        prop_assert!(before || !after);
    }
}

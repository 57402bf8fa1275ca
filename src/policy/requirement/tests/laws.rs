//! What holds for any tree.

use proptest::prelude::*;

use super::*;

/// A check with a known answer: by its number met, unmet or unknown.
fn leaf(kind: u8) -> Requirement {
    let scope = |name: &str| Requirement::Check(Check::Scopes(Wanted::any(texts(&[name]))));
    match kind % 6 {
        0 => scope("read"),
        1 => scope("write"),
        2 => Requirement::Check(Check::Groups(Wanted::any(texts(&["g"])))),
        3 => Requirement::Check(Check::Clients(texts(&["c"]).into())),
        4 => Requirement::Check(Check::Providers(Rc::from([1]))),
        _ => Requirement::Check(Check::Audiences(Wanted::any(texts(&["x"])))),
    }
}

fn tree() -> impl Strategy<Value = Requirement> {
    any::<u8>().prop_map(leaf).prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Requirement::AllOf),
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Requirement::AnyOf),
            inner.prop_map(|inner| Requirement::Not(Box::new(inner))),
        ]
    })
}

/// `read` is met, `write` is not, groups overflow, the client is not named.
fn somebody() -> Identity {
    plain(json!({ "scope": "read", "hasgroups": true }))
}

/// The same tree with this in place of each check.
fn with_leaves(tree: &Requirement, leaf: &Requirement) -> Requirement {
    match tree {
        Requirement::AllOf(parts) => Requirement::AllOf(parts.iter().map(|part| with_leaves(part, leaf)).collect()),
        Requirement::AnyOf(parts) => Requirement::AnyOf(parts.iter().map(|part| with_leaves(part, leaf)).collect()),
        Requirement::Not(inner) => Requirement::Not(Box::new(with_leaves(inner, leaf))),
        Requirement::Check(_) => leaf.clone(),
    }
}

/// Three-valued logic after Kleene, where order does not matter.
fn truth(tree: &Requirement, identity: &Identity) -> Option<bool> {
    match tree {
        Requirement::AllOf(parts) => {
            let parts: Vec<_> = parts.iter().map(|part| truth(part, identity)).collect();
            if parts.contains(&Some(false)) {
                Some(false)
            } else {
                parts.into_iter().collect::<Option<Vec<_>>>().map(|_| true)
            }
        }
        Requirement::AnyOf(parts) => {
            let parts: Vec<_> = parts.iter().map(|part| truth(part, identity)).collect();
            if parts.contains(&Some(true)) {
                Some(true)
            } else {
                parts.into_iter().collect::<Option<Vec<_>>>().map(|_| false)
            }
        }
        Requirement::Not(inner) => truth(inner, identity).map(|truth| !truth),
        leaf @ Requirement::Check(_) => match evaluate(leaf, identity) {
            Verdict::Met => Some(true),
            Verdict::Unmet(_) => Some(false),
            Verdict::Unknown(_) => None,
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_cannot_be_told_never_becomes_a_yes(tree in tree()) {
        let unknown = with_leaves(&tree, &leaf(2));
        prop_assert!(matches!(evaluate(&unknown, &somebody()), Verdict::Unknown(_)));
    }

    #[test]
    fn nobody_meets_nothing(tree in tree()) {
        prop_assert!(!evaluate(&tree, &Identity::Anonymous).is_met());
    }

    /// Short cuts may leave more unknown, and never make a yes or a no of it. (`evaluate` also compares with `explain`.)
    #[test]
    fn a_yes_and_a_no_are_those_of_logic(tree in tree()) {
        let found = evaluate(&tree, &somebody());
        let truth = truth(&tree, &somebody());
        match found {
            Verdict::Met => prop_assert_eq!(truth, Some(true)),
            Verdict::Unmet(_) => prop_assert_eq!(truth, Some(false)),
            Verdict::Unknown(_) => {}
        }
    }

    #[test]
    fn not_overrides_whatever_else_is_met(tree in tree()) {
        let all = Requirement::AllOf(vec![tree.clone(), Requirement::Not(Box::new(tree))]);
        prop_assert!(!evaluate(&all, &somebody()).is_met());
    }

    #[test]
    fn an_alternative_only_widens_and_a_condition_only_narrows(one in tree(), other in tree()) {
        let (met, either, both) = (
            evaluate(&one, &somebody()).is_met(),
            evaluate(&Requirement::AnyOf(vec![one.clone(), other.clone()]), &somebody()).is_met(),
            evaluate(&Requirement::AllOf(vec![one, other]), &somebody()).is_met(),
        );
        prop_assert!((!met || either) && (!both || met));
    }
}

#[test]
fn of_alternatives_the_one_that_can_be_acted_on_is_named() {
    let lack =
        |kinds: &[u8]| match evaluate(&Requirement::AnyOf(kinds.iter().map(|kind| leaf(*kind)).collect()), &somebody())
        {
            Verdict::Met => "met".to_owned(),
            Verdict::Unmet(lack) => format!("unmet: {}", lack.reason()),
            Verdict::Unknown(lack) => format!("unknown: {}", lack.reason()),
        };
    assert_eq!(lack(&[5, 1]), "unmet: scope_missing");
    assert_eq!(lack(&[3, 2, 1]), "unknown: scope_missing");
    assert_eq!(lack(&[3, 2]), "unknown: groups_overage");
    assert_eq!(lack(&[5, 3]), "unknown: audience_not_wanted");
    assert_eq!(lack(&[3, 2, 0]), "met");
    assert_eq!(evaluate(&Requirement::AnyOf(Vec::new()), &somebody()), Verdict::Unmet(Lack::Never));
    assert_eq!(
        evaluate(&Requirement::AnyOf(vec![leaf(5), leaf(1)]), &Identity::Anonymous),
        Verdict::Unknown(Lack::NoToken)
    );
}

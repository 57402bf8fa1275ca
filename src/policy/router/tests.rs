use super::*;
use crate::http::Leniency;
use crate::policy::condition::Expected;
use proptest::prelude::*;

fn spec(name: &str, hosts: &[&str], paths: &[&str], methods: &[&str]) -> (MatchSpec, String) {
    let spec = MatchSpec {
        name: RuleName::parse(name).unwrap(),
        hosts: hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect(),
        paths: paths.iter().map(|path| PathTemplate::parse(path).unwrap()).collect(),
        methods: methods.iter().map(|method| Method::parse(method).unwrap()).collect(),
        conditions: Conditions::default(),
    };
    (spec, name.to_owned())
}

fn segments(path: &str) -> Vec<String> {
    crate::http::Target::read(path.as_bytes(), Leniency::default()).unwrap().segments().to_vec()
}

/// The name of the rule that speaks for `GET https://api.example<path>`, or `-`.
fn speaks(router: &Router<String>, path: &str) -> String {
    speaks_for(router, "api.example", "GET", path)
}

fn speaks_for(router: &Router<String>, host: &str, method: &str, path: &str) -> String {
    let segments = segments(path);
    router.find(host, method, &segments).map_or("-".to_owned(), |found| {
        assert_eq!(found.rule().as_str(), found.value());
        found.value().clone()
    })
}

#[test]
fn literal_beats_parameter_beats_rest() {
    let router = Router::new(vec![
        spec("rest", &[], &["/a/{rest...}"], &[]),
        spec("parameter", &[], &["/a/{x}"], &[]),
        spec("literal", &[], &["/a/b"], &[]),
        spec("deep", &[], &["/a/{x}/c"], &[]),
    ])
    .unwrap();
    assert_eq!(speaks(&router, "/a/b"), "literal");
    assert_eq!(speaks(&router, "/a/x"), "parameter");
    assert_eq!(speaks(&router, "/a/b/c"), "deep");
    assert_eq!(speaks(&router, "/a/b/d"), "rest");
    assert_eq!(speaks(&router, "/b"), "-");
}

#[test]
fn the_leftmost_segment_decides_first() {
    let router = Router::new(vec![
        spec("late-literals", &[], &["/{x}/b/c"], &[]),
        spec("early-literal", &[], &["/a/{rest...}"], &[]),
    ])
    .unwrap();
    assert_eq!(speaks(&router, "/a/b/c"), "early-literal");
    assert_eq!(speaks(&router, "/z/b/c"), "late-literals");
}

#[test]
fn rest_is_any_number_of_segments_none_included() {
    let router = Router::new(vec![spec("tree", &[], &["/public/{rest...}"], &[])]).unwrap();
    for path in ["/public", "/public/", "/public/a", "/public/a/b/"] {
        assert_eq!(speaks(&router, path), "tree", "{path}");
    }
    for path in ["/", "/publi", "/publicity", "/Public/a"] {
        assert_eq!(speaks(&router, path), "-", "{path}");
    }
}

#[test]
fn a_trailing_slash_is_another_path() {
    let router = Router::new(vec![spec("bare", &[], &["/a"], &[]), spec("slash", &[], &["/a/"], &[])]).unwrap();
    assert_eq!(speaks(&router, "/a"), "bare");
    assert_eq!(speaks(&router, "/a/"), "slash");
    let router = Router::new(vec![spec("bare", &[], &["/a"], &[]), spec("one", &[], &["/a/{x}"], &[])]).unwrap();
    assert_eq!(speaks(&router, "/a/"), "-");
}

#[test]
fn advisory_08_a_query_changes_nothing() {
    let router =
        Router::new(vec![spec("admin", &[], &["/admin"], &[]), spec("rest", &[], &["/{rest...}"], &[])]).unwrap();
    for path in ["/admin", "/admin?x", "/admin?", "/%61dmin"] {
        assert_eq!(speaks(&router, path), "admin", "{path}");
    }
}

#[test]
fn advisory_25_every_legal_character_matches_a_parameter_and_a_literal() {
    let router = Router::new(vec![spec("user", &[], &["/u/{name}"], &[])]).unwrap();
    for mark in "-._~!$&'()*+,=:@".chars() {
        assert_eq!(speaks(&router, &format!("/u/a{mark}b")), "user", "{mark}");
        let literal = format!("/u/a{mark}b");
        let router = Router::new(vec![spec("literal", &[], &[&literal], &[])]).unwrap();
        assert_eq!(speaks(&router, &literal), "literal", "{mark}");
        assert_eq!(speaks(&router, "/u/axb"), "-", "{mark}");
    }
}

#[test]
fn exact_host_beats_wildcard_beats_none() {
    let router = Router::new(vec![
        spec("any", &[], &["/a"], &[]),
        spec("below", &["*.example"], &["/a"], &[]),
        spec("further-below", &["*.api.example"], &["/a"], &[]),
        spec("exact", &["api.example"], &["/a"], &[]),
        spec("elsewhere", &[], &["/b"], &[]),
    ])
    .unwrap();
    for (host, rule) in [
        ("api.example", "exact"),
        ("web.example", "below"),
        ("a.b.example", "below"),
        ("v2.api.example", "further-below"),
        ("example", "any"),
        ("notexample", "any"),
        ("[::1]", "any"),
    ] {
        assert_eq!(speaks_for(&router, host, "GET", "/a"), rule, "{host}");
    }
    assert_eq!(speaks_for(&router, "api.example", "GET", "/b"), "elsewhere");
}

#[test]
fn a_named_method_beats_any_and_hides_nothing() {
    let router = Router::new(vec![
        spec("any", &[], &["/a"], &[]),
        spec("get", &[], &["/a"], &["GET"]),
        spec("only-get", &[], &["/b/c"], &["GET"]),
        spec("rest", &[], &["/b/{rest...}"], &[]),
    ])
    .unwrap();
    assert_eq!(speaks_for(&router, "h", "GET", "/a"), "get");
    assert_eq!(speaks_for(&router, "h", "POST", "/a"), "any");
    assert_eq!(speaks_for(&router, "h", "get", "/a"), "any");
    assert_eq!(speaks_for(&router, "h", "GET", "/b/c"), "only-get");
    assert_eq!(speaks_for(&router, "h", "POST", "/b/c"), "rest");
}

#[test]
fn head_is_what_get_is_unless_it_is_named() {
    let router = Router::new(vec![
        spec("get", &[], &["/a", "/b"], &["GET"]),
        spec("head", &[], &["/b"], &["HEAD"]),
        spec("any", &[], &["/a"], &[]),
        spec("post", &[], &["/c"], &["POST"]),
    ])
    .unwrap();
    assert_eq!(speaks_for(&router, "h", "HEAD", "/a"), "get");
    assert_eq!(speaks_for(&router, "h", "HEAD", "/b"), "head");
    assert_eq!(speaks_for(&router, "h", "HEAD", "/c"), "-");
}

#[test]
fn parameters_are_captured_decoded() {
    let router = Router::new(vec![spec("lines", &[], &["/orders/{id}/{rest...}"], &[])]).unwrap();
    let segments = segments("/orders/a%20b/x/y");
    let found = router.find("h", "GET", &segments).unwrap();
    assert_eq!(found.template().text(), "/orders/{id}/{rest...}");
    assert_eq!(found.parameter("id"), Some(Captured::Segment("a b")));
    assert_eq!(found.parameter("rest"), Some(Captured::Rest(&["x".to_owned(), "y".to_owned()])));
    assert_eq!(found.parameter("other"), None);
    assert_eq!(found.parameters().count(), 2);
    let segments = self::segments("/orders/1");
    let found = router.find("h", "GET", &segments).unwrap();
    assert_eq!(found.parameter("rest"), Some(Captured::Rest(&[])));
}

#[test]
fn a_rule_without_paths_speaks_for_every_path() {
    let router = Router::new(vec![spec("all", &["api.example"], &[], &[])]).unwrap();
    for path in ["/", "/a", "/a/b/"] {
        assert_eq!(speaks(&router, path), "all", "{path}");
    }
}

#[test]
fn no_rules_speak_for_nothing() {
    assert_eq!(speaks(&Router::new(Vec::new()).unwrap(), "/"), "-");
}

#[test]
fn a_rule_that_is_never_asked_is_a_conflict_that_names_both() {
    let conflicts = Router::new(vec![
        spec("first", &["a.example"], &["/x/{id}"], &["GET"]),
        spec("same", &["A.example"], &["/x/{other}"], &["GET", "PUT"]),
        spec("other-host", &["b.example"], &["/x/{id}"], &["GET"]),
        spec("any-method", &["a.example"], &["/x/{id}"], &[]),
        spec("twice", &[], &["/caf%C3%A9", "/café"], &[]),
    ])
    .unwrap_err();
    let texts: Vec<String> = conflicts.iter().map(RouteConflict::to_string).collect();
    assert_eq!(
        texts,
        [
            "rule `same` is never asked about `GET a.example/x/{other}`: rule `first` names the same",
            "rule `twice` names `* */café` twice",
        ]
    );
}

#[test]
fn conflicts_are_listed_up_to_a_bound() {
    let rules = (0..300).map(|_| spec("same", &[], &["/a"], &[])).collect();
    assert_eq!(Router::<String>::new(rules).unwrap_err().len(), MAX_CONFLICTS);
}

/// What the module's head says, checked the slow way.
fn model<'r>(rules: &'r [(MatchSpec, String)], host: &str, method: &str, segments: &[String]) -> Option<&'r str> {
    let host_rank = |spec: &MatchSpec| {
        if spec.hosts.is_empty() {
            return Some((2, 0));
        }
        let ranks = spec.hosts.iter().filter_map(|pattern| match pattern {
            HostPattern::Exact(exact) => (exact == host).then_some((0, 0)),
            HostPattern::Below(parent) => {
                host.ends_with(&format!(".{parent}")).then_some((1, usize::MAX.saturating_sub(parent.len())))
            }
        });
        ranks.min()
    };
    let path_rank = |template: &PathTemplate| {
        let mut ranks = Vec::new();
        for (index, part) in template.parts().iter().enumerate() {
            match (part, segments.get(index)) {
                (Part::Rest(_), _) => {
                    ranks.push(2);
                    return Some(ranks);
                }
                (Part::Literal(text), Some(segment)) if text == segment => ranks.push(0),
                (Part::Parameter(_), Some(segment)) if !segment.is_empty() => ranks.push(1),
                _ => return None,
            }
        }
        (template.parts().len() == segments.len()).then_some(ranks)
    };
    let method_rank = |spec: &MatchSpec| {
        let names = |wanted: &str| spec.methods.iter().any(|method| method.as_str() == wanted);
        match () {
            () if names(method) => Some(0),
            () if method == "HEAD" && names("GET") => Some(1),
            () if spec.methods.is_empty() => Some(2),
            () => None,
        }
    };
    let ranked = rules.iter().filter_map(|(spec, name)| {
        let path = if spec.paths.is_empty() { Some(vec![2]) } else { spec.paths.iter().filter_map(path_rank).min() };
        Some(((host_rank(spec)?, path?, method_rank(spec)?), name.as_str()))
    });
    ranked.min_by(|(rank, _), (other, _)| rank.cmp(other)).map(|(_, name)| name)
}

fn path_text(with_parameters: bool) -> impl Strategy<Value = String> {
    let segment = if with_parameters {
        prop::sample::select(vec!["a", "b", "{P}", "{P}"])
    } else {
        prop::sample::select(vec!["a", "b", "c", "c"])
    };
    let last = prop::sample::select(if with_parameters { vec!["", "/", "/{rest...}"] } else { vec!["", "/", ""] });
    (prop::collection::vec(segment, 0..4), last).prop_map(|(segments, last)| {
        let named = segments
            .iter()
            .enumerate()
            .map(|(index, segment)| format!("/{}", segment.replace('P', &format!("p{index}"))));
        let text = named.collect::<String>() + last;
        if text.is_empty() { "/".to_owned() } else { text }
    })
}

fn rule() -> impl Strategy<Value = (Vec<&'static str>, Vec<String>, Vec<&'static str>)> {
    let hosts = prop::sample::subsequence(vec!["x.example", "*.example", "*.x.example"], 0..2);
    let methods = prop::sample::subsequence(vec!["GET", "HEAD", "PUT"], 0..2);
    (hosts, prop::collection::vec(path_text(true), 1..3), methods)
}

proptest! {
    #[test]
    fn the_trie_agrees_with_the_written_order(
        rules in prop::collection::vec(rule(), 0..8),
        requests in prop::collection::vec((
            prop::sample::select(vec!["x.example", "y.example", "y.x.example", "example"]),
            prop::sample::select(vec!["GET", "HEAD", "PUT", "POST"]),
            path_text(false),
        ), 1..20),
    ) {
        let mut kept: Vec<(MatchSpec, String)> = Vec::new();
        for (index, (hosts, paths, methods)) in rules.iter().enumerate() {
            let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
            kept.push(spec(&format!("r{index}"), hosts, &paths, methods));
            if Router::new(kept.clone()).is_err() {
                kept.pop();
            }
        }
        let router = Router::new(kept.clone()).unwrap();
        for (host, method, path) in requests {
            let segments = segments(&path);
            let found = router.find(host, method, &segments).map(|found| found.value().as_str());
            prop_assert_eq!(found, model(&kept, host, method, &segments), "{} {}{}", method, host, path);
        }
    }
}

/// Every node fits a request of `a`s, and none of them ends it: the worst there is. The search may look at each node
/// once; a search that came back to nodes would not end in the lifetime of the universe.
#[test]
fn a_search_is_bounded_by_the_size_of_the_trie() {
    let depth = 12;
    let rules = (0_u32..1 << depth).map(|bits| {
        let path: String =
            (0..depth).map(|at| if bits >> at & 1 == 0 { "/a".to_owned() } else { format!("/{{p{at}}}") }).collect();
        spec(&format!("r{bits}"), &[], &[&format!("{path}/end")], &[])
    });
    let router = Router::new(rules.collect()).unwrap();
    let nearly: Vec<String> = std::iter::repeat_n("a".to_owned(), depth).chain(["other".to_owned()]).collect();
    assert!(router.find("h", "GET", &nearly).is_none());
    let long = vec!["a".to_owned(); 100_000];
    assert!(router.find("h", "GET", &long).is_none());
}

#[test]
fn ten_thousand_rules_are_found_each() {
    let rules =
        (0..10_000).map(|n| spec(&format!("r{n}"), &[], &[&format!("/api/v{}/things/t{n}/{{id}}", n % 7)], &[]));
    let router = Router::new(rules.collect()).unwrap();
    assert_eq!(router.rules().count(), 10_000);
    for n in (0..10_000).step_by(997) {
        assert_eq!(speaks(&router, &format!("/api/v{}/things/t{n}/1", n % 7)), format!("r{n}"));
    }
}

/// The same with conditions on headers, `true` for any value.
fn spec_if(name: &str, methods: &[&str], headers: &[(&str, &[&str])]) -> (MatchSpec, String) {
    let (mut spec, value) = spec(name, &[], &["/a"], methods);
    let expected = |texts: &[&str]| match texts {
        [] => Expected::Present,
        texts => Expected::OneOf(texts.iter().map(|text| (*text).to_owned()).collect()),
    };
    let headers = headers.iter().map(|(name, texts)| ((*name).to_owned(), expected(texts))).collect();
    spec.conditions = Conditions::new(headers, Vec::new());
    (spec, value)
}

fn speaks_if(router: &Router<String>, method: &str, headers: &[(&str, &str)]) -> String {
    let headers: HeaderMap =
        headers.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect();
    let segments = segments("/a");
    let found = router.find_with("h", method, &segments, &Details { headers: Some(&headers), query: b"" });
    found.map_or("-".to_owned(), |found| found.value().clone())
}

#[test]
fn more_conditions_come_first_and_then_the_order() {
    let router = Router::new(vec![
        spec_if("none", &[], &[]),
        spec_if("tier", &[], &[("x-tier", &["gold"])]),
        spec_if("any-tier", &[], &[("x-tier", &[])]),
        spec_if("beta", &[], &[("x-beta", &[])]),
        spec_if("both", &[], &[("x-tier", &["gold"]), ("x-beta", &[])]),
        spec_if("get", &["GET"], &[("x-get", &[])]),
    ])
    .unwrap();
    for (headers, rule) in [
        (&[][..], "none"),
        (&[("x-tier", "gold")], "tier"),
        (&[("x-tier", "silver")], "any-tier"),
        (&[("x-tier", "silver"), ("x-beta", "")], "any-tier"),
        (&[("x-tier", "gold"), ("x-beta", "")], "both"),
        (&[("x-tier", "gold"), ("x-tier", "silver"), ("x-beta", "")], "any-tier"),
        (&[("x-get", ""), ("x-tier", "gold"), ("x-beta", "")], "get"),
    ] {
        assert_eq!(speaks_if(&router, "GET", headers), rule, "{headers:?}");
        assert_eq!(speaks_if(&router, "HEAD", headers), rule, "{headers:?}");
    }
    assert_eq!(speaks_if(&router, "PUT", &[("x-get", "")]), "none");
}

#[test]
fn a_rule_whose_conditions_another_covers_is_never_asked() {
    let conflicts = |rules: Vec<(MatchSpec, String)>| -> Vec<String> {
        Router::new(rules).err().unwrap_or_default().iter().map(RouteConflict::to_string).collect()
    };
    let (gold, any) = (&[("x-tier", &["gold"][..])], &[("X-Tier", &[][..])]);
    assert_eq!(conflicts(vec![spec_if("gold", &[], gold), spec_if("any", &[], any)]), Vec::<String>::new());
    assert_eq!(
        conflicts(vec![spec_if("any", &[], any), spec_if("gold", &[], gold)]),
        [
            "rule `gold` is never asked about `* */a`: the conditions of rule `any`, which is asked before it, hold wherever its own do"
        ]
    );
    assert_eq!(
        conflicts(vec![spec_if("one", &["GET"], gold), spec_if("two", &["GET"], gold), spec_if("three", &[], gold)]),
        ["rule `two` is never asked about `GET */a`: rule `one` names the same"]
    );
    let names: Vec<String> = (0..=MAX_ALIKE).map(|n| format!("h-{n}")).collect();
    let many = names.iter().map(|name| spec_if("r", &[], &[(name, &[])])).collect();
    assert_eq!(conflicts(many), ["rule `r`: more than 64 rules for `* */a` differ only by headers and query"]);
}

proptest! {
    /// A rule more changes nothing for requests that it does not match.
    #[test]
    fn a_rule_changes_nothing_that_it_does_not_name(
        rules in prop::collection::vec(rule(), 0..6),
        more in rule(),
        host in prop::sample::select(vec!["x.example", "y.x.example", "example"]),
        method in prop::sample::select(vec!["GET", "HEAD", "PUT"]),
        path in path_text(false),
    ) {
        let mut kept: Vec<(MatchSpec, String)> = Vec::new();
        for (index, (hosts, paths, methods)) in rules.iter().enumerate() {
            let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
            kept.push(spec(&format!("r{index}"), hosts, &paths, methods));
            if Router::new(kept.clone()).is_err() {
                kept.pop();
            }
        }
        let paths: Vec<&str> = more.1.iter().map(String::as_str).collect();
        let added = spec("added", &more.0, &paths, &more.2);
        let matches = model(std::slice::from_ref(&added), host, method, &segments(&path)).is_some();
        let before = speaks_for(&Router::new(kept.clone()).unwrap(), host, method, &path);
        kept.push(added);
        if let Ok(router) = Router::new(kept) {
            let after = speaks_for(&router, host, method, &path);
            prop_assert!(after == before || (matches && after == "added"), "{} {}", before, after);
        }
    }
}

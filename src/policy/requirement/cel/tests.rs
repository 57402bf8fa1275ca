//! What is refused at load, what expressions see, and that none of them traps.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::access::{Circumstances, Connection};
use crate::http::{HeaderMap, RequestHead};
use crate::identity::Identity;
use crate::policy::requirement::tests::{NOW, entra, plain};
use crate::policy::template::Captured;
use crate::testing::MemoryHost;
use crate::time::UnixTime;

fn compile(text: &str) -> Result<CelCheck, Vec<CelFlaw>> {
    CelCheck::compile(text, |name| name == "email", vec!["entra".to_owned(), "idp".to_owned()].into())
}

fn flaws(text: &str) -> Vec<String> {
    compile(text).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

fn evaluate(text: &str, identity: &Identity) -> String {
    let check = compile(text).unwrap_or_else(|flaws| panic!("{text}: {flaws:?}"));
    let pairs: HeaderMap = [
        (":method", "GET"),
        (":path", "/%75sers/u-1?view=full+x&twice=1&TWICE=2&odd=%ff"),
        (":authority", "API.example:443"),
        (":scheme", "https"),
        ("x-tier", "gold"),
        ("x-twice", "a"),
        ("X-Twice", "a"),
    ]
    .into_iter()
    .map(|(name, value)| (name.into(), value.into()))
    .collect();
    let head = RequestHead::read(pairs).unwrap();
    let mut host = MemoryHost::default();
    host.properties.insert("source.address".to_owned(), b"203.0.113.7:1234".to_vec());
    let known = crate::access::Known::default();
    let connection = Connection::new(&mut host, &known);
    let circumstances = Circumstances {
        head: &head,
        token: identity.token(),
        connection: &connection,
        risk: crate::access::risk::Score::UNKNOWN,
        now: UnixTime::from_secs(NOW),
    };
    let rest = ["a".to_owned(), "b".to_owned()];
    let parameters = [("user", Captured::Segment("u-1")), ("rest", Captured::Rest(&rest))];
    let facts = Facts {
        identity,
        binding: crate::binding::Binding::default(),
        parameters: &parameters,
        groups: None,
        groups_missed: std::cell::Cell::default(),
        circumstances,
    };
    check.saw(&facts);
    match check.evaluate(&facts) {
        Verdict::Met => "met".to_owned(),
        Verdict::Unmet(lack) => format!("unmet: {}", lack.reason()),
        Verdict::Unknown(lack) => format!("unknown: {}", lack.reason()),
    }
}

fn somebody() -> Identity {
    plain(json!({
        "azp": "c-1", "scope": "read write", "level": 7, "big": u64::MAX, "half": 0.5, "nothing": null, "on": true,
        "list": ["a", "b"], "deep": { "er": ["x"] }, "text": "é", "least": i64::MIN, "email": "a@b.example"
    }))
}

#[test]
fn expressions_see_the_request_and_the_caller() {
    for met in [
        "true",
        "request.method == 'GET' && request.host == 'api.example' && request.path == \"/users/u-1\"",
        "request.scheme == 'https' && request.time == 1800000000",
        "request.headers['x-tier'] in ['gold', 'silver'] && !has(request.headers.nothing)",
        "!('x-none' in request.headers) && !('none' in request.query) && !has(request.query.nothing)",
        "request.query.view == 'full x'",
        "params.user == claims.sub && params.rest == 'a/b'",
        "claims.level >= 7 && claims.level < 7.5 && claims.half * 2.0 == 1.0",
        "claims.list.exists(x, x == 'b') && claims.list.all(x, size(x) == 1) && size(claims.list.filter(x, x != 'a')) == 1",
        "claims.list.exists_one(x, x == 'a')",
        "claims['deep'].er[0] == 'x' && 'deep' in claims && has(claims.deep.er) && !has(claims.absent)",
        "claims.text.startsWith('é') && claims.text.size() == 1 && claims.list[0].endsWith('a') && 'abc'.contains('b')",
        "claims.nothing == null && claims.on",
        "request.time - 60 < claims.exp && int('7') == claims.level && string(claims.level) == '7'",
        "caller.subject == 'u-1' && caller.client == 'c-1' && caller.provider == 'idp' && 'write' in caller.scopes",
        "!has(caller.tenant) && !has(caller.kind) && caller.roles == []",
        "address == '203.0.113.7'",
        "danger_claims.email == 'a@b.example'",
        "claims.on ? true : claims.absent",
        "claims.absent || true",
    ] {
        assert_eq!(evaluate(met, &somebody()), "met", "{met}");
    }
    assert_eq!(evaluate("claims.level > 7", &somebody()), "unmet: condition_not_met");
    let user = entra(json!({ "idtyp": "user", "roles": ["r"] }));
    assert_eq!(evaluate("caller.kind == 'user' && caller.provider == 'entra' && caller.roles == ['r']", &user), "met");
}

#[test]
fn what_goes_wrong_is_no_answer() {
    for failing in [
        "claims.absent == 'x'",
        "claims.absent != 'x'",
        "!claims.absent",
        "claims.level",
        "claims.level == 7 && claims.text > 7",
        "claims.text.er == 'x'",
        "claims.list[2] == 'x'",
        "claims.list[claims.least] == 'x'",
        "claims.list['a'] == 'x'",
        "claims.level / 0 == 1",
        "claims.level % 0 == 1",
        "claims.big + 1u == 1u",
        "-claims.least == 1",
        "claims.least - 1 == 1",
        "claims.least / -1 == 1",
        "claims.least % -1 == 0",
        "claims.least * -1 == 1",
        "int(claims.big) == 1",
        "int('x') == 1",
        "size(claims.level) == 1",
        "claims.level.contains('a')",
        "claims.level.exists(x, x == 1)",
        "claims.list.all(x, x > 1)",
        "claims.on ? claims.level : true",
        "request.headers['x-twice'] == 'a'",
        "'x-twice' in request.headers",
        "!('x-twice' in request.headers)",
        "!has(request.query.twice)",
        "!has(request.query.odd)",
        "!has(request.query.nothing) && !('twice' in request.query)",
    ] {
        assert_eq!(evaluate(failing, &somebody()), "unknown: condition_failed", "{failing}");
    }
}

#[test]
fn nobody_has_no_claims() {
    assert_eq!(evaluate("request.method == 'GET' && caller.kind == 'anonymous'", &Identity::Anonymous), "met");
    assert_eq!(evaluate("!has(claims.sub)", &Identity::Anonymous), "unknown: credential_missing");
    assert_eq!(evaluate("caller.kind == 'anonymous' || claims.sub == 'u-1'", &Identity::Anonymous), "met");
    assert_eq!(evaluate("has(claims.sub)", &Identity::Anonymous), "unknown: credential_missing");
    assert_eq!(evaluate("claims.sub == 'u-1'", &Identity::Anonymous), "unknown: credential_missing");
    assert_eq!(evaluate("request.method == 'PUT'", &Identity::Anonymous), "unmet: condition_not_met");
}

#[test]
fn what_can_be_known_to_be_wrong_is_refused_at_load() {
    let functions = "size, contains, startsWith, endsWith, string, int, double, has, all, exists, exists_one, filter";
    for (text, expected) in [
        ("1", "`1` is a whole number; expected true or false"),
        ("request.method", "`request.method` is a text; expected true or false"),
        ("request.method == 5", "`request.method == 5`: a text and a whole number"),
        ("size(5) == 1", "`5` is a whole number; expected a text or a list"),
        ("size(request.path) == 'a'", "`size(request.path) == 'a'`: a whole number and a text"),
        ("request.time < 'a'", "`request.time < 'a'`: a whole number and a text"),
        ("claims.a + 1 == 'x'", "`claims.a + 1 == 'x'`: a whole number and a text"),
        ("1 + 'a' == 2", "`1 + 'a'`: a whole number and a text"),
        ("'a' - 'b' == 2", "`'a'` is a text; expected a number"),
        ("!request.method", "`request.method` is a text; expected true or false"),
        ("request.method && true", "`request.method` is a text; expected true or false"),
        ("request.method.x == 1", "`request.method` is a text; expected something with members"),
        ("request.path.all(x, true)", "`request.path` is a text; expected a list"),
        ("'a' in request.path", "`request.path` is a text; expected a list or something with members"),
        ("[1]['a'] == 1", "`'a'` is a text; expected a whole number"),
        ("user == 'a'", "there is no `user`; known: request, params, claims, danger_claims, caller, address"),
        ("request.body == 'a'", "there is no `request.body`; known: method, host, path, scheme, headers, query, time"),
        (
            "caller.name == 'a'",
            "there is no `caller.name`; known: kind, subject, client, tenant, provider, scopes, roles",
        ),
        (
            "claims == 1 || true",
            "`claims` can only be asked for a member by name, as in `claims.x` or `\"x\" in claims`",
        ),
        (
            "request.headers.exists(h, true)",
            "`request.headers` can only be asked for a member by name, as in `request.headers.x` or `\"x\" in request.headers`",
        ),
        ("claims[request.path] == 1", "`claims[request.path]`: the name has to be written out, as a text"),
        ("request.headers['X-Tier'] == 'a'", "`request.headers[\"X-Tier\"]`: headers are named in lower case here"),
        (
            "claims.email == 'a'",
            "`email` can be chosen by users or other tenants; if you must, write `danger_claims.email`",
        ),
        (
            "has(claims.email)",
            "`email` can be chosen by users or other tenants; if you must, write `danger_claims.email`",
        ),
        (
            "'email' in claims",
            "`email` can be chosen by users or other tenants; if you must, write `danger_claims.email`",
        ),
        (
            "claims['email'] == 'a'",
            "`email` can be chosen by users or other tenants; if you must, write `danger_claims.email`",
        ),
        (
            "claims.a.map(x, x + 1) == []",
            "`claims.a..(x, ..)`: `map` makes lists that grow with a request; ask with `all` or `exists`",
        ),
        ("claims.a.all(x, x.all(y, y))", "`x..(y, ..)`: a macro can't be in another"),
        (
            "claims.a.all(claims, true)",
            "`claims.a..(claims, ..)`: the name of an item has to be another than those of variables",
        ),
        ("{'a': 1}.a == 1", "`{..}`: a map can't be written here"),
        ("b'a' == b'a'", "`b'..'`: nothing in a request is bytes; write a text"),
    ] {
        assert_eq!(flaws(text).first().map(String::as_str), Some(expected), "{text}");
    }
    for (text, name) in [("claims.a.matches('a')", "matches"), ("now() == 1", "now"), ("type(1) == int", "type")] {
        assert_eq!(flaws(text).first(), Some(&format!("there is no function `{name}`; known: {functions}")), "{text}");
    }
    for text in ["", "claims.", "a b", "claims.a ==", "'a", "claims.?a == 1", "1 == 1 // \u{0}\n)"] {
        assert!(
            flaws(text).first().is_some_and(|flaw| flaw.starts_with("is not an expression: ")),
            "{text}: {:?}",
            flaws(text)
        );
    }
}

#[test]
fn expressions_are_bounded() {
    let flaw = |text: &str| compile(text).err().map(|flaws| flaws.first().unwrap().reason()).unwrap_or_default();
    assert_eq!(flaw(&format!("'{}' == claims.a", "x".repeat(4096))), "cel_too_long");
    assert_eq!(flaw(&format!("{}true{}", "(".repeat(30), ")".repeat(30))), "cel_too_deep");
    assert_ne!(flaw(&format!("1{} == 1", " + 1".repeat(200))), "");
    assert_ne!(flaw(&format!("true{}", " || claims.a == 1".repeat(200))), "");
    assert_ne!(flaw(&format!("true{}", " ? true : true".repeat(100))), "");
    assert_ne!(flaw(&format!("claims{}", ".a".repeat(1000))), "");
    assert_eq!(flaw(&["claims.a.all(x, true)"; 5].join(" && ")), "cel_too_many_macros");
    assert_eq!(flaw(&["claims.a.all(x, true)"; 4].join(" && ")), "");
    assert_eq!(flaw(&vec!["claims.abc == 'x'"; 40].join(" && ")), "");
}

/// Expressions of every form that is let through, over claims of every type.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "claims.sub",
        "claims.level",
        "claims.big",
        "claims.half",
        "claims.nothing",
        "claims.on",
        "claims.list",
        "claims.deep",
        "claims.text",
        "claims.least",
        "claims.absent",
        "request.path",
        "request.time",
        "address",
        "caller.scopes",
        "params.user",
        "request.query.view",
        "request.headers['x-tier']",
        "1",
        "-1",
        "0",
        "9223372036854775807",
        "1u",
        "18446744073709551615u",
        "0.0",
        "1e308",
        "'a'",
        "''",
        "'é'",
        "true",
        "false",
        "null",
        "[]",
        "[1, 'a']",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 3, |inner| {
        let operators =
            prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "&&", "||", "in"]);
        let members = prop::sample::select(vec!["contains", "startsWith", "endsWith"]);
        let functions = prop::sample::select(vec!["size", "string", "int", "double", "!", "-"]);
        let macros = prop::sample::select(vec!["all", "exists", "exists_one", "filter"]);
        prop_oneof![
            (inner.clone(), operators, inner.clone())
                .prop_map(|(left, name, right)| format!("({left} {name} {right})")),
            (functions, inner.clone()).prop_map(|(name, inner)| format!("{name}({inner})")),
            (inner.clone(), members, inner.clone()).prop_map(|(left, name, right)| format!("({left}).{name}({right})")),
            (inner.clone(), inner.clone()).prop_map(|(list, index)| format!("({list})[{index}]")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(one, two, three)| format!("({one} ? {two} : {three})")),
            (inner.clone(), macros, inner).prop_map(|(list, name, inner)| format!("({list}).{name}(x, x == {inner})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    /// A panic would fail the test; in the module it would take the worker down.
    #[test]
    fn no_expression_traps(text in expression()) {
        let asked = format!("{text} == claims.level");
        for text in [text, asked] {
            if compile(&text).is_ok() {
                evaluate(&text, &somebody());
            }
        }
    }

    #[test]
    fn no_text_traps_the_parser(text in "([a-c.()\\[\\]{}'\"\\\\?:!&|=<>+*/%,0-9 u\n-]|claims|request|has|é|\u{0}|true|//|0x|1e|r'|b'|`){0,24}") {
        let _ = compile(&text);
    }
}

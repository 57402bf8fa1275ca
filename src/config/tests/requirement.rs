//! Requirements and roles: what loads, what is refused and in which words.

use super::*;

/// The faults of the good document with this requirement on its rule.
fn faults(require: &Value) -> Vec<String> {
    load(&with(require, json!({}))).err().unwrap_or_default()
}

fn with(require: &Value, roles: Value) -> Value {
    let mut document = good();
    document["rules"][0]["require"] = require.clone();
    document["roles"] = roles;
    document
}

const GUID: &str = "0F000000-aaaa-4bbb-8ccc-222222222222";

#[test]
fn every_kind_of_check_about_the_caller_loads() {
    for require in [
        json!({ "providers": ["idp"] }),
        json!({ "audiences": "orders" }),
        json!({ "scopes": { "all": ["a", "b"] }, "app_roles": ["x"], "groups": { "any": ["g"] }, "directory_roles": GUID }),
        json!({ "clients": [GUID], "client_authentication": ["secret", "certificate"], "tenants": [GUID] }),
        json!({ "subjects": [{ "oid": GUID, "tid": GUID }, { "sub": "u", "provider": "idp" }] }),
        json!({ "callers": ["user", "guest", "application", "agent", "managed_identity", "device"] }),
        json!({ "claim": { "path": "a.b", "equals": true } }),
        json!({ "claim": { "path": ["https://x.example/email"], "one_of": ["a", 7, -1.5] } }),
        json!({ "claim": { "path": "a", "range": { "min": 1 } } }),
        json!({ "claim": { "path": "a", "present": false } }),
        json!({ "owner": { "parameter": "id", "claim": "oid" } }),
        json!({ "owner": { "header": "X-User", "claim": "sub" } }),
        json!({ "not": { "any_of": [{ "scopes": "a" }, { "all_of": [{ "claim": { "path": "a", "prefix": "x" } }] }] } }),
    ] {
        assert_eq!(faults(&require), Vec::<String>::new(), "{require}");
    }
}

#[test]
fn each_fault_of_a_requirement_is_named_with_its_path() {
    let only =
        "expected exactly one of `equals`, `one_of`, `contains_all`, `contains_any`, `prefix`, `range`, `present`";
    for (require, at, expected) in [
        (json!({}), "", "asks for nothing; name what is asked for, or leave it out"),
        (json!({ "any_of": [] }), ".any_of", "is empty; name what is asked for, or leave it out"),
        (json!({ "any_of": [{}] }), ".any_of[0]", "asks for nothing; name what is asked for, or leave it out"),
        (json!({ "providers": ["x"] }), ".providers[0]", "there is no provider `x`"),
        (
            json!({ "audiences": "x" }),
            ".audiences[0]",
            "`x` is not an audience of the rule's providers, so no token could have it",
        ),
        (
            json!({ "scopes": [] }),
            ".scopes",
            "is empty, which nobody can meet; name what is asked for, or leave it out",
        ),
        (json!({ "scopes": "" }), ".scopes", "is an empty text"),
        (json!({ "scopes": ["a", ""] }), ".scopes[1]", "is an empty text"),
        (json!({ "scopes": "a b" }), ".scopes", "`a b` is not a scope: printable ASCII without space, `\"` and `\\`"),
        (json!({ "scopes": { "any": ["a"], "all": ["b"] } }), ".scopes", "expected either `any` or `all`"),
        (
            json!({ "groups": { "all": [] } }),
            ".groups.all",
            "is empty, which nobody can meet; name what is asked for, or leave it out",
        ),
        (json!({ "groups": 7 }), ".groups", "expected a string, found a number"),
        (
            json!({ "client_authentication": ["none"] }),
            ".client_authentication[0]",
            "unknown value `none`; expected one of `public`, `secret`, `certificate`",
        ),
        (json!({ "tenants": ["contoso"] }), ".tenants[0]", "`contoso` is not a tenant id; expected a GUID"),
        (
            json!({ "subjects": [{ "oid": GUID }] }),
            ".subjects[0]",
            "expected either `oid` with `tid`, or `sub` with `provider`",
        ),
        (json!({ "subjects": [{ "oid": "x", "tid": GUID }] }), ".subjects[0].oid", "`x` is not a GUID"),
        (json!({ "subjects": [{ "sub": "u", "provider": "x" }] }), ".subjects[0].provider", "there is no provider `x`"),
        (
            json!({ "callers": ["app"] }),
            ".callers[0]",
            "unknown value `app`; expected one of `user`, `guest`, `application`, `agent`, `managed_identity`, `device`, `api_key`, `certificate`",
        ),
        (json!({ "claim": { "path": "a" } }), ".claim", only),
        (json!({ "claim": { "path": "a", "equals": 1, "present": true } }), ".claim", only),
        (json!({ "claim": { "path": "a..b", "equals": 1 } }), ".claim.path", "a name of the claim is empty"),
        (json!({ "claim": { "path": "a", "equals": null } }), ".claim", only),
        (
            json!({ "claim": { "path": "a", "equals": [1] } }),
            ".claim.equals",
            "expected a string or a number or true or false, found a list",
        ),
        (
            json!({ "claim": { "path": "a", "one_of": [] } }),
            ".claim.one_of",
            "is empty, which nobody can meet; name what is asked for, or leave it out",
        ),
        (json!({ "claim": { "path": "a", "prefix": "" } }), ".claim.prefix", "is an empty text"),
        (json!({ "claim": { "path": "a", "range": {} } }), ".claim.range", "expected `min`, `max` or both"),
        (
            json!({ "claim": { "path": "a", "range": { "min": "1" } } }),
            ".claim.range.min",
            "expected a number, found a string",
        ),
        (
            json!({ "claim": { "path": "email.x", "equals": "a" } }),
            ".claim.path",
            "`email` can be chosen by users or other tenants; if you must, write `danger_claim`",
        ),
        (
            json!({ "owner": { "parameter": "id", "claim": "upn" } }),
            ".owner.claim",
            "`upn` can be chosen by users or other tenants; if you must, write `danger_claim`",
        ),
        (
            json!({ "owner": { "parameter": "user", "claim": "oid" } }),
            ".owner.parameter",
            "there is no parameter `user` in path `/orders/{id}`",
        ),
        (json!({ "owner": { "claim": "oid" } }), ".owner", "expected either `parameter` or `header`"),
        (
            json!({ "owner": { "parameter": "id", "header": "x", "claim": "oid" } }),
            ".owner",
            "expected either `parameter` or `header`",
        ),
        (json!({ "owner": { "header": "x y", "claim": "oid" } }), ".owner.header", "`x y` is not a header name"),
        (json!({ "owner": { "parameter": "id" } }), ".owner", "expected either `claim` or `danger_claim`"),
        (
            json!({ "permissions": "orders:read" }),
            ".permissions",
            "no role has the permission `orders:read`; known: none",
        ),
    ] {
        assert_eq!(faults(&require), [format!("rules[0].require{at}: {expected}")], "{require}");
    }
}

#[test]
fn a_parameter_that_is_many_segments_is_no_owner() {
    let mut document = with(&json!({ "owner": { "parameter": "rest", "claim": "oid" } }), json!({}));
    document["rules"][0]["match"]["paths"] = json!(["/a/{rest...}"]);
    let expected = "rules[0].require.owner.parameter: `{rest...}` of path `/a/{rest...}` is any number of segments; only a `{rest}` can be compared";
    assert_eq!(load(&document).unwrap_err(), [expected]);
    document["rules"][0]["match"] = json!({});
    let expected = "rules[0].require.owner.parameter: there is no parameter `rest`: no path of a rule is known here";
    assert_eq!(load(&document).unwrap_err(), [expected]);
}

#[test]
fn trees_have_a_bottom() {
    let mut require = json!({ "scopes": "a" });
    for _ in 0..16 {
        require = json!({ "not": require });
    }
    assert_eq!(faults(&require), Vec::<String>::new());
    let faults = faults(&json!({ "not": require }));
    assert!(faults.len() == 1 && faults[0].ends_with(": is more than 16 requirements deep"), "{faults:#?}");
}

#[test]
fn claims_that_must_not_decide_are_heard_at_load() {
    let require = json!({ "danger_claim": { "path": "email", "equals": "a@b.example" }, "owner": { "parameter": "id", "danger_claim": "upn" } });
    let warnings = load(&with(&require, json!({}))).unwrap().warnings(true);
    assert_eq!(
        warnings,
        [
            "rules[0].require.danger_claim.path: decides by a claim that its bearer or another tenant may choose (`email`)",
            "rules[0].require.owner.danger_claim: decides by a claim that its bearer or another tenant may choose (`upn`)"
        ]
    );
}

#[test]
fn roles_give_permissions() {
    let roles = json!({
        "reader": { "permissions": ["orders:read"], "granted_to": { "app_roles": "Orders.Read" } },
        "clerk": { "permissions": ["orders:write"], "inherits": ["reader"], "granted_to": { "groups": "g" } }
    });
    let require = json!({ "permissions": { "all": ["orders:read", "orders:write"] } });
    assert!(load(&with(&require, roles)).is_ok());
}

#[test]
fn each_fault_of_a_role_is_named_with_its_path() {
    let granted = json!({ "scopes": "a" });
    for (roles, expected) in [
        (json!({ "": { "permissions": ["p"] } }), "roles.: a role needs a name"),
        (json!({ "a": {} }), "roles.a: permits nothing; name its `permissions`, or roles that it `inherits`"),
        (json!({ "a": { "permissions": [""] } }), "roles.a.permissions[0]: is an empty text"),
        (json!({ "a": { "permissions": ["p", "p"] } }), "roles.a.permissions[1]: `p` is named twice"),
        (json!({ "a": { "inherits": ["b"] } }), "roles.a.inherits[0]: there is no role `b`; known: `a`"),
        (
            json!({ "a": { "permissions": ["p"], "inherits": ["b", "b"] }, "b": { "permissions": ["q"] } }),
            "roles.a.inherits[1]: `b` is named twice",
        ),
        (json!({ "a": { "inherits": ["a"] } }), "roles.a.inherits: a role can't inherit itself: `a` inherits `a`"),
        (
            json!({ "a": { "inherits": ["b"] }, "b": { "inherits": ["c"] }, "c": { "inherits": ["b"] } }),
            "roles.b.inherits: a role can't inherit itself: `b` inherits `c` inherits `b`",
        ),
        (
            json!({ "a": { "permissions": ["p"], "granted_to": {} } }),
            "roles.a.granted_to: asks for nothing; name what is asked for, or leave it out",
        ),
        (
            json!({ "a": { "permissions": ["p"], "granted_to": { "not": { "permissions": "p" } } } }),
            "roles.a.granted_to.not.permissions: a role is not granted by permissions: they come from roles",
        ),
        (
            json!({ "a": { "permissions": ["p"], "granted_to": { "owner": { "parameter": "id", "claim": "oid" } } } }),
            "roles.a.granted_to.owner.parameter: there is no parameter `id`: no path of a rule is known here",
        ),
    ] {
        assert_eq!(load(&with(&granted, roles.clone())).unwrap_err(), [expected], "{roles}");
    }
    let unknown =
        load(&with(&json!({ "permissions": "q" }), json!({ "a": { "permissions": ["p"], "granted_to": granted } })));
    assert_eq!(unknown.unwrap_err(), ["rules[0].require.permissions: no role has the permission `q`; known: `p`"]);
    let nobody = load(&with(&json!({ "permissions": "p" }), json!({ "a": { "permissions": ["p"] } })));
    assert_eq!(
        nobody.unwrap_err(),
        ["rules[0].require.permissions: nobody can have the permission `p`: no role with it is `granted_to` anybody"]
    );
}

#[test]
fn conditions_on_headers_and_query() {
    let loaded = |matches: Value| load(&changed("/rules/0/match", matches)).err().unwrap_or_default();
    assert_eq!(
        loaded(json!({ "headers": { "X-Tier": ["gold"], "x-any": true }, "query": { "view": "full" } })),
        Vec::<String>::new()
    );
    for (matches, expected) in [
        (json!({ "headers": { "x tier": true } }), "headers.x tier: is not a name"),
        (json!({ "query": { "": true } }), "query.: is not a name"),
        (
            json!({ "headers": { "x-tier": false } }),
            "headers.x-tier: expected `true` or values; that something is not there is what rules without it are for",
        ),
        (
            json!({ "query": { "view": [] } }),
            "query.view: is empty, which matches nothing; write `true` to match any value",
        ),
        (json!({ "query": { "view": [7] } }), "query.view[0]: expected a string, found a number"),
        (json!({ "query": { "view": vec!["a"; 65] } }), "query.view: has more than 64 values"),
    ] {
        assert_eq!(loaded(matches.clone()), [format!("rules[0].match.{expected}")], "{matches}");
    }
    assert_eq!(
        loaded(json!({ "headers": { "x-a": true, "X-A": true } })),
        ["rules[0].match: `x-a` is given twice, but for its case"]
    );
    let many: serde_json::Map<String, Value> = (0..17).map(|n| (format!("h{n}"), json!(true))).collect();
    assert_eq!(
        loaded(json!({ "headers": many })),
        ["rules[0].match: has more than 16 conditions on headers and query"]
    );
}

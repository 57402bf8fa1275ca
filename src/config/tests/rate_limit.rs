//! Limits: what loads, and each fault with its path.

use super::*;

/// A document with one of everything.
fn full() -> Value {
    let mut document = good();
    document["risk"] = json!({ "observe": { "failures": { "more_than": 3, "within": "5m", "score": 60 } } });
    document["roles"] = json!({ "staff": { "permissions": ["internal"], "granted_to": { "groups": ["g"] } } });
    document["rate_limits"] = json!({
        "address": { "key": ["address"], "all_rules": true, "rate": { "requests": 100, "per": "1m" } },
        "guesses": {
            "key": [{ "network_prefix": { "ipv4": 24 } }], "count": "failures", "all_rules": true,
            "window": { "requests": 20, "per": "10m" }
        },
        "plan": {
            "key": ["tenant", "client", { "claim": "realm_access.team" }, { "header": "X-Team" }],
            "rate": { "requests": 10, "per": "1s", "burst": 30 },
            "quota": { "requests": 10000, "per": "month", "zone": "Europe/Berlin" },
            "concurrency": 5,
            "tiers": [
                { "name": "gold", "when": { "claim": { "path": "plan", "equals": "gold" } }, "rate": { "requests": 100, "per": "1s" } },
                { "name": "staff", "when": { "permissions": "internal" }, "concurrency": 50 }
            ],
            "adaptive": { "risk": { "above": 50, "percent": 25 }, "upstream": { "slower_than": "2s" } },
            "report_only": true
        },
        "everything": { "key": [], "when": "arrival", "all_rules": true, "concurrency": 1000 }
    });
    document["rules"][0]["limits"] = json!(["plan", { "name": "everything", "weight": 5 }]);
    document
}

fn faults(pointer: &str, value: Value) -> Vec<String> {
    let mut document = full();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        parent if value.is_null() => {
            parent.as_object_mut().unwrap().remove(name);
        }
        parent => parent[name] = value,
    }
    load(&document).err().unwrap_or_default()
}

#[test]
fn limits_load_and_come_to_their_rules() {
    use crate::rate_limit::When;
    let config = load(&full()).unwrap();
    let when = |name: &str| config.rate_limits.iter().find(|one| &*one.limit.name == name).unwrap().limit.when;
    assert_eq!(
        ["address", "guesses", "plan", "everything"].map(when),
        [When::Arrival, When::ArrivalOfFailures, When::Admitted, When::Arrival]
    );
    let details = Details { headers: None, query: b"" };
    let segments = ["orders", "1"].map(str::to_owned);
    let found = config.router.find_with("api.example", "GET", &segments, &details).unwrap();
    let rule = found.value();
    let mut limits: Vec<_> =
        rule.limits.iter().map(|one| (&*config.rate_limits[one.limit].limit.name, one.weight)).collect();
    limits.sort_unstable();
    assert_eq!(limits, [("address", 1), ("everything", 5), ("guesses", 1), ("plan", 1)]);
}

#[test]
fn each_fault_of_a_limit_is_named() {
    for (pointer, value, expected) in [
        (
            "/rate_limits/address/rate",
            Value::Null,
            "rate_limits.address: limits nothing; give one of `rate`, `window`, `quota` and `concurrency`",
        ),
        ("/rate_limits/address/rate/requests", json!(0), "rate_limits.address.rate.requests: expected 1 to 1000000000"),
        (
            "/rate_limits/address/rate/requests",
            json!(60_000_001),
            "rate_limits.address.rate.requests: expected at most a million a second",
        ),
        (
            "/rate_limits/address/rate/per",
            json!("500ms"),
            "rate_limits.address.rate.per: expected a span from `1s` to `1d`",
        ),
        (
            "/rate_limits/address/key/0",
            json!("ip"),
            "rate_limits.address.key[0]: unknown value `ip`; expected one of `subject`, `client`, `tenant`, `api_key`, `address`, `route`, `host`, `method`",
        ),
        (
            "/rate_limits/address/key/0",
            json!(7),
            "rate_limits.address.key[0]: expected a string or an object, found a number",
        ),
        (
            "/rate_limits/address/key",
            json!(["address", "address"]),
            "rate_limits.address.key: `address` is there twice",
        ),
        (
            "/rate_limits/address/all_rules",
            json!(false),
            "rate_limits.address: applies to no rule; name it in a rule's `limits`, or set `all_rules`",
        ),
        (
            "/rate_limits/guesses/key/0/network_prefix/ipv4",
            json!(33),
            "rate_limits.guesses.key[0].network_prefix: expected `ipv4` from 8 to 32 and `ipv6` from 16 to 128",
        ),
        (
            "/rate_limits/guesses/when",
            json!("admitted"),
            "rate_limits.guesses.count: `failures` are counted on arrival only; set `when` to `arrival`",
        ),
        (
            "/rate_limits/guesses/concurrency",
            json!(5),
            "rate_limits.guesses: `count` `failures` goes with `rate` and `window` only",
        ),
        (
            "/rate_limits/plan/when",
            json!("arrival"),
            "rate_limits.plan.when: the `key` hangs on who calls, which is not known on arrival",
        ),
        (
            "/rate_limits/plan/key/2/claim",
            json!("email"),
            "rate_limits.plan.key[2].claim: `email` can be changed by users, who then had an allowance with each",
        ),
        (
            "/rate_limits/plan/key/3/header",
            json!("a b"),
            "rate_limits.plan.key[3].header: `a b` is not a header's name",
        ),
        (
            "/rate_limits/plan/key/3",
            json!({}),
            "rate_limits.plan.key[3]: expected one of `claim`, `header` and `network_prefix`",
        ),
        (
            "/rate_limits/plan/key",
            json!(["subject", "client", "tenant", "route", "address"]),
            "rate_limits.plan.key: has more than 4 parts",
        ),
        (
            "/rate_limits/plan/quota/zone",
            json!("Berlin"),
            "rate_limits.plan.quota.zone: there is no time zone `Berlin`; did you mean `Europe/Berlin`?",
        ),
        (
            "/rate_limits/plan/rate",
            json!({ "requests": 1, "per": "1d", "burst": 367 }),
            "rate_limits.plan.rate.burst: takes longer than a year to fill; expected less, or more `requests`",
        ),
        ("/rate_limits/plan/concurrency", json!(10_001), "rate_limits.plan.concurrency: expected 1 to 10000"),
        (
            "/rate_limits/plan/tiers/1/name",
            json!("gold"),
            "rate_limits.plan.tiers[1].name: `gold` is the name of an earlier tier too",
        ),
        (
            "/rate_limits/plan/tiers/1/concurrency",
            Value::Null,
            "rate_limits.plan.tiers[1]: limits nothing; give one of `rate`, `window`, `quota` and `concurrency`",
        ),
        (
            "/rate_limits/plan/adaptive/risk/percent",
            json!(100),
            "rate_limits.plan.adaptive.risk.percent: expected 1 to 99",
        ),
        (
            "/rate_limits/plan/adaptive/upstream/slower_than",
            json!("1ms"),
            "rate_limits.plan.adaptive.upstream.slower_than: expected a span from `10ms` to `60s`",
        ),
        (
            "/risk",
            Value::Null,
            "rate_limits.plan.adaptive.risk: needs `risk` with `signals` or `observe`: nothing tells of a risk",
        ),
        (
            "/rate_limits/everything/tiers",
            json!([{ "name": "a", "when": { "scopes": "a" }, "concurrency": 1 }]),
            "rate_limits.everything.tiers: hangs on who calls, which is not known on arrival; set `when` to `admitted`",
        ),
        (
            "/rules/0/limits/0",
            json!("plans"),
            "rules[0].limits[0]: there is no limit `plans`; known: `address`, `everything`, `guesses`, `plan`",
        ),
        ("/rules/0/limits/1/name", json!("plan"), "rules[0].limits[1]: `plan` is named twice"),
        ("/rules/0/limits/1/weight", json!(0), "rules[0].limits[1].weight: expected 1 to 1000000"),
        (
            "/rules/0/limits/1/weight",
            json!(-1),
            "rules[0].limits[1].weight: expected a whole number from 0, found a negative number",
        ),
        (
            "/rules/0/limits/1/weight",
            json!(0.5),
            "rules[0].limits[1].weight: expected a whole number from 0, found a number with a fraction",
        ),
        (
            "/rate_limits/address/key",
            Value::Null,
            "rate_limits.address: `key` is required: who has an allowance of their own, as `[\"client\"]`; `[]` is one for all \
             together",
        ),
        (
            "/rate_limits/plan/key/3/header",
            json!("Host"),
            "rate_limits.plan.key[3].header: `host` is no header where the filter looks; the part `\"host\"` is it",
        ),
        (
            "/forward",
            json!({ "claims": [{ "claim": "sub", "header": "x_team" }] }),
            "rate_limits.plan.key[3].header: `forward` sets `x-team` for the upstream; here it would be what the client writes \
             into it",
        ),
        (
            "/rate_limits/plan/tiers/0/unlimited",
            json!(true),
            "rate_limits.plan.tiers[0].unlimited: does not go with amounts: of those, the ones that are left out are unlimited",
        ),
        (
            "/rules/0/limits/0",
            json!({ "name": "plan", "weight": 31 }),
            "rules[0].limits[0].weight: never fits into `plan`: one of its amounts is less",
        ),
        (
            "/limits",
            json!({ "rate_limit_memory": "512KiB" }),
            "limits.rate_limit_memory: expected a size from `1MiB` to `256MiB`",
        ),
    ] {
        let faults = faults(pointer, value);
        assert!(faults.iter().any(|fault| fault == expected), "{pointer}: {faults:#?}");
    }
}

#[test]
fn what_is_hardly_meant_is_warned_of() {
    let warned = |pointer: &str, value: Value| {
        let mut document = full();
        // Tiers of which each says all, so that nothing is warned of at first.
        for tier in document["rate_limits"]["plan"]["tiers"].as_array_mut().unwrap() {
            *tier = json!({ "name": tier["name"], "when": tier["when"], "unlimited": true });
        }
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = document.pointer_mut(parent).unwrap();
        match parent {
            Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
            parent => parent[name] = value,
        }
        load(&document).unwrap().warnings(true)
    };
    assert_eq!(warned("/report_only", json!(false)), Vec::<String>::new());
    let rate = json!({ "requests": 1, "per": "1s" });
    for (pointer, value, expected) in [
        (
            "/rate_limits/plan/tiers/0",
            json!({ "name": "gold", "when": { "scopes": "a" }, "rate": rate, "concurrency": 9 }),
            "rate_limits.plan.tiers[0]: has no `quota`, and the limit has: whoever is of this tier is without one",
        ),
        (
            "/rate_limits/plan/tiers/1/when",
            json!({ "claim": { "path": "plan", "equals": "gold" } }),
            "rate_limits.plan.tiers[1].when: is that of `gold`, an earlier tier: nobody comes to this one",
        ),
        (
            "/rate_limits/plan/adaptive",
            json!({}),
            "rate_limits.plan.adaptive: is empty, and changes nothing; give it `risk` or `upstream`",
        ),
        (
            "/rate_limits/plan",
            json!({ "key": ["client"], "quota": { "requests": 9, "per": "day" }, "adaptive": { "upstream": {} } }),
            "rate_limits.plan.adaptive: changes nothing: there are only quotas, and those stay as they are",
        ),
        (
            "/rate_limits/plan/key",
            json!(["api_key"]),
            "rate_limits.plan.key: there are no `api_keys`: all callers share one allowance of `api_key`",
        ),
        (
            "/providers",
            json!({ "idp": { "issuer": "https://idp.example", "cluster": "idp", "audiences": ["orders"] } }),
            "rate_limits.plan.key: no provider is Entra ID: callers without a `tid` share one allowance of `tenant`",
        ),
    ] {
        assert_eq!(warned(pointer, value), [expected], "{pointer}");
    }
    let mut document = full();
    document["rate_limits"]["plan"] = json!({ "key": ["client"], "rate": rate });
    document["rules"][0]["access"] = json!("anonymous");
    assert_eq!(
        load(&document).unwrap().warnings(true),
        [
            "rate_limits.guesses.count: no rule of this limit looks at credentials, so there are no failures",
            "rate_limits.plan.key: callers without a credential, whom rules[0] lets in, share one allowance of `client`",
        ]
    );
    document["rate_limits"]["plan"]["key"] = json!(["client", "address"]);
    document["rules"][0]["access"] = json!("optional");
    assert_eq!(load(&document).unwrap().warnings(true), Vec::<String>::new());
}

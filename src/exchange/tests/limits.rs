//! Limits along the walk.

use super::*;

/// A gate with these limits; `/orders/{id}` counts in `rule`.
fn gate(limits: Value, rule: Value) -> Gate {
    Gate::new(&with(limits, rule))
}

fn with(limits: Value, rule: Value) -> Value {
    let mut config = fixed();
    config["rate_limits"] = limits;
    config["rules"][0]["limits"] = rule;
    config
}

fn bearer(claims: Value) -> String {
    let mut all = claims_of_all();
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    TestIssuer::new("idp").token(&all)
}

fn claims_of_all() -> Value {
    let mut all = claims();
    all["exp"] = json!(NOW + 100_000);
    all
}

fn ask(gate: &mut Gate, token: &str) -> String {
    outcome(&gate.get("/orders/1", token))
}

fn from(gate: &mut Gate, address: &str) {
    gate.host.properties.insert("source.address".to_owned(), address.into());
}

#[test]
fn a_caller_has_a_burst_and_then_a_rate_of_their_own() {
    let limits = json!({ "plan": { "key": ["subject"], "rate": { "requests": 60, "per": "1m", "burst": 3 } } });
    let mut gate = gate(limits, json!(["plan"]));
    let (one, other) = (bearer(json!({})), bearer(json!({ "sub": "u-2" })));
    let outcomes: Vec<String> = (0..4).map(|_| ask(&mut gate, &one)).collect();
    assert_eq!(outcomes, ["allow", "allow", "allow", "429 rate_limited"]);
    assert_eq!(ask(&mut gate, &other), "allow");
    gate.later(Duration::from_secs(1));
    assert_eq!([ask(&mut gate, &one), ask(&mut gate, &one)], ["allow", "429 rate_limited"]);
}

#[test]
fn who_is_refused_is_told_by_what_and_until_when() {
    let limits = json!({ "plan": { "key": ["subject"], "quota": { "requests": 2, "per": "day" }, "concurrency": 9 } });
    let mut gate = gate(limits, json!([{ "name": "plan", "weight": 2 }]));
    let token = bearer(json!({}));
    let Step::Continue(mut passage, record) = gate.get("/orders/1", &token) else { panic!("denied") };
    assert_eq!(record.limits, [("plan".into(), "admitted")]);
    let fields = passage.afterwards.respond(Some(200), &mut gate.engine, gate.now);
    let day = 86_400 - NOW % 86_400;
    assert_eq!(
        fields,
        [
            (
                "ratelimit-policy",
                r#""plan.quota";q=2;w=86400, "plan.concurrency";q=9;qu="concurrent-requests""#.to_owned()
            ),
            ("ratelimit", format!(r#""plan.quota";r=0;t={day}, "plan.concurrency";r=8"#)),
        ]
    );
    let Step::Reply(reply, record) = gate.get("/orders/1", &token) else { panic!("let on") };
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((reply.status, &body["code"], &body["limit"]), (429, &json!("quota_exhausted"), &json!("plan")));
    let field = |name: &str| reply.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
    assert_eq!(field("retry-after"), Some(day.to_string().as_str()));
    assert_eq!(field("ratelimit").unwrap().split(',').next().unwrap(), format!(r#""plan.quota";r=0;t={day}"#));
    assert!(field("ratelimit-policy").is_some());
    assert_eq!(record.limits, [("plan".into(), "limited")]);
    assert_eq!(record.event.unwrap().limit.as_deref(), Some("plan"));
    let grpc = gate.send(
        "POST",
        "/orders/1",
        &[("authorization", &format!("Bearer {token}")), ("content-type", "application/grpc")],
    );
    assert_eq!(super::reply(grpc).grpc_status, Some(8));
}

#[test]
fn a_plan_is_chosen_by_what_the_caller_is() {
    let limits = json!({ "plan": {
        "key": ["client"], "rate": { "requests": 1, "per": "1m" },
        "tiers": [{ "name": "gold", "when": { "claim": { "path": "plan", "equals": "gold" } }, "rate": { "requests": 3, "per": "1m" } }]
    }});
    let mut gate = gate(limits, json!(["plan"]));
    let gold = bearer(json!({ "azp": "c-2", "plan": "gold" }));
    let outcomes: Vec<String> = (0..4).map(|_| ask(&mut gate, &gold)).collect();
    assert_eq!(outcomes, ["allow", "allow", "allow", "429 rate_limited"]);
    let plain = bearer(json!({ "plan": ["gold"] }));
    assert_eq!([ask(&mut gate, &plain), ask(&mut gate, &plain)], ["allow", "429 rate_limited"]);
}

#[test]
fn what_one_limit_refuses_counts_in_no_other() {
    let limits = json!({
        "slow": { "key": ["subject"], "rate": { "requests": 1, "per": "1m" } },
        "quota": { "key": ["subject"], "quota": { "requests": 2, "per": "hour" } }
    });
    let mut gate = gate(limits, json!(["quota", "slow"]));
    let token = bearer(json!({}));
    assert_eq!(ask(&mut gate, &token), "allow");
    for _ in 0..5 {
        assert_eq!(ask(&mut gate, &token), "429 rate_limited");
    }
    gate.later(Duration::from_secs(60));
    assert_eq!(ask(&mut gate, &token), "allow");
    gate.later(Duration::from_secs(60));
    assert_eq!(ask(&mut gate, &token), "429 quota_exhausted");
}

#[test]
fn a_flood_of_bad_tokens_ends_before_they_are_looked_at() {
    let limits = json!({ "guesses": {
        "key": ["address"], "count": "failures", "all_rules": true, "rate": { "requests": 3, "per": "1m" }
    }});
    let mut gate = gate(limits, json!([]));
    from(&mut gate, "203.0.113.7:1");
    let forged = TestIssuer::new("thief").token_with(&json!({ "alg": "EdDSA", "kid": "idp-key" }), &claims());
    let good = bearer(json!({}));
    assert_eq!(ask(&mut gate, &good), "allow");
    for _ in 0..3 {
        assert_eq!(outcome(&gate.send("GET", "/orders/1", &[])), "401 credential_missing", "does not count");
        assert_eq!(ask(&mut gate, &forged), "401 signature_wrong");
    }
    assert_eq!([ask(&mut gate, &forged), ask(&mut gate, &good)], ["429 rate_limited", "429 rate_limited"]);
    from(&mut gate, "203.0.113.8:1");
    assert_eq!(ask(&mut gate, &good), "allow");
}

#[test]
fn a_key_that_can_t_be_told_is_no_way_round() {
    let limits =
        json!({ "team": { "key": ["subject", { "header": "x-team" }], "rate": { "requests": 1, "per": "1m" } } });
    let mut gate = gate(limits, json!(["team"]));
    let token = format!("Bearer {}", bearer(json!({})));
    let mut ask = |teams: &[&str]| {
        let mut headers = vec![("authorization", token.as_str())];
        headers.extend(teams.iter().map(|team| ("x-team", *team)));
        outcome(&gate.send("GET", "/orders/1", &headers))
    };
    assert_eq!([ask(&["a"]), ask(&["b"]), ask(&["a"])], ["allow", "allow", "429 rate_limited"]);
    assert_eq!([ask(&[]), ask(&[])], ["allow", "429 rate_limited"]);
    assert_eq!([ask(&["c", "d"]), ask(&["-"])], ["429 rate_limited", "allow"], "twice is not told either");
}

#[test]
fn requests_at_the_same_time_are_counted_until_they_end() {
    let limits = json!({ "few": { "key": ["subject"], "concurrency": 2 } });
    let mut gate = gate(limits, json!(["few"]));
    let token = bearer(json!({}));
    let mut open = Vec::new();
    for _ in 0..2 {
        let Step::Continue(passage, _) = gate.get("/orders/1", &token) else { panic!("denied") };
        open.push(passage.afterwards);
    }
    assert_eq!(ask(&mut gate, &token), "429 too_many_at_once");
    open.pop().unwrap().end(&mut gate.engine, &mut gate.host);
    assert!(matches!(gate.get("/orders/1", &token), Step::Continue(..)));
    assert_eq!(ask(&mut gate, &token), "429 too_many_at_once");
}

#[test]
fn what_a_lost_worker_held_is_free_again() {
    let config = with(json!({ "few": { "key": ["subject"], "concurrency": 1 } }), json!(["few"]));
    let mut gate = Gate::new(&config);
    let token = bearer(json!({}));
    assert_eq!(ask(&mut gate, &token), "allow");
    // Another VM in its place, which knows nothing of the request; the first one says nothing any more.
    gate.engine = Engine::load(config.to_string().as_bytes(), &|_| None, 2).unwrap();
    assert_eq!(ask(&mut gate, &token), "429 too_many_at_once");
    // A clock that has jumped says nothing of the first one, nor does this one until it has seen that clock for long enough.
    gate.later(Duration::from_secs(86_400));
    assert_eq!(ask(&mut gate, &token), "429 too_many_at_once");
    let mut waited = 0;
    while ask(&mut gate, &token) != "allow" {
        gate.later(Duration::from_secs(5));
        gate.poll();
        waited += 5;
    }
    assert_eq!(waited, 35, "half a minute after the first poll by the new clock");
    for _ in 0..20 {
        gate.later(Duration::from_secs(10));
        gate.poll();
        assert_eq!(ask(&mut gate, &token), "429 too_many_at_once", "this one is alive");
    }
}

#[test]
fn a_new_configuration_keeps_what_is_counted_and_what_is_held() {
    let mut gate = gate(
        json!({ "plan": { "key": ["subject"], "window": { "requests": 4, "per": "1m" }, "concurrency": 2 } }),
        json!(["plan"]),
    );
    let token = bearer(json!({}));
    let Step::Continue(passage, _) = gate.get("/orders/1", &token) else { panic!("denied") };
    for _ in 0..2 {
        let Step::Continue(passage, _) = gate.get("/orders/1", &token) else { panic!("denied") };
        passage.afterwards.end(&mut gate.engine, &mut gate.host);
    }
    let more = json!({
        "another": { "key": [], "rate": { "requests": 100, "per": "1m" } },
        "plan": { "key": ["subject"], "window": { "requests": 5, "per": "1m" }, "concurrency": 1 }
    });
    let text = with(more, json!(["another", "plan"])).to_string();
    let mut former = std::mem::replace(&mut gate.engine, Engine::load(text.as_bytes(), &|_| None, 3).unwrap());
    gate.engine.succeed(&mut former);
    assert_eq!(ask(&mut gate, &token), "429 too_many_at_once");
    passage.afterwards.end(&mut gate.engine, &mut gate.host);
    for expected in ["allow", "allow", "429 rate_limited"] {
        let step = gate.get("/orders/1", &token);
        assert_eq!(outcome(&step), expected);
        if let Step::Continue(passage, _) = step {
            passage.afterwards.end(&mut gate.engine, &mut gate.host);
        }
    }
}

#[test]
fn what_is_only_reported_is_recorded_and_goes_on() {
    let limits = json!({
        "tried": { "key": [], "rate": { "requests": 1, "per": "1m" }, "report_only": true },
        "real": { "key": [], "rate": { "requests": 3, "per": "1m" } }
    });
    let mut gate = gate(limits, json!(["tried", "real"]));
    let token = bearer(json!({}));
    assert_eq!(ask(&mut gate, &token), "allow");
    let Step::Continue(_, record) = gate.get("/orders/1", &token) else { panic!("denied") };
    assert_eq!((record.reason, record.unenforced), ("report_only", Some("rate_limited")));
    assert_eq!(record.limits, [("tried".into(), "unenforced"), ("real".into(), "admitted")]);
    assert_eq!(record.event.unwrap().limit.as_deref(), Some("tried"));
    assert_eq!(ask(&mut gate, &token), "allow");
    assert_eq!(ask(&mut gate, &token), "429 rate_limited");
}

/// Of a rule or of everything as of each limit.
#[test]
fn limits_of_what_is_only_reported_are_only_reported() {
    for report_only in ["", "/rules/0"] {
        let limits = json!({
            "tight": { "key": [], "rate": { "requests": 1, "per": "1m" } },
            "wide": { "key": [], "quota": { "requests": 5, "per": "hour" } }
        });
        let mut config = with(limits, json!(["tight", "wide"]));
        config.pointer_mut(report_only).unwrap()["report_only"] = json!(true);
        let mut gate = Gate::new(&config);
        let token = bearer(json!({}));
        assert_eq!(ask(&mut gate, &token), "allow");
        let Step::Continue(mut passage, record) = gate.get("/orders/1", &token) else { panic!("denied") };
        assert_eq!((record.reason, record.unenforced), ("report_only", Some("rate_limited")));
        assert_eq!(record.limits, [("tight".into(), "unenforced"), ("wide".into(), "admitted")]);
        assert_eq!(passage.afterwards.respond(Some(200), &mut gate.engine, gate.now), []);
    }
}

#[test]
fn what_one_limit_refuses_is_told_of_others_as_it_is() {
    let limits = json!({
        "slow": { "key": [], "rate": { "requests": 1, "per": "1m" } },
        "wide": { "key": [], "quota": { "requests": 5, "per": "hour" }, "concurrency": 9 }
    });
    let mut gate = gate(limits, json!(["wide", "slow"]));
    let token = bearer(json!({}));
    assert_eq!(ask(&mut gate, &token), "allow");
    for _ in 0..3 {
        let Step::Reply(reply, record) = gate.get("/orders/1", &token) else { panic!("let on") };
        let told = reply.headers.iter().find(|(name, _)| *name == "ratelimit").map(|(_, value)| value.as_str());
        assert!(told.unwrap().contains(r#""wide.quota";r=4;"#), "{told:?}");
        assert!(told.unwrap().contains(r#""wide.concurrency";r=8"#), "{told:?}");
        assert_eq!(record.limits, [("slow".into(), "limited")], "nothing else was counted");
    }
}

#[test]
fn an_upstream_that_hangs_until_clients_give_up_is_a_bad_one() {
    let adaptive = json!({ "upstream": { "slower_than": "2s" } });
    let limits = json!({ "plan": { "key": [], "window": { "requests": 40, "per": "10m" }, "adaptive": adaptive } });
    for (patience, outcome) in [(3, "429 rate_limited"), (1, "allow")] {
        let mut gate = gate(limits.clone(), json!(["plan"]));
        let token = bearer(json!({}));
        let mut open = Vec::new();
        for _ in 0..20 {
            let Step::Continue(passage, _) = gate.get("/orders/1", &token) else { panic!("denied") };
            open.push(passage.afterwards);
        }
        gate.later(Duration::from_secs(patience));
        for mut afterwards in open {
            afterwards.miss_response(&mut gate.engine, gate.now);
            afterwards.end(&mut gate.engine, &mut gate.host);
        }
        ask(&mut gate, &token);
        gate.later(Duration::from_secs(10));
        assert_eq!(ask(&mut gate, &token), outcome, "after {patience} s");
    }
}

#[test]
fn a_request_that_waited_is_counted_once() {
    let mut config = fetched();
    config["rate_limits"] =
        json!({ "flood": { "key": [], "when": "arrival", "all_rules": true, "rate": { "requests": 2, "per": "1m" } } });
    let mut gate = Gate::new(&config);
    let token = bearer(json!({}));
    let keys = json!({ "keys": [TestIssuer::new("idp").jwk()] });
    let step = gate.get("/orders/1", &token);
    assert_eq!(outcome(&step), "wait");
    let step = gate.settle(step, &keys);
    assert_eq!(outcome(&step), "allow");
    assert_eq!([ask(&mut gate, &token), ask(&mut gate, &token)], ["allow", "429 rate_limited"]);
}

#[test]
fn a_caller_at_risk_is_slowed() {
    let mut config = with(
        json!({ "plan": { "key": ["subject"], "window": { "requests": 10, "per": "1m" }, "adaptive": { "risk": { "above": 50, "percent": 20 } } } }),
        json!(["plan"]),
    );
    config["risk"] = json!({ "observe": { "failures": { "more_than": 2, "within": "5m", "score": 80 } } });
    config["rules"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "name": "admin", "match": { "paths": ["/admin"] }, "require": { "scopes": "admin" } }));
    let mut gate = Gate::new(&config);
    let token = bearer(json!({}));
    for _ in 0..2 {
        assert_eq!(ask(&mut gate, &token), "allow");
    }
    for _ in 0..3 {
        assert_eq!(outcome(&gate.get("/admin", &token)), "403 scope_missing");
    }
    assert_eq!(ask(&mut gate, &token), "429 rate_limited", "two of ten are left");
}

#[test]
fn limits_tighten_while_the_upstream_fails() {
    let mut gate = gate(
        json!({ "plan": { "key": [], "window": { "requests": 100, "per": "1m" }, "adaptive": { "upstream": {} } } }),
        json!(["plan"]),
    );
    let token = bearer(json!({}));
    for _ in 0..50 {
        let Step::Continue(mut passage, _) = gate.get("/orders/1", &token) else { panic!("denied") };
        passage.afterwards.respond(Some(503), &mut gate.engine, gate.now);
    }
    gate.later(Duration::from_secs(1));
    assert_eq!(ask(&mut gate, &token), "allow", "it is decided at the end of a span");
    gate.later(Duration::from_secs(10));
    assert_eq!(ask(&mut gate, &token), "429 rate_limited", "fifty of a hundred are left, and used");
    gate.later(Duration::from_secs(30));
    assert_eq!(ask(&mut gate, &token), "allow");
}

#[test]
fn preflights_count_on_arrival_as_everything_does() {
    let mut config = with(
        json!({ "all": { "key": ["address"], "all_rules": true, "window": { "requests": 2, "per": "1m" } } }),
        json!([]),
    );
    config["answers"] = json!({ "cors_preflight": "pass" });
    let mut gate = Gate::new(&config);
    from(&mut gate, "203.0.113.7:4000");
    let preflight = [("origin", "https://app.example"), ("access-control-request-method", "GET")];
    let outcomes = [(); 3].map(|()| outcome(&gate.send("OPTIONS", "/orders/7", &preflight)));
    assert_eq!(outcomes, ["allow", "allow", "429 rate_limited"]);
}

//! A proof is good for one request, and what comes of those that are refused.

use super::*;

#[test]
fn d04_a_store_that_is_full_is_ours_to_answer_for() {
    let mut config = config(all());
    config["bindings"]["dpop"] = json!({ "replay_entries": 64 });
    let mut gate = Gate::new(&config);
    let token = bound(json!({ "jkt": thumbprint(&P256) }));
    let mut full = None;
    for id in 0..256 {
        let step = gate.prove("/orders/7", &token, &proof(&token, "/orders/7", &id.to_string(), |_| {}));
        if outcome(&step) != "allow" {
            full = Some((id, step));
            break;
        }
    }
    let (held, step) = full.expect("256 proofs where there is room for 128");
    assert!(held >= 64, "{held}");
    assert_eq!(outcome(&step), "503 proof_store_full");
    assert_eq!(header(&reply(step), "retry-after"), Some("1"));
    assert!(gate.host.shared_bytes() < 4 << 10);
}

#[test]
fn d04_a_request_that_waits_does_not_take_its_own_proof_for_a_replay() {
    let mut config = config(all());
    config["risk"] = json!({
        "signals": [{ "claim": "risk_level", "scores": { "high": 90 }, "absent": 0 }],
        "slow_down": { "above": 70, "delay": "500ms" }
    });
    let mut gate = Gate::new(&config);
    let mut claims = claims();
    claims["cnf"] = json!({ "jkt": thumbprint(&P256) });
    claims["risk_level"] = json!("high");
    let token = TestIssuer::new("idp").token(&claims);
    // As old as it may be: while it waits it grows older, and was accepted all the same.
    let proof = proof(&token, "/bound", "1", |claims| claims["iat"] = json!(NOW - 60));
    let Step::Wait(exchange, _) = gate.prove("/bound", &token, &proof) else { panic!("did not wait") };
    gate.later(Duration::from_millis(500));
    assert_eq!(outcome(&exchange.resume(&mut gate.engine, &mut gate.host, gate.now)), "allow");
    let again = outcome(&gate.prove("/bound", &token, &proof));
    assert_eq!(again, "401 proof_too_old");
    // Of two requests with one proof that wait at the same time one goes on.
    let mut gate = Gate::new(&config);
    let both = [(); 2].map(|()| match gate.prove("/bound", &token, &proof) {
        Step::Wait(exchange, _) => exchange,
        step => panic!("did not wait: {}", outcome(&step)),
    });
    gate.later(Duration::from_millis(500));
    let ended = both.map(|exchange| outcome(&exchange.resume(&mut gate.engine, &mut gate.host, gate.now)));
    assert_eq!(ended, ["allow", "401 proof_replayed"]);
}

#[test]
fn d04_a_request_that_is_refused_takes_no_room_among_the_proofs_that_are_remembered() {
    let mut config = config(all());
    config["rate_limits"] =
        json!({ "one": { "key": ["subject"], "all_rules": true, "window": { "requests": 1, "per": "1m" } } });
    let mut gate = Gate::new(&config);
    let mut claims = claims();
    claims["cnf"] = json!({ "jkt": thumbprint(&P256) });
    let token = TestIssuer::new("idp").token(&claims);
    let remembered = |gate: &Gate| gate.host.shared_bytes();
    assert_eq!(outcome(&gate.prove("/bound", &token, &proof(&token, "/bound", "1", |_| {}))), "allow");
    let before = remembered(&gate);
    for number in 2..20 {
        let proof = proof(&token, "/bound", &number.to_string(), |_| {});
        assert_eq!(outcome(&gate.prove("/bound", &token, &proof)), "429 rate_limited");
    }
    assert_eq!(remembered(&gate), before);
}

/// A gate that locks an address out after three failures, and limits failures and callers.
fn guarded() -> Gate {
    let mut config = config(json!({ "dpop": { "nonce": {} }, "signed_request": {}, "mtls": {} }));
    config["risk"] = json!({ "lockout": { "failures": 3, "within": "5m", "for": "15m" } });
    config["rate_limits"] = json!({
        "guesses": { "key": ["address"], "count": "failures", "all_rules": true, "window": { "requests": 4, "per": "1m" } },
        "plan": { "key": ["subject"], "all_rules": true, "window": { "requests": 2, "per": "1m" } }
    });
    let mut gate = Gate::new(&config);
    gate.host.properties.insert("source.address".to_owned(), "192.0.2.1:5".into());
    gate
}

#[test]
fn d04_a_proof_that_is_sent_again_uses_up_nothing_of_its_owners() {
    let mut gate = guarded();
    let token = bound(json!({ "kid": thumbprint(&RSA) }));
    let first = signed_request(&token, "/bound", |_| {});
    let send = |gate: &mut Gate, signed: &str| outcome(&gate.send("GET", "/bound", &[("authorization", signed)]));
    assert_eq!(send(&mut gate, &first), "allow");
    for _ in 0..3 {
        assert_eq!(send(&mut gate, &first), "401 proof_replayed");
    }
    assert_eq!(send(&mut gate, &signed_request(&token, "/bound", |claims| claims["nonce"] = json!("n-2"))), "allow");
    // It is somebody's failure all the same.
    assert_eq!(send(&mut gate, &first), "401 proof_replayed");
    assert_eq!(send(&mut gate, &first), "429 rate_limited");
}

#[test]
fn a_wrong_proof_is_counted_and_locks_nobody_out() {
    let mut gate = guarded();
    let token = bound(json!({ "jkt": thumbprint(&P256) }));
    let other = bound(json!({ "kid": thumbprint(&RSA) }));
    let scheme = format!("DPoP {token}");
    // Without a nonce, with a wrong clock, bound in a way that is not configured: nobody's failure.
    for _ in 0..6 {
        let bare = proof(&token, "/orders/7", "1", |_| {});
        assert_eq!(outcome(&gate.prove("/orders/7", &token, &bare)), "401 proof_nonce_missing");
        let late = signed_request(&other, "/bound", |claims| claims["ts"] = json!(NOW - 3600));
        assert_eq!(outcome(&gate.send("GET", "/bound", &[("authorization", &late)])), "401 proof_too_old");
    }
    for _ in 0..4 {
        assert_eq!(outcome(&gate.send("GET", "/orders/7", &[("authorization", &scheme)])), "401 proof_missing");
    }
    // Four failures: one more than would lock out, and the limit of failures is used up.
    assert_eq!(outcome(&gate.send("GET", "/orders/7", &[("authorization", &scheme)])), "429 rate_limited");
    let mut bare = fixed();
    bare["rate_limits"] = json!({
        "guesses": { "key": ["address"], "count": "failures", "all_rules": true, "window": { "requests": 1, "per": "1m" } }
    });
    let mut bare = Gate::new(&bare);
    bare.host.properties.insert("source.address".to_owned(), "192.0.2.1:5".into());
    for _ in 0..3 {
        assert_eq!(outcome(&bare.get("/orders/7", &token)), "401 confirmation_not_configured");
    }
}

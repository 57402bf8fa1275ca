//! Tokens bound to their senders: how they may be sent, what must be proven, and what a caller is told.

mod once;

use sha2::{Digest as _, Sha256};

use super::*;
use crate::jose::testing::{ED25519, P256, RSA, Signer};
use crate::jose::{Algorithm, base64url};

/// RFC 8705 appendix A.
const X5T: &str = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0";
const DIGEST: &str = "0380ed2f626650c840b2f263e6d2b29fae12ab39ae5db32b25ad27efad72e6fd";

fn config(bindings: Value) -> Value {
    let mut config = fixed();
    config["bindings"] = bindings;
    config["rules"].as_array_mut().unwrap().extend([
        json!({ "name": "bound", "match": { "paths": ["/bound"] }, "require": { "binding": ["dpop", "signed_request"] } }),
        json!({ "name": "certified", "match": { "paths": ["/certified"] }, "require": { "binding": ["mtls"] } }),
        json!({ "name": "reported", "match": { "paths": ["/reported"] }, "report_only": true }),
    ]);
    config
}

fn all() -> Value {
    json!({ "dpop": {}, "signed_request": {}, "mtls": {} })
}

fn thumbprint(signer: &Signer) -> String {
    base64url::encode(&signer.verification_key().thumbprint())
}

/// A token with this `cnf`.
fn bound(cnf: Value) -> String {
    let mut claims = claims();
    claims["cnf"] = cnf;
    TestIssuer::new("idp").token(&claims)
}

fn proof(token: &str, path: &str, id: &str, change: impl FnOnce(&mut Value)) -> String {
    let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": P256.jwk() });
    let mut claims = json!({
        "jti": id, "htm": "GET", "htu": format!("https://api.example{path}"), "iat": NOW,
        "ath": base64url::encode(&Sha256::digest(token)),
    });
    change(&mut claims);
    P256.token(Algorithm::ES256, &header.to_string(), &claims.to_string())
}

impl Gate {
    fn prove(&mut self, path: &str, token: &str, proof: &str) -> Step {
        self.send("GET", path, &[("authorization", &format!("DPoP {token}")), ("dpop", proof)])
    }

    fn certified(mut self, digest: &str) -> Self {
        self.host.properties.insert("connection.mtls".to_owned(), vec![1]);
        self.host.properties.insert("connection.sha256_peer_certificate_digest".to_owned(), digest.into());
        self
    }
}

fn challenges(reply: &Reply) -> Vec<&str> {
    let found = reply.headers.iter().filter(|(name, _)| *name == "www-authenticate");
    found.map(|(_, value)| value.as_str()).collect()
}

const ALGS: &str = "algs=\"RS256 PS256 ES256 EdDSA\"";

#[test]
fn d06_a_proven_token_goes_on_once_and_the_proof_goes_no_further() {
    let mut gate = Gate::new(&config(all()));
    let token = bound(json!({ "jkt": thumbprint(&P256) }));
    let proof = proof(&token, "/bound", "1", |_| {});
    let Step::Continue(passage, _) = gate.prove("/bound", &token, &proof) else { panic!("denied") };
    let removed: Vec<String> = passage.mutations.headers().iter().map(|change| format!("{change:?}")).collect();
    assert!(removed.iter().any(|change| change.contains("dpop")), "{removed:?}");
    assert!(passage.afterwards.is_nothing());
    assert_eq!(outcome(&gate.prove("/bound", &token, &proof)), "401 proof_replayed");
    // Another worker of the same process knows of it.
    let mut other = Gate::new(&config(all()));
    std::mem::swap(&mut other.host, &mut gate.host);
    assert_eq!(outcome(&other.prove("/bound", &token, &proof)), "401 proof_replayed");
}

#[test]
fn d06_a_bound_token_is_no_bearer_token_and_another_is_no_bound_one() {
    let mut gate = Gate::new(&config(all()));
    let token = bound(json!({ "jkt": thumbprint(&P256) }));
    let good = proof(&token, "/orders/7", "1", |_| {});
    assert_eq!(outcome(&gate.get("/orders/7", &token)), "401 bound_token_as_bearer");
    let with_proof = [("authorization", &*format!("Bearer {token}")), ("dpop", &good)];
    let reply = reply(gate.send("GET", "/orders/7", &with_proof));
    assert_eq!(reply.details, "portcullis_denied{bound_token_as_bearer}");
    // RFC 9449 section 7.2.
    assert_eq!(
        challenges(&reply),
        ["Bearer realm=\"api\", error=\"invalid_token\"", &format!("DPoP realm=\"api\", {ALGS}"), "PoP realm=\"api\""]
    );
    assert_eq!(
        outcome(&gate.send("GET", "/orders/7", &[("authorization", &format!("DPoP {token}"))])),
        "401 proof_missing"
    );
    let plain = super::token();
    let proof = proof(&plain, "/orders/7", "2", |_| {});
    let step = gate.prove("/orders/7", &plain, &proof);
    assert_eq!(outcome(&step), "401 token_not_bound");
    let reply = super::reply(step);
    assert_eq!(challenges(&reply), [format!("DPoP realm=\"api\", {ALGS}, error=\"invalid_token\"")]);
    assert_eq!(outcome(&gate.get("/orders/7", &plain)), "allow");
}

#[test]
fn d01_two_proofs_and_a_bad_one_are_told_so() {
    let mut gate = Gate::new(&config(all()));
    let token = bound(json!({ "jkt": thumbprint(&P256) }));
    let good = proof(&token, "/orders/7", "1", |_| {});
    let scheme = format!("DPoP {token}");
    let step = gate.send("GET", "/orders/7", &[("authorization", &scheme), ("dpop", &good), ("DPoP", &good)]);
    assert_eq!(outcome(&step), "401 proof_repeated");
    let reply = reply(step);
    assert_eq!(challenges(&reply), [format!("DPoP realm=\"api\", {ALGS}, error=\"invalid_dpop_proof\"")]);
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(body["code"], "proof_invalid");
    let twice = [("authorization", &*scheme), ("authorization", &*scheme), ("dpop", &good)];
    assert_eq!(outcome(&gate.send("GET", "/orders/7", &twice)), "400 credential_repeated");
    let other = proof(&token, "/orders/8", "2", |_| {});
    assert_eq!(outcome(&gate.prove("/orders/7", &token, &other)), "401 proof_for_other_address");
    // None of these has used anything up.
    assert_eq!(outcome(&gate.prove("/orders/7", &token, &good)), "allow");
}

#[test]
fn a_way_that_is_not_configured_is_refused_and_so_is_its_scheme() {
    let token = bound(json!({ "jkt": thumbprint(&P256) }));
    let proof = proof(&token, "/orders/7", "1", |_| {});
    let mut gate = Gate::new(&fixed());
    assert_eq!(outcome(&gate.get("/orders/7", &token)), "401 confirmation_not_configured");
    assert_eq!(outcome(&gate.prove("/orders/7", &token, &proof)), "401 credential_unsupported_scheme");
    assert_eq!(outcome(&gate.get("/orders/7", &bound(json!({ "x5t#S256": X5T })))), "401 confirmation_not_configured");
}

#[test]
fn m01_a_certificate_bound_token_comes_over_its_connection_or_not_at_all() {
    let token = bound(json!({ "x5t#S256": X5T }));
    let mut gate = Gate::new(&config(all())).certified(DIGEST);
    assert_eq!(outcome(&gate.get("/certified", &token)), "allow");
    let entra = [("authorization", &*format!("mtls_pop {token}"))];
    assert_eq!(outcome(&gate.send("GET", "/certified", &entra)), "allow");
    // A header says nothing about the connection.
    let mut bare = Gate::new(&config(all()));
    let forged =
        [("authorization", &*format!("Bearer {token}")), ("x-forwarded-client-cert", &*format!("Hash={DIGEST}"))];
    assert_eq!(outcome(&bare.send("GET", "/certified", &forged)), "401 binding_certificate_missing");
    let mut other = Gate::new(&config(all())).certified(&DIGEST.replace("03", "04"));
    assert_eq!(outcome(&other.get("/certified", &token)), "401 binding_certificate_other");
    let plain = [("authorization", &*format!("mtls_pop {}", super::token()))];
    assert_eq!(outcome(&gate.send("GET", "/orders/7", &plain)), "401 token_not_bound");
}

#[test]
fn m03_what_is_not_known_stops_the_request() {
    let mut gate = Gate::new(&config(all())).certified(DIGEST);
    for (cnf, reason) in [
        (json!({ "jwe": "x" }), "401 confirmation_unknown"),
        (json!({ "x5t#S256": X5T, "new": true }), "401 confirmation_unknown"),
        (json!({}), "401 confirmation_malformed"),
        (json!(null), "401 confirmation_malformed"),
    ] {
        assert_eq!(outcome(&gate.get("/news", &bound(cnf.clone()))), reason, "{cnf}");
    }
}

#[test]
fn m04_both_confirmations_must_hold() {
    let token = bound(json!({ "x5t#S256": X5T, "jkt": thumbprint(&P256) }));
    let good = |id: &str| proof(&token, "/bound", id, |_| {});
    let mut both = Gate::new(&config(all())).certified(DIGEST);
    assert_eq!(outcome(&both.prove("/bound", &token, &good("1"))), "allow");
    assert_eq!(outcome(&both.get("/bound", &token)), "401 bound_token_as_bearer");
    let mut proof_alone = Gate::new(&config(all()));
    assert_eq!(outcome(&proof_alone.prove("/bound", &token, &good("2"))), "401 binding_certificate_missing");
    let bad = proof(&token, "/bound", "3", |claims| claims["htm"] = json!("PUT"));
    assert_eq!(outcome(&both.prove("/bound", &token, &bad)), "401 proof_for_other_method");
    let three = bound(json!({ "jkt": thumbprint(&P256), "kid": thumbprint(&RSA) }));
    // A key for `DPoP` and one for `PoP`: there is but one `Authorization`.
    for sent in [
        both.prove("/bound", &three, &proof(&three, "/bound", "4", |_| {})),
        both.get("/bound", &three),
        both.send("GET", "/bound", &[("authorization", &signed_request(&three, "/bound", |_| {}))]),
    ] {
        assert_eq!(outcome(&sent), "401 confirmation_unprovable");
    }
}

#[test]
fn o01_a_rule_can_ask_for_a_bound_token() {
    let mut gate = Gate::new(&config(all())).certified(DIGEST);
    let step = gate.get("/bound", &super::token());
    assert_eq!(outcome(&step), "401 binding_missing");
    let reply = reply(step);
    assert_eq!(challenges(&reply).first(), Some(&"Bearer realm=\"api\", error=\"invalid_token\""));
    assert!(challenges(&reply).contains(&&*format!("DPoP realm=\"api\", {ALGS}")));
    // Bound in another way than it asks for.
    assert_eq!(outcome(&gate.get("/bound", &bound(json!({ "x5t#S256": X5T })))), "401 binding_missing");
    let without = reply_of(&mut gate, "/bound");
    assert_eq!(challenges(&without).len(), 3);
}

fn reply_of(gate: &mut Gate, path: &str) -> Reply {
    reply(gate.send("GET", path, &[]))
}

#[test]
fn d07_a_client_learns_the_nonce_and_its_successor() {
    let mut gate =
        Gate::new(&config(json!({ "dpop": { "nonce": { "rotate": "30s" } }, "signed_request": {}, "mtls": {} })));
    let token = bound(json!({ "jkt": thumbprint(&P256) }));
    let mut ids = 0;
    let mut send = |gate: &mut Gate, nonce: Option<&str>| {
        ids += 1;
        let now = gate.now.as_secs();
        let proof = proof(&token, "/orders/7", &ids.to_string(), |claims| {
            claims["iat"] = json!(now);
            if let Some(nonce) = nonce {
                claims["nonce"] = json!(nonce);
            }
        });
        gate.prove("/orders/7", &token, &proof)
    };
    let told = reply(send(&mut gate, None));
    assert_eq!((told.status, &*told.details), (401, "portcullis_denied{proof_nonce_missing}"));
    assert_eq!(challenges(&told), [format!("DPoP realm=\"api\", {ALGS}, error=\"use_dpop_nonce\"")]);
    let first = header(&told, "dpop-nonce").unwrap().to_owned();
    let Step::Continue(passage, _) = send(&mut gate, Some(&first)) else { panic!("denied") };
    assert!(passage.afterwards.is_nothing());
    // After the rotation it is good still, and the response has the next.
    gate.later(Duration::from_secs(30));
    let Step::Continue(mut passage, _) = send(&mut gate, Some(&first)) else { panic!("denied") };
    let on_response = passage.afterwards.respond(Some(200), &mut gate.engine, gate.now);
    let [("dpop-nonce", second)] = on_response.as_slice() else { panic!("{on_response:?}") };
    assert_ne!(*second, first);
    gate.later(Duration::from_secs(30));
    let stale = reply(send(&mut gate, Some(&first)));
    assert_eq!(stale.details, "portcullis_denied{proof_nonce_stale}");
    assert!(header(&stale, "dpop-nonce").is_some());
    assert_eq!(outcome(&send(&mut gate, Some(second))), "allow");
}

fn signed_request(token: &str, path: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut claims = json!({
        "at": token, "ts": NOW, "m": "GET", "u": "api.example", "p": path, "nonce": "n-1", "cnf": { "jwk": RSA.jwk() },
    });
    change(&mut claims);
    let signed = RSA.token(Algorithm::RS256, &json!({ "alg": "RS256", "typ": "pop" }).to_string(), &claims.to_string());
    format!("PoP {signed}")
}

#[test]
fn a_signed_request_of_entra_proves_the_token_within() {
    let mut gate = Gate::new(&config(all()));
    let token = bound(json!({ "kid": thumbprint(&RSA), "xms_ksl": "sw" }));
    let signed = signed_request(&token, "/bound", |_| {});
    let mut send = |value: &str| gate.send("GET", "/bound", &[("authorization", value)]);
    assert_eq!(outcome(&send(&signed)), "allow");
    let step = send(&signed);
    assert_eq!(outcome(&step), "401 proof_replayed");
    assert_eq!(challenges(&reply(step)), ["PoP realm=\"api\", error=\"invalid_token\""]);
    assert_eq!(outcome(&send(&signed_request(&token, "/other", |_| {}))), "401 proof_for_other_address");
    assert_eq!(outcome(&send(&format!("Bearer {token}"))), "401 bound_token_as_bearer");
    assert_eq!(outcome(&send(&signed_request(&super::token(), "/bound", |_| {}))), "401 token_not_bound");
    let other = bound(json!({ "kid": thumbprint(&ED25519) }));
    assert_eq!(outcome(&send(&signed_request(&other, "/bound", |_| {}))), "401 proof_by_other_key");
    assert_eq!(outcome(&send("PoP x.y.z")), "401 proof_malformed");
}

#[test]
fn what_is_only_reported_goes_on_and_is_recorded() {
    let mut gate = Gate::new(&config(all()));
    let token = bound(json!({ "jkt": thumbprint(&P256) }));
    let Step::Continue(_, record) = gate.get("/reported", &token) else { panic!("denied") };
    assert_eq!(record.unenforced, Some("bound_token_as_bearer"));
}

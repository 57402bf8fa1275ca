//! What is special about tokens of Entra ID.

use envoy_test::{BOTH, Case, Token, forge};
use serde_json::json;

use super::{AUDIENCE, CAST, HTTP1, OTHER_TENANT, TENANT, allowed, ask, refused, refused_text, user};

#[test]
fn entra_tokens_of_every_shape_pass_and_the_record_says_who_it_is() {
    let entra = &CAST.gate.entra;
    let guest = user()
        .with("acct", 1)
        .with("idp", "https://sts.windows.net/99999999-8888-4777-8666-555555555555/")
        .with("email", "guest@fabrikam.example");
    let tokens = [
        ("a user, v2", user(), "user"),
        ("a user, v1", entra.token(entra.v1_claims(AUDIENCE)).with_header("x5t", "entra-1"), "user"),
        ("an application, v2", entra.token(entra.app_claims(AUDIENCE)), "app"),
        ("an application without idtyp", entra.token(entra.app_claims(AUDIENCE)).without("idtyp"), "app"),
        ("a guest", guest, "user"),
        ("a user with a role and no scope", user().without("scp").with("idtyp", "user"), "user"),
    ];
    let cases = tokens.iter().map(|(title, token, _)| allowed(*title, token));
    let answers = CAST.gate.envoy.assert_each(&HTTP1, cases);
    for (answer, (title, _, caller)) in answers.iter().zip(&tokens) {
        let id = answer.header("x-request-id").unwrap();
        let record = CAST.gate.envoy.wait_for_audit(|record| record["request_id"] == id.as_str());
        assert_eq!(record["caller"], *caller, "{title}: {record}");
        assert_eq!(record["tenant"], TENANT, "{title}: {record}");
        assert_eq!(record["provider"], "entra", "{title}: {record}");
    }
}

#[test]
fn a_token_for_graph_is_refused_and_the_reason_says_so() {
    let graph = "00000003-0000-0000-c000-000000000000";
    let cases = [
        refused("Graph's audience", &user().with("aud", graph), "token_for_graph"),
        refused("Graph's address", &user().with("aud", "https://graph.microsoft.com"), "token_for_graph"),
        // As Graph's tokens really are: signed over another nonce than the one sent.
        refused_text(
            "a nonce in the header",
            &forge::with_broken_signature(&user().with_header("nonce", "n").build()),
            "token_for_microsoft",
        ),
        refused("a nonce in the header, for us", &user().with_header("nonce", "n"), "token_for_microsoft"),
    ];
    CAST.gate.envoy.assert_each(&BOTH, cases);
}

#[test]
fn an_entra_token_without_any_permission_is_forbidden() {
    let none = || user().without("scp").without("roles");
    let forbidden = |title: &str, token: Token, reason: &str| Case::new(title, ask(&token.build()), 403, reason);
    let neither = "neither_scope_nor_role";
    let cases = [
        forbidden("neither", none(), neither),
        forbidden("an empty scope", none().with("scp", ""), neither),
        forbidden("a slash for a scope", none().with("scp", "/"), neither),
        forbidden("no role in the list", none().with("roles", json!([])), neither),
        forbidden(
            "an application without a role",
            CAST.gate.entra.token(CAST.gate.entra.app_claims(AUDIENCE)).without("roles"),
            neither,
        ),
        forbidden("a scope that is a list", none().with("scp", json!(["orders.read"])), "scope_malformed"),
        forbidden("roles that are a text", none().with("roles", "Orders.Approve"), "roles_malformed"),
        forbidden("roles with a number", none().with("roles", json!(["a", 1])), "roles_malformed"),
    ];
    CAST.gate.envoy.assert_each(&HTTP1, cases);
}

#[test]
fn entra_tokens_of_other_tenants_are_refused() {
    let elsewhere = format!("https://login.microsoftonline.com/{OTHER_TENANT}/v2.0");
    let cases = [
        refused("another tenant", &user().with("iss", elsewhere.clone()).with("tid", OTHER_TENANT), "issuer_unknown"),
        refused("another tenant's tid", &user().with("tid", OTHER_TENANT), "tenant_mismatch"),
        refused("no tid", &user().without("tid"), "tenant_absent"),
        refused("a tid that is no text", &user().with("tid", 1), "tenant_malformed"),
        refused("another kind of subject", &user().with("idtyp", "robot"), "caller_type_unknown"),
    ];
    CAST.gate.envoy.assert_each(&HTTP1, cases);
}

use super::*;
use crate::claim_path::ClaimPath;
use crate::credential::SourceSettings;
use crate::http::{HeaderMap, Pair};
use serde_json::json;

fn pair(name: &str, value: &str) -> Pair {
    (name.as_bytes().to_vec(), value.as_bytes().to_vec())
}

fn head(path: &str, more: &[(&str, &str)]) -> RequestHead {
    let base = [(":method", "GET"), (":scheme", "https"), (":authority", "api.example"), (":path", path)];
    RequestHead::read(base.iter().chain(more).map(|(name, value)| pair(name, value)).collect::<HeaderMap>()).unwrap()
}

fn settings() -> ForwardingSettings {
    let claim = |claim: &str, header: &str| ClaimHeader {
        claim: ClaimPath::parse(claim).unwrap(),
        header: header.into(),
        list: ListForm::Comma,
    };
    ForwardingSettings {
        claims: vec![claim("sub", "X-Jwt-Sub"), claim("realm_access.roles", "x-roles")],
        payload_header: Some("x-jwt-payload".into()),
        client_principal: true,
        ..ForwardingSettings::default()
    }
}

fn claims() -> Value {
    json!({"sub": "alice", "realm_access": {"roles": ["a", "b"]}})
}

/// What the upstream receives beside the pseudo headers.
fn upstream(settings: ForwardingSettings, head: &RequestHead, claims: Option<&Value>) -> Vec<(String, String)> {
    let identity = claims.map(|claims| ForwardedIdentity {
        claims: claims.as_object().unwrap(),
        payload: Some("eyJzdWIiOiJhbGljZSJ9"),
        identity_provider: "idp",
    });
    let forwarding = Forwarding::new(settings).unwrap();
    let mutations = forwarding.apply(head, &Sources::default(), identity.as_ref()).unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let pairs = mutations.applied(&head.headers().to_pairs());
    pairs.iter().filter(|(name, _)| !name.starts_with(b":")).map(|(name, value)| (text(name), text(value))).collect()
}

fn values<'p>(pairs: &'p [(String, String)], name: &str) -> Vec<&'p str> {
    pairs.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).collect()
}

#[test]
fn the_upstream_is_told_who_calls() {
    let head = head("/", &[("accept", "*/*"), ("authorization", "Bearer t")]);
    let pairs = upstream(settings(), &head, Some(&claims()));
    assert_eq!(values(&pairs, "x-jwt-sub"), ["alice"]);
    assert_eq!(values(&pairs, "x-roles"), ["a,b"]);
    assert_eq!(values(&pairs, "x-jwt-payload"), ["eyJzdWIiOiJhbGljZSJ9"]);
    assert_eq!(values(&pairs, "x-ms-client-principal-id"), ["alice"]);
    assert_eq!(values(&pairs, "x-ms-client-principal-idp"), ["idp"]);
    assert_eq!(values(&pairs, "x-ms-client-principal").len(), 1);
    assert_eq!(values(&pairs, "accept"), ["*/*"]);
    assert!(values(&pairs, "authorization").is_empty());
}

#[test]
fn advisory_58_one_or_a_hundred_injected_copies_leave_exactly_ours() {
    for copies in [1, 2, 100] {
        let injected = vec![("X-Jwt-Sub", "admin"); copies];
        let pairs = upstream(settings(), &head("/", &injected), Some(&claims()));
        assert_eq!(values(&pairs, "x-jwt-sub"), ["alice"], "{copies}");
    }
}

#[test]
fn advisory_58_a_claim_that_is_not_there_leaves_no_injected_copy() {
    let head = head("/", &[("x-jwt-sub", "admin"), ("x-roles", "admin")]);
    let pairs = upstream(settings(), &head, Some(&json!({"sub": null})));
    assert!(values(&pairs, "x-jwt-sub").is_empty() && values(&pairs, "x-roles").is_empty());
}

const TWINS: [(&str, &str); 14] = [
    ("x-jwt-sub", "v"),
    ("X-JWT-SUB", "v"),
    ("X_Jwt_Sub", "v"),
    ("x-jwt_sub", "v"),
    ("X.Jwt.Sub", "v"),
    ("x~jwt~sub", "v"),
    ("_x-jwt-sub", "v"),
    ("x_jwt_payload", "v"),
    ("X-MS-CLIENT-PRINCIPAL", "v"),
    ("x_ms_client_principal_id", "v"),
    ("x-ms-client-principal-groups", "v"),
    ("X-MS-TOKEN-AAD-ACCESS-TOKEN", "v"),
    ("x_ms_token_aad_id_token", "v"),
    ("x-original-url", "/admin"),
];

#[test]
fn advisory_59_every_spelling_is_removed_on_routes_with_an_identity() {
    let settings = ForwardingSettings { client_principal: false, ..settings() };
    let pairs = upstream(settings, &head("/", &TWINS), Some(&claims()));
    let names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["x-jwt-sub", "x-roles", "x-jwt-payload"]);
    assert_eq!(values(&pairs, "x-jwt-sub"), ["alice"]);
}

#[test]
fn advisory_59_every_spelling_is_removed_on_anonymous_routes_too() {
    assert_eq!(upstream(settings(), &head("/", &TWINS), None), []);
}

#[test]
fn advisory_59_the_app_service_family_is_removed_even_if_it_is_not_configured() {
    let head = head("/", &[("x-ms-client-principal", "v"), ("x_ms_token_aad_id_token", "v"), ("accept", "a")]);
    assert_eq!(upstream(ForwardingSettings::default(), &head, None), [("accept".to_owned(), "a".to_owned())]);
}

#[test]
fn advisory_59_a_name_with_a_trailing_colon_is_no_header() {
    let pairs = [(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "/"), ("x-jwt-sub:", "v")];
    assert!(RequestHead::read(pairs.iter().map(|(name, value)| pair(name, value)).collect::<HeaderMap>()).is_err());
}

#[test]
fn advisory_60_a_connection_header_cannot_drop_ours() {
    let forwarding = Forwarding::new(settings()).unwrap();
    for value in ["x-jwt-sub", "close, X-Jwt-Sub", "upgrade,\tx_roles ,te", "X-MS-CLIENT-PRINCIPAL-ID", "x-jwt-payload"]
    {
        for head in [head("/", &[("Connection", value)]), head("/", &[("connection", "close"), ("connection", value)])]
        {
            assert_eq!(forwarding.check(&head), Err(ForwardFlaw::ConnectionNamesOurs), "{value}");
            let applied = forwarding.apply(&head, &Sources::default(), None);
            assert_eq!(applied, Err(ForwardFlaw::ConnectionNamesOurs), "{value}");
        }
    }
    for value in ["close", "keep-alive, Upgrade", "", ",", "x-jwt-subs"] {
        assert_eq!(forwarding.check(&head("/", &[("connection", value)])), Ok(()), "{value}");
    }
}

#[test]
fn advisory_61_no_client_header_changes_what_is_set() {
    let plain = upstream(settings(), &head("/", &[]), Some(&claims()));
    for name in ["x-middleware-subrequest", "x-portcullis", "x-envoy-original-path", "x-forwarded-user"] {
        let mut with = upstream(settings(), &head("/", &[(name, "x-jwt-sub")]), Some(&claims()));
        with.retain(|(other, _)| other != name);
        assert_eq!(with, plain, "{name}");
    }
}

#[test]
fn o04_the_credential_goes_no_further_by_default() {
    let sent = [("authorization", "Bearer t"), ("Authorization", "Basic u")];
    assert_eq!(upstream(ForwardingSettings::default(), &head("/", &sent), None), []);
}

#[test]
fn a_kept_credential_stays_but_in_the_query() {
    let sources =
        Sources::new(SourceSettings { query_parameters: vec!["t".into()], ..SourceSettings::default() }).unwrap();
    let settings = ForwardingSettings { credential: CredentialForwarding::Keep, ..settings() };
    let head = head("/q?t=1&a", &[("authorization", "Bearer t")]);
    let forwarding = Forwarding::new(settings).unwrap();
    let mutations = forwarding.apply(&head, &forwarding.emptied(&sources, None), None).unwrap();
    assert!(mutations.headers().is_empty());
    assert_eq!(mutations.path(), Some(&b"/q?a"[..]));
}

#[test]
fn a_place_of_secrets_is_emptied_though_tokens_are_kept() {
    let keys = SourceSettings {
        authorization: false,
        headers: vec![crate::credential::HeaderSource { name: "x-api-key".into(), prefix: String::new() }],
        cookies: vec!["key".into()],
        query_parameters: Vec::new(),
    };
    let keys = Sources::new(keys).unwrap();
    let settings = ForwardingSettings { credential: CredentialForwarding::Keep, ..settings() };
    let forwarding = Forwarding::new(settings).unwrap();
    let emptied = forwarding.emptied(&Sources::default(), Some(&keys));
    let sent = [("authorization", "Bearer t"), ("X_Api_Key", "k"), ("cookie", "a=1; key=k")];
    let head = head("/", &sent);
    let rest = forwarding.apply(&head, &emptied, None).unwrap().applied(&head.headers().to_pairs());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let rest: Vec<_> = rest.into_iter().map(|(name, value)| (text(name), text(value))).collect();
    assert_eq!(values(&rest, "authorization"), ["Bearer t"]);
    assert_eq!(values(&rest, "cookie"), ["a=1"]);
    assert!(values(&rest, "x_api_key").is_empty());
    assert!(forwarding.removes_trailer(b"x.api.key", &emptied));
}

#[test]
fn b04_a_claim_cannot_split_a_header() {
    let claims = json!({"sub": "a\r\nx-roles: admin", "realm_access": {"roles": ["b\n", "c,admin"]}});
    let pairs = upstream(settings(), &head("/", &[]), Some(&claims));
    assert_eq!(values(&pairs, "x-jwt-sub"), ["a%0D%0Ax-roles: admin"]);
    assert_eq!(values(&pairs, "x-roles"), ["b%0A,c%2Cadmin"]);
}

#[test]
fn a_header_called_like_a_pseudo_header_is_a_header() {
    let names = ["path", "Method", "scheme", "authority"];
    let claims = names.map(|name| ClaimHeader {
        claim: ClaimPath::parse("sub").unwrap(),
        header: name.into(),
        list: ListForm::Comma,
    });
    let settings = ForwardingSettings { claims: claims.into(), ..ForwardingSettings::default() };
    let pairs = upstream(settings, &head("/", &[("path", "admin")]), Some(&json!({"sub": "alice"})));
    assert_eq!(values(&pairs, "path"), ["alice"]);
}

#[test]
fn what_is_too_large_is_refused_whole() {
    let claims = json!({"sub": "é".repeat(MAX_TOTAL_BYTES / 4)});
    let claims = claims.as_object().unwrap();
    let identity = ForwardedIdentity { claims, payload: Some(""), identity_provider: "idp" };
    for client_principal in [true, false] {
        let forwarding = Forwarding::new(ForwardingSettings { client_principal, ..settings() }).unwrap();
        let applied = forwarding.apply(&head("/", &[]), &Sources::default(), Some(&identity));
        assert_eq!(applied, Err(ForwardFlaw::TooLarge));
    }
}

#[test]
fn state_values_are_safe_in_a_log() {
    let state = |name: &str, claim: &str| ClaimState {
        name: name.into(),
        claim: ClaimPath::parse(claim).unwrap(),
        list: ListForm::Json,
    };
    let settings = ForwardingSettings {
        state: vec![state("subject", "sub"), state("none", "tid")],
        ..ForwardingSettings::default()
    };
    let claims = json!({"sub": "a\nb"});
    let claims = claims.as_object().unwrap();
    let identity = ForwardedIdentity { claims, payload: Some(""), identity_provider: "idp" };
    let forwarding = Forwarding::new(settings).unwrap();
    assert_eq!(forwarding.state(&identity), [("subject", HeaderValue::escaped("a\nb"))]);
}

#[test]
fn settings_that_cannot_work_are_refused_together() {
    let claim = |header: &str| ClaimHeader {
        claim: ClaimPath::parse("sub").unwrap(),
        header: header.into(),
        list: ListForm::Comma,
    };
    let state =
        |name: &str| ClaimState { name: name.into(), claim: ClaimPath::parse("sub").unwrap(), list: ListForm::Comma };
    let flaws = Forwarding::new(ForwardingSettings {
        claims: ["x-user", "X_User", "a b", "Authorization", "x-ms-client-principal-id"].map(claim).into(),
        payload_header: Some("host".into()),
        client_principal: true,
        state: ["a", "a", "", "a.b"].map(state).into(),
        ..ForwardingSettings::default()
    });
    assert_eq!(
        flaws,
        Err(vec![
            ForwardingFlaw::HeaderTwice("X_User".into()),
            ForwardingFlaw::HeaderName("a b".into()),
            ForwardingFlaw::HeaderTaken("Authorization".into()),
            ForwardingFlaw::HeaderTaken("host".into()),
            ForwardingFlaw::HeaderTwice("x-ms-client-principal-id".into()),
            ForwardingFlaw::StateTwice("a".into()),
            ForwardingFlaw::StateName(String::new()),
            ForwardingFlaw::StateName("a.b".into()),
        ])
    );
}

#[test]
fn a_trailer_cannot_say_what_a_header_may_not() {
    let forwarding = Forwarding::new(settings()).unwrap();
    let token_header = Sources::new(SourceSettings {
        headers: vec![crate::credential::HeaderSource { name: "x-token".into(), prefix: String::new() }],
        ..SourceSettings::default()
    })
    .unwrap();
    for name in
        ["x-jwt-sub", "X_Jwt_Sub", "x.roles", "x-ms-client-principal", "x-original-url", "authorization", "X_Token"]
    {
        assert!(forwarding.removes_trailer(name.as_bytes(), &token_header), "{name}");
    }
    for name in ["grpc-status", "x-checksum", "expires", ":path"] {
        assert!(!forwarding.removes_trailer(name.as_bytes(), &token_header), "{name}");
    }
    let keep = ForwardingSettings { credential: CredentialForwarding::Keep, ..settings() };
    let keep = Forwarding::new(keep).unwrap();
    let emptied = keep.emptied(&token_header, None);
    assert!(!keep.removes_trailer(b"authorization", &emptied));
    assert!(keep.removes_trailer(b"x-jwt-sub", &emptied));
}

use super::*;
use crate::http::{HeaderMap, Mutations, Pair};

mod settings;

fn head(path: &str, more: &[(&str, &str)]) -> RequestHead {
    let base = [(":method", "GET"), (":scheme", "https"), (":authority", "api.example"), (":path", path)];
    let pairs = base.iter().chain(more).map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
    RequestHead::read(pairs.collect::<HeaderMap>()).unwrap()
}

fn everywhere() -> Sources {
    Sources::new(SourceSettings {
        authorization: true,
        headers: vec![
            HeaderSource { name: "X-Token".into(), prefix: "Token ".into() },
            HeaderSource { name: "x-raw".into(), prefix: String::new() },
        ],
        cookies: vec!["session".into()],
        query_parameters: vec!["token".into()],
    })
    .unwrap()
}

fn read<'a>(head: &'a RequestHead, sources: &'a Sources) -> Result<Option<Found<'a>>, CredentialFlaw> {
    let found = find(head, sources)?;
    found.map_or(Ok(None), |found| found.check().map(|()| Some(found)))
}

fn authorization(value: &str) -> Result<Option<String>, CredentialFlaw> {
    let head = head("/", &[("Authorization", value)]);
    let sources = Sources::default();
    let found = read(&head, &sources)?;
    Ok(found.map(|found| String::from_utf8(found.token.to_vec()).unwrap()))
}

fn flaw(path: &str, more: &[(&str, &str)]) -> CredentialFlaw {
    read(&head(path, more), &everywhere()).expect_err("there must be a flaw")
}

#[test]
fn b01_scheme_in_any_case() {
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        assert_eq!(authorization(&format!("{scheme} a.b.c")), Ok(Some("a.b.c".into())), "{scheme}");
    }
}

#[test]
fn b01_one_or_more_spaces_before_the_token() {
    assert_eq!(authorization("Bearer  a.b.c"), Ok(Some("a.b.c".into())));
    assert_eq!(authorization("Bearer     a"), Ok(Some("a".into())));
}

#[test]
fn b01_every_character_of_a_b64token_is_read() {
    assert_eq!(authorization("Bearer aZ09-._~+/=="), Ok(Some("aZ09-._~+/==".into())));
}

#[test]
fn b01_whatever_else_is_no_bearer_credential() {
    for value in [
        "Bearer",
        "Bearer ",
        "Bearer   ",
        "Bearer a b",
        "Bearer a ",
        "Bearer a, Bearer b",
        "Bearer a,b",
        "Bearer\ta",
        "Bearer \ta",
        "Bearer a\t",
        "Bearer =",
        "Bearer a=b",
        "Bearer a;b",
        "Bearer \"a\"",
        "Bearer a\u{e9}",
        "Bearer Bearer a",
        "",
        " Bearer a",
        "Bearer: a",
        "Bearer,a b",
        "\"Bearer\" a",
    ] {
        let result = authorization(value);
        // A colon is no token character, so `Bearer:` is not a scheme of its own either.
        assert_eq!(result, Err(CredentialFlaw::Malformed), "{value:?}");
        assert!(!CredentialFlaw::Malformed.is_missing_bearer());
    }
}

#[test]
fn b04_another_scheme_is_told_that_bearer_is_wanted() {
    for value in ["Basic dXNlcjpwYXNz", "DPoP a.b.c", "Negotiate", "Bearers a", "token a"] {
        let flaw = authorization(value).expect_err(value);
        assert_eq!(flaw, CredentialFlaw::UnsupportedScheme, "{value}");
        assert!(flaw.is_missing_bearer());
    }
}

#[test]
fn another_scheme_is_not_ours_where_authorization_is_not_configured() {
    let sources = Sources::new(SourceSettings {
        authorization: false,
        cookies: vec!["session".into()],
        ..SourceSettings::default()
    });
    let head = head("/", &[("authorization", "Basic dXNlcjpwYXNz")]);
    assert_eq!(find(&head, &sources.unwrap()), Ok(None));
}

#[test]
fn nothing_is_nothing() {
    assert_eq!(find(&head("/a?b=c", &[("cookie", "a=b"), ("x-other", "c")]), &everywhere()), Ok(None));
}

#[test]
fn a_credential_is_found_in_each_configured_place() {
    let sources = everywhere();
    for (path, header, place) in [
        ("/", ("authorization", "Bearer a.b"), Place::Authorization),
        ("/", ("x-token", "Token a.b"), Place::Header("X-Token")),
        ("/", ("X-TOKEN", "token  a.b"), Place::Header("X-Token")),
        ("/", ("x-raw", "a.b"), Place::Header("x-raw")),
        ("/", ("cookie", "a=1; session=a.b"), Place::Cookie("session")),
        ("/?x=1&token=a.b", ("accept", "*/*"), Place::QueryParameter("token")),
        ("/?%74oken=a.b", ("accept", "*/*"), Place::QueryParameter("token")),
    ] {
        let head = head(path, &[header]);
        assert_eq!(find(&head, &sources), Ok(Some(Found { token: b"a.b", place, scheme: Scheme::Bearer })));
    }
}

#[test]
fn b02_two_authorization_headers_in_both_orders() {
    for (first, second) in [("Bearer good", "Bearer bad"), ("Bearer bad", "Bearer good"), ("Basic x", "Bearer a")] {
        let headers = [("Authorization", first), ("authorization", second)];
        assert_eq!(flaw("/", &headers), CredentialFlaw::Repeated);
    }
}

/// Envoy joins the copies of `Authorization` before the filter sees them.
#[test]
fn b02_two_authorization_headers_that_a_host_has_joined_in_both_orders() {
    for joined in ["Basic x,Bearer a", "Basic x, bearer a", "Digest a=\"b\",c=d ,  Bearer a", "Basic x,Bearer"] {
        assert_eq!(authorization(joined), Err(CredentialFlaw::Several), "{joined}");
    }
    for joined in ["Bearer a,Basic x", "Negotiate,Bearer a", "Bearer a,Bearer b", "Bearer a,", ",Bearer a"] {
        assert_eq!(authorization(joined), Err(CredentialFlaw::Malformed), "{joined}");
    }
    for one in ["Digest a=\"b\",c=\"bearer\"", "Basic x,Bearers a", "Basic Bearer"] {
        assert_eq!(authorization(one), Err(CredentialFlaw::UnsupportedScheme), "{one}");
    }
}

#[test]
fn b02_any_two_places_are_too_many() {
    let places = [
        ("", ("authorization", "Bearer a")),
        ("", ("x-token", "Token a")),
        ("", ("x-raw", "a")),
        ("", ("cookie", "session=a")),
        ("token=a", ("accept", "*/*")),
    ];
    for (index, (query, header)) in places.iter().enumerate() {
        for (other_query, other_header) in places.iter().skip(index + 1) {
            let path = format!("/?{query}{other_query}");
            assert_eq!(flaw(&path, &[*header, *other_header]), CredentialFlaw::Several, "{header:?} {other_header:?}");
            assert_eq!(flaw(&path, &[*other_header, *header]), CredentialFlaw::Several, "{other_header:?} {header:?}");
        }
    }
}

#[test]
fn b02_one_place_twice_is_too_many() {
    assert_eq!(flaw("/", &[("x-raw", "a"), ("X-Raw", "a")]), CredentialFlaw::Repeated);
    assert_eq!(flaw("/", &[("cookie", "session=a; session=a")]), CredentialFlaw::Repeated);
    assert_eq!(flaw("/", &[("cookie", "session=a"), ("cookie", "session=b")]), CredentialFlaw::Repeated);
    assert_eq!(flaw("/?token=a&token=b", &[]), CredentialFlaw::Repeated);
    assert_eq!(flaw("/?token=a&%74oken=b", &[]), CredentialFlaw::Repeated);
    assert_eq!(flaw("/?token=a&Token=b", &[]), CredentialFlaw::Repeated);
}

#[test]
fn b02_an_access_token_in_the_query_counts_even_if_unconfigured() {
    let both = flaw("/?access_token=a", &[("authorization", "Bearer a")]);
    assert_eq!(both, CredentialFlaw::Several);
}

#[test]
fn b03_a_token_in_the_query_is_refused_by_default() {
    for path in ["/?access_token=a", "/?a=b&%61ccess_token=a", "/?ACCESS_TOKEN=", "/?access_token"] {
        let sources = Sources::default();
        assert_eq!(find(&head(path, &[]), &sources), Err(CredentialFlaw::TokenInQuery), "{path}");
    }
}

#[test]
fn b03_a_token_in_the_query_never_goes_upstream() {
    let sources = everywhere();
    let head = head("/q?a=%zz&token=a.b&z=1", &[]);
    assert_eq!(find(&head, &sources).unwrap().unwrap().token, b"a.b");
    for emptied in [sources.parameters(), sources] {
        assert_eq!(emptied.removal(&head).unwrap().path(), Some(&b"/q?a=%zz&z=1"[..]));
    }
}

#[test]
fn unreadable_is_not_absent_in_any_place() {
    assert_eq!(flaw("/", &[("x-raw", "")]), CredentialFlaw::Malformed);
    assert_eq!(flaw("/", &[("x-raw", "a b")]), CredentialFlaw::Malformed);
    assert_eq!(flaw("/", &[("x-token", "Token ")]), CredentialFlaw::Malformed);
    assert_eq!(flaw("/", &[("x-token", "a.b")]), CredentialFlaw::UnsupportedScheme);
    assert_eq!(flaw("/", &[("cookie", "session=")]), CredentialFlaw::Malformed);
    assert_eq!(flaw("/", &[("cookie", "session=\"a\"")]), CredentialFlaw::Malformed);
    assert_eq!(flaw("/?token", &[]), CredentialFlaw::Malformed);
    assert_eq!(flaw("/?token=a%2Eb", &[]), CredentialFlaw::Malformed);
    let cookies = "a=1;".repeat(cookie::MAX_COOKIES + 1);
    assert_eq!(flaw("/", &[("cookie", &cookies)]), CredentialFlaw::Cookies(CookieFlaw::TooMany));
}

fn applied(head: &RequestHead, mutations: &Mutations) -> Vec<Pair> {
    mutations.applied(&head.headers().to_pairs()).split_off(3)
}

fn pair(name: &str, value: &str) -> Pair {
    (name.as_bytes().to_vec(), value.as_bytes().to_vec())
}

#[test]
fn removal_of_all_places_takes_what_could_not_be_read_and_the_twins_too() {
    let sources = everywhere();
    let more = [
        ("authorization", "Basic x"),
        ("Authorization", "Bearer y"),
        ("x_token", "z"),
        ("X-Token", "q"),
        ("cookie", "session=1; session=2"),
        ("accept", "*/*"),
    ];
    let head = head("/a?token=1&b&TOKEN=2", &more);
    let removed = applied(&head, &sources.removal(&head).unwrap());
    assert_eq!(removed, [pair(":path", "/a?b"), pair("accept", "*/*")]);
    let kept = sources.parameters().removal(&head).unwrap();
    assert!(kept.headers().is_empty());
    assert_eq!(kept.path(), Some(&b"/a?b"[..]));
}

#[test]
fn a_source_called_like_a_pseudo_header_is_a_header() {
    let headers = vec![HeaderSource { name: "path".into(), prefix: String::new() }];
    let sources = Sources::new(SourceSettings { headers, ..SourceSettings::default() }).unwrap();
    let head = head("/a", &[("path", "a.b")]);
    assert_eq!(find(&head, &sources).unwrap().unwrap().place, Place::Header("path"));
    assert_eq!(applied(&head, &sources.removal(&head).unwrap()), [pair(":path", "/a")]);
}

#[test]
fn b06_a_found_token_is_not_in_its_debug_text() {
    let head = head("/", &[("authorization", "Bearer secretsecret")]);
    let sources = Sources::default();
    let text = format!("{:?}", find(&head, &sources));
    assert!(text.contains("Authorization") && !text.contains("secretsecret"), "{text}");
}

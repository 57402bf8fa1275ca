//! Which places can be configured.

use super::*;

#[test]
fn settings_that_cannot_work_are_refused_together() {
    let header = |name: &str, prefix: &str| HeaderSource { name: name.into(), prefix: prefix.into() };
    let settings = SourceSettings {
        authorization: true,
        headers: vec![
            header("Authorization", ""),
            header("a b", ""),
            header("Cookie", ""),
            header("x-a", "\r\n"),
            header("x_a", ""),
        ],
        cookies: vec!["a b".into(), "c".into(), "c".into()],
        query_parameters: vec![String::new(), "t".into(), "T".into()],
    };
    let flaws = Sources::new(settings).unwrap_err();
    let flaws: Vec<(&str, SourceFlaw)> = flaws.iter().map(|(at, flaw)| (at.as_str(), flaw.clone())).collect();
    assert_eq!(
        flaws,
        [
            ("headers[0].name", SourceFlaw::Twice("Authorization".into())),
            ("headers[1].name", SourceFlaw::HeaderName("a b".into())),
            ("headers[2].name", SourceFlaw::HeaderName("Cookie".into())),
            ("headers[3].prefix", SourceFlaw::Prefix("\r\n".into())),
            ("headers[4].name", SourceFlaw::Twice("x_a".into())),
            ("cookies[0]", SourceFlaw::CookieName("a b".into())),
            ("cookies[2]", SourceFlaw::Twice("c".into())),
            ("danger_query_parameters[0]", SourceFlaw::QueryParameterName(String::new())),
            ("danger_query_parameters[2]", SourceFlaw::Twice("T".into())),
        ]
    );
    let nowhere = SourceSettings { authorization: false, ..SourceSettings::default() };
    assert_eq!(Sources::new(nowhere), Err(vec![(String::new(), SourceFlaw::Nowhere)]));
    assert_eq!(Sources::new(SourceSettings::default()), Ok(Sources::default()));
}

#[test]
fn a_header_that_means_something_else_carries_no_credential() {
    let by = |name: &str| {
        let headers = vec![HeaderSource { name: name.into(), prefix: "Key ".into() }];
        Sources::new(SourceSettings { authorization: false, headers, ..SourceSettings::default() })
    };
    for name in ["x-forwarded-client-cert", "X_Forwarded_For", "x-envoy-peer-metadata", "x-original-url", "via", "host"]
    {
        let flaw = SourceFlaw::HeaderName(name.to_owned());
        assert_eq!(by(name), Err(vec![("headers[0].name".to_owned(), flaw)]), "{name}");
    }
    for name in ["authorization", "Proxy-Authorization", "x-forwarded-access-token", "x-api-key"] {
        assert!(by(name).is_ok(), "{name}");
    }
    for name in ["key\"", "a\\b", "schl\u{fc}ssel", "a\nb"] {
        let settings = SourceSettings { query_parameters: vec![name.to_owned()], ..SourceSettings::default() };
        let flaw = SourceFlaw::QueryParameterName(name.to_owned());
        assert_eq!(Sources::new(settings), Err(vec![("danger_query_parameters[0]".to_owned(), flaw)]), "{name}");
    }
}

#[test]
fn where_nobody_looks_for_tokens_nothing_is_one() {
    let sources = Sources::nowhere();
    let head = head("/?access_token=a", &[("authorization", "Basic dXNlcjpwYXNz")]);
    assert_eq!(find(&head, &sources), Ok(None));
    assert!(sources.removal(&head).unwrap().is_empty());
}

//! What must be true of a request that was let on, and of one that was answered.

use portcullis::exchange::{Passage, Record, Reply};
use portcullis::http::Pair;

use super::issuer::{AUDIENCE, ENTRA, IDP, Minted, PORTAL};
use super::request::Request;
use super::settings::{PAYLOAD, Settings};

/// Allowed difference of clocks, the default.
const SKEW_MS: u64 = 60_000;

/// Headers that only the filter sets, as [`twin`] writes them; the last ones are the beginnings of families.
const OURS: [&str; 4] = ["x-user-id", PAYLOAD, "x-original-url", "x-rewrite-url"];
const FAMILIES: [&str; 2] = ["x-ms-client-principal", "x-ms-token-"];

/// Looks at a request that goes on. Gives the token that was believed, for a look at its key.
pub(super) fn admitted<'m>(
    request: &Request,
    settings: &Settings,
    minted: &'m [Minted],
    passage: &Passage,
    record: &Record,
    now_ms: u64,
) -> Option<&'m Minted> {
    let after = passage.mutations.applied(&request.pairs);
    let rule = record.rule.as_ref().map_or("", |(_, name)| name);
    check_path(request, settings, &after);
    let believed = believed(request, minted, &after);
    let preflight = settings.preflights_pass && value(&request.pairs, ":method") == Some(b"OPTIONS");
    match believed {
        Some(token) => {
            assert_eq!(request.credentials, [token.text.as_str()], "one credential, this one");
            assert!(now_ms < token.expires.saturating_mul(1000) + SKEW_MS, "expired");
            assert!(token.not_before.is_none_or(|date| now_ms + SKEW_MS >= date * 1000), "too early");
            assert!(now_ms + SKEW_MS >= token.issued * 1000, "from the future");
            let accepted: &[&str] = match (rule, token.issuer) {
                ("orders" | "news", IDP) => &[AUDIENCE, PORTAL],
                ("orders" | "news", ENTRA) => &[AUDIENCE],
                ("portal", IDP) => &[PORTAL],
                (rule, issuer) => panic!("{rule} does not take tokens of {issuer}"),
            };
            assert!(token.audiences.iter().any(|audience| accepted.contains(audience)), "for somebody else");
        }
        None if preflight => {}
        None => match rule {
            "open" => {}
            "news" => assert!(request.credentials.is_empty(), "a bad token passes for none"),
            rule => panic!("{rule} lets nobody in without a token"),
        },
    }
    check_ours(&after, believed);
    if !settings.keeps_credential && !request.elsewhere {
        for token in minted.iter().filter(|token| request.credentials.contains(&token.text)) {
            let shown = after.iter().any(|(_, value)| contains(value, token.text.as_bytes()));
            assert!(!shown, "the credential goes on");
        }
    }
    check_record(request, record, &format!("{record:?}"));
    believed
}

/// Looks at an answer.
pub(super) fn answered(request: &Request, reply: &Reply, record: &Record) {
    assert!(matches!(reply.status, 200 | 400 | 401 | 403 | 431 | 503), "{}", reply.status);
    for (name, value) in &reply.headers {
        assert!(!value.chars().any(char::is_control), "{name}: {value:?}");
    }
    let body = String::from_utf8_lossy(&reply.body);
    check_record(request, record, &format!("{reply:?}{record:?}{body}"));
}

/// No signature shows up in what is printed, and the record is one line.
fn check_record(request: &Request, record: &Record, printed: &str) {
    for token in request.credentials.iter().filter(|token| token.matches('.').count() == 2) {
        let (_, signature) = token.rsplit_once('.').expect("two dots");
        assert!(signature.len() < 20 || !printed.contains(signature), "a token is printed");
    }
    let line = record.event.as_ref().expect("every decision is logged").line();
    assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line:?}");
}

fn check_path(request: &Request, settings: &Settings, after: &[Pair]) {
    let path = |target: &[u8]| target.split(|byte| *byte == b'?').next().unwrap_or_default().to_vec();
    let forwarded = value(after, ":path").expect("always");
    assert_eq!(path(forwarded), path(&request.target), "another path than the one that rules saw");
    if settings.keeps_credential && !settings.many_places {
        assert_eq!(forwarded, request.target);
    }
}

/// The minted token that the upstream is told of.
fn believed<'m>(request: &Request, minted: &'m [Minted], after: &[Pair]) -> Option<&'m Minted> {
    let payload = value(after, PAYLOAD)?;
    let carried = |token: &&Minted| request.credentials.contains(&token.text) && token.payload.as_bytes() == payload;
    Some(minted.iter().find(carried).expect("the upstream is told of a token that nobody signed or sent"))
}

/// Of the headers that are ours there is one spelling, ours, once, and only with an identity.
fn check_ours(after: &[Pair], believed: Option<&Minted>) {
    for (at, (name, _)) in after.iter().enumerate() {
        let twin = twin(name);
        if name.starts_with(b":") || !(OURS.contains(&twin.as_str()) || FAMILIES.iter().any(|it| twin.starts_with(it)))
        {
            continue;
        }
        assert!(believed.is_some(), "{twin} without an identity");
        assert_eq!(name, twin.as_bytes(), "another spelling");
        assert!(!after[..at].iter().any(|(other, _)| other == name), "{twin} twice");
    }
    let expected = match believed.and_then(|token| token.subject.as_deref()) {
        Some("u 2\u{e9},") => Some(b"u 2%C3%A9,".as_slice()),
        subject => subject.map(str::as_bytes),
    };
    assert_eq!(value(after, "x-user-id"), expected);
}

/// As the least careful server would write a header's name: marks are all alike, and none counts at either end.
fn twin(name: &[u8]) -> String {
    let letter = |byte: &u8| if byte.is_ascii_alphanumeric() { char::from(byte.to_ascii_lowercase()) } else { '-' };
    name.iter().map(letter).collect::<String>().trim_matches('-').to_owned()
}

fn value<'p>(pairs: &'p [Pair], name: &str) -> Option<&'p [u8]> {
    pairs.iter().find(|(found, _)| found == name.as_bytes()).map(|(_, value)| value.as_slice())
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

use proptest::prelude::*;

use super::*;
use crate::jose::Algorithm;
use crate::jose::testing::SECRET;

const HEADER: &str = r#"{"alg":"HS256","kid":"1"}"#;
const CLAIMS: &str = r#"{"iss":"https://idp.example"}"#;

fn read(token: impl AsRef<[u8]>) -> Result<Unverified, TokenFlaw> {
    Unverified::parse(token.as_ref(), &TokenLimits::default())
}

fn flaw(token: impl AsRef<[u8]>) -> TokenFlaw {
    read(token).unwrap_err()
}

fn token(header: &str, payload: &str) -> String {
    SECRET.token(Algorithm::HS256, header, payload)
}

fn good() -> String {
    token(HEADER, CLAIMS)
}

#[test]
fn a_good_token_gives_hints_and_nothing_else() {
    let token = read(good()).unwrap();
    assert_eq!(token.header().kid.as_deref(), Some("1"));
    assert_eq!(token.issuer_hint(), Some("https://idp.example"));
    assert_eq!(token.signing_input.payload(), base64url::encode(CLAIMS.as_bytes()));
}

#[test]
fn an_issuer_that_is_not_a_string_gives_no_hint() {
    for claims in [r#"{"iss":1}"#, r#"{"iss":["https://idp.example"]}"#, r#"{"iss":null}"#, "{}"] {
        assert_eq!(read(token(HEADER, claims)).unwrap().issuer_hint(), None, "{claims}");
    }
}

#[test]
fn j19_a_token_has_exactly_two_dots() {
    let good = good();
    let (text, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = text.split_once('.').unwrap();
    for text in [
        "".to_owned(),
        ".".to_owned(),
        header.to_owned(),
        text.to_owned(),
        format!("{good}.x"),
        format!("{good}.x.x.x"),
        format!(".{good}"),
        format!("{good}."),
    ] {
        assert_eq!(flaw(&text), TokenFlaw::Parts, "{text:?}");
    }
    assert_eq!(flaw(format!("{text}.")), TokenFlaw::SignatureMissing);
    assert_eq!(flaw(format!("{header}..{signature}")), TokenFlaw::Payload(JsonFlaw::Syntax));
    assert_eq!(flaw(format!(".{payload}.{signature}")), TokenFlaw::Header(HeaderFlaw::Json(JsonFlaw::Syntax)));
    assert_eq!(flaw(".."), TokenFlaw::Header(HeaderFlaw::Json(JsonFlaw::Syntax)));
}

#[test]
fn j05_an_encrypted_token_is_refused_as_what_it_is() {
    assert_eq!(flaw("eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.OKOa.48V1.5eym.XFBo"), TokenFlaw::Encrypted);
    assert_eq!(flaw("...."), TokenFlaw::Encrypted);
}

#[test]
fn j05_a_token_inside_a_token_is_refused() {
    let outer = token(r#"{"alg":"HS256","cty":"JWT"}"#, &good());
    assert_eq!(flaw(outer), TokenFlaw::Payload(JsonFlaw::Syntax));
}

#[test]
fn j18_the_json_serialisations_are_refused() {
    let good = good();
    let parts: Vec<&str> = good.split('.').collect();
    let flattened = serde_json::json!({"protected": parts[0], "payload": parts[1], "signature": parts[2]});
    assert_eq!(flaw(flattened.to_string()), TokenFlaw::Parts);
    let general =
        serde_json::json!({"payload": parts[1], "signatures": [{"protected": parts[0], "signature": parts[2]}]});
    assert_eq!(flaw(general.to_string()), TokenFlaw::Parts);
    let encoding = TokenFlaw::Header(HeaderFlaw::Encoding(Base64Flaw::Character));
    assert_eq!(flaw(format!("{{\"a\":\"{good}\"}}")), encoding);
    assert_eq!(flaw(format!("{{\"a\":\"{}.\",\"b\":\"{}.\"}}", parts[0], parts[1])), encoding);
    assert_eq!(flaw(format!("{} .{}.{}", parts[0], parts[1], parts[2])), encoding);
}

#[test]
fn j19_every_part_is_strict_base64url() {
    let good = good();
    let parts: Vec<&str> = good.split('.').collect();
    for (index, part) in parts.iter().enumerate() {
        for bad in [
            format!("{part}="),
            format!("{part}\n"),
            format!(" {part}"),
            format!("{part}?"),
            format!("+{part}"),
            format!("/{part}"),
            format!("{part}\u{e9}"),
            format!("{part}%3d"),
        ] {
            let mut parts: Vec<&str> = parts.clone();
            parts[index] = &bad;
            let expected = match index {
                0 => TokenFlaw::Header(HeaderFlaw::Encoding(Base64Flaw::Character)),
                1 => TokenFlaw::PayloadEncoding(Base64Flaw::Character),
                _ => TokenFlaw::SignatureEncoding(Base64Flaw::Character),
            };
            assert_eq!(flaw(parts.join(".")), expected, "{bad:?}");
        }
    }
}

#[test]
fn j19_stray_bits_would_be_a_second_spelling_and_are_refused() {
    let good = good();
    let (text, signature) = good.rsplit_once('.').unwrap();
    // 32 bytes are 43 characters with two bits to spare: four spellings in a lax decoder.
    let (rest, last) = signature.split_at(42);
    let same_bytes = (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').chain([b'-', b'_']);
    let accepted: Vec<u8> =
        same_bytes.filter(|last| read(format!("{text}.{rest}{}", char::from(*last))).is_ok()).collect();
    assert_eq!(accepted.len(), 16);
    assert!(accepted.contains(&last.as_bytes()[0]));
    assert_eq!(flaw(format!("{text}.{signature}AA")), TokenFlaw::SignatureEncoding(Base64Flaw::Length));
}

#[test]
fn j17_members_twice_are_refused_in_header_and_claims() {
    let twice = TokenFlaw::Header(HeaderFlaw::Json(JsonFlaw::DuplicateMember));
    assert_eq!(flaw(token(r#"{"alg":"HS256","alg":"HS256"}"#, CLAIMS)), twice);
    assert_eq!(flaw(token(r#"{"alg":"none","\u0061lg":"HS256"}"#, CLAIMS)), twice);
    assert_eq!(flaw(token(HEADER, r#"{"iss":"a","iss":"b"}"#)), TokenFlaw::Payload(JsonFlaw::DuplicateMember));
    assert_eq!(flaw(token(HEADER, r#"{"a":{"r\u006fle":1,"role":2}}"#)), TokenFlaw::Payload(JsonFlaw::DuplicateMember));
}

#[test]
fn j09_header_and_payload_are_json_objects() {
    for text in ["", "null", "1", "[]", "\"x\"", "{} ", "\u{feff}{}", "{}x", "{\"a\":01}", "{\"a\":\"\\ud800\"}"] {
        let payload = read(token(HEADER, text));
        match text {
            "{} " => assert!(payload.is_ok()),
            _ => assert!(matches!(payload, Err(TokenFlaw::Payload(_))), "{text:?}"),
        }
        let header = flaw(token(text, CLAIMS));
        assert!(matches!(header, TokenFlaw::Header(_)), "{text:?}");
    }
}

#[test]
fn j21_a_token_has_a_largest_size() {
    let good = good();
    let limits = |bytes| TokenLimits { bytes, ..TokenLimits::default() };
    assert!(Unverified::parse(good.as_bytes(), &limits(good.len())).is_ok());
    assert_eq!(Unverified::parse(good.as_bytes(), &limits(good.len() - 1)).unwrap_err(), TokenFlaw::TooLarge);
    assert_eq!(TokenLimits::default().bytes, 8192);
}

#[test]
fn a_megabyte_of_dots_allocates_nothing() {
    // Splitting borrows, and stops at the sixth part: no vector of a million slices (CVE-2025-30204).
    let dots = vec![b'.'; 1_000_000];
    let unlimited = TokenLimits { bytes: usize::MAX, ..TokenLimits::default() };
    let used = allocation_counter::measure(|| {
        assert_eq!(flaw(&dots), TokenFlaw::TooLarge);
        assert_eq!(Unverified::parse(&dots, &unlimited).unwrap_err(), TokenFlaw::Parts);
    });
    assert!(used.bytes_total < 1000, "{used:?}");
}

#[test]
fn a_hostile_token_of_the_largest_size_allocates_in_proportion() {
    let deep = "[".repeat(6000);
    let members: String = (0..900).map(|n| format!("\"{n}\":0,")).collect();
    let wide = format!("{{{members}\"z\":0}}");
    let twice = format!("{{{members}\"0\":0}}");
    let elements = format!("{{\"a\":[{}0]}}", "0,".repeat(2900));
    let limits = TokenLimits { bytes: 16 * 1024, ..TokenLimits::default() };
    for payload in [deep, wide, twice, elements] {
        let token = token(HEADER, &payload);
        let used = allocation_counter::measure(|| drop(Unverified::parse(token.as_bytes(), &limits)));
        assert!(used.bytes_max < 256 * 1024, "{used:?}");
    }
}

#[test]
fn a_zip_bomb_is_refused_by_its_header() {
    let bomb = token(r#"{"alg":"HS256","zip":"DEF"}"#, &"x".repeat(4000));
    assert_eq!(flaw(bomb), TokenFlaw::Header(HeaderFlaw::Compressed));
}

#[test]
fn b06_neither_flaws_nor_debug_output_show_a_token() {
    let claims = r#"{"iss":"MARK","name":"MARK"}"#;
    let token = token(HEADER, claims);
    let parsed = format!("{:?}", read(&token).unwrap());
    assert!(!parsed.contains("MARK"));
    for part in token.split('.') {
        assert!(!parsed.contains(part));
        for broken in [format!("{part}.{part}.{part}!"), format!("{token}{part}=")] {
            let flaw = flaw(broken);
            assert!(!format!("{flaw} {flaw:?} {}", flaw.reason()).contains(part));
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(bytes);
    }

    #[test]
    fn any_json_in_good_parts_is_read_or_refused(header in "\\{\"alg\":\"HS256\",.{0,20}\\}", payload in "\\{.{0,30}\\}") {
        let _ = read(token(&header, &payload));
    }
}

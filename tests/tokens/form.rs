//! Form: one token has one text, and the header changes nothing of how it is read.

use envoy_test::{BOTH, Case, KeyKind, SigningKey, forge};
use serde_json::json;

use super::{CAST, HTTP1, allowed, ask, plain, refused, refused_text};

#[test]
fn j05_five_parts_and_every_other_number_of_parts_are_refused() {
    let token = plain().build();
    let parts: Vec<&str> = token.split('.').collect();
    let (header, payload, signature) = (parts[0], parts[1], parts[2]);
    let jwe = json!({"alg": "dir", "enc": "A256GCM", "cty": "JWT"}).to_string();
    let jwe = forge::raw(jwe.as_bytes(), b"", |_| Vec::new());
    let jwe = jwe.split('.').next().unwrap();
    let cases = [
        (format!("{header}.{payload}"), "token_not_three_parts"),
        (header.to_owned(), "token_not_three_parts"),
        (format!("{token}.{signature}"), "token_not_three_parts"),
        (format!("{jwe}..{payload}.{payload}.{signature}"), "token_encrypted"),
        (format!("{token}.."), "token_encrypted"),
        (".".repeat(7000), "token_not_three_parts"),
        ("..".to_owned(), "header_not_json"),
    ];
    CAST.gate.envoy.assert_each(
        &BOTH,
        cases.iter().map(|(token, reason)| {
            let title: String = token.chars().take(30).collect();
            refused_text(title, token, reason)
        }),
    );
}

#[test]
fn j08_j16_j18_what_changes_how_a_token_is_read_is_refused() {
    let values =
        [json!(null), json!(false), json!(true), json!([]), json!(["exp"]), json!(["b64"]), json!("DEF"), json!({})];
    let cases = [("zip", "header_zip"), ("crit", "header_crit"), ("b64", "header_b64")].into_iter().flat_map(
        |(name, reason)| {
            values.iter().map(move |value| {
                refused(format!("{name}: {value}"), &plain().with_header(name, value.clone()), reason)
            })
        },
    );
    CAST.gate.envoy.assert_each(&HTTP1, cases);
}

#[test]
fn j09_j17_header_and_payload_are_one_strict_json_object_each() {
    let key = CAST.gate.idp.key();
    let (header, payload) =
        (json!({"alg": "ES256", "kid": "partner-1"}).to_string(), CAST.gate.idp.claims("orders").to_string());
    let build = |header: &[u8], payload: &[u8]| forge::raw(header, payload, |text| key.sign("ES256", text));
    let odd = |json: &str| -> Vec<(&'static str, Vec<u8>)> {
        let open = json.trim_end_matches('}');
        vec![
            ("with a byte order mark", [b"\xEF\xBB\xBF", json.as_bytes()].concat()),
            ("with a trailing byte", [json.as_bytes(), b"x"].concat()),
            ("with a trailing object", [json.as_bytes(), b"{}"].concat()),
            (
                "that is not UTF-8",
                format!("{open},\"a\":\"\u{1}\"}}")
                    .into_bytes()
                    .iter()
                    .map(|byte| if *byte == 1 { 0xFF } else { *byte })
                    .collect(),
            ),
            ("with a member twice", format!("{open},\"a\":1,\"a\":1}}").into_bytes()),
            ("with a member twice after unescaping", format!("{open},\"a\":1,\"\\u0061\":1}}").into_bytes()),
            ("with a member twice further down", format!("{open},\"a\":{{\"b\":1,\"b\":2}}}}").into_bytes()),
            ("with a trailing comma", format!("{open},}}").into_bytes()),
            ("with a lone surrogate", format!("{open},\"a\":\"\\ud800\"}}").into_bytes()),
            ("with NaN", format!("{open},\"a\":NaN}}").into_bytes()),
            ("nested too deep", format!("{open},\"a\":{}{}}}", "[".repeat(200), "]".repeat(200)).into_bytes()),
            ("that is a list", format!("[{json}]").into_bytes()),
            ("that is a string", b"\"x\"".to_vec()),
            ("that is null", b"null".to_vec()),
            ("that is empty", b"".to_vec()),
        ]
    };
    let headers = odd(&header).into_iter().map(|(what, bytes)| {
        refused_text(format!("a header {what}"), &build(&bytes, payload.as_bytes()), "header_not_json")
    });
    let payloads = odd(&payload).into_iter().map(|(what, bytes)| {
        refused_text(format!("a payload {what}"), &build(header.as_bytes(), &bytes), "payload_not_json")
    });
    let good = Case::allowed("the same, untouched", ask(&build(header.as_bytes(), payload.as_bytes())));
    CAST.gate.envoy.assert_each(&HTTP1, headers.chain(payloads).chain([good]));
}

#[test]
fn j13_a_kid_is_a_name_and_a_header_brings_no_key() {
    let stranger = SigningKey::generate(KeyKind::P256, "partner-1");
    let before = CAST.gate.idps.requests().len();
    let kids = [
        "../../../etc/passwd",
        "' OR '1'='1",
        "https://evil.example/jwks",
        ".*",
        "",
        "partner-1\0",
        "PARTNER-1",
        "partner-1 ",
    ];
    let kids = kids.iter().map(|kid| {
        refused(format!("the kid {kid:?}"), &plain().forged_by(&stranger).with_header("kid", *kid), "kid_unknown")
    });
    let not_text = [json!(null), json!(1), json!(["partner-1"])];
    let not_text = not_text.iter().map(|kid| {
        refused(format!("the kid {kid}"), &plain().with_header("kid", kid.clone()), "header_kid_not_a_string")
    });
    let long = refused("a kid of 257 bytes", &plain().with_header("kid", "k".repeat(257)), "header_kid_too_long");
    let embedded = [
        ("jwk", stranger.jwk()),
        ("jku", json!("https://evil.example/jwks")),
        ("x5u", json!("https://evil.example/cert")),
        ("x5c", json!(["MIIC"])),
        ("jwk", json!(null)),
        ("jku", json!(CAST.gate.idps.address().to_string())),
    ];
    let embedded = embedded.iter().map(|(name, value)| {
        let token = plain().forged_by(&stranger).with_header(name, value.clone());
        refused(format!("{name}: {value}"), &token, "header_embedded_key")
    });
    let own = refused("a stranger under a known kid", &plain().forged_by(&stranger), "signature_wrong");
    CAST.gate.envoy.assert_each(&HTTP1, kids.chain(not_text).chain([long, own]).chain(embedded));
    let asked = CAST.gate.idps.requests().split_off(before);
    let odd: Vec<&String> =
        asked.iter().filter(|path| !path.ends_with("/jwks") && !path.ends_with("/openid-configuration")).collect();
    assert!(odd.is_empty(), "a token has made the filter ask for {odd:?}");
}

#[test]
fn j19_base64url_is_strict_in_all_three_parts() {
    let token = plain().build();
    let parts: Vec<&str> = token.split('.').collect();
    let reasons = ["header_not_base64url", "payload_not_base64url", "signature_not_base64url"];
    let cases = (0..3).flat_map(|index| {
        let parts = parts.clone();
        // The first three are no `b64token`, so that they are not read as a credential at all.
        let spoil = ["A", "+A==", "/A=="];
        spoil.into_iter().map(move |bad| {
            let mut parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
            let part = &mut parts[index];
            // One character after whole groups of four is a length that base64 cannot have.
            part.truncate(part.len() / 4 * 4);
            part.push_str(bad);
            // `=` may only end a `b64token`; elsewhere the credential itself is unreadable.
            let (status, reason) =
                if bad.contains('=') && index < 2 { (400, "credential_malformed") } else { (401, reasons[index]) };
            Case::new(format!("`{bad}` after part {index}"), ask(&parts.join(".")), status, reason)
        })
    });
    // 64 bytes of signature end in a character with four stray bits.
    let (most, last) = token.split_at(token.len() - 1);
    let next = match last {
        "A" => "B",
        "Q" => "R",
        "g" => "h",
        "w" => "x",
        other => panic!("64 bytes do not end in `{other}`"),
    };
    let stray = format!("{most}{next}");
    CAST.gate.envoy.assert_each(&HTTP1, cases.chain([refused_text("stray bits", &stray, "signature_not_base64url")]));
}

#[test]
fn j18_the_json_serialisation_is_no_bearer_token() {
    let token = plain().build();
    let parts: Vec<&str> = token.split('.').collect();
    let json = json!({"protected": parts[0], "payload": parts[1], "signature": parts[2]}).to_string();
    CAST.gate.envoy.assert_each(
        &BOTH,
        [
            Case::new("JSON", ask(&json), 400, "credential_malformed"),
            Case::new("JSON around a good token", ask(&format!("{{\"{token}\":1}}")), 400, "credential_malformed"),
        ],
    );
}

#[test]
fn j21_a_token_over_the_limit_is_refused_before_it_is_read() {
    let fill = |bytes: usize| plain().with("fill", "x".repeat(bytes));
    let largest = fill(5000);
    assert!((6500..8192).contains(&largest.build().len()));
    let cases = [
        allowed("almost 8 KiB", &largest),
        refused("9 KiB", &fill(6500), "token_too_large"),
        refused("50 KiB", &fill(37_000), "token_too_large"),
        refused_text("50 KiB of dots", &".".repeat(50_000), "token_too_large"),
    ];
    CAST.gate.envoy.assert_each(&BOTH, cases);
}

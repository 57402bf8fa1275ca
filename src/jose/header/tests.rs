use serde_json::json;

use super::*;

fn read(header: Value) -> Result<Header, HeaderFlaw> {
    Header::from_members(header.as_object().unwrap())
}

#[test]
fn the_members_that_matter_are_kept_as_written() {
    let header =
        read(json!({"alg": "RS256", "kid": "k/../1", "typ": "at+JWT", "x5t": "k", "new": {"a": [1]}})).unwrap();
    assert_eq!(header.alg, Algorithm::RS256);
    assert_eq!(header.kid.as_deref(), Some("k/../1"));
    assert_eq!(header.typ.as_deref(), Some("at+JWT"));
    assert!(!header.has_nonce);
}

#[test]
fn the_nonce_of_a_token_for_graph_is_seen_whatever_its_type() {
    for nonce in [json!("AQAB"), json!(1), json!(null)] {
        assert!(read(json!({"alg": "RS256", "nonce": nonce})).unwrap().has_nonce);
    }
}

#[test]
fn j03_none_is_refused_in_every_spelling() {
    for name in ["none", "None", "NONE", "nOnE", "nonE"] {
        assert_eq!(read(json!({"alg": name})), Err(HeaderFlaw::Unsigned), "{name}");
    }
    for name in [" none", "none ", "none\0", "none\n", "", "n\u{43e}ne", "null"] {
        assert_eq!(read(json!({"alg": name})), Err(HeaderFlaw::AlgorithmUnknown), "{name:?}");
    }
}

#[test]
fn j04_alg_is_one_known_string() {
    assert_eq!(read(json!({})), Err(HeaderFlaw::AlgorithmMissing));
    assert_eq!(read(json!({"ALG": "RS256"})), Err(HeaderFlaw::AlgorithmMissing));
    for alg in [json!(null), json!(256), json!(true), json!(["RS256"]), json!({"RS256": 1})] {
        assert_eq!(read(json!({"alg": alg})), Err(HeaderFlaw::AlgorithmNotText), "{alg}");
    }
    for name in ["RSA1_5", "RS1", "rs256", "RS256 ", "RS-256", "ES256K", "HS1", "A128KW", "dir", "RSA-OAEP-256"] {
        assert_eq!(read(json!({"alg": name})), Err(HeaderFlaw::AlgorithmUnknown), "{name:?}");
    }
}

#[test]
fn key_derivation_is_refused_before_it_can_cost_anything() {
    let header = json!({"alg": "PBES2-HS256+A128KW", "p2c": 2_147_483_647_u32, "p2s": "AAAAAAAAAAA"});
    assert_eq!(read(header), Err(HeaderFlaw::AlgorithmUnknown));
}

#[test]
fn j08_zip_is_refused() {
    for zip in [json!("DEF"), json!("none"), json!(null), json!(false)] {
        assert_eq!(read(json!({"alg": "RS256", "zip": zip})), Err(HeaderFlaw::Compressed));
    }
}

#[test]
fn j13_a_kid_is_any_string_of_at_most_256_bytes() {
    for kid in
        ["", "../../dev/null", "' UNION SELECT 'k", "a\0b", "😀", "https://evil.example/", "${jndi:x}", ".*", "|id"]
    {
        assert_eq!(read(json!({"alg": "RS256", "kid": kid})).unwrap().kid.as_deref(), Some(kid));
    }
    let kid = |length| read(json!({"alg": "RS256", "kid": "k".repeat(length)}));
    assert!(kid(256).is_ok());
    assert_eq!(kid(257), Err(HeaderFlaw::KidTooLong));
    assert_eq!(kid(1_000_000), Err(HeaderFlaw::KidTooLong));
    for kid in [json!(null), json!(1), json!(["k"]), json!({}), json!(true)] {
        assert_eq!(read(json!({"alg": "RS256", "kid": kid})), Err(HeaderFlaw::KidNotText), "{kid}");
    }
}

#[test]
fn j13_a_header_cannot_bring_a_key_or_an_address_of_one() {
    for name in ["jwk", "jku", "x5u", "x5c"] {
        for value in [json!("https://evil.example/keys"), json!({"kty": "oct", "k": ""}), json!(null), json!([])] {
            assert_eq!(read(json!({"alg": "RS256", name: value})), Err(HeaderFlaw::EmbeddedKey), "{name} {value}");
        }
    }
}

#[test]
fn j14_a_typ_is_a_string() {
    for typ in [json!(null), json!(1), json!(["JWT"]), json!({})] {
        assert_eq!(read(json!({"alg": "RS256", "typ": typ})), Err(HeaderFlaw::TypNotText), "{typ}");
    }
}

#[test]
fn other_registered_members_are_strings() {
    for name in ["cty", "x5t", "x5t#S256"] {
        assert_eq!(read(json!({"alg": "RS256", name: 1})), Err(HeaderFlaw::MemberNotText), "{name}");
        assert!(read(json!({"alg": "RS256", name: "x"})).is_ok());
    }
}

#[test]
fn j16_crit_is_refused() {
    for crit in [
        json!([]),
        json!(["exp"]),
        json!(["b64"]),
        json!(["alg"]),
        json!(["bork", "bork"]),
        json!(["absent"]),
        json!("exp"),
        json!(null),
        json!({}),
        json!([1]),
    ] {
        let header = json!({"alg": "RS256", "crit": crit, "exp": 1, "bork": true});
        assert_eq!(read(header), Err(HeaderFlaw::Critical), "{crit}");
    }
}

#[test]
fn j18_b64_is_refused() {
    for b64 in [json!(false), json!(true), json!("false"), json!(null)] {
        assert_eq!(read(json!({"alg": "RS256", "b64": b64})), Err(HeaderFlaw::UnencodedPayload));
    }
}

#[test]
fn b06_no_flaw_shows_any_of_the_header() {
    let marked = "SECRET-MARK";
    for header in [
        json!({"alg": marked}),
        json!({"alg": [marked]}),
        json!({"alg": "RS256", "kid": {"x": marked}}),
        json!({"alg": "RS256", "kid": marked.repeat(100)}),
        json!({"alg": "RS256", "jku": marked}),
        json!({"alg": "RS256", "crit": [marked]}),
    ] {
        let flaw = read(header).unwrap_err();
        assert!(!format!("{flaw} {flaw:?} {}", flaw.reason()).contains("SECRET"));
    }
}

//! Oddities of claims: wrong types, near misses, edges of time, members twice, depth, size.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::arena::{AUDIENCE, ISSUER, SECRET_ISSUER};
use super::draft::{Draft, escaped, text};

/// Changes the claims, and says how.
pub(super) fn spoil(draft: &mut Draft<'_>, rng: &mut StdRng) -> String {
    match rng.random_range(0..12) {
        0 => set(draft, "iss", &issuers(), rng),
        1 | 2 => set(draft, "aud", &audiences(), rng),
        3 | 4 => {
            let claim = ["exp", "nbf", "iat"].choose(rng).copied().unwrap_or_default();
            let value = time(draft.now, claim, rng);
            draft.claims.set(claim, value.clone());
            format!("{claim} is {value}")
        }
        5 => {
            let claim = ["sub", "jti", "scope", "client_id", "name", "email"].choose(rng).copied().unwrap_or_default();
            set(draft, claim, &odd_values(), rng)
        }
        6 => twice(draft, rng),
        7 => {
            let Some((name, _)) = draft.claims.any(rng) else { return "no claims".to_owned() };
            let plain = name.trim_matches('"').to_owned();
            *name = escaped(&plain, rng);
            format!("`{plain}` is written {name}")
        }
        8 => {
            let Some((name, _)) = draft.claims.any(rng) else { return "no claims".to_owned() };
            let plain = name.trim_matches('"').to_owned();
            draft.claims.remove(&plain);
            format!("no {plain}")
        }
        9 => {
            let (claim, value) = OTHER_KINDS.choose(rng).copied().unwrap_or_default();
            draft.claims.set(claim, value);
            format!("{claim} is {value}")
        }
        10 => {
            let levels = [2, 8, 14, 15, 16, 17, 30, 99, 100, 101, 200].choose(rng).copied().unwrap_or(1);
            let (open, close) = if rng.random() { ("[", "]") } else { ("{\"a\":", "}") };
            draft.claims.set("deep", format!("{}1{}", open.repeat(levels), close.repeat(levels)));
            format!("{levels} levels of {open}")
        }
        _ => match rng.random_range(0..3) {
            0 => {
                let bytes = [100, 2000, 5500, 6500, 20_000].choose(rng).copied().unwrap_or(1);
                draft.claims.set("big", text(&"x".repeat(bytes)));
                format!("{bytes} bytes more")
            }
            1 => {
                let elements = [100, 900, 980, 1010, 2000].choose(rng).copied().unwrap_or(1);
                draft.claims.set("list", format!("[0{}]", ",0".repeat(elements)));
                format!("{elements} elements more")
            }
            _ => {
                // Values that JSON has, but not every JSON parser.
                let value = NUMBERS_AND_TEXTS.choose(rng).copied().unwrap_or_default();
                draft.claims.set("other", value);
                format!("a claim is {value}")
            }
        },
    }
}

fn set(draft: &mut Draft<'_>, claim: &str, values: &[String], rng: &mut StdRng) -> String {
    let value = values.choose(rng).cloned().unwrap_or_default();
    draft.claims.set(claim, value.clone());
    format!("{claim} is {value}")
}

fn issuers() -> Vec<String> {
    let texts = [
        "",
        ISSUER,
        SECRET_ISSUER,
        "https://issuer.example/",
        "HTTPS://issuer.example",
        "http://issuer.example",
        "issuer.example",
        " https://issuer.example",
        "https://issuer.example ",
        "https://issuer.example:443",
        "https://issuer.example\0",
        "https://issuer.exampl\u{435}",
        "https://other.example",
    ];
    let escaped = [r#""https:\/\/issuer.example""#, r#""https:\u002f\u002fissuer\u002eexample""#];
    let other = ["null", "true", "7", r#"["https://issuer.example"]"#, r#"{"":"https://issuer.example"}"#];
    texts.map(text).into_iter().chain(escaped.map(String::from)).chain(other.map(String::from)).collect()
}

fn audiences() -> Vec<String> {
    let texts = [
        "",
        AUDIENCE,
        "Orders",
        "orders/",
        "orders ",
        " orders",
        "orders other",
        "http://orders",
        "https://orders/",
        "other",
        "orders\0",
        "order",
        "*",
    ];
    let other = [
        r#""\u006frders""#,
        r#"["orders"]"#,
        r#"["other","orders"]"#,
        r#"["orders","orders"]"#,
        r#"["","orders"]"#,
        r#"["orders",1]"#,
        r#"[null,"orders"]"#,
        r#"[["orders"]]"#,
        r#"["https://orders/"]"#,
        r#"{"orders":true}"#,
        "[]",
        "[\"other\"]",
        "null",
        "1",
        "false",
    ];
    let many = format!("[{}\"orders\"]", "\"other\",".repeat(100));
    texts.map(text).into_iter().chain(other.map(String::from)).chain([many]).collect()
}

/// A JSON text for a time: a number in every form, near the edge where it begins or ceases to be good, or none.
fn time(now: u64, claim: &str, rng: &mut StdRng) -> String {
    // Both filters allow for a clock difference of a minute.
    let edge = if claim == "exp" { now - 60 } else { now + 60 };
    let distance = [-100_000, -10, -2, -1, 0, 1, 2, 10, 100_000].choose(rng).copied().unwrap_or(0);
    let near = edge.saturating_add_signed(distance);
    match rng.random_range(0..5) {
        0 | 1 => near.to_string(),
        2 => format!("{near}.{}", ["0", "5", "999999", "000000000001"].choose(rng).copied().unwrap_or("0")),
        3 => ["{}e0", "{}E+0", "{}0e-1", "\"{}\"", "[{}]", "-{}", "0{}", "+{}", "{}.", "{}L", "{}000", "{}0000000000"]
            .choose(rng)
            .map_or(String::new(), |form| form.replace("{}", &near.to_string())),
        _ => ODD_TIMES.choose(rng).copied().unwrap_or("0").to_owned(),
    }
}

fn odd_values() -> Vec<String> {
    let long = text(&"\u{e9}".repeat(1000));
    let values = [
        "null",
        "true",
        "0",
        "-1",
        "1.5",
        "\"\"",
        "[]",
        "{}",
        "[\"user-1\"]",
        "{\"a\":1}",
        r#""\u0000""#,
        r#""\ud800""#,
        r#""\ud83d\ude00""#,
        r#""\u00e9\u0301""#,
        "\"\u{202e}\u{feff}\"",
        "\"a\tb\"",
        r#""a\qb""#,
        r#""\n\r""#,
        "user-1",
        "\"https://issuer.example\"",
        "\"https://secret.example\"",
    ];
    values.map(String::from).into_iter().chain([long]).collect()
}

/// One of the claims a second time: before or after, the same or another value, escaped or plain.
fn twice(draft: &mut Draft<'_>, rng: &mut StdRng) -> String {
    let Some((name, value)) = draft.claims.any(rng).cloned() else { return "no claims".to_owned() };
    let value =
        if rng.random() { value } else { ["\"x\"", "0", "null", "[]"].choose(rng).map_or(value, |one| (*one).into()) };
    let name = if rng.random() { escaped(name.trim_matches('"'), rng) } else { name };
    let what = format!("{name} again as {value}");
    draft.claims.add(name, value, rng.random());
    what
}

const ODD_TIMES: [&str; 22] = [
    "0",
    "-0",
    "-0.0",
    "1",
    "-1",
    "0.5",
    "1e9",
    "1e10",
    "1e15",
    "1e308",
    "1e309",
    "1e-400",
    "9007199254740991",
    "9007199254740992",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "NaN",
    "Infinity",
    "null",
    "true",
    "{}",
];

/// What the same key signs for another purpose.
const OTHER_KINDS: [(&str, &str); 13] = [
    ("nonce", "\"n\""),
    ("at_hash", "\"x\""),
    ("c_hash", "\"x\""),
    ("events", "{}"),
    ("htm", "\"GET\""),
    ("htu", "\"https://api.example/\""),
    ("token_use", "\"id\""),
    ("token_use", "\"access\""),
    ("typ", "\"ID\""),
    ("typ", "\"Refresh\""),
    ("typ", "\"Bearer\""),
    ("typ", "7"),
    ("sub", "\"https://issuer.example\""),
];

const NUMBERS_AND_TEXTS: [&str; 16] = [
    "1e400",
    "-1e400",
    "1e-400",
    "123456789012345678901234567890",
    "-0",
    "01",
    "1.",
    ".5",
    "0x10",
    "1_000",
    "'x'",
    "undefined",
    "TRUE",
    "\"\\ud83d\"",
    "\"\\udc00\\ud800\"",
    "\"\\u12\"",
];

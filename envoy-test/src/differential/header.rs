//! Oddities of the JOSE header: algorithms, key ids, and whatever would change how a token is read.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::json;

use super::draft::{Draft, escaped, text};
use crate::issuer::keys::{KeyKind, SigningKey};

/// Changes the header, or who signs, and says how.
pub(super) fn spoil(draft: &mut Draft<'_>, rng: &mut StdRng) -> String {
    match rng.random_range(0..12) {
        0 | 1 => {
            let named = ALGORITHMS.choose(rng).copied().unwrap_or_default();
            draft.header.set("alg", named);
            format!("alg is {named}, signed with {}", draft.algorithm)
        }
        2 | 3 => {
            let kid = kids(draft, rng);
            draft.header.set("kid", kid.clone());
            format!("kid is {}", kid.chars().take(40).collect::<String>())
        }
        4 => {
            let typ = TYPES.choose(rng).copied().unwrap_or_default();
            draft.header.set("typ", typ);
            format!("typ is {typ}")
        }
        5 => {
            let (name, value) = EXTENSIONS.choose(rng).copied().unwrap_or_default();
            draft.header.set(name, value);
            format!("{name} is {value}")
        }
        6 => bring_own_key(draft, rng),
        7 => {
            let Some((name, value)) = draft.header.any(rng).cloned() else { return "no header".to_owned() };
            let other =
                ["\"none\"", "\"HS256\"", "\"x\"", "null", "7"].choose(rng).map_or(value.clone(), |one| (*one).into());
            let value = if rng.random() { value } else { other };
            let name = if rng.random() { escaped(name.trim_matches('"'), rng) } else { name };
            let what = format!("header member {name} again as {value}");
            draft.header.add(name, value, rng.random());
            what
        }
        8 => {
            let Some((name, _)) = draft.header.any(rng) else { return "no header".to_owned() };
            let plain = name.trim_matches('"').to_owned();
            *name = escaped(&plain, rng);
            format!("header member `{plain}` is written {name}")
        }
        9 => {
            let name = ["alg", "kid", "kid", "typ"].choose(rng).copied().unwrap_or_default();
            draft.header.remove(name);
            format!("no {name} in the header")
        }
        10 => {
            // By the right name and of the right kind, and still a stranger's.
            let (kind, algorithm) = if rng.random() { (KeyKind::P256, "ES256") } else { (KeyKind::Ed25519, "EdDSA") };
            let stranger = SigningKey::generate(kind, draft.key.kid());
            (draft.key, draft.algorithm) = (stranger, algorithm);
            draft.header.set("alg", text(algorithm));
            "by a stranger's key".to_owned()
        }
        _ => take_public_key_for_secret(draft, rng),
    }
}

fn kids(draft: &Draft<'_>, rng: &mut StdRng) -> String {
    let signers = draft.arena.signers();
    let own = draft.key.kid();
    match rng.random_range(0..6) {
        0 => signers.choose(rng).map_or(String::new(), |signer| text(signer.key.kid())),
        1 => text(&own.to_uppercase()),
        2 => text(&format!(
            "{own}{}",
            ["\0", " ", "\u{200b}", "/", "'--", ".x"].choose(rng).copied().unwrap_or_default()
        )),
        3 => text(&"k".repeat([256, 257, 4000].choose(rng).copied().unwrap_or(1))),
        4 => {
            ["null", "7", "true", "[]", "{}", "\"\"", "[\"p256\"]"].choose(rng).copied().unwrap_or_default().to_owned()
        }
        _ => {
            text(["unknown", "../../../dev/null", "https://evil.example/jwks"].choose(rng).copied().unwrap_or_default())
        }
    }
}

/// A key, or the address of one, that would verify the token if it were believed.
fn bring_own_key(draft: &mut Draft<'_>, rng: &mut StdRng) -> String {
    let own = SigningKey::generate(KeyKind::Ed25519, draft.key.kid());
    let (name, value) = match rng.random_range(0..6) {
        0 => ("jwk", own.jwk().to_string()),
        1 => ("jku", text("https://evil.example/jwks")),
        2 => ("x5u", text("https://evil.example/cert")),
        3 => ("x5c", json!(["MIIB"]).to_string()),
        4 => ("x5t", ["\"x\"", "7", "null"].choose(rng).copied().unwrap_or_default().to_owned()),
        _ => ("x5t#S256", ["\"x\"", "[]"].choose(rng).copied().unwrap_or_default().to_owned()),
    };
    draft.header.set(name, value);
    if rng.random() {
        (draft.key, draft.algorithm) = (own, "EdDSA");
        draft.header.set("alg", text("EdDSA"));
        return format!("{name} in the header, signed by the key it brings");
    }
    format!("{name} in the header")
}

/// RFC 8725 section 2.1: HMAC with what everybody knows.
fn take_public_key_for_secret(draft: &mut Draft<'_>, rng: &mut StdRng) -> String {
    let public = draft.arena.signers().iter().filter(|signer| signer.algorithms != ["HS256"]).collect::<Vec<_>>();
    let Some(victim) = public.choose(rng) else { return "no public key".to_owned() };
    let jwk = victim.key.jwk();
    let secret = match rng.random_range(0..4) {
        0 => victim.key.public_pem().into_bytes(),
        1 => jwk.to_string().into_bytes(),
        2 => jwk["x"].as_str().or(jwk["n"].as_str()).unwrap_or_default().as_bytes().to_vec(),
        _ => Vec::new(),
    };
    draft.key = SigningKey::secret(victim.key.kid(), &secret);
    draft.algorithm = ["HS256", "HS384", "HS512"].choose(rng).copied().unwrap_or_default();
    draft.header.set("alg", text(draft.algorithm));
    draft.header.set("kid", text(victim.key.kid()));
    format!("{} with the public key `{}`", draft.algorithm, victim.key.kid())
}

const ALGORITHMS: [&str; 31] = [
    "\"RS256\"",
    "\"RS384\"",
    "\"RS512\"",
    "\"PS256\"",
    "\"PS384\"",
    "\"PS512\"",
    "\"ES256\"",
    "\"ES384\"",
    "\"ES512\"",
    "\"EdDSA\"",
    "\"HS256\"",
    "\"HS384\"",
    "\"HS512\"",
    "\"none\"",
    "\"None\"",
    "\"NONE\"",
    "\"nOnE\"",
    "\"\"",
    "\"es256\"",
    "\"eddsa\"",
    "\"Ed25519\"",
    "\"ES256K\"",
    "\"ES256 \"",
    "\"RSA1_5\"",
    "\"dir\"",
    "\"ES256\\u0000\"",
    "null",
    "1",
    "true",
    "[\"ES256\"]",
    "{\"alg\":\"ES256\"}",
];

const TYPES: [&str; 18] = [
    "\"JWT\"",
    "\"jwt\"",
    "\"at+jwt\"",
    "\"AT+JWT\"",
    "\"application/at+jwt\"",
    "\"application/jwt\"",
    "\"JOSE\"",
    "\"JOSE+JSON\"",
    "\"dpop+jwt\"",
    "\"logout+jwt\"",
    "\"secevent+jwt\"",
    "\"JWE\"",
    "\"\"",
    "\"JWT \"",
    "null",
    "1",
    "[\"JWT\"]",
    "{}",
];

/// RFC 7515 section 4.1.11, RFC 7797, RFC 7516.
const EXTENSIONS: [(&str, &str); 20] = [
    ("crit", "[]"),
    ("crit", "[\"exp\"]"),
    ("crit", "[\"b64\"]"),
    ("crit", "[\"http://example.com/UNDEFINED\"]"),
    ("crit", "\"exp\""),
    ("crit", "null"),
    ("b64", "true"),
    ("b64", "false"),
    ("b64", "\"false\""),
    ("zip", "\"DEF\""),
    ("zip", "null"),
    ("cty", "\"JWT\""),
    ("cty", "7"),
    ("enc", "\"A256GCM\""),
    ("epk", "{}"),
    ("apu", "\"x\""),
    ("p2c", "2147483647"),
    ("nonce", "\"n\""),
    ("unknown", "{\"a\":[1,2,{}]}"),
    ("url", "\"https://evil.example\""),
];

//! A token: the reader, the signature, the rules.

use std::rc::Rc;
use std::sync::LazyLock;
use std::time::Duration;

use portcullis::jose::{
    AlgorithmSet, Hash, KeySet, NativeVerifier, SignaturePolicy, SignedClaims, TokenLimits, Unverified,
};
use portcullis::provider::{Issuer, IssuerRef, IssuerRule, KeyRule, KeySource};
use portcullis::time::UnixTime;
use portcullis::token::{TokenRules, accept};
use serde_json::Value;

use crate::keys::Key;

const ISSUER: &str = "https://idp.example";
const AUDIENCE: &str = "orders";
const NOW: u64 = 1_800_000_000;
const SKEW: u64 = 60;

static KEYS: LazyLock<[Key; 3]> = LazyLock::new(|| [Key::ed25519("ed", 1), Key::p256("p", 2), Key::secret("s", 3)]);

thread_local! {
    static KEY_SET: KeySet = KeySet::new(KEYS.iter().map(Key::verification_key).collect());
}

/// Good tokens whose text may be the input as it is, so that what is near them is looked at too.
static SIGNED: LazyLock<Vec<String>> = LazyLock::new(|| {
    let payload = format!(r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","sub":"1","exp":{}}}"#, NOW + 600);
    let token = |key: &Key| {
        let header = format!(r#"{{"alg":"{}","kid":"{}"}}"#, key.algorithm(), key.kid);
        key.token(header.as_bytes(), payload.as_bytes())
    };
    KEYS.iter().map(token).collect()
});

/// A token is read or refused, believed only if it was signed, and accepted only if the rules are kept.
///
/// An input whose first line names a key (`ed`, `p`, `s`) is a header, on the second line, and a payload, the rest; they are
/// signed with that key. Any other input is the text of a token.
pub fn token(input: &[u8]) {
    match parts(input) {
        Some((key, header, payload)) => {
            let text = key.token(header, payload);
            if let Some(signed) = verified(&text) {
                assert_eq!(signed.key().kid(), Some(key.kid), "another key than the one that signed");
                check_rules(&text, payload);
            }
        }
        None => {
            if let Ok(text) = std::str::from_utf8(input)
                && verified(text).is_some()
            {
                assert!(SIGNED.iter().any(|signed| signed == text), "nobody signed this");
            } else {
                let _ = Unverified::parse(input, &TokenLimits::default());
            }
        }
    }
}

/// The texts of the tokens that may stand as they are.
pub(crate) fn signed_tokens() -> &'static [String] {
    &SIGNED
}

fn parts(input: &[u8]) -> Option<(&'static Key, &[u8], &[u8])> {
    let mut lines = input.splitn(3, |byte| *byte == b'\n');
    let (kid, header, payload) = (lines.next()?, lines.next()?, lines.next()?);
    Some((KEYS.iter().find(|key| key.kid.as_bytes() == kid)?, header, payload))
}

fn verified(text: &str) -> Option<SignedClaims> {
    let token = Unverified::parse(text.as_bytes(), &TokenLimits::default()).ok()?;
    let header = token.header().clone();
    let key = KEY_SET.with(|keys| keys.select(header.kid.as_deref(), header.alg).cloned()).ok()?;
    token.verify(&key, &mut NoHost, SignaturePolicy::PreferNative).ok()
}

/// Accepts under each set of rules, and looks at what was accepted with eyes of its own.
fn check_rules(text: &str, payload: &[u8]) {
    let keys = KeySet::new(vec![]);
    let signer =
        Issuer { rule: IssuerRule::exact(ISSUER), key_rule: KeyRule::default(), source: KeySource::Fixed(keys) };
    let plain = TokenRules {
        audiences: Some(vec![AUDIENCE.to_owned(), "other".to_owned()]),
        algorithms: AlgorithmSet::ASYMMETRIC,
        access_token_profile: false,
        clock_skew: Duration::from_secs(SKEW),
        max_lifetime: None,
        max_age: None,
        entra: None,
    };
    let strict = TokenRules {
        access_token_profile: true,
        max_lifetime: Some(Duration::from_secs(3600)),
        max_age: Some(Duration::from_secs(1800)),
        ..plain.clone()
    };
    for rules in [plain, strict] {
        let signed = verified(text).expect("it was a moment ago");
        let typ = signed.header().typ.clone();
        let now = UnixTime::from_secs(NOW);
        let Ok(token) = accept(IssuerRef::default(), &signer, &rules, signed, now) else { continue };
        let claims: Value = serde_json::from_slice(payload).expect("it was read before");
        assert_eq!(claims["iss"], ISSUER);
        let ours = |audience: &Value| audience == AUDIENCE || audience == "other";
        assert!(ours(&claims["aud"]) || claims["aud"].as_array().is_some_and(|list| list.iter().any(ours)));
        let date = |name: &str| claims.get(name).map(|date| date.as_f64().expect("a number"));
        // Moments are whole milliseconds.
        let (now_f, skew) = (NOW as f64, SKEW as f64 + 0.001);
        assert!(date("exp").expect("always") + skew > now_f);
        assert!(date("nbf").is_none_or(|date| date <= now_f + skew));
        assert!(date("iat").is_none_or(|date| date <= now_f + skew));
        assert!(claims.get("sub").is_none_or(|sub| sub.as_str().is_some_and(|sub| !sub.is_empty())));
        if rules.access_token_profile {
            let typ = typ.expect("always").to_ascii_lowercase();
            assert!(matches!(typ.as_str(), "at+jwt" | "application/at+jwt"));
            let issued = date("iat").expect("always");
            assert!(date("exp").expect("always") - issued <= 3601.0 && now_f - issued <= 1800.0 + skew + 1.0);
        }
        assert!(token.check_time(now).is_ok() && token.check_time(token.expires()).is_err());
    }
}

struct NoHost;

impl NativeVerifier for NoHost {
    fn verify(&mut self, _: Hash, _: &[u8], _: &[u8], _: &[u8]) -> Option<bool> {
        None
    }
}

/// For others that verify without a host.
pub(crate) fn verifies(token: &str, key: &Rc<portcullis::jose::VerificationKey>) -> bool {
    Unverified::parse(token.as_bytes(), &TokenLimits::default())
        .is_ok_and(|token| token.verify(key, &mut NoHost, SignaturePolicy::ForbidNative).is_ok())
}

/// The thumbprints of the keys that signed [`signed_tokens`], in the same order.
pub(crate) fn thumbprints() -> impl Iterator<Item = [u8; 32]> {
    KEY_SET.with(|keys| keys.keys().iter().map(|key| key.thumbprint()).collect::<Vec<_>>()).into_iter()
}

//! Requests of all kinds of callers.

use portcullis::api_key::text;
use portcullis::http::Pair;

use super::settings::{AWAY, CI, DIGEST, NIGHT, TOKENS, hex};
use crate::exchange::script::Script;

/// What a request carries, as the script has chosen it.
#[derive(Clone)]
pub(super) struct Shown {
    pub(super) pairs: Vec<Pair>,
    pub(super) keys: Vec<String>,
    pub(super) tokens: Vec<String>,
    pub(super) certificates: Vec<String>,
    /// Something that can't be told by looking.
    pub(super) odd: bool,
}

impl Shown {
    pub(super) fn to(target: &str) -> Self {
        let pairs = [(":method", "GET"), (":path", target), (":authority", "api.example"), (":scheme", "https")];
        let pairs = pairs.map(|(name, value)| (name.into(), value.into())).into();
        Self { pairs, keys: vec![], tokens: vec![], certificates: vec![], odd: false }
    }

    pub(super) fn with(mut self, header: &str, prefix: &str, credential: &str) -> Self {
        self.pairs.push((header.into(), [prefix, credential].concat().into_bytes()));
        if header == "authorization" { &mut self.tokens } else { &mut self.keys }.push(credential.to_owned());
        self
    }

    pub(super) fn choose(script: &mut Script<'_>) -> Self {
        let mut target =
            script.one(&["/key", "/own", "/opaque", "/both", "/bound", "/any", "/open", "/else"]).to_owned();
        let mut shown = Self::to(&target);
        for _ in 0..script.byte() % 3 {
            let forged = text::write("ci", &[9; 32]);
            let key = script.one(&[CI.as_str(), &NIGHT, &AWAY, &forged, "pcl_ci_x", ""]);
            match script.byte() % 8 {
                0 => shown = shown.with("cookie", "a=b; key=", key),
                1 => {
                    target = format!("{target}{}key={key}", if target.contains('?') { '&' } else { '?' });
                    shown.pairs[1].1 = target.clone().into_bytes();
                    shown.keys.push(key.to_owned());
                }
                2..=4 => shown = shown.with("x-api-key", "", key),
                _ => shown = shown.with("authorization", "Bearer ", script.one(&TOKENS)),
            }
        }
        for _ in 0..script.byte() % 3 {
            let (hash, other) = (hex(&DIGEST), hex(&[0xcd; 32]));
            let value = match script.byte() % 6 {
                0..=2 => format!("By=proxy;Hash={hash}"),
                3 => format!("Hash={other}"),
                4 => format!("Hash={other};Subject=\"x,Hash={hash}\""),
                _ => format!("Hash={hash};{}", script.bytes().escape_ascii()),
            };
            shown.certificates.push(if value == format!("By=proxy;Hash={hash}") { hash } else { value.clone() });
            shown.pairs.push(("x-forwarded-client-cert".into(), value.into_bytes()));
        }
        if script.is_rare() {
            shown.odd = true;
            shown.pairs.push(("x-sub".into(), script.one(&["team-x", "t-0", "admin"]).into()));
        }
        shown
    }

    /// No secret of a key is in a text.
    pub(super) fn check_printed(&self, printed: &str) {
        for key in self.keys.iter().filter(|key| key.len() > 43) {
            assert!(!printed.contains(&key[key.len() - 43..]), "a key is printed");
        }
    }
}

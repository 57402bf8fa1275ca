//! What was asked of the issuers, what they served, and so which keys may be believed.

use std::sync::LazyLock;

use portcullis::provider::Fetch;
use portcullis::provider::key_cache::Outcome;
use serde_json::json;

use super::host::FakeHost;
use super::issuer::{ENTRA, IDP, Minted, TENANT, jwks};
use super::settings::Settings;

/// What one fetch asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// 0 is `idp`, 1 is Entra ID.
    pub(super) issuer: usize,
    /// The discovery document, or else the key set.
    pub(super) is_document: bool,
}

impl Source {
    pub(super) fn of(fetch: &Fetch) -> Self {
        let issuer = match fetch.authority.as_str() {
            "idp.example" => 0,
            "login.microsoftonline.com" => 1,
            other => panic!("nobody should be asked at {other}"),
        };
        Self { issuer, is_document: fetch.path.contains("/.well-known/") }
    }
}

pub(super) fn document(issuer: usize) -> Vec<u8> {
    let document = match issuer {
        0 => json!({ "issuer": IDP, "jwks_uri": format!("{IDP}/keys") }),
        _ => json!({
            "issuer": ENTRA,
            "jwks_uri": format!("https://login.microsoftonline.com/{TENANT}/discovery/v2.0/keys"),
        }),
    };
    document.to_string().into_bytes()
}

/// The key set with the keys in the mask, which has six bits.
pub(super) fn set(mask: u8) -> Vec<u8> {
    static SETS: LazyLock<Vec<Vec<u8>>> =
        LazyLock::new(|| (0..64).map(|mask| jwks(mask).to_string().into_bytes()).collect());
    SETS[usize::from(mask % 64)].clone()
}

/// The key sets that came, by issuer.
pub(super) struct Served {
    /// There is one worker with one configuration, so it holds exactly what it took last.
    pub(super) alone: bool,
    pub(super) clock_stepped_back: bool,
    /// Every set, and when it came.
    ever: [Vec<(u64, u8)>; 2],
    /// What the one worker may hold.
    held: [u8; 2],
}

impl Served {
    pub(super) fn new(alone: bool) -> Self {
        Self { alone, clock_stepped_back: false, ever: [Vec::new(), Vec::new()], held: [0; 2] }
    }

    /// A set came. It is certain that it was taken if it answers the newest question and the worker says so.
    pub(super) fn delivered(&mut self, issuer: usize, mask: u8, newest: bool, outcome: Option<&Outcome>, now_ms: u64) {
        self.ever[issuer].push((now_ms, mask));
        match (newest, outcome) {
            (true, Some(Outcome::Fetched)) => self.held[issuer] = mask,
            (true, _) => {}
            (false, _) => self.held[issuer] |= mask,
        }
    }

    /// The key of a token that was believed is one that its issuer served, not too long ago, and not withdrawn since.
    pub(super) fn check(&self, token: &Minted, settings: &Settings, host: &FakeHost, now_ms: u64) {
        let bit = 1 << token.key;
        let issuer = usize::from(token.issuer == ENTRA);
        if issuer == 0 && settings.fixed {
            assert!(bit & 0b11 != 0, "not a key of the configuration");
            return;
        }
        let last = self.ever[issuer].iter().filter(|(_, mask)| mask & bit != 0).map(|(at, _)| *at).max();
        let last = last.expect("a key that its issuer never served");
        if !self.clock_stepped_back {
            let life = if self.alone { settings.key_life_ms[issuer] } else { LONGEST_LIFE_MS };
            assert!(now_ms <= last + life, "a key that is too old");
        }
        if self.alone && host.always_shared {
            assert!(self.held[issuer] & bit != 0, "a key that was withdrawn");
        }
    }
}

/// An hour fresh and a day stale.
pub(super) const LONGEST_LIFE_MS: u64 = 25 * 3_600_000;

//! A token in the making, as text: what a JSON library would not write can be written here.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::Value;

use super::arena::{Arena, Signer};
use crate::issuer::keys::SigningKey;
use crate::issuer::now;

/// Header, claims and who signs them.
pub(super) struct Draft<'a> {
    pub(super) arena: &'a Arena,
    pub(super) header: Members,
    pub(super) claims: Members,
    pub(super) key: SigningKey,
    /// What the key signs with, whatever the header says.
    pub(super) algorithm: &'static str,
    /// Seconds since 1970.
    pub(super) now: u64,
}

impl<'a> Draft<'a> {
    /// A token that both filters accept: by one of the keys, with the ordinary claims in any order.
    pub(super) fn good(arena: &'a Arena, rng: &mut StdRng) -> Self {
        let Signer { issuer, key, algorithms, .. } = arena.signer(rng);
        let algorithm = algorithms.choose(rng).copied().unwrap_or_default();
        let now = now();
        let mut draft =
            Self { arena, header: Members::default(), claims: Members::default(), key: key.clone(), algorithm, now };
        for (name, value) in [("typ", text("JWT")), ("alg", text(algorithm)), ("kid", text(key.kid()))] {
            draft.header.set(name, value);
        }
        let claims = [
            ("iss", text(issuer)),
            ("aud", text("orders")),
            ("sub", text("user-1")),
            ("scope", text("orders.read")),
            ("exp", (now + 3600).to_string()),
            ("nbf", now.to_string()),
            ("iat", now.to_string()),
            ("jti", text(&rng.random::<u64>().to_string())),
        ];
        for (name, value) in claims {
            draft.claims.set(name, value);
        }
        draft.header.0.rotate_left(rng.random_range(0..3));
        draft.claims.0.rotate_left(rng.random_range(0..8));
        draft
    }
}

/// The members of a JSON object in the order in which they are written. Names and values are JSON texts, a name may come
/// again, and nothing has to be valid.
#[derive(Default)]
pub(super) struct Members(Vec<(String, String)>);

impl Members {
    /// Sets the member of this (unquoted) name, in its place or at the end.
    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        let name = text(name);
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value.into(),
            None => self.0.push((name, value.into())),
        }
    }

    /// The JSON text of the member of this name, the first if there are several.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let name = text(name);
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// Leaves out the member of this name.
    pub(super) fn remove(&mut self, name: &str) {
        let name = text(name);
        self.0.retain(|(known, _)| *known != name);
    }

    /// One more member, quoted as it is, at the beginning or at the end.
    pub(super) fn add(&mut self, name: String, value: String, first: bool) {
        let place = if first { 0 } else { self.0.len() };
        self.0.insert(place, (name, value));
    }

    /// Any of the members: its name in quotes, and its value.
    pub(super) fn any(&mut self, rng: &mut StdRng) -> Option<&mut (String, String)> {
        let place = rng.random_range(0..self.0.len().max(1));
        self.0.get_mut(place)
    }

    /// The object.
    pub(super) fn write(&self) -> String {
        let members: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}:{value}")).collect();
        format!("{{{}}}", members.join(","))
    }
}

/// A JSON string.
pub(super) fn text(text: &str) -> String {
    Value::from(text).to_string()
}

/// The name in quotes with one of its letters escaped, which is the same name to a JSON parser.
pub(super) fn escaped(name: &str, rng: &mut StdRng) -> String {
    let place = rng.random_range(0..name.chars().count().max(1));
    let letters = name.chars().enumerate().map(|(index, letter)| match index == place {
        true => format!("\\u{:04x}", u32::from(letter)),
        false => letter.to_string(),
    });
    format!("\"{}\"", letters.collect::<String>())
}

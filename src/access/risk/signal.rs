//! What others say of a request's risk: a claim of the token, or a header that a trusted proxy writes.
//!
//! Absent, malformed, and a word that has no score are three ways not to know, and none of them is "no risk". Only what the
//! configuration says an absent signal means is known.

use std::net::IpAddr;

use serde_json::Value;

use super::score::HIGHEST;
use crate::access::network::Networks;
use crate::claim_path::ClaimPath;
use crate::http::RequestHead;
use crate::token::VerifiedToken;

/// One signal.
#[derive(Clone, Debug)]
pub struct Signal {
    /// Where it stands.
    pub source: SignalSource,
    /// What its values mean.
    pub reading: Reading,
    /// The score where there is none; without it that can't be told.
    pub absent: Option<u8>,
}

/// Where a signal stands.
#[derive(Clone, Debug)]
pub enum SignalSource {
    /// In the token. Without a token it can't be told.
    Claim(ClaimPath),
    /// In a header that the other end may write if its address is in one of these networks. From elsewhere it can't be told,
    /// whether the header is there or not.
    Header(String, Vec<std::rc::Rc<Networks>>),
}

/// What a signal's values mean.
#[derive(Clone, Debug)]
pub enum Reading {
    /// The score is the value: a whole number from 0 to 100.
    Numeric,
    /// Each word has a score. Compared exactly.
    Words(Vec<(String, u8)>),
}

/// What was found.
enum Found<'a> {
    Absent,
    Text(&'a str),
    Number(u64),
    Unclear,
}

impl Signal {
    /// The score that it gives; `None` if that can't be told. `peer` is asked for the other end's address.
    #[must_use]
    pub fn score(
        &self,
        head: &RequestHead,
        token: Option<&VerifiedToken>,
        peer: impl FnOnce() -> Option<IpAddr>,
    ) -> Option<u8> {
        let found = match &self.source {
            SignalSource::Claim(path) => claim(path, token?),
            SignalSource::Header(name, proxies) => {
                let peer = peer()?;
                if !proxies.iter().any(|networks| networks.contain(peer)) {
                    return None;
                }
                header(name, head)
            }
        };
        match (found, &self.reading) {
            (Found::Absent, _) => self.absent,
            (Found::Text(text), Reading::Words(words)) => {
                words.iter().find(|(word, _)| word == text).map(|(_, score)| *score)
            }
            (Found::Text(text), Reading::Numeric) => number(text),
            (Found::Number(number), Reading::Numeric) => bounded(number),
            (Found::Number(_), Reading::Words(_)) | (Found::Unclear, _) => None,
        }
    }
}

fn claim<'t>(path: &ClaimPath, token: &'t VerifiedToken) -> Found<'t> {
    match path.reach(token.claims()) {
        Ok(None) => Found::Absent,
        Ok(Some(Value::String(text))) => Found::Text(text),
        Ok(Some(Value::Number(number))) => number.as_u64().map_or(Found::Unclear, Found::Number),
        Ok(Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_))) | Err(_) => Found::Unclear,
    }
}

fn header<'h>(name: &str, head: &'h RequestHead) -> Found<'h> {
    match head.only(name) {
        Ok(None) => Found::Absent,
        Ok(Some(value)) => std::str::from_utf8(value).map_or(Found::Unclear, |text| Found::Text(text.trim())),
        // Twice is twice: one of the two may be the client's own.
        Err(_) => Found::Unclear,
    }
}

/// Digits alone, few enough for a score.
fn number(text: &str) -> Option<u8> {
    if text.len() > 3 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().and_then(bounded)
}

fn bounded(number: u64) -> Option<u8> {
    u8::try_from(number).ok().filter(|score| *score <= HIGHEST)
}

//! The form of a key: `pcl_<id>_<secret>`.
//!
//! The id is 1 to 64 of `a-z`, `0-9` and `-`; the secret is 32 random bytes in base64url without padding, 43 characters. One key has one
//! text. The first part never changes, so that scanners find keys that got into a repository or a log. A password has not this
//! form: what people think up is refused, whatever hash is configured for it.

use std::fmt;

use crate::http::query;
use crate::jose::base64url;

/// A key as a request shows it. Its `Debug` does not show the secret.
#[derive(Clone, Copy)]
pub struct KeyText<'a> {
    text: &'a [u8],
    id: &'a str,
}

impl<'a> KeyText<'a> {
    /// Reads a key; nothing if `text` has another form.
    #[must_use]
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX.as_bytes())?;
        let (id, secret) = rest.split_at_checked(rest.iter().position(|byte| *byte == b'_')?)?;
        let secret = secret.strip_prefix(b"_")?;
        let id = std::str::from_utf8(id).ok().filter(|id| is_id(id))?;
        // Canonical: bits that no byte needs are zero, or one key would have four texts.
        base64url::decode_exact::<SECRET_BYTES>(secret).ok().flatten()?;
        Some(Self { text, id })
    }

    /// Its id, which is no secret.
    #[must_use]
    pub fn id(&self) -> &'a str {
        self.id
    }

    /// The whole key as it is written.
    pub(super) fn text(&self) -> &'a [u8] {
        self.text
    }
}

impl fmt::Debug for KeyText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyText").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The text of the key with this id and this secret.
#[must_use]
pub fn write(id: &str, secret: &[u8; SECRET_BYTES]) -> String {
    format!("{PREFIX}{id}_{}", base64url::encode(secret))
}

/// Can this be the id of a key?
#[must_use]
pub fn is_id(text: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(plain)
}

/// How many values of a query are keys. Costs one look where none begins like one.
#[must_use]
pub fn count_in_query(query: &[u8]) -> usize {
    if memchr::memmem::find(query, PREFIX.as_bytes()).is_none() {
        return 0;
    }
    let values = query.split(|byte| *byte == b'&').filter_map(|pair| pair.splitn(2, |byte| *byte == b'=').nth(1));
    values.filter(|value| KeyText::parse(value).is_some()).count()
}

/// `target` (path and query) without the parameters that are keys, whatever they are called, or nothing if it has none.
#[must_use]
pub fn without_keys(target: &[u8]) -> Option<Vec<u8>> {
    memchr::memmem::find(target, PREFIX.as_bytes())?;
    query::without_pairs(target, |pair| pair.splitn(2, |byte| *byte == b'=').any(|part| KeyText::parse(part).is_some()))
}

/// `text` with dots for the secret of whatever begins like a key and has one, also if it is longer or shorter than that of a key.
#[must_use]
pub fn blanked(text: String) -> String {
    let mut out = String::new();
    let mut rest = text.as_str();
    let run = |text: &str, plain: fn(char) -> bool| text.find(|character| !plain(character)).unwrap_or(text.len());
    while let Some((before, after)) = rest.split_once(PREFIX) {
        let id = run(after, |character| character.is_ascii_alphanumeric() || character == '-');
        let (id, after) = after.split_at_checked(id).unwrap_or((after, ""));
        out.extend([before, PREFIX, id]);
        rest = match after.strip_prefix('_') {
            Some(secret) => {
                let end = run(secret, |character| character.is_ascii_alphanumeric() || "-_".contains(character));
                out.push_str(if end == 0 { "_" } else { "_..." });
                secret.get(end..).unwrap_or_default()
            }
            None => after,
        };
    }
    if out.is_empty() {
        return text;
    }
    out.push_str(rest);
    out
}

/// Can this be an owner or a plan? As long as the record shows a subject, and nothing in it that could end a line.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    (1..=LONGEST_TEXT).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// Random bytes of a secret: 256 bits, which nobody guesses.
pub const SECRET_BYTES: usize = 32;

const PREFIX: &str = "pcl_";
/// As long as other names in the configuration.
const LONGEST_ID: usize = 64;
/// As much of a subject as the record shows.
pub const LONGEST_TEXT: usize = 256;

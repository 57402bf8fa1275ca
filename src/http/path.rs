//! The one path normaliser: policy decides on exactly the path that the upstream gets.
//!
//! A path is read if every server behind us will read it alike, and refused if two servers might not: what one proxy
//! folds, decodes or cuts off, the next does not, and each difference has been a bypass (CVE-2021-29492, CVE-2026-73553,
//! CVE-2025-29914). So, unless the configuration says otherwise ([`Leniency`]), there are no dot segments to resolve and
//! no slashes to merge here; there are segments, split first and percent-decoded once (RFC 3986 sections 3.3 and 6.2.2).
//!
//! What stays as it is: upper and lower case (`/A` is not `/a`), a trailing slash (`/a/` is not `/a`), and the query,
//! which belongs to the application.

use std::fmt;

mod leniency;

pub use leniency::Leniency;

/// Why a request target is refused. The order of checks is left to right; a target with several flaws shows one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathFlaw {
    /// A whole address (`http://host/path`) in place of a path (RFC 9112 section 3.2.2).
    AbsoluteForm,
    /// `*` (RFC 9112 section 3.2.4): it names the server, and rules speak of resources.
    Asterisk,
    /// `\`, raw or encoded: a slash to some servers.
    Backslash,
    /// `%` without two hexadecimal digits after it.
    BadEscape,
    /// A control character, raw or encoded, NUL included, or a raw space, in the path or in the query.
    ControlCharacter,
    /// `.` or `..` as a segment, in any encoding.
    DotSegment,
    /// What is decoded once can be decoded again (`%252e`).
    DoubleEncoded,
    /// Nothing between two slashes.
    EmptySegment,
    /// `%3b`, `%3f` or `%23`: a delimiter to servers that decode before they split.
    EncodedDelimiter,
    /// `%2f`.
    EncodedSlash,
    /// A raw `"`, `<`, `>`, `` ` ``, `{` or `}`, which no client sends unencoded.
    ForbiddenByte,
    /// `#`: clients keep the fragment to themselves (RFC 3986 section 3.5).
    Fragment,
    /// A raw byte above 0x7F.
    NonAscii,
    /// Not starting with `/`.
    NotAbsolute,
    /// The decoded bytes are not UTF-8, overlong forms included.
    NotUtf8,
    /// `;` and what follows it: part of the segment to one server, cut off by another.
    Parameters,
    /// The path, without the query, is longer than [`MAX_PATH_BYTES`].
    TooLong,
    /// More than [`MAX_SEGMENTS`] segments.
    TooManySegments,
}

impl PathFlaw {
    /// Stable code for audit and metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::AbsoluteForm => "path_absolute_form",
            Self::Asterisk => "path_asterisk",
            Self::Backslash => "path_backslash",
            Self::BadEscape => "path_bad_escape",
            Self::ControlCharacter => "path_control_character",
            Self::DotSegment => "path_dot_segment",
            Self::DoubleEncoded => "path_double_encoded",
            Self::EmptySegment => "path_empty_segment",
            Self::EncodedDelimiter => "path_encoded_delimiter",
            Self::EncodedSlash => "path_encoded_slash",
            Self::ForbiddenByte => "path_forbidden_byte",
            Self::Fragment => "path_fragment",
            Self::NonAscii => "path_non_ascii",
            Self::NotAbsolute => "path_not_absolute",
            Self::NotUtf8 => "path_not_utf8",
            Self::Parameters => "path_parameters",
            Self::TooLong => "path_too_long",
            Self::TooManySegments => "path_too_many_segments",
        }
    }
}

impl fmt::Display for PathFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AbsoluteForm => "the path is a whole address",
            Self::Asterisk => "the path is `*`",
            Self::Backslash => "the path has a backslash",
            Self::BadEscape => "the path has a `%` without two hexadecimal digits",
            Self::ControlCharacter => "the path or query has a control character or a space",
            Self::DotSegment => "the path has a `.` or `..` segment",
            Self::DoubleEncoded => "the path is percent-encoded twice",
            Self::EmptySegment => "the path has an empty segment",
            Self::EncodedDelimiter => "the path has an encoded `;`, `?` or `#`",
            Self::EncodedSlash => "the path has an encoded slash",
            Self::ForbiddenByte => "the path has a byte that must be percent-encoded",
            Self::Fragment => "the path has a fragment",
            Self::NonAscii => "the path has a raw byte above 0x7F",
            Self::NotAbsolute => "the path does not start with a slash",
            Self::NotUtf8 => "the decoded path is not UTF-8",
            Self::Parameters => "the path has `;` parameters",
            Self::TooLong => "the path is too long",
            Self::TooManySegments => "the path has too many segments",
        })
    }
}

impl std::error::Error for PathFlaw {}

/// A request target that every server reads alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    raw: Vec<u8>,
    path: String,
    segments: Vec<String>,
    rewritten: bool,
}

impl Target {
    /// Reads the value of `:path`.
    ///
    /// # Errors
    ///
    /// A [`PathFlaw`] for everything that servers are known to read differently and `leniency` does not settle.
    pub fn read(raw: &[u8], leniency: Leniency) -> Result<Self, PathFlaw> {
        let (path, query) = split_query(raw);
        if raw.contains(&b'#') {
            return Err(PathFlaw::Fragment);
        }
        if query.is_some_and(|query| query.iter().any(|byte| is_control_or_space(*byte))) {
            return Err(PathFlaw::ControlCharacter);
        }
        if path.len() > MAX_PATH_BYTES {
            return Err(PathFlaw::TooLong);
        }
        let (parts, rewritten) = leniency.fold(split_segments(path)?)?;
        let segments = read_segments(&parts, leniency)?;
        if !rewritten {
            let path = str::from_utf8(path).map_err(|_| PathFlaw::NonAscii)?.to_owned();
            return Ok(Self { raw: raw.to_vec(), path, segments, rewritten });
        }
        let folded = [b"/", parts.join(&b'/').as_slice()].concat();
        let path = String::from_utf8(folded).map_err(|_| PathFlaw::NonAscii)?;
        let mut raw = path.clone().into_bytes();
        if let Some(query) = query {
            raw.push(b'?');
            raw.extend_from_slice(query);
        }
        Ok(Self { raw, path, segments, rewritten })
    }

    /// Whether it was folded, so that the upstream must get it in place of the one that came.
    #[must_use]
    pub fn is_rewritten(&self) -> bool {
        self.rewritten
    }

    /// As it goes upstream: path and query.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The path as it goes upstream, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What follows the first `?`, as it came.
    #[must_use]
    pub fn query(&self) -> Option<&[u8]> {
        split_query(&self.raw).1
    }

    /// The segments, percent-decoded: `/a/b%20c` is `["a", "b c"]`. A trailing slash is a last segment without text:
    /// `/a/` is `["a", ""]` and `/` is `[""]`.
    #[must_use]
    pub fn segments(&self) -> &[String] {
        &self.segments
    }

    /// The path in its canonical text: only what must be percent-encoded is, with upper-case digits (RFC 3986
    /// section 6.2.2). For logs and for comparing; what goes upstream is [`raw`](Self::raw).
    #[must_use]
    pub fn normalised(&self) -> String {
        let mut text = String::with_capacity(self.path.len());
        for segment in &self.segments {
            text.push('/');
            for &byte in segment.as_bytes() {
                push_encoded(byte, &mut text);
            }
        }
        text
    }
}

/// Decodes one path segment by the rules of this module.
///
/// # Errors
///
/// A [`PathFlaw`]; `/` cannot be in a segment and is a [`PathFlaw::EncodedSlash`] in any form.
pub(crate) fn decode_segment(segment: &[u8], raw: RawText, leniency: Leniency) -> Result<String, PathFlaw> {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.iter();
    while let Some(&byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => decode_escape(bytes.next(), bytes.next(), leniency)?,
            b'/' => return Err(PathFlaw::EncodedSlash),
            b'\\' => return Err(PathFlaw::Backslash),
            b';' if !leniency.literal_parameters => return Err(PathFlaw::Parameters),
            b'"' | b'<' | b'>' | b'`' | b'{' | b'}' => return Err(PathFlaw::ForbiddenByte),
            0x80.. if raw == RawText::Ascii => return Err(PathFlaw::NonAscii),
            _ if is_control_or_space(byte) => return Err(PathFlaw::ControlCharacter),
            _ => byte,
        });
    }
    let decoded = String::from_utf8(decoded).map_err(|_| PathFlaw::NotUtf8)?;
    // A server that cuts parameters off sees dots in `..;x`, and a literal slash may set dots apart.
    if decoded.split('/').any(|part| matches!(part.split(';').next(), Some("." | ".."))) {
        return Err(PathFlaw::DotSegment);
    }
    // C1 controls, which two bytes of UTF-8 can spell.
    if decoded.chars().any(char::is_control) {
        return Err(PathFlaw::ControlCharacter);
    }
    if has_escape(decoded.as_bytes()) {
        return Err(PathFlaw::DoubleEncoded);
    }
    Ok(decoded)
}

/// What may stand in a segment unencoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RawText {
    /// A request: only ASCII.
    Ascii,
    /// A template in the configuration: any text, as people write it.
    Unicode,
}

fn split_segments(path: &[u8]) -> Result<Vec<&[u8]>, PathFlaw> {
    let Some(rest) = path.strip_prefix(b"/") else {
        return Err(match path {
            b"*" => PathFlaw::Asterisk,
            _ if path.windows(SCHEME_END.len()).any(|window| window == SCHEME_END) => PathFlaw::AbsoluteForm,
            _ => PathFlaw::NotAbsolute,
        });
    };
    Ok(rest.split(|&byte| byte == b'/').collect())
}

fn read_segments(parts: &[&[u8]], leniency: Leniency) -> Result<Vec<String>, PathFlaw> {
    let mut segments = Vec::with_capacity(parts.len().min(MAX_SEGMENTS));
    let mut parts = parts.iter().peekable();
    while let Some(part) = parts.next() {
        if part.is_empty() && parts.peek().is_some() {
            return Err(PathFlaw::EmptySegment);
        }
        if segments.len() >= MAX_SEGMENTS {
            return Err(PathFlaw::TooManySegments);
        }
        segments.push(decode_segment(part, RawText::Ascii, leniency)?);
    }
    Ok(segments)
}

fn split_query(raw: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut parts = raw.splitn(2, |&byte| byte == b'?');
    (parts.next().unwrap_or_default(), parts.next())
}

fn decode_escape(high: Option<&u8>, low: Option<&u8>, leniency: Leniency) -> Result<u8, PathFlaw> {
    let byte = hex_pair(high, low).ok_or(PathFlaw::BadEscape)?;
    match byte {
        b'/' if !leniency.literal_encoded_slashes => Err(PathFlaw::EncodedSlash),
        b'\\' => Err(PathFlaw::Backslash),
        b';' | b'?' | b'#' => Err(PathFlaw::EncodedDelimiter),
        _ => Ok(byte),
    }
}

fn has_escape(text: &[u8]) -> bool {
    text.windows(3).any(|window| matches!(window, [b'%', high, low] if hex_pair(Some(high), Some(low)).is_some()))
}

/// The byte that two hexadecimal digits spell.
pub(crate) fn hex_pair(high: Option<&u8>, low: Option<&u8>) -> Option<u8> {
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digit(high)?.checked_mul(16)?.checked_add(digit(low)?)
}

/// Appends `%` and two upper-case hexadecimal digits.
pub(crate) fn push_escape(byte: u8, text: &mut String) {
    text.push('%');
    for nibble in [byte >> 4, byte & 0x0F] {
        text.extend(char::from_digit(u32::from(nibble), 16).map(|digit| digit.to_ascii_uppercase()));
    }
}

fn push_encoded(byte: u8, text: &mut String) {
    if byte.is_ascii_alphanumeric() || PLAIN_MARKS.contains(&byte) {
        text.push(char::from(byte));
    } else {
        push_escape(byte, text);
    }
}

fn is_control_or_space(byte: u8) -> bool {
    byte <= b' ' || byte == 0x7F
}

/// What other servers take for a request line at most is about this much (Apache 8190 bytes, nginx 8 KiB).
pub const MAX_PATH_BYTES: usize = 8192;

/// Far above any API; keeps the cost of matching small.
pub const MAX_SEGMENTS: usize = 256;

const SCHEME_END: &[u8] = b"://";

/// The marks of `pchar` (RFC 3986 section 3.3).
const PLAIN_MARKS: &[u8] = b"-._~!$&'()*+,=:@;";

#[cfg(test)]
mod tests;

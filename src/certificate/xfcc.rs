//! `x-forwarded-client-cert`, by the grammar of Envoy's documentation ("x-forwarded-client-cert"): elements separated by
//! commas, one for each proxy, each of pairs separated by semicolons; keys without case; a value with `,`, `;` or `=` in
//! quotes, and in those a backslash before a quote.
//!
//! Envoy puts alternative names into the header as they are in the certificate, without quotes (seen with 1.40). So whoever has a
//! certificate with `;` or `,` in a name writes pairs and elements of their own. That is why only `Hash` and `Cert` are believed,
//! which come before the names and may come once, why both must be of one certificate, and why the number of elements is fixed.

use super::presented::digest_from_hex;

/// One element: what one proxy says of its client's certificate, as far as it is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// `Hash`: SHA-256 of the certificate's DER.
    pub hash: Option<[u8; 32]>,
    /// `Cert`: the certificate in PEM with `%` encoding.
    pub cert: Option<String>,
}

/// Why a header can't be read without doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XfccFlaw {
    /// It is not of this grammar.
    Malformed,
    /// An element has a key twice that it may have once.
    Repeated,
    /// It is longer than a header of Envoy may be, or has too many parts.
    TooLong,
}

impl XfccFlaw {
    /// Stable code for the audit record and the counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Malformed => "forwarded_certificate_malformed",
            Self::Repeated => "forwarded_certificate_key_repeated",
            Self::TooLong => "forwarded_certificate_too_long",
        }
    }
}

/// The elements of the header, the first proxy's first, over all fields of that name together.
///
/// # Errors
///
/// A [`XfccFlaw`] of any part, also one that nobody asks about.
pub fn parse<'v>(fields: impl Iterator<Item = &'v [u8]>) -> Result<Vec<Element>, XfccFlaw> {
    let mut elements = Vec::new();
    let mut bytes = 0_usize;
    for field in fields {
        bytes = bytes.saturating_add(field.len());
        if bytes > LONGEST {
            return Err(XfccFlaw::TooLong);
        }
        let text = std::str::from_utf8(field).map_err(|_| XfccFlaw::Malformed)?;
        let mut rest = text;
        loop {
            let (element, more) = element(rest)?;
            if elements.len() == MOST_ELEMENTS {
                return Err(XfccFlaw::TooLong);
            }
            elements.push(element);
            match more {
                Some(more) => rest = more,
                None => break,
            }
        }
    }
    Ok(elements)
}

/// The element at the start, and what comes after its comma if there is one.
fn element(text: &str) -> Result<(Element, Option<&str>), XfccFlaw> {
    let mut element = Element::default();
    let mut subject = None;
    // A blank after a comma is the HTTP library's that joined two fields (RFC 9110 section 5.3).
    let mut rest = text.trim_start_matches([' ', '\t']);
    for _ in 0..MOST_PAIRS {
        let (key, after) = rest.split_once('=').ok_or(XfccFlaw::Malformed)?;
        let (value, end, after) = value(after)?;
        match key.to_ascii_lowercase().as_str() {
            "hash" => set(&mut element.hash, digest_from_hex(&value).ok_or(XfccFlaw::Malformed)?)?,
            "cert" => set(&mut element.cert, value)?,
            "subject" => set(&mut subject, ())?,
            // Names that are not believed, and who issued whom: nobody here builds a chain.
            "uri" | "dns" | "by" | "chain" => {}
            _ => return Err(XfccFlaw::Malformed),
        }
        match end {
            End::Pair => rest = after,
            End::Element => return Ok((element, Some(after))),
            End::Header => return Ok((element, None)),
        }
    }
    Err(XfccFlaw::TooLong)
}

fn set<T>(place: &mut Option<T>, value: T) -> Result<(), XfccFlaw> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(XfccFlaw::Repeated),
    }
}

/// What ended a value.
#[derive(Clone, Copy)]
enum End {
    Pair,
    Element,
    Header,
}

/// The value at the start, what ended it, and what comes after that.
fn value(text: &str) -> Result<(String, End, &str), XfccFlaw> {
    let (value, rest) = match text.strip_prefix('"') {
        Some(quoted) => unquoted(quoted).ok_or(XfccFlaw::Malformed)?,
        None => {
            let (value, rest) =
                text.split_at_checked(text.find([',', ';']).unwrap_or(text.len())).unwrap_or((text, ""));
            // `=` may stand here: Envoy puts no quotes round an address with a query.
            if value.contains('"') {
                return Err(XfccFlaw::Malformed);
            }
            (value.to_owned(), rest)
        }
    };
    let mut after = rest.chars();
    let end = match after.next() {
        None => End::Header,
        Some(';') => End::Pair,
        Some(',') => End::Element,
        Some(_) => return Err(XfccFlaw::Malformed),
    };
    Ok((value, end, after.as_str()))
}

/// What stands before the closing quote, and what comes after it. A backslash takes the next character with it, and both stay:
/// Envoy writes a subject as RFC 2253 has it, escapes and all.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '"' => return Some((value, characters.as_str())),
            '\\' => value.extend(['\\', characters.next()?]),
            character => value.push(character),
        }
    }
}

/// Envoy takes 60 KiB of headers unless told otherwise; certificates with their chains are a few each.
const LONGEST: usize = 60 << 10;
/// Nobody has so many proxies in a row.
const MOST_ELEMENTS: usize = 32;
/// An element has seven keys, of which three may come more than once.
const MOST_PAIRS: usize = 64;

#[cfg(test)]
mod tests;

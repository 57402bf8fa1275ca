//! Distinguished names as text (RFC 4514) and in a form in which two can be compared.

use std::fmt;

/// Why a text is not a distinguished name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DistinguishedNameFlaw {
    /// A part is not `TYPE=value`, or an escape in it is not one.
    Malformed,
    /// This type of attribute has no short name here; its number can be written instead.
    TypeUnknown(String),
}

impl fmt::Display for DistinguishedNameFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => {
                f.write_str("expected a distinguished name (RFC 4514), such as `CN=Devices,O=Contoso,C=DE`")
            }
            Self::TypeUnknown(name) => {
                write!(f, "`{name}` is not known; write the number of the attribute type, such as `2.5.4.3=Devices`")
            }
        }
    }
}

impl std::error::Error for DistinguishedNameFlaw {}

/// A distinguished name: parts from the most general to the most special, each one or more attributes. Values are compared
/// as they are, with case: what an authority writes into its certificates does not change from one to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistinguishedName(Vec<Vec<(String, String)>>);

impl DistinguishedName {
    /// Of attribute types by their numbers, and values.
    #[must_use]
    pub fn of(mut parts: Vec<Vec<(String, String)>>) -> Self {
        // The attributes of one part are a set.
        parts.iter_mut().for_each(|part| part.sort());
        Self(parts)
    }

    /// It has no part: the subject of a certificate that is known by its other names.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same in small letters and with single spaces, as RFC 5280 section 7.1 compares names. For where a name that is taken
    /// for another lets nobody in: in whose list to look.
    #[must_use]
    pub fn folded(&self) -> Self {
        let fold = |value: &String| value.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let part =
            |part: &Vec<(String, String)>| part.iter().map(|(kind, value)| (kind.clone(), fold(value))).collect();
        Self::of(self.0.iter().map(part).collect())
    }

    /// Reads `CN=Devices,O=Contoso\, Ltd.,C=DE`; the most special part is the first in the text.
    ///
    /// # Errors
    ///
    /// A [`DistinguishedNameFlaw`].
    pub fn parse(text: &str) -> Result<Self, DistinguishedNameFlaw> {
        let mut parts = Vec::new();
        let mut part = Vec::new();
        let mut rest = text;
        loop {
            let (name, after) = rest.split_once('=').ok_or(DistinguishedNameFlaw::Malformed)?;
            let (value, end, after) = value(after).ok_or(DistinguishedNameFlaw::Malformed)?;
            part.push((number(name.trim())?, value));
            if end != Some('+') {
                parts.push(std::mem::take(&mut part));
            }
            if end.is_none() {
                parts.reverse();
                return Ok(Self::of(parts));
            }
            rest = after;
        }
    }
}

/// As RFC 4514 writes it: the most special part first, types by their short names, values with their escapes.
impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, part) in self.0.iter().rev().enumerate() {
            for (index, (number, value)) in part.iter().enumerate() {
                f.write_str(match (place, index) {
                    (0, 0) => "",
                    (_, 0) => ",",
                    _ => "+",
                })?;
                let short = TYPES.iter().find(|(_, known)| known == number).map_or(number.as_str(), |(short, _)| short);
                write!(f, "{short}=")?;
                write_value(f, value)?;
            }
        }
        Ok(())
    }
}

/// With a backslash where one is needed (RFC 4514 section 2.4).
fn write_value(f: &mut fmt::Formatter<'_>, value: &str) -> fmt::Result {
    let last = value.chars().count().saturating_sub(1);
    for (place, character) in value.chars().enumerate() {
        let at_an_end = (character == ' ' && (place == 0 || place == last)) || (character == '#' && place == 0);
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => write!(f, "\\{character}")?,
            _ if at_an_end => write!(f, "\\{character}")?,
            '\0' => f.write_str("\\00")?,
            character => write!(f, "{character}")?,
        }
    }
    Ok(())
}

/// The value at the start of `text` without its escapes, the `,` or `+` that ended it, and what comes after.
fn value(text: &str) -> Option<(String, Option<char>, &str)> {
    let mut value = Vec::new();
    // Where the last byte that is not a space at the end is.
    let mut kept = 0;
    let mut rest = text.trim_start_matches(' ');
    while let Some(character) = rest.chars().next() {
        rest = rest.get(character.len_utf8()..)?;
        match character {
            ',' | '+' => return Some((finished(value, kept)?, Some(character), rest)),
            '"' | ';' | '<' | '>' | '\0' => return None,
            '\\' => {
                let (byte, after) = escaped(rest)?;
                value.push(byte);
                kept = value.len();
                rest = after;
            }
            character => {
                value.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                kept = if character == ' ' { kept } else { value.len() };
            }
        }
    }
    Some((finished(value, kept)?, None, rest))
}

/// An empty value is no name of anybody.
fn finished(mut value: Vec<u8>, kept: usize) -> Option<String> {
    value.truncate(kept);
    String::from_utf8(value).ok().filter(|value| !value.is_empty())
}

/// What stands after a backslash: a special character, or two hexadecimal digits.
fn escaped(text: &str) -> Option<(u8, &str)> {
    let (first, rest) = text.split_at_checked(1)?;
    let first = *first.as_bytes().first()?;
    if matches!(first, b' ' | b'"' | b'#' | b'+' | b',' | b';' | b'<' | b'=' | b'>' | b'\\') {
        return Some((first, rest));
    }
    let (digits, rest) = text.split_at_checked(2)?;
    let plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u8::from_str_radix(digits, 16).ok().filter(|_| plain).map(|byte| (byte, rest))
}

/// The number of an attribute type, by its short name or as it is.
fn number(name: &str) -> Result<String, DistinguishedNameFlaw> {
    if let Some((_, number)) = TYPES.iter().find(|(short, _)| short.eq_ignore_ascii_case(name)) {
        return Ok((*number).to_owned());
    }
    let is_number = name.contains('.')
        && name.split('.').all(|arc| !arc.is_empty() && arc.bytes().all(|byte| byte.is_ascii_digit()));
    if is_number { Ok(name.to_owned()) } else { Err(DistinguishedNameFlaw::TypeUnknown(name.to_owned())) }
}

/// RFC 4514 section 3, and the two that authorities for devices like besides.
const TYPES: [(&str, &str); 11] = [
    ("CN", "2.5.4.3"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("C", "2.5.4.6"),
    ("STREET", "2.5.4.9"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("serialNumber", "2.5.4.5"),
    ("emailAddress", "1.2.840.113549.1.9.1"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<Vec<(String, String)>> {
        DistinguishedName::parse(text).unwrap_or_else(|flaw| panic!("{text}: {flaw}")).0
    }

    #[test]
    fn names_read_as_the_standard_writes_them() {
        let one = |number: &str, value: &str| vec![(number.to_owned(), value.to_owned())];
        let contoso = vec![one("2.5.4.6", "DE"), one("2.5.4.10", "Contoso"), one("2.5.4.3", "Devices")];
        for text in ["CN=Devices,O=Contoso,C=DE", "cn=Devices, O=Contoso , C=DE", "2.5.4.3=Devices,O=Contoso,C=DE"] {
            assert_eq!(parsed(text), contoso, "{text}");
        }
        assert_eq!(parsed("O=Contoso\\, Ltd."), [one("2.5.4.10", "Contoso, Ltd.")]);
        assert_eq!(parsed("CN=a=b"), [one("2.5.4.3", "a=b")]);
        assert_eq!(parsed("CN=\\ a\\ "), [one("2.5.4.3", " a ")]);
        assert_eq!(parsed("CN=M\\C3\\BCnchen"), parsed("CN=München"));
        assert_eq!(parsed("OU=Sales+CN=J. Smith"), parsed("CN=J. Smith+OU=Sales"));
        assert_ne!(parsed("OU=Sales+CN=J. Smith"), parsed("OU=Sales,CN=J. Smith"));
    }

    #[test]
    fn names_are_written_as_they_are_read() {
        for text in
            ["CN=Devices,O=Contoso\\, Ltd.,C=DE", "CN=\\ a\\ ,2.5.4.99=x", "OU=Sales+CN=J. Smith", "CN=\\#a\\\\\\\"b"]
        {
            assert_eq!(DistinguishedName::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "",
            "Devices",
            "CN=",
            "CN= ",
            "CN=a,",
            "CN=a,,O=b",
            "CN=a;O=b",
            "CN=\"a\"",
            "CN=a\\",
            "CN=a\\zz",
            "CN=\\C3",
            "CN=\\+a,=b",
        ] {
            assert!(DistinguishedName::parse(text).is_err(), "{text}");
        }
        assert_eq!(DistinguishedName::parse("X=a"), Err(DistinguishedNameFlaw::TypeUnknown("X".to_owned())));
        assert_eq!(DistinguishedName::parse("2.5.=a"), Err(DistinguishedNameFlaw::TypeUnknown("2.5.".to_owned())));
    }
}

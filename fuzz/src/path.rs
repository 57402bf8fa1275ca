//! The path normaliser, against servers that are not as careful.

use portcullis::http::{Leniency, Target};

/// A target is read or refused; what is read is the same to every server behind us, and is forwarded as it came.
pub fn path(input: &[u8]) {
    let Ok(target) = Target::read(input, Leniency::default()) else { return };
    assert_eq!(target.raw(), input, "what goes upstream is what came");
    let path = input.split(|byte| *byte == b'?').next().unwrap_or_default();
    assert_eq!(target.path().as_bytes(), path);
    assert_eq!(target.query().map_or(path.len(), |query| path.len() + 1 + query.len()), input.len());

    for segment in target.segments() {
        assert!(!matches!(segment.as_str(), "." | ".."), "{segment:?}");
        assert!(!segment.chars().any(|character| character.is_control() || matches!(character, '/' | '\\' | ';')));
    }
    let lower = target.path().to_ascii_lowercase();
    for trick in ["%2f", "%5c", "/../", "//", "%00", "%3b", ";", "%252e", "\\"] {
        assert!(!lower.contains(trick), "{trick}");
    }
    // One that decodes before it splits, merges slashes, cuts off parameters and resolves dots.
    let decoded = decode(path);
    assert_eq!(careless(&decoded), target.segments().join("/"));
    // One that decodes twice.
    assert_eq!(careless(&decode(&decoded)), careless(&decoded));

    let once = target.normalised();
    let again = Target::read(once.as_bytes(), Leniency::default()).expect("the canonical text is a path");
    assert_eq!(again.normalised(), once);
    assert_eq!(again.segments(), target.segments());
}

fn decode(path: &[u8]) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let mut decoded = Vec::new();
    let mut rest = path;
    while let [first, after @ ..] = rest {
        rest = after;
        let escape = match rest {
            [high, low, ..] if *first == b'%' => digit(high).zip(digit(low)),
            _ => None,
        };
        decoded.push(match escape {
            Some((high, low)) => {
                rest = &rest[2..];
                u8::try_from(high * 16 + low).expect("two digits")
            }
            None => *first,
        });
    }
    decoded
}

/// The segments that such a server would look for, joined.
fn careless(decoded: &[u8]) -> String {
    let text = String::from_utf8_lossy(decoded).replace('\\', "/");
    let mut found: Vec<&str> = Vec::new();
    for segment in text.split('/').filter(|segment| !segment.is_empty()) {
        let segment = segment.split(';').next().unwrap_or_default();
        match segment {
            "." => {}
            ".." => {
                found.pop();
            }
            segment => found.push(segment),
        }
    }
    if text.ends_with('/') {
        found.push("");
    }
    found.join("/")
}

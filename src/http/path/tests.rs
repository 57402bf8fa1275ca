use super::*;
use proptest::prelude::*;

fn segments(path: &str) -> Vec<String> {
    Target::read(path.as_bytes(), Leniency::default())
        .unwrap_or_else(|flaw| panic!("{path}: {flaw}"))
        .segments()
        .to_vec()
}

fn assert_flaws(rows: &[(&str, PathFlaw)]) {
    for (path, flaw) in rows {
        assert_eq!(Target::read(path.as_bytes(), Leniency::default()), Err(*flaw), "{path}");
    }
}

#[test]
fn what_is_folded_is_folded_for_the_rules_and_for_the_upstream() {
    let folding = Leniency { merge_empty_segments: true, resolve_dot_segments: true, ..Leniency::default() };
    for (path, folded) in [
        ("/a//b", "/a/b"),
        ("//a", "/a"),
        ("//", "/"),
        ("/a//", "/a/"),
        ("/a/./b", "/a/b"),
        ("/a/%2E/b", "/a/b"),
        ("/a/x/../b?c/../d", "/a/b?c/../d"),
        ("/a/x/.%2e/b", "/a/b"),
        ("/a/.", "/a/"),
        ("/a/b/..", "/a/"),
        ("/a/..", "/"),
        ("/a//../b", "/a/b"),
        ("/c%20d/../e%20f", "/e%20f"),
    ] {
        let target = Target::read(path.as_bytes(), folding).unwrap();
        assert!(target.is_rewritten(), "{path}");
        assert_eq!(target.raw(), folded.as_bytes(), "{path}");
        let again = Target::read(target.raw(), Leniency::default()).unwrap();
        assert!(!again.is_rewritten() && again.segments() == target.segments(), "{path}");
    }
    for (path, flaw) in [
        ("/..", PathFlaw::DotSegment),
        ("/a/../../b", PathFlaw::DotSegment),
        ("/a/..;/b", PathFlaw::Parameters),
        ("/a/%252e%252e/b", PathFlaw::DoubleEncoded),
        ("/a/..%2fb", PathFlaw::EncodedSlash),
        ("/a/..\\b", PathFlaw::Backslash),
    ] {
        assert_eq!(Target::read(path.as_bytes(), folding), Err(flaw), "{path}");
    }
    let merging = Leniency { merge_empty_segments: true, ..Leniency::default() };
    assert_eq!(Target::read(b"/a//./b", merging), Err(PathFlaw::DotSegment));
    let resolving = Leniency { resolve_dot_segments: true, ..Leniency::default() };
    assert_eq!(Target::read(b"/a//b/.", resolving), Err(PathFlaw::EmptySegment));
}

#[test]
fn what_is_text_by_setting_is_text_and_never_dots() {
    let literal = Leniency { literal_parameters: true, literal_encoded_slashes: true, ..Leniency::default() };
    for (path, read) in [("/a;x=1/b", vec!["a;x=1", "b"]), ("/a%2Fb/c", vec!["a/b", "c"]), ("/%2f", vec!["/"])] {
        let target = Target::read(path.as_bytes(), literal).unwrap();
        assert_eq!(target.segments(), read, "{path}");
        assert_eq!((target.raw(), target.is_rewritten()), (path.as_bytes(), false));
    }
    for path in ["/a/..;x/b", "/a/.;/b", "/..%2Fb", "/a%2F..%2Fb", "/a%2f.", "/a/%2e%2e;/b"] {
        assert_eq!(Target::read(path.as_bytes(), literal), Err(PathFlaw::DotSegment), "{path}");
    }
    for (path, flaw) in [("/a%3Bb", PathFlaw::EncodedDelimiter), ("/a%5cb", PathFlaw::Backslash)] {
        assert_eq!(Target::read(path.as_bytes(), literal), Err(flaw), "{path}");
    }
}

proptest! {
    // Normalise twice is once, whatever is folded.
    #[test]
    fn folding_twice_is_folding_once(path in "(/(a|b%20|\\.|\\.\\.|%2e|%2E\\.|)){1,8}", merge in any::<bool>(), resolve in any::<bool>()) {
        let leniency = Leniency { merge_empty_segments: merge, resolve_dot_segments: resolve, ..Leniency::default() };
        if let Ok(target) = Target::read(path.as_bytes(), leniency) {
            let again = Target::read(target.raw(), leniency).unwrap();
            prop_assert_eq!(again.raw(), target.raw());
            prop_assert_eq!(again.segments(), target.segments());
            prop_assert!(!again.is_rewritten());
        }
    }
}

#[test]
fn a_plain_path_is_its_segments() {
    assert_eq!(segments("/"), [""]);
    assert_eq!(segments("/orders/17/lines"), ["orders", "17", "lines"]);
    assert_eq!(segments("/a/"), ["a", ""]);
}

#[test]
fn escapes_are_decoded_once() {
    assert_eq!(segments("/%61dmin/b%20c/%C3%a9"), ["admin", "b c", "é"]);
    assert_eq!(segments("/100%25"), ["100%"]);
}

#[test]
fn case_and_trailing_slash_are_kept() {
    assert_ne!(segments("/A"), segments("/a"));
    assert_ne!(segments("/a/"), segments("/a"));
}

#[test]
fn advisory_05_parameters_are_refused() {
    assert_flaws(&[
        ("/admin;x", PathFlaw::Parameters),
        ("/;x/admin", PathFlaw::Parameters),
        ("/a/..;/admin", PathFlaw::Parameters),
        ("/a/.;x/../admin", PathFlaw::Parameters),
        ("/admin%3bx", PathFlaw::EncodedDelimiter),
        ("/a/..%3B/admin", PathFlaw::EncodedDelimiter),
    ]);
}

#[test]
fn advisory_06_slashes_backslashes_and_dots_in_every_form_are_refused() {
    assert_flaws(&[
        ("/a//b", PathFlaw::EmptySegment),
        ("/a//", PathFlaw::EmptySegment),
        ("/a%2fb", PathFlaw::EncodedSlash),
        ("/a%2Fb", PathFlaw::EncodedSlash),
        ("/a%5cb", PathFlaw::Backslash),
        ("/a%5Cb", PathFlaw::Backslash),
        ("/a\\b", PathFlaw::Backslash),
        ("/./a", PathFlaw::DotSegment),
        ("/a/.", PathFlaw::DotSegment),
        ("/a/..", PathFlaw::DotSegment),
        ("/a/../b", PathFlaw::DotSegment),
        ("/a/%2e%2e/b", PathFlaw::DotSegment),
        ("/a/.%2E/b", PathFlaw::DotSegment),
        ("/a/%2e/b", PathFlaw::DotSegment),
        ("/a/%252e%252e/b", PathFlaw::DoubleEncoded),
        ("/a%252fb", PathFlaw::DoubleEncoded),
        ("/a%25%32%66b", PathFlaw::DoubleEncoded),
        ("/a%c0%afb", PathFlaw::NotUtf8),
        ("/a%e0%80%afb", PathFlaw::NotUtf8),
        ("/a/%c0%ae%c0%ae/b", PathFlaw::NotUtf8),
        ("/a%ff", PathFlaw::NotUtf8),
        ("/a%ed%a0%80", PathFlaw::NotUtf8),
        ("/a%00", PathFlaw::ControlCharacter),
        ("/a%u002fb", PathFlaw::BadEscape),
        ("/a%", PathFlaw::BadEscape),
        ("/a%2", PathFlaw::BadEscape),
        ("/a%2g", PathFlaw::BadEscape),
        ("/a%+1", PathFlaw::BadEscape),
        ("/a%2/b", PathFlaw::BadEscape),
    ]);
}

#[test]
fn advisory_07_fragments_are_refused() {
    assert_flaws(&[
        ("/admin#x", PathFlaw::Fragment),
        ("/public/#/../admin", PathFlaw::Fragment),
        ("/a?b#c", PathFlaw::Fragment),
        ("/admin%23x", PathFlaw::EncodedDelimiter),
    ]);
}

#[test]
fn advisory_08_the_query_is_no_part_of_the_path() {
    for path in ["/admin?x", "/admin?", "/admin?x?y", "/admin?/../public", "/admin?a//b;c%2f%zz"] {
        let target = Target::read(path.as_bytes(), Leniency::default()).unwrap();
        assert_eq!(target.segments(), ["admin"], "{path}");
        assert_eq!(target.path(), "/admin", "{path}");
        assert_eq!(target.raw(), path.as_bytes(), "{path}");
    }
    assert_flaws(&[("/admin#", PathFlaw::Fragment)]);
    assert_eq!(Target::read(b"/a", Leniency::default()).unwrap().query(), None);
    assert_eq!(Target::read(b"/a?", Leniency::default()).unwrap().query(), Some(&b""[..]));
    assert_eq!(Target::read(b"/a?b?c\xFF", Leniency::default()).unwrap().query(), Some(&b"b?c\xFF"[..]));
}

#[test]
fn advisory_09_the_absolute_form_does_not_bring_a_second_host() {
    assert_flaws(&[
        ("http://other.example/admin", PathFlaw::AbsoluteForm),
        ("https://other.example", PathFlaw::AbsoluteForm),
        ("x://", PathFlaw::AbsoluteForm),
    ]);
}

#[test]
fn advisory_63_no_part_of_a_path_is_read_as_a_host_or_decoded_before_the_split() {
    assert_flaws(&[
        ("//admin", PathFlaw::EmptySegment),
        ("//other.example/admin", PathFlaw::EmptySegment),
        ("///", PathFlaw::EmptySegment),
        ("/%3F/../admin", PathFlaw::EncodedDelimiter),
        ("/a%3Fb", PathFlaw::EncodedDelimiter),
        ("/%2F/admin", PathFlaw::EncodedSlash),
    ]);
}

#[test]
fn what_is_not_a_path_is_refused() {
    assert_flaws(&[
        ("", PathFlaw::NotAbsolute),
        ("?a", PathFlaw::NotAbsolute),
        ("admin", PathFlaw::NotAbsolute),
        ("*", PathFlaw::Asterisk),
        ("/a b", PathFlaw::ControlCharacter),
        ("/a\tb", PathFlaw::ControlCharacter),
        ("/a\0", PathFlaw::ControlCharacter),
        ("/a\x7F", PathFlaw::ControlCharacter),
        ("/a%0d%0ab", PathFlaw::ControlCharacter),
        ("/a%C2%85", PathFlaw::ControlCharacter),
        ("/a?b\r\nc", PathFlaw::ControlCharacter),
        ("/a?b c", PathFlaw::ControlCharacter),
        ("/é", PathFlaw::NonAscii),
        ("/{id}", PathFlaw::ForbiddenByte),
        ("/<a>", PathFlaw::ForbiddenByte),
    ]);
    assert_eq!(Target::read(b"/\xFF", Leniency::default()), Err(PathFlaw::NonAscii));
}

#[test]
fn advisory_25_every_legal_path_character_is_read() {
    for mark in "-._~!$&'()*+,=:@|^[]".chars() {
        let path = format!("/a{mark}b");
        assert_eq!(segments(&path), [path.trim_start_matches('/')], "{path}");
    }
    assert_eq!(segments("/.../..a/a..b/.well-known"), ["...", "..a", "a..b", ".well-known"]);
}

#[test]
fn length_and_number_of_segments_are_bounded() {
    let longest = format!("/{}?{}", "a".repeat(MAX_PATH_BYTES - 1), "b".repeat(MAX_PATH_BYTES));
    assert!(Target::read(longest.as_bytes(), Leniency::default()).is_ok());
    assert_eq!(Target::read(&vec![b'/'; MAX_PATH_BYTES + 1], Leniency::default()), Err(PathFlaw::TooLong));
    assert_eq!(segments(&"/a".repeat(MAX_SEGMENTS)).len(), MAX_SEGMENTS);
    assert_eq!(
        Target::read("/a".repeat(MAX_SEGMENTS + 1).as_bytes(), Leniency::default()),
        Err(PathFlaw::TooManySegments)
    );
}

/// Paths made of the pieces that normalisers disagree about.
fn hostile_path() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "/", "//", ".", "..", "%2e", "%2F", "%5c", "\\", ";", "%3b", "#", "?", "%", "%25", "%61", "%C3%A9", "%c0%af",
        "a", "B", "admin", "~", "%7e", "%7B", "|", "*", "@", ":", "%20", "%00", "é",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| format!("/{}", pieces.concat()))
}

type Reading = fn(&str) -> Vec<String>;

const UPSTREAMS: [(&str, Reading); 7] = [
    ("splits, then decodes", |path| split(cut(path, "?")).map(decoded).collect()),
    ("decodes, then splits", |path| split(&decoded(cut(path, "?"))).map(str::to_owned).collect()),
    ("decodes, then looks for the query", |path| {
        split(cut(&decoded(cut(path, "?")), "?#")).map(str::to_owned).collect()
    }),
    ("decodes twice", |path| split(cut(path, "?")).map(|segment| decoded(&decoded(segment))).collect()),
    ("cuts parameters off", |path| {
        split(cut(path, "?")).map(|segment| decoded(cut(&decoded(cut(segment, ";")), ";"))).collect()
    }),
    ("takes backslashes for slashes", |path| {
        split(&decoded(cut(path, "?")).replace('\\', "/")).map(str::to_owned).collect()
    }),
    ("folds dots and slashes", |path| {
        let path = decoded(cut(path, "?"));
        let mut folded: Vec<String> = Vec::new();
        for segment in split(&path) {
            match segment {
                "." => {}
                ".." => drop(folded.pop()),
                segment if segment.is_empty() && folded.last().is_some_and(String::is_empty) => {}
                segment => folded.push(segment.to_owned()),
            }
        }
        folded
    }),
];

fn cut<'t>(text: &'t str, marks: &str) -> &'t str {
    text.split(|mark| marks.contains(mark)).next().unwrap()
}

fn split(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap().split('/')
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match after {
            [high, low, after @ ..] if *first == b'%' && hex_pair(Some(high), Some(low)).is_some() => {
                bytes.extend(hex_pair(Some(high), Some(low)));
                rest = after;
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).unwrap()
}

proptest! {
    #[test]
    fn normalising_twice_is_normalising_once(path in hostile_path()) {
        if let Ok(once) = Target::read(path.as_bytes(), Leniency::default()) {
            let twice = Target::read(once.normalised().as_bytes(), Leniency::default());
            let twice = twice.map_err(|flaw| TestCaseError::fail(format!("{}: {flaw}", once.normalised())))?;
            prop_assert_eq!(once.segments(), twice.segments());
            prop_assert_eq!(once.normalised(), twice.normalised());
        }
    }

    /// A second decoder, split or dot-folder behind us finds nothing left to do.
    #[test]
    fn what_is_read_has_one_reading(path in hostile_path()) {
        if let Ok(target) = Target::read(path.as_bytes(), Leniency::default()) {
            for segment in target.segments() {
                prop_assert!(!segment.contains(['/', '\\', ';', '?', '#', '\0']));
                prop_assert!(segment != "." && segment != "..");
            }
            let (_, before_last) = target.segments().split_last().unwrap();
            prop_assert!(before_last.iter().all(|segment| !segment.is_empty()));
            let raw_path: Vec<&str> = path.split('?').next().unwrap().split('/').skip(1).collect();
            prop_assert_eq!(raw_path.len(), target.segments().len());
        }
    }

    /// Whatever a server does to a path on top of decoding it, it ends up with the segments that policy saw.
    #[test]
    fn policy_sees_what_every_upstream_sees(path in hostile_path()) {
        if let Ok(target) = Target::read(path.as_bytes(), Leniency::default()) {
            for (name, reading) in UPSTREAMS {
                prop_assert_eq!(reading(&path), target.segments(), "{}: {}", name, path);
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(raw in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = Target::read(&raw, Leniency::default());
        let mut rooted = b"/".to_vec();
        rooted.extend(raw);
        let _ = Target::read(&rooted, Leniency::default());
    }
}

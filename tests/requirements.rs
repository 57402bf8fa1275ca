//! Every requirement on tokens and credentials has a test that carries its id, or a stated reason why not yet.
//!
//! J: RFC 8725 (JWT best practice) with RFC 7515, 7519 and 7797. A: RFC 9068 (JWT access tokens). B: RFC 6750 (bearer
//! tokens). I: RFC 7662 (introspection). O: RFC 9700 (OAuth best practice). M: RFC 8705 (certificates). T: OWASP API Security
//! Top 10 of 2023. A test proves a requirement when its name begins with the id in lower case: `fn j16_crit_is_refused()`; one
//! that proves several begins with all of them: `fn j08_j16_what_...()`.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test helpers may panic: the panic is the failed test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use envoy_test::workspace;

#[test]
fn every_requirement_has_a_test_or_a_reason_why_not() {
    let tests = tests_by_id();
    let excused: BTreeSet<&str> = EXCEPTIONS.iter().map(|(id, _)| *id).collect();
    let known: BTreeSet<&str> = REQUIREMENTS.iter().map(|(id, _)| *id).collect();
    assert_eq!(known.len(), REQUIREMENTS.len(), "an id is listed twice");

    let missing: Vec<String> = REQUIREMENTS
        .iter()
        .filter(|(id, _)| !tests.contains_key(*id) && !excused.contains(id))
        .map(|(id, what)| format!("- {id}: {what}"))
        .collect();
    assert!(missing.is_empty(), "no test carries the id of these requirements:\n{}", missing.join("\n"));

    let unknown: Vec<&String> = tests.keys().filter(|id| !known.contains(id.as_str())).collect();
    assert!(unknown.is_empty(), "tests carry ids that are no requirement: {unknown:?}");

    let stale: Vec<&&str> = excused.iter().filter(|id| tests.contains_key(**id) || !known.contains(**id)).collect();
    assert!(stale.is_empty(), "these are excused and have a test, or are not known: {stale:?}");
}

#[test]
fn a_test_carries_the_ids_at_the_beginning_of_its_name() {
    assert_eq!(ids_in("fn j16_crit_is_refused() {"), ["j16"]);
    assert_eq!(ids_in("    fn j08_j16_what_changes() {"), ["j08", "j16"]);
    assert_eq!(ids_in("fn a03_b04() {"), ["a03", "b04"]);
    for other in
        ["fn crit_j16_is_refused() {", "// fn j16_x() {", "fn j1_x()", "fn j166_x()", "let j16_x = 1;", "fn x16_y()"]
    {
        assert!(ids_in(other).is_empty(), "{other}");
    }
}

/// Names of tests by the id that they carry, with the file they are in.
fn tests_by_id() -> BTreeMap<String, Vec<String>> {
    let mut tests: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in ["src", "tests", "envoy-test/tests"].iter().flat_map(|folder| rust_files(&workspace().join(folder))) {
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()));
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            // In a `proptest!` block the attribute is the same.
            let is_test = lines[index.saturating_sub(4)..index].iter().any(|before| before.trim() == "#[test]");
            for id in ids_in(line).into_iter().filter(|_| is_test) {
                tests.entry(id).or_default().push(format!("{}:{}", file.display(), index + 1));
            }
        }
    }
    tests
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path());
    let nested = paths.flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] });
    nested.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

fn ids_in(line: &str) -> Vec<String> {
    let Some(name) = line.trim_start().strip_prefix("fn ") else { return Vec::new() };
    let name = name.split(['(', '<', ' ']).next().unwrap_or_default();
    name.split('_').take_while(|part| is_id(part)).map(ToOwned::to_owned).collect()
}

/// `b64` is the header parameter of RFC 7797.
fn is_id(part: &str) -> bool {
    part != "b64"
        && matches!(part.as_bytes(), [b'j' | b'a' | b'b' | b'i' | b'o' | b'm' | b't', tens, ones] if tens.is_ascii_digit() && ones.is_ascii_digit())
}

/// What the filter does not do yet. An entry goes when its test comes: it may not have both.
const EXCEPTIONS: [(&str, &str); 1] =
    [("a07", "a rule can name audiences; whether a scope is meant for one of several is known to the issuer alone")];

const REQUIREMENTS: [(&str, &str); 48] = [
    (
        "m02",
        "`x-forwarded-client-cert` counts where it is configured and the connection is a trusted proxy's (RFC 9700 section 4.13)",
    ),
    ("t01", "an object belongs to a tenant or a person, and only they reach it (OWASP API1:2023)"),
    ("t05", "a function is for the roles that were given it; no header makes one method another (API5:2023)"),
    ("t08", "configurations that check nothing are refused; TRACE is (API8:2023)"),
    ("t09", "what nobody declared is denied and counted (API9:2023)"),
    ("j01", "the algorithm comes from configuration and key; the header only has to agree (RFC 8725 section 3.1)"),
    ("j02", "a key is used with its own algorithm, never for HMAC unless it is a secret (section 3.1)"),
    ("j03", "`none` is refused in every spelling, signed or not (section 3.2)"),
    ("j04", "algorithms that are unknown, missing or malformed are refused (section 3.2)"),
    ("j05", "every layer is verified; encrypted tokens are refused (section 3.3)"),
    ("j06", "keys are checked: points on their curves, sizes, exponents, small order (section 3.4)"),
    ("j07", "secrets are at least as long as the hash, at load (section 3.5)"),
    ("j08", "`zip` is refused (section 3.6)"),
    ("j09", "header and claims are one strict JSON object each (section 3.7)"),
    ("j10", "the issuer is compared exactly and brings only its own keys (section 3.8)"),
    ("j11", "`sub` is a string where it is used (section 3.8)"),
    ("j12", "`aud` is a string or a list of strings with one exact match (section 3.9)"),
    ("j13", "`kid` is a name and nothing more; no key or address from the header is used (section 3.10)"),
    ("j14", "`typ` is compared without case and prefix (section 3.11)"),
    ("j15", "tokens of other kinds by the same key are refused (section 3.12)"),
    ("j16", "any `crit` is refused (RFC 7515 section 4.1.11)"),
    ("j17", "members that come twice are refused (RFC 7515 section 4, RFC 7519 section 4)"),
    ("j18", "`b64` and the JSON serialisation are refused (RFC 7797, RFC 7515 section 7.2)"),
    ("j19", "base64url is strict, with exactly two dots (RFC 7515 section 2)"),
    ("j20", "`exp` is required; malformed times are refused though nothing asks for them (RFC 7519 section 4.1)"),
    ("j21", "clock skew, lifetime, size, depth and number of members are bounded"),
    ("a01", "`typ` is `at+jwt` where the profile is asked for (RFC 9068 sections 2.1 and 4)"),
    ("a02", "the profile's claims are all there (section 2.2)"),
    ("a03", "tokens are signed, by a key that the issuer publishes; RS256 is supported (section 4)"),
    ("a04", "`scope` is matched by whole words; a missing one is 403 (section 2.2.3)"),
    ("a05", "roles, groups and entitlements of the wrong type are refused (section 2.2.3.1)"),
    ("a06", "answers have RFC 6750's codes and do not tell which check failed (section 4)"),
    ("a07", "a token for many audiences needs scopes that are unambiguous (section 5)"),
    ("a08", "stronger sign-in is asked for as in RFC 9470 (section 2.2.1)"),
    ("b01", "the scheme in any case, spaces, one token; anything else is a bad request (RFC 6750 section 2.1)"),
    ("b02", "more than one credential is a bad request (section 2)"),
    ("b03", "no token in the query by default, and never upstream or in a log (sections 2.3 and 5.3)"),
    ("b04", "challenges have the right codes and cannot be injected into (section 3)"),
    ("b05", "each failure has its status, for HEAD and OPTIONS too (section 3.1)"),
    ("b06", "a token is never echoed: body, header, log, metric (section 5.2)"),
    ("i01", "`active` is the boolean `true`; anything else is a bad token (RFC 7662 section 2.2)"),
    ("i02", "what is no plain answer of the authorization server lets nobody in (section 2.3)"),
    ("i03", "answers are kept by the hash of the token, until it expires and no longer than configured (section 4)"),
    ("i04", "issuer, audience, times, scope, confirmation and type of the answer are checked again (section 4)"),
    ("i05", "the question is a form, and no token can add a field to it (section 2.1)"),
    ("i06", "equal tokens at the same time are one question"),
    ("o06", "a redirect is not followed (RFC 9700 section 4.12)"),
    ("t10", "answers of other services are hostile: type, size, depth (API10:2023)"),
];

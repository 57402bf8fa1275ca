//! The header as Envoy writes it, and what only looks like that.

use proptest::prelude::*;

use super::*;

const HASH: &str = "468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";

fn parsed(fields: &[&str]) -> Result<Vec<Element>, XfccFlaw> {
    parse(fields.iter().map(|field| field.as_bytes()))
}

fn one(field: &str) -> Element {
    let mut elements = parsed(&[field]).unwrap_or_else(|flaw| panic!("{field}: {flaw:?}"));
    assert_eq!(elements.len(), 1, "{field}");
    elements.remove(0)
}

/// The examples of Envoy's documentation, "x-forwarded-client-cert".
#[test]
fn the_examples_of_the_documentation_are_read() {
    let hashed = Element { hash: digest_from_hex(HASH), cert: None };
    let first = format!(
        "By=http://frontend.lyft.com;Hash={HASH};Subject=\"/C=US/ST=CA/L=San Francisco/OU=Lyft/CN=Test Client\";URI=http://testclient.lyft.com"
    );
    assert_eq!(one(&first), hashed);
    let second = format!("By=http://frontend.lyft.com;Hash={HASH};URI=http://testclient.lyft.com");
    let third = "By=http://backend.lyft.com;Hash=9ba61d6425303443c0748a02dd8de688468ed33be74eee6556d90c0149c1309e;URI=http://frontend.lyft.com";
    let elements = parsed(&[&format!("{second},{third}")]).unwrap();
    assert_eq!(elements.len(), 2);
    assert_eq!(elements[0], hashed);
    assert_ne!(elements[1], hashed);
    assert_eq!(parsed(&[&second, third]), Ok(elements.clone()));
    assert_eq!(parsed(&[&format!("{second}, {third}")]), Ok(elements));
    assert_eq!(one(&format!("Hash={HASH};URI=http://testclient.lyft.com;DNS=lyft.com;DNS=www.lyft.com")), hashed);
}

#[test]
fn keys_have_no_case_and_quotes_keep_what_is_in_them() {
    let element = one("HASH=468ED33BE74EEE6556D90C0149C1309E9BA61D6425303443C0748A02DD8DE688;uri=a=b;URI=;DNS=;By=");
    assert_eq!(element.hash, digest_from_hex(HASH));
    for (written, expected) in [
        ("CN=a\\, b;URI=x,DNS=y", "CN=a\\, b;URI=x,DNS=y"),
        ("CN=say \\\"hi\\\";Hash=0", "CN=say \\\"hi\\\";Hash=0"),
        ("CN=a\\\\", "CN=a\\\\"),
    ] {
        let element = one(&format!("Subject=\"{written}\";Chain=\"{written}\";Cert=\"{written}\""));
        assert_eq!(element.cert.as_deref(), Some(expected));
    }
}

#[test]
fn m02_what_is_not_plainly_pairs_is_refused() {
    for (field, flaw) in [
        ("", XfccFlaw::Malformed),
        (" ", XfccFlaw::Malformed),
        (",", XfccFlaw::Malformed),
        (";", XfccFlaw::Malformed),
        ("Hash", XfccFlaw::Malformed),
        ("Hash=", XfccFlaw::Malformed),
        ("Hash=00", XfccFlaw::Malformed),
        ("Hash=zz8ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688", XfccFlaw::Malformed),
        ("URI=a;", XfccFlaw::Malformed),
        ("URI=a,", XfccFlaw::Malformed),
        ("URI=a;;URI=b", XfccFlaw::Malformed),
        ("URI=a, ,URI=b", XfccFlaw::Malformed),
        ("URI =a", XfccFlaw::Malformed),
        (" Name=a", XfccFlaw::Malformed),
        ("URI=\"a", XfccFlaw::Malformed),
        ("URI=\"a\\\"", XfccFlaw::Malformed),
        ("URI=\"a\"b", XfccFlaw::Malformed),
        ("URI=a\"b\"", XfccFlaw::Malformed),
        ("Cert=a;Cert=a", XfccFlaw::Repeated),
        ("Subject=\"CN=a\";subject=\"CN=b\"", XfccFlaw::Repeated),
        ("Subject=\"\";Subject=\"CN=b\"", XfccFlaw::Repeated),
    ] {
        assert_eq!(parsed(&[field]), Err(flaw), "{field}");
        assert_eq!(parsed(&[field, "URI=a"]), Err(flaw), "{field}");
        assert_eq!(parsed(&["URI=a", field]), Err(flaw), "{field}");
    }
    assert_eq!(parsed(&[&format!("Hash={HASH};Hash={HASH}")]), Err(XfccFlaw::Repeated));
    assert_eq!(parse([b"URI=\xFF".as_slice()].into_iter()), Err(XfccFlaw::Malformed));
}

#[test]
fn the_work_is_bounded() {
    assert_eq!(parsed(&[&"URI=a;".repeat(100)]), Err(XfccFlaw::TooLong));
    assert_eq!(parsed(&[&["URI=a"; 33].join(",")]), Err(XfccFlaw::TooLong));
    assert_eq!(parsed(&["URI=a"; 33]), Err(XfccFlaw::TooLong));
    assert_eq!(parsed(&[&format!("URI={}", "a".repeat(62_000))]), Err(XfccFlaw::TooLong));
    assert_eq!(parsed(&[&["URI=a"; 32].join(",")]).map(|elements| elements.len()), Ok(32));
}

proptest! {
    #[test]
    fn m02_a_name_adds_elements_or_is_refused_and_never_changes_what_came_before(name in "[ -~]{0,60}") {
        let field = format!("By=spiffe://a/b;Hash={HASH};Cert=\"certificate\";URI={name}");
        if let Ok(elements) = parsed(&[&field]) {
            let first = Element { hash: digest_from_hex(HASH), cert: Some("certificate".to_owned()) };
            prop_assert_eq!(&elements[0], &first);
        }
    }

    #[test]
    fn quoted_values_come_back_as_they_were(value in "[ -~&&[^\"\\\\]]{1,40}") {
        prop_assert_eq!(one(&format!("Cert=\"{value}\"")).cert, Some(value));
    }
}

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
    let first = format!(
        "By=http://frontend.lyft.com;Hash={HASH};Subject=\"/C=US/ST=CA/L=San Francisco/OU=Lyft/CN=Test Client\";URI=http://testclient.lyft.com"
    );
    let element = one(&first);
    assert_eq!(element.hash, digest_from_hex(HASH));
    assert_eq!(element.by, ["http://frontend.lyft.com"]);
    assert_eq!(element.names.uri_sans, ["http://testclient.lyft.com"]);
    // A subject in the form of old OpenSSL is no name of RFC 4514, and no reason to refuse the rest.
    assert_eq!(element.names.subject, None);
    let second = format!("By=http://frontend.lyft.com;Hash={HASH};URI=http://testclient.lyft.com");
    let third = format!("By=http://backend.lyft.com;Hash={HASH};URI=http://frontend.lyft.com");
    let elements = parsed(&[&format!("{second},{third}")]).unwrap();
    assert_eq!(elements[0].names.uri_sans, ["http://testclient.lyft.com"]);
    assert_eq!(elements[1].by, ["http://backend.lyft.com"]);
    assert_eq!(parsed(&[&second, &third]), Ok(elements.clone()));
    assert_eq!(parsed(&[&format!("{second}, {third}")]), Ok(elements));
    let both = one(&format!("Hash={HASH};URI=http://testclient.lyft.com;DNS=Lyft.com;DNS=www.lyft.com"));
    assert_eq!(both.names.dns_sans, ["lyft.com", "www.lyft.com"]);
}

#[test]
fn keys_have_no_case_and_quotes_keep_what_is_in_them() {
    let element = one("HASH=468ED33BE74EEE6556D90C0149C1309E9BA61D6425303443C0748A02DD8DE688;uri=a=b");
    assert_eq!(element.hash, digest_from_hex(HASH));
    assert_eq!(element.names.uri_sans, ["a=b"]);
    for (written, expected) in [
        ("CN=a\\, b;URI=x,DNS=y", "CN=a\\, b;URI=x,DNS=y"),
        ("CN=say \\\"hi\\\";Hash=0", "CN=say \\\"hi\\\";Hash=0"),
        ("CN=a\\\\", "CN=a\\\\"),
    ] {
        let element = one(&format!("Chain=\"{written}\";Cert=\"{written}\""));
        assert_eq!(element.cert.as_deref(), Some(expected));
        assert!(element.names.uri_sans.is_empty());
    }
    let element = one("Subject=\"CN=a\\\"b\\\\,O=Contoso\\, Ltd.\";URI=;DNS=;By=");
    assert_eq!(element.names.subject, Some(DistinguishedName::parse("CN=a\\\"b\\\\,O=Contoso\\, Ltd.").unwrap()));
    assert_eq!((element.names.uri_sans.len(), element.names.dns_sans.len(), element.by.len()), (0, 0, 0));
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
    fn m02_what_a_client_writes_does_not_move_the_last_element(forged in "[ -~]{0,60}") {
        // A proxy that appends and one that adds a field.
        for fields in [vec![format!("{forged},Hash={HASH};URI=spiffe://a/b")], vec![forged.clone(), format!("Hash={HASH};URI=spiffe://a/b")]] {
            let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
            if let Ok(elements) = parsed(&fields) {
                let last = elements.last().unwrap();
                prop_assert_eq!(last.hash, digest_from_hex(HASH));
                prop_assert_eq!(&last.names.uri_sans, &["spiffe://a/b".to_owned()]);
            }
        }
    }

    #[test]
    fn quoted_values_come_back_as_they_were(value in "[ -~&&[^\"\\\\]]{1,40}") {
        prop_assert_eq!(one(&format!("Cert=\"{value}\"")).cert, Some(value));
    }
}

//! `x-forwarded-client-cert` as anybody might send it, in fields of one line each.

use portcullis::certificate::x509;
use portcullis::certificate::xfcc::{self, Element};

/// The header is read or refused; what is read can be written again, and what a name adds changes nothing that stands before it.
pub fn xfcc(input: &[u8]) {
    let fields = || input.split(|byte| *byte == b'\n');
    let Ok(elements) = xfcc::parse(fields()) else { return };
    assert!(!elements.is_empty() && elements.len() <= 32);
    let again: Vec<String> = elements.iter().map(written).collect();
    assert_eq!(xfcc::parse(again.iter().map(String::as_bytes)), Ok(elements.clone()));
    assert_eq!(xfcc::parse([again.join(",").as_bytes()].into_iter()), Ok(elements.clone()));
    for certificate in elements.iter().filter_map(|element| element.cert.as_deref()) {
        let _ = x509::decode(certificate).and_then(|der| x509::Certificate::from_der(&der));
    }
    // A proxy that appends a name with anything in it.
    let hash = [7; 32];
    let first = Element { hash: Some(hash), cert: Some("c".to_owned()) };
    let Ok(name) = std::str::from_utf8(input) else { return };
    let appended = format!("{};URI={name}", written(&first));
    if let Ok(elements) = xfcc::parse([appended.as_bytes()].into_iter()) {
        assert_eq!(elements.first(), Some(&first));
    }
}

fn written(element: &Element) -> String {
    let mut pairs = vec!["By=proxy".to_owned()];
    if let Some(hash) = element.hash {
        pairs.push(format!("Hash={}", hash.map(|byte| format!("{byte:02x}")).concat()));
    }
    pairs.extend(element.cert.as_ref().map(|cert| {
        // Escapes stay in a value. One that stood without quotes may end in half of one, and goes without again.
        if cert.contains([',', ';', '"']) { format!("Cert=\"{cert}\"") } else { format!("Cert={cert}") }
    }));
    pairs.join(";")
}

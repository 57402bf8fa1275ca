//! SPIFFE IDs (SPIFFE-ID standard, section 2): `spiffe://trust-domain/path`.

/// Is `text` a SPIFFE ID of a workload?
#[must_use]
pub fn is_id(text: &str) -> bool {
    let Some((domain, path)) = text.strip_prefix(SCHEME).and_then(|rest| rest.split_once('/')) else { return false };
    text.len() <= LONGEST && is_domain(domain) && path.split('/').all(is_segment)
}

/// Is `text` a pattern of SPIFFE IDs? Its `*` stands after the trust domain: a domain like another one is another authority's.
#[must_use]
pub fn is_pattern(text: &str) -> bool {
    is_id(&text.replace('*', "x"))
        && text.strip_prefix(SCHEME).and_then(|rest| rest.split_once('/')).is_some_and(|(domain, _)| is_domain(domain))
}

fn is_domain(text: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
    (1..=255).contains(&text.len()) && text.bytes().all(plain)
}

fn is_segment(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !matches!(text, "" | "." | "..") && text.bytes().all(plain)
}

const SCHEME: &str = "spiffe://";
/// As long as the standard lets them be.
const LONGEST: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_the_standard() {
        for text in ["spiffe://contoso.example/ns/orders/sa/api", "spiffe://a/b", "spiffe://a_b-c.1/X.y_z-0"] {
            assert!(is_id(text), "{text}");
        }
        for text in [
            "",
            "spiffe://",
            "spiffe://contoso.example",
            "spiffe://contoso.example/",
            "spiffe:///a",
            "spiffe://a//b",
            "spiffe://a/b/",
            "spiffe://a/./b",
            "spiffe://a/../b",
            "spiffe://Contoso/a",
            "SPIFFE://contoso/a",
            "spiffe://contoso:80/a",
            "spiffe://user@contoso/a",
            "spiffe://contoso/a?b",
            "spiffe://contoso/a#b",
            "spiffe://contoso/a%20b",
            "spiffe://contoso/a;URI=spiffe://contoso/b",
            "https://contoso/a",
            &format!("spiffe://a/{}", "b".repeat(2048)),
        ] {
            assert!(!is_id(text), "{text}");
        }
    }

    #[test]
    fn a_pattern_leaves_the_trust_domain_alone() {
        assert!(is_pattern("spiffe://contoso/ns/*") && is_pattern("spiffe://contoso/ns/a/sa/*-api"));
        for text in ["spiffe://*/a", "spiffe://contoso*/a", "*://contoso/a", "spiffe://contoso", "*"] {
            assert!(!is_pattern(text), "{text}");
        }
    }
}

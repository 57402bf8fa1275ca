//! The address that a proof is for.

use super::*;

#[test]
fn d03_addresses_are_compared_in_their_normal_form() {
    let here = |htu: &str| Origins::default().address(htu, &head("GET", "API.Example", "/a/%7Euser/b%2Dc?q=1", &[]));
    let normal = Some("https://api.example/a/~user/b-c".to_owned());
    for same in [
        "https://api.example/a/~user/b-c",
        "HTTPS://API.example:443/a/%7euser/b-c",
        "https://api.example:/a/~user/b-c",
        "https://api.example/x/../a/./~user/b-c",
        "https://api.example/a/~user/b-c?q=2",
        "https://api.example/a/~user/b-c#part",
    ] {
        assert_eq!(here(same), normal, "{same}");
    }
    for other in [
        "http://api.example/a/~user/b-c",
        "https://api.example:8443/a/~user/b-c",
        "https://api.example/a/~user/b-c/",
        "https://api.example/A/~user/b-c",
        "https://api.example//a/~user/b-c",
        "https://user@api.example/a/~user/b-c",
        "https://api.example.evil.example/a/~user/b-c",
        "https://api.example/a/~user/b%252Dc",
        "https://api.example/../../a/~user/b-c",
        "https:/api.example/a/~user/b-c",
        "https:///a/~user/b-c",
        "ftp://api.example/a/~user/b-c",
        "https://api.example/a/~user/b-c\u{e9}",
        "https://api.example/a/~user/b c",
    ] {
        assert_eq!(here(other), None, "{other}");
    }
    let root = head("GET", "api.example", "/", &[]);
    assert_eq!(Origins::default().address("https://api.example", &root).as_deref(), Some("https://api.example/"));
}

#[test]
fn d03_what_browsers_send_unencoded_is_compared_encoded() {
    for path in ["/a|b", "/a[1]", "/a^b", "/a%7Cb", "/a%5b1%5D", "/a%5eb"] {
        let request = head("GET", "[2001:db8::1]:8443", path, &[]);
        for htu in
            [path.to_owned(), path.replace('|', "%7c").replace('[', "%5B").replace(']', "%5d").replace('^', "%5E")]
        {
            let here = |htu: &str| Origins::default().address(htu, &request).is_some();
            assert!(here(&format!("https://[2001:db8::1]:8443{htu}")), "{path} {htu}");
            assert!(here(&format!("https://[2001:db8::1]:8443{htu}?a[]=b|c")), "{path} {htu}");
            assert!(!here(&format!("https://[2001:db8::1]:8443{htu}|")), "{path} {htu}");
        }
    }
    assert_eq!(Origins::default().address("https://a|b/", &head("GET", "a", "/", &[])), None);
}

#[test]
fn d03_the_path_is_the_one_that_the_client_sent() {
    let lenient =
        crate::http::Leniency { merge_empty_segments: true, resolve_dot_segments: true, ..Default::default() };
    let pairs = [(":method", "GET"), (":scheme", "https"), (":authority", "api.example"), (":path", "/a//b?q=/c")];
    let pairs: HeaderMap = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    let Ok(request) = RequestHead::read_or_return(pairs, lenient) else { panic!("refused") };
    assert_eq!(request.path().path(), "/a/b");
    let here = |htu: &str| Origins::default().address(htu, &request).is_some();
    assert!(here("https://api.example/a//b") && !here("https://api.example/a/b"));
}

#[test]
fn d03_the_port_is_the_requests_unless_origins_are_named() {
    let request = head("GET", "10.0.0.1:10000", "/orders", &[]);
    let here = |origins: &Origins, htu: &str| origins.address(htu, &request).is_some();
    let seen = Origins::default();
    assert!(here(&seen, "https://10.0.0.1:10000/orders") && !here(&seen, "https://10.0.0.1/orders"));
    let named = Origins::new(&["HTTPS://Api.Example".to_owned(), "https://api.example:8443/".to_owned()]).unwrap();
    assert!(here(&named, "https://api.example/orders") && here(&named, "https://api.example:8443/orders"));
    assert!(!here(&named, "https://10.0.0.1:10000/orders") && !here(&named, "https://api.example:9443/orders"));
    for bad in [
        "api.example",
        "https://api.example/v1",
        "https://a.example?x",
        "https://a.example#x",
        "ftp://a",
        "https://u@a",
        "",
    ] {
        assert_eq!(Origins::new(&["https://a".to_owned(), bad.to_owned()]), Err(vec![1]), "{bad}");
    }
}

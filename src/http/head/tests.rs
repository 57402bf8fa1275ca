use super::super::Pair;
use super::*;
use proptest::prelude::*;

fn pair(name: &str, value: impl AsRef<[u8]>) -> Pair {
    (name.as_bytes().to_vec(), value.as_ref().to_vec())
}

fn get(more: &[(&str, &str)]) -> Vec<Pair> {
    let base = [(":method", "GET"), (":scheme", "https"), (":authority", "api.example"), (":path", "/a")];
    base.iter().chain(more).map(|(name, value)| pair(name, value)).collect()
}

fn with(name: &str, value: impl AsRef<[u8]>) -> Vec<Pair> {
    let mut pairs = get(&[]);
    pairs.retain(|(other, _)| other != name.as_bytes());
    pairs.push(pair(name, value));
    pairs
}

fn flaw(pairs: Vec<Pair>) -> RequestFlaw {
    RequestHead::read(pairs).expect_err("the head must not be readable")
}

#[test]
fn a_plain_request_is_read() {
    let head = RequestHead::read(get(&[("Accept", "a"), ("accept", "b"), ("x-request-id", "r1")])).unwrap();
    assert_eq!((head.method(), head.scheme(), head.host(), head.path().path()), ("GET", "https", "api.example", "/a"));
    assert_eq!(head.values("ACCEPT").collect::<Vec<_>>(), [b"a", b"b"]);
    assert_eq!(head.only("accept"), Err(Repeated));
    assert_eq!(head.only("x-request-id"), Ok(Some(&b"r1"[..])));
    assert_eq!(head.only("missing"), Ok(None));
    assert_eq!(head.request_id(), Some(&b"r1"[..]));
    assert_eq!(head.headers().len(), 7);
}

#[test]
fn each_pseudo_header_comes_exactly_once() {
    for pseudo in [Pseudo::Authority, Pseudo::Method, Pseudo::Path, Pseudo::Scheme] {
        let mut missing = get(&[]);
        missing.retain(|(name, _)| name != pseudo.name().as_bytes());
        assert_eq!(flaw(missing), RequestFlaw::PseudoMissing(pseudo));
        let mut twice = get(&[]);
        twice.extend(get(&[]).into_iter().filter(|(name, _)| name == pseudo.name().as_bytes()));
        assert_eq!(flaw(twice), RequestFlaw::PseudoRepeated(pseudo));
    }
    assert_eq!(flaw(get(&[(":status", "200")])), RequestFlaw::PseudoUnknown);
    assert_eq!(flaw(get(&[(":", "")])), RequestFlaw::PseudoUnknown);
    assert_eq!(flaw(get(&[(":PATH", "/b")])), RequestFlaw::PseudoUnknown);
    assert_eq!(flaw(Vec::new()), RequestFlaw::PseudoMissing(Pseudo::Method));
}

#[test]
fn advisory_16_connect_without_a_path_is_a_flaw() {
    let connect = vec![pair(":method", "CONNECT"), pair(":scheme", "http"), pair(":authority", "api.example:443")];
    assert_eq!(flaw(connect), RequestFlaw::Connect);
}

#[test]
fn advisory_01_bytes_above_7f_are_values_like_any_other() {
    for odd in [&b"\x80"[..], b"\xFF\xFE", b"\xC0\xA7", b"\xE2\x82"] {
        let head = RequestHead::read(with("x-odd", odd)).unwrap();
        assert_eq!(head.only("x-odd"), Ok(Some(odd)));
    }
    let large = vec![0xFF; 1 << 20];
    assert!(RequestHead::read(with("x-large", large)).is_ok());
}

#[test]
fn advisory_10_control_characters_and_white_space_do_not_pass() {
    for value in [&b"a\0b"[..], b"a\r\nb: c", b"a\nb", b"\x7F"] {
        assert_eq!(flaw(with("x-odd", value)), RequestFlaw::HeaderValue, "{}", value.escape_ascii());
    }
    assert_eq!(flaw(with(":authority", "api.example ")), RequestFlaw::Host(HostFlaw::ForbiddenByte));
    assert_eq!(flaw(with(":authority", "api.example\t")), RequestFlaw::Host(HostFlaw::ForbiddenByte));
    assert_eq!(flaw(with(":path", "/a\0")), RequestFlaw::Path(PathFlaw::ControlCharacter));
}

#[test]
fn advisory_09_host_and_authority_must_agree() {
    assert!(RequestHead::read(get(&[("host", "API.example:443")])).is_ok());
    assert_eq!(flaw(get(&[("host", "admin.example")])), RequestFlaw::HostMismatch);
    assert_eq!(flaw(get(&[("host", "api.example"), ("Host", "b.example")])), RequestFlaw::HostMismatch);
    assert_eq!(flaw(get(&[("host", "")])), RequestFlaw::HostMismatch);
    assert_eq!(RequestHead::read(with(":authority", "API.Example.:8443")).unwrap().host(), "api.example");
}

#[test]
fn names_and_methods_are_tokens() {
    for name in ["", "a b", "x-user:", "a\tb", "x\u{e9}"] {
        assert_eq!(flaw(get(&[(name, "v")])), RequestFlaw::HeaderName, "{name}");
    }
    for method in [&b""[..], b"GE T", b"GET/", b"\xFF", &[b'A'; 33]] {
        assert_eq!(flaw(with(":method", method)), RequestFlaw::Method, "{}", method.escape_ascii());
    }
    assert_eq!(RequestHead::read(with(":method", "get")).unwrap().method(), "get");
    assert_eq!(flaw(with(":scheme", "ftp")), RequestFlaw::Scheme);
}

#[test]
fn no_header_makes_the_upstream_see_another_method() {
    for name in ["x-http-method-override", "X-HTTP-Method", "X_Method_Override"] {
        assert_eq!(flaw(get(&[(name, "DELETE")])), RequestFlaw::MethodOverride, "{name}");
        assert!(RequestHead::read(get(&[(name, "GET")])).is_ok(), "{name}");
    }
}

#[test]
fn grpc_is_told_by_its_content_type() {
    let is_grpc = |content_type: &str| RequestHead::read(with("content-type", content_type)).unwrap().is_grpc();
    for grpc in ["application/grpc", "application/grpc+proto", "Application/gRPC; charset=x"] {
        assert!(is_grpc(grpc), "{grpc}");
    }
    for other in ["", "application/json", "application/grpc-web", "application/grpcx", "text/application/grpc"] {
        assert!(!is_grpc(other), "{other}");
    }
}

#[test]
fn b05_a_preflight_is_options_with_origin_and_requested_method() {
    let head = |method: &str, more: &[(&str, &str)]| {
        let mut pairs = get(more);
        pairs.retain(|(name, _)| name != b":method");
        pairs.push(pair(":method", method));
        RequestHead::read(pairs).unwrap()
    };
    let (origin, wanted) = (("origin", "https://app.example"), ("access-control-request-method", "PUT"));
    assert!(head("OPTIONS", &[origin, wanted]).is_cors_preflight());
    assert!(!head("OPTIONS", &[]).is_cors_preflight());
    assert!(!head("OPTIONS", &[origin]).is_cors_preflight());
    assert!(!head("OPTIONS", &[wanted]).is_cors_preflight());
    assert!(!head("GET", &[origin, wanted]).is_cors_preflight());
    assert!(!head("HEAD", &[origin, wanted]).is_cors_preflight());
    assert!(!head("options", &[origin, wanted]).is_cors_preflight());
    assert!(!head("OPTIONS", &[origin, origin, wanted]).is_cors_preflight());
    assert!(!head("OPTIONS", &[origin, ("access-control-request-method", "")]).is_cors_preflight());
    assert!(!head("OPTIONS", &[origin, ("access-control-request-method", "GET,PUT")]).is_cors_preflight());
}

proptest! {
    #[test]
    fn any_pairs_are_read_or_refused(more in prop::collection::vec(
        (prop::collection::vec(any::<u8>(), 0..8), prop::collection::vec(any::<u8>(), 0..8)), 0..6)) {
        let mut pairs = get(&[]);
        pairs.extend(more);
        if let Ok(head) = RequestHead::read(pairs.clone()) {
            prop_assert_eq!(head.headers().to_pairs(), pairs);
            let _ = (head.is_grpc(), head.is_cors_preflight(), head.request_id());
        }
    }
}

//! Every byte in every header, over both protocols.

use envoy_test::{BOTH, Connection, Fate, Request, raw};

use super::{HEADERS, PATIENCE, Siege, pairs};

/// Each byte on its own after what a header usually begins with, once beside a good token and once beside a bad one.
#[test]
fn no_byte_above_0x7f_in_any_header_traps_the_worker_or_opens_the_gate() {
    let mut siege = Siege::start();
    let mut let_through = 0;
    for protocol in BOTH {
        let open = |siege: &Siege| Connection::open(siege.gate.envoy.address(), protocol).expect("a connection");
        let mut connection = open(&siege);
        for (name, before) in HEADERS {
            for byte in 0x80..=0xFF_u8 {
                let what = format!("{name} with {byte:#04X} over {protocol:?}");
                let value = [before.as_bytes(), &[byte]].concat();
                for (token, is_good) in [(&siege.good, true), (&siege.bad, false)] {
                    let request = Request::get("/orders/1").bearer(token).header(name, &value);
                    // Envoy closes a connection of HTTP/1.1 after some of its own answers.
                    let answer = connection.send(&request).or_else(|_| {
                        connection = open(&siege);
                        connection.send(&request)
                    });
                    let status = answer.unwrap_or_else(|error| panic!("{what}: {error}")).status;
                    assert!(matches!(status, 400 | 401) || (is_good && status == 200), "{what}: {status}");
                    let_through += usize::from(status == 200);
                }
                siege.stands(&what);
            }
        }
    }
    assert_eq!(siege.proofs, 2 * HEADERS.len() * 128);
    // Most headers are none of the filter's business: the request goes on as it is.
    assert!(let_through > 2 * 15 * 128, "{let_through}");
    siege.end();
}

/// What stands in the first line of HTTP/1.1 and in the pseudo headers of HTTP/2.
#[test]
fn no_byte_in_a_method_a_path_or_a_host_traps_the_worker_or_opens_the_gate() {
    let mut siege = Siege::start();
    let bytes = || (0x00..=0x20_u8).chain(0x7F..=0xFF).chain(*b"\"<>\\^`{|}#%;@[]");
    let good = format!("Bearer {}", siege.good);
    for byte in bytes() {
        for (method, path, host) in [
            (&[b'G', byte][..], &b"/orders/1"[..], &b"api.example"[..]),
            (b"GET", &[b"/orders/".as_slice(), &[byte]].concat(), b"api.example"),
            (b"GET", &[b"/orders/1?a=".as_slice(), &[byte]].concat(), b"api.example"),
            (b"GET", &[b"/orders/1?access_token=".as_slice(), &[byte]].concat(), b"api.example"),
            (b"GET", &[&[byte], b"/orders/1".as_slice()].concat(), b"api.example"),
            (b"GET", b"/orders/1", &[b"api".as_slice(), &[byte], b".example"].concat()),
            (b"GET", b"/orders/1", &[byte]),
        ] {
            let what = format!("{} {} {}", method.escape_ascii(), path.escape_ascii(), host.escape_ascii());
            let mut frames = siege.frames();
            let mut request = pairs(&good);
            (request[0].1, request[2].1, request[3].1) = (method, path, host);
            let id = frames.headers(&request, true);
            let fate = frames.fate(id, PATIENCE);
            assert!(!matches!(fate, Fate::Silent | Fate::Answered(500..)), "{what} over HTTP/2: {fate:?}");

            // A line end or a space makes another request of it, which HTTP/1.1 cannot help.
            if !matches!(byte, b'\r' | b'\n' | b' ' | b'\t') {
                let line =
                    [method, b" ", path, b" HTTP/1.1\r\nhost: ", host, b"\r\nconnection: close\r\n\r\n"].concat();
                let answer = raw(siege.gate.envoy.address(), &line, PATIENCE);
                assert!(!answer.starts_with(b"HTTP/1.1 200"), "without a token: {what}");
                assert!(!answer.starts_with(b"HTTP/1.1 50"), "{what}: {}", answer.escape_ascii());
            }
            siege.stands(&what);
        }
    }
    siege.end();
}

/// Names and values that HTTP does not have, in frames that only a hostile client makes.
#[test]
fn what_is_no_http_is_refused_before_or_by_the_filter() {
    let mut siege = Siege::start();
    let good = format!("Bearer {}", siege.good);
    let odd: [(&[u8], &[u8]); 16] = [
        (b"", b""),
        (b"", b"x"),
        (b"Authorization", b"Bearer x"),
        (b"authorization\0", b"x"),
        (b"x\r\ny", b"x"),
        (b"x-a", b"x\r\nauthorization: Bearer x"),
        (b"x-a", b"x\0y"),
        (b"x-a", b" x "),
        (b":unknown", b"x"),
        (b":path", b"/orders/2"),
        (b":method", b"DELETE"),
        (b":authority", b"admin.example"),
        (b":status", b"200"),
        (b"connection", b"authorization"),
        (b"transfer-encoding", b"chunked"),
        (b"content-length", b"99999999999999999999"),
    ];
    for (name, value) in odd {
        for first in [true, false] {
            let what = format!(
                "{}: {} at the {}",
                name.escape_ascii(),
                value.escape_ascii(),
                if first { "start" } else { "end" }
            );
            let mut request = pairs(&good);
            request.insert(if first { 0 } else { request.len() }, (name, value));
            let mut frames = siege.frames();
            let id = frames.headers(&request, true);
            let fate = frames.fate(id, PATIENCE);
            let harmless = name == b"x-a" && value == b" x ";
            assert!(
                matches!(fate, Fate::Answered(400..=404) | Fate::Reset | Fate::Closed) || harmless,
                "{what}: {fate:?}"
            );
            siege.stands(&what);
        }
    }
    for missing in 0..4 {
        let mut request = pairs(&good);
        let (name, _) = request.remove(missing);
        let mut frames = siege.frames();
        let id = frames.headers(&request, true);
        let fate = frames.fate(id, PATIENCE);
        assert!(
            matches!(fate, Fate::Answered(400..=404) | Fate::Reset | Fate::Closed),
            "without {}: {fate:?}",
            name.escape_ascii()
        );
        siege.stands("a request without a pseudo header");
    }
    siege.end();
}

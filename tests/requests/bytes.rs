//! Bytes that no ordinary client sends, and headers empty, huge and repeated.

use envoy_test::{BOTH, Connection, Request, raw};

use super::{GATE, SHORT, orders, status_of, token};

#[test]
fn bytes_above_0x7f_in_any_header_trap_no_worker() {
    let token = token();
    let names = [
        "authorization",
        "x-token",
        "x-plain",
        "cookie",
        "x-user-id",
        "x_user_id",
        "x-request-id",
        "content-type",
        "origin",
        "access-control-request-method",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-http-method-override",
        "x-original-url",
        "x-ms-client-principal",
        "accept",
        "user-agent",
        "traceparent",
        "x-anything",
    ];
    let all: Vec<u8> = (0x80..=0xFF).collect();
    for protocol in BOTH {
        // Each on a connection of its own, by chance on either worker: Envoy closes one of HTTP/1.1 after a 400.
        let send = |request: &Request, what: &str| {
            let answer = GATE.envoy.send_over(protocol, request);
            // A filter that is gone answers 503.
            let known = matches!(answer.status, 200 | 400 | 401 | 403);
            assert!(known, "{what} over {protocol:?}: {answer}\n{}", GATE.envoy.log_tail());
        };
        for name in names {
            let values =
                [all.clone(), [b"Bearer ", all.as_slice()].concat(), b"\xC3\x28".to_vec(), b"\xED\xA0\x80".to_vec()];
            for value in &values {
                send(&orders().header(name, value), name);
                send(&orders().bearer(&token).header(name, value), name);
            }
        }
        for byte in 0x80..=0xFF_u8 {
            let what = format!("the byte {byte:02X}");
            send(&orders().header("authorization", [b"Bearer a".as_slice(), &[byte]].concat()), &what);
            send(&orders().header("cookie", [b"session=".as_slice(), &[byte]].concat()), &what);
        }
    }
    // What no client library sends: odd bytes in the method, the target, the host and a header name.
    for request in [
        b"G\xFFT /orders/1 HTTP/1.1\r\nhost: api.example\r\n\r\n".as_slice(),
        b"GET /orders/\xFF\x80 HTTP/1.1\r\nhost: api.example\r\n\r\n",
        b"GET /orders/1?\xFF\x80 HTTP/1.1\r\nhost: api.example\r\n\r\n",
        b"GET /orders/1 HTTP/1.1\r\nhost: api\xFF.example\r\n\r\n",
        b"GET /orders/1 HTTP/1.1\r\nhost: api.example\r\nx-\xFF: 1\r\n\r\n",
        b"GET /orders/1 HTTP/1.1\r\nhost: api.example\r\nx: \0\r\n\r\n",
        b"GET /orders/1 HTTP/1.1\r\nhost:\r\n\r\n",
        b"GET /orders/1 HTTP/1.1\r\n\r\n",
        b"GET /orders/1 HTTP/1.0\r\n\r\n",
    ] {
        let answer = raw(GATE.envoy.address(), request, SHORT);
        let text = String::from_utf8_lossy(&answer);
        assert!(
            answer.is_empty() || matches!(status_of(&answer), 400 | 401 | 403 | 426),
            "{:?}: {text}",
            request.escape_ascii().to_string()
        );
    }
    GATE.envoy.assert_every_worker_lets_through(&orders().bearer(&token));
    assert!(!GATE.envoy.log().contains("VM failed"), "{}", GATE.envoy.log_tail());
}

#[test]
fn empty_huge_and_repeated_headers_trap_no_worker() {
    let token = token();
    let names =
        ["authorization", "x-token", "x-plain", "cookie", "x-user-id", "x-anything", "x-request-id", "content-type"];
    let mut checked = 0;
    for protocol in BOTH {
        for name in names {
            let mut requests = vec![orders().header(name, "")];
            requests
                .extend([1, 100, 8 * 1024, 50 * 1024, 70 * 1024].map(|size| orders().header(name, "a".repeat(size))));
            requests.push((0..200).fold(orders(), |request, index| request.header(name, format!("{index}"))));
            requests.push((0..300).fold(orders(), |request, index| request.header(&format!("{name}-{index}"), "1")));
            requests.push(orders().header(name, ";".repeat(40_000)));
            requests.push(orders().header(name, "a=b;".repeat(10_000)));
            for request in requests {
                // Envoy refuses over 60 KiB itself: with 431, or by resetting the stream of HTTP/2.
                let sent =
                    Connection::open(GATE.envoy.address(), protocol).and_then(|mut worker| worker.send(&request));
                let status = sent.map_or(431, |answer| answer.status);
                assert!(
                    matches!(status, 400 | 401 | 431),
                    "{name} over {protocol:?}: {status}\n{}",
                    GATE.envoy.log_tail()
                );
                checked += 1;
            }
        }
    }
    assert_eq!(checked, 2 * 8 * 10);
    // The upstream takes a hundred headers.
    let wide = (0..80).fold(orders().bearer(&token), |request, index| request.header(&format!("x-{index}"), "1"));
    GATE.envoy.assert_every_worker_lets_through(&wide);
}

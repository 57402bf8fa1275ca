//! Issuers that answer with something else than HTTP, or with an HTTP that no library writes.

use std::thread;
use std::time::{Duration, Instant};

use envoy_test::{Document, Envoy, Fault, Issuer, IssuerServer, Protocol, Upstream, forge};
use serde_json::json;

use super::{
    ask_until, assert_unavailable, at_once, configuration, fresh_token, get, issuer, provider, token,
    token_of_unknown_key,
};

/// Each with keys held and without. The TLS alert is what a plain client gets from a port that has come to speak TLS; the
/// other way round, and a certificate that is not trusted, end in Envoy: `outage.rs` has that.
#[test]
fn what_is_no_http_takes_no_keys_away_and_makes_none() {
    let upstream = Upstream::start();
    let cases: Vec<(String, IssuerServer, Issuer, Issuer)> = answers()
        .iter()
        .map(|(name, ..)| {
            let server = IssuerServer::start();
            let (warm, cold) = (issuer(&server, &format!("warm-{name}")), issuer(&server, &format!("cold-{name}")));
            ((*name).to_owned(), server, warm, cold)
        })
        .collect();
    let keys = json!({"timeout": "1s", "unknown_kid_cooldown": "1s"});
    let mut builder = Envoy::builder().upstream(&upstream);
    let mut providers = Vec::new();
    for (name, server, ..) in &cases {
        builder = builder.cluster(name, server.address());
        providers.push((format!("warm-{name}"), provider(&format!("warm-{name}"), name, &keys)));
        providers.push((format!("cold-{name}"), provider(&format!("cold-{name}"), name, &keys)));
    }
    // Only the cold ones' documents fail at first; then the connection does, for both.
    for (.., cold) in &cases {
        cold.fail(Document::Any, Fault::Status(500));
    }
    let providers: Vec<_> = providers.iter().map(|(name, provider)| (name.as_str(), provider.clone())).collect();
    let envoy = builder.filter_config(configuration(&providers, &json!({"wait": "3s"}))).start();
    let mut workers = envoy.connection_per_worker(Protocol::Http1);
    for (name, _, warm, _) in &cases {
        for connection in &mut workers {
            let answer = connection.send(&get(&token(warm))).unwrap();
            assert_eq!(answer.status, 200, "{name} before it fails: {answer}");
        }
    }

    for ((_, server, _, cold), (_, bytes, pace)) in cases.iter().zip(answers()) {
        server.speak_raw(&bytes, pace);
        cold.recover();
    }
    let start = Instant::now();
    let mut round = 0;
    while start.elapsed() < Duration::from_secs(6) {
        round += 1;
        let strange: Vec<_> = cases.iter().map(|(_, _, warm, _)| get(&token_of_unknown_key(warm, "strange"))).collect();
        for ((name, ..), answer) in cases.iter().zip(at_once(&envoy, &strange)) {
            assert_eq!(answer.status, 401, "{name}: an unknown key while the issuer fails: {answer}");
        }
        let cold: Vec<_> = cases.iter().map(|(.., cold)| get(&token(cold))).collect();
        for ((name, ..), answer) in cases.iter().zip(at_once(&envoy, &cold)) {
            assert_unavailable(&format!("{name} without keys"), &answer);
        }
        for connection in &mut workers {
            for (name, _, warm, cold) in &cases {
                let answer = connection.send(&get(&fresh_token(warm, round))).unwrap();
                assert_eq!(answer.status, 200, "{name}: the keys held were taken away: {answer}");
                for token in [forge::with_broken_signature(&token(warm)), forge::with_broken_signature(&token(cold))] {
                    let answer = connection.send(&get(&token)).unwrap();
                    assert!(matches!(answer.status, 401 | 503), "{name}: a broken signature: {answer}");
                }
            }
        }
        thread::sleep(Duration::from_millis(300));
    }
    assert!(round > 2, "{round} rounds");

    for (_, server, ..) in &cases {
        server.speak_http();
    }
    for connection in &mut workers {
        for (.., warm, cold) in &cases {
            for issuer in [warm, cold] {
                let good = get(&fresh_token(issuer, 0));
                ask_until(connection, &good, Duration::from_secs(30), |answer| answer.status == 200);
            }
        }
    }
    assert!(!envoy.log().contains("VM failed"), "{}", envoy.log_tail());
}

/// What comes instead, and the time between two of its bytes.
fn answers() -> Vec<(&'static str, Vec<u8>, Option<Duration>)> {
    let ok = |headers: &[u8], body: &[u8]| [b"HTTP/1.1 200 OK\r\n", headers, b"\r\n", body].concat();
    let all_bytes: Vec<u8> = (0x80..=0xFF).collect();
    let header_bytes = [
        b"content-type: ",
        all_bytes.as_slice(),
        b"\r\ncache-control: max-age=",
        &all_bytes,
        b"\r\ncontent-length: 2\r\n",
    ];
    let many: Vec<u8> = (0..5000).flat_map(|index| format!("x-{index}: 1\r\n").into_bytes()).collect();
    let second = Some(Duration::from_secs(1));
    vec![
        ("closes", Vec::new(), None),
        ("tls", b"\x15\x03\x03\x00\x02\x02\x46".to_vec(), None),
        ("ssh", b"SSH-2.0-OpenSSH_9.9\r\n".to_vec(), None),
        ("http2", b"\x00\x00\x00\x04\x00\x00\x00\x00\x00".to_vec(), None),
        ("slow-head", ok(b"content-length: 2\r\n", b"{}"), second),
        ("header-bytes", ok(&header_bytes.concat(), b"{}"), None),
        ("huge-header", ok(&[b"x: ", vec![b'a'; 1 << 20].as_slice(), b"\r\n"].concat(), b"{}"), None),
        ("many-headers", ok(&many, b"{}"), None),
        ("length-lie", ok(b"content-length: 100000\r\n", b"{\"keys\":["), None),
        ("two-lengths", ok(b"content-length: 2\r\ncontent-length: 3\r\n", b"{}x"), None),
        ("bad-chunk", ok(b"transfer-encoding: chunked\r\n", b"zz\r\n{}\r\n0\r\n\r\n"), None),
        ("endless-chunks", ok(b"transfer-encoding: chunked\r\n", &b"1\r\n \r\n".repeat(200_000)), None),
        ("gzip", ok(b"content-encoding: gzip\r\ncontent-length: 4\r\n", b"\x1f\x8b\x08\x00"), None),
        ("informational", b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000), None),
        ("upgrade", b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n".to_vec(), None),
        ("no-such-status", b"HTTP/1.1 999 No\r\ncontent-length: 0\r\n\r\n".to_vec(), None),
    ]
}

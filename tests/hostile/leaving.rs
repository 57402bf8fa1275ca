//! Clients that leave at every moment, many at once, and clients that take their time.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use envoy_test::{Document, Fate, Fault, Frames, Issuer, KeyKind};
use serde_json::json;

use super::{PATIENCE, Siege, configuration, pairs};

#[test]
fn a_stream_may_be_reset_at_any_moment() {
    let mut siege = Siege::start();
    let (good, bad) = (format!("Bearer {}", siege.good), format!("Bearer {}", siege.bad));
    for token in [&good, &bad, &"Bearer".to_owned(), &String::new()] {
        for moment in 0..5 {
            let mut frames = siege.frames();
            let ids: Vec<u32> = (0..100)
                .map(|_| {
                    let mut request = pairs(token);
                    request[0].1 = b"POST";
                    let id = frames.headers(&request, moment == 0);
                    (1..moment).for_each(|piece| frames.data(id, &[b'x'; 500], piece == 3));
                    frames.reset(id);
                    id
                })
                .collect();
            assert_eq!(ids.len(), 100);
            siege.stands(&format!("100 streams reset at moment {moment}"));
            // Streams of another connection are not touched, and on this one a new stream is as good as ever, unless Envoy
            // has had enough of it.
            let id = frames.headers(&pairs(token), true);
            let fate = frames.fate(id, PATIENCE);
            let expected = if *token == good { 200..=200 } else { 400..=401 };
            let answered = matches!(fate, Fate::Answered(status) if expected.contains(&status));
            assert!(answered || fate == Fate::Closed, "moment {moment}: {fate:?}");
        }
    }
    siege.end();
}

#[test]
fn a_connection_may_end_within_any_byte_of_a_request() {
    let mut siege = Siege::start();
    for token in [siege.good.clone(), siege.bad.clone()] {
        let request = format!(
            "POST /orders/1 HTTP/1.1\r\nhost: api.example\r\nauthorization: Bearer {token}\r\ncontent-length: 40\r\n\r\n{}",
            "x".repeat(40)
        );
        for end in (0..=request.len()).step_by(3) {
            let mut client = TcpStream::connect(siege.gate.envoy.address()).expect("a connection");
            client.write_all(&request.as_bytes()[..end]).expect("Envoy reads");
            drop(client);
            siege.stands(&format!("a client that left after {end} bytes"));
        }
    }
    siege.end();
}

/// As many requests as may wait for keys, by default: a part leaves, the rest is answered when the keys come, each by its own token.
#[test]
fn of_those_who_wait_for_keys_whoever_stays_is_answered_and_whoever_leaves_is_forgotten() {
    let mut configuration = configuration();
    configuration["providers"]["slow"] = json!({
        "issuer": "https://slow.example", "cluster": "idp", "audiences": ["orders"], "keys": {"timeout": "30s"},
    });
    configuration["limits"] = json!({"wait": "30s", "waiting_requests": 1000});
    let mut slow: Option<Issuer> = None;
    let mut siege = Siege::start_with(configuration, |idps| {
        let issuer = idps.oidc("https://slow.example");
        issuer.add_key(KeyKind::P256, "slow-1");
        issuer.fail(Document::Keys, Fault::Delay(Duration::from_secs(10)));
        slow = Some(issuer);
    });
    let slow = slow.expect("an issuer");
    let token = slow.token(slow.claims("orders"));
    let good = format!("Bearer {}", token.build());
    let bad = format!("Bearer {}", token.forged_by(&siege.gate.idp.key()).build());

    let mut connections: Vec<(Frames, Vec<(u32, bool)>)> = (0..5)
        .map(|_| {
            let mut frames = siege.frames();
            let ids = (0..200).map(|number| wait(&mut frames, number, &good, &bad)).collect();
            (frames, ids)
        })
        .collect();
    let gauge = "wasmcustom.portcullis.waiting_requests";
    siege.gate.envoy.wait_for_stat(gauge, |waiting| waiting == 1000);
    siege.stands("a thousand requests that wait");
    // Envoy gives up a connection on which half of 500 streams were taken back.
    for (frames, ids) in &mut connections {
        for (id, _) in ids.extract_if(.., |(id, _)| *id / 2 % 4 == 3) {
            frames.reset(id);
        }
    }
    siege.gate.envoy.wait_for_stat(gauge, |waiting| waiting == 750);
    siege.stands("250 that left");
    for (frames, ids) in &mut connections {
        let fates = frames.fates(PATIENCE * 3, ids.len());
        for (id, is_good) in ids {
            let expected = Fate::Answered(if *is_good { 200 } else { 401 });
            assert_eq!(fates.get(id), Some(&expected), "stream {id}\n{}", siege.gate.envoy.log_tail());
        }
    }
    siege.stands("750 answers");
    siege.end();
}

/// One of those who wait, with a body, half a body or none: its stream, and whether it is to pass.
fn wait(frames: &mut Frames, number: usize, good: &str, bad: &str) -> (u32, bool) {
    let is_good = number.is_multiple_of(2);
    let mut request = pairs(if is_good { good } else { bad });
    let has_body = number.is_multiple_of(3);
    request[0].1 = if has_body { b"POST" } else { b"GET" };
    let id = frames.headers(&request, !has_body);
    if has_body {
        frames.data(id, &[b'x'; 200], is_good);
    }
    (id, is_good)
}

/// Heads that come byte by byte, two hundred at a time: they hold nobody up, and each is answered when it is whole.
#[test]
fn slow_clients_hold_nobody_up() {
    let mut siege = Siege::start();
    let request =
        |token: &str| format!("GET /orders/1 HTTP/1.1\r\nauthorization: Bearer {token}\r\nhost: api.example\r\n\r\n");
    let (good, bad) = (request(&siege.good), request(&siege.bad));
    let mut clients: Vec<(TcpStream, &str, u16)> = (0..200)
        .map(|number| {
            let client = TcpStream::connect(siege.gate.envoy.address()).expect("a connection");
            client.set_nodelay(true).expect("a fresh socket");
            if number % 2 == 0 { (client, good.as_str(), 200) } else { (client, bad.as_str(), 401) }
        })
        .collect();
    for byte in 0..60 {
        for (client, request, _) in &mut clients {
            client.write_all(&request.as_bytes()[byte..=byte]).expect("Envoy reads");
        }
        let start = Instant::now();
        siege.stands("a byte of each slow client");
        assert!(start.elapsed() < Duration::from_secs(2), "a proof took {:?}", start.elapsed());
        thread::sleep(Duration::from_millis(10));
    }
    for (client, request, status) in &mut clients {
        client.write_all(&request.as_bytes()[60..]).expect("Envoy reads");
        client.set_read_timeout(Some(PATIENCE)).expect("a time limit above zero");
        let mut head = [0; 12];
        client.read_exact(&mut head).expect("an answer");
        assert_eq!(String::from_utf8_lossy(&head), format!("HTTP/1.1 {status}"));
    }
    siege.end();
}

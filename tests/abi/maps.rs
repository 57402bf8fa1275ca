//! Header maps as no host should give them, and as clients make them: bytes, repeats, sizes.

use strict_host::{Progress, encode};

use crate::gate::{GOOD, Gate, head};

fn good_map() -> Vec<u8> {
    let bearer = format!("Bearer {}", *GOOD);
    let mut pairs: Vec<(&[u8], &[u8])> =
        head().into_iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    pairs.push((b"authorization", bearer.as_bytes()));
    encode(&pairs)
}

/// Gives this map to the filter; it must answer, and decide the next request rightly.
fn assert_stopped(gate: &mut Gate, map: Vec<u8>, what: &str) {
    let stream = gate.host.open();
    gate.host.raw_head(stream, map);
    assert_eq!(gate.host.progress(stream), Progress::Answered, "{what}");
    gate.host.finish(stream);
}

#[test]
fn a_map_that_is_cut_off_anywhere_is_refused() {
    let mut gate = Gate::warm();
    let map = good_map();
    for end in 0..map.len() {
        assert_stopped(&mut gate, map[..end].to_vec(), &format!("cut at {end}"));
    }
    gate.assert_decides("after all of them");
}

#[test]
fn counts_and_lengths_that_lie_are_refused() {
    let mut gate = Gate::warm();
    let map = good_map();
    let pairs = usize::try_from(u32::from_le_bytes(map[..4].try_into().unwrap())).unwrap();
    for index in 0..=2 * pairs {
        let place = 4 * index..4 * index + 4;
        let number = u32::from_le_bytes(map[place.clone()].try_into().unwrap());
        for lie in [0, 1, number - 1, number + 1, 0xffff, 0x7fff_ffff, 0x8000_0000, u32::MAX - 3, u32::MAX] {
            if lie == number {
                continue;
            }
            let mut map = map.clone();
            map[place.clone()].copy_from_slice(&lie.to_le_bytes());
            assert_stopped(&mut gate, map, &format!("number {index} is {lie}, not {number}"));
        }
    }
    assert_stopped(&mut gate, [map, vec![0]].concat(), "a byte too many");
    gate.assert_decides("after all of them");
}

#[test]
fn a_map_without_pairs_is_refused() {
    let mut gate = Gate::warm();
    assert_stopped(&mut gate, vec![0; 4], "no pairs");
    assert_stopped(&mut gate, Vec::new(), "no bytes");
    let stream = gate.host.request(&[]);
    assert_eq!(gate.answer(stream).status, 400);
}

#[test]
fn any_byte_in_any_header_traps_nothing() {
    let mut gate = Gate::warm();
    let bearer = format!("Bearer {}", *GOOD);
    for byte in 0..=u8::MAX {
        for place in 0..head().len() + 2 {
            let mut pairs: Vec<(Vec<u8>, Vec<u8>)> =
                head().into_iter().map(|(name, value)| (name.into(), value.into())).collect();
            pairs.push((b"authorization".to_vec(), bearer.clone().into_bytes()));
            pairs.push((b"x-user-id".to_vec(), b"root".to_vec()));
            let (name, value) = &mut pairs[place];
            value.push(byte);
            if byte % 16 == 3 {
                name.push(byte);
            }
            let stream = gate.host.open();
            gate.host.head(stream, pairs, true);
            assert_ne!(gate.host.progress(stream), Progress::Waiting, "byte {byte} in header {place}");
            if gate.host.progress(stream) == Progress::Forwarded {
                gate.assert_identity(stream, &format!("byte {byte} in header {place}"));
            }
            gate.host.finish(stream);
        }
    }
    gate.assert_decides("after every byte");
}

#[test]
fn huge_and_countless_headers_trap_nothing() {
    let mut gate = Gate::warm();
    let huge = vec![b'a'; 4 << 20];
    let stream = gate.host.open();
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> =
        head().into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    pairs.push((b"authorization".to_vec(), huge.clone()));
    gate.host.head(stream, pairs.clone(), true);
    assert_eq!(gate.host.progress(stream), Progress::Answered);
    pairs.extend((0..20_000).map(|_| (b"x-user-id".to_vec(), b"root".to_vec())));
    let stream = gate.host.open();
    gate.host.head(stream, pairs, true);
    assert_eq!(gate.host.progress(stream), Progress::Answered);
    gate.assert_decides("after them");
}

#[test]
fn an_answer_of_an_issuer_may_be_anything() {
    let mut gate = Gate::configured();
    let endless = vec![b'['; 8 << 20];
    let deep = b"{\"keys\":".repeat(100_000);
    let bodies: [&[u8]; 8] = [b"", b"\xff\xfe", b"null", b"[]", b"{\"keys\":[{}]}", b"{\"issuer\":1}", &endless, &deep];
    for body in bodies {
        gate.host.advance(std::time::Duration::from_secs(60));
        for callout in gate.host.callouts() {
            gate.host.respond(callout.token, &[(":status", "200"), ("x", "\u{7f}")], body);
        }
    }
    gate.live(std::time::Duration::from_secs(120));
    gate.assert_decides("after such answers");
}

//! Callbacks late, twice, out of order, for what is gone, and for what never was: what no host should do and one will.

use std::time::Duration;

use strict_host::Progress;

use crate::gate::{FORGED, GOOD, Gate, config, head};

/// Not the id of any context.
const NOBODY: u32 = 4_711;

#[test]
fn callbacks_of_unknown_contexts_do_nothing() {
    let mut gate = Gate::warm();
    for context in [0, NOBODY, u32::MAX] {
        gate.host.broken_call::<_, ()>(context, "proxy_on_tick", context).unwrap();
        gate.host.broken_call::<_, ()>(context, "proxy_on_delete", context).unwrap();
        let configured: u32 = gate.host.broken_call(context, "proxy_on_configure", (context, 0)).unwrap();
        assert_eq!(configured, 0, "an unknown plugin is not configured");
        for (name, arguments) in
            [("proxy_on_request_headers", (context, 5, 1)), ("proxy_on_request_body", (context, 5, 1))]
        {
            let action: u32 = gate.host.broken_call(context, name, arguments).unwrap();
            assert_eq!(action, PAUSE, "{name}: an unknown request does not go on");
        }
        let action: u32 = gate.host.broken_call(context, "proxy_on_request_trailers", (context, 5)).unwrap();
        assert_eq!(action, PAUSE);
        gate.host.broken_call::<_, ()>(context, "proxy_on_http_call_response", (context, 1, 1, 1, 0)).unwrap();
    }
    gate.assert_decides("after them");
}

#[test]
fn a_stream_of_an_unknown_root_lets_nothing_through() {
    let mut gate = Gate::warm();
    gate.host.broken_call::<_, ()>(NOBODY, "proxy_on_context_create", (NOBODY, NOBODY + 1)).unwrap();
    let action: u32 = gate.host.broken_call(NOBODY, "proxy_on_request_headers", (NOBODY, 5, 1)).unwrap();
    assert_eq!(action, PAUSE);
    gate.assert_decides("after it");
}

#[test]
fn contexts_that_are_made_twice_are_no_way_in() {
    let mut gate = Gate::configured();
    let root = gate.host.root();
    gate.host.broken_call::<_, ()>(root, "proxy_on_context_create", (root, 0)).unwrap();
    let stream = gate.get(&FORGED);
    assert_eq!(gate.host.progress(stream), Progress::Waiting);
    gate.host.broken_call::<_, ()>(stream, "proxy_on_context_create", (stream, root)).unwrap();
    assert!(!gate.host.body(stream, 1, true), "the head of the new one was not seen");
    gate.live(Duration::from_millis(100));
    assert!(!gate.host.body(stream, 1, true));
    assert_ne!(gate.host.progress(stream), Progress::Forwarded);
    gate.assert_decides("after it");
}

#[test]
fn a_callout_is_answered_once() {
    let mut gate = Gate::configured();
    gate.host.tick();
    let token = gate.host.callouts()[0].token;
    gate.serve();
    for token in [token, token + 1, 0, NOBODY, u32::MAX] {
        gate.host.unasked_response(token, &[(":status", "200")], b"{\"keys\": []}");
    }
    gate.assert_decides("with the keys of the first answer");
}

#[test]
fn a_timer_before_the_configuration_does_nothing() {
    let mut gate = Gate::empty();
    assert_eq!(gate.host.add_root(""), None);
    gate.host.tick();
    assert_eq!(gate.host.callouts().len(), 0);
    let root = gate.host.root();
    assert!(gate.host.configure(root, &config().to_string()));
    gate.live(Duration::from_secs(1));
    gate.assert_decides("after a late configuration");
}

#[test]
fn the_announced_size_of_a_configuration_does_not_matter() {
    for size in [0, 1, 1_000_000, u32::MAX] {
        let mut gate = Gate::warm();
        let root = gate.host.root();
        // Outside of `configure` the buffer is not there either: it is refused, and the former one stays.
        let configured: u32 = gate.host.broken_call(root, "proxy_on_configure", (root, size)).unwrap();
        assert_eq!(configured, 0);
        gate.assert_decides("after it");
    }
}

#[test]
fn an_answer_that_is_announced_and_not_there_is_a_failed_one() {
    let mut gate = Gate::configured();
    gate.host.tick();
    let (root, token) = (gate.host.root(), gate.host.callouts()[0].token);
    let arguments = (root, token, u32::MAX, u32::MAX, u32::MAX);
    gate.host.broken_call::<_, ()>(root, "proxy_on_http_call_response", arguments).unwrap();
    gate.live(Duration::from_secs(60));
    gate.assert_decides("after the next answer");
}

#[test]
fn memory_is_given_as_it_is_asked_for_or_not_at_all() {
    let mut gate = Gate::warm();
    let mut blocks = Vec::new();
    for size in [1, 7, 8, 4_096, 1 << 20] {
        let block: u32 = gate.host.broken_call(0, "proxy_on_memory_allocate", size).unwrap();
        assert_ne!(block, 0, "{size} bytes");
        blocks.push((block, block + size));
    }
    blocks.sort_unstable();
    assert!(blocks.windows(2).all(|pair| pair[0].1 <= pair[1].0), "blocks overlap: {blocks:?}");
    for size in [0, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
        let block: u32 = gate.host.broken_call(0, "proxy_on_memory_allocate", size).unwrap();
        assert_eq!(block, 0, "{size} bytes");
    }
    gate.assert_decides("after it");
}

#[test]
fn a_stream_that_is_older_than_its_configuration_stays_shut() {
    let mut gate = Gate::empty();
    assert_eq!(gate.host.add_root(""), None);
    let stream = gate.host.open();
    assert!(gate.host.configure(gate.host.root(), &config().to_string()));
    gate.live(Duration::from_secs(1));
    let pairs = head().iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect();
    gate.host.head(stream, pairs, true);
    assert_eq!(gate.answer(stream).status, 503);
}

#[test]
fn a_head_that_comes_twice_is_not_walked_twice() {
    let mut gate = Gate::warm();
    let stream = gate.get(&GOOD);
    let action: u32 = gate.host.broken_call(stream, "proxy_on_request_headers", (stream, 5, 1)).unwrap();
    assert_eq!(action, PAUSE);
    let stream = gate.get(&FORGED);
    let answers = gate.host.calls()["proxy_send_local_response"];
    let action: u32 = gate.host.broken_call(stream, "proxy_on_request_headers", (stream, 5, 1)).unwrap();
    assert_eq!(action, PAUSE);
    assert_eq!(gate.host.calls()["proxy_send_local_response"], answers, "one answer for one request");
}

#[test]
fn body_and_trailers_before_the_head_do_not_go_on() {
    let mut gate = Gate::warm();
    let stream = gate.host.open();
    assert!(!gate.host.body(stream, 100, false));
    assert!(!gate.host.trailers(stream, &[("x-user-id", "root")]));
    let pairs = head().iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect();
    gate.host.head(stream, pairs, false);
    assert_eq!(gate.answer(stream).status, 401);
    gate.host.finish(stream);
}

#[test]
fn a_stream_that_ends_while_it_waits_gives_up_its_place() {
    let mut gate = Gate::configured();
    let streams: Vec<u32> = (0..100).map(|_| gate.get(&GOOD)).collect();
    gate.host.advance(Duration::from_millis(20));
    assert_eq!(gate.host.world().metric("portcullis.waiting_requests"), Some(100));
    streams.into_iter().for_each(|stream| gate.host.finish(stream));
    let late = gate.get(&GOOD);
    gate.live(Duration::from_millis(100));
    gate.assert_let_on(late, "after a hundred that went away");
    gate.live(Duration::from_secs(2));
    assert_eq!(gate.host.world().metric("portcullis.waiting_requests"), Some(0));
}

#[test]
fn what_comes_after_the_end_of_a_stream_does_nothing() {
    let mut gate = Gate::warm();
    let stream = gate.get(&GOOD);
    gate.host.finish(stream);
    gate.host.broken_call::<_, ()>(stream, "proxy_on_delete", stream).unwrap();
    let action: u32 = gate.host.broken_call(stream, "proxy_on_request_body", (stream, 1, 1)).unwrap();
    assert_eq!(action, PAUSE);
    gate.assert_decides("after it");
}

#[test]
fn a_root_that_goes_takes_its_shares_with_it_and_its_streams_stay_shut() {
    let mut gate = Gate::configured();
    let waits = gate.get(&GOOD);
    gate.host.advance(Duration::from_millis(20));
    assert_eq!(gate.host.world().metric("portcullis.waiting_requests"), Some(1));
    let root = gate.host.root();
    gate.host.broken_call::<_, ()>(root, "proxy_on_delete", root).unwrap();
    assert!(!gate.host.body(waits, 1, true), "nobody will decide it any more");
    gate.host.finish(waits);
    gate.host.tick();
}

#[test]
fn several_roots_of_one_worker_do_not_mix() {
    let mut gate = Gate::warm();
    let mut other = config();
    other["rules"][0]["match"]["paths"] = serde_json::json!(["/other/{rest...}"]);
    let second = gate.host.add_root(&other.to_string()).unwrap();
    gate.live(Duration::from_secs(1));
    let stream = gate.host.open_at(second);
    let pairs = head().iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect();
    gate.host.head(stream, pairs, true);
    assert_eq!(gate.answer(stream).status, 403, "the other root has no rule for it");
    gate.assert_decides("at the first root");
}

#[test]
fn the_clock_may_step_anywhere() {
    let mut gate = Gate::warm();
    let now = gate.host.world().now();
    for time in [Duration::ZERO, now, Duration::from_secs(u32::MAX.into()), now - Duration::from_secs(86_400), now] {
        gate.host.world().set_time(time);
        gate.host.tick();
        gate.serve();
        let stream = gate.get(&FORGED);
        assert_ne!(gate.host.progress(stream), Progress::Forwarded, "{time:?}");
        gate.host.finish(stream);
    }
    gate.live(Duration::from_secs(600));
    gate.assert_decides("back in time");
}

/// The action that stops a request.
const PAUSE: u32 = 1;

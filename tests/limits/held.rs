//! Requests at the same time: what is held is free when they are over, in whatever way, and when their worker is lost.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use envoy_test::{Builder, Connection, Envoy, Protocol, Push, Request, Upstream};
use serde_json::{Value, json};

use crate::{Client, Gate, flood, open, open_to_all};

fn gate(upstream: &Upstream, limit: &Value) -> Builder {
    Envoy::builder().filter_config(open_to_all(limit)).upstream(upstream).cluster("idp", upstream.address())
}

/// One request to each worker that is not answered until its socket is dropped; all are with the upstream.
fn held(envoy: &Envoy, upstream: &Upstream, who: &str) -> Vec<TcpStream> {
    let mut sockets = envoy.socket_per_worker();
    for socket in &mut sockets {
        let before = upstream.requests();
        let request = format!("GET /open HTTP/1.1\r\nhost: a\r\nx-who: {who}\r\nx-upstream-delay-ms: 600000\r\n\r\n");
        socket.write_all(request.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        let limit = Instant::now() + LONG;
        while upstream.requests() == before {
            assert!(Instant::now() < limit, "the upstream has not got it\n{}", envoy.log_tail());
            thread::sleep(Duration::from_millis(5));
        }
    }
    sockets
}

/// What each worker says to `who`, by new connections.
fn each(envoy: &Envoy, who: &str) -> Vec<u16> {
    let say = |mut worker: Connection| worker.send(&open(who)).map_or(0, |answer| answer.status);
    envoy.connection_per_worker(Protocol::Http1).into_iter().map(say).collect()
}

/// Waits until both workers let `who` on, and tells how long that took.
fn wait_until_free(envoy: &Envoy, who: &str) -> Duration {
    let began = Instant::now();
    while each(envoy, who) != [200, 200] {
        assert!(began.elapsed() < LONG, "still held\n{}", envoy.log_tail());
        thread::sleep(Duration::from_millis(100));
    }
    began.elapsed()
}

#[test]
fn requests_at_the_same_time_are_counted_over_both_workers_and_given_back() {
    let gate = Gate::new();
    let limits = json!({ "few": { "key": ["subject"], "all_rules": true, "concurrency": 3 } });
    let envoy = gate.builder(&limits).start();
    let token = gate.token("u-1");
    let (admitted, refused) = flood(&envoy, &token, Duration::from_secs(2));
    println!("{admitted} admitted, {refused} refused");
    assert!(admitted > 0 && refused > 0);
    // Whatever was reset, refused or answered: nothing is held any more. A client may have its answer before Envoy is done with it.
    let ask = || envoy.send(&Request::get("/orders").bearer(&token)).status;
    let limit = Instant::now() + LONG;
    let mut in_a_row = 0;
    while in_a_row < 50 {
        assert!(Instant::now() < limit, "something is held for good");
        in_a_row = if ask() == 200 { in_a_row + 1 } else { 0 };
    }
}

#[test]
fn a_client_that_goes_away_holds_nothing() {
    let upstream = Upstream::start();
    let envoy = gate(&upstream, &json!({ "concurrency": 2 })).start();
    let sockets = held(&envoy, &upstream, "a");
    assert_eq!(each(&envoy, "a"), [429, 429]);
    assert_eq!(each(&envoy, "b"), [200, 200]);
    drop(sockets);
    wait_until_free(&envoy, "a");
}

#[test]
fn a_new_configuration_knows_what_is_held_under_the_former() {
    let upstream = Upstream::start();
    let limit = |most: u32| json!({ "concurrency": most, "window": { "requests": 1000, "per": "10m" } });
    let mut envoy = gate(&upstream, &limit(2)).start();
    let sockets = held(&envoy, &upstream, "a");
    assert_eq!(envoy.push_filter_config(&open_to_all(&limit(1))), Push::Accepted);
    assert_eq!(each(&envoy, "a"), [429, 429]);
    assert_eq!(envoy.push_filter_config(&open_to_all(&limit(4))), Push::Accepted);
    assert_eq!(each(&envoy, "a"), [200, 200], "two of four are held");
    drop(sockets);
    assert_eq!(envoy.push_filter_config(&open_to_all(&limit(1))), Push::Accepted);
    wait_until_free(&envoy, "a");
}

/// Envoy ends what is open under a configuration that is gone (here after five seconds).
#[test]
fn what_was_held_under_a_configuration_that_is_gone_is_free() {
    let upstream = Upstream::start();
    let mut envoy = gate(&upstream, &json!({ "concurrency": 2 })).start();
    let _sockets = held(&envoy, &upstream, "a");
    let next = json!({ "concurrency": 2, "report_only": false });
    assert_eq!(envoy.push_filter_config(&open_to_all(&next)), Push::Accepted);
    wait_until_free(&envoy, "a");
}

#[test]
fn a_clock_that_jumps_frees_nothing_that_is_held() {
    let upstream = Upstream::start();
    let envoy = gate(&upstream, &json!({ "concurrency": 2 })).clock_offset(0).start();
    let sockets = held(&envoy, &upstream, "a");
    let mut client = Client::of(&envoy);
    for seconds in [31, 86_400, -2 * 86_400, 86_400 - 31] {
        envoy.jump(seconds);
        let statuses: Vec<u16> = (0..20).map(|_| client.send(&open("a")).status).collect();
        assert_eq!(statuses, [429; 20], "after {seconds}");
        // The workers have said that they are there by the new clock.
        thread::sleep(Duration::from_secs(2));
        assert_eq!(each(&envoy, "a"), [429, 429], "a while after {seconds}");
    }
    drop(sockets);
    wait_until_free(&envoy, "a");
}

/// A worker whose module Envoy calls no more, neither when a request is over nor by its timer, is lost for all others: it
/// holds what it held, and says nothing. Envoy is told so by its own means, the capabilities of a module; the one that takes
/// its place is another VM with the same shared data, as after a trap.
#[test]
fn what_a_lost_worker_held_is_free_when_it_has_said_nothing_for_half_a_minute() {
    let upstream = Upstream::start();
    let is_lost = Arc::new(AtomicBool::new(true));
    let flag = Arc::clone(&is_lost);
    let patch = move |listener: &mut Value| {
        let filter = &mut listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"][0]["typed_config"];
        let vm = |name: &str| json!({ "@type": "type.googleapis.com/google.protobuf.StringValue", "value": name });
        if flag.load(Ordering::SeqCst) {
            let allowed: serde_json::Map<String, Value> =
                ALLOWED.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
            filter["config"]["capability_restriction_config"] = json!({ "allowed_capabilities": allowed });
            filter["config"]["vm_config"]["configuration"] = vm("lost");
        } else {
            filter["config"]["vm_config"]["configuration"] = vm("next");
        }
    };
    let limit = json!({ "concurrency": 2 });
    let mut envoy = gate(&upstream, &limit).patch_listener(patch).start();
    let sockets = held(&envoy, &upstream, "a");
    let last_word = Instant::now();
    drop(sockets);
    is_lost.store(false, Ordering::SeqCst);
    let next = json!({ "concurrency": 2, "report_only": false });
    assert_eq!(envoy.push_filter_config(&open_to_all(&next)), Push::Accepted);
    let early = each(&envoy, "a");
    if last_word.elapsed() < Duration::from_secs(25) {
        assert_eq!(early, [429, 429], "its requests are over, and it has not said so");
    }
    wait_until_free(&envoy, "a");
    let took = last_word.elapsed();
    println!("free {took:?} after its last word");
    assert!(took > Duration::from_secs(25) && took < LONG, "{took:?}");
}

const LONG: Duration = Duration::from_secs(90);

/// All that the module calls and is called by, but `proxy_on_tick`, `proxy_on_done`, `proxy_on_log` and `proxy_on_delete`.
const ALLOWED: [&str; 35] = [
    "environ_get",
    "environ_sizes_get",
    "fd_write",
    "proc_exit",
    "random_get",
    "proxy_add_header_map_value",
    "proxy_call_foreign_function",
    "proxy_continue_stream",
    "proxy_define_metric",
    "proxy_get_buffer_bytes",
    "proxy_get_current_time_nanoseconds",
    "proxy_get_header_map_pairs",
    "proxy_get_header_map_value",
    "proxy_get_property",
    "proxy_get_shared_data",
    "proxy_http_call",
    "proxy_increment_metric",
    "proxy_log",
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_http_call_response",
    "proxy_on_memory_allocate",
    "proxy_on_request_body",
    "proxy_on_request_headers",
    "proxy_on_request_trailers",
    "proxy_on_response_headers",
    "proxy_on_vm_start",
    "proxy_record_metric",
    "proxy_remove_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_send_local_response",
    "proxy_set_effective_context",
    "proxy_set_property",
    "proxy_set_shared_data",
    "proxy_set_tick_period_milliseconds",
];

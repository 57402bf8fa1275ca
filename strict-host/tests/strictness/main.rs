//! Each rule of the host is broken once, by a module made for it, and the host says which.

mod script;

use script::{In, objection, script};
use strict_host::Filter;

#[test]
fn every_wrong_call_is_named() {
    use In::*;
    let get = [(":method", "GET"), (":path", "/"), (":authority", "a")];
    let with = |more| [&get[..], &[more]].concat();
    let cases = [
        (Head, script().log(9, "x"), "level 9"),
        (Head, script().log(2, "two\nlines"), "not one line"),
        (Head, script().call("log", &[2, 65_530, 100]), "not in memory"),
        (Head, script().call("log", &[2, -1, -1]), "not in memory"),
        (Head, script().header("add", 0, "X-Upper", "1"), "no header name in lower case"),
        (Head, script().header("add", 0, "x-a", "1\r\nx-b: 2"), "holds NUL, CR or LF"),
        (Head, script().header("add", 0, "x-a", " 1"), "white space"),
        (Head, script().header("add", 0, ":path", "/"), "pseudo header"),
        (Head, script().header("add", 5, "x-a", "1"), "no header map 5"),
        (Head, script().header("add", 1, "x-a", "1"), "in their own callback"),
        (Head, script().header("add", 6, "x-a", "1"), "no callout has come back"),
        (Tick, script().header("add", 0, "x-a", "1"), "a root, not a stream"),
        (Body, script().header("add", 0, "x-a", "1"), "out of reach"),
        (Delete, script().header("add", 0, "x-a", "1"), "the request is Done"),
        (Head, script().header("replace", 0, "x-twice", "1"), "several times"),
        (Head, script().remove(":path"), "can't be removed"),
        (Configure, script().call("get_header_map_pairs", &[0, 8, 12]), "a root, not a stream"),
        (Head, script().call("get_header_map_pairs", &[0, 0, 12]), "null pointer"),
        (Head, script().call("get_header_map_pairs", &[0, 9, 12]), "not aligned"),
        (Head, script().call("get_buffer_bytes", &[7, 0, 1, 8, 12]), "PluginConfiguration is not there"),
        (Head, script().call("get_buffer_bytes", &[3, 0, 1, 8, 12]), "no buffer 3"),
        (Configure, script().call("get_buffer_bytes", &[7, 0, 0, 8, 12]), "no bytes at all"),
        (Head, script().respond(99, "why", ""), "status 99"),
        (Head, script().respond(403, "two words", ""), "split a field"),
        (Head, script().respond(403, "", ""), "split a field"),
        (Head, script().respond(403, "why", "\u{1}\0\0\0"), "the headers: ends 4 bytes too early"),
        (Head, script().respond(403, "why", "").respond(403, "why", ""), "the request is Answered"),
        (Head, script().respond(403, "why", "").header("add", 0, "x-a", "1"), "the request is Answered"),
        (Body, script().respond(403, "why", ""), "the request is Forwarded"),
        (Head, script().call("continue_stream", &[0]), "the return value of the callback"),
        (Body, script().call("continue_stream", &[0]), "Forwarded, not waiting"),
        (Head, script().call("continue_stream", &[1]), "is not the request"),
        (Tick, script().call("set_effective_context", &[77]), "there is no context 77"),
        (Tick, script().call("set_tick_period", &[0]), "a period of 0 ms"),
        (Tick, script().call("set_tick_period", &[86_400_001]), "a period of 86400001 ms"),
        (Head, script().call("set_tick_period", &[10]), "a stream, not a root"),
        (Tick, script().property("a"), "a root, not a stream"),
        (Head, script().property("a b"), "no access log can name"),
        (Tick, script().share(""), "an empty key"),
        (Tick, script().count("increment", 1), "no metric 1 is defined"),
        (Tick, script().metric(0, "a").metric(0, "a"), "`a` is defined already"),
        (Tick, script().metric(3, "a"), "metric type 3"),
        (Tick, script().metric(0, "a b"), "no name of a metric"),
        (Tick, script().metric(0, "a").count("increment", -1), "counted down"),
        (Tick, script().metric(1, "a").count("increment", -1), "below zero"),
        (Tick, script().metric(0, "a").count("record", 1), "a counter can't be set"),
        (Tick, script().http_call(&get[..2], 1_000), "0 times :authority"),
        (Tick, script().http_call(&with((":path", "/")), 1_000), "2 times :path"),
        (Tick, script().http_call(&with((":status", "1")), 1_000), "that requests do not have"),
        (Tick, script().http_call(&[("x", "1"), get[0], get[1], get[2]], 1_000), "after a regular one"),
        (Tick, script().http_call(&get, 0), "a timeout of 0 ms"),
        (Head, script().http_call(&get, 1_000), "dropped with the stream"),
        (Tick, script().call("call_foreign_function", &[0, 0, 0, 0, 0, 8]), "null pointer"),
    ];
    for (place, script, said) in cases {
        let Err(panic) = script.run(place) else { panic!("in {place:?} is let through: {script:?}") };
        assert!(panic.contains(said) && panic.contains("breaks the rules"), "{script:?} in {place:?}: {panic}");
    }
}

#[test]
fn the_same_calls_done_right_are_let_through() {
    use In::*;
    for (place, script) in [
        (Head, script().log(2, "one line")),
        (Head, script().header("add", 0, "x-a", "1").header("replace", 0, ":path", "/other").remove("x-twice")),
        (Head, script().call("get_header_map_pairs", &[0, 8, 12])),
        (Head, script().property("a")),
        (Configure, script().call("get_buffer_bytes", &[7, 0, 100, 8, 12])),
        (Tick, script().call("set_tick_period", &[10]).share("key").call("set_effective_context", &[1])),
        (Tick, script().metric(1, "a").count("increment", 2).count("record", 1)),
        (Tick, script().http_call(&[(":method", "GET"), (":path", "/"), (":authority", "a"), ("x", "1")], 1_000)),
    ] {
        // The timer fires once, so a metric is defined once.
        script.run(place).unwrap_or_else(|panic| panic!("{script:?} in {place:?}: {panic}"));
    }
}

#[test]
fn a_module_that_answers_and_lets_on_is_refused() {
    let panic = script().respond(403, "why", "").run_with_action(In::Head, 0).unwrap_err();
    assert!(panic.contains("answers the request and lets it on"), "{panic}");
    let panic = script().run_with_action(In::Head, 2).unwrap_err();
    assert!(panic.contains("returns the action 2"), "{panic}");
    script().respond(403, "why", "").run_with_action(In::Head, 1).unwrap();
}

#[test]
fn a_module_that_other_hosts_could_not_run_is_refused() {
    let refused = |wat: &str| objection(|| drop(Filter::compile(&wat::parse_str(wat).unwrap()))).unwrap_err();
    assert!(refused(r#"(module (import "env" "proxy_of_mine" (func)))"#).contains("env.proxy_of_mine"));
    assert!(refused(r#"(module (import "wasi_snapshot_preview1" "path_open" (func)))"#).contains("path_open"));
    assert!(refused(r#"(module (import "mine" "f" (func)))"#).contains("imports f from `mine`"));
    assert!(refused(r#"(module (memory (export "memory") 1))"#).contains("does not export _initialize"));
}

#[test]
fn a_trap_is_named() {
    let panic = script().code("(unreachable)").run(In::Tick).unwrap_err();
    assert!(panic.contains("traps in proxy_on_tick"), "{panic}");
}

#[test]
fn the_status_that_is_injected_is_the_one_that_comes() {
    // A module that bears nothing but 7.
    let picky = "(if (i32.ne (call $get_current_time_nanoseconds (i32.const 8)) (i32.const 7)) (then (unreachable)))";
    let mut host = script().code(picky).host(In::Tick, 0);
    host.inject_some("proxy_get_current_time_nanoseconds", 7, 0, 2);
    host.tick();
    host.tick();
    assert!(objection(|| host.tick()).is_err(), "the third call is well");
}

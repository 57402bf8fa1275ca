//! The runner of WASI commands, by programs made for it.

use std::fs;
use std::path::PathBuf;

use strict_host::{Finished, run_command};

fn run(name: &str, code: &str) -> Result<Finished, String> {
    let program = format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "path_open"
                (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 8) "hello\n")
            (func (export "_start") {code}))"#
    );
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.wasm"));
    fs::write(&path, wat::parse_str(program).unwrap()).unwrap();
    run_command(&path, &[])
}

/// Writes the six bytes at 8 to standard output.
const HELLO: &str = "(i32.store (i32.const 0) (i32.const 8)) (i32.store (i32.const 4) (i32.const 6))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))";

#[test]
fn what_it_writes_and_how_it_ends_is_told() {
    let finished = run("ends", HELLO).unwrap();
    assert_eq!((finished.exit_code, finished.output.as_str()), (0, "hello\n"));
    let finished = run("exits", &format!("{HELLO} (call $exit (i32.const 101))")).unwrap();
    assert_eq!((finished.exit_code, finished.output.as_str()), (101, "hello\n"));
}

#[test]
fn a_trap_is_an_error_with_what_was_written_before() {
    let error = run("traps", &format!("{HELLO} unreachable")).unwrap_err();
    assert!(error.starts_with("hello\n") && error.contains("unreachable"), "{error}");
}

#[test]
fn what_there_is_not_is_named_when_it_is_called() {
    let zeros = "(i32.const 0)".repeat(5) + "(i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0)";
    let error = run("opens", &format!("(drop (call $open {zeros}))")).unwrap_err();
    assert!(error.contains("path_open"), "{error}");
}

#[test]
fn random_numbers_are_the_same_in_every_run_and_not_all_alike() {
    let draw = "(drop (call $random (i32.const 8) (i32.const 6)))";
    let draws: Vec<Vec<u8>> = (0..2).map(|_| run("draws", &format!("{draw} {HELLO}")).unwrap().output.into()).collect();
    assert_eq!(draws[0], draws[1]);
    assert_ne!(draws[0], b"hello\n");
}

//! The unit tests of the core, compiled to wasm32 and run by a WebAssembly runtime: what holds natively holds in the
//! module, the arithmetic of 32 bits and the cryptographic libraries included.

use strict_host::run_command;

#[test]
fn the_unit_tests_pass_as_wasm32() {
    let finished = run_command(&envoy_test::unit_tests(), &[]).unwrap_or_else(|trap| panic!("{trap}"));
    assert_eq!(finished.exit_code, 0, "{}", finished.output);
    let passed = passed(&finished.output).unwrap_or_default();
    println!("{passed} unit tests pass as wasm32");
    assert!(passed >= FEWEST, "only {passed} unit tests ran:\n{}", finished.output);
}

/// The number in `test result: ok. 321 passed; ...`.
fn passed(output: &str) -> Option<u32> {
    let result = output.lines().find_map(|line| line.strip_prefix("test result: ok. "))?;
    result.split(' ').next()?.parse().ok()
}

/// So that a build that leaves tests out does not read as passed.
const FEWEST: u32 = 450;

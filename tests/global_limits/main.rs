//! Limits that several Envoys share, with real Envoys in front of a real engine: Limitador on Redis; and in front of one that
//! answers late, never, and nonsense.
//!
//! Redis, or Valkey, comes as a wheel from PyPI where the machine has none, and Limitador is built from crates.io. Where either
//! can't be had the tests that need it say by name that they are ignored, and with `PORTCULLIS_REQUIRE_REDIS=1` that is a
//! failure. That is why the target brings its own `main`.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests run on the real clock, and a panic is the failed test"
)]

mod engine;
mod shared;

use std::process::ExitCode;

use envoy_test::{Limitador, Redis};
use libtest_mimic::{Arguments, Completion, Trial};

fn main() -> ExitCode {
    let anywhere: [(&str, fn()); 6] = [
        ("each_request_is_asked_about_once_by_its_descriptor", engine::asked_once),
        ("what_the_engine_says_is_told_and_remembered", engine::told_and_remembered),
        ("an_engine_that_fails_lets_on_denies_or_leaves_it_to_the_limit", engine::failures),
        ("an_engine_that_hangs_costs_the_timeout_and_then_nothing", engine::hangs),
        ("a_reload_in_the_middle_loses_and_doubles_nobody", engine::reload),
        ("a_cluster_that_is_not_there_is_a_failure", engine::no_cluster),
    ];
    let with_redis: [(&str, fn()); 4] = [
        ("two_envoys_let_on_together_what_one_limit_has", shared::two_envoys),
        ("with_counters_in_memory_two_engines_let_on_a_little_more", shared::cached),
        ("callers_have_allowances_of_their_own_and_routes_their_weights", shared::keys_and_weights),
        ("redis_is_killed_and_comes_back", shared::redis_killed),
    ];
    let anywhere = anywhere.map(|(name, test)| Trial::test(name, move || run(test)));
    let with_redis = with_redis.map(|(name, test)| Trial::ignorable_test(name, move || run_with_redis(test)));
    let trials = anywhere.into_iter().chain(with_redis).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn run(test: fn()) -> Result<(), libtest_mimic::Failed> {
    test();
    Ok(())
}

fn run_with_redis(test: fn()) -> Result<Completion, libtest_mimic::Failed> {
    let required = std::env::var_os("PORTCULLIS_REQUIRE_REDIS").is_some_and(|value| value == "1");
    match Redis::lacks().or_else(Limitador::lacks) {
        Some(lack) if required => Err(format!("{lack}, and PORTCULLIS_REQUIRE_REDIS=1").into()),
        Some(lack) => Ok(Completion::ignored_with(lack)),
        None => {
            test();
            Ok(Completion::Completed)
        }
    }
}

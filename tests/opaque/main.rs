//! Opaque tokens in a real Envoy: with a certified authorization server, with a hostile one, and in a crowd.
//!
//! The certified one is npm `oidc-provider`, which needs Node. Without it its tests say by name that they are ignored, and with
//! `PORTCULLIS_REQUIRE_NODE=1` that is a failure. That is why the target brings its own `main`.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is the failed test"
)]

mod certified;
mod crowd;
mod hostile;
mod server;

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use envoy_test::OidcProvider;
use libtest_mimic::{Arguments, Completion, Trial};

fn main() -> ExitCode {
    let with_node: [(&str, fn()); 4] = [
        ("an_opaque_token_of_a_certified_server_gets_in_until_it_expires", certified::until_it_expires),
        ("a_token_that_was_revoked_is_refused_when_the_cache_time_is_over", certified::revoked),
        ("a_gate_whose_secret_is_wrong_lets_nobody_in_and_says_why", certified::wrong_secret),
        ("a_certified_server_that_stops_lets_nobody_in_and_is_noticed_when_it_is_back", certified::stopped),
    ];
    let alone: [(&str, fn()); 4] = [
        ("hostile_answers_let_nobody_in_and_no_worker_suffers", hostile::answers),
        ("no_redirect_is_followed_and_no_token_adds_a_field", hostile::redirects_and_fields),
        ("a_thousand_equal_tokens_at_once_are_one_question_of_each_worker", crowd::equal_tokens),
        ("a_flood_of_made_up_tokens_is_bounded_and_leaves_others_alone", crowd::flood),
    ];
    let with_node = with_node.map(|(name, test)| Trial::ignorable_test(name, move || run_with_node(test)));
    let alone = alone.map(|(name, test)| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), with_node.into_iter().chain(alone).collect()).exit_code()
}

fn run_with_node(test: fn()) -> Result<Completion, libtest_mimic::Failed> {
    let required = std::env::var_os("PORTCULLIS_REQUIRE_NODE").is_some_and(|value| value == "1");
    match OidcProvider::lacks() {
        Some(lack) if required => Err(format!("{lack}, and PORTCULLIS_REQUIRE_NODE=1").into()),
        Some(lack) => Ok(Completion::ignored_with(lack)),
        None => {
            test();
            Ok(Completion::Completed)
        }
    }
}

/// Waits until `is_so`, for as long as a busy machine may take; how long it took.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(40), "not within 40 s: {what}");
        thread::sleep(Duration::from_millis(100));
    }
    start.elapsed()
}

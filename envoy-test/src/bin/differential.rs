//! `cargo differential`: many odd tokens through `jwt_authn` and the filter in one Envoy, and where the two differ.

use std::process::ExitCode;
use std::time::Instant;

use envoy_test::differential::{Classes, run};
use envoy_test::{exit_on_ctrl_c, workspace};

fn main() -> ExitCode {
    let (mut tokens, mut seed) = (100_000, 1);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let number = arguments.next().and_then(|text| text.replace('_', "").parse::<u64>().ok());
        match (argument.as_str(), number) {
            ("--tokens", Some(number)) => tokens = usize::try_from(number).unwrap_or(usize::MAX),
            ("--seed", Some(number)) => seed = number,
            ("--help" | "-h", _) => {
                print!("{HELP}");
                return ExitCode::SUCCESS;
            }
            (other, _) => {
                eprint!("there is no `{other}` here, or it lacks its number\n\n{HELP}");
                return ExitCode::from(2);
            }
        }
    }
    exit_on_ctrl_c();
    let classes = Classes::read(&workspace().join("tests/differential/classes.yaml"));
    let start = Instant::now();
    let tally = run(tokens, seed);
    println!("{tally}");
    println!("seed {seed}, {:.0} s", start.elapsed().as_secs_f64());
    let complaints = tally.complaints(&classes, tokens >= ENOUGH);
    for complaint in &complaints {
        eprintln!("- {complaint}");
    }
    if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// So many that each class has been seen.
const ENOUGH: usize = 100_000;

const HELP: &str = "\
cargo differential [--tokens N] [--seed N]

Sends good, odd and forged tokens through Envoy's own jwt_authn and through the filter, in one Envoy with the same keys,
and prints a table of where they agree and where they do not. The exit status is 1 if the filter accepts a token that
jwt_authn refuses, or if they differ in a way that tests/differential/classes.yaml does not list.

  --tokens N     how many, 100000 at first; from there on each listed class has to be seen
  --seed N       which ones, 1 at first: the same seed makes the same choices, with new keys
";

//! `cargo measure`: what a request costs Envoy, with the filter and with the native one.
//!
//! All contenders run side by side, one worker each, on one core, and take turns in short rounds, so that a slow moment
//! of the machine hits all of them alike. What counts is the CPU time of Envoy's process: client and issuer, on another
//! core, do not. Envoy answers by itself behind the filters (`direct_response`) and writes no access log: an upstream
//! would cost each contender the same and hide the difference. The tokens have the shape and size of Entra's.

use std::path::PathBuf;
use std::process::ExitCode;

use envoy_test::exit_on_ctrl_c;

mod contender;
mod contenders;
mod loading;
mod policy;
mod report;
mod soak;

fn main() -> ExitCode {
    let plan = match Plan::read(std::env::args().skip(1)) {
        Ok(Some(plan)) => plan,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprint!("{error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    exit_on_ctrl_c();
    if plan.soak > 0 {
        return soak::run(plan.soak);
    }
    if plan.load > 0 {
        return loading::run(plan.load);
    }
    let mut contenders = contenders::start(&plan);
    eprintln!("[measure] warming up");
    for contender in &mut contenders {
        contender.run(plan.requests);
        contender.rounds.clear();
    }
    for round in 1..=plan.rounds {
        eprintln!("[measure] round {round} of {}", plan.rounds);
        for contender in &mut contenders {
            contender.run(plan.requests);
        }
    }
    let report = report::Report::of(&contenders, &plan);
    print!("{report}");
    if let Some(path) = &plan.json
        && let Err(error) = std::fs::write(path, format!("{:#}\n", report.json()))
    {
        eprintln!("cannot write {}: {error}", path.display());
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// What to do.
struct Plan {
    rounds: usize,
    requests: usize,
    json: Option<PathBuf>,
    only: Option<String>,
    soak: usize,
    load: usize,
}

impl Plan {
    /// `None` asks for help.
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut plan = Self { rounds: 15, requests: 1000, json: None, only: None, soak: 0, load: 0 };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("`{argument}` wants a value"));
            let number = |text: String| text.parse::<usize>().ok().filter(|number| *number > 0);
            let number = |text: String| number(text.clone()).ok_or(format!("`{text}` is not a number above 0"));
            match argument.as_str() {
                "--rounds" => plan.rounds = number(value()?)?,
                "--requests" => plan.requests = number(value()?)?,
                "--json" => plan.json = Some(value()?.into()),
                "--only" => plan.only = Some(value()?),
                "--load" => plan.load = number(value()?)?,
                "--soak" => plan.soak = number(value()?)?,
                "--help" | "-h" => return Ok(None),
                other => return Err(format!("there is no `{other}` here")),
            }
        }
        Ok(Some(plan))
    }
}

const HELP: &str = "\
cargo measure [--rounds N] [--requests N] [--json FILE] [--only TEXT]
cargo measure --soak N
cargo measure --load N

Starts an Envoy for each contender, all pinned to one core (no filter, an empty wasm filter, jwt_authn with and without
its cache, the filter in its ways), and lets them take turns. Prints what a request costs Envoy in CPU time, requests per
second, and the ratio to jwt_authn without a cache: the median of the rounds, and the middle half of them. Linux only.

  --rounds N     rounds, 15 at first
  --requests N   requests of each contender in a round, 1000 at first
  --json FILE    writes the figures there too
  --only TEXT    leaves out the contenders without this in their name, but for the first jwt_authn
  --soak N       sends N requests with ten thousand distinct tokens through one worker instead, and prints the memory
                 that Envoy and the filter's cache hold on the way; fails if it still grows in the second half
  --load N       loads a configuration of N rules instead, five times, and prints how long that takes
";

//! `cargo demo`: a real Envoy with the filter, and a story of requests through it.

use std::io::{BufRead, IsTerminal, stdin};
use std::process::ExitCode;

use envoy_test::story::{Scene, Stage, tell};

fn main() -> ExitCode {
    let mut once = false;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--once" => once = true,
            "--help" | "-h" => {
                print!("{HELP}");
                return ExitCode::SUCCESS;
            }
            other => {
                eprint!("there is no `{other}` here\n\n{HELP}");
                return ExitCode::from(2);
            }
        }
    }
    // What went wrong is told in the message; where in our own code it was found is of no use here.
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("\n{}", panic.payload_as_str().unwrap_or("the demo has failed"));
    }));
    envoy_test::exit_on_ctrl_c();

    let mut stage = Stage::set_up();
    println!("\n{}", Scene::heading());
    let scenes = tell(&mut stage, &mut |scene| println!("{scene}"));
    let wrong = scenes.iter().filter(|scene| !scene.is_right()).count();
    println!("\n{} requests, {wrong} not as expected", scenes.len());
    if once {
        if wrong > 0 {
            eprintln!("\n{}", stage.envoy.log_tail());
        }
        return if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }

    println!("\nEnvoy stays up (admin: http://{}). Try:\n", stage.envoy.admin_address());
    println!("{}", stage.curl_lines());
    if stdin().is_terminal() {
        println!("Enter: fresh tokens. Ctrl-C: stop.");
        for _ in stdin().lock().lines() {
            println!("{}", stage.curl_lines());
        }
    }
    println!("Ctrl-C: stop.");
    loop {
        std::thread::park();
    }
}

const HELP: &str = "\
cargo demo [--once]

Builds the filter, finds Envoy, starts test issuers, an upstream and Envoy with two workers, sends a story of requests
through it and prints what became of each. Then it stays up, with curl lines to try, until Ctrl-C.

  --once    stop after the table; the exit status is 1 if any answer was not the expected one
  --help    this text

Environment:
  ENVOY_BIN                 an Envoy to use (1.36 or newer)
  PORTCULLIS_ENVOY_VERSION  download this one instead: 1.40.0 or 1.36.2
  PORTCULLIS_TOOLCHAIN      what builds the filter: `rustup` or `distribution`
  PORTCULLIS_WASM           a filter module to use as it is
";

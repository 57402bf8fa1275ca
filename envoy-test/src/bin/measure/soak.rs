//! A million requests, and whether memory stays where it is.

use std::process::ExitCode;

use envoy_test::Load;
use serde_json::json;

use crate::contenders::{Field, request};

/// Sends `count` requests with ten thousand distinct tokens, in an order in which each comes back after all the others.
pub(crate) fn run(count: usize) -> ExitCode {
    let field = Field::new();
    eprintln!("[soak] signing {TOKENS} tokens");
    let requests: Vec<String> = (0..TOKENS).map(|id| request(&field.rsa(id))).collect();
    let envoy = field.ours(&json!({ "limits": { "token_cache": CACHE } })).start();
    let mut load = Load::open(envoy.address(), 16);
    println!("{:>10} {:>14} {:>16} {:>14}", "requests", "Envoy's MiB", "tokens held", "their bytes");
    let mut samples = Vec::new();
    let mut sent = 0;
    while sent < count {
        load.run(&requests, 200);
        sent += TOKENS;
        let resident = envoy.memory();
        let gauge = |name| envoy.stat(&format!("wasmcustom.portcullis.token_cache.{name}")).unwrap_or(0);
        let (held, bytes) = (gauge("entries"), gauge("bytes"));
        println!("{sent:>10} {:>14.1} {held:>16} {bytes:>14}", resident as f64 / MIB);
        samples.push(resident);
    }
    verdict(&samples)
}

fn verdict(samples: &[u64]) -> ExitCode {
    let half = samples.len() / 2;
    let most = |samples: &[u64]| samples.iter().copied().max().unwrap_or(0);
    let (first, second) = (most(&samples[..half]), most(&samples[half..]));
    let growth = second.saturating_sub(first) as f64 / MIB;
    println!("most in the first half {:.1} MiB, in the second {:.1} MiB", first as f64 / MIB, second as f64 / MIB);
    if growth < ROOM {
        return ExitCode::SUCCESS;
    }
    eprintln!("memory grew by {growth:.1} MiB in the second half");
    ExitCode::FAILURE
}

const TOKENS: usize = 10_000;

/// Room for a fifth of the tokens, so that the cache is full and lets go all the time.
const CACHE: &str = "16MiB";

const MIB: f64 = 1_048_576.0;

/// What an allocator may still take, in MiB, without memory that is lost.
const ROOM: f64 = 2.0;

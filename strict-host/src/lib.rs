//! A proxy-wasm host that forgives nothing, and a runner for WASI commands.
//!
//! [`StrictHost`] runs a filter against ABI 0.2.1 and nothing else: it checks the arguments and the moment of each host
//! call, and a call that no host need bear fails the test. It can answer any function with any status, call back late,
//! twice and out of order, and it counts instructions and memory. Time stands still unless a test moves it, and random
//! numbers are the same in every run, so the same test gives the same counts.
//!
//! ```no_run
//! use std::{path::Path, time::Duration};
//! use strict_host::{Filter, Progress, StrictHost, World};
//!
//! let filter = Filter::load(Path::new("portcullis.wasm"));
//! let world = World::at(Duration::from_secs(1_767_225_600));
//! let mut host = StrictHost::started(&filter, &world, "{}");
//! host.tick();
//! for callout in host.callouts() {
//!     host.respond(callout.token, &[(":status", "200")], b"{\"keys\":[]}");
//! }
//! let stream = host.request(&[(":method", "GET"), (":path", "/"), (":authority", "api.example")]);
//! assert_eq!(host.progress(stream), Progress::Answered);
//! ```
//!
//! [`run_command`] runs a program for `wasm32-wasip1`, such as the test binary of a crate.

mod abi;
mod calls;
mod command;
mod filter;
mod host;
mod state;
mod wasi;

pub use abi::{Pairs, encode, status};
pub use command::{Finished, run_command};
pub use filter::Filter;
pub use host::StrictHost;
pub use state::{Answer, Callout, GrpcCall, Progress, World};

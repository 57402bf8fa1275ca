//! A whole engine, with a script for everything around it: configuration, requests, issuers, other workers, the clock.

mod callers;
mod host;
mod issuer;
mod keys;
mod request;
mod script;
mod settings;
mod verdict;
mod worker;
mod world;

pub use callers::callers;
use script::Script;
use world::World;

/// Whatever happens around the engine, only who should gets in, waiting ends, and memory stays bounded.
///
/// The input is the script: each byte decides one thing, and when there are no more, the world turns honest, and a good
/// request must get in.
pub fn exchange(input: &[u8]) {
    let mut script = Script::new(input);
    let mut world = World::new(&mut script);
    while !script.is_over() {
        world.step(&mut script);
        world.check();
    }
    world.turns_honest();
}

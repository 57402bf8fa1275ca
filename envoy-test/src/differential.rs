//! The same tokens through Envoy's own `jwt_authn` and through the filter, in one Envoy: we never accept what it refuses,
//! and what we refuse and it accepts is listed with its reason.
//!
//! The tokens are good ones with none to three oddities each: in claims, header, JSON, signature, text, and
//! in the way they are sent. The choices come from a seed; keys and times are new in each run.

mod arena;
mod claims;
mod draft;
mod header;
mod signature;
mod token;
mod transport;
mod verdict;
mod wire;

use std::thread;

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::support::progress;
use arena::Arena;
use token::Specimen;
use verdict::accepts;
pub use verdict::{Classes, Tally};
use wire::Wire;

/// Sends this many tokens to both, and counts the answers.
///
/// # Panics
/// When a filter gives an answer that is neither yes nor no.
#[must_use]
pub fn run(tokens: usize, seed: u64) -> Tally {
    let arena = Arena::start(2);
    let tally = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (arena, share) = (&arena, tokens / CLIENTS + usize::from(client < tokens % CLIENTS));
                scope.spawn(move || {
                    drive(arena, share, seed.wrapping_mul(1000).wrapping_add(client as u64), client == 0)
                })
            })
            .collect();
        let mut tally = Tally::default();
        for client in clients {
            tally.add(client.join().expect("a client of the run"));
        }
        tally
    });
    assert!(!arena.envoy.log().contains("VM failed"), "{}", arena.envoy.log_tail());
    tally
}

/// One client's share. `tells` says how far it is.
fn drive(arena: &Arena, share: usize, seed: u64, tells: bool) -> Tally {
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut native, mut ours) = (Wire::new(arena.envoy.address()), Wire::new(arena.envoy.address()));
    let (mut tally, mut other, mut done) = (Tally::default(), String::from("e30.e30.AA"), 0);
    while done < share {
        let specimens: Vec<Specimen> =
            (0..AT_ONCE.min(share - done)).map(|_| Specimen::grow(arena, &mut other, &mut rng)).collect();
        let to = |path: &str| -> Vec<Vec<u8>> { specimens.iter().map(|one| one.carrier.request(path)).collect() };
        let theirs = native.ask(&to(NATIVE));
        let first = ours.ask(&to(OURS));
        // A good one is remembered by now; that must not make another one good.
        let second = ours.ask(&to(OURS));
        for (((specimen, theirs), first), second) in specimens.iter().zip(theirs).zip(first).zip(second) {
            let carrier = &specimen.carrier;
            let own = if accepts(&second) { second } else { first };
            let laxer = accepts(&own) && !accepts(&theirs);
            // Near the edge of its time a token is good for the one asked first and bad for the other.
            let theirs = if laxer { native.ask(&[carrier.request(NATIVE)]).remove(0) } else { theirs };
            let own = if laxer { ours.ask(&[carrier.request(OURS)]).remove(0) } else { own };
            tally.count(&theirs, &own, specimen);
        }
        done += specimens.len();
        if tells && (done / AT_ONCE).is_multiple_of(50) {
            progress(format_args!("{} tokens", done * CLIENTS));
        }
    }
    tally
}

const CLIENTS: usize = 4;
const AT_ONCE: usize = 32;
const NATIVE: &str = "/native";
const OURS: &str = "/ours";

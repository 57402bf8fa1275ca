//! Key ids that were asked for and are not there.
//!
//! A client with a `kid` that the issuer never had would otherwise cause a fetch after every cooldown. Remembered are only
//! ids that a finished fetch was asked about; an id that comes up during the cooldown may be a new key and is not held
//! against it. Bounded by number; ids are at most 256 bytes by the rules for headers.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::UnixTime;

/// Ids that wait for an answer, and ids that got one.
#[derive(Clone, Debug, Default)]
pub(super) struct Misses {
    asked: Vec<Box<str>>,
    missing: VecDeque<(Box<str>, UnixTime)>,
}

impl Misses {
    /// Notes that a request waits to hear of this id. Beyond [`MOST_ASKED`] it is not noted: it still gets its answer.
    pub(super) fn ask(&mut self, kid: &str) {
        if self.asked.len() < MOST_ASKED && !self.asked.iter().any(|asked| **asked == *kid) {
            self.asked.push(kid.into());
        }
    }

    /// Was this id asked for, and not there?
    pub(super) fn contains(&self, now: UnixTime, kid: &str) -> bool {
        self.missing.iter().any(|(missing, until)| **missing == *kid && now < *until)
    }

    /// A new set of keys: what was missing before may be there now, what was asked for is missing or not.
    pub(super) fn set_arrived(&mut self, until: UnixTime, known: impl Fn(&str) -> bool) {
        self.missing.clear();
        for kid in self.asked.drain(..).filter(|kid| !known(kid)) {
            self.missing.push_back((kid, until));
        }
    }

    /// The fetch came to nothing: nobody knows about the ids that were asked for.
    pub(super) fn fetch_failed(&mut self) {
        self.asked.clear();
    }

    /// Bounds how long a miss can last, should the clock have stepped back.
    pub(super) fn steady(&mut self, now: UnixTime, longest: Duration) {
        for (_, until) in &mut self.missing {
            *until = (*until).min(now.plus(longest));
        }
    }
}

/// A fleet with one wrong `kid` is common, with dozens is an attack; 64 ids of 256 bytes are 16 KiB at the worst, twice.
const MOST_ASKED: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_000_000);
    const LATER: UnixTime = UnixTime::from_secs(1_000_900);

    #[test]
    fn only_what_was_asked_for_and_is_not_there_is_a_miss() {
        let mut misses = Misses::default();
        misses.ask("a");
        misses.ask("b");
        assert!(!misses.contains(NOW, "a"));
        misses.set_arrived(LATER, |kid| kid == "b");
        assert!(misses.contains(NOW, "a") && !misses.contains(NOW, "b") && !misses.contains(NOW, "c"));
        assert!(!misses.contains(LATER, "a"), "a miss ends");
    }

    #[test]
    fn a_new_set_forgets_and_a_failure_decides_nothing() {
        let mut misses = Misses::default();
        misses.ask("a");
        misses.fetch_failed();
        misses.set_arrived(LATER, |_| false);
        assert!(!misses.contains(NOW, "a"));
        misses.ask("a");
        misses.set_arrived(LATER, |_| false);
        assert!(misses.contains(NOW, "a"));
        misses.set_arrived(LATER, |_| false);
        assert!(!misses.contains(NOW, "a"));
    }

    /// Advisory 35: memory does not grow with what is asked.
    #[test]
    fn the_number_of_misses_is_bounded() {
        let mut misses = Misses::default();
        for number in 0..10_000 {
            misses.ask(&format!("kid-{number}"));
        }
        misses.set_arrived(LATER, |_| false);
        assert_eq!(misses.missing.len(), MOST_ASKED);
        assert!(misses.asked.is_empty());
        let earlier = NOW.minus(Duration::from_secs(86_400));
        misses.steady(earlier, Duration::from_secs(900));
        assert!(!misses.contains(earlier.plus(Duration::from_secs(900)), "kid-0"));
    }
}

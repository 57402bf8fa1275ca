//! What a request was counted in, from its arrival to its end.

use std::rc::Rc;

use super::tally::{Held, Tally};
use crate::time::UnixTime;

/// Limits that a request was counted in already, so that it is not counted again when it walks again after it waited.
#[derive(Debug, Default)]
pub struct Counted {
    /// On arrival, if that was.
    arrived: bool,
    /// As one whose credential is not accepted, if it was.
    failed: bool,
    /// With leave to go on, if that was.
    admitted: bool,
    tallies: Vec<Tally>,
    /// Limits that learn from the response.
    upstreams: Vec<Rc<str>>,
}

/// A request that went on, as far as limits have to do with its end: what it holds, and what is learned of the upstream.
#[derive(Debug)]
pub struct Admission {
    held: Vec<Held>,
    upstreams: Vec<Rc<str>>,
    began: UnixTime,
}

impl Counted {
    /// Was it counted on arrival? Says so once, and then that it was.
    pub(crate) fn arrives(&mut self) -> bool {
        !std::mem::replace(&mut self.arrived, true)
    }

    /// The same for one whose credential is not accepted.
    pub(crate) fn fails(&mut self) -> bool {
        !std::mem::replace(&mut self.failed, true)
    }

    /// The same for with leave to go on.
    pub(crate) fn is_admitted(&mut self) -> bool {
        !std::mem::replace(&mut self.admitted, true)
    }

    /// Adds what came of it.
    pub(crate) fn add(&mut self, mut tallies: Vec<Tally>) {
        if self.tallies.is_empty() {
            self.tallies = tallies;
        } else {
            self.tallies.append(&mut tallies);
        }
    }

    /// The same for limits that were looked at before: what was found then is out of date.
    pub(crate) fn renew(&mut self, tallies: Vec<Tally>) {
        self.tallies.retain(|before| tallies.iter().all(|tally| tally.limit != before.limit));
        self.add(tallies);
    }

    /// Its response will be told to the limit of this name.
    pub(crate) fn learns(&mut self, limit: &Rc<str>) {
        self.upstreams.push(Rc::clone(limit));
    }

    /// What came of it so far.
    pub(crate) fn tallies(&self) -> &[Tally] {
        &self.tallies
    }

    /// What came of each that it was counted in or is beyond: `admitted`, `limited`, or `unenforced` where it would have been.
    pub(crate) fn outcomes(&self) -> Vec<(Rc<str>, &'static str)> {
        self.tallies
            .iter()
            .filter(|tally| !tally.quiet && !tally.uncounted)
            .map(|tally| (Rc::clone(&tally.limit), tally.outcome()))
            .collect()
    }

    /// Takes what it holds.
    pub(crate) fn take_held(&mut self) -> Vec<Held> {
        self.tallies.iter_mut().filter_map(|tally| tally.held.take()).collect()
    }

    /// What is left to do when the request is over, if anything.
    pub(crate) fn take(&mut self, now: UnixTime) -> Option<Admission> {
        let held = self.take_held();
        let upstreams = std::mem::take(&mut self.upstreams);
        (!held.is_empty() || !upstreams.is_empty()).then_some(Admission { held, upstreams, began: now })
    }
}

impl Admission {
    /// Does a limit learn from its response?
    pub(crate) fn learns(&self) -> bool {
        !self.upstreams.is_empty()
    }

    /// The limits that learn from its response, once, and when it went on.
    pub(crate) fn take_upstreams(&mut self) -> (Vec<Rc<str>>, UnixTime) {
        (std::mem::take(&mut self.upstreams), self.began)
    }

    /// What it holds.
    pub(crate) fn held(self) -> Vec<Held> {
        self.held
    }
}

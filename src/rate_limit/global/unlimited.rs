//! Limits of which an engine knows nothing: it lets everything on, and a misspelt domain or descriptor looks like peace.

use std::rc::Rc;

/// Limits that let a request on without a word about a limit, each told once.
#[derive(Debug, Default)]
pub(super) struct Unlimited {
    known: Vec<Rc<str>>,
    untold: Vec<Rc<str>>,
}

impl Unlimited {
    /// The limit of this name, as the configuration calls it.
    pub(super) fn notice(&mut self, limit: &Rc<str>) {
        if !self.known.contains(limit) {
            self.known.push(Rc::clone(limit));
            self.untold.push(Rc::clone(limit));
        }
    }

    /// Those that nobody has been told of.
    pub(super) fn take(&mut self) -> Vec<Rc<str>> {
        std::mem::take(&mut self.untold)
    }
}

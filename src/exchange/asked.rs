//! What a request has asked of those who count limits elsewhere.

use std::rc::Rc;

use crate::engine::Engine;
use crate::rate_limit::global::Ticket;

/// The limits of a request that are counted elsewhere, by their names, as far as they have been asked for.
#[derive(Debug, Default)]
pub(super) struct Asked(Vec<(Rc<str>, State)>);

/// How it stands with one of them.
#[derive(Clone, Copy, Debug)]
pub(super) enum State {
    /// There is no answer yet.
    Waits { engine: usize, ticket: Ticket },
    /// It was counted.
    Settled,
    /// There was no answer, and it lets nobody on without one.
    Unavailable,
}

impl Asked {
    /// Nobody waits for the answers any more.
    pub(super) fn forget(&mut self, engine: &mut Engine) {
        self.0.retain(|(_, state)| match state {
            State::Waits { engine: place, ticket } => {
                if let Some(asker) = engine.asker(*place) {
                    asker.forget(*ticket);
                }
                false
            }
            State::Settled | State::Unavailable => true,
        });
    }

    /// A limit that had to be answered for, and was not.
    pub(super) fn unavailable(&self) -> Option<Rc<str>> {
        let is_unavailable = |state: &State| matches!(state, State::Unavailable);
        self.0.iter().find(|(_, state)| is_unavailable(state)).map(|(name, _)| Rc::clone(name))
    }

    /// How it stands with a limit, if it has been asked for.
    pub(super) fn state(&self, limit: &str) -> Option<State> {
        self.0.iter().find(|(name, _)| **name == *limit).map(|(_, state)| *state)
    }

    /// So it stands with a limit now.
    pub(super) fn set(&mut self, limit: &Rc<str>, state: State) {
        match self.0.iter_mut().find(|(name, _)| name == limit) {
            Some((_, known)) => *known = state,
            None => self.0.push((Rc::clone(limit), state)),
        }
    }
}

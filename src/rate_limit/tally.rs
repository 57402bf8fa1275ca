//! What a request is counted in, and what came of it.

use std::rc::Rc;

use super::limit::{Allowance, Limit, Tier};
use super::{Excess, ExcessKind, Room};

/// One limit that a request is to be counted in.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The limit.
    pub limit: &'a Limit,
    /// The tier's, if there is one, else the limit's own.
    pub tier: Option<&'a Tier>,
    /// It counts as so many.
    pub weight: u32,
    /// So much of the allowance is left, quotas apart; 1 to 100.
    pub percent: u8,
    /// Whoever is beyond it goes on: the limit, the rule or everything is only reported.
    pub report_only: bool,
}

impl<'a> Request<'a> {
    /// The amounts that count for it.
    #[must_use]
    pub fn allowance(&self) -> &'a Allowance {
        self.tier.map_or(&self.limit.allowance, |tier| &tier.allowance)
    }
}

/// How that went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The limit's name.
    pub limit: Rc<str>,
    /// The caller's tier.
    pub tier: Option<Rc<str>>,
    /// What is left.
    pub rooms: Vec<(ExcessKind, Room)>,
    /// There was no room.
    pub excess: Option<Excess>,
    /// So it went on even so.
    pub report_only: bool,
    /// There was room, but another limit stops the request, and it is not counted.
    pub uncounted: bool,
    /// It counts failures, and this request is none so far.
    pub quiet: bool,
    /// What it holds until it is over.
    pub held: Option<Held>,
}

/// What a request holds until it is over; complete in itself, because the configuration may be another one by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub(super) place: u64,
    pub(super) who: u64,
    pub(super) holder: u32,
}

impl Tally {
    /// What came of it: `admitted`, `limited`, or `unenforced` where it would have been; `uncounted` if another limit stops the
    /// request.
    #[must_use]
    pub fn outcome(&self) -> &'static str {
        match (&self.excess, self.report_only) {
            (None, _) if self.uncounted => "uncounted",
            (None, _) => "admitted",
            (Some(_), false) => "limited",
            (Some(_), true) => "unenforced",
        }
    }

    /// It is not counted after all; so much is left then.
    pub(super) fn undo(&mut self, rooms: Vec<(ExcessKind, Room)>) {
        self.rooms = rooms;
        self.uncounted = true;
        self.held = None;
    }

    /// Does it stop the request?
    pub(super) fn stops(&self) -> bool {
        self.excess.is_some() && !self.report_only
    }
}

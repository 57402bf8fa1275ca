//! Why a walk stops, and what it waits for.

use std::time::Duration;

use super::{Denial, Reply};
use crate::engine::Engine;
use crate::groups::{GroupsLookup, Member};
use crate::introspection::TokenDigest;
use crate::jose::Algorithm;
use crate::provider::{IssuerRef, KeyLookup};
use crate::rate_limit::global::Ticket;
use crate::time::UnixTime;

/// Why the walk stops.
#[derive(Debug)]
pub(super) enum Stop {
    /// The request is turned away.
    Denied(Denial),
    /// What the request needs may be on its way.
    Wait(Wanted),
    /// The filter itself has what it asks for.
    Served(Reply),
}

impl From<Denial> for Stop {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

/// What a waiting request needs.
#[derive(Debug)]
pub(super) enum Wanted {
    /// This key.
    Key { issuer: IssuerRef, kid: Option<String>, alg: Algorithm },
    /// What this token is, by the word of this provider's authorization server.
    Introspection { provider: usize, digest: TokenDigest },
    /// The groups of this caller.
    Groups(Member),
    /// Time, until then: it is slowed down by so much.
    Delay(UnixTime, Duration),
    /// What the engines say that count limits, of these places, until then at most.
    Limits(Vec<(usize, Ticket)>, UnixTime),
}

impl Wanted {
    /// Would the request have to wait, still?
    pub(super) fn is_out(&self, engine: &mut Engine, now: UnixTime) -> bool {
        match self {
            Self::Key { issuer, kid, alg } => matches!(engine.key(*issuer, kid.as_deref(), *alg, now), KeyLookup::Wait),
            Self::Introspection { provider, digest } => engine.is_introspecting(*provider, digest),
            Self::Delay(until, _) => now < *until,
            Self::Groups(member) => matches!(engine.groups(member, now), GroupsLookup::Wait),
            Self::Limits(tickets, _) => tickets.iter().any(|(place, ticket)| {
                let asker = engine.asker(*place);
                asker.is_some_and(|asker| asker.is_out(now, *ticket))
            }),
        }
    }
}

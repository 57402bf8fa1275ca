//! The callouts: which are due, what they say, and what comes of their answers.

use std::time::Duration;

use crate::provider::backoff::Round;
use crate::provider::form::FORM;
use crate::provider::{Fetch, FetchId, Fetched, Post};
use crate::time::UnixTime;

use super::answer::{self, Entry, Failure};
use super::health::Outcome;
use super::member::Member;
use super::{GraphToken, LARGEST_BATCH, LONGEST_TOKEN, REFUSED, Refused, Resolver};

/// A callout for a token.
#[derive(Debug)]
pub(super) struct TokenFlight {
    id: FetchId,
    round: Round,
    pub(super) deadline: UnixTime,
}

/// A callout for groups.
#[derive(Debug)]
pub(super) struct Batch {
    id: FetchId,
    members: Vec<Member>,
    round: Round,
    pub(super) deadline: UnixTime,
}

impl Resolver {
    /// A callout to send now, if one is due; ask until none is. Also notices callouts that never came back.
    #[must_use = "the fetch is not sent by itself"]
    pub fn poll(&mut self, now: UnixTime) -> Option<Fetch> {
        self.steady(now);
        self.give_up(now);
        let most = if self.backoff.is_cautious() { 1 } else { MOST_BATCHES };
        if self.queue.is_empty() || now < self.backoff.until() || self.token_flight.is_some() {
            return None;
        }
        let Some(token) = self.token.as_ref().filter(|token| now < token.until) else {
            return Some(self.ask_for_token(now));
        };
        if self.batches.len() >= most {
            return None;
        }
        let authorization = format!("Bearer {}", token.text.reveal());
        let members: Vec<Member> = self.queue.drain(..self.batch_size.min(self.queue.len())).collect();
        let body = answer::batch(&members, self.settings.security_groups_only);
        let id = self.take_off();
        let settings = &self.settings;
        self.batches.push(Batch { id, members, round: self.backoff.round(), deadline: now.plus(self.patience()) });
        let fetch = Fetch::new(id, &settings.cluster, &settings.batch, settings.timeout, answer::LARGEST);
        Some(fetch.with(Post { content_type: "application/json", authorization: Some(authorization), body }))
    }

    /// How a callout ended. Poll afterwards.
    ///
    /// An answer to no callout that is out, or that comes after its deadline, changes nothing.
    pub fn handle_response(&mut self, now: UnixTime, id: FetchId, fetched: Fetched) {
        self.steady(now);
        self.give_up(now);
        if let Some(flight) = self.token_flight.take_if(|flight| flight.id == id) {
            match answer::token(fetched) {
                Ok((text, lifetime)) => {
                    // A fifth before its end, so that none expires on its way.
                    let until =
                        now.plus(lifetime.min(LONGEST_TOKEN).checked_div(5).unwrap_or_default().saturating_mul(4));
                    self.token = Some(GraphToken { text, since: now, until });
                }
                Err(failure) => self.fail(now, Vec::new(), flight.round, failure),
            }
        } else if let Some(place) = self.batches.iter().position(|batch| batch.id == id) {
            let Batch { members, round, .. } = self.batches.swap_remove(place);
            match answer::entries(fetched, members.len()) {
                Ok(entries) => self.take(now, members, round, entries),
                Err(failure) if failure.outcome == Outcome::TokenRefused && self.token_is_old(now) => {
                    self.token = None;
                    self.ask_again(members);
                }
                Err(failure) => self.fail(now, members, round, failure),
            }
        }
    }

    fn ask_for_token(&mut self, now: UnixTime) -> Fetch {
        let id = self.take_off();
        self.token_flight = Some(TokenFlight { id, round: self.backoff.round(), deadline: now.plus(self.patience()) });
        let settings = &self.settings;
        let fetch = Fetch::new(id, &settings.login_cluster, &settings.token, settings.timeout, answer::LARGEST_TOKEN);
        let body = answer::token_form(&settings.client_id, &settings.client_secret, &settings.scope);
        fetch.with(Post { content_type: FORM, authorization: None, body })
    }

    /// What Graph said of each.
    fn take(&mut self, now: UnixTime, members: Vec<Member>, round: Round, entries: Vec<Entry>) {
        let mut throttled = None;
        for (member, entry) in members.into_iter().zip(entries) {
            self.pending.remove(&member);
            let refused = |lasting| Refused { until: now.plus(if lasting { REFUSED } else { RETRY_ONE }), lasting };
            match entry {
                Entry::Groups(list) => {
                    self.refused.pop(&member);
                    self.held.insert(now, member, list);
                }
                Entry::Unresolvable => {
                    self.refused.put(member, refused(true));
                }
                Entry::Failed => {
                    self.refused.put(member, refused(false));
                }
                Entry::Throttled(after) => throttled = throttled.max(Some(after)),
            }
        }
        match throttled {
            Some(after) => {
                self.fail(now, Vec::new(), round, Failure { outcome: Outcome::Throttled, after: Some(after) });
            }
            None => {
                self.backoff.succeeded();
                self.batch_size = self.batch_size.saturating_mul(2).min(LARGEST_BATCH);
                self.last_outcome = Some(Outcome::Resolved);
            }
        }
    }

    /// A callout came to nothing. Smaller batches from here on: an answer may have been too large.
    fn fail(&mut self, now: UnixTime, members: Vec<Member>, round: Round, failure: Failure) {
        self.backoff.failed(now, round, failure.after, &mut self.random);
        self.batch_size = 1;
        self.last_outcome = Some(failure.outcome);
        if failure.outcome == Outcome::TokenRefused {
            self.token = None;
        }
        self.ask_again(members);
        if self.backoff.is_open(now) {
            for member in self.queue.drain(..) {
                self.pending.remove(&member);
            }
        }
    }

    fn ask_again(&mut self, members: Vec<Member>) {
        for member in members.into_iter().rev() {
            self.queue.push_front(member);
        }
    }

    /// A token that Graph took before may have been withdrawn, which a new one cures; one that is new is at fault itself.
    fn token_is_old(&self, now: UnixTime) -> bool {
        self.token.as_ref().is_some_and(|token| now.since(token.since) > REFUSED)
    }

    fn give_up(&mut self, now: UnixTime) {
        let late = Failure { outcome: Outcome::TimedOut, after: None };
        if let Some(flight) = self.token_flight.take_if(|flight| now >= flight.deadline) {
            self.fail(now, Vec::new(), flight.round, late);
        }
        while let Some(place) = self.batches.iter().position(|batch| now >= batch.deadline) {
            let Batch { members, round, .. } = self.batches.swap_remove(place);
            self.fail(now, members, round, late);
        }
    }

    fn take_off(&mut self) -> FetchId {
        self.last_fetch = self.last_fetch.next();
        self.last_fetch
    }
}

/// Batches that may be out at the same time: eighty callers within one answer of Graph, which is far below what it
/// throttles.
const MOST_BATCHES: usize = 4;

/// How long one caller is not asked for after Graph failed on that one alone.
const RETRY_ONE: Duration = Duration::from_secs(2);

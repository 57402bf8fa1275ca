//! The callouts: which are due, what they say, and what comes of their answers.

use std::time::Duration;

use super::Introspector;
use super::answer::{self, Failure, Said};
use super::flaw::IntrospectionFlaw;
use super::health::Outcome;
use super::queue::Question;
use crate::jose::{Claim, Claims};
use crate::provider::backoff::Round;
use crate::provider::{Fetch, FetchId, Fetched};
use crate::time::UnixTime;

/// A callout that is out.
#[derive(Debug)]
pub(super) struct Flight {
    id: FetchId,
    question: Question,
    round: Round,
    pub(super) deadline: UnixTime,
}

impl Introspector {
    /// A callout to send now, if one is due; ask until none is. Also notices callouts that never came back.
    #[must_use = "the fetch is not sent by itself"]
    pub fn poll(&mut self, now: UnixTime) -> Option<Fetch> {
        self.steady(now);
        self.overdue(now);
        let most = if self.backoff.is_cautious() { 1 } else { self.settings.concurrency };
        if now < self.backoff.until() || self.flights.len() >= most {
            return None;
        }
        let question = self.queue.take()?;
        let settings = &self.settings;
        let post = answer::question(&settings.client, &question.token);
        self.last_fetch = self.last_fetch.next();
        let id = self.last_fetch;
        let fetch = Fetch::new(id, &settings.cluster, &settings.endpoint, settings.timeout, settings.max_bytes);
        let (round, deadline) = (self.backoff.round(), now.plus(self.patience()));
        self.flights.push(Flight { id, question, round, deadline });
        Some(fetch.with(post))
    }

    /// How a callout ended. Poll afterwards.
    ///
    /// An answer to no callout that is out, or that comes after its deadline, changes nothing.
    pub fn handle_response(&mut self, now: UnixTime, id: FetchId, fetched: Fetched) {
        self.steady(now);
        self.overdue(now);
        let Some(place) = self.flights.iter().position(|flight| flight.id == id) else { return };
        let flight = self.flights.swap_remove(place);
        match answer::read(fetched, self.settings.max_bytes) {
            Ok(said) => self.take(now, &flight.question, said),
            Err(Failure { outcome: outcome @ Outcome::RequestRefused, .. }) => {
                self.backoff.succeeded();
                self.give_up_one(now, &flight.question, outcome);
            }
            // Of one token, such as that of a user with very many groups. Whether others fare better is not known yet.
            Err(Failure { outcome: outcome @ (Outcome::TooLarge | Outcome::Unreadable), .. }) => {
                self.give_up_one(now, &flight.question, outcome);
            }
            Err(failure) => self.fail(now, flight, failure),
        }
    }

    /// What the server said of one token.
    fn take(&mut self, now: UnixTime, question: &Question, said: Said) {
        self.backoff.succeeded();
        self.queue.end(&question.digest);
        self.last_outcome = Some(match said {
            Said::Refused(IntrospectionFlaw::ActiveMissing | IntrospectionFlaw::ActiveMalformed) => Outcome::NotSaid,
            Said::Active(_) | Said::Refused(_) => Outcome::Answered,
        });
        match said {
            Said::Active(claims) => {
                let longest = self.settings.fresh_for;
                let span = match Claims::of(&claims).numeric_date("exp") {
                    Claim::Absent => longest,
                    Claim::Value(expires) if now < expires => expires.since(now).min(longest),
                    // It may be believed for as long as clocks may differ, but not be remembered: the requests that wait find it.
                    Claim::Value(_) => AT_LEAST.min(longest),
                    // It will be refused; for a while it need not be asked about again.
                    Claim::Malformed => self.settings.refused_for.min(longest),
                };
                self.held.insert(now, question.digest, claims, span);
            }
            Said::Refused(flaw) => self.held.refuse(now, question.digest, Some(flaw), self.settings.refused_for),
        }
    }

    /// Nothing is learned of one token, which says nothing about others.
    fn give_up_one(&mut self, now: UnixTime, question: &Question, outcome: Outcome) {
        self.last_outcome = Some(outcome);
        self.queue.end(&question.digest);
        self.held.refuse(now, question.digest, None, RETRY_ONE);
    }

    /// A callout came to nothing.
    fn fail(&mut self, now: UnixTime, flight: Flight, failure: Failure) {
        self.backoff.failed(now, flight.round, failure.after, &mut self.random);
        self.last_outcome = Some(failure.outcome);
        self.queue.again(flight.question);
        if self.backoff.is_open(now) {
            self.queue.give_up();
        }
    }

    fn overdue(&mut self, now: UnixTime) {
        while let Some(place) = self.flights.iter().position(|flight| now >= flight.deadline) {
            let flight = self.flights.swap_remove(place);
            self.fail(now, flight, Failure { outcome: Outcome::TimedOut, after: None });
        }
    }
}

/// The requests that wait for an answer find it for this long.
const AT_LEAST: Duration = Duration::from_secs(1);

/// How long one token is not asked about after the server refused the question about it, or its answer could not be read.
const RETRY_ONE: Duration = Duration::from_secs(5);

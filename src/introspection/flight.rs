//! The callouts: which are due, what they say, and what comes of their answers.

use std::time::Duration;

use super::Introspector;
use super::answer::{self, Failure, Said};
use super::health::Outcome;
use super::queue::Question;
use crate::jose::{Claim, Claims};
use crate::provider::{Fetch, FetchId, Fetched};
use crate::time::UnixTime;

/// A callout that is out.
#[derive(Debug)]
pub(super) struct Flight {
    id: FetchId,
    question: Question,
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
        self.flights.push(Flight { id, question, deadline: now.plus(self.patience()) });
        Some(fetch.with(post))
    }

    /// How a callout ended. Poll afterwards.
    ///
    /// An answer to no callout that is out, or that comes after its deadline, changes nothing.
    pub fn handle_response(&mut self, now: UnixTime, id: FetchId, fetched: Fetched) {
        self.steady(now);
        self.overdue(now);
        let Some(place) = self.flights.iter().position(|flight| flight.id == id) else { return };
        let question = self.flights.swap_remove(place).question;
        match answer::read(fetched, self.settings.max_bytes) {
            Ok(said) => {
                self.last_outcome = Some(Outcome::Answered);
                self.take(now, &question, said);
            }
            Err(Failure { outcome: outcome @ Outcome::RequestRefused, .. }) => {
                self.last_outcome = Some(outcome);
                self.backoff.succeeded();
                self.queue.end(&question.digest);
                self.held.refuse(now, question.digest, None, RETRY_ONE);
            }
            Err(failure) => self.fail(now, question, failure),
        }
    }

    /// What the server said of one token.
    fn take(&mut self, now: UnixTime, question: &Question, said: Said) {
        self.backoff.succeeded();
        self.queue.end(&question.digest);
        match said {
            Said::Active(claims) => {
                let longest = self.settings.fresh_for;
                let span = match Claims::of(&claims).numeric_date("exp") {
                    Claim::Absent => longest,
                    Claim::Value(expires) if now < expires => expires.since(now).min(longest),
                    // It will be refused; for a while it need not be asked about again.
                    Claim::Value(_) | Claim::Malformed => self.settings.refused_for.min(longest),
                };
                self.held.insert(now, question.digest, claims, span);
            }
            Said::Refused(flaw) => self.held.refuse(now, question.digest, Some(flaw), self.settings.refused_for),
        }
    }

    /// A callout came to nothing.
    fn fail(&mut self, now: UnixTime, question: Question, failure: Failure) {
        self.backoff.failed(now, failure.after, &mut self.random);
        self.last_outcome = Some(failure.outcome);
        self.queue.again(question);
        if self.backoff.is_open(now) {
            self.queue.give_up();
        }
    }

    fn overdue(&mut self, now: UnixTime) {
        while let Some(place) = self.flights.iter().position(|flight| now >= flight.deadline) {
            let question = self.flights.swap_remove(place).question;
            self.fail(now, question, Failure { outcome: Outcome::TimedOut, after: None });
        }
    }
}

/// How long one token is not asked about after the server refused the question about it.
const RETRY_ONE: Duration = Duration::from_secs(5);

//! Tokens to be asked about, in order, and whose they are.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::net::IpAddr;

use super::TokenDigest;

/// A token to be asked about: kept for no longer than until its answer comes.
#[derive(PartialEq, Eq)]
pub(super) struct Question {
    pub(super) digest: TokenDigest,
    pub(super) token: Box<[u8]>,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Question")
    }
}

/// The questions that wait, and those that are out.
#[derive(Debug)]
pub(super) struct Queue {
    most: usize,
    waiting: VecDeque<Question>,
    /// Those that wait and those that are out, with the client who asked first.
    pending: HashMap<TokenDigest, Option<Neighbourhood>>,
    by_client: HashMap<Neighbourhood, usize>,
}

/// An IPv4 address, or the 64 bits of an IPv6 address that one client usually has all addresses of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Neighbourhood(u64);

impl Neighbourhood {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(u64::from(address.to_bits())),
            IpAddr::V6(address) => Self(u64::try_from(address.to_bits() >> 64).unwrap_or(u64::MAX)),
        }
    }
}

impl Queue {
    /// One for at most so many questions, those that are out among them.
    pub(super) fn new(most: usize) -> Self {
        Self { most, waiting: VecDeque::new(), pending: HashMap::new(), by_client: HashMap::new() }
    }

    /// Is the token waiting or out?
    pub(super) fn holds(&self, digest: &TokenDigest) -> bool {
        self.pending.contains_key(digest)
    }

    pub(super) fn len(&self) -> usize {
        self.pending.len()
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Adds a question; `false` if there are too many, of this client or of all.
    pub(super) fn push(&mut self, digest: TokenDigest, token: &[u8], from: Option<IpAddr>) -> bool {
        if self.pending.len() >= self.most {
            return false;
        }
        let client = from.map(Neighbourhood::of);
        if let Some(client) = client {
            let count = self.by_client.entry(client).or_default();
            if *count >= self.most.div_ceil(PART_OF_ONE) {
                return false;
            }
            *count = count.saturating_add(1);
        }
        self.pending.insert(digest, client);
        self.waiting.push_back(Question { digest, token: Box::from(token) });
        true
    }

    /// The next to be asked.
    pub(super) fn take(&mut self) -> Option<Question> {
        self.waiting.pop_front()
    }

    /// One that was taken is to be asked again, next.
    pub(super) fn again(&mut self, question: Question) {
        self.waiting.push_front(question);
    }

    /// It is answered, or given up.
    pub(super) fn end(&mut self, digest: &TokenDigest) {
        let Some(client) = self.pending.remove(digest).flatten() else { return };
        if let Some(count) = self.by_client.get_mut(&client) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.by_client.remove(&client);
            }
        }
    }

    /// Gives up all that wait.
    pub(super) fn give_up(&mut self) {
        for question in std::mem::take(&mut self.waiting) {
            self.end(&question.digest);
        }
    }
}

/// One client has a quarter of the places: who sends made-up tokens as fast as it can leaves room for others.
const PART_OF_ONE: usize = 4;

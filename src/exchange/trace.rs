//! What a walk leaves behind: what it has learned, for the record and the answer, and what it has done.

use std::rc::Rc;

use super::Denial;
use super::asked::Asked;
use crate::binding::replay::{Replays, Use};
use crate::credential::Scheme;
use crate::identity::Identity;
use crate::policy::{Credentials, Facts, Rule};
use crate::rate_limit::Counted;

/// What a request has done already, and must not do again when it walks again after it waited.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// It was made to wait for its risk.
    pub(super) slowed: bool,
    /// The proof that came with it was accepted.
    pub(super) proven: Option<Proven>,
    /// Where that proof is to be written down as used, when nothing else stops the request.
    pub(super) unspent: Option<(Replays, Use)>,
    /// The limits that it was counted in.
    pub(super) counted: Counted,
    /// Those that it was counted in elsewhere.
    pub(super) asked: Asked,
}

/// A proof of possession that was accepted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proven {
    /// The thumbprint of the key that it proves.
    pub(super) key: [u8; 32],
    /// The client is to be told a newer nonce.
    pub(super) renew_nonce: bool,
}

/// What the walk has learned so far, for the record and for the answer.
#[derive(Debug, Default)]
pub(super) struct Trace {
    pub(super) rule: Option<(usize, Rc<str>)>,
    pub(super) provider: Option<usize>,
    /// How the token was sent.
    pub(super) scheme: Option<Scheme>,
    /// As the token names it, while its bearer is not known.
    pub(super) kid: Option<String>,
    pub(super) identity: Option<Identity>,
    /// What would have stopped the request, were it enforced.
    pub(super) unenforced: Option<Denial>,
    /// The policy that decided, or would have.
    pub(super) policy: Option<Rc<str>>,
    pub(super) remembered: bool,
    /// What is known of the risk.
    pub(super) risk: Option<u8>,
    /// What it has done in this walk and in those before.
    pub(super) done: Done,
    /// Header fields for the response, whatever it is.
    pub(super) response: Vec<(&'static str, String)>,
    /// Why it can't wait (any longer). What is only reported then fails so, and does not stop it.
    pub(super) out_of_patience: Option<Denial>,
    /// The rule is only reported.
    pub(super) report_only: bool,
    /// What the rule takes.
    pub(super) accepts: Credentials,
    /// The client's, where the record holds what the decision was made of.
    pub(super) address: Option<std::net::IpAddr>,
    /// Who looks on, in a rehearsal.
    pub(super) watch: Watch,
}

/// Somebody who looks on when a rule is put to the facts, and changes nothing. Nobody, in the filter.
#[derive(Default)]
pub(super) struct Watch(pub(super) Option<Box<See>>);

/// What somebody does who looks on.
type See = dyn Fn(&Rule, &Facts<'_>);

impl Watch {
    pub(super) fn see(&self, rule: &Rule, facts: &Facts<'_>) {
        if let Some(see) = &self.0 {
            see(rule, facts);
        }
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Watch").field(&self.0.is_some()).finish()
    }
}

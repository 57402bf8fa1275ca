//! What is known about one request when it is decided.

use std::cell::Cell;

use super::template::Captured;
use crate::access::Circumstances;
use crate::binding::Binding;
use crate::groups::GroupList;
use crate::identity::Identity;
use crate::token::VerifiedToken;

/// What a decision may hang on.
#[derive(Debug)]
pub struct Facts<'a> {
    /// Who is calling.
    pub identity: &'a Identity,
    /// How a token was proven to be its sender's.
    pub binding: Binding,
    /// Path parameters by name, as the rule's template names them.
    pub parameters: &'a [(&'a str, Captured<'a>)],
    /// The caller's groups, where they were asked for elsewhere because the token had no room for them.
    pub groups: Option<GroupList>,
    /// Set by a check that needed them and did not have them.
    pub groups_missed: Cell<bool>,
    /// From where, when, and so on.
    pub circumstances: Circumstances<'a>,
}

impl Facts<'_> {
    /// The caller's token.
    #[must_use]
    pub fn token(&self) -> Option<&VerifiedToken> {
        self.identity.token()
    }
}

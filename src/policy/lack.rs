//! What a caller lacks for a rule, in the words of the record and the answer.

use std::rc::Rc;

use crate::access;

/// What is lacking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// There is nobody: the check is about a token and there is none.
    NoToken,
    /// Scopes: these, as a challenge names them (RFC 6750 section 3, `scope`). One of them may be enough.
    Scope(Rc<[String]>),
    /// An app role.
    AppRole,
    /// A group.
    Group,
    /// Too many groups for the token, which names none of them: not to be taken for "no groups".
    GroupsOverage,
    /// A directory role.
    DirectoryRole,
    /// A role of our own that has the permission.
    Permission,
    /// The token is another provider's.
    Provider,
    /// The token is for another audience.
    Audience,
    /// Another client application calls.
    Client,
    /// The client application showed another kind of credential when it got the token.
    ClientAuthentication,
    /// Another tenant's token.
    Tenant,
    /// Another subject.
    Subject,
    /// Another kind of caller.
    CallerKind,
    /// The token is not bound to its sender in a way that is asked for.
    Binding,
    /// A claim is not there, or says something else.
    Claim,
    /// The claim or the value of the request that names the owner says something else.
    Owner,
    /// A condition is not so.
    Condition,
    /// A condition can't be evaluated.
    ConditionFailed,
    /// A claim or a value that a check hangs on can't be read, or is not there though it has to be: why, as a stable code.
    Unclear(&'static str),
    /// What is excluded is so.
    Excluded,
    /// An alternative: there is none that could be met.
    Never,
    /// A circumstance.
    Circumstance(access::Lack),
}

impl Lack {
    /// Stable code for the audit record and the counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoToken => "credential_missing",
            Self::Scope(_) => "scope_missing",
            Self::AppRole => "app_role_missing",
            Self::Group => "group_missing",
            Self::GroupsOverage => "groups_overage",
            Self::DirectoryRole => "directory_role_missing",
            Self::Permission => "permission_missing",
            Self::Provider => "provider_not_accepted",
            Self::Audience => "audience_not_wanted",
            Self::Client => "client_not_accepted",
            Self::ClientAuthentication => "client_authentication_not_accepted",
            Self::Tenant => "tenant_not_accepted",
            Self::Subject => "subject_not_accepted",
            Self::CallerKind => "caller_kind_not_accepted",
            Self::Binding => "binding_missing",
            Self::Claim => "claim_not_as_required",
            Self::Owner => "not_the_owner",
            Self::Condition => "condition_not_met",
            Self::ConditionFailed => "condition_failed",
            Self::Unclear(reason) => reason,
            Self::Excluded => "excluded",
            Self::Never => "never_met",
            Self::Circumstance(lack) => lack.reason(),
        }
    }

    /// The better of two for a caller to hear, where either would have been enough: what they can do something about.
    /// Without a token nothing else can be known; then a better sign-in, then a scope to ask for, then an overage that
    /// an administrator can resolve. The first of two that are alike.
    #[must_use]
    pub fn or_better(self, other: Self) -> Self {
        if other.rank() < self.rank() { other } else { self }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::NoToken => 0,
            Self::Circumstance(access::Lack::Assurance(shortfall)) if shortfall.step_up.is_some() => 1,
            Self::Scope(_) => 2,
            Self::GroupsOverage => 3,
            _ => 4,
        }
    }
}

impl From<access::Lack> for Lack {
    fn from(lack: access::Lack) -> Self {
        match lack {
            access::Lack::NoToken => Self::NoToken,
            lack => Self::Circumstance(lack),
        }
    }
}

//! Whose groups are asked for.

use crate::entra::Caller;
use crate::provider::{Guid, TenantId};
use crate::token::VerifiedToken;

/// A caller, as Graph knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Member {
    kind: Kind,
    id: Guid,
}

/// What kind of object a caller is in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An application's presence in the tenant.
    ServicePrincipal,
    /// A person.
    User,
}

impl Kind {
    /// Its collection in Graph.
    pub(super) const fn segment(self) -> &'static str {
        match self {
            Self::ServicePrincipal => "servicePrincipals",
            Self::User => "users",
        }
    }
}

impl Member {
    /// Who is behind a token of this tenant; `None` if that can't be told, or it is of another one: an application's token
    /// for Graph opens one tenant's directory.
    #[must_use]
    pub fn of(token: &VerifiedToken, tenant: &TenantId) -> Option<Self> {
        let kind = match token.caller()? {
            Caller::User => Kind::User,
            Caller::App => Kind::ServicePrincipal,
            Caller::Device => return None,
        };
        let id = Guid::from_claim(token.text("oid")?)?;
        (token.text("tid")? == tenant.as_str()).then_some(Self { kind, id })
    }

    #[cfg(test)]
    pub(super) fn new(kind: Kind, id: &str) -> Self {
        Self { kind, id: Guid::from_claim(id).unwrap() }
    }

    /// User or application.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The object's id.
    #[must_use]
    pub fn id(&self) -> &Guid {
        &self.id
    }
}

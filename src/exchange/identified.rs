//! Who is calling, as it was found out.

use crate::binding::Binding;
use crate::identity::Identity;

/// Who is calling, and what they proved besides.
#[derive(Debug)]
pub(super) struct Identified {
    pub(super) identity: Identity,
    /// How a token was proven to be its sender's.
    pub(super) binding: Binding,
}

impl Identified {
    /// Nobody.
    pub(super) fn nobody() -> Self {
        Self { identity: Identity::Anonymous, binding: Binding::default() }
    }
}

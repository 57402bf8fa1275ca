//! The groups of one caller.

use std::rc::Rc;

use serde_json::Value;

use crate::provider::Guid;

/// Object ids of groups (and of directory roles, where those were asked for too). Cheap to hand on: 16 bytes an id, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupList(Rc<[u128]>);

impl GroupList {
    /// From the ids as Graph writes them; `None` if one is no GUID.
    pub(super) fn read(ids: &[Value]) -> Option<Self> {
        let mut ids = ids.iter().map(|id| number(id.as_str()?)).collect::<Option<Vec<_>>>()?;
        ids.sort_unstable();
        Some(Self(ids.into()))
    }

    /// Is this one of them? In the spelling of tokens: a GUID in lower case.
    #[must_use]
    pub fn contains(&self, id: &str) -> bool {
        number(id).is_some_and(|id| self.0.binary_search(&id).is_ok())
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// `true` for a caller without any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn number(id: &str) -> Option<u128> {
    let id = Guid::from_claim(id)?;
    id.as_str()
        .bytes()
        .filter_map(|byte| char::from(byte).to_digit(16))
        .try_fold(0_u128, |sum, digit| sum.checked_mul(16)?.checked_add(u128::from(digit)))
}

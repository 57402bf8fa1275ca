//! The groups of one caller, as Graph writes them.

use std::rc::Rc;

use serde_json::Value;

use crate::provider::Guid;

/// Object ids of groups (and of directory roles, where those were asked for too), in the spelling of tokens: GUIDs in lower
/// case.
pub type GroupList = Rc<[String]>;

/// `None` if one is no GUID: then it is not known what the others are.
pub(super) fn read(ids: &[Value]) -> Option<GroupList> {
    ids.iter().map(|id| Guid::from_claim(id.as_str()?).map(|id| id.as_str().to_owned())).collect()
}

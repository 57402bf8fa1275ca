//! Claims in the shapes that Entra ID issues, with made-up ids, for tests.

use serde_json::{Map, Value};

use crate::jose::json::{self, JsonLimits};

pub(super) const TENANT: &str = "11111111-aaaa-4bbb-8ccc-222222222222";
pub(super) const OTHER_TENANT: &str = "99999999-9999-4999-8999-999999999999";

pub(super) fn claims(text: &str) -> Map<String, Value> {
    json::parse_object(text.as_bytes(), &JsonLimits::default()).unwrap()
}

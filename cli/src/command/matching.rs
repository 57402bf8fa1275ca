//! Which rules of a document are about a request, headers and query aside.

use portcullis::http::RequestHead;
use portcullis::policy::{HostPattern, MatchSpec, Method, PathTemplate, Router, RuleName};
use serde_json::Value;

/// The template by which `rule`, as it is written, could speak for the request.
pub(super) fn could_speak(rule: &Value, head: &RequestHead) -> Option<String> {
    let names = |member: &str| {
        let names = rule.pointer(&format!("/match/{member}")).and_then(Value::as_array).into_iter().flatten();
        names.filter_map(Value::as_str)
    };
    let spec = MatchSpec {
        name: RuleName::parse(rule.get("name")?.as_str()?).ok()?,
        hosts: names("hosts").filter_map(|text| HostPattern::parse(text).ok()).collect(),
        paths: names("paths").filter_map(|text| PathTemplate::parse(text).ok()).collect(),
        methods: names("methods").filter_map(|text| Method::parse(text).ok()).collect(),
        conditions: Default::default(),
    };
    let router = Router::new(vec![(spec, ())]).ok()?;
    let found = router.find(head.host(), head.method(), head.path().segments())?;
    Some(found.template().text().to_owned())
}

/// Does the rule look at headers or the query to match?
pub(super) fn has_conditions(rule: &Value) -> bool {
    let has = |member: &str| rule.pointer(&format!("/match/{member}")).is_some_and(|value| !value.is_null());
    has("headers") || has("query")
}

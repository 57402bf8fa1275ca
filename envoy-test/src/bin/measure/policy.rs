//! A large policy.

use serde_json::{Map, Value, json};

/// `count` rules, 20 roles, and 5 conditions on the rule that requests match.
pub(crate) fn large(count: usize) -> Value {
    let mut roles: Map<String, Value> = (1..ROLES)
        .map(|index| {
            let role = json!({
                "permissions": [format!("things-{index}:read"), "orders:list"],
                "granted_to": { "app_roles": format!("Things.{index}") }
            });
            (format!("role-{index}"), role)
        })
        .collect();
    roles.insert(
        "clerk".to_owned(),
        json!({ "permissions": ["orders:read"], "granted_to": { "app_roles": "Orders.Approve" } }),
    );
    let mut rules: Vec<Value> = (1..count)
        .map(|index| {
            json!({
                "name": format!("rule-{index}"),
                "match": { "methods": ["GET", "POST"], "paths": [format!("/service-{index}/items/{{id}}")] },
                "require": { "scopes": "orders.read", "permissions": format!("things-{}:read", 1 + index % (ROLES - 1)) }
            })
        })
        .collect();
    rules.push(json!({
        "name": "orders",
        "match": { "paths": ["/orders/{id}"] },
        "require": {
            "scopes": "orders.read",
            "permissions": "orders:read",
            "callers": ["user"],
            "networks": ["office"],
            "schedules": ["always"]
        }
    }));
    let week = json!(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]);
    json!({
        "networks": { "office": ["127.0.0.0/8", "203.0.113.0/24", "2001:db8::/32"] },
        "schedules": {
            "always": { "time_zone": "Europe/Berlin", "weekly": [{ "days": week, "from": "00:00", "to": "24:00" }] }
        },
        "roles": roles,
        "rules": rules
    })
}

/// The same with a condition in CEL beside them.
pub(crate) fn with_cel(count: usize) -> Value {
    let mut configuration = large(count);
    if let Some(rule) = configuration["rules"].as_array_mut().and_then(|rules| rules.last_mut()) {
        rule["require"]["cel"] = json!("request.method == 'GET' && claims.ver == '2.0' && params.id != 'x'");
    }
    configuration
}

/// One limit that nobody reaches, told in the responses as `headers` says.
pub(crate) fn limited(headers: &str) -> Value {
    json!({
        "rate_limits": { "user": { "key": ["subject"], "all_rules": true, "rate": { "requests": 1_000_000, "per": "1s" } } },
        "answers": { "rate_limit_headers": headers }
    })
}

/// One that is used up, and looked at before the token is.
pub(crate) fn exhausted() -> Value {
    let limit = json!({
        "key": ["address"], "all_rules": true, "rate": { "requests": 1, "per": "1d" }
    });
    json!({ "rate_limits": { "flood": limit }, "limits": { "token_cache": "0B" } })
}

const ROLES: usize = 20;

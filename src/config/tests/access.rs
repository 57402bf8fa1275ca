//! Networks, schedules, assurances, devices and policies: what loads, and each fault with its path.

use super::*;

/// A document that names one of everything.
fn full() -> Value {
    let mut document = good();
    let more = json!({
        "networks": { "office": ["203.0.113.0/24", "2001:db8::/32"], "proxies": ["10.0.0.0/8"] },
        "client_address": { "forwarded_for": { "trusted_hops": 2 } },
        "geo": { "country_header": "x-geo-country", "asn_header": "x-geo-asn" },
        "schedules": {
            "office-hours": { "time_zone": "Europe/Berlin", "weekly": [{ "days": ["mon", "fri"], "from": "08:00", "to": "24:00" }] },
            "migration": { "windows": [{ "from": "2026-12-01T00:00:00Z", "until": "2026-12-03T00:00:00+01:00" }] }
        },
        "assurances": {
            "payments": { "context": "c1", "acr_values": ["urn:mfa"], "amr": ["mfa"], "max_age": "10m", "client_authentication": ["certificate"] },
            "by-tenant": { "context": { "11111111-2222-4333-8444-555555555555": "c3" } }
        },
        "devices": {
            "claimed": { "claim": { "path": "device.managed", "one_of": [true, "yes", 1] } },
            "certified": { "certificate": { "issuer": "CN=Devices,O=Contoso", "uri_san": ["spiffe://contoso/device/*"], "dns_san": ["*.devices.example"] } },
            "told": { "header": { "name": "x-device", "equals": "healthy", "trusted_proxies": ["proxies"] } }
        },
        "conditional_access": [
            { "name": "no-strangers", "rules": ["orders"], "when": { "not": { "networks": ["office"] } }, "grant": "block", "report_only": true },
            {
                "name": "sure",
                "except": { "countries": ["DE"], "asns": [64500] },
                "grant": { "require": "one", "controls": [{ "assurance": "payments" }, { "devices": ["claimed", "certified", "told"] }, { "schedules": ["office-hours", "migration"] }] }
            }
        ]
    });
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    document
}

#[test]
fn everything_that_circumstances_know_loads() {
    assert_eq!(load(&full()).unwrap().warnings(true), Vec::<String>::new());
}

#[test]
fn a_window_that_is_over_is_heard_at_load() {
    let config = load(&full()).unwrap();
    let at = |text: &str| config.ended(crate::access::schedule::instant(text).unwrap());
    assert_eq!(at("2026-12-02T22:59:59Z"), Vec::<String>::new());
    assert_eq!(at("2026-12-02T23:00:00Z"), ["schedules.migration.windows[0]: is over; take it out"]);
}

/// Each fault of `full()` with the value at a pointer replaced, or removed where it is null.
fn faults(pointer: &str, value: Value) -> Vec<String> {
    let mut document = full();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        parent if value.is_null() => {
            parent.as_object_mut().unwrap().remove(name);
        }
        parent => parent[name] = value,
    }
    load(&document).map(|_| ()).expect_err(pointer)
}

#[test]
fn each_fault_of_networks_and_places_has_its_path() {
    for (pointer, value, expected) in [
        ("/networks/office", json!([]), "networks.office: is empty"),
        ("/networks/office", json!("203.0.113.0/24"), "networks.office: expected a list, found a string"),
        (
            "/networks/office/0",
            json!("203.0.113.7/24"),
            "networks.office[0]: `203.0.113.7/24` has bits set after its prefix; write `203.0.113.0/24`",
        ),
        ("/networks/office/1", json!("localhost"), "networks.office[1]: `localhost` is not a network"),
        ("/networks/Big", json!(["10.0.0.0/8"]), "networks.Big: a network's name is 1 to 64 of a-z, 0-9, `_` and `-`"),
        (
            "/client_address/forwarded_for/trusted_hops",
            json!(0),
            "client_address.forwarded_for.trusted_hops: expected 1 to 32",
        ),
        (
            "/client_address/forwarded_for/trusted_hops",
            json!(33),
            "client_address.forwarded_for.trusted_hops: expected 1 to 32",
        ),
        ("/client_address/forwarded_for", Value::Null, "client_address.forwarded_for: is required"),
        ("/geo/country_header", json!("x geo"), "geo.country_header: `x geo` is not a header's name"),
        ("/geo/country_header", Value::Null, "conditional_access[1].except.countries: needs `geo.country_header`"),
        ("/geo/asn_header", Value::Null, "conditional_access[1].except.asns: needs `geo.asn_header`"),
        (
            "/conditional_access/1/except/countries",
            json!(["de"]),
            "conditional_access[1].except.countries[0]: `de` is not a country",
        ),
        (
            "/conditional_access/1/except/countries",
            json!(["DE", "UK"]),
            "conditional_access[1].except.countries[1]: `UK` is not a country",
        ),
        ("/conditional_access/1/except/countries", json!([]), "conditional_access[1].except.countries: is empty"),
        (
            "/conditional_access/1/except/asns",
            json!([0]),
            "conditional_access[1].except.asns[0]: 0 is no autonomous system",
        ),
        (
            "/rules/0/require",
            json!({ "networks": ["ofice"] }),
            "rules[0].require.networks[0]: there is no network `ofice`; known: `office`, `proxies`",
        ),
        ("/rules/0/require", json!({ "not": { "networks": [] } }), "rules[0].require.not.networks: is empty"),
    ] {
        assert_one(pointer, value, expected);
    }
}

#[test]
fn each_fault_of_schedules_has_its_path() {
    let hours = "/schedules/office-hours";
    for (pointer, value, expected) in [
        ("", json!({}), "schedules.office-hours: needs `weekly` or `windows`"),
        ("/time_zone", json!("Europe/Berln"), "schedules.office-hours.time_zone: there is no time zone `Europe/Berln`"),
        (
            "/time_zone",
            json!("europe/berlin"),
            "schedules.office-hours.time_zone: there is no time zone `europe/berlin`; did you mean `Europe/Berlin`?",
        ),
        ("/time_zone", Value::Null, "schedules.office-hours.time_zone: is required with `weekly`"),
        ("/weekly", json!([]), "schedules.office-hours.weekly: is empty"),
        ("/weekly/0/days", json!([]), "schedules.office-hours.weekly[0].days: is empty"),
        ("/weekly/0/days", json!(["mon", "mon"]), "schedules.office-hours.weekly[0].days[1]: is named twice"),
        ("/weekly/0/days", json!(["Mon"]), "schedules.office-hours.weekly[0].days[0]: unknown value `Mon`"),
        ("/weekly/0/from", json!("8:00"), "schedules.office-hours.weekly[0].from: `8:00` is not a time of day"),
        ("/weekly/0/from", json!("24:00"), "schedules.office-hours.weekly[0].from: `24:00` is not a time of day"),
        ("/weekly/0/to", json!("24:01"), "schedules.office-hours.weekly[0].to: `24:01` is not a time of day"),
        ("/weekly/0/to", json!("08:00"), "schedules.office-hours.weekly[0]: is over when it begins"),
    ] {
        assert_one(&format!("{hours}{pointer}"), value, expected);
    }
    let window = "/schedules/migration/windows/0";
    for (pointer, value, expected) in [
        ("", json!({}), "schedules.migration.windows[0]: needs `from` or `until`"),
        ("/from", json!("2026-12-01"), "schedules.migration.windows[0].from: `2026-12-01` is not a moment"),
        ("/until", json!("2026-12-01T00:00:00Z"), "schedules.migration.windows[0]: is over before it begins"),
    ] {
        assert_one(&format!("{window}{pointer}"), value, expected);
    }
    assert_one(
        "/schedules/migration/time_zone",
        json!("UTC"),
        "schedules.migration.time_zone: does not go without `weekly`",
    );
}

#[test]
fn each_fault_of_assurances_has_its_path() {
    for (pointer, value, expected) in [
        ("", json!({}), "assurances.payments: asks for nothing"),
        (
            "/context",
            json!("c100"),
            "assurances.payments.context: `c100` is not an authentication context; expected `c1` to `c99`",
        ),
        ("/context", json!("c1\", x=\""), "assurances.payments.context: `c1\", x=\"` is not an authentication context"),
        ("/context", json!({}), "assurances.payments.context: is empty"),
        ("/context", json!({ "contoso": "c1" }), "assurances.payments.context.contoso: is not a tenant id"),
        ("/acr_values", json!([]), "assurances.payments.acr_values: is empty"),
        (
            "/acr_values",
            json!(["a b"]),
            "assurances.payments.acr_values[0]: `a b`: expected printable ASCII without space",
        ),
        ("/acr_values", json!(["a", "b\""]), "assurances.payments.acr_values[1]: `b\\\"`: expected printable ASCII"),
        (
            "/acr_values",
            json!(["a\r\nx: y"]),
            "assurances.payments.acr_values[0]: `a\\r\\nx: y`: expected printable ASCII",
        ),
        ("/amr", json!([""]), "assurances.payments.amr[0]: ``: is empty"),
        ("/max_age", json!("0s"), "assurances.payments.max_age: expected at least `1s`"),
        ("/max_age", json!(600), "assurances.payments.max_age: expected a string, found a number"),
        ("/client_authentication", json!([]), "assurances.payments.client_authentication: is empty"),
        (
            "/client_authentication",
            json!(["mtls"]),
            "assurances.payments.client_authentication[0]: unknown value `mtls`",
        ),
    ] {
        assert_one(&format!("/assurances/payments{pointer}"), value, expected);
    }
    assert_one(
        "/rules/0/require",
        json!({ "assurance": "pay" }),
        "rules[0].require.assurance: there is no assurance `pay`; known: `by-tenant`, `payments`",
    );
}

#[test]
fn each_fault_of_devices_has_its_path() {
    for (pointer, value, expected) in [
        ("/claimed", json!({}), "devices.claimed: needs one of `claim`, `certificate` and `header`"),
        ("/claimed/claim/one_of", json!([]), "devices.claimed.claim.one_of: is empty"),
        ("/claimed/claim/one_of", Value::Null, "devices.claimed.claim: needs one of `equals` and `one_of`"),
        ("/claimed/claim/path", json!("a..b"), "devices.claimed.claim.path: a name of the claim is empty"),
        ("/claimed/claim/path", json!("email"), "devices.claimed.claim.path: `email` can be chosen by users"),
        ("/claimed/claim/path", json!(["upn"]), "devices.claimed.claim.path: `upn` can be chosen by users"),
        ("/certified/certificate", json!({}), "devices.certified.certificate: needs `issuer`, `uri_san` or `dns_san`"),
        (
            "/certified/certificate/issuer",
            json!("Contoso"),
            "devices.certified.certificate.issuer: expected a distinguished name",
        ),
        ("/certified/certificate/issuer", json!("X=Contoso"), "devices.certified.certificate.issuer: `X` is not known"),
        (
            "/certified/certificate/uri_san",
            json!(["*"]),
            "devices.certified.certificate.uri_san[0]: `*`: expected a text",
        ),
        (
            "/certified/certificate/dns_san",
            json!(["*.a.*"]),
            "devices.certified.certificate.dns_san[0]: `*.a.*`: has more than one `*`",
        ),
        ("/told/header/name", json!("x device"), "devices.told.header.name: `x device` is not a header's name"),
        ("/told/header/trusted_proxies", json!([]), "devices.told.header.trusted_proxies: is empty"),
        (
            "/told/header/trusted_proxies",
            json!(["none"]),
            "devices.told.header.trusted_proxies[0]: there is no network `none`",
        ),
        ("/told/header/equals", Value::Null, "devices.told.header: needs one of `equals` and `one_of`"),
    ] {
        assert_one(&format!("/devices{pointer}"), value, expected);
    }
}

#[test]
fn each_fault_of_policies_has_its_path() {
    for (pointer, value, expected) in [
        ("/0/name", json!("No strangers"), "conditional_access[0].name: `No strangers` is not a policy name"),
        ("/0/name", json!("sure"), "conditional_access[1].name: `sure` is the name of an earlier policy too"),
        ("/0/rules", json!(["orders", "oders"]), "conditional_access[0].rules[1]: there is no rule `oders`"),
        ("/0/rules", json!([]), "conditional_access[0].rules: is empty"),
        ("/0/when", json!({}), "conditional_access[0].when: asks for nothing"),
        ("/0/when/not/networks", json!(["x"]), "conditional_access[0].when.not.networks[0]: there is no network `x`"),
        ("/0/grant", json!("deny"), "conditional_access[0].grant: unknown value `deny`; expected one of `block`"),
        ("/0/grant", Value::Null, "conditional_access[0].grant: is required"),
        (
            "/1/grant/require",
            json!("any"),
            "conditional_access[1].grant.require: unknown value `any`; expected one of `all`, `one`",
        ),
        ("/1/grant/controls", json!([]), "conditional_access[1].grant.controls: is empty"),
        (
            "/1/grant/controls/1",
            json!({ "devices": ["x"] }),
            "conditional_access[1].grant.controls[1].devices[0]: there is no device `x`",
        ),
        ("/1/except/countries", json!(["XX"]), "conditional_access[1].except.countries[0]: `XX` is not a country"),
    ] {
        assert_one(&format!("/conditional_access{pointer}"), value, expected);
    }
}

fn assert_one(pointer: &str, value: Value, expected: &str) {
    let found = faults(pointer, value.clone());
    assert!(
        found.len() == 1 && found[0].starts_with(expected),
        "{pointer} = {value}\nexpected {expected}\nfound    {found:#?}"
    );
}

//! Hostile requests in a real Envoy, and what it counts, writes and passes on.

use std::sync::LazyLock;
use std::time::Duration;

use envoy_test::{BOTH, Case, Gate, Protocol, Request, raw};
use portcullis::api_key::{KeyText, SecretHash, text};
use portcullis::http::date::imf_fixdate;
use portcullis::time::UnixTime;
use portcullis_cli::moment;
use serde_json::{Value, json};

static GATE: LazyLock<Gate> = LazyLock::new(|| Gate::start(configuration()));

/// `ci` does not expire, `soon` does in three months, `over` did in 2001.
fn configuration() -> Value {
    let entry = |id: &str, secret: u8| {
        let key = text::write(id, &[secret; 32]);
        let hash = SecretHash::of(&KeyText::parse(key.as_bytes()).unwrap(), [3; 16]);
        json!({ "hash": hash.to_string(), "owner": "team-x", "scopes": ["orders.read"] })
    };
    let (mut soon, mut over) = (entry("soon", 2), entry("over", 3));
    soon["expires"] = json!(moment::format(*SOON));
    over["expires"] = json!("2001-01-01T00:00:00Z");
    json!({
        "providers": { "idp": { "issuer": "https://idp.example", "cluster": "idp", "audiences": ["orders"] } },
        "api_keys": {
            "sources": {
                "headers": [{ "name": "x-api-key" }],
                "cookies": ["key"],
                "danger_query_parameters": ["key"],
            },
            "notice": "365d",
            "keys": { "ci": entry("ci", 1), "soon": soon, "over": over },
        },
        "rules": [
            { "name": "orders", "match": { "paths": ["/orders/{id}"] }, "accept": ["token", "api_key"], "require": { "scopes": "orders.read" } },
            { "name": "open", "match": { "paths": ["/open"] }, "access": "anonymous" },
        ],
        "forward": { "authorization": "keep", "claims": [{ "claim": "sub", "header": "x-owner" }], "client_principal": true },
        "audit": { "log": "all" },
    })
}

static SOON: LazyLock<UnixTime> = LazyLock::new(|| moment::now().plus(Duration::from_secs(90 * 86_400)));

fn key() -> String {
    text::write("ci", &[1; 32])
}

fn orders() -> Request {
    Request::get("/orders/1")
}

#[test]
fn b02_two_keys_or_a_key_and_a_token_are_a_bad_request() {
    let (key, other) = (key(), text::write("soon", &[2; 32]));
    let token = GATE.idp.token(GATE.idp.claims("orders")).build();
    let cases = [
        ("twice the same header", orders().header("x-api-key", &key).header("x-api-key", &key), "credential_repeated"),
        ("another case", orders().header("x-api-key", &key).header("X-API-KEY", &other), "credential_repeated"),
        (
            "a header and a cookie",
            orders().header("x-api-key", &key).header("cookie", format!("key={key}")),
            "credential_several",
        ),
        ("a cookie twice", orders().header("cookie", format!("key={key}; key={other}")), "credential_repeated"),
        (
            "in two cookie headers",
            orders().header("cookie", format!("key={key}")).header("cookie", "key=x"),
            "credential_repeated",
        ),
        ("a query twice", Request::get(&format!("/orders/1?key={key}&KEY={other}")), "credential_repeated"),
        ("in two parameters", Request::get(&format!("/orders/1?key={key}&k={other}")), "credential_several"),
        ("in a parameter of another name", Request::get(&format!("/orders/1?api_key={key}")), "credential_in_query"),
        ("with a token", orders().header("x-api-key", &key).bearer(&token), "credential_several"),
    ];
    GATE.envoy.assert_each(&BOTH, cases.map(|(what, request, reason)| Case::new(what, request, 400, reason)));
}

#[test]
fn what_is_no_key_is_refused_and_no_worker_minds() {
    let with = |value: &[u8]| orders().header("x-api-key", value);
    let secret = key().rsplit('_').next().unwrap().to_owned();
    let malformed = [
        b"".to_vec(),
        b"\xff\xfe\xff".to_vec(),
        format!("pcl_ci_{secret}\u{e9}").into_bytes(),
        [b"pcl_ci_".as_slice(), &[0xff; 43]].concat(),
        b"_".repeat(30_000),
        [b"pcl_".as_slice(), &b"a".repeat(50_000), b"_", secret.as_bytes()].concat(),
        format!("{},{}", key(), key()).into_bytes(),
        format!("PCL_ci_{secret}").into_bytes(),
        format!("pcl_ci_{secret}=").into_bytes(),
        b"hunter2".to_vec(),
    ];
    let malformed = malformed.iter().map(|value| {
        let start = value.get(..12).unwrap_or(value).escape_ascii();
        Case::new(format!("{start}.."), with(value), 401, "api_key_malformed")
    });
    let unproven = [
        Case::new("another secret", with(text::write("ci", &[9; 32]).as_bytes()), 401, "api_key_secret_wrong"),
        Case::new("another id", with(text::write("odd", &[1; 32]).as_bytes()), 401, "api_key_unknown"),
        Case::new("the secret of another", with(text::write("ci", &[2; 32]).as_bytes()), 401, "api_key_secret_wrong"),
        Case::new("over", with(text::write("over", &[3; 32]).as_bytes()), 401, "api_key_expired"),
        Case::new("none", orders(), 401, "credential_missing"),
    ];
    let answers = GATE.envoy.assert_each(&BOTH, malformed.chain(unproven));
    let (missing, denied) = answers.split_at(answers.len() - 2);
    assert_eq!(denied[0].headers("www-authenticate").len(), 2, "one for each kind: {}", denied[0]);
    for answer in missing {
        assert_eq!(answer.headers("www-authenticate"), ["ApiKey realm=\"api\", in=\"header\", name=\"x-api-key\""]);
        assert_eq!(answer.json()["code"], "api_key_invalid");
        assert!(!answer.text().contains("pcl_"), "{answer}");
    }
    GATE.envoy.assert_every_worker_lets_through(&orders().header("x-api-key", key()));
}

#[test]
fn b06_a_key_is_neither_echoed_nor_passed_on() {
    let key = key();
    let bad = text::write("ci", &[77; 32]);
    let places = [
        orders().header("x-api-key", &key),
        orders().header("cookie", format!("a=1; key={key}")),
        Request::get(&format!("/orders/1?a=1&key={key}")),
        Request::get("/open").header("X_Api_Key", &key).header("cookie", format!("key={key}")),
        orders().header("x-api-key", &bad),
        Request::get(&format!("/orders/1?stray={bad}")),
    ];
    for request in places {
        let answer = GATE.envoy.send(&request);
        for part in [&key, &bad] {
            let secret = part.rsplit('_').next().unwrap();
            assert!(!answer.text().contains(secret), "{answer}");
            assert!(answer.header("x-api-key").is_none());
        }
    }
    // Trailers, which some servers merge into the headers.
    let trailers = format!(
        "POST /open HTTP/1.1\r\nhost: api.example\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n1\r\nx\r\n0\r\nX_Api_Key: {key}\r\n\r\n"
    );
    let answer = raw(GATE.envoy.address(), trailers.as_bytes(), Duration::from_secs(5));
    assert!(!String::from_utf8_lossy(&answer).contains("pcl_"), "{}", String::from_utf8_lossy(&answer));
    let told = GATE.envoy.filter_log().join("\n");
    assert!(told.contains("\"credential\":\"api_key\""), "{told}");
    for part in [&key, &bad] {
        assert!(!told.contains(part.rsplit('_').next().unwrap()), "{told}");
    }
}

#[test]
fn the_record_the_upstream_and_the_counters_know_the_owner_by_the_id() {
    let answer = GATE.envoy.send(&orders().header("x-api-key", text::write("soon", &[2; 32])));
    assert_eq!(answer.status, 200, "{answer}");
    assert_eq!(answer.header("x-api-key-expires"), Some(imf_fixdate(*SOON)));
    assert_eq!(answer.upstream_headers("x-owner"), ["team-x"]);
    assert_eq!(answer.upstream_headers("x-ms-client-principal-id"), ["team-x"]);
    assert_eq!(answer.upstream_headers("x-ms-client-principal-idp"), ["api_key"]);
    let id = answer.header("x-request-id").unwrap();
    let record = GATE.envoy.wait_for_audit(|record| record["request_id"] == id.as_str());
    assert_eq!(
        (&record["credential"], &record["subject"], &record["client"]),
        (&json!("api_key"), &json!("team-x"), &json!("soon"))
    );
    let none = GATE.envoy.send(&orders().header("x-api-key", key()));
    assert_eq!(none.header("x-api-key-expires"), None);
    for (name, value) in [("count", 3), ("expiring", 1), ("expired", 1)] {
        GATE.envoy.wait_for_stat(&format!("wasmcustom.portcullis.api_keys.{name}"), |found| found == value);
    }
    let left = GATE.envoy.wait_for_stat("wasmcustom.portcullis.api_keys.next_expiry_seconds", |left| left > 0);
    assert!(left < 365 * 86_400, "{left}");
    let told = GATE.envoy.log();
    assert!(told.contains("api_keys.keys.over.expires: is over; take the key out"), "{}", GATE.envoy.log_tail());
}

#[test]
fn a_key_begins_and_ends_when_the_clock_says_so_in_every_worker() {
    let mut configuration = configuration();
    let turn = moment::format(moment::now().plus(Duration::from_secs(600)));
    configuration["api_keys"]["keys"]["ci"]["expires"] = json!(turn);
    configuration["api_keys"]["keys"]["soon"]["not_before"] = json!(turn);
    let gate = Gate::start_with(configuration, |builder, _| builder.clock_offset(0));
    let [ending, beginning] = [key(), text::write("soon", &[2; 32])].map(|key| orders().header("x-api-key", key));
    for (jump, before) in [(0, true), (700, false), (-700, true), (-86_400, true), (86_400 + 700, false)] {
        gate.envoy.jump(jump);
        for (worker, connection) in gate.envoy.connection_per_worker(Protocol::Http1).iter_mut().enumerate() {
            for (request, is_good, reason) in
                [(&ending, before, "api_key_expired"), (&beginning, !before, "api_key_not_yet_valid")]
            {
                let answer = connection.send(request).unwrap();
                let expected = if is_good { "allowed" } else { reason };
                assert_eq!(gate.envoy.reason_of(&answer), expected, "worker {worker} after {jump}: {answer}");
            }
        }
    }
}

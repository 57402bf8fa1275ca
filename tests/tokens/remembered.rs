//! Tokens that were verified before.

use std::thread::sleep;
use std::time::{Duration, Instant};

use envoy_test::Protocol;
use serde_json::json;

use super::{CAST, ask, configuration, envoy, now, plain, profiled};

#[test]
fn a_remembered_token_still_expires() {
    let token = profiled().with("exp", now() + 4).build();
    let mut connection = CAST.gate.envoy.connection_per_worker(Protocol::Http1).remove(0);
    let mut send = || connection.send(&ask(&token)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(send().status, 200);
    let again = send();
    let id = again.header("x-request-id").unwrap();
    let record = CAST.gate.envoy.wait_for_audit(|record| record["request_id"] == id.as_str());
    assert_eq!((again.status, &record["remembered"]), (200, &json!(true)), "{record}");

    let start = Instant::now();
    let late = loop {
        sleep(Duration::from_millis(200));
        let answer = send();
        if answer.status != 200 || start.elapsed() > Duration::from_secs(20) {
            break answer;
        }
    };
    assert_eq!(CAST.gate.envoy.reason_of(&late), "token_expired", "{late}");
}

#[test]
fn what_is_remembered_is_bounded_in_bytes() {
    let mut configuration = configuration("prefer_host");
    configuration["limits"] = json!({"token_cache": "64KiB"});
    configuration["audit"] = json!({"log": "none"});
    let envoy = envoy(configuration);
    let bytes = "wasmcustom.portcullis.token_cache.bytes";
    let entries = "wasmcustom.portcullis.token_cache.entries";
    let mut workers = envoy.connection_per_worker(Protocol::Http1);
    let limit = 64 * 1024 * u64::try_from(workers.len()).unwrap();
    for index in 0..3000 {
        let token = plain().with("jti", format!("token {index}")).build();
        let count = workers.len();
        let answer = workers[index % count].send(&ask(&token)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(answer.status, 200, "token {index}: {answer}");
        if index % 500 == 0 {
            let held = envoy.stat(bytes).unwrap_or(0);
            assert!(held <= limit, "after {index} tokens {held} bytes are remembered, over {limit}");
        }
    }
    // The gauge is renewed once a second.
    let held = envoy.wait_for_stat(bytes, |held| held > limit / 2);
    assert!(held <= limit, "{held} bytes are remembered, over {limit}");
    let remembered = envoy.stat(entries).unwrap_or(0);
    assert!((10..200).contains(&remembered), "{remembered} tokens are remembered");
}

//! Headers that are empty, huge, or there a thousand times.

use std::sync::LazyLock;

use envoy_test::{BOTH, Connection, Protocol, Request};

use super::{HEADERS, Siege};

#[test]
fn no_size_and_no_number_of_any_header_traps_the_worker_or_opens_the_gate() {
    let mut siege = Siege::start();
    let mut by_filter = 0;
    for protocol in BOTH {
        for (name, before) in HEADERS {
            for Attack { what, headers, is_beyond } in attacks(name, before) {
                let what = format!("{name} {what} over {protocol:?}");
                let tail = || siege.gate.envoy.log_tail();
                let failed = |status: Option<u16>| matches!(status, Some(500..)) && !(is_beyond && status == Some(503));
                let plain = siege.ask(protocol, &headers, None);
                assert!(plain != Some(200) && !failed(plain), "without a token: {what}: {plain:?}\n{}", tail());
                let with_bad = siege.ask(protocol, &headers, Some(&siege.bad));
                assert!(with_bad != Some(200) && !failed(with_bad), "{what}: {with_bad:?}\n{}", tail());
                let with_good = siege.ask(protocol, &headers, Some(&siege.good));
                assert!(!failed(with_good), "{what}: {with_good:?}\n{}", tail());
                by_filter += usize::from(matches!(plain, Some(400 | 401)));
                siege.stands(&what);
            }
        }
    }
    assert!(by_filter > siege.proofs / 2, "of {} the filter saw {by_filter}", siege.proofs);
    siege.end();
}

struct Attack<'a> {
    what: String,
    headers: Vec<(&'a str, &'a str)>,
    /// More than the filter looks at: 1 MiB or 1024 pairs. It answers 503 to that request and to no other.
    is_beyond: bool,
}

fn attacks<'a>(name: &'a str, before: &'a str) -> Vec<Attack<'a>> {
    let mut attacks = vec![Attack { what: "empty".to_owned(), headers: vec![(name, "")], is_beyond: false }];
    // 60 KiB is Envoy's own limit; it is 4 MiB here.
    for kib in [8, 61, 1000, 5000] {
        let what = format!("of {kib} KiB");
        attacks.push(Attack { what, headers: vec![(name, &LONG[..kib * 1024])], is_beyond: kib >= 1024 });
    }
    for copies in [2, 100, 1000, 2000] {
        for value in [before, "", "a,b; c=d,"] {
            let what = format!("{copies} times `{value}`");
            attacks.push(Attack { what, headers: vec![(name, value); copies], is_beyond: copies > 1000 });
        }
    }
    attacks
}

static LONG: LazyLock<String> = LazyLock::new(|| "a".repeat(5000 * 1024));

/// The filter parses these part by part.
#[test]
fn what_has_many_parts_costs_no_more_than_its_size() {
    let mut siege = Siege::start();
    let shapes =
        ["a=b; ", "session=x; ", ";", ",", "=", "Bearer x, ", "%41", "&access_token=x", "/x", "..", "[", "{\"a\":"];
    for shape in shapes {
        let long = shape.repeat(200 * 1024 / shape.len());
        let short = shape.repeat(7000 / shape.len());
        for request in [
            Request::get("/orders/1").header("cookie", &long),
            Request::get("/orders/1").header("authorization", &long),
            Request::get("/orders/1").header("x-plain", &long),
            Request::get("/orders/1").header("x-forwarded-for", &long),
            Request::get("/orders/1").header("authorization", format!("Bearer {short}.{short}.{short}")),
        ] {
            let mut connection = Connection::open(siege.gate.envoy.address(), Protocol::Http1).expect("a connection");
            let answer = connection.send(&request).unwrap_or_else(|error| panic!("`{shape}`: {error}"));
            assert!(matches!(answer.status, 400 | 401), "`{shape}`: {answer}");
            // An ordinary one takes a millisecond; a walk that is not linear would take minutes.
            assert!(answer.elapsed.as_secs() < 2, "`{shape}` took {:?}", answer.elapsed);
        }
        siege.stands(shape);
    }
    siege.end();
}

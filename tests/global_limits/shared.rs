//! Limitador on Redis, and two Envoys.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use envoy_test::{Connection, Counters, Envoy, Limitador, Protocol, Redis, Upstream};
use serde_json::{Value, json};

use crate::engine::{configuration, request};

/// The limits of the engine: `most` in so many seconds, for each value of the header.
fn limits(most: u32, seconds: u32) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let limits = json!([{
        "namespace": "portcullis",
        "max_value": most,
        "seconds": seconds,
        "conditions": ["descriptors[0].generic_key == 'orders'"],
        "variables": ["descriptors[0]['header.x-team']"]
    }]);
    write!(file, "{limits}").unwrap();
    file
}

fn envoy(engine: &Limitador, upstream: &Upstream, global: Value, amounts: Value) -> Envoy {
    Envoy::builder()
        .filter_config(configuration(global, amounts))
        .upstream(upstream)
        .grpc_cluster("limits", engine.address())
        .start()
}

/// What got through of requests that `connections` clients of each Envoy send as fast as they can, for so long, and for as long as
/// it takes to send `least`: less than the minute in which they count.
fn flood(envoys: &[&Envoy], connections: usize, span: Duration, least: u32) -> (u32, u32) {
    let (admitted, sent) = (AtomicU32::new(0), AtomicU32::new(0));
    let end = Instant::now() + span;
    thread::scope(|scope| {
        for envoy in envoys {
            for _ in 0..connections {
                let (admitted, sent) = (&admitted, &sent);
                scope.spawn(move || {
                    let mut connection = Connection::open(envoy.address(), Protocol::Http1).unwrap();
                    while Instant::now() < end
                        || (sent.load(Ordering::SeqCst) < least && Instant::now() < end + 10 * span)
                    {
                        let answer = connection.send(&request("/one", "blue")).unwrap();
                        assert!(matches!(answer.status, 200 | 429), "{answer}");
                        sent.fetch_add(1, Ordering::SeqCst);
                        admitted.fetch_add(u32::from(answer.status == 200), Ordering::SeqCst);
                    }
                });
            }
        }
    });
    (admitted.into_inner(), sent.into_inner())
}

/// Limitador reads a counter and then adds to it, in two steps: as many as are between the two at the same moment may be let on
/// beyond the limit. That is at most one for each request that is on its way, less the one that is within.
pub(crate) fn two_envoys() {
    let (redis, file) = (Redis::start(), limits(200, 60));
    let engine = Limitador::start(file.path(), &redis, Counters::Redis);
    let upstream = Upstream::start();
    // Asks the engine each time, and waits for it even on a busy machine.
    let global = json!({"remember": false, "timeout": "1s"});
    let [one, two] = [(); 2].map(|()| envoy(&engine, &upstream, global.clone(), json!({})));
    let connections = 4;
    let (admitted, sent) = flood(&[&one, &two], connections, Duration::from_secs(4), 500);
    let bound = 200 + 2 * u32::try_from(connections).unwrap() - 1;
    println!("of {sent} sent through two Envoys {admitted} were let on; the limit is 200, the bound {bound}");
    assert!(sent > 400, "only {sent} were sent");
    assert!((200..=bound).contains(&admitted), "{admitted} of {sent}");
    assert_eq!(upstream.requests(), usize::try_from(admitted).unwrap());
}

/// What each engine let on since it last wrote to Redis, the other does not know of: at most what comes in 100 ms.
pub(crate) fn cached() {
    let (redis, file) = (Redis::start(), limits(400, 60));
    let engines = [(); 2].map(|()| Limitador::start(file.path(), &redis, Counters::Cached));
    let upstream = Upstream::start();
    let global = json!({"remember": false, "timeout": "1s"});
    let [one, two] = engines.each_ref().map(|engine| envoy(engine, &upstream, global.clone(), json!({})));
    let began = Instant::now();
    let (admitted, sent) = flood(&[&one, &two], 4, Duration::from_secs(4), 1000);
    let rate = f64::from(sent) / began.elapsed().as_secs_f64();
    println!(
        "of {sent} sent through two Envoys and two engines {admitted} were let on; the limit is 400, {rate:.0} a second"
    );
    assert!((400..=800).contains(&admitted), "each engine knows its own: {admitted} of {sent}");
}

pub(crate) fn keys_and_weights() {
    let (redis, file) = (Redis::start(), limits(10, 60));
    let engine = Limitador::start(file.path(), &redis, Counters::Redis);
    let upstream = Upstream::start();
    let [one, two] = [(); 2].map(|()| envoy(&engine, &upstream, json!({"timeout": "1s"}), json!({})));
    let status = |envoy: &Envoy, path: &str, team: &str| envoy.send(&request(path, team)).status;
    assert_eq!(
        [status(&one, "/five", "blue"), status(&two, "/five", "blue"), status(&one, "/one", "blue")],
        [200, 200, 429]
    );
    assert_eq!(status(&one, "/five", "red"), 200, "another team");
    let answer = two.send(&request("/one", "red"));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("ratelimit-policy").as_deref(), Some("\"orders\";q=10;w=60"));
    assert!(answer.header("ratelimit").unwrap().starts_with("\"orders\";r=4;t="), "{answer}");
    let refused = two.send(&request("/five", "red"));
    assert_eq!(refused.status, 429, "{refused}");
    let after: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&after), "{refused}");
}

pub(crate) fn redis_killed() {
    let local = json!({"window": {"requests": 5, "per": "60s"}});
    for (on_failure, amounts) in [("allow", json!({})), ("deny", json!({})), ("local", local)] {
        let (mut redis, file) = (Redis::start(), limits(3, 600));
        let engine = Limitador::start(file.path(), &redis, Counters::Redis);
        let upstream = Upstream::start();
        let global = json!({"on_failure": on_failure, "timeout": "1s"});
        let envoy = envoy(&engine, &upstream, global, amounts);
        let status = |team: &str| envoy.send(&request("/one", team)).status;
        assert_eq!([(); 4].map(|()| status("blue")), [200, 200, 200, 429], "{on_failure}");

        redis.kill();
        let down: Vec<u16> = (0..20).map(|_| status("red")).collect();
        match on_failure {
            "allow" => assert_eq!(down, [200; 20]),
            "deny" => assert_eq!(down, [503; 20]),
            // Two workers, one memory: five in all.
            _ => assert_eq!(down, [[200; 5].as_slice(), &[429; 15]].concat()),
        }

        redis.restart();
        let began = Instant::now();
        let is_back = AtomicBool::new(false);
        // Nobody knows of `green`, and the engine lets three of it on.
        while !is_back.load(Ordering::SeqCst) {
            let team = format!("green-{}", began.elapsed().as_millis());
            let answers: Vec<u16> = (0..8).map(|_| status(&team)).collect();
            is_back.store(answers == [[200; 3].as_slice(), &[429; 5]].concat(), Ordering::SeqCst);
            assert!(
                began.elapsed() < Duration::from_secs(40),
                "{on_failure}: it is not asked again: {answers:?}\n{}",
                envoy.log()
            );
            thread::sleep(Duration::from_millis(100));
        }
        println!("{on_failure}: asked again {:.1} s after Redis came back", began.elapsed().as_secs_f64());
    }
}

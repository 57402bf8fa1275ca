//! An engine that a test writes the answers of.

use std::thread;
use std::time::{Duration, Instant};

use envoy_test::{Answer, EngineReply, Envoy, Protocol, Push, RateLimitEngine, Request, Upstream};
use serde_json::{Value, json};

/// A configuration with one limit by the header `x-team`, which is counted elsewhere. On a busy machine an engine that answers
/// at once may take longer than the default time-out.
pub(crate) fn configuration(global: Value, amounts: Value) -> Value {
    let mut limit =
        json!({"key": [{"header": "x-team"}], "global": {"cluster": "limits", "on_failure": "deny", "timeout": "1s"}});
    merge(&mut limit["global"], global);
    merge(&mut limit, amounts);
    json!({
        "providers": {"idp": {"issuer": "https://idp.example", "cluster": "idp", "audiences": ["orders"]}},
        "rate_limits": {"orders": limit},
        "rules": [
            {"name": "one", "match": {"paths": ["/one"]}, "access": "anonymous", "limits": ["orders"]},
            {"name": "five", "match": {"paths": ["/five"]}, "access": "anonymous", "limits": [{"name": "orders", "weight": 5}]},
            {"name": "free", "match": {"paths": ["/free"]}, "access": "anonymous"}
        ],
        "audit": {"log": "all"}
    })
}

fn merge(into: &mut Value, from: Value) {
    for (name, value) in from.as_object().expect("an object") {
        into[name] = value.clone();
    }
}

struct Scene {
    engine: RateLimitEngine,
    upstream: Upstream,
    envoy: Envoy,
}

impl Scene {
    fn open(global: Value, amounts: Value) -> Self {
        let (engine, upstream) = (RateLimitEngine::start(), Upstream::start());
        let envoy = Envoy::builder()
            .filter_config(configuration(global, amounts))
            .upstream(&upstream)
            .grpc_cluster("limits", engine.address())
            // One memory, and one circuit.
            .concurrency(1)
            .start();
        Self { engine, upstream, envoy }
    }

    fn send(&self, team: &str) -> Answer {
        self.envoy.send(&request("/one", team))
    }

    fn reason(&self, team: &str) -> (u16, String) {
        let answer = self.send(team);
        (answer.status, answer.json()["code"].as_str().unwrap_or_default().to_owned())
    }
}

pub(crate) fn request(path: &str, team: &str) -> Request {
    Request::get(path).header("x-team", team)
}

pub(crate) fn asked_once() {
    let scene = Scene::open(json!({"descriptor": [{"key": "api", "value": "orders-v1"}], "domain": "shop"}), json!({}));
    assert_eq!(scene.send("blue").status, 200);
    assert_eq!(scene.envoy.send(&request("/five", "red")).status, 200);
    assert_eq!(scene.envoy.send(&request("/free", "red")).status, 200);
    let asked = scene.engine.asked();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert_eq!((asked[0].domain.as_str(), asked[0].hits), ("shop", 1));
    assert_eq!(asked[0].entries, ["api=orders-v1", "header.x-team==blue"]);
    assert_eq!((asked[1].entries[1].as_str(), asked[1].hits), ("header.x-team==red", 5));
    assert_eq!(scene.upstream.requests(), 3);
}

pub(crate) fn told_and_remembered() {
    let scene = Scene::open(json!({}), json!({}));
    scene.engine.answers(|_| EngineReply::Over(10, 7));
    let answer = scene.send("blue");
    assert_eq!(answer.status, 429, "{answer}");
    assert_eq!(answer.header("retry-after").as_deref(), Some("7"));
    assert_eq!(answer.header("ratelimit").as_deref(), Some("\"orders\";r=0;t=7"));
    assert_eq!(answer.header("ratelimit-policy").as_deref(), Some("\"orders\";q=10;w=60"));
    for _ in 0..20 {
        assert_eq!(scene.send("blue").status, 429);
    }
    assert_eq!(scene.engine.asked().len(), 1, "the engine has said when it is worth to come again");
    scene.engine.answers(|_| EngineReply::Ok);
    assert_eq!(scene.send("red").status, 200, "somebody else");
    thread::sleep(Duration::from_millis(7100));
    assert_eq!(scene.send("blue").status, 200);
}

pub(crate) fn failures() {
    let local = json!({"window": {"requests": 5, "per": "60s"}});
    for (on_failure, amounts) in [("allow", json!({})), ("deny", json!({})), ("local", local)] {
        for reply in [EngineReply::Status(14), EngineReply::Status(12), EngineReply::Bytes(b"<html>".to_vec())] {
            let scene = Scene::open(json!({"on_failure": on_failure}), amounts.clone());
            let broken = reply.clone();
            scene.engine.answers(move |_| broken.clone());
            let began = Instant::now();
            let statuses: Vec<u16> = (0..8).map(|_| scene.send("blue").status).collect();
            // One more after each pause, of 200 ms at first.
            let pauses = usize::try_from(began.elapsed().as_millis() / 200).unwrap();
            let expected: &[u16] = match on_failure {
                "allow" => &[200; 8],
                "deny" => &[503; 8],
                _ => &[200, 200, 200, 200, 200, 429, 429, 429],
            };
            assert_eq!(statuses, expected, "{on_failure} {reply:?}");
            let asked = scene.engine.asked().len();
            assert!(
                (5..=5 + pauses.min(3)).contains(&asked),
                "{on_failure}: it is left alone after five failures, not {asked}"
            );
            scene.engine.answers(|_| EngineReply::Ok);
            let began = Instant::now();
            while scene.engine.asked().is_empty() {
                let _ = scene.send("blue");
                assert!(began.elapsed() < Duration::from_secs(40), "it is not tried again");
                thread::sleep(Duration::from_millis(20));
            }
            assert_eq!(scene.send("blue").status, 200, "{on_failure}: it is well again");
        }
    }
    let scene = Scene::open(json!({"on_failure": "deny"}), json!({}));
    scene.engine.answers(|_| EngineReply::Status(14));
    assert_eq!(scene.reason("blue"), (503, "temporarily_unavailable".to_owned()));
}

pub(crate) fn hangs() {
    let scene = Scene::open(json!({"on_failure": "allow"}), json!({}));
    assert_eq!(scene.send("blue").status, 200);
    scene.engine.answers(|_| EngineReply::Hang);
    let mut slow = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        assert_eq!(scene.send("blue").status, 200);
        slow.push(began.elapsed());
    }
    assert!(slow.iter().all(|took| *took >= Duration::from_millis(995)), "{slow:?}");
    // It would hang for ever.
    assert!(slow.iter().all(|took| *took < Duration::from_secs(10)), "{slow:?}");
    let _ = scene.engine.asked();
    let began = Instant::now();
    let mut count = 0;
    while began.elapsed() < Duration::from_secs(3) {
        assert_eq!(scene.send("blue").status, 200);
        count += 1;
    }
    let asked = scene.engine.asked().len();
    assert!(asked <= 3 && count > asked, "of {count} requests {asked} wait, one after each pause");
    // A little late is in time.
    scene.engine.answers(|_| EngineReply::Late(Duration::from_millis(30)));
    let began = Instant::now();
    let _ = scene.engine.asked();
    let mut tried = 0;
    while tried < 3 {
        assert!(began.elapsed() < Duration::from_secs(40), "it is not tried again");
        assert_eq!(scene.send("blue").status, 200);
        let asked = scene.engine.asked().len();
        tried = if asked == 1 { tried + 1 } else { 0 };
    }
}

pub(crate) fn reload() {
    let mut scene = Scene::open(json!({"timeout": "1s"}), json!({}));
    scene.engine.answers(|_| EngineReply::Late(Duration::from_millis(300)));
    let address = scene.envoy.address();
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            thread::spawn(move || {
                let mut connection = envoy_test::Connection::open(address, Protocol::Http1).unwrap();
                connection.send(&request("/one", "blue")).unwrap().status
            })
        })
        .collect();
    let began = Instant::now();
    let mut asked = 0;
    while asked < 8 {
        assert!(began.elapsed() < Duration::from_secs(40), "asked {asked} times");
        asked += scene.engine.asked().len();
        thread::sleep(Duration::from_millis(1));
    }
    let mut other = configuration(json!({"timeout": "900ms"}), json!({}));
    other["answers"] = json!({"realm": "after"});
    assert_eq!(scene.envoy.push_filter_config(&other), Push::Accepted);
    for waiting in waiting {
        assert_eq!(waiting.join().unwrap(), 200);
    }
    assert_eq!(scene.upstream.requests(), 8);
    assert_eq!((asked, scene.engine.asked().len()), (8, 0), "each was asked about once");
}

pub(crate) fn no_cluster() {
    for (on_failure, expected) in [("allow", 200), ("deny", 503)] {
        let upstream = Upstream::start();
        let configuration = configuration(json!({"cluster": "nowhere", "on_failure": on_failure}), json!({}));
        let envoy = Envoy::builder().filter_config(configuration).upstream(&upstream).start();
        for _ in 0..10 {
            assert_eq!(envoy.send(&request("/one", "blue")).status, expected);
        }
        assert!(envoy.log().contains("nowhere"), "the log does not name the cluster");
    }
}

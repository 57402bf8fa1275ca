//! Limits over two workers, and what the head of a response gets.

use serde_json::json;
use strict_host::{Progress, StrictHost, World};

use crate::gate::Gate;
use crate::gate::{FILTER, GOOD, NOW, config, head, values};

/// Two workers of one world, with a limit of four requests.
fn workers() -> [Gate; 2] {
    let world = World::at(NOW);
    let mut config = config();
    config["rate_limits"] = json!({
        "plan": { "key": ["subject"], "all_rules": true, "window": { "requests": 4, "per": "1m" }, "concurrency": 3 }
    });
    [0, 1].map(|_| {
        let mut gate = Gate::in_world(&world);
        gate.host = StrictHost::started(&FILTER, &world, &config.to_string());
        gate.host.tick();
        gate.serve();
        gate
    })
}

#[test]
fn workers_count_together_and_responses_say_what_is_left() {
    let mut workers = workers();
    for turn in 0..4_usize {
        let gate = &mut workers[turn % 2];
        let stream = gate.get(&GOOD);
        gate.assert_let_on(stream, "within the limit");
        let response = gate.host.response(stream, &[(":status", "200"), ("ratelimit", "the upstream's own")]);
        let [left] = values(&response, "ratelimit").try_into().unwrap();
        assert!(left.starts_with("\"plan.window\";r=") || left.starts_with("\"plan.concurrency\";r="), "{left}");
        gate.host.finish(stream);
    }
    let stream = workers[0].get(&GOOD);
    let answer = workers[0].answer(stream);
    assert_eq!((answer.status, answer.header("retry-after").is_some()), (429, true));
    workers[0].host.finish(stream);
}

#[test]
fn what_is_held_is_given_back_however_a_stream_ends() {
    let mut workers = workers();
    let streams = [workers[0].get(&GOOD), workers[0].get(&GOOD), workers[0].get(&GOOD)];
    let refused = workers[1].get(&GOOD);
    assert_eq!(workers[1].answer(refused).status, 429);
    for stream in streams {
        // Reset by the client: no response ever came.
        workers[0].host.finish(stream);
    }
    let stream = workers[1].get(&GOOD);
    assert_eq!(workers[1].host.progress(stream), Progress::Forwarded);
}

#[test]
fn a_response_without_a_status_and_one_that_nobody_waits_for_do_no_harm() {
    let [mut gate, _] = workers();
    let stream = gate.get(&GOOD);
    assert_eq!(values(&gate.host.response(stream, &[]), "ratelimit").len(), 1);
    assert_eq!(values(&gate.host.response(stream, &[(":status", "200")]), "ratelimit").len(), 0, "said once");
    let stream = gate.host.request(&head());
    assert_eq!(gate.answer(stream).status, 401);
    assert_eq!(gate.host.response(stream, &[(":status", "401")]).len(), 1);
    gate.assert_decides("after them");
}

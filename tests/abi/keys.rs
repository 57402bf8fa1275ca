//! How keys come: by callouts of the root, over several workers, again when they change, and while requests wait.

use std::time::Duration;

use strict_host::{Progress, World};

use crate::gate::{GOOD, Gate, KEY, NEXT_KEY, NOW, config};

#[test]
fn discovery_and_keys_are_fetched_by_callouts() {
    let mut gate = Gate::configured();
    assert_eq!(gate.host.callouts().len(), 0, "no callout before the first tick");
    gate.host.advance(Duration::from_millis(10));
    let mut asked = Vec::new();
    let issuer = gate.issuer.clone();
    gate.host.serve(|address| {
        asked.push(address.to_owned());
        issuer.document(address)
    });
    let tenant = "login.microsoftonline.com/11111111-2222-4333-8444-555555555555";
    assert_eq!(
        asked,
        [format!("{tenant}/v2.0/.well-known/openid-configuration"), format!("{tenant}/discovery/v2.0/keys")]
    );
    gate.assert_decides("with the keys");
}

#[test]
fn requests_wait_for_the_first_keys_and_are_then_decided() {
    let mut gate = Gate::configured();
    let good = gate.get(&GOOD);
    let bare = gate.get_bare();
    let forged = gate.get(&crate::gate::FORGED);
    assert_eq!(gate.host.progress(good), Progress::Waiting);
    assert_eq!(gate.host.progress(bare), Progress::Answered, "no key could help it");
    assert!(!gate.host.body(good, 5, false), "the body waits with its head");
    gate.live(Duration::from_millis(100));
    gate.assert_let_on(good, "when the keys are there");
    assert!(gate.host.body(good, 5, true));
    assert_eq!(gate.answer(forged).status, 401);
    assert_eq!(gate.host.world().metric("portcullis.waiting_requests"), Some(0));
}

#[test]
fn a_request_that_waits_in_vain_is_answered() {
    let mut gate = Gate::configured();
    let stream = gate.get(&GOOD);
    gate.host.advance(Duration::from_millis(5));
    for callout in gate.host.callouts() {
        gate.host.fail(callout.token);
    }
    gate.host.advance(Duration::from_secs(30));
    let answer = gate.answer(stream);
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.header("retry-after").is_some());
}

#[test]
fn keys_come_when_the_issuer_has_recovered() {
    let mut gate = Gate::configured();
    gate.host.advance(Duration::from_millis(5));
    for status in ["500", "404", "302", "x", ""] {
        for callout in gate.host.callouts() {
            gate.host.respond(callout.token, &[(":status", status)], b"<html>no</html>");
        }
        gate.host.advance(Duration::from_secs(40));
    }
    for callout in gate.host.callouts() {
        gate.host.fail(callout.token);
    }
    gate.live(Duration::from_secs(120));
    gate.assert_decides("after the issuer's trouble");
}

#[test]
fn a_new_key_is_fetched_when_a_token_names_it() {
    let mut gate = Gate::warm();
    gate.host.advance(Duration::from_secs(600));
    gate.issuer.publish_key(&NEXT_KEY);
    let token = gate.token("user-1").signed_by(&NEXT_KEY).build();
    let stream = gate.get(&token);
    assert_eq!(gate.host.progress(stream), Progress::Waiting);
    gate.live(Duration::from_millis(200));
    gate.assert_let_on(stream, "with the new key");
    gate.assert_decides("with the old key");
}

#[test]
fn a_key_that_is_withdrawn_opens_nothing() {
    let mut gate = Gate::warm();
    gate.assert_decides("before");
    gate.issuer.withdraw_all();
    gate.issuer.publish_key(&NEXT_KEY);
    gate.live(Duration::from_secs(2 * 3_600));
    let stream =
        gate.get(&gate.issuer.token(&KEY, "api://orders", "user-1").with("exp", NOW.as_secs() + 86_400).build());
    gate.live(Duration::from_secs(30));
    assert_eq!(gate.answer(stream).status, 401);
}

#[test]
fn of_several_workers_one_fetches_and_all_have_the_keys() {
    let world = World::at(NOW);
    let mut gates = [Gate::in_world(&world), Gate::in_world(&world), Gate::in_world(&world)];
    for gate in &mut gates {
        gate.host.tick();
    }
    let callouts: usize = gates.iter().map(|gate| gate.host.callouts().len()).sum();
    assert_eq!(callouts, 1, "one leader");
    for _ in 0..4 {
        for gate in &mut gates {
            gate.serve();
            gate.host.tick();
        }
    }
    for gate in &mut gates {
        gate.assert_decides("in every worker");
    }
    assert_eq!(world.metric("portcullis.requests.orders.allowed"), Some(3));
}

#[test]
fn a_host_that_compares_versions_even_with_nothing_gets_keys_too() {
    let world = World::at(NOW);
    world.compare_with_nothing();
    let mut gate = Gate::in_world(&world);
    gate.live(Duration::from_secs(60));
    gate.assert_decides("in such a host");
}

#[test]
fn garbage_in_the_shared_data_takes_no_keys_and_makes_none() {
    let mut gate = Gate::warm();
    let world = gate.host.world();
    for key in world.shared_keys() {
        world.write_shared(&key, b"garbage");
    }
    gate.assert_decides("with garbage");
    gate.live(Duration::from_secs(120));
    gate.assert_decides("later");
    let mut other = Gate::in_world(&world);
    other.live(Duration::from_secs(120));
    other.assert_decides("in a new worker");
}

#[test]
fn a_new_configuration_takes_over_the_requests_that_wait() {
    let mut gate = Gate::configured();
    let stream = gate.get(&GOOD);
    assert!(gate.host.configure(gate.host.root(), &config().to_string()));
    gate.live(Duration::from_secs(1));
    gate.assert_let_on(stream, "under the new configuration");
    gate.assert_decides("after it");
}

/// The former configuration's lease on the fetch runs out first; until then its answer is nobody's.
#[test]
fn an_answer_to_the_former_configuration_is_not_taken() {
    let mut gate = Gate::configured();
    let stream = gate.get(&GOOD);
    gate.host.advance(Duration::from_millis(5));
    let late = gate.host.callouts();
    assert!(!late.is_empty());
    assert!(gate.host.configure(gate.host.root(), &config().to_string()));
    for callout in late {
        gate.host.respond(callout.token, &[(":status", "200")], b"{\"keys\": []}");
    }
    gate.live(Duration::from_secs(60));
    assert_ne!(gate.host.progress(stream), Progress::Waiting, "decided, one way or the other");
    gate.assert_decides("once the new configuration has its keys");
}

#[test]
fn a_faulty_configuration_is_refused_and_the_former_one_stays() {
    let mut gate = Gate::warm();
    for faulty in ["", "{", "{}", "[]", "{\"rules\": 1}"] {
        assert!(!gate.host.configure(gate.host.root(), faulty), "{faulty}");
        gate.assert_decides(faulty);
    }
    let mut never = Gate::empty();
    assert_eq!(never.host.add_root("{}"), None);
    let stream = never.get(&GOOD);
    assert_eq!(never.answer(stream).status, 503, "without a configuration nothing passes");
    never.host.tick();
}

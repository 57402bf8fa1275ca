//! Every host function that the filter uses, with every status, in every phase: no trap, nobody let in who should not be,
//! and right decisions as soon as the host is well again.

use std::time::Duration;

use strict_host::{Progress, status};

use crate::gate::{FILTER, FORGED, GOOD, Gate, SPOOFED, config};

/// What happens while the host is ill.
#[derive(Clone, Copy, Debug)]
enum Phase {
    Configure,
    ConfigureAgain,
    FirstTick,
    Discovery,
    Keys,
    WarmRequest,
    FirstSeen,
    Denial,
    Waiting,
    Resumed,
    Trailers,
    Deleted,
}

const PHASES: [Phase; 12] = [
    Phase::Configure,
    Phase::ConfigureAgain,
    Phase::FirstTick,
    Phase::Discovery,
    Phase::Keys,
    Phase::WarmRequest,
    Phase::FirstSeen,
    Phase::Denial,
    Phase::Waiting,
    Phase::Resumed,
    Phase::Trailers,
    Phase::Deleted,
];

#[test]
fn no_fault_of_the_host_traps_the_filter_or_lets_anybody_in() {
    let cases: usize = std::thread::scope(|scope| {
        let phases = PHASES.map(|phase| scope.spawn(move || suffer_everything(phase)));
        phases.map(|phase| phase.join().unwrap()).iter().sum()
    });
    println!("{cases} faults");
    assert_eq!(cases, FILTER.imports().len() * PHASES.len() * (status::FAULTS.len() + 3 * STATUSES.len()));
}

/// Every function with every status; the number of cases.
fn suffer_everything(phase: Phase) -> usize {
    let mut cases = 0;
    for function in &FILTER.imports() {
        for status in status::FAULTS {
            Ill { function, status, after: 0, times: u64::MAX }.suffer(phase);
            cases += 1;
        }
        // Just one of the first few calls, in the middle of what belongs together.
        for (status, after) in STATUSES.iter().flat_map(|status| [0, 1, 2].map(|after| (*status, after))) {
            Ill { function, status, after, times: 1 }.suffer(phase);
            cases += 1;
        }
    }
    cases
}

/// One of each kind: nothing there, lost the race, broken, not in the ABI.
const STATUSES: [u32; 4] = [status::NOT_FOUND, status::CAS_MISMATCH, status::INTERNAL_FAILURE, 99];

struct Ill<'a> {
    function: &'a str,
    status: u32,
    after: u64,
    times: u64,
}

impl Ill<'_> {
    fn suffer(&self, phase: Phase) {
        let when =
            format!("{} = {} ({} good, {} bad) at {phase:?}", self.function, self.status, self.after, self.times);
        let mut gate = self.through(phase, &when);
        gate.host.heal();
        gate.live(Duration::from_secs(120));
        // It may have to wait: a host without a timer has not let the filter look for keys.
        let stream = gate.get_with(&GOOD, &SPOOFED);
        gate.live(Duration::from_millis(200));
        gate.assert_let_on(stream, &format!("after {when}"));
        gate.assert_decides(&format!("after {when}"));
    }

    /// Gets to the phase in health, and through it in illness.
    fn through(&self, phase: Phase, when: &str) -> Gate {
        match phase {
            Phase::Configure => {
                let mut gate = Gate::empty();
                self.infect(&mut gate);
                let taken = gate.host.add_root(&config().to_string()).is_some();
                gate.host.heal();
                if !taken {
                    let root = gate.host.root();
                    assert!(gate.host.configure(root, &config().to_string()), "{when}");
                }
                gate
            }
            Phase::ConfigureAgain => {
                let mut gate = Gate::warm();
                self.infect(&mut gate);
                gate.host.configure(gate.host.root(), &config().to_string());
                self.requests(&mut gate, when);
                gate
            }
            Phase::FirstTick => {
                let mut gate = Gate::configured();
                self.infect(&mut gate);
                gate.host.tick();
                self.requests(&mut gate, when);
                gate
            }
            Phase::Discovery => {
                let mut gate = Gate::configured();
                gate.host.tick();
                self.infect(&mut gate);
                gate.serve();
                self.requests(&mut gate, when);
                gate
            }
            Phase::Keys => {
                let mut gate = Gate::configured();
                gate.host.tick();
                let discovery = gate.host.callouts().remove(0);
                let document = gate.issuer.document(&discovery.address()).unwrap();
                gate.host.respond(discovery.token, &[(":status", "200")], &document);
                self.infect(&mut gate);
                gate.serve();
                self.requests(&mut gate, when);
                gate
            }
            Phase::WarmRequest => {
                let mut gate = Gate::warm();
                gate.assert_decides("in health");
                self.infect(&mut gate);
                self.requests(&mut gate, when);
                gate
            }
            Phase::FirstSeen => {
                let mut gate = Gate::warm();
                self.infect(&mut gate);
                self.requests(&mut gate, when);
                gate
            }
            Phase::Denial => {
                let mut gate = Gate::warm();
                self.infect(&mut gate);
                for token in [FORGED.as_str(), "a.b.c"] {
                    let stream = gate.get_with(token, &SPOOFED);
                    assert_ne!(gate.host.progress(stream), Progress::Forwarded, "{when}");
                    assert!(!gate.host.body(stream, 1, true), "{when}");
                    gate.host.finish(stream);
                }
                gate
            }
            Phase::Waiting => {
                let mut gate = Gate::configured();
                self.infect(&mut gate);
                let streams = [gate.get_with(&GOOD, &SPOOFED), gate.get_with(&FORGED, &SPOOFED)];
                gate.host.advance(Duration::from_millis(60));
                gate.host.heal();
                self.decided(&mut gate, streams, when);
                gate
            }
            Phase::Resumed => {
                let mut gate = Gate::configured();
                let streams = [gate.get_with(&GOOD, &SPOOFED), gate.get_with(&FORGED, &SPOOFED)];
                gate.host.advance(Duration::from_millis(2));
                self.infect(&mut gate);
                self.decided(&mut gate, streams, when);
                gate
            }
            Phase::Trailers => {
                let mut gate = Gate::warm();
                let stream = gate.get(&GOOD);
                self.infect(&mut gate);
                let clean = gate.host.trailers(stream, &[("x-user-id", "root")]);
                let left = gate.host.left_trailers(stream);
                assert!(!clean || left.is_empty(), "{when}: trailers go on as {left:?}");
                gate.host.finish(stream);
                gate
            }
            Phase::Deleted => {
                let mut gate = Gate::configured();
                let streams = [gate.get(&GOOD), gate.get(&FORGED)];
                self.infect(&mut gate);
                streams.into_iter().for_each(|stream| gate.host.finish(stream));
                gate.live(Duration::from_millis(100));
                gate
            }
        }
    }

    fn infect(&self, gate: &mut Gate) {
        gate.host.inject_some(self.function, self.status, self.after, self.times);
    }

    /// Requests in illness: a good one may be stopped, a bad one must be.
    fn requests(&self, gate: &mut Gate, when: &str) {
        let streams = [gate.get_with(&GOOD, &SPOOFED), gate.get_with(&FORGED, &SPOOFED)];
        self.decided(gate, streams, when);
    }

    fn decided(&self, gate: &mut Gate, [good, forged]: [u32; 2], when: &str) {
        gate.live(Duration::from_millis(100));
        for stream in [good, forged] {
            gate.host.body(stream, 1, true);
        }
        if gate.host.progress(good) == Progress::Forwarded {
            gate.assert_identity(good, when);
        }
        assert_ne!(gate.host.progress(forged), Progress::Forwarded, "{when}: a forged token is let in");
        for stream in [good, forged] {
            gate.host.finish(stream);
        }
    }
}

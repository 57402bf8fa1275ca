//! Random histories of workers, callouts, issuers and clocks, held against what must be true of all of them.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// One event.
#[derive(Clone, Debug)]
enum Event {
    Advance(u64),
    /// The issuer answers the callout at this place of those that are out.
    Answer(usize),
    /// A request with this key id at this worker.
    Ask(usize, u8),
    /// Something else writes into shared data.
    Garbage(&'static str),
    /// The callout at this place never ends.
    Lose(usize),
    Mood(bool),
    Poll(usize),
    /// The worker is replaced by one that knows nothing.
    Restart(usize),
    /// The issuer publishes these keys.
    Rotate(BTreeSet<u8>),
    StepBack(u64),
}

const WORKERS: usize = 3;

/// What workers, issuers and time do when nothing is broken but the network.
fn ordinary() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => prop_oneof![1..2000_u64, 1000..120_000_u64, 60_000..7_200_000_u64].prop_map(Event::Advance),
        6 => (0..4_usize).prop_map(Event::Answer),
        6 => (0..WORKERS, 0..12_u8).prop_map(|(worker, kid)| Event::Ask(worker, kid)),
        1 => (0..4_usize).prop_map(Event::Lose),
        1 => any::<bool>().prop_map(Event::Mood),
        8 => (0..WORKERS).prop_map(Event::Poll),
        2 => prop::collection::btree_set(0..6_u8, 1..4).prop_map(Event::Rotate),
    ]
}

fn anything() -> impl Strategy<Value = Event> {
    prop_oneof![
        20 => ordinary(),
        1 => prop_oneof![Just(""), Just("control"), Just("set")].prop_map(Event::Garbage),
        1 => (0..WORKERS).prop_map(Event::Restart),
        1 => (1..100_000_000_u64).prop_map(Event::StepBack),
    ]
}

/// The world, and what has been seen of it.
struct Model {
    world: World,
    /// Every key that the issuer ever published.
    ever: BTreeSet<String>,
    /// The keys of the newest set that a worker took in, and when.
    newest: Option<(Vec<String>, UnixTime)>,
    /// Which workers have polled since.
    told: [bool; WORKERS],
    seeds: u64,
    landed: usize,
}

impl Model {
    fn new() -> Self {
        let mut world = World::new(WORKERS);
        world.publish(&["0"]);
        let ever = world.kids.iter().cloned().collect();
        Self { world, ever, newest: None, told: [false; WORKERS], seeds: 100, landed: 0 }
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::Advance(millis) => self.world.advance(Duration::from_millis(millis)),
            Event::Answer(at) if at < self.world.out.len() => self.answer(at),
            Event::Lose(at) if at < self.world.out.len() => drop(self.world.out.remove(at)),
            Event::Answer(_) | Event::Lose(_) => {}
            Event::Ask(worker, kid) => {
                self.world.lookup(worker, &kid.to_string());
            }
            Event::Garbage(ending) => self.world.shared.overwrite(ending, b"garbage"),
            Event::Mood(good) => self.world.mood = if good { Mood::Good } else { Mood::Unreachable },
            Event::Poll(worker) => self.poll(worker),
            Event::Restart(worker) => {
                self.seeds = self.seeds.saturating_add(1);
                let settings = KeyCacheSettings::default();
                self.world.workers[worker] = KeyCache::new("idp/0".to_owned(), jwks_source(), settings, self.seeds);
                self.world.out.retain(|(waiting, _)| *waiting != worker);
                self.told[worker] = false;
            }
            Event::Rotate(kids) => {
                self.world.kids = kids.iter().map(u8::to_string).collect();
                self.ever.extend(self.world.kids.iter().cloned());
            }
            Event::StepBack(millis) => self.world.now = self.world.now.minus(Duration::from_millis(millis)),
        }
    }

    fn poll(&mut self, worker: usize) {
        self.world.poll(worker);
        self.told[worker] = true;
    }

    fn answer(&mut self, at: usize) {
        let (worker, fetch) = self.world.out.remove(at);
        let current = self.world.workers[worker].flight.as_ref().is_some_and(|flight| flight.id == fetch.id);
        let reply = self.world.reply(&fetch);
        let now = self.world.now;
        self.world.workers[worker].handle_response(now, &mut self.world.shared, fetch.id, reply);
        if current && self.world.workers[worker].last_outcome == Some(Outcome::Fetched) {
            self.newest = Some((self.world.kids.clone(), now));
            self.told = [false; WORKERS];
            self.landed = self.landed.saturating_add(1);
        }
        self.poll(worker);
    }

    /// No key out of nothing: whatever is found was published at some time.
    fn keys_are_the_issuers(&mut self) {
        for worker in 0..WORKERS {
            for kid in 0..12_u8 {
                if let Answer::Found(kid) = self.look(worker, kid) {
                    assert!(self.ever.contains(&kid), "{kid} was never published");
                }
            }
        }
    }

    /// Every worker that has polled since has exactly the newest keys, for as long as they are not too old.
    fn newest_keys_are_everywhere(&mut self) {
        let Some((kids, since)) = self.newest.clone() else { return };
        let shortest = Duration::from_secs(25 * 3600);
        for worker in (0..WORKERS).filter(|worker| self.told[*worker]).collect::<Vec<_>>() {
            for kid in 0..12_u8 {
                let answer = self.look(worker, kid);
                if !kids.contains(&kid.to_string()) {
                    assert!(!matches!(answer, Answer::Found(_)), "worker {worker} finds {kid}, which was withdrawn");
                } else if self.world.now.since(since) < shortest {
                    assert_eq!(answer, found(&kid.to_string()), "worker {worker} has lost {kid}");
                }
            }
        }
    }

    /// Unknown ids bring one fetch per cooldown; every other fetch is the first, or follows a failure by half a second, or
    /// a success by 48 minutes.
    fn fetches_are_few(&self, start: UnixTime) {
        let all = self.world.fetches.iter().map(|(at, _)| *at).zip(&self.world.asked);
        let (asked, other): (Vec<_>, Vec<_>) = all.partition(|(_, asked)| **asked);
        let [asked, other] = [asked, other].map(|times| times.into_iter().map(|(at, _)| at).collect::<Vec<_>>());
        assert!(asked.windows(2).all(|pair| pair[1].since(pair[0]) >= Duration::from_secs(300)), "{asked:?}");
        assert!(other.windows(2).all(|pair| pair[1].since(pair[0]) >= Duration::from_millis(500)), "{other:?}");
        let failed = self.world.fetches.len().saturating_sub(self.landed);
        let lifetimes = usize::try_from(self.world.now.since(start).as_secs() / 2880).unwrap();
        assert!(other.len() <= [1, failed, lifetimes].iter().sum(), "{other:?}, {failed} failed");
    }

    /// Looks without asking: the look is not to cause a fetch.
    fn look(&self, worker: usize, kid: u8) -> Answer {
        match self.world.workers[worker]
            .usable(self.world.now)
            .map(|set| set.select(Some(&kid.to_string()), Algorithm::EdDSA))
        {
            Some(Ok(key)) => Answer::Found(key.kid().unwrap().to_owned()),
            Some(Err(flaw)) => Answer::Refused(flaw),
            None => Answer::Unavailable(0),
        }
    }

    /// A request at each worker gets an answer within two leases, even if the issuer never says another word.
    fn waits_end(&mut self) {
        self.world.out.clear();
        for worker in 0..WORKERS {
            let mut answer = Answer::Wait;
            for _ in 0..60 {
                answer = self.world.lookup(worker, "99");
                if answer != Answer::Wait {
                    break;
                }
                self.world.advance(Duration::from_secs(1));
                self.world.poll_all();
                answer = self.world.lookup(worker, "99");
                if answer != Answer::Wait {
                    break;
                }
            }
            assert_ne!(answer, Answer::Wait, "worker {worker} waits for ever");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn in_any_order_of_events_the_newest_keys_are_everywhere_and_fetches_are_few(
        events in prop::collection::vec(ordinary(), 1..300),
    ) {
        let mut model = Model::new();
        let start = model.world.now;
        for event in events {
            model.step(event);
            model.keys_are_the_issuers();
            model.newest_keys_are_everywhere();
        }
        model.fetches_are_few(start);
        model.waits_end();
    }

    #[test]
    fn whatever_happens_no_key_comes_from_nowhere_and_waits_end(
        events in prop::collection::vec(anything(), 1..300),
    ) {
        let mut model = Model::new();
        for event in events {
            model.step(event);
            model.keys_are_the_issuers();
        }
        model.waits_end();
        // And when all is well again, all is well.
        model.world.mood = Mood::Good;
        model.world.publish(&["5"]);
        model.world.run(3700);
        for worker in 0..WORKERS {
            prop_assert_eq!(model.world.lookup(worker, "5"), found("5"));
        }
    }
}

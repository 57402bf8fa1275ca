//! When to ask again: after success, after failure, and for keys that nobody knows.

use std::time::Duration;

use fastrand::Rng;

use crate::time::UnixTime;

/// The times that all workers agree on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Schedule {
    /// The next fetch that no request has to ask for. The epoch, at the start, means at once.
    pub(super) next_attempt: UnixTime,
    /// Failed attempts since the last success.
    pub(super) failures: u32,
    /// When a fetch for an unknown `kid` last began; the cooldown runs from here.
    pub(super) asked_at: Option<UnixTime>,
}

impl Schedule {
    /// After a good answer: ahead of the end of its freshness, so that requests seldom see stale keys, and by a random part
    /// of it, so that many proxies do not ask in step.
    pub(super) fn succeeded(&mut self, now: UnixTime, fresh_for: Duration, random: &mut Rng) {
        self.failures = 0;
        self.next_attempt = now.plus(fresh_for.saturating_sub(up_to_one_in(5, fresh_for, random)));
    }

    /// After any failure: 1 s, doubled each time up to [`LONGEST_WAIT`], of which a random half is left out.
    pub(super) fn failed(&mut self, now: UnixTime, random: &mut Rng) {
        let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(self.failures.min(16))).min(LONGEST_WAIT);
        self.failures = self.failures.saturating_add(1);
        self.next_attempt = now.plus(wait.saturating_sub(up_to_one_in(2, wait, random)));
    }

    /// Takes over what another worker wrote. The cooldown can only get longer by it: a stamp that was lost on the way
    /// must not hand out a second fetch.
    pub(super) fn adopt(&mut self, shared: Self) {
        let asked_at = self.asked_at.max(shared.asked_at);
        *self = Self { asked_at, ..shared };
    }

    /// Bounds every time by what it could be had it been written now, because the clock may have stepped back since, and
    /// because shared data may hold anything.
    pub(super) fn steady(&mut self, now: UnixTime, longest: Duration) {
        self.next_attempt = self.next_attempt.min(now.plus(longest));
        self.asked_at = self.asked_at.map(|asked_at| asked_at.min(now));
    }

    /// Has an unknown `kid` been asked for so recently that another one is not?
    pub(super) fn cools_down(&self, now: UnixTime, cooldown: Duration) -> bool {
        self.asked_at.is_some_and(|asked_at| now < asked_at.plus(cooldown))
    }

    /// Is the last outcome a failure whose wait is not over?
    pub(super) fn backs_off(&self, now: UnixTime) -> bool {
        self.failures > 0 && now < self.next_attempt
    }
}

/// A random span, to the millisecond, of at most this part of the whole: a fifth, a half.
fn up_to_one_in(parts: u64, whole: Duration, random: &mut Rng) -> Duration {
    let millis = u64::try_from(whole.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(random.u64(0..=millis.checked_div(parts).unwrap_or(0)))
}

/// A single lost packet costs a second.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// An issuer that is down for a day sees one request a minute, from one worker; one that is back is noticed within a minute.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_000_000);

    #[test]
    fn waits_double_to_a_minute_and_half_of_each_is_chance() {
        let mut random = Rng::with_seed(7);
        let mut schedule = Schedule::default();
        for longest in [1000_u128, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000] {
            schedule.failed(NOW, &mut random);
            let wait = schedule.next_attempt.since(NOW).as_millis();
            assert!((longest / 2..=longest).contains(&wait), "{wait} of {longest} ms");
        }
        schedule.failures = u32::MAX;
        schedule.failed(NOW, &mut random);
        assert!(schedule.next_attempt <= NOW.plus(LONGEST_WAIT));
    }

    #[test]
    fn keys_are_asked_for_before_they_are_stale_and_not_in_step() {
        let (most, least) = (Duration::from_secs(3600), Duration::from_secs(2880));
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..50 {
            let mut schedule = Schedule { failures: 3, ..Schedule::default() };
            schedule.succeeded(NOW, most, &mut Rng::with_seed(seed));
            let wait = schedule.next_attempt.since(NOW);
            assert!(wait >= least && wait <= most);
            assert_eq!(schedule.failures, 0);
            seen.insert(wait);
        }
        assert!(seen.len() > 40);
    }

    #[test]
    fn the_cooldown_runs_from_the_start_of_a_fetch() {
        let cooldown = Duration::from_secs(300);
        let mut schedule = Schedule::default();
        assert!(!schedule.cools_down(NOW, cooldown));
        schedule.asked_at = Some(NOW);
        assert!(schedule.cools_down(NOW, cooldown));
        assert!(schedule.cools_down(NOW.plus(Duration::from_millis(299_999)), cooldown));
        assert!(!schedule.cools_down(NOW.plus(cooldown), cooldown));
        schedule.adopt(Schedule::default());
        assert!(schedule.cools_down(NOW, cooldown), "a lost stamp does not end it");
    }

    #[test]
    fn a_clock_that_steps_back_does_not_stop_the_schedule() {
        let mut schedule = Schedule { next_attempt: NOW, failures: 1, asked_at: Some(NOW) };
        let earlier = NOW.minus(Duration::from_secs(86_400));
        schedule.steady(earlier, LONGEST_WAIT);
        assert_eq!(schedule.next_attempt, earlier.plus(LONGEST_WAIT));
        assert_eq!(schedule.asked_at, Some(earlier));
        let all = Schedule { next_attempt: UnixTime::from_millis(u64::MAX), failures: 0, asked_at: None };
        schedule.adopt(all);
        schedule.steady(earlier, LONGEST_WAIT);
        assert_eq!(schedule.next_attempt, earlier.plus(LONGEST_WAIT));
    }
}

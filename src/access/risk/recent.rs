//! What was seen lately: at most so many things, each with its time.

use std::time::Duration;

/// Things seen and when, in seconds; the oldest first to go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Recent(pub(super) Vec<(u32, u32)>);

impl Recent {
    /// Notes that `what` was seen. `false` if that is known well enough already: then nothing has to be written.
    pub(super) fn see(&mut self, what: u32, now: u32, within: Duration, most: usize) -> bool {
        let within = secs(within);
        if let Some((_, at)) = self.0.iter_mut().find(|(seen, _)| *seen == what) {
            // A time that is an eighth of the window too old costs little, and spares seven of eight writes.
            if now.saturating_sub(*at) <= within / 8 {
                return false;
            }
            *at = now;
            return true;
        }
        self.add(what, now, within, most);
        true
    }

    /// Notes one more, whatever was noted before.
    pub(super) fn count_one(&mut self, now: u32, within: Duration, most: usize) {
        self.add(0, now, secs(within), most);
    }

    /// How many there were within a span up to now.
    pub(super) fn count(&self, now: u32, within: Duration) -> usize {
        let within = secs(within);
        self.0.iter().filter(|(_, at)| now.saturating_sub(*at) <= within).count()
    }

    fn add(&mut self, what: u32, now: u32, within: u32, most: usize) {
        self.0.retain(|(_, at)| now.saturating_sub(*at) <= within);
        while self.0.len() >= most.max(1) {
            let oldest = self.0.iter().enumerate().min_by_key(|(_, (_, at))| *at).map(|(place, _)| place);
            let Some(oldest) = oldest else { break };
            self.0.swap_remove(oldest);
        }
        self.0.push((what, now));
    }

    /// After a step back of the clock nothing is in the future.
    pub(super) fn steady(&mut self, now: u32) {
        for (_, at) in &mut self.0 {
            *at = (*at).min(now);
        }
    }
}

fn secs(span: Duration) -> u32 {
    u32::try_from(span.as_secs()).unwrap_or(u32::MAX)
}

//! Who holds requests that are not over: each worker has a number, and says now and then that it is still there.
//!
//! A worker that is lost (its VM failed, its configuration is gone) takes back nothing. So a limit that would be exceeded asks
//! first whether its holders are there, and forgets what the lost ones held.
//!
//! A clock that jumps makes each last word look old. So a worker that finds a jump in its own words takes nobody for lost until
//! all have had the time to say something by the new clock.

use fastrand::Rng;

use crate::provider::SharedData;
use crate::shared_slot::{CREATE, write};
use crate::time::UnixTime;

/// This worker, as a holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    id: u32,
    said: UnixTime,
    /// Since then it has said so all the time, by a clock that did not jump.
    since: UnixTime,
}

impl Holder {
    /// A holder with a number of its own; it has said so.
    pub(super) fn new(shared: &mut dyn SharedData, random: &mut Rng, now: UnixTime) -> Self {
        let mut id = random.u32(1..);
        for _ in 0..TRIES {
            let taken = shared.get(&name(id)).is_some_and(|(bytes, _)| alive(&bytes, now).is_some());
            if !taken {
                break;
            }
            id = random.u32(1..);
        }
        let mut holder = Self { id, said: UnixTime::default(), since: now };
        holder.say(shared, now);
        holder
    }

    pub(super) fn id(self) -> u32 {
        self.id
    }

    /// Says that it is there, if that is due.
    pub(super) fn say(&mut self, shared: &mut dyn SharedData, now: UnixTime) {
        if self.said <= now && now.since(self.said) < SAY {
            return;
        }
        if self.jumped(now) {
            self.since = now;
        }
        self.said = now;
        let mut bytes = self.id.to_le_bytes().to_vec();
        bytes.extend_from_slice(&now.as_millis().to_le_bytes());
        let name = name(self.id);
        let version = shared.get(&name).map_or(CREATE, |(_, version)| version);
        let _ = write(shared, &name, &bytes, version);
    }

    /// Can it tell who is lost?
    pub(super) fn can_tell(self, now: UnixTime) -> bool {
        !self.jumped(now) && now.since(self.since) >= LOST
    }

    /// Did the clock jump since its last word, or was this worker away itself?
    fn jumped(self, now: UnixTime) -> bool {
        now < self.said || now.since(self.said) >= AWAY
    }
}

/// Is the holder of this number still there? Ask only where one [can tell](Holder::can_tell).
pub(super) fn is_there(shared: &mut dyn SharedData, id: u32, now: UnixTime) -> bool {
    shared.get(&name(id)).and_then(|(bytes, _)| alive(&bytes, now)) == Some(id)
}

/// Whose sign of life this is, if it is not too old. One from the future is of before a step back of the clock, or a moment
/// younger than `now`.
fn alive(bytes: &[u8], now: UnixTime) -> Option<u32> {
    let (id, said) = bytes.split_first_chunk()?;
    let said = UnixTime::from_millis(u64::from_le_bytes(said.try_into().ok()?));
    (now.since(said).max(said.since(now)) < LOST).then(|| u32::from_le_bytes(*id))
}

fn name(id: u32) -> String {
    format!("portcullis.limits.holder.{}", id % PLACES)
}

/// Workers come and go with configurations, and shared data forgets nothing.
const PLACES: u32 = 1024;
const TRIES: usize = 16;

/// How often a worker says that it is there.
const SAY: std::time::Duration = std::time::Duration::from_secs(5);

/// A worker that has not come to say so for this long was away, or the clock jumped. With its last word at most so old, nobody
/// else is lost for a jump that it has not seen.
const AWAY: std::time::Duration = std::time::Duration::from_secs(12);

/// How long after its last word it is lost.
const LOST: std::time::Duration = std::time::Duration::from_secs(30);

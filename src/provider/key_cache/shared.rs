//! What workers share about one key source, and its form in the host's shared data.
//!
//! Two entries. The small one, "control", is read on every poll: who fetches, when the next attempt is due, and the number
//! of the newest key set. The large one holds that set as it was fetched; it is read when the number changes, and every
//! worker checks it again as if it came from the network.
//!
//! **Whoever may write the shared data may plant keys.** The host keeps one map per `vm_id`, and all filters whose `vm_id`
//! is empty share one. So `vm_id` must be set, to a value that no other filter uses. Garbage in an entry, from such a
//! filter or another version of this one, is ignored and overwritten; forged entries cannot be told from real ones.

use std::time::Duration;

use crate::time::UnixTime;

use super::schedule::Schedule;

/// The host's data that all its workers see. One short lock each; values are copied.
pub trait SharedData {
    /// The value, and the number that a later [`SharedData::set`] compares.
    fn get(&mut self, key: &str) -> Option<(Vec<u8>, u32)>;

    /// Writes if the entry's number is still `cas`, or does not exist yet; with a `cas` of 0 always.
    ///
    /// # Errors
    ///
    /// [`CasMismatch`] if another worker has written in between, or the host cannot write.
    fn set(&mut self, key: &str, value: &[u8], cas: u32) -> Result<(), CasMismatch>;
}

/// The entry is not what it was when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CasMismatch;

/// The small entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Control {
    /// Of the key set in the large entry; 0 for none. Drawn at random, compared for equality only.
    pub(super) version: u64,
    /// Of the worker that fetches; 0 for none. Drawn at random for each fetch.
    pub(super) lease: u64,
    /// When the lease ends by itself, because its worker is gone.
    pub(super) lease_until: UnixTime,
    pub(super) schedule: Schedule,
}

/// The large entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Published {
    pub(super) version: u64,
    pub(super) fetched_at: UnixTime,
    pub(super) fresh_for: Duration,
    pub(super) body: Vec<u8>,
}

/// What was found where the control entry should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Absent,
    Found(Control, u32),
    Garbage(u32),
}

/// The two entries of one source.
#[derive(Clone, Debug)]
pub(super) struct Board {
    control: String,
    set: String,
}

impl Board {
    pub(super) fn new(fingerprint: &str) -> Self {
        Self {
            control: format!("portcullis.keys.{fingerprint}.control"),
            set: format!("portcullis.keys.{fingerprint}.set"),
        }
    }

    pub(super) fn control(&self, shared: &mut dyn SharedData) -> Slot {
        match shared.get(&self.control) {
            None => Slot::Absent,
            Some((bytes, cas)) => Control::decode(&bytes).map_or(Slot::Garbage(cas), |found| Slot::Found(found, cas)),
        }
    }

    /// Writes the control entry if it is still what was found.
    pub(super) fn set_control(
        &self,
        shared: &mut dyn SharedData,
        found: Slot,
        control: &Control,
    ) -> Result<(), CasMismatch> {
        let cas = match found {
            Slot::Absent => CREATE,
            Slot::Found(_, cas) | Slot::Garbage(cas) => cas,
        };
        shared.set(&self.control, &control.encode(), cas)
    }

    /// Writes the control entry whatever is there: for hosts that compare even where nothing is.
    pub(super) fn force_control(&self, shared: &mut dyn SharedData, control: &Control) -> Result<(), CasMismatch> {
        shared.set(&self.control, &control.encode(), 0)
    }

    /// The key set of this version; `None` if there is another, or something else.
    pub(super) fn published(&self, shared: &mut dyn SharedData, version: u64) -> Option<Published> {
        let (bytes, _) = shared.get(&self.set)?;
        Published::decode(bytes).filter(|published| published.version == version)
    }

    pub(super) fn publish(&self, shared: &mut dyn SharedData, published: &Published) -> Result<(), CasMismatch> {
        shared.set(&self.set, &published.encode(), 0)
    }
}

impl Control {
    fn encode(&self) -> Vec<u8> {
        let Schedule { next_attempt, failures, asked_at } = self.schedule;
        let asked_at = asked_at.map_or(NEVER, UnixTime::as_millis);
        let numbers = [
            self.version,
            self.lease,
            self.lease_until.as_millis(),
            next_attempt.as_millis(),
            u64::from(failures),
            asked_at,
        ];
        let mut bytes = CONTROL_MARK.to_vec();
        numbers.iter().for_each(|number| bytes.extend_from_slice(&number.to_be_bytes()));
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(CONTROL_MARK)?;
        let version = number(&mut rest)?;
        let lease = number(&mut rest)?;
        let lease_until = UnixTime::from_millis(number(&mut rest)?);
        let next_attempt = UnixTime::from_millis(number(&mut rest)?);
        let failures = u32::try_from(number(&mut rest)?).ok()?;
        let asked_at = Some(number(&mut rest)?).filter(|asked_at| *asked_at != NEVER).map(UnixTime::from_millis);
        let schedule = Schedule { next_attempt, failures, asked_at };
        rest.is_empty().then_some(Self { version, lease, lease_until, schedule })
    }
}

impl Published {
    fn encode(&self) -> Vec<u8> {
        let fresh_for = u64::try_from(self.fresh_for.as_millis()).unwrap_or(u64::MAX);
        let mut bytes = SET_MARK.to_vec();
        for number in [self.version, self.fetched_at.as_millis(), fresh_for] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.extend_from_slice(&self.body);
        bytes
    }

    fn decode(mut bytes: Vec<u8>) -> Option<Self> {
        let mut rest = bytes.strip_prefix(SET_MARK)?;
        let version = number(&mut rest)?;
        let fetched_at = UnixTime::from_millis(number(&mut rest)?);
        let fresh_for = Duration::from_millis(number(&mut rest)?);
        let head = bytes.len().saturating_sub(rest.len());
        bytes.drain(..head);
        Some(Self { version, fetched_at, fresh_for, body: bytes })
    }
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let (number, after) = rest.split_first_chunk::<8>()?;
    *rest = after;
    Some(u64::from_be_bytes(*number))
}

/// The mark of each entry ends in the version of its form: another version's entry is garbage to this one.
const CONTROL_MARK: &[u8] = b"portcullis keys control 1\n";
const SET_MARK: &[u8] = b"portcullis keys set 1\n";

/// No moment that could be meant: 584 million years from now.
const NEVER: u64 = u64::MAX;

/// "Only if there is none": Envoy compares only with what exists, and hands out numbers from 1 upwards, so this one matches
/// nothing that exists. Two workers that create the entry at once thus get one winner.
const CREATE: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use super::super::tests::memory::Memory;
    use super::*;

    fn control() -> Control {
        Control {
            version: 7,
            lease: u64::MAX,
            lease_until: UnixTime::from_secs(5),
            schedule: Schedule {
                next_attempt: UnixTime::from_millis(u64::MAX),
                failures: 3,
                asked_at: Some(UnixTime::from_secs(9)),
            },
        }
    }

    fn published() -> Published {
        let fresh_for = Duration::from_secs(60);
        Published { version: 7, fetched_at: UnixTime::from_secs(1), fresh_for, body: b"{\"keys\":[]}\xff".to_vec() }
    }

    #[test]
    fn both_entries_come_back_as_they_were_written() {
        for control in [control(), Control::default()] {
            assert_eq!(Control::decode(&control.encode()), Some(control));
        }
        assert_eq!(Published::decode(published().encode()), Some(published()));
    }

    #[test]
    fn nothing_but_a_whole_entry_is_read() {
        let (small, large) = (control().encode(), published().encode());
        for cut in 0..small.len() {
            assert_eq!(Control::decode(&small[..cut]), None, "{cut}");
        }
        assert_eq!(Control::decode(&[small.as_slice(), b"x"].concat()), None);
        for cut in 0..large.len().saturating_sub(published().body.len()) {
            assert_eq!(Published::decode(large[..cut].to_vec()), None, "{cut}");
        }
        assert_eq!(Control::decode(&large), None);
        assert_eq!(Published::decode(small.clone()), None);
        let mut many_failures = small;
        many_failures[CONTROL_MARK.len().saturating_add(32)] = 1;
        assert_eq!(Control::decode(&many_failures), None);
    }

    #[test]
    fn of_two_workers_that_find_nothing_one_wins() {
        let (board, mut shared) = (Board::new("f"), Memory::default());
        let found = board.control(&mut shared);
        assert_eq!(found, Slot::Absent);
        assert_eq!(board.set_control(&mut shared, found, &control()), Ok(()));
        assert_eq!(board.set_control(&mut shared, found, &Control::default()), Err(CasMismatch));
        assert!(matches!(board.control(&mut shared), Slot::Found(written, _) if written == control()));
    }

    #[test]
    fn a_set_of_another_version_is_not_taken() {
        let (board, mut shared) = (Board::new("f"), Memory::default());
        assert_eq!(board.published(&mut shared, 7), None);
        board.publish(&mut shared, &published()).unwrap();
        assert_eq!(board.published(&mut shared, 7), Some(published()));
        assert_eq!(board.published(&mut shared, 8), None);
        assert_eq!(Board::new("g").published(&mut shared, 7), None);
    }
}

//! Shared data in memory, with the host's rules for compare-and-swap, for tests.

use std::collections::BTreeMap;

use super::shared::{CasMismatch, SharedData};

#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    entries: BTreeMap<String, (Vec<u8>, u32)>,
    last_cas: u32,
    /// Writes fail and nothing is kept, as on a host that does not allow shared data.
    pub(super) broken: bool,
    pub(super) gets: usize,
}

impl Memory {
    pub(super) fn overwrite(&mut self, ending: &str, value: &[u8]) {
        self.last_cas = self.last_cas.saturating_add(1);
        let cas = self.last_cas;
        let ours = self.entries.iter_mut().filter(|(key, _)| key.ends_with(ending));
        ours.for_each(|(_, entry)| *entry = (value.to_vec(), cas));
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }
}

impl SharedData for Memory {
    fn get(&mut self, key: &str) -> Option<(Vec<u8>, u32)> {
        self.gets = self.gets.saturating_add(1);
        self.entries.get(key).cloned()
    }

    fn set(&mut self, key: &str, value: &[u8], cas: u32) -> Result<(), CasMismatch> {
        if self.broken {
            return Err(CasMismatch);
        }
        if let Some((_, current)) = self.entries.get(key)
            && cas != 0
            && cas != *current
        {
            return Err(CasMismatch);
        }
        self.last_cas = self.last_cas.saturating_add(1);
        self.entries.insert(key.to_owned(), (value.to_vec(), self.last_cas));
        Ok(())
    }
}

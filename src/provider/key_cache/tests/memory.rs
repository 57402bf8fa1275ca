//! Shared data in memory, with the host's rules for compare-and-swap, for tests.

use std::collections::BTreeMap;

use super::super::shared::{CasMismatch, SharedData};

#[derive(Clone, Debug, Default)]
pub(in super::super) struct Memory {
    entries: BTreeMap<String, (Vec<u8>, u32)>,
    last_cas: u32,
    /// Writes fail and nothing is kept, as on a host that does not allow shared data.
    pub(in super::super) broken: bool,
    /// Compares also where nothing is, as other hosts may.
    pub(in super::super) strict: bool,
    pub(in super::super) gets: usize,
}

impl Memory {
    pub(in super::super) fn overwrite(&mut self, ending: &str, value: &[u8]) {
        self.last_cas = self.last_cas.saturating_add(1);
        let cas = self.last_cas;
        let ours = self.entries.iter_mut().filter(|(key, _)| key.ends_with(ending));
        ours.for_each(|(_, entry)| *entry = (value.to_vec(), cas));
    }

    pub(in super::super) fn keys(&self) -> impl Iterator<Item = &str> {
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
        if self.strict && cas != 0 && !self.entries.contains_key(key) {
            return Err(CasMismatch);
        }
        self.last_cas = self.last_cas.saturating_add(1);
        self.entries.insert(key.to_owned(), (value.to_vec(), self.last_cas));
        Ok(())
    }
}

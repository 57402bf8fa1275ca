//! What a test puts into the host, and what it sees of it.

use std::collections::BTreeMap;

use super::StrictHost;
use crate::abi::{self, Pairs};
use crate::state::{Answer, Fault, Progress, World};

impl StrictHost {
    /// From now on the host function `name` answers `status`, every time.
    pub fn inject(&mut self, name: &str, status: u32) {
        self.inject_some(name, status, 0, u64::MAX);
    }

    /// After `after` good calls the next `times` calls of the host function `name` answer `status`.
    pub fn inject_some(&mut self, name: &str, status: u32, after: u64, times: u64) {
        assert!(abi::IMPORTS.contains(&name), "{name} is not in the ABI");
        self.vm().faults.insert(name.to_owned(), Fault { status, after, times });
    }

    /// Every host function is well again.
    pub fn heal(&mut self) {
        self.vm().faults.clear();
    }

    /// Offers a function beyond the ABI.
    pub fn offer(&mut self, name: &str, function: impl FnMut(&[u8]) -> Result<Vec<u8>, u32> + 'static) {
        self.vm().foreign.insert(name.to_owned(), Box::new(function));
    }

    /// Only these clusters exist.
    pub fn limit_clusters(&mut self, names: &[&str]) {
        self.vm().clusters = Some(names.iter().map(|name| (*name).to_owned()).collect());
    }

    /// The host knows this of the stream's connection, under a path with dots: `source.address`.
    pub fn connection(&mut self, stream: u32, path: &str, value: &[u8]) {
        self.stream(stream).connection.insert(path.to_owned(), value.to_vec());
    }

    /// How far the request of this stream has come.
    pub fn progress(&mut self, stream: u32) -> Progress {
        self.stream(stream).progress
    }

    /// What the module answered the request with, if it did.
    pub fn answer(&mut self, stream: u32) -> Option<Answer> {
        self.stream(stream).answer.clone()
    }

    /// The headers of the request, as the module left them.
    pub fn headers(&mut self, stream: u32) -> Pairs {
        self.stream(stream).headers.clone()
    }

    /// The trailers of the request, as the module left them.
    pub fn left_trailers(&mut self, stream: u32) -> Pairs {
        self.stream(stream).trailers.clone()
    }

    /// The filter state of the stream.
    pub fn properties(&mut self, stream: u32) -> BTreeMap<String, Vec<u8>> {
        self.stream(stream).properties.clone()
    }

    /// The world that this worker is of.
    #[must_use]
    pub fn world(&self) -> World {
        self.store.data().world.clone()
    }

    /// The lines of the log, with their levels.
    #[must_use]
    pub fn log(&self) -> &[(u32, String)] {
        &self.store.data().log
    }

    /// How often each host function was called.
    #[must_use]
    pub fn calls(&self) -> &BTreeMap<&'static str, u64> {
        &self.store.data().calls
    }

    /// Units of fuel that all callbacks so far took: about one for each instruction.
    #[must_use]
    pub fn fuel(&self) -> u64 {
        self.fuel
    }

    /// Units of fuel of the last callback.
    #[must_use]
    pub fn last_fuel(&self) -> u64 {
        self.callback_fuel
    }

    /// The size of the linear memory in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.store.data().guest.as_ref().map_or(0, |(memory, _)| memory.data_size(&self.store))
    }
}

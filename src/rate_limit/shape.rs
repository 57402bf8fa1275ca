//! How memory is cut into slots, so that all of them together are never more than it.

use super::form;
use super::limit::Limit;
use super::slot::HEAD;

/// So many slots, and in each so many records of keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) slots: u64,
    pub(super) records: usize,
}

impl Shape {
    /// Of `memory` for these limits. What is counted has its place by the number of slots, so that this hangs on the limits as
    /// little as can be: with another one all is counted anew.
    pub(super) fn new(limits: &[&Limit], memory: usize) -> Self {
        let sizes = limits.iter().map(|limit| form::longest(limit)).filter(|size| *size > 0);
        let sizes: Vec<usize> = sizes.map(|size| size.saturating_add(HEAD)).collect();
        let largest = sizes.iter().max().copied().unwrap_or(HEAD);
        // In each slot every limit may have a record for those who have no place.
        let others = sizes.iter().fold(OVERHEAD, |sum, size| sum.saturating_add(*size));
        let records = |bytes: usize| bytes.saturating_sub(others).checked_div(largest).unwrap_or(0);
        let mut bytes = SMALLEST;
        while records(bytes) < LEAST && bytes < LARGEST {
            bytes = bytes.saturating_mul(2);
        }
        let slots = u64::try_from(memory.checked_div(bytes).unwrap_or(1)).unwrap_or(1).max(1);
        Self { slots, records: records(bytes).clamp(LEAST, MOST) }
    }
}

/// A slot's name and its version.
const OVERHEAD: usize = 40;

/// Bytes of a slot.
const SMALLEST: usize = 1024;
const LARGEST: usize = 1 << 20;

/// Records of keys in a slot: with fewer too many find no place, and all of them are read for each request.
const LEAST: usize = 4;
const MOST: usize = 16;

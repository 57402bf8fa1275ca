//! What is left of an amount.

use std::time::Duration;

/// What is left of an amount, in the words of draft-ietf-httpapi-ratelimit-headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// The quota: so many.
    pub of: u32,
    /// In this window; nothing for what is only at the same time.
    pub per: Duration,
    /// What is left.
    pub left: u32,
    /// When all of it is there again, or the window is over.
    pub resets_in: Duration,
}

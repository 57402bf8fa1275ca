//! `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10).
//!
//! A token bucket is told as what it holds in the time that it takes to fill; `t` is when it is full again. What is only at the
//! same time has the quota unit `concurrent-requests` and no window.

use std::fmt::Write;
use std::time::Duration;

use super::limiter::Tally;
use super::{ExcessKind, Room};

/// The two fields for what a request was counted in; none if that is nothing. How many failures somebody has left is not told
/// before there are none. What is nearest to its end comes first; what comes after the fourth is left out.
#[must_use]
pub fn fields(tallies: &[Tally]) -> Vec<(&'static str, String)> {
    let enforced = tallies.iter().filter(|tally| !tally.report_only && !tally.quiet);
    let mut items: Vec<(&Tally, &(ExcessKind, Room))> =
        enforced.flat_map(|tally| tally.rooms.iter().map(move |room| (tally, room))).collect();
    if items.is_empty() {
        return Vec::new();
    }
    items.sort_by_key(|(tally, (_, room))| (tally.excess.is_none(), left(room)));
    let (mut limits, mut policies) = (String::new(), String::new());
    for (tally, (kind, room)) in items.into_iter().take(MOST_ITEMS) {
        for text in [&mut limits, &mut policies] {
            if !text.is_empty() {
                text.push_str(", ");
            }
            // A limit's name is `a-z`, `0-9`, `-` and `_`: it needs no escape in a string of structured fields.
            text.push('"');
            text.push_str(&tally.limit);
            if tally.rooms.len() > 1 {
                text.push('.');
                text.push_str(kind.name());
            }
            text.push('"');
        }
        // Writing to a `String` can't fail.
        let _ = write!(limits, ";r={}", room.left);
        let _ = write!(policies, ";q={}", room.of);
        if *kind == ExcessKind::Concurrency {
            policies.push_str(";qu=\"concurrent-requests\"");
        } else {
            let _ = write!(limits, ";t={}", seconds(room.resets_in));
            let _ = write!(policies, ";w={}", seconds(room.per).max(1));
        }
    }
    vec![("ratelimit-policy", policies), ("ratelimit", limits)]
}

/// The part that is left, of a million.
fn left(room: &Room) -> u64 {
    u64::from(room.left).saturating_mul(1_000_000).checked_div(room.of.into()).unwrap_or(0)
}

fn seconds(span: Duration) -> u64 {
    span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0))
}

/// More is of no use to a client, and in every response.
const MOST_ITEMS: usize = 4;

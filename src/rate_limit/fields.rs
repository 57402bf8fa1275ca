//! `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10).
//!
//! A token bucket is told as what it holds in the time that it takes to fill; `t` is when it is full again. What is only at the
//! same time has the quota unit `concurrent-requests` and no window.

use std::time::Duration;

use super::decimal::push_number;
use super::tally::Tally;
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
    items.truncate(MOST_ITEMS);
    let size = items.len().saturating_mul(USUAL_ITEM);
    let (mut limits, mut policies) = (String::with_capacity(size), String::with_capacity(size));
    for (tally, (kind, room)) in items {
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
        push_parameter(&mut limits, ";r=", room.left.into());
        push_parameter(&mut policies, ";q=", room.of.into());
        if *kind == ExcessKind::Concurrency {
            policies.push_str(";qu=\"concurrent-requests\"");
        } else {
            push_parameter(&mut limits, ";t=", seconds(room.resets_in));
            push_parameter(&mut policies, ";w=", seconds(room.per).max(1));
        }
    }
    vec![("ratelimit-policy", policies), ("ratelimit", limits)]
}

fn push_parameter(text: &mut String, name: &str, value: u64) {
    text.push_str(name);
    push_number(text, value);
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

/// Name, quota and window.
const USUAL_ITEM: usize = 64;

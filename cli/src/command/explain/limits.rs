//! What limits made of a request, in words.

use portcullis::exchange::rehearsal::{LeftTold, LimitTold, PartTold};

/// A limit, and what is left of each of its amounts.
pub(super) fn lines(limit: &LimitTold) -> Vec<String> {
    let outcome = match limit.outcome {
        "looked_at" => "looked at, nothing counted",
        "not_reached" => "not reached",
        other => other,
    };
    let mut about = vec![key(&limit.key)];
    about.extend(limit.tier.as_ref().map(|tier| format!("tier {tier}")));
    if limit.weight != 1 {
        about.push(format!("weight {}", limit.weight));
    }
    for (is_so, words) in [
        (limit.unlimited, "without a limit"),
        (limit.global, "counted by an engine, which is not asked here"),
        (limit.counts_failures, "counts failures"),
        (limit.report_only, "reported and not enforced"),
    ] {
        about.extend(is_so.then(|| words.to_owned()));
    }
    let mut lines = vec![format!("{}: {outcome} ({})", limit.name, about.join(", "))];
    lines.extend(limit.left.iter().map(left));
    lines
}

fn key(parts: &[PartTold]) -> String {
    let part = |part: &PartTold| match &part.value {
        Some(value) => format!("{} {value:?}", part.name),
        None => part.name.clone(),
    };
    let parts: Vec<String> = parts.iter().map(part).collect();
    if parts.is_empty() { "for all together".to_owned() } else { format!("by {}", parts.join(" and ")) }
}

fn left(LeftTold { kind, left, of, per, resets_in }: &LeftTold) -> String {
    if *per == 0 {
        return format!("    {kind}: {left} of {of} at once left");
    }
    let resets = if *left == *of { String::new() } else { format!(", all of it again in {}", span(*resets_in)) };
    format!("    {kind}: {left} of {of} in {} left{resets}", span(*per))
}

/// A span in the largest unit that has no fraction.
fn span(seconds: u64) -> String {
    let units = [(24 * 60 * 60, "d"), (60 * 60, "h"), (60, "m")];
    let unit = units.into_iter().find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit));
    unit.and_then(|(unit, name)| Some(format!("{} {name}", seconds.checked_div(unit)?)))
        .unwrap_or_else(|| format!("{seconds} s"))
}

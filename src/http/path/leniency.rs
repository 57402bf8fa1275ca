//! What becomes of paths that two servers may read differently: refused, unless the operator knows the upstream.
//!
//! What is folded is folded before anything is decided, and the upstream gets the folded path; what is taken as it
//! stands goes on as it came, and is right only if the upstream takes it so too.

use super::PathFlaw;

/// Which ambiguous forms are not refused. Default: all are refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leniency {
    /// `/a//b` becomes `/a/b`.
    pub merge_empty_segments: bool,
    /// `/a/./b/../c` becomes `/a/c` (RFC 3986 section 5.2.4). Above the root is still refused.
    pub resolve_dot_segments: bool,
    /// `;` and what follows it is text of its segment.
    pub literal_parameters: bool,
    /// `%2F` is text of its segment, not the end of it.
    pub literal_encoded_slashes: bool,
}

impl Leniency {
    /// Folds raw segments, dots before slashes as Envoy and RFC 3986 do; `true` if that changed anything.
    pub(super) fn fold(self, segments: Vec<&[u8]>) -> Result<(Vec<&[u8]>, bool), PathFlaw> {
        if !self.resolve_dot_segments && !self.merge_empty_segments {
            return Ok((segments, false));
        }
        let resolved = if self.resolve_dot_segments { resolve(&segments)? } else { segments.clone() };
        let folded = if self.merge_empty_segments { merge(resolved) } else { resolved };
        let changed = folded != segments;
        Ok((folded, changed))
    }
}

fn resolve<'s>(segments: &[&'s [u8]]) -> Result<Vec<&'s [u8]>, PathFlaw> {
    let mut resolved: Vec<&'s [u8]> = Vec::with_capacity(segments.len());
    let mut ends_in_dots = false;
    for segment in segments {
        let dots = dots(segment);
        // `/a/.` and `/a/b/..` name a directory: `/a/`.
        ends_in_dots = dots.is_some();
        match dots {
            None => resolved.push(segment),
            Some(Dots::This) => {}
            Some(Dots::Parent) => drop(resolved.pop().ok_or(PathFlaw::DotSegment)?),
        }
    }
    if ends_in_dots {
        resolved.push(b"");
    }
    Ok(resolved)
}

fn merge(segments: Vec<&[u8]>) -> Vec<&[u8]> {
    let last = segments.len().saturating_sub(1);
    let kept = segments.into_iter().enumerate().filter(|(index, segment)| !segment.is_empty() || *index == last);
    kept.map(|(_, segment)| segment).collect()
}

enum Dots {
    This,
    Parent,
}

/// `.` and `..`, with any of the dots encoded.
fn dots(segment: &[u8]) -> Option<Dots> {
    let (first, rest) = dot(segment)?;
    if !first {
        return None;
    }
    match dot(rest) {
        None => rest.is_empty().then_some(Dots::This),
        Some((second, rest)) => (second && rest.is_empty()).then_some(Dots::Parent),
    }
}

/// Does it begin with a dot, and what follows.
fn dot(text: &[u8]) -> Option<(bool, &[u8])> {
    match text {
        [] => None,
        [b'.', rest @ ..] | [b'%', b'2', b'e' | b'E', rest @ ..] => Some((true, rest)),
        [_, rest @ ..] => Some((false, rest)),
    }
}

//! Whose an opaque token is: it does not say, so its form has to.

use crate::jose::jws;

/// The providers that can be asked about tokens, by their places in the configuration.
#[derive(Clone, Debug, Default)]
pub struct Introspectors {
    /// By how their tokens begin.
    prefixed: Vec<(Box<[u8]>, usize)>,
    /// The one whose tokens begin in any way.
    other: Option<usize>,
}

/// Two providers, by their places, between which a token does not decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// The one.
    pub one: usize,
    /// The other, later in the configuration.
    pub other: usize,
}

impl Introspectors {
    /// Providers by their places, each with how its tokens begin, if that is known.
    ///
    /// # Errors
    ///
    /// Two of them without a beginning, or one whose beginning begins another's.
    pub fn new<'p>(providers: impl Iterator<Item = (usize, Option<&'p str>)>) -> Result<Self, Overlap> {
        let mut found = Self::default();
        for (place, prefix) in providers {
            let Some(prefix) = prefix else {
                if let Some(one) = found.other.replace(place) {
                    return Err(Overlap { one, other: place });
                }
                continue;
            };
            let prefix = prefix.as_bytes();
            let overlaps = |known: &[u8]| known.starts_with(prefix) || prefix.starts_with(known);
            if let Some((_, one)) = found.prefixed.iter().find(|(known, _)| overlaps(known)) {
                return Err(Overlap { one: *one, other: place });
            }
            found.prefixed.push((Box::from(prefix), place));
        }
        Ok(found)
    }

    /// Who is to be asked about `token`: the provider whose tokens begin so; otherwise, if it is not of a JWT's three parts,
    /// the one whose tokens begin in any way.
    #[must_use]
    pub fn of(&self, token: &[u8]) -> Option<usize> {
        let begun = self.prefixed.iter().find(|(prefix, _)| token.starts_with(prefix)).map(|(_, place)| *place);
        begun.or_else(|| self.other.filter(|_| !jws::has_three_parts(token)))
    }
}

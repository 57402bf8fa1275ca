//! What happens next, read from the input byte by byte.

/// The rest of the input.
pub(super) struct Script<'i> {
    rest: &'i [u8],
}

impl<'i> Script<'i> {
    pub(super) fn new(rest: &'i [u8]) -> Self {
        Self { rest }
    }

    pub(super) fn is_over(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next byte; zero when there are no more.
    pub(super) fn byte(&mut self) -> u8 {
        match self.rest {
            [first, rest @ ..] => {
                self.rest = rest;
                *first
            }
            [] => 0,
        }
    }

    pub(super) fn is(&mut self) -> bool {
        self.byte() % 2 == 1
    }

    /// Seldom: once in sixteen.
    pub(super) fn is_rare(&mut self) -> bool {
        self.byte() % 16 == 15
    }

    /// One of several; the first one is for a script that is over.
    pub(super) fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[usize::from(self.byte()) % of.len()].clone()
    }

    /// A place in a list of this length, if there is any.
    pub(super) fn place(&mut self, length: usize) -> Option<usize> {
        usize::from(self.byte()).checked_rem(length)
    }

    /// As many bytes as the next one says, at most 63.
    pub(super) fn bytes(&mut self) -> Vec<u8> {
        let length = usize::from(self.byte() % 64).min(self.rest.len());
        let (bytes, rest) = self.rest.split_at(length);
        self.rest = rest;
        bytes.to_vec()
    }
}

//! One line of the table that the demo prints.

use std::fmt;
use std::time::Duration;

/// One request of the story, and what became of it.
#[derive(Clone, Debug)]
pub struct Scene {
    /// What was asked.
    pub title: String,
    /// The statuses that are right.
    pub expected: Vec<u16>,
    /// The status that came, 0 for none.
    pub status: u16,
    /// The filter's own reason, or what else is worth saying.
    pub why: String,
    /// How long it took.
    pub elapsed: Duration,
    /// What else was wrong, when something was.
    pub flaw: Option<String>,
}

impl Scene {
    /// Whether all is as it must be.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.flaw.is_none() && self.expected.contains(&self.status)
    }

    /// The head of the table.
    #[must_use]
    pub fn heading() -> String {
        format!("{:<60} {:>6}  {:<38} {:>9}", "request", "answer", "why", "time")
    }
}

impl fmt::Display for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = if self.status == 0 { "none".to_owned() } else { self.status.to_string() };
        let time = format!("{:.1} ms", self.elapsed.as_secs_f64() * 1000.0);
        write!(f, "{:<60} {status:>6}  {:<38} {time:>9}", self.title, self.why)?;
        if !self.expected.contains(&self.status) {
            let expected: Vec<String> = self.expected.iter().map(u16::to_string).collect();
            write!(f, "\n    WRONG: expected {}", expected.join(" or "))?;
        }
        if let Some(flaw) = &self.flaw {
            write!(f, "\n    WRONG: {flaw}")?;
        }
        Ok(())
    }
}

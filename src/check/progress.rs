//! A line on the terminal that says how far the checks are.

use std::io::{Write as _, stderr};
use std::time::Duration;

use mdht_krpc::Instant;

use crate::terminal::{one_line, redraws};

/// The line. Where standard error is no terminal, there is none.
pub(super) struct Line {
    is_terminal: bool,
    shown: Option<Instant>,
    lines: usize,
}

impl Line {
    /// Time between two looks.
    pub(super) const PAUSE: Duration = Duration::from_millis(500);

    pub(super) fn new() -> Self {
        Self {
            is_terminal: redraws(),
            shown: None,
            lines: 0,
        }
    }

    /// Shows `text` in place of what was shown, if it is time.
    pub(super) fn show(&mut self, now: Instant, text: impl FnOnce() -> String) {
        let early = self
            .shown
            .is_some_and(|shown| now.since(shown) < Self::PAUSE);
        if !self.is_terminal || early {
            return;
        }
        self.clear();
        self.shown = Some(now);
        let text = text();
        let lines: Vec<_> = text.lines().map(one_line).collect();
        self.lines = lines.len();
        let text = lines.join("\n");
        // a line that cannot be shown is no failure
        let _ = stderr().write_all(text.as_bytes());
    }

    /// Takes what is shown away, to make room for results.
    pub(super) fn clear(&mut self) {
        if self.lines > 0 {
            let up = "\x1b[A".repeat(self.lines - 1);
            let _ = stderr().write_all(format!("\r{up}\x1b[J").as_bytes());
            self.lines = 0;
            self.shown = None;
        }
    }
}

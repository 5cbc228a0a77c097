//! A line on the terminal that says how far an experiment is.

use std::io::{Write as _, stderr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use mdht_experiments::Progress;

use crate::terminal::{one_line, redraws};

/// The line. Where standard error is no terminal, there is none.
pub(super) struct ProgressLine {
    start: Instant,
    shown: Mutex<Option<Instant>>,
    is_terminal: bool,
}

impl ProgressLine {
    /// Time between two looks of the line.
    const PAUSE: Duration = Duration::from_millis(200);

    #[allow(clippy::disallowed_methods)] // the driver of what is shown
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            shown: Mutex::new(None),
            is_terminal: redraws(),
        }
    }

    pub(super) fn show(&self, progress: &Progress) {
        self.show_text(|passed| text(progress, passed));
    }

    /// Shows what is told of the time that has passed, if it is time to.
    pub(super) fn show_text(&self, text: impl FnOnce(Duration) -> String) {
        let Ok(mut shown) = self.shown.lock() else {
            return;
        };
        let passed = self.start.elapsed();
        let is_early = shown.is_some_and(|shown| shown.elapsed() < Self::PAUSE);
        if !self.is_terminal || is_early {
            return;
        }
        *shown = self.start.checked_add(passed);
        let line = format!("\r\x1b[K{}", one_line(&text(passed)));
        // a line that cannot be shown is no failure
        let _ = stderr().write_all(line.as_bytes());
    }

    pub(super) fn clear(&self) {
        if self.is_terminal {
            let _ = stderr().write_all(b"\r\x1b[K");
        }
    }
}

/// How far it is after so much time.
fn text(progress: &Progress, passed: Duration) -> String {
    let hours = |time: Duration| time.as_secs_f64() / 3600.0;
    let done = progress
        .virtual_time
        .saturating_sub(progress.virtual_before);
    let speed = done.as_secs_f64() / passed.as_secs_f64().max(1e-3);
    let left = progress.virtual_total.saturating_sub(progress.virtual_time);
    let left = left.as_secs_f64() / speed.max(1e-3);
    let (kind, pace) = match progress.is_live {
        true => ("", String::new()),
        false => ("virtual ", format!(" {speed:.0} times real time,")),
    };
    format!(
        "{} of {} runs, {:.1} of {:.1} {kind}hours, {} of {} lookups,{pace} {left:.0} s left",
        progress.runs,
        progress.runs_total,
        hours(progress.virtual_time),
        hours(progress.virtual_total),
        progress.lookups,
        progress.lookups_total,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_on_real_sockets_are_not_called_virtual() {
        let mut progress = Progress::default();
        let told = |progress: &Progress| text(progress, Duration::from_secs(1));
        assert!(told(&progress).contains("virtual hours"));
        progress.is_live = true;
        assert!(told(&progress).contains(" hours") && !told(&progress).contains("virtual"));
    }
}

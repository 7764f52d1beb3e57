//! The bar on stderr: cases done, failures, cost so far, time left.

use super::numbers::count;
use super::text::{inert, one_line};
use crate::domain::Usd;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::Write as _;

/// A bar over the trials of a run. Where it is not visible it draws nothing at all.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar over `total` trials. `visible` says whether stderr is a terminal on which one is wanted.
    pub fn new(total: u64, visible: bool) -> Self {
        let target =
            if visible { ProgressDrawTarget::stderr_with_hz(8) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        // A template that cannot be read would leave the default bar, which is no reason to stop a run.
        if let Ok(style) = ProgressStyle::with_template("{bar:28} {pos} of {len} cases{msg} · {eta} left") {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.set_message("");
        Self { bar }
    }

    /// Shows how far the run is: trials done, of these failed and unscored, and the cost so far where it is known.
    pub fn tick(&self, done: u64, failed: u64, unscored: u64, cost: Option<Usd>) {
        self.bar.set_message(message(failed, unscored, cost));
        self.bar.set_position(done);
    }

    /// Writes one line to stderr, above the bar where there is one. A stderr that is gone is no reason to stop.
    pub fn note(&self, line: &str) {
        let line = inert(&one_line(line));
        self.bar.suspend(|| {
            let _ = writeln!(std::io::stderr().lock(), "{line}");
        });
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn message(failed: u64, unscored: u64, cost: Option<Usd>) -> String {
    let mut message = String::new();
    if failed > 0 {
        message.push_str(&format!(", {} failed", count(failed)));
    }
    if unscored > 0 {
        message.push_str(&format!(", {} unscored", count(unscored)));
    }
    if let Some(cost) = cost {
        message.push_str(&format!(" · {}", cost.display()));
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_only_what_there_is() {
        assert_eq!(message(0, 0, None), "");
        assert_eq!(message(2, 1, "0.0123".parse().ok()), ", 2 failed, 1 unscored · $0.0123");
    }

    #[test]
    fn a_hidden_bar_counts_and_draws_nothing() {
        let progress = Progress::new(10, false);
        progress.tick(4, 1, 0, None);
        assert!(progress.bar.is_hidden());
        assert_eq!((progress.bar.position(), progress.bar.message()), (4, ", 1 failed".to_owned()));
        progress.finish();
    }
}

//! The bar of a command that does one stage.

use std::io::IsTerminal;

use anstyle::AnsiColor;
use indicatif::{ProgressBar, ProgressStyle};

use super::{coloured, tell};
use crate::monitor::Monitor;

/// A bar for a single-stage command, on a terminal only; warnings are always told unless quiet.
pub struct Single {
    bar: Option<ProgressBar>,
    quiet: bool,
}

impl Single {
    /// A bar when standard error is a terminal and `quiet` is false.
    pub fn new(quiet: bool) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::new(0);
            if let Ok(style) = ProgressStyle::with_template("  {bar:32} {pos}/{len} {elapsed}") {
                bar.set_style(style);
            }
            bar
        });
        Self { bar, quiet }
    }
}

impl Monitor for Single {
    fn progress(&self, done: u64, total: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_position(done);
        }
    }
    fn warn(&self, message: &str) {
        if self.quiet {
            return;
        }
        let line = format!("{}: {message}", coloured("note", AnsiColor::Yellow));
        match &self.bar {
            Some(bar) => bar.suspend(|| tell(&line)),
            None => tell(&line),
        }
    }
}

impl Drop for Single {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

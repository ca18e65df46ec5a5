//! The bar of a command that does one stage.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anstyle::AnsiColor;
use indicatif::{ProgressBar, ProgressStyle};

use super::{coloured, tell};
use crate::monitor::Monitor;

/// A bar for a single-stage command, on a terminal only; warnings are always told unless quiet.
pub struct Single {
    bar: Option<ProgressBar>,
    quiet: bool,
    stop: Option<Arc<AtomicBool>>,
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
        Self {
            bar,
            quiet,
            stop: None,
        }
    }

    /// As [`Single::new`]; the stage ends soon after `stop` is set.
    pub fn until(stop: Arc<AtomicBool>, quiet: bool) -> Self {
        let mut single = Self::new(quiet);
        single.stop = Some(stop);
        single
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
    fn stopped(&self) -> bool {
        let stop = self.stop.as_ref();
        stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}

impl Drop for Single {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

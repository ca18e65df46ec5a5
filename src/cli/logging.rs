//! Logs: on standard error for whoever looks, and in the run's own file once it is known.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::OnceLock;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use super::Globals;
use crate::progress::LogFormat;

/// Name of a run's log.
const NAME: &str = "director.log";

static FILE: OnceLock<File> = OnceLock::new();

/// Writes into the run's log; what is logged before there is one goes to standard error only.
#[derive(Clone, Copy)]
struct RunLog;

impl Write for RunLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match FILE.get() {
            Some(mut file) => file.write(bytes),
            None => Ok(bytes.len()),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for RunLog {
    type Writer = Self;
    fn make_writer(&'w self) -> Self {
        Self
    }
}

/// Starts logging. `DIRECTOR_LOG` takes a filter such as `sora_director=debug` for standard error.
pub fn start(globals: &Globals) {
    let level = match (globals.quiet, globals.verbose) {
        (true, _) => "error",
        (_, 0) => "warn",
        (_, 1) => "sora_director=info,warn",
        _ => "sora_director=debug,info",
    };
    // Events have reporters of their own on standard error.
    let filter = EnvFilter::try_from_env("DIRECTOR_LOG").unwrap_or_else(|_| {
        EnvFilter::new(format!(
            "{level},event=off,wgpu_core=error,wgpu_hal=error,naga=error"
        ))
    });
    let colour = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
    let stderr = fmt::layer()
        .with_writer(io::stderr)
        .with_target(false)
        .with_ansi(colour)
        // It would tell of them on standard error, and panic where that is gone.
        .log_internal_errors(false);
    let stderr = match globals.log_format {
        LogFormat::Text => stderr.without_time().with_filter(filter).boxed(),
        LogFormat::Json => stderr.json().with_filter(filter).boxed(),
    };
    let quiet = EnvFilter::new("info,wgpu_core=warn,wgpu_hal=warn,naga=warn");
    let file = fmt::layer()
        .with_writer(RunLog)
        .with_ansi(false)
        .log_internal_errors(false);
    let file = match globals.log_format {
        LogFormat::Text => file.with_filter(quiet).boxed(),
        LogFormat::Json => file.json().with_filter(quiet).boxed(),
    };
    // A second start in one process keeps the first one's logging.
    let _ = tracing_subscriber::registry()
        .with(LevelFilter::TRACE)
        .with(stderr)
        .with(file)
        .try_init();
}

/// Logs into the run folder from now on.
///
/// # Errors
/// When the file cannot be opened.
pub fn into_run(root: &Path) -> io::Result<()> {
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(root.join(NAME))?;
    let _ = FILE.set(file);
    Ok(())
}

//! The `director` binary: parse, trace, exit code.

use std::process::ExitCode;

use clap::Parser;
use sora_director::cli;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    // Mesa's device-select layer complains on stderr where there is no display; adapters are chosen here anyway.
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // SAFETY: no other thread runs yet.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
    let level = match (cli.globals.quiet, cli.globals.verbose) {
        (true, _) => "error",
        (_, 0) => "warn",
        (_, 1) => "sora_director=info,warn",
        _ => "sora_director=debug,info",
    };
    let filter = EnvFilter::try_from_env("DIRECTOR_LOG").unwrap_or_else(|_| {
        EnvFilter::new(format!("{level},wgpu_core=error,wgpu_hal=error,naga=error"))
    });
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        .init();
    match cli::run(&cli) {
        Ok(code) => code,
        Err(error) => {
            anstream::eprintln!("{}: {error:#}", cli::error_label());
            ExitCode::from(cli::COULD_NOT_RUN)
        }
    }
}

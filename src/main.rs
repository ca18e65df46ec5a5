//! The `director` binary: parse, trace, exit code.

use std::process::ExitCode;

use clap::Parser;
use sora_director::{cli, progress};

/// Exit code when the reader of standard output went away, as the shell has it for SIGPIPE.
const PIPE_CLOSED: i32 = 141;

fn main() -> ExitCode {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // `director results RUN | head` is no fault of ours.
        if panic
            .payload_as_str()
            .is_some_and(|m| m.starts_with("failed printing to stdout"))
        {
            std::process::exit(PIPE_CLOSED);
        }
        hook(panic);
    }));
    let cli = cli::Cli::parse();
    // Mesa's device-select layer complains on stderr where there is no display; adapters are chosen here anyway.
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // SAFETY: no other thread runs yet.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
    cli::logging::start(&cli.globals);
    match cli::run(&cli) {
        Ok(code) => code,
        Err(error) => {
            progress::tell(&format!("{}: {error:#}", cli::error_label()));
            ExitCode::from(cli::COULD_NOT_RUN)
        }
    }
}

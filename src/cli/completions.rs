//! `director completions`: completions for a shell.

use std::process::ExitCode;

use clap::CommandFactory;

use super::{Cli, Globals};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  director completions bash > ~/.local/share/bash-completion/completions/director"
)]
pub struct Args {
    /// Shell
    shell: clap_complete::Shell,
}

/// Runs the command.
pub fn run(args: &Args, _globals: &Globals) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "director", &mut script);
    print!("{}", String::from_utf8_lossy(&script));
    Ok(ExitCode::SUCCESS)
}

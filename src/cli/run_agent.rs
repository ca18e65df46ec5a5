//! `director run-agent`.

use std::process::ExitCode;

use super::Globals;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
pub fn run(_args: &Args, _globals: &Globals) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not there yet")
}

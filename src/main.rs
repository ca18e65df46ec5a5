//! The `director` binary: parse, trace, exit code.

use std::process::ExitCode;

use clap::Parser;
use sora_director::{cli, progress};

/// Exit code when the reader of standard output went away, as the shell has it for SIGPIPE.
const PIPE_CLOSED: i32 = 141;

/// How a panic of `println!` begins, before the system's words.
const UNPRINTED: &str = "failed printing to stdout";

/// Leaves after standard output failed, with what the system said.
fn unprinted(words: &str) -> ! {
    // `director results RUN | head` is no fault of ours.
    if words.contains("Broken pipe") {
        std::process::exit(PIPE_CLOSED);
    }
    let label = cli::error_label();
    progress::tell(&format!(
        "{label}: standard output cannot be written{words}"
    ));
    std::process::exit(cli::COULD_NOT_RUN.into());
}

/// Keeps memory that was let go of for what is made next: networks and pictures come and go by the tens of MiB, and glibc would hand
/// each back to the system, which clears it page by page (about a tenth of a depth network's time).
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn keep_memory() {
    // SAFETY: numbers that mallopt takes; no other thread runs yet.
    unsafe {
        // Some take no more than 32 MiB; either ends that glibc finds them itself, so both or none.
        let taken = [256 << 20, 32 << 20]
            .iter()
            .any(|&most| libc::mallopt(libc::M_MMAP_THRESHOLD, most) == 1);
        if taken {
            libc::mallopt(libc::M_TRIM_THRESHOLD, 512 << 20);
        }
    }
}

fn main() -> ExitCode {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    keep_memory();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if let Some(words) = panic
            .payload_as_str()
            .and_then(|text| text.strip_prefix(UNPRINTED))
        {
            unprinted(words);
        }
        hook(panic);
    }));
    let empty = |(name, value): &(std::ffi::OsString, std::ffi::OsString)| {
        value.is_empty() && name.to_str().is_some_and(|n| n.starts_with("DIRECTOR_"))
    };
    for (name, _) in std::env::vars_os().filter(empty) {
        // An empty variable counts as not set, also where clap reads it.
        // SAFETY: no other thread runs yet.
        unsafe { std::env::remove_var(name) };
    }
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

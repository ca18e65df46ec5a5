//! `director doctor`: what this machine has, what is missing, and the mend.

use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use super::Globals;
use crate::gpu::adapters;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  director doctor --json")]
pub struct Args {
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let found = adapters();
    let mut faults: Vec<String> = Vec::new();
    let chosen = match globals.gpu() {
        Ok(gpu) => Some(gpu.summary().name.clone()),
        Err(error) => {
            faults.push(error.to_string());
            None
        }
    };
    let ffmpeg = crate::video::versions();
    let encoder = crate::video::h264_encoder();
    if encoder.is_none() {
        faults.push("FFmpeg has no H.264 encoder; install one (libx264), or the mock provider cannot write takes".into());
    }
    let free = free_bytes(Path::new("."));
    if free.is_some_and(|f| f < 5 << 30) {
        faults.push("under 5 GiB of disk are free here; point --out to a larger disk".into());
    }
    if args.json {
        let document = json!({
            "version": env!("CARGO_PKG_VERSION"), "adapters": found, "chosen": chosen, "ffmpeg": ffmpeg,
            "h264_encoder": encoder, "free_bytes": free, "faults": faults,
        });
        println!("{}", serde_json::to_string_pretty(&document)?);
    } else {
        println!("director {}", env!("CARGO_PKG_VERSION"));
        println!("adapters");
        if found.is_empty() {
            println!("  none");
        }
        for (index, a) in found.iter().enumerate() {
            let mark = if chosen.as_ref() == Some(&a.name) {
                "*"
            } else {
                " "
            };
            println!(
                "{mark} {index}: {} ({}, {}, {})",
                a.name, a.kind, a.backend, a.driver
            );
            let yes = |b: bool| if b { "yes" } else { "no" };
            println!(
                "     subgroups {}, f32 atomics {}, timestamps {}, largest binding {} MiB",
                yes(a.subgroups),
                yes(a.float_atomics),
                yes(a.timestamps),
                a.max_binding >> 20
            );
        }
        println!("FFmpeg       {ffmpeg}");
        println!("H.264        {}", encoder.unwrap_or("none"));
        if let Some(free) = free {
            println!("disk free    {:.1} GiB", free as f64 / f64::from(1 << 30));
        }
        if found.iter().all(|a| a.kind == "software") && chosen.is_some() {
            println!("note         only a software adapter: the same results, slowly");
        }
        for fault in &faults {
            println!("{}: {fault}", super::error_label());
        }
        if faults.is_empty() {
            println!("all that is needed is here");
        }
    }
    Ok(if faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn free_bytes(path: &Path) -> Option<u64> {
    // Through `df`, which every Unix has, rather than an unsafe call.
    let output = std::process::Command::new("df")
        .args(["-Pk"])
        .arg(path)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let kib: u64 = text
        .lines()
        .nth(1)?
        .split_whitespace()
        .nth(3)?
        .parse()
        .ok()?;
    Some(kib * 1024)
}

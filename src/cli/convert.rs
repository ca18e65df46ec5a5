//! `director convert` and `director info`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::Globals;
use crate::splat::format;

/// Arguments of `director convert`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  director convert world.ply world.glb")]
pub struct Args {
    /// Splats, .ply or .splat
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// File to write, .ply, .splat or .glb; replaced where it exists
    #[arg(value_name = "OUT")]
    pub output: PathBuf,
}

/// Arguments of `director info`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  director info world.ply --json")]
pub struct InfoArgs {
    /// Splats, .ply or .splat
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Runs `director convert`.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let splats = format::read(&args.input)?;
    format::write(&args.output, &splats)?;
    if !globals.quiet {
        anstream::eprintln!("{}: {} splats", args.output.display(), splats.len());
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(serde::Serialize)]
struct Info {
    file: PathBuf,
    splats: usize,
    sh_degree: u32,
    not_finite: usize,
    min: [f32; 3],
    max: [f32; 3],
    median_opacity: f32,
    median_size: f32,
}

/// Runs `director info`.
pub fn info(args: &InfoArgs, _globals: &Globals) -> anyhow::Result<ExitCode> {
    let splats = format::read(&args.file)?;
    let finite = |p: &&[f32; 3]| p.iter().all(|v| v.is_finite());
    let bound = |f: fn(f32, f32) -> f32, start: f32| {
        splats
            .positions
            .iter()
            .filter(finite)
            .fold([start; 3], |b, p| std::array::from_fn(|c| f(b[c], p[c])))
    };
    let median = |mut values: Vec<f32>| {
        values.sort_by(f32::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(0.0)
    };
    let kept = splats.positions.iter().filter(finite).count();
    let info = Info {
        file: args.file.clone(),
        splats: splats.len(),
        sh_degree: splats.sh_degree,
        not_finite: splats.len() - kept,
        min: if kept == 0 {
            [0.0; 3]
        } else {
            bound(f32::min, f32::INFINITY)
        },
        max: if kept == 0 {
            [0.0; 3]
        } else {
            bound(f32::max, f32::NEG_INFINITY)
        },
        median_opacity: median(
            splats
                .opacity_logits
                .iter()
                .map(|o| 1.0 / (1.0 + (-o).exp()))
                .collect(),
        ),
        median_size: median(
            splats
                .log_scales
                .iter()
                .map(|s| ((s[0] + s[1] + s[2]) / 3.0).exp())
                .collect(),
        ),
    };
    if args.json {
        anstream::println!("{}", serde_json::to_string_pretty(&info)?);
    } else {
        anstream::println!("{}", info.file.display());
        anstream::println!("  splats          {}", info.splats);
        anstream::println!("  SH degree       {}", info.sh_degree);
        anstream::println!("  from            {:.3?}", info.min);
        anstream::println!("  to              {:.3?}", info.max);
        anstream::println!("  median opacity  {:.3}", info.median_opacity);
        anstream::println!("  median size     {:.4}", info.median_size);
        if info.not_finite > 0 {
            anstream::println!("  not finite      {}", info.not_finite);
        }
    }
    Ok(ExitCode::SUCCESS)
}

//! `director score`.

use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;

use super::Globals;
use crate::motion::{self, MotionOptions};
use crate::progress::Single;
use crate::score::{self, Combination, ScoreOptions, Scores};
use crate::video::{self, DecodeOptions};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  director score take_1.mp4 take_2.mp4\n  director score takes/*.mp4 --json > scores.json"
)]
pub struct Args {
    /// Videos or folders of images, one a take
    #[arg(value_name = "FILE", required = true)]
    pub inputs: Vec<PathBuf>,
    /// Combine the scores by the weighted sum instead of the geometric mean
    #[arg(long)]
    pub arithmetic: bool,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// One take in the original design's words, with what failed beside it.
#[derive(Debug, Serialize)]
struct Take {
    take_id: String,
    video_path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scores: Option<Named>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rank: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    combination: Option<String>,
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    components: std::collections::BTreeMap<String, f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct Named {
    identity_persistence: f64,
    path_realism: f64,
    physics_plausibility: f64,
    visual_quality: f64,
    motion_smoothness: f64,
    temporal_coherence: f64,
    overall: f64,
}

#[derive(Debug, Serialize)]
struct Document {
    takes: Vec<Take>,
    success: bool,
}

/// Runs the command. Takes that cannot be scored are told and do not stop the others.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let monitor = Single::new(globals.quiet);
    let gpu = globals.gpu()?;
    let one = |path: &PathBuf| -> anyhow::Result<Scores> {
        let frames = video::decode(&gpu, path, &DecodeOptions::default(), &monitor)?;
        // Scores need neighbouring frames only; longer strides are for the cameras.
        let options = MotionOptions {
            strides: vec![1],
            ..MotionOptions::default()
        };
        let motion = motion::estimate(&gpu, &frames, &options, &monitor)?;
        let options = ScoreOptions {
            combination: if args.arithmetic {
                Combination::Arithmetic
            } else {
                Combination::Geometric
            },
            ..ScoreOptions::default()
        };
        Ok(score::score(&gpu, &frames, &motion, &options)?)
    };
    let mut results = Vec::new();
    for path in &args.inputs {
        let result = one(path);
        if let Err(error) = &result {
            let path = path.display();
            anstream::eprintln!("{}: scoring {path}: {error:#}", super::error_label());
        }
        results.push(result);
    }
    let good: Vec<usize> = (0..results.len()).filter(|&i| results[i].is_ok()).collect();
    let scores: Vec<Scores> = results.iter().flatten().cloned().collect();
    let order = score::rank(&scores);
    let mut takes: Vec<Take> = args
        .inputs
        .iter()
        .zip(results)
        .enumerate()
        .map(|(i, (path, result))| take(i, path, result))
        .collect();
    for (place, &i) in order.iter().enumerate() {
        takes[good[i]].rank = Some(place + 1);
    }
    let success = good.len() == takes.len();
    if args.json {
        let document = Document { takes, success };
        anstream::println!("{}", serde_json::to_string_pretty(&document)?);
    } else if !good.is_empty() {
        anstream::println!("{}", table(&takes));
        if let Some(how) = scores.first().map(|s| &s.combination) {
            anstream::println!("overall: {how}");
        }
    }
    Ok(if success {
        ExitCode::SUCCESS
    } else if good.is_empty() {
        ExitCode::from(super::COULD_NOT_RUN)
    } else {
        ExitCode::from(1)
    })
}

fn take(index: usize, path: &std::path::Path, result: anyhow::Result<Scores>) -> Take {
    let (scores, error) = match result {
        Ok(scores) => (Some(scores), None),
        Err(error) => (None, Some(format!("{error:#}"))),
    };
    Take {
        take_id: format!("take_{}", index + 1),
        video_path: path.display().to_string(),
        rank: None,
        combination: scores.as_ref().map(|s| s.combination.clone()),
        components: scores
            .as_ref()
            .map(|s| s.components.clone())
            .unwrap_or_default(),
        scores: scores.map(|s| Named {
            identity_persistence: s.identity_persistence,
            path_realism: s.path_realism,
            physics_plausibility: s.physics_plausibility,
            visual_quality: s.visual_quality,
            motion_smoothness: s.motion_smoothness,
            temporal_coherence: s.temporal_coherence,
            overall: s.overall,
        }),
        error,
    }
}

/// Takes in the order of their rank; those without scores are told on stderr.
fn table(takes: &[Take]) -> comfy_table::Table {
    let mut rows: Vec<&Take> = takes.iter().filter(|t| t.rank.is_some()).collect();
    rows.sort_by_key(|t| t.rank);
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header([
        "rank",
        "take",
        "overall",
        "identity",
        "path",
        "physics",
        "quality",
        "smoothness",
        "coherence",
    ]);
    for take in rows {
        let Some(s) = &take.scores else { continue };
        let mut row = vec![
            take.rank.unwrap_or_default().to_string(),
            take.video_path.clone(),
        ];
        let values = [
            s.overall,
            s.identity_persistence,
            s.path_realism,
            s.physics_plausibility,
            s.visual_quality,
            s.motion_smoothness,
            s.temporal_coherence,
        ];
        row.extend(values.map(|v| format!("{v:.3}")));
        table.add_row(row);
    }
    table
}

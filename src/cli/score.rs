//! `director score`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;

use super::Globals;
use crate::motion::MotionOptions;
use crate::pipeline;
use crate::progress::Single;
use crate::score::{
    self, Combination, METRICS, Moment, NETWORK_SCORES, NetworkUsed, Networks, ScoreOptions, Scores,
};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  director score take_1.mp4 take_2.mp4\n  director score takes/*.mp4 --json > scores.json\n  director score take.mp4 --worst\n  director score takes/*.mp4 --weight visual_quality=2 --weight path_realism=0\n  director score takes/*.mp4 --identity-network dinov2.onnx --quality-network nima.onnx --weight network_quality=2"
)]
pub struct Args {
    /// Videos or folders of images, one a take
    #[arg(value_name = "FILE", required = true)]
    pub inputs: Vec<PathBuf>,
    /// Combine the scores by the weighted arithmetic mean instead of the geometric one
    #[arg(long)]
    pub arithmetic: bool,
    /// Weight of a metric in the overall score, zero to leave it out; several times for several
    #[arg(long, value_name = "METRIC=NUMBER", value_parser = weight)]
    pub weight: Vec<(String, f64)>,
    /// ONNX network of features (such as DINOv2) for the score network_identity, which is there only with it
    #[arg(long, value_name = "FILE")]
    pub identity_network: Option<PathBuf>,
    /// ONNX network that answers the quality of a picture, as a number or as shares of the scores 1 to n, for the score network_quality
    #[arg(long, value_name = "FILE")]
    pub quality_network: Option<PathBuf>,
    /// What the quality network answers for the worst and for the best picture, where that is a number [default: 0,1]
    #[arg(long, value_name = "LOW,HIGH", value_parser = scale, allow_hyphen_values = true)]
    pub quality_scale: Option<[f64; 2]>,
    /// Tell the worst moments of each take too; the JSON document always has them
    #[arg(long)]
    pub worst: bool,
    /// Long side of the frames in pixels; larger frames are made smaller
    #[arg(long, value_name = "PIXELS", default_value_t = score::MAX_SIDE, value_parser = clap::value_parser!(u32).range(16..=4096))]
    pub max_side: u32,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

fn weight(text: &str) -> Result<(String, f64), String> {
    let names = || {
        let names: Vec<_> = score::names().collect();
        names.join(", ")
    };
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| "give METRIC=NUMBER, such as visual_quality=2".to_owned())?;
    if !score::names().any(|known| known == name) {
        return Err(format!(
            "there is no metric '{name}'; there are {}",
            names()
        ));
    }
    match value.parse::<f64>() {
        Ok(v) if v.is_finite() && v >= 0.0 => Ok((name.to_owned(), v)),
        _ => Err(format!("'{value}' is not zero or a positive number")),
    }
}

fn scale(text: &str) -> Result<[f64; 2], String> {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    text.split_once(',')
        .and_then(|(low, high)| Some([number(low)?, number(high)?]))
        .ok_or_else(|| "give two numbers, such as 0,100".to_owned())
}

/// One take in the original design's words, with what failed beside it.
#[derive(Debug, Serialize)]
struct Take {
    take_id: String,
    video_path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scores: Option<BTreeMap<String, f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rank: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    combination: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    components: BTreeMap<String, f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    worst: Vec<Moment>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    networks: BTreeMap<String, NetworkUsed>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    faults: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct Document {
    takes: Vec<Take>,
    success: bool,
}

/// Runs the command. Takes that cannot be scored are told and do not stop the others.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let monitor = Single::new(globals.quiet);
    let mut options = ScoreOptions::default();
    options.weights.extend(args.weight.iter().cloned());
    if args.arithmetic {
        options.combination = Combination::Arithmetic;
    }
    options.identity_network.clone_from(&args.identity_network);
    options.quality_network.clone_from(&args.quality_network);
    options.quality_scale = args.quality_scale;
    // Networks first: a wrong path should not wait for a decode.
    let networks = Networks::open(&options)?;
    let motion = MotionOptions::default();
    let gpu = globals.gpu()?;
    let read = pipeline::reading(None, args.max_side, globals.decode()?);
    let mut results = Vec::new();
    for path in &args.inputs {
        let result = pipeline::scored(&gpu, path, &read, &motion, &options, &networks, &monitor);
        let result = result.map(|watched| (watched.scores, watched.faults));
        if let Err(error) = &result {
            let path = path.display();
            anstream::eprintln!("{}: scoring {path}: {error:#}", super::error_label());
        }
        results.push(result);
    }
    let good: Vec<usize> = (0..results.len()).filter(|&i| results[i].is_ok()).collect();
    let scored = results.iter().flatten();
    let scores: Vec<Scores> = scored.map(|(scores, _)| scores.clone()).collect();
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
        if args.worst {
            if takes.iter().all(|t| t.worst.is_empty()) {
                anstream::println!("no moment stands out");
            } else {
                anstream::println!("{}", moments(&takes));
            }
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

/// `result`: scores, and the faults of the input.
fn take(index: usize, path: &Path, result: anyhow::Result<(Scores, Vec<String>)>) -> Take {
    let (found, error) = match result {
        Ok(found) => (Some(found), None),
        Err(error) => (None, Some(format!("{error:#}"))),
    };
    let (scores, faults) = found.unwrap_or_default();
    let good = error.is_none();
    let mut named = scores.metrics;
    named.insert("overall".to_owned(), scores.overall);
    Take {
        take_id: format!("take_{}", index + 1),
        video_path: path.display().to_string(),
        rank: None,
        combination: good.then_some(scores.combination),
        components: scores.components,
        worst: scores.worst,
        networks: scores.networks,
        scores: good.then_some(named),
        faults,
        error,
    }
}

/// The takes that have a rank, in its order.
fn ranked(takes: &[Take]) -> Vec<&Take> {
    let mut rows: Vec<&Take> = takes.iter().filter(|t| t.rank.is_some()).collect();
    rows.sort_by_key(|t| t.rank);
    rows
}

/// Takes in the order of their rank; those without scores are told on stderr.
fn table(takes: &[Take]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    let there = |name: &&str| {
        let mut scores = takes.iter().filter_map(|take| take.scores.as_ref());
        scores.any(|scores| scores.contains_key(*name))
    };
    let networks = NETWORK_SCORES.into_iter().filter(there);
    let metrics: Vec<&str> = METRICS.iter().map(|m| m.name).chain(networks).collect();
    let header = ["rank", "take", "overall"].into_iter();
    table.set_header(
        header
            .chain(metrics.iter().copied())
            .map(|name| name.replace('_', " ")),
    );
    for take in ranked(takes) {
        let Some(scores) = &take.scores else { continue };
        let mut row = vec![
            take.rank.unwrap_or_default().to_string(),
            take.video_path.clone(),
        ];
        let values = ["overall"].into_iter().chain(metrics.iter().copied());
        row.extend(values.map(|name| {
            scores
                .get(name)
                .map_or(String::new(), |v| format!("{v:.3}"))
        }));
        table.add_row(row);
    }
    table
}

/// The worst moments of each take.
fn moments(takes: &[Take]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["take", "seconds", "place", "value", "metric", "what"]);
    for take in ranked(takes) {
        for m in &take.worst {
            let place = m.place.map_or("all".to_owned(), |[x, y]| {
                format!("{:.0} % across, {:.0} % down", 100.0 * x, 100.0 * y)
            });
            table.add_row([
                take.video_path.clone(),
                format!("{:.2}", m.time),
                place,
                format!("{:.2}", m.value),
                m.metric.replace('_', " "),
                m.what.clone(),
            ]);
        }
    }
    table
}

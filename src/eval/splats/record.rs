//! One fit, as it is kept: a line of JSON.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Source;
use super::measure::Depth;
use crate::depth::{self, Model};
use crate::eval::depth::record::{Of, digest, files};
use crate::pipeline::Config;
use crate::splat::FitReport;

/// What a line depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// What the frames are of.
    pub of: Of,
    /// What splats are fitted to.
    pub source: Source,
    /// Digest of what was given: names, sizes and times of its files.
    pub files: Option<String>,
    /// The network's bytes, and the name that tells its kind, where one is asked.
    pub network: Vec<String>,
    /// Versions of the mock world, video, motion, depth, camera, splats, and of these measures.
    pub versions: [u32; 7],
    /// Digest of the options of flow, solve, sizes and fit.
    pub options: String,
}

impl Settings {
    /// Those of a run with these options.
    pub fn of(of: Of, source: Source, model: Option<&Model>, config: &Config) -> Self {
        let options = serde_json::json!([
            config.motion,
            config.solve,
            config.fit,
            config.max_side,
            config.max_frames,
            [config.ignore_known_cameras, config.ignore_known_depth],
            config.agent.climb_metres,
        ]);
        Self {
            source,
            files: match &of {
                Of::Given(path) => Some(digest(&files(path))),
                Of::Case(_) => None,
            },
            of,
            network: match source {
                Source::Truth => Vec::new(),
                Source::Run => model.map(Model::identity).unwrap_or_default(),
            },
            versions: [
                crate::mock::VERSION,
                crate::video::VERSION,
                crate::motion::VERSION,
                depth::VERSION,
                crate::camera::VERSION,
                crate::splat::VERSION,
                super::VERSION,
            ],
            options: digest(&options.to_string()),
        }
    }

    /// Twelve digits that no other settings have.
    pub fn digest(&self) -> String {
        digest(&serde_json::json!(self).to_string())
    }
}

/// How well held-out frames are shown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Splats.
    pub splats: usize,
    /// Steps.
    pub steps: u32,
    /// Frames that were fitted to.
    pub train_frames: usize,
    /// Frames that were held out and compared.
    pub held_out: usize,
    /// Mean PSNR in dB over whole held-out frames.
    pub psnr: Option<f64>,
    /// Mean SSIM over them.
    pub ssim: Option<f64>,
    /// Mean PSNR in dB over what stays in them.
    pub still_psnr: Option<f64>,
    /// Mean SSIM over that.
    pub still_ssim: Option<f64>,
    /// Mean PSNR in dB over frames that were fitted to.
    pub train_psnr: Option<f64>,
}

impl Quality {
    /// Of PSNR and SSIM of whole held-out frames, and of what stays in them.
    pub fn of(report: &FitReport, whole: &[[f64; 2]], still: &[[f64; 2]]) -> Self {
        let mean = |all: &[[f64; 2]], k: usize| {
            let sum: f64 = all.iter().map(|v| v[k]).sum();
            (!all.is_empty()).then(|| sum / all.len() as f64)
        };
        Self {
            splats: report.splats,
            steps: report.steps,
            train_frames: report.train_frames,
            held_out: whole.len(),
            psnr: mean(whole, 0),
            ssim: mean(whole, 1),
            still_psnr: mean(still, 0),
            still_ssim: mean(still, 1),
            train_psnr: report.train_psnr,
        }
    }
}

/// One fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The clip's name.
    pub name: String,
    /// What it belongs to: the mock world's place, or `given`.
    pub group: String,
    /// What else the line depends on.
    pub settings: Settings,
    /// Why there are no cameras to fit splats to.
    pub refused: Option<String>,
    /// How well held-out frames are shown.
    pub quality: Option<Quality>,
    /// Depth beside the truth; `None` where there is none.
    pub depth: Option<Depth>,
    /// The picture of a held-out frame, from the output folder on.
    pub strip: Option<PathBuf>,
    /// Seconds by stage; those of stages whose results were kept from before are short.
    pub seconds: BTreeMap<String, f64>,
}

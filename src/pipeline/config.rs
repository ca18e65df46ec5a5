//! The resolved configuration of a run: what every stage is told, saved as `run.toml`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::keys;
use crate::agent::AgentOptions;
use crate::camera::SolveOptions;
use crate::depth;
use crate::key::KeyFault;
use crate::motion::MotionOptions;
use crate::revise::AcceptOptions;
use crate::score::{METRICS, ScoreError, ScoreOptions};
use crate::splat::FitOptions;
use crate::video::Decode;
use crate::world::WorldOptions;

/// Effort and working sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Minutes on a laptop without a GPU: small frames, few splats.
    Draft,
    /// The default.
    #[default]
    Standard,
    /// For a strong GPU.
    High,
}

/// How a provider may be used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderLimits {
    /// Most jobs of this provider at once.
    pub at_once: u32,
    /// Seconds after which a job that has not ended is given up.
    pub deadline: f64,
}

impl Default for ProviderLimits {
    fn default() -> Self {
        Self {
            at_once: 1,
            deadline: 3600.0,
        }
    }
}

/// Everything that a run was told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Format version of `run.toml`.
    pub format: u32,
    /// The preset that the rest started from.
    pub preset: Preset,
    /// Adapter as typed.
    pub adapter: String,
    /// Who decodes videos; results do not depend on it.
    pub decode: Decode,
    /// Where takes come from.
    pub provider: String,
    /// Limits by provider; one that is not named here has the defaults.
    pub providers: BTreeMap<String, ProviderLimits>,
    /// Most rows that are under way at once.
    pub rows_at_once: u32,
    /// Pieces of work at once on each adapter.
    pub lanes: u32,
    /// Nothing new is asked of a provider while so many takes wait for a GPU.
    pub takes_ahead: u32,
    /// Takes a prompt.
    pub takes: u32,
    /// Most rounds.
    pub max_iterations: u32,
    /// Seed of the first take.
    pub seed: u64,
    /// Seconds of video.
    pub seconds: f64,
    /// Width and height of the video.
    pub size: [u32; 2],
    /// Frames a second.
    pub fps: f64,
    /// Depth network.
    pub depth: depth::Options,
    /// Longer side of the working size in pixels.
    pub max_side: u32,
    /// Most frames of a clip that are used, evenly spaced.
    pub max_frames: usize,
    /// Solve cameras even where an input folder tells them.
    pub ignore_known_cameras: bool,
    /// Estimate depth even where an input folder tells it.
    pub ignore_known_depth: bool,
    /// Dense flow.
    pub motion: MotionOptions,
    /// Scores.
    pub score: ScoreOptions,
    /// Cameras.
    pub solve: SolveOptions,
    /// Splats.
    pub fit: FitOptions,
    /// Collision world.
    pub world: WorldOptions,
    /// Agents.
    pub agent: AgentOptions,
    /// When a world is good enough.
    pub accept: AcceptOptions,
}

impl Config {
    /// A preset's configuration.
    pub fn preset(preset: Preset) -> Self {
        let (max_side, max_frames, motion_side, splats, steps, size, seconds) = match preset {
            Preset::Draft => (320, 24, 320, 12_000, 300, [320, 180], 2.0),
            Preset::Standard => (512, 49, 384, 40_000, 1_000, [640, 360], 4.0),
            Preset::High => (960, 97, 640, 250_000, 4_000, [1280, 720], 5.0),
        };
        Self {
            format: crate::store::FORMAT,
            preset,
            adapter: "auto".to_owned(),
            decode: Decode::Auto,
            provider: crate::providers::NAMES[0].to_owned(),
            providers: crate::providers::NAMES
                .iter()
                .map(|n| ((*n).to_owned(), ProviderLimits::default()))
                .collect(),
            rows_at_once: 8,
            lanes: 2,
            takes_ahead: 4,
            takes: 2,
            max_iterations: 3,
            seed: 1,
            seconds,
            size,
            fps: 24.0,
            depth: depth::Options::default(),
            max_side,
            max_frames,
            ignore_known_cameras: false,
            ignore_known_depth: false,
            motion: MotionOptions {
                max_side: motion_side,
                ..MotionOptions::default()
            },
            score: ScoreOptions::default(),
            solve: SolveOptions::default(),
            fit: FitOptions {
                splats,
                steps,
                ..FitOptions::default()
            },
            world: WorldOptions::default(),
            agent: AgentOptions::default(),
            accept: AcceptOptions::default(),
        }
    }

    /// Every value that its key cannot have; empty for a configuration that can run.
    pub fn validate(&self) -> Vec<KeyFault> {
        let table = match toml::Value::try_from(self) {
            Ok(table) => table,
            // Numbers over TOML's 64 bits with a sign.
            Err(error) => {
                return vec![KeyFault {
                    key: String::new(),
                    message: format!("the configuration cannot be written as TOML: {error}"),
                }];
            }
        };
        let mut faults: Vec<KeyFault> = keys::all()
            .filter_map(|(name, key)| {
                let value = name.split('.').try_fold(&table, |t, part| t.get(part))?;
                (!key.kind.fits(value)).then(|| KeyFault::new(&name, key, value))
            })
            .collect();
        if let Some(reason) = self.decode.refusal() {
            faults.push(KeyFault {
                key: "decode".to_owned(),
                message: reason.to_owned(),
            });
        }
        if self.score.all_zero() {
            faults.push(KeyFault {
                key: format!("score.{}", METRICS[0].name),
                message: "all weights of `score` are 0; give at least one that is not".to_owned(),
            });
        }
        if let Err(ScoreError::Setting { field, reason }) = self.score.check_networks() {
            let key = format!("score.{field}");
            let message = format!("{key} {reason}");
            faults.push(KeyFault { key, message });
        }
        faults
    }
}

//! One row's loop: prompt, takes, frames, motion, scores, depth, cameras, splats, world, agents, revision.
//!
//! Many rows wait for their takes at once; what follows a take runs on a lane, one thread a GPU. [`Walk`] is the
//! order of things; [`Stages`] is the half that the lane does.

pub mod asset;
mod config;
mod context;
mod explain;
mod failure;
pub mod keys;
mod left_out;
mod made;
mod moderated;
mod plan;
mod result;
mod stages;
mod step;
#[rustfmt::skip]
pub mod steps;
mod studio;
mod takes;
mod walk;
mod watch;
mod work;

use std::path::PathBuf;

pub use config::{Config, Preset, ProviderLimits};
pub use context::Context;
pub use explain::{Explained, Explainer, Standing};
pub use failure::StepError;
pub use made::{Content, Made};
pub use plan::{Amount, Plan, RowFault, Share};
pub use stages::{
    Beside, Given, Maps, Rebuilt, Tracked, align, caution, depth, depth_views, evidence, frames,
    given, reading, rebuild, refusal, save_points, scored, track,
};
pub use step::{Each, Facts, NetworkIds, Step};
pub use studio::Studio;
pub use takes::Desk;
pub use walk::Walk;
pub use watch::{WINDOW, Watched, watch};

use crate::lane::Recover;
use crate::manifest::Prompt;
use crate::paths::{is_list, pattern::is_pattern};
use crate::record::{IterationResult, Work};
use crate::revise::Revision;
use crate::score::Scores;
use crate::store::At;

/// Artifacts of a round that can be made again from what is kept, as globs relative to the round's folder.
pub const INTERMEDIATES: &[&str] = &[
    "takes/*/depth.npy",
    "takes/*/truth/**",
    "fit.ply",
    "world.vox",
    "world.glb",
];

/// One round of one row.
#[derive(Clone, Debug)]
pub struct Round<'e> {
    /// The row.
    pub row: &'e Prompt,
    /// Its place in the order of work.
    pub index: usize,
    /// From 1.
    pub iteration: u32,
    /// The prompt of this round.
    pub prompt: String,
}

impl Round<'_> {
    /// A step of it.
    pub fn at(&self, step: &str) -> At {
        At::new(&self.row.id, self.iteration, step)
    }
}

/// A take that is there.
#[derive(Clone, Debug)]
pub struct Take {
    /// From 1.
    pub number: u32,
    /// Its seed.
    pub seed: u64,
    /// The video.
    pub video: PathBuf,
    /// What its steps have left.
    pub made: Made,
    /// What its steps took.
    pub work: Work,
}

impl Take {
    /// Frames a second that its row gives it, where it is several images: videos and animations have their own times.
    fn rate(&self, row: &Prompt) -> Option<f64> {
        let video = &self.video;
        row.fps
            .filter(|_| video.is_dir() || is_list(video) || is_pattern(video))
    }
}

/// A take that was scored.
#[derive(Clone, Debug)]
pub struct Scored {
    /// The take.
    pub take: Take,
    /// Its scores.
    pub scores: Scores,
}

/// The half of a round that a lane does. [`Studio`] is the real one; tests put their own.
pub trait Stages: Recover {
    /// Take -> frames, motion, scores.
    ///
    /// # Errors
    /// [`StepError`].
    fn score(&mut self, round: &Round<'_>, take: Take) -> Result<Scored, StepError>;

    /// The best take that can be solved -> depth, cameras, splats, world, agents, revision.
    ///
    /// # Errors
    /// [`StepError`].
    fn rebuild(
        &mut self,
        round: &Round<'_>,
        takes: Vec<Scored>,
    ) -> Result<(IterationResult, Revision), StepError>;
}

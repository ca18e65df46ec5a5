//! What a line of the table of steps holds.

use std::collections::BTreeMap;

use super::steps::STEPS;
use super::work::Job;
use super::{Config, Round, Studio};
use crate::gpu::Kernel;
use crate::monitor::Monitor;
use crate::store::{Recipe, Scratch};

/// How often a step runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Each {
    /// Once a take; `-1`, `-2`, ... follow its name.
    Take,
    /// Once a round, on the best take.
    Round,
}

/// What a lane does for a step; it answers what it found, in a few words.
pub type Work = fn(&mut Studio<'_>, &Job<'_>, &Scratch, &dyn Monitor) -> anyhow::Result<String>;

/// One step of the walk.
pub struct Step {
    /// Its name.
    pub name: &'static str,
    /// How often it runs.
    pub each: Each,
    /// What it reads.
    pub reads: &'static [&'static str],
    /// What it leaves for others.
    pub writes: &'static [&'static str],
    /// The stages behind it, with the versions of their code.
    pub stages: &'static [(&'static str, u32)],
    /// Kernels that it runs.
    pub kernels: &'static [&'static [&'static Kernel]],
    /// Adds the options that it obeys.
    pub options: fn(Recipe, &Facts<'_>) -> Recipe,
    /// Does it; the first step is its provider's.
    pub work: Option<Work>,
}

/// The networks that results depend on, by their content.
#[derive(Clone, Debug, Default)]
pub struct NetworkIds {
    /// Of depth, by [`crate::depth::Model::identity`].
    pub depth: Vec<String>,
    /// Of scores, by [`crate::score::Networks::ids`].
    pub scores: BTreeMap<&'static str, String>,
}

/// What options are taken from.
#[derive(Clone, Copy)]
pub struct Facts<'f> {
    /// The run's configuration.
    pub config: &'f Config,
    /// The networks.
    pub networks: &'f NetworkIds,
    /// The round.
    pub round: &'f Round<'f>,
    /// Frames a second of a take that is images; videos have times of their own.
    pub rate: Option<f64>,
}

/// A path of the table for a take's number.
pub fn numbered(path: &str, take: u32) -> String {
    path.trim_end_matches('?').replace('#', &take.to_string())
}

impl Step {
    /// Its name in records and events: with the take's number where there is one a take.
    pub fn called(&self, take: u32) -> String {
        match self.each {
            Each::Take => format!("{}-{take}", self.name),
            Each::Round => self.name.to_owned(),
        }
    }

    /// The step that leaves `path`, and the number of the take in it, if there is one.
    pub fn maker_of(path: &str, take: u32) -> Option<&'static Self> {
        STEPS
            .into_iter()
            .find(|step| step.writes.iter().any(|w| numbered(w, take) == path))
    }
}

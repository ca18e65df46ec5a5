//! What a lane does for each step of the table: reads artifacts, calls a stage, writes artifacts.

mod rebuild;
mod take;
mod verdict;

use std::path::PathBuf;

pub use rebuild::{align, glb, pictures, splats, world};
pub(super) use take::depth_of;
pub use take::{cameras, depth, measures, scores};
pub use verdict::{agent, revision};

use super::made::Made;
use super::step::{Facts, NetworkIds};
use super::{Round, Take};
use crate::camera::Cameras;
use crate::store::{Run, StoreError};
use crate::world::DepthView;

/// One round's work on one take.
pub struct Job<'j> {
    /// The round.
    pub round: &'j Round<'j>,
    /// The take.
    pub take: &'j Take,
    /// Its place among the takes of the round, by which its clip is kept.
    pub overall: f64,
    /// Where what steps left is.
    pub run: &'j Run,
    /// What the round's steps have left.
    pub made: Made,
}

impl Job<'_> {
    /// The folder of the take, relative to the round's.
    fn folder(&self) -> String {
        format!("takes/{}", self.take.number)
    }

    /// A file of the round, to be opened.
    pub fn file(&self, path: &str) -> Result<PathBuf, StoreError> {
        let (id, iteration) = (&self.round.row.id, self.round.iteration);
        self.run.get(id, iteration, path)
    }

    /// What options are taken from.
    pub fn facts<'f>(&'f self, config: &'f super::Config, networks: &'f NetworkIds) -> Facts<'f> {
        Facts {
            config,
            networks,
            round: self.round,
            rate: self.take.rate(self.round.row),
        }
    }
}

/// The world's splats and cameras, and what these saw.
pub struct Posed {
    /// SHA-256 of the files they were read from.
    pub of: [String; 4],
    /// The cameras.
    pub cameras: Cameras,
    /// What the cameras saw: see [`super::stages::evidence`].
    pub views: Vec<DepthView>,
}

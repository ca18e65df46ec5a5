//! What the steps of a round have left so far, and the recipes of those that read it.

use std::collections::BTreeMap;

use super::step::{Facts, Step, numbered};
use crate::store::{ABSENT, Recipe, StepRecord};

/// The artifacts of a round that are there, by path.
#[derive(Clone, Debug, Default)]
pub struct Made(BTreeMap<String, Content>);

/// An artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// SHA-256 of its content in hexadecimal.
    pub sha256: String,
    /// `director clean` dropped the file; its content is still known.
    pub dropped: bool,
}

impl Made {
    /// Adds what a step left.
    pub fn add(&mut self, record: &StepRecord) {
        for artifact in &record.artifacts {
            let content = Content {
                sha256: artifact.sha256.clone(),
                dropped: artifact.dropped,
            };
            self.0.insert(artifact.path.clone(), content);
        }
    }

    /// Adds the video of a take: a file of its own step, or what lies outside the run.
    pub fn add_video(&mut self, take: u32, file: Option<&str>, record: &StepRecord) {
        let inside = file.and_then(|file| self.0.get(file)).cloned();
        let outside = || record.recipe.inputs.get(FILES);
        let content = inside.or_else(|| {
            Some(Content {
                sha256: outside()?.clone(),
                dropped: false,
            })
        });
        if let Some(content) = content {
            self.0.insert(numbered("takes/#/video", take), content);
        }
    }

    /// The artifact at a path.
    pub fn get(&self, path: &str) -> Option<&Content> {
        self.0.get(path)
    }

    /// The recipe of a step for a take. What it should read and is not there counts as absent.
    pub fn recipe(&self, step: &Step, take: u32, facts: &Facts<'_>) -> Recipe {
        let mut recipe = Recipe::new(step.name);
        for (stage, version) in step.stages {
            recipe = recipe.version(stage, *version);
        }
        for kernel in step.kernels.iter().copied().flatten() {
            recipe = recipe.kernel(kernel.stem, kernel.sha256());
        }
        for path in step.reads {
            let path = numbered(path, take);
            let content = self.get(&path).map_or(ABSENT, |c| c.sha256.as_str());
            recipe = recipe.input(&path, content);
        }
        (step.options)(recipe, facts)
    }

    /// The first file that a step reads and that was dropped.
    pub fn dropped(&self, step: &Step, take: u32) -> Option<String> {
        let paths = step.reads.iter().map(|path| numbered(path, take));
        let gone = |path: &String| self.get(path).is_some_and(|c| c.dropped);
        paths.into_iter().find(gone)
    }
}

/// The input of a take that is made from files outside the run.
pub const FILES: &str = "files";

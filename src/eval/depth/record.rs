//! One clip and one network, as it is kept: a line of JSON.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::measure::{Edges, Pair, fitted, measure};
use super::wander::Wander;
use crate::depth::{self, DepthKind, Model};
use crate::eval::agent::case::Case;
use crate::pipeline::Config;

/// What the frames are of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// A take of the mock world.
    Case(Box<Case>),
    /// A clip or a folder of pictures that was given.
    Given(PathBuf),
}

/// What a line depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// What the frames are of.
    pub of: Of,
    /// Digest of what was given: names, sizes and times of its files.
    pub files: Option<String>,
    /// The network's bytes, and the name that tells its kind.
    pub network: Vec<String>,
    /// Its options, where it runs among them.
    pub depth: depth::Options,
    /// Versions of the mock world, video, motion, depth, camera, and of these measures.
    pub versions: [u32; 6],
    /// Most frames, and their long side, of what is given.
    pub frames: [usize; 2],
    /// Digest of the options of flow and solve; `None` where no cameras are solved.
    pub solve: Option<String>,
}

impl Settings {
    /// Those of a run with these options.
    pub fn of(
        of: Of,
        (model, depth): (&Model, &depth::Options),
        solve: bool,
        config: &Config,
    ) -> Self {
        let options = || digest(&serde_json::json!([config.motion, config.solve]).to_string());
        let files = match &of {
            Of::Given(path) => Some(digest(&files(path))),
            Of::Case(_) => None,
        };
        Self {
            of,
            files,
            network: model.identity(),
            // Which file it is its bytes tell.
            depth: depth::Options {
                model: depth::ModelChoice::default(),
                ..depth.clone()
            },
            versions: [
                crate::mock::VERSION,
                crate::video::VERSION,
                crate::motion::VERSION,
                depth::VERSION,
                crate::camera::VERSION,
                super::VERSION,
            ],
            frames: [config.max_frames, config.max_side as usize],
            solve: solve.then(options),
        }
    }

    /// What tells kept maps of a network that is opened in another way than by itself.
    pub fn variant(&self) -> String {
        match self.depth == depth::Options::default() {
            true => String::new(),
            false => format!("-{}", digest(&serde_json::json!(self.depth).to_string())),
        }
    }

    /// Twelve digits that no other settings have.
    pub fn digest(&self) -> String {
        digest(&serde_json::json!(self).to_string())
    }
}

pub(in crate::eval) fn digest(text: &str) -> String {
    crate::hash::sha256_hex(text.as_bytes())[..12].to_owned()
}

/// By what it is known that an input is still the same: the files in its folder, or those beside it.
pub(in crate::eval) fn files(path: &Path) -> String {
    let folder = match path.is_dir() {
        true => path,
        false => path.parent().unwrap_or(path),
    };
    let mut all: Vec<String> = Vec::new();
    let mut look = |file: &Path| {
        if let Ok(meta) = file.metadata() {
            let at = meta.modified().ok();
            let at = at.and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
            all.push(format!("{} {} {at:?}", file.display(), meta.len()));
        }
    };
    match path.is_file() && crate::paths::is_video(path) {
        true => look(path),
        false => std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .for_each(|entry| look(&entry.path())),
    }
    all.sort_unstable();
    all.join("\n")
}

/// Maps beside the truth, each brought to it by its own scale and shift.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    /// Frames that could be compared.
    pub frames: usize,
    /// Frames with a truth that could not: they have no map, or nothing in it follows the truth. They are in no mean.
    pub lost: usize,
    /// Mean over frames of the mean of `|d - truth| / truth`.
    pub abs_rel: Option<f64>,
    /// Mean over frames of the share of pixels within 1.25 times the truth.
    pub delta1: Option<f64>,
    /// F1 of depth's edges, counted over all frames; `None` where the truth has none.
    pub edges: Option<f64>,
}

impl Accuracy {
    /// Over a clip's frames, of which so many have a truth that is `known`; `None` where none has.
    pub fn of(pairs: &[(usize, Pair)], known: usize) -> Option<Self> {
        let (mut abs_rel, mut delta1, mut edges) = (0.0, 0.0, Edges::default());
        let mut frames = 0;
        for (_, pair) in pairs {
            if let Some(found) = fitted(pair).and_then(|line| measure(pair, line)) {
                frames += 1;
                abs_rel += found.abs_rel;
                delta1 += found.delta1;
                edges.add(&found.edges);
            }
        }
        let mean = |sum: f64| (frames > 0).then(|| sum / frames as f64);
        (known > 0).then(|| Self {
            frames,
            lost: known - frames,
            abs_rel: mean(abs_rel),
            delta1: mean(delta1),
            edges: edges.f1(),
        })
    }
}

/// One clip and one network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The clip's name.
    pub name: String,
    /// What it belongs to: the mock world's place, or `given`.
    pub group: String,
    /// The network's name.
    pub network: String,
    /// What its values mean.
    pub kind: DepthKind,
    /// What else the line depends on.
    pub settings: Settings,
    /// Frames.
    pub frames: usize,
    /// Beside the truth; `None` where there is none.
    pub accuracy: Option<Accuracy>,
    /// How much depth wanders; `None` where neither a truth nor cameras tell.
    pub wander: Option<Wander>,
    /// Why no cameras were solved.
    pub refused: Option<String>,
    /// The picture of its middle frame, from the output folder on.
    pub strip: Option<PathBuf>,
}

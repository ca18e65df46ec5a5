//! One clip and one network, as it is kept: a line of JSON.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::measure::{Edges, Pair, fitted, measure};
use crate::depth::DepthKind;
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
    /// The network's hash.
    pub network: String,
    /// Versions of the mock world, video, motion, depth and camera.
    pub versions: [u32; 5],
    /// Most frames, and their long side, of what is given.
    pub frames: [usize; 2],
    /// Digest of the options of flow and solve; `None` where no cameras are solved.
    pub solve: Option<String>,
}

impl Settings {
    /// Those of a run with these options.
    pub fn of(of: Of, network: &str, solve: bool, config: &Config) -> Self {
        let options = || {
            let text = serde_json::json!([config.motion, config.solve]).to_string();
            crate::hash::sha256_hex(text.as_bytes())[..12].to_owned()
        };
        Self {
            of,
            network: network.to_owned(),
            versions: [
                crate::mock::VERSION,
                crate::video::VERSION,
                crate::motion::VERSION,
                crate::depth::VERSION,
                crate::camera::VERSION,
            ],
            frames: [config.max_frames, config.max_side as usize],
            solve: solve.then(options),
        }
    }
}

/// Maps beside the truth, each brought to it by its own scale and shift.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    /// Frames that could be compared.
    pub frames: usize,
    /// Frames with a truth that could not: nothing in their map follows it.
    pub lost: usize,
    /// Mean over frames of the mean of `|d - truth| / truth`.
    pub abs_rel: Option<f64>,
    /// Mean over frames of the share of pixels within 1.25 times the truth.
    pub delta1: Option<f64>,
    /// F1 of depth's edges, counted over all frames; `None` where the truth has none.
    pub edges: Option<f64>,
}

impl Accuracy {
    /// Over a clip's frames; `None` where there is no truth.
    pub fn of(pairs: &[Pair]) -> Option<Self> {
        let (mut abs_rel, mut delta1, mut edges) = (0.0, 0.0, Edges::default());
        let mut frames = 0;
        for pair in pairs {
            if let Some(found) = fitted(pair).and_then(|line| measure(pair, line)) {
                frames += 1;
                abs_rel += found.abs_rel;
                delta1 += found.delta1;
                edges.add(&found.edges);
            }
        }
        let mean = |sum: f64| (frames > 0).then(|| sum / frames as f64);
        (!pairs.is_empty()).then(|| Self {
            frames,
            lost: pairs.len() - frames,
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
    /// How much depth wanders with one scale and shift for the clip; see [`super::wander`].
    pub wander: Option<f64>,
    /// With each frame's own, as solved cameras have them; `None` where none were asked for, or solved.
    pub wander_solved: Option<f64>,
    /// Why no cameras were solved.
    pub refused: Option<String>,
    /// The picture of its middle frame, from the output folder on.
    pub strip: PathBuf,
}

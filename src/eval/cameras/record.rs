//! One solve beside the truth.

use serde::{Deserialize, Serialize};

use super::Depth;
use super::spoil::{Answer, Spoil};
use crate::camera::{self, Camera, Cameras, FocalSource, Way, evaluate::umeyama};
use crate::depth::{self, Model};
use crate::eval::agent::case::Case;
use crate::eval::agent::take::Take;
use crate::mock::scene::Role;
use crate::motion::{self, MotionOptions};
use crate::numeric::median;
use crate::pipeline::Config;
use crate::video;

/// A path shorter than this share of the median depth is none: the camera stands, or turns.
const TRAVELS: f64 = 0.02;

/// What a line depends on beside its case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Where depth came from.
    pub depth: Depth,
    /// The network's hash; `None` for true depth.
    pub network: Option<String>,
    /// Versions of the mock world, video, motion, depth and camera.
    pub versions: [u32; 5],
    /// Options of the flow.
    pub motion: MotionOptions,
    /// Options of the solve.
    pub solve: camera::SolveOptions,
}

impl Settings {
    /// Those of a run with this depth.
    pub fn of(depth: Depth, model: Option<&Model>, config: &Config) -> Self {
        Self {
            depth,
            network: match depth {
                Depth::Truth => None,
                Depth::Network => model.map(|m| m.sha256().to_owned()),
            },
            versions: [
                crate::mock::VERSION,
                video::VERSION,
                motion::VERSION,
                depth::VERSION,
                camera::VERSION,
            ],
            motion: config.motion.clone(),
            solve: config.solve.clone(),
        }
    }
}

/// What is true of a take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// What its camera does.
    pub way: Way,
    /// Length of the camera's path in metres.
    pub path: f64,
    /// Degrees between the two orientations farthest apart.
    pub turn: f64,
    /// Median depth in metres.
    pub depth: f64,
    /// Focal length over the picture's width.
    pub focal: f64,
    /// Mean share of the picture that somebody who walks covers.
    pub mover: f64,
}

impl Truth {
    /// Of a take.
    pub fn of(take: &Take) -> Self {
        let cameras = &take.cameras.cameras;
        let path = cameras
            .windows(2)
            .map(|w| w[0].pose.position.distance(w[1].pose.position))
            .sum::<f64>();
        let all = |f: &dyn Fn(&Camera, &Camera) -> f64| {
            let pairs = cameras
                .iter()
                .flat_map(|a| cameras.iter().map(move |b| (a, b)));
            pairs.map(|(a, b)| f(a, b)).fold(0.0, f64::max)
        };
        let turn = all(&|a, b| a.pose.turned_from(&b.pose));
        let mut depths: Vec<f32> = take
            .seen
            .iter()
            .flat_map(|s| s.depth.iter().step_by(97).copied())
            .filter(|d| d.is_finite())
            .collect();
        let depth = f64::from(median(&mut depths).unwrap_or(1.0));
        let subject = |id: u8| {
            let mut objects = take.scene.objects.iter();
            objects.any(|o| o.id == u32::from(id) && o.role == Role::Subject)
        };
        let subjects: Vec<bool> = (0..=255).map(subject).collect();
        let (mut covered, mut pixels) = (0usize, 0usize);
        for seen in &take.seen {
            pixels += seen.objects.len();
            covered += seen
                .objects
                .iter()
                .filter(|o| subjects[usize::from(**o)])
                .count();
        }
        let way = match () {
            () if path >= TRAVELS * depth => Way::Travels,
            () if turn >= camera::LEAST_TURN => Way::Turns,
            () => Way::Stands,
        };
        Self {
            way,
            path,
            turn,
            depth,
            focal: cameras
                .first()
                .map_or(1.0, |c| c.intrinsics.fx / f64::from(c.intrinsics.width)),
            mover: covered as f64 / pixels.max(1) as f64,
        }
    }
}

/// What came of a solve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "lowercase")]
pub enum Outcome {
    /// Cameras.
    Solved(Solved),
    /// None, and why.
    Refused {
        /// The reason's name.
        reason: String,
        /// In words.
        words: String,
    },
}

/// Solved cameras beside the true ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Solved {
    /// Share of the frames that have a camera.
    pub registered: f64,
    /// What the solver says that the camera does.
    #[serde(default)]
    pub way: Way,
    /// Root mean square distance of the centres after a similarity, in metres.
    pub ate: f64,
    /// Root mean square error of the step from frame to frame in metres, and of its turn in degrees.
    pub rpe: [f64; 2],
    /// Estimated focal length over the true one, less 1.
    pub focal_error: f64,
    /// Where the focal length came from.
    pub focal_source: FocalSource,
    /// Median motion in pixels at a width of 640 that the camera's travel makes.
    pub parallax: Option<f64>,
    /// Median residual in pixels.
    pub residual: Option<f64>,
    /// Share of residuals under 2 px at a width of 640.
    pub under_2px: Option<f64>,
    /// Share of held-out tracks' places under 2 px.
    #[serde(default)]
    pub held_out: Option<f64>,
    /// Share of flow that passed the forward-backward test.
    pub consistent: Option<f64>,
    /// Aligned depth beside the true: the largest that a frame's median is off that of all frames, and the median error once that
    /// is taken out, both as logarithms; `None` without maps.
    pub depth: Option<[f64; 2]>,
    /// What the solver says of it.
    pub notes: Vec<String>,
    /// Centres of the true and the aligned solved cameras in metres, from above: x and z.
    pub path: Vec<[[f64; 2]; 2]>,
}

impl Outcome {
    /// Of solved cameras, whose `frame` counts as that of the true ones.
    pub fn of(cameras: &Cameras, truth: &Cameras) -> Self {
        let Some(error) = camera::evaluate(cameras, truth) else {
            return Self::Refused {
                reason: "too_short".to_owned(),
                words: format!("{} frames have cameras", cameras.cameras.len()),
            };
        };
        let pairs: Vec<(&Camera, &Camera)> = cameras
            .cameras
            .iter()
            .filter_map(|c| {
                let same = truth.cameras.iter().find(|t| t.frame == c.frame);
                same.map(|t| (c, t))
            })
            .collect();
        let centres = |f: &dyn Fn(&(&Camera, &Camera)) -> glam::DVec3| -> Vec<glam::DVec3> {
            pairs.iter().map(f).collect()
        };
        let (from, to) = (
            centres(&|p| p.0.pose.position),
            centres(&|p| p.1.pose.position),
        );
        let similarity = umeyama(&from, &to, false);
        let path = from.iter().zip(&to).map(|(f, t)| {
            let f = similarity.apply(*f);
            [[t.x, t.z], [f.x, f.z]]
        });
        Self::Solved(Solved {
            way: cameras.way,
            registered: cameras.cameras.len() as f64 / cameras.frames.max(1) as f64,
            ate: error.ate_rmse,
            rpe: [error.rpe_translation, error.rpe_rotation_degrees],
            focal_error: error.focal_error,
            focal_source: cameras.focal_source,
            parallax: cameras.parallax,
            residual: cameras.residual_median,
            under_2px: cameras.residual_under_2px,
            held_out: cameras.held_out_under_2px,
            consistent: cameras.flow_consistent,
            depth: None,
            notes: cameras.notes.clone(),
            path: path.collect(),
        })
    }
}

/// A take's solve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The take.
    pub case: Case,
    /// What was done to it before.
    #[serde(default)]
    pub spoil: Option<Spoil>,
    /// By what it was solved.
    pub settings: Settings,
    /// What is true of it.
    pub truth: Truth,
    /// What came of it.
    pub outcome: Outcome,
    /// What that is judged by where the take was spoilt.
    #[serde(default)]
    pub answer: Answer,
    /// Masks of what moves, view by view; none where there are no cameras, or the take was spoilt.
    pub moving: Vec<super::masks::View>,
    /// Seconds of flow and of the solve.
    pub seconds: [f64; 2],
}

impl Line {
    /// Whether what came of a spoilt take is right; `None` where nothing was done to it.
    pub fn right(&self) -> Option<bool> {
        Some(self.spoil?.right(self, &self.answer))
    }

    /// The cameras, where there are any.
    pub fn solved(&self) -> Option<&Solved> {
        match &self.outcome {
            Outcome::Solved(solved) => Some(solved),
            Outcome::Refused { .. } => None,
        }
    }

    /// What the solver says that the camera does; `None` where it refuses the clip.
    pub fn told(&self) -> Option<Way> {
        self.solved().map(|s| s.way)
    }

    /// Absolute error over the true path.
    pub fn ate_share(&self) -> Option<f64> {
        self.solved().map(|s| s.ate / self.truth.path.max(1e-9))
    }
}

//! Every key of the configuration: what it is and what it may be.

use toml::Value;

use crate::depth;
use crate::providers::NAMES;
use crate::score::METRICS;

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// `true` or `false`.
    Flag,
    /// A whole number in this range, both ends included.
    Whole(i64, i64),
    /// A number in this range, both ends included.
    Number(f64, f64),
    /// As [`Kind::Number`], kept in single precision.
    Single(f64, f64),
    /// Any text that is not empty.
    Text,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// Width and height in pixels.
    Size,
    /// Width and height in pixels of a network's input, or its long side.
    InputSize,
    /// `embedded`, a path or a list of paths.
    Networks,
    /// Whole numbers in this range.
    Wholes(i64, i64),
    /// Three numbers in [0, 1].
    Colour,
    /// `random`, or a table with the colour `fixed`.
    Background,
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Dotted; `*` stands for any provider's name.
    pub name: &'static str,
    /// What its value may be.
    pub kind: Kind,
    /// What it is, in words.
    pub about: &'static str,
}

/// A value that its key cannot have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFault {
    /// The key, dotted.
    pub key: String,
    /// What is wrong, in words.
    pub message: String,
}

impl KeyFault {
    /// Says what the key wants instead of this value.
    pub fn new(name: &str, key: &Key, value: &Value) -> Self {
        Self {
            key: name.to_owned(),
            message: format!(
                "{name} = {} is not {}",
                key.kind.show(value),
                key.kind.wanted()
            ),
        }
    }
}

impl std::fmt::Display for KeyFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for KeyFault {}

/// Smallest of what must be over zero.
const TINY: f64 = 1e-9;
/// Largest of what has no natural end.
const MUCH: f64 = 1e6;
/// Largest whole number of what has no natural end.
const MANY: i64 = u32::MAX as i64;

const FORMAT: i64 = crate::store::FORMAT as i64;

const fn key(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, kind, about }
}

use Kind::{
    Background, Colour, Flag, InputSize, Networks, Number, OneOf, Single, Size, Text, Whole, Wholes,
};

/// All keys, in the order in which they are shown.
#[rustfmt::skip]
pub static KEYS: &[Key] = &[
    key("format", Whole(FORMAT, FORMAT), "Format version of run.toml"),
    key("preset", OneOf(&["draft", "standard", "high"]), "Working sizes and effort; what is not set otherwise comes from it"),
    key("adapter", Text, "GPU adapter: a part of its name, its index in `director doctor`, or auto"),
    key("provider", OneOf(&NAMES), "Where takes come from"),
    key("providers.*.at_once", Whole(1, 1000), "Most jobs of this provider at once"),
    key("providers.*.deadline", Number(1.0, 1e6), "Seconds after which a job that has not ended is given up"),
    key("rows_at_once", Whole(1, 10_000), "Most rows that are under way at once"),
    key("takes_ahead", Whole(1, 10_000), "Nothing new is asked of a provider while so many takes wait for a GPU"),
    key("takes", Whole(1, 100), "Takes a prompt, where the row does not say; the files provider gives one a video"),
    key("max_iterations", Whole(1, 50), "Most rounds of generate, rebuild, test and revise a prompt"),
    key("seed", Whole(0, i64::MAX), "Seed of the first take, where the row does not say"),
    key("seconds", Number(0.1, 600.0), "Seconds of video, where the row does not say"),
    key("size", Size, "Size of the video, where the row does not say"),
    key("fps", Number(1.0, 240.0), "Frames a second, where the row does not say"),
    key("depth.model", Networks, "ONNX depth network, a folder of them, or several; relative to this file"),
    key("depth.kind", OneOf(&["metric", "relative_inverse"]), "What the network's answers mean, where its file is not known"),
    key("depth.size", InputSize, "Size that the network is fed, or its long side, where it takes several"),
    key("depth.output", Text, "Output of the network that is its depth, where its names do not tell"),
    key("max_side", Whole(64, 4096), "Longer side of the working size in pixels"),
    key("max_frames", Whole(2, 2000), "Most frames of a clip that are used, evenly spaced"),
    key("ignore_known_cameras", Flag, "Solve cameras even where an input folder tells them"),
    key("ignore_known_depth", Flag, "Estimate depth even where an input folder tells it"),
    key("motion.step_side", Whole(16, 1024), "Longer side, in pixels, of the motion from frame to frame, which scores read"),
    key("motion.max_side", Whole(16, 4096), "Longer side, in pixels, of the cameras' flows; smaller frames keep their size"),
    key("motion.strides", Wholes(1, 10_000), "Distances in frames between the two of a pair"),
    key("motion.coarsest", Whole(1, 4096), "Pyramid levels end where the shorter side would fall under this"),
    key("motion.search_iterations", Whole(0, 1000), "Most Gauss-Newton steps of a patch at each level"),
    key("motion.refine_rounds", Whole(0, 1000), "Linearisations of the refinement at each level; 0 leaves it out"),
    key("motion.refine_sweeps", Whole(0, 1000), "Sweeps in each of them"),
    key("motion.smoothness", Single(TINY, MUCH), "Weight of the smoothness of the flow"),
    key("motion.brightness", Single(0.0, MUCH), "Weight of brightness constancy"),
    key("motion.gradient", Single(0.0, MUCH), "Weight of gradient constancy"),
    key("motion.zeta", Single(TINY, MUCH), "Gradient, in grey levels a pixel, below which a constraint says little"),
    key("motion.epsilon", Single(TINY, MUCH), "Residual, in pixels, below which the penalties are quadratic"),
    key("motion.edge", Single(0.0, MUCH), "How much the picture's own edges weaken the smoothness, per grey level a pixel"),
    key("score.combination", OneOf(&["geometric", "arithmetic"]), "How the scores become one"),
    key("score.*", Number(0.0, MUCH), "Weight of this score"),
    key("solve.width", Whole(0, 65_536), "Width of the frames in pixels; 0 for the motion's"),
    key("solve.height", Whole(0, 65_536), "Height of the frames in pixels; 0 for the motion's"),
    key("solve.intrinsics.width", Whole(1, 65_536), "Known intrinsics (all six or none): width of their image in pixels"),
    key("solve.intrinsics.height", Whole(1, 65_536), "Height of their image in pixels"),
    key("solve.intrinsics.fx", Number(TINY, MUCH), "Focal length along x in pixels"),
    key("solve.intrinsics.fy", Number(TINY, MUCH), "Focal length along y in pixels"),
    key("solve.intrinsics.cx", Number(-MUCH, MUCH), "Principal point x in pixels"),
    key("solve.intrinsics.cy", Number(-MUCH, MUCH), "Principal point y in pixels"),
    key("solve.prior_fov", Number(5.0, 150.0), "Horizontal field of view that is assumed where the clip does not tell it, in degrees"),
    key("solve.points", Whole(12, 100_000), "Points taken from each direction of each flow pair"),
    key("solve.start_shift", Number(-MUCH, MUCH), "Shift of relative inverse depth at the start, as a multiple of the clip's median value"),
    key("solve.min_consistent", Number(0.0, 1.0), "Share of the flow between neighbours that must pass the forward-backward test"),
    key("solve.min_under_2px", Number(0.0, 1.0), "Share of the residuals that must be under 2 px at a width of 640"),
    key("solve.min_flow", Number(0.0, MUCH), "Median flow, in pixels at a width of 640, under which the camera counts as static"),
    key("fit.splats", Whole(100, 1_000_000), "Splats of a world"),
    key("fit.steps", Whole(1, 100_000), "Optimizer steps of a world; one frame a step"),
    key("fit.sh_degree", Whole(0, 1), "Spherical-harmonic degree"),
    key("fit.seed", Whole(0, i64::MAX), "Seed of every random choice of the fit"),
    key("fit.hold_out_every", Whole(0, MANY), "Each such registered frame is held out; 0 and 1 hold none out"),
    key("fit.background", Background, "Background while fitting"),
    key("fit.eval_background", Colour, "Background of the held-out figures, sRGB"),
    key("fit.ssim", Single(0.0, 1.0), "Share of 1 - SSIM in the loss; the rest is absolute error"),
    key("fit.depth_first", Single(0.0, MUCH), "Weight of the depth term at the first step, relative to the colour terms"),
    key("fit.depth_last", Single(0.0, MUCH), "Weight of the depth term at the last step"),
    key("fit.lr_position", Single(0.0, MUCH), "Learning rate of positions at the first step, in scene depths"),
    key("fit.lr_position_last", Single(TINY, MUCH), "Share of it at the last step"),
    key("fit.lr_scale", Single(0.0, MUCH), "Learning rate of log-scales"),
    key("fit.lr_rotation", Single(0.0, MUCH), "Learning rate of quaternions"),
    key("fit.lr_opacity", Single(0.0, MUCH), "Learning rate of opacity logits"),
    key("fit.lr_colour", Single(0.0, MUCH), "Learning rate of the coefficients of degree 0"),
    key("fit.lr_sh1", Single(0.0, MUCH), "Learning rate of the coefficients of degree 1"),
    key("fit.lr_last", Single(TINY, MUCH), "Share of all rates but the positions' at the last step"),
    key("fit.relocate_every", Whole(0, MANY), "Splats that show nothing are moved each so many steps; 0 never moves any"),
    key("world.voxel_metres", Single(1e-4, 100.0), "Edge of a voxel where the scale is known, in metres"),
    key("world.voxel_heights", Single(1e-4, 100.0), "Edge of a voxel where it is not, in camera heights"),
    key("world.max_voxels", Whole(1000, 1_000_000_000), "Most voxels; a larger scene gets coarser ones, then a smaller extent"),
    key("world.max_coarsening", Single(1.0, 1000.0), "Most that voxels are coarsened before the extent is cut"),
    key("world.truncation", Single(1.01, 1000.0), "Distance around a surface, in voxels, inside which depth is averaged"),
    key("world.occupied_log_odds", Single(TINY, 1000.0), "Weight of one view that sees a surface in the voxel"),
    key("world.free_log_odds", Single(TINY, 1000.0), "Weight of one view that sees through the voxel"),
    key("world.edge", Single(TINY, MUCH), "A pixel whose inverse depth bends more than this share is an edge"),
    key("world.min_component", Whole(0, MANY), "Solid components in mid-air of fewer voxels are dropped"),
    key("agent.height_metres", Number(1e-3, 1000.0), "Height of the capsule in metres"),
    key("agent.radius_metres", Number(1e-3, 1000.0), "Radius of the capsule in metres"),
    key("agent.climb_metres", Number(1e-3, 1000.0), "Highest step in metres"),
    key("agent.height_heights", Number(1e-3, 1000.0), "Height of the capsule in camera heights"),
    key("agent.radius_heights", Number(1e-3, 1000.0), "Radius of the capsule in camera heights"),
    key("agent.climb_heights", Number(1e-3, 1000.0), "Highest step in camera heights"),
    key("agent.metres_per_height", Number(1e-3, 1000.0), "Metres that a camera height is taken for, in gravity only"),
    key("agent.slope_degrees", Number(1e-3, 89.0), "Steepest walkable slope in degrees"),
    key("agent.friction", Number(1e-3, 1000.0), "Coefficient of friction of a resting body"),
    key("agent.camera_rays", Whole(0, 1_000_000_000), "Most rays of the cameras that are cast again"),
    key("agent.starts", Whole(1, 10_000), "This many starts, each with as many goals"),
    key("agent.bodies", Whole(0, 1_000_000), "Most bodies that are dropped"),
    key("agent.see_through_views", Whole(1, MANY), "Cameras that must see through a solid voxel to call it false"),
    key("agent.least_voxels", Whole(1, MANY), "Fewest voxels of a false solid or a false opening"),
    key("accept.reject_severity", OneOf(&["low", "medium", "high"]), "Violations of this severity or worse are not accepted"),
    key("accept.min_path_completion", Number(0.0, 1.0), "Least path_completion"),
    key("accept.min_physics_score", Number(0.0, 1.0), "Least physics_score"),
    key("accept.max_collision_rate", Number(0.0, 1.0), "Largest collision_rate"),
    key("accept.min_registered", Number(0.0, 1.0), "Least share of the frames whose camera is known; under it, and under what follows, nothing can be told"),
    key("accept.min_held_out_psnr", Number(0.0, 100.0), "Least PSNR of held-out frames in dB"),
    key("accept.min_walkable_area", Number(0.0, MUCH), "Least floor that can be walked on, in square metres or camera heights"),
    key("accept.min_known_ways", Number(0.0, 1.0), "Least share of the pairs of start and goal between which all that matters was seen"),
];

/// All keys with the names of providers and metrics filled in, in the order in which they are shown.
pub fn all() -> impl Iterator<Item = (String, &'static Key)> {
    // Neighbours with a `*` are one provider's settings: they stay together.
    KEYS.chunk_by(|a, b| a.name.contains('*') && b.name.contains('*'))
        .flat_map(|keys| {
            let names: Vec<&str> = match keys[0].name {
                "score.*" => METRICS.iter().map(|m| m.name).collect(),
                name if name.contains('*') => NAMES.to_vec(),
                _ => vec![""],
            };
            names.into_iter().flat_map(move |name| {
                keys.iter()
                    .map(move |key| (key.name.replace('*', name), key))
            })
        })
}

/// The key of this dotted name.
pub fn find(name: &str) -> Option<&'static Key> {
    all().find(|(n, _)| n == name).map(|(_, key)| key)
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(n) => Some(*n as f64),
        Value::Float(n) => Some(*n),
        _ => None,
    }
}

fn colour(value: &Value) -> bool {
    value.as_array().is_some_and(|c| {
        c.len() == 3
            && c.iter()
                .all(|v| number(v).is_some_and(|n| (0.0..=1.0).contains(&n)))
    })
}

impl Kind {
    /// Whether a value is of this kind. A size must be two numbers already.
    pub fn fits(&self, value: &Value) -> bool {
        let text = || value.as_str().is_some_and(|t| !t.is_empty());
        match *self {
            Flag => value.is_bool(),
            Whole(from, to) => value.as_integer().is_some_and(|n| (from..=to).contains(&n)),
            // Not a number is in no range.
            Number(from, to) | Single(from, to) => {
                number(value).is_some_and(|n| (from..=to).contains(&n))
            }
            Text => text(),
            OneOf(names) => value.as_str().is_some_and(|t| names.contains(&t)),
            Size => value.as_array().is_some_and(|sides| {
                sides.len() == 2
                    && sides.iter().all(|s| {
                        s.as_integer()
                            .is_some_and(|n| (16..=8192).contains(&n) && n % 2 == 0)
                    })
            }),
            InputSize => value.clone().try_into::<depth::InputSize>().is_ok(),
            Networks => {
                text()
                    || value.as_array().is_some_and(|paths| {
                        !paths.is_empty()
                            && paths
                                .iter()
                                .all(|p| p.as_str().is_some_and(|t| !t.is_empty()))
                    })
            }
            Wholes(from, to) => value.as_array().is_some_and(|list| {
                list.iter()
                    .all(|v| v.as_integer().is_some_and(|n| (from..=to).contains(&n)))
            }),
            Colour => colour(value),
            Background => {
                value.as_str() == Some("random")
                    || value
                        .as_table()
                        .is_some_and(|t| t.len() == 1 && t.get("fixed").is_some_and(colour))
            }
        }
    }

    /// What is wanted, in words that follow "is not".
    pub fn wanted(&self) -> String {
        match *self {
            Flag => "true or false".to_owned(),
            Whole(from, to) if from == to => format!("{from}"),
            Whole(from, i64::MAX) => format!("a whole number from {from} to 2^63 - 1"),
            Whole(from, to) => format!("a whole number from {from} to {to}"),
            Number(from, to) | Single(from, to) if from == TINY && to == MUCH => {
                "a positive number".to_owned()
            }
            Number(from, to) | Single(from, to) if from == 0.0 && to == MUCH => {
                "zero or a positive number".to_owned()
            }
            Number(from, to) | Single(from, to) => format!("a number from {from} to {to}"),
            Text => "text".to_owned(),
            OneOf([one]) => (*one).to_owned(),
            OneOf(names) => format!("one of {}", names.join(", ")),
            Size => "WIDTHxHEIGHT with even sides from 16 to 8192, such as 1280x720".to_owned(),
            InputSize => depth::InputSize::WANTED.to_owned(),
            Networks => "`embedded`, a path or a list of paths".to_owned(),
            Wholes(from, to) => format!("a list of whole numbers from {from} to {to}"),
            Colour => "three numbers from 0 to 1".to_owned(),
            Background => "`random` or { fixed = [r, g, b] }".to_owned(),
        }
    }

    /// A value as TOML, as short as it can be written.
    pub fn show(&self, value: &Value) -> String {
        match (self, value) {
            (Size | InputSize, Value::Array(sides)) if self.fits(value) => {
                format!("\"{}x{}\"", sides[0], sides[1])
            }
            (Single(..) | Colour | Background, value) => single(value).to_string(),
            _ => value.to_string(),
        }
    }
}

/// The value with each number as its single-precision form reads: .2 rather than .20000000298.
fn single(value: &Value) -> Value {
    match value {
        Value::Float(n) => (*n as f32)
            .to_string()
            .parse()
            .map_or_else(|_| value.clone(), Value::Float),
        Value::Array(list) => Value::Array(list.iter().map(single).collect()),
        Value::Table(table) => {
            Value::Table(table.iter().map(|(k, v)| (k.clone(), single(v))).collect())
        }
        _ => value.clone(),
    }
}

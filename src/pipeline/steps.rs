//! The walk as one table: what each step reads, what it writes, and what else its result depends on.
//!
//! ```text
//! take -> measures -> scores -> [best take] -> depth -> cameras -> splats -> align -> world -> agent -> revision
//!                                              depth, cameras' masks ----------> splats, align, world, agent
//!                                                                   align -> glb       agent -> pictures
//! ```
//!
//! A step's key is the hash of its recipe: the SHA-256 of what it reads, its own options, the versions of its stages
//! and its kernels' sources; never the key of a step before it. So a step runs again when what it reads came out
//! otherwise, and only then. Paths are in the round's folder; `#` is the number of the take that is worked on, a path
//! with `?` may be missing. Every step but the first is done on a lane, by the function in its line.

use super::step::{Each, Facts, Step};
use super::work;
use crate::gpu::{Kernel, image, scan, sort};
use crate::store::Recipe;
use crate::{agent, camera, depth, draw, motion, onnx, revise, score, splat, video, world};

const VIDEO: (&str, u32) = ("video", video::VERSION);
/// Solves cameras, and reads those that an input folder tells, with its depth.
const KNOWN: (&str, u32) = ("camera", camera::VERSION);
const MOTION: (&str, u32) = ("motion", motion::VERSION);
const SPLAT: (&str, u32) = ("splat", splat::VERSION);
const DRAW: (&str, u32) = ("draw", draw::VERSION);
static SHRINK: [&Kernel; 1] = [&image::SHRINK];
static SORTING: [&Kernel; 4] = [
    &scan::SCAN_SUMS,
    &scan::SCAN_BLOCKS,
    &sort::SORT_COUNT,
    &sort::SORT_SCATTER,
];

/// The steps in the order in which they run. A round ends after [`REVISION`], whatever came before it.
pub static STEPS: [&Step; 12] = [
    &TAKE, &MEASURES, &SCORES, &DEPTH, &CAMERAS, &SPLATS, &ALIGN, &GLB, &WORLD, &AGENT, &PICTURES,
    &REVISION,
];

/// The steps after the cameras of the best take: with them, or where none could be solved.
pub fn after_cameras(solved: bool) -> &'static [&'static Step] {
    static ALL: [&Step; 7] = [&SPLATS, &ALIGN, &GLB, &WORLD, &AGENT, &PICTURES, &REVISION];
    if solved { &ALL } else { &ALL[6..] }
}

/// Prompt -> video. Its recipe is the request, and what its provider makes it from.
pub static TAKE: Step = Step {
    name: "take",
    each: Each::Take,
    reads: &[],
    writes: &["takes/#/video"],
    stages: &[],
    kernels: &[],
    options: |r, _| r,
    work: None,
};

/// Video -> frames, motion, and what is measured of them.
pub static MEASURES: Step = Step {
    name: "measures",
    each: Each::Take,
    reads: &["takes/#/video"],
    writes: &["takes/#/measures.json"],
    stages: &[VIDEO, MOTION, ("score", score::VERSION)],
    kernels: &[video::KERNELS, motion::KERNELS, score::KERNELS, &SHRINK],
    options: |r, f| {
        let r = r.option("motion", &f.config.motion).option("fps", &f.rate);
        score_networks(r, f)
    },
    work: Some(work::measures),
};

/// Measures -> the scores by which takes are ranked.
pub static SCORES: Step = Step {
    name: "scores",
    each: Each::Take,
    reads: &["takes/#/measures.json"],
    writes: &["takes/#/scores.json"],
    stages: &[("score", score::VERSION)],
    kernels: &[],
    options: |r, f| r.option("score", &f.config.score.weighing()),
    work: Some(work::scores),
};

/// Frames -> depth: the input's own, else a network's.
pub static DEPTH: Step = Step {
    name: "depth",
    each: Each::Take,
    reads: &["takes/#/video"],
    writes: &["takes/#/depth.json", "takes/#/depth.npy"],
    stages: &[VIDEO, KNOWN, ("depth", depth::VERSION)],
    kernels: &[video::KERNELS, onnx::KERNELS],
    options: |r, f| {
        let depth = &f.config.depth;
        let r = frames(r, f)
            .option("depth.network", &f.networks.depth)
            .option("depth.kind", &depth.kind);
        r.option("depth.size", &depth.size)
            .option("depth.output", &depth.output)
    },
    work: Some(work::depth),
};

/// Frames and depth -> cameras: the input's own, else solved; or why there are none.
pub static CAMERAS: Step = Step {
    name: "cameras",
    each: Each::Take,
    reads: &["takes/#/video", "takes/#/depth.json", "takes/#/depth.npy?"],
    writes: &[
        "takes/#/track.json",
        "takes/#/masks.npy?",
        "takes/#/points.ply?",
    ],
    stages: &[VIDEO, MOTION, KNOWN],
    kernels: &[video::KERNELS, motion::KERNELS, &SHRINK],
    options: |r, f| {
        let r = frames(r, f).option("fps", &f.rate);
        r.option("motion", &f.config.motion)
            .option("solve", &f.config.solve)
    },
    work: Some(work::cameras),
};

/// Frames, cameras and depth -> splats in the cameras' frame, and how well they show frames that were held out.
pub static SPLATS: Step = Step {
    name: "splats",
    each: Each::Round,
    reads: &[
        "takes/#/video",
        "takes/#/track.json",
        "takes/#/masks.npy?",
        "takes/#/depth.json",
        "takes/#/depth.npy?",
    ],
    writes: &["fit.ply", "fit.json", "held_out.png?"],
    stages: &[VIDEO, KNOWN, SPLAT, DRAW],
    kernels: &[video::KERNELS, splat::KERNELS, &SORTING],
    options: |r, f| frames(r, f).option("fit", &f.config.fit),
    work: Some(work::splats),
};

/// Splats, cameras and points -> the same in the world's frame: floor at y = 0, +Y up, as the aligned depth maps have it.
pub static ALIGN: Step = Step {
    name: "align",
    each: Each::Round,
    reads: &[
        "takes/#/video",
        "takes/#/depth.json",
        "takes/#/depth.npy?",
        "fit.ply",
        "takes/#/track.json",
        "takes/#/masks.npy?",
        "takes/#/points.ply?",
    ],
    writes: &[
        "world.ply",
        "cameras.json",
        "nerfstudio.json",
        "trajectory.tum.txt",
        "points.ply?",
        "alignment.json",
    ],
    stages: &[VIDEO, KNOWN, SPLAT, ("world", world::VERSION)],
    kernels: &[video::KERNELS, splat::KERNELS, &SORTING],
    options: frames,
    work: Some(work::align),
};

/// Splats -> a copy for viewers.
pub static GLB: Step = Step {
    name: "glb",
    each: Each::Round,
    reads: &["world.ply"],
    writes: &["world.glb"],
    stages: &[SPLAT],
    kernels: &[],
    options: |r, _| r,
    work: Some(work::glb),
};

/// Frames, their aligned depth and the splats -> free, solid and unknown voxels.
pub static WORLD: Step = Step {
    name: "world",
    each: Each::Round,
    reads: &[
        "takes/#/video",
        "takes/#/depth.json",
        "takes/#/depth.npy?",
        "takes/#/masks.npy?",
        "world.ply",
        "cameras.json",
        "alignment.json",
    ],
    writes: &["world.vox"],
    stages: &[VIDEO, KNOWN, SPLAT, ("world", world::VERSION)],
    kernels: &[video::KERNELS, splat::KERNELS, &SORTING, world::KERNELS],
    options: |r, f| frames(r, f).option("world", &f.config.world),
    work: Some(work::world),
};

/// The world -> what agents found in it, and its floor as they saw it.
pub static AGENT: Step = Step {
    name: "agent",
    each: Each::Round,
    reads: &[
        "takes/#/video",
        "takes/#/depth.json",
        "takes/#/depth.npy?",
        "takes/#/masks.npy?",
        "world.vox",
        "world.ply",
        "cameras.json",
        "alignment.json",
    ],
    writes: &["agent.json", "floor.json"],
    stages: &[
        VIDEO,
        KNOWN,
        SPLAT,
        ("world", world::VERSION),
        ("agent", agent::VERSION),
    ],
    kernels: &[
        video::KERNELS,
        splat::KERNELS,
        &SORTING,
        world::KERNELS,
        agent::KERNELS,
    ],
    options: |r, f| frames(r, f).option("agent", &f.config.agent),
    work: Some(work::agent),
};

/// Frames, splats, floor and report -> pictures for people.
pub static PICTURES: Step = Step {
    name: "pictures",
    each: Each::Round,
    reads: &[
        "takes/#/video",
        "world.ply",
        "cameras.json",
        "agent.json",
        "floor.json",
    ],
    writes: &["map.png", "renders.png", "violations.png"],
    stages: &[VIDEO, KNOWN, SPLAT, DRAW],
    kernels: &[video::KERNELS, splat::KERNELS, &SORTING],
    options: |r, f| frames(r, f).option("fit.eval_background", &f.config.fit.eval_background),
    work: Some(work::pictures),
};

/// What was found -> the verdict and the next prompt. Without a world, the cameras' refusal is what was found.
pub static REVISION: Step = Step {
    name: "revision",
    each: Each::Round,
    reads: &[
        "takes/#/scores.json",
        "takes/#/track.json",
        "fit.json?",
        "agent.json?",
    ],
    writes: &["revision.json"],
    stages: &[("revise", revise::VERSION)],
    kernels: &[],
    options: |r, f| {
        let r = r
            .option("accept", &f.config.accept)
            .option("rules", &crate::hash::sha256_hex(revise::RULES.as_bytes()));
        r.option("prompt", &f.round.prompt)
            .option("round", &f.round.iteration)
    },
    work: Some(work::revision),
};

/// The networks that scores are measured by, with the kernels that they may run on; nothing where none is given.
fn score_networks(recipe: Recipe, facts: &Facts<'_>) -> Recipe {
    let networks = &facts.networks.scores;
    if networks.is_empty() {
        return recipe;
    }
    let kernels = onnx::KERNELS.iter();
    let recipe = kernels.fold(recipe, |r, kernel| r.kernel(kernel.stem, kernel.sha256()));
    recipe.option("score.network", networks)
}

/// The options by which a take becomes frames at the working size, with what its folder tells of them.
fn frames(recipe: Recipe, facts: &Facts<'_>) -> Recipe {
    let (r, c) = (recipe, facts.config);
    let r = r
        .option("max_side", &c.max_side)
        .option("max_frames", &c.max_frames);
    r.option("ignore_known_cameras", &c.ignore_known_cameras)
        .option("ignore_known_depth", &c.ignore_known_depth)
}

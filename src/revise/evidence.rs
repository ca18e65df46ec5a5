//! Whether enough of a world was seen, and well enough, to say anything of it: what was never seen proves nothing.

use serde::{Deserialize, Serialize};

use super::AcceptOptions;
use crate::agent::calibration::{SHOWN, TRUSTED};
use crate::agent::{AgentReport, Violation, What};
use crate::camera::Way;

/// How well the world's clip was understood.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// Share of the frames whose camera is known, in [0, 1].
    pub registered: f64,
    /// What the camera does; where depth was measured, it counts as one that travels.
    pub way: Way,
    /// PSNR in dB of frames that the fit never saw; `None` where none was held out.
    pub held_out_psnr: Option<f64>,
}

/// What a verdict lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lacking {
    /// Cameras of enough frames.
    Cameras,
    /// A camera that travels.
    Travel,
    /// Frames that were held out, shown well enough.
    Likeness,
    /// A floor.
    Floor,
    /// A floor that pictures and depth both have whole.
    SolidFloor,
    /// Floor to walk on.
    WalkableFloor,
    /// Ways of which all that matters was seen.
    KnownWays,
    /// What stands at the floor's end.
    Boundary,
    /// A figure that could not be measured.
    Figure,
}

/// So many times as high as the world an agent may be: the camera that it is measured by need not look up.
const OVER: f64 = 1.25;

/// Everything that is missing, with words.
pub(super) fn lacking(
    report: &AgentReport,
    evidence: &Evidence,
    accept: &AcceptOptions,
) -> Vec<(Lacking, String)> {
    let mut missing = Vec::new();
    let mut lack = |what, words: String| missing.push((what, words));
    if !(evidence.registered >= accept.min_registered) {
        lack(
            Lacking::Cameras,
            format!(
                "the camera is known in {:.0}% of the frames, wanted {:.0}%",
                100.0 * evidence.registered,
                100.0 * accept.min_registered
            ),
        );
    }
    let how = match evidence.way {
        Way::Travels => None,
        Way::Turns => Some("turns on the spot"),
        Way::Stands => Some("stands"),
    };
    if let Some(how) = how {
        lack(
            Lacking::Travel,
            format!(
                "the camera {how}: nothing but the depth network tells how far away things are"
            ),
        );
    }
    match evidence.held_out_psnr {
        Some(psnr) if psnr >= accept.min_held_out_psnr => {}
        Some(psnr) => lack(
            Lacking::Likeness,
            format!(
                "the world shows frames that it was not made from at {psnr:.1} dB, wanted {:.1} dB",
                accept.min_held_out_psnr
            ),
        ),
        // Who asks for nothing need not hold any out.
        None if accept.min_held_out_psnr <= 0.0 => {}
        None => lack(
            Lacking::Figure,
            "no frame was held out, so nobody knows how well the world shows others (fit.hold_out_every, or a longer clip)".to_owned(),
        ),
    }
    let metric = |name: &str| report.metrics.get(name).copied();
    if metric("floor_found") == Some(0.0) {
        lack(Lacking::Floor, "no floor was found".to_owned());
    }
    let walkable = metric("walkable_area").unwrap_or(0.0);
    if !(walkable >= accept.min_walkable_area) {
        lack(
            Lacking::WalkableFloor,
            format!(
                "{walkable:.2} square units of floor can be walked on, wanted {:.2}",
                accept.min_walkable_area
            ),
        );
    }
    let (known, unknown) = (metric("path_pairs"), metric("path_pairs_unknown"));
    if let (Some(known), Some(unknown)) = (known, unknown)
        && known + unknown > 0.0
        && !(known / (known + unknown) >= accept.min_known_ways)
    {
        lack(
            Lacking::KnownWays,
            format!(
                "{:.0}% of the ways lead over floor that was seen, wanted {:.0}%",
                100.0 * known / (known + unknown),
                100.0 * accept.min_known_ways
            ),
        );
    }
    if let (Some(agent), Some(world)) = (metric("agent_height"), metric("world_height"))
        && agent > OVER * world
    {
        lack(
            Lacking::KnownWays,
            format!("the agent is {agent:.2} high, and the world ends {world:.2} above the floor"),
        );
    }
    let blank = |v: &&Violation| v.what == What::BlankEnd;
    for end in report.doubts.iter().filter(blank) {
        lack(Lacking::Boundary, end.description.clone());
    }
    let unsure = |v: &&Violation| v.by_pictures() && v.confidence >= SHOWN;
    for hole in report.doubts.iter().filter(unsure) {
        lack(Lacking::SolidFloor, hole.description.clone());
    }
    if let Some(spread) = metric("hit_spread").filter(|spread| *spread > TRUSTED) {
        lack(
            Lacking::Likeness,
            format!(
                "the views see surfaces {spread:.2} voxels from where the world has them (hit_spread), wanted {TRUSTED}: holes, open ends, panes and what goes or moves could be told only where it is less"
            ),
        );
    }
    // Such figures fall where a world was seen badly as much as where it is bad: what is bad is told by violations.
    let (paths, physics, rays) = (
        accept.min_path_completion,
        accept.min_physics_score,
        accept.max_collision_rate,
    );
    for (name, wanted, good) in [
        (
            "path_completion",
            paths,
            metric("path_completion").map(|v| v >= paths),
        ),
        (
            "physics_score",
            physics,
            metric("physics_score").map(|v| v >= physics),
        ),
        (
            "collision_rate",
            rays,
            metric("collision_rate").map(|v| v <= rays),
        ),
    ] {
        match (good, metric(name)) {
            (Some(true), _) => {}
            (_, Some(value)) => lack(
                Lacking::Figure,
                format!("{name} is {value:.2}, wanted {wanted}"),
            ),
            (_, None) => lack(Lacking::Figure, format!("{name} could not be measured")),
        }
    }
    missing
}

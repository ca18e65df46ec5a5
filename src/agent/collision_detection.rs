//! Scenario: do the voxels answer rays as the cameras saw?
//!
//! The cameras' pixels are cast again into the voxels. A phantom hit stops in space that the camera saw through; a
//! false-free ray passes a surface that the camera saw; how many there are of either is judged by held-out views. Violations: solids that at least three cameras see through,
//! surfaces without solid, and sweeps that cross solid unhit.

use std::collections::{BTreeMap, BTreeSet};

use glam::DVec3;

use super::calibration::{TOLD, confidence};
use super::cluster::{extent, heart, regions};
use super::inspect::{Field, Findings};
use super::raycast::{HitState, Ray};
use super::spread::{self, Judge};
use super::{AgentError, Evidence, Severity, What};
use crate::world::{DepthView, Voxel};

const SCENARIO: &str = "collision_detection";
const SWEEPS: usize = 512;
/// Longest of them in voxels: worlds may be as long as they like.
const FARTHEST: f64 = 2048.0;

/// Runs the scenario.
///
/// # Errors
/// GPU errors, [`AgentError::Interrupted`].
pub fn run(field: &Field<'_>) -> Result<Findings, AgentError> {
    let mut found = Findings::default();
    let invisible = false_solids(field, &mut found);
    recast(field, &invisible, &mut found)?;
    field.go_on()?;
    sweeps(field, &mut found)?;
    Ok(found)
}

struct Pixel {
    view: usize,
    depth: f64,
    /// How far from the seen depth an answer may lie.
    slack: f64,
    surface: DVec3,
}

/// Slope of depth a pixel, where the pixel and its four neighbours lie on one surface.
fn slope(view: &DepthView, x: u32, y: u32) -> Option<(f64, f64)> {
    if x == 0 || y == 0 || x + 1 >= view.width || y + 1 >= view.height {
        return None;
    }
    let d = f64::from(view.still(x, y)?);
    let mut most = 0.0f64;
    for (ax, ay, bx, by) in [(x - 1, y, x + 1, y), (x, y - 1, x, y + 1)] {
        let (a, b) = (
            f64::from(view.still(ax, ay)?),
            f64::from(view.still(bx, by)?),
        );
        if (1.0 / a - 2.0 / d + 1.0 / b).abs() * d > 0.04 {
            return None;
        }
        most = most.max((b - a).abs() / 2.0);
    }
    Some((d, most))
}

/// Voxels across a surface within which a hit is where it should be.
const SLACK: f64 = 2.5;
/// The error of a ray that meets nothing, in voxels across the surface.
const FAR: f64 = 99.0;

/// Edge of the blocks of voxels that a solid which is seen through takes, with those about them: near what lies behind its rim too few views tell.
const BLOCK: i64 = 5;

/// Rays of held-out views from which on they alone judge.
const LEAST_HELD_OUT: usize = 1000;

/// Casts the cameras' pixels again. A solid that is told as `invisible` says nothing of how exact the rest of the world is: what it stops counts
/// among the collisions, and not in the spread.
fn recast(
    field: &Field<'_>,
    invisible: &BTreeSet<[i64; 3]>,
    found: &mut Findings,
) -> Result<(), AgentError> {
    let (world, voxel) = (field.world, f64::from(field.world.voxel));
    let total: usize = field.views.iter().map(|v| v.depth.len()).sum();
    let most = field.options.camera_rays.max(1) as f64;
    let step = ((total as f64 / most).sqrt().ceil() as usize).max(1);
    let (mut pixels, mut rays) = (Vec::new(), Vec::new());
    let mut turns = [0usize; 2];
    for (index, view) in field.views.iter().enumerate() {
        let (k, pose) = (view.intrinsics(), &view.camera.pose);
        // The first pixel moves from view to view, so that strides do not always miss the same places; of those that are held out, too.
        let turn = &mut turns[usize::from(view.held_out)];
        let first = [*turn / step % step, *turn % step].map(|n| n as u32);
        *turn += 1;
        for y in (first[1]..view.height).step_by(step) {
            for x in (first[0]..view.width).step_by(step) {
                let Some((depth, slope)) = slope(view, x, y) else {
                    continue;
                };
                let through = k.unproject(f64::from(x) + 0.5, f64::from(y) + 0.5, 1.0);
                let surface = pose.to_world(through * depth);
                if world
                    .voxel_of(surface.to_array())
                    .iter()
                    .zip(world.dims)
                    .any(|(&a, n)| a < 2 || a >= i64::from(n) - 2)
                {
                    continue;
                }
                // Along the ray longer, the more it grazes.
                let slack = SLACK * voxel * (1.0 + slope * k.fx.min(k.fy) / depth);
                let direction = pose.rotation * through;
                rays.push(Ray::new(
                    pose.position.to_array(),
                    direction.to_array(),
                    depth + 2.0 * slack,
                ));
                pixels.push(Pixel {
                    view: index,
                    depth,
                    slack,
                    surface,
                });
            }
        }
    }
    found.metric("camera_rays", rays.len() as f64);
    if rays.is_empty() {
        found.notes.push(
            "no camera sees a surface inside the grid: collisions were not tested".to_owned(),
        );
        return Ok(());
    }
    let hits = field.caster.cast(&rays, false, field.monitor)?;
    // The world is judged by what it was not made from, where there is enough of that.
    let held_out = |pixel: &&Pixel| field.views[pixel.view].held_out;
    let held = pixels.iter().filter(held_out).count();
    let judges = |pixel: &Pixel| held < LEAST_HELD_OUT || field.views[pixel.view].held_out;
    if held >= LEAST_HELD_OUT {
        found.metric("held_out_rays", held as f64);
    }
    let judge = |pixel: &Pixel, error: f64, stopped: bool| Judge {
        place: pixel.surface.to_array(),
        view: pixel.view,
        error,
        stopped,
    };
    let (mut errors, mut phantom, mut missing, mut judged) = (Vec::new(), 0usize, 0usize, 0usize);
    let mut gone: BTreeMap<[i64; 3], BTreeSet<usize>> = BTreeMap::new();
    for (pixel, hit) in pixels.iter().zip(&hits) {
        let t = f64::from(hit.t);
        let judges = judges(pixel);
        judged += usize::from(judges);
        if hit.end() != HitState::Solid || t > pixel.depth + pixel.slack {
            missing += usize::from(judges);
            if judges {
                found.judges.push(judge(pixel, FAR, false));
            }
            let cell = world.voxel_of(pixel.surface.to_array());
            gone.entry(cell).or_default().insert(pixel.view);
            continue;
        }
        if !judges {
            continue;
        }
        errors.push((t - pixel.depth).abs());
        let early = t < pixel.depth - pixel.slack;
        phantom += usize::from(early);
        let error = (t - pixel.depth) / pixel.slack * SLACK;
        let stopped = early && stands_in(invisible, world.coordinates(hit.voxel as usize));
        found.judges.push(judge(pixel, error, stopped));
    }
    let n = judged as f64;
    found.metric("phantom_hit_rate", phantom as f64 / n);
    found.metric("false_free_rate", missing as f64 / n);
    found.metric("collision_rate", (phantom + missing) as f64 / n);
    if let Some([_, spread]) = spread::whole(&found.judges) {
        found.metric("hit_spread", spread);
    }
    errors.sort_by(f64::total_cmp);
    if let Some(last) = errors.len().checked_sub(1) {
        found.metric("hit_error_p50", errors[last / 2]);
        found.metric("hit_error_p95", errors[last * 95 / 100]);
    }
    let cells: Vec<[i64; 3]> = gone.keys().copied().collect();
    let gap = step.clamp(2, 4) as i64;
    for region in regions(&cells, gap) {
        let cameras: BTreeSet<usize> = region
            .iter()
            .flat_map(|c| gone[c].iter().copied())
            .collect();
        let least = field.options.least_voxels;
        if region.len() < least || cameras.len() < field.options.see_through_views as usize {
            continue;
        }
        let [w, h, d] = extent(&region).map(|n| n as f64 * voxel);
        let wide = w.max(d).max(h) >= 2.0 * field.body.radius && region.len() >= 4 * least;
        found.violations.push(field.violation(
            What::MissingSolid,
            SCENARIO,
            if wide { Severity::High } else { Severity::Medium },
            world.centre(heart(&region)),
            format!(
                "a surface that {} cameras see has nothing solid behind it over {} by {} by {}: an agent would pass through it",
                cameras.len(),
                field.length(w),
                field.length(h),
                field.length(d)
            ),
        ));
    }
    Ok(())
}

/// Whether a voxel lies in one of the blocks, or beside one.
fn stands_in(blocks: &BTreeSet<[i64; 3]>, voxel: [u32; 3]) -> bool {
    let own = voxel.map(|v| i64::from(v).div_euclid(BLOCK));
    let beside = |k: i64| [0, 1, 2].map(|a| own[a] + k / 3i64.pow(a as u32) % 3 - 1);
    !blocks.is_empty() && (0..27).any(|k| blocks.contains(&beside(k)))
}

/// Solids that cameras see through; the blocks of voxels of those that are told.
fn false_solids(field: &Field<'_>, found: &mut Findings) -> BTreeSet<[i64; 3]> {
    let mut told = BTreeSet::new();
    let (world, voxel) = (field.world, f64::from(field.world.voxel));
    let seen = &field.see_through;
    let solid = world.counts()[2];
    if solid > 0 {
        found.metric("see_through_share", seen.len() as f64 / solid as f64);
    }
    let mut most_views = BTreeMap::new();
    for s in seen {
        most_views.insert(world.coordinates(s.voxel).map(i64::from), s.views);
    }
    let cells: Vec<[i64; 3]> = most_views.keys().copied().collect();
    for region in regions(&cells, 2) {
        if region.len() < field.options.least_voxels {
            continue;
        }
        let [w, h, d] = extent(&region).map(|n| n as f64 * voxel);
        let views = region.iter().map(|c| most_views[c]).max().unwrap_or(0);
        let blocks = h >= field.body.climb && w.max(d) >= field.body.radius;
        let place = world.centre(heart(&region));
        let share = field.through_share(&region);
        let mut violation = field.violation(
            What::InvisibleSolid,
            SCENARIO,
            if blocks {
                Severity::High
            } else {
                Severity::Medium
            },
            place,
            format!(
                "an invisible solid of {} by {} by {} that up to {views} cameras see through",
                field.length(w),
                field.length(h),
                field.length(d)
            ),
        );
        violation.size = [w, h, d];
        violation.evidence = Evidence {
            cells: region.len(),
            share: Some(share),
            ..field.seen_at(place)
        };
        if confidence(&violation) >= TOLD {
            told.extend(region.iter().map(|c| c.map(|v| v.div_euclid(BLOCK))));
        }
        found.violations.push(violation);
    }
    told
}

/// Sweeps between free voxels, cast as rays and checked against the voxels that they pass through.
fn sweeps(field: &Field<'_>, found: &mut Findings) -> Result<(), AgentError> {
    let world = field.world;
    let count = world.counts()[Voxel::Free as usize];
    if count < 2 {
        return Ok(());
    }
    // A fixed walk over the free voxels by the golden ratio: spread, and the same every time.
    let rank = |k: usize| ((k as f64 * 0.618_033_988_75).fract() * count as f64) as usize % count;
    let mut wanted: Vec<(usize, usize)> = (0..2 * SWEEPS).map(|k| (rank(k), k)).collect();
    wanted.sort_unstable();
    let mut places = vec![DVec3::ZERO; wanted.len()];
    let (mut free, mut passed) = (world.voxels(Voxel::Free), 0);
    let mut last = None;
    for (rank, k) in wanted {
        if rank >= passed {
            last = free.nth(rank - passed);
            passed = rank + 1;
        }
        if let Some(p) = last {
            places[k] = DVec3::from_array(world.centre(p.map(i64::from)));
        }
    }
    // No further than the steps between them are worth.
    let far = FARTHEST * f64::from(world.voxel);
    let pairs: Vec<(DVec3, DVec3)> = places
        .chunks_exact(2)
        .map(|p| (p[0], p[0] + (p[1] - p[0]).clamp_length_max(far)))
        .collect();
    let rays: Vec<Ray> = pairs
        .iter()
        .map(|(a, b)| Ray::new(a.to_array(), (*b - *a).to_array(), 1.0))
        .collect();
    let hits = field.caster.cast(&rays, false, field.monitor)?;
    let mut tunnelled = Vec::new();
    for ((a, b), hit) in pairs.iter().zip(&hits) {
        if hit.end() == HitState::Solid || a == b {
            continue;
        }
        // Points well inside a solid voxel; grazed corners may be rounded either way.
        let steps = ((*b - *a).length() / (0.2 * f64::from(world.voxel))).ceil() as usize;
        let crossed = (1..steps)
            .map(|s| a.lerp(*b, s as f64 / steps as f64))
            .find(|p| {
                let cell = world.voxel_of(p.to_array());
                let centre = DVec3::from_array(world.centre(cell));
                let inside = (*p - centre).abs().max_element() < 0.45 * f64::from(world.voxel);
                inside && world.at(cell) == Voxel::Solid
            });
        tunnelled.extend(crossed);
    }
    found.metric("tunnelled_sweeps", tunnelled.len() as f64);
    if let Some(p) = tunnelled.first() {
        found.violations.push(field.violation(
            What::Tunnel,
            SCENARIO,
            Severity::High,
            p.to_array(),
            format!(
                "{} of {SWEEPS} sweeps between free places crossed solid without a hit",
                tunnelled.len()
            ),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, stands_in};
    use std::collections::BTreeSet;

    #[test]
    fn a_slanted_solid_takes_what_is_about_it_and_not_its_bounds() {
        // A wall from corner to corner of a floor of 100 by 100 voxels.
        let blocks: BTreeSet<[i64; 3]> = (0..100i64)
            .flat_map(|x| (0..20).map(move |y| [x, y, x].map(|v| v.div_euclid(BLOCK))))
            .collect();
        for x in [0, 37, 99] {
            assert!(stands_in(&blocks, [x, 10, x]), "{x}");
        }
        // A block beside it, and one over it; what is farther off is not.
        assert!(stands_in(&blocks, [50, 10, 54]) && stands_in(&blocks, [50, 24, 50]));
        for off in [[50, 10, 65], [65, 10, 50], [20, 10, 80], [50, 25, 50]] {
            assert!(!stands_in(&blocks, off), "{off:?}");
        }
        assert!(!stands_in(&BTreeSet::new(), [0; 3]));
    }
}

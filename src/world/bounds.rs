//! The extent of the voxel grid: what the views saw, within a budget of voxels.

use super::{Alignment, DepthView, World, WorldError, WorldOptions};
use crate::camera::LengthUnit;

fn percentile(sorted: &[f64], share: f64) -> f64 {
    let at = ((sorted.len() - 1) as f64 * share).round() as usize;
    sorted[at]
}

/// An empty world that holds the cameras and 98% of what was seen, far background apart.
///
/// # Errors
/// [`WorldError::Empty`] when no view holds a surface.
pub(super) fn fit(
    views: &[&DepthView],
    alignment: &Alignment,
    options: &WorldOptions,
    most: u64,
) -> Result<World, WorldError> {
    let pixels: usize = views.iter().map(|v| v.depth.len()).sum();
    let step = ((pixels as f64 / 60_000.0).sqrt().ceil() as usize).max(1);
    let mut points = Vec::new();
    for view in views {
        let k = view.intrinsics();
        for y in (0..view.height).step_by(step) {
            for x in (0..view.width).step_by(step) {
                if let Some(d) = view.still(x, y) {
                    let p = k.unproject(f64::from(x) + 0.5, f64::from(y) + 0.5, f64::from(d));
                    points.push((f64::from(d), view.camera.pose.to_world(p)));
                }
            }
        }
    }
    if points.is_empty() {
        return Err(WorldError::Empty);
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let median = points[points.len() / 2].0;
    // Far background would dilute the voxels of what agents can reach.
    let far = points[(points.len() - 1) * 97 / 100].0;
    points.retain(|p| p.0 <= far);
    let mut notes = Vec::new();
    let target = match alignment.unit {
        LengthUnit::Metres => f64::from(options.voxel_metres),
        LengthUnit::CameraHeights => f64::from(options.voxel_heights),
        LengthUnit::Arbitrary => f64::from(options.voxel_heights) * median / 3.0,
    };
    let mut low = [0.0; 3];
    let mut high = [0.0; 3];
    let mut core = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    for a in 0..3 {
        let mut line: Vec<f64> = points.iter().map(|p| p.1[a]).collect();
        line.sort_by(f64::total_cmp);
        for view in views {
            let p = view.camera.pose.position[a];
            core.0[a] = core.0[a].min(p - 8.0 * target);
            core.1[a] = core.1[a].max(p + 8.0 * target);
        }
        if a == 1 {
            core.0[1] = core.0[1].min(0.0);
        }
        low[a] = (percentile(&line, 0.01) - 4.0 * target).min(core.0[a]);
        high[a] = (percentile(&line, 0.99) + 4.0 * target).max(core.1[a]);
    }
    // Room below the floor, so that holes in it can be told from the end of the grid.
    low[1] = low[1].min(-8.0 * target);
    let count = |low: &[f64; 3], high: &[f64; 3], voxel: f64| -> f64 {
        (0..3)
            .map(|a| ((high[a] - low[a]) / voxel).ceil().max(4.0))
            .product()
    };
    let mut voxel = target;
    let most = most.max(4096) as f64;
    while count(&low, &high, voxel) > most && voxel < target * f64::from(options.max_coarsening) {
        voxel *= 1.02;
    }
    let full = (low, high);
    for _ in 0..400 {
        if count(&low, &high, voxel) <= most {
            break;
        }
        for a in 0..3 {
            low[a] = core.0[a] + (low[a] - core.0[a]) * 0.95;
            high[a] = core.1[a] + (high[a] - core.1[a]) * 0.95;
        }
        low[1] = low[1].min(-4.0 * voxel);
    }
    while count(&low, &high, voxel) > most {
        voxel *= 1.02;
    }
    if voxel > target * 1.001 {
        notes.push(format!(
            "the scene is large: voxels are {voxel:.3} wide instead of {target:.3}, to stay within {most:.0} of them"
        ));
    }
    if (low, high) != full {
        let size = |b: &([f64; 3], [f64; 3])| {
            let [x, y, z] = [0, 1, 2].map(|a| b.1[a] - b.0[a]);
            format!("{x:.1} x {y:.1} x {z:.1}")
        };
        notes.push(format!(
            "the scene is larger than the grid: {} around the cameras was kept of {}",
            size(&(low, high)),
            size(&full)
        ));
    }
    let dims: [u32; 3] =
        std::array::from_fn(|a| ((high[a] - low[a]) / voxel).ceil().max(4.0) as u32);
    // A voxel face on the floor's plane.
    let below = (-low[1] / voxel).ceil();
    let origin = [low[0] as f32, (-below * voxel) as f32, low[2] as f32];
    Ok(World {
        floor_found: alignment.floor_found,
        unit: alignment.unit,
        notes,
        ..World::empty(origin, voxel as f32, dims)
    })
}

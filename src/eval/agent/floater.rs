//! A ball that hangs in a rebuilt world and in no frame: a fault of rebuilding, which cameras see through.

use glam::{DVec2, DVec3};

use super::fault::Fault;
use super::seen::ray;
use super::take::Take;
use crate::numeric::Rng;
use crate::world::{Voxel, World};

/// Radius at severity 0 and at severity 1, metres.
const RADIUS: [f64; 2] = [0.15, 0.5];
/// Room about the ball that is free of surfaces, metres.
const ROOM: f64 = 0.15;
/// Least height of its lowest point, and the greatest: where an agent walks into it. Metres.
const LOW: [f64; 2] = [0.25, 1.4];
/// Least distance from where a camera stands, beside its radius, metres.
const CLEAR: f64 = 0.4;
/// Farthest from a camera that looks at it, metres.
const FAR: f64 = 6.0;
/// Fewest views that see through all of it.
const VIEWS: usize = 4;

/// A place for a ball of the given severity in air that the views saw; `None` where there is none. Deterministic.
pub fn place(take: &Take, severity: f64) -> Option<Fault> {
    let radius = RADIUS[0] + (RADIUS[1] - RADIUS[0]) * severity;
    let mut rng = Rng::stream(take.case.seed, "floater");
    let [width, height] = take.case.size.map(f64::from);
    let views = take.seen.len();
    for _ in 0..4000 {
        let view = rng.below(views.max(1));
        let (u, v) = (rng.range(0.15, 0.85) * width, rng.range(0.1, 0.9) * height);
        let share = rng.range(0.3, 0.85);
        let camera = take.cameras.cameras.get(view)?;
        let depth = f64::from(take.seen[view].depth[v as usize * width as usize + u as usize]);
        let centre = camera.pose.position + share * depth.min(FAR) * ray(camera, DVec2::new(u, v));
        let away = |c: &crate::camera::Camera| c.pose.position.distance(centre) > radius + CLEAR;
        let low = (LOW[0]..LOW[1]).contains(&(centre.y - radius));
        if !low || !take.cameras.cameras.iter().all(away) {
            continue;
        }
        let looks: Option<Vec<Option<usize>>> =
            (0..views).map(|k| look(take, k, centre, radius)).collect();
        let Some(looks) = looks else { continue };
        let through: Vec<usize> = looks.into_iter().flatten().collect();
        if through.len() >= VIEWS.min(views) {
            let pixels = through.into_iter().max().unwrap_or(0);
            return Some(Fault::floater(
                severity,
                centre,
                radius,
                take.case.frames,
                pixels,
            ));
        }
    }
    None
}

/// Pixels of a view that look through the whole ball, `Some(None)` where it is hidden or not in the picture, `None` where a
/// surface is too near to it.
fn look(take: &Take, view: usize, centre: DVec3, radius: f64) -> Option<Option<usize>> {
    let camera = &take.cameras.cameras[view];
    let [width, height] = take.case.size.map(f64::from);
    let c = camera.pose.to_camera(centre);
    let room = radius + ROOM;
    if c.z < room + 0.1 {
        return Some(None);
    }
    let Some(at) = camera.intrinsics.project(c) else {
        return Some(None);
    };
    let reach = camera.intrinsics.fx * room / (c.z - room);
    let inside = at.x > reach && at.y > reach && at.x < width - reach && at.y < height - reach;
    let span = |middle: f64, most: f64| {
        ((middle - reach).max(0.0) as usize)..((middle + reach).clamp(0.0, most) as usize)
    };
    let (mut pixels, mut hidden) = (0, false);
    for y in span(at.y, height) {
        for x in span(at.x, width) {
            let depth = f64::from(take.seen[view].depth[y * width as usize + x]);
            let d = camera
                .intrinsics
                .unproject(x as f64 + 0.5, y as f64 + 0.5, 1.0);
            if depth.is_finite() && (depth * d).distance(c) < room {
                return None;
            }
            // The ray's least distance from the centre.
            let t = c.dot(d) / d.length_squared();
            if (t * d).distance(c) < radius {
                hidden |= depth < c.z;
                pixels += 1;
            }
        }
    }
    Some((inside && !hidden && pixels > 0).then_some(pixels))
}

/// Makes the ball solid in a world in true metres; false where the grid does not hold it.
pub fn plant(world: &mut World, fault: &Fault) -> bool {
    let Some([low, high]) = fault.places.first() else {
        return false;
    };
    let centre = (DVec3::from_array(*low) + DVec3::from_array(*high)) / 2.0;
    let (first, last) = (world.voxel_of(*low), world.voxel_of(*high));
    let dims = world.dims.map(i64::from);
    if (0..3).any(|a| first[a] < 0 || last[a] >= dims[a]) {
        return false;
    }
    for z in first[2]..=last[2] {
        for y in first[1]..=last[1] {
            for x in first[0]..=last[0] {
                let p = DVec3::from_array(world.centre([x, y, z]));
                if p.distance(centre) <= fault.measure {
                    world.set([x as u32, y as u32, z as u32], Voxel::Solid);
                }
            }
        }
    }
    true
}

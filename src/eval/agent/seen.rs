//! Whether a planted fault is to be seen at all: what no frame shows cannot be told, and is no miss.
//!
//! Counted are pixels of one view, by the true cameras and depth:
//! - a pit: pixels whose ray goes through its rectangle in the floor and ends below it;
//! - an opening: pixels whose ray goes through the gap in the wall and ends beyond it, or nowhere;
//! - a pane: pixels whose ray meets it before anything else;
//! - what vanishes: pixels of the object in a view that has it, and of its place in a view that has it not; the fewer
//!   of the two counts;
//! - what moves: likewise, where it stood or where it stands, whichever shows more.
//!
//! The views with the most pixels count. Fewer than [`LEAST`] of a picture of 480 x 270, and in proportion of others, are
//! too few to tell.

use glam::{DVec2, DVec3};
use rayon::prelude::*;

use super::case::FaultKind;
use super::fault::{Bounds, Fault};
use super::take::Take;
use crate::camera::Camera;

/// Fewest pixels of a picture of 480 x 270.
pub const LEAST: f64 = 30.0;

/// Fewest pixels of a picture of this size.
pub fn least(size: [u32; 2]) -> usize {
    let share = f64::from(size[0]) * f64::from(size[1]) / (480.0 * 270.0);
    ((LEAST * share).ceil() as usize).max(4)
}

/// Faults of the take's scene, with what is seen of each.
pub fn faults(take: &Take) -> Vec<Fault> {
    let planted = take.scene.planted.iter();
    let mut faults: Vec<Fault> = planted.filter_map(Fault::of).collect();
    for fault in &mut faults {
        fault.pixels = pixels(take, fault);
        fault.visible = fault.pixels >= least(take.case.size);
    }
    faults
}

/// Where a ray enters and leaves a box, along its direction's own length; `None` where it misses or the box is behind.
pub fn through(origin: DVec3, ray: DVec3, [low, high]: &Bounds) -> Option<[f64; 2]> {
    let (mut from, mut to) = (0.0f64, f64::INFINITY);
    for a in 0..3 {
        if ray[a].abs() < 1e-12 {
            if !(low[a]..=high[a]).contains(&origin[a]) {
                return None;
            }
            continue;
        }
        let (p, q) = (
            (low[a] - origin[a]) / ray[a],
            (high[a] - origin[a]) / ray[a],
        );
        from = from.max(p.min(q));
        to = to.min(p.max(q));
    }
    (from < to).then_some([from, to])
}

/// The ray of a pixel, of length 1 along the camera's z.
pub fn ray(camera: &Camera, at: DVec2) -> DVec3 {
    camera.pose.rotation * camera.intrinsics.unproject(at.x, at.y, 1.0)
}

/// Pixels of each view that `count` says yes to: it is given the view, the ray, the depth and the object.
fn count(take: &Take, yes: impl Fn(&Camera, DVec3, f64, u8) -> bool + Sync) -> Vec<usize> {
    let width = take.case.size[0] as usize;
    take.cameras
        .cameras
        .par_iter()
        .zip(&take.seen)
        .map(|(camera, seen)| {
            let pixels = seen.depth.iter().zip(&seen.objects).enumerate();
            pixels
                .filter(|(i, (depth, object))| {
                    let at = DVec2::new((i % width) as f64 + 0.5, (i / width) as f64 + 0.5);
                    yes(camera, ray(camera, at), f64::from(**depth), **object)
                })
                .count()
        })
        .collect()
}

fn pixels(take: &Take, fault: &Fault) -> usize {
    let most = |counts: &[usize]| counts.iter().copied().max().unwrap_or(0);
    let Some(first) = fault.places.first() else {
        return 0;
    };
    match fault.kind {
        FaultKind::Hole => {
            let [low, high] = *first;
            most(&count(take, |camera, ray, depth, _| {
                let o = camera.pose.position;
                let t = (high[1] - o.y) / ray.y;
                let p = o + t * ray;
                let within = (low[0]..high[0]).contains(&p.x) && (low[2]..high[2]).contains(&p.z);
                ray.y < 0.0 && t > 0.0 && within && depth > t + 0.02
            }))
        }
        FaultKind::OpenBoundary => most(&count(take, |camera, ray, depth, _| {
            through(camera.pose.position, ray, first).is_some_and(|[_, to]| depth > to)
        })),
        FaultKind::InvisibleWall => most(&count(take, |camera, ray, depth, _| {
            through(camera.pose.position, ray, first).is_some_and(|[from, _]| depth > from)
        })),
        FaultKind::Vanish | FaultKind::Move => persistence(take, fault),
        FaultKind::Floater => fault.pixels,
    }
}

/// Pixels of an object that goes or moves, as far as views with and without it show its place.
fn persistence(take: &Take, fault: &Fault) -> usize {
    let shown = count(take, |_, _, _, object| {
        fault.objects.contains(&u32::from(object))
    });
    let place = |bounds: &Bounds| {
        count(take, |camera, ray, depth, _| {
            through(camera.pose.position, ray, bounds).is_some_and(|[from, _]| depth > from)
        })
    };
    let during = |view: usize| (fault.frames[0]..fault.frames[1]).contains(&take.frames[view]);
    let most = |counts: &[usize], when: &dyn Fn(usize) -> bool| {
        let kept = counts.iter().enumerate().filter(|(view, _)| when(*view));
        kept.map(|(_, n)| *n).max().unwrap_or(0)
    };
    let outside = |view: usize| !during(view);
    let old = most(&shown, &outside).min(most(&place(&fault.places[0]), &during));
    match fault.places.get(1) {
        Some(new) => old.max(most(&shown, &during).min(most(&place(new), &outside))),
        None => old,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rays_meet_boxes() {
        let unit = [[0.0; 3], [1.0; 3]];
        let half = DVec3::new(0.5, 0.5, -2.0);
        assert_eq!(through(half, DVec3::Z, &unit), Some([2.0, 3.0]));
        assert_eq!(through(half, -DVec3::Z, &unit), None);
        assert_eq!(through(half, DVec3::X, &unit), None);
        assert_eq!(
            through(DVec3::splat(0.5), DVec3::Y, &unit),
            Some([0.0, 0.5])
        );
    }

    #[test]
    fn fewer_pixels_are_enough_of_a_small_picture() {
        assert_eq!(least([480, 270]), 30);
        assert_eq!(least([960, 540]), 120);
        assert_eq!(least([96, 54]), 4);
    }
}

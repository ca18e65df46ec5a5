//! Depth refined by the pictures themselves: a plane sweep about what is known (Collins 1996, Gallup et al. 2007).
//!
//! A network's depth is right to a few percent, and a floor's pit or a thing that went is of that size. Where pictures of a
//! place overlap, its texture tells depth to a fraction of that: each pixel tries candidate depths about its own, and is
//! compared with neighbouring views. Without texture, and where views disagree (what moves by itself), depth stays.
//! `kernels/world/{texture, differ, rows, cost, pick}`.

use rayon::prelude::*;

use super::fuse::GpuView;
use super::{DepthView, WorldError};
use crate::camera::Intrinsics;
use crate::gpu::{Buffer, Gpu, Kernel, groups_2d};
use crate::monitor::Monitor;

/// Changes of inverse depth that are tried, as shares; the middle one is none.
const CHANGES: [f32; 33] = [
    -0.45, -0.40, -0.35, -0.30, -0.26, -0.22, -0.18, -0.15, -0.12, -0.10, -0.08, -0.064, -0.05,
    -0.038, -0.026, -0.013, 0.0, 0.013, 0.026, 0.038, 0.05, 0.064, 0.08, 0.10, 0.12, 0.15, 0.18,
    0.21, 0.25, 0.29, 0.33, 0.37, 0.41,
];
const ZERO: u32 = 16;
/// Neighbours of a view at most.
const NEIGHBOURS: usize = 4;
/// Parallax in pixels at a width of 320 that a neighbour should show, and the least that makes one.
const PARALLAX: f64 = 10.0;
const LEAST_PARALLAX: f64 = 1.5;
/// Cost of leaving the prior by [`FAR`] and more, in the unit of textures.
const PENALTY: f32 = 0.25;
const FAR: f32 = 0.1;
/// What is deeper than the floor by a lesser share is not under it.
const APART: f32 = 0.03;
/// Least deviation of luma over 9x9 pixels, in levels of 255, from which on a floor's texture tells: the normalisation's own floor.
const LEAST_TEXTURE: f64 = 4.0;
/// A floor is told where so many neighbours, or the only one, see its plane, each by pixels to its border: what only deeper candidates keep inside a picture
/// seems to match better.
const LEAST_SEEN: usize = 2;
const MARGIN: f64 = 3.0;
/// A least cost above it is no match.
const HOPELESS: f32 = 0.8;
/// Costs from here on are of what was not tried.
const NO_COST: f32 = 1e8;
/// Depth that is less than the floor's plane by this share is of something that stands on it.
const STANDS_BEFORE: f32 = 0.1;
/// A depth within so many sigmas of the floor's own noise (logarithm of its ratio to the plane's), and within these, is
/// looked for about the floor's plane. What is more would be pressed onto it: a pit is deeper by a few percent only.
const FLOOR_SIGMAS: f64 = 2.5;
const NEAR_FLOOR: [f64; 2] = [0.03, 0.08];
/// Logarithms within it tell the floor's noise.
const MAY_BE_FLOOR: f64 = 0.12;

crate::gpu_struct! {
    /// Params of `world/texture`.
    pub struct TextureParams {
        /// Width in pixels.
        pub width: u32,
        /// Height in pixels.
        pub height: u32,
        /// First element of the picture in both buffers.
        pub base: u32,
        /// Unused.
        pub pad: u32,
    }
}

crate::gpu_struct! {
    /// A neighbour of the reference view.
    pub struct Neighbour {
        /// First row of the reference camera's space to the neighbour's, translation in w.
        pub row0: [f32; 4],
        /// Second row.
        pub row1: [f32; 4],
        /// Third row.
        pub row2: [f32; 4],
        /// fx, fy, cx, cy in pixels of the view.
        pub intrinsics: [f32; 4],
        /// Width, height, first element in the textures, unused.
        pub size: [u32; 4],
    }
}

crate::gpu_struct! {
    /// Params of `world/differ`.
    pub struct DifferParams {
        /// fx, fy, cx, cy in pixels of the reference.
        pub intrinsics: [f32; 4],
        /// Width in pixels.
        pub width: u32,
        /// Height in pixels.
        pub height: u32,
        /// First element of the reference in the textures.
        pub base: u32,
        /// Candidates in this dispatch.
        pub candidates: u32,
        /// The first of them.
        pub first: u32,
        /// Candidates times neighbours.
        pub layers: u32,
        /// Unused.
        pub pad0: u32,
        /// Unused.
        pub pad1: u32,
    }
}

crate::gpu_struct! {
    /// Params of `world/rows`.
    pub struct RowsParams {
        /// Width in pixels.
        pub width: u32,
        /// Height in pixels.
        pub height: u32,
        /// Pictures, one after the other.
        pub layers: u32,
        /// Unused.
        pub pad: u32,
    }
}

crate::gpu_struct! {
    /// Params of `world/cost`.
    pub struct CostParams {
        /// Width in pixels.
        pub width: u32,
        /// Height in pixels.
        pub height: u32,
        /// Candidates in this dispatch.
        pub candidates: u32,
        /// Neighbours, at most 4.
        pub neighbours: u32,
        /// The first of the candidates.
        pub first: u32,
        /// Unused.
        pub pad0: u32,
        /// Unused.
        pub pad1: u32,
        /// Unused.
        pub pad2: u32,
    }
}

crate::gpu_struct! {
    /// Params of `world/pick`.
    pub struct PickParams {
        /// Width in pixels.
        pub width: u32,
        /// Height in pixels.
        pub height: u32,
        /// Candidates, at most 64.
        pub candidates: u32,
        /// The one that changes nothing.
        pub zero: u32,
        /// Cost of a change of `far` and more.
        pub penalty: f32,
        /// See `penalty`.
        pub far: f32,
        /// What is deeper than the floor by a lesser share is not under it.
        pub apart: f32,
        /// A least cost above it keeps the prior.
        pub hopeless: f32,
    }
}

/// Locally normalised luma of a picture.
pub static TEXTURE: Kernel = crate::kernel!(
    "world/texture", shared [], twin crate::world::twins::texture::twin,
    workgroup [8, 8, 1], params TextureParams,
    bind [read colour: u32, write texture: f32 => within(1e-3, 1e-3)]
);

/// Differences of textures, a layer a candidate and neighbour.
pub static DIFFER: Kernel = crate::kernel!(
    "world/differ", shared ["shared/mix"], twin crate::world::twins::differ::twin,
    workgroup [8, 8, 1], params DifferParams,
    // A point that falls on the border of a picture within rounding is inside or not.
    bind [read neighbours: Neighbour, read texture: f32, read prior: f32, read changes: f32,
        write difference: f32 => within(2e-3, 1e-3).but(0.002, 4)]
);

/// Means along rows.
pub static ROWS: Kernel = crate::kernel!(
    "world/rows", shared [], twin crate::world::twins::rows::twin,
    workgroup [8, 8, 1], params RowsParams,
    bind [read difference: f32, write means: f32 => within(1e-5, 1e-5)]
);

/// Cost of each candidate.
pub static COST: Kernel = crate::kernel!(
    "world/cost", shared [], twin crate::world::twins::cost::twin,
    workgroup [8, 8, 1], params CostParams,
    bind [read means: f32, write cost: f32 => within(1e-5, 1e-5)]
);

/// The best candidate of each pixel.
pub static PICK: Kernel = crate::kernel!(
    "world/pick", shared [], twin crate::world::twins::pick::twin,
    workgroup [8, 8, 1], params PickParams,
    // Of two candidates of one cost within rounding either may win.
    bind [read changes: f32, read cost: f32, read prior: f32, read floor_plane: f32,
        write picked: [f32; 4] => within(1e-5, 1e-4).but(0.002, 4)]
);

/// All views' textures one after the other.
struct Textures {
    buffer: Buffer<f32>,
    first: Vec<u32>,
}

/// Refines the depth of all views that have pixels by those of their neighbours, in place. `floor`: the floor is the plane
/// y = 0, depths near it are looked for about it, and where the pictures match something under it better is kept as
/// [`DepthView::under`]. Answers how many views were refined.
///
/// # Errors
/// GPU errors, [`WorldError::Interrupted`].
pub fn refine(
    gpu: &Gpu,
    views: &mut [DepthView],
    floor: bool,
    monitor: &dyn Monitor,
) -> Result<usize, WorldError> {
    let pictured = |v: &DepthView| v.colour.len() == v.depth.len() && v.width > 8 && v.height > 8;
    if views.iter().filter(|v| pictured(v)).count() < 2 {
        return Ok(0);
    }
    let textures = textures(gpu, views)?;
    let changes = gpu.upload(&CHANGES)?;
    let near = floor.then(|| near_floor(views));
    let total = views.len() as u64;
    let mut depths = Vec::with_capacity(views.len());
    for (i, view) in views.iter().enumerate() {
        if monitor.stopped() {
            return Err(WorldError::Interrupted);
        }
        let beside = match pictured(view) {
            true => neighbours(views, i, pictured),
            false => Vec::new(),
        };
        depths.push(match beside.is_empty() {
            true => None,
            false => Some(sweep(gpu, views, i, &beside, &textures, &changes, near)?),
        });
        monitor.progress(i as u64 + 1, total);
    }
    let mut refined = 0;
    // All at once, so that no view depends on the order.
    for (view, swept) in views.iter_mut().zip(depths) {
        if let Some((depth, under)) = swept {
            (view.depth, view.under) = (depth, under);
            refined += 1;
        }
    }
    Ok(refined)
}

fn textures(gpu: &Gpu, views: &[DepthView]) -> Result<Textures, WorldError> {
    let mut first = Vec::with_capacity(views.len());
    let mut colour = Vec::new();
    for view in views {
        first.push(colour.len() as u32);
        if view.colour.len() == view.depth.len() {
            colour.extend_from_slice(&view.colour);
        }
    }
    let buffer = gpu.alloc::<f32>(colour.len())?;
    let colour = gpu.upload(&colour)?;
    let mut recorder = gpu.recorder();
    for (view, &base) in views.iter().zip(&first) {
        if view.colour.len() == view.depth.len() {
            let params = TextureParams {
                width: view.width,
                height: view.height,
                base,
                pad: 0,
            };
            let groups = groups_2d(view.width, view.height, TEXTURE.workgroup);
            recorder.run(&TEXTURE, &params, &[&colour, &buffer], groups)?;
        }
    }
    recorder.submit()?;
    Ok(Textures { buffer, first })
}

/// The views whose parallax to view `i` is nearest to what is wanted, at most four.
fn neighbours(views: &[DepthView], i: usize, pictured: impl Fn(&DepthView) -> bool) -> Vec<usize> {
    let view = &views[i];
    let (k, pose) = (view.intrinsics(), &view.camera.pose);
    // A grid of points with known depth.
    let mut points = Vec::new();
    for gy in 0..8 {
        for gx in 0..12 {
            let (x, y) = (
                (2 * gx + 1) * view.width / 24,
                (2 * gy + 1) * view.height / 16,
            );
            if let Some(d) = view.surface(x, y) {
                let (u, v) = (f64::from(x) + 0.5, f64::from(y) + 0.5);
                points.push(pose.to_world(k.unproject(u, v, f64::from(d))));
            }
        }
    }
    let parallax = |other: &DepthView| -> Option<f64> {
        let k = other.intrinsics();
        let pose = &other.camera.pose;
        let mut shifts: Vec<f64> = points
            .iter()
            .filter_map(|&p| {
                let here = k.project(pose.to_camera(p))?;
                // Where it would be if only the rotation differed.
                let turned =
                    k.project(pose.rotation.transpose() * (p - view.camera.pose.position))?;
                let inside = here.x >= 0.0
                    && here.y >= 0.0
                    && here.x < f64::from(other.width)
                    && here.y < f64::from(other.height);
                inside.then(|| here.distance(turned) * 320.0 / f64::from(other.width.max(1)))
            })
            .collect();
        // Half of what is seen here must be seen there.
        if shifts.len() * 2 < points.len() {
            return None;
        }
        crate::numeric::median(&mut shifts)
    };
    let mut found: Vec<(f64, usize)> = views
        .iter()
        .enumerate()
        .filter(|(j, other)| *j != i && pictured(other))
        .filter_map(|(j, other)| {
            let shift = parallax(other).filter(|s| *s >= LEAST_PARALLAX)?;
            Some(((shift / PARALLAX).ln().abs(), j))
        })
        .collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    found.into_iter().take(NEIGHBOURS).map(|(_, j)| j).collect()
}

/// Depth at which a pixel's ray meets the plane y = 0; not positive where it does not.
fn plane(view: &DepthView, i: usize) -> f64 {
    let (k, pose) = (view.intrinsics(), &view.camera.pose);
    let (x, y) = (i % view.width as usize, i / view.width as usize);
    let ray = pose.rotation * k.unproject(x as f64 + 0.5, y as f64 + 0.5, 1.0);
    -pose.position.y / ray.y
}

/// How near the floor's plane depth is taken for floor, by the noise of what may be floor in all views.
fn near_floor(views: &[DepthView]) -> f64 {
    let mut off: Vec<f64> = views
        .par_iter()
        .flat_map_iter(|view| {
            // Every eleventh pixel is enough, and no column.
            let some = (0..view.depth.len()).step_by(11);
            some.filter_map(|i| {
                let (d, plane) = (f64::from(view.depth[i]), plane(view, i));
                let log = (d / plane).ln().abs();
                (d > 0.0 && plane > 0.0 && log < MAY_BE_FLOOR).then_some(log)
            })
        })
        .collect();
    let sigma = 1.4826 * crate::numeric::median(&mut off).unwrap_or(0.0);
    (FLOOR_SIGMAS * sigma).clamp(NEAR_FLOOR[0], NEAR_FLOOR[1])
}

/// Inverse depth where candidates start; 0 where nothing is known. Depth near the floor's plane starts there.
fn prior(view: &DepthView, near_floor: Option<f64>) -> Vec<f32> {
    let start = |(i, &d): (usize, &f32)| {
        if !(d > 0.0 && d.is_finite()) {
            return 0.0;
        }
        if let Some(near) = near_floor {
            let plane = plane(view, i);
            if plane > 0.0 && (f64::from(d) / plane).ln().abs() < near {
                return (1.0 / plane) as f32;
            }
        }
        1.0 / d
    };
    view.depth.iter().enumerate().map(start).collect()
}

fn sweep(
    gpu: &Gpu,
    views: &[DepthView],
    i: usize,
    near: &[usize],
    textures: &Textures,
    changes: &Buffer<f32>,
    near_floor: Option<f64>,
) -> Result<(Vec<f32>, Vec<f32>), WorldError> {
    let view = &views[i];
    let (width, height) = (view.width, view.height);
    let pixels = width as usize * height as usize;
    let prior_values = prior(view, near_floor);
    let planes: Vec<f32> = match near_floor {
        Some(_) => (0..pixels).map(|i| (1.0 / plane(view, i)) as f32).collect(),
        None => vec![0.0; pixels],
    };
    let floor_plane = gpu.upload(&planes)?;
    let posed: Vec<Neighbour> = near
        .iter()
        .map(|&j| neighbour(view, &views[j], textures.first[j]))
        .collect();
    let (posed, prior) = (gpu.upload(&posed)?, gpu.upload(&prior_values)?);
    let cost = gpu.scratch::<f32>(pixels * CHANGES.len())?;
    // As many candidates at once as fit.
    let most = gpu.caps().most::<f32>() / (pixels * near.len()).max(1);
    let at_once = most.clamp(1, CHANGES.len());
    let layers = at_once * near.len();
    let difference = gpu.scratch::<f32>(pixels * layers)?;
    let means = gpu.scratch::<f32>(pixels * layers)?;
    let k = view.intrinsics();
    let mut recorder = gpu.recorder();
    let deep = |kernel: &Kernel, layers: u32| {
        let [x, y, _] = groups_2d(width, height, kernel.workgroup);
        [x, y, layers]
    };
    for first in (0..CHANGES.len()).step_by(at_once) {
        let candidates = at_once.min(CHANGES.len() - first) as u32;
        let layers = candidates * near.len() as u32;
        let params = DifferParams {
            intrinsics: [k.fx as f32, k.fy as f32, k.cx as f32, k.cy as f32],
            width,
            height,
            base: textures.first[i],
            candidates,
            first: first as u32,
            layers,
            ..DifferParams::default()
        };
        let bound = [
            &posed as &dyn crate::gpu::AnyBuffer,
            &textures.buffer,
            &prior,
            changes,
            &difference,
        ];
        recorder.run(&DIFFER, &params, &bound, deep(&DIFFER, layers))?;
        let params = RowsParams {
            width,
            height,
            layers,
            pad: 0,
        };
        recorder.run(&ROWS, &params, &[&difference, &means], deep(&ROWS, layers))?;
        let params = CostParams {
            width,
            height,
            candidates,
            neighbours: near.len() as u32,
            first: first as u32,
            ..CostParams::default()
        };
        recorder.run(&COST, &params, &[&means, &cost], deep(&COST, candidates))?;
    }
    let picked = gpu.scratch::<[f32; 4]>(pixels)?;
    let params = PickParams {
        width,
        height,
        candidates: CHANGES.len() as u32,
        zero: ZERO,
        penalty: PENALTY,
        far: FAR,
        apart: APART,
        hopeless: HOPELESS,
    };
    let groups = groups_2d(width, height, PICK.workgroup);
    let bound = [
        changes as &dyn crate::gpu::AnyBuffer,
        &cost,
        &prior,
        &floor_plane,
        &picked,
    ];
    recorder.run(&PICK, &params, &bound, groups)?;
    recorder.submit()?;
    let picked = gpu.read(&picked)?;
    let under = match near_floor {
        Some(_) => {
            let beside: Vec<&DepthView> = near.iter().map(|&j| &views[j]).collect();
            under(view, &beside, &planes, &picked)
        }
        None => Vec::new(),
    };
    Ok((smooth(view, &prior_values, &picked), under))
}

/// By how much less something under the floor costs than the floor, pixel by pixel; NaN where something stands before the floor, where
/// nothing matches, where there is no texture, and where fewer than two neighbours (or the only one not) see the floor's plane.
fn under(view: &DepthView, beside: &[&DepthView], planes: &[f32], picked: &[[f32; 4]]) -> Vec<f32> {
    let textured = textured(view);
    let k = view.intrinsics();
    let lenses: Vec<Intrinsics> = beside.iter().map(|other| other.intrinsics()).collect();
    let seen = |i: usize| {
        let [x, y] = [i as u32 % view.width, i as u32 / view.width].map(|a| f64::from(a) + 0.5);
        let at = view
            .camera
            .pose
            .to_world(k.unproject(x, y, 1.0 / f64::from(planes[i])));
        let inside = |(other, lens): &(&&DepthView, &Intrinsics)| {
            let there = lens.project(other.camera.pose.to_camera(at));
            there.is_some_and(|p| {
                let [right, low] = [other.width, other.height].map(|n| f64::from(n) - MARGIN);
                p.x >= MARGIN && p.y >= MARGIN && p.x <= right && p.y <= low
            })
        };
        beside.iter().zip(&lenses).filter(inside).count() >= LEAST_SEEN.min(beside.len())
    };
    let one = |i: usize| {
        let [_, at_plane, under, least] = picked[i];
        let stands_before = view.depth[i] * planes[i] < 1.0 - STANDS_BEFORE;
        let known = planes[i] > 0.0 && at_plane < NO_COST && under < NO_COST;
        match known && least <= HOPELESS && !stands_before && textured[i] && seen(i) {
            true => at_plane - under,
            false => f32::NAN,
        }
    };
    (0..picked.len()).into_par_iter().map(one).collect()
}

/// Where the picture has texture: luma deviates over 9x9 pixels.
fn textured(view: &DepthView) -> Vec<bool> {
    let (width, height) = (view.width as usize, view.height as usize);
    let luma = |&c: &u32| {
        let [r, g, b, _] = c.to_le_bytes().map(f64::from);
        0.299 * r + 0.587 * g + 0.114 * b
    };
    let luma: Vec<f64> = view.colour.iter().map(luma).collect();
    let one = |i: usize| {
        let (x, y) = (i % width, i / width);
        let (mut sum, mut squares, mut count) = (0.0, 0.0, 0.0);
        for v in y.saturating_sub(4)..(y + 5).min(height) {
            for &a in &luma[v * width + x.saturating_sub(4)..v * width + (x + 5).min(width)] {
                (sum, squares, count) = (sum + a, squares + a * a, count + 1.0);
            }
        }
        let mean = sum / count;
        squares / count - mean * mean >= LEAST_TEXTURE * LEAST_TEXTURE
    };
    (0..luma.len()).into_par_iter().map(one).collect()
}

fn neighbour(from: &DepthView, to: &DepthView, first: u32) -> Neighbour {
    let (a, b) = (&from.camera.pose, &to.camera.pose);
    let rotation = b.rotation.transpose() * a.rotation;
    let translation = b.rotation.transpose() * (a.position - b.position);
    let row = |i: usize| {
        let c = rotation.row(i);
        [c.x as f32, c.y as f32, c.z as f32, translation[i] as f32]
    };
    let view = GpuView::new(to, first);
    Neighbour {
        row0: row(0),
        row1: row(1),
        row2: row(2),
        intrinsics: view.intrinsics,
        size: view.size,
    }
}

/// Depth with each pixel's change the median of those about it: 5x5 pixels of known depth.
fn smooth(view: &DepthView, prior: &[f32], picked: &[[f32; 4]]) -> Vec<f32> {
    let (width, height) = (view.width as usize, view.height as usize);
    let row = |y: usize| {
        let mut around = Vec::with_capacity(25);
        (0..width)
            .map(|x| {
                let i = y * width + x;
                if prior[i] <= 0.0 {
                    return view.depth[i];
                }
                around.clear();
                for v in y.saturating_sub(2)..(y + 3).min(height) {
                    for u in x.saturating_sub(2)..(x + 3).min(width) {
                        let j = v * width + u;
                        if prior[j] > 0.0 {
                            around.push(picked[j][0] / prior[j]);
                        }
                    }
                }
                let middle = around.len() / 2;
                let change = *around.select_nth_unstable_by(middle, f32::total_cmp).1;
                1.0 / (prior[i] * change)
            })
            .collect::<Vec<f32>>()
    };
    (0..height).into_par_iter().flat_map_iter(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::{Camera, Pose};
    use glam::{DMat3, DVec3};

    #[test]
    fn pictures_tell_of_a_floor_with_texture_that_two_neighbours_see() {
        let (width, height) = (48u32, 32u32);
        let pixels = (width * height) as usize;
        // Texture in the lower half of the picture.
        let grey = |i: usize| match i < pixels / 2 {
            true => 128,
            false => 64 + (i as u32 * 7919) % 128,
        };
        let colour: Vec<u32> = (0..pixels)
            .map(|i| 0xff00_0000 | (grey(i) * 0x01_0101))
            .collect();
        let view = |x: f64| {
            let pose = Pose {
                position: DVec3::new(x, 1.0, 0.0),
                rotation: DMat3::from_rotation_x(-0.9) * Pose::gauge().rotation,
            };
            let camera = Camera {
                frame: 0,
                time: 0.0,
                intrinsics: Intrinsics::from_fov_x(width, height, 1.0),
                pose,
                depth_scale: 1.0,
                depth_shift: 0.0,
            };
            let mut view = DepthView::new(
                camera,
                [width, height],
                vec![1.0; pixels],
                vec![1.0; pixels],
            );
            let depths: Vec<f32> = (0..pixels).map(|i| plane(&view, i) as f32).collect();
            (view.depth, view.colour) = (depths, colour.clone());
            view
        };
        let (own, left, right) = (view(0.0), view(-0.4), view(0.4));
        let planes: Vec<f32> = own.depth.iter().map(|d| 1.0 / d).collect();
        assert!(planes.iter().all(|p| *p > 0.0));
        let picked = vec![[1.0, 0.6, 0.2, 0.1]; pixels];
        let told = |beside: &[&DepthView]| {
            let told = under(&own, beside, &planes, &picked);
            assert!(told.iter().all(|u| u.is_nan() || *u == 0.6 - 0.2));
            move |x: u32, y: u32| !told[(y * width + x) as usize].is_nan()
        };
        // What lies far to the left is out of the picture from the right.
        let both = told(&[&left, &right]);
        let low = height - 6;
        assert!(both(width / 2, low) && !both(1, low) && !both(width - 2, low));
        assert!(!both(width / 2, 3), "no texture");
        let one = told(&[&left]);
        assert!(one(1, low) && !one(width - 2, low));
        // Two of three are enough.
        let more = told(&[&left, &right, &left]);
        assert!(more(1, low) && !more(width - 2, low));
    }
}

//! Corruptions of one thing: the content of a disc that jumps, vanishes or turns into something else.

use super::{Anchors, Corruption, Kind, short_side};
use crate::gpu::{Buffer, Gpu, GpuError, Kernel, Recorder, groups_2d};
use crate::numeric::Rng;
use crate::video::Frames;

crate::gpu_struct! {
    /// Params of `eval/erase`. A number that is not finite counts as 0.
    pub struct EraseParams {
        /// Width and height in pixels.
        pub size: [u32; 2],
        /// First pixel of the box that is visited.
        pub origin: [u32; 2],
        /// Width and height of the box.
        pub extent: [u32; 2],
        /// Centre of the disc in pixels; pixel centres are whole numbers.
        pub centre: [f32; 2],
        /// Radius of the disc in pixels.
        pub radius: f32,
        /// Width of its soft edge, inside the radius, in pixels.
        pub edge: f32,
        /// Not used.
        pub pad0: u32,
        /// Not used.
        pub pad1: u32,
    }
}

/// Fills a disc from 24 samples of `image` on a ring about it. Writes the box only; alpha stays.
pub static ERASE: Kernel = crate::kernel!(
    "eval/erase",
    shared ["shared/levels"],
    twin crate::eval::twins::erase::twin,
    workgroup [8, 8, 1],
    params EraseParams,
    bind [read image: u32, write rgba: u32 => colours(1)]
);

crate::gpu_struct! {
    /// Params of `eval/graft`. A number that is not finite counts as 0.
    pub struct GraftParams {
        /// Width and height in pixels.
        pub size: [u32; 2],
        /// First pixel of the box that is visited.
        pub origin: [u32; 2],
        /// Width and height of the box.
        pub extent: [u32; 2],
        /// Centre of the disc in pixels; pixel centres are whole numbers.
        pub centre: [f32; 2],
        /// From a pixel to the other content of `image` in pixels.
        pub offset: [f32; 2],
        /// Radius of the disc in pixels.
        pub radius: f32,
        /// Width of its soft edge, inside the radius, in pixels.
        pub edge: f32,
        /// Share of the other content, cut to 0 to 1; the rest is what `image` has there.
        pub share: f32,
        /// Standard deviation of a smooth bend of both along each axis in pixels, cut to 0 to 1024.
        pub bend: f32,
        /// Side of a cell of the bend in pixels, cut to 1 to 65536.
        pub cell: f32,
        /// Seed of the bend, which sticks to the disc.
        pub seed: u32,
    }
}

/// Draws content of `image` onto a disc of `rgba`. Reads and writes the box of `rgba` only; alpha stays.
pub static GRAFT: Kernel = crate::kernel!(
    "eval/graft",
    shared ["shared/levels", "shared/random", "shared/catmull_rom"],
    twin crate::eval::twins::graft::twin,
    workgroup [8, 8, 1],
    params GraftParams,
    bind [read image: u32, write rgba: u32 => colours(1)]
);

/// Radius of the disc that jumps, over the short side.
const JUMPING: f64 = 0.12;
/// Radius of the disc that turns into something else, over the short side.
const MORPHING: f64 = 0.18;
/// How far away that is, over the short side.
const AWAY: f64 = 0.4;
/// Directions that are tried for one that stays in the picture.
const DIRECTIONS: usize = 16;

/// A disc in one frame.
#[derive(Clone, Copy, Debug)]
struct Disc {
    size: [u32; 2],
    centre: [f64; 2],
    radius: f64,
}

impl Disc {
    /// First pixel and extent of what it may touch.
    fn bounds(&self) -> [[u32; 2]; 2] {
        let span = |c: usize| {
            let most = f64::from(self.size[c]);
            let cut = |v: f64| v.clamp(0.0, most) as u32;
            let from = cut((self.centre[c] - self.radius).floor());
            let to = cut((self.centre[c] + self.radius).ceil() + 1.0);
            [from, to.max(from) - from]
        };
        let [x, y] = [span(0), span(1)];
        [[x[0], y[0]], [x[1], y[1]]]
    }

    fn edge(&self) -> f32 {
        (0.2 * self.radius).max(2.0) as f32
    }

    fn erase(
        &self,
        recorder: &mut Recorder,
        image: &Buffer<u32>,
        rgba: &Buffer<u32>,
    ) -> Result<(), GpuError> {
        let [origin, extent] = self.bounds();
        let params = EraseParams {
            size: self.size,
            origin,
            extent,
            centre: self.centre.map(|c| c as f32),
            radius: self.radius as f32,
            edge: self.edge(),
            ..EraseParams::default()
        };
        let groups = groups_2d(extent[0], extent[1], ERASE.workgroup);
        recorder.run(&ERASE, &params, &[image, rgba], groups)
    }

    /// Draws content at `offset`; share, bend, cell and seed are those of `how`.
    fn graft(
        &self,
        recorder: &mut Recorder,
        image: &Buffer<u32>,
        rgba: &Buffer<u32>,
        offset: [f64; 2],
        how: &GraftParams,
    ) -> Result<(), GpuError> {
        let [origin, extent] = self.bounds();
        let params = GraftParams {
            size: self.size,
            origin,
            extent,
            centre: self.centre.map(|c| c as f32),
            offset: offset.map(|c| c as f32),
            radius: self.radius as f32,
            edge: self.edge(),
            ..*how
        };
        let groups = groups_2d(extent[0], extent[1], GRAFT.workgroup);
        recorder.run(&GRAFT, &params, &[image, rgba], groups)
    }
}

fn plus(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    [a[0] + b[0], a[1] + b[1]]
}

/// A copy of a frame that is drawn on.
fn copied(
    gpu: &Gpu,
    recorder: &mut Recorder,
    image: &Buffer<u32>,
) -> Result<Buffer<u32>, GpuError> {
    let rgba = gpu.scratch(image.len())?;
    recorder.copy(image, 0, &rgba, 0, image.len())?;
    Ok(rgba)
}

/// A unit vector from a random turn on: the first by which all of `places`, moved so far, stay `radius` inside, or the
/// one that comes nearest to it. `spread` is the part of the circle about `middle` (in radians) that is tried.
fn direction(
    anchors: &Anchors,
    places: &[[f64; 2]],
    length: f64,
    radius: f64,
    (middle, spread): (f64, f64),
    rng: &mut Rng,
) -> f64 {
    let start = rng.unit();
    let mut best = (f64::NEG_INFINITY, middle);
    for k in 0..DIRECTIONS {
        let part = (start + k as f64 / DIRECTIONS as f64).fract() - 0.5;
        let turn = middle + spread * part;
        let by = [length * turn.cos(), length * turn.sin()];
        let margins = places.iter().map(|&p| anchors.margin(plus(p, by)));
        let margin = margins.fold(f64::INFINITY, f64::min).min(radius);
        if margin > best.0 {
            best = (margin, turn);
        }
    }
    best.1
}

/// Where the disc of a corruption lies in each frame of the clean clip, in pixels, and its radius; `rng` has drawn what that takes.
fn disc(
    frames: &Frames,
    anchors: &Anchors,
    corruption: &Corruption,
    rng: &mut Rng,
) -> (Vec<[f64; 2]>, f64) {
    let side = short_side(frames);
    let most = |kind: Kind| kind.strengths()[3];
    // The place has room for the greatest disc, at all levels.
    let (room, radius) = match corruption.kind {
        Kind::Vanish => (most(Kind::Vanish), corruption.strength()),
        Kind::Morph => (MORPHING, MORPHING),
        _ => (JUMPING, JUMPING),
    };
    (anchors.pick(room * side, rng), radius * side)
}

/// Where the disc that vanishes, jumps or turns into something else lies in each frame of the clean clip, in pixels, and its
/// radius.
pub fn place(frames: &Frames, anchors: &Anchors, corruption: &Corruption) -> (Vec<[f64; 2]>, f64) {
    disc(frames, anchors, corruption, &mut corruption.rng())
}

/// A frame by its place in the clip, in 0 to 1.
fn frame_at(count: usize, place: f64) -> usize {
    (place * count as f64).round() as usize
}

pub(super) fn teleport(
    gpu: &Gpu,
    frames: &Frames,
    anchors: &Anchors,
    corruption: &Corruption,
) -> Result<Vec<Buffer<u32>>, GpuError> {
    let side = short_side(frames);
    let mut rng = corruption.rng();
    let (path, radius) = disc(frames, anchors, corruption, &mut rng);
    let count = frames.len();
    let jumps = [0.35, 0.65].map(|place| frame_at(count, place).clamp(1, count));
    // The farthest level decides, so that all go the same way.
    let farthest = side * corruption.kind.strengths()[3];
    let (circle, half) = (std::f64::consts::TAU, std::f64::consts::PI);
    let between = &path[jumps[0]..jumps[1]];
    let first = direction(anchors, between, farthest, radius, (0.0, circle), &mut rng);
    let unit = |turn: f64| [turn.cos(), turn.sin()];
    let moved: Vec<[f64; 2]> = path[jumps[1]..]
        .iter()
        .map(|&p| plus(p, unit(first).map(|c| farthest * c)))
        .collect();
    // Not back to where it came from.
    let second = direction(anchors, &moved, farthest, radius, (first, half), &mut rng);
    let length = corruption.strength() * side;
    // Whole pixels: what jumps is not resampled.
    let once = unit(first).map(|c| (length * c).round());
    let twice = plus(once, unit(second).map(|c| (length * c).round()));
    let how = GraftParams {
        share: 1.0,
        cell: 1.0,
        ..GraftParams::default()
    };
    let mut recorder = gpu.recorder();
    let mut out = Vec::with_capacity(count);
    for (t, image) in frames.rgba.iter().enumerate() {
        if t < jumps[0] {
            out.push(image.clone());
            continue;
        }
        let by = if t < jumps[1] { once } else { twice };
        let from = Disc {
            size: [frames.width, frames.height],
            centre: path[t],
            radius,
        };
        let to = Disc {
            centre: plus(path[t], by),
            ..from
        };
        let rgba = copied(gpu, &mut recorder, image)?;
        from.erase(&mut recorder, image, &rgba)?;
        to.graft(&mut recorder, image, &rgba, by.map(|c| -c), &how)?;
        out.push(rgba);
    }
    recorder.submit()?;
    Ok(out)
}

pub(super) fn vanish(
    gpu: &Gpu,
    frames: &Frames,
    anchors: &Anchors,
    corruption: &Corruption,
) -> Result<Vec<Buffer<u32>>, GpuError> {
    let mut rng = corruption.rng();
    let (path, radius) = disc(frames, anchors, corruption, &mut rng);
    let from = frame_at(frames.len(), rng.range(0.4, 0.6)).max(1);
    let mut recorder = gpu.recorder();
    let mut out = Vec::with_capacity(frames.len());
    for (t, image) in frames.rgba.iter().enumerate() {
        if t < from {
            out.push(image.clone());
            continue;
        }
        let disc = Disc {
            size: [frames.width, frames.height],
            centre: path[t],
            radius,
        };
        let rgba = copied(gpu, &mut recorder, image)?;
        disc.erase(&mut recorder, image, &rgba)?;
        out.push(rgba);
    }
    recorder.submit()?;
    Ok(out)
}

pub(super) fn morph(
    gpu: &Gpu,
    frames: &Frames,
    anchors: &Anchors,
    corruption: &Corruption,
) -> Result<Vec<Buffer<u32>>, GpuError> {
    let side = short_side(frames);
    let mut rng = corruption.rng();
    let (path, radius) = disc(frames, anchors, corruption, &mut rng);
    let count = frames.len();
    let from = frame_at(count, 0.2).max(1).min(count);
    let length = AWAY * side;
    let circle = (0.0, std::f64::consts::TAU);
    let turn = direction(anchors, &path[from..], length, radius, circle, &mut rng);
    let offset = [length * turn.cos(), length * turn.sin()];
    let seed = rng.next() as u32;
    let mut recorder = gpu.recorder();
    let mut out = Vec::with_capacity(count);
    for (t, image) in frames.rgba.iter().enumerate() {
        if t < from {
            out.push(image.clone());
            continue;
        }
        let disc = Disc {
            size: [frames.width, frames.height],
            centre: path[t],
            radius,
        };
        // From nothing in the frame before to the whole in the last.
        let grown = (t + 1 - from) as f64 / (count - from) as f64;
        let share = corruption.strength() * grown;
        let how = GraftParams {
            share: share as f32,
            bend: (0.15 * radius * share) as f32,
            cell: (0.7 * radius) as f32,
            seed,
            ..GraftParams::default()
        };
        let rgba = copied(gpu, &mut recorder, image)?;
        disc.graft(&mut recorder, image, &rgba, offset, &how)?;
        out.push(rgba);
    }
    recorder.submit()?;
    Ok(out)
}

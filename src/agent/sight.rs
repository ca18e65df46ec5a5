//! Views made ready for looking up what they see of a place: depth near a pixel, and light.

use glam::{DVec3, Mat3, Vec3};
use rayon::prelude::*;

use crate::numeric::median;
use crate::world::DepthView;

/// A pixel and its neighbours bend more than this share of inverse depth where two surfaces meet.
const EDGE: f32 = 0.04;
/// Least log ratio of depths that is not the same surface.
const LEAST_MARGIN: f32 = 0.025;
/// Sigmas of the depth's own noise to the same.
const SIGMAS: f32 = 3.0;
/// Most that noise may blur a surface by, in the log of depth; noisier views are compared at this.
const MOST_MARGIN: f32 = 0.25;

/// One view.
pub struct Sight<'a> {
    /// The view.
    pub view: &'a DepthView,
    /// Width and height in pixels.
    pub size: [u32; 2],
    /// Focal lengths and principal point in pixels: fx, fy, cx, cy.
    pub focal: [f32; 4],
    /// World to camera.
    turn: Mat3,
    /// Where the camera stands.
    pub eye: Vec3,
    /// Least depth of a pixel and its eight neighbours; 0 where one of them is unknown.
    pub near: Vec<f32>,
    /// Greatest depth of the same.
    pub far: Vec<f32>,
    /// Light of a pixel, linear; empty where the view has no picture.
    pub light: Vec<[f32; 3]>,
}

impl<'a> Sight<'a> {
    /// At most `most` of the views, evenly spread, in the order of their frames.
    pub fn of(views: &'a [DepthView], most: usize) -> Vec<Self> {
        let mut order: Vec<&DepthView> = views
            .iter()
            .filter(|v| v.width > 4 && v.height > 4)
            .collect();
        order.sort_by_key(|v| v.camera.frame);
        let step = order.len().div_ceil(most.max(1)).max(1);
        let some: Vec<&DepthView> = order.into_iter().step_by(step).collect();
        some.into_par_iter().map(Self::new).collect()
    }

    fn new(view: &'a DepthView) -> Self {
        let (w, h) = (view.width as usize, view.height as usize);
        let k = view.intrinsics();
        // What stands nowhere within sight is far, not unknown.
        let depth = |x: usize, y: usize| match view.depth[y * w + x] {
            d if view.alpha[y * w + x] > 0.5 && d > 0.0 => d,
            _ => 0.0,
        };
        let around = |x: usize, y: usize| {
            let xs = x.saturating_sub(1)..(x + 2).min(w);
            let ys = y.saturating_sub(1)..(y + 2).min(h);
            ys.flat_map(move |y| xs.clone().map(move |x| depth(x, y)))
        };
        let each = |pick: &dyn Fn(usize, usize) -> f32| -> Vec<f32> {
            (0..w * h).map(|i| pick(i % w, i / w)).collect()
        };
        let near = each(&|x, y| around(x, y).fold(f32::INFINITY, f32::min));
        let far = each(&|x, y| around(x, y).fold(0.0, f32::max));
        let curve: Vec<f32> = (0u16..256).map(|v| linear(f32::from(v) / 255.0)).collect();
        let light = match view.colour.len() == w * h {
            true => view
                .colour
                .iter()
                .map(|c| [0, 8, 16].map(|shift| curve[(c >> shift & 255) as usize]))
                .collect(),
            false => Vec::new(),
        };
        Self {
            view,
            size: [view.width, view.height],
            focal: [k.fx, k.fy, k.cx, k.cy].map(|v| v as f32),
            turn: view.camera.pose.rotation.transpose().as_mat3(),
            eye: view.camera.pose.position.as_vec3(),
            near,
            far,
            light,
        }
    }

    /// Pixel position (centres at whole numbers) and depth of a place; `None` outside the picture, less `margin` pixels.
    pub fn project(&self, p: Vec3, margin: f32) -> Option<([f32; 2], f32)> {
        let q = self.turn * (p - self.eye);
        if q.z < 1e-3 {
            return None;
        }
        let u = self.focal[0] * q.x / q.z + self.focal[2] - 0.5;
        let v = self.focal[1] * q.y / q.z + self.focal[3] - 0.5;
        let [w, h] = self.size.map(|n| n as f32 - 1.0);
        (u >= margin && v >= margin && u <= w - margin && v <= h - margin).then_some(([u, v], q.z))
    }

    /// Index of the pixel at a position inside the picture.
    pub fn index(&self, [u, v]: [f32; 2]) -> usize {
        (v.round() as usize).min(self.size[1] as usize - 1) * self.size[0] as usize
            + (u.round() as usize).min(self.size[0] as usize - 1)
    }

    /// The place at `depth` behind a pixel.
    pub fn place(&self, x: u32, y: u32, depth: f32) -> Vec3 {
        let [fx, fy, cx, cy] = self.focal;
        let q = Vec3::new(
            (x as f32 + 0.5 - cx) / fx * depth,
            (y as f32 + 0.5 - cy) / fy * depth,
            depth,
        );
        self.turn.transpose() * q + self.eye
    }

    /// Light between the four nearest pixels.
    pub fn light_at(&self, [u, v]: [f32; 2]) -> Vec3 {
        let w = self.size[0] as usize;
        let (x, y) = (u as usize, v as usize);
        let (x1, y1) = ((x + 1).min(w - 1), (y + 1).min(self.size[1] as usize - 1));
        let (fx, fy) = (u - x as f32, v - y as f32);
        let at = |x: usize, y: usize| Vec3::from_array(self.light[y * w + x]);
        let row = |y: usize| at(x, y) * (1.0 - fx) + at(x1, y) * fx;
        row(y) * (1.0 - fy) + row(y1) * fy
    }

    /// Depth of a pixel that lies on one surface with its neighbours; sky is none.
    pub fn smooth(&self, x: u32, y: u32) -> Option<f32> {
        let [w, h] = self.size;
        if x == 0 || y == 0 || x + 1 >= w || y + 1 >= h {
            return None;
        }
        let d = self.view.surface(x, y)?;
        for (ax, ay, bx, by) in [(x - 1, y, x + 1, y), (x, y - 1, x, y + 1)] {
            let (a, b) = (self.view.surface(ax, ay)?, self.view.surface(bx, by)?);
            if (1.0 / a - 2.0 / d + 1.0 / b).abs() * d > EDGE {
                return None;
            }
        }
        Some(d)
    }

    /// The pixel of a place for a report: x, y, width, height.
    pub fn pixel(&self, p: DVec3) -> Option<[u32; 4]> {
        let ([u, v], _) = self.project(p.as_vec3(), 0.0)?;
        Some([
            u.round() as u32,
            v.round() as u32,
            self.size[0],
            self.size[1],
        ])
    }
}

/// How well two views agree on depth.
#[derive(Clone, Copy, Default)]
pub struct Noise {
    /// Median log ratio of what the second sees to what the first says.
    pub bias: f32,
    /// Log ratio that is not the same surface.
    pub margin: f32,
}

/// Bias and spread of the log ratio of depths, for each pair of views: first, second.
pub fn noise(sights: &[Sight<'_>]) -> Vec<Vec<Noise>> {
    sights
        .par_iter()
        .map(|a| {
            let step = (a.size[0] / 40).max(2);
            let places: Vec<Vec3> = lattice(a, step, 0)
                .map(|(x, y, d)| a.place(x, y, d))
                .collect();
            sights
                .iter()
                .map(|b| {
                    let mut q: Vec<f32> = places
                        .iter()
                        .filter_map(|&p| {
                            let (uv, z) = b.project(p, 1.0)?;
                            let i = b.index(uv);
                            let d = (b.near[i] > 0.0 && b.far[i] < 1.1 * b.near[i])
                                .then_some(b.view.depth[i])?;
                            let q = (d / z).ln();
                            (q.abs() < MOST_MARGIN).then_some(q)
                        })
                        .collect();
                    let bias = median(&mut q).unwrap_or(0.0);
                    let mut off: Vec<f32> = q.iter().map(|q| (q - bias).abs()).collect();
                    let sigma = 1.483 * median(&mut off).unwrap_or(MOST_MARGIN / SIGMAS);
                    let margin = (SIGMAS * sigma).clamp(LEAST_MARGIN, MOST_MARGIN);
                    Noise { bias, margin }
                })
                .collect()
        })
        .collect()
}

/// Pixels of one surface at every `step`-th column and row, with their depth.
pub fn lattice<'a>(
    sight: &'a Sight<'_>,
    step: u32,
    phase: u32,
) -> impl Iterator<Item = (u32, u32, f32)> + 'a {
    let [w, h] = sight.size;
    (1 + phase % step..h)
        .step_by(step as usize)
        .flat_map(move |y| {
            (1 + phase / step % step..w)
                .step_by(step as usize)
                .map(move |x| (x, y))
        })
        .filter_map(move |(x, y)| Some((x, y, sight.smooth(x, y)?)))
}

fn linear(s: f32) -> f32 {
    match s {
        s if s <= 0.04045 => s / 12.92,
        s => ((s + 0.055) / 1.055).powf(2.4),
    }
}

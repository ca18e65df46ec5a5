//! Renders splats from many cameras with one set of buffers.

use rayon::prelude::*;

use super::harmonics;
use super::records::{
    EMIT, EmitParams, PROJECT, Projected, RANGES, RASTERS, RangesParams, RasterParams, Splat, TILE,
    ViewParams,
};
use super::{Rendering, SplatError, Splats};
use crate::camera::Camera;
use crate::gpu::{Buffer, Gpu, GpuError, Kernel, Recorder, groups_1d, scan::Scan, sort::Sort};

/// Depth in world units at or before which a splat is culled.
pub const NEAR: f32 = 0.02;

/// Pairs of splat and tile that this device holds: a word each, in one buffer.
pub(super) fn most_instances(gpu: &Gpu) -> usize {
    gpu.caps().most::<u32>()
}

/// The highest degree of the splats' harmonics that one buffer holds; less than their own is told.
///
/// # Errors
/// [`SplatError::Input`] where not even their colours fit.
fn degree_that_fits(gpu: &Gpu, splats: &Splats) -> Result<u32, SplatError> {
    let (n, own) = (splats.len(), splats.sh_degree);
    let most = gpu.caps().most::<[f32; 4]>();
    let degree = (0..=own)
        .rev()
        .find(|degree| n * harmonics::planes(*degree) <= most)
        .ok_or_else(|| {
            SplatError::Input(format!(
                "{n} splats are more than the {most} whose colours this adapter binds at once; use fewer"
            ))
        })?;
    if degree < own {
        tracing::warn!(
            "spherical harmonics of {n} splats are drawn to degree {degree} of {own}: no more fit a binding of this adapter"
        );
    }
    Ok(degree)
}

/// Buffers to render up to `capacity` splats at one image size; reused over cameras and steps.
#[derive(Clone, Debug)]
pub struct Renderer {
    gpu: Gpu,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) splats: Buffer<Splat>,
    pub(super) sh: Buffer<[f32; 4]>,
    pub(super) projected: Buffer<Projected>,
    pub(super) offsets: Buffer<u32>,
    pub(super) owners: Buffer<u32>,
    pub(super) ranges: Buffer<[u32; 2]>,
    pub(super) image: Buffer<[f32; 4]>,
    pub(super) depth: Buffer<f32>,
    most: Buffer<u32>,
    scan: Scan,
    sort: Sort,
    raster: &'static Kernel,
    n: usize,
    pub(super) planes: usize,
    /// Degree of the harmonics that the planes hold, and the one that counts.
    pub(super) own_degree: u32,
    pub(super) sh_degree: u32,
}

impl Renderer {
    /// Uploads the splats and allocates for images of `width` x `height`, with room for `instances` pairs of
    /// splat and tile (8x8); 0 chooses `12 * splats`, at least 65,536.
    ///
    /// # Errors
    /// [`SplatError::Input`] for an empty image or malformed splats, [`SplatError::Gpu`].
    pub fn new(
        gpu: &Gpu,
        splats: &Splats,
        width: u32,
        height: u32,
        instances: usize,
    ) -> Result<Self, SplatError> {
        splats.check()?;
        if width == 0 || height == 0 || width > 16_384 || height > 16_384 {
            return Err(SplatError::Input(format!(
                "cannot render {width}x{height}; both sides must be 1 to 16384 pixels"
            )));
        }
        let n = splats.len();
        let sh_degree = degree_that_fits(gpu, splats)?;
        let fewer;
        let splats = match sh_degree == splats.sh_degree {
            true => splats,
            false => {
                fewer = splats.of_degree(sh_degree);
                &fewer
            }
        };
        let capacity = if instances == 0 {
            (12 * n).max(65_536)
        } else {
            instances
        }
        .min(most_instances(gpu));
        let tiles = (width.div_ceil(TILE) * height.div_ceil(TILE)) as usize;
        let pixels = width as usize * height as usize;
        Ok(Self {
            gpu: gpu.clone(),
            width,
            height,
            splats: gpu.upload(&splats.to_records())?,
            sh: gpu.upload(&splats.to_planes())?,
            projected: gpu.alloc(n)?,
            offsets: gpu.alloc(n + 1)?,
            owners: gpu.alloc(capacity)?,
            ranges: gpu.alloc(tiles)?,
            image: gpu.alloc(pixels)?,
            depth: gpu.alloc(pixels)?,
            most: gpu.alloc(1)?,
            scan: Scan::new(gpu, n + 1)?,
            sort: Sort::new(gpu, capacity)?,
            raster: gpu.variant(&RASTERS)?,
            n,
            planes: harmonics::planes(sh_degree),
            own_degree: sh_degree,
            sh_degree,
        })
    }

    /// Instances the buffers hold.
    pub fn capacity(&self) -> usize {
        self.sort.capacity()
    }

    /// The most instances any camera has asked for so far; beyond the capacity they were left out. Waits.
    ///
    /// # Errors
    /// As [`Gpu::read`].
    pub fn most_instances(&self) -> Result<usize, SplatError> {
        Ok(self.gpu.read(&self.most)?[0] as usize)
    }

    /// Makes room for more instances.
    pub(super) fn grow(&mut self, instances: usize) -> Result<bool, SplatError> {
        let wanted = instances.min(most_instances(&self.gpu));
        if wanted <= self.capacity() {
            return Ok(false);
        }
        let room = || Ok::<_, GpuError>((self.gpu.alloc(wanted)?, Sort::new(&self.gpu, wanted)?));
        match room() {
            Ok((owners, sort)) => (self.owners, self.sort) = (owners, sort),
            // What there is stays, and who asked is told of what was left out.
            Err(GpuError::OutOfMemory { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        Ok(true)
    }

    /// What the projection kernels need to know of a camera.
    pub fn view(&self, camera: &Camera) -> ViewParams {
        let k = camera.intrinsics.resized(self.width, self.height);
        let r = camera.pose.rotation;
        let c = camera.pose.position;
        let row =
            |axis: glam::DVec3, at: f64| [axis.x as f32, axis.y as f32, axis.z as f32, at as f32];
        let (w, h) = (f64::from(self.width), f64::from(self.height));
        let (mx, my) = (0.15 * w / k.fx, 0.15 * h / k.fy);
        ViewParams {
            row_x: row(r.x_axis, c.x),
            row_y: row(r.y_axis, c.y),
            row_z: row(r.z_axis, c.z),
            focal: [k.fx as f32, k.fy as f32, k.cx as f32, k.cy as f32],
            limits: [
                (-k.cx / k.fx - mx) as f32,
                ((w - k.cx) / k.fx + mx) as f32,
                (-k.cy / k.fy - my) as f32,
                ((h - k.cy) / k.fy + my) as f32,
            ],
            size: [self.width, self.height],
            n: self.n as u32,
            sh_degree: self.sh_degree,
            near: NEAR,
            capacity: self.capacity() as u32,
            first: 0,
            last: u32::MAX,
            planes: self.planes as u32,
            ..ViewParams::default()
        }
    }

    /// Records the forward pass and returns the sorted slots. Afterwards `image` holds RGB before the background
    /// and transmittance, `depth` the sum of weight times z.
    pub(super) fn record(
        &self,
        recorder: &mut Recorder,
        view: &ViewParams,
    ) -> Result<Buffer<u32>, SplatError> {
        let n = self.n;
        let tile_bits = usize::BITS - (self.ranges.len() - 1).leading_zeros();
        let depth_bits = (32 - tile_bits).min(18);
        recorder.run(
            &PROJECT,
            view,
            &[&self.splats, &self.sh, &self.projected, &self.offsets],
            groups_1d(n + 1, 64),
        )?;
        self.scan.record(recorder, &self.offsets, n + 1)?;
        let emit = EmitParams {
            size: [self.width, self.height],
            n: n as u32,
            capacity: self.capacity() as u32,
            near: NEAR,
            depth_bits,
            // The depth's pattern spans 2^28 over 32 octaves.
            depth_shift: 28 - depth_bits,
            pad: 0,
        };
        recorder.run(
            &EMIT,
            &emit,
            &[
                &self.projected,
                &self.offsets,
                self.sort.keys(),
                self.sort.values(),
                &self.owners,
                &self.most,
            ],
            groups_1d(n.max(1), 64),
        )?;
        let (keys, values) =
            self.sort
                .record(recorder, &self.offsets, n, tile_bits + depth_bits)?;
        recorder.clear(&self.ranges)?;
        let ranges = RangesParams {
            capacity: self.capacity() as u32,
            count_at: n as u32,
            depth_bits,
            pad: 0,
        };
        recorder.run(
            &RANGES,
            &ranges,
            &[&self.offsets, keys, &self.ranges],
            groups_1d(self.capacity(), 64),
        )?;
        let raster = RasterParams {
            size: [self.width, self.height],
            tiles: self.ranges.len() as u32,
            pad: 0,
        };
        recorder.run(
            self.raster,
            &raster,
            &[
                &self.ranges,
                values,
                &self.owners,
                &self.projected,
                &self.image,
                &self.depth,
            ],
            groups_1d(self.ranges.len(), 4),
        )?;
        Ok(values.clone())
    }

    /// Renders one camera over a background of sRGB values in [0, 1] and reads it back. When the instance buffers
    /// are too small they grow and the camera is rendered again.
    ///
    /// # Errors
    /// [`SplatError::Gpu`]; [`SplatError::Overflow`] when the buffers cannot grow further.
    pub fn render(
        &mut self,
        camera: &Camera,
        background: [f32; 3],
    ) -> Result<Rendering, SplatError> {
        let view = self.view(camera);
        loop {
            let mut recorder = self.gpu.recorder();
            self.record(&mut recorder, &view)?;
            recorder.submit()?;
            let wanted = self.gpu.read_range(&self.offsets, self.n, 1)?[0] as usize;
            if wanted <= self.capacity() {
                break;
            }
            if !self.grow(wanted + wanted / 4)? || self.capacity() < wanted {
                return Err(SplatError::Overflow {
                    wanted,
                    capacity: self.capacity(),
                });
            }
        }
        let image = self.gpu.read(&self.image)?;
        let depth = self.gpu.read(&self.depth)?;
        Ok(compose(self.width, self.height, &image, &depth, background))
    }
}

/// The raster's output over a background, as 8-bit pixels, expected depth and alpha.
fn compose(
    width: u32,
    height: u32,
    image: &[[f32; 4]],
    depth: &[f32],
    background: [f32; 3],
) -> Rendering {
    let byte = |x: f32| (x.clamp(0.0, 1.0) * 255.0).round() as u32;
    Rendering {
        width,
        height,
        rgba: image
            .par_iter()
            .map(|p| {
                let c = |k: usize| byte(p[k] + p[3] * background[k]);
                c(0) | c(1) << 8 | c(2) << 16 | 255 << 24
            })
            .collect(),
        depth: image
            .par_iter()
            .zip(depth)
            .map(|(p, &d)| {
                let alpha = 1.0 - p[3];
                if alpha > 0.0 { d / alpha } else { 0.0 }
            })
            .collect(),
        alpha: image.par_iter().map(|p| 1.0 - p[3]).collect(),
    }
}

/// Renders one camera; for many cameras keep a [`Renderer`].
///
/// # Errors
/// As [`Renderer::new`] and [`Renderer::render`].
pub fn render(
    gpu: &Gpu,
    splats: &Splats,
    camera: &Camera,
    background: [f32; 3],
) -> Result<Rendering, SplatError> {
    let k = &camera.intrinsics;
    Renderer::new(gpu, splats, k.width, k.height, 0)?.render(camera, background)
}

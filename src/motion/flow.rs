//! Records the flow of one pair of frames: coarse to fine, both directions in step.

use super::MotionOptions;
use super::kernels as k;
use crate::gpu::{Buffer, Gpu, GpuError, Recorder, groups_2d};
use crate::video::Frames;

const TILE: [u32; 3] = [8, 8, 1];

/// Luma and gradient of one pyramid level.
pub(super) struct Level {
    pub luma: Buffer<f32>,
    pub gradient: Buffer<[f32; 2]>,
}

/// Both flows of a pair at the motion size, in GPU memory.
#[derive(Clone)]
pub(super) struct Both {
    pub forward: Buffer<[f32; 2]>,
    pub backward: Buffer<[f32; 2]>,
}

/// Records the pyramid of frame `index`.
pub(super) fn pyramid(
    gpu: &Gpu,
    recorder: &mut Recorder,
    frames: &Frames,
    index: usize,
    size: (u32, u32),
    coarsest: u32,
) -> Result<Vec<Level>, GpuError> {
    let pyramid = frames.luma_pyramid(gpu, recorder, index, size, coarsest)?;
    let mut levels = Vec::with_capacity(pyramid.levels.len());
    for level in pyramid.levels {
        let (width, height) = (level.width, level.height);
        let gradient = gpu.alloc((width * height) as usize)?;
        let size = k::SizeParams {
            width,
            height,
            pad: [0; 2],
        };
        let groups = groups_2d(width, height, TILE);
        recorder.run(&k::GRADIENT, &size, &[&level.image, &gradient], groups)?;
        levels.push(Level {
            luma: level.image,
            gradient,
        });
    }
    Ok(levels)
}

struct Scratch {
    both: Both,
    patches: Buffer<[f32; 4]>,
    warped: Buffer<[f32; 2]>,
    system: Buffer<[f32; 4]>,
    right: Buffer<[f32; 2]>,
}

/// Work buffers shared by all pairs of a clip.
pub(super) struct Solver {
    sizes: Vec<(u32, u32)>,
    scratch: Vec<Scratch>,
    nothing: Buffer<[f32; 2]>,
    options: MotionOptions,
}

impl Solver {
    pub fn new(gpu: &Gpu, sizes: &[(u32, u32)], options: &MotionOptions) -> Result<Self, GpuError> {
        let scratch = sizes
            .iter()
            .map(|&(w, h)| {
                let n = (w * h) as usize;
                Ok(Scratch {
                    both: Both {
                        forward: gpu.alloc(n)?,
                        backward: gpu.alloc(n)?,
                    },
                    patches: gpu.alloc((k::patches(w) * k::patches(h)) as usize)?,
                    warped: gpu.alloc(n)?,
                    system: gpu.alloc(n)?,
                    right: gpu.alloc(n)?,
                })
            })
            .collect::<Result<_, GpuError>>()?;
        Ok(Self {
            sizes: sizes.to_vec(),
            scratch,
            nothing: gpu.upload(&[[0.0; 2]])?,
            options: options.clone(),
        })
    }

    /// Records both flows between the frames of pyramids `a` and `b` into `out`, starting also from `init`.
    pub fn record(
        &self,
        recorder: &mut Recorder,
        a: &[Level],
        b: &[Level],
        init: Option<&Both>,
        out: &Both,
    ) -> Result<(), GpuError> {
        for level in (0..self.sizes.len()).rev() {
            let to = if level == 0 {
                out
            } else {
                &self.scratch[level].both
            };
            let coarse = self.scratch.get(level + 1).map(|s| &s.both);
            let (cf, cb) = coarse.map_or((&self.nothing, &self.nothing), |c| {
                (&c.forward, &c.backward)
            });
            let (first, second) = (init.map(|i| &i.forward), init.map(|i| &i.backward));
            self.direction(
                recorder,
                level,
                [&a[level], &b[level]],
                [cf, cb],
                first,
                &to.forward,
            )?;
            self.direction(
                recorder,
                level,
                [&b[level], &a[level]],
                [cb, cf],
                second,
                &to.backward,
            )?;
        }
        Ok(())
    }

    fn direction(
        &self,
        recorder: &mut Recorder,
        level: usize,
        [a, b]: [&Level; 2],
        coarse: [&Buffer<[f32; 2]>; 2],
        init: Option<&Buffer<[f32; 2]>>,
        flow: &Buffer<[f32; 2]>,
    ) -> Result<(), GpuError> {
        let (width, height) = self.sizes[level];
        let (coarse_width, coarse_height) = self.sizes.get(level + 1).copied().unwrap_or((1, 1));
        let (patches_x, patches_y) = (k::patches(width), k::patches(height));
        let work = &self.scratch[level];
        let options = &self.options;
        let has_init = u32::from(init.is_some());
        let init = init.unwrap_or(&self.nothing);
        let (init_width, init_height) = if has_init == 1 { self.sizes[0] } else { (1, 1) };
        let search = k::SearchParams {
            width,
            height,
            patches_x,
            patches_y,
            coarse_width,
            coarse_height,
            init_width,
            init_height,
            init_scale: 0.5f32.powi(level as i32),
            iterations: options.search_iterations,
            has_init,
            pad: 0,
        };
        recorder.run(
            &k::SEARCH,
            &search,
            &[
                &a.luma,
                &b.luma,
                &a.gradient,
                coarse[0],
                coarse[1],
                init,
                &work.patches,
            ],
            groups_2d(patches_x, patches_y, TILE),
        )?;
        let groups = groups_2d(width, height, TILE);
        let densify = k::DensifyParams {
            width,
            height,
            patches_x,
            patches_y,
        };
        recorder.run(
            &k::DENSIFY,
            &densify,
            &[&a.luma, &b.luma, &work.patches, flow],
            groups,
        )?;
        let size = k::SizeParams {
            width,
            height,
            pad: [0; 2],
        };
        let linearise = k::LineariseParams {
            width,
            height,
            alpha: options.smoothness,
            delta: options.brightness,
            gamma: options.gradient,
            zeta: options.zeta,
            epsilon: options.epsilon,
            edge: options.edge,
        };
        for _ in 0..options.refine_rounds {
            recorder.run(&k::WARP, &size, &[&b.luma, flow, &work.warped], groups)?;
            recorder.run(
                &k::LINEARISE,
                &linearise,
                &[&a.luma, &work.warped, flow, &work.system, &work.right],
                groups,
            )?;
            for half in 0..2 * options.refine_sweeps {
                let relax = k::RelaxParams {
                    width,
                    height,
                    colour: half & 1,
                    omega: 1.6,
                };
                recorder.run(
                    &k::RELAX,
                    &relax,
                    &[&work.system, &work.right, flow],
                    groups_2d(width.div_ceil(2), height, TILE),
                )?;
            }
        }
        Ok(())
    }
}

//! Records the flow of one pair of frames: coarse to fine, both directions in step.

use super::MotionOptions;
use super::kernels as k;
use crate::gpu::{Buffer, Gpu, GpuError, Recorder, groups_2d};
use crate::video::luma::Picture;

const TILE: [u32; 3] = [8, 8, 1];

/// Finest level with a patch search; those below start from the flow of the one above.
const SEARCHED: usize = 1;

/// Linearisations at most, and passes over the blocks of both colours in each, at levels without a search.
const FINEST: (u32, u32) = (1, 3);

/// Luma of one pyramid level, plain and as quads.
pub(super) struct Level {
    pub luma: Buffer<f32>,
    pub quads: Buffer<[u32; 2]>,
}

/// Both flows of a pair at the motion size, in GPU memory.
#[derive(Clone)]
pub(super) struct Both {
    pub forward: Buffer<[f32; 2]>,
    pub backward: Buffer<[f32; 2]>,
}

/// Records the pyramid of a picture.
pub(super) fn pyramid(
    gpu: &Gpu,
    recorder: &mut Recorder,
    picture: Picture<'_>,
    size: (u32, u32),
    coarsest: u32,
) -> Result<Vec<Level>, GpuError> {
    let pyramid = picture.luma_pyramid(gpu, recorder, size, coarsest)?;
    let mut levels = Vec::with_capacity(pyramid.levels.len());
    for level in pyramid.levels {
        let (width, height) = (level.width, level.height);
        let quads = gpu.alloc(k::quads(width, height))?;
        let size = k::SizeParams {
            width,
            height,
            pad: [0; 2],
        };
        let groups = groups_2d(width + 16, height, TILE);
        recorder.run(&k::QUADS, &size, &[&level.image, &quads], groups)?;
        levels.push(Level {
            luma: level.image,
            quads,
        });
    }
    Ok(levels)
}

struct Scratch {
    both: Both,
    patches: Buffer<[f32; 4]>,
    warped: Buffer<[f32; 4]>,
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

    /// Records the flow of the next coarser level at the size of a level.
    fn upsample(
        &self,
        recorder: &mut Recorder,
        level: usize,
        coarse: &Buffer<[f32; 2]>,
        flow: &Buffer<[f32; 2]>,
    ) -> Result<(), GpuError> {
        let (width, height) = self.sizes[level];
        let (coarse_width, coarse_height) = self.sizes[level + 1];
        let params = k::UpsampleParams {
            width,
            height,
            coarse_width,
            coarse_height,
            ratio: [2.0; 2],
            pad: [0; 2],
        };
        let groups = groups_2d(width, height, TILE);
        recorder.run(&k::UPSAMPLE, &params, &[coarse, flow], groups)
    }

    /// Whether patches are searched at a level; else it starts from the flow of the coarser one.
    fn searched(&self, level: usize) -> bool {
        level >= SEARCHED || level + 1 == self.sizes.len()
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
        if self.searched(level) {
            self.search(recorder, level, [a, b], coarse, init, flow)?;
        } else {
            self.upsample(recorder, level, coarse[0], flow)?;
        }
        self.refine(recorder, level, [a, b], flow)
    }

    fn search(
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
        let patches = &self.scratch[level].patches;
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
            iterations: self.options.search_iterations,
            has_init,
            pad: 0,
        };
        recorder.run(
            &k::SEARCH,
            &search,
            &[&a.quads, &b.quads, coarse[0], coarse[1], init, patches],
            groups_2d(patches_x, patches_y, TILE),
        )?;
        let densify = k::DensifyParams {
            width,
            height,
            patches_x,
            patches_y,
        };
        recorder.run(
            &k::DENSIFY,
            &densify,
            &[&a.quads, &b.quads, patches, flow],
            groups_2d(width, height, TILE),
        )
    }

    fn refine(
        &self,
        recorder: &mut Recorder,
        level: usize,
        [a, b]: [&Level; 2],
        flow: &Buffer<[f32; 2]>,
    ) -> Result<(), GpuError> {
        let (width, height) = self.sizes[level];
        let warped = &self.scratch[level].warped;
        let options = &self.options;
        let size = k::SizeParams {
            width,
            height,
            pad: [0; 2],
        };
        let blocks = [width, height].map(|side| side.div_ceil(k::BLOCK));
        let (rounds, passes) = if self.searched(level) {
            (
                options.refine_rounds,
                options.refine_sweeps.div_ceil(k::SWEEPS),
            )
        } else {
            (options.refine_rounds.min(FINEST.0), FINEST.1)
        };
        for _ in 0..rounds {
            recorder.run(
                &k::WARP,
                &size,
                &[&a.quads, &b.quads, flow, warped],
                groups_2d(width, height, TILE),
            )?;
            for half in 0..2 * passes {
                let refine = k::RefineParams {
                    width,
                    height,
                    colour: half & 1,
                    alpha: options.smoothness,
                    delta: options.brightness,
                    gamma: options.gradient,
                    zeta: options.zeta,
                    epsilon: options.epsilon,
                    edge: options.edge,
                    omega: 1.6,
                    pad: [0; 2],
                };
                recorder.run(
                    &k::REFINE,
                    &refine,
                    &[warped, flow],
                    groups_2d(blocks[0].div_ceil(2), blocks[1], TILE),
                )?;
            }
        }
        Ok(())
    }
}

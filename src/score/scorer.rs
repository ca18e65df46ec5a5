//! Records what the scores look at, frame by frame, on the device: nothing is read back until the clip ends.
//!
//! What is kept does not grow with the clip: the cells of three steps, the camera's models of the last
//! [`RING`] steps, and the generations of points that are still being followed.

use super::ScoreError;
use super::evidence::{Evidence, percentile};
use super::kernels::{self as k, CELL, RING};
use super::ledger::{Entry, Ledger};
use crate::gpu::image::Pyramid;
use crate::gpu::{Buffer, Gpu, GpuError, Recorder, groups_1d, groups_2d};
use crate::motion::camera::{MODEL, SHORT_SIDE};
use crate::motion::{Step, follow::Following, objects::Grid};
use crate::video::luma::{LUMA, LumaParams};

/// Seconds that points are followed.
const LIFE: f64 = 2.0;
/// Fewest and most steps of it.
const STEPS: (f64, f64) = (8.0, 48.0);
/// Generations of points that start in the time that one is followed.
const LIVE: usize = 4;
/// Ages at which a generation's looks are compared.
const AGES: usize = 8;
/// Seconds between frames whose quality is measured.
const QUALITY: f64 = 0.125;
/// Rows of a frame that its quality is measured on, about.
const ROWS: u32 = 240;

/// Frames at the start of a clip that tell its pace; whoever has fewer at hand gets other scores.
pub const PACE: usize = 32;

/// Seconds between frames: the median over the first ones.
fn pace(times: &[f64]) -> f64 {
    let first = &times[..times.len().min(PACE)];
    let gaps: Vec<f64> = first.windows(2).map(|t| t[1] - t[0]).collect();
    percentile(&gaps, 0.5)
}

/// Points that are being followed, and what the picture was where they started.
struct Generation {
    start: usize,
    points: Following,
    key: Buffer<f32>,
    tint: Buffer<[f32; 2]>,
    compared: usize,
}

/// Measures one clip as its frames come.
pub struct Scorer {
    gpu: Gpu,
    frame: (u32, u32),
    size: (u32, u32),
    half: f32,
    seconds: f64,
    grid: Grid,
    scale: f32,
    life: usize,
    times: Vec<f64>,
    ledger: Ledger,
    cells: [Buffer<[f32; 4]>; 3],
    /// The last step, whose record waits for the step after it.
    waiting: Option<Step>,
    models: Buffer<[f32; 4]>,
    generations: Vec<Generation>,
    tint_size: (u32, u32),
    native: Pyramid,
    bins: [Buffer<u32>; 2],
    paths: Buffer<[f32; 4]>,
    looks: Buffer<[f32; 4]>,
    /// Luma and chroma of the frame that came last.
    last: Option<(Buffer<f32>, Buffer<[f32; 2]>)>,
}

impl Scorer {
    /// For a clip of frames of `frame` pixels, the first of them shown at `times`, whose motion is of `size` and whose luma comes at `half`
    /// of it.
    ///
    /// # Errors
    /// As [`Gpu::alloc`].
    pub fn new(
        gpu: &Gpu,
        frame: (u32, u32),
        (size, half): ((u32, u32), f32),
        times: &[f64],
    ) -> Result<Self, ScoreError> {
        let grid = Grid::of(size);
        let count = grid.count();
        let cells = || gpu.alloc(count * CELL);
        let luma = gpu.alloc(frame.0 as usize * frame.1 as usize)?;
        // Two halvings: the quarter size.
        let quarter = frame.0.min(frame.1).div_ceil(2).div_ceil(2);
        let mut native = Pyramid::new(gpu, luma, frame, quarter)?;
        native.levels.truncate(3);
        let seconds = pace(times);
        let seconds = if seconds.is_finite() && seconds > 0.0 {
            seconds
        } else {
            1.0 / 24.0
        };
        Ok(Self {
            gpu: gpu.clone(),
            frame,
            size,
            half,
            seconds,
            grid,
            scale: SHORT_SIDE / size.0.min(size.1).max(1) as f32,
            life: (LIFE / seconds).round().clamp(STEPS.0, STEPS.1) as usize,
            times: Vec::new(),
            ledger: Ledger::new(gpu)?,
            cells: [cells()?, cells()?, cells()?],
            waiting: None,
            models: gpu.alloc(RING * MODEL)?,
            generations: Vec::new(),
            tint_size: (size.0.div_ceil(4), size.1.div_ceil(4)),
            native,
            bins: [gpu.alloc(k::BINS)?, gpu.alloc(k::BINS)?],
            paths: gpu.alloc(2 * count)?,
            looks: gpu.alloc(count)?,
            last: None,
        })
    }

    /// Records the next frame, shown at `time` seconds; `step` leads to it from the frame before, and is missing for
    /// the first one only.
    ///
    /// # Errors
    /// As [`Recorder::run`].
    pub fn push(
        &mut self,
        recorder: &mut Recorder,
        rgba: &Buffer<u32>,
        time: f64,
        luma: &Buffer<f32>,
        step: Option<&Step>,
    ) -> Result<(), ScoreError> {
        let frame = self.times.len();
        self.times.push(time);
        let tint = self.tint(recorder, rgba)?;
        if frame.is_multiple_of((QUALITY / self.seconds).round().max(1.0) as usize) {
            self.quality(recorder, frame, rgba)?;
        }
        if let Some(step) = step {
            self.step(recorder, frame - 1, step, luma, &tint)?;
        }
        if frame.is_multiple_of((self.life / LIVE).max(1)) {
            self.generations.push(Generation {
                start: frame,
                points: Following::start(
                    &self.gpu,
                    &self.grid.points(self.size),
                    self.size,
                    0.5 * self.grid.cell as f32 - 1.0,
                    self.life,
                )?,
                key: luma.clone(),
                tint: tint.clone(),
                compared: 0,
            });
        }
        self.last = Some((luma.clone(), tint));
        Ok(())
    }

    /// Reads the records: the one readback of the clip, but for very long ones.
    ///
    /// # Errors
    /// [`ScoreError::TooShort`], [`ScoreError::Gpu`].
    pub fn finish(mut self) -> Result<Evidence, ScoreError> {
        let mut recorder = self.gpu.recorder();
        if let Some(last) = self.waiting.take() {
            self.fold(&mut recorder, self.times.len() - 2, &last, false)?;
        }
        let last = self.last.take();
        for mut generation in std::mem::take(&mut self.generations) {
            // The oldest look of a clip that ends, and the only one of a very short clip.
            if let Some((luma, tint)) = &last
                && generation.compared < generation.points.steps
            {
                self.compare(&mut recorder, &mut generation, luma, tint)?;
            }
            self.retire(&mut recorder, &generation)?;
        }
        let records = self.ledger.finish(&mut recorder)?;
        Evidence::new(self.times, self.seconds, records)
    }

    fn tint(
        &self,
        recorder: &mut Recorder,
        rgba: &Buffer<u32>,
    ) -> Result<Buffer<[f32; 2]>, GpuError> {
        let (width, height) = self.tint_size;
        let tint = self.gpu.alloc((width * height) as usize)?;
        let params = k::TintParams {
            src_width: self.frame.0,
            src_height: self.frame.1,
            width,
            height,
            // Some four samples each way.
            step: (self.frame.0 / width / 4).max(1),
            pad: 0,
            pad2: [0; 2],
        };
        let groups = groups_2d(width, height, k::TINT.workgroup);
        recorder.run(&k::TINT, &params, &[rgba, &tint], groups)?;
        Ok(tint)
    }

    fn quality(
        &mut self,
        recorder: &mut Recorder,
        frame: usize,
        rgba: &Buffer<u32>,
    ) -> Result<(), GpuError> {
        let (width, height) = self.frame;
        let luma = LumaParams {
            src_width: width,
            src_height: height,
            width,
            height,
        };
        let finest = &self.native.levels[0].image;
        let groups = groups_2d(width, height, LUMA.workgroup);
        recorder.run(&LUMA, &luma, &[rgba, finest], groups)?;
        self.native.record(recorder)?;
        let last = self.native.levels.len() - 1;
        for (bins, level) in self.bins.iter().zip([0, last]) {
            recorder.clear(bins)?;
            let level = &self.native.levels[level];
            if level.height < 3 {
                continue;
            }
            // Odd, so that rows of all phases of the 8-pixel grid occur.
            let step = (level.height / ROWS) | 1;
            let params = k::DetailParams {
                width: level.width,
                height: level.height,
                step,
                pad: 0,
            };
            let rows = (level.height - 2).div_ceil(step);
            recorder.run(&k::DETAIL, &params, &[&level.image, bins], [rows, 1, 1])?;
        }
        let at = self
            .ledger
            .place(recorder, Entry::Detail(frame), k::DETAIL_RECORD)?;
        let params = k::FoldDetailParams {
            at,
            ..Default::default()
        };
        let [fine, coarse] = &self.bins;
        recorder.run(
            &k::FOLD_DETAIL,
            &params,
            &[fine, coarse, &self.ledger.buffer],
            [1, 1, 1],
        )
    }

    fn step(
        &mut self,
        recorder: &mut Recorder,
        number: usize,
        step: &Step,
        luma: &Buffer<f32>,
        tint: &Buffer<[f32; 2]>,
    ) -> Result<(), GpuError> {
        let params = k::CellsParams {
            width: self.size.0,
            height: self.size.1,
            cell: self.grid.cell,
            across: self.grid.across,
            scale: self.scale,
            has_before: u32::from(self.waiting.is_some()),
            pad: [0; 2],
        };
        let before = self
            .waiting
            .as_ref()
            .map_or(&step.backward, |s| &s.backward);
        recorder.run(
            &k::CELLS,
            &params,
            &[
                &step.a,
                &step.b,
                &step.forward,
                &step.state,
                &step.own,
                before,
                &self.cells[number % 3],
            ],
            groups_1d(self.grid.count(), k::CELLS.workgroup[0]),
        )?;
        let slot = number % RING * MODEL;
        recorder.copy(&step.camera, 0, &self.models, slot, MODEL)?;
        if let Some(last) = self.waiting.replace(step.clone()) {
            self.fold(recorder, number - 1, &last, true)?;
        }
        let mut generations = std::mem::take(&mut self.generations);
        for generation in &mut generations {
            generation.points.record(recorder, step)?;
            let age = generation.points.steps;
            if age.is_multiple_of((self.life / AGES).max(1)) {
                self.compare(recorder, generation, luma, tint)?;
            }
        }
        let done = |g: &Generation| g.points.steps >= g.points.most;
        for generation in generations.iter().filter(|g| done(g)) {
            self.retire(recorder, generation)?;
        }
        generations.retain(|g| !done(g));
        self.generations = generations;
        Ok(())
    }

    /// The record of step `number`, whose neighbours' cells are in the ring.
    fn fold(
        &mut self,
        recorder: &mut Recorder,
        number: usize,
        step: &Step,
        has_after: bool,
    ) -> Result<(), GpuError> {
        let at = self.ledger.place(recorder, Entry::Step(number), k::STEP)?;
        let params = k::FoldParams {
            across: self.grid.across,
            down: self.grid.down,
            at,
            sides: u32::from(number > 0) + 2 * u32::from(has_after),
        };
        let [before, now, after] = [2, 0, 1].map(|i| &self.cells[(number + i) % 3]);
        recorder.run(
            &k::FOLD,
            &params,
            &[
                before,
                now,
                after,
                &step.camera,
                &step.objects,
                &self.ledger.buffer,
            ],
            [1, 1, 1],
        )
    }

    fn compare(
        &mut self,
        recorder: &mut Recorder,
        generation: &mut Generation,
        luma: &Buffer<f32>,
        tint: &Buffer<[f32; 2]>,
    ) -> Result<(), GpuError> {
        let (count, age) = (generation.points.count, generation.points.steps);
        generation.compared = age;
        let params = k::LikenessParams {
            width: self.size.0,
            height: self.size.1,
            count: count as u32,
            at: (age * count) as u32,
            tint_width: self.tint_size.0,
            tint_height: self.tint_size.1,
            spacing: 0.25 * self.grid.cell as f32,
            ratio: self.half,
        };
        let points = &generation.points.points;
        recorder.run(
            &k::LIKENESS,
            &params,
            &[
                &generation.key,
                luma,
                &generation.tint,
                tint,
                points,
                &self.looks,
            ],
            groups_1d(count, k::LIKENESS.workgroup[0]),
        )?;
        let entry = Entry::Looks {
            start: generation.start,
            age,
        };
        let at = self.ledger.place(recorder, entry, k::LOOKS_RECORD)?;
        let params = k::FoldLooksParams {
            across: self.grid.across,
            down: self.grid.down,
            at,
            points_at: (age * count) as u32,
        };
        recorder.run(
            &k::FOLD_LOOKS,
            &params,
            &[points, &self.looks, &self.ledger.buffer],
            [1, 1, 1],
        )
    }

    fn retire(&mut self, recorder: &mut Recorder, generation: &Generation) -> Result<(), GpuError> {
        let (count, steps) = (generation.points.count, generation.points.steps);
        if steps == 0 {
            return Ok(());
        }
        let params = k::PathsParams {
            count: count as u32,
            steps: steps as u32,
            first: generation.start as u32,
            scale: self.scale,
            width: self.size.0,
            height: self.size.1,
            pad: [0; 2],
        };
        recorder.run(
            &k::PATHS,
            &params,
            &[&generation.points.points, &self.models, &self.paths],
            groups_1d(count, k::PATHS.workgroup[0]),
        )?;
        let entry = Entry::Paths {
            start: generation.start,
            steps,
        };
        let at = self.ledger.place(recorder, entry, k::PATHS_RECORD)?;
        let params = k::FoldPathsParams {
            across: self.grid.across,
            down: self.grid.down,
            at,
            pad: 0,
        };
        recorder.run(
            &k::FOLD_PATHS,
            &params,
            &[&self.paths, &self.ledger.buffer],
            [1, 1, 1],
        )
    }
}

//! Records what the scores look at on the device: glances, and how unlike frames are each [`HELD`] steps, are read back on the way, all
//! else once the clip ends.
//!
//! What is kept on the device does not grow with the clip: the cells of three steps, the unlikeness of [`HELD`], the camera's models
//! of the last [`RING`], and the generations of points that are still being followed.

use super::ScoreError;
use super::breaks::Unlike;
use super::evidence::Evidence;
use super::glance::{Frame, Glancer};
use super::kernels::{self as k, CELL, RING};
use super::ledger::{Entry, Ledger};
use crate::gpu::image::Pyramid;
use crate::gpu::{Buffer, Gpu, GpuError, Recorder, groups_1d, groups_2d};
use crate::motion::camera::{MODEL, SHORT_SIDE};
use crate::motion::{MotionError, MotionOptions, Step, Stream, follow::Following, objects::Grid};
use crate::video::luma::{LUMA, LumaParams};

/// Seconds that points are followed, to see what they look like.
const LIFE: f64 = 2.0;
/// So many times less are their paths judged by: in a short clip, too, most of them are that long.
const PATH: usize = 2;
/// Fewest and most steps of it.
const STEPS: (f64, f64) = (8.0, 48.0);
/// Generations of points that start in the time that one is followed.
const LIVE: usize = 4;
/// Ages at which a generation's looks are compared.
const AGES: usize = 8;
/// Seconds between frames whose quality is measured.
const QUALITY: f64 = 0.25;
/// Steps whose cells' unlikeness is held on the device before it is read.
const HELD: usize = 64;
/// Rows of a frame that its quality is measured on, about.
const ROWS: u32 = 240;

/// Points that are being followed, and what the picture was where they started.
struct Generation {
    start: usize,
    points: Following,
    key: Buffer<f32>,
    tint: Buffer<[f32; 2]>,
}

/// Scores one clip as its frames come.
pub struct Scorer {
    gpu: Gpu,
    frame: (u32, u32),
    motion: MotionOptions,
    glancer: Glancer,
    close: Option<Close>,
}

impl Scorer {
    /// For a clip of frames of `frame` pixels.
    ///
    /// # Errors
    /// As [`Gpu::alloc`], and motion options out of range.
    pub fn new(gpu: &Gpu, frame: (u32, u32), motion: &MotionOptions) -> Result<Self, ScoreError> {
        // Before the first frame comes.
        motion.check()?;
        if frame.0 == 0 || frame.1 == 0 {
            return Err(MotionError::NoFrames.into());
        }
        Ok(Self {
            gpu: gpu.clone(),
            frame,
            motion: motion.clone(),
            glancer: Glancer::new(gpu, frame)?,
            close: None,
        })
    }

    /// Takes the next frame, shown at `time` seconds. Waits, each so many frames, for what was recorded.
    ///
    /// # Errors
    /// [`ScoreError::Motion`], [`ScoreError::NotFinite`], [`ScoreError::Gpu`].
    pub fn push(&mut self, rgba: &Buffer<u32>, time: f64) -> Result<(), ScoreError> {
        let pixels = self.frame.0 as usize * self.frame.1 as usize;
        if rgba.len() != pixels {
            let (width, height) = self.frame;
            return Err(ScoreError::Motion(MotionError::FrameSize {
                index: self.glancer.frames,
                got: rgba.len(),
                width,
                height,
            }));
        }
        let chosen = self.glancer.push(rgba, time)?;
        self.look(chosen)
    }

    fn look(&mut self, chosen: Vec<Frame>) -> Result<(), ScoreError> {
        for frame in chosen {
            let close = match &mut self.close {
                Some(close) => close,
                slot => slot.insert(Close::new(
                    &self.gpu,
                    self.frame,
                    &self.motion,
                    self.glancer.span(),
                )?),
            };
            close.push(&frame)?;
        }
        Ok(())
    }

    /// What was seen of the clip.
    ///
    /// # Errors
    /// [`ScoreError::TooShort`], and as [`Scorer::push`].
    pub fn finish(mut self) -> Result<Evidence, ScoreError> {
        let frames = self.glancer.frames;
        if frames < super::LEAST_FRAMES {
            return Err(ScoreError::TooShort { frames });
        }
        let chosen = self.glancer.finish()?;
        self.look(chosen)?;
        let close = self.close.take();
        let close = close.ok_or(ScoreError::TooShort { frames })?;
        close.finish(self.glancer)
    }
}

/// Measures the frames of a clip that are looked at closely.
struct Close {
    gpu: Gpu,
    frame: (u32, u32),
    stream: Stream,
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
    /// Of the steps whose models are kept: what their lengths are multiplied by.
    per: [f32; RING],
    generations: Vec<Generation>,
    /// Of one of them the looks were compared.
    compared: bool,
    /// Of one the paths were judged.
    judged: bool,
    tint_size: (u32, u32),
    native: Pyramid,
    bins: [Buffer<u32>; 2],
    paths: Buffer<[f32; 4]>,
    looks: Buffer<[f32; 4]>,
    /// How unlike the frames of the last [`HELD`] steps are, forward and back.
    unlike: Buffer<f32>,
    /// The same of all steps before.
    told: Unlike,
    /// Luma and chroma of the frame that came last.
    last: Option<(Buffer<f32>, Buffer<[f32; 2]>)>,
}

impl Close {
    /// Frames come some `seconds` apart.
    fn new(
        gpu: &Gpu,
        frame: (u32, u32),
        motion: &MotionOptions,
        seconds: f64,
    ) -> Result<Self, ScoreError> {
        let stream = Stream::new(gpu, frame, motion)?;
        let size = stream.size();
        let grid = Grid::of(size);
        let count = grid.count();
        let cells = || gpu.alloc(count * CELL);
        let luma = gpu.alloc(frame.0 as usize * frame.1 as usize)?;
        // Two halvings: the quarter size.
        let quarter = frame.0.min(frame.1).div_ceil(2).div_ceil(2);
        let mut native = Pyramid::new(gpu, luma, frame, quarter)?;
        native.levels.truncate(3);
        Ok(Self {
            gpu: gpu.clone(),
            frame,
            size,
            half: stream.half(),
            stream,
            seconds,
            grid,
            scale: SHORT_SIDE / size.0.min(size.1).max(1) as f32,
            life: (LIFE / seconds).round().clamp(STEPS.0, STEPS.1) as usize,
            times: Vec::new(),
            ledger: Ledger::new(gpu)?,
            cells: [cells()?, cells()?, cells()?],
            waiting: None,
            models: gpu.alloc(RING * MODEL)?,
            per: [1.0; RING],
            generations: Vec::new(),
            compared: false,
            judged: false,
            tint_size: (size.0.div_ceil(4), size.1.div_ceil(4)),
            native,
            bins: [gpu.alloc(k::BINS)?, gpu.alloc(k::BINS)?],
            paths: gpu.alloc(2 * count)?,
            looks: gpu.alloc(count)?,
            unlike: gpu.alloc(2 * HELD * count)?,
            told: Unlike::new(grid),
            last: None,
        })
    }

    fn push(&mut self, Frame { time, rgba }: &Frame) -> Result<(), ScoreError> {
        let mut recorder = self.gpu.recorder();
        let (luma, step) = self.stream.push(&mut recorder, rgba, *time)?;
        let frame = self.times.len();
        self.times.push(*time);
        let tint = self.tint(&mut recorder, rgba)?;
        if frame.is_multiple_of((QUALITY / self.seconds).round().max(1.0) as usize) {
            self.quality(&mut recorder, frame, rgba)?;
        }
        if let Some(step) = &step {
            self.step(&mut recorder, frame - 1, step, &luma, &tint)?;
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
            });
        }
        recorder.submit()?;
        self.last = Some((luma, tint));
        // The queue runs at most some frames ahead of what is done.
        if self.times.len().is_multiple_of(8) {
            self.gpu.wait()?;
        }
        Ok(())
    }

    /// Reads the records: the one readback of the clip, but for glances and very long clips.
    fn finish(mut self, glancer: Glancer) -> Result<Evidence, ScoreError> {
        let mut recorder = self.gpu.recorder();
        if let Some(last) = self.waiting.take() {
            self.fold(&mut recorder, self.times.len() - 2, &last, false)?;
        }
        let last = self.last.take();
        for generation in std::mem::take(&mut self.generations) {
            // A very short clip has no looks yet.
            if let Some((luma, tint)) = &last
                && !self.compared
                && generation.points.steps > 0
            {
                self.compare(&mut recorder, &generation, luma, tint)?;
            }
            // Shorter paths count where a clip has no others.
            if !self.judged {
                self.judge(&mut recorder, &generation)?;
            }
        }
        recorder.submit()?;
        let steps = self.times.len().saturating_sub(1);
        self.tell_unlike(steps - self.told.steps())?;
        let records = self.ledger.finish(&mut recorder)?;
        let breaks = self.told.breaks(&self.times);
        Evidence::new(self.times, self.seconds, glancer.glances, records, breaks)
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
            ..Default::default()
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
        self.unlike(recorder, number, step, luma, tint)?;
        let params = k::CellsParams {
            width: self.size.0,
            height: self.size.1,
            cell: self.grid.cell,
            across: self.grid.across,
            scale: self.scale * step.per,
            has_before: u32::from(self.waiting.is_some()),
            scale_before: self.scale * self.waiting.as_ref().map_or(1.0, |s| s.per),
            pad: 0,
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
        self.per[number % RING] = step.per;
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
                self.compared = true;
                self.compare(recorder, generation, luma, tint)?;
            }
            if age == self.life / PATH {
                self.judged = true;
                self.judge(recorder, generation)?;
            }
        }
        generations.retain(|g| g.points.steps < g.points.most);
        self.generations = generations;
        Ok(())
    }

    /// How unlike the frames of step `number` are along the flow from the first and back from the second, cell by cell.
    fn unlike(
        &mut self,
        recorder: &mut Recorder,
        number: usize,
        step: &Step,
        luma: &Buffer<f32>,
        tint: &Buffer<[f32; 2]>,
    ) -> Result<(), GpuError> {
        let count = self.grid.count();
        let held = number % HELD;
        if held == 0 && number > 0 {
            recorder.submit()?;
            self.tell_unlike(HELD)?;
        }
        let Some((last_luma, last_tint)) = &self.last else {
            return Ok(());
        };
        let ways = [
            (last_luma, luma, last_tint, tint, &step.forward),
            (luma, last_luma, tint, last_tint, &step.backward),
        ];
        for (k, (a, b, tint_a, tint_b, flow)) in ways.into_iter().enumerate() {
            let params = k::UnlikeParams {
                width: self.size.0,
                height: self.size.1,
                cell: self.grid.cell,
                across: self.grid.across,
                tint_width: self.tint_size.0,
                tint_height: self.tint_size.1,
                ratio: self.half,
                at: ((2 * held + k) * count) as u32,
            };
            recorder.run(
                &k::UNLIKE,
                &params,
                &[a, b, tint_a, tint_b, flow, &self.unlike],
                groups_1d(count, k::UNLIKE.workgroup[0]),
            )?;
        }
        Ok(())
    }

    /// Reads the first steps that are held.
    fn tell_unlike(&mut self, steps: usize) -> Result<(), GpuError> {
        let count = steps * self.told.each();
        let values = self.gpu.read_range(&self.unlike, 0, count)?;
        self.told.extend(&values);
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
        generation: &Generation,
        luma: &Buffer<f32>,
        tint: &Buffer<[f32; 2]>,
    ) -> Result<(), GpuError> {
        let (count, age) = (generation.points.count, generation.points.steps);
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

    /// The record of a generation's paths so far.
    fn judge(&mut self, recorder: &mut Recorder, generation: &Generation) -> Result<(), GpuError> {
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
            per: std::array::from_fn(|v| std::array::from_fn(|c| self.per[4 * v + c])),
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

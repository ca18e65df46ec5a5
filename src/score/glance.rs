//! A glance at every frame: which repeat the one before, how the camera goes, and which few are to be looked at closely.
//!
//! Close looks cost most of a clip's time and tell of one step after the other. They are taken as many frames apart as lie nearest to a
//! [`SPAN`], whatever the frame rate, at frames that are no repetition, so that scores of one scene at several rates lie near each other and no clip gains by
//! frames that are held. What only every frame tells of, a camera that shakes and frames out of order, is read off small
//! pictures.

use super::ScoreError;
use super::evidence::percentile;
use super::kernels::{self as k, GLANCE_RECORD};
use crate::gpu::{Buffer, Gpu, GpuError, Recorder, groups_2d};
use crate::motion::SPAN;
use crate::motion::camera::SHORT_SIDE;

/// Frames that wait until they are glanced at together. The first of them tell a clip's pace.
const BATCH: usize = 32;
/// Seconds between frames that are glanced at: those of faster clips are passed over.
const QUICKEST: f64 = 1.0 / 30.0;
/// Of a clip that is over before long so many steps are looked at closely, where it has them.
const STEPS: usize = 8;
/// Short sides of the two small pictures, in pixels.
const SIDES: [u32; 2] = [16, 48];
/// Long sides of small pictures are at most so many times that; of wider frames the short side is shorter.
const LONG: u32 = 3;
/// Pixels of a frame that one of a small picture is the mean of, along each side, about.
const SAMPLES: u32 = 6;
/// Small pictures before those of a batch that they are compared with.
const BEFORE: usize = 2;
/// Side of a cell of the finer small picture.
const CELL: u32 = 3;

/// Mean difference, in grey levels, under which two frames of a 24th of a second are the same picture.
const SAME: f64 = 0.15;
/// The same share of what frames usually differ by, but at most so many times that: held frames of a video are as alike as its
/// encoder leaves them.
const USUAL: f64 = 0.12;
const MOST: f64 = 6.0;
/// The largest mean difference of a cell may be so many times that.
const CELLS: f64 = 5.0;

/// A frame that waits.
#[derive(Clone)]
pub(super) struct Frame {
    pub time: f64,
    pub rgba: Buffer<u32>,
}

/// What leads to a frame that was glanced at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Glance {
    pub time: f64,
    /// The frame is the one before again.
    pub repeated: bool,
    /// Shift, turn and zoom of the whole picture since the frame before, in standard pixels.
    pub step: [f64; 4],
    /// By how much the frame is more like the one before the last than like that, in [0, 1]: see the kernel.
    pub disorder: f64,
    /// How well the picture was found in the one before, in [0, 1].
    pub found: f64,
}

/// How frames are chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pace {
    /// Seconds between frames that are glanced at.
    glance: f64,
    /// How many frames that is.
    every: u32,
    /// Between those that are looked at closely: of a slow clip less than lies between its frames.
    look: f64,
    /// By how much a frame may come early: half of what lies between neighbours where some are passed over.
    slack: f64,
}

impl Pace {
    /// By the times of the first frames, `whole` where there are no others.
    fn of(times: &[f64], whole: bool) -> Self {
        let gaps: Vec<f64> = times.windows(2).map(|t| t[1] - t[0]).collect();
        let gap = Some(percentile(&gaps, 0.5)).filter(|gap| gap.is_finite() && *gap > 0.0);
        let gap = gap.unwrap_or(1.0 / 24.0);
        let most = |step: usize| {
            if whole {
                (times.len().saturating_sub(1) / step).max(1)
            } else {
                usize::MAX
            }
        };
        let every = (QUICKEST / gap).round().max(1.0).min(most(STEPS) as f64);
        let glance = gap * every;
        let length = times.last().map_or(0.0, |last| last - times[0]);
        // Steps of the same number of frames each: of uneven ones the longer seem sudden. A tie is for the longer.
        let mut frames = (SPAN / glance + 0.05).round();
        if whole {
            frames = frames.min((length / (STEPS as f64 * glance) + 0.05).floor().max(1.0));
        }
        Self {
            glance,
            every: every as u32,
            look: if frames < 1.0 { SPAN } else { glance * frames },
            // Where all are glanced at none comes too early.
            slack: if every > 1.0 {
                0.5 * gap
            } else {
                f64::INFINITY
            },
        }
    }
}

/// Glances at the frames of a clip as they come.
pub(super) struct Glancer {
    gpu: Gpu,
    frame: (u32, u32),
    sizes: [(u32, u32); 2],
    waiting: Vec<Frame>,
    /// Time of the frame that came last.
    came: Option<f64>,
    pace: Option<Pace>,
    /// A second of the clip has come.
    begun: bool,
    /// Time of the frame that was glanced at last.
    last: Option<f64>,
    /// It and the one before, and those of a batch after them, small: at both sizes one after the other.
    small: [Buffer<f32>; 2],
    /// The last two of a batch, which are the first of the next.
    carried: [Buffer<f32>; 2],
    /// Frames that were glanced at.
    seen: usize,
    /// When the next frame is to be looked at closely.
    due: f64,
    /// How much the frames of the last batch differ.
    recent: Vec<[f64; 2]>,
    records: Buffer<[f32; 4]>,
    /// Frames that came.
    pub frames: usize,
    /// What was seen so far.
    pub glances: Vec<Glance>,
}

/// Size of a small picture of a frame, in its shape.
fn small((width, height): (u32, u32), short: u32) -> (u32, u32) {
    let [least, most] = [width.min(height), width.max(height)].map(|side| f64::from(side.max(1)));
    let short = f64::from(short);
    let scale = (short / least).min(f64::from(LONG) * short / most).min(1.0);
    let of = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    (of(width), of(height))
}

impl Glancer {
    pub fn new(gpu: &Gpu, frame: (u32, u32)) -> Result<Self, GpuError> {
        let sizes = SIDES.map(|side| small(frame, side));
        let alloc = |pictures: usize| {
            let [coarse, fine] = sizes.map(|(w, h)| gpu.alloc(pictures * (w * h) as usize));
            Ok::<_, GpuError>([coarse?, fine?])
        };
        Ok(Self {
            gpu: gpu.clone(),
            frame,
            sizes,
            small: alloc(BEFORE + BATCH)?,
            carried: alloc(BEFORE)?,
            seen: 0,
            waiting: Vec::new(),
            came: None,
            pace: None,
            begun: false,
            last: None,
            due: f64::NEG_INFINITY,
            recent: Vec::new(),
            records: gpu.alloc(BATCH * GLANCE_RECORD)?,
            frames: 0,
            glances: Vec::new(),
        })
    }

    /// Takes the next frame, shown at `time` seconds. Gives those that are to be looked at closely, once there are enough to
    /// tell.
    pub fn push(&mut self, rgba: &Buffer<u32>, time: f64) -> Result<Vec<Frame>, ScoreError> {
        self.frames += 1;
        // A time that is none is taken for a neighbour's.
        let time = match self.came {
            Some(before) if !(time > before) => before + 1.0 / 24.0,
            _ => time,
        };
        self.came = Some(time);
        self.waiting.push(Frame {
            time,
            rgba: rgba.clone(),
        });
        if self.pace.is_none() && self.waiting.len() >= BATCH {
            self.pace = Some(Pace::of(&self.times(), false));
        }
        let Some(pace) = self.pace else {
            return Ok(Vec::new());
        };
        if !self.begun {
            // Of a fast clip frames are passed over while there is not yet a second of it, so that few wait.
            let first = self.waiting.first().map_or(time, |frame| frame.time);
            // Should it end here there are enough for its steps; a divisor, so that frames stay evenly apart.
            let gap = pace.glance / f64::from(pace.every);
            let most = (time - first) / (2 * STEPS) as f64;
            let fits = |n: &u32| pace.every.is_multiple_of(*n) && f64::from(*n) * gap <= most;
            let apart = gap * f64::from((1..=pace.every.min(4096)).rev().find(fits).unwrap_or(1));
            let mut last = f64::NEG_INFINITY;
            self.waiting.retain(|frame| {
                let kept = frame.time >= last + apart - pace.slack;
                if kept {
                    last = frame.time;
                }
                kept
            });
            self.begun = time - first >= 1.0;
        }
        let mut chosen = Vec::new();
        while self.begun && self.waiting.len() >= BATCH {
            let rest = self.waiting.split_off(BATCH);
            let batch = std::mem::replace(&mut self.waiting, rest);
            chosen.extend(self.settle(pace, batch)?);
        }
        Ok(chosen)
    }

    /// The last frames that are to be looked at closely.
    pub fn finish(&mut self) -> Result<Vec<Frame>, ScoreError> {
        let times = self.times();
        let pace = match self.pace {
            Some(pace) if self.begun => pace,
            _ => Pace::of(&times, true),
        };
        self.pace = Some(pace);
        let mut chosen = Vec::new();
        let waiting = std::mem::take(&mut self.waiting);
        for batch in waiting.chunks(BATCH) {
            chosen.extend(self.settle(pace, batch.to_vec())?);
        }
        Ok(chosen)
    }

    fn times(&self) -> Vec<f64> {
        self.waiting.iter().map(|f| f.time).collect()
    }

    /// Seconds between the frames that are looked at closely, in the mean.
    pub fn span(&self) -> f64 {
        self.pace.map_or(SPAN, |pace| pace.look.max(pace.glance))
    }

    /// Glances at a batch.
    fn settle(&mut self, pace: Pace, waiting: Vec<Frame>) -> Result<Vec<Frame>, ScoreError> {
        let mut recorder = self.gpu.recorder();
        if self.seen > 0 {
            self.carry(&mut recorder, None)?;
        }
        let mut seen = Vec::new();
        for frame in waiting {
            if self
                .last
                .is_some_and(|last| frame.time < last + pace.glance - pace.slack)
            {
                continue;
            }
            self.shrink(&mut recorder, BEFORE + seen.len(), &frame.rgba)?;
            self.last = Some(frame.time);
            seen.push(frame);
        }
        self.compare(&mut recorder, seen.len())?;
        self.carry(&mut recorder, Some(seen.len()))?;
        recorder.submit()?;
        let words = self
            .gpu
            .read_range(&self.records, 0, seen.len() * GLANCE_RECORD)?;
        self.choose(pace, seen, &words)
    }

    /// Of the frames of a batch those to be looked at. The first frame of a clip has no record.
    fn choose(
        &mut self,
        pace: Pace,
        seen: Vec<Frame>,
        words: &[[f32; 4]],
    ) -> Result<Vec<Frame>, ScoreError> {
        let mut records: Vec<Option<&[[f32; 4]]>> = words.chunks(GLANCE_RECORD).map(Some).collect();
        if self.seen == 0
            && let Some(first) = records.first_mut()
        {
            *first = None;
        }
        self.seen += seen.len();
        for (frame, record) in seen.iter().zip(&records) {
            if record.is_some_and(|r| r.as_flattened().iter().any(|w| !w.is_finite())) {
                return Err(ScoreError::NotFinite { time: frame.time });
            }
        }
        let change = |record: &[[f32; 4]]| [record[1][0], record[1][1]].map(f64::from);
        let fresh: Vec<[f64; 2]> = records.iter().flatten().map(|r| change(r)).collect();
        let usual = [0, 1].map(|k| {
            let all: Vec<f64> = self.recent.iter().chain(&fresh).map(|c| c[k]).collect();
            USUAL * percentile(&all, 0.75)
        });
        // Of a fast clip neighbours are more alike.
        let same = SAME * (24.0 * pace.glance).min(1.0);
        let limits = [0, 1].map(|k| {
            let same = same * [1.0, CELLS][k];
            usual[k].clamp(same, MOST * same)
        });
        let mut chosen = Vec::new();
        for (frame, record) in seen.into_iter().zip(records) {
            let mut repeated = false;
            if let Some(record) = record {
                let change = change(record);
                repeated = change[0] < limits[0] && change[1] < limits[1];
                self.glances.push(Glance {
                    time: frame.time,
                    repeated,
                    step: record[0].map(f64::from),
                    disorder: record[1][2].into(),
                    found: record[1][3].into(),
                });
            }
            // The frame that is nearest to each of the times that are to be looked at; early where two are as near.
            if !repeated && frame.time >= self.due - (0.501 * pace.glance).min(0.49 * pace.look) {
                // From here, not from the first: times are rounded, and of uneven steps the longer seem sudden.
                self.due = frame.time + pace.look;
                chosen.push(frame);
            }
        }
        self.recent = fresh;
        Ok(chosen)
    }

    /// Copies the small pictures from this place on to be the first of the next batch, or there from the last.
    fn carry(&self, recorder: &mut Recorder, place: Option<usize>) -> Result<(), GpuError> {
        let both = self.small.iter().zip(&self.carried).zip(self.sizes);
        for ((small, carried), (w, h)) in both {
            let n = (w * h) as usize;
            match place {
                Some(place) => recorder.copy(small, place * n, carried, 0, BEFORE * n)?,
                None => recorder.copy(carried, 0, small, 0, BEFORE * n)?,
            }
        }
        Ok(())
    }

    /// Records the small pictures of a frame, in this place.
    fn shrink(
        &self,
        recorder: &mut Recorder,
        place: usize,
        rgba: &Buffer<u32>,
    ) -> Result<(), GpuError> {
        for (small, (width, height)) in self.small.iter().zip(self.sizes) {
            let params = k::TintParams {
                src_width: self.frame.0,
                src_height: self.frame.1,
                width,
                height,
                step: (self.frame.0.min(self.frame.1) / width.min(height) / SAMPLES).max(1),
                at: place as u32 * width * height,
                ..Default::default()
            };
            let groups = groups_2d(width, height, k::THUMB.workgroup);
            recorder.run(&k::THUMB, &params, &[rgba, small], groups)?;
        }
        Ok(())
    }

    /// Records what leads to each of the pictures of a batch.
    fn compare(&self, recorder: &mut Recorder, frames: usize) -> Result<(), GpuError> {
        let [coarse, fine] = self.sizes;
        let params = k::GlanceParams {
            width: fine.0,
            height: fine.1,
            small_width: coarse.0,
            small_height: coarse.1,
            cell: CELL,
            known: self.seen.min(BEFORE) as u32,
            scale: SHORT_SIDE,
            pad: 0,
        };
        if frames == 0 {
            return Ok(());
        }
        let [small, large] = &self.small;
        recorder.run(
            &k::GLANCE,
            &params,
            &[small, large, &self.records],
            [frames as u32, 1, 1],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::AdapterChoice;
    use crate::score::twins;

    #[test]
    fn the_pace_is_told_by_the_first_frames() {
        let of = |fps: f64, frames: usize, whole: bool| {
            let times: Vec<f64> = (0..frames).map(|i| i as f64 / fps).collect();
            let pace = Pace::of(&times, whole);
            ((pace.glance * fps).round() as usize, pace.look)
        };
        // Frames from glance to glance.
        for (fps, every, look) in [
            (1.0, 1, SPAN),
            (5.0, 1, 1.0 / 5.0),
            (8.0, 1, 1.0 / 8.0),
            (10.0, 1, 1.0 / 10.0),
            (12.0, 1, 2.0 / 12.0),
            (24.0, 1, 3.0 / 24.0),
            (25.0, 1, 3.0 / 25.0),
            (30.0, 1, 4.0 / 30.0),
            (60.0, 2, 4.0 / 30.0),
            (240.0, 8, 4.0 / 30.0),
        ] {
            let (glance, told) = of(fps, 32, false);
            assert_eq!(glance, every, "{fps}");
            assert!((told - look).abs() < 1e-9, "{fps}: {told}");
        }
        // A clip of a moment is looked at more often.
        for (frames, look) in [(9, 1.0), (16, 1.0), (17, 2.0), (60, 3.0)] {
            let (glance, told) = of(24.0, frames, true);
            assert_eq!(glance, 1);
            assert!((24.0 * told - look).abs() < 1e-9, "{frames}: {told}");
        }
        assert_eq!(of(240.0, 25, true).0, 3);
        let nothing = Pace::of(&[], true);
        assert!(nothing.glance > 0.0 && nothing.look > 0.0);
        let same = Pace::of(&[0.0; 5], true);
        assert!(same.glance > 0.0 && same.look >= same.glance);
    }

    /// The numbers of the frames that are chosen of a clip with these times, all of them different.
    fn chosen(times: &[f64]) -> Vec<usize> {
        let gpu = Gpu::open(&AdapterChoice::Auto).expect("adapter");
        let mut glancer = Glancer::new(&gpu, (32, 18)).expect("glancer");
        let mut chosen = Vec::new();
        let picture = |i: usize| -> Vec<u32> {
            let pixel = |k: usize| ((k * 37 + i * 11 + k / 32 * i) % 251) as u32;
            (0..32 * 18).map(|k| pixel(k) * 0x0001_0101).collect()
        };
        for (i, &time) in times.iter().enumerate() {
            let rgba = gpu.upload(&picture(i)).expect("upload");
            chosen.extend(glancer.push(&rgba, time).expect("push"));
        }
        chosen.extend(glancer.finish().expect("finish"));
        let of = |time: f64| times.iter().position(|t| (t - time).abs() < 1e-9);
        chosen
            .iter()
            .map(|f| of(f.time).expect("a frame"))
            .collect()
    }

    #[test]
    fn looks_are_about_an_eighth_of_a_second_apart_and_even() {
        let at = |fps: f64, n: usize| -> Vec<f64> { (0..n).map(|i| i as f64 / fps).collect() };
        assert_eq!(chosen(&at(8.0, 40)), (0..40).collect::<Vec<_>>());
        assert_eq!(
            chosen(&at(24.0, 70)),
            (0..70).step_by(3).collect::<Vec<_>>()
        );
        assert_eq!(
            chosen(&at(12.0, 40)),
            (0..40).step_by(2).collect::<Vec<_>>()
        );
        assert_eq!(
            chosen(&at(30.0, 60)),
            (0..60).step_by(4).collect::<Vec<_>>()
        );
        // Faster clips: of 120 frames a second each fourth is glanced at.
        let fast = chosen(&at(120.0, 300));
        assert!((19..=22).contains(&fast.len()), "{fast:?}");
        assert!(fast.iter().all(|i| i % 4 == 0), "{fast:?}");
        // A moment is looked at more often, whether 31 or 60 frames make it.
        for (fps, n) in [(120.0, 31), (120.0, 60), (30.0, 9), (240.0, 60)] {
            assert!(chosen(&at(fps, n)).len() >= 8, "{fps} {n}");
        }
        assert_eq!(chosen(&at(30.0, 4)), [0, 1, 2, 3]);
        for (fps, n) in [(400.0, 32), (480.0, 60), (1000.0, 32), (1000.0, 100)] {
            let steps = chosen(&at(fps, n)).len();
            assert!((8..=32).contains(&steps), "{fps} {n}: {steps}");
        }
        // Times in whole milliseconds, as many files have them.
        for (fps, step) in [(24.0, 3), (30.0, 4), (25.0, 3)] {
            let times = at(fps, 300)
                .into_iter()
                .map(|t| (1000.0 * t).round() / 1000.0);
            let every = (0..300).step_by(step).collect::<Vec<_>>();
            assert_eq!(chosen(&times.collect::<Vec<_>>()), every, "{fps}");
        }
        // A clip that speeds up is looked at no more often for that.
        let mut times = at(2.0, 32);
        times.extend((1..=120).map(|i| 15.5 + f64::from(i) / 30.0));
        let late = chosen(&times).iter().filter(|&&i| i >= 32).count();
        assert!((30..=70).contains(&late), "{late}");
    }

    #[test]
    fn a_clip_of_several_batches_is_seen_as_one() {
        let gpu = Gpu::open(&AdapterChoice::Auto).expect("adapter");
        let (w, h) = (64u32, 36u32);
        // A texture that moves on; frame 33 is held, 40 and 41 change places.
        let picture = |i: usize| -> Vec<u32> {
            let at = match i {
                33 => 32,
                40 => 41,
                41 => 40,
                i => i,
            };
            let pixel = |k: u32| {
                let (x, y) = ((k % w) as f32 + 0.8 * at as f32, (k / w) as f32);
                let v = 120.0 + 60.0 * (0.35 * x).sin() * (0.3 * y).cos() + 30.0 * (0.9 * y).sin();
                v as u32
            };
            (0..w * h).map(|k| pixel(k) * 0x0001_0101).collect()
        };
        let pictures: Vec<Vec<u32>> = (0..70).map(picture).collect();
        let mut glancer = Glancer::new(&gpu, (w, h)).expect("glancer");
        for (i, picture) in pictures.iter().enumerate() {
            let rgba = gpu.upload(picture).expect("upload");
            glancer.push(&rgba, i as f64 / 24.0).expect("push");
        }
        glancer.finish().expect("finish");
        assert_eq!(glancer.glances.len(), 69);
        let small = |[width, height]: [u32; 2], i: usize| {
            let params = k::TintParams {
                src_width: w,
                src_height: h,
                width,
                height,
                step: 1,
                ..Default::default()
            };
            twins::thumb::thumb(&params, &pictures[i])
        };
        let [coarse, fine] = glancer.sizes.map(|(w, h)| [w, h]);
        let params = k::GlanceParams {
            width: fine[0],
            height: fine[1],
            small_width: coarse[0],
            small_height: coarse[1],
            cell: CELL,
            known: 0,
            scale: SHORT_SIDE,
            pad: 0,
        };
        for (n, glance) in glancer.glances.iter().enumerate() {
            let i = n + 1;
            let small_pair = [small(coarse, i - 1), small(coarse, i)];
            let large = [small(fine, i - 1), small(fine, i)];
            let before = i.checked_sub(2).map(|j| small(fine, j));
            let want = twins::glance::glance(
                &params,
                [&small_pair[0], &small_pair[1]],
                [&large[0], &large[1]],
                before.as_deref(),
            );
            let near = |got: f64, want: f32| {
                (got - f64::from(want)).abs() < 0.03 + 0.01 * f64::from(want.abs())
            };
            for c in 0..4 {
                assert!(near(glance.step[c], want[0][c]), "{i}: {glance:?} {want:?}");
            }
            assert!(
                near(glance.disorder, want[1][2]),
                "{i}: {glance:?} {want:?}"
            );
            assert!(near(glance.found, want[1][3]), "{i}: {glance:?} {want:?}");
            assert_eq!(glance.repeated, i == 33, "{i}: {glance:?}");
        }
        assert!(glancer.glances[40].disorder > 10.0 * glancer.glances[30].disorder);
    }

    #[test]
    fn small_pictures_keep_their_shape() {
        assert_eq!(small((1280, 720), 48), (85, 48));
        assert_eq!(small((406, 720), 16), (16, 28));
        assert_eq!(small((8, 6), 48), (8, 6));
        assert_eq!(small((1920, 480), 48), (144, 36));
        assert_eq!(small((4000, 16), 48), (144, 1));
        assert_eq!(small((1, 1), 16), (1, 1));
    }
}

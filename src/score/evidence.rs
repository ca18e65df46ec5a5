//! What the metrics look at: the records of one clip, in words, and what several metrics share.
//!
//! Lengths are in standard pixels (short side 160), differences in grey levels, places in shares of the picture.

use super::ScoreError;
use super::ledger::Entry;
use super::visual_quality;

/// Mean difference, in grey levels, under which two frames are the same picture.
const SAME: f64 = 0.15;

/// Share of consistent flow under which a step leads to another scene.
pub(super) const CUT: f64 = 0.15;

/// One step: means over the picture, and the worst places. The kernel `score/fold` says how each is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct StepRecord {
    pub consistent: f64,
    pub speed: f64,
    pub residual: f64,
    pub gradient: f64,
    pub fine: f64,
    pub block: f64,
    pub high_block: f64,
    pub still_change: f64,
    pub ssim: f64,
    pub low_ssim: f64,
    pub flow_change: f64,
    pub usual_flow_change: f64,
    pub high_flow_change: f64,
    pub own_share: f64,
    pub own: f64,
    pub strain_change: f64,
    pub event: Spot,
    pub event_share: f64,
    pub event_mass: f64,
    pub most_still_change: f64,
    pub impulse: f64,
    pub high_signal: f64,
    pub jolt: Spot,
    pub jolt_share: f64,
    pub contrast: f64,
    pub objects: f64,
    pub object_share: f64,
    pub objects_lost: f64,
    pub object_change: f64,
    /// The camera's eight parameters.
    pub plane: [f64; 8],
    /// Mean weight of the flow under the plane, in [0, 1].
    pub plane_weight: f64,
}

impl StepRecord {
    /// The camera's shift (u, v), turn and zoom, in standard pixels at half the long side.
    pub fn similarity(&self) -> [f64; 4] {
        let p = self.plane;
        [p[0], p[3], 0.5 * (p[4] - p[2]), 0.5 * (p[1] + p[5])]
    }
}

/// A value at a place.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spot {
    pub value: f64,
    pub at: [f64; 2],
}

/// The paths of one generation of points.
#[derive(Clone, Copy, Debug)]
pub(super) struct PathRecord {
    pub start: usize,
    pub steps: usize,
    pub points: f64,
    pub jerk: f64,
    pub high_jerk: f64,
    pub own_jerk: f64,
    pub jumps: f64,
    pub lost: f64,
    pub speed: f64,
    pub high_own: f64,
    pub usual_own: f64,
    pub worst: Spot,
}

/// How a generation looks at one age.
#[derive(Clone, Copy, Debug)]
pub(super) struct LookRecord {
    pub start: usize,
    pub age: usize,
    pub followed: f64,
    pub mean: f64,
    pub low: f64,
    pub lowest: f64,
    pub median: f64,
    pub lost: f64,
    pub structure: f64,
    pub tint: f64,
    pub worst: Spot,
    pub worst_lost: f64,
    pub steady: f64,
    pub steady_mean: f64,
    pub steady_tint: f64,
    pub high_tint: f64,
    pub worst_tint: Spot,
}

/// The quality of one frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct QualityRecord {
    pub frame: usize,
    pub detail: f64,
    pub noise: f64,
    pub body: f64,
    pub blocks: f64,
    pub clipped: f64,
    pub contrast: f64,
}

/// All of one clip.
pub struct Evidence {
    pub(super) times: Vec<f64>,
    /// Seconds between frames.
    pub(super) seconds: f64,
    pub(super) steps: Vec<StepRecord>,
    pub(super) paths: Vec<PathRecord>,
    pub(super) looks: Vec<LookRecord>,
    pub(super) quality: Vec<QualityRecord>,
    /// Share of steps that repeat a frame, in [0, 1].
    pub(super) duplicates: f64,
    /// What every temporal metric is multiplied by, so that neither blur nor repeated frames can raise it.
    pub(super) gate: f64,
}

/// Fewest frames that can be scored: jerk is a third difference.
pub const LEAST_FRAMES: usize = 4;

impl Evidence {
    pub(super) fn new(
        times: Vec<f64>,
        seconds: f64,
        records: Vec<(Entry, Vec<f32>)>,
    ) -> Result<Self, ScoreError> {
        if times.len() < LEAST_FRAMES {
            return Err(ScoreError::TooShort {
                frames: times.len(),
            });
        }
        let mut e = Self {
            times,
            seconds,
            steps: Vec::new(),
            paths: Vec::new(),
            looks: Vec::new(),
            quality: Vec::new(),
            duplicates: 0.0,
            gate: 0.0,
        };
        for (entry, words) in records {
            if words.iter().any(|w| !w.is_finite()) {
                let frame = match entry {
                    Entry::Step(t) | Entry::Detail(t) => t,
                    Entry::Paths { start, .. } | Entry::Looks { start, .. } => start,
                };
                let time = e.times[frame];
                return Err(ScoreError::NotFinite { time });
            }
            let at = |i: usize| f64::from(words[i]);
            match entry {
                Entry::Step(_) => e.steps.push(step(&at)),
                Entry::Paths { start, steps } => e.paths.push(path(&at, start, steps)),
                Entry::Looks { start, age } => e.looks.push(look(&at, start, age)),
                Entry::Detail(frame) => e.quality.push(QualityRecord {
                    frame,
                    detail: at(0),
                    // The P20 of |N(0, 1)| is .2533; white noise of deviation 1 has 6 in the diagonal difference.
                    noise: at(1) / (0.2533 * 6.0),
                    body: at(2),
                    blocks: at(3),
                    clipped: at(4),
                    contrast: at(5),
                }),
            }
        }
        // A frame is repeated where neither the picture nor any cell of it changes.
        let limit = |of: fn(&StepRecord) -> f64, least: f64| {
            let changes: Vec<f64> = e.steps.iter().map(of).collect();
            least.max(0.12 * percentile(&changes, 0.75))
        };
        let same = limit(|s| s.still_change, SAME);
        let still = limit(|s| s.most_still_change, 5.0 * SAME);
        let repeated = |s: &&StepRecord| s.still_change < same && s.most_still_change < still;
        let repeated = e.steps.iter().filter(repeated).count();
        e.duplicates = repeated as f64 / e.steps.len().max(1) as f64;
        let quality = mean(e.quality.iter().map(visual_quality::of));
        e.gate = (1.0 - e.duplicates) * quality.max(0.0).powf(0.3);
        Ok(e)
    }

    /// Steps that lead to another scene.
    pub(super) fn cuts(&self) -> usize {
        self.steps.iter().filter(|s| s.consistent < CUT).count()
    }

    /// Mean length of the flow in standard pixels a step.
    pub(super) fn speed(&self) -> f64 {
        mean(self.steps.iter().map(|s| s.speed))
    }

    /// How fast the camera goes on the whole, in standard pixels a step: the mean length of its motion averaged over
    /// nine steps, in which shaking averages out.
    pub(super) fn steady_speed(&self) -> f64 {
        let of = |window: &[StepRecord]| {
            let n = window.len() as f64;
            let each: [f64; 4] =
                std::array::from_fn(|i| window.iter().map(|s| s.similarity()[i]).sum::<f64>() / n);
            each.iter().map(|v| v * v).sum::<f64>().sqrt()
        };
        mean(self.steps.windows(self.steps.len().min(9)).map(of))
    }

    /// Mean second difference of the camera's motion, in standard pixels a step.
    pub(super) fn camera_jerk(&self) -> f64 {
        mean(self.steps.windows(3).map(|s| {
            let [a, b, c] = [0, 1, 2].map(|i| s[i].similarity());
            let d = |i: usize| a[i] - 2.0 * b[i] + c[i];
            (0..4).map(|i| d(i).powi(2)).sum::<f64>().sqrt()
        }))
    }

    /// Time of a step's second frame.
    pub(super) fn time(&self, step: usize) -> f64 {
        self.times[(step + 1).min(self.times.len() - 1)]
    }
}

fn step(at: &dyn Fn(usize) -> f64) -> StepRecord {
    let spot = |i: usize| Spot {
        value: at(i),
        at: [at(i + 1), at(i + 2)],
    };
    StepRecord {
        consistent: at(1),
        speed: at(2),
        residual: at(3),
        gradient: at(4),
        fine: at(5),
        block: at(6),
        still_change: at(7),
        ssim: at(8),
        low_ssim: at(9),
        flow_change: at(10),
        usual_flow_change: at(11),
        high_flow_change: at(12),
        own_share: at(13),
        strain_change: at(14),
        event: spot(16),
        event_share: at(19),
        event_mass: at(52),
        most_still_change: at(53),
        impulse: at(20),
        high_block: at(24),
        contrast: at(25),
        own: at(26),
        high_signal: at(27),
        jolt: spot(28),
        jolt_share: at(31),
        plane: std::array::from_fn(|i| at(32 + i)),
        plane_weight: at(43),
        objects: at(48),
        object_share: at(49),
        objects_lost: at(50),
        object_change: at(51),
    }
}

fn path(at: &dyn Fn(usize) -> f64, start: usize, steps: usize) -> PathRecord {
    PathRecord {
        start,
        steps,
        points: at(0),
        jerk: at(1),
        high_jerk: at(2),
        own_jerk: at(3),
        jumps: at(4),
        lost: at(5),
        speed: at(6),
        high_own: at(7),
        usual_own: at(8),
        worst: Spot {
            value: at(9),
            at: [at(10), at(11)],
        },
    }
}

fn look(at: &dyn Fn(usize) -> f64, start: usize, age: usize) -> LookRecord {
    LookRecord {
        start,
        age,
        followed: at(0),
        mean: at(1),
        low: at(2),
        median: at(3),
        lost: at(4),
        lowest: at(5),
        structure: at(6),
        tint: at(7),
        worst: Spot {
            value: at(8),
            at: [at(9), at(10)],
        },
        worst_lost: at(11),
        steady: at(16),
        steady_mean: at(17),
        steady_tint: at(18),
        high_tint: at(12),
        worst_tint: Spot {
            value: at(13),
            at: [at(14), at(15)],
        },
    }
}

/// The largest value and the one after it; 0 where there is none.
pub(super) fn ranked(values: impl IntoIterator<Item = f64>) -> [f64; 2] {
    values.into_iter().fold([0.0; 2], |[first, second], v| {
        [first.max(v), second.max(v.min(first))]
    })
}

/// The value below which a share `q` of `values` lies; 0 for none.
pub(super) fn percentile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len().max(1) - 1) as f64 * q;
    sorted.get(at.round() as usize).copied().unwrap_or(0.0)
}

/// Mean; 0 for none.
pub(super) fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut n) = (0.0, 0.0);
    for v in values {
        sum += v;
        n += 1.0;
    }
    if n > 0.0 { sum / n } else { 0.0 }
}

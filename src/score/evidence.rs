//! What the metrics look at: the records of one clip, in words, and what several metrics share.
//!
//! Lengths are in standard pixels (short side 160), differences in grey levels, places in shares of the picture.

use std::collections::BTreeMap;

use nalgebra::{Matrix3, Vector3};

use super::ScoreError;
use super::breaks::Break;
use super::glance::Glance;
use super::ledger::Entry;
use super::visual_quality;
use crate::motion::SPAN;

/// Seconds to each side over which the camera is taken to go on as it does.
const STEADY: f64 = 0.26;
/// Mean weight of the pixels under which a picture was not found in the one before.
const FOUND: f64 = 0.1;
/// Seconds of which the worst counts, so that longer clips are not worse for their length.
const WINDOW: f64 = 2.0;

/// Disorder a second between frames that those in their order have: what has gone far is no more unlike for having gone twice as
/// far.
const IN_ORDER: f64 = 0.4;

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
    pub impulse: f64,
    pub high_signal: f64,
    pub jolt: Spot,
    pub jolt_share: f64,
    pub contrast: f64,
    pub objects: f64,
    pub object_share: f64,
    pub objects_lost: f64,
    /// Mean weight of the flow under the plane, in [0, 1].
    pub plane_weight: f64,
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

/// The equal parts, of some [`WINDOW`] seconds each, that the time of a clip is cut into.
#[derive(Clone, Copy, Debug)]
struct Parts {
    first: f64,
    length: f64,
    count: usize,
}

impl Parts {
    fn of(first: f64, last: f64) -> Self {
        let count = ((last - first) / WINDOW).round().max(1.0);
        Self {
            first,
            length: ((last - first) / count).max(1e-9),
            count: count as usize,
        }
    }

    /// Which part a time is in; the end of a part belongs to it.
    fn at(self, time: f64) -> usize {
        let at = ((time - self.first) / self.length - 1e-6).max(0.0) as usize;
        at.min(self.count - 1)
    }

    /// The largest value and the one after it of each part that has any, the mean over those; 0 where none has.
    fn worst(self, values: impl Iterator<Item = (f64, f64)>) -> [f64; 2] {
        let mut parts: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for (time, value) in values {
            parts.entry(self.at(time)).or_default().push(value);
        }
        let each: Vec<[f64; 2]> = parts.into_values().map(ranked).collect();
        [0, 1].map(|k| mean(each.iter().map(|two| two[k])))
    }
}

/// All of one clip.
pub struct Evidence {
    /// Of the frames that were looked at closely.
    pub(super) times: Vec<f64>,
    /// Seconds between them.
    pub(super) seconds: f64,
    pub(super) steps: Vec<StepRecord>,
    pub(super) paths: Vec<PathRecord>,
    pub(super) looks: Vec<LookRecord>,
    pub(super) quality: Vec<QualityRecord>,
    /// How the camera goes.
    pub(super) ride: Ride,
    /// By how much frames are out of order, the mean.
    pub(super) disorder: f64,
    /// The same beyond what frames in their order have.
    pub(super) swapped: f64,
    pub(super) breaks: Vec<Break>,
    parts: Parts,
    /// Share of frames that repeat the one before, in [0, 1].
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
        glances: Vec<Glance>,
        records: Vec<(Entry, Vec<f32>)>,
        breaks: Vec<Break>,
    ) -> Result<Self, ScoreError> {
        let ride = Ride::of(times.first().copied().unwrap_or_default(), &glances);
        let repeated = glances.iter().filter(|g| g.repeated).count();
        let moving = glances.windows(2).filter(|g| !g.iter().any(|g| g.repeated));
        let disorder = mean(moving.map(|g| g[1].disorder));
        let gaps: Vec<f64> = glances.windows(2).map(|g| g[1].time - g[0].time).collect();
        let in_order = IN_ORDER * percentile(&gaps, 0.5);
        let end = glances.last().map_or(0.0, |g| g.time);
        let mut e = Self {
            parts: Parts::of(times.first().copied().unwrap_or(end), end),
            times,
            seconds,
            ride,
            disorder,
            swapped: (disorder - in_order).max(0.0),
            breaks,
            duplicates: repeated as f64 / glances.len().max(1) as f64,
            steps: Vec::new(),
            paths: Vec::new(),
            looks: Vec::new(),
            quality: Vec::new(),
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
        let quality = mean(e.quality.iter().map(visual_quality::of));
        // Of a clip that hardly ever changes nothing can be said that speaks for it.
        if e.steps.len() + 1 >= LEAST_FRAMES {
            e.gate = (1.0 - e.duplicates) * quality.max(0.0).powf(0.3);
        }
        Ok(e)
    }

    /// The largest value and the one after it of the steps in each part of the clip, the mean over the parts.
    pub(super) fn worst(&self, of: impl Fn(&StepRecord) -> f64) -> [f64; 2] {
        let times = self.steps.iter().enumerate();
        let times = times.map(|(t, s)| (self.time(t), of(s)));
        self.parts.worst(times)
    }

    /// The same of what is suddenly otherwise.
    pub(super) fn worst_break(&self, of: impl Fn(&Break) -> f64) -> [f64; 2] {
        self.parts
            .worst(self.breaks.iter().map(|b| (b.time, of(b))))
    }

    /// Steps that lead to another scene, in each part of the clip.
    pub(super) fn cuts(&self) -> f64 {
        let cut = |(t, s): (usize, &StepRecord)| (self.time(t), f64::from(s.consistent < CUT));
        let mut parts: BTreeMap<usize, f64> = BTreeMap::new();
        for (time, cut) in self.steps.iter().enumerate().map(cut) {
            *parts.entry(self.parts.at(time)).or_default() += cut;
        }
        mean(parts.into_values())
    }

    /// Mean length of the flow in standard pixels a [`SPAN`].
    pub(super) fn speed(&self) -> f64 {
        mean(self.steps.iter().map(|s| s.speed))
    }

    /// Time of a step's second frame.
    pub(super) fn time(&self, step: usize) -> f64 {
        self.times[(step + 1).min(self.times.len() - 1)]
    }
}

/// How the whole picture goes: by frames that show something new, its shift, turn and zoom added up, held against the parabola
/// that is nearest over the time around each of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Ride {
    /// Mean distance from the parabola, in standard pixels, what few points leave of it taken into account.
    pub off: f64,
    /// Mean speed of it, in standard pixels a [`SPAN`].
    pub speed: f64,
    /// Time and distance of each frame.
    pub each: Vec<(f64, f64)>,
}

impl Ride {
    fn of(first: f64, glances: &[Glance]) -> Self {
        // Where a picture is not found in the next one the way starts anew.
        let mut ways = vec![vec![(first, [0.0; 4])]];
        let mut place = [0.0; 4];
        for glance in glances {
            place = std::array::from_fn(|k| place[k] + glance.step[k]);
            if glance.found < FOUND {
                ways.push(Vec::new());
            }
            let last = ways.len() - 1;
            if !glance.repeated {
                ways[last].push((glance.time, place));
            }
        }
        let (mut each, mut speeds) = (Vec::new(), Vec::new());
        for way in &ways {
            for (i, (time, _)) in way.iter().enumerate() {
                if let Some((off, speed)) = around(way, i) {
                    each.push((*time, off));
                    speeds.push(speed * SPAN);
                }
            }
        }
        Self {
            off: mean(each.iter().map(|e| e.1)),
            speed: mean(speeds),
            each,
        }
    }
}

/// Distance of a place from the parabola through those around it, and the speed of that, a second; none where there are too
/// few.
fn around(places: &[(f64, [f64; 4])], i: usize) -> Option<(f64, f64)> {
    let t0 = places[i].0;
    let near = |k: usize| (places[k].0 - t0).abs() <= STEADY;
    let (mut from, mut to) = (i, i + 1);
    while from > 0 && near(from - 1) {
        from -= 1;
    }
    while to < places.len() && near(to) {
        to += 1;
    }
    // A slow clip has few places in that time.
    while to - from < 5 && (from > 0 || to < places.len()) {
        let before = from
            .checked_sub(1)
            .map_or(f64::INFINITY, |k| t0 - places[k].0);
        let after = places.get(to).map_or(f64::INFINITY, |p| p.0 - t0);
        if before <= after {
            from -= 1;
        } else {
            to += 1;
        }
    }
    if to - from < 4 {
        return None;
    }
    let span = places[from..to]
        .iter()
        .map(|p| (p.0 - t0).abs())
        .fold(1e-9, f64::max);
    let row = |t: f64| Vector3::new(1.0, (t - t0) / span, ((t - t0) / span).powi(2));
    let mut m = Matrix3::zeros();
    let mut right = [Vector3::zeros(); 4];
    for (t, place) in &places[from..to] {
        let r = row(*t);
        m += r * r.transpose();
        for (right, v) in right.iter_mut().zip(place) {
            *right += r * *v;
        }
    }
    let inverse = m.try_inverse()?;
    let fits = right.map(|right| inverse * right);
    let off: f64 = (0..4).map(|k| (places[i].1[k] - fits[k][0]).powi(2)).sum();
    let speed: f64 = fits.iter().map(|fit| (fit[1] / span).powi(2)).sum();
    // What the parabola takes from a place that it goes through itself.
    let free = (1.0 - inverse[(0, 0)]).max(0.05);
    Some(((off / free).sqrt(), speed.sqrt()))
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
        impulse: at(20),
        high_block: at(24),
        contrast: at(25),
        own: at(26),
        high_signal: at(27),
        jolt: spot(28),
        jolt_share: at(31),
        plane_weight: at(43),
        objects: at(48),
        object_share: at(49),
        objects_lost: at(50),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::Rng;

    /// Glances at a camera whose shift at time `t` is `at(t)`, `fps` frames a second, those of `repeated` frames held.
    fn glances(fps: f64, frames: usize, at: impl Fn(f64) -> f64, held: &[usize]) -> Vec<Glance> {
        let mut last = at(0.0);
        (1..frames)
            .map(|i| {
                let time = i as f64 / fps;
                let repeated = held.contains(&i);
                let now = if repeated { last } else { at(time) };
                let step = [now - last, 0.0, 0.0, 0.0];
                last = now;
                Glance {
                    time,
                    repeated,
                    step,
                    disorder: 0.0,
                    found: 1.0,
                }
            })
            .collect()
    }

    #[test]
    fn what_has_gone_far_between_frames_is_not_out_of_order() {
        let swapped = |fps: f64, disorder: f64| {
            let mut glances = glances(fps, 20, |t| t, &[]);
            glances.iter_mut().for_each(|g| g.disorder = disorder);
            let times = glances.iter().map(|g| g.time).collect();
            Evidence::new(times, SPAN, glances, Vec::new(), Vec::new())
                .expect("evidence")
                .swapped
        };
        for (fps, most) in [(8.0, 0.05), (24.0, 0.4 / 24.0)] {
            assert_eq!(swapped(fps, 0.99 * most), 0.0);
            assert!((swapped(fps, most + 0.1) - 0.1).abs() < 1e-9);
        }
    }

    #[test]
    fn a_steady_ride_is_steady_at_any_rate_and_through_held_frames() {
        for fps in [8.0, 12.0, 24.0, 30.0] {
            let frames = (2.0 * fps) as usize + 1;
            // 20 standard pixels a second, and ever faster.
            let way = |t: f64| 20.0 * t + 3.0 * t * t;
            for held in [&[][..], &[3, 4, 9]] {
                let ride = Ride::of(0.0, &glances(fps, frames, way, held));
                assert!(ride.off < 1e-6, "{fps}: {ride:?}");
                let mean = (20.0 + 3.0 * 2.0) * SPAN;
                assert!((ride.speed - mean).abs() < 0.05 * mean, "{fps}: {ride:?}");
            }
        }
    }

    #[test]
    fn a_shaking_camera_is_off_by_as_much_at_any_rate() {
        for fps in [8.0, 12.0, 24.0, 30.0] {
            let mut rng = Rng::new(7);
            let frames = (20.0 * fps) as usize;
            let shake: Vec<f64> = (0..frames).map(|_| rng.sign() * 0.8).collect();
            let way = |t: f64| 10.0 * t + shake[((t * fps).round() as usize).min(frames - 1)];
            let ride = Ride::of(0.0, &glances(fps, frames, way, &[]));
            assert!((0.6..1.0).contains(&ride.off), "{fps}: {}", ride.off);
            assert_eq!(ride.each.len(), frames);
        }
    }

    #[test]
    fn a_cut_and_held_frames_are_no_shaking() {
        let mut cut = glances(24.0, 49, |t| 12.0 * t, &[]);
        cut[20].step = [40.0, 9.0, 3.0, -7.0];
        cut[20].found = 0.01;
        let ride = Ride::of(0.0, &cut);
        assert!(
            ride.off < 1e-6 && (ride.speed - 1.5).abs() < 1e-6,
            "{ride:?}"
        );
        // What a frame moves that passes for a repetition is not lost.
        let mut slow = glances(24.0, 49, |t| 12.0 * t, &[]);
        for glance in slow.iter_mut().step_by(2) {
            glance.repeated = true;
        }
        let ride = Ride::of(0.0, &slow);
        assert!(
            ride.off < 1e-6 && (ride.speed - 1.5).abs() < 1e-6,
            "{ride:?}"
        );
    }

    #[test]
    fn few_frames_have_no_way() {
        let ride = Ride::of(0.0, &glances(24.0, 3, |t| t, &[]));
        assert_eq!((ride.off, ride.speed, ride.each.len()), (0.0, 0.0, 0));
        let ride = Ride::of(0.0, &glances(24.0, 5, |t| 8.0 * t, &[]));
        assert!(ride.off < 1e-9 && ride.speed > 0.9);
        // All frames at one time tell of no speed.
        let none = vec![
            Glance {
                time: 0.0,
                repeated: false,
                step: [1.0; 4],
                disorder: 0.0,
                found: 1.0,
            };
            6
        ];
        assert!(Ride::of(0.0, &none).each.is_empty());
    }

    fn evidence(times: Vec<f64>, events: &[f64]) -> Evidence {
        let words = |event: f64| {
            let mut words = vec![0.0f32; 56];
            words[1] = 1.0;
            words[16] = event as f32;
            words
        };
        let records = events.iter().enumerate();
        let records = records.map(|(t, &event)| (Entry::Step(t), words(event)));
        let glance = |&time: &f64| Glance {
            time,
            repeated: false,
            step: [0.0; 4],
            disorder: 0.0,
            found: 1.0,
        };
        let glances = times.iter().skip(1).map(glance).collect();
        Evidence::new(times, SPAN, glances, records.collect(), Vec::new()).expect("evidence")
    }

    #[test]
    fn the_worst_of_each_two_seconds_counts() {
        let times = |n: usize| (0..=n).map(|i| i as f64 * SPAN).collect::<Vec<_>>();
        let mut events = vec![0.1; 16];
        events[5] = 0.9;
        events[9] = 0.5;
        let short = evidence(times(16), &events);
        assert_eq!(short.parts.count, 1);
        let near = |got: [f64; 2], want: [f64; 2]| {
            assert!(
                (got[0] - want[0]).abs() + (got[1] - want[1]).abs() < 1e-6,
                "{got:?}"
            );
        };
        near(short.worst(|s| s.event.value), [0.9, 0.5]);
        // Four times as long, and as bad all along.
        let long = evidence(times(64), &events.repeat(4));
        assert_eq!(long.parts.count, 4);
        near(long.worst(|s| s.event.value), [0.9, 0.5]);
        // A clip of three seconds is cut in the middle.
        events.truncate(8);
        events.extend([0.2; 16]);
        let cut = evidence(times(24), &events);
        assert_eq!(cut.parts.count, 2);
        near(cut.worst(|s| s.event.value), [0.55, 0.2]);
        near(
            evidence(times(1), &[0.3]).worst(|s| s.event.value),
            [0.3, 0.0],
        );
        near(evidence(vec![0.0], &[]).worst(|s| s.event.value), [0.0; 2]);
    }
}

//! Chooses frames evenly spaced in time while they stream by.

use std::collections::VecDeque;

/// What to do with the frame just seen and the one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Picked {
    /// Keep the frame before.
    pub before: bool,
    /// Keep this frame.
    pub this: bool,
}

/// Picks, for each of a row of target times, the nearest frame, each frame at most once, in order.
#[derive(Clone, Debug)]
pub(super) struct Picker {
    targets: Option<VecDeque<f64>>,
    before: Option<(f64, bool)>,
}

impl Picker {
    /// Of `frames` frames from `start` to `end` seconds, `limit` at most.
    pub fn new(limit: Option<usize>, frames: u64, start: f64, end: f64) -> Self {
        let targets = limit.filter(|&limit| (limit as u64) < frames).map(|limit| {
            let step = (end - start) / (limit.max(2) - 1) as f64;
            (0..limit).map(|k| start + step * k as f64).collect()
        });
        Self {
            targets,
            before: None,
        }
    }

    /// A frame at `time`, later than the one before.
    pub fn see(&mut self, time: f64) -> Picked {
        let Some(targets) = &mut self.targets else {
            return Picked {
                before: false,
                this: true,
            };
        };
        let mut picked = Picked::default();
        while targets.front().is_some_and(|&target| target <= time) {
            let target = targets.pop_front().unwrap_or(time);
            match &mut self.before {
                Some((before, kept)) if target - *before < time - target => {
                    picked.before |= !*kept;
                    *kept = true;
                }
                _ => picked.this = true,
            }
        }
        self.before = Some((time, picked.this));
        picked
    }

    /// No more frames: whether the last one is wanted for the targets after it.
    pub fn end(&mut self) -> bool {
        let wanted = self.targets.take().is_some_and(|t| !t.is_empty());
        wanted && self.before.is_some_and(|(_, kept)| !kept)
    }
}

/// `limit` of `count` indices, evenly spaced, first and last among them.
pub(super) fn evenly(count: usize, limit: Option<usize>) -> Vec<usize> {
    match limit {
        Some(1) if count > 1 => vec![0],
        Some(limit) if limit < count => (0..limit)
            .map(|k| (k * (count - 1) + (limit - 1) / 2) / (limit - 1).max(1))
            .collect(),
        _ => (0..count).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Picker, evenly};

    fn pick(limit: usize, times: &[f64]) -> Vec<usize> {
        let end = times[times.len() - 1];
        let mut picker = Picker::new(Some(limit), times.len() as u64, times[0], end);
        let mut kept = Vec::new();
        for (i, &time) in times.iter().enumerate() {
            let picked = picker.see(time);
            kept.extend(picked.before.then(|| i - 1));
            kept.extend(picked.this.then_some(i));
        }
        kept.extend(picker.end().then(|| times.len() - 1));
        kept
    }

    #[test]
    fn frames_are_picked_by_time_and_once() {
        let even: Vec<f64> = (0..9).map(f64::from).collect();
        assert_eq!(pick(3, &even), [0, 4, 8]);
        assert_eq!(pick(9, &even), (0..9).collect::<Vec<_>>());
        assert_eq!(pick(1, &even), [0]);
        // Judder: the middle in time, not in count.
        assert_eq!(pick(3, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.2, 10.0]), [0, 5, 6]);
        // Two targets fall on one frame: it is kept once.
        assert_eq!(pick(4, &[0.0, 5.0, 9.9, 10.0, 10.1]), [0, 1, 4]);
    }

    #[test]
    fn a_clip_that_ends_early_gives_its_last_frame() {
        let mut picker = Picker::new(Some(3), 100, 0.0, 10.0);
        let kept = [0.0, 1.0, 2.0].map(|time| picker.see(time).this);
        assert_eq!(kept, [true, false, false]);
        assert!(picker.end());
        assert!(!picker.end());
    }

    #[test]
    fn indices_are_spread_evenly() {
        assert_eq!(evenly(9, Some(3)), [0, 4, 8]);
        assert_eq!(evenly(10, Some(4)), [0, 3, 6, 9]);
        assert_eq!(evenly(5, Some(1)), [0]);
        assert_eq!(evenly(0, Some(3)), [0usize; 0]);
        assert_eq!(evenly(3, None), [0, 1, 2]);
    }
}

//! Point tracks, read back: for who looks at single points of a clip.

use super::Motion;
use super::follow::Following;
use crate::gpu::{Gpu, GpuError};

/// Why a track ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackEnd {
    /// The clip (or the wanted length) ended.
    Clip,
    /// The point left the picture, or came within the margin of its border.
    Border,
    /// The flow failed the forward-backward test: covered, vanished or not to be found again.
    Lost,
}

/// One point over consecutive frames.
#[derive(Clone, Debug)]
pub struct Track {
    /// Frame of the first point.
    pub start: usize,
    /// Positions in pixels of the motion size, one a frame from `start` on.
    pub points: Vec<[f32; 2]>,
    /// Why there is no further point.
    pub end: TrackEnd,
}

impl Motion {
    /// Tracks of the points of a grid of `spacing` pixels on frame `start`, over at most `steps` steps. Points stay
    /// `margin` pixels inside the picture. Empty where `start` is no frame of the clip or the picture is smaller than
    /// its margins.
    ///
    /// # Errors
    /// As [`Gpu::read`].
    pub fn tracks(
        &self,
        gpu: &Gpu,
        start: usize,
        steps: usize,
        spacing: f32,
        margin: f32,
    ) -> Result<Vec<Track>, GpuError> {
        let spacing = spacing.max(1.0);
        let size = (self.width, self.height);
        let grid = |side: u32| {
            let (from, to) = (margin, side as f32 - 1.0 - margin);
            let count = ((to - from) / spacing).floor();
            let first = from + 0.5 * (to - from - count * spacing);
            let count = if to >= from { count as usize + 1 } else { 0 };
            (0..count).map(move |i| first + i as f32 * spacing)
        };
        let points: Vec<[f32; 2]> = grid(size.1)
            .flat_map(|y| grid(size.0).map(move |x| [x, y]))
            .collect();
        if start > self.steps.len() || points.is_empty() {
            return Ok(Vec::new());
        }
        let steps = &self.steps[start..(start + steps).min(self.steps.len())];
        let mut following = Following::start(gpu, &points, size, margin, steps.len())?;
        let mut recorder = gpu.recorder();
        for step in steps {
            following.record(&mut recorder, step)?;
        }
        recorder.submit()?;
        let ages = gpu.read(&following.points)?;
        let track = |i: usize| {
            let mut track = Track {
                start,
                points: Vec::new(),
                end: TrackEnd::Clip,
            };
            for &[x, y, end, _] in ages.iter().skip(i).step_by(points.len()) {
                if end != 0.0 {
                    let lost = end == 1.0;
                    track.end = if lost {
                        TrackEnd::Lost
                    } else {
                        TrackEnd::Border
                    };
                    break;
                }
                track.points.push([x, y]);
            }
            track
        };
        Ok((0..points.len()).map(track).collect())
    }
}

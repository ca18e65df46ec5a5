//! Points that are followed over frames, read back: for who looks at single points of a clip.

use serde::{Deserialize, Serialize};

use super::Motion;
use super::follow::Following;
use crate::gpu::{Gpu, GpuError};

/// Why a track ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrackEnd {
    /// The clip (or the wanted length) ended.
    Clip,
    /// The point left the picture, or came within the margin of its border.
    Border,
    /// The flow failed the forward-backward test: covered, vanished or not to be found again.
    Lost,
}

/// The tracks of a clip.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tracks {
    /// Width, in pixels, of the size at which the points are.
    pub width: u32,
    /// Height of it.
    pub height: u32,
    /// One a point, by the frame where it starts.
    pub tracks: Vec<Track>,
}

/// One point over consecutive frames.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Track {
    /// Frame of the first point.
    pub start: usize,
    /// Positions in pixels, whole numbers at the centres, one a frame from `start` on; where the point is hidden, a guess.
    pub points: Vec<[f32; 2]>,
    /// Confidence in [0, 1] that the point is seen there, one a position; 0 where something hides it.
    pub seen: Vec<f32>,
    /// Why there is no further point.
    pub end: TrackEnd,
}

impl Motion {
    /// Tracks, at the motion size, of the points of a grid of `spacing` pixels on frame `start`, over at most `steps` steps. Points stay
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
    ) -> Result<Tracks, GpuError> {
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
            return Ok(Tracks::default());
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
                seen: Vec::new(),
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
                // The flow loses a point that is hidden, so that what it has is seen.
                track.seen.push(1.0);
            }
            track
        };
        Ok(Tracks {
            width: self.width,
            height: self.height,
            tracks: (0..points.len()).map(track).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Track, TrackEnd, Tracks};

    #[test]
    fn tracks_come_back_from_a_file() {
        let track = Track {
            start: 3,
            points: vec![[1.5, 2.0], [1.75, 2.25], [2.0, 2.5]],
            seen: vec![1.0, 0.0, 0.5],
            end: TrackEnd::Lost,
        };
        let tracks = Tracks {
            width: 64,
            height: 36,
            tracks: vec![track],
        };
        for tracks in [Tracks::default(), tracks] {
            let json = serde_json::to_string(&tracks).expect("json");
            assert_eq!(serde_json::from_str::<Tracks>(&json).expect("back"), tracks);
        }
    }
}

//! Point tracks: grid points carried from frame to frame by the consistent flow.

use super::Pairs;

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

impl Pairs {
    /// Tracks of the points of a grid of `spacing` pixels on frame `start`, over at most `steps` steps of the
    /// flow between neighbouring frames. Points stay `margin` pixels inside the picture. Empty where `start` is
    /// no frame of the clip or the picture is smaller than its margins.
    pub fn tracks(&self, start: usize, steps: usize, spacing: f32, margin: f32) -> Vec<Track> {
        let spacing = spacing.max(1.0);
        let (right, low) = (
            self.width as f32 - 1.0 - margin,
            self.height as f32 - 1.0 - margin,
        );
        let grid = |from: f32, to: f32| {
            let count = ((to - from) / spacing).floor();
            let first = from + 0.5 * (to - from - count * spacing);
            let count = if to >= from { count as usize + 1 } else { 0 };
            (0..count).map(move |i| first + i as f32 * spacing)
        };
        if start >= self.luma.len() {
            return Vec::new();
        }
        let mut tracks: Vec<Track> = grid(margin, low)
            .flat_map(|y| grid(margin, right).map(move |x| [x, y]))
            .map(|p| Track {
                start,
                points: vec![p],
                end: TrackEnd::Clip,
            })
            .collect();
        for step in 0..steps {
            let Some(pair) = self.pair(start + step, start + step + 1) else {
                break;
            };
            for track in tracks.iter_mut().filter(|t| t.end == TrackEnd::Clip) {
                let [x, y] = track.points[step];
                let nearest = (y.round() as usize) * self.width as usize + x.round() as usize;
                let u = self.sample(&pair.forward, x, y);
                let [tx, ty] = [x + u[0], y + u[1]];
                let inside = tx >= margin && tx <= right && ty >= margin && ty <= low;
                if !inside {
                    track.end = TrackEnd::Border;
                } else if pair.valid[nearest] == 0 {
                    track.end = TrackEnd::Lost;
                } else {
                    track.points.push([tx, ty]);
                }
            }
        }
        tracks
    }

    /// A flow field at `(x, y)` in pixels, bilinear, edges repeated.
    pub fn sample(&self, field: &[[f32; 2]], x: f32, y: f32) -> [f32; 2] {
        let (w, h) = (self.width as usize, self.height as usize);
        let (x, y) = (x.clamp(0.0, (w - 1) as f32), y.clamp(0.0, (h - 1) as f32));
        let (x0, y0) = (x as usize, y as usize);
        let (x1, y1) = ((x0 + 1).min(w - 1), (y0 + 1).min(h - 1));
        let (fx, fy) = (x - x0 as f32, y - y0 as f32);
        [0, 1].map(|c| {
            let top = field[y0 * w + x0][c] * (1.0 - fx) + field[y0 * w + x1][c] * fx;
            let low = field[y1 * w + x0][c] * (1.0 - fx) + field[y1 * w + x1][c] * fx;
            top * (1.0 - fy) + low * fy
        })
    }
}

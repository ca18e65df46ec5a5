//! Path realism: tracks and camera that move without jerks and jumps.

use super::Components;
use super::evidence::{Evidence, Similarity};
use super::picture::{mean, percentile};

/// Acceleration, in standard pixels a frame a frame, beyond which a track jumps.
const JUMP: f64 = 3.0;
/// Jerk over speed that a clip without a single track gets: nothing speaks for it.
const NO_TRACKS: f64 = 3.0;

pub(super) fn score(e: &Evidence<'_>, out: &mut Components) -> f64 {
    let mut jerks = Vec::new();
    let (mut jumps, mut accelerations) = (0usize, 0usize);
    for track in &e.tracks {
        let v = differences(&track.points, e.scale);
        let a = change(&v);
        jumps += a.iter().filter(|a| length(**a) > JUMP).count();
        accelerations += a.len();
        if a.len() >= 2 {
            let jerk = mean(change(&a).into_iter().map(length));
            let speed = mean(v.into_iter().map(length));
            jerks.push((jerk / (speed + 0.5)) as f32);
        }
    }
    let jerk = if jerks.is_empty() {
        NO_TRACKS
    } else {
        percentile(&mut jerks, 0.5)
    };
    let teleports = jumps as f64 / accelerations.max(1) as f64;
    let camera = camera_jerk(e);
    out.put("path_realism", "track_jerk", jerk);
    out.put("path_realism", "camera_jerk", camera);
    out.put("path_realism", "teleports", teleports);
    (-jerk / 1.5 - camera / 2.0 - teleports / 0.05).exp() * e.gate()
}

/// Second difference of the camera's similarity over its mean size; turn and zoom as the shift that they give at
/// half the short side.
fn camera_jerk(e: &Evidence<'_>) -> f64 {
    let arm = f64::from(e.motion.width.min(e.motion.height)) / 2.0;
    let steps: Vec<[f64; 4]> = e
        .camera
        .iter()
        .map(|Similarity { zoom, turn, shift }| {
            [shift[0], shift[1], turn * arm, zoom * arm].map(|v| v * e.scale)
        })
        .collect();
    let jerk = mean(steps.windows(3).map(|s| {
        let d = |i: usize| s[0][i] - 2.0 * s[1][i] + s[2][i];
        (0..4).map(|i| d(i).powi(2)).sum::<f64>().sqrt()
    }));
    jerk / (mean(
        steps
            .iter()
            .map(|s| s.iter().map(|v| v * v).sum::<f64>().sqrt()),
    ) + 0.5)
}

fn length(v: [f64; 2]) -> f64 {
    v[0].hypot(v[1])
}

/// Steps of a track in standard pixels.
fn differences(points: &[[f32; 2]], scale: f64) -> Vec<[f64; 2]> {
    let step = |p: &[[f32; 2]]| [0, 1].map(|c| f64::from(p[1][c] - p[0][c]) * scale);
    points.windows(2).map(step).collect()
}

fn change(v: &[[f64; 2]]) -> Vec<[f64; 2]> {
    v.windows(2)
        .map(|p| [p[1][0] - p[0][0], p[1][1] - p[0][1]])
        .collect()
}

//! Motion smoothness: flow that goes on as it was, without jerks and without frozen frames.

use rayon::prelude::*;

use super::Components;
use super::evidence::Evidence;
use super::picture::mean;

pub(super) fn score(e: &Evidence<'_>, out: &mut Components) -> f64 {
    let speed = mean(e.speed.iter().copied());
    let changes: Vec<f64> = e.steps.par_windows(2).map(|s| change(e, s)).collect();
    let acceleration = mean(changes) / (speed + 0.5);
    let jerk = mean(e.speed.windows(3).map(|m| (m[0] - 2.0 * m[1] + m[2]).abs())) / (speed + 0.15);
    out.put("motion_smoothness", "acceleration", acceleration);
    out.put("motion_smoothness", "jerk", jerk);
    out.put("motion_smoothness", "duplicates", e.duplicates);
    out.put("motion_smoothness", "speed", speed);
    (-acceleration / 0.8 - jerk - e.duplicates / 0.25).exp() * e.gate()
}

/// Mean change of the flow along itself over one step, in standard pixels, on every second pixel.
fn change(e: &Evidence<'_>, s: &[&crate::motion::FlowPair]) -> f64 {
    let (w, h) = (e.motion.width as usize, e.motion.height as usize);
    let (mut sum, mut n) = (0.0f64, 0.0);
    for y in (0..h).step_by(2) {
        for x in (0..w).step_by(2) {
            let u = s[0].forward[y * w + x];
            let (tx, ty) = (x as f32 + u[0], y as f32 + u[1]);
            if tx < 0.0 || ty < 0.0 || tx > (w - 1) as f32 || ty > (h - 1) as f32 {
                continue;
            }
            let v = e.motion.sample(&s[1].forward, tx, ty);
            sum += f64::from((v[0] - u[0]).hypot(v[1] - u[1]));
            n += 1.0;
        }
    }
    e.scale * sum / f64::max(n, 1.0)
}

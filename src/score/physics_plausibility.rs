//! Physics plausibility, kinematic only: what moves against the camera does so with steady acceleration, does not
//! deform by fits, and does not vanish inside the picture. It knows nothing of mass, contact or gravity.

use rayon::prelude::*;

use super::Components;
use super::evidence::Evidence;
use super::picture::{mean, percentile};
use crate::motion::{FlowPair, Track, TrackEnd};

/// Points of a fit to constant acceleration.
const WINDOW: usize = 7;
/// Residual, in standard pixels, of a clip in which nothing could be followed that long.
const NO_TRACKS: f64 = 1.0;

pub(super) fn score(e: &Evidence<'_>, out: &mut Components) -> f64 {
    let mut residuals: Vec<f32> = e
        .tracks
        .iter()
        .flat_map(|t| {
            let own = own_path(e, t);
            own.windows(WINDOW.min(e.steps.len() + 1))
                .map(residual)
                .collect::<Vec<_>>()
        })
        .collect();
    let path = if residuals.is_empty() {
        NO_TRACKS
    } else {
        percentile(&mut residuals, 0.75)
    };
    let strains: Vec<f64> = e
        .steps
        .par_windows(2)
        .map(|s| strain_change(e, s))
        .collect();
    let strain = mean(strains);
    let (mut lost, mut followed) = (0usize, 0usize);
    for track in &e.tracks {
        lost += usize::from(track.end == TrackEnd::Lost);
        followed += track.points.len() - 1 + usize::from(track.end == TrackEnd::Lost);
    }
    // Share lost over eight steps, from the share lost at each.
    let lost = 1.0 - (1.0 - lost as f64 / followed.max(1) as f64).powi(8);
    out.put("physics_plausibility", "path_residual", path);
    out.put("physics_plausibility", "strain_change", strain);
    out.put("physics_plausibility", "lost_tracks", lost);
    (-path / 0.6 - strain / 0.06 - lost).exp() * e.gate()
}

/// The track without the camera's share, in standard pixels from its start.
fn own_path(e: &Evidence<'_>, track: &Track) -> Vec<[f64; 2]> {
    let (cx, cy) = (
        f64::from(e.motion.width - 1) / 2.0,
        f64::from(e.motion.height - 1) / 2.0,
    );
    let mut at = [0.0f64; 2];
    let mut path = vec![at];
    for (i, p) in track.points.windows(2).enumerate() {
        let [x, y] = p[0].map(f64::from);
        let camera = e.camera[track.start + i].at(x - cx, y - cy);
        for c in 0..2 {
            at[c] += e.scale * (f64::from(p[1][c] - p[0][c]) - camera[c]);
        }
        path.push(at);
    }
    path
}

/// Root mean square distance of a path from its best parabola in time.
fn residual(path: &[[f64; 2]]) -> f32 {
    let n = path.len() as f64;
    let half = (n - 1.0) / 2.0;
    // Orthogonal polynomials of degree 0, 1 and 2 on the window's times.
    let basis = |k: usize, i: usize| {
        let t = i as f64 - half;
        match k {
            0 => 1.0,
            1 => t,
            _ => t * t - (n * n - 1.0) / 12.0,
        }
    };
    let mut sum = 0.0;
    for c in 0..2 {
        let mut rest: Vec<f64> = path.iter().map(|p| p[c]).collect();
        for k in 0..3 {
            let norm: f64 = (0..rest.len()).map(|i| basis(k, i).powi(2)).sum();
            let dot: f64 = rest.iter().enumerate().map(|(i, r)| r * basis(k, i)).sum();
            for (i, r) in rest.iter_mut().enumerate() {
                *r -= dot / norm.max(1e-12) * basis(k, i);
            }
        }
        sum += rest.iter().map(|r| r * r).sum::<f64>();
    }
    (sum / n).sqrt() as f32
}

/// Mean change of the strain rate along the flow over one step, where both flows are consistent.
fn strain_change(e: &Evidence<'_>, s: &[&FlowPair]) -> f64 {
    let (w, h) = (e.motion.width as usize, e.motion.height as usize);
    let (mut sum, mut n) = (0.0f64, 0.0);
    for y in (2..h.saturating_sub(2)).step_by(3) {
        for x in (2..w.saturating_sub(2)).step_by(3) {
            let i = y * w + x;
            let u = s[0].forward[i];
            let (tx, ty) = ((x as f32 + u[0]).round(), (y as f32 + u[1]).round());
            let inside = tx >= 2.0 && ty >= 2.0 && tx < (w - 2) as f32 && ty < (h - 2) as f32;
            if !inside || s[0].valid[i] == 0 {
                continue;
            }
            let j = ty as usize * w + tx as usize;
            if s[1].valid[j] == 0 {
                continue;
            }
            let (p, q) = (strain(&s[0].forward, w, i), strain(&s[1].forward, w, j));
            let d: f32 = p.iter().zip(q).map(|(p, q)| (p - q).powi(2)).sum();
            sum += f64::from(d.sqrt());
            n += 1.0;
        }
    }
    sum / f64::max(n, 1.0)
}

/// Strain rate (xx, yy, xy) of a flow field at pixel `i`, by differences over four pixels.
fn strain(flow: &[[f32; 2]], w: usize, i: usize) -> [f32; 3] {
    let (l, r, t, d) = (flow[i - 2], flow[i + 2], flow[i - 2 * w], flow[i + 2 * w]);
    [
        0.25 * (r[0] - l[0]),
        0.25 * (d[1] - t[1]),
        0.125 * (d[0] - t[0] + r[1] - l[1]),
    ]
}

//! Network depth of a take, each map fitted to the true inverse depth of a sparse grid of pixels. The grid stands for the
//! tracked points that a camera solver has of what stands still: about 300 a frame, so that a map's own bends stay in it.

use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::take::{Seen, Take};
use crate::camera::Cameras;
use crate::depth::{DepthKind, DepthMap, DepthMaps, Model};
use crate::gpu::Gpu;
use crate::monitor::Monitor;
use crate::numeric::median;
use crate::video::Frames;

/// Pixels that a map is fitted on, about.
pub const POINTS: usize = 300;
/// Rounds of reweighting.
const ROUNDS: usize = 12;

#[derive(Serialize, Deserialize)]
struct Kept {
    kind: DepthKind,
    model: String,
    /// Of the stage that made them; the first that was kept is 2.
    #[serde(default = "first")]
    version: u32,
    /// The network's bytes, and the name that tells its kind; not in the first.
    #[serde(default)]
    identity: Vec<String>,
}

fn first() -> u32 {
    2
}

/// The network's maps of the views, kept beside the take, under `variant` where it was opened in another way than by itself. They are read back even where they were just made, so that the
/// numbers are the same.
///
/// # Errors
/// The network's, and files that cannot be written.
pub fn maps(
    gpu: &Gpu,
    model: &Model,
    variant: &str,
    frames: &Frames,
    folder: &Path,
    monitor: &dyn Monitor,
) -> anyhow::Result<DepthMaps> {
    let name = format!("depth-{}{variant}", &model.sha256()[..12]);
    let (record, values) = (
        folder.join(format!("{name}.json")),
        folder.join(format!("{name}.npy")),
    );
    let kept = std::fs::read(&record)
        .ok()
        .and_then(|b| serde_json::from_slice::<Kept>(&b).ok());
    let same = |k: &Kept| {
        let named = k.identity.is_empty() || k.identity == model.identity();
        k.version == crate::depth::VERSION && named
    };
    if let Some(kept) = kept.filter(same)
        && let Ok(maps) = DepthMaps::load_npy(&values, kept.kind, &kept.model)
        && maps.maps.len() == frames.len()
    {
        return Ok(maps);
    }
    let maps = model.estimate(gpu, frames, monitor)?;
    maps.save_npy(&values)?;
    let kept = Kept {
        kind: maps.kind,
        model: maps.model.clone(),
        version: crate::depth::VERSION,
        identity: model.identity(),
    };
    let text = serde_json::to_vec(&kept)?;
    crate::files::write_atomic(&record, &text).with_context(|| record.display().to_string())?;
    Ok(DepthMaps::load_npy(&values, kept.kind, &kept.model)?)
}

/// The true cameras with each map's scale and shift fitted; a view whose map cannot be fitted has no camera.
pub fn fitted(take: &Take, maps: &DepthMaps) -> Cameras {
    let mut cameras = take.cameras.clone();
    cameras.cameras.retain_mut(|camera| {
        let map = maps.maps.get(camera.frame).and_then(Option::as_ref);
        let line = map.and_then(|map| fit(maps.kind, map, take, &take.seen[camera.frame]));
        if let Some([scale, shift]) = line {
            (camera.depth_scale, camera.depth_shift) = (scale, shift);
        }
        line.is_some()
    });
    cameras
}

fn fit(kind: DepthKind, map: &DepthMap, take: &Take, seen: &Seen) -> Option<[f64; 2]> {
    let [width, height] = take.case.size;
    let step = ((f64::from(width) * f64::from(height) / POINTS as f64).sqrt() as usize).max(1);
    let mut points = Vec::new();
    for y in (step / 2..height as usize).step_by(step) {
        for x in (step / 2..width as usize).step_by(step) {
            let i = y * width as usize + x;
            let depth = f64::from(seen.depth[i]);
            if !depth.is_finite() || !take.lasting(seen.objects[i]) {
                continue;
            }
            let (u, v) = (
                (x as f64 + 0.5) / f64::from(width),
                (y as f64 + 0.5) / f64::from(height),
            );
            let value = map
                .sample(u, v)
                .filter(|v| kind != DepthKind::Metric || *v > 0.0);
            if let Some(value) = value {
                let value = if kind == DepthKind::Metric {
                    1.0 / value
                } else {
                    value
                };
                points.push([value, 1.0 / depth]);
            }
        }
    }
    line(&points, kind == DepthKind::RelativeInverse)
}

/// The line `y = scale x + shift` through points, least squares with Cauchy's weights at the residuals' own spread; with
/// no shift where there is none to be. `None` for fewer than 8 points or where x does not vary.
pub fn line(points: &[[f64; 2]], shifted: bool) -> Option<[f64; 2]> {
    if points.len() < 8 {
        return None;
    }
    let mut weights = vec![1.0; points.len()];
    let mut found = [0.0; 2];
    for _ in 0..ROUNDS {
        let sum = |f: &dyn Fn(&[f64; 2]) -> f64| -> f64 {
            points.iter().zip(&weights).map(|(p, w)| w * f(p)).sum()
        };
        let (w, x, y) = (sum(&|_| 1.0), sum(&|p| p[0]), sum(&|p| p[1]));
        let (xx, xy) = (sum(&|p| p[0] * p[0]), sum(&|p| p[0] * p[1]));
        found = match shifted {
            true => {
                let spread = w * xx - x * x;
                if !(spread > 1e-12 * w * xx) {
                    return None;
                }
                let scale = (w * xy - x * y) / spread;
                [scale, (y - scale * x) / w]
            }
            false if xx > 0.0 => [xy / xx, 0.0],
            false => return None,
        };
        let residual = |p: &[f64; 2]| (found[0] * p[0] + found[1] - p[1]).abs();
        let mut all: Vec<f64> = points.iter().map(residual).collect();
        let width = (1.4826 * median(&mut all)?).max(1e-9);
        for (weight, p) in weights.iter_mut().zip(points) {
            *weight = 1.0 / (1.0 + (residual(p) / (2.0 * width)).powi(2));
        }
    }
    (found[0].is_finite() && found[1].is_finite() && found[0] > 0.0).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_beside_outliers() {
        let mut points: Vec<[f64; 2]> = (0..100)
            .map(|i| [f64::from(i), 0.5 * f64::from(i) + 2.0])
            .collect();
        for p in points.iter_mut().step_by(5) {
            p[1] += 40.0;
        }
        let [scale, shift] = line(&points, true).expect("a line");
        assert!(
            (scale - 0.5).abs() < 1e-3 && (shift - 2.0).abs() < 0.05,
            "{scale} {shift}"
        );
        let through: Vec<[f64; 2]> = (1..20)
            .map(|i| [f64::from(i), 3.0 * f64::from(i)])
            .collect();
        assert_eq!(line(&through, false), Some([3.0, 0.0]));
        assert_eq!(line(&[[1.0, 2.0]; 20], true), None, "x does not vary");
        assert_eq!(line(&points[..7], true), None);
    }
}

//! What a run makes of the video alone, brought over into the truth's frame by the similarity between solved and true
//! cameras.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use glam::{DMat3, DVec3};
use nalgebra::Matrix3;

use super::case::FPS;
use super::fault::Fault;
use super::modes::{Tested, Tools, timed};
use super::take::Take;
use crate::agent;
use crate::camera::{Camera, Cameras, evaluate::Similarity};
use crate::pipeline::{self as stages, Given, Tracked};
use crate::revise::Evidence;
use crate::score;
use crate::world;

/// The similarity that takes solved cameras to true ones: the mean of the turns between their axes, then scale and shift of
/// their centres by least squares. Unlike centres alone this holds where the camera goes along a straight line.
pub fn similarity(solved: &[Camera], truth: impl Fn(&Camera) -> Camera) -> Similarity {
    let pairs: Vec<(Camera, Camera)> = solved.iter().map(|c| (*c, truth(c))).collect();
    let n = pairs.len().max(1) as f64;
    let sum = pairs.iter().fold(DMat3::ZERO, |sum, (s, t)| {
        sum + t.pose.rotation * s.pose.rotation.transpose()
    });
    let rotation = nearest_rotation(sum);
    let mean = |of: &dyn Fn(&(Camera, Camera)) -> DVec3| pairs.iter().map(of).sum::<DVec3>() / n;
    let from = mean(&|p| rotation * p.0.pose.position);
    let to = mean(&|p| p.1.pose.position);
    let (mut across, mut own) = (0.0, 0.0);
    for (s, t) in &pairs {
        let (a, b) = (rotation * s.pose.position - from, t.pose.position - to);
        across += a.dot(b);
        own += a.length_squared();
    }
    let scale = if own > 1e-12 && across > 0.0 {
        across / own
    } else {
        1.0
    };
    Similarity {
        scale,
        rotation,
        translation: to - scale * from,
    }
}

fn nearest_rotation(m: DMat3) -> DMat3 {
    let svd = Matrix3::from_fn(|r, c| m.row(r)[c]).svd(true, true);
    let (Some(u), Some(vt)) = (svd.u, svd.v_t) else {
        return DMat3::IDENTITY;
    };
    let sign = if (u * vt).determinant() < 0.0 {
        -1.0
    } else {
        1.0
    };
    let r = u * Matrix3::from_diagonal(&nalgebra::Vector3::new(1.0, 1.0, sign)) * vt;
    DMat3::from_cols_slice(r.as_slice())
}

/// The stages of a run from the video to the agents' report.
///
/// # Errors
/// Those of the stages, and an interruption.
pub fn test(
    tools: &Tools<'_>,
    take: &Take,
    faults: &[Fault],
    _folder: &Path,
) -> anyhow::Result<Tested> {
    let model = tools.model.context("no depth network was loaded")?;
    let (gpu, config, monitor) = (tools.gpu, tools.config, tools.monitor);
    let mut seconds = BTreeMap::new();
    let frames = timed(&mut seconds, "decode", || {
        stages::frames(gpu, &take.video, None, config, monitor)
    })?;
    let given = Given::default();
    let depth = timed(&mut seconds, "depth", || {
        stages::depth(gpu, &frames, &given, model, monitor)
    })?;
    let tracked = timed(&mut seconds, "cameras", || {
        let read = stages::reading(None, score::MAX_SIDE, config.decode);
        let motion = || {
            stages::pairs(
                gpu,
                &take.video,
                &read,
                &frames,
                None,
                &config.motion,
                monitor,
            )
        };
        stages::track(&frames, motion, &given, depth.as_ref(), config, monitor)
    })?;
    let solved = match tracked {
        Tracked::Solved(cameras) => cameras,
        Tracked::Refused { words, .. } => {
            return Ok(Tested {
                inspected: None,
                refused: Some(words),
                cameras: empty(&take.cameras),
                to_truth: similarity(&[], |c| *c),
                faults: faults.to_vec(),
                evidence: Evidence {
                    registered: 0.0,
                    held_out_psnr: None,
                },
                seconds,
            });
        }
    };
    let rebuilt = timed(&mut seconds, "splats", || {
        stages::rebuild(gpu, &frames, &solved, depth.as_ref(), config, monitor)
    })?;
    let cameras = rebuilt.cameras;
    let views = timed(&mut seconds, "views", || {
        stages::depth_views(gpu, &rebuilt.splats, &cameras)
    })?;
    let world = timed(&mut seconds, "world", || {
        world::build(gpu, &views, &rebuilt.alignment, &config.world, monitor)
    })?;
    let inspected = timed(&mut seconds, "agents", || {
        agent::inspect(gpu, &world, &views, &cameras, &config.agent, monitor)
    })?;
    let last = take.case.frames.saturating_sub(1);
    let to_truth = similarity(&cameras.cameras, |c| {
        take.scene
            .camera_at(((c.time * FPS).round().max(0.0) as usize).min(last))
    });
    Ok(Tested {
        inspected: Some(inspected),
        refused: None,
        evidence: Evidence {
            registered: solved.cameras.len() as f64 / solved.frames.max(1) as f64,
            held_out_psnr: rebuilt.report.held_out_psnr,
        },
        cameras,
        to_truth,
        faults: faults.to_vec(),
        seconds,
    })
}

fn empty(like: &Cameras) -> Cameras {
    Cameras {
        cameras: Vec::new(),
        ..like.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_way_has_one_similarity() {
        let case = super::super::case::cases(
            1,
            crate::eval::scores::clips::Half::Tuning,
            [96, 54],
            [1.0, 1.0],
            8,
        );
        let scene = case[0].scene();
        let truth: Vec<Camera> = (0..8)
            .map(|f| Camera {
                frame: f,
                ..scene.camera_at(f)
            })
            .collect();
        let turn = DMat3::from_euler(glam::EulerRot::YXZ, 0.7, 0.1, -0.2);
        let solved: Vec<Camera> = truth
            .iter()
            .enumerate()
            .map(|(k, c)| {
                let mut c = *c;
                c.pose.position = turn * (DVec3::new(0.0, 1.5, 0.1 * k as f64)) / 3.0 - DVec3::ONE;
                c.pose.rotation = turn * c.pose.rotation;
                c
            })
            .collect();
        let line = |c: &Camera| {
            let mut c = truth[c.frame];
            c.pose.position = DVec3::new(0.0, 1.5, 0.1 * c.frame as f64);
            c
        };
        let found = similarity(&solved, line);
        assert!((found.scale - 3.0).abs() < 1e-9);
        for c in &solved {
            assert!(found.apply(c.pose.position).distance(line(c).pose.position) < 1e-9);
        }
        let aside = turn * DVec3::new(0.9, 1.5, 0.0) / 3.0 - DVec3::ONE;
        assert!(found.apply(aside).distance(DVec3::new(0.9, 1.5, 0.0)) < 1e-9);
    }
}

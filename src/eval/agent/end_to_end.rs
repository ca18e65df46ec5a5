//! What a run makes of the video alone, brought over into the truth's frame by the similarity between solved and true
//! cameras.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use glam::{DMat3, DVec3};
use nalgebra::Matrix3;
use serde::{Serialize, de::DeserializeOwned};

use super::case::FPS;
use super::fault::Fault;
use super::modes::{Tested, Tools, timed};
use super::take::Take;
use super::witness::{Source, told_by_depth, witnesses};
use crate::agent;
use crate::camera::{self, Camera, Cameras, Way, evaluate::Similarity};
use crate::depth::{self, DepthKind, DepthMaps, Model};
use crate::files::write_atomic;
use crate::motion::{self, Masks};
use crate::numeric::median;
use crate::pipeline::{self as stages, Given, Maps, Tracked};
use crate::revise::Evidence;
use crate::splat::{self, Fit, format};
use crate::video;
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

/// What is kept of a take's stages up to the splats, by all that it hangs on.
struct Kept<'a> {
    folder: &'a Path,
    key: String,
    /// What the network's maps hang on: they are the dearest to make.
    maps: String,
}

impl<'a> Kept<'a> {
    fn new(tools: &Tools<'_>, model: &Model, folder: &'a Path) -> anyhow::Result<Self> {
        let c = tools.config;
        let of = serde_json::json!({
            "versions": [
                video::VERSION, motion::VERSION, depth::VERSION, camera::VERSION, splat::VERSION
            ],
            "model": model.sha256(),
            "sizes": [c.max_side as usize, c.max_frames],
            "motion": c.motion, "solve": c.solve, "fit": c.fit,
        });
        let maps = serde_json::json!({
            "versions": [video::VERSION, depth::VERSION],
            "model": model.sha256(),
            "sizes": [c.max_side as usize, c.max_frames],
        });
        let [key, maps] = [of, maps]
            .map(|of| crate::hash::sha256_hex(of.to_string().as_bytes())[..12].to_owned());
        Ok(Self { folder, key, maps })
    }

    fn path(&self, what: &str) -> PathBuf {
        self.folder.join(format!("run-{}-{what}", self.key))
    }

    fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }

    fn write<T: Serialize>(path: &Path, value: &T) -> anyhow::Result<()> {
        write_atomic(path, &serde_json::to_vec(value)?).with_context(|| path.display().to_string())
    }

    /// The network's maps; read back even where they were just made, as a run does.
    fn depth(&self, make: impl FnOnce() -> anyhow::Result<DepthMaps>) -> anyhow::Result<DepthMaps> {
        let [values, record] =
            ["npy", "json"].map(|kind| self.folder.join(format!("run-{}-depth.{kind}", self.maps)));
        let read = |(kind, model): (DepthKind, String)| DepthMaps::load_npy(&values, kind, &model);
        if let Some(kept) = Self::read(&record)
            && let Ok(maps) = read(kept)
        {
            return Ok(maps);
        }
        let maps = make()?;
        maps.save_npy(&values)?;
        Self::write(&record, &(maps.kind, &maps.model))?;
        Ok(read((maps.kind, maps.model))?)
    }

    fn tracked(
        &self,
        frames: usize,
        make: impl FnOnce() -> anyhow::Result<(Tracked, Option<Masks>)>,
    ) -> anyhow::Result<(Tracked, Option<Masks>)> {
        let [path, masks_path] = ["track.json", "masks.npy"].map(|what| self.path(what));
        if let Some(kept) = Self::read(&path) {
            match (&kept, Masks::load_npy(&masks_path, frames)) {
                (Tracked::Refused { .. }, _) => return Ok((kept, None)),
                (Tracked::Solved(_), Ok(masks)) => return Ok((kept, Some(masks))),
                _ => {}
            }
        }
        let (tracked, masks) = make()?;
        if let Some(masks) = &masks {
            masks.save_npy(&masks_path)?;
        }
        Self::write(&path, &tracked)?;
        Ok((tracked, masks))
    }

    /// Splats in the cameras' frame, and what their fit reports.
    fn fit(&self, make: impl FnOnce() -> anyhow::Result<Fit>) -> anyhow::Result<Fit> {
        let [path, record] = ["splats.ply", "fit.json"].map(|what| self.path(what));
        if let Some(report) = Self::read(&record)
            && let Ok(splats) = format::read(&path)
        {
            return Ok(Fit { splats, report });
        }
        let made = make()?;
        format::write(&path, &made.splats)?;
        Self::write(&record, &made.report)?;
        Ok(Fit {
            splats: format::read(&path)?,
            ..made
        })
    }
}

/// The stages of a run from the video to the agents' report. What the stages before the world leave is kept in `folder`.
///
/// # Errors
/// Those of the stages, and an interruption.
pub fn test(
    tools: &Tools<'_>,
    take: &Take,
    faults: &[Fault],
    folder: &Path,
) -> anyhow::Result<Tested> {
    let model = tools.model.context("no depth network was loaded")?;
    let (gpu, config, monitor) = (tools.gpu, tools.config, tools.monitor);
    let kept = Kept::new(tools, model, folder)?;
    let mut seconds = BTreeMap::new();
    let frames = timed(&mut seconds, "decode", || {
        stages::frames(gpu, &take.video, None, config, monitor)
    })?;
    let maps = timed(&mut seconds, "depth", || {
        kept.depth(|| Ok(model.estimate(gpu, &frames, monitor)?))
    })?;
    let (tracked, masks) = timed(&mut seconds, "cameras", || {
        kept.tracked(frames.len(), || {
            let motion = || Ok(motion::pairs(gpu, &frames, &config.motion, monitor)?);
            let given = Given::default();
            let found = stages::track(&frames, motion, &given, Some(&maps), config, monitor);
            found.map(|(tracked, beside)| (tracked, beside.masks))
        })
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
                witnesses: Vec::new(),
                evidence: Evidence {
                    registered: 0.0,
                    way: Way::default(),
                    held_out_psnr: None,
                },
                seconds,
            });
        }
    };
    let maps = Maps {
        depth: Some(maps),
        masks,
    };
    let Fit { mut splats, report } = timed(&mut seconds, "splats", || {
        kept.fit(|| {
            let parts = maps.parts();
            Ok(splat::fit(
                gpu,
                &frames,
                &solved,
                parts,
                &config.fit,
                monitor,
            )?)
        })
    })?;
    let (cameras, alignment) = stages::align(gpu, &mut splats, &solved, &maps)?;
    let views = timed(&mut seconds, "views", || {
        let found = alignment.floor_found;
        stages::evidence(gpu, &frames, &maps, &splats, &cameras, found, monitor)
    })?;
    let world = timed(&mut seconds, "world", || {
        world::build(gpu, &views, &alignment, &config.world, monitor)
    })?;
    let mut inspected = timed(&mut seconds, "agents", || {
        agent::inspect(gpu, &world, &views, &cameras, &config.agent, monitor)
    })?;
    let last = take.case.frames.saturating_sub(1);
    let to_truth = similarity(&cameras.cameras, |c| {
        let frame = (c.time * FPS).round().max(0.0) as usize;
        take.scene.camera_at(frame.min(last))
    });
    let witnesses = timed(&mut seconds, "witness", || -> anyhow::Result<_> {
        // Rendering what nothing is asked of takes a second.
        if !faults.iter().any(|f| f.visible && told_by_depth(f.kind)) {
            return Ok(Vec::new());
        }
        let rendered = stages::depth_views(gpu, &splats, &cameras)?;
        let sources = [(&views, Source::Maps), (&rendered, Source::Splats)];
        let all = sources.map(|(v, source)| witnesses(take, faults, v, to_truth.scale, source));
        Ok(all.concat())
    })?;
    let metrics = &mut inspected.report.metrics;
    for (name, value) in floor_off(&to_truth, &cameras) {
        if value.is_finite() {
            metrics.insert(name.to_owned(), value);
        }
    }
    Ok(Tested {
        inspected: Some(inspected),
        refused: None,
        evidence: Evidence {
            registered: solved.cameras.len() as f64 / solved.frames.max(1) as f64,
            way: cameras.way_of_depth(),
            held_out_psnr: report.held_out_psnr,
        },
        cameras,
        to_truth,
        faults: faults.to_vec(),
        witnesses,
        seconds,
    })
}

/// How far the world's floor is from the true one under the cameras, in true camera heights, and by how many degrees it
/// is tilted against it.
fn floor_off(to_truth: &Similarity, cameras: &Cameras) -> [(&'static str, f64); 2] {
    let under = |c: &Camera| {
        let p = c.pose.position;
        let (floor, eye) = (DVec3::new(p.x, 0.0, p.z), to_truth.apply(p));
        to_truth.apply(floor).y.abs() / eye.y.abs().max(1e-9)
    };
    let mut off: Vec<f64> = cameras.cameras.iter().map(under).collect();
    let up = to_truth.rotation * DVec3::Y;
    [
        ("floor_off_heights", median(&mut off).unwrap_or(f64::NAN)),
        (
            "floor_off_degrees",
            up.y.clamp(-1.0, 1.0).acos().to_degrees(),
        ),
    ]
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

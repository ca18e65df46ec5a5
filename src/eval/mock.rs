//! Checks the mock world's truth against itself, from the files that a take leaves.

use std::path::Path;

use anyhow::{Context, ensure};
use glam::DVec2;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::camera::Cameras;
use crate::mock::scene::Role;
use crate::mock::truth::{DefectTruth, SceneTruth};

/// Depth carried from frame to frame by the poses, against the written flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Pixels compared: of what stands still, seen in both frames.
    pub pixels: usize,
    /// Median distance in pixels.
    pub median: f64,
    /// 99th percentile in pixels.
    pub p99: f64,
    /// Median length of the flow itself, in pixels.
    pub flow: f64,
}

/// Reads a JSON file of `truth/`.
///
/// # Errors
/// The file's name and what is wrong with it.
pub fn json<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&bytes).with_context(|| path.display().to_string())
}

/// One frame of a folder of pictures under `truth/`.
fn picture(take: &Path, what: &str, frame: usize) -> anyhow::Result<image::DynamicImage> {
    let path = take
        .join("truth")
        .join(what)
        .join(format!("{frame:05}.png"));
    image::open(&path).with_context(|| path.display().to_string())
}

/// Depth of a frame in metres, 0 where nothing is.
///
/// # Errors
/// A file that is missing or no picture.
pub fn depth(take: &Path, frame: usize) -> anyhow::Result<Vec<f64>> {
    let picture = picture(take, "depth", frame)?.into_luma16();
    Ok(picture.iter().map(|&mm| f64::from(mm) / 1000.0).collect())
}

/// A mask or the object numbers of a frame.
///
/// # Errors
/// A file that is missing or no picture.
pub fn bytes(take: &Path, what: &str, frame: usize) -> anyhow::Result<Vec<u8>> {
    Ok(picture(take, what, frame)?.into_luma8().into_raw())
}

/// Flow from a frame to the next in pixels; `None` where it is not known.
///
/// # Errors
/// A file that is missing or no picture.
pub fn flow(take: &Path, frame: usize) -> anyhow::Result<Vec<Option<DVec2>>> {
    let picture = picture(take, "flow", frame)?.into_rgb16();
    let coded = |v: u16| (f64::from(v) - 32_768.0) / 64.0;
    let one = |p: &image::Rgb<u16>| (p[2] == 1).then(|| DVec2::new(coded(p[0]), coded(p[1])));
    Ok(picture.pixels().map(one).collect())
}

/// Compares all frames of a take: each static pixel's depth, moved by the true poses, against the true flow.
///
/// # Errors
/// Files of the truth that are missing or do not fit together.
pub fn agreement(take: &Path) -> anyhow::Result<Agreement> {
    let cameras = Cameras::load(&take.join("truth/cameras.json"))?;
    let scene: SceneTruth = json(&take.join("truth/scene.json"))?;
    let defects: DefectTruth = json(&take.join("truth/defects.json"))?;
    // Subjects, and what a defect moves.
    let moves = |id: u8| {
        let id = u32::from(id);
        let object = scene.objects.iter().find(|o| o.id == id);
        let befallen = defects.planted.iter().any(|p| p.objects.contains(&id));
        befallen || object.is_none_or(|o| o.role == Role::Subject)
    };
    let mut errors = Vec::new();
    let mut lengths = Vec::new();
    for pair in cameras.cameras.windows(2) {
        let [a, b] = [pair[0], pair[1]];
        let (z, objects) = (depth(take, a.frame)?, bytes(take, "objects", a.frame)?);
        let (flow, hidden) = (flow(take, a.frame)?, bytes(take, "hidden", a.frame)?);
        let k = a.intrinsics;
        let width = k.width as usize;
        let pixels = width * k.height as usize;
        ensure!(
            [z.len(), objects.len(), flow.len(), hidden.len()] == [pixels; 4],
            "{}: the pictures of frame {} have other sizes than its camera",
            take.display(),
            a.frame
        );
        for i in 0..pixels {
            let Some(flow) = flow[i].filter(|_| hidden[i] == 0 && !moves(objects[i])) else {
                continue;
            };
            let at = DVec2::new((i % width) as f64 + 0.5, (i / width) as f64 + 0.5);
            let p = a.pose.to_world(k.unproject(at.x, at.y, z[i]));
            if let Some(to) = b.intrinsics.project(b.pose.to_camera(p)) {
                errors.push((to - at).distance(flow));
                lengths.push(flow.length());
            }
        }
    }
    let share = |list: &mut Vec<f64>, share: f64| {
        if list.is_empty() {
            return 0.0;
        }
        let at = ((list.len() - 1) as f64 * share) as usize;
        *list.select_nth_unstable_by(at, f64::total_cmp).1
    };
    Ok(Agreement {
        pixels: errors.len(),
        median: share(&mut errors, 0.5),
        p99: share(&mut errors, 0.99),
        flow: share(&mut lengths, 0.5),
    })
}

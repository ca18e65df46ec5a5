//! Cameras that lie beside a file.

use std::path::Path;

use anyhow::Context as _;
use glam::{DMat3, DVec3};

use crate::camera::{Camera, Cameras, Intrinsics, LengthUnit, Pose};
use crate::capture::transforms::{Frame, Want};
use crate::capture::{Lens, Transforms};

/// The document of a JSON file; `what` it does not say where it is another.
pub(super) fn json<T: serde::de::DeserializeOwned>(path: &Path, what: &str) -> anyhow::Result<T> {
    let place = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("{place}: cannot read"))?;
    serde_json::from_str(&text).with_context(|| format!("{place}: it does not say {what}"))
}

/// The cameras of a `cameras.json`.
pub(super) fn read(path: &Path) -> anyhow::Result<Cameras> {
    let place = path.display();
    let cameras: Cameras = json(path, "where cameras are")?;
    anyhow::ensure!(
        !cameras.cameras.is_empty(),
        "{place}: no camera is registered; run `director track` again"
    );
    for (at, camera) in cameras.cameras.iter().enumerate() {
        let (k, pose) = (camera.intrinsics, camera.pose);
        let sound = pose.position.is_finite()
            && pose.rotation.is_finite()
            && [k.fx, k.fy].iter().all(|f| f.is_finite() && *f > 0.0)
            && k.width > 0
            && k.height > 0;
        anyhow::ensure!(
            sound,
            "{place}: cameras[{at}] has a pose, a focal length or a size that is no such thing; leave it out"
        );
    }
    Ok(cameras)
}

/// Those of the `cameras.json` in the folder of a file, where there is one.
pub(super) fn cameras(file: &Path) -> anyhow::Result<Option<Cameras>> {
    let path = file.with_file_name("cameras.json");
    match path.is_file() {
        true => Ok(Some(read(&path)?)),
        false => Ok(None),
    }
}

/// Those of the `transforms.json` in the folder of a file, in the file's own frame, where there is one, and what was passed
/// over. Its pictures are not looked for.
pub(super) fn transforms(file: &Path) -> anyhow::Result<Option<(Cameras, Vec<String>)>> {
    let path = file.with_file_name("transforms.json");
    if !path.is_file() {
        return Ok(None);
    }
    let place = path.display();
    let mend = "mend it, or move it away to have viewpoints guessed";
    let list = Transforms::read(&path, Want::Cameras)
        .map_err(|reason| anyhow::anyhow!("{place}: {reason}; {mend}"))?;
    anyhow::ensure!(!list.frames.is_empty(), "{place}: it has no frames; {mend}");
    let mut cameras = Vec::with_capacity(list.frames.len());
    for (frame, entry) in list.frames.iter().enumerate() {
        let wrong = |words: String| anyhow::anyhow!("{place}: frames[{frame}]: {words}; {mend}");
        cameras.push(Camera {
            frame,
            time: 0.0,
            intrinsics: intrinsics(entry, &list.lens).map_err(wrong)?,
            pose: pose(entry).map_err(wrong)?,
            depth_scale: 1.0,
            depth_shift: 0.0,
        });
    }
    let bent = |lens: &Lens| {
        ["k1", "k2", "k3", "k4", "p1", "p2"]
            .iter()
            .any(|k| lens.get(k).is_some_and(|v| v != 0.0))
    };
    let mut notes = vec![
        "the cameras are those of the transforms.json beside the file, taken to be in its frame; they are photographs, not a way".to_owned(),
    ];
    if bent(&list.lens)
        || list
            .frames
            .iter()
            .any(|f| f.lens.as_deref().is_some_and(bent))
    {
        notes.push(
            "the lens distortion of transforms.json is passed over: splats are rendered without"
                .to_owned(),
        );
    }
    let cameras = Cameras::known(cameras, LengthUnit::Arbitrary);
    Ok(Some((cameras, notes)))
}

fn intrinsics(frame: &Frame, shared: &Lens) -> Result<Intrinsics, String> {
    let get = |name: &str| {
        let own = frame.lens.as_deref().and_then(|lens| lens.get(name));
        own.or_else(|| shared.get(name))
    };
    let side = |name: &str, centre: &str| {
        get(name)
            .or_else(|| get(centre).map(|c| 2.0 * c))
            .filter(|v| (1.0..=65_536.0).contains(v))
            .ok_or_else(|| format!("there is no {name}, the picture's side in pixels"))
    };
    let (width, height) = (side("w", "cx")?, side("h", "cy")?);
    let angle = |name: &str, side: f64| {
        let angle = get(name).filter(|a| *a > 0.0 && *a < std::f64::consts::PI)?;
        Some(side / 2.0 / (angle / 2.0).tan())
    };
    let length = |name: &str| get(name).filter(|f| f.is_finite() && *f > 0.0);
    let fx = length("fl_x").or_else(|| angle("camera_angle_x", width));
    let fy = length("fl_y").or_else(|| angle("camera_angle_y", height));
    let (fx, fy) = match (fx, fy) {
        (Some(fx), fy) => (fx, fy.unwrap_or(fx)),
        (None, Some(fy)) => (fy, fy),
        (None, None) => return Err("there is no focal length (fl_x, or camera_angle_x)".to_owned()),
    };
    Ok(Intrinsics {
        width: width.round() as u32,
        height: height.round() as u32,
        fx,
        fy,
        cx: get("cx").filter(|v| v.is_finite()).unwrap_or(width / 2.0),
        cy: get("cy").filter(|v| v.is_finite()).unwrap_or(height / 2.0),
    })
}

/// OpenGL axes to ours; the world stays the file's.
fn pose(frame: &Frame) -> Result<Pose, String> {
    let m = frame
        .matrix
        .as_deref()
        .ok_or("transform_matrix is missing")?;
    let column = |c: usize| DVec3::new(m[0][c], m[1][c], m[2][c]);
    let rotation = DMat3::from_cols(column(0), -column(1), -column(2));
    let scale = rotation.determinant().cbrt();
    let turn = rotation * (1.0 / scale);
    let off = turn * turn.transpose() - DMat3::IDENTITY;
    let straight = off.to_cols_array().iter().all(|v| v.abs() < 1e-3);
    match scale > 0.0 && straight && column(3).is_finite() {
        true => Ok(Pose {
            rotation: turn,
            position: column(3),
        }),
        false => Err("transform_matrix is no pose".to_owned()),
    }
}

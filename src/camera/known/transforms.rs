//! `transforms*.json` of nerfstudio, instant-ngp and of Blender's NeRF scenes.

use std::path::{Path, PathBuf};

use glam::{DMat3, DVec3};

use super::lens::Told;
use super::notes::Notes;
use super::places::{Match, Places};
use super::{Found, IGNORE, fault, header, rotation, turned};
use crate::camera::{CameraError, Pose};
use crate::capture::transforms::{Frame, Want};
use crate::capture::{FARTHEST, Lens, Transforms};
use crate::picture::EXTENSIONS;

/// Lists that count before others of the same folder.
const FIRST: [&str; 2] = ["transforms.json", "transforms_train.json"];

/// All cameras of the folder's (or else its parent's) files that belong to one of the images, in image order.
pub(super) fn read(
    folder: &Path,
    images: &[PathBuf],
    notes: &mut Notes,
) -> Result<Option<Vec<Found>>, CameraError> {
    let here = match folder.extension().is_some_and(|e| e == "json") && !folder.is_dir() {
        true => vec![folder.to_path_buf()],
        false => listing(folder),
    };
    let files = match folder.canonicalize().ok().as_deref().and_then(Path::parent) {
        Some(parent) if here.is_empty() => listing(parent),
        _ => here,
    };
    let mut lists = Vec::with_capacity(files.len());
    for path in files {
        let list = Transforms::read(&path, Want::Cameras)
            .map_err(|reason| fault(&path, format!("{reason}; mend it or {IGNORE}")))?;
        lists.push((path, list));
    }
    let places = Places::of(images);
    let mut chosen: Vec<Option<Chosen>> = vec![None; images.len()];
    for (list, (path, transforms)) in lists.iter().enumerate() {
        for (at, frame) in transforms.frames.iter().enumerate() {
            let folder = path.parent().unwrap_or(Path::new("."));
            let file = frame.find(folder, &EXTENSIONS);
            let Some((sure, index)) = places.find(file.as_deref(), &frame.file_path) else {
                continue;
            };
            let new = Chosen { sure, list, at };
            match &mut chosen[index] {
                Some(old) if old.sure < sure => {}
                Some(old) if old.sure == sure => twice(&lists, *old, new, notes)?,
                slot => *slot = Some(new),
            }
        }
    }
    let mut found = Vec::with_capacity(images.len());
    let none = Lens::default();
    for (index, (image, chosen)) in images.iter().zip(chosen).enumerate() {
        let Some(Chosen { list, at, .. }) = chosen else {
            continue;
        };
        let (path, list) = &lists[list];
        let frame = &list.frames[at];
        let field = format!("frames[{at}].");
        let told = Told {
            own: frame.lens.as_deref().unwrap_or(&none),
            shared: &list.lens,
            at: &field,
            path,
        };
        let header = header(image)?;
        let lens = told.intrinsics(&header, notes)?;
        let pose = pose(frame, &field, path)?;
        let camera = Found {
            index,
            intrinsics: lens.intrinsics,
            bent: lens.bent,
            pose,
        };
        found.push(match lens.stored {
            true => turned(camera, &header, image)?,
            false => camera,
        });
    }
    if let Some((path, list)) = lists.first().filter(|_| !found.is_empty()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        for (count, what) in [
            (list.masks, "masks (mask_path)"),
            (list.depths, "depth maps (depth_file_path)"),
        ] {
            if count > 0 {
                notes.add(
                    what,
                    format!("{name} names {count} {what}, which are not read"),
                );
            }
        }
    }
    Ok((!found.is_empty()).then_some(found))
}

/// A frame that stands for an image.
#[derive(Clone, Copy)]
struct Chosen {
    sure: Match,
    /// Which list.
    list: usize,
    /// Which of its frames.
    at: usize,
}

/// Of two frames that stand for one image, the first counts. Where their poses differ, it is told; in one list no one can
/// choose between them.
fn twice(
    lists: &[(PathBuf, Transforms)],
    old: Chosen,
    new: Chosen,
    notes: &mut Notes,
) -> Result<(), CameraError> {
    let frame = |c: Chosen| &lists[c.list].1.frames[c.at];
    if frame(old).matrix == frame(new).matrix {
        return Ok(());
    }
    let (path, called) = (&lists[new.list].0, &frame(new).file_path);
    if old.list == new.list {
        return Err(fault(
            path,
            format!(
                "frames[{}] and frames[{}] give '{called}' two different poses; keep one, or {IGNORE}",
                old.at, new.at
            ),
        ));
    }
    let name = |c: Chosen| {
        lists[c.list]
            .0
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
    };
    let words = format!(
        "{} and {} give '{called}' different poses: those of {} were taken; give the list itself for others",
        name(old),
        name(new),
        name(old)
    );
    notes.add("lists", words);
    Ok(())
}

fn listing(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path
                .file_name()
                .and_then(|n| n.to_str())
                .unwrap_or_default();
            name.starts_with("transforms") && name.ends_with(".json")
        })
        .collect();
    files.sort();
    files.sort_by_key(|path| {
        let place = FIRST.iter().position(|first| path.ends_with(first));
        place.unwrap_or(FIRST.len())
    });
    files
}

/// OpenGL camera (x right, y up, z back) in a world with +Z up, to ours: x right, y down, z forward, +Y up.
fn pose(frame: &Frame, at: &str, path: &Path) -> Result<Pose, CameraError> {
    let Some(m) = frame.matrix.as_deref() else {
        return Err(fault(path, format!("{at}transform_matrix is missing")));
    };
    for (r, row) in m.iter().enumerate() {
        if let Some(c) = row.iter().position(|x| !x.is_finite()) {
            return Err(fault(
                path,
                format!(
                    "{at}transform_matrix[{r}][{c}] is {}, which is no number; leave the frame out, or {IGNORE}",
                    row[c]
                ),
            ));
        }
        if let Some(far) = row.get(3).filter(|x| x.abs() > FARTHEST) {
            return Err(fault(
                path,
                format!(
                    "{at}transform_matrix[{r}][3] is {far:e}: a camera farther than {FARTHEST:e} away is no place in single precision; leave \
                     the frame out, or {IGNORE}"
                ),
            ));
        }
    }
    let last = [0.0, 0.0, 0.0, 1.0];
    if m[3]
        .iter()
        .zip(last)
        .any(|(a, b): (&f64, f64)| (a - b).abs() > 1e-6)
    {
        return Err(fault(
            path,
            format!(
                "{at}transform_matrix ends in the row {:?}, not 0 0 0 1: it is no pose, or was written by columns; write it by rows, or {IGNORE}",
                m[3]
            ),
        ));
    }
    let column = |c: usize| DVec3::new(m[0][c], m[1][c], m[2][c]);
    let upright = DMat3::from_cols(DVec3::X, -DVec3::Z, DVec3::Y);
    let field = format!("{at}transform_matrix");
    let r = rotation([column(0), -column(1), -column(2)], &field, path)?;
    Ok(Pose {
        rotation: upright * r,
        position: upright * column(3),
    })
}

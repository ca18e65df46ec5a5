//! `transforms*.json` of nerfstudio, instant-ngp and of Blender's NeRF scenes.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use glam::{DMat3, DVec3};

use super::lens::Told;
use super::notes::Notes;
use super::{Found, IGNORE, fault, header, rotation, turned};
use crate::camera::{CameraError, Pose};
use crate::capture::transforms::{Frame, Want};
use crate::capture::{Lens, Transforms};
use crate::picture::EXTENSIONS;

/// Lists that count before others of the same folder.
const FIRST: [&str; 2] = ["transforms.json", "transforms_train.json"];

/// How surely a frame of a list is an image, surest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Match {
    /// The very file.
    Itself,
    /// The end of its path, with or without extension.
    End,
    /// Its name alone.
    Name,
}

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
            let Some((sure, index)) = places.find(path, frame) else {
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
        found.push(match lens.stored {
            true => turned(index, &lens.intrinsics, &pose, &header, image)?,
            false => Found {
                index,
                intrinsics: lens.intrinsics,
                pose,
            },
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

/// Images by what a list may call them.
struct Places<'a> {
    images: &'a [PathBuf],
    paths: HashMap<PathBuf, usize>,
    /// By name with and without extension.
    names: HashMap<&'a OsStr, Vec<usize>>,
}

impl<'a> Places<'a> {
    fn of(images: &'a [PathBuf]) -> Self {
        let mut paths = HashMap::with_capacity(images.len());
        let mut names: HashMap<_, Vec<usize>> = HashMap::with_capacity(2 * images.len());
        for (index, image) in images.iter().enumerate() {
            paths.entry(whole(image)).or_insert(index);
            for name in [image.file_name(), image.file_stem()].into_iter().flatten() {
                names.entry(name).or_default().push(index);
            }
        }
        Self {
            images,
            paths,
            names,
        }
    }

    /// The image that `frame` of the list at `path` names, its very file before all.
    fn find(&self, path: &Path, frame: &Frame) -> Option<(Match, usize)> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let file = frame.find(folder, &EXTENSIONS);
        if let Some(&index) = file.and_then(|file| self.paths.get(&whole(&file))) {
            return Some((Match::Itself, index));
        }
        let tail: PathBuf = Path::new(&frame.file_path.replace('\\', "/"))
            .components()
            .filter(|c| matches!(c, Component::Normal(_)))
            .collect();
        let alike = self.names.get(tail.file_name()?)?;
        let ends = |&&index: &&usize| {
            let image = &self.images[index];
            image.ends_with(&tail) || image.with_extension("").ends_with(&tail)
        };
        match (alike.iter().find(ends), alike.as_slice()) {
            (Some(&index), _) if tail.components().nth(1).is_some() => Some((Match::End, index)),
            // A name that several folders have says nothing.
            (_, &[index]) => Some((Match::Name, index)),
            _ => None,
        }
    }
}

/// A path that does not depend on how it was written.
fn whole(path: &Path) -> PathBuf {
    path.canonicalize()
        .unwrap_or_else(|_| path.components().collect())
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

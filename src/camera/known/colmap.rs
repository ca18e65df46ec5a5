//! Cameras of a model of COLMAP's that lies beside the images.

use std::path::{Path, PathBuf};

use glam::{DMat3, DQuat, DVec3};

use super::lens::Told;
use super::notes::Notes;
use super::places::{Match, Places};
use super::{Found, IGNORE, fault, header, turned};
use crate::camera::{CameraError, Pose};
use crate::capture::Lens;
use crate::capture::colmap::{Fault, Image, Model, Other, find};
use crate::numeric::median;

/// Folders of images beside a model, by which their names are told.
const FOLDERS: [&str; 2] = ["images", ""];

/// COLMAP's world in ours.
const UPRIGHT: DMat3 = DMat3::from_diagonal(DVec3::new(1.0, -1.0, -1.0));

/// Cameras by which the scale is told.
const LOOKS: usize = 16;

/// All cameras of the model in the folder (or else above it) that belong to one of the images, in image order. COLMAP's scale is
/// arbitrary: where the model has points, and no `depth` that is known goes with the cameras, their median depth becomes 1.
pub(super) fn read(
    folder: &Path,
    images: &[PathBuf],
    depth: bool,
    notes: &mut Notes,
) -> Result<Option<Vec<Found>>, CameraError> {
    let folder = match folder.is_dir() {
        true => folder.canonicalize().ok(),
        false => folder.parent().map(Path::to_owned),
    };
    let mut bases = folder.iter().flat_map(|folder| folder.ancestors().take(2));
    let Some((base, place)) = bases.find_map(|base| Some((base, find(base)?))) else {
        return Ok(None);
    };
    let model = Model::read(&place)
        .map_err(|Fault { path, reason }| fault(&path, format!("{reason}, or {IGNORE}")))?;
    let called = place.strip_prefix(base).unwrap_or(&place).display();
    let called = match place == base {
        true => "in the folder".to_owned(),
        false => format!("in {called}"),
    };
    let chosen = choose(&model, base, images)?;
    let used = chosen.iter().flatten().count();
    if used == 0 {
        let first = model.images.first().map_or("none", |image| &image.name);
        notes.add(
            "colmap",
            format!(
                "none of the {} images of the COLMAP model {called} is one of the pictures (its first is '{first}'), so its cameras are not \
                 used: give the pictures that it was made from, under their names",
                model.images.len()
            ),
        );
        return Ok(None);
    }
    notes.add(
        "colmap",
        format!(
            "cameras are those of the COLMAP model {called}, of {} images",
            model.images.len()
        ),
    );
    tell_rest(&model, base, &called, used, notes);
    let mut found = Vec::with_capacity(used);
    let none = Lens::default();
    for (index, (path, chosen)) in images.iter().zip(chosen).enumerate() {
        let Some((_, image)) = chosen else {
            continue;
        };
        // Every image's camera is there, or the model was not read.
        let field = format!("camera {}: ", image.camera);
        let told = Told {
            own: model.cameras.get(&image.camera).unwrap_or(&none),
            shared: &none,
            at: &field,
            path: &model.cameras_file,
        };
        let header = header(path)?;
        let lens = told.intrinsics(&header, notes)?;
        let camera = Found {
            index,
            intrinsics: lens.intrinsics,
            bent: lens.bent,
            pose: pose(image),
        };
        found.push(match lens.stored {
            true => turned(camera, &header, path)?,
            false => camera,
        });
    }
    match depth {
        false => rescale(&mut found, model.points, notes),
        true => {
            let words = format!(
                "the COLMAP model {called} and the depth that is known were taken to be of one scale, in metres: a guess, since COLMAP's scale is arbitrary"
            );
            notes.add("colmap scale", words);
        }
    }
    Ok(Some(found))
}

/// Tells of what of the model is not there or not used.
fn tell_rest(model: &Model, base: &Path, called: &str, used: usize, notes: &mut Notes) {
    let missing = model
        .images
        .iter()
        .filter(|image| file(base, image).is_none());
    let missing = missing.count();
    if missing > 0 && used < model.images.len() {
        let words = format!("the pictures of {missing} images of the COLMAP model are not there");
        notes.add("colmap images", words);
    }
    if !model.others.is_empty() {
        let of = |other: &Other| format!("{} of {} images", other.name, other.images);
        let others: Vec<String> = model.others.iter().map(of).collect();
        let words = format!(
            "other models lie beside the COLMAP model {called}, in worlds of their own ({}): they are not used",
            others.join(", ")
        );
        notes.add("colmap models", words);
    }
}

/// Makes the median depth of the points 1.
fn rescale(found: &mut [Found], points: Option<Result<Vec<[f64; 3]>, Fault>>, notes: &mut Notes) {
    match points {
        Some(Ok(points)) => {
            if let Some(middle) = middle(found, &points) {
                for camera in found {
                    camera.pose.position /= middle;
                }
                let words = format!(
                    "lengths of the COLMAP model, whose scale is arbitrary, were divided by {middle:.4}, the median depth of its {} points",
                    points.len()
                );
                notes.add("colmap scale", words);
            }
        }
        Some(Err(Fault { path, reason })) => {
            let words = format!(
                "{}: {reason}; the scale of the COLMAP model was left as it is",
                path.display()
            );
            notes.add("colmap scale", words);
        }
        None => {}
    }
}

/// Median depth of what the cameras see of the points, of [`LOOKS`] evenly taken cameras and as many thousand points.
fn middle(found: &[Found], points: &[[f64; 3]]) -> Option<f64> {
    let mut depths = Vec::new();
    for camera in found.iter().step_by(found.len().div_ceil(LOOKS).max(1)) {
        let k = &camera.intrinsics;
        for point in points
            .iter()
            .step_by(points.len().div_ceil(1000 * LOOKS).max(1))
        {
            let seen = camera.pose.to_camera(UPRIGHT * DVec3::from(*point));
            let at = k.project(seen);
            let inside = |c: f64, side: u32| (0.0..=f64::from(side)).contains(&c);
            if at.is_some_and(|at| inside(at.x, k.width) && inside(at.y, k.height)) {
                depths.push(seen.z);
            }
        }
    }
    median(&mut depths).filter(|depth| depth.is_finite() && *depth > 0.0)
}

/// The picture of an image, where it lies beside the model.
fn file(base: &Path, image: &Image) -> Option<PathBuf> {
    let files = FOLDERS.map(|folder| base.join(folder).join(&image.name));
    files.into_iter().find(|file| file.is_file())
}

/// The model's image for each of the images, the surest of several.
fn choose<'m>(
    model: &'m Model,
    base: &Path,
    images: &[PathBuf],
) -> Result<Vec<Option<(Match, &'m Image)>>, CameraError> {
    let places = Places::of(images);
    let mut chosen: Vec<Option<(Match, &Image)>> = vec![None; images.len()];
    for image in &model.images {
        let file = file(base, image);
        let Some((sure, index)) = places.find(file.as_deref(), &image.name) else {
            continue;
        };
        // Folders of a name tell images of the same name apart.
        if sure == Match::Name && image.name.contains('/') {
            continue;
        }
        match &mut chosen[index] {
            Some((old, _)) if *old < sure => {}
            Some((old, other)) if *old == sure => {
                if (other.rotation, other.translation) != (image.rotation, image.translation) {
                    return Err(fault(
                        &model.images_file,
                        format!(
                            "'{}' has two different poses; keep one, or {IGNORE}",
                            image.name
                        ),
                    ));
                }
            }
            slot => *slot = Some((sure, image)),
        }
    }
    Ok(chosen)
}

/// World to camera in COLMAP's world, whose +Y is down where it was turned at all, to camera to world in ours.
fn pose(image: &Image) -> Pose {
    let [w, x, y, z] = image.rotation;
    let back = DMat3::from_quat(DQuat::from_xyzw(x, y, z, w).normalize()).transpose();
    Pose {
        rotation: UPRIGHT * back,
        position: UPRIGHT * -(back * DVec3::from(image.translation)),
    }
}

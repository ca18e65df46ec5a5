//! Known cameras and depth that lie beside a folder of images.

use std::path::{Path, PathBuf};

use super::{Camera, CameraError, Cameras, Intrinsics, LengthUnit, Pose};
use crate::capture::Foreign;
use crate::depth::{DepthKind, DepthMap, DepthMaps};
use crate::gpu::{Gpu, GpuError};
use crate::picture::{self, Header};

mod coefficients;
mod colmap;
mod distortion;
mod lens;
mod notes;
mod places;
mod seven_scenes;
mod transforms;
mod turn;

pub use distortion::{Distortion, Undistortion};

use distortion::Bent;
use notes::Notes;

/// The mend that always holds.
const IGNORE: &str = "use --ignore-known-cameras";

/// How the name of depth beside an image ends.
const DEPTH: &str = "depth.png";

/// What a folder says of its images.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Poses; only images that have one are in it, paired with `image_paths` by index.
    pub cameras: Option<Cameras>,
    /// Depth in metres, model `known`; `None` for an image without. It is of the images as they are: see
    /// [`Known::undistort_depth`].
    pub depth: Option<DepthMaps>,
    /// Intrinsics at the asked size.
    pub intrinsics: Option<Intrinsics>,
    /// How the images of lenses that distort become those of `cameras` and `intrinsics`, which are pinholes; in the order of the
    /// frames.
    pub lenses: Vec<Undistortion>,
    /// What a person should know: guesses, and what lies there and is not read. Those of `cameras` are in its notes too.
    pub notes: Vec<String>,
}

/// What of it is asked for; the rest may be damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Poses and intrinsics.
    pub cameras: bool,
    /// Depth.
    pub depth: bool,
}

/// One image's camera before it is brought to the working size and the world's frame.
struct Found {
    index: usize,
    /// The lens'.
    intrinsics: Intrinsics,
    /// Where it is no pinhole.
    bent: Option<Bent>,
    pose: Pose,
}

impl Known {
    /// Depth as the pinholes of `cameras` see it: nearest neighbour, unknown where the lens shows nothing.
    ///
    /// # Errors
    /// As [`Gpu::upload`].
    pub fn undistort_depth(&mut self, gpu: &Gpu) -> Result<(), GpuError> {
        let maps = self.depth.as_mut().map_or(&mut [][..], |d| &mut d.maps);
        for lens in &self.lenses {
            let Some(map) = maps.get_mut(lens.frame).and_then(Option::as_mut) else {
                continue;
            };
            let bits: Vec<u32> = map.values.iter().map(|v| v.to_bits()).collect();
            let params = lens.depth(map.width, map.height);
            let seen = gpu.read(&params.apply(gpu, &gpu.upload(&bits)?)?)?;
            map.values = seen.into_iter().map(f32::from_bits).collect();
        }
        Ok(())
    }
}

/// Known cameras and depth of the images at `image_paths` (in the order of the frames, with their `times` in
/// seconds) of `path` (a folder, or a `transforms*.json` itself), with intrinsics for images of `width` x `height` pixels.
///
/// Read are `transforms*.json` (nerfstudio, Blender's NeRF scenes: OpenGL cameras in a world whose +Z is up, taken as they
/// stand: `applied_transform` and `applied_scale` tell how they came there, and are not undone), else a model of COLMAP's (its
/// world turned as nerfstudio does, so that its -Y is up: the same cameras as of a `transforms.json` made of it, but that the
/// median depth of the model's points becomes 1 where it has points and no depth is known), else
/// `NAME.pose.txt` with `camera-intrinsics.txt` (7-Scenes, 3DMatch: OpenCV camera-to-world in metres, brought
/// into the gauge of the first camera); and `NAME.depth.png` (16 bits, millimetres, 0 and 65535 unknown), where
/// the image is `NAME.png` or `NAME.color.png`. Cameras and depth are those of the upright pictures: what is of the pixels
/// as stored is turned by the pictures' EXIF orientation. They are pinholes; pictures of lenses that distort become theirs by
/// [`Known::lenses`]. `None` where there is nothing of that.
///
/// # Errors
/// [`CameraError::File`] for a file that is there but cannot be read, and for lenses that are not known.
pub fn known(
    path: &Path,
    image_paths: &[PathBuf],
    times: &[f64],
    width: u32,
    height: u32,
) -> Result<Option<Known>, CameraError> {
    let wanted = Wanted {
        cameras: true,
        depth: true,
    };
    let known = known_of(wanted, path, image_paths, times, [width, height])?;
    let any = known.cameras.is_some() || known.depth.is_some() || known.intrinsics.is_some();
    Ok(any.then_some(known))
}

/// As [`known`], of what is `wanted` alone, for images of `size`; with notes also where there is nothing.
///
/// # Errors
/// As [`known`].
pub fn known_of(
    wanted: Wanted,
    path: &Path,
    image_paths: &[PathBuf],
    times: &[f64],
    size: [u32; 2],
) -> Result<Known, CameraError> {
    let mut known = Known::default();
    if image_paths.is_empty() {
        return Ok(known);
    }
    if wanted.cameras {
        let with_depth = wanted.depth && image_paths.iter().any(|i| beside(i, DEPTH).is_some());
        cameras(&mut known, path, image_paths, times, size, with_depth)?;
    }
    if wanted.depth {
        known.depth = depth(image_paths)?;
        let blank = |map: &DepthMap| !map.values.iter().any(|v| v.is_finite());
        let maps = known.depth.iter().flat_map(|depth| &depth.maps).flatten();
        let (blank, all) = maps.fold((0, 0), |(n, all), map| {
            (n + usize::from(blank(map)), all + 1)
        });
        if blank > 0 {
            known.notes.push(format!(
                "{blank} of {all} depth pictures are 0 or unknown throughout: they tell nothing"
            ));
        }
    }
    Ok(known)
}

fn cameras(
    known: &mut Known,
    path: &Path,
    image_paths: &[PathBuf],
    times: &[f64],
    [width, height]: [u32; 2],
    with_depth: bool,
) -> Result<(), CameraError> {
    let mut notes = Notes::default();
    let arbitrary = match transforms::read(path, image_paths, &mut notes)? {
        None => colmap::read(path, image_paths, with_depth, &mut notes)?,
        found => found,
    };
    let found = match arbitrary {
        Some(found) => Some((found, LengthUnit::Arbitrary)),
        None => {
            let folder = seven_scenes::read(path, image_paths, &mut notes)?;
            known.intrinsics = folder.intrinsics.map(|k| k.resized(width, height));
            folder.cameras.map(|c| (c, LengthUnit::Metres))
        }
    };
    known.notes = notes.into_words();
    let Some((found, unit)) = found else {
        let others = [Some(path), path.parent(), image_paths[0].parent()];
        let foreign = others.into_iter().flatten().find_map(Foreign::beside);
        known
            .notes
            .extend(foreign.map(|(kind, sign)| kind.passed_over(&sign)));
        return Ok(());
    };
    let mut lenses = Vec::new();
    let mut pinhole = |f: &Found| {
        let own = f.intrinsics.resized(width, height);
        let lens = f.bent.map(|bent| Undistortion::new(f.index, own, bent));
        lenses.extend(lens);
        lens.map_or(own, |lens| lens.pinhole)
    };
    let cameras: Vec<Camera> = found
        .iter()
        .map(|f| Camera {
            frame: f.index,
            time: times.get(f.index).copied().unwrap_or(f.index as f64),
            intrinsics: pinhole(f),
            pose: f.pose,
            depth_scale: 1.0,
            depth_shift: 0.0,
        })
        .collect();
    known.lenses = lenses;
    known.intrinsics = cameras.first().map(|c| c.intrinsics);
    if cameras.len() < image_paths.len() {
        let words = format!(
            "{} of {} images have no known pose and were left out",
            image_paths.len() - cameras.len(),
            image_paths.len()
        );
        known.notes.insert(0, words);
    }
    known.cameras = (!cameras.is_empty()).then(|| Cameras {
        frames: image_paths.len(),
        notes: known.notes.clone(),
        ..Cameras::known(cameras, unit)
    });
    Ok(())
}

/// A camera of stored pixels as that of the upright picture.
fn turned(found: Found, header: &Header, image: &Path) -> Result<Found, CameraError> {
    let Some(pose) = turn::pose(&found.pose, header.orientation) else {
        return Err(fault(
            image,
            format!(
                "its EXIF orientation ({}) mirrors the picture, which no camera can follow; save it without the tag, or {IGNORE}",
                header.orientation.to_exif()
            ),
        ));
    };
    let k = found.intrinsics;
    Ok(Found {
        intrinsics: turn::intrinsics(&k, header.orientation),
        bent: found.bent.map(|bent| bent.turned(&k, header.orientation)),
        pose,
        ..found
    })
}

/// Depth has at least one in so many of a picture's columns and rows.
const LEAST_DEPTH: u64 = 32;

/// The file beside an image that belongs to it: `NAME.color.png` and `NAME.png` have `NAME.<extension>`.
fn beside(image: &Path, extension: &str) -> Option<PathBuf> {
    let stem = image.file_stem()?.to_str()?;
    let name = stem.strip_suffix(".color").unwrap_or(stem);
    let file = image.with_file_name(format!("{name}.{extension}"));
    file.is_file().then_some(file)
}

fn depth(image_paths: &[PathBuf]) -> Result<Option<DepthMaps>, CameraError> {
    let mut maps = Vec::with_capacity(image_paths.len());
    for image in image_paths {
        maps.push(
            beside(image, DEPTH)
                .map(|file| depth_png(&file, image))
                .transpose()?,
        );
    }
    Ok(maps.iter().any(Option::is_some).then_some(DepthMaps {
        kind: DepthKind::Metric,
        model: "known".into(),
        maps,
    }))
}

/// Whether a map is a picture at another size: one of its sides is what the other asks for, but for rounding to whole pixels and what rigs of two
/// cameras differ by (ScanNet has 1296x968 and 640x480).
fn alike([width, height]: [u32; 2], picture: [u32; 2]) -> bool {
    let [w, h] = picture.map(f64::from);
    let near = |has: u32, wanted: f64| (f64::from(has) - wanted).abs() <= 1.0 + 0.005 * wanted;
    near(height, f64::from(width) * h / w) || near(width, f64::from(height) * w / h)
}

/// Depth beside `image`, which lies as its pixels are stored, and is turned with them.
fn depth_png(file: &Path, image: &Path) -> Result<DepthMap, CameraError> {
    let header = header(image)?;
    let mut depth = image::open(file).map_err(|e| {
        fault(
            file,
            format!("{e}; write it again, take it away, or use --ignore-known-depth"),
        )
    })?;
    // One that lies as the upright picture does already stays.
    let lies = |[w, h]: [u32; 2]| {
        (u64::from(w) * u64::from(depth.height())).abs_diff(u64::from(h) * u64::from(depth.width()))
    };
    if lies(header.stored) <= lies(header.upright()) {
        depth.apply_orientation(header.orientation);
    }
    let [width, height] = header.upright();
    if u64::from(depth.width()) * LEAST_DEPTH < u64::from(width)
        || u64::from(depth.height()) * LEAST_DEPTH < u64::from(height)
    {
        return Err(fault(
            file,
            format!(
                "depth of {}x{} for a picture of {width}x{height} tells next to nothing; give it at 1/{LEAST_DEPTH} of that at least, or use --ignore-known-depth",
                depth.width(),
                depth.height()
            ),
        ));
    }
    // It is sampled side by side with the picture: of another shape it would be stretched over it, and the world with it.
    if !alike([depth.width(), depth.height()], [width, height]) {
        return Err(fault(
            file,
            format!(
                "depth of {}x{} is of another shape than its picture of {width}x{height}, and would be stretched over it; crop or pad one as the other was, so \
                 that both show the same ({width}x{height}, or smaller by one factor), or use --ignore-known-depth",
                depth.width(),
                depth.height()
            ),
        ));
    }
    let image::DynamicImage::ImageLuma16(image) = depth else {
        return Err(fault(
            file,
            "depth must be a PNG of one 16-bit channel in millimetres; convert it or use --ignore-known-depth",
        ));
    };
    Ok(DepthMap {
        width: image.width(),
        height: image.height(),
        values: image
            .as_raw()
            .iter()
            .map(|&v| match v {
                0 | u16::MAX => f32::NAN,
                v => f32::from(v) / 1000.0,
            })
            .collect(),
    })
}

fn fault(path: &Path, reason: impl std::fmt::Display) -> CameraError {
    CameraError::File {
        path: path.to_path_buf(),
        reason: reason.to_string(),
    }
}

fn header(path: &Path) -> Result<Header, CameraError> {
    picture::header(path).map_err(|reason| fault(path, reason))
}

/// Refuses a matrix that is not a rotation, which would bend the world.
fn rotation(
    columns: [glam::DVec3; 3],
    what: &str,
    path: &Path,
) -> Result<glam::DMat3, CameraError> {
    let m = glam::DMat3::from_cols(columns[0], columns[1], columns[2]);
    let off = m.transpose() * m - glam::DMat3::IDENTITY;
    let worst = off
        .to_cols_array()
        .iter()
        .fold(0.0, |a: f64, x| a.max(x.abs()));
    if !(worst < 1e-2 && m.determinant() > 0.0) {
        return Err(fault(
            path,
            format!(
                "{what} holds no rotation (it scales, shears or mirrors); write rigid camera-to-world matrices, or {IGNORE}"
            ),
        ));
    }
    Ok(super::residual::orthonormal(m))
}

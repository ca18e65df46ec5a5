//! COLMAP's sparse models: the cameras and posed images that lie in `cameras` and `images`, as `.bin` or `.txt`, of COLMAP
//! 3.x and 4.x (whose `rigs` and `frames` are not needed: `images` goes on to hold the whole pose of each image).
//!
//! An image's pose is world to camera, OpenCV's axes: a quaternion `w x y z`, then a translation. Pixel centres lie at +0.5.
//! What is kept takes at most a small multiple of the bytes of the files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{FARTHEST, Lens};

mod binary;
mod text;

/// Where a model lies below a capture's folder, surest first.
const PLACES: [&str; 5] = ["sparse/0", "sparse", "colmap/sparse/0", "colmap/sparse", ""];

/// Files of a model, and the database it was made from.
const FILES: [&str; 11] = [
    "cameras.bin",
    "images.bin",
    "points3d.bin",
    "rigs.bin",
    "frames.bin",
    "cameras.txt",
    "images.txt",
    "points3d.txt",
    "rigs.txt",
    "frames.txt",
    "database.db",
];

/// Models by their number: name, and what its parameters are to a [`Lens`]; `""` is kept of none.
const MODELS: [(&str, &[&str]); 18] = [
    ("SIMPLE_PINHOLE", &["f", "cx", "cy"]),
    ("PINHOLE", &["fl_x", "fl_y", "cx", "cy"]),
    ("SIMPLE_RADIAL", &["f", "cx", "cy", "k1"]),
    ("RADIAL", &["f", "cx", "cy", "k1", "k2"]),
    (
        "OPENCV",
        &["fl_x", "fl_y", "cx", "cy", "k1", "k2", "p1", "p2"],
    ),
    (
        "OPENCV_FISHEYE",
        &["fl_x", "fl_y", "cx", "cy", "k1", "k2", "k3", "k4"],
    ),
    (
        "FULL_OPENCV",
        &[
            "fl_x", "fl_y", "cx", "cy", "k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6",
        ],
    ),
    ("FOV", &[""; 5]),
    ("SIMPLE_RADIAL_FISHEYE", &["f", "cx", "cy", "k1"]),
    ("RADIAL_FISHEYE", &["f", "cx", "cy", "k1", "k2"]),
    ("THIN_PRISM_FISHEYE", &[""; 12]),
    ("RAD_TAN_THIN_PRISM_FISHEYE", &[""; 16]),
    ("SIMPLE_DIVISION", &[""; 4]),
    ("DIVISION", &[""; 5]),
    ("SIMPLE_FISHEYE", &["f", "cx", "cy"]),
    ("FISHEYE", &["fl_x", "fl_y", "cx", "cy"]),
    ("EUCM", &[""; 6]),
    ("EQUIRECTANGULAR", &[""; 2]),
];

/// Why a file of a model is none, with the mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub path: PathBuf,
    /// In words, with record or line.
    pub reason: String,
}

/// A posed image.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Relative to the folder of images that COLMAP was given, with `/`.
    pub name: String,
    /// World to camera, `w x y z`; finite, not 0, not always of length 1.
    pub rotation: [f64; 4],
    /// World to camera; finite.
    pub translation: [f64; 3],
    /// The camera's number; [`Model::cameras`] has it.
    pub camera: u32,
}

/// A model.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// `cameras.bin` or `cameras.txt`.
    pub cameras_file: PathBuf,
    /// `images.bin` or `images.txt`.
    pub images_file: PathBuf,
    /// Sides, model and parameters of each camera by its number.
    pub cameras: BTreeMap<u32, Lens>,
    /// In the order of the file.
    pub images: Vec<Image>,
    /// Where its points lie in its world; finite. `None` without a file of them, and in words why one cannot be read.
    pub points: Option<Result<Vec<[f64; 3]>, Fault>>,
    /// Models that lie beside this one.
    pub others: Vec<Other>,
}

/// A model beside another, in a folder that is called by a number as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// Such as `1` of `sparse/1`.
    pub name: String,
    /// Its images.
    pub images: u64,
}

/// That a file of a model was given in place of pictures, with the mend; `None` for other files.
pub fn refusal(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    FILES.contains(&name.as_str()).then(|| {
        "this is a file of COLMAP's, which holds no pictures; its cameras are read where they lie beside pictures: give the folder that \
         holds sparse/ and images/, or the folder of the images beside sparse/"
            .to_owned()
    })
}

/// The folder of the model that belongs to the pictures in `folder`: `sparse/0`, `sparse`, `colmap/sparse/0`, `colmap/sparse`
/// in it, or the folder itself; where `sparse/1` and so on lie beside `0`, the one of the most images, for COLMAP does not order
/// them. There may be no more of it than its cameras, which [`Model::read`] refuses.
pub fn find(folder: &Path) -> Option<PathBuf> {
    PLACES.iter().find_map(|place| {
        let at = match *place {
            "" => folder.to_owned(),
            place => folder.join(place),
        };
        let has = |name: &str| at.join(name).is_file();
        // By themselves cameras.txt and its like may be anything.
        let whole = place.is_empty();
        ["bin", "txt"]
            .iter()
            .any(|end| has(&format!("cameras.{end}")) && (!whole || has(&format!("images.{end}"))))
            .then(|| fullest(at))
    })
}

/// Of models in folders that are called by numbers, the one of the most images, else of the lowest number.
fn fullest(folder: PathBuf) -> PathBuf {
    let others = others(&folder).into_iter();
    let own = images_in(&folder);
    let fuller = others.filter(|other| other.images > own);
    let best = fuller.reduce(|a, b| if b.images > a.images { b } else { a });
    best.map_or(folder.clone(), |best| folder.with_file_name(best.name))
}

/// Images of the model in `folder` by the head of their file, or by the lines of a text.
fn images_in(folder: &Path) -> u64 {
    let [_, file, _] = files(folder);
    match file.extension().is_some_and(|end| end == "bin") {
        true => {
            let room =
                std::fs::metadata(&file).map_or(0, |meta| meta.len() / binary::LEAST[1] as u64);
            head(&file).map_or(0, |count| count.min(room))
        }
        false => std::fs::read(&file).map_or(0, |raw| text::count(&raw)),
    }
}

/// The files of the model in `folder` that are read, `cameras`, `images` and `points3D`: binary ones before text, as COLMAP
/// does. They need not be there.
pub fn files(folder: &Path) -> [PathBuf; 3] {
    let of = |ending: &str| {
        ["cameras", "images", "points3D"].map(|stem| folder.join(format!("{stem}.{ending}")))
    };
    let (binary, text) = (of("bin"), of("txt"));
    match binary[..2].iter().all(|file| file.is_file()) || !text[0].is_file() {
        true => binary,
        false => text,
    }
}

impl Model {
    /// Reads the model in `folder`, of its [`files`].
    ///
    /// # Errors
    /// [`Fault`] for a file that is missing, is cut short, is none of COLMAP's, or names a camera that is not there.
    pub fn read(folder: &Path) -> Result<Self, Fault> {
        let [cameras_file, images_file, points_file] = files(folder);
        let binary = cameras_file.extension().is_some_and(|end| end == "bin");
        let raw = read(&cameras_file)?;
        let cameras = match binary {
            true => binary::cameras(&raw),
            false => text::cameras(&raw),
        };
        let cameras = cameras.map_err(at(&cameras_file))?;
        let raw = read(&images_file)?;
        let known = |camera: u32| cameras.contains_key(&camera);
        let images = match binary {
            true => binary::images(&raw, &known),
            false => text::images(&raw, &known),
        };
        let images = images.map_err(at(&images_file))?;
        Ok(Self {
            points: points(&points_file),
            others: others(folder),
            cameras_file,
            images_file,
            cameras,
            images,
        })
    }
}

fn at(path: &Path) -> impl FnOnce(String) -> Fault {
    let path = path.to_owned();
    |reason| Fault { path, reason }
}

fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    std::fs::read(path).map_err(|error| Fault {
        path: path.to_owned(),
        reason: format!("it cannot be read: {error}; copy the model whole"),
    })
}

/// Points, which no camera needs.
fn points(path: &Path) -> Option<Result<Vec<[f64; 3]>, Fault>> {
    let raw = std::fs::read(path).ok()?;
    let read = match path.extension().is_some_and(|end| end == "bin") {
        true => binary::points(&raw),
        false => text::points(&raw),
    };
    let finite = |points: Vec<[f64; 3]>| {
        let finite = |point: &[f64; 3]| point.iter().all(|v| v.is_finite());
        points.into_iter().filter(finite).collect()
    };
    Some(read.map(finite).map_err(at(path)))
}

/// The count at the head of a binary file.
fn head(path: &Path) -> Option<u64> {
    let mut head = [0; 8];
    let mut file = std::fs::File::open(path).ok()?;
    std::io::Read::read_exact(&mut file, &mut head).ok()?;
    Some(u64::from_le_bytes(head))
}

/// Models in folders beside this one that are called by numbers as well, by their numbers.
fn others(folder: &Path) -> Vec<Other> {
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let Some((own, above)) = number(folder).zip(folder.parent()) else {
        return Vec::new();
    };
    let entries = std::fs::read_dir(above).into_iter().flatten().flatten();
    let mut others: Vec<(u32, PathBuf)> = entries
        .map(|entry| entry.path())
        .filter(|path| files(path)[..2].iter().all(|file| file.is_file()))
        .filter_map(|path| Some((number(&path)?, path)))
        .filter(|(number, _)| *number != own)
        .collect();
    others.sort();
    let other = |(number, path): (u32, PathBuf)| Other {
        name: path.file_name().map_or(number.to_string(), |name| {
            name.to_string_lossy().into_owned()
        }),
        images: images_in(&path),
    };
    others.into_iter().map(other).collect()
}

/// What a camera's numbers are to a lens: `model` is the model's name, and `parameters` are in its order.
fn lens(model: &str, sides: [f64; 2], parameters: &[f64]) -> Lens {
    let mut lens = Lens {
        model: Some(model.to_owned()),
        ..Lens::default()
    };
    lens.set("w", sides[0]);
    lens.set("h", sides[1]);
    let names = MODELS.iter().find(|(name, _)| *name == model);
    for (name, value) in names.map_or(&[][..], |m| m.1).iter().zip(parameters) {
        match *name {
            "" => {}
            "f" => {
                lens.set("fl_x", *value);
                lens.set("fl_y", *value);
            }
            name => lens.set(name, *value),
        }
    }
    lens
}

/// A pose whose numbers are numbers; `place` is the record or line.
fn sound(image: Image, place: &str, known: &dyn Fn(u32) -> bool) -> Result<Image, String> {
    let finite = image
        .rotation
        .iter()
        .chain(&image.translation)
        .all(|v| v.is_finite());
    let length = image.rotation.iter().map(|v| v * v).sum::<f64>();
    if !finite || length < 1e-12 {
        return Err(format!(
            "{place}: the pose of '{}' is {:?} {:?}, which is none; leave the image out, or make the model again",
            image.name, image.rotation, image.translation
        ));
    }
    if let Some(far) = image.translation.iter().find(|v| v.abs() > FARTHEST) {
        return Err(format!(
            "{place}: the pose of '{}' lies {far:e} away, farther than {FARTHEST:e}; leave the image out, or make the model again",
            image.name
        ));
    }
    if !known(image.camera) {
        return Err(format!(
            "{place}: '{}' is of camera {}, which the cameras beside it do not have; copy both files of one model",
            image.name, image.camera
        ));
    }
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::{Model, find, refusal};

    #[test]
    fn models_are_found_where_they_lie() {
        let folder = tempfile::tempdir().expect("tempdir");
        let root = folder.path();
        assert!(find(root).is_none());
        // Alone in the folder it may be anything.
        std::fs::write(root.join("cameras.txt"), "").expect("write");
        assert!(find(root).is_none());
        std::fs::write(root.join("images.txt"), "").expect("write");
        assert_eq!(find(root), Some(root.to_owned()));
        for place in ["colmap/sparse/0", "sparse", "sparse/0", "sparse/1"] {
            let at = root.join(place);
            std::fs::create_dir_all(&at).expect("folder");
            std::fs::write(at.join("cameras.bin"), [0; 8]).expect("write");
            if place != "sparse/1" {
                assert_eq!(find(root), Some(at), "{place}");
            }
        }
        let zero = root.join("sparse/0");
        let fault = Model::read(&zero).expect_err("no images");
        assert!(
            fault.path == zero.join("images.bin") && fault.reason.contains("copy the model whole"),
            "{fault:?}"
        );
        std::fs::write(zero.join("images.bin"), [0; 8]).expect("write");
        std::fs::write(zero.join("points3D.bin"), 77u64.to_le_bytes()).expect("write");
        let model = Model::read(&zero).expect("points are not needed");
        let fault = model.points.expect("a file").expect_err("no points");
        assert!(fault.reason.contains("77 points"), "{fault:?}");
        // One point, seen by two images; one that is none.
        let mut points = 2u64.to_le_bytes().to_vec();
        for at in [[1.0, 2.0, 3.0], [f64::NAN, 0.0, 0.0]] {
            points.extend(5u64.to_le_bytes());
            points.extend(at.iter().flat_map(|v| v.to_le_bytes()));
            points.extend([0; 11]);
            points.extend(2u64.to_le_bytes());
            points.extend([0; 16]);
        }
        std::fs::write(zero.join("points3D.bin"), points).expect("write");
        let model = Model::read(&zero).expect("an empty model");
        assert!(model.images.is_empty() && model.cameras.is_empty());
        assert_eq!(model.points, Some(Ok(vec![[1.0, 2.0, 3.0]])));
        assert!(model.others.is_empty());
        // A fuller model counts, whatever its number; of its count no more than its bytes have room for.
        let write = |place: &str, count: u64, bytes: usize| {
            let at = root.join(place);
            std::fs::create_dir_all(&at).expect("folder");
            std::fs::write(at.join("cameras.bin"), [0; 8]).expect("write");
            let mut raw = count.to_le_bytes().to_vec();
            raw.resize(8 + bytes, 0);
            std::fs::write(at.join("images.bin"), raw).expect("write");
        };
        write("sparse/1", 1 << 60, 7);
        assert_eq!(find(root), Some(zero.clone()));
        let lines = "# 1 2\n1 1 0 0 0 0 0 0 1 a.png\n\n2 1 0 0 0 0 0 0 1 b.png\n3 4 -1\n";
        std::fs::create_dir_all(root.join("sparse/10")).expect("folder");
        std::fs::write(root.join("sparse/10/cameras.txt"), "").expect("write");
        std::fs::write(root.join("sparse/10/images.txt"), lines).expect("write");
        write("sparse/2", 2, 500);
        assert_eq!(find(root), Some(root.join("sparse/2")));
        let model = Model::read(&zero).expect("an empty model");
        let others: Vec<_> = model
            .others
            .iter()
            .map(|o| (o.name.as_str(), o.images))
            .collect();
        assert_eq!(others, [("1", 0), ("2", 2), ("10", 2)]);
        assert!(refusal(&root.join("points3D.bin")).is_some_and(|w| w.contains("sparse/")));
        assert!(refusal(&root.join("clip.mp4")).is_none());
    }
}

//! COLMAP's models beside images: text, binary and a `transforms.json` of the same cameras, and what is wrong with them.

use std::path::{Path, PathBuf};

use glam::{DMat3, DQuat, DVec3};
use sora_director::camera::{Cameras, LengthUnit, Undistortion, Wanted, known, known_of};
use sora_director::monitor::Silent;
use sora_director::video::{DecodeOptions, decode, list_images};

use crate::common::{Rng, gpu};

/// Number, model's number and name, parameters; all are of 64 x 48.
type Camera = (u32, u32, &'static str, &'static [f64]);

/// Name, camera, and where it stands: world to camera as a rotation about each axis, and a translation.
type Image = (&'static str, u32, [f64; 3], [f64; 3]);

const CAMERAS: [Camera; 3] = [
    (1, 1, "PINHOLE", &[60.0, 62.0, 31.5, 24.25]),
    (
        7,
        4,
        "OPENCV",
        &[60.0, 62.0, 31.5, 24.25, -0.1, 0.02, 0.001, -0.002],
    ),
    (9, 8, "SIMPLE_RADIAL_FISHEYE", &[50.0, 32.0, 24.0, 0.05]),
];

const IMAGES: [Image; 4] = [
    ("a 1.png", 1, [0.1, 0.2, -0.05], [0.0, -1.0, 2.0]),
    ("sub/a 1.png", 7, [0.3, -0.2, 0.1], [0.5, -1.0, 2.0]),
    ("sub/b.png", 9, [-0.2, 1.2, 0.0], [1.0, 0.3, -2.0]),
    ("c.png", 1, [2.9, 0.1, 0.4], [1.0, 0.1, 4.0]),
];

fn rotation(turn: [f64; 3]) -> DQuat {
    DQuat::from_euler(glam::EulerRot::XYZ, turn[0], turn[1], turn[2])
}

/// `cameras.bin` and `images.bin` as COLMAP writes them; each image has two points.
fn binary(cameras: &[Camera], images: &[Image]) -> [Vec<u8>; 2] {
    let mut lenses = (cameras.len() as u64).to_le_bytes().to_vec();
    for (id, model, _, parameters) in cameras {
        lenses.extend(id.to_le_bytes());
        lenses.extend(model.to_le_bytes());
        lenses.extend([64u64, 48].iter().flat_map(|side| side.to_le_bytes()));
        lenses.extend(parameters.iter().flat_map(|p| p.to_le_bytes()));
    }
    let mut poses = (images.len() as u64).to_le_bytes().to_vec();
    for (id, (name, camera, turn, at)) in (10u32..).zip(images) {
        let q = rotation(*turn);
        poses.extend(id.to_le_bytes());
        let numbers = [q.w, q.x, q.y, q.z].into_iter().chain(*at);
        poses.extend(numbers.flat_map(f64::to_le_bytes));
        poses.extend(camera.to_le_bytes());
        poses.extend(name.as_bytes());
        poses.push(0);
        poses.extend(2u64.to_le_bytes());
        for point in [-1i64, 5] {
            poses.extend([3.5, 4.25].into_iter().flat_map(f64::to_le_bytes));
            poses.extend(point.to_le_bytes());
        }
    }
    [lenses, poses]
}

/// `cameras.txt` and `images.txt`; the first image has two points.
fn text(cameras: &[Camera], images: &[Image]) -> [String; 2] {
    let mut lenses = "# Camera list with one line of data per camera:\n#   CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]\n".to_owned();
    for (id, _, model, parameters) in cameras {
        let parameters: Vec<String> = parameters.iter().map(f64::to_string).collect();
        lenses += &format!("{id} {model} 64 48 {}\n", parameters.join(" "));
    }
    let mut poses = "# Image list with two lines of data per image:\n# Number of images: 4, mean observations per image: 0\n".to_owned();
    for (id, (name, camera, turn, [x, y, z])) in (10..).zip(images) {
        let q = rotation(*turn);
        let points = if id == 10 { "3.5 4.25 -1 30 40 5 " } else { "" };
        poses += &format!(
            "{id} {:.17} {:.17} {:.17} {:.17} {x} {y} {z} {camera} {name}\n{points}\n",
            q.w, q.x, q.y, q.z
        );
    }
    [lenses, poses]
}

/// The `transforms.json` that nerfstudio makes of it: OpenGL cameras, the world's axes x, z, -y.
fn transforms(cameras: &[Camera], images: &[Image]) -> String {
    let frames = images.iter().map(|(name, camera, turn, at)| {
        let back = DMat3::from_quat(rotation(*turn)).transpose();
        let place = back * -DVec3::from(*at);
        let axes = [back.x_axis, -back.y_axis, -back.z_axis, place];
        let world = |v: DVec3| [v.x, v.z, -v.y];
        let m: [[f64; 4]; 3] = std::array::from_fn(|r| axes.map(|axis| world(axis)[r]));
        let (_, _, model, p) = cameras.iter().find(|c| c.0 == *camera).unwrap();
        let lens = match *model {
            "PINHOLE" => format!(r#""fl_x": {}, "fl_y": {}, "cx": {}, "cy": {}"#, p[0], p[1], p[2], p[3]),
            "OPENCV" => format!(
                r#""fl_x": {}, "fl_y": {}, "cx": {}, "cy": {}, "k1": {}, "k2": {}, "p1": {}, "p2": {}, "camera_model": "OPENCV""#,
                p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]
            ),
            _ => format!(
                r#""fl_x": {0}, "fl_y": {0}, "cx": {1}, "cy": {2}, "k1": {3}, "camera_model": "OPENCV_FISHEYE""#,
                p[0], p[1], p[2], p[3]
            ),
        };
        format!(r#"{{"file_path": "images/{name}", "transform_matrix": {m:?}, "w": 64, "h": 48, {lens}}}"#)
    });
    let frames: Vec<String> = frames.collect();
    format!(
        r#"{{"applied_transform": [[1,0,0,0],[0,0,1,0],[0,-1,0,0]], "frames": [{}]}}"#,
        frames.join(",\n")
    )
}

/// A folder with `images/`, and a fifth that no one matched.
fn capture() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("images/sub")).unwrap();
    for name in IMAGES.iter().map(|i| i.0).chain(["lost.png"]) {
        let file = folder.path().join("images").join(name);
        image::RgbImage::new(64, 48).save(file).unwrap();
    }
    folder
}

fn write(root: &Path, place: &str, files: [(&str, impl AsRef<[u8]>); 2]) {
    let at = root.join(place);
    std::fs::create_dir_all(&at).unwrap();
    for (name, bytes) in files {
        std::fs::write(at.join(name), bytes).unwrap();
    }
}

fn write_binary(root: &Path, place: &str, [cameras, images]: [Vec<u8>; 2]) {
    write(
        root,
        place,
        [("cameras.bin", cameras), ("images.bin", images)],
    );
}

fn write_text(root: &Path, place: &str, [cameras, images]: [String; 2]) {
    write(
        root,
        place,
        [("cameras.txt", cameras), ("images.txt", images)],
    );
}

type Read = Result<(Vec<PathBuf>, Cameras, Vec<Undistortion>), String>;

/// What a walk sees of the input.
fn read(input: &Path) -> Read {
    let frames = decode(&gpu(), input, &DecodeOptions::default(), &Silent);
    let frames = frames.map_err(|e| e.to_string())?;
    let found = known(input, &frames.sources, &frames.times, 64, 48);
    let found = found.map_err(|e| e.to_string())?;
    let found = found.ok_or("no cameras")?;
    Ok((frames.sources, found.cameras.unwrap(), found.lenses))
}

#[track_caller]
fn alike(a: &Cameras, b: &Cameras) {
    assert_eq!(a.cameras.len(), b.cameras.len());
    for (a, b) in a.cameras.iter().zip(&b.cameras) {
        assert_eq!((a.frame, a.time), (b.frame, b.time));
        let (k, l) = (a.intrinsics, b.intrinsics);
        for (a, b) in [(k.fx, l.fx), (k.fy, l.fy), (k.cx, l.cx), (k.cy, l.cy)] {
            assert!((a - b).abs() < 1e-9, "{k:?} {l:?}");
        }
        assert!(a.pose.rotation.abs_diff_eq(b.pose.rotation, 1e-9));
        assert!(a.pose.position.distance(b.pose.position) < 1e-9);
    }
}

#[test]
fn text_binary_and_transforms_are_the_same_cameras() {
    let folder = capture();
    let root = folder.path();
    write_binary(root, "sparse/0", binary(&CAMERAS, &IMAGES));
    let (sources, cameras, lenses) = read(root).unwrap();
    let names: Vec<_> = sources
        .iter()
        .map(|s| {
            s.strip_prefix(root.join("images"))
                .unwrap()
                .to_str()
                .unwrap()
        })
        .collect();
    assert_eq!(
        names,
        ["a 1.png", "c.png", "lost.png", "sub/a 1.png", "sub/b.png"]
    );
    assert_eq!((cameras.cameras.len(), cameras.frames), (4, 5));
    assert_eq!(cameras.unit, LengthUnit::Arbitrary);
    assert!(
        cameras.notes[0].contains("1 of 5 images have no known pose")
            && cameras.notes[1].contains("COLMAP model in sparse/0, of 4 images"),
        "{:?}",
        cameras.notes
    );
    // Each image has its own lens; those of pinholes have nothing to undo.
    let frames: Vec<_> = cameras.cameras.iter().map(|c| c.frame).collect();
    assert_eq!(frames, [0, 1, 3, 4]);
    assert_eq!(lenses.iter().map(|l| l.frame).collect::<Vec<_>>(), [3, 4]);
    assert!(!lenses[0].distortion().fisheye && lenses[1].distortion().fisheye);
    // By hand: the point that a camera sees at a depth lies where world to camera brings it from.
    let (_, _, turn, at) = IMAGES[0];
    let seen = cameras.cameras[0].pose.to_world(DVec3::new(0.2, -0.1, 3.0));
    let theirs = DVec3::new(seen.x, -seen.y, -seen.z);
    let back = rotation(turn) * theirs + DVec3::from(at);
    assert!(back.distance(DVec3::new(0.2, -0.1, 3.0)) < 1e-12);
    // The other layouts, and text.
    for place in ["sparse", "colmap/sparse/0", ""] {
        let other = capture();
        write_text(other.path(), place, text(&CAMERAS, &IMAGES));
        let (_, found, bent) = read(other.path()).unwrap();
        alike(&cameras, &found);
        for (a, b) in lenses.iter().zip(&bent) {
            let (a, b) = (a.distortion(), b.distortion());
            assert!(a.fisheye == b.fisheye && a.radial == b.radial && a.tangential == b.tangential);
        }
    }
    // nerfstudio's list, which counts before the model.
    std::fs::write(root.join("transforms.json"), transforms(&CAMERAS, &IMAGES)).unwrap();
    let images = list_images(&root.join("images/..")).unwrap();
    assert_eq!(images.len(), 4);
    let (_, listed, bent) = read(root).unwrap();
    assert_eq!((listed.cameras.len(), bent.len()), (4, 2));
    assert!(!listed.notes.iter().any(|n| n.contains("COLMAP")));
    for (a, b) in cameras.cameras.iter().zip(&listed.cameras) {
        assert!(a.pose.rotation.abs_diff_eq(b.pose.rotation, 1e-9));
        assert!(a.pose.position.distance(b.pose.position) < 1e-9);
        assert!((a.intrinsics.fx - b.intrinsics.fx).abs() < 1e-9);
    }
    // Poses are ignored where that is asked for, and may be damaged.
    write(root, "sparse/0", [("cameras.bin", ""), ("images.bin", "")]);
    std::fs::remove_file(root.join("transforms.json")).unwrap();
    let wanted = Wanted {
        cameras: false,
        depth: true,
    };
    let found = known_of(wanted, root, &sources, &[], [64, 48]).unwrap();
    assert!(found.cameras.is_none() && found.lenses.is_empty());
    assert!(read(root).is_err());
}

#[test]
fn what_pycolmap_writes_is_read() {
    // By pycolmap 4.2.1: `Reconstruction.write_binary`, with rigs and frames beside.
    let cameras = "02000000000000000100000004000000400000000000000030000000000000000000000000004e400000000000004f400000000000803f4000000000004038409a9999999999b9bf7b14ae47\
e17a943ffca9f1d24d62503ffca9f1d24d6260bf0700000002000000400000000000000030000000000000000000000000004940000000000000404000000000000038407b14ae47e17a843f";
    let images = "03000000000000000a0000004dd1b4bd84d4ef3f0000000000000000ff7a6c36008eb93fff7a6c36008e99bf0000000000000000000000000000f0bf0000000000000040010000006120\
622e706e670002000000000000000000000000000c400000000000001140ffffffffffffffff0000000000003e400000000000004440ffffffffffffffff0b000000e7a5787c4ccaef3f\
90c1dffd458ba93f90c1dffd458bb93f90c1dffd458b99bf000000000000e03f000000000000f0bf0000000000000040070000007375622f622e706e670000000000000000000c000000\
10ea0144aaabef3f207c60601883b93f207c60601883b93f207c6060188399bf000000000000f03f000000000000f0bf000000000000004001000000632e706e67000000000000000000";
    let bytes = |hex: &str| -> Vec<u8> {
        let pair = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(pair).collect()
    };
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    std::fs::create_dir_all(root.join("images/sub")).unwrap();
    for name in ["a b.png", "sub/b.png", "c.png", "nopose.png"] {
        let file = root.join("images").join(name);
        image::RgbImage::new(64, 48).save(file).unwrap();
    }
    let model = [bytes(cameras), bytes(images)];
    write_binary(root, "sparse/0", model);
    std::fs::write(root.join("sparse/0/rigs.bin"), [0; 8]).unwrap();
    std::fs::write(root.join("sparse/0/frames.bin"), [0; 8]).unwrap();
    let (_, cameras, lenses) = read(root).unwrap();
    // By pycolmap: `cam_from_world().inverse()`; its y and z are ours turned round.
    let theirs = [
        [0.3475261, 1.00871905, -1.96512378],
        [-0.60389406, 0.52512628, -2.31507113],
        [-0.12754138, 0.77571905, -2.15220658],
    ];
    for (camera, at) in cameras.cameras.iter().zip(theirs) {
        let at = DVec3::new(at[0], -at[1], -at[2]);
        assert!(camera.pose.position.distance(at) < 1e-7, "{camera:?}");
    }
    let first = cameras.cameras[0].pose.rotation;
    let row = DVec3::new(0.97882515, -0.04964659, -0.19858634);
    assert!(first.row(0).distance(row) < 1e-7);
    assert_eq!(lenses.len(), 3);
    let told = cameras.notes.join("\n");
    assert!(told.contains("1 of 4 images have no known pose"), "{told}");
}

#[test]
fn images_are_matched_by_their_path_and_what_is_not_used_is_told() {
    // The folder of images itself, smaller pictures of the same names, and more than one model.
    let folder = capture();
    let root = folder.path();
    write_binary(root, "sparse/0", binary(&CAMERAS, &IMAGES));
    write_binary(root, "sparse/1", binary(&CAMERAS, &IMAGES));
    std::fs::write(root.join("sparse/0/points3D.bin"), 321u64.to_le_bytes()).unwrap();
    let (_, whole, _) = read(root).unwrap();
    let told = whole.notes.join("\n");
    assert!(
        told.contains("321 points") && told.contains("other models") && told.contains("(1)"),
        "{told}"
    );
    let (sources, cameras, _) = read(&root.join("images")).unwrap();
    assert_eq!((sources.len(), cameras.cameras.len()), (3, 2));
    let places =
        |c: &Cameras| -> Vec<DVec3> { c.cameras.iter().map(|c| c.pose.position).collect() };
    assert_eq!(places(&cameras), places(&whole)[..2]);
    assert!(
        cameras
            .notes
            .join("\n")
            .contains("2 images of the COLMAP model are none")
    );
    let small = root.join("images_2");
    std::fs::create_dir(&small).unwrap();
    for name in ["c.png", "b.png"] {
        image::RgbImage::new(32, 24).save(small.join(name)).unwrap();
    }
    // `b.png` is not `sub/b.png`.
    let frames = decode(&gpu(), &small, &DecodeOptions::default(), &Silent).unwrap();
    let found = known(&small, &frames.sources, &frames.times, 32, 24)
        .unwrap()
        .unwrap();
    let [camera] = &found.cameras.unwrap().cameras[..] else {
        panic!("one camera")
    };
    assert_eq!(camera.pose.position, whole.cameras[1].pose.position);
    let k = camera.intrinsics;
    assert_eq!(
        (camera.frame, k.fx, k.fy, k.cx, k.cy),
        (1, 30.0, 31.0, 15.75, 12.125)
    );
    // Pictures of other names: the model is told and nothing is used.
    let folder = capture();
    let other = [("other.png", 1, [0.0; 3], [0.0; 3])];
    write_text(folder.path(), "sparse/0", text(&CAMERAS, &other));
    let images = list_images(folder.path()).unwrap();
    let wanted = Wanted {
        cameras: true,
        depth: false,
    };
    let found = known_of(wanted, folder.path(), &images, &[], [64, 48]).unwrap();
    assert!(
        found.cameras.is_none() && found.notes.len() == 1,
        "{:?}",
        found.notes
    );
    assert!(
        found.notes[0].contains("none of the 1 images") && found.notes[0].contains("'other.png'")
    );
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let folder = capture();
    let root = folder.path();
    let says = |file: &str, words: &[&str]| {
        let error = read(root).expect_err(words[0]);
        for word in words.iter().chain(&[file, "--ignore-known-cameras"]) {
            assert!(error.contains(word), "{word}: {error}");
        }
    };
    let place = "sparse/0";
    let good = binary(&CAMERAS, &IMAGES);
    // A camera of a kind that no one reads, by its name; one that no image has does not matter.
    for (model, name, parameters, words) in [
        (
            7,
            "FOV",
            &[60.0, 60.0, 32.0, 24.0, 0.5][..],
            "camera 7: camera_model is FOV",
        ),
        (
            10,
            "THIN_PRISM_FISHEYE",
            &[1.0; 12],
            "camera 7: camera_model is THIN_PRISM_FISHEYE",
        ),
        (
            4,
            "OPENCV",
            &[60.0, 62.0, 31.5, 24.25, -2.0, 0.0, 0.0, 0.0],
            "camera 7: k1 is -2",
        ),
        (
            4,
            "OPENCV",
            &[f64::NAN, 62.0, 31.5, 24.25, 0.0, 0.0, 0.0, 0.0],
            "camera 7: fl_x is NaN",
        ),
        (
            1,
            "PINHOLE",
            &[-1.0, 62.0, 31.5, 24.25],
            "camera 7: fl_x is -1",
        ),
    ] {
        let cameras = [CAMERAS[0], (7, model, name, parameters), CAMERAS[2]];
        write_binary(root, place, binary(&cameras, &IMAGES));
        says("cameras.bin", &[words]);
        write_binary(root, place, binary(&cameras, &[IMAGES[0], IMAGES[2]]));
        read(root).expect(words);
    }
    // Counts that the file has no room for, records that go on, models and cameras that are not there.
    let with = |file: usize, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes[file]);
        write_binary(root, place, bytes);
    };
    for file in 0..2 {
        let name = ["cameras.bin", "images.bin"][file];
        with(file, &|b| b[7] = 0x10);
        // 2^60, and as many as there are.
        let count = ["1152921504606846979 cameras", "1152921504606846980 images"][file];
        says(name, &["it says that it holds", count, "have room for"]);
        with(file, &|b| b.extend([0; 3]));
        says(name, &["3 bytes follow the last"]);
        with(file, &|b| b.truncate(5));
        says(name, &["it ends within its head", "5 bytes"]);
        for end in 8..good[file].len() {
            with(file, &|b| b.truncate(end));
            says(name, &["copy it again"]);
        }
    }
    with(0, &|b| b[12] = 99);
    says("cameras.bin", &["camera 1 of 3", "camera model 99"]);
    with(0, &|b| b[8] = 7);
    says("cameras.bin", &["camera 2 of 3", "the number 7"]);
    with(1, &|b| b[8 + 60] = 44);
    says("images.bin", &["image 1 of 4", "'a 1.png' is of camera 44"]);
    with(1, &|b| {
        b[8 + 4..][..8].copy_from_slice(&f64::NAN.to_le_bytes())
    });
    says(
        "images.bin",
        &["image 1 of 4", "NaN", "leave the image out"],
    );
    with(1, &|b| b[8 + 4..][..32].fill(0));
    says("images.bin", &["image 1 of 4", "which is none"]);
    // Points of an image: 2^60 of them.
    with(1, &|b| b[8 + 64 + 8 + 7] = 0x10);
    says("images.bin", &["it ends within image 1 of 4"]);
    // Two poses of one image.
    let twice = [IMAGES[0], IMAGES[3], ("c.png", 1, [0.0; 3], [1.0; 3])];
    write_binary(root, place, binary(&CAMERAS, &twice));
    says("images.bin", &["'c.png' has two different poses"]);
    // Text, by its line.
    std::fs::remove_dir_all(root.join("sparse")).unwrap();
    let [cameras, images] = text(&CAMERAS, &IMAGES);
    let lines = |from: &str, to: &str| images.replacen(from, to, 1);
    for (cameras, images, file, words) in [
        (
            cameras.replace(" 24.25\n", "\n"),
            images.clone(),
            "cameras.txt",
            &["line 3", "PINHOLE has 4 parameters, and here are 3"][..],
        ),
        (
            cameras.replace("1 PINHOLE 64", "1 PINHOLE wide"),
            images.clone(),
            "cameras.txt",
            &["line 3", "WIDTH is 'wide'"],
        ),
        (
            cameras.replace("7 OPENCV", "1 OPENCV"),
            images.clone(),
            "cameras.txt",
            &["line 4", "camera 1 as well"],
        ),
        (
            cameras.replace("OPENCV", "OMNI"),
            images.clone(),
            "cameras.txt",
            &["camera 7: camera_model is OMNI"],
        ),
        (
            cameras.replace("60 62", "60 x62"),
            images.clone(),
            "cameras.txt",
            &["line 3", "PARAMS[1] is 'x62'"],
        ),
        (
            cameras.clone(),
            lines(" 7 sub", " 8 sub"),
            "images.txt",
            &["line 5", "camera 8"],
        ),
        (
            cameras.clone(),
            lines(" -1 2 1 a", " nan 2 1 a"),
            "images.txt",
            &["line 3", "NaN"],
        ),
        (
            cameras.clone(),
            lines(" -1 2 1 a", " - 2 1 a"),
            "images.txt",
            &["line 3", "TY is '-'"],
        ),
        (
            cameras.clone(),
            lines(" 1 a 1.png", " 1"),
            "images.txt",
            &["line 3", "ends before NAME"],
        ),
        // The empty lines of points left out, as scripts write it: the next image would be lost.
        (
            cameras.clone(),
            images.replace("\n\n", "\n"),
            "images.txt",
            &["line 6", "points", "empty line"],
        ),
    ] {
        write_text(root, "sparse", [cameras, images]);
        says(file, words);
    }
    // Line ends of Windows, a mark, and no line behind the last.
    let mended = format!("\u{feff}{}", images.trim_end().replace('\n', "\r\n"));
    write_text(root, "sparse", [cameras.replace('\n', "\r\n"), mended]);
    assert_eq!(read(root).unwrap().1.cameras.len(), 4);
    // Half a model.
    std::fs::remove_file(root.join("sparse/images.txt")).unwrap();
    says("images.txt", &["cannot be read", "copy the model whole"]);
}

#[test]
fn damaged_models_are_an_answer_and_never_a_panic() {
    let folder = capture();
    let root = folder.path();
    let images = list_images(&{
        write_binary(root, "sparse/0", binary(&CAMERAS, &IMAGES));
        root.to_owned()
    })
    .unwrap();
    let mut rng = Rng(11);
    let (mut read, mut refused) = (0, 0);
    for round in 0..1200 {
        let [cameras, poses] = binary(&CAMERAS, &IMAGES);
        let [c, p] = text(&CAMERAS, &IMAGES);
        let of_text = round % 2 == 0;
        let mut files = match of_text {
            true => [c.into_bytes(), p.into_bytes()],
            false => [cameras, poses],
        };
        for _ in 0..1 + rng.u32() % 3 {
            let file = &mut files[rng.u32() as usize % 2];
            let at = rng.u32() as usize % file.len();
            match rng.u32() % 8 {
                0..4 => file[at] = rng.u32() as u8,
                4..7 => file[at] = b"0123456789 .-e\n"[rng.u32() as usize % 15],
                _ => file.truncate(at.max(1)),
            }
        }
        std::fs::remove_dir_all(root.join("sparse/0")).unwrap();
        let ending = if of_text { "txt" } else { "bin" };
        let [cameras, poses] = files;
        let names = ["cameras", "images"].map(|stem| format!("{stem}.{ending}"));
        write(root, "sparse/0", [(&names[0], cameras), (&names[1], poses)]);
        match known(root, &images, &[0.0; 5], 64, 48) {
            Ok(found) => {
                read += 1;
                for camera in found
                    .into_iter()
                    .flat_map(|f| f.cameras)
                    .flat_map(|c| c.cameras)
                {
                    let k = camera.intrinsics;
                    assert!(k.fx.is_finite() && k.fx > 0.0 && k.cx.is_finite(), "{k:?}");
                    assert!(camera.pose.position.is_finite() && camera.pose.rotation.is_finite());
                }
            }
            Err(error) => {
                refused += 1;
                let error = error.to_string();
                assert!(
                    names.iter().any(|name| error.contains(name.as_str())),
                    "{error}"
                );
            }
        }
    }
    assert!(
        read > 100 && refused > 300,
        "{read} read, {refused} refused"
    );
}

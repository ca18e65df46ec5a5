//! A small model in COLMAP's formats, and pictures for it.

use std::path::Path;

use glam::{DMat3, DQuat, DVec3};

/// Number, model's number and name, parameters; all are of 64 x 48.
pub type Camera = (u32, u32, &'static str, &'static [f64]);

/// Name, camera, and where it stands: world to camera as a rotation about each axis, and a translation.
pub type Image = (&'static str, u32, [f64; 3], [f64; 3]);

pub const CAMERAS: [Camera; 3] = [
    (1, 1, "PINHOLE", &[60.0, 62.0, 31.5, 24.25]),
    (
        7,
        4,
        "OPENCV",
        &[60.0, 62.0, 31.5, 24.25, -0.1, 0.02, 0.001, -0.002],
    ),
    (9, 8, "SIMPLE_RADIAL_FISHEYE", &[50.0, 32.0, 24.0, 0.05]),
];

pub const IMAGES: [Image; 4] = [
    ("a 1.png", 1, [0.1, 0.2, -0.05], [0.0, -1.0, 2.0]),
    ("sub/a 1.png", 7, [0.3, -0.2, 0.1], [0.5, -1.0, 2.0]),
    ("sub/b.png", 9, [-0.2, 1.2, 0.0], [1.0, 0.3, -2.0]),
    ("c.png", 1, [2.9, 0.1, 0.4], [1.0, 0.1, 4.0]),
];

pub fn rotation(turn: [f64; 3]) -> DQuat {
    DQuat::from_euler(glam::EulerRot::XYZ, turn[0], turn[1], turn[2])
}

/// `cameras.bin` and `images.bin` as COLMAP writes them; each image has two points.
pub fn binary(cameras: &[Camera], images: &[Image]) -> [Vec<u8>; 2] {
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
pub fn text(cameras: &[Camera], images: &[Image]) -> [String; 2] {
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
pub fn transforms(cameras: &[Camera], images: &[Image]) -> String {
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
pub fn capture() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("images/sub")).unwrap();
    for name in IMAGES.iter().map(|i| i.0).chain(["lost.png"]) {
        let file = folder.path().join("images").join(name);
        image::RgbImage::new(64, 48).save(file).unwrap();
    }
    folder
}

pub fn write(root: &Path, place: &str, files: [(&str, impl AsRef<[u8]>); 2]) {
    let at = root.join(place);
    std::fs::create_dir_all(&at).unwrap();
    for (name, bytes) in files {
        std::fs::write(at.join(name), bytes).unwrap();
    }
}

pub fn write_binary(root: &Path, place: &str, [cameras, images]: [Vec<u8>; 2]) {
    write(
        root,
        place,
        [("cameras.bin", cameras), ("images.bin", images)],
    );
}

pub fn write_text(root: &Path, place: &str, [cameras, images]: [String; 2]) {
    write(
        root,
        place,
        [("cameras.txt", cameras), ("images.txt", images)],
    );
}

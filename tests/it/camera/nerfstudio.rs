//! The list in nerfstudio's form that is written: axes by hand, and there and back by the reader of known cameras.

use std::path::{Path, PathBuf};

use glam::{DMat3, DVec3};
use sora_director::camera::{
    Camera, Cameras, Intrinsics, LengthUnit, Pose, known, move_points, save_points,
};

use super::scene;

const SIZE: [u32; 2] = [64, 48];

/// One camera of frame 12 at a pose.
fn one(pose: Pose) -> Cameras {
    let camera = Camera {
        frame: 12,
        time: 0.5,
        intrinsics: Intrinsics {
            width: 64,
            height: 48,
            fx: 50.0,
            fy: 51.0,
            cx: 31.0,
            cy: 25.0,
        },
        pose,
        depth_scale: 1.0,
        depth_shift: 0.0,
    };
    Cameras::known(vec![camera], LengthUnit::Metres)
}

fn written(cameras: &Cameras, folder: &Path) -> serde_json::Value {
    let path = folder.join("transforms.json");
    cameras.save_nerfstudio(&path).unwrap();
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Pictures as `director frames` calls them.
fn pictures(folder: &Path, count: usize) -> Vec<PathBuf> {
    let folder = folder.join("frames");
    std::fs::create_dir_all(&folder).unwrap();
    let picture = |frame: usize| {
        let path = folder.join(format!("frame_{frame:06}.png"));
        image::RgbImage::new(SIZE[0], SIZE[1]).save(&path).unwrap();
        path
    };
    (0..count).map(picture).collect()
}

#[test]
fn axes_are_those_of_opengl_in_a_world_whose_z_is_up() {
    let dir = tempfile::tempdir().unwrap();
    // Ours: 3 up, 1 to the right, 2 back, looking along -Z with its x along +X: the file's camera lies at (1, -2, 3) and looks along +Y.
    let gauge = Pose {
        position: DVec3::new(1.0, 3.0, 2.0),
        ..Pose::gauge()
    };
    let list = written(&one(gauge), dir.path());
    assert_eq!(list["camera_model"], "OPENCV");
    for (name, value) in [
        ("w", 64.0),
        ("h", 48.0),
        ("fl_x", 50.0),
        ("fl_y", 51.0),
        ("cx", 31.0),
        ("cy", 25.0),
        ("k1", 0.0),
        ("p2", 0.0),
    ] {
        assert_eq!(list[name].as_f64(), Some(value), "{name}");
    }
    let frame = &list["frames"][0];
    assert_eq!(frame["file_path"], "frames/frame_000012.png");
    let matrix = serde_json::json!([
        [1.0, 0.0, 0.0, 1.0],
        [0.0, 0.0, -1.0, -2.0],
        [0.0, 1.0, 0.0, 3.0],
        [0.0, 0.0, 0.0, 1.0]
    ]);
    assert_eq!(frame["transform_matrix"], matrix);
    // Looking straight down, the top of the picture towards +X: OpenGL's y is the file's +X, and back is up.
    let down = Pose {
        rotation: DMat3::from_cols(DVec3::Z, -DVec3::X, -DVec3::Y),
        position: DVec3::new(0.0, 5.0, 0.0),
    };
    let list = written(&one(down), dir.path());
    let matrix = serde_json::json!([
        [0.0, 1.0, 0.0, 0.0],
        [-1.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 1.0, 5.0],
        [0.0, 0.0, 0.0, 1.0]
    ]);
    assert_eq!(list["frames"][0]["transform_matrix"], matrix);
    let applied = serde_json::json!([
        [1.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, -1.0, 0.0],
        [0.0, 1.0, 0.0, 0.0]
    ]);
    assert_eq!(list["applied_transform"], applied);
}

#[test]
fn what_is_written_is_read_back_as_the_same_cameras() {
    let dir = tempfile::tempdir().unwrap();
    let images = pictures(dir.path(), 7);
    let times: Vec<f64> = (0..7).map(|k| f64::from(k) / 24.0).collect();
    let mut cameras = scene::truth(7, Intrinsics::from_fov_x(SIZE[0], SIZE[1], 1.0));
    cameras.cameras.remove(3);
    for own in [false, true] {
        if own {
            // Lenses of their own are written with each frame.
            for (k, camera) in cameras.cameras.iter_mut().enumerate() {
                camera.intrinsics.fx += 0.1 * k as f64;
                camera.intrinsics.cy -= 0.3 * k as f64;
            }
        }
        let list = written(&cameras, dir.path());
        assert_eq!(list.get("fl_x").is_some(), !own);
        assert_eq!(list["frames"][2].get("fl_x").is_some(), own);
        for place in [dir.path().to_owned(), dir.path().join("frames")] {
            let found = known(&place, &images, &times, SIZE[0], SIZE[1])
                .unwrap()
                .unwrap();
            assert!(found.lenses.is_empty());
            let read = found.cameras.unwrap();
            assert!(
                read.notes.iter().all(|n| n.contains("1 of 7 images")),
                "{:?}",
                read.notes
            );
            assert_eq!(read.cameras.len(), 6);
            for (a, b) in read.cameras.iter().zip(&cameras.cameras) {
                assert_eq!((a.frame, a.time), (b.frame, b.time));
                assert!(a.pose.rotation.abs_diff_eq(b.pose.rotation, 1e-9));
                assert!(a.pose.position.abs_diff_eq(b.pose.position, 1e-9));
                let (k, l) = (a.intrinsics, b.intrinsics);
                assert_eq!((k.width, k.height), (l.width, l.height));
                for (k, l) in [(k.fx, l.fx), (k.fy, l.fy), (k.cx, l.cx), (k.cy, l.cy)] {
                    assert!((k - l).abs() < 1e-9, "{k} {l}");
                }
            }
        }
    }
}

#[test]
fn what_was_solved_is_not_taken_for_what_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let images = pictures(dir.path(), 13);
    let own = dir.path().join("nerfstudio.json");
    one(Pose::gauge()).save_nerfstudio(&own).unwrap();
    // Neither beside the pictures' folder nor in it; but where it is named.
    let of = |at: &Path| known(at, &images[12..], &[0.5], SIZE[0], SIZE[1]).unwrap();
    let cameras = |at: &Path| of(at).and_then(|known| known.cameras);
    assert!(cameras(&dir.path().join("frames")).is_none());
    assert!(cameras(dir.path()).is_none());
    assert_eq!(cameras(&own).unwrap().cameras.len(), 1);
}

#[test]
fn points_are_moved_with_the_cameras() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("a.ply"), dir.path().join("b.ply"));
    let point = |x: f64| sora_director::camera::Point {
        position: DVec3::new(x, 2.0, 3.0),
        frame: 0,
        pixel: glam::DVec2::ZERO,
        views: 7,
        error: 0.25,
    };
    let place = |p: DVec3| 2.0 * p + DVec3::new(0.0, 1.0, 0.0);
    let mut points = vec![point(1.0), point(-4.5)];
    let colours = [[1, 2, 3], [4, 5, 6]];
    save_points(&points, &colours, &from).unwrap();
    move_points(&from, &to, place).unwrap();
    for point in &mut points {
        point.position = place(point.position);
    }
    let wanted = dir.path().join("c.ply");
    save_points(&points, &colours, &wanted).unwrap();
    let bytes = std::fs::read(&to).unwrap();
    assert_eq!(bytes, std::fs::read(&wanted).unwrap());
    for torn in [&bytes[..bytes.len() - 1], &bytes[..40], b""] {
        std::fs::write(&from, torn).unwrap();
        let error = move_points(&from, &to, place).unwrap_err();
        assert!(error.to_string().contains("a.ply"), "{error}");
    }
}

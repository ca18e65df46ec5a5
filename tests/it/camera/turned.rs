//! Pictures that EXIF turns upright, and their cameras with them: a point of the world stays on its pixel.

use std::path::{Path, PathBuf};

use glam::{DMat3, DVec2, DVec3};
use image::{Rgb, RgbImage};
use sora_director::camera::{Cameras, Intrinsics, Pose, known};
use sora_director::monitor::Silent;
use sora_director::video::{DecodeOptions, decode};

use crate::common::gpu;
use crate::common::pictures::{jpeg, with_exif};

/// Of the pixels as they are stored.
const LENS: Intrinsics = Intrinsics {
    width: 128,
    height: 96,
    fx: 120.0,
    fy: 124.0,
    cx: 62.0,
    cy: 50.0,
};

/// Where a red dot shines, in front of every camera.
const DOT: DVec3 = DVec3::new(0.3, 0.2, 0.1);

/// Cameras in the file's axes: OpenGL in a world whose +Z is up, around the origin and looking at it.
fn matrix(k: u32) -> [[f64; 4]; 3] {
    let turn = DMat3::from_rotation_z(0.2 * f64::from(k)) * DMat3::from_rotation_x(1.4);
    let at = turn * DVec3::new(0.1, -0.05, 2.5);
    std::array::from_fn(|r| [turn.row(r).x, turn.row(r).y, turn.row(r).z, at[r]])
}

/// The camera's pose in the program's axes.
fn pose(m: &[[f64; 4]; 3]) -> Pose {
    let upright = DMat3::from_cols(DVec3::X, -DVec3::Z, DVec3::Y);
    let column = |c: usize| DVec3::new(m[0][c], m[1][c], m[2][c]);
    Pose {
        rotation: upright * DMat3::from_cols(column(0), -column(1), -column(2)),
        position: upright * column(3),
    }
}

/// Writes pictures with the dot where the cameras see it, EXIF that says how to turn them, and the list.
fn write(folder: &Path, orientation: u8, head: &str) {
    let mut frames = Vec::new();
    for k in 0..3 {
        let m = matrix(k);
        let at = LENS.project(pose(&m).to_camera(DOT)).expect("in front");
        let dot =
            |x: u32, y: u32| DVec2::new(f64::from(x) + 0.5, f64::from(y) + 0.5).distance(at) < 5.0;
        let picture = RgbImage::from_fn(LENS.width, LENS.height, |x, y| match dot(x, y) {
            true => Rgb([255, 0, 0]),
            false => Rgb([0, 0, 40]),
        });
        let bytes = with_exif(&jpeg(&picture), orientation, &[]);
        std::fs::write(folder.join(format!("f{k}.jpg")), bytes).unwrap();
        frames.push(format!(
            r#"{{"file_path": "f{k}.jpg", "transform_matrix": {m:?}}}"#
        ));
    }
    let list = format!("{{{head}, \"frames\": [{}]}}", frames.join(", "));
    std::fs::write(folder.join("transforms.json"), list).unwrap();
}

/// Where the dot is in each frame, and what the program takes for its cameras.
fn seen(folder: &Path) -> Result<(Vec<DVec2>, Cameras), String> {
    let frames = decode(&gpu(), folder, &DecodeOptions::default(), &Silent).unwrap();
    let found = known(
        folder,
        &frames.sources,
        &frames.times,
        frames.width,
        frames.height,
    );
    let cameras = found.map_err(|e| e.to_string())?.unwrap().cameras.unwrap();
    let dots = (0..frames.len()).map(|i| {
        let pixels = frames.read(&gpu(), i).unwrap();
        let (mut sum, mut count) = (DVec2::ZERO, 0.0);
        for (at, pixel) in (0..).zip(pixels) {
            if pixel & 255 > 128 {
                sum += DVec2::new(
                    f64::from(at % frames.width) + 0.5,
                    f64::from(at / frames.width) + 0.5,
                );
                count += 1.0;
            }
        }
        sum / count
    });
    Ok((dots.collect(), cameras))
}

/// The cameras see the dot where the frames have it.
fn agree(dots: &[DVec2], cameras: &Cameras) {
    assert_eq!(cameras.cameras.len(), 3);
    let point = pose(&matrix(0)).position;
    assert!(cameras.cameras[0].pose.position.distance(point) < 1e-9);
    for (dot, camera) in dots.iter().zip(&cameras.cameras) {
        let at = camera
            .intrinsics
            .project(camera.pose.to_camera(DOT))
            .unwrap();
        assert!(at.distance(*dot) < 0.7, "{at} for {dot}");
    }
}

const STORED: &str = r#""fl_x": 120, "fl_y": 124, "cx": 62, "cy": 50, "w": 128, "h": 96"#;

#[test]
fn stored_pixels_and_their_cameras_are_turned_together() {
    for (orientation, size) in [
        (1, [128, 96]),
        (3, [128, 96]),
        (6, [96, 128]),
        (8, [96, 128]),
    ] {
        // With sides, without (told by the centre), and at another size.
        for (head, told) in [
            (STORED, orientation > 4),
            (
                r#""fl_x": 120, "fl_y": 124, "cx": 62, "cy": 50"#,
                orientation > 4,
            ),
            (
                r#""fl_x": 240, "fl_y": 248, "cx": 124, "cy": 100, "w": 256, "h": 192"#,
                orientation > 4,
            ),
        ] {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), orientation, head);
            let (dots, cameras) = seen(folder.path()).unwrap();
            agree(&dots, &cameras);
            let k = cameras.cameras[0].intrinsics;
            assert_eq!([k.width, k.height], size);
            let guess = cameras.notes.iter().any(|n| n.contains("assumed"));
            assert_eq!(
                (cameras.notes.len(), guess),
                (usize::from(orientation > 1), orientation > 1 && !told)
            );
        }
    }
    // By hand: 6 turns clockwise, so what was down is left.
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 6, STORED);
    let k = seen(folder.path()).unwrap().1.cameras[0].intrinsics;
    assert_eq!((k.fx, k.fy, k.cx, k.cy), (124.0, 120.0, 46.0, 62.0));
}

#[test]
fn numbers_of_upright_pictures_stay_and_mirrors_are_refused() {
    for orientation in [2, 4, 5, 7] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), orientation, STORED);
        let error = seen(folder.path()).unwrap_err();
        for words in [
            "f0.jpg",
            &format!("({orientation}) mirrors"),
            "--ignore-known-cameras",
        ] {
            assert!(error.contains(words), "{error}");
        }
    }
    for orientation in [5, 6, 7, 8] {
        let folder = tempfile::tempdir().unwrap();
        let upright = r#""fl_x": 124, "fl_y": 120, "cx": 46, "cy": 62, "w": 96, "h": 128"#;
        write(folder.path(), orientation, upright);
        let (_, cameras) = seen(folder.path()).unwrap();
        let camera = &cameras.cameras[0];
        assert_eq!((camera.intrinsics.fx, camera.intrinsics.cx), (124.0, 46.0));
        assert!(
            camera
                .pose
                .rotation
                .abs_diff_eq(pose(&matrix(0)).rotation, 1e-9)
        );
        assert!(
            cameras.notes[0].contains("as transforms.json has them"),
            "{:?}",
            cameras.notes
        );
    }
    // Nothing tells: the field's usual meaning is taken, and that is told.
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 6, r#""camera_angle_x": 0.98"#);
    let (_, cameras) = seen(folder.path()).unwrap();
    assert!(
        cameras.notes[0].contains("assumed, as COLMAP"),
        "{:?}",
        cameras.notes
    );
    let k = cameras.cameras[0].intrinsics;
    assert!((k.fy - 64.0 / 0.49f64.tan()).abs() < 1e-9 && k.cx == 48.0);
}

#[test]
fn seven_scenes_turn_with_their_pictures_and_depth() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    std::fs::write(
        root.join("camera-intrinsics.txt"),
        "\u{feff}10 0 7\n0 12 5\n0 0 1\n",
    )
    .unwrap();
    let images: Vec<PathBuf> = (0..2)
        .map(|k| {
            let bytes = with_exif(&jpeg(&RgbImage::new(16, 8)), 6, &[]);
            std::fs::write(root.join(format!("f{k}.jpg")), bytes).unwrap();
            // The second moved along the first one's x, to the right of the stored pixels.
            let text = format!("1 0 0 {k}\n0 1 0 0\n0 0 1 0\n0 0 0 1\n");
            std::fs::write(root.join(format!("f{k}.pose.txt")), text).unwrap();
            root.join(format!("f{k}.jpg"))
        })
        .collect();
    // Left of the top row is near: it comes to lie at the top of the right column.
    let depth = image::ImageBuffer::<image::Luma<u16>, Vec<u16>>::from_fn(16, 8, |x, y| {
        image::Luma([if (x, y) == (0, 0) { 500 } else { 3000 }])
    });
    depth.save(root.join("f0.depth.png")).unwrap();
    let found = known(root, &images, &[0.0, 1.0], 8, 16).unwrap().unwrap();
    let cameras = found.cameras.unwrap();
    let k = cameras.cameras[0].intrinsics;
    assert_eq!(
        (k.width, k.height, k.fx, k.fy, k.cx, k.cy),
        (8, 16, 12.0, 10.0, 3.0, 7.0)
    );
    // Upright, right of the stored pixels is down: in the gauge, along -Y.
    let moved = cameras.cameras[1].pose.position;
    assert!(moved.distance(DVec3::new(0.0, -1.0, 0.0)) < 1e-9, "{moved}");
    assert!(
        cameras.notes[0].contains("depth with them"),
        "{:?}",
        cameras.notes
    );
    let map = found.depth.unwrap().maps[0].clone().unwrap();
    assert_eq!((map.width, map.height), (8, 16));
    assert_eq!((map.values[7], map.values[0]), (0.5, 3.0));
}

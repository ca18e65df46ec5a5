//! Known formats on small files made here, and our own files there and back.

use std::path::{Path, PathBuf};

use glam::{DQuat, DVec3};
use sora_director::camera::{CameraError, Cameras, Intrinsics, LengthUnit, Pose, known};

use super::scene;

fn picture(path: &Path) -> PathBuf {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    image::RgbImage::new(8, 6).save(path).unwrap();
    path.to_path_buf()
}

#[test]
fn blender_transforms_become_upright_opencv_cameras() {
    let dir = tempfile::tempdir().unwrap();
    let images: Vec<PathBuf> = ["r_0", "r_1", "r_2"]
        .map(|n| picture(&dir.path().join(format!("train/{n}.png"))))
        .to_vec();
    // Blender: a camera 2 along -Y and 1 up (+Z) that looks along +Y, its x to the right.
    let text = r#"{"camera_angle_x": 1.5707963267948966, "frames": [
        {"file_path": "./train/r_2", "transform_matrix": [[1,0,0,0.5],[0,0,-1,-2],[0,1,0,1],[0,0,0,1]]},
        {"file_path": "./train/r_0", "transform_matrix": [[1,0,0,0],[0,0,-1,-2],[0,1,0,1],[0,0,0,1]]}]}"#;
    std::fs::write(dir.path().join("transforms_train.json"), text).unwrap();
    let found = known(dir.path(), &images, &[0.0, 0.5, 1.0], 4, 3)
        .unwrap()
        .unwrap();
    let cameras = found.cameras.unwrap();
    assert_eq!(cameras.unit, LengthUnit::Arbitrary);
    assert_eq!(cameras.frames, 3);
    assert_eq!(
        cameras.cameras.iter().map(|c| c.frame).collect::<Vec<_>>(),
        [0, 2]
    );
    assert_eq!(cameras.cameras[1].time, 1.0);
    assert!(cameras.notes[0].contains("1 of 3"));
    let first = &cameras.cameras[0];
    assert!((first.intrinsics.fx - 2.0).abs() < 1e-9 && first.intrinsics.cx == 2.0);
    // Ours: +Y up, and Blender's +Y is our -Z.
    assert!(first.pose.position.distance(DVec3::new(0.0, 1.0, 2.0)) < 1e-12);
    assert!(
        first
            .pose
            .rotation
            .abs_diff_eq(Pose::gauge().rotation, 1e-12)
    );
    assert!(
        cameras.cameras[1]
            .pose
            .position
            .distance(DVec3::new(0.5, 1.0, 2.0))
            < 1e-12
    );
    // The file itself, and the folder of the images, name the same cameras.
    for path in [
        dir.path().join("transforms_train.json"),
        dir.path().join("train"),
    ] {
        let again = known(&path, &images, &[0.0, 0.5, 1.0], 4, 3)
            .unwrap()
            .unwrap();
        assert_eq!(again.cameras.unwrap().cameras, cameras.cameras);
    }
}

#[test]
fn seven_scenes_poses_and_depth_are_read_into_the_gauge() {
    let dir = tempfile::tempdir().unwrap();
    let frames = dir.path().join("rgbd-frames");
    let images: Vec<PathBuf> = (0..3)
        .map(|k| picture(&frames.join(format!("frame-00000{k}.color.png"))))
        .collect();
    std::fs::write(
        dir.path().join("camera-intrinsics.txt"),
        "5 0 4\n0 6 3\n0 0 1\n",
    )
    .unwrap();
    // Frame 1 is frame 0 moved by 1 along its own z; the third has no pose.
    let turned = glam::DMat3::from_rotation_y(0.4);
    for (k, along) in [(0, 0.0), (1, 1.0)] {
        let p = DVec3::new(3.0, 2.0, 1.0) + along * turned.z_axis;
        let mut text = String::new();
        for row in 0..3 {
            let r = turned.row(row);
            text += &format!("{:e} {:e} {:e} {:e}\n", r.x, r.y, r.z, p[row]);
        }
        std::fs::write(
            frames.join(format!("frame-00000{k}.pose.txt")),
            text + "0 0 0 1\n",
        )
        .unwrap();
    }
    let depth =
        image::ImageBuffer::<image::Luma<u16>, Vec<u16>>::from_vec(2, 2, vec![0, 1500, 65535, 250])
            .unwrap();
    depth.save(frames.join("frame-000001.depth.png")).unwrap();

    let found = known(dir.path(), &images, &[0.0, 1.0, 2.0], 16, 12)
        .unwrap()
        .unwrap();
    let cameras = found.cameras.unwrap();
    assert_eq!(cameras.unit, LengthUnit::Metres);
    assert_eq!(cameras.cameras.len(), 2);
    assert!(
        cameras.cameras[0]
            .pose
            .rotation
            .abs_diff_eq(Pose::gauge().rotation, 1e-12)
    );
    assert!(
        cameras.cameras[1]
            .pose
            .position
            .distance(DVec3::new(0.0, 0.0, -1.0))
            < 1e-9
    );
    let k = found.intrinsics.unwrap();
    assert_eq!((k.fx, k.fy, k.cx, k.cy), (10.0, 12.0, 8.0, 6.0));
    let depth = found.depth.unwrap();
    assert!(depth.maps[0].is_none() && depth.maps[2].is_none());
    let values = &depth.maps[1].as_ref().unwrap().values;
    assert!(values[0].is_nan() && values[2].is_nan());
    assert_eq!((values[1], values[3]), (1.5, 0.25));
    let file = frames.join("frame-000001.pose.txt");
    std::fs::write(&file, "1 0 0 0\n0 1 0 1e200\n0 0 1 0\n0 0 0 1\n").unwrap();
    let far = known(dir.path(), &images, &[0.0, 1.0, 2.0], 16, 12).unwrap_err();
    let said = far.to_string();
    assert!(
        said.contains("frame-000001.pose.txt") && said.contains("farther than 1e9"),
        "{said}"
    );
}

#[test]
fn damaged_known_files_are_named_and_nothing_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let image = picture(&dir.path().join("frame-000000.color.png"));
    let images = [image];
    assert!(known(dir.path(), &images, &[0.0], 8, 6).unwrap().is_none());

    let bad = |name: &str, text: &str| {
        let file = dir.path().join(name);
        std::fs::write(&file, text).unwrap();
        let error = known(dir.path(), &images, &[0.0], 8, 6).unwrap_err();
        std::fs::remove_file(&file).unwrap();
        assert!(
            matches!(&error, CameraError::File { path, .. } if *path == file),
            "{error}"
        );
        error.to_string()
    };
    assert!(bad("transforms.json", "{\"frames\": 3}").contains("--ignore-known-cameras"));
    let frame = r#"{"file_path": "frame-000000.color.png", "transform_matrix": [[M,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]]}"#;
    let with = |lens: &str, m: &str| format!("{{{lens} \"frames\": [{}]}}", frame.replace('M', m));
    assert!(bad("transforms.json", &with("", "1")).contains("camera_angle_x"));
    assert!(bad("transforms.json", &with("\"fl_x\": 9,", "4")).contains("rotation"));
    assert!(bad("frame-000000.depth.png", "not a picture").contains("depth.png"));
    assert!(bad("camera-intrinsics.txt", "1 2 x").contains("number"));
    assert!(bad("camera-intrinsics.txt", "5 0 8000 0 5 3 0 0 1").contains("far outside"));
}

#[test]
fn poses_that_are_no_numbers_and_depth_that_tells_nothing_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let images: Vec<PathBuf> = (0..2)
        .map(|k| picture(&dir.path().join(format!("frame-00000{k}.color.png"))))
        .collect();
    let file = |name: &str| dir.path().join(name);
    std::fs::write(file("camera-intrinsics.txt"), "5 0 4 0 6 3 0 0 1").unwrap();
    for k in 0..2 {
        std::fs::write(
            file(&format!("frame-00000{k}.pose.txt")),
            "nan 0 0 0 0 1 0 0 0 0 1 inf",
        )
        .unwrap();
    }
    let depth = |side: u32, value: u16| {
        image::ImageBuffer::<image::Luma<u16>, Vec<u16>>::from_pixel(
            side,
            side,
            image::Luma([value]),
        )
        .save(file("frame-000001.depth.png"))
        .unwrap();
    };
    depth(4, 0);
    let found = known(dir.path(), &images, &[0.0, 1.0], 8, 6)
        .unwrap()
        .unwrap();
    assert!(found.cameras.is_none());
    let notes = found.notes.join("; ");
    assert!(
        notes.contains("2 of 2 pose files") && notes.contains("frame-000000.pose.txt"),
        "{notes}"
    );
    assert!(notes.contains("1 of 1 depth pictures are 0"), "{notes}");
    // A picture of many pixels for which one has depth.
    image::RgbImage::new(64, 48).save(&images[1]).unwrap();
    depth(1, 900);
    let error = known(dir.path(), &images, &[0.0, 1.0], 8, 6).unwrap_err();
    let words = error.to_string();
    assert!(
        words.contains("frame-000001.depth.png") && words.contains("--ignore-known-depth"),
        "{words}"
    );
}

#[test]
fn depth_of_another_shape_than_its_picture_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("a.png");
    image::RgbImage::new(64, 48).save(&image).unwrap();
    let of = |width: u32, height: u32| {
        image::ImageBuffer::<image::Luma<u16>, Vec<u16>>::from_pixel(
            width,
            height,
            image::Luma([1500]),
        )
        .save(dir.path().join("a.depth.png"))
        .unwrap();
        known(dir.path(), std::slice::from_ref(&image), &[0.0], 32, 24)
    };
    // Itself, smaller and larger ones, and such whose sides were rounded.
    for [w, h] in [
        [64, 48],
        [32, 24],
        [128, 96],
        [20, 15],
        [21, 16],
        [22, 16],
        [63, 48],
    ] {
        let depth = of(w, h).unwrap().unwrap().depth.unwrap();
        let map = depth.maps[0].as_ref().unwrap();
        assert_eq!((map.width, map.height), (w, h));
    }
    for [w, h] in [[64, 36], [48, 48], [48, 64], [32, 22], [66, 47]] {
        let words = of(w, h).unwrap_err().to_string();
        for part in [
            "a.depth.png".to_owned(),
            format!("depth of {w}x{h}"),
            "its picture of 64x48".to_owned(),
            "crop or pad".to_owned(),
            "--ignore-known-depth".to_owned(),
        ] {
            assert!(words.contains(&part), "{words}");
        }
    }
    // The two cameras of ScanNet's rig, as they are published.
    image::RgbImage::new(1296, 968).save(&image).unwrap();
    assert!(of(640, 480).unwrap().unwrap().depth.is_some());
    assert!(of(640, 470).is_err());
}

#[test]
fn cameras_come_back_from_json_and_tum_has_a_line_a_frame() {
    let dir = tempfile::tempdir().unwrap();
    let cameras = scene::truth(4, Intrinsics::from_fov_x(64, 48, 1.0));
    let file = dir.path().join("cameras.json");
    cameras.save(&file).unwrap();
    let again = Cameras::load(&file).unwrap();
    assert_eq!(again.cameras.len(), 4);
    for (a, b) in again.cameras.iter().zip(&cameras.cameras) {
        // serde_json reads the last bit of a float only with its feature `float_roundtrip`.
        assert!(a.pose.rotation.abs_diff_eq(b.pose.rotation, 1e-14));
        assert!(a.pose.position.distance(b.pose.position) < 1e-14);
        assert_eq!((a.frame, a.intrinsics.width), (b.frame, b.intrinsics.width));
    }
    assert_eq!((again.unit, again.residual_median), (cameras.unit, None));
    std::fs::write(&file, "{}").unwrap();
    assert!(matches!(
        Cameras::load(&file),
        Err(CameraError::File { .. })
    ));
    let tum = dir.path().join("trajectory.tum");
    cameras.save_tum(&tum).unwrap();
    let text = std::fs::read_to_string(&tum).unwrap();
    let lines: Vec<Vec<f64>> = text
        .lines()
        .filter(|l| !l.starts_with('#'))
        .map(|l| l.split(' ').map(|x| x.parse().unwrap()).collect())
        .collect();
    assert_eq!(lines.len(), 4);
    let camera = &cameras.cameras[3];
    let q = DQuat::from_xyzw(lines[3][4], lines[3][5], lines[3][6], lines[3][7]);
    assert!(glam::DMat3::from_quat(q).abs_diff_eq(camera.pose.rotation, 1e-8));
    assert!((lines[3][1] - camera.pose.position.x).abs() < 1e-8);
}

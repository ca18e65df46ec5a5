//! Which pictures a list names, in which order, and cameras of other tools beside them.

use std::path::{Path, PathBuf};

use sora_director::camera::{Wanted, known, known_of};
use sora_director::monitor::Silent;
use sora_director::video::{DecodeOptions, Frames, decode, list_images};

use crate::common::gpu;

/// A picture that is told from others by its red.
fn picture(path: &Path, red: u8) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    image::RgbImage::from_pixel(8, 6, image::Rgb([red, 0, 0]))
        .save(path)
        .unwrap();
}

/// A list of frames, each with its place along x.
fn list(frames: &[(&str, u32)]) -> String {
    let frames: Vec<String> = frames
        .iter()
        .map(|(path, x)| {
            let path = path.replace('\\', "\\\\");
            format!(r#"{{"file_path": "{path}", "transform_matrix": [[1,0,0,{x}],[0,1,0,0],[0,0,1,0]]}}"#)
        })
        .collect();
    format!(r#"{{"fl_x": 8, "frames": [{}]}}"#, frames.join(", "))
}

fn open(path: &Path) -> Result<Frames, String> {
    decode(&gpu(), path, &DecodeOptions::default(), &Silent).map_err(|e| e.to_string())
}

/// Names of the frames' pictures, and the places of their cameras along x.
fn order(path: &Path) -> (Vec<String>, Vec<f64>, Vec<String>) {
    let frames = open(path).unwrap();
    let found = known(path, &frames.sources, &frames.times, 8, 6)
        .unwrap()
        .unwrap();
    let names = frames
        .sources
        .iter()
        .map(|s| s.file_name().unwrap().to_str().unwrap().to_owned());
    let cameras = found.cameras.unwrap().cameras;
    (
        names.collect(),
        cameras.iter().map(|c| c.pose.position.x).collect(),
        frames.faults,
    )
}

#[test]
fn lists_out_of_order_are_sorted_by_name_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for k in 0..12u8 {
        picture(&root.join(format!("images/r_{k}.png")), k);
        picture(&root.join(format!("images/frame_{k:05}.png")), k);
    }
    let write = |frames: &[(&str, u32)]| {
        std::fs::write(root.join("transforms.json"), list(frames)).unwrap()
    };
    // As nerfstudio writes what COLMAP matched.
    write(&[
        ("images/frame_00011.png", 11),
        ("images/frame_00003.png", 3),
        ("images/frame_00004.png", 4),
    ]);
    let (names, places, faults) = order(root);
    assert_eq!(
        names,
        ["frame_00003.png", "frame_00004.png", "frame_00011.png"]
    );
    assert_eq!(places, [3.0, 4.0, 11.0]);
    assert!(
        faults.len() == 1 && faults[0].contains("order of their file names"),
        "{faults:?}"
    );
    // Blender's lists count without zeros, in order: nothing to tell.
    let blender: Vec<String> = (0..12).map(|k| format!("./images/r_{k}")).collect();
    let rows: Vec<(&str, u32)> = blender.iter().map(String::as_str).zip(0..).collect();
    write(&rows);
    let (names, places, faults) = order(root);
    assert_eq!(
        (names[1].as_str(), names[10].as_str()),
        ("r_1.png", "r_10.png")
    );
    assert!(places.is_sorted() && faults.is_empty(), "{faults:?}");
    // Numbers sorted as texts are brought into their order.
    let mut text = rows.clone();
    text.sort_unstable();
    write(&text);
    let (names, places, faults) = order(root);
    assert_eq!(names[2], "r_2.png");
    assert!(places.is_sorted() && faults.len() == 1, "{faults:?}");
}

#[test]
fn a_picture_that_is_listed_twice_is_one_frame() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for k in 0..3u8 {
        picture(&root.join(format!("a/f{k}.png")), k);
    }
    let write = |frames: &[(&str, u32)]| {
        std::fs::write(root.join("transforms.json"), list(frames)).unwrap()
    };
    write(&[
        ("a/f0.png", 0),
        ("./a/f1", 1),
        ("a\\f1.png", 1),
        ("a/f2.png", 2),
    ]);
    let (names, places, faults) = order(root);
    assert_eq!((names.len(), places), (3, vec![0.0, 1.0, 2.0]));
    assert!(
        faults.len() == 1 && faults[0].contains("lists images again (1: a\\f1.png)"),
        "{faults:?}"
    );
    write(&[("a/f0.png", 0), ("a/f1.png", 1), ("a/f1.png", 7)]);
    let frames = open(root).unwrap();
    let error = known(root, &frames.sources, &frames.times, 8, 6)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("frames[1] and frames[2] give 'a/f1.png' two different poses"),
        "{error}"
    );
    write(&[("a/f9.png", 0)]);
    let error = open(root).unwrap_err();
    assert!(
        error.contains("frames[0].file_path is 'a/f9.png'"),
        "{error}"
    );
    // A kind that is not read.
    std::fs::write(root.join("a/f9.exr"), "v/1\u{1}").unwrap();
    write(&[("a/f9", 0)]);
    let error = open(root).unwrap_err();
    assert!(
        error.contains("f9.exr is of a kind that is not read"),
        "{error}"
    );
}

#[test]
fn pictures_of_one_name_in_several_lists_keep_their_own_poses() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    // As in Blender's NeRF scenes: r_0 is in each of the three, and test sorts before train.
    for (part, base) in [("train", 0), ("test", 100), ("val", 200)] {
        for k in 0..3u8 {
            picture(&root.join(format!("{part}/r_{k}.png")), k);
        }
        let paths: Vec<String> = (0..3).map(|k| format!("./{part}/r_{k}")).collect();
        let rows: Vec<(&str, u32)> = paths.iter().map(String::as_str).zip(base..).collect();
        std::fs::write(root.join(format!("transforms_{part}.json")), list(&rows)).unwrap();
    }
    assert_eq!(order(root).1, [0.0, 1.0, 2.0]);
    assert_eq!(
        order(&root.join("transforms_test.json")).1,
        [100.0, 101.0, 102.0]
    );
    assert_eq!(order(&root.join("val")).1, [200.0, 201.0, 202.0]);
    // Made smaller elsewhere: the names are all there is, and that several lists have them is told.
    for k in 0..3u8 {
        picture(&root.join(format!("small/r_{k}.png")), k);
    }
    let small: Vec<PathBuf> = list_images(&root.join("small")).unwrap();
    let found = known(&root.join("small"), &small, &[0.0, 1.0, 2.0], 8, 6)
        .unwrap()
        .unwrap();
    let cameras = found.cameras.unwrap();
    assert_eq!(cameras.cameras[2].pose.position.x, 2.0);
    assert!(
        cameras.notes[0].contains("different poses: those of transforms_train.json"),
        "{:?}",
        cameras.notes
    );
}

#[test]
fn cameras_of_other_tools_are_named_and_not_read() {
    let write = |root: &Path, name: &str, text: &str| {
        let file = root.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
        file
    };
    let inria = r#"[{"id": 0, "img_name": "f0", "width": 8, "height": 6, "position": [0, 0, 0], "rotation": [[1, 0, 0]], "fy": 8, "fx": 8}]"#;
    // Beside pictures: a note.
    for (name, text, words) in [
        ("sparse/0/images.txt", "", ""),
        ("cameras.json", inria, "INRIA's 3D Gaussian Splatting"),
        ("groundtruth.txt", "# timestamp tx ty tz qx qy qz qw", "TUM"),
        ("poses_bounds.npy", "", "LLFF"),
        ("keyframes/corrected_cameras/1.json", "{}", "Polycam"),
        ("metadata.json", r#"{"K": [], "poses": []}"#, "Record3D"),
        ("metadata.json", r#"{"title": 1}"#, ""),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let images = folder.path().join("images");
        picture(&images.join("f0.png"), 0);
        picture(&images.join("f1.png"), 1);
        write(folder.path(), name, text);
        let wanted = Wanted {
            cameras: true,
            depth: true,
        };
        let found = known_of(
            wanted,
            &images,
            &list_images(&images).unwrap(),
            &[0.0, 1.0],
            [8, 6],
        )
        .unwrap();
        assert!(found.cameras.is_none() && found.intrinsics.is_none());
        assert_eq!(
            found.notes.len(),
            usize::from(!words.is_empty()),
            "{name}: {:?}",
            found.notes
        );
        assert!(
            found
                .notes
                .iter()
                .all(|n| n.contains(words) && n.contains("not read")),
            "{:?}",
            found.notes
        );
    }
    // Given as the input: one error that says what they are.
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let own = r#"{"cameras": [], "frames": 0, "unit": "metres", "focal_source": "known"}"#;
    for (name, text, words) in [
        ("cameras.json", inria, "INRIA's 3D Gaussian Splatting"),
        ("other.json", inria, "INRIA's 3D Gaussian Splatting"),
        (
            "transforms.json",
            "[1, 2]",
            "an object with a list 'frames'",
        ),
        (
            "dataparser_transforms.json",
            r#"{"transform": [[1]], "scale": 1}"#,
            "transforms.json of the pictures",
        ),
        ("mine.json", own, "--truth"),
        ("images.bin", "....", "a file of COLMAP's"),
        ("points3D.txt", "# 3D point list", "beside sparse/"),
        ("groundtruth.txt", "# 0", "TUM"),
        ("poses_bounds.npy", "....", "LLFF"),
    ] {
        let file = write(root, name, text);
        let error = open(&file).expect_err(name);
        assert!(error.contains(name) && error.contains(words), "{error}");
    }
    // A folder of another tool's, whose pictures lie in a subfolder.
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "rgb.txt", "# color images");
    write(root, "groundtruth.txt", "# ground truth");
    picture(&root.join("rgb/1.png"), 0);
    let error = open(root).unwrap_err();
    assert!(
        error.contains("TUM") && error.contains("subfolder that does: rgb"),
        "{error}"
    );
}

#[test]
fn a_damaged_list_is_an_answer_and_never_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let images: Vec<PathBuf> = (0..2).map(|k| root.join(format!("f{k}.png"))).collect();
    for image in &images {
        picture(image, 0);
    }
    let whole = list(&[("f0.png", 0), ("f1.png", 1)]).replace(
        "\"fl_x\"",
        "\"k1\": 0, \"w\": 8, \"camera_angle_x\": 0.5, \"fl_x\"",
    );
    let mut rng = crate::common::Rng(7);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..1500 {
        let mut bytes = whole.clone().into_bytes();
        for _ in 0..1 + rng.u32() % 3 {
            let at = rng.u32() as usize % bytes.len();
            match rng.u32() % 9 {
                0..4 => bytes[at] = rng.u32() as u8,
                4..8 => bytes[at] = b"0123456789.-eE[]{},\"N"[rng.u32() as usize % 21],
                _ => bytes.truncate(at.max(1)),
            }
        }
        std::fs::write(root.join("transforms.json"), &bytes).unwrap();
        match known(root, &images, &[0.0, 1.0], 8, 6) {
            Ok(found) => {
                read += 1;
                for camera in found
                    .into_iter()
                    .flat_map(|f| f.cameras)
                    .flat_map(|c| c.cameras)
                {
                    let k = camera.intrinsics;
                    assert!(k.fx.is_finite() && k.fx > 0.0 && k.cx.is_finite(), "{k:?}");
                    assert!(camera.pose.position.is_finite());
                }
            }
            Err(error) => {
                refused += 1;
                assert!(error.to_string().contains("transforms.json: "), "{error}");
            }
        }
    }
    assert!(read > 40 && refused > 100, "{read} read, {refused} refused");
}

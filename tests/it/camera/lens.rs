//! What `transforms.json` says of lenses, as tools write it.

use std::path::PathBuf;

use sora_director::camera::{Cameras, Wanted, known, known_of};

/// A folder with two pictures of 64 x 48.
struct Capture {
    folder: tempfile::TempDir,
    images: Vec<PathBuf>,
}

impl Capture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let images = ["f0.png", "f1.png"].map(|name| folder.path().join(name));
        for image in &images {
            image::RgbImage::new(64, 48).save(image).unwrap();
        }
        Self {
            folder,
            images: images.into(),
        }
    }

    fn of(&self, json: &[u8]) -> Result<Cameras, String> {
        std::fs::write(self.folder.path().join("transforms.json"), json).unwrap();
        let found = known(self.folder.path(), &self.images, &[0.0, 1.0], 64, 48);
        Ok(found.map_err(|e| e.to_string())?.unwrap().cameras.unwrap())
    }

    /// With `shared` for the file and `own` for its first frame.
    fn with(&self, shared: &str, own: &str) -> Result<Cameras, String> {
        let rows = "[[1,0,0,0],[0,1,0,0],[0,0,1,0]]";
        let frame = |k: u32, own: &str| {
            format!(r#"{{"file_path": "f{k}.png", "transform_matrix": {rows} {own}}}"#)
        };
        let frames = [frame(0, own), frame(1, "")].join(", ");
        self.of(format!(r#"{{{shared} "frames": [{frames}]}}"#).as_bytes())
    }

    fn refused(&self, shared: &str, own: &str, words: &[&str]) {
        let error = self.with(shared, own).expect_err(shared);
        for word in words
            .iter()
            .chain(&["transforms.json", "--ignore-known-cameras"])
        {
            assert!(error.contains(word), "{word}: {error}");
        }
    }
}

#[test]
fn lenses_of_kinds_that_are_not_known_are_refused_by_name() {
    let capture = Capture::new();
    let fl = r#""fl_x": 60, "fl_y": 62,"#;
    for fine in [
        r#""camera_model": "OPENCV", "k1": 0, "k2": 0.0, "p1": -0.0, "p2": null,"#,
        r#""camera_model": "PINHOLE", "is_fisheye": false, "fisheye_crop_radius": null,"#,
        r#""camera_model": "SIMPLE_PINHOLE", "distortion_params": [0, 0, 0, 0, 0, 0],"#,
        r#""camera_model": null, "distortion_params": {"k1": 0},"#,
        "",
    ] {
        let cameras = capture.with(&format!("{fl}{fine}"), "").expect(fine);
        assert!(cameras.notes.is_empty(), "{fine}: {:?}", cameras.notes);
    }
    for (lens, words) in [
        (
            r#""k6": 1e-9,"#,
            &["k6 is", "FULL_OPENCV", "colmap image_undistorter"][..],
        ),
        (
            r#""camera_model": "THIN_PRISM_FISHEYE", "k1": 0.1,"#,
            &["camera_model is THIN_PRISM_FISHEYE", "undistort"],
        ),
        (
            r#""camera_model": "EQUIRECTANGULAR","#,
            &["EQUIRECTANGULAR"],
        ),
        (r#""latlong": true,"#, &["latlong is 1"]),
        (r#""is_fisheye": true, "p1": 0.1,"#, &["p1 is 0.1"]),
        (
            r#""distortion_params": [0.1, 0, 0, 0],"#,
            &["distortion_params[0] is 0.1", "write them as k1"],
        ),
        (r#""k3": NaN,"#, &["k3 is NaN"]),
        (r#""k1": 1e4,"#, &["k1 is 10000", "would have no source"]),
        (r#""k7": 1,"#, &[]),
    ] {
        if words.is_empty() {
            // Not a name that any tool writes.
            capture.with(&format!("{fl}{lens}"), "").expect(lens);
        } else {
            capture.refused(&format!("{fl}{lens}"), "", words);
        }
    }
    // Of one frame, by its number.
    capture.refused(
        fl,
        r#", "camera_model": "FISHEYE624""#,
        &["frames[0].camera_model is FISHEYE624"],
    );
    capture.refused(fl, r#", "k1": -2"#, &["frames[0].k1 is -2", "folds"]);
    // A frame may undo what holds for the others; texts are numbers, and coefficients may lie in an object.
    for (shared, own, words) in [
        (
            r#""k1": 0.2,"#,
            r#", "k1": 0"#,
            "k1 is 0.2) is undone: it moves",
        ),
        (r#""k1": "-0.2","#, "", "k1 is -0.2)"),
        (r#""distortion_params": {"k1": 0.1},"#, "", "k1 is 0.1)"),
        ("", r#", "k2": 0.1"#, "frames[0].k2 is 0.1)"),
        (
            r#""fisheye_crop_radius": 900, "is_fisheye": true,"#,
            "",
            "a fisheye lens without coefficients",
        ),
    ] {
        let cameras = capture.with(&format!("{fl}{shared}"), own).expect(shared);
        assert!(
            cameras.notes.len() == 1 && cameras.notes[0].contains(words),
            "{words}: {:?}",
            cameras.notes
        );
    }
    // What moves no point by a twentieth of a pixel passes, and that is told with the bound.
    let cameras = capture
        .with(&format!(r#"{fl} "k1": 1e-4, "p1": 1e-5,"#), "")
        .unwrap();
    assert!(
        cameras.notes[0].contains("k1 is 0.0001, p1 is 0.00001"),
        "{:?}",
        cameras.notes
    );
    let bound: f64 = {
        let (_, rest) = cameras.notes[0].split_once("more than ").unwrap();
        rest.split(' ').next().unwrap().parse().unwrap()
    };
    // At the corner of the third quadrant, where p2 is 0: k1 r^2 and 2 p1 (p1's own axis twice) of its coordinates.
    let (x, y) = (32.0f64 / 60.0, 24.0 / 62.0);
    let r2 = x * x + y * y;
    let by = [
        60.0 * (1e-4 * r2 * x + 2e-5 * x * y),
        62.0 * (1e-4 * r2 * y + 1e-5 * (r2 + 2.0 * y * y)),
    ];
    assert!((bound - by[0].hypot(by[1])).abs() < 2e-4, "{bound}");
    let cameras = capture.with(&format!(r#"{fl} "k1": 4e-3,"#), "").unwrap();
    assert!(
        cameras.notes[0].contains("k1 is 0.004) is undone: it moves points by up to 0.1 px"),
        "{:?}",
        cameras.notes
    );
}

#[test]
fn worlds_are_taken_as_they_stand_and_frames_keep_their_own_intrinsics() {
    let capture = Capture::new();
    let moved = r#""applied_transform": [[0, 1, 0, 5], [1, 0, 0, 0], [0, 0, -1, 0]], "applied_scale": 3.0,"#;
    let own = r#", "fl_x": 50, "fl_y": 51, "cx": 30, "cy": 20"#;
    let plain = capture.with(r#""fl_x": 60, "fl_y": 62,"#, own).unwrap();
    let told = capture
        .with(&format!(r#"{moved} "fl_x": 60, "fl_y": 62,"#), own)
        .unwrap();
    assert_eq!(plain, told);
    let ks = plain.cameras.iter().map(|c| c.intrinsics);
    let ks: Vec<_> = ks.map(|k| [k.fx, k.fy, k.cx, k.cy]).collect();
    assert_eq!(ks, [[50.0, 51.0, 30.0, 20.0], [60.0, 62.0, 32.0, 24.0]]);
}

#[test]
fn focal_lengths_come_from_what_there_is() {
    let capture = Capture::new();
    let k = |shared: &str, own: &str| {
        let cameras = capture.with(shared, own).expect(shared);
        let k = cameras.cameras[0].intrinsics;
        ([k.fx, k.fy, k.cx, k.cy], cameras.notes)
    };
    let near = |found: [f64; 4], want: [f64; 4]| {
        let far = found.iter().zip(want).any(|(a, b)| !((a - b).abs() < 1e-3));
        assert!(!far, "{found:?} for {want:?}");
    };
    let (a, b) = (32.0 / 0.45f64.tan(), 24.0 / 0.3f64.tan());
    near(k(r#""camera_angle_x": 0.9,"#, "").0, [a, a, 32.0, 24.0]);
    near(
        k(r#""camera_angle_x": 0.9, "camera_angle_y": 0.6,"#, "").0,
        [a, b, 32.0, 24.0],
    );
    near(k(r#""camera_angle_y": 0.6,"#, "").0, [b, b, 32.0, 24.0]);
    near(
        k(
            r#""fl_x": 60, "camera_angle_y": 0.6, "cx": 31, "cy": 25,"#,
            "",
        )
        .0,
        [60.0, b, 31.0, 25.0],
    );
    near(k(r#""fl_y": 62,"#, "").0, [62.0, 62.0, 32.0, 24.0]);
    near(
        k(r#""x_fov": 90, "y_fov": 90,"#, "").0,
        [32.0, 24.0, 32.0, 24.0],
    );
    // A frame's own, of any kind, before the file's.
    near(
        k(r#""fl_x": 60,"#, r#", "camera_angle_x": 0.9"#).0,
        [a, a, 32.0, 24.0],
    );
    near(
        k(r#""fl_x": 60, "cx": 30,"#, r#", "fl_x": 50, "cx": 31"#).0,
        [50.0, 50.0, 31.0, 24.0],
    );
    // Degrees, which is a guess.
    let (found, notes) = k(r#""camera_angle_x": 50.0,"#, "");
    near(found, [68.624, 68.624, 32.0, 24.0]);
    assert!(
        notes[0].contains("camera_angle_x is 50") && notes[0].contains("guess"),
        "{notes:?}"
    );
    // Sides of 0 are the pictures' own; other sizes are scaled; texts are numbers.
    let (found, notes) = k(r#""fl_x": 60, "fl_y": "62", "w": 0, "h": 0,"#, "");
    near(found, [60.0, 62.0, 32.0, 24.0]);
    assert!(
        notes.len() == 1 && notes[0].contains("own size"),
        "{notes:?}"
    );
    let (found, notes) = k(
        r#""fl_x": 120, "fl_y": 124, "cx": 64, "cy": 48, "w": 128, "h": 96,"#,
        "",
    );
    near(found, [60.0, 62.0, 32.0, 24.0]);
    assert!(notes.is_empty(), "{notes:?}");
    assert!(k(r#""fl_x": 60, "w": 127, "h": 95,"#, "").1.is_empty());
    let (_, notes) = k(r#""fl_x": 60, "w": 48, "h": 64,"#, "");
    assert!(
        notes[0].contains("48 x 64, which is another shape than the pictures' 64 x 48"),
        "{notes:?}"
    );
    let (_, notes) = k(r#""fl_x": 60, "cx": 0.5, "cy": 0.5,"#, "");
    assert!(notes[0].contains("cx and cy"), "{notes:?}");
    // The shortest and the longest that lenses have, of 64 pixels.
    near(k(r#""fl_x": 1.7,"#, "").0, [1.7, 1.7, 32.0, 24.0]);
    near(k(r#""fl_x": 120000,"#, "").0, [12e4, 12e4, 32.0, 24.0]);
    for length in ["1.5", "130000", "1e300"] {
        let shared = format!(r#""fl_x": {length},"#);
        capture.refused(&shared, "", &["fl_x is 1", "64 pixels long", "no lens"]);
    }
}

#[test]
fn numbers_that_are_none_are_named_by_their_field() {
    let capture = Capture::new();
    for (shared, own, words) in [
        (r#""fl_x": 0,"#, "", &["fl_x is 0", "over 0"][..]),
        (r#""fl_x": -60,"#, "", &["fl_x is -60"]),
        (r#""fl_x": NaN,"#, "", &["fl_x is NaN"]),
        (r#""fl_x": 60, "cx": Infinity,"#, "", &["cx is inf"]),
        (r#""fl_x": 60, "w": -64,"#, "", &["w is -64"]),
        (
            r#""fl_x": 60,"#,
            r#", "fl_y": -Infinity"#,
            &["frames[0].fl_y is -inf"],
        ),
        (r#""fl_x": "wide","#, "", &["fl_x", "\"wide\"", "a number"]),
        (
            r#""camera_angle_x": 180,"#,
            "",
            &["camera_angle_x is 180", "angle of view"],
        ),
        (r#""camera_angle_x": 0,"#, "", &["camera_angle_x is 0"]),
        ("", "", &["neither fl_x nor camera_angle_x"]),
    ] {
        capture.refused(shared, own, words);
    }
    // Poses, by frame, row and column.
    let pose = |matrix: &str| {
        let json = format!(
            r#"{{"fl_x": 60, "frames": [{{"file_path": "f0", "transform_matrix": {matrix}}}]}}"#
        );
        capture.of(json.as_bytes())
    };
    let says = |matrix: &str, words: &str| {
        let error = pose(matrix).expect_err(words);
        assert!(
            error.contains(words) && error.contains("--ignore-known-cameras"),
            "{error}"
        );
    };
    says(
        "[[1,0,0,0],[0,1,0,NaN],[0,0,1,0],[0,0,0,1]]",
        "frames[0].transform_matrix[1][3] is NaN",
    );
    says(
        "[[1,0,0,0],[0,1,0,-1e200],[0,0,1,0],[0,0,0,1]]",
        "frames[0].transform_matrix[1][3] is -1e200: a camera farther than 1e9 away",
    );
    says(
        "[[2,0,0,0],[0,2,0,0],[0,0,2,0],[0,0,0,1]]",
        "frames[0].transform_matrix holds no rotation",
    );
    says("[[-1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]]", "mirrors");
    // By columns: the position is where the last row should be.
    says(
        "[[1,0,0,0],[0,1,0,0],[0,0,1,0],[4,5,6,1]]",
        "written by columns",
    );
    says("[[1,0,0],[0,1,0],[0,0,1]]", "frames[0].transform_matrix[0]");
    says("\"none\"", "frames[0].transform_matrix");
    let of_three = pose("[[1,0,0,4],[0,1,0,5],[0,0,1,6]]").unwrap();
    assert_eq!(
        of_three,
        pose("[[1,0,0,4],[0,1,0,5],[0,0,1,6],[0,0,0,1]]").unwrap()
    );
}

#[test]
fn marks_are_passed_over_and_other_encodings_named() {
    let capture = Capture::new();
    let json = r#"{"fl_x": 60, "aabb": [NaN, -Infinity], "frames": [{"file_path": "f0.png", "transform_matrix": [[1,0,0,0],[0,1,0,0],[0,0,1,0]]}]}"#;
    let cameras = capture.of(format!("\u{feff}{json}").as_bytes()).unwrap();
    assert_eq!(
        (cameras.cameras.len(), cameras.cameras[0].intrinsics.fx),
        (1, 60.0)
    );
    let wide: Vec<u8> = json.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [[&[0xFF, 0xFE][..], &wide].concat(), wide] {
        let error = capture.of(&bytes).unwrap_err();
        assert!(
            error.contains("transforms.json") && error.contains("save it as UTF-8"),
            "{error}"
        );
    }
}

#[test]
fn what_is_ignored_may_be_damaged_and_depth_still_comes() {
    let capture = Capture::new();
    assert!(capture.with(r#""fl_x": 60, "k1": -5,"#, "").is_err());
    let depth =
        image::ImageBuffer::<image::Luma<u16>, Vec<u16>>::from_pixel(4, 3, image::Luma([1500]));
    depth
        .save(capture.folder.path().join("f0.depth.png"))
        .unwrap();
    let ask = |cameras, depth| {
        let wanted = Wanted { cameras, depth };
        known_of(
            wanted,
            capture.folder.path(),
            &capture.images,
            &[0.0, 1.0],
            [64, 48],
        )
    };
    let found = ask(false, true).unwrap();
    assert!(found.cameras.is_none() && found.depth.unwrap().maps[0].is_some());
    std::fs::write(capture.folder.path().join("f1.depth.png"), "none").unwrap();
    assert!(ask(false, true).is_err() && ask(true, false).is_err());
    capture
        .with(r#""fl_x": 60,"#, "")
        .expect_err("depth is damaged");
    assert!(ask(true, false).unwrap().cameras.is_some());
    // Masks and depth of the list are not read.
    std::fs::remove_file(capture.folder.path().join("f1.depth.png")).unwrap();
    let cameras = capture
        .with(
            r#""fl_x": 60,"#,
            r#", "mask_path": "m.png", "depth_file_path": "d.png""#,
        )
        .unwrap();
    assert!(
        cameras.notes.iter().any(|n| n.contains("1 masks")),
        "{:?}",
        cameras.notes
    );
    assert!(
        cameras.notes.iter().any(|n| n.contains("depth_file_path")),
        "{:?}",
        cameras.notes
    );
}

//! Lenses that distort: their equations against references in f64, and their pictures against those of a pinhole.

use std::path::Path;

use glam::DVec2;
use sora_director::camera::{Cameras, Undistortion, Wanted, known, known_of};
use sora_director::gpu::Buffer;
use sora_director::monitor::Silent;
use sora_director::pipeline::{self, Config, Preset};
use sora_director::video::Frames;

use crate::common::gpu;
use crate::common::pictures::{jpeg, with_exif};

/// A lens as a file has it, and as its model's documents have it: from a ray to focal lengths from the principal point.
struct Lens {
    json: &'static str,
    bend: fn(DVec2) -> DVec2,
}

const FL: &str = r#""fl_x": 60, "fl_y": 62, "cx": 31.5, "cy": 24.25, "w": 64, "h": 48"#;

fn tangential(p: DVec2, p1: f64, p2: f64) -> DVec2 {
    let r2 = p.length_squared();
    DVec2::new(
        2.0 * p1 * p.x * p.y + p2 * (r2 + 2.0 * p.x * p.x),
        2.0 * p2 * p.x * p.y + p1 * (r2 + 2.0 * p.y * p.y),
    )
}

fn angular(p: DVec2, k: [f64; 4]) -> DVec2 {
    let a = p.length().atan();
    let b = a * (1.0 + k[0] * a.powi(2) + k[1] * a.powi(4) + k[2] * a.powi(6) + k[3] * a.powi(8));
    p * if p.length() > 0.0 {
        b / p.length()
    } else {
        1.0
    }
}

const LENSES: [Lens; 9] = [
    Lens {
        json: r#""camera_model": "SIMPLE_RADIAL", "k1": -0.11"#,
        bend: |p| p * (1.0 - 0.11 * p.length_squared()),
    },
    Lens {
        json: r#""camera_model": "RADIAL", "k1": -0.2, "k2": 0.05"#,
        bend: |p| p * (1.0 - 0.2 * p.length_squared() + 0.05 * p.length_squared().powi(2)),
    },
    Lens {
        json: r#""camera_model": "OPENCV", "k1": -0.1, "k2": 0.02, "p1": 0.003, "p2": -0.002"#,
        bend: |p| {
            let r2 = p.length_squared();
            p * (1.0 - 0.1 * r2 + 0.02 * r2 * r2) + tangential(p, 0.003, -0.002)
        },
    },
    Lens {
        json: r#""camera_model": "FULL_OPENCV", "k1": -0.1, "k2": 0.02, "p1": 0.003, "p2": -0.002, "k3": 0.01, "k4": 0.05, "k5": -0.01, "k6": 0.002"#,
        bend: |p| {
            let r2 = p.length_squared();
            let over = 1.0 - 0.1 * r2 + 0.02 * r2.powi(2) + 0.01 * r2.powi(3);
            let under = 1.0 + 0.05 * r2 - 0.01 * r2.powi(2) + 0.002 * r2.powi(3);
            p * (over / under) + tangential(p, 0.003, -0.002)
        },
    },
    // nerfstudio's: k4 is of the eighth power, whether a model is named or not.
    Lens {
        json: r#""k1": 0.1, "k2": -0.05, "k3": 0.02, "k4": -0.01"#,
        bend: |p| {
            let r2 = p.length_squared();
            let k = [0.1, -0.05, 0.02, -0.01];
            p * (1.0 + k[0] * r2 + k[1] * r2.powi(2) + k[2] * r2.powi(3) + k[3] * r2.powi(4))
        },
    },
    Lens {
        json: r#""camera_model": "OPENCV_FISHEYE", "k1": -0.05, "k2": 0.02, "k3": -0.01, "k4": 0.004"#,
        bend: |p| angular(p, [-0.05, 0.02, -0.01, 0.004]),
    },
    Lens {
        json: r#""is_fisheye": true, "k1": 0.07"#,
        bend: |p| angular(p, [0.07, 0.0, 0.0, 0.0]),
    },
    Lens {
        json: r#""camera_model": "RADIAL_FISHEYE", "k1": 0.07, "k2": -0.02"#,
        bend: |p| angular(p, [0.07, -0.02, 0.0, 0.0]),
    },
    Lens {
        json: r#""camera_model": "OPENCV_FISHEYE""#,
        bend: |p| angular(p, [0.0; 4]),
    },
];

/// The ray that `bend` takes to `at`, by Newton's method.
fn unbend(bend: fn(DVec2) -> DVec2, at: DVec2) -> DVec2 {
    let mut ray = at;
    for _ in 0..50 {
        let off = bend(ray) - at;
        let h = 1e-6;
        let (x, y) = (DVec2::new(h, 0.0), DVec2::new(0.0, h));
        let a = (bend(ray + x) - bend(ray - x)) / (2.0 * h);
        let b = (bend(ray + y) - bend(ray - y)) / (2.0 * h);
        let area = a.x * b.y - a.y * b.x;
        ray -= DVec2::new(b.y * off.x - b.x * off.y, a.x * off.y - a.y * off.x) / area;
    }
    ray
}

/// A folder of pictures of 64 x 48 with these lenses, one a frame.
struct Capture {
    folder: tempfile::TempDir,
}

impl Capture {
    fn new(shared: &str, own: &[&str], picture: impl Fn(usize) -> image::RgbImage) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rows = "[[1,0,0,0],[0,1,0,0],[0,0,1,0]]";
        let mut frames = Vec::new();
        for (k, own) in own.iter().enumerate() {
            picture(k)
                .save(folder.path().join(format!("f{k}.png")))
                .unwrap();
            let comma = if own.is_empty() { "" } else { ", " };
            frames.push(format!(
                r#"{{"file_path": "f{k}.png", "transform_matrix": {rows}{comma}{own}}}"#
            ));
        }
        let list = format!("{{{shared}, \"frames\": [{}]}}", frames.join(", "));
        std::fs::write(folder.path().join("transforms.json"), list).unwrap();
        Self { folder }
    }

    fn blank(shared: &str) -> Self {
        Self::new(shared, &["", ""], |_| image::RgbImage::new(64, 48))
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn known(&self) -> Result<(Cameras, Vec<Undistortion>), String> {
        let images = ["f0.png", "f1.png"].map(|name| self.path().join(name));
        let found = known(self.path(), &images, &[0.0, 1.0], 64, 48);
        let found = found.map_err(|e| e.to_string())?.unwrap();
        Ok((found.cameras.unwrap(), found.lenses))
    }

    fn frames(&self, max_side: u32) -> Frames {
        let config = Config {
            max_side,
            ..Config::preset(Preset::default())
        };
        pipeline::frames(&gpu(), self.path(), None, &config, &Silent).unwrap()
    }
}

#[test]
fn each_model_is_that_of_its_documents_and_newtons_method_undoes_it() {
    for Lens { json, bend } in &LENSES {
        let (cameras, lenses) = Capture::blank(&format!("{FL}, {json}"))
            .known()
            .expect(json);
        let [lens, second] = &lenses[..] else {
            panic!("{json}: {lenses:?}")
        };
        assert_eq!((lens.frame, second.frame), (0, 1));
        let k = cameras.cameras[0].intrinsics;
        assert_eq!(k, lens.pinhole);
        assert_eq!((k.cx, k.cy, k.width, k.height), (31.5, 24.25, 64, 48));
        let zoom = k.fx / 60.0;
        assert!((1.0..2.0).contains(&zoom) && (k.fy / 62.0 - zoom).abs() < 1e-12);
        let told = cameras.notes[0].contains("no empty border");
        assert_eq!(told, zoom > 1.0, "{json}: {:?}", cameras.notes);
        for y in 0..48 {
            for x in 0..64 {
                let at = DVec2::new(f64::from(x) + 0.5, f64::from(y) + 0.5);
                let ray = (at - DVec2::new(k.cx, k.cy)) / DVec2::new(k.fx, k.fy);
                let bent = bend(ray);
                let want = DVec2::new(31.5 + 60.0 * bent.x, 24.25 + 62.0 * bent.y);
                let seen = lens.source(at).expect("no pixel is empty");
                assert!(seen.distance(want) < 1e-9, "{json}: {seen} for {want}");
                let back = (seen - DVec2::new(31.5, 24.25)) / DVec2::new(60.0, 62.0);
                assert!(unbend(*bend, back).distance(ray) < 1e-9, "{json}: {at}");
            }
        }
    }
}

#[test]
fn each_model_is_as_colmap_has_it() {
    // By pycolmap 4.2.1: `Camera.img_from_cam` of the rays below.
    let rays = [DVec2::new(0.3, -0.2), DVec2::new(-0.5, 0.35)];
    for (model, rest, pixels) in [
        (
            "SIMPLE_RADIAL",
            r#""k1": -0.11, "fl_y": 60"#,
            [[49.242_6, 12.421_6], [2.729_25, 44.389_525]],
        ),
        (
            "RADIAL",
            r#""k1": -0.2, "k2": 0.05, "fl_y": 60"#,
            [[49.047_21, 12.551_86], [3.526_865_625, 43.831_194_062_5]],
        ),
        (
            "OPENCV",
            r#""k1": -0.1, "k2": 0.02, "p1": 0.003, "p2": -0.002"#,
            [[49.213_284, 12.060_948_8], [2.366_546_25, 45.360_150_212_5]],
        ),
        (
            "FULL_OPENCV",
            r#""k1": -0.1, "k2": 0.02, "p1": 0.003, "p2": -0.002, "k3": 0.01, "k4": 0.05, "k5": -0.01, "k6": 0.002"#,
            [
                [49.101_792_647_305_81, 12.137_753_954_078_21],
                [2.845_032_557_026_87, 45.014_045_117_083_9],
            ],
        ),
        (
            "OPENCV_FISHEYE",
            r#""k1": -0.05, "k2": 0.02, "k3": -0.01, "k4": 0.004"#,
            [
                [48.676_942_187_352_05, 12.416_995_382_046_36],
                [4.926_943_595_918_48, 43.471_177_465_618_97],
            ],
        ),
        (
            "SIMPLE_RADIAL_FISHEYE",
            r#""k1": 0.07, "fl_y": 60"#,
            [
                [48.920_518_816_248_72, 12.636_320_789_167_52],
                [3.998_522_174_805_01, 43.501_034_477_636_5],
            ],
        ),
        (
            "RADIAL_FISHEYE",
            r#""k1": 0.07, "k2": -0.02, "fl_y": 60"#,
            [
                [48.915_564_247_788_81, 12.639_623_834_807_46],
                [4.047_096_543_988_38, 43.467_032_419_208_13],
            ],
        ),
        (
            "FISHEYE",
            "\"k1\": 0",
            [
                [48.775_707_042_065_48, 12.348_957_371_021_55],
                [4.564_693_135_930_94, 43.733_205_298_343_29],
            ],
        ),
    ] {
        let capture = Capture::blank(&format!("{FL}, \"camera_model\": \"{model}\", {rest}"));
        let (cameras, lenses) = capture.known().expect(model);
        let k = cameras.cameras[0].intrinsics;
        for (ray, want) in rays.iter().zip(pixels) {
            let at = DVec2::new(k.fx * ray.x + k.cx, k.fy * ray.y + k.cy);
            let seen = lenses[0].source(at).expect(model);
            assert!(seen.distance(DVec2::from(want)) < 1e-9, "{model}: {seen}");
        }
    }
}

#[test]
fn a_lens_turns_with_its_picture() {
    type Turn = fn(DVec2) -> DVec2;
    let lens = r#""k1": -0.1, "k2": 0.02, "p1": 0.01, "p2": -0.02"#;
    let of = |orientation: u8| {
        let capture = Capture::blank(&format!("{FL}, {lens}"));
        let bytes = with_exif(&jpeg(&image::RgbImage::new(64, 48)), orientation, &[]);
        let images = ["f0", "f1"].map(|name| capture.path().join(format!("{name}.jpg")));
        for image in &images {
            std::fs::write(image, &bytes).unwrap();
            std::fs::remove_file(image.with_extension("png")).unwrap();
        }
        let [width, height] = if orientation > 4 { [48, 64] } else { [64, 48] };
        let list = std::fs::read_to_string(capture.path().join("transforms.json")).unwrap();
        let list = list.replace(".png", ".jpg");
        std::fs::write(capture.path().join("transforms.json"), list).unwrap();
        let found = known(capture.path(), &images, &[0.0, 1.0], width, height);
        found.unwrap().unwrap().lenses[0]
    };
    let stored = of(1);
    // Where a pixel of the stored picture comes to lie, by EXIF's definitions.
    let turns: [(u8, Turn); 3] = [
        (3, |p| DVec2::new(64.0 - p.x, 48.0 - p.y)),
        (6, |p| DVec2::new(48.0 - p.y, p.x)),
        (8, |p| DVec2::new(p.y, 64.0 - p.x)),
    ];
    for (orientation, turn) in turns {
        let turned = of(orientation);
        for at in [[3.5, 4.5], [60.5, 2.5], [31.5, 40.5], [10.0, 30.0]] {
            let at = DVec2::from(at);
            let want = turn(stored.source(at).unwrap());
            let seen = turned.source(turn(at)).unwrap();
            assert!(seen.distance(want) < 1e-9, "{orientation}: {seen} {want}");
            assert!(stored.source(at).unwrap().distance(at) > 0.02);
        }
    }
}

/// A texture over rays, smooth enough for bilinear sampling; its edges are those of squares of a checkerboard.
fn texture(ray: DVec2) -> [f64; 3] {
    let square = (30.0 * ray.x).sin() * (30.0 * ray.y).sin();
    let checks = 127.5 + 110.0 * (2.0 * square).tanh();
    [checks, 127.5 + 100.0 * (5.0 * ray.x).sin(), 255.0 - checks]
}

/// What a lens sees of it: each pixel the mean of what lies behind nine points of it.
fn drawn(width: u32, height: u32, ray: impl Fn(DVec2) -> DVec2) -> image::RgbImage {
    image::RgbImage::from_fn(width, height, |x, y| {
        let mut sum = [0.0; 3];
        for i in 0..9 {
            let at = DVec2::new(
                f64::from(x) + (f64::from(i % 3) + 0.5) / 3.0,
                f64::from(y) + (f64::from(i / 3) + 0.5) / 3.0,
            );
            let seen = texture(ray(at));
            for c in 0..3 {
                sum[c] += seen[c] / 9.0;
            }
        }
        image::Rgb(sum.map(|v| v.round() as u8))
    })
}

/// Mean error of the frame's colours in levels against a pinhole's picture, `off` pixels off.
fn error(frame: &[u32], size: [u32; 2], k: [f64; 4], off: f64) -> f64 {
    let centre = DVec2::new(k[2] + off, k[3] + off);
    let want = drawn(size[0], size[1], |at| {
        (at - centre) / DVec2::new(k[0], k[1])
    });
    let mut sum = 0.0;
    for (pixel, want) in frame.iter().zip(want.pixels()) {
        let [r, g, b, a] = pixel.to_le_bytes();
        assert_eq!(a, 255);
        let levels = [r, g, b].into_iter().zip(want.0);
        sum += levels.map(|(a, b)| f64::from(a.abs_diff(b))).sum::<f64>();
    }
    sum / (3.0 * f64::from(size[0] * size[1]))
}

#[test]
fn pictures_through_a_lens_become_the_pinholes() {
    // Larger pictures, so that there is something to see; every frame has a lens of its own, the last is a pinhole.
    let head = r#""fl_x": 300, "fl_y": 310, "cx": 157.5, "cy": 121.25, "w": 320, "h": 240"#;
    let (focal, centre) = (DVec2::new(300.0, 310.0), DVec2::new(157.5, 121.25));
    let own: Vec<&str> = LENSES.iter().map(|lens| lens.json).chain([""]).collect();
    let picture = |k: usize| {
        let bend = LENSES
            .get(k)
            .map_or((|p| p) as fn(DVec2) -> DVec2, |l| l.bend);
        drawn(320, 240, |at| unbend(bend, (at - centre) / focal))
    };
    let capture = Capture::new(head, &own, picture);
    for max_side in [320, 200] {
        let frames = capture.frames(max_side);
        let size = [frames.width, frames.height];
        let wanted = Wanted {
            cameras: true,
            depth: true,
        };
        let found = known_of(wanted, capture.path(), &frames.sources, &frames.times, size).unwrap();
        assert_eq!(found.lenses.len(), LENSES.len());
        assert!(found.lenses.iter().map(|l| l.frame).eq(0..LENSES.len()));
        for (camera, json) in found.cameras.unwrap().cameras.iter().zip(&own) {
            let k = camera.intrinsics;
            let k = [k.fx, k.fy, k.cx, k.cy];
            let frame = frames.read(&gpu(), camera.frame).unwrap();
            let (right, off) = (error(&frame, size, k, 0.0), error(&frame, size, k, 0.5));
            println!("{max_side} {json}: {right:.2} levels, {off:.2} half a pixel off");
            assert!(right < 2.5 && right < 0.4 * off, "{json}: {right} {off}");
        }
    }
}

#[test]
fn depth_is_undistorted_with_its_picture() {
    let grey = |_| image::RgbImage::from_pixel(64, 48, image::Rgb([90, 90, 90]));
    let own = [
        r#""k1": -0.2"#,
        r#""camera_model": "OPENCV_FISHEYE", "fisheye_crop_radius": 10"#,
    ];
    let capture = Capture::new(FL, &own, grey);
    for k in 0..2 {
        // Half as large as the pictures; what is unknown stays so.
        let depth = image::ImageBuffer::<image::Luma<u16>, Vec<u16>>::from_fn(32, 24, |x, y| {
            image::Luma([if x == 20 {
                0
            } else {
                (1000 + 32 * y + x) as u16
            }])
        });
        depth
            .save(capture.path().join(format!("f{k}.depth.png")))
            .unwrap();
    }
    let frames = capture.frames(64);
    let config = Config {
        max_side: 64,
        ..Config::preset(Preset::default())
    };
    let given = pipeline::given(&gpu(), capture.path(), &frames, &config).unwrap();
    let (_, lenses) = capture.known().unwrap();
    let maps = given.depth.unwrap().maps;
    let (mut clear, mut unknown) = (0, 0);
    for (lens, map) in lenses.iter().zip(maps) {
        let map = map.unwrap();
        assert_eq!((map.width, map.height), (32, 24));
        for (at, got) in map.values.iter().enumerate() {
            let pixel = DVec2::new((at % 32) as f64 + 0.5, (at / 32) as f64 + 0.5);
            let Some(seen) = lens.source(2.0 * pixel) else {
                clear += 1;
                assert!(got.is_nan());
                continue;
            };
            let near = (0.5 * seen).floor().min(DVec2::new(31.0, 23.0));
            // A ray that meets the border of two pixels may take either.
            if (0.5 * seen - near).cmpgt(DVec2::splat(1e-3)).all()
                && (0.5 * seen - near).cmplt(DVec2::splat(1.0 - 1e-3)).all()
            {
                if near.x == 20.0 {
                    unknown += 1;
                    assert!(got.is_nan());
                } else {
                    assert_eq!(*got, ((1000.0 + 32.0 * near.y + near.x) / 1000.0) as f32);
                }
            }
        }
    }
    assert!(clear > 100 && unknown > 20, "{clear} {unknown}");
    // The picture is clear where its circle ends, as the notes say; the first has no such pixel.
    let alpha = |buffer: &Buffer<u32>| {
        let pixels = gpu().read(buffer).unwrap();
        pixels.iter().filter(|p| **p >> 24 == 0).count()
    };
    assert_eq!(alpha(&frames.rgba[0]), 0);
    assert!(alpha(&frames.rgba[1]) > 400);
    let told = &given.cameras.unwrap().notes[0];
    assert!(
        told.contains("k1 is -0.2") && told.contains("likewise for 1 other"),
        "{told}"
    );
}

#[test]
fn lenses_that_cannot_be_are_refused_and_wide_ones_told() {
    for (lens, words) in [
        // r - r^3 turns back at r = .577, 35 px off.
        (
            r#""k1": -1.0"#,
            &[
                "k1 is -1",
                "folds back on itself",
                "px from the principal point",
            ][..],
        ),
        (r#""is_fisheye": 1, "k1": -3.0"#, &["folds back"]),
        (
            r#""camera_model": "FULL_OPENCV", "k1": -1.0, "k4": 0.1"#,
            &["folds back", "k4 is 0.1"],
        ),
    ] {
        let error = Capture::blank(&format!("{FL}, {lens}"))
            .known()
            .unwrap_err();
        for word in words
            .iter()
            .chain(&["transforms.json", "--ignore-known-cameras"])
        {
            assert!(error.contains(word), "{word}: {error}");
        }
    }
    // One that folds beyond its picture is a lens: r - .1 r^3 - .1 r^5 turns back at r = 1.07, and the corners lie at .66.
    let (cameras, lenses) = Capture::blank(&format!("{FL}, \"k1\": -0.1, \"k2\": -0.1"))
        .known()
        .unwrap();
    assert!(lenses.len() == 2 && cameras.cameras[0].intrinsics.fx == 60.0);
    // A pincushion would leave a border empty: the pinhole looks closer, as COLMAP's and OpenCV's do.
    let (cameras, lenses) = Capture::blank(&format!("{FL}, \"k1\": 0.3"))
        .known()
        .unwrap();
    let k = cameras.cameras[0].intrinsics;
    assert!(k.fx > 62.0 && k.fx < 70.0, "{k:?}");
    assert!(cameras.notes[0].contains("k1 is 0.3") && cameras.notes[0].contains("no empty border"));
    let corner = lenses[0].source(DVec2::new(0.5, 47.5)).unwrap();
    assert!(corner.x < 1.0 || corner.y > 47.0, "{corner}");
    // What the pinhole does not see of a barrel or a fisheye lens is told.
    let (cameras, _) = Capture::blank(&format!("{FL}, \"is_fisheye\": true"))
        .known()
        .unwrap();
    let share: f64 = {
        let (_, rest) = cameras.notes[0].split_once("px; ").unwrap();
        rest.split('%').next().unwrap().parse().unwrap()
    };
    // Of its width sees the pinhole `60 atan(31.5 / 60) + 60 atan(32.5 / 60)` of 64 px in the middle row, and less area.
    assert!((5.0..25.0).contains(&share), "{:?}", cameras.notes);
}

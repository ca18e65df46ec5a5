//! Tests of the mock stage.

mod kernel;

use std::path::Path;
use std::process::Command;

use glam::{DVec2, DVec3, Vec3};
use sora_director::camera::Cameras;
use sora_director::event::Silent;
use sora_director::generate::local::LocalProvider;
use sora_director::generate::mock::defects::{self, Kind, Planted};
use sora_director::generate::mock::piece::Shape;
use sora_director::generate::mock::prompt::{Light, Material, Move, Place, Prop, Subject};
use sora_director::generate::mock::scene::Role;
use sora_director::generate::mock::trace::{TRACE, TraceParams, Traced};
use sora_director::generate::mock::truth::{DefectTruth, SceneTruth, SubjectTruth};
use sora_director::generate::mock::{self, Clip, DEFECTS, MockProvider, Scene, understand};
use sora_director::generate::{GenerateError, TakeRequest};
use sora_director::gpu::groups_2d;
use sora_director::reference::mock::trace as twin;

use crate::common::{garbage, gpu};

const CLIP: Clip = Clip {
    frames: 24,
    fps: 12.0,
    size: [320, 180],
};

/// A prompt without its defects.
const CLEAN: &str =
    "continuous solid floor, steady lighting, objects remain in place throughout, natural physics";

fn scene(prompt: &str, seed: u64, size: [u32; 2]) -> Scene {
    Scene::build(understand(prompt, seed), Clip { size, ..CLIP })
}

/// One frame by the kernel, outputs garbage-filled first.
fn kernel(params: &TraceParams) -> Traced {
    let gpu = gpu();
    let [width, height] = params.size;
    let pixels = (width * height) as usize;
    let rgba = garbage(&gpu, pixels);
    let depth = garbage(&gpu, pixels);
    let objects = garbage(&gpu, pixels);
    let mut recorder = gpu.recorder();
    let groups = groups_2d(width, height, TRACE.workgroup);
    recorder
        .run(&TRACE, params, &[&rgba, &depth, &objects], groups)
        .expect("run");
    recorder.submit().expect("submit");
    Traced {
        rgba: gpu.read(&rgba).expect("read"),
        depth: gpu.read(&depth).expect("read"),
        objects: gpu.read(&objects).expect("read"),
    }
}

fn request(prompt: &str, seed: u64) -> TakeRequest {
    TakeRequest {
        prompt: prompt.to_owned(),
        seed,
        seconds: 1.0,
        size: [160, 90],
        fps: 10.0,
        video: None,
        model: None,
        reference_image: None,
    }
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    serde_json::from_slice(&std::fs::read(path).expect("file")).expect("json")
}

fn depth_of(folder: &Path, frame: usize) -> Vec<f64> {
    let path = folder.join(format!("truth/depth/{frame:05}.png"));
    let picture = image::open(path).expect("png").into_luma16();
    picture.iter().map(|&mm| f64::from(mm) / 1000.0).collect()
}

fn objects_of(folder: &Path, frame: usize) -> Vec<u32> {
    let path = folder.join(format!("truth/objects/{frame:05}.png"));
    let picture = image::open(path).expect("png").into_luma8();
    picture.iter().map(|&o| u32::from(o)).collect()
}

#[test]
fn a_take_is_whole_repeats_and_its_truth_holds() {
    let provider = MockProvider::new(gpu());
    let prompt = format!("a robot in a room with crates, dolly, {CLEAN}");
    // A seed without a defect, so that every static pixel is a witness.
    let seed = (0..)
        .find(|&s| defects::draw(&prompt, s).iter().all(|d| !d.drawn))
        .expect("seed");
    let (a, b) = (
        tempfile::tempdir().expect("dir"),
        tempfile::tempdir().expect("dir"),
    );
    let request = request(&prompt, seed);
    let made = provider
        .generate(&request, a.path(), &Silent)
        .expect("take");
    assert_eq!(made.video, a.path().join("take.mp4"));
    provider
        .generate(&request, b.path(), &Silent)
        .expect("take");
    for file in [
        "take.mp4",
        "understood.json",
        "truth/cameras.json",
        "truth/scene.json",
        "truth/subject.json",
        "truth/defects.json",
        "truth/depth/00004.png",
        "truth/objects/00009.png",
    ] {
        let bytes = |folder: &Path| std::fs::read(folder.join(file)).expect(file);
        assert!(bytes(a.path()) == bytes(b.path()), "{file} differs");
    }

    let folder = a.path();
    let scene_truth: SceneTruth = read(&folder.join("truth/scene.json"));
    let cameras: Cameras = read(&folder.join("truth/cameras.json"));
    let subjects: Vec<SubjectTruth> = read(&folder.join("truth/subject.json"));
    let defects: DefectTruth = read(&folder.join("truth/defects.json"));
    assert_eq!((cameras.frames, cameras.cameras.len()), (10, 10));
    assert_eq!(subjects.len(), 1);
    assert_eq!(subjects[0].track.len(), 10);
    assert!(defects.planted.is_empty());
    assert!(scene_truth.fixed.len() > 6 && scene_truth.moving.len() == 14);

    // The written depth is the twin's.
    let clip = mock::clip(&request).expect("clip");
    let params = Scene::build(understand(&prompt, seed), clip).frame(6);
    let want = twin::trace(&params);
    let got = depth_of(folder, 6);
    let off = got
        .iter()
        .zip(&want.depth)
        .filter(|(g, w)| (*g - f64::from(**w)).abs() > 0.002)
        .count();
    assert!(off * 200 < got.len(), "{off} of {}", got.len());

    // Depth of one frame, carried by the poses, is the depth of another.
    let fixed: Vec<u32> = scene_truth
        .objects
        .iter()
        .filter(|o| o.role != Role::Subject)
        .map(|o| o.id)
        .collect();
    let witness = |shift: DVec3| {
        let (mut tried, mut held) = (0, 0);
        for (i, j) in [(0usize, 9usize), (9, 0), (3, 7)] {
            let (zi, oi) = (depth_of(folder, i), objects_of(folder, i));
            let (zj, oj) = (depth_of(folder, j), objects_of(folder, j));
            let (ci, mut cj) = (cameras.cameras[i], cameras.cameras[j]);
            cj.pose.position += shift;
            let k = ci.intrinsics;
            let (w, h) = (k.width as i64, k.height as i64);
            for y in 0..h {
                for x in 0..w {
                    let at = (y * w + x) as usize;
                    if !fixed.contains(&oi[at]) {
                        continue;
                    }
                    let p = k.unproject(x as f64 + 0.5, y as f64 + 0.5, zi[at]);
                    let q = cj.pose.to_camera(ci.pose.to_world(p));
                    let Some(DVec2 { x: u, y: v }) = k.project(q) else {
                        continue;
                    };
                    let (cx, cy) = (u.floor() as i64, v.floor() as i64);
                    if cx < 1 || cy < 1 || cx > w - 2 || cy > h - 2 {
                        continue;
                    }
                    let around: Vec<usize> = (0..9)
                        .map(|n| ((cy - 1 + n / 3) * w + cx - 1 + n % 3) as usize)
                        .collect();
                    // Hidden there, or at an edge: no witness.
                    if around.iter().any(|&n| oj[n] != oi[at]) {
                        continue;
                    }
                    let low = around.iter().map(|&n| zj[n]).fold(f64::INFINITY, f64::min);
                    let high = around.iter().map(|&n| zj[n]).fold(0.0, f64::max);
                    tried += 1;
                    held += u32::from(q.z > low - 0.002 && q.z < high + 0.002);
                }
            }
        }
        assert!(tried > 10_000, "{tried}");
        f64::from(held) / f64::from(tried)
    };
    let share = witness(DVec3::ZERO);
    assert!(share > 0.995, "true poses: {share}");
    let share = witness(DVec3::new(0.1, 0.0, -0.1));
    assert!(share < 0.6, "poses off by 14 cm: {share}");
}

#[test]
fn planted_defects_are_in_the_frames() {
    let find = |kind: Kind, prompt: &str| {
        (0..)
            .map(|seed| scene(prompt, seed, [160, 90]))
            .find(|s| {
                s.planted.len() == 1 && s.draws.iter().filter(|d| d.drawn).all(|d| d.kind == kind)
            })
            .expect("a seed with only that defect")
    };
    let prompt = "a robot in a room with crates";
    let hole = find(Kind::Hole, prompt);
    let Planted::Hole { min, max, depth } = hole.planted[0] else {
        panic!("{:?}", hole.planted)
    };
    let pit = hole
        .objects
        .iter()
        .find(|o| o.name == "pit")
        .expect("pit")
        .id;
    // Straight down into its middle: no floor before its bottom.
    let params = TraceParams {
        axis_x: [1.0, 0.0, 0.0, 1.0],
        axis_y: [0.0, 0.0, 1.0, 0.0],
        axis_z: [0.0, -1.0, 0.0, 0.0],
        position: [
            ((min[0] + max[0]) / 2.0) as f32,
            1.0,
            ((min[1] + max[1]) / 2.0) as f32,
            0.0,
        ],
        focal: [1.0, 1.0, 0.0, 0.0],
        ..hole.frame(0)
    };
    let (i, t) = twin::probe(&params, 0.0, 0.0).expect("bottom");
    assert_eq!(params.list()[i].object[0] as u32, pit);
    assert!((f64::from(t) - 1.0 - depth).abs() < 1e-3, "{t}");
    let out = twin::probe(&params, (max[0] - min[0]) as f32 / 2.0 + 0.05, 0.0).expect("floor");
    assert!((out.1 - 1.0).abs() < 1e-3, "{out:?}");

    let vanish = find(Kind::Vanish, prompt);
    let Planted::Vanish { object, frame, .. } = vanish.planted[0] else {
        panic!("vanish")
    };
    let there = |f| kernel(&vanish.frame(f)).objects.contains(&object);
    assert!(there(frame - 1) && !there(frame));

    let teleport = find(Kind::Teleport, prompt);
    let Planted::Teleport {
        frame, from, to, ..
    } = teleport.planted[0]
    else {
        panic!("teleport")
    };
    let step = |f: usize| {
        let at = |f: usize| teleport.subjects_at(f)[0].1.place;
        at(f).distance(at(f - 1))
    };
    assert!(step(frame) > 0.8 && step(frame - 1) < 0.15 && step(frame + 1) < 0.15);
    assert!(DVec3::from(from).distance(DVec3::from(to)) > 0.8);

    let flicker = find(Kind::Flicker, prompt);
    let Planted::Flicker { gains } = &flicker.planted[0] else {
        panic!("flicker")
    };
    let at = gains.iter().position(|g| *g < 0.85).expect("a dark frame");
    let mean = |gain: f32| {
        let mut params = flicker.frame(at);
        if gain > 0.0 {
            params.axis_x[3] = gain;
        }
        let rgba = kernel(&params).rgba;
        rgba.iter().map(|&c| f64::from(c & 255)).sum::<f64>() / rgba.len() as f64
    };
    assert!(mean(0.0) < 0.95 * mean(1.0));
}

#[test]
fn remedies_make_their_defects_rarer_and_add_none() {
    const SEEDS: u64 = 4000;
    let base = "a robot walks through a room";
    let count = |prompt: &str, kind: Kind| {
        (0..SEEDS)
            .filter(|&s| {
                defects::draw(prompt, s)
                    .iter()
                    .any(|d| d.kind == kind && d.drawn)
            })
            .count() as f64
            / SEEDS as f64
    };
    for rule in DEFECTS {
        let share = count(base, rule.kind);
        assert!((share - rule.base).abs() < 0.03, "{:?}: {share}", rule.kind);
        for remedy in rule.remedies {
            let cured = format!("{base}. With {}!", remedy.to_uppercase());
            assert!(defects::remedied(&cured).contains(&rule.kind), "{cured}");
            let share = count(&cured, rule.kind);
            assert!((share - rule.remedied).abs() < 0.015, "{cured}: {share}");
            for seed in 0..200 {
                let before = defects::draw(base, seed);
                for (a, b) in before.iter().zip(defects::draw(&cured, seed)) {
                    assert!(a.drawn || !b.drawn, "{cured} {seed}");
                }
            }
        }
    }
    assert!(defects::remedied("a discontinuous solid flooring").is_empty());
    // Kinds do not hang together: both of two at once about as often as chance has it.
    let both = (0..SEEDS)
        .filter(|&s| {
            let d = defects::draw(base, s);
            d[0].drawn && d[1].drawn
        })
        .count() as f64
        / SEEDS as f64;
    assert!(
        (both - DEFECTS[0].base * DEFECTS[1].base).abs() < 0.025,
        "{both}"
    );
}

#[test]
fn the_grammar_hears_these_words() {
    let u = |prompt: &str| understand(prompt, 11);
    let full = u(
        "Two ROBOTS walk in a dim warehouse: wooden crates, shelving; tiled floor and brick walls. Camera orbits.",
    );
    assert_eq!(full.place, Place::Room);
    assert_eq!((full.subject, full.count), (Subject::Robot, 2));
    assert_eq!(full.props, [Prop::Crate, Prop::Shelf]);
    assert_eq!((full.floor, full.walls), (Material::Tile, Material::Brick));
    assert_eq!((full.light, full.camera), (Light::Dim, Move::Orbit));
    assert!(full.from_seed.is_empty(), "{:?}", full.from_seed);
    assert_eq!(u("a woman in a hallway").place, Place::Corridor);
    assert_eq!(u("a woman in a hallway").subject, Subject::Person);
    assert_eq!(u("hallway, orbit").camera, Move::Dolly);
    assert_eq!(u("hallway, orbit").notes.len(), 1);
    assert_eq!(u("an empty office").subject, Subject::Nobody);
    assert_eq!(u("an empty office with a ball").subject, Subject::Ball);
    assert_eq!(u("a room, no robot, a person").subject, Subject::Person);
    assert_eq!(u("seven 7 robots").count, 2);
    assert_eq!(u("a wooden crate, room").props, [Prop::Crate]);
    assert!(
        u("a wooden crate, room")
            .from_seed
            .contains(&"floor".to_owned())
    );
    // Words that mean nothing change nothing but the prompt itself.
    let (a, b) = (u("robot room"), u("robot room xyzzy ..."));
    assert_eq!(
        mock::Understood {
            prompt: String::new(),
            ..a
        },
        mock::Understood {
            prompt: String::new(),
            ..b
        }
    );
    // Seeds settle what is open, one way and another.
    let places: Vec<_> = (0..32).map(|s| understand("something", s).place).collect();
    assert!(places.contains(&Place::Room) && places.contains(&Place::Corridor));
    for prompt in ["", "  ", "日本語 ロボット", "a\0b", &"word ".repeat(5000)] {
        assert_eq!(understand(prompt, 5), understand(prompt, 5));
    }
}

fn inside(shape: Shape, p: Vec3) -> bool {
    match shape {
        Shape::Box { half } => p.abs().cmplt(Vec3::from(half)).all(),
        Shape::Sphere { radius } => p.length() < radius,
        Shape::Capsule {
            radius,
            half_length,
        } => (p - Vec3::Y * p.y.clamp(-half_length, half_length)).length() < radius,
    }
}

#[test]
fn scenes_of_many_seeds_are_sound() {
    let mut holes = [0, 0];
    for seed in 0..60 {
        for prompt in [
            "robot room dolly",
            "two people room orbit crates pillars shelves tables tanks",
            "person corridor dolly",
            "large room pan ball",
            "small corridor static robot",
        ] {
            let scene = scene(prompt, seed, [320, 180]);
            let what = format!("{prompt} {seed}");
            let props = scene
                .objects
                .iter()
                .filter(|o| o.role == Role::Prop)
                .count();
            assert!(props >= 7, "{what}: {props} props");
            for (i, object) in scene.objects.iter().enumerate() {
                assert_eq!(object.id as usize, i + 1, "{what}");
            }
            let e = scene.extent;
            for frame in [0, 11, 23] {
                let pieces = scene.pieces_at(frame);
                assert!(pieces.len() <= 64, "{what}: {}", pieces.len());
                let camera = scene.camera_at(frame);
                let eye = camera.pose.position.as_vec3();
                let room = eye.x.abs() < e.x - 0.3
                    && eye.z.abs() < e.z - 0.3
                    && eye.y > 1.2
                    && eye.y < 1.9;
                assert!(room, "{what}: camera at {eye}");
                let r = camera.pose.rotation;
                assert!((r.determinant() - 1.0).abs() < 1e-9, "{what}");
                assert!(
                    pieces
                        .iter()
                        .all(|p| { !inside(p.shape, p.rotation.inverse() * (eye - p.centre)) }),
                    "{what}: camera in a piece"
                );
                for (object, s) in scene.subjects_at(frame) {
                    let place = s.place.as_vec3();
                    assert!(
                        place.x.abs() < e.x - 0.2 && place.z.abs() < e.z - 0.2,
                        "{what}: {place}"
                    );
                    let lowest = pieces
                        .iter()
                        .filter(|p| p.object == object)
                        .map(|p| p.bounds().0.y)
                        .fold(f32::INFINITY, f32::min);
                    assert!(lowest.abs() < 0.02, "{what}: lowest point at {lowest}");
                    let apart = (place - eye).with_y(0.0).length();
                    assert!(apart > 0.8, "{what}: subject {apart} m from the camera");
                }
            }
            let drawn = scene.draws.iter().any(|d| d.kind == Kind::Hole && d.drawn);
            let dug = scene
                .planted
                .iter()
                .any(|p| matches!(p, Planted::Hole { .. }));
            holes[0] += usize::from(drawn);
            holes[1] += usize::from(dug);
            assert!(drawn || !dug, "{what}");
            // What stays in place, stays in place: the same words and seed give the same world.
            let again = Scene::build(understand(prompt, seed), scene.clip);
            assert_eq!(again.pieces_at(5), scene.pieces_at(5), "{what}");
        }
    }
    assert!(
        holes[1] * 10 >= holes[0] * 8,
        "{} of {} holes found a place",
        holes[1],
        holes[0]
    );
}

#[test]
fn the_camera_moves_as_asked() {
    let turn = |prompt: &str, seed| {
        let scene = scene(prompt, seed, [320, 180]);
        let (a, b) = (scene.camera_at(0).pose, scene.camera_at(23).pose);
        let angle = a
            .rotation
            .z_axis
            .angle_between(b.rotation.z_axis)
            .to_degrees();
        (angle, a.position.distance(b.position))
    };
    for seed in 0..20 {
        let (angle, way) = turn("room orbit", seed);
        assert!(angle > 10.0 && way > 0.8, "orbit: {angle} degrees, {way} m");
        let (angle, way) = turn("room dolly", seed);
        assert!(
            angle > 4.0 && way > 1.8,
            "room dolly: {angle} degrees, {way} m"
        );
        let (angle, way) = turn("corridor dolly", seed);
        assert!(
            angle > 4.0 && way > 1.8,
            "corridor dolly: {angle} degrees, {way} m"
        );
        let (angle, way) = turn("room static", seed);
        assert!(
            angle < 1e-9 && way < 1e-9,
            "static: {angle} degrees, {way} m"
        );
        let (angle, way) = turn("room pan", seed);
        assert!(angle > 5.0 && way < 1e-9, "pan: {angle} degrees, {way} m");
    }
}

#[test]
fn bad_requests_are_refused_in_words() {
    let good = request("a robot", 1);
    assert!(mock::clip(&good).is_ok());
    let cases = [
        (
            TakeRequest {
                prompt: "  ".into(),
                ..good.clone()
            },
            "prompt is empty",
        ),
        (
            TakeRequest {
                seconds: 0.0,
                ..good.clone()
            },
            "0 seconds",
        ),
        (
            TakeRequest {
                seconds: -1.0,
                ..good.clone()
            },
            "-1 seconds",
        ),
        (
            TakeRequest {
                seconds: f64::NAN,
                ..good.clone()
            },
            "NaN seconds",
        ),
        (
            TakeRequest {
                seconds: 60.5,
                ..good.clone()
            },
            "60 seconds",
        ),
        (
            TakeRequest {
                fps: 0.0,
                ..good.clone()
            },
            "0 frames per second",
        ),
        (
            TakeRequest {
                seconds: 0.01,
                ..good.clone()
            },
            "no frame",
        ),
        (
            TakeRequest {
                size: [161, 90],
                ..good.clone()
            },
            "161x90 is odd",
        ),
        (
            TakeRequest {
                size: [160, 0],
                ..good.clone()
            },
            "16 to 4096",
        ),
        (
            TakeRequest {
                size: [8192, 90],
                ..good.clone()
            },
            "16 to 4096",
        ),
    ];
    let provider = MockProvider::new(gpu());
    let folder = tempfile::tempdir().expect("dir");
    for (bad, words) in cases {
        let error = provider
            .generate(&bad, folder.path(), &Silent)
            .expect_err(words);
        assert!(matches!(error, GenerateError::Input(_)), "{error}");
        assert!(error.to_string().contains(words), "{error} / {words}");
    }
    let left = std::fs::read_dir(folder.path()).expect("dir").count();
    assert_eq!(left, 0, "a refused request writes nothing");
    struct Stop;
    impl sora_director::event::Monitor for Stop {
        fn stopped(&self) -> bool {
            true
        }
    }
    let stopped = provider.generate(&good, folder.path(), &Stop);
    assert!(matches!(stopped, Err(GenerateError::Interrupted)));
}

#[test]
fn the_command_prints_one_document_and_keeps_whole_takes() {
    let folder = tempfile::tempdir().expect("dir");
    let out = folder.path().join("takes");
    let run = |more: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_director"))
            .args([
                "generate",
                "a",
                "robot in a room",
                "--seconds",
                "0.2",
                "--fps",
                "10",
                "--seed",
                "7",
            ])
            .args(["--size", "64x36", "--provider", "mock", "--json", "-o"])
            .arg(&out)
            .args(more)
            .output()
            .expect("director")
    };
    let done = run(&["--takes", "2"]);
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let document: serde_json::Value = serde_json::from_slice(&done.stdout).expect("one document");
    assert_eq!(document["prompt"], "a robot in a room");
    assert_eq!(document["success"], true);
    let takes = document["takes"].as_array().expect("takes");
    assert_eq!(takes.len(), 2);
    assert_ne!(takes[0]["take_id"], takes[1]["take_id"]);
    for take in takes {
        let video = Path::new(take["video_path"].as_str().expect("path"));
        assert!(video.is_file() && video.with_file_name("understood.json").is_file());
    }
    let bytes =
        |k: usize| std::fs::read(takes[k]["video_path"].as_str().expect("path")).expect("mp4");
    assert_ne!(bytes(0), bytes(1), "takes have their own seeds");
    let again = run(&[]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("already there"));
    let odd = run(&["--seed", "8", "--size", "65x36"]);
    assert!(!odd.status.success());
    let left: Vec<_> = std::fs::read_dir(&out).expect("dir").collect();
    assert_eq!(left.len(), 2, "nothing half done is left");
}

//! Tests of the mock stage.

mod flow;
mod grammar;
mod kernel;
mod mesh;
mod post;
mod scenes;

use std::path::Path;
use std::process::Command;

use glam::DVec3;
use sora_director::camera::Cameras;
use sora_director::eval::mock::{agreement, bytes, depth, json};
use sora_director::generate::local::LocalProvider;
use sora_director::generate::{GenerateError, TakeRequest};
use sora_director::gpu::groups_2d;
use sora_director::mock::defects::Draw;
use sora_director::mock::render::{Renderer, Shot, Want};
use sora_director::mock::trace::{TRACE, TraceParams, Traced};
use sora_director::mock::truth::{DefectTruth, SceneTruth, SubjectTruth};
use sora_director::mock::{self, Clip, MockProvider, Scene, defects, seeds, understand};
use sora_director::monitor::Silent;

use crate::common::{garbage, gpu};

const CLIP: Clip = Clip {
    frames: 24,
    fps: 12.0,
    size: [320, 180],
};

fn scene(prompt: &str, seed: u64, size: [u32; 2]) -> Scene {
    Scene::build(understand(prompt, seed), Clip { size, ..CLIP })
}

/// A scene with exactly these defects.
fn planted(prompt: &str, seed: u64, size: [u32; 2], draws: Vec<Draw>) -> Scene {
    Scene::planting(understand(prompt, seed), Clip { size, ..CLIP }, draws)
}

/// One frame by the kernel, outputs garbage-filled first.
fn kernel(params: &TraceParams) -> Traced {
    let gpu = gpu();
    let [width, height] = params.size;
    let pixels = (width * height) as usize;
    let rgba = garbage(&gpu, pixels);
    let depth = garbage(&gpu, pixels);
    let ids = garbage(&gpu, pixels);
    let mut recorder = gpu.recorder();
    let groups = groups_2d(width, height, TRACE.workgroup);
    recorder
        .run(&TRACE, params, &[&rgba, &depth, &ids], groups)
        .expect("run");
    recorder.submit().expect("submit");
    Traced {
        rgba: gpu.read(&rgba).expect("read"),
        depth: gpu.read(&depth).expect("read"),
        ids: gpu.read(&ids).expect("read"),
    }
}

/// All frames of a scene.
fn render(scene: &Scene, want: Want) -> Vec<Shot> {
    let gpu = gpu();
    let mut renderer = Renderer::new(&gpu, scene, want).expect("renderer");
    let mut all = Vec::new();
    loop {
        let shots = renderer.shoot().expect("frames");
        if shots.is_empty() {
            return all;
        }
        all.extend(shots);
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

fn take(request: &TakeRequest) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("dir");
    MockProvider::new(gpu())
        .generate(request, folder.path(), &Silent)
        .expect("take");
    folder
}

/// A seed at which no defect is drawn for `prompt`.
fn clean_seed(prompt: &str) -> u64 {
    (seeds::TUNING.start..)
        .find(|&s| defects::draw(prompt, s).iter().all(|d| !d.drawn))
        .expect("seed")
}

#[test]
fn a_take_is_whole_and_repeats() {
    let prompt = "a robot and a ball in a room with crates, dolly";
    let request = request(prompt, clean_seed(prompt));
    let (a, b) = (take(&request), take(&request));
    let (a, b) = (a.path(), b.path());
    let files = [
        "take.mp4",
        "understood.json",
        "truth/cameras.json",
        "truth/scene.json",
        "truth/geometry.glb",
        "truth/subject.json",
        "truth/defects.json",
        "truth/depth/00004.png",
        "truth/objects/00009.png",
        "truth/sky/00000.png",
        "truth/flow/00008.png",
        "truth/hidden/00008.png",
    ];
    for file in files {
        let bytes = |folder: &Path| std::fs::read(folder.join(file)).expect(file);
        assert!(bytes(a) == bytes(b), "{file} differs");
    }
    assert!(
        !a.join("truth/flow/00009.png").exists(),
        "there is no next frame"
    );
    let scene: SceneTruth = json(&a.join("truth/scene.json")).expect("json");
    let cameras: Cameras = json(&a.join("truth/cameras.json")).expect("json");
    let subjects: Vec<SubjectTruth> = json(&a.join("truth/subject.json")).expect("json");
    let defects: DefectTruth = json(&a.join("truth/defects.json")).expect("json");
    assert_eq!((cameras.frames, cameras.cameras.len()), (10, 10));
    assert_eq!(scene.seed_range, seeds::SeedRange::Tuning);
    let names: Vec<&str> = subjects.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["robot", "ball"]);
    assert!(defects.planted.is_empty());
    assert!(scene.fixed.len() > 6 && scene.moving.len() == 15);
    // Boxes and counts of the tracks are those of the masks.
    for subject in &subjects {
        assert_eq!(subject.track.len(), 10);
        for at in &subject.track {
            let mask = bytes(a, "objects", at.frame).expect("mask");
            let mine = |i: &usize| u32::from(mask[*i]) == subject.object;
            let found: Vec<usize> = (0..mask.len()).filter(mine).collect();
            assert_eq!(found.len(), at.pixels);
            let Some([low, high]) = at.bounds else {
                assert!(found.is_empty());
                continue;
            };
            let xs = || found.iter().map(|i| (i % 160) as u32);
            let ys = || found.iter().map(|i| (i / 160) as u32);
            assert_eq!([xs().min(), ys().min()], low.map(Some));
            assert_eq!([xs().max(), ys().max()], high.map(|v| Some(v - 1)));
        }
    }
    // Before the encoder, bit for bit.
    let clip = mock::clip(&request).expect("clip");
    let scene = || Scene::build(understand(prompt, request.seed), clip);
    assert!(render(&scene(), Want::TAKE) == render(&scene(), Want::TAKE));
}

#[test]
fn depth_carried_by_the_cameras_lands_where_the_flow_says() {
    let mut worst: f64 = 0.0;
    for (k, (_, prompt)) in sora_director::eval::sheet::PLACES.iter().enumerate() {
        let camera = ["orbit", "handheld", "dolly", "camera follows"][k % 4];
        let prompt = format!("{prompt}, {camera}");
        let request = TakeRequest {
            seconds: 0.5,
            ..request(&prompt, clean_seed(&prompt))
        };
        let folder = take(&request);
        let right = agreement(folder.path()).expect("truth");
        assert!(right.pixels > 10_000, "{prompt}: {right:?}");
        assert!(
            right.median < 0.05 && right.p99 < 0.2,
            "{prompt}: {right:?}"
        );
        assert!(right.flow > 0.3, "{prompt}: {right:?}");
        worst = worst.max(right.median);
        // Cameras that are 5 cm off further along do not agree.
        let file = folder.path().join("truth/cameras.json");
        let mut cameras: Cameras = json(&file).expect("json");
        for (k, camera) in cameras.cameras.iter_mut().enumerate() {
            camera.pose.position += DVec3::new(0.05, 0.0, 0.0) * k as f64;
        }
        std::fs::write(&file, serde_json::to_vec(&cameras).expect("json")).expect("write");
        let wrong = agreement(folder.path()).expect("truth");
        assert!(wrong.median > 0.3, "{prompt}: {wrong:?}");
    }
    eprintln!("depth by the poses against the flow: medians up to {worst:.4} px");
}

#[test]
fn the_geometry_rendered_again_has_the_same_depth() {
    for prompt in [
        "a robot in a room with crates, tanks and tables",
        "two people in a courtyard with trees, benches and barrels",
        "a car in a street with lamps",
        "a person on the stairs",
        "a warehouse with chairs",
    ] {
        let request = request(prompt, clean_seed(prompt));
        let folder = take(&request);
        let triangles: Vec<_> = mesh::read_glb(&folder.path().join("truth/geometry.glb"))
            .into_iter()
            .flat_map(|(_, triangles)| triangles)
            .collect();
        let caster = mesh::Caster::new(&triangles);
        let cameras: Cameras = json(&folder.path().join("truth/cameras.json")).expect("json");
        let camera = cameras.cameras[0];
        let want = depth(folder.path(), 0).expect("depth");
        let (mut tried, mut near) = (0, 0);
        for y in (0..90).step_by(2) {
            for x in (0..160).step_by(2) {
                let ray = camera
                    .intrinsics
                    .unproject(f64::from(x) + 0.5, f64::from(y) + 0.5, 1.0);
                let way = camera.pose.rotation * ray;
                let hit = caster.cast(camera.pose.position.as_vec3(), way.as_vec3());
                let z = want[(y * 160 + x) as usize];
                tried += 1;
                near += match hit {
                    Some(t) => i32::from((f64::from(t) - z).abs() < 0.004 + 0.003 * z),
                    None => i32::from(z == 0.0),
                };
            }
        }
        let share = f64::from(near) / f64::from(tried);
        eprintln!("{prompt}: {share:.4} of the rays meet the geometry at the written depth");
        assert!(share > 0.985, "{prompt}: {share}");
    }
}

/// The pipeline has to find out by itself: no stage names the folder of the truth, and none opens it.
#[test]
fn no_stage_reads_the_truth() {
    fn sources(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                sources(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    sources(&src, &mut all);
    let mut named = 0;
    for path in all {
        let inside = path.strip_prefix(&src).expect("inside");
        let may = ["eval", "cli/eval", "mock"]
            .iter()
            .any(|p| inside.starts_with(p));
        let text = std::fs::read_to_string(&path).expect("source");
        let names = ["\"truth", "truth/", "mock::truth", "eval::mock"]
            .iter()
            .any(|w| {
                // Help texts and docs may speak of it, and cleaning drops it.
                text.lines().any(|l| {
                    l.contains(w)
                        && !l.trim_start().starts_with("//")
                        && !l.contains("beside each take says")
                        && !l.contains("truth/**")
                        && !l.contains("--truth")
                })
            });
        assert!(may || !names, "{} names the truth", inside.display());
        named += usize::from(names);
    }
    assert!(
        named > 2,
        "the words to look for are not even where the truth is made"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_whole_walk_opens_nothing_of_the_truth() {
    use rustix::fs::inotify;
    let prompt = "a robot in a room with crates, dolly";
    let folder = take(&TakeRequest {
        size: [128, 72],
        fps: 12.0,
        ..request(prompt, clean_seed(prompt))
    });
    let truth = folder.path().join("truth");
    let watch = inotify::init(inotify::CreateFlags::NONBLOCK).expect("inotify");
    let flags = inotify::WatchFlags::OPEN | inotify::WatchFlags::ACCESS;
    for sub in ["", "depth", "objects", "flow"] {
        inotify::add_watch(&watch, truth.join(sub), flags).expect("watch");
    }
    let opened = || {
        let mut memory = [std::mem::MaybeUninit::uninit(); 4096];
        inotify::Reader::new(&watch, &mut memory).next().is_ok()
    };
    let manifest = folder.path().join("m.csv");
    std::fs::write(&manifest, "id,video\na,take.mp4\n").expect("write");
    let manifest = manifest.display().to_string();
    let out = folder.path().join("run").display().to_string();
    let mut args = vec!["run", &manifest, "--out", &out, "--provider", "files"];
    args.extend(crate::spine::cli::TINY);
    let done = crate::spine::cli::run(&args);
    assert!(
        matches!(done.status.code(), Some(0 | 1)),
        "{}",
        crate::spine::cli::stderr(&done)
    );
    assert!(folder.path().join("run/prompts/a").is_dir());
    assert!(!opened(), "the truth was opened");
    // The watch works.
    depth(folder.path(), 0).expect("depth");
    assert!(opened());
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
                prompt: "word ".repeat(6_401),
                ..good.clone()
            },
            "up to 32000",
        ),
        (
            TakeRequest {
                seconds: 600.0,
                ..good.clone()
            },
            "600 seconds",
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
    impl sora_director::monitor::Monitor for Stop {
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

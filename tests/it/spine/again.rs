//! Which steps run again when something changes: none too many, none too few, through the real stages.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use sora_director::camera::Cameras;
use sora_director::capture::Transforms;
use sora_director::capture::transforms::Want;
use sora_director::generate::local::{Local, LocalProvider};
use sora_director::generate::{Delivered, DependsOn, GenerateError, Providers, TakeRequest};
use sora_director::gpu::AdapterChoice;
use sora_director::manifest;
use sora_director::monitor::Monitor;
use sora_director::pipeline::{
    Config, Explained, Explainer, INTERMEDIATES, NetworkIds, Preset, Standing,
};
use sora_director::record::{Entry, Event, Events, Listener, Outcome, RowResult};
use sora_director::run::Batch;
use sora_director::score::Scores;
use sora_director::store::{Clean, Run, StepRecord, clean, read_json, write_json};
use sora_director::world::Alignment;

use crate::depth::make::{Net, node};
use crate::room::{Room, cameras};

/// What ran of the world of a round.
const WORLD: [&str; 4] = ["world", "agent", "pictures", "revision"];
const SPLATS: [&str; 7] = [
    "splats", "align", "glb", "world", "agent", "pictures", "revision",
];

/// The steps that worked, in order.
#[derive(Default)]
struct Worked(Mutex<Vec<String>>);

impl Listener for Worked {
    fn on(&self, entry: &Entry) {
        if let Event::StepDone {
            at, skipped: false, ..
        } = &entry.event
        {
            self.0.lock().expect("worked").push(at.step.clone());
        }
    }
}

/// A run of one small row.
struct Case {
    folder: tempfile::TempDir,
    config: Config,
    row: String,
}

impl Case {
    fn new(row: &str) -> Self {
        let mut config = Config::preset(Preset::Draft);
        (config.size, config.seconds, config.fps) = ([128, 72], 1.0, 12.0);
        (config.max_side, config.takes, config.max_iterations) = (128, 1, 1);
        (config.fit.splats, config.fit.steps) = (1500, 20);
        Self {
            folder: tempfile::tempdir().expect("tempdir"),
            config,
            row: row.to_owned(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn artifact(&self, name: &str) -> PathBuf {
        self.path("run/prompts/a/1").join(name)
    }

    fn rows(&self) -> Vec<manifest::Prompt> {
        let path = self.path("m.csv");
        std::fs::write(&path, &self.row).expect("write");
        let found = manifest::read(&path).expect("manifest");
        assert_eq!(found.faults, []);
        found.rows
    }

    fn start(&self) -> Vec<String> {
        self.start_with(&sora_director::providers::open(&AdapterChoice::Auto))
    }

    /// Starts the run and answers which steps worked.
    fn start_with(&self, providers: &Providers) -> Vec<String> {
        let worked = Worked::default();
        let rows = self.rows();
        let run = Run::open(&self.path("run")).expect("open");
        let stop = AtomicBool::new(false);
        let events = Events::open(&run, &worked, &stop).expect("events");
        let batch = Batch {
            run: &run,
            manifest: &self.path("m.csv"),
            rows: &rows,
            config: &self.config,
            providers,
            events: &events,
        };
        batch.run().expect("batch");
        let result = RowResult::load(&self.path("run"), "a").expect("row");
        assert_ne!(result.outcome, Outcome::Failed, "{}", result.summary);
        let mut worked = worked.0.into_inner().expect("worked");
        // Takes end in any order.
        worked.sort();
        worked
    }

    fn explain(&self) -> Vec<Explained> {
        // As the command has them: from the manifest's copy, but for rows that were changed since.
        let copied = sora_director::run::rows(&self.path("run")).expect("rows");
        let rows = self.rows();
        let same = |row: &manifest::Prompt| manifest::Prompt {
            line: 0,
            ..row.clone()
        };
        let rows = match same(&rows[0]) == same(&copied[0]) {
            true => copied,
            false => rows,
        };
        let model = sora_director::depth::Model::open(&self.config.depth).expect("model");
        let scores = sora_director::score::Networks::open(&self.config.score).expect("networks");
        let networks = NetworkIds {
            depth: model.identity(),
            scores: scores.ids(),
        };
        let explainer = Explainer {
            root: &self.path("run"),
            config: &self.config,
            providers: &sora_director::providers::open(&AdapterChoice::Auto),
            networks: &networks,
        };
        tokio_block(explainer.row(&rows[0]))
    }

    /// What a start would make again, by the explainer; then what it made again.
    fn changed(&self, what: &str, want: &[&str]) {
        let told = self.explain();
        let again = |told: &[Explained], all: bool| -> Vec<String> {
            let counts = |e: &&Explained| match e.standing {
                Standing::Again(_) => true,
                Standing::Depends(_) => all,
                _ => false,
            };
            told.iter().filter(counts).map(|e| e.step.clone()).collect()
        };
        let worked = self.start();
        let mut wanted: Vec<_> = want.iter().map(|s| (*s).to_owned()).collect();
        wanted.sort();
        assert_eq!(worked, wanted, "{what}");
        let (surely, perhaps) = (again(&told, false), again(&told, true));
        for step in &surely {
            assert!(
                worked.contains(step),
                "{what}: {step} was said to run again"
            );
        }
        for step in &worked {
            assert!(
                perhaps.contains(step),
                "{what}: {step} ran and was not said to: {told:?}"
            );
        }
        assert_eq!(self.start(), [""; 0], "{what}: the second start");
    }
}

fn tokio_block<T>(future: impl Future<Output = anyhow::Result<T>>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("runtime").block_on(future).expect("told")
}

const ROBOT: &str = "id,prompt,seed,tags\na,\"A robot walks through a room with crates, slow dolly forward\",11,x\n";

#[test]
fn an_option_makes_again_what_it_changes_and_what_reads_that() {
    let mut case = Case::new(ROBOT);
    case.config.takes = 2;
    let first = case.start();
    assert_eq!(first.iter().filter(|s| s.starts_with("take-")).count(), 2);
    assert!(first.ends_with(&["take-1".into(), "take-2".into(), "world".into()]));
    assert_eq!(case.start(), [""; 0]);
    let best = RowResult::load(&case.path("run"), "a")
        .expect("row")
        .iterations[0]
        .best;
    let best = best.expect("a world");
    let of_best = |name: &str| format!("{name}-{best}");
    let (depth, cameras) = (of_best("depth"), of_best("cameras"));

    case.row = ROBOT.replace(",x", ",y");
    case.changed("a tag", &[]);
    case.config
        .score
        .weights
        // So little that the same take stays the best.
        .insert("visual_quality".into(), 1.001);
    case.changed("a weight", &["scores-1", "scores-2", "revision"]);
    case.config.accept.min_path_completion = 0.7;
    case.changed("what is accepted", &["revision"]);
    case.config.agent.starts += 1;
    case.changed("an agent's option", &["agent", "pictures", "revision"]);
    case.config.world.voxel_heights *= 1.25;
    case.changed("a voxel's size", &WORLD);
    case.config.fit.steps = 22;
    case.changed("steps of the fit", &SPLATS);
    case.config.solve.min_flow *= 0.5;
    case.changed("the solver's gate, same cameras", &[&cameras]);
    case.config.solve.points = 150;
    let mut want = vec![cameras.as_str()];
    want.extend(SPLATS);
    case.changed("the solver's points", &want);
    case.config.max_frames = 11;
    let mut want = vec![depth.as_str(), cameras.as_str()];
    want.extend(SPLATS);
    case.changed("frames that are used", &want);
    case.config.motion.smoothness *= 1.5;
    let mut want = vec!["measures-1", "measures-2", "scores-1", "scores-2", &cameras];
    want.extend(SPLATS);
    case.changed("the flow's smoothness", &want);
    // A network that does not count leaves the order of the takes; its name is no matter, its content is.
    let mean = || Net::mean("y").node(node("GlobalAveragePool", &["y"], &["quality"]));
    let net = |name: &str, opset: i64| {
        let mut net = mean();
        net.outputs.clear();
        net.opset = opset;
        net.output("quality").save(case.folder.path(), name)
    };
    let [named, renamed, other] =
        [("a.onnx", 17), ("b.onnx", 17), ("c.onnx", 18)].map(|(name, opset)| net(name, opset));
    let scored = [
        "measures-1",
        "measures-2",
        "scores-1",
        "scores-2",
        "revision",
    ];
    let score = &mut case.config.score;
    score.weights.insert("network_quality".into(), 0.0);
    score.quality_network = Some(named);
    case.changed("a network of quality", &scored);
    let scores: Scores = read_json(&case.artifact("takes/1/scores.json")).expect("scores");
    assert_eq!(scores.networks["network_quality"].file, "a.onnx");
    assert!(scores.metrics.contains_key("network_quality"));
    case.config.score.quality_network = Some(renamed);
    case.changed("the network's name", &[]);
    case.config.score.quality_network = Some(other);
    case.changed("another network", &scored);
    // Made again as it was: nothing after it runs.
    let take = case.artifact(&format!("takes/{best}/take.mp4"));
    std::fs::remove_file(&take).expect("remove");
    case.changed("a take that was deleted", &[&of_best("take")]);
    let world = case.artifact("world.ply");
    let mut bytes = std::fs::read(&world).expect("read");
    *bytes.last_mut().expect("bytes") ^= 1;
    std::fs::write(&world, bytes).expect("alter");
    case.changed("an artifact that was altered", &["align"]);
    std::fs::remove_file(case.artifact("steps/agent.json")).expect("remove");
    assert_eq!(case.start(), ["agent"], "a record that was deleted");
}

fn standing<'e>(told: &'e [Explained], round: u32, step: &str) -> &'e Standing {
    let found = told.iter().find(|e| e.round == round && e.step == step);
    &found
        .unwrap_or_else(|| panic!("{round} {step}: {told:?}"))
        .standing
}

#[test]
fn the_explainer_tells_of_later_rounds_and_of_records_that_cannot_be_read() {
    let mut case = Case::new(ROBOT);
    case.config.max_iterations = 2;
    // What no world has, so that there is a second round.
    case.config.accept.min_walkable_area = 900.0;
    case.start();
    let told = case.explain();
    assert!(
        told.iter().all(|e| e.standing == Standing::Done),
        "{told:?}"
    );
    assert_eq!(told.last().map(|e| e.round), Some(2));
    case.config.accept.min_walkable_area = 800.0;
    let told = case.explain();
    let Standing::Again(why) = standing(&told, 1, "revision") else {
        panic!("{told:?}");
    };
    assert_eq!(why, &["accept.min_walkable_area is 800.0, was 900.0"]);
    let first = "round 1's revision.json".to_owned();
    for step in ["take-1", "scores-1", "world", "agent"] {
        let standing = standing(&told, 2, step);
        let depends = matches!(standing, Standing::Depends(on) if on.contains(&first));
        assert!(depends, "{step}: {standing:?}");
    }
    case.config.accept.min_walkable_area = 900.0;
    std::fs::write(case.artifact("steps/align.json"), "{half").expect("write");
    let told = case.explain();
    let Standing::Again(why) = standing(&told, 1, "align") else {
        panic!("{told:?}");
    };
    assert!(why[0].contains("cannot be read"), "{why:?}");
    assert!(matches!(standing(&told, 1, "world"), Standing::Depends(_)));
    assert!(matches!(standing(&told, 2, "world"), Standing::Depends(_)));
    assert_eq!(case.start(), ["align"], "it comes out as it was");
}

#[test]
fn what_clean_dropped_is_made_again_for_what_reads_it_only() {
    let mut case = Case::new(ROBOT);
    case.start();
    let intermediate = |path: &str| {
        let matches = |glob: &&str| glob::Pattern::new(glob).expect("glob").matches(path);
        INTERMEDIATES.iter().any(matches)
    };
    assert!(drop_files(&case, &intermediate) >= 4);
    let glb = case.artifact("world.glb");
    assert!(!glb.exists() && !case.artifact("fit.ply").exists());
    assert_eq!(case.start(), [""; 0], "what was dropped counts as done");
    let splats = std::fs::read(case.artifact("world.ply")).expect("read");
    case.config.agent.starts += 1;
    // Depth and voxels, and the agents that read them; no fit, and no copy that nobody reads.
    case.changed(
        "an agent's option",
        &["depth-1", "world", "agent", "pictures", "revision"],
    );
    assert_eq!(
        std::fs::read(case.artifact("world.ply")).expect("read"),
        splats
    );
    assert!(!glb.exists());
    assert!(case.artifact("takes/1/depth.npy").exists());
    case.config.fit.steps = 21;
    let worked = case.start();
    assert!(worked.contains(&"splats".to_owned()), "{worked:?}");
    assert!(!worked.contains(&"cameras-1".to_owned()), "{worked:?}");
    assert!(glb.exists());
}

/// Frames of a room with the poses and depth that a depth camera gives (7-Scenes).
fn posed(folder: &Path, count: usize) {
    let size = [96, 72];
    for (k, camera) in cameras(count).cameras.into_iter().enumerate() {
        let view = Room::sound().view(camera, size[0], size[1]);
        let (own, pose) = (view.intrinsics(), camera.pose);
        if k == 0 {
            let (k, list) = (own, folder.join("camera-intrinsics.txt"));
            let text = format!("{} 0 {}\n0 {} {}\n0 0 1\n", k.fx, k.cx, k.fy, k.cy);
            std::fs::write(list, text).expect("write");
        }
        let stem = folder.join(format!("frame-{k:06}"));
        let (r, p) = (pose.rotation, pose.position);
        let row = |i: usize| format!("{} {} {} {}\n", r.row(i).x, r.row(i).y, r.row(i).z, p[i]);
        let text = row(0) + &row(1) + &row(2) + "0 0 0 1\n";
        std::fs::write(stem.with_extension("pose.txt"), text).expect("write");
        let depth = |x: u32, y: u32| view.depth[(y * size[0] + x) as usize];
        let colour = image::RgbImage::from_fn(size[0], size[1], |x, y| {
            let (u, v) = (f64::from(x) + 0.5, f64::from(y) + 0.5);
            let at = pose.to_world(own.unproject(u, v, f64::from(depth(x, y)))) / 0.4;
            image::Rgb(at.to_array().map(|a| (90.0 + 60.0 * (3.0 * a).sin()) as u8))
        });
        colour.save(stem.with_extension("color.png")).expect("save");
        let depth =
            image::ImageBuffer::<image::Luma<u16>, Vec<u16>>::from_fn(size[0], size[1], |x, y| {
                image::Luma([(1000.0 * depth(x, y)) as u16])
            });
        depth.save(stem.with_extension("depth.png")).expect("save");
    }
}

#[test]
fn known_poses_and_depth_need_neither_network_nor_masks() {
    let mut case = Case::new("id,prompt,video\na,a room,posed\n");
    std::fs::create_dir(case.path("posed")).expect("folder");
    posed(&case.path("posed"), 12);
    case.config.provider = "files".into();
    let worked = case.start();
    assert!(
        SPLATS.iter().all(|step| worked.iter().any(|w| w == step)),
        "{worked:?}"
    );
    assert!(case.artifact("takes/1/track.json").exists());
    assert!(!case.artifact("takes/1/masks.npy").exists());
    the_world_has_its_cameras_in_other_forms(&case, false);
    assert!(!case.artifact("takes/1/depth.npy").exists());
    assert!(case.artifact("world.vox").exists());
    assert_eq!(case.start(), [""; 0]);
}

#[test]
fn masks_are_read_by_the_splats_and_all_after_them() {
    let case = Case::new(ROBOT);
    case.start();
    let record: StepRecord = read_json(&case.artifact("steps/cameras-1.json")).expect("record");
    let made = |name: &str| record.artifacts.iter().any(|a| a.path == name);
    assert!(made("takes/1/masks.npy") && made("takes/1/track.json"));
    the_world_has_its_cameras_in_other_forms(&case, made("takes/1/points.ply"));
    for step in ["splats", "align", "world", "agent"] {
        let record = case.artifact(&format!("steps/{step}.json"));
        let record: StepRecord = read_json(&record).expect("record");
        let mut inputs = record.recipe.inputs.keys();
        assert!(inputs.any(|name| name == "takes/1/masks.npy"), "{step}");
    }
    let frames = 12;
    let file = case.artifact("takes/1/masks.npy");
    let masks = sora_director::motion::Masks::load_npy(&file, frames).expect("masks");
    assert_eq!(masks.frames.len(), frames);
}

/// Beside `cameras.json`, and of the same world.
fn the_world_has_its_cameras_in_other_forms(case: &Case, points: bool) {
    let cameras = Cameras::load(&case.artifact("cameras.json")).expect("cameras");
    let list = case.artifact("nerfstudio.json");
    let list = Transforms::read(&list, Want::Cameras).expect("list");
    assert_eq!(list.frames.len(), cameras.cameras.len());
    for (frame, camera) in list.frames.iter().zip(&cameras.cameras) {
        let [x, y, z] = camera.pose.position.to_array();
        let matrix = frame.matrix.as_deref().expect("matrix");
        assert_eq!([matrix[0][3], matrix[1][3], matrix[2][3]], [x, -z, y]);
    }
    let tum = std::fs::read_to_string(case.artifact("trajectory.tum.txt")).expect("trajectory");
    assert_eq!(tum.lines().count(), cameras.cameras.len() + 1);
    assert_eq!(case.artifact("points.ply").exists(), points);
    if points {
        let alignment = read_json::<Alignment>(&case.artifact("alignment.json")).expect("read");
        let [own, moved] = ["takes/1/points.ply", "points.ply"].map(|name| {
            let bytes = std::fs::read(case.artifact(name)).expect("points");
            let end = b"end_header\n";
            let start = bytes
                .windows(end.len())
                .position(|w| w == end)
                .expect("end");
            bytes[start + end.len()..].to_vec()
        });
        assert_eq!(own.len(), moved.len());
        let at = |bytes: &[u8]| {
            let axis =
                |k: usize| f32::from_le_bytes(bytes[4 * k..4 * k + 4].try_into().expect("4"));
            glam::DVec3::from_array([0, 1, 2].map(|k| f64::from(axis(k))))
        };
        let wanted = alignment.point(at(&own));
        assert!(at(&moved).distance(wanted) < 1e-5 * (1.0 + wanted.length()));
    }
}

#[test]
fn what_comes_out_otherwise_when_it_is_made_again_is_read_by_all_that_read_it() {
    let mut case = Case::new(ROBOT);
    case.start();
    assert!(drop_files(&case, &|path| path.ends_with("depth.npy")) == 1);
    // As another adapter may have left it: the cameras were solved from other values.
    let other = "0".repeat(64);
    let edit = |step: &str, change: &dyn Fn(&mut StepRecord)| {
        let path = case.artifact(&format!("steps/{step}.json"));
        let mut record: StepRecord = read_json(&path).expect("record");
        change(&mut record);
        record.key = record.recipe.key();
        write_json(&path, &record).expect("write");
    };
    edit("depth-1", &|record| {
        let dropped = record.artifacts.iter_mut().find(|a| a.dropped);
        dropped.expect("dropped").sha256.clone_from(&other);
    });
    edit("cameras-1", &|record| {
        let input = record.recipe.inputs.get_mut("takes/1/depth.npy");
        input.expect("read").clone_from(&other);
    });
    case.config.fit.steps = 21;
    let mut want = vec!["cameras-1", "depth-1"];
    want.extend(SPLATS);
    want.sort_unstable();
    assert_eq!(case.start(), want);
    assert_eq!(case.start(), [""; 0]);
}

fn drop_files(case: &Case, drops: &dyn Fn(&str) -> bool) -> usize {
    let run = Run::open(&case.path("run")).expect("open");
    let what = Clean {
        rows: &["a".into()],
        drops,
        keep_under: None,
        dry_run: false,
    };
    clean(&run, &what).expect("clean").files
}

/// Delivers whatever video lies in its folder.
#[derive(Clone)]
struct Folder(PathBuf);

impl LocalProvider for Folder {
    fn name(&self) -> &str {
        "mock"
    }
    fn generates(&self) -> bool {
        true
    }
    fn depends_on(&self, _request: &TakeRequest) -> DependsOn {
        DependsOn::default()
    }
    fn check(&self, _request: &TakeRequest) -> Result<(), GenerateError> {
        Ok(())
    }
    fn generate(
        &self,
        _request: &TakeRequest,
        folder: &Path,
        _monitor: &dyn Monitor,
    ) -> Result<Delivered, GenerateError> {
        let video = folder.join("take.mp4");
        std::fs::copy(&self.0, &video).expect("copy");
        Ok(Delivered {
            video,
            notes: Vec::new(),
        })
    }
}

/// Two small takes of the mock world.
fn two_videos() -> (Case, [PathBuf; 2]) {
    let case = Case::new("id,prompt\na,x\n");
    let videos = [11, 12].map(|seed| {
        let out = case.path(&seed.to_string());
        let args = [
            "generate",
            "A robot walks through a room, slow dolly forward",
            "--size",
            "128x72",
            "--seconds",
            "1",
            "--fps",
            "12",
            "--takes",
            "1",
        ];
        let output = super::cli::director(&args)
            .args([
                "--seed",
                &seed.to_string(),
                "-o",
                out.to_str().expect("text"),
            ])
            .output()
            .expect("director");
        assert!(output.status.success(), "{}", super::cli::stderr(&output));
        let found = glob::glob(&format!("{}/**/*.mp4", out.display()))
            .expect("glob")
            .flatten();
        found.into_iter().next().expect("a video")
    });
    (case, videos)
}

#[test]
fn another_video_under_the_same_request_makes_everything_again() {
    let (mut case, [one, two]) = two_videos();
    let current = case.path("current.mp4");
    std::fs::copy(&one, &current).expect("copy");
    let providers = || {
        let mut all = Providers::default();
        all.add(Arc::new(Local(Folder(current.clone()))));
        all
    };
    let all = case.start_with(&providers());
    assert_eq!(all.len(), 5 + SPLATS.len(), "{all:?}");
    let record = |name: &str| std::fs::read_to_string(case.artifact(name)).expect("read");
    let measures = record("takes/1/measures.json");
    std::fs::copy(&two, &current).expect("copy");
    assert_eq!(case.start_with(&providers()), [""; 0], "the take is there");
    std::fs::remove_file(case.artifact("takes/1/take.mp4")).expect("remove");
    let again = case.start_with(&providers());
    assert_eq!(again, all, "nothing of the old video stays");
    assert_ne!(record("takes/1/measures.json"), measures);

    // The same for a file: its content counts, what the row says beside it does not.
    let input = case.path("input.mp4");
    std::fs::copy(&one, &input).expect("copy");
    case.folder = {
        let fresh = tempfile::tempdir().expect("tempdir");
        std::fs::copy(&input, fresh.path().join("input.mp4")).expect("copy");
        std::fs::copy(&two, fresh.path().join("two.mp4")).expect("copy");
        fresh
    };
    case.config.provider = "files".into();
    case.row = "id,prompt,video,seed,size,seconds,fps\na,x,input.mp4,1,64x64,1,12\n".into();
    assert_eq!(case.start().len(), all.len());
    case.row = "id,prompt,video,seed,size,seconds,fps\na,x,input.mp4,2,96x64,2,24\n".into();
    case.changed("what a files row does not use", &[]);
    case.row = "id,prompt,video\na,y,input.mp4\n".into();
    case.changed("the prompt of a files row", &["revision"]);
    std::fs::rename(case.path("input.mp4"), case.path("moved.mp4")).expect("move");
    case.row = "id,prompt,video\na,y,moved.mp4\n".into();
    case.changed("a file that moved", &[]);
    std::fs::copy(case.path("two.mp4"), case.path("moved.mp4")).expect("copy");
    let steps: Vec<&str> = all.iter().map(String::as_str).collect();
    case.changed("another file under the same name", &steps);
    let told = case.explain();
    assert!(
        told.iter().all(|e| e.standing == Standing::Done),
        "{told:?}"
    );
}

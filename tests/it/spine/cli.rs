use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use sora_director::record::{Outcome, RowResult};
use sora_director::store::Run;

use super::fake::journal;

/// A row small enough for a test: seconds, not minutes.
pub const TINY: [&str; 17] = [
    "--preset",
    "draft",
    "--size",
    "128x72",
    "--seconds",
    "1",
    "--fps",
    "12",
    "--max-side",
    "128",
    "--splats",
    "1500",
    "--steps",
    "20",
    "--takes",
    "1",
    "--quiet",
];

pub fn director(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_director"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("DIRECTOR_")) {
        command.env_remove(name);
    }
    command.args(args).env("NO_COLOR", "1");
    command
}

pub fn run(args: &[&str]) -> Output {
    director(args).output().expect("the binary starts")
}

pub fn code(output: &Output) -> i32 {
    output.status.code().expect("no signal")
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("tempdir"))
    }
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    pub fn text(&self, name: &str, content: &str) -> String {
        std::fs::write(self.path(name), content).expect("write");
        self.path(name).display().to_string()
    }
    pub fn out(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

#[test]
fn help_shows_every_command_and_an_example() {
    let output = run(&["--help"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for command in [
        "run",
        "validate",
        "status",
        "results",
        "probe",
        "bench",
        "generate",
        "score",
        "depth",
        "track",
        "reconstruct",
        "render",
        "run-agent",
        "doctor",
        "completions",
    ] {
        assert!(
            text.contains(&format!("  {command} ")),
            "{command} is not in --help"
        );
        let help = run(&[command, "--help"]);
        assert_eq!(code(&help), 0, "{command} --help");
        assert!(
            String::from_utf8_lossy(&help.stdout).contains("Example"),
            "{command} --help has no example"
        );
    }
}

#[test]
fn what_cannot_run_exits_2_with_one_error_that_names_the_mend() {
    let folder = Folder::new();
    let good = folder.text("good.csv", "prompt\na room\n");
    let bad = folder.text("bad.csv", "prompt,takes,seed\na,0,1\nb,1,x\n");
    let novideo = folder.text("novideo.csv", "prompt\na\n");
    let out = folder.out("run");
    let foreign = folder.path("foreign");
    std::fs::create_dir_all(&foreign).expect("folder");
    std::fs::write(foreign.join("thesis.txt"), "mine").expect("write");
    let foreign = foreign.display().to_string();
    let missing = folder.out("missing.csv");
    let cases: [(&[&str], &[&str]); 6] = [
        (
            &["run", &missing, "--out", &out],
            &["missing.csv", "No such file"],
        ),
        (
            &["run", &bad, "--out", &out],
            &[
                "line 2, column 2 (takes)",
                "line 3, column 3 (seed)",
                "--skip-faulty",
            ],
        ),
        (
            &[
                "run",
                &good,
                "--out",
                &out,
                "--depth-model",
                "/nonexistent.onnx",
            ],
            &["/nonexistent.onnx"],
        ),
        (
            &["run", &novideo, "--out", &out, "--provider", "files"],
            &["line 2, video", "--provider mock"],
        ),
        (
            &["run", &good, "--out", &foreign],
            &["not a run folder", "--out"],
        ),
        (&["results", &foreign], &["not a run folder"]),
    ];
    for (args, wanted) in cases {
        let output = run(args);
        let text = stderr(&output);
        assert_eq!(code(&output), 2, "{args:?}: {text}");
        for words in wanted {
            assert!(text.contains(words), "{args:?}: no '{words}' in: {text}");
        }
        assert!(!text.contains("panicked"), "{text}");
    }
}

#[test]
fn without_a_driver_the_error_names_the_package() {
    let folder = Folder::new();
    let manifest = folder.text("m.csv", "prompt\na room\n");
    let output = director(&["run", &manifest, "--out", &folder.out("run")])
        .env("VK_DRIVER_FILES", "/nonexistent.json")
        .env("VK_ICD_FILENAMES", "/nonexistent.json")
        .output()
        .expect("starts");
    assert_eq!(code(&output), 2);
    assert!(
        stderr(&output).contains("mesa-vulkan-drivers"),
        "{}",
        stderr(&output)
    );
    assert!(
        !folder.path("run").exists(),
        "a run that cannot begin leaves nothing"
    );
    let output = run(&[
        "run",
        &manifest,
        "--out",
        &folder.out("run"),
        "--adapter",
        "0,77",
    ]);
    assert_eq!(code(&output), 2);
    assert!(
        stderr(&output).contains("for --adapter 77"),
        "{}",
        stderr(&output)
    );
    assert!(!folder.path("run").exists());
}

#[test]
fn variables_that_are_empty_are_not_set_and_misspelt_ones_are_refused_by_name() {
    let folder = Folder::new();
    image::save_buffer(folder.path("a.png"), &[9; 12], 2, 2, image::ColorType::Rgb8).expect("save");
    let input = folder.out("a.png");
    let with = |args: &[&str], name: &str, value: &str| {
        let output = director(args).env(name, value).output().expect("starts");
        (code(&output), stderr(&output))
    };
    for name in ["DIRECTOR_LIMITS", "DIRECTOR_LOG_FORMAT", "DIRECTOR_DECODE"] {
        let (code, told) = with(&["probe", &input], name, "");
        assert_eq!(code, 0, "{name}: {told}");
    }
    let (code, told) = with(&["probe", &input], "DIRECTOR_LIMITS", "lo");
    assert_eq!(code, 2);
    assert!(told.contains("'lo' is not one of adapter, low"), "{told}");
    let out = folder.out("out");
    for args in [
        &["probe", &input][..],
        &["frames", &input, "-o", &out],
        &["score", &input],
        &["depth", &input, "-o", &out],
        &["track", &input, "-o", &out],
        &["eval", "scores", &input],
    ] {
        let (code, told) = with(args, "DIRECTOR_DECODE", "cudda");
        assert_eq!(code, 2, "{args:?}: {told}");
        let words = "DIRECTOR_DECODE is 'cudda', which is not one of auto, software, cuda";
        assert!(told.contains(words), "{args:?}: {told}");
    }
    let (code, told) = with(
        &["frames", &input, "-o", &out],
        "DIRECTOR_DECODE",
        " software ",
    );
    assert_eq!(code, 0, "{told}");
}

/// The built-in network learned from the mock's scenes: it says so of other videos, once, and where it is kept.
#[test]
fn a_network_of_drawn_scenes_says_so_of_other_videos() {
    const SAID: &str = "was trained on scenes of the mock provider";
    let folder = Folder::new();
    std::fs::create_dir(folder.path("clip")).expect("folder");
    for i in 0..4 {
        let shade: Vec<u8> = (0..64 * 48 * 3).map(|k| (k * 7 + i) as u8).collect();
        let path = folder.path(&format!("clip/{i}.png"));
        image::save_buffer(path, &shade, 64, 48, image::ColorType::Rgb8).expect("save");
    }
    let (clip, out) = (folder.out("clip"), folder.out("out"));
    let notes = |out: &str| {
        let text =
            std::fs::read_to_string(folder.path(out).join("depth.json")).expect("depth.json");
        let found: serde_json::Value = serde_json::from_str(&text).expect("json");
        found["notes"].to_string()
    };
    for command in ["depth", "track", "reconstruct"] {
        let output = run(&[command, &clip, "-o", &out]);
        let told = stderr(&output);
        assert_eq!(told.matches(SAID).count(), 1, "{command}: {told}");
    }
    assert!(notes("out").contains(SAID));
    let own = crate::depth::make::Net::mean("depth").save(&folder.path(""), "own.onnx");
    let own = own.to_string_lossy().into_owned();
    let output = run(&["depth", &clip, "-o", &folder.out("own"), "--model", &own]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(!stderr(&output).contains(SAID) && !notes("own").contains(SAID));
    let takes = folder.out("takes");
    let drawn = [
        "generate",
        "a room",
        "--seconds",
        "0.2",
        "--size",
        "64x48",
        "-o",
        &takes,
    ];
    assert_eq!(code(&run(&drawn)), 0);
    let take = std::fs::read_dir(&takes)
        .expect("takes")
        .next()
        .expect("one")
        .expect("entry");
    let video = take.path().join("take.mp4").to_string_lossy().into_owned();
    let output = run(&["depth", &video, "-o", &folder.out("drawn")]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(!stderr(&output).contains(SAID) && !notes("drawn").contains(SAID));
}

#[test]
fn doctor_tells_the_binding_that_is_used_and_of_a_faulty_file() {
    let folder = Folder::new();
    let doctor = |args: &[&str]| {
        let output = director(&[&["doctor"], args].concat())
            .current_dir(folder.path(""))
            .output()
            .expect("starts");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let text = doctor(&["--limits", "low"]);
    let line = "uses         limits low: bindings of up to 16 MiB, kernels of tier plain";
    assert!(text.contains(line), "{text}");
    assert!(text.contains("no director.toml here"), "{text}");
    let found: serde_json::Value =
        serde_json::from_str(&doctor(&["--limits", "low", "--json"])).expect("json");
    assert_eq!(found["binding"], 16 << 20);
    assert_eq!(found["limits"], "low");
    folder.text("director.toml", "taks = 3\n");
    let text = doctor(&[]);
    assert!(text.contains("uses         limits adapter: "), "{text}");
    assert!(
        text.contains("director.toml, with faults in the settings: see below"),
        "{text}"
    );
    assert!(!text.contains("no director.toml"), "{text}");
    assert!(text.contains("director.toml:1:1"), "{text}");
}

#[test]
fn output_that_cannot_be_written_is_one_line_and_exit_2() {
    for args in [
        &["completions", "bash"][..],
        &["config"],
        &["doctor"],
        &["doctor", "--json"],
    ] {
        let full = std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("Linux has it");
        let output = director(args)
            .current_dir(std::env::temp_dir())
            .stdout(full)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("starts")
            .wait_with_output()
            .expect("ends");
        let told = stderr(&output);
        assert_eq!(code(&output), 2, "{args:?}: {told}");
        assert_eq!(told.lines().count(), 1, "{args:?}: {told}");
        assert!(told.contains("No space left on device"), "{args:?}: {told}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let mut child = director(&["completions", "bash"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ends");
    assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
}

#[test]
fn a_run_folder_in_use_is_refused() {
    let folder = Folder::new();
    let manifest = folder.text("m.csv", "prompt\na room\n");
    let out = folder.out("run");
    let held = Run::open(Path::new(&out)).expect("lock");
    let output = run(&["run", &manifest, "--out", &out]);
    assert_eq!(code(&output), 2);
    assert!(
        stderr(&output).contains("in use by another director"),
        "{}",
        stderr(&output)
    );
    drop(held);
}

#[test]
fn a_bad_video_fails_its_row_and_the_others_go_on() {
    let folder = Folder::new();
    std::fs::write(folder.path("text.mp4"), "this is no video").expect("write");
    let manifest = folder.text("m.csv", "id,video\nmissing,nowhere.mp4\ntext,text.mp4\n");
    let out = folder.out("run");
    let output = run(&[
        "run",
        &manifest,
        "--out",
        &out,
        "--provider",
        "files",
        "--quiet",
    ]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    for (id, words) in [("missing", "nowhere.mp4"), ("text", "text.mp4")] {
        let row = RowResult::load(Path::new(&out), id).expect("record");
        assert_eq!(row.outcome, Outcome::Failed);
        let failure = row.failure.expect("failure");
        assert!(failure.error.contains(words), "{failure:?}");
        assert_eq!(failure.attempts, 1);
    }
    let again = run(&[
        "run",
        &manifest,
        "--out",
        &out,
        "--provider",
        "files",
        "--quiet",
    ]);
    assert_eq!(code(&again), 1);
    let row = RowResult::load(Path::new(&out), "text").expect("record");
    assert_eq!(row.failure.expect("failure").attempts, 2);
    let results = run(&["results", &out, "--format", "csv"]);
    let text = String::from_utf8_lossy(&results.stdout).into_owned();
    assert_eq!(text.lines().count(), 3, "{text}");
}

/// Content of all artifacts; records of steps hold times.
fn artifacts(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn walk(root: &Path, folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).expect("folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                if path.file_name().is_none_or(|n| n != "steps") {
                    walk(root, &path, found);
                }
            } else {
                let name = path.strip_prefix(root).expect("inside").to_owned();
                found.insert(name, std::fs::read(&path).expect("read"));
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(root, &root.join("prompts"), &mut found);
    found
}

#[test]
fn a_killed_run_goes_on_and_ends_with_the_same_artifacts() {
    let folder = Folder::new();
    let manifest = folder.text(
        "m.csv",
        "id,prompt,seed\na,\"A robot walks through a room, slow dolly forward\",11\n",
    );
    let (whole, killed) = (folder.out("whole"), folder.out("killed"));
    let args = |out: &str| -> Vec<String> {
        let mut args = vec![
            "run".to_owned(),
            manifest.clone(),
            "--out".into(),
            out.to_owned(),
            "--max-iterations".into(),
            "2".into(),
        ];
        args.extend(TINY.map(str::to_owned));
        args
    };
    let started = std::time::Instant::now();
    let output = director(&[]).args(args(&whole)).output().expect("starts");
    let wall = started.elapsed();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    for part in 1..=3u32 {
        let mut child = director(&[]).args(args(&killed)).spawn().expect("starts");
        std::thread::sleep((wall / 5).max(Duration::from_millis(200)) * part);
        child.kill().expect("kill");
        child.wait().expect("wait");
    }
    let output = director(&[]).args(args(&killed)).output().expect("starts");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let (a, b) = (artifacts(Path::new(&whole)), artifacts(Path::new(&killed)));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (name, content) in &a {
        assert!(content == &b[name], "{} differs", name.display());
    }
    let mut done = std::collections::BTreeSet::new();
    for event in journal(Path::new(&killed)) {
        if event["event"] == "step_done" {
            let step = format!("{} {} {}", event["id"], event["iteration"], event["step"]);
            assert!(done.insert(step.clone()), "{step} was done twice");
        }
    }
    // Nothing is left to do: a further start makes nothing.
    let before = artifacts(Path::new(&killed));
    assert_eq!(
        code(&director(&[]).args(args(&killed)).output().expect("starts")),
        0
    );
    assert!(before == artifacts(Path::new(&killed)));
}

#[test]
fn a_run_is_cleaned_and_what_is_needed_again_is_made_again() {
    let folder = Folder::new();
    let manifest = folder.text(
        "m.csv",
        "id,prompt,tags,mood\na,a room,\"first;night\",calm\n",
    );
    let out = folder.out("run");
    let run_with = |more: &[&str]| {
        let mut args = vec![
            "run",
            manifest.as_str(),
            "--out",
            out.as_str(),
            "--max-iterations",
            "1",
        ];
        args.extend(TINY);
        args.extend(more);
        let output = run(&args);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
    };
    run_with(&["--tag", "night"]);
    let depth = folder.path("run/prompts/a/1/takes/1/depth.npy");
    let voxels = folder.path("run/prompts/a/1/world.vox");
    assert!(depth.exists() && voxels.exists());
    let dry = run(&["clean", &out, "--dry-run", "--json"]);
    let dry: serde_json::Value = serde_json::from_slice(&dry.stdout).expect("json");
    assert!(
        dry["files"].as_u64().is_some_and(|n| n >= 3) && depth.exists(),
        "{dry}"
    );
    assert_eq!(code(&run(&["clean", &out, "--older-than", "1d"])), 0);
    assert!(depth.exists(), "the row is younger");
    assert_eq!(code(&run(&["clean", &out])), 0);
    assert!(!depth.exists() && !voxels.exists());
    assert!(!folder.path("run/prompts/a/1/takes/1/truth").exists());
    assert!(
        folder.path("run/prompts/a/1/world.ply").exists(),
        "results are kept"
    );
    // Nothing is to be done, so nothing is made again.
    run_with(&[]);
    assert!(!depth.exists());
    // The cameras are asked for anew, and for that the depth is needed.
    run_with(&["--set", "solve.points=900"]);
    assert!(depth.exists() && voxels.exists());
    let results = run(&["results", &out, "--format", "csv"]);
    let text = String::from_utf8_lossy(&results.stdout).into_owned();
    assert!(
        text.lines()
            .next()
            .is_some_and(|h| h.ends_with(",tags,mood")),
        "{text}"
    );
    assert!(text.contains("first;night,calm"), "{text}");
    let none = run(&["run", &manifest, "--out", &out, "--tag", "day"]);
    assert_eq!(code(&none), 2);
    assert!(
        stderr(&none).contains("no row has the tag day"),
        "{}",
        stderr(&none)
    );
}

#[test]
fn machines_get_events_as_json_lines_and_the_run_keeps_a_log() {
    let folder = Folder::new();
    let manifest = folder.text("m.csv", "id,prompt\na,a room\n");
    let out = folder.out("run");
    let mut args = vec![
        "run",
        manifest.as_str(),
        "--out",
        out.as_str(),
        "--max-iterations",
        "1",
    ];
    args.extend(TINY);
    args.extend(["--log-format", "json", "--json"]);
    let output = run(&args);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let events: Vec<serde_json::Value> = stderr(&output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}")))
        .collect();
    let named = |name: &str| events.iter().filter(|e| e["event"] == name).count();
    assert_eq!(
        (named("run_started"), named("row_done"), named("run_done")),
        (1, 1, 1)
    );
    assert_eq!(named("step_started"), named("step_done"));
    assert!(
        events
            .iter()
            .any(|e| e["step"] == "take-1" && e["id"] == "a" && e["iteration"] == 1)
    );
    let row: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON line");
    assert_eq!(row["row"]["id"], "a");
    assert!(folder.path("run/director.log").exists());
}

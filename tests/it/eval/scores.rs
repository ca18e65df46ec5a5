//! `director eval scores` from end to end on tiny clips, and what it refuses.

use std::path::Path;

use sora_director::gpu::Gpu;
use sora_director::video::{EncodeOptions, Encoder};

use super::clip;
use crate::common::gpu;
use crate::spine::cli::{Folder, code, run, stderr};

fn stdout(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn lines(path: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(path).expect("lines");
    let parse = |line| serde_json::from_str(line).expect("JSON");
    text.lines().map(parse).collect()
}

#[test]
fn tiny_clips_from_end_to_end() {
    let folder = Folder::new();
    let run_once = |name: &str| {
        let lines = folder.path(&format!("{name}.jsonl"));
        let picture = folder.path(&format!("{name}.png"));
        let done = run(&[
            "eval",
            "scores",
            "--clips",
            "2",
            "--half",
            "all",
            "--frames",
            "6",
            "--size",
            "96x54",
            "--seeds",
            "2",
            "--kinds",
            "vanish,blocks",
            "--levels",
            "3,1",
            "--json",
            "--quiet",
            "--variants",
            &lines.display().to_string(),
            "--picture",
            &picture.display().to_string(),
        ]);
        assert_eq!(code(&done), 0, "{}", stderr(&done));
        (done, lines, picture)
    };
    let (done, variants, picture) = run_once("a");
    let document: serde_json::Value = serde_json::from_str(&stdout(&done)).expect("one document");
    assert_eq!(document["judged_at"], 3);
    assert_eq!(document["clips"].as_array().map(Vec::len), Some(2));
    assert_eq!(document["not_finite"].as_array().map(Vec::len), Some(0));
    // Seven metrics under two corruptions; five traps of two clips, of which the short ones are refused.
    let cells = document["cells"].as_array().expect("cells");
    assert_eq!(cells.len(), 14);
    let quality = cells
        .iter()
        .find(|c| c["metric"] == "visual_quality" && c["corruption"] == "blocks")
        .expect("a cell");
    assert_eq!(quality["own"], true);
    let traps = document["traps"].as_array().expect("traps");
    assert_eq!(traps.len(), 10);
    for trap in traps {
        let short = trap["trap"] == "one frame" || trap["trap"] == "two frames";
        assert_eq!(trap["refusal"].is_string(), short, "{trap}");
        assert_eq!(trap["scores"]["overall"].is_number(), !short, "{trap}");
    }
    // Of each clip: clean, vanish by two seeds, blocks once, at two levels.
    let lines_a = lines(&variants);
    assert_eq!(lines_a.len(), 2 * (1 + 4 + 2));
    assert_eq!(lines_a[0]["kind"], "clean");
    assert_eq!(lines_a[0]["half"], "tuning");
    assert_eq!(lines_a[7]["half"], "held-out");
    for line in &lines_a {
        for name in ["identity_persistence", "visual_quality", "overall"] {
            assert!(line[name].is_number(), "{line}");
        }
        assert!(line["components"].is_object());
    }
    let drawn = image::open(picture).expect("a picture");
    assert!(drawn.width() > 500);
    // The same again gives the same numbers.
    let (_, again, _) = run_once("b");
    assert_eq!(lines_a, lines(&again));
}

/// A video of a moving texture.
fn video(gpu: &Gpu, path: &Path) {
    let frames = clip(gpu, [96, 64], 8);
    let mut encoder =
        Encoder::create(path, 96, 64, 24.0, &EncodeOptions::default()).expect("an encoder");
    for t in 0..frames.len() {
        encoder
            .push(&frames.read(gpu, t).expect("read"))
            .expect("push");
    }
    encoder.finish().expect("finish");
}

#[test]
fn folders_of_videos_are_split_and_shown() {
    let gpu = gpu();
    let folder = Folder::new();
    let videos = folder.path("videos");
    std::fs::create_dir(&videos).expect("folder");
    for name in ["a.mp4", "b.mp4"] {
        video(&gpu, &videos.join(name));
    }
    std::fs::write(videos.join("d.mp4"), "no video").expect("write");
    std::fs::write(videos.join("c.mp4"), "nor this").expect("write");
    let input = videos.display().to_string();
    let done = run(&[
        "eval", "scores", &input, "--frames", "6", "--seeds", "1", "--kinds", "freeze", "--levels",
        "4",
    ]);
    let (out, err) = (stdout(&done), stderr(&done));
    assert_eq!(code(&done), 0, "{err}");
    // Held out are b and d, and d is no video.
    assert!(out.starts_with("1 clip; win and AUC at level 4"), "{out}");
    assert!(err.contains("d.mp4 is left out"), "{err}");
    assert!(
        out.contains("motion_smoothness") && out.contains("looped"),
        "{out}"
    );
    assert!(
        out.contains("one frame: refused: a take of 1 frame is too short"),
        "{out}"
    );
    assert!(!out.contains('\u{1b}'), "colour although NO_COLOR is set");

    let sheet = folder.path("sheet.png").display().to_string();
    let a = videos.join("a.mp4").display().to_string();
    let done = run(&[
        "eval",
        "scores",
        &a,
        "--sheet",
        &sheet,
        "--kinds",
        "blur,morph",
    ]);
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    let drawn = image::open(&sheet).expect("a picture");
    assert!(drawn.width() > 5 * 96 && drawn.height() > 2 * 64);

    let done = run(&["eval", "scores", &a]);
    assert_eq!(code(&done), 2);
    assert!(stderr(&done).contains("other half"), "{}", stderr(&done));
    let done = run(&[
        "eval",
        "scores",
        &videos.join("c.mp4").display().to_string(),
        "--half",
        "all",
    ]);
    assert_eq!(code(&done), 2);
    assert!(
        stderr(&done).contains("no clip could be judged"),
        "{}",
        stderr(&done)
    );
}

#[test]
fn scores_are_compared_over_rates_and_takes_are_chosen() {
    let gpu = gpu();
    let folder = Folder::new();
    let path = folder.path("a.mp4");
    video(&gpu, &path);
    let lines_at = folder.path("rates.jsonl");
    let [path, at] = [&path, &lines_at].map(|p| p.display().to_string());
    let rates = [
        "eval",
        "scores",
        &path,
        "--half",
        "all",
        "--check",
        "rates",
        "--json",
        "--quiet",
        "--variants",
        &at,
    ];
    let done = run(&rates);
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    let document: serde_json::Value = serde_json::from_str(&stdout(&done)).expect("one document");
    let rows = document["scores"].as_array().expect("scores");
    assert_eq!(rows.len(), 7);
    let samples = lines(&lines_at);
    assert_eq!(document["samples"], samples.len());
    // Each score lies as far apart as its samples do.
    for row in rows {
        let metric = row["metric"].as_str().expect("a name");
        let of = |sample: &serde_json::Value| sample[metric].as_f64().expect("a score");
        let most = samples.iter().map(of).fold(0.0, f64::max);
        let least = samples.iter().map(of).fold(1.0, f64::min);
        let told = row["all"][1].as_f64().expect("a number");
        assert!(
            (told - (most - least)).abs() < 1e-9,
            "{metric}: {told} {most} {least}"
        );
        assert_eq!(row["worst"], "a.mp4");
    }
    let rates: Vec<f64> = samples.iter().filter_map(|s| s["rate"].as_f64()).collect();
    assert!(
        rates.len() == 2 && (rates[0] - 24.0).abs() < 0.1 && (rates[1] - 12.0).abs() < 0.1,
        "{rates:?}"
    );

    let at = folder.path("takes.jsonl");
    let done = run(&[
        "eval",
        "scores",
        "--check",
        "choice",
        "--clips",
        "1",
        "--size",
        "48x32",
        "--quiet",
        "--variants",
        &at.display().to_string(),
    ]);
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    let takes = lines(&at);
    assert_eq!(takes.len(), 3);
    assert!(
        takes
            .iter()
            .all(|t| t["prompt"] == takes[0]["prompt"] && t["planted"].is_object())
    );
    let out = stdout(&done);
    assert!(out.starts_with("1 prompt, three takes each"), "{out}");
    assert!(out.contains("overall") && out.contains("chance"), "{out}");
}

#[test]
fn an_oracle_tells_what_vanishes_and_morphs_in_a_small_clip() {
    let args = "eval scores --check ceiling --clips 2 --size 96x64 --seconds 1 --seeds 1 --levels 1,3 --quiet --json";
    let done = run(&args.split(' ').collect::<Vec<_>>());
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    let document: serde_json::Value = serde_json::from_str(&stdout(&done)).expect("one document");
    let found = document["ceilings"].as_array().expect("ceilings");
    let told: Vec<_> = found
        .iter()
        .map(|c| (c["corruption"].as_str(), c["by"].as_str()))
        .collect();
    let (grey, structure) = (Some("grey levels"), Some("structure"));
    let want = [Some("vanish"), Some("morph")].map(|kind| [(kind, grey), (kind, structure)]);
    assert_eq!(told, want.concat());
    // It knows where to look: by one of both no clip is missed.
    for kind in found.chunks(2) {
        let best = kind
            .iter()
            .filter_map(|c| c["win"].as_f64())
            .fold(0.0, f64::max);
        assert_eq!(best, 1.0, "{kind:?}");
    }
}

#[test]
fn what_cannot_be_run_is_refused_in_words() {
    let folder = Folder::new();
    let empty = folder.path("empty");
    std::fs::create_dir(&empty).expect("folder");
    let empty = empty.display().to_string();
    for (args, word) in [
        (vec![empty.as_str()], "there is no video in this folder"),
        (vec!["/no/such/folder"], "no such folder or video"),
        (
            vec!["--kinds", "fog"],
            "'fog' is no corruption; there are blur",
        ),
        (vec!["--levels", "5"], "5 is not in 1..=4"),
        (vec!["--clips", "0"], "no clip is left"),
        (vec!["--seeds", "0"], "0 is not in 1"),
        (vec!["--frames", "3"], "3 is not in 4"),
        (vec!["--size", "4x4"], "4x4"),
        (
            vec!["--clips", "1", "--variants", "/no/such/folder/x"],
            "/no/such/folder/x",
        ),
        (vec!["--sheet", "a.png", "--json"], "cannot be used with"),
        (
            vec!["--check", "beauty"],
            "corruptions, rates, choice, ceiling",
        ),
        (
            vec!["--check", "rates", "--kinds", "blur"],
            "--kinds is of --check corruptions",
        ),
        (
            vec!["--check", "choice", "--seeds", "2"],
            "--seeds is of --check corruptions",
        ),
        (
            vec!["--check", "ceiling", "--variants", "a.jsonl"],
            "--variants is of --check corruptions",
        ),
        (
            vec!["--check", "choice", "a.mp4"],
            "renders takes of its own",
        ),
        (vec!["--seconds", "0"], "from 0.1 to 60"),
        (vec!["--rate", "fast"], "from 1 to 120"),
    ] {
        let mut all = vec!["eval", "scores"];
        all.extend(&args);
        let done = run(&all);
        assert_eq!(code(&done), 2, "{args:?}");
        let told = stderr(&done);
        assert!(told.contains(word), "{args:?}: {told}");
    }
}

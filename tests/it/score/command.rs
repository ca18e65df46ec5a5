//! `director score` as a user runs it, and what runs keep of it.

use std::process::Output;

use sora_director::score::{METRICS, Moment, Scores};
use sora_director::store::{read_json, write_json};

pub fn director(args: &[&str]) -> Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_director"))
        .args(args)
        .env("NO_COLOR", "1")
        .output()
        .expect("director")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn takes_are_ranked_and_what_cannot_be_scored_is_told() {
    let folder = tempfile::tempdir().expect("tempdir");
    let file = |name: &str| folder.path().join(name).display().to_string();
    super::stream::filmed(file("good.mp4").as_ref(), [96, 54], 12);
    super::stream::filmed(file("short.mp4").as_ref(), [96, 54], 2);
    let output = director(&["score", "--json", &file("short.mp4"), &file("good.mp4")]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("2 frames is too short"));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let (short, good) = (&document["takes"][0], &document["takes"][1]);
    assert!(
        short["scores"].is_null() && short["error"].is_string(),
        "{short}"
    );
    assert_eq!(good["rank"], 1);
    for metric in METRICS.iter().map(|m| m.name).chain(["overall"]) {
        let value = good["scores"][metric].as_f64().expect(metric);
        assert!((0.0..=1.0).contains(&value), "{metric} {value}");
    }
    let only = director(&[
        "score",
        &file("good.mp4"),
        "--worst",
        "--weight",
        "visual_quality=1",
        "--weight",
        "path_realism=0",
    ]);
    assert_eq!(only.status.code(), Some(0), "{}", text(&only.stderr));
    assert!(text(&only.stdout).contains("visual quality"));
}

#[test]
fn bad_weights_and_sizes_are_refused() {
    let nothing: Vec<String> = METRICS
        .iter()
        .map(|m| format!("--weight={}=0", m.name))
        .collect();
    let mut all = vec!["score", "x.mp4"];
    all.extend(nothing.iter().map(String::as_str));
    for (args, says) in [
        (
            vec!["score", "x.mp4", "--weight", "beauty=1"],
            "there is no metric 'beauty'",
        ),
        (
            vec!["score", "x.mp4", "--weight", "visual_quality=-1"],
            "not zero or a positive",
        ),
        (
            vec!["score", "x.mp4", "--weight", "visual_quality=1e308"],
            "0 to 1000000",
        ),
        (vec!["score", "x.mp4", "--max-side", "100000"], "100000"),
        (all, "weights of all metrics are 0"),
    ] {
        let output = director(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(
            text(&output.stderr).contains(says),
            "{args:?}: {}",
            text(&output.stderr)
        );
    }
}

#[test]
fn a_record_of_scores_comes_back_as_it_was() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("scores.json");
    let scores = Scores {
        metrics: METRICS.iter().map(|m| (m.name.to_owned(), 0.5)).collect(),
        overall: 0.5,
        combination: "weighted geometric mean".to_owned(),
        components: [("clip.gate".to_owned(), 0.25)].into(),
        worst: vec![Moment {
            metric: "path_realism".to_owned(),
            what: "something moves by a jolt".to_owned(),
            time: 1.5,
            place: Some([0.25, 0.75]),
            value: 3.0,
        }],
        ..Scores::default()
    };
    write_json(&path, &scores).expect("write");
    let back: Scores = read_json(&path).expect("read");
    assert_eq!(back, scores);
}

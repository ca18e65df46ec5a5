//! What a network's answers mean: told by its names, given, or guessed, and never guessed in silence.

use std::path::Path;
use std::sync::Mutex;

use sora_director::depth::{DepthKind, KindFrom, Model, Options};
use sora_director::monitor::Monitor;
use sora_director::video::{Frames, VideoInfo};

use super::make::{Net, answer, options, picture, says};
use crate::common;

use DepthKind::{Metric, RelativeInverse};
use KindFrom::{Given, Guessed, Name};

fn read(net: Net, file: &str) -> (DepthKind, KindFrom, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let (_, reading) = answer(&options(&net.save(folder.path(), file))).unwrap();
    (reading.kind, reading.kind_from, reading.notes)
}

#[test]
fn names_of_files_outputs_graphs_and_metadata_tell_the_kind() {
    for (output, file, want) in [
        (
            "depth",
            "depth_anything_v2_metric_hypersim_vitl.onnx",
            (Metric, Name),
        ),
        (
            "depth",
            "depth_anything_v2_vits_indoor_dynamic.onnx",
            (Metric, Name),
        ),
        (
            "depth",
            "depth_anything_v2_vits_outdoor_dynamic.onnx",
            (Metric, Name),
        ),
        ("depth", "dpt_hybrid_kitti.onnx", (Metric, Name)),
        ("depth", "ZoeDepth-NK.onnx", (Metric, Name)),
        ("depth_meters", "net.onnx", (Metric, Name)),
        ("metric_depth", "net.onnx", (Metric, Name)),
        (
            "depth",
            "metric3d-vit-small/onnx/model_fp16.onnx",
            (Metric, Name),
        ),
        ("disparity", "net.onnx", (RelativeInverse, Name)),
        ("inverse_depth", "net.onnx", (RelativeInverse, Name)),
        ("predicted_depth", "net.onnx", (RelativeInverse, Guessed)),
        (
            "predicted_depth",
            "asymmetric_net.onnx",
            (RelativeInverse, Guessed),
        ),
    ] {
        let (kind, from, notes) = read(Net::mean(output), file);
        assert_eq!((kind, from), want, "{output} {file}");
        // What is not said outright is told.
        let likely = from == Guessed || !(file.contains("metric") || output != "depth");
        assert_eq!(notes.len(), usize::from(likely), "{file}: {notes:?}");
        assert!(
            notes
                .iter()
                .all(|n| n.contains("--kind") && n.contains("depth.kind")),
            "{notes:?}"
        );
    }
    let mut graph = Net::mean("depth");
    graph.graph = "MetricDepthNet".into();
    assert_eq!(read(graph, "net.onnx").0, Metric);
    let mut metadata = Net::mean("depth");
    metadata.metadata = vec![("depth_type".into(), "metric".into())];
    assert_eq!(read(metadata, "net.onnx").0, Metric);
}

#[test]
fn hints_that_disagree_are_told_with_what_was_taken() {
    let (kind, _, notes) = read(Net::mean("disparity"), "metric_net.onnx");
    assert_eq!(kind, RelativeInverse);
    says(
        &notes[0],
        &[
            "'disparity' in its output's name",
            "'metric' in its file's name",
            "--kind",
        ],
    );
    let (_, from, notes) = read(Net::mean("depth"), "relative_metric_net.onnx");
    assert_eq!(from, Guessed);
    says(&notes[0], &["'relative'", "'metric'", "a guess"]);
}

#[test]
fn a_kind_that_is_given_goes_before_all_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = Net::mean("disparity").save(folder.path(), "metric_net.onnx");
    let given = Options {
        kind: Some(Metric),
        ..options(&path)
    };
    let (_, reading) = answer(&given).unwrap();
    assert_eq!((reading.kind, reading.kind_from), (Metric, Given));
    assert!(reading.notes.is_empty(), "{:?}", reading.notes);
    // What is given is an option of its own; the name is part of what the network is.
    let identity = |path: &Path| Model::open(&options(path)).unwrap().identity();
    assert_eq!(Model::open(&given).unwrap().identity(), identity(&path));
    let renamed = folder.path().join("other.onnx");
    std::fs::copy(&path, &renamed).unwrap();
    assert_ne!(identity(&renamed), identity(&path));
}

/// Keeps what it is warned of.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Monitor for Told {
    fn warn(&self, message: &str) {
        self.0.lock().unwrap().push(message.into());
    }
}

#[test]
fn a_guess_reaches_the_monitor_once() {
    let gpu = common::gpu();
    let frames = Frames {
        width: 64,
        height: 48,
        times: vec![0.0, 0.1],
        rgba: vec![
            gpu.upload(&picture()).unwrap(),
            gpu.upload(&picture()).unwrap(),
        ],
        info: VideoInfo::default(),
        sources: Vec::new(),
        faults: Vec::new(),
    };
    let folder = tempfile::tempdir().unwrap();
    let path = Net::mean("depth").save(folder.path(), "net.onnx");
    let model = Model::open(&options(&path)).unwrap();
    let told = Told::default();
    for _ in 0..2 {
        model.estimate(&gpu, &frames, &told).unwrap();
    }
    let notes = told.0.into_inner().unwrap();
    assert_eq!(notes.len(), 1, "{notes:?}");
    says(&notes[0], &["'net'", "guessed", "relative inverse depth"]);
    // A network that is taken for metric by its name, and answers no metres.
    let path = Net::mean("depth").save(folder.path(), "small_indoor.onnx");
    let model = Model::open(&options(&path)).unwrap();
    let told = Told::default();
    model.estimate(&gpu, &frames, &told).unwrap();
    let notes = told.0.into_inner().unwrap();
    assert_eq!(notes.len(), 2, "{notes:?}");
    says(&notes[1], &["no value is over", "--kind relative"]);
}

#[test]
fn the_command_tells_a_guess_on_stderr_and_in_its_json() {
    let folder = tempfile::tempdir().unwrap();
    let network = Net::mean("depth").save(folder.path(), "net.onnx");
    let image = folder.path().join("f.png");
    image::RgbImage::from_pixel(64, 48, image::Rgb([200, 100, 50]))
        .save(&image)
        .unwrap();
    let run = |more: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_director"))
            .arg("depth")
            .arg(&image)
            .args(["--json", "--model"])
            .arg(&network)
            .arg("-o")
            .arg(folder.path().join("out"))
            .args(more)
            .env("NO_COLOR", "1")
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{stderr}");
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (stderr, json)
    };
    let (stderr, json) = run(&[]);
    assert_eq!(stderr.matches("guessed").count(), 1, "{stderr}");
    assert_eq!(json["kind_from"], "guessed");
    assert_eq!(json["output"], "depth");
    assert_eq!(json["size"], serde_json::json!([64, 48]));
    assert!(json["notes"][0].as_str().unwrap().contains("guessed"));
    let (stderr, json) = run(&["--kind", "relative"]);
    assert!(!stderr.contains("note"), "{stderr}");
    assert_eq!(json["kind_from"], "given");
    assert_eq!(json["notes"], serde_json::json!([]));
}

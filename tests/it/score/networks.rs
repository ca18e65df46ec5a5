//! Scores by networks that a user gives: exact values of small ones, what is refused, and that neither windows nor names change them.

use std::path::{Path, PathBuf};

use candle_onnx::onnx::tensor_proto::DataType;
use sora_director::monitor::Silent;
use sora_director::motion::MotionOptions;
use sora_director::pipeline::watch;
use sora_director::score::{
    METRICS, Measures, NETWORK_IDENTITY, NETWORK_QUALITY, Networks, ScoreError, ScoreOptions,
};
use sora_director::video::{DecodeOptions, Windows};

use crate::common::gpu;
use crate::depth::make::{Net, PICTURE, floats, int, ints, longs, node, says, with};

/// A network that is fed bytes, whose `f` is these as floats.
fn bytes(dims: &[&str]) -> Net {
    let cast = with(node("Cast", &["x"], &["f"]), vec![int("to", 1)]);
    Net::new(DataType::Uint8, dims).node(cast)
}

fn mean_over(net: Net, from: &str, axes: &[i64], keep: i64) -> Net {
    let mean = with(
        node("ReduceMean", &[from], &["y"]),
        vec![ints("axes", axes), int("keepdims", keep)],
    );
    net.node(mean).output("y")
}

/// Its features are the mean colour, 1 x 3 x 1 x 1.
fn colour() -> Net {
    let pool = node("GlobalAveragePool", &["f"], &["y"]);
    bytes(&PICTURE).node(pool).output("y")
}

/// It answers the mean of all bytes.
fn brightness() -> Net {
    mean_over(bytes(&PICTURE), "f", &[1, 2, 3], 0)
}

/// It answers the mean colour from 0 to 1 as three shares.
fn shares() -> Net {
    let net = bytes(&PICTURE)
        .weight(floats("k", &[], &[255.0]))
        .node(node("Div", &["f", "k"], &["unit"]));
    mean_over(net, "unit", &[2, 3], 0)
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("tempdir"))
    }
    fn save(&self, net: Net, name: &str) -> PathBuf {
        net.save(self.0.path(), name)
    }
}

fn identity(path: &Path) -> ScoreOptions {
    ScoreOptions {
        identity_network: Some(path.to_owned()),
        ..ScoreOptions::default()
    }
}

fn quality(path: &Path, scale: Option<[f64; 2]>) -> ScoreOptions {
    ScoreOptions {
        quality_network: Some(path.to_owned()),
        quality_scale: scale,
        ..ScoreOptions::default()
    }
}

/// What networks make of frames of one colour each.
fn seen(options: &ScoreOptions, colours: &[[u32; 3]]) -> Measures {
    let networks = Networks::open(options).expect("networks");
    let gpu = gpu();
    let mut viewed = networks.watch((64, 48));
    for [r, g, b] in colours {
        let pixels = vec![r | g << 8 | b << 16 | 255 << 24; 64 * 48];
        viewed.push(&gpu.upload(&pixels).expect("upload"));
    }
    let mut measures = Measures::default();
    viewed.finish(&gpu, &mut measures, &Silent).expect("scores");
    measures
}

#[track_caller]
fn close(got: f64, want: f64) {
    assert!((got - want).abs() < 1e-5, "{got}, {want} expected");
}

#[test]
fn identity_is_how_alike_features_are_to_the_first_and_to_those_before() {
    let folder = Folder::new();
    let options = identity(&folder.save(colour(), "colour.onnx"));
    let of = |colours: &[[u32; 3]]| seen(&options, colours).metrics[NETWORK_IDENTITY];
    assert_eq!(of(&[[200, 100, 50]; 5]), 1.0);
    // Half of it is the same direction: length is no matter.
    close(of(&[[200, 0, 0], [100, 0, 0], [50, 0, 0]]), 1.0);
    // Red, half red and half blue, blue: cosines to the first are r and 0, to the one before r and r.
    let red_to_blue = [[200, 0, 0], [100, 0, 100], [0, 0, 200]];
    let r = 0.5f64.sqrt();
    close(of(&red_to_blue), (2.0 * r + r) / 4.0);
    let measures = seen(&options, &red_to_blue);
    close(measures.components["network_identity.first"], r / 2.0);
    close(measures.components["network_identity.before"], r);
    assert_eq!(measures.components["clip.network_frames"], 3.0);
    let used = &measures.networks[NETWORK_IDENTITY];
    assert_eq!((used.file.as_str(), used.sha256.len()), ("colour.onnx", 64));
    // A vector, tokens of which the first counts, and sides that are free give the same.
    let vector = mean_over(bytes(&PICTURE), "f", &[2, 3], 0);
    let mut tokens = mean_over(bytes(&PICTURE), "f", &[2, 3], 0)
        .weight(longs("one", &[1]))
        .node(node("Unsqueeze", &["y", "one"], &["tokens"]));
    tokens.outputs.clear();
    let tokens = tokens.output("tokens");
    let free = {
        let pool = node("GlobalAveragePool", &["f"], &["y"]);
        bytes(&["1", "3", "h", "w"]).node(pool).output("y")
    };
    for (name, net) in [("vector", vector), ("tokens", tokens), ("free", free)] {
        let options = identity(&folder.save(net, &format!("{name}.onnx")));
        let got = seen(&options, &red_to_blue).metrics[NETWORK_IDENTITY];
        close(got, 0.75 * r);
    }
}

#[test]
fn quality_is_a_number_on_its_scale_or_the_mean_of_shares() {
    let folder = Folder::new();
    let number = folder.save(brightness(), "number.onnx");
    let of = |options: &ScoreOptions, colours: &[[u32; 3]]| {
        seen(options, colours).metrics[NETWORK_QUALITY]
    };
    let scaled = quality(&number, Some([0.0, 255.0]));
    close(of(&scaled, &[[51; 3], [102; 3]]), 0.3);
    let reversed = quality(&number, Some([255.0, 0.0]));
    close(of(&reversed, &[[51; 3], [102; 3]]), 0.7);
    // Without a scale it is 0 to 1, and what is over that is cut.
    assert_eq!(of(&quality(&number, None), &[[51; 3], [0; 3]]), 0.5);
    let shares = quality(&folder.save(shares(), "shares.onnx"), None);
    // .2, .4 and .4 of the scores 1, 2 and 3 are 2.2 on 1 to 3; all of 1 is 0.
    let frames = [[51, 102, 102], [255, 0, 0]];
    close(of(&shares, &frames), 0.3);
    close(
        seen(&shares, &frames).components["network_quality.lowest"],
        0.0,
    );
    // What does not sum to 1 are logits.
    let logit = 0.6f64.exp();
    close(of(&shares, &[[153, 0, 0]; 2]), 1.5 / (logit + 2.0));
}

#[test]
fn of_long_clips_frames_are_seen_evenly_spaced() {
    let folder = Folder::new();
    let options = quality(
        &folder.save(brightness(), "number.onnx"),
        Some([0.0, 255.0]),
    );
    for (frames, every) in [(4, 1), (16, 1), (17, 2), (32, 2), (33, 4), (70, 8)] {
        let colours: Vec<[u32; 3]> = (0..frames).map(|i| [i; 3]).collect();
        let measures = seen(&options, &colours);
        let looked: Vec<u32> = (0..frames).step_by(every).collect();
        let count = measures.components["clip.network_frames"];
        assert_eq!(count, looked.len() as f64, "{frames}");
        let mean = f64::from(looked.iter().sum::<u32>()) / count / 255.0;
        close(measures.metrics[NETWORK_QUALITY], mean);
    }
}

#[test]
fn windows_do_not_change_the_scores_and_networks_join_the_others() {
    let folder = Folder::new();
    let path = folder.0.path().join("take.mp4");
    super::stream::filmed(&path, [96, 54], 40);
    let mut options = ScoreOptions {
        identity_network: Some(folder.save(colour(), "colour.onnx")),
        ..quality(
            &folder.save(brightness(), "number.onnx"),
            Some([0.0, 255.0]),
        )
    };
    options.weights.insert(NETWORK_IDENTITY.to_owned(), 2.0);
    let networks = Networks::open(&options).expect("networks");
    let (gpu, motion) = (gpu(), MotionOptions::default());
    let watched = |window: usize, options: &ScoreOptions, networks: &Networks| {
        let decode = DecodeOptions::default();
        let mut windows = Windows::open(&gpu, &path, &decode, &Silent).expect("open");
        let how = (window, 0);
        watch(&gpu, &mut windows, how, &motion, options, networks, &Silent)
            .expect("scores")
            .scores
    };
    let whole = watched(1000, &options, &networks);
    for window in [1, 7, 32] {
        assert_eq!(watched(window, &options, &networks), whole, "{window}");
    }
    // 40 frames: each fourth.
    assert_eq!(whole.components["clip.network_frames"], 10.0);
    assert!((0.0..=1.0).contains(&whole.get(NETWORK_QUALITY)));
    assert!(whole.get(NETWORK_IDENTITY) > 0.9, "{whole:?}");
    let plain = watched(32, &ScoreOptions::default(), &Networks::default());
    assert_eq!(plain.named(), whole.named());
    assert!(plain.networks.is_empty() && plain.metrics.len() == METRICS.len());
    let logs = |scores: &[(&str, f64)]| -> f64 {
        let weight = |name: &str| if name == NETWORK_IDENTITY { 2.0 } else { 1.0 };
        let each = scores
            .iter()
            .map(|(name, v)| weight(name) * v.max(0.01).ln());
        each.sum()
    };
    let with = [NETWORK_IDENTITY, NETWORK_QUALITY].map(|name| (name, whole.get(name)));
    let want = (logs(&whole.named()) + logs(&with)) / 9.0;
    close(whole.overall, want.exp());
    // The record tells the networks, and comes back as it was.
    let file = folder.0.path().join("scores.json");
    sora_director::store::write_json(&file, &whole).expect("write");
    let back: sora_director::score::Scores = sora_director::store::read_json(&file).expect("read");
    assert_eq!(back, whole);
    let text = serde_json::to_string(&plain).expect("JSON");
    assert!(!text.contains("network"), "{text}");
}

#[test]
fn what_networks_depend_on_is_their_content_and_the_scale() {
    let folder = Folder::new();
    let [a, b] = ["a.onnx", "b.onnx"].map(|name| folder.save(brightness(), name));
    let other = folder.save(shares(), "c.onnx");
    let of = |path: &Path, scale| {
        let networks = Networks::open(&quality(path, scale)).expect("networks");
        networks.ids()
    };
    assert_eq!(of(&a, None), of(&b, None));
    assert_ne!(of(&a, None), of(&other, None));
    assert_ne!(of(&a, None), of(&a, Some([0.0, 9.0])));
    assert!(Networks::default().ids().is_empty());
}

#[test]
fn what_is_no_network_of_a_score_is_refused_before_any_take() {
    let folder = Folder::new();
    let refused = |options: &ScoreOptions, parts: &[&str]| {
        let error = Networks::open(options).expect_err("refused");
        assert!(matches!(error, ScoreError::Network { .. }), "{error}");
        says(&error.to_string(), parts);
    };
    let file = |name: &str| folder.0.path().join(name);
    let plain: fn(&Path) -> ScoreOptions = |path| quality(path, None);
    for of in [identity, plain] {
        refused(&of(&file("gone.onnx")), &["gone.onnx", "ONNX file"]);
        std::fs::write(file("words.onnx"), "not a network, but words\n").expect("write");
        refused(&of(&file("words.onnx")), &["words.onnx", "text"]);
        let strange = bytes(&PICTURE)
            .node(node("Strange", &["f"], &["y"]))
            .output("y");
        let strange = folder.save(strange, "strange.onnx");
        refused(&of(&strange), &["strange.onnx", "Strange"]);
        let grey = mean_over(bytes(&["1", "1", "48", "64"]), "f", &[2, 3], 0);
        let grey = folder.save(grey, "grey.onnx");
        refused(
            &of(&grey),
            &["grey.onnx", "1 x 1 x 48 x 64", "three channels"],
        );
    }
    let map = folder.save(mean_over(bytes(&PICTURE), "f", &[1, 2], 1), "map.onnx");
    refused(
        &quality(&map, None),
        &["map.onnx", "'y' is 1 x 1 x 1 x 64", "(1 x n)"],
    );
    let number = folder.save(brightness(), "number.onnx");
    refused(
        &identity(&number),
        &["number.onnx", "'y' is 1,", "1 x N x C"],
    );
    let shares = folder.save(shares(), "shares.onnx");
    refused(
        &quality(&shares, Some([0.0, 10.0])),
        &["shares.onnx", "1 x 3", "leave quality_scale"],
    );
}

#[test]
fn settings_of_networks_that_are_not_given_are_refused() {
    let refused = |options: &ScoreOptions, parts: &[&str]| {
        says(&options.check().expect_err("refused").to_string(), parts);
    };
    for (name, flag) in [
        (NETWORK_IDENTITY, "--identity-network FILE"),
        (NETWORK_QUALITY, "--quality-network FILE"),
    ] {
        let mut options = ScoreOptions::default();
        options.weights.insert(name.to_owned(), 2.0);
        refused(&options, &[name, flag, "leave this out"]);
    }
    let options = ScoreOptions {
        quality_scale: Some([0.0, 100.0]),
        ..ScoreOptions::default()
    };
    refused(&options, &["'quality_scale'", "--quality-network FILE"]);
    for scale in [[1.0, 1.0], [0.0, f64::NAN], [f64::MIN, f64::MAX]] {
        let options = quality(Path::new("x.onnx"), Some(scale));
        refused(&options, &["'quality_scale'", "two numbers that differ"]);
    }
    // A network alone may count.
    let mut options = quality(Path::new("x.onnx"), None);
    for metric in METRICS {
        options.weights.insert(metric.name.to_owned(), 0.0);
    }
    assert!(options.check().is_ok());
}

#[test]
fn the_command_shows_the_scores_of_the_networks_that_it_is_given() {
    let folder = Folder::new();
    let take = folder.0.path().join("take.mp4");
    super::stream::filmed(&take, [96, 54], 12);
    let text = |path: &Path| path.display().to_string();
    let (take, colour, number) = (
        text(&take),
        text(&folder.save(colour(), "colour.onnx")),
        text(&folder.save(brightness(), "number.onnx")),
    );
    let director =
        |args: &[&str]| super::command::director(&[&["score", &take][..], args].concat());
    let both = [
        "--identity-network",
        &colour,
        "--quality-network",
        &number,
        "--quality-scale",
        "0,255",
        "--weight",
        "network_quality=2",
    ];
    let output = director(&[&both[..], &["--json"]].concat());
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let take = &document["takes"][0];
    for name in [NETWORK_IDENTITY, NETWORK_QUALITY] {
        let value = take["scores"][name].as_f64().expect(name);
        assert!((0.0..=1.0).contains(&value), "{name} {value}");
        assert!(take["networks"][name]["sha256"].is_string(), "{take}");
    }
    let table = director(&both);
    let shown = String::from_utf8_lossy(&table.stdout);
    says(&shown, &["network identity", "network quality"]);
    for (args, says_what) in [
        (
            &["--weight", "network_identity=2"][..],
            "--identity-network FILE",
        ),
        (&["--quality-scale", "-1,1"], "--quality-network FILE"),
        (
            &["--quality-network", &number, "--quality-scale", "5"],
            "two numbers",
        ),
        (&["--identity-network", "gone.onnx"], "gone.onnx"),
    ] {
        let output = director(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        says(&String::from_utf8_lossy(&output.stderr), &[says_what]);
    }
}

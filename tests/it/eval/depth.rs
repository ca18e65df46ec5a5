//! `director eval depth`: tiny takes, and pictures whose brightness is their inverse depth, from end to end.

use std::path::Path;

use image::{ImageBuffer, Luma, Rgb, RgbImage};
use sora_director::depth::{DepthKind, DepthMap, ModelChoice, Options};
use sora_director::eval::depth::measure::{Pair, Truth};
use sora_director::eval::depth::record::{Accuracy, Line, Of, Settings};
use sora_director::eval::depth::stats::summaries;
use sora_director::eval::depth::wander::Wander;

use crate::depth::make::Net;
use crate::spine::cli::{Folder, code, run, stderr};

/// Pictures of a slanted wall, nearer on the left, with depth in millimetres beside all but the last. Their grey is linear in inverse depth;
/// with `inverse` near is dark.
fn pictures(folder: &Path, count: u32, inverse: bool) {
    std::fs::create_dir_all(folder).expect("a folder");
    let depth = |x: u32| 1.0 + 0.02 * f64::from(x);
    for k in 0..count {
        let picture = RgbImage::from_fn(96, 64, |x, _| {
            let near = if inverse {
                1.0 - 1.0 / depth(x)
            } else {
                1.0 / depth(x)
            };
            Rgb([(30.0 + 200.0 * near).round() as u8; 3])
        });
        picture
            .save(folder.join(format!("{k:03}.png")))
            .expect("a picture");
        if k + 1 < count {
            let millimetres = |x: u32| (1000.0 * depth(x)).round() as u16;
            ImageBuffer::from_fn(96, 64, |x, _| Luma([millimetres(x)]))
                .save(folder.join(format!("{k:03}.depth.png")))
                .expect("depth");
        }
    }
}

fn document(words: &[&str]) -> serde_json::Value {
    let done = run(words);
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    serde_json::from_slice(&done.stdout).expect("one document")
}

/// A network that answers the mean of the three channels as disparity.
fn bright(folder: &Folder) -> String {
    let path = Net::mean("disparity").save(&folder.path("nets"), "bright.onnx");
    path.display().to_string()
}

#[test]
fn networks_are_judged_on_takes_and_go_on_where_they_were_cut_off() {
    let folder = Folder::new();
    let out = folder.path("out").display().to_string();
    let go = |more: &[&str]| {
        let mut words = vec!["eval", "depth", "--half", "tuning", "--takes", "2"];
        words.extend(["--size", "96x64", "--seconds", ".5,.5", "--json", "--quiet"]);
        words.extend(["-o", &out]);
        words.extend(more);
        document(&words)
    };
    let first = go(&[]);
    let lines = first["clips"].as_array().expect("clips");
    assert_eq!(lines.len(), 2);
    for line in lines {
        assert_eq!(line["accuracy"]["frames"], 12, "{line}");
        let share = |key: &str| line["accuracy"][key].as_f64().expect("a number");
        assert!(share("abs_rel") > 0.0 && share("abs_rel") < 1.0, "{line}");
        assert!((0.0..=1.0).contains(&share("delta1")), "{line}");
        let wander = &line["wander"];
        assert!(wander["clip"].as_f64().is_some_and(|w| w > 0.0), "{line}");
        assert!(wander["solved"].is_null() && line["refused"].is_null());
        let strip = folder
            .path("out")
            .join(line["strip"].as_str().expect("a name"));
        assert!(strip.is_file());
    }
    let rows = first["summaries"][0]["rows"].as_array().expect("rows");
    assert_eq!(
        (&rows[0]["of"], &rows[0]["clips"]),
        (&"all".into(), &2.into())
    );
    assert!(folder.path("out/summary.json").is_file() && folder.path("out/depth.png").is_file());
    let path = folder.path("out/depth.jsonl");
    let text = std::fs::read_to_string(&path).expect("lines");
    std::fs::write(&path, &text[..text.len() - 30]).expect("cut short");
    assert_eq!(go(&["--resume"]), first);
    // Another network beside it changes nothing of the first, in whatever order.
    let other = bright(&folder);
    let both = go(&["--resume", "--network", &other, "--network", "embedded"]);
    let of = |name: &str| -> Vec<serde_json::Value> {
        let all = both["clips"].as_array().expect("clips").iter();
        all.filter(|l| l["network"] == name).cloned().collect()
    };
    assert_eq!(of("embedded"), *lines);
    assert_eq!(of("bright").len(), 2);
    assert_eq!(both["summaries"][0]["network"], "bright");
    // Cameras are another question: these lines are made anew.
    let solved = go(&["--resume", "--solve"]);
    for line in solved["clips"].as_array().expect("clips") {
        let told = line["wander"]["solved"].is_number() || line["refused"].is_string();
        assert!(told, "{line}");
    }
}

#[test]
fn pictures_are_judged_by_the_depth_beside_them() {
    let folder = Folder::new();
    pictures(&folder.path("wall"), 5, false);
    pictures(&folder.path("dark"), 5, true);
    let [wall, dark] = ["wall", "dark"].map(|name| folder.path(name).display().to_string());
    let network = bright(&folder);
    let told = document(&[
        "eval",
        "depth",
        &wall,
        &dark,
        "--network",
        &network,
        "--json",
        "--quiet",
    ]);
    let line = |k: usize| &told["clips"][k];
    assert_eq!(
        (&line(0)["group"], &line(0)["name"]),
        (&"given".into(), &"wall".into())
    );
    assert_eq!(
        (&line(0)["frames"], &line(0)["strip"]),
        (&5.into(), &serde_json::Value::Null)
    );
    let number = |k: usize, key: &str| line(k)["accuracy"][key].as_f64();
    // One picture has no depth. Grey levels are steps of half a percent.
    assert_eq!(
        (number(0, "frames"), number(0, "lost")),
        (Some(4.0), Some(0.0))
    );
    assert!(
        number(0, "abs_rel").is_some_and(|e| e > 0.0 && e < 0.005),
        "{}",
        line(0)
    );
    assert_eq!(number(0, "delta1"), Some(1.0));
    // All frames are the same.
    assert_eq!(line(0)["wander"]["clip"], 0.0);
    // Where near is dark no map follows the truth.
    assert_eq!(
        (number(1, "frames"), number(1, "lost")),
        (Some(0.0), Some(4.0))
    );
    assert_eq!(number(1, "abs_rel"), None);
    let table = run(&["eval", "depth", &wall, "--network", &network, "--quiet"]);
    assert_eq!(code(&table), 0, "{}", stderr(&table));
    let text = String::from_utf8_lossy(&table.stdout);
    assert!(text.contains("AbsRel") && text.contains("bright"), "{text}");
}

#[test]
fn an_input_that_cannot_be_judged_is_told_and_the_others_are_gone_on_with() {
    let folder = Folder::new();
    pictures(&folder.path("bare"), 1, false);
    pictures(&folder.path("wall"), 3, false);
    let [bare, wall, out] =
        ["bare", "wall", "out"].map(|name| folder.path(name).display().to_string());
    let network = bright(&folder);
    let words = [
        "eval",
        "depth",
        &bare,
        &wall,
        "--network",
        &network,
        "--json",
        "-o",
        &out,
    ];
    let done = run(&words);
    assert_eq!(code(&done), 1, "{}", stderr(&done));
    assert!(
        stderr(&done).contains("no depth lies beside"),
        "{}",
        stderr(&done)
    );
    let told: serde_json::Value = serde_json::from_slice(&done.stdout).expect("one document");
    assert_eq!(told["clips"].as_array().map(Vec::len), Some(1));
    assert_eq!(told["failed"].as_array().map(Vec::len), Some(1));
    assert_eq!(told["clips"][0]["accuracy"]["lost"], 0);
    // Other depth beside the same pictures is another question: a wall straight ahead is not what they show.
    let file = folder.path("wall/000.depth.png");
    ImageBuffer::from_pixel(96, 64, Luma([1500u16]))
        .save(&file)
        .expect("depth");
    let done = run(&[&words[..], &["--resume"]].concat());
    let told: serde_json::Value = serde_json::from_slice(&done.stdout).expect("one document");
    assert_eq!(told["clips"][0]["accuracy"]["lost"], 1);
}

#[test]
fn what_cannot_be_is_refused() {
    let folder = Folder::new();
    pictures(&folder.path("bare"), 1, false);
    let bare = folder.path("bare").display().to_string();
    for (words, told) in [
        (vec!["--size", "97x54"], "even sides"),
        (vec!["--network", "no-such.onnx"], "no-such.onnx"),
        (vec!["no-such.mp4"], "no such file"),
        (vec![bare.as_str()], "no depth lies beside"),
        (vec![bare.as_str(), "--takes", "3"], "cannot be used with"),
        (vec![bare.as_str(), "--ignore-known-depth"], "--solve"),
        (
            vec!["--network", "embedded", "--network", "embedded"],
            "it was given before",
        ),
    ] {
        let words = [vec!["eval", "depth", "--quiet"], words].concat();
        let done = run(&words);
        assert_ne!(code(&done), 0, "{words:?}");
        assert!(stderr(&done).contains(told), "{words:?}: {}", stderr(&done));
    }
}

/// The line of a clip of some group by some network.
fn line(group: &str, network: &str, accuracy: Option<Accuracy>, wander: Option<Wander>) -> Line {
    Line {
        name: group.to_owned(),
        group: group.to_owned(),
        network: network.to_owned(),
        kind: DepthKind::RelativeInverse,
        settings: Settings {
            of: Of::Given(group.into()),
            files: None,
            network: vec![network.to_owned()],
            depth: Options {
                model: ModelChoice::Embedded,
                ..Options::default()
            },
            versions: [0; 6],
            frames: [24, 640],
            solve: None,
        },
        frames: 24,
        accuracy,
        wander,
        refused: None,
        strip: None,
    }
}

#[test]
fn lines_are_summed_up_by_network_and_group() {
    let accuracy = |abs_rel: f64, edges: Option<f64>| {
        Some(Accuracy {
            frames: 20,
            lost: 4,
            abs_rel: Some(abs_rel),
            delta1: Some(1.0 - abs_rel),
            edges,
        })
    };
    let wander = |by_truth: bool, clip: f64| {
        Some(Wander {
            by_truth,
            clip: Some(clip),
            solved: None,
            beyond: 0,
        })
    };
    let lines = [
        line("room", "b", accuracy(0.1, Some(0.4)), wander(true, 0.2)),
        line("room", "a", accuracy(0.3, None), wander(true, 0.5)),
        line("street", "b", accuracy(0.2, None), wander(true, 0.4)),
        line("given", "b", None, wander(false, 0.9)),
    ];
    let all = summaries(&lines);
    let names: Vec<&str> = all.iter().map(|s| s.network.as_str()).collect();
    assert_eq!(names, ["b", "a"]);
    let groups: Vec<&str> = all[0].rows.iter().map(|r| r.of.as_str()).collect();
    assert_eq!(groups, ["all", "given", "room", "street"]);
    let row = &all[0].rows[0];
    assert_eq!((row.clips, row.frames, row.lost), (3, 40, 8));
    assert!((row.abs_rel.expect("a mean") - 0.15).abs() < 1e-12);
    assert!((row.delta1.expect("a mean") - 0.85).abs() < 1e-12);
    assert_eq!(row.edges, Some(0.4));
    // By the truth and by the solve are not mixed.
    let [own, its] = [row.wander[0], row.wander_by_solve[0]].map(|s| s.expect("a spread"));
    assert!((own.median - 0.3).abs() < 1e-12 && own.count == 2);
    assert!((its.median - 0.9).abs() < 1e-12 && its.count == 1);
    assert_eq!(all[1].rows.len(), 1, "one group is all");
}

#[test]
fn frames_whose_map_is_missing_or_follows_nothing_are_lost() {
    let truth = Truth {
        width: 16,
        height: 8,
        depth: (0..128).map(|i| 2.0 + (i % 16) as f32).collect(),
    };
    let pair = |sign: f32| {
        let map = DepthMap {
            width: 16,
            height: 8,
            values: truth.depth.iter().map(|d| sign / d).collect(),
        };
        (
            0,
            Pair::new(DepthKind::RelativeInverse, &map, &truth).expect("pixels"),
        )
    };
    assert_eq!(Accuracy::of(&[], 0), None);
    // Four frames have a truth, one of them no map.
    let found = Accuracy::of(&[pair(1.0), pair(1.0), pair(-1.0)], 4).expect("a truth");
    assert_eq!((found.frames, found.lost), (2, 2));
    assert!(found.abs_rel.is_some_and(|e| e < 1e-5));
    let none = Accuracy::of(&[], 3).expect("a truth");
    assert_eq!((none.frames, none.lost, none.abs_rel), (0, 3, None));
}

#[test]
fn depth_leaves_a_preview_and_its_values() {
    let folder = Folder::new();
    pictures(&folder.path("wall"), 3, false);
    let [wall, out] = ["wall", "out"].map(|name| folder.path(name).display().to_string());
    let network = bright(&folder);
    let words = [
        "depth", &wall, "--model", &network, "--npy", "--quiet", "-o", &out,
    ];
    let done = run(&words);
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    let info = sora_director::video::probe(&folder.path("out/preview.mp4")).expect("a video");
    assert_eq!(
        (info.width, info.height),
        (96, 128),
        "each frame over its depth"
    );
    let values = folder.path("out/depth.npy");
    let kind = DepthKind::RelativeInverse;
    let maps = sora_director::depth::DepthMaps::load_npy(&values, kind, "bright").expect("values");
    assert_eq!(maps.maps.len(), 3);
    let map = maps.maps[0].as_ref().expect("a map");
    let row = &map.values[..map.width as usize];
    assert!(
        row[0] > row[row.len() - 1],
        "near is larger: {} {}",
        row[0],
        row[row.len() - 1]
    );
}

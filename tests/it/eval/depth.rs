//! `director eval depth`: tiny takes and pictures with depth beside them, from end to end.

use std::path::Path;

use image::{ImageBuffer, Luma, Rgb, RgbImage};

use crate::common::Rng;
use crate::spine::cli::{Folder, code, run, stderr};

/// Pictures of a slanted wall with depth in millimetres beside all but the last.
fn pictures(folder: &Path, count: u32) {
    std::fs::create_dir_all(folder).expect("a folder");
    let mut rng = Rng(5);
    for k in 0..count {
        let picture = RgbImage::from_fn(96, 64, |x, y| {
            let v = (120 + x / 2 + y % 7 + rng.u32() % 9) as u8;
            Rgb([v, v / 2, 255 - v])
        });
        picture
            .save(folder.join(format!("{k:03}.png")))
            .expect("a picture");
        if k + 1 < count {
            let depth = ImageBuffer::from_fn(96, 64, |x, _| Luma([1000 + 20 * x as u16]));
            depth
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
        assert!(line["wander"].as_f64().is_some_and(|w| w > 0.0), "{line}");
        assert!(line["wander_solved"].is_null() && line["refused"].is_null());
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
}

#[test]
fn pictures_are_judged_by_the_depth_beside_them() {
    let folder = Folder::new();
    pictures(&folder.path("wall"), 5);
    let wall = folder.path("wall").display().to_string();
    let told = document(&["eval", "depth", &wall, "--json", "--quiet"]);
    let line = &told["clips"][0];
    assert_eq!(
        (&line["group"], &line["name"]),
        (&"given".into(), &"wall".into())
    );
    // One picture has none. A network may see nothing of the wall in noise, which is told as lost.
    let frames = |key: &str| line["accuracy"][key].as_u64().expect("a number");
    assert_eq!(frames("frames") + frames("lost"), 4, "{line}");
    assert_eq!(line["frames"], 5);
    let table = run(&["eval", "depth", &wall, "--quiet"]);
    assert_eq!(code(&table), 0, "{}", stderr(&table));
    let text = String::from_utf8_lossy(&table.stdout);
    assert!(text.contains("AbsRel"), "{text}");
}

#[test]
fn what_cannot_be_is_refused() {
    let folder = Folder::new();
    pictures(&folder.path("bare"), 1);
    let bare = folder.path("bare").display().to_string();
    for (words, told) in [
        (vec!["--size", "97x54"], "even sides"),
        (vec!["--network", "no-such.onnx"], "no-such.onnx"),
        (vec!["no-such.mp4"], "no such file"),
        (vec![bare.as_str()], "no depth lies beside it"),
        (vec![bare.as_str(), "--takes", "3"], "cannot be used with"),
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

//! `director eval cameras`: sums with known answers, and small takes from end to end.

use serde_json::Value;
use sora_director::camera::{Cameras, FocalSource, LengthUnit, Way};
use sora_director::eval::cameras::Depth;
use sora_director::eval::cameras::masks::View;
use sora_director::eval::cameras::record::{Line, Outcome, Settings, Solved, Truth};
use sora_director::eval::cameras::spoil::{Answer, Spoil};
use sora_director::eval::cameras::stats::{Spread, summaries};
use sora_director::eval::scores::clips::Half;
use sora_director::pipeline::{Config, Preset};

use crate::room::cameras;
use crate::spine::cli::{Folder, code, run, stderr};

fn solved(ate: f64, focal: f64, way: Way) -> Outcome {
    Outcome::Solved(Solved {
        registered: 1.0,
        ate,
        rpe: [0.0, 0.01],
        focal_error: focal,
        focal_source: FocalSource::Estimated,
        parallax: Some(50.0),
        way,
        residual: Some(0.3),
        under_2px: Some(1.0),
        held_out: Some(0.9),
        consistent: Some(0.9),
        depth: Some([0.1, 0.05]),
        notes: Vec::new(),
        path: Vec::new(),
    })
}

fn line(way: Way, mover: f64, outcome: Outcome) -> Line {
    let config = Config::preset(Preset::Draft);
    let cases = sora_director::eval::agent::case::cases(1, Half::Tuning, [64, 36], [1.0, 1.0], 8);
    Line {
        case: cases[0].clone(),
        spoil: None,
        settings: Settings::of(Depth::Truth, None, &config),
        truth: Truth {
            way,
            path: 2.0,
            turn: 10.0,
            depth: 4.0,
            focal: 0.9,
            mover,
        },
        outcome,
        answer: Answer::default(),
        moving: Vec::new(),
        seconds: [1.0, 2.0],
    }
}

fn refused() -> Outcome {
    Outcome::Refused {
        reason: "not_rigid".to_owned(),
        words: "the poses do not explain the flow".to_owned(),
    }
}

#[test]
fn solves_are_summed_up() {
    let all = summaries(&[
        line(Way::Travels, 0.0, solved(0.02, -0.04, Way::Travels)),
        line(Way::Travels, 0.2, solved(0.04, 0.02, Way::Travels)),
        line(Way::Travels, 0.2, solved(0.06, 0.06, Way::Turns)),
        line(Way::Travels, 0.2, refused()),
        line(Way::Stands, 0.0, solved(0.0, 0.5, Way::Stands)),
        line(Way::Stands, 0.0, refused()),
        line(Way::Stands, 0.0, solved(0.1, 0.5, Way::Travels)),
        line(Way::Turns, 0.0, solved(0.0, 0.02, Way::Turns)),
        line(Way::Turns, 0.0, solved(0.1, 0.04, Way::Travels)),
    ]);
    let [one] = &all[..] else {
        panic!("one source of depth")
    };
    let row = &one.rows[0];
    assert_eq!((row.of.as_str(), row.takes, row.refused), ("all", 4, 1));
    let ate = row.ate.expect("errors");
    assert!(
        (ate.median - 0.02).abs() < 1e-12 && (ate.high - 0.029).abs() < 1e-12,
        "{ate:?}"
    );
    let focal = row.focal.expect("errors");
    assert!((focal.median - 0.04).abs() < 1e-12, "{focal:?}");
    let movers = one
        .rows
        .iter()
        .find(|r| r.of == "mover over 5%")
        .expect("a row");
    assert_eq!(movers.takes, 3);
    let told: Vec<_> = one
        .still
        .iter()
        .map(|s| (s.way, s.told, s.refused, s.takes))
        .collect();
    assert_eq!(told, [(Way::Stands, 1, 1, 3), (Way::Turns, 1, 0, 2)]);
    let focal = one.still[1].focal_estimated.expect("errors");
    assert!((focal.median - 0.03).abs() < 1e-12, "{focal:?}");
    assert_eq!(one.travel_denied, 1);
    assert_eq!(Spread::of([].into_iter()), None);
}

#[test]
fn masks_are_summed_up_by_size_and_speed() {
    let view = |hit, extra, missed, speed| View {
        view: 0,
        speed,
        pixels: 1000,
        hit,
        extra,
        missed,
        cast: hit / 10,
        cast_missed: missed / 2,
    };
    let with = |way, moving| Line {
        moving,
        ..line(way, 0.1, solved(0.1, 0.0, Way::Travels))
    };
    let all = summaries(&[
        // 10%, 4% and .5% of the picture, and nothing.
        with(
            Way::Travels,
            vec![
                view(90, 30, 10, 1.0),
                view(20, 0, 20, 2.0),
                view(0, 5, 5, 1.0),
                view(0, 10, 0, 0.0),
            ],
        ),
        with(Way::Turns, vec![view(0, 500, 400, 1.0)]),
    ]);
    let rows = &all[0].masks;
    let names: Vec<&str> = rows.iter().map(|r| r.of.as_str()).collect();
    let want = [
        "movers over 1% of the picture",
        "1 to 5%",
        "5 to 15%",
        ".7 to 1.3 m/s",
        "over 1.3 m/s",
        "movers under 1%",
        "nothing moves",
    ];
    assert_eq!(names, want);
    let first = &rows[0];
    assert_eq!((first.takes, first.views), (1, 2));
    assert_eq!(first.recall, Some(110.0 / 140.0));
    assert_eq!(first.precision, Some(110.0 / 151.0));
    assert_eq!(first.with_shadows, Some(121.0 / 151.0));
    assert_eq!(first.cast, Some(11.0 / 26.0));
    assert_eq!(first.iou, Some(110.0 / 170.0));
    assert_eq!(first.extra, 0.015);
    assert_eq!(
        (rows[1].recall, rows[1].precision, rows[1].with_shadows),
        (Some(0.5), Some(20.0 / 22.0), Some(1.0))
    );
    let none = &rows[6];
    assert_eq!((none.recall, none.precision), (None, None));
    assert_eq!(none.extra, 0.01);
}

#[test]
fn cameras_are_compared_after_a_similarity() {
    let truth = cameras(6);
    let mut solved = truth.clone();
    for camera in &mut solved.cameras {
        camera.pose.position = 3.0 * camera.pose.position;
        camera.intrinsics.fx *= 1.1;
    }
    let Outcome::Solved(same) = Outcome::of(&solved, &truth) else {
        panic!("solved")
    };
    assert!(
        same.ate < 1e-9 && (same.focal_error - 0.1).abs() < 1e-9,
        "{same:?}"
    );
    for [t, s] in &same.path {
        assert!((t[0] - s[0]).abs() < 1e-9 && (t[1] - s[1]).abs() < 1e-9);
    }
    let few = Cameras::known(solved.cameras[..2].to_vec(), LengthUnit::Metres);
    assert!(matches!(Outcome::of(&few, &truth), Outcome::Refused { .. }));
}

#[test]
fn small_takes_from_end_to_end() {
    let folder = Folder::new();
    let out = folder.path("out").display().to_string();
    let of = |what: &str, more: &[&str]| {
        let plain = [
            "eval",
            what,
            "--half",
            "tuning",
            "--takes",
            "1",
            "--size",
            "160x90",
            "--seconds",
            "1,1",
            "--quiet",
            "-o",
            &out,
        ];
        run(&[&plain[..], more].concat())
    };
    let words = |more: &[&str]| of("cameras", &[&["--json"], more].concat());
    let first = words(&[]);
    assert_eq!(code(&first), 0, "{}", stderr(&first));
    let document: Value = serde_json::from_slice(&first.stdout).expect("one document");
    let solves = document["solves"].as_array().expect("solves");
    let depths: Vec<_> = solves
        .iter()
        .map(|s| s["settings"]["depth"].clone())
        .collect();
    assert_eq!(depths, ["truth", "network"]);
    // With the true depth and a camera that travels, the path is found.
    let known = &solves[0];
    assert_eq!(
        (&known["truth"]["way"], &known["outcome"]["result"]),
        (&"travels".into(), &"solved".into()),
        "{known}"
    );
    let share = known["outcome"]["ate"].as_f64().expect("a length")
        / known["truth"]["path"].as_f64().expect("a length");
    assert!(share < 0.02, "{share}");
    for file in [
        "summary.json",
        "paths.png",
        "masks.png",
        "cases/tuning-000/take.mp4",
        "cases/tuning-000/cameras.json",
    ] {
        assert!(folder.path(&format!("out/{file}")).is_file(), "{file}");
    }
    let again = words(&[]);
    assert_ne!(code(&again), 0);
    assert!(
        stderr(&again).contains("--resume goes on"),
        "{}",
        stderr(&again)
    );
    assert!(folder.path("out/summary.json").is_file());
    let none = folder.path("none.onnx").display().to_string();
    let failed = words(&["--resume", "--network", &none]);
    assert_ne!(code(&failed), 0);
    let said = stderr(&failed);
    assert!(
        said.contains("none.onnx") && said.contains("leave --network out"),
        "{said}"
    );
    assert!(!said.contains("--model"), "{said}");
    let truth = ["--depth", "truth", "--network", none.as_str()];
    let unread = run(&[&["eval", "cameras"][..], &truth].concat());
    assert!(
        stderr(&unread).contains("add --depth network, or leave it out"),
        "{}",
        stderr(&unread)
    );
    let resumed = words(&["--resume"]);
    assert_eq!(code(&resumed), 0, "{}", stderr(&resumed));
    // Numbers that were written and read may differ in their last digit.
    let again: Value = serde_json::from_slice(&resumed.stdout).expect("one document");
    let ate = |d: &Value| d["solves"][0]["outcome"]["ate"].as_f64().expect("a length");
    assert!((ate(&again) - ate(&document)).abs() < 1e-12);
    assert_eq!(again["solves"].as_array().map(Vec::len), Some(2));
    let lines = std::fs::read_to_string(folder.path("out/cameras.jsonl")).expect("lines");
    assert_eq!(lines.lines().count(), 2);
    // The same solves, summed up by what moves.
    let before: usize = solves[0]["moving"].as_array().map_or(0, Vec::len);
    assert_eq!(before, 24);
    // A robot walks there, and throws a shadow that is seen.
    let views = solves[0]["moving"].as_array().expect("views");
    let sum = |field: &str| -> u64 { views.iter().filter_map(|v| v[field].as_u64()).sum() };
    let (body, cast) = (sum("hit") + sum("missed"), sum("cast") + sum("cast_missed"));
    assert!(cast > 0 && cast < 4 * body, "{cast} {body}");
    let masks = of("masks", &["--resume"]);
    assert_eq!(code(&masks), 0, "{}", stderr(&masks));
    let table = String::from_utf8_lossy(&masks.stdout).into_owned();
    assert!(
        table.contains("recall") && table.contains("movers over 1% of the picture"),
        "{table}"
    );
    for (flag, value, says) in [
        ("--size", "33x33", "even sides"),
        ("--seconds", "5,2", "the lesser first"),
        ("--depth", "lidar", "possible values"),
    ] {
        let done = run(&["eval", "cameras", flag, value]);
        assert_ne!(code(&done), 0);
        assert!(stderr(&done).contains(says), "{}", stderr(&done));
    }
}

#[test]
fn a_spoilt_take_is_right_where_nothing_false_is_said() {
    let spoilt = |spoil, outcome, answer| Line {
        spoil: Some(spoil),
        answer,
        ..line(Way::Travels, 0.0, outcome)
    };
    let close = Answer {
        ate: Some(0.01),
        trust: 0.9,
        ..Answer::default()
    };
    let off = Answer {
        ate: Some(0.2),
        ..close
    };
    let travels = || solved(0.0, 0.0, Way::Travels);
    for (spoil, outcome, answer, right) in [
        (Spoil::Cut, travels(), close, true),
        (Spoil::Cut, travels(), Answer { spoilt: 1, ..close }, false),
        (Spoil::Cut, travels(), off, false),
        (Spoil::Cut, refused(), close, true),
        (
            Spoil::Black,
            travels(),
            Answer { spoilt: 2, ..close },
            false,
        ),
        (Spoil::Black, refused(), close, false),
        (Spoil::Dark, travels(), close, false),
        (Spoil::Sky, solved(0.0, 0.0, Way::Stands), off, true),
        (Spoil::Covered, travels(), off, false),
        (
            Spoil::Covered,
            travels(),
            Answer { trust: 0.5, ..off },
            true,
        ),
        (
            Spoil::Covered,
            travels(),
            Answer {
                other: Some(0.005),
                ..off
            },
            true,
        ),
        (Spoil::Caption, refused(), close, false),
        (Spoil::Frozen, travels(), close, false),
        (Spoil::Hurried, travels(), off, false),
    ] {
        let line = spoilt(spoil, outcome, answer);
        assert_eq!(line.right(), Some(right), "{spoil:?} {answer:?}");
    }
    assert_eq!(line(Way::Travels, 0.0, refused()).right(), None);
    let all = summaries(&[
        line(Way::Travels, 0.0, solved(0.02, -0.04, Way::Travels)),
        spoilt(Spoil::Cut, solved(0.9, 0.5, Way::Travels), off),
        spoilt(Spoil::Cut, refused(), close),
    ]);
    let rows: Vec<[usize; 4]> = all
        .iter()
        .flat_map(|s| {
            s.spoilt
                .iter()
                .map(|r| [r.takes, r.refused, r.right, r.wrong.len()])
        })
        .collect();
    assert_eq!(rows, [[2, 1, 1, 1]]);
    // What was spoilt is in no other row.
    assert_eq!(all[0].rows[0].takes, 1);
}

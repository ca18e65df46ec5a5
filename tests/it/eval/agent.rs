//! `director eval agent`: violations against planted faults with known answers, and tiny takes from end to end.

use glam::DVec3;
use sora_director::agent::{Violation, What};
use sora_director::eval::agent::case::{FaultKind, cases};
use sora_director::eval::agent::fault::{Bounds, Fault};
use sora_director::eval::agent::lost::lost;
use sora_director::eval::agent::matching::{Truth, found, judge};
use sora_director::eval::agent::modes::Mode;
use sora_director::eval::agent::record::{Line, Settings};
use sora_director::eval::agent::share::Share;
use sora_director::eval::agent::stats::{Bin, summary};
use sora_director::eval::scores::clips::Half;
use sora_director::revise::Verdict;

use crate::spine::cli::{Folder, code, run, stderr};

fn fault(kind: FaultKind, places: &[Bounds], visible: bool) -> Fault {
    Fault {
        kind,
        severity: 0.5,
        measure: 1.0,
        size: 1.0,
        places: places.to_vec(),
        objects: Vec::new(),
        frames: [0, 48],
        pixels: if visible { 500 } else { 3 },
        visible,
    }
}

fn said(what: What, place: [f64; 3], confidence: f64) -> Violation {
    let [x, y, z] = place;
    serde_json::from_value(serde_json::json!({
        "type": what.kind(), "what": what, "description": format!("{what:?}"), "severity": "high",
        "location": {"x": x, "y": y, "z": z}, "timestamp": 0.5, "scenario": "s", "confidence": confidence,
    }))
    .expect("a violation")
}

const PIT: Bounds = [[1.0, -1.6, 1.0], [2.0, 0.0, 2.0]];

#[test]
fn one_fault_is_found_once_by_the_surest() {
    let faults = [fault(FaultKind::Hole, &[PIT], true)];
    let violations = [
        said(What::Hole, [2.8, 0.0, 1.5], 0.6),
        said(What::Hole, [1.5, -0.5, 1.5], 0.9),
        // At the fault, by another's name; and a hole that is nowhere near.
        said(What::FloatingSolid, [1.5, 0.5, 1.5], 0.9),
        said(What::Hole, [2.95, 0.0, 1.5], 0.9),
        said(What::UnevenFloor, [9.0, 0.0, 1.5], 0.9),
    ];
    let judged = judge(&faults, &violations, |p| p, 1.0, 0.5);
    let truths: Vec<Truth> = judged.iter().map(|j| j.truth).collect();
    assert_eq!(
        truths,
        [
            Truth::Duplicate,
            Truth::Found,
            Truth::Misnamed,
            Truth::False,
            Truth::False
        ]
    );
    assert_eq!(judged[2].fault, Some(0));
    assert_eq!(found(&faults, &judged), [true]);
}

#[test]
fn what_is_not_sure_does_not_count_and_what_is_unseen_is_no_miss() {
    let faults = [
        fault(FaultKind::Hole, &[PIT], true),
        fault(
            FaultKind::OpenBoundary,
            &[[[9.0, 0.0, 0.0], [9.2, 2.0, 3.0]]],
            false,
        ),
    ];
    let violations = [
        said(What::Hole, [1.5, 0.0, 1.5], 0.4),
        said(What::OpenBoundary, [8.8, 1.0, 1.0], 0.9),
    ];
    let judged = judge(&faults, &violations, |p| p, 1.0, 0.5);
    assert_eq!((judged[0].truth, judged[0].told), (Truth::Found, false));
    assert_eq!(judged[1].truth, Truth::Unseen);
    assert_eq!(found(&faults, &judged), [false, false]);
    // Sure enough where less is asked.
    let judged = judge(&faults, &violations, |p| p, 1.0, 0.3);
    assert_eq!(found(&faults, &judged), [true, false]);
}

#[test]
fn a_move_is_found_at_either_end_and_places_come_over_into_the_truth() {
    let ends = [
        [[0.0; 3], [0.5, 1.0, 0.5]],
        [[3.0, 0.0, 0.0], [3.5, 1.0, 0.5]],
    ];
    let faults = [
        fault(FaultKind::Move, &ends, true),
        fault(
            FaultKind::Floater,
            &[[[3.0, 1.0, 0.0], [3.5, 1.5, 0.5]]],
            true,
        ),
    ];
    // The world is half as large and turned about y.
    let to_truth = |p: DVec3| DVec3::new(2.0 * p.z, 2.0 * p.y, -2.0 * p.x);
    let violations = [
        said(What::Vanished, [-0.1, 0.2, 1.6], 0.7),
        said(What::InvisibleSolid, [-0.1, 0.6, 1.6], 0.7),
    ];
    let judged = judge(&faults, &violations, to_truth, 2.0, 0.5);
    assert_eq!(judged[0].place, [3.2, 0.4, 0.2]);
    let of: Vec<_> = judged.iter().map(|j| (j.truth, j.fault)).collect();
    assert_eq!(of, [(Truth::Found, Some(0)), (Truth::Found, Some(1))]);
}

#[test]
fn intervals_are_wilsons() {
    // R: prop.test(8, 10, correct = FALSE), and 0 of 2.
    let eight = Share::new(8, 10);
    assert!(
        (eight.interval[0] - 0.490_16).abs() < 1e-4 && (eight.interval[1] - 0.943_32).abs() < 1e-4
    );
    let none = Share::new(0, 2);
    assert!(none.interval[0].abs() < 1e-12 && (none.interval[1] - 0.657_62).abs() < 1e-4);
    assert_eq!(
        (Share::new(0, 0).share, Share::new(0, 0).interval),
        (None, [0.0, 1.0])
    );
}

/// The line of a case, of a still camera or another, with these faults and violations.
fn line(still: bool, faults: Vec<Fault>, violations: &[Violation], verdict: Verdict) -> Line {
    let all = cases(60, Half::Tuning, [96, 54], [2.0, 2.0], 8);
    let case = all
        .into_iter()
        .find(|c| c.still() == still)
        .expect("a case");
    let judged = judge(&faults, violations, |p| p, 1.0, 0.5);
    let settings = Settings {
        versions: [1; 8],
        least_confidence: 0.5,
        network: None,
        options: String::new(),
    };
    let mut line = Line::failed(&case, Mode::B, settings, &anyhow::anyhow!("nothing"));
    line.error = None;
    line.found = found(&faults, &judged);
    line.faults = faults;
    line.violations = judged;
    (line.verdict, line.product) = (verdict, verdict);
    line
}

#[test]
fn lines_are_summed_up() {
    let small = Fault {
        size: 0.4,
        severity: 0.9,
        ..fault(FaultKind::Hole, &[PIT], true)
    };
    let hole = || fault(FaultKind::Hole, &[PIT], true);
    let hit = said(What::Hole, [1.5, 0.0, 1.5], 0.95);
    let again = said(What::Hole, [1.6, 0.0, 1.5], 0.85);
    let wrong = said(What::Hole, [7.0, 0.0, 7.0], 0.85);
    let lines = [
        line(
            false,
            Vec::new(),
            std::slice::from_ref(&wrong),
            Verdict::Rejected,
        ),
        line(
            false,
            vec![hole()],
            &[hit.clone(), again],
            Verdict::Rejected,
        ),
        line(false, vec![hole()], &[], Verdict::Accepted),
        line(
            false,
            vec![small],
            std::slice::from_ref(&hit),
            Verdict::Rejected,
        ),
        line(
            false,
            vec![fault(FaultKind::Hole, &[PIT], false)],
            &[],
            Verdict::Accepted,
        ),
        line(true, vec![hole()], &[wrong], Verdict::Undecided),
    ];
    let sum = summary(Mode::B, &lines, false);
    assert_eq!((sum.takes, sum.still_takes, sum.errors), (5, 1, 0));
    let row = |sum: &sora_director::eval::agent::stats::Summary, bin| {
        let all = sum.rows.iter();
        all.filter(|r| r.kind == Some(FaultKind::Hole))
            .find(|r| r.bin == bin)
            .cloned()
            .expect("a row")
    };
    let all = row(&sum, Bin::All);
    assert_eq!(
        (all.planted, all.unseen, all.found, all.missed),
        (4, 1, 2, 1)
    );
    assert_eq!(all.precision, Some(Share::new(2, 3)));
    assert_eq!(row(&sum, Bin::Large).recall, Share::new(1, 2));
    assert_eq!(row(&sum, Bin::Small).recall, Share::new(1, 1));
    assert_eq!(row(&sum, Bin::Severe).recall, Share::new(1, 1));
    assert_eq!(
        (sum.false_accepts, sum.false_rejects),
        (Share::new(1, 2), Share::new(1, 1))
    );
    assert_eq!(
        (
            sum.alarms[0].nothing,
            sum.alarms[0].duplicates,
            sum.alarms[0].in_clean
        ),
        (1, 1, 1)
    );
    let strict = summary(Mode::B, &lines, true);
    assert_eq!(row(&strict, Bin::All).precision, Some(Share::new(2, 4)));
    // .85: one right a second time, one wrong; .95: both right.
    let sure: Vec<_> = sum
        .calibration
        .iter()
        .map(|s| (s.from, s.right.of, s.right.among))
        .collect();
    assert_eq!(sure, [(0.8, 1, 2), (0.9, 2, 2)]);
}

#[test]
fn a_fault_is_lost_in_the_first_mode_that_misses_it() {
    let hole = || fault(FaultKind::Hole, &[PIT], true);
    let hit = [said(What::Hole, [1.5, 0.0, 1.5], 0.95)];
    let of = |mode, violations: &[Violation]| {
        let mut line = line(false, vec![hole()], violations, Verdict::Rejected);
        line.mode = mode;
        line
    };
    let rows = lost(&[of(Mode::C, &hit), of(Mode::A, &hit), of(Mode::B, &[])]);
    assert_eq!(
        (rows[0].visible, rows[0].kept, rows[0].found_again),
        (1, 0, 1)
    );
    assert_eq!(rows[0].first_missed.get(&Mode::B), Some(&1));
    let rows = lost(&[of(Mode::A, &hit), of(Mode::B, &hit)]);
    assert_eq!((rows[0].kept, rows[0].first_missed.len()), (1, 0));
}

#[test]
fn tiny_takes_from_end_to_end() {
    let folder = Folder::new();
    let out = folder.path("out").display().to_string();
    let go = |more: &[&str]| {
        let mut words = vec![
            "eval", "agent", "--half", "tuning", "--takes", "2", "--size", "96x54",
        ];
        words.extend([
            "--seconds",
            ".5,.5",
            "--views",
            "8",
            "--mode",
            "b",
            "--json",
            "--quiet",
            "-o",
            &out,
        ]);
        words.extend(more);
        let done = run(&words);
        assert_eq!(code(&done), 0, "{}", stderr(&done));
        let mut document: serde_json::Value =
            serde_json::from_slice(&done.stdout).expect("one document");
        for list in ["summaries", "cases"] {
            for one in document[list].as_array_mut().expect("a list") {
                one["seconds"] = serde_json::Value::Null;
            }
        }
        document
    };
    let first = go(&["--picture"]);
    let lines = first["cases"].as_array().expect("cases");
    assert_eq!(lines.len(), 2);
    assert_eq!(
        lines[0]["faults"],
        serde_json::json!([]),
        "the first is clean"
    );
    assert_eq!(lines[1]["faults"][0]["kind"], "hole");
    for line in lines {
        assert!(
            line["error"].is_null() && line["metrics"]["voxel_size"].is_number(),
            "{line}"
        );
    }
    let text = std::fs::read_to_string(folder.path("out/cases.jsonl")).expect("lines");
    assert_eq!(text.lines().count(), 2);
    assert!(folder.path("out/summary.json").is_file());
    // What is there is not written over without a word.
    let out = folder.path("out").display().to_string();
    let again = run(&["eval", "agent", "--takes", "1", "--quiet", "-o", &out]);
    assert_ne!(code(&again), 0);
    assert!(
        stderr(&again).contains("--resume goes on"),
        "{}",
        stderr(&again)
    );
    // The same from the kept takes, and from the kept lines.
    std::fs::remove_file(folder.path("out/cases.jsonl")).expect("remove");
    assert_eq!(go(&[]), first);
    std::fs::write(folder.path("out/cases.jsonl"), &text[..text.len() - 40]).expect("cut short");
    assert_eq!(go(&["--resume"]), first);
}

#[test]
fn what_cannot_be_is_refused() {
    for (words, told) in [
        (["--seconds", "4,2"], "the lesser first"),
        (["--size", "97x54"], "even sides"),
        (["--least-confidence", "1.5"], "from 0 to 1"),
        (["--mode", "e"], "possible values"),
        (["--network", "no-such.onnx"], "no-such.onnx"),
    ] {
        let done = run(&["eval", "agent", "--takes", "1", words[0], words[1]]);
        assert_ne!(code(&done), 0);
        assert!(stderr(&done).contains(told), "{}", stderr(&done));
    }
}

//! `director bench`: what a stage cannot do stops no other, what was measured is kept, older results are compared.

use std::cell::RefCell;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::Value;
use sora_director::bench::{Bench, Entry, Ground, Options, Report, Size, Stage, Status, Work};
use sora_director::gpu::{AdapterChoice, GpuError};
use sora_director::video::Decode;

use crate::spine::cli::{director, run, stderr};

const fn size(name: &'static str, count: usize, cost: f64) -> Size {
    Size {
        name,
        count,
        picture: [0; 2],
        cost,
    }
}

const fn stage(
    name: &'static str,
    sizes: &'static [Size],
    prepare: fn(&Ground, &Size) -> anyhow::Result<Work>,
) -> Stage {
    Stage {
        name,
        unit: "things",
        about: "",
        sizes,
        prepare,
    }
}

static ONE: [Size; 1] = [size("one", 1000, 1.0)];

/// Fills buffers on the device, so that it fails on one that is lost.
fn fill(ground: &Ground, size: &Size) -> anyhow::Result<Work> {
    let gpu = ground.gpu()?;
    let buffer = gpu.alloc::<u32>(size.count)?;
    Ok(Work::new(size.count as f64, move |_| {
        let mut recorder = gpu.recorder();
        recorder.clear(&buffer)?;
        recorder.submit()?;
        assert_eq!(gpu.read_range(&buffer, 0, 1)?, [0]);
        Ok(())
    }))
}

fn bench(stages: &[&Stage], minutes: f64, stop: &Arc<AtomicBool>) -> (Report, Vec<Report>) {
    let saved = RefCell::new(Vec::new());
    let bench = Bench {
        adapter: &AdapterChoice::Auto,
        decode: Decode::Auto,
        options: Options {
            minutes,
            quick: false,
        },
        stages,
        stop: stop.clone(),
        save: &|report| {
            saved.borrow_mut().push(report.clone());
            Ok(())
        },
        tell: &|_, _, _| {},
    };
    let report = bench.run().expect("a Vulkan driver; see scripts/setup");
    (report, saved.into_inner())
}

fn entry<'a>(report: &'a Report, stage: &str, size: &str) -> &'a Entry {
    let mut found = report.entries.iter();
    found
        .find(|e| e.stage == stage && e.size == size)
        .expect("an entry")
}

#[test]
fn a_stage_that_fails_is_marked_with_its_words_and_the_rest_goes_on() {
    let memory = stage("memory", &ONE, |_, _| {
        Ok(Work::new(1.0, |_| {
            Err(GpuError::OutOfMemory {
                doing: "allocating a buffer".to_owned(),
                reason: "no more".to_owned(),
            }
            .into())
        }))
    });
    let broken = stage("broken", &ONE, |_, _| panic!("index out of bounds"));
    let large = stage("large", &ONE, |ground, _| {
        ground.gpu()?.alloc::<[u32; 4]>(usize::MAX / 64)?;
        bail!("it was allocated")
    });
    let lost = stage("lost", &ONE, |ground, _| {
        let gpu = ground.gpu()?;
        Ok(Work::new(1.0, move |_| {
            gpu.device().destroy();
            Ok(gpu.wait()?)
        }))
    });
    let (first, last) = (stage("first", &ONE, fill), stage("last", &ONE, fill));
    let stages = [&first, &memory, &broken, &large, &lost, &last];
    let (report, saved) = bench(&stages, 5.0, &Arc::default());
    let status = |stage| entry(&report, stage, "one").status;
    let note = |stage| {
        entry(&report, stage, "one")
            .note
            .clone()
            .unwrap_or_default()
    };
    for name in ["first", "last"] {
        let entry = entry(&report, name, "one");
        assert_eq!((entry.status, &entry.note), (Status::Measured, &None));
        let times = entry.seconds.expect("times");
        assert!(times.min <= times.median && times.median <= times.max);
        assert_eq!(entry.rate, Some(1000.0 / times.median));
        // The clear; a copy of one element is a readback.
        // What other tests of this process move meanwhile counts too.
        assert!(entry.bytes >= Some(4000), "{entry:?}");
        assert!(entry.peak_bytes >= Some(4000), "{entry:?}");
    }
    assert_eq!(status("memory"), Status::Failed);
    assert!(note("memory").contains("out of GPU memory while allocating a buffer: no more"));
    assert_eq!(status("broken"), Status::Failed);
    assert!(
        note("broken").contains("index out of bounds"),
        "{}",
        note("broken")
    );
    assert_eq!(status("large"), Status::Skipped);
    assert!(
        note("large").contains("over this adapter's limit"),
        "{}",
        note("large")
    );
    assert_eq!(status("lost"), Status::Failed);
    assert!(
        note("lost").contains("the GPU device was lost"),
        "{}",
        note("lost")
    );
    assert!(report.has_failed() && report.finished && !report.interrupted);
    // Kept after each, and at the end: what is cut off loses nothing that was measured.
    let kept: Vec<usize> = saved.iter().map(|report| report.entries.len()).collect();
    assert_eq!(kept, [1, 2, 3, 4, 5, 6, 6]);
    assert!(!saved[5].finished);
}

#[test]
fn nothing_is_kept_before_something_is_measured() {
    let broken = stage("broken", &ONE, |_, _| bail!("broken"));
    let first = stage("first", &ONE, fill);
    let (report, saved) = bench(&[&broken, &first], 5.0, &Arc::default());
    let kept: Vec<usize> = saved.iter().map(|report| report.entries.len()).collect();
    assert_eq!(kept, [2, 2]);
    assert!(report.finished);
    // All failed: that is what this machine is worth.
    let (_, saved) = bench(&[&broken], 5.0, &Arc::default());
    assert_eq!(saved.len(), 1);
    assert!(saved[0].finished && saved[0].has_failed());
    let (report, saved) = bench(&[&first], 5.0, &Arc::new(AtomicBool::new(true)));
    assert!(report.interrupted && saved.is_empty());
}

#[test]
fn a_size_that_would_not_fit_the_time_is_left_out_with_the_time_it_would_take() {
    static SIZES: [Size; 3] = [
        size("small", 1, 1.0),
        size("large", 2, 1e5),
        size("larger", 3, 1e6),
    ];
    static RAN: AtomicUsize = AtomicUsize::new(0);
    let slow = stage("slow", &SIZES, |_, size| {
        RAN.fetch_max(size.count, Ordering::Relaxed);
        Ok(Work::new(1.0, |_| {
            std::thread::sleep(Duration::from_millis(20));
            Ok(())
        }))
    });
    let (report, _) = bench(&[&slow], 2.0, &Arc::default());
    assert_eq!(entry(&report, "slow", "small").status, Status::Measured);
    let large = entry(&report, "slow", "large");
    assert_eq!(large.status, Status::Skipped);
    let note = large.note.as_deref().unwrap_or_default();
    assert!(
        note.starts_with("would take about ") && note.contains("--minutes gives more"),
        "{note}"
    );
    let larger = entry(&report, "slow", "larger");
    assert_eq!(larger.note.as_deref(), Some("large was skipped"));
    assert_eq!(
        RAN.load(Ordering::Relaxed),
        1,
        "nothing was prepared for it"
    );
    assert!(!report.has_failed());
}

#[test]
fn a_stop_keeps_the_runs_that_were_measured_and_begins_nothing_more() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    static STOP: std::sync::OnceLock<Arc<AtomicBool>> = std::sync::OnceLock::new();
    let stop = STOP.get_or_init(Arc::default);
    let stopped = stage("stopped", &ONE, |_, _| {
        Ok(Work::new(1.0, |_| {
            // The first warms up.
            if RUNS.fetch_add(1, Ordering::Relaxed) == 2 {
                STOP.get().expect("set").store(true, Ordering::Relaxed);
                bail!("interrupted");
            }
            Ok(())
        }))
    });
    let after = stage("after", &ONE, fill);
    let (report, saved) = bench(&[&stopped, &after], 5.0, stop);
    assert!(report.interrupted && !report.finished);
    assert_eq!(report.entries.len(), 1);
    let times = entry(&report, "stopped", "one").seconds.expect("times");
    assert_eq!(times.repeats, 1);
    assert_eq!(saved.last(), Some(&report));
}

fn document(folder: &Path) -> Value {
    let text = std::fs::read_to_string(folder.join("bench.json")).expect("bench.json");
    serde_json::from_str(&text).expect("whole JSON at any time")
}

#[test]
fn the_command_measures_what_was_asked_for_and_compares_with_what_it_can_read() {
    let folder = tempfile::tempdir().expect("tempdir");
    let out = folder.path().display().to_string();
    let damaged = folder.path().join("damaged.json");
    std::fs::write(&damaged, "{\"entries\": [").expect("write");
    let quick = ["bench", "--quick", "--stage", "scan", "--out", &out];
    let with = |old: &Path| run(&[&quick[..], &["--compare", &old.display().to_string()]].concat());
    let output = with(&damaged);
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("damaged.json is damaged"), "{told}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.contains("the older result"), "{text}");
    assert!(text.contains("no row was measured"), "{text}");

    let found = document(folder.path());
    assert_eq!(
        (&found["format"], &found["finished"]),
        (&1.into(), &true.into())
    );
    let entries = found["entries"].as_array().expect("entries");
    let names: Vec<&str> = entries.iter().filter_map(|e| e["stage"].as_str()).collect();
    assert_eq!(names, ["copy", "scan"]);
    assert_eq!(found["copy_rate"], entries[0]["rate"]);
    // 16 copies of 16 MiB, read and written.
    assert_eq!(entries[0]["bytes"], 16 * 2 * (16 << 20));
    let scan = &entries[1];
    // Each level reads and writes its words.
    assert!(scan["bytes"].as_u64() >= Some(8 << 20), "{scan}");
    let seconds = scan["seconds"]["median"].as_f64().expect("seconds");
    let share = scan["bytes"].as_f64().expect("bytes")
        / seconds
        / found["copy_rate"].as_f64().expect("rate");
    assert!((scan["copy_share"].as_f64().expect("share") / share - 1.0).abs() < 1e-9);
    if found["device"]["timestamps"] == true {
        let kernels = scan["kernels"].as_array().expect("kernels");
        let names: Vec<&str> = kernels
            .iter()
            .filter_map(|k| k["kernel"].as_str())
            .collect();
        assert!(names.contains(&"gpu/scan_blocks"), "{names:?}");
    }

    // The older one is read before it is written over.
    let mut other = found.clone();
    other["device"]["name"] = "another card".into();
    let path = folder.path().join("bench.json");
    std::fs::write(&path, other.to_string()).expect("write");
    let output = with(&path);
    let told = stderr(&output);
    assert!(told.contains("of another device: another card"), "{told}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("times the rate of the older result, in the middle of 2"),
        "{text}"
    );
    assert_eq!(document(folder.path())["device"], found["device"]);
}

#[test]
fn without_a_driver_one_line_says_so() {
    let folder = tempfile::tempdir().expect("tempdir");
    let output = director(&["bench", "--out", &folder.path().display().to_string()])
        .env("VK_DRIVER_FILES", "/nowhere.json")
        .env("VK_ICD_FILENAMES", "/nowhere.json")
        .output()
        .expect("starts");
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("no GPU adapter found"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
}

#[test]
fn the_document_tells_how_the_device_was_used_and_who_decoded() {
    let folder = tempfile::tempdir().expect("tempdir");
    let out = folder.path().display().to_string();
    let args = ["bench", "--quick", "--stage", "decode", "--out", &out];
    let output = run(&[&args[..], &["--limits", "low", "--decode", "software"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let found = document(folder.path());
    let device = &found["device"];
    assert_eq!(device["limits"], "low");
    assert_eq!(device["tier"], "plain");
    assert_eq!(device["max_binding"], 16 << 20);
    assert_eq!(found["decode"], "software");
    assert_eq!(found["decoder"], "software (as asked for)");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("limits low: bindings of up to 16 MiB, kernels of tier plain"),
        "{text}"
    );
    assert!(
        text.contains("decoded in software (as asked for)"),
        "{text}"
    );

    let low = folder.path().join("low.json");
    std::fs::rename(folder.path().join("bench.json"), &low).expect("rename");
    let low = low.display().to_string();
    let output = run(&[&args[..], &["--compare", &low]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let told = stderr(&output);
    assert!(
        told.contains("note: --limits: low then, adapter now"),
        "{told}"
    );
    assert_eq!(document(folder.path())["device"]["limits"], "adapter");
}

#[test]
fn what_cannot_be_measured_is_refused_and_an_older_document_stays() {
    let folder = tempfile::tempdir().expect("tempdir");
    let out = folder.path().display().to_string();
    let path = folder.path().join("bench.json");
    std::fs::write(&path, "older").expect("write");
    let args = ["bench", "--quick", "--stage", "scan", "--out", &out];
    let refused = |more: &[&str], variable: (&str, &str), words: &[&str]| {
        let output = director(&[&args[..], more].concat())
            .env(variable.0, variable.1)
            .output()
            .expect("starts");
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
        for word in words {
            assert!(told.contains(word), "{told}");
        }
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "older");
    };
    let none = ("DIRECTOR_DECODE", "");
    refused(
        &["--adapter", "0,0"],
        none,
        &["one adapter", "0,0", "give one"],
    );
    refused(&[], ("DIRECTOR_ADAPTER", "0,1"), &["one adapter", "0,1"]);
    refused(
        &[],
        ("TMPDIR", "/nowhere"),
        &["/nowhere", "let TMPDIR name a folder"],
    );
    refused(
        &[],
        ("DIRECTOR_DECODE", "cudda"),
        &["DIRECTOR_DECODE is 'cudda'"],
    );
    if !cfg!(feature = "cuda") {
        refused(&["--decode", "cuda"], none, &["--features cuda"]);
        refused(&[], ("DIRECTOR_DECODE", "cuda"), &["--features cuda"]);
    }
}

#[test]
fn a_signal_leaves_no_temporary_folder() {
    for signals in [&["-HUP"][..], &["-INT", "-INT"], &["-TERM", "-HUP"]] {
        let folder = tempfile::tempdir().expect("tempdir");
        let (out, temporary) = (folder.path().join("out"), folder.path().join("tmp"));
        std::fs::create_dir(&temporary).expect("folder");
        let child = director(&["bench", "--stage", "row", "--minutes", "60", "--out"])
            .arg(&out)
            .env("TMPDIR", &temporary)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let left = || std::fs::read_dir(&temporary).expect("list").count();
        let deadline = Instant::now() + Duration::from_secs(120);
        while left() == 0 {
            assert!(Instant::now() < deadline, "no temporary folder");
            std::thread::sleep(Duration::from_millis(10));
        }
        for signal in signals {
            send(&child, signal);
        }
        let output = child.wait_with_output().expect("ends");
        assert_eq!(output.status.code(), Some(130), "{signals:?}");
        assert_eq!(left(), 0, "{signals:?}");
    }
}

fn interrupt(child: &Child) {
    send(child, "-INT");
}

fn send(child: &Child, signal: &str) {
    let status = Command::new("kill")
        .arg(signal)
        .arg(child.id().to_string())
        .status();
    assert!(status.expect("kill").success());
}

#[test]
fn a_signal_leaves_with_130_and_what_was_measured() {
    let folder = tempfile::tempdir().expect("tempdir");
    let out = folder.path().display().to_string();
    let child = director(&["bench", "--stage", "row", "--minutes", "60", "--out", &out])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let deadline = Instant::now() + Duration::from_secs(120);
    let path = folder.path().join("bench.json");
    let measured = || std::fs::read_to_string(&path).is_ok_and(|t| t.contains("\"measured\""));
    while !measured() {
        assert!(Instant::now() < deadline, "nothing was measured");
        std::thread::sleep(Duration::from_millis(20));
    }
    interrupt(&child);
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    let found = document(folder.path());
    assert_eq!(
        (&found["interrupted"], &found["finished"]),
        (&true.into(), &false.into())
    );
    assert_eq!(found["entries"][0]["status"], "measured");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("interrupted: what was measured before is here"),
        "{text}"
    );
}

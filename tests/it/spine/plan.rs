//! What a run would do and cost.

use std::path::Path;
use std::sync::Arc;

use sora_director::generate::Providers;
use sora_director::manifest::Format;
use sora_director::pipeline::Plan;
use sora_director::record::RunView;
use sora_director::store::Recipe;

use super::cli::{Folder, code, director, run, stderr};
use super::fake::{Desk, Named, Service};

#[test]
fn takes_seconds_and_cost_are_summed_by_provider_and_unknown_is_not_nothing() {
    let mut desk =
        Desk::new("id,prompt,takes,seconds,iterations\na,a room,3,4,2\nb,b,,,\nc,c,2,10,1\n");
    desk.config.takes = 2;
    desk.config.seconds = 5.0;
    desk.config.max_iterations = 3;
    desk.rows[2].provider = Some("priced".into());
    let mut providers = Providers::default();
    providers.add(Arc::new(Service::new(0)));
    providers.add(Arc::new(Named("priced", Service::new(0))));
    let plan = Plan::new(&desk.rows, &desk.config, &providers);
    assert_eq!((plan.rows, plan.faults.len()), (3, 0));
    let unknown = &plan.providers["service"];
    assert_eq!(
        (
            unknown.rows,
            unknown.first_round.takes,
            unknown.at_most.takes
        ),
        (2, 5, 12)
    );
    assert_eq!(
        (unknown.first_round.seconds, unknown.at_most.seconds),
        (22.0, 54.0)
    );
    assert_eq!(unknown.at_most.takes_without_price, 12);
    let priced = &plan.providers["priced"];
    assert_eq!(
        (priced.at_most.takes, priced.at_most.takes_without_price),
        (2, 0)
    );
    assert!((priced.at_most.usd - 2.0).abs() < 1e-9);
    assert_eq!(priced.prices_as_of, ["2026-11-01"]);
    let total = plan.total();
    assert_eq!(
        (
            total.rows,
            total.at_most.takes,
            total.at_most.takes_without_price
        ),
        (3, 14, 12)
    );
}

#[test]
fn validate_does_nothing_and_tells_faults_of_files_and_of_rows() {
    let folder = Folder::new();
    let good = folder.text(
        "m.csv",
        "id,prompt,video,provider\na,a room,,\nb,,gone.mp4,files\n",
    );
    let output = run(&["validate", &good, "--json", "--out", &folder.out("run")]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).expect("json");
    assert_eq!(plan["faults"][0]["id"], "b");
    assert!(
        plan["faults"][0]["message"]
            .as_str()
            .is_some_and(|m| m.contains("gone.mp4"))
    );
    assert_eq!(plan["total"]["first_round"]["takes"], 2);
    assert!(!folder.path("run").exists());
    let text = run(&["validate", &good]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(
        text.contains("line 3 (b) would fail") && text.contains("free"),
        "{text}"
    );
    let bad = folder.text("bad.csv", "prompt,takes\na,0\n");
    let output = run(&["validate", &bad, "--json"]);
    assert_eq!(code(&output), 2);
    let faults: serde_json::Value = serde_json::from_slice(&output.stdout).expect("json");
    assert_eq!(faults["manifest_faults"][0]["field"], "takes");
}

#[test]
fn what_is_read_otherwise_than_it_is_written_is_told_on_stderr_and_in_json() {
    let folder = Folder::new();
    let manifest = folder.text("m.csv", "id;prompt;takes\na;a room;2,0\n;;\n");
    let output = run(&["validate", &manifest, "--json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).expect("json");
    assert_eq!(plan["total"]["first_round"]["takes"], 2);
    let warnings = plan["manifest_warnings"].as_array().expect("a list");
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert_eq!(
        (&warnings[0]["line"], &warnings[1]["field"]),
        (&1.into(), &"takes".into())
    );
    for words in [
        "m.csv: line 1: the fields are separated by semicolons",
        "decimal point",
    ] {
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
}

#[test]
fn a_run_reads_its_copy_of_a_manifest_of_every_ending() {
    for (name, text) in [
        ("m.csv", "prompt\n\"a, b\"\n"),
        ("m.tsv", "prompt\na, b\n"),
        ("m.json", "[\n{\"prompt\": \"a, b\"}\n]"),
        ("m.jsonl", "{\"prompt\": \"a, b\"}"),
        ("m.toml", "[[prompt]]\nprompt = 'a, b'\n"),
    ] {
        let folder = Folder::new();
        let extension = Format::of(Path::new(name)).extension();
        folder.text(
            "run.toml",
            &format!("format = {}\n", sora_director::store::FORMAT),
        );
        folder.text(&format!("manifest.{extension}"), text);
        let rows = sora_director::run::rows(&folder.path("")).expect("rows");
        assert_eq!(rows[0].prompt, "a, b", "{name}");
    }
}

#[test]
fn every_unknown_provider_is_told_with_its_place_and_a_hint() {
    let folder = Folder::new();
    let told = |name: &str, text: &str| {
        let output = run(&["validate", &folder.text(name, text), "--json"]);
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("json");
        document["manifest_faults"].clone()
    };
    // A row that has another fault too, one that has not, and one of its own place.
    let faults = told(
        "m.csv",
        "provider,prompt,takes\nmok,a,0\nnowhere,b,1\nmock,c,1\n",
    );
    let expected = serde_json::json!([
        {"line": 2, "column": 1, "field": "provider",
         "message": "'mok' is no provider; use one of mock, files; did you mean 'mock'?"},
        {"line": 2, "column": 3, "field": "takes", "message": faults[1]["message"]},
        {"line": 3, "column": 1, "field": "provider",
         "message": "'nowhere' is no provider; use one of mock, files"},
    ]);
    assert_eq!(faults, expected);
    let faults = told(
        "m.json",
        "[{\"prompt\": \"a\"},\n {\"prompt\": \"b\",\n  \"provider\": \"file\"}]",
    );
    assert_eq!(
        (&faults[0]["line"], &faults[0]["column"]),
        (&3.into(), &15.into()),
        "{faults}"
    );
    // Rows of one line are not left out for their neighbour.
    let one = folder.text(
        "one.json",
        "[{\"prompt\": \"a\"}, {\"prompt\": \"b\", \"provider\": \"nix\"}]",
    );
    let mut found = sora_director::manifest::read(Path::new(&one)).expect("readable");
    Desk::new("prompt\na\n").config.check(&mut found);
    assert_eq!((found.rows.len(), found.rows[0].prompt.as_str()), (1, "a"));
    assert_eq!(found.faults.len(), 1);
}

#[test]
fn rows_that_lack_what_their_provider_needs_are_all_named_or_left_out() {
    let folder = Folder::new();
    let manifest = folder.text("m.csv", "id,prompt,video\na,a room,\nb,,x.mp4\nc,a hall,\n");
    let output = run(&["validate", &manifest, "--provider", "files"]);
    assert_eq!(code(&output), 2);
    for words in ["m.csv", "line 2, video", "line 4, video"] {
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
    let output = run(&[
        "run",
        &manifest,
        "--provider",
        "files",
        "--skip-faulty",
        "--out",
        &folder.out("run"),
    ]);
    assert_eq!(
        code(&output),
        1,
        "the row that is left has no such video: {}",
        stderr(&output)
    );
    assert!(
        stderr(&output).contains("left out") && !stderr(&output).contains('\u{1b}'),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_row_keeps_its_results_though_what_it_names_lies_beside_the_manifest_only() {
    let desk = Desk::new("id,prompt\na,a room\n");
    let manifest = desk.folder.path().join("m.csv");
    let text = "id,prompt,reference_image\na,a room,start.png\n";
    std::fs::write(manifest, text).expect("write");
    desk.batch(&Service::new(0), |_| {}).expect("batch");
    let view = RunView::load(&desk.root()).expect("run");
    let rows: Vec<_> = view.results().map(|result| result.row.id).collect();
    assert_eq!(rows, ["a"]);
}

#[test]
fn doctor_tells_what_is_here_and_what_is_missing() {
    let output = run(&["doctor", "--json"]);
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).expect("json");
    assert_eq!(
        code(&output),
        i32::from(found["faults"].as_array().is_some_and(|f| !f.is_empty()))
    );
    assert!(found["adapters"][0]["subgroup_sizes"].is_array());
    assert!(
        found["ffmpeg"]
            .as_str()
            .is_some_and(|v| v.contains("libavcodec"))
    );
    assert!(
        found["decoders"]
            .as_array()
            .is_some_and(|d| d.contains(&"h264".into()))
    );
    assert!(found["hardware_devices"].is_array() && found["free_bytes"].as_u64().is_some());
    let output = run(&["doctor", "--out", "/nonexistent/folder"]);
    assert_eq!(code(&output), 1);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("name a folder that is there"), "{text}");
}

#[test]
fn doctor_checks_the_kernels_of_this_adapter() {
    let output = run(&["doctor", "--kernels", "--json", "--quiet"]);
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).expect("json");
    assert_eq!(code(&output), i32::from(found["good"] != true), "{found}");
    assert!(
        found["adapter"]["name"].is_string() && found["adapter"]["driver"].is_string(),
        "{found}"
    );
    let kernels = found["kernels"].as_array().expect("kernels");
    assert_eq!(found["unreached"], serde_json::json!([]));
    assert!(kernels.iter().all(|k| k["fault"].is_null()), "{found}");
    let output = run(&["doctor", "--kernels"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("kernels agree with their twins"), "{text}");
    let table = text
        .lines()
        .filter(|line| line.trim_end().ends_with("agrees"));
    assert_eq!(table.count(), kernels.len(), "{text}");
}

#[test]
fn a_run_goes_on_though_nobody_can_be_told() {
    let folder = Folder::new();
    // The ending in capitals is that of the format too.
    let manifest = folder.text("M.JSONL", "{\"id\":\"a\",\"video\":\"gone.mp4\"}\n");
    for format in ["text", "json"] {
        let full = std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .expect("full");
        let out = folder.out(format);
        let args = [
            "run",
            &manifest,
            "--provider",
            "files",
            "--log-format",
            format,
            "--out",
            &out,
        ];
        let status = director(&args).stderr(full).status().expect("starts");
        assert_eq!(
            status.code(),
            Some(1),
            "{format}: the row fails, nothing else"
        );
        let results = run(&["results", &out, "--json"]);
        let row: serde_json::Value = serde_json::from_slice(&results.stdout).expect("a row");
        assert_eq!(row["outcome"], "failed");
    }
}

#[test]
fn an_input_that_cannot_be_read_is_its_rows_fault_only() {
    let folder = Folder::new();
    let pipe = folder.path("pipe.mp4");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo").success());
    let manifest = folder.text("m.csv", "id,video\na,pipe.mp4\nb,gone.mp4\n");
    let out = folder.out("run");
    let output = run(&["run", &manifest, "--provider", "files", "--out", &out]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("neither a file nor a folder"),
        "{}",
        stderr(&output)
    );
    let unreadable = Recipe::new("take").outside("files", &[folder.path("gone.mp4")], &[]);
    assert!(!unreadable.expect_err("gone").is_fatal());
}

#[test]
fn what_a_run_writes_below_an_input_folder_does_not_change_its_key() {
    let folder = Folder::new();
    std::fs::write(folder.path("1.png"), "x").expect("write");
    let key = || {
        Recipe::new("take")
            .outside("files", &[folder.path("")], &[])
            .expect("recipe")
            .key()
    };
    let before = key();
    std::fs::create_dir_all(folder.path("runs/m")).expect("folder");
    std::fs::write(folder.path("runs/m/run.toml"), "format = 1").expect("write");
    std::fs::write(folder.path("runs/m/director.log"), "more").expect("write");
    assert_eq!(key(), before);
    std::fs::write(folder.path("2.png"), "y").expect("write");
    assert_ne!(key(), before);
}

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::cli::{TINY, director};

fn start(folder: &Path) -> Child {
    let manifest = folder.join("m.csv");
    std::fs::write(
        &manifest,
        "id,prompt\na,a room\nb,a corridor\nc,a room with a ball\n",
    )
    .expect("write");
    director(&["run"])
        .arg(&manifest)
        .arg("--out")
        .arg(folder.join("run"))
        .args(TINY)
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts")
}

use super::fake::journal;

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(child.id().to_string())
        .status();
    assert!(status.expect("kill").success());
}

/// Waits until the run has finished a step, so that the signal comes in its middle.
fn in_the_middle(folder: &Path) {
    let journal = folder.join("run/journal.jsonl");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !std::fs::read_to_string(&journal).is_ok_and(|j| j.contains("step_done")) {
        assert!(Instant::now() < deadline, "no step was done");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_signal_saves_and_leaves_with_130_and_the_same_command_goes_on() {
    for name in ["TERM", "INT"] {
        let folder = tempfile::tempdir().expect("tempdir");
        let child = start(folder.path());
        in_the_middle(folder.path());
        let asked = Instant::now();
        signal(&child, name);
        let output = child.wait_with_output().expect("ends");
        let took = asked.elapsed();
        println!("left {:.2} s after SIG{name}", took.as_secs_f64());
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(130), "{text}");
        assert!(text.contains("the same command again goes on"), "{text}");
        assert!(took < Duration::from_secs(20), "{took:?}");
        let output = start(folder.path()).wait_with_output().expect("ends");
        assert_eq!(output.status.code(), Some(0));
        let mut done = BTreeSet::new();
        for event in journal(&folder.path().join("run")) {
            if event["event"] == "step_done" {
                let step = format!("{} {} {}", event["id"], event["iteration"], event["step"]);
                assert!(done.insert(step.clone()), "{step} was done twice");
            }
        }
        assert!(done.len() > 3 * 7, "three rows were done");
        let log = std::fs::read_to_string(folder.path().join("run/director.log")).expect("log");
        assert!(
            log.contains("stopping on a signal") && log.contains("run ended"),
            "{log}"
        );
    }
}

#[test]
fn a_second_signal_leaves_at_once() {
    let folder = tempfile::tempdir().expect("tempdir");
    let mut child = start(folder.path());
    in_the_middle(folder.path());
    signal(&child, "INT");
    signal(&child, "INT");
    let status = child.wait().expect("ends");
    assert_eq!(status.code(), Some(130));
}

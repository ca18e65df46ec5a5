//! Disks that are full or cannot be written. A small file system of its own is mounted where the machine lets us.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::cli::{TINY, director};

struct Mount(PathBuf);

impl Mount {
    /// A file system of `size` in memory; `None` where this user may not mount one.
    fn new(folder: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(folder).expect("folder");
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o"])
            .arg(format!("size={size}"))
            .args(["tmpfs"])
            .arg(folder)
            .output()
            .ok()?
            .status;
        status.success().then(|| Self(folder.to_owned()))
    }
    fn read_only(&self) {
        let status = Command::new("mount")
            .args(["-o", "remount,ro"])
            .arg(&self.0)
            .status();
        assert!(status.expect("mount").success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn run(manifest: &Path, out: &Path) -> Output {
    director(&["run"])
        .arg(manifest)
        .arg("--out")
        .arg(out)
        .args(["--max-iterations", "1"])
        .args(TINY)
        .output()
        .expect("starts")
}

fn rows(folder: &Path, n: usize) -> PathBuf {
    let path = folder.join("m.csv");
    let rows: String = (0..n).map(|i| format!("r{i},a room,{i}\n")).collect();
    std::fs::write(&path, format!("id,prompt,seed\n{rows}")).expect("write");
    path
}

/// Every file under `prompts` that has its final name, checked against its step's record.
fn assert_whole(root: &Path) -> usize {
    let mut steps = 0;
    for record in glob::glob(&format!("{}/prompts/*/*/steps/*.json", root.display()))
        .expect("pattern")
        .flatten()
    {
        let text = std::fs::read_to_string(&record).expect("record");
        let record_json: serde_json::Value = serde_json::from_str(&text).expect("whole record");
        for artifact in record_json["artifacts"].as_array().expect("artifacts") {
            let name = artifact["path"].as_str().expect("path");
            let home = record.parent().and_then(Path::parent).expect("home");
            let size = home.join(name).metadata().expect("there").len();
            assert_eq!(Some(size), artifact["bytes"].as_u64(), "{name}");
        }
        steps += 1;
    }
    steps
}

#[test]
fn a_full_disk_stops_the_run_in_words_and_the_same_command_goes_on() {
    let folder = tempfile::tempdir().expect("tempdir");
    let manifest = rows(folder.path(), 4);
    let disk = folder.path().join("disk");
    let Some(mount) = Mount::new(&disk, "2m") else {
        eprintln!("skipped: this user may not mount a file system");
        return;
    };
    let out = disk.join("run");
    let output = run(&manifest, &out);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(
        text.contains("is the disk full?") && text.contains("No space left"),
        "{text}"
    );
    assert!(!text.contains("panicked"), "{text}");
    let done = assert_whole(&out);
    assert!(done > 0, "something was done before the disk was full");
    let grown = Command::new("mount")
        .args(["-o", "remount,size=200m"])
        .arg(&disk)
        .status();
    assert!(grown.expect("mount").success());
    let output = run(&manifest, &out);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(assert_whole(&out) > done);
    drop(mount);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().expect("tempdir");
    let manifest = rows(folder.path(), 1);
    let disk = folder.path().join("disk");
    let Some(mount) = Mount::new(&disk, "1m") else {
        eprintln!("skipped: this user may not mount a file system");
        return;
    };
    mount.read_only();
    let output = run(&manifest, &disk.join("run"));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(
        text.contains("Read-only") && text.contains("--out"),
        "{text}"
    );
}

//! What evaluations share that take one case after the other: lines that are kept, and stages that are run quietly.

use std::path::Path;

use anyhow::{Context, bail};
use serde::de::DeserializeOwned;

use crate::monitor::Monitor;

/// Passes the stop on, and keeps the progress of the stages to itself. Warnings of single takes are no news here.
pub(super) struct Quiet<'a>(pub &'a dyn Monitor);

impl Monitor for Quiet<'_> {
    fn warn(&self, message: &str) {
        tracing::debug!("{message}");
    }
    fn stopped(&self) -> bool {
        self.0.stopped()
    }
}

/// The lines of an earlier run, whose results (the files `done`, which say nothing of a run that goes on) are removed; none where there is no file. Those that cannot be read, such as a last one that was cut off,
/// are told and left out.
///
/// # Errors
/// A file that cannot be read, and lines that are there although the run does not `resume`.
pub(super) fn lines<T: DeserializeOwned>(
    path: &Path,
    resume: bool,
    done: &[&str],
    monitor: &dyn Monitor,
) -> anyhow::Result<Vec<T>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let lines: Vec<T> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let all = text.lines().filter(|l| !l.trim().is_empty()).count();
    // Also where none of them can be read: they may be of another version.
    if !resume && all > 0 {
        bail!(
            "{}: an evaluation of {all} cases is here; --resume goes on with it, or name another folder",
            path.display(),
        );
    }
    let torn = all - lines.len();
    if torn > 0 {
        monitor.warn(&format!(
            "{}: lines that cannot be read and are made again: {torn}",
            path.display()
        ));
    }
    for done in done {
        match std::fs::remove_file(path.with_file_name(done)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("{}: {done}", path.display()));
            }
            _ => {}
        }
    }
    Ok(lines)
}

/// Passes the stop and warnings on, and keeps the progress of the stages to itself.
pub(super) struct Muted<'a>(pub &'a dyn Monitor);

impl Monitor for Muted<'_> {
    fn warn(&self, message: &str) {
        self.0.warn(message);
    }
    fn stopped(&self) -> bool {
        self.0.stopped()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::Silent;

    const DONE: [&str; 1] = ["summary.json"];

    #[test]
    fn results_of_an_earlier_run_go_once_its_lines_are_gone_on_from() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cases.jsonl");
        let summary = folder.path().join("summary.json");
        for file in [&path, &summary] {
            std::fs::write(file, "1\n2\ntorn").expect("a file");
        }
        assert!(lines::<u32>(&path, false, &DONE, &Silent).is_err());
        assert!(summary.is_file());
        assert_eq!(
            lines::<u32>(&path, true, &DONE, &Silent).expect("lines"),
            [1, 2]
        );
        assert!(path.is_file() && !summary.exists());
        // Lines of another version are not written over either.
        std::fs::write(&path, "torn\n").expect("a file");
        assert!(lines::<u32>(&path, false, &DONE, &Silent).is_err());
        assert!(
            lines::<u32>(&path, true, &DONE, &Silent)
                .expect("lines")
                .is_empty()
        );
        std::fs::write(&path, "\n").expect("a file");
        assert!(
            lines::<u32>(&path, false, &DONE, &Silent)
                .expect("none")
                .is_empty()
        );
    }
}

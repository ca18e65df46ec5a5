//! A batch: every row of a manifest through the walk, failures recorded, the rest going on.

pub mod signals;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::event::{Event, Listener};
use crate::manifest::{self, Prompt};
use crate::pipeline::{self, Config, Failure, Outcome, RowResult, Walk, WalkError};
use crate::store::{self, Run, StoreError};

/// How a batch ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct BatchResult {
    /// Rows with a world that agents accepted.
    pub accepted: usize,
    /// Rows with a world and faults left.
    pub limit: usize,
    /// Rows without a world, with the reason.
    pub refused: usize,
    /// Rows with an error.
    pub failed: usize,
    /// Rows not tried since a signal came.
    pub left: usize,
    /// A signal came.
    pub interrupted: bool,
}

impl BatchResult {
    /// Exit code of the design: 0 all done, 1 some rows failed, 130 interrupted.
    pub fn exit_code(&self) -> u8 {
        match (self.interrupted, self.failed) {
            (true, _) => signals::INTERRUPTED,
            (false, 0) => 0,
            (false, _) => 1,
        }
    }
}

/// Runs all rows of `rows` in the run folder `root`; what is done is skipped, what was killed is finished.
///
/// # Errors
/// When no row could be tried: the run folder cannot be used, there is no GPU driver, the depth network is missing
/// or broken. A row's error is its recorded failure.
pub fn batch(
    root: &Path,
    manifest: &Path,
    rows: &[Prompt],
    config: &Config,
    listener: &dyn Listener,
    stop: &AtomicBool,
) -> anyhow::Result<BatchResult> {
    let run = Run::open(root)?;
    let mut walk = Walk::new(config, &run, listener, stop);
    walk.prepare()?;
    save_inputs(root, manifest, config)?;
    run.journal().append(
        "start",
        json!({"rows": rows.len(), "version": env!("CARGO_PKG_VERSION")}),
    )?;
    listener.on(&Event::RunStarted { rows: rows.len() });
    let mut result = BatchResult::default();
    for (index, row) in rows.iter().enumerate() {
        if stop.load(Ordering::Relaxed) {
            result.interrupted = true;
            result.left = rows.len() - index;
            break;
        }
        listener.on(&Event::RowStarted { id: &row.id, index });
        let outcome = match walk.row(row) {
            Ok(done) => {
                done.save(root)?;
                done
            }
            Err(WalkError {
                step: _,
                error: pipeline::Stop::Interrupted,
            }) => {
                result.interrupted = true;
                result.left = rows.len() - index;
                break;
            }
            Err(WalkError {
                step,
                error: pipeline::Stop::Failed(error),
            }) => {
                let failed = failed(root, row, &step, &error);
                failed.save(root)?;
                run.journal().append(
                    "failure",
                    json!({"id": row.id, "step": step, "error": format!("{error:#}"),
                           "attempts": failed.failure.as_ref().map(|f| f.attempts)}),
                )?;
                failed
            }
        };
        match outcome.outcome {
            Outcome::Accepted => result.accepted += 1,
            Outcome::Limit => result.limit += 1,
            Outcome::Refused => result.refused += 1,
            Outcome::Failed => result.failed += 1,
        }
        run.journal().append(
            "row",
            json!({"id": row.id, "outcome": outcome.outcome.name()}),
        )?;
        listener.on(&Event::RowDone {
            id: &row.id,
            outcome: outcome.outcome.name(),
            summary: &outcome.summary,
        });
    }
    run.journal().append(
        "end",
        json!({"interrupted": result.interrupted, "failed": result.failed}),
    )?;
    Ok(result)
}

/// Keeps the resolved configuration and the manifest's copy in the run.
fn save_inputs(root: &Path, manifest: &Path, config: &Config) -> Result<(), StoreError> {
    let path = root.join("run.toml");
    if let Ok(text) = std::fs::read_to_string(&path)
        && let Some(found) = text
            .parse::<toml::Table>()
            .ok()
            .and_then(|t| t.get("format").and_then(toml::Value::as_integer))
        && found > i64::from(store::FORMAT)
    {
        return Err(StoreError::Newer {
            path,
            found: found as u32,
        });
    }
    let text = toml::to_string_pretty(config).map_err(|e| StoreError::io(&path, e))?;
    store::write_atomic(&path, text.as_bytes())?;
    let bytes = std::fs::read(manifest).map_err(|e| StoreError::io(manifest, e))?;
    store::write_atomic(&manifest_copy(root, manifest), &bytes)
}

/// Where a run keeps its manifest.
fn manifest_copy(root: &Path, manifest: &Path) -> PathBuf {
    let jsonl = manifest
        .extension()
        .and_then(|e| e.to_str())
        .is_some_and(|e| ["jsonl", "ndjson"].contains(&e));
    root.join(if jsonl {
        "manifest.jsonl"
    } else {
        "manifest.csv"
    })
}

/// The rows of a run, from its manifest's copy.
///
/// # Errors
/// [`StoreError::Missing`] when `root` is no run folder, [`StoreError::Broken`] when the copy does not parse.
pub fn rows(root: &Path) -> Result<Vec<Prompt>, StoreError> {
    if !root.join("run.toml").exists() {
        return Err(StoreError::Missing(root.to_owned()));
    }
    let copy = ["manifest.csv", "manifest.jsonl"]
        .map(|n| root.join(n))
        .into_iter()
        .find(|p| p.exists());
    let copy = copy.ok_or_else(|| StoreError::Missing(root.to_owned()))?;
    let manifest = manifest::read(&copy).map_err(|e| StoreError::Broken {
        path: copy.clone(),
        reason: e.to_string(),
    })?;
    Ok(manifest.rows)
}

fn failed(root: &Path, row: &Prompt, step: &str, error: &anyhow::Error) -> RowResult {
    let before = RowResult::load(root, &row.id)
        .ok()
        .and_then(|r| r.failure)
        .map_or(0, |f| f.attempts);
    let text = format!("{error:#}");
    RowResult {
        format: store::FORMAT,
        row: row.clone(),
        outcome: Outcome::Failed,
        summary: format!("{step}: {text}"),
        iterations: Vec::new(),
        failure: Some(Failure {
            step: step.to_owned(),
            error: text,
            attempts: before + 1,
            mend: "mend the cause and run the same command again; what is done is kept".to_owned(),
        }),
    }
}
